"""ZenML's settings of pods, and what flowc's own arguments say of a pod, to specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.settings.models import OrchestratorFields, PodFields
from flowc_compiler.frontend.pipelines.settings.tree import Place, texts
from flowc_compiler.frontend.pipelines.settings.units import kubernetes_cpu, kubernetes_memory
from flowc_compiler.ir import SecurityContext

_GPU = ".com/gpu"


@dataclass
class PodRequests:
    """What the resources of a pod ask for."""

    cpu: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpus: int | None = None
    vendor: str = "nvidia"
    extended: dict[str, str] = field(default_factory=dict[str, str])
    guaranteed: bool = False


def pod_requests(pod: PodFields, place: Place | None, sink: DiagnosticSink) -> PodRequests:
    """Requests, or limits where nothing is requested, as in Kubernetes. Other limits of CPU and memory are FC410."""
    asked = pod.resources.get("requests", {})
    limits = pod.resources.get("limits", {})
    found = PodRequests()
    unknown = sorted(set(pod.resources) - {"requests", "limits"})
    if unknown:
        sink.error(
            "FC404",
            f"resources of a pod have no {unknown[0]}",
            place() if place is not None else None,
            help="there are requests and limits",
        )
    for name, amount in {**limits, **asked}.items():
        try:
            _request(found, name, amount)
        except ValueError as error:
            sink.error(
                "FC404",
                f"resources of a pod: {error}",
                place() if place is not None else None,
                help="write it as Kubernetes does",
            )
    plain = [name for name in ("cpu", "memory") if name in limits]
    same = all(limits[name] == asked.get(name, limits[name]) for name in plain)
    found.guaranteed = len(plain) == 2 and same
    if plain and not found.guaranteed:
        sink.warning(
            "FC410", "limits of a pod's CPU and memory do nothing here", place() if place is not None else None,
            help="a step may use what its node has to spare; limits that equal the requests of both are kept",
        )  # fmt: skip
    return found


def _request(found: PodRequests, name: str, amount: object) -> None:
    match name:
        case "cpu":
            found.cpu = kubernetes_cpu(amount)
        case "memory":
            found.memory_mb = kubernetes_memory(amount)
        case "ephemeral-storage":
            found.disk_mb = kubernetes_memory(amount)
        case _ if name.endswith(_GPU) and str(amount).isdigit():
            found.gpus, found.vendor = int(str(amount)), name.removesuffix(_GPU)
        case _:
            found.extended[name] = str(amount)


def pod_environment(
    pod: PodFields, place: Place | None, sink: DiagnosticSink
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Variables of a pod's container, and the Secrets whose keys become variables. Other sources are FC411."""
    variables: dict[str, str] = {}
    for item in pod.env:
        value = item.get("value", "")
        if set(item) <= {"name", "value"} and isinstance(item.get("name"), str) and isinstance(value, str):
            variables[item["name"]] = value
        else:
            _refuse(
                "env", "give a name and a text, or secrets=['name'] for the keys of a Kubernetes Secret", place, sink
            )
    secrets: list[str] = []
    for item in pod.env_from:
        name = texts(item.get("secretRef", item.get("secret_ref"))).get("name")
        if len(item) == 1 and isinstance(name, str):
            secrets.append(name)
        else:
            _refuse("env_from", "name Kubernetes Secrets, or give the variables with environment={...}", place, sink)
    return variables, tuple(secrets)


def security_context(pod: PodFields, orchestrator: OrchestratorFields) -> SecurityContext | None:
    """The container's security context."""
    context = pod.container_security_context
    if not orchestrator.privileged:
        return context
    return (context or SecurityContext()).model_copy(update={"privileged": True})


def first(*amounts: Any) -> Any:
    """The first that is given; `None` where none is."""
    return next((amount for amount in amounts if amount is not None), None)


def joined(*mappings: Mapping[str, str]) -> dict[str, str]:
    """Mappings as one, the later ones stronger."""
    return {key: value for mapping in mappings for key, value in mapping.items()}


def _refuse(name: str, help_text: str, place: Place | None, sink: DiagnosticSink) -> None:
    sink.error(
        "FC411",
        f"flowc cannot express this `{name}` of KubernetesPodSettings",
        place() if place is not None else None,
        help=help_text,
    )
