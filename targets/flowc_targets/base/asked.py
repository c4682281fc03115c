"""What the specs of a step ask of its pod, where every target on Kubernetes says the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs


def pod_variables(specs: StepSpecs) -> dict[str, str]:
    """The environment variables that a step asks for, by `@environment` and by what needs one."""
    container = specs.container
    variables: dict[str, str] = {}
    if container is not None and container.tmpfs is not None and container.tmpfs.tempdir:
        variables["TMPDIR"] = container.tmpfs.path
    if container is not None and container.hostname_resolution_timeout is not None:
        variables["FLOWC_GANG_TIMEOUT"] = str(container.hostname_resolution_timeout)
    if specs.environment is not None:
        variables.update(specs.environment.variables)
    return variables


def secret_names(specs: StepSpecs) -> tuple[str, ...]:
    """The Kubernetes Secrets whose keys become environment variables, each once."""
    names = specs.container.secrets if specs.container is not None else ()
    sources = specs.secrets.sources if specs.secrets is not None else ()
    return tuple(dict.fromkeys((*names, *(source.id for source in sources if source.type == "kubernetes"))))


def config_map_names(specs: StepSpecs) -> tuple[str, ...]:
    """The ConfigMaps whose keys become environment variables, each once."""
    return tuple(dict.fromkeys(specs.container.config_maps)) if specs.container is not None else ()


def requests(specs: StepSpecs) -> dict[str, str]:
    """Resource requests as Kubernetes writes them, extended resources apart."""
    spec = specs.resources
    return {} if spec is None else _amounts(spec.cpu, spec.memory_mb, spec.disk_mb)


def limits(specs: StepSpecs, qos: str = "burstable") -> dict[str, str]:
    """Limits, extended resources apart: those that a step names, and of the rest its requests where that is wanted."""
    spec = specs.resources
    if spec is None:
        return {}
    named = _amounts(spec.cpu_limit, spec.memory_limit_mb, spec.disk_limit_mb)
    return {**requests(specs), **named} if is_guaranteed(specs, qos) else named


def _amounts(cpu: float | None, memory_mb: int | None, disk_mb: int | None) -> dict[str, str]:
    asked: dict[str, str] = {}
    if cpu is not None:
        asked["cpu"] = f"{cpu:g}"
    if memory_mb is not None:
        asked["memory"] = f"{memory_mb}Mi"
    if disk_mb is not None:
        asked["ephemeral-storage"] = f"{disk_mb}Mi"
    return asked


def extended(specs: StepSpecs) -> dict[str, str]:
    """Extended resources, which Kubernetes wants as requests and as limits."""
    return dict(specs.resources.extended) if specs.resources is not None else {}


def is_guaranteed(specs: StepSpecs, default: str = "burstable") -> bool:
    """Whether the step's requests are to be its limits."""
    return ((specs.container.qos if specs.container is not None else None) or default) == "guaranteed"
