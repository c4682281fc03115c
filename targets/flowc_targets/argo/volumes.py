"""The volumes of a step's pod: claims, folders of the node, and file systems in memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowc_targets.argo.objects import ClaimRef, EmptyDir, HostPath, Volume, VolumeMount

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs


def step_volumes(specs: StepSpecs) -> tuple[tuple[Volume, ...], tuple[VolumeMount, ...]]:
    """The volumes that a step asks for, and where its container mounts them."""
    container, resources = specs.container, specs.resources
    found: list[tuple[Volume, str]] = []
    for claim, path in (container.persistent_volume_claims if container else {}).items():
        name = f"pvc-{re.sub(r'[^a-z0-9-]', '-', claim)[:50]}"
        found.append((Volume(name=name, persistent_volume_claim=ClaimRef(claim_name=claim)), path))
    for number, (folder, path) in enumerate((container.host_volumes if container else {}).items()):
        found.append((Volume(name=f"host-{number}", host_path=HostPath(path=folder)), path))
    if resources is not None and resources.shared_memory_mb is not None:
        memory = EmptyDir(size_limit=f"{resources.shared_memory_mb}Mi")
        found.append((Volume(name="shm", empty_dir=memory), "/dev/shm"))  # noqa: S108 (the pod's own)
    if container is not None and container.tmpfs is not None:
        memory = EmptyDir(size_limit=f"{container.tmpfs.size_mb}Mi")
        found.append((Volume(name="tmpfs", empty_dir=memory), container.tmpfs.path))
    mounts = tuple(VolumeMount(name=volume.name, mount_path=path) for volume, path in found)
    return tuple(volume for volume, _ in found), mounts
