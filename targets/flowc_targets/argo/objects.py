"""The Kubernetes and Argo objects that flowc writes, with only the fields that it uses.

A field's name is the manifest's in snake case. `None` and empty collections are left out.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel

from flowc_compiler.ir import Affinity, PodSecurity, SecurityContext, as_kubernetes

Plain = dict[str, Any] | list[Any] | str | int | bool
"""What a printer needs to know: maps, lists and scalars."""

_IRREGULAR = {"pod_gc": "podGC", "downward_api": "downwardAPI"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """metav1.ObjectMeta."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    annotations: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    """A ConfigMap."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    metadata: Meta
    immutable: bool = True
    data: dict[str, str] = field(default_factory=dict[str, str])
    binary_data: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameRef:
    """A reference to an object of the same namespace."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFrom:
    """corev1.EnvFromSource of a Secret or of a ConfigMap."""

    secret_ref: NameRef | None = None
    config_map_ref: NameRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapKey:
    """corev1.ConfigMapKeySelector."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRef:
    """corev1.ObjectFieldSelector: a part of the pod's own object."""

    field_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvSource:
    """corev1.EnvVarSource of a ConfigMap's key: neither Argo nor Kubernetes looks into such a value."""

    config_map_key_ref: ConfigMapKey


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    """corev1.EnvVar: a literal value, or one from elsewhere."""

    name: str
    value: str | None = None
    value_from: EnvSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyDir:
    """corev1.EmptyDirVolumeSource."""

    medium: Literal["Memory"] | None = None
    size_limit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRef:
    """corev1.PersistentVolumeClaimVolumeSource."""

    claim_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFiles:
    """corev1.SecretVolumeSource."""

    secret_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPath:
    """corev1.HostPathVolumeSource."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownwardFile:
    """corev1.DownwardAPIVolumeFile."""

    path: str
    field_ref: FieldRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Downward:
    """corev1.DownwardAPIVolumeSource."""

    items: tuple[DownwardFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """corev1.Volume of one of five sources."""

    name: str
    downward_api: Downward | None = None
    config_map: NameRef | None = None
    secret: SecretFiles | None = None
    host_path: HostPath | None = None
    empty_dir: EmptyDir | None = None
    persistent_volume_claim: ClaimRef | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """corev1.VolumeMount."""

    name: str
    mount_path: str
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """corev1.ResourceRequirements; quantities are strings."""

    requests: dict[str, str] = field(default_factory=dict[str, str])
    limits: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """corev1.ContainerPort."""

    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """corev1.Container."""

    image: str
    image_pull_policy: str | None = None
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFrom, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: Resources | None = None
    security_context: SecurityContext | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodToleration:
    """corev1.Toleration."""

    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom:
    """Where an output parameter is read from."""

    path: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter: an argument, an input or an output."""

    name: str
    value: str | None = None
    description: str | None = None
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The `parameters` of arguments, inputs and outputs."""

    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """withSequence."""

    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DagTask:
    """One task of a DAG template."""

    name: str
    template: str
    depends: str | None = None
    arguments: Parameters | None = None
    when: str | None = None
    with_sequence: Sequence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """A DAG template's tasks."""

    tasks: tuple[DagTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The wait between attempts; `factor` makes each longer than the one before."""

    duration: str
    factor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryStrategy:
    """How a leaf is retried. The policy is always explicit, since its default has changed between releases."""

    limit: str
    retry_policy: Literal["Always"] = "Always"
    expression: str | None = None
    backoff: Backoff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """A pause."""

    duration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A leaf (`container`), a `dag` or a pause."""

    name: str
    parallelism: int | None = None
    metadata: Meta | None = None
    inputs: Parameters | None = None
    outputs: Parameters | None = None
    dag: Dag | None = None
    retry_strategy: RetryStrategy | None = None
    active_deadline_seconds: int | None = None
    service_account_name: str | None = None
    node_selector: dict[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[PodToleration, ...] = ()
    affinity: Affinity | None = None
    priority_class_name: str | None = None
    scheduler_name: str | None = None
    security_context: PodSecurity | None = None
    container: Container | None = None
    suspend: Suspend | None = None
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGC:
    """When finished pods are deleted."""

    strategy: str
    delete_delay_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TTLStrategy:
    """When finished Workflows are deleted."""

    seconds_after_completion: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """The spec of a Workflow and of a WorkflowTemplate."""

    entrypoint: str
    on_exit: str | None = None
    arguments: Parameters | None = None
    service_account_name: str | None = None
    image_pull_secrets: tuple[NameRef, ...] = ()
    parallelism: int | None = None
    pod_gc: PodGC | None = None
    pod_metadata: Meta | None = None
    workflow_metadata: Meta | None = None
    ttl_strategy: TTLStrategy | None = None
    volumes: tuple[Volume, ...] = ()
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A Workflow or a WorkflowTemplate."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Workflow", "WorkflowTemplate"]
    metadata: Meta
    spec: WorkflowSpec


def plain(value: object) -> Plain:
    """An object as maps, lists and scalars under the manifest's names."""
    match value:
        case str() | int():
            return value
        case dict():
            return {str(key): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case tuple() | list():
            return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case BaseModel():
            found: Plain = as_kubernetes(value)
            return found
        case _:
            members = ((key, getattr(value, name)) for name, key in _fields(value.__class__))
            return {key: plain(item) for key, item in members if item is not None and item not in ((), {})}


def _fields(cls: type[Any]) -> tuple[tuple[str, str], ...]:
    """Field names of a class of this module, and what the manifest calls them."""
    names = tuple(item.name for item in dataclasses.fields(cls))
    return tuple((name, _camel(name)) for name in names)


@cache
def _camel(name: str) -> str:
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
