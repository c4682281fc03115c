"""What decorators ask for that a local run does not give, in words for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.kubernetes.pod import secret_names

if TYPE_CHECKING:
    from flowc_compiler.ir import ContainerSpec, Flow


def left_out(flow: Flow) -> list[str]:
    """One line for each kind. Resources, placement and images are for other machines: that goes without saying."""
    notes: list[str] = []
    packages = [step.name for step in flow.steps if (spec := step.specs.dependencies) and spec.needed]
    if packages:
        notes.append(f"packages of @conda and @pypi are not installed: {_steps(packages)} in the Python of this run")
    secrets = [step.name for step in flow.steps if secret_names(step.specs)]
    if secrets:
        notes.append(f"Kubernetes Secrets are not read: {_steps(secrets)} with the variables of this shell")
    config_maps = [step.name for step in flow.steps if step.specs.container and step.specs.container.config_maps]
    if config_maps:
        notes.append(f"ConfigMaps are not read: {_steps(config_maps)} with the variables of this shell")
    mounting = [step.name for step in flow.steps if step.specs.container and _mounts(step.specs.container)]
    if mounting:
        notes.append(f"claims, Secrets and ConfigMaps are not mounted: {_steps(mounting)} with the files that are here")
    return notes


def _mounts(container: ContainerSpec) -> bool:
    """Whether a step would find files of others in its pod."""
    return bool(
        container.persistent_volume_claims
        or container.secret_volumes
        or container.config_map_volumes
        or container.host_volumes
    )


def _steps(names: list[str]) -> str:
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"{listed} {'runs' if len(names) == 1 else 'run'}"
