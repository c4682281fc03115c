"""ZenML's settings of pods, and what flowc's own arguments say of a pod, to specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.argument_types import kubernetes_cpu, kubernetes_memory
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import Security, check_name, reading
from flowc_compiler.frontend.pipelines.settings.models import OrchestratorFields, PodFields
from flowc_compiler.frontend.pipelines.settings.tree import Place, texts
from flowc_compiler.ir import SecurityContext
from flowc_compiler.ir.kubernetes import camel

_GPU = ".com/gpu"
_SOURCES = {"secret_ref": "secretRef", "config_map_ref": "configMapRef"}


@dataclass
class PodRequests:
    """What the resources of a pod ask for."""

    cpu: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpus: int | None = None
    vendor: str = "nvidia"
    extended: dict[str, str] = field(default_factory=dict[str, str])
    cpu_limit: float | None = None
    memory_limit_mb: int | None = None
    disk_limit_mb: int | None = None
    guaranteed: bool = False


def pod_requests(pod: PodFields, place: Place | None, sink: DiagnosticSink) -> PodRequests:
    """Requests, or limits where nothing is requested, as in Kubernetes; and limits that are not the requests."""
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
            if name in limits:
                _limit(found, name, limits[name])
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
    if found.guaranteed:
        found.cpu_limit = found.memory_limit_mb = None
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


def _limit(found: PodRequests, name: str, amount: object) -> None:
    match name:
        case "cpu":
            found.cpu_limit = kubernetes_cpu(amount)
        case "memory":
            found.memory_limit_mb = kubernetes_memory(amount)
        case "ephemeral-storage":
            found.disk_limit_mb = kubernetes_memory(amount)
        case _:
            pass  # GPUs and other extended resources are requested and limited alike


class PodEnvironment(NamedTuple):
    """Variables of a pod's container, and the Secrets and ConfigMaps whose keys become variables."""

    variables: dict[str, str]
    secrets: tuple[str, ...]
    config_maps: tuple[str, ...]


def pod_environment(pod: PodFields, place: Place | None, sink: DiagnosticSink) -> PodEnvironment:
    """What a pod says of variables. Other sources of them are FC411."""
    variables: dict[str, str] = {}
    for item in pod.env:
        value = item.get("value", "")
        if set(item) <= {"name", "value"} and isinstance(item.get("name"), str) and isinstance(value, str):
            variables[item["name"]] = value
        else:
            _refuse(
                "env", "give a name and a text, or secrets=['name'] for the keys of a Kubernetes Secret", place, sink
            )
    names: dict[str, list[str]] = {"secretRef": [], "configMapRef": []}
    for item in pod.env_from:
        kind = next((_SOURCES.get(key, key) for key in item), "")
        name = texts(next(iter(item.values()), None)).get("name")
        if kind in names and isinstance(name, str) and len(item) == 1:
            names[kind].append(name)
        else:
            _refuse("env_from", "name Secrets and ConfigMaps, or give variables with environment={...}", place, sink)
    return PodEnvironment(variables, tuple(names["secretRef"]), tuple(names["configMapRef"]))


class PodMore(NamedTuple):
    """What a pod's further fields say."""

    priority_class: str | None
    security: Security | None


def pod_more(pod: PodFields, place: Place | None, sink: DiagnosticSink) -> PodMore:
    """`additional_pod_spec_args`: a priority class, and security of the pod. Others are FC411."""
    given = {camel(name): value for name, value in pod.additional_pod_spec_args.items() if value is not None}
    priority = given.pop("priorityClassName", None)
    context = given.pop("securityContext", None)
    security: Security | None = None
    try:
        security = reading(Security)(context)
        if priority is not None:
            priority = check_name(priority) if isinstance(priority, str) else None
    except ValueError as error:
        sink.error("FC404", f"`additional_pod_spec_args`: {error}", place() if place is not None else None,
                   help="write it as Kubernetes does")  # fmt: skip
    for name in given:
        _refuse(f"additional_pod_spec_args[{name!r}]", "there are priorityClassName and securityContext", place, sink)
    return PodMore(priority, security)


def security_context(pod: PodFields, more: PodMore, orchestrator: OrchestratorFields) -> SecurityContext | None:
    """The container's security context: what is said of it, then what is said of the pod."""
    weak, strong = more.security.container() if more.security else None, pod.container_security_context
    said = {name: value for one in (weak, strong) if one is not None for name, value in one if value is not None}
    if orchestrator.privileged:
        said["privileged"] = True
    return SecurityContext.model_validate(said) if said else strong


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
