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


def requests(specs: StepSpecs) -> dict[str, str]:
    """Resource requests as Kubernetes writes them, extended resources apart."""
    spec = specs.resources
    asked: dict[str, str] = {}
    if spec is not None and spec.cpu is not None:
        asked["cpu"] = f"{spec.cpu:g}"
    if spec is not None and spec.memory_mb is not None:
        asked["memory"] = f"{spec.memory_mb}Mi"
    if spec is not None and spec.disk_mb is not None:
        asked["ephemeral-storage"] = f"{spec.disk_mb}Mi"
    return asked


def extended(specs: StepSpecs) -> dict[str, str]:
    """Extended resources, which Kubernetes wants as requests and as limits."""
    return dict(specs.resources.extended) if specs.resources is not None else {}


def is_guaranteed(specs: StepSpecs, default: str = "burstable") -> bool:
    """Whether the step's requests are to be its limits."""
    return ((specs.container.qos if specs.container is not None else None) or default) == "guaranteed"
