"""ZenML's settings of pods as specs of a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowc_compiler.frontend.decorators.arguments.argument_types import kubernetes_cpu, kubernetes_memory
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import (
    Security,
    check_extended,
    check_name,
    reading,
    tolerations,
)
from flowc_compiler.frontend.pipelines.settings.settings_models import OrchestratorFields, PodFields, variables_spec
from flowc_compiler.frontend.pipelines.settings.settings_tree import texts
from flowc_compiler.frontend.spec_builder import SHARED_MEMORY, Origin, some_specs
from flowc_compiler.ir import (
    AcceleratorSpec,
    ContainerSpec,
    Placement,
    ResourceSpec,
    SecurityContext,
    StepSpecs,
    TaskVariable,
    TmpfsSpec,
)
from flowc_compiler.ir.kubernetes import camel

_GPU = ".com/gpu"
_AMOUNTS = {
    "cpu": ("cpu", "cpu_limit", kubernetes_cpu),
    "memory": ("memory_mb", "memory_limit_mb", kubernetes_memory),
    "ephemeral-storage": ("disk_mb", "disk_limit_mb", kubernetes_memory),
}
"""By the name of Kubernetes, the fields of `ResourceSpec` for a request and a limit, and what reads amounts."""
_VOLUMES = {
    "persistentVolumeClaim": ("persistent_volume_claims", "claim_name"),
    "secret": ("secret_volumes", "secret_name"),
    "configMap": ("config_map_volumes", "name"),
    "hostPath": ("host_volumes", "path"),
}
"""By the kind of a volume, the field of `ContainerSpec` and the field of the volume that names what is mounted."""
_PATCH = "put @kubernetes(patch={...}) above the step"
_WAY_OUT = (
    "flowc mounts claims, Secrets, ConfigMaps and folders of the node, each whole and once, and memory of a size; "
    f"for any other volume, {_PATCH}"
)


def pod_specs(orchestrator: OrchestratorFields, pod: PodFields, whole: Origin, at: Origin) -> StepSpecs:
    """What a pod asks for; `whole` is the origin of the orchestrator's settings, `at` of the pod's among them."""
    amounts, gpus, guaranteed = _requests(pod, at)
    volumes = _Volumes(pod, at)
    priority, security = _additional_arguments(pod, at)
    return some_specs(
        resources=ResourceSpec(span=at.span, shared_memory_mb=volumes.shared_memory_mb, **amounts),
        accelerator=gpus,
        placement=Placement(
            span=at.span,
            node_selector=pod.node_selectors,
            tolerations=tolerations(pod.tolerations, at),
            affinity=pod.affinity,
        ),
        environment=variables_spec(_variables(pod, at), at),
        container=ContainerSpec(
            span=whole.span,
            image_pull_secrets=pod.image_pull_secrets,
            service_account=orchestrator.step_pod_service_account_name,
            labels=pod.labels,
            annotations=pod.annotations,
            qos="guaranteed" if guaranteed else None,
            security_context=_security_context(pod, security, orchestrator),
            pod_security=security.pod() if security else None,
            priority_class=priority,
            scheduler=pod.scheduler_name,
            tmpfs=volumes.tmpfs,
            **volumes.mounts,
            **_variable_sources(pod, at),
        ),
    )


def _requests(pod: PodFields, at: Origin) -> tuple[dict[str, Any], AcceleratorSpec | None, bool]:
    """Fields of `ResourceSpec`, GPUs, and whether Kubernetes gives the pod the quality of service `Guaranteed`.

    As in Kubernetes, a limit is a request, too, where nothing is requested.
    """
    asked, limits = pod.resources.get("requests", {}), pod.resources.get("limits", {})
    unknown = sorted(set(pod.resources) - {"requests", "limits"})
    if unknown:
        at.error("FC404", f"resources of a pod have no {unknown[0]}", help="there are requests and limits")
    fields: dict[str, Any] = {"extended": {}}
    gpus: AcceleratorSpec | None = None
    for name, amount in {**limits, **asked}.items():
        if name in _AMOUNTS:
            request, limit, read = _AMOUNTS[name]
            try:
                fields[request] = read(amount)
                fields[limit] = read(limits[name]) if name in limits else None
            except ValueError as error:
                at.error("FC404", f"resources of a pod: {error}", help="write it as Kubernetes does")
        elif name.endswith(_GPU) and str(amount).isdigit():  # these and others are requested and limited alike
            gpus = AcceleratorSpec(span=at.span, count=int(str(amount)), vendor=name.removesuffix(_GPU))
        else:
            fields["extended"][name] = str(amount)
    try:
        check_extended(fields["extended"])
    except ValueError as error:
        at.error("FC404", f"resources of a pod: {error}", help="write them as Kubernetes does")
    guaranteed = all(name in limits and limits[name] == asked.get(name, limits[name]) for name in ("cpu", "memory"))
    # `guaranteed` of a step is said of its disk as well: where that has a limit of its own, the limits say the same.
    if guaranteed and fields.get("disk_limit_mb") in (None, fields.get("disk_mb")):
        return fields | {"cpu_limit": None, "memory_limit_mb": None}, gpus, True
    return fields, gpus, False


def _variables(pod: PodFields, at: Origin) -> dict[str, str | TaskVariable]:
    """Variables of the container that have plain values. Others are FC411."""
    variables: dict[str, str | TaskVariable] = {}
    for item in pod.env:
        value = item.get("value", "")
        is_plain = isinstance(value, (str, TaskVariable))
        if set(item) <= {"name", "value"} and isinstance(item.get("name"), str) and is_plain:
            variables[item["name"]] = value
        else:
            way_out = "give a name and a text, or secrets=['name'] for the keys of a Kubernetes Secret"
            _refuse("env", f"{way_out}; for any other source, {_PATCH}", at)
    return variables


def _variable_sources(pod: PodFields, at: Origin) -> dict[str, Any]:
    """Secrets and ConfigMaps whose keys become variables. Other sources are FC411."""
    names: dict[str, list[str]] = {"secretRef": [], "configMapRef": []}
    for item in pod.env_from:
        kind = camel(next(iter(item), ""))
        name = texts(next(iter(item.values()), None)).get("name")
        if kind in names and isinstance(name, str) and len(item) == 1:
            names[kind].append(name)
        else:
            _refuse("env_from", "name Secrets and ConfigMaps, or give variables with environment={...}", at)
    return {"secrets": tuple(names["secretRef"]), "config_maps": tuple(names["configMapRef"])}


def _additional_arguments(pod: PodFields, at: Origin) -> tuple[str | None, Security | None]:
    """`additional_pod_spec_args`: a priority class, and security of the pod. Others are FC411."""
    given = {camel(name): value for name, value in pod.additional_pod_spec_args.items() if value is not None}
    priority, context = given.pop("priorityClassName", None), given.pop("securityContext", None)
    security: Security | None = None
    try:
        security = reading(Security)(context)
        if priority is not None:
            priority = check_name(priority) if isinstance(priority, str) else None
    except ValueError as error:
        at.error("FC404", f"`additional_pod_spec_args`: {error}", help="write it as Kubernetes does")
    for name in given:
        way_out = f"there are priorityClassName and securityContext; for any other field, {_PATCH}"
        _refuse(f"additional_pod_spec_args[{name!r}]", way_out, at)
    return priority, security


def _security_context(
    pod: PodFields, security: Security | None, orchestrator: OrchestratorFields
) -> SecurityContext | None:
    """The container's security context: its own fields, then those of the pod."""
    weak, strong = security.container() if security else None, pod.container_security_context
    said = {name: value for one in (weak, strong) if one is not None for name, value in one if value is not None}
    if orchestrator.privileged:
        said["privileged"] = True
    return SecurityContext.model_validate(said) if said else strong


