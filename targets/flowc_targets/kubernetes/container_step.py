"""The pod of a step with `@container`: the step's own container, and the shim's before and after it, with one volume.

The one before fills the files in, and the one after stores what the step's has left there. Which of them are init
containers is the engine's choice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from flowc.protocol import env_names
from flowc.protocol.container import COMMAND, FOLDER, INPUTS, OUTPUTS, SCRIPT, VALUES, filled, placeholders
from flowc_compiler.ir.manifest_schema import CODE_VOLUME, MAIN
from flowc_targets.kubernetes.objects import EmptyDirVolumeSource, EnvVar, Volume, VolumeMount

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowc_compiler.ir import CommandSpec
    from flowc_targets.kubernetes.objects import Container

VOLUME = Volume(name="flowc-files", empty_dir=EmptyDirVolumeSource())
"""The volume of the files."""
MOUNT = VolumeMount(name=VOLUME.name, mount_path=FOLDER)
"""Where all three containers have it."""
SHELL = "/bin/sh"
"""What runs the script in the step's own container."""


class CommandWords(NamedTuple):
    """What the step's own container does."""

    words: tuple[str, ...]
    variables: dict[str, str]
    scripted: bool
    """Whether a shell runs what the shim has written: a value that is in it is known when the step runs."""


def command_words(spec: CommandSpec, may_be_literal: Callable[[str], bool] = bool) -> CommandWords:
    """The words and variables of the step's own container, with the paths of its files.

    `may_be_literal` says whether an engine leaves a text alone; an empty one always may stand there.
    """
    plan = spec.planned
    words = tuple(filled(word, plan, FOLDER) for word in spec.command)
    variables = {name: filled(text, plan, FOLDER) for name, text in spec.env.items()}
    scripted = any(kind == VALUES for kind, _ in placeholders(plan))
    if scripted or not all(not text or may_be_literal(text) for text in (*words, *variables.values())):
        return CommandWords((SHELL, COMMAND), {}, scripted=True)
    return CommandWords(words, variables, scripted=False)


class PodContainers(NamedTuple):
    """The containers of a step's pod, in the order in which they run."""

    inputs: Container
    main: Container
    outputs: Container


def pod_containers(
    shim: Container,
    spec: CommandSpec,
    may_be_literal: Callable[[str], bool],
    escaped: Callable[[str], str],
) -> PodContainers:
    """The containers of a step that would have the one container `shim`, if it ran Python.

    `escaped` is a text that Kubernetes is not to expand. The volume is mounted in none of them yet.
    """
    found = command_words(spec, may_be_literal)
    own = [variable for variable in shim.env if not variable.name.startswith(env_names.PREFIX)]
    own = [variable for variable in own if variable.name not in found.variables]
    own += [EnvVar(name=name, value=escaped(text)) for name, text in found.variables.items()]
    mounts = tuple(mount for mount in shim.volume_mounts if mount.name != CODE_VOLUME)
    main = shim.replace(
        name=MAIN,
        image=spec.image or shim.image,
        command=tuple(map(escaped, found.words)),
        args=(),
        env=tuple(own),
        volume_mounts=mounts,
    )
    bare = shim.replace(resources=None, ports=())

    def part(name: str, does: str) -> Container:
        return bare.replace(name=name, env=(*bare.env, EnvVar(name=env_names.CONTAINER_PART, value=does)))

    return PodContainers(part("inputs", SCRIPT if found.scripted else INPUTS), main, part("outputs", OUTPUTS))
