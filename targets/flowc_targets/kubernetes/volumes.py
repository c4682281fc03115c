"""The volumes of a step's pod, in the order that every target on Kubernetes gives them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, Step, StepSpecs

SHARED_MEMORY = "/dev/shm"  # noqa: S108 (the pod's own)
SCRATCH = "/tmp"  # noqa: S108 (the pod's own)


@dataclass(frozen=True, slots=True)
class StepVolume:
    """One volume, and the folder that the step's container has it at."""

    name: str
    kind: Literal["claim", "secret", "config_map", "host", "memory", "scratch"]
    source: str
    """The claim's, Secret's or ConfigMap's name, the path on the node, the size of what is in memory, or nothing."""
    path: str


def step_volumes(specs: StepSpecs) -> tuple[StepVolume, ...]:
    """What a step asks for: claims, Secrets, ConfigMaps, folders of the node, and file systems in memory.

    A container whose own file system cannot be written to gets an empty `/tmp`: Python needs one, and so does the shim.
    """
    container, resources = specs.container, specs.resources
    found = list(_named(container)) if container is not None else []
    if resources is not None and resources.shared_memory_mb is not None:
        found.append(StepVolume("shm", "memory", f"{resources.shared_memory_mb}Mi", SHARED_MEMORY))
    if container is not None and container.tmpfs is not None:
        found.append(StepVolume("tmpfs", "memory", f"{container.tmpfs.size_mb}Mi", container.tmpfs.path))
    if _is_read_only(container) and not any(volume.path.rstrip("/") == SCRATCH for volume in found):
        found.append(StepVolume("tmp", "scratch", "", SCRATCH))
    return tuple(found)


def _named(container: ContainerSpec) -> Iterator[StepVolume]:
    for number, (claim, path) in enumerate(container.persistent_volume_claims.items()):
        yield StepVolume(f"claim-{number}", "claim", claim, path)
    for number, (secret, path) in enumerate(container.secret_volumes.items()):
        yield StepVolume(f"secret-{number}", "secret", secret, path)
    for number, (name, path) in enumerate(container.config_map_volumes.items()):
        yield StepVolume(f"config-{number}", "config_map", name, path)
    for number, (folder, path) in enumerate(container.host_volumes.items()):
        yield StepVolume(f"host-{number}", "host", folder, path)


def _is_read_only(container: ContainerSpec | None) -> bool:
    security = container.security_context if container is not None else None
    return security is not None and bool(security.read_only_root_filesystem)


def check_mounts(step: Step, taken: str, target: str, sink: DiagnosticSink) -> None:
    """Report a volume that is mounted where the code package is, in the folder `taken`."""
    container = step.specs.container
    for volume in step_volumes(step.specs):
        if container is not None and f"{volume.path.rstrip('/')}/".startswith(f"{taken}/"):
            message = f"step {step.name!r} mounts a volume at {volume.path}, where its code is"
            sink.unsupported("FC501", target, message, container.span, help="choose another folder")