def _refuse(name: str, help_text: str, at: Origin) -> None:
    at.error("FC411", f"flowc cannot express this `{name}` of KubernetesPodSettings", help=help_text)


class _InexpressibleError(Exception):
    """Why a volume is not one that flowc has."""


class _Volumes:
    """The volumes of a pod, each with the folder that it is mounted at. What flowc has no words for is FC411."""

    def __init__(self, pod: PodFields, at: Origin) -> None:
        self.mounts: dict[str, Any] = {}
        """By the field of `ContainerSpec`."""
        self.shared_memory_mb: int | None = None
        self.tmpfs: TmpfsSpec | None = None
        mounts: dict[str, list[dict[str, Any]]] = {}
        for item in pod.volume_mounts:
            mounts.setdefault(str(item.get("name")), []).append(item)
        problems: list[str] = []
        for item in pod.volumes:
            name = str(item.get("name"))
            try:
                self._add(item, mounts.pop(name, []))
            except (_InexpressibleError, ValueError) as reason:
                problems.append(f"the volume {name!r}: {reason}")
        problems += [f"the mount of {name!r}: the pod has no such volume" for name in mounts]
        for problem in problems:
            at.error("FC411", f"flowc cannot express {problem} (KubernetesPodSettings)", help=_WAY_OUT)

    def _add(self, volume: Mapping[str, object], mounts: list[dict[str, Any]]) -> None:
        if len(mounts) != 1:
            raise _InexpressibleError("it is mounted several times" if mounts else "it is not mounted")
        (mount,) = mounts
        path = _text(mount, "mount_path")
        sources = {key: texts(value) for key, value in volume.items() if key != "name"}
        if len(sources) != 1 or not path:
            raise _InexpressibleError("it has no source" if path else "its mount has no path")
        ((kind, source),) = sources.items()
        # Secrets and ConfigMaps are never written to: there it goes without saying.
        silent = {"readOnly"} if camel(kind) in ("secret", "configMap") else set[str]()
        plain = {"name", "mountPath"} | silent
        others = sorted(key for key, value in mount.items() if camel(key) not in plain and value)
        if others:
            raise _InexpressibleError(f"{others[0]} of its mount")
        if camel(kind) in _VOLUMES:
            field, key = _VOLUMES[camel(kind)]
            self._mount(self.mounts.setdefault(field, {}), _only(source, key), path)
        elif camel(kind) == "emptyDir":
            self._mount_memory(source, path)
        else:
            raise _InexpressibleError(kind)

    @staticmethod
    def _mount(mounts: dict[str, str], name: str, path: str) -> None:
        if name in mounts:
            raise _InexpressibleError(f"{name!r} is mounted twice")
        mounts[name] = path

    def _mount_memory(self, source: Mapping[str, object], path: str) -> None:
        size = source.get("sizeLimit", source.get("size_limit"))
        if source.get("medium") != "Memory" or size is None:
            raise _InexpressibleError("emptyDir, but in memory and with a size")
        if path == SHARED_MEMORY and self.shared_memory_mb is None:
            self.shared_memory_mb = kubernetes_memory(size)
        elif path != SHARED_MEMORY and self.tmpfs is None:
            self.tmpfs = TmpfsSpec(size_mb=kubernetes_memory(size), path=path, tempdir=False)
        else:
            raise _InexpressibleError("a second one in memory")


def _only(source: Mapping[str, object], name: str) -> str:
    """The one thing that a source says."""
    value = _text(source, name)
    others = sorted(key for key, item in source.items() if key not in (name, camel(name)) and item)
    if others or not value:
        raise _InexpressibleError(others[0] if others else f"it has no {camel(name)}")
    return value


def _text(mapping: Mapping[str, object], name: str) -> str:
    """A text, by its name in either spelling; nothing where there is none."""
    value = mapping.get(camel(name), mapping.get(name))
    return value if isinstance(value, str) else ""
