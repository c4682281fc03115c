"""The template of a step with `@container`: an init container, and a container set of the step's own and the last one.

Argo takes a set's exit code and message from the container `main`, and starts one that depends on it only if it has
succeeded. Parameters are read from the volume of the set, since `main` is another image's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc.protocol.container import ENGINE_OUTPUTS
from flowc_compiler.ir.manifest_schema import MAIN
from flowc_targets.argo.manifest_text import env_value, may_be_literal
from flowc_targets.argo.workflow_objects import ContainerSet
from flowc_targets.kubernetes.container_step import MOUNT, VOLUME, pod_containers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import CommandSpec
    from flowc_targets.argo.workflow_objects import Template


def as_container_set(template: Template, spec: CommandSpec, outputs_folder: str) -> Template:
    """The template of a step that runs a container, made of the one with its shim in the container `main`."""
    shim = template.container
    assert shim is not None
    args = tuple(ENGINE_OUTPUTS if word == outputs_folder else word for word in shim.args)
    first, main, last = pod_containers(shim.replace(args=args), spec, may_be_literal, env_value)
    first = first.replace(volume_mounts=(*first.volume_mounts, MOUNT))
    last = last.patched({"dependencies": [MAIN]})
    outputs = tuple(
        item.replace(value_from=item.value_from.replace(path=f"{ENGINE_OUTPUTS}/{item.name}"))
        if item.value_from is not None
        else item
        for item in template.outputs
    )
    return template.replace(
        container=None,
        init_containers=(first,),
        container_set=ContainerSet(containers=(main, last), volume_mounts=(MOUNT,)),
        outputs=outputs,
        volumes=(*template.volumes, VOLUME),
    )


def patch_of_set(patch: Mapping[str, Any]) -> Mapping[str, Any]:
    """A patch of a template with a `container` as one of a template whose `main` is in a container set."""
    if "container" not in patch:
        return patch
    main = {"name": MAIN, **patch["container"]}
    return {
        **{key: value for key, value in patch.items() if key != "container"},
        "containerSet": {"containers": [main]},
    }
