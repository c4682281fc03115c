"""The objects of Kubernetes that flowc writes, with only the fields that it uses, and how a manifest shows them.

A class has the name that the API and its client for Python give it (`EmptyDirVolumeSource`, there
`V1EmptyDirVolumeSource`), and a field the manifest's name in snake case, as the client has it too. So an engine can
print these objects as YAML, with `to_manifest`, or as calls of the client's constructors.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import BaseModel

from flowc_compiler.ir import as_kubernetes

if TYPE_CHECKING:
    from flowc_compiler.ir import SecurityContext

Plain = dict[str, Any] | list[Any] | str | int | bool
"""What a printer needs to know: maps, lists and scalars."""

_IRREGULAR = {"pod_gc": "podGC", "downward_api": "downwardAPI"}
"""Fields whose name in a manifest is not their camel case."""


class ManifestText:
    """The base of values that a manifest has as text: `str(value)`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectMeta:
    """metav1.ObjectMeta."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    annotations: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMap:
    """A ConfigMap. `binary_data` is in base64."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    metadata: ObjectMeta
    immutable: bool = True
    data: dict[str, str] = field(default_factory=dict[str, str])
    binary_data: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalObjectReference:
    """A reference to an object of the same namespace."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretEnvSource:
    """The Secret of an EnvFromSource."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapEnvSource:
    """The ConfigMap of an EnvFromSource."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFromSource:
    """A Secret or a ConfigMap, each key of which becomes an environment variable."""

    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapKeySelector:
    """One key of a ConfigMap."""

    name: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVarSource:
    """Where an environment variable's value is read from. Kubernetes takes such a value as it is, without expansion."""

    config_map_key_ref: ConfigMapKeySelector


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvVar:
    """An environment variable: a literal value, in which Kubernetes expands `$(NAME)`, or one from elsewhere."""

    name: str
    value: str | None = None
    value_from: EnvVarSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectFieldSelector:
    """A field of the pod's own object."""

    field_path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DownwardAPIVolumeFile:
    """A file that holds a field of the pod's own object."""

    path: str
    field_ref: ObjectFieldSelector


@dataclass(frozen=True, slots=True, kw_only=True)
class DownwardAPIVolumeSource:
    """A volume of such files."""

    items: tuple[DownwardAPIVolumeFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigMapVolumeSource:
    """A volume in which the keys of a ConfigMap are files."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretVolumeSource:
    """A volume in which the keys of a Secret are files."""

    secret_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostPathVolumeSource:
    """A folder of the node."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyDirVolumeSource:
    """An empty folder: on the node's disk, or in memory."""

    medium: Literal["Memory"] | None = None
    size_limit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentVolumeClaimVolumeSource:
    """The volume that a claim has got."""

    claim_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """A volume of a pod; one of the sources is there."""

    name: str
    downward_api: DownwardAPIVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """Where a container has a volume of its pod."""

    name: str
    mount_path: str
    read_only: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceRequirements:
    """Requests and limits; all quantities are strings."""

    requests: dict[str, str] = field(default_factory=dict[str, str])
    limits: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerPort:
    """A port that a container names."""

    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A container of a pod."""

    image: str
    image_pull_policy: str | None = None
    command: tuple[str, ...]
    args: tuple[str, ...]
    env: tuple[EnvVar, ...] = ()
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements | None = None
    security_context: SecurityContext | None = None
    volume_mounts: tuple[VolumeMount, ...] = ()


def to_manifest(value: Any) -> Plain:
    """An object as maps, lists and scalars under the manifest's names, without `None` and empty collections."""
    if isinstance(value, str | int):
        return value
    if isinstance(value, dict):
        return {str(key): to_manifest(item) for key, item in cast("dict[object, object]", value).items()}
    if isinstance(value, tuple | list):
        return [to_manifest(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, ManifestText):
        return str(value)
    if isinstance(value, BaseModel):
        found: Plain = as_kubernetes(value)
        return found
    members: dict[str, Any] = {}
    for name, key, inner in _fields(value.__class__):
        item = getattr(value, name)
        if item is None or (not item and item.__class__ in (tuple, dict)):
            continue
        shown = item if item.__class__ is str else to_manifest(item)
        members[key] = shown if inner is None else {inner: shown}
    return members


@cache
def _fields(cls: Any) -> tuple[tuple[str, str, str | None], ...]:
    """The fields of a class: the name, the manifest's key, and the key inside of that, if there is one.

    A class names in `NESTED` the fields whose value a manifest has in an object of its own, and the key there:
    `{"arguments": "parameters"}` makes `{arguments: {parameters: [...]}}` of the field `arguments`.
    """
    nested: dict[str, str] = getattr(cls, "NESTED", {})
    return tuple((item.name, _camel(item.name), nested.get(item.name)) for item in dataclasses.fields(cls))


def _camel(name: str) -> str:
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)
