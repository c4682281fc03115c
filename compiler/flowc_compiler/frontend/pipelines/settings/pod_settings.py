"""ZenML's settings of pods, and what flowc's own arguments say of a pod, to specs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.argument_types import kubernetes_cpu, kubernetes_memory
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import Security, check_name, reading
from flowc_compiler.frontend.pipelines.settings.settings_models import OrchestratorFields, PodFields
from flowc_compiler.frontend.pipelines.settings.settings_tree import texts
from flowc_compiler.ir import SecurityContext, TmpfsSpec
from flowc_compiler.ir.kubernetes import camel
from flowc_compiler.source import Span

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


def pod_requests(pod: PodFields, span: Span | None, sink: DiagnosticSink) -> PodRequests:
    """Requests, or limits where nothing is requested, as in Kubernetes; and limits that are not the requests."""
    asked = pod.resources.get("requests", {})
    limits = pod.resources.get("limits", {})
    found = PodRequests()
    unknown = sorted(set(pod.resources) - {"requests", "limits"})
    if unknown:
        sink.error(
            "FC404",
            f"resources of a pod have no {unknown[0]}",
            span,
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
                span,
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


def pod_environment(pod: PodFields, span: Span | None, sink: DiagnosticSink) -> PodEnvironment:
    """What a pod says of variables. Other sources of them are FC411."""
    variables: dict[str, str] = {}
    for item in pod.env:
        value = item.get("value", "")
        if set(item) <= {"name", "value"} and isinstance(item.get("name"), str) and isinstance(value, str):
            variables[item["name"]] = value
        else:
            _refuse(
                "env", "give a name and a text, or secrets=['name'] for the keys of a Kubernetes Secret", span, sink
            )
    names: dict[str, list[str]] = {"secretRef": [], "configMapRef": []}
    for item in pod.env_from:
        kind = next((_SOURCES.get(key, key) for key in item), "")
        name = texts(next(iter(item.values()), None)).get("name")
        if kind in names and isinstance(name, str) and len(item) == 1:
            names[kind].append(name)
        else:
            _refuse("env_from", "name Secrets and ConfigMaps, or give variables with environment={...}", span, sink)
    return PodEnvironment(variables, tuple(names["secretRef"]), tuple(names["configMapRef"]))


class PodMore(NamedTuple):
    """What a pod's further fields say."""

    priority_class: str | None
    security: Security | None


def pod_more(pod: PodFields, span: Span | None, sink: DiagnosticSink) -> PodMore:
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
        sink.error("FC404", f"`additional_pod_spec_args`: {error}", span,
                   help="write it as Kubernetes does")  # fmt: skip
    for name in given:
        _refuse(f"additional_pod_spec_args[{name!r}]", "there are priorityClassName and securityContext", span, sink)
    return PodMore(priority, security)


def security_context(pod: PodFields, more: PodMore, orchestrator: OrchestratorFields) -> SecurityContext | None:
    """The container's security context: its own fields, then those of the pod."""
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


def _refuse(name: str, help_text: str, span: Span | None, sink: DiagnosticSink) -> None:
    sink.error(
        "FC411",
        f"flowc cannot express this `{name}` of KubernetesPodSettings",
        span,
        help=help_text,
    )


_SHARED_MEMORY = "/dev/shm"  # noqa: S108 (the pod's own)
_WAY_OUT = "flowc mounts claims, Secrets, ConfigMaps and folders of the node, each whole and once, and memory of a size"


class _InexpressibleError(Exception):
    """Why a volume is not one that flowc has."""


@dataclass
class PodVolumes:
    """The volumes by what they are."""

    claims: dict[str, str] = field(default_factory=dict[str, str])
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    config_maps: dict[str, str] = field(default_factory=dict[str, str])
    hosts: dict[str, str] = field(default_factory=dict[str, str])
    shared_memory_mb: int | None = None
    tmpfs: TmpfsSpec | None = None


