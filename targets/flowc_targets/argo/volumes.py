"""The volumes of a step's pod as Kubernetes writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from flowc_targets.argo.objects import ClaimRef, EmptyDir, HostPath, NameRef, SecretFiles, Volume, VolumeMount
from flowc_targets.kubernetes.volumes import step_volumes

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs
    from flowc_targets.kubernetes.volumes import StepVolume


def pod_volumes(specs: StepSpecs) -> tuple[Volume, ...]:
    """The volumes that a step asks for."""
    return tuple(_volume(item) for item in step_volumes(specs))


def mounts(specs: StepSpecs) -> tuple[VolumeMount, ...]:
    """Where the step's container has them."""
    return tuple(VolumeMount(name=item.name, mount_path=item.path) for item in step_volumes(specs))


def _volume(item: StepVolume) -> Volume:
    match item.kind:
        case "claim":
            return Volume(name=item.name, persistent_volume_claim=ClaimRef(claim_name=item.source))
        case "secret":
            return Volume(name=item.name, secret=SecretFiles(secret_name=item.source))
        case "config_map":
            return Volume(name=item.name, config_map=NameRef(name=item.source))
        case "host":
            return Volume(name=item.name, host_path=HostPath(path=item.source))
        case "memory":
            return Volume(name=item.name, empty_dir=EmptyDir(medium="Memory", size_limit=item.source))
        case "scratch":
            return Volume(name=item.name, empty_dir=EmptyDir())
        case _:
            assert_never(item.kind)