def pod_volumes(pod: PodFields, span: Span | None, sink: DiagnosticSink) -> PodVolumes:
    """The volumes of a pod, each with the folder that it is mounted at. What flowc has no words for is FC411."""
    found = PodVolumes()
    paths: dict[str, list[dict[str, Any]]] = {}
    for item in pod.volume_mounts:
        paths.setdefault(str(item.get("name")), []).append(item)
    for item in pod.volumes:
        name = str(item.get("name"))
        try:
            _add(found, item, paths.pop(name, []))
        except (_InexpressibleError, ValueError) as reason:
            _refuse_volume(f"the volume {name!r}: {reason}", span, sink)
    for name in paths:
        _refuse_volume(f"the mount of {name!r}: there is no such volume", span, sink)
    return found


def _add(found: PodVolumes, volume: Mapping[str, object], mounts: list[dict[str, Any]]) -> None:
    if len(mounts) != 1:
        raise _InexpressibleError("it is mounted several times" if mounts else "it is mounted nowhere")
    (mount,) = mounts
    path = _one(mount, "mount_path")
    sources = {key: texts(value) for key, value in volume.items() if key != "name"}
    if len(sources) != 1 or not path:
        raise _InexpressibleError("it has no source" if path else "its mount has no path")
    ((kind, source),) = sources.items()
    # Secrets and ConfigMaps are never written to: there it goes without saying.
    plain = {"name", "mount_path", camel("mount_path")}
    silent = {"read_only", camel("read_only")} if kind in ("secret", "configMap", "config_map") else set[str]()
    others = sorted(key for key, value in mount.items() if key not in plain | silent and value)
    if others:
        raise _InexpressibleError(f"{others[0]} of its mount")
    match kind:
        case "persistentVolumeClaim" | "persistent_volume_claim":
            _put(found.claims, _only(source, "claim_name"), path)
        case "secret":
            _put(found.secrets, _only(source, "secret_name"), path)
        case "configMap" | "config_map":
            _put(found.config_maps, _only(source, "name"), path)
        case "hostPath" | "host_path":
            _put(found.hosts, _only(source, "path"), path)
        case "emptyDir" | "empty_dir":
            _put_memory(found, source, path)
        case _:
            raise _InexpressibleError(kind)


def _put_memory(found: PodVolumes, source: Mapping[str, object], path: str) -> None:
    size = source.get("sizeLimit", source.get("size_limit"))
    if source.get("medium") != "Memory" or size is None:
        raise _InexpressibleError("emptyDir, but in memory and with a size")
    if path == _SHARED_MEMORY and found.shared_memory_mb is None:
        found.shared_memory_mb = kubernetes_memory(size)
    elif path != _SHARED_MEMORY and found.tmpfs is None:
        found.tmpfs = TmpfsSpec(size_mb=kubernetes_memory(size), path=path, tempdir=False)
    else:
        raise _InexpressibleError("a second one in memory")


def _put(mounts: dict[str, str], name: str, path: str) -> None:
    if name in mounts:
        raise _InexpressibleError(f"{name!r} is mounted twice")
    mounts[name] = path


def _only(source: Mapping[str, object], name: str) -> str:
    """The one thing that a source says."""
    value = _one(source, name)
    others = sorted(key for key, item in source.items() if key not in (name, camel(name)) and item)
    if others or not value:
        raise _InexpressibleError(others[0] if others else f"it has no {camel(name)}")
    return value


def _one(mapping: Mapping[str, object], name: str) -> str:
    """A text, by its name in either spelling; nothing where there is none."""
    value = mapping.get(camel(name), mapping.get(name))
    return value if isinstance(value, str) else ""


def _refuse_volume(what: str, span: Span | None, sink: DiagnosticSink) -> None:
    sink.error("FC411", f"flowc cannot express {what} (KubernetesPodSettings)", span, help=_WAY_OUT)
