"""The objects of Kubernetes that flowc writes, with only the fields that it uses, and how a manifest shows them.

A class has the name that the API and its client for Python give it (`EmptyDirVolumeSource`, there
`V1EmptyDirVolumeSource`), and a field the manifest's name in snake case, as the client has it too. So an engine can
print these objects as YAML, with `to_manifest`, or as calls of the client's constructors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, dataclass_transform

from pydantic import BaseModel

from flowc_compiler.ir import as_kubernetes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowc_compiler.ir import SeccompProfile, SecurityContext

Plain = dict[str, Any] | list[Any] | str | int | bool
"""What a printer needs to know: maps, lists and scalars."""

_IRREGULAR = {"pod_gc": "podGC", "downward_api": "downwardAPI"}
"""Fields whose name in a manifest is not their camel case."""


class ManifestText:
    """The base of values that a manifest has as text: `str(value)`."""

    __slots__ = ()


EMPTY: Mapping[str, str] = MappingProxyType({})


class _Present(dict[str, str]):
    def __bool__(self) -> bool:
        return True


PRESENT: Mapping[str, str] = _Present()
"""A map without entries that a manifest has all the same: that it is there says something."""
"""The default of fields that map names to values."""


_PATCH = "_patch"
"""The member with what an object is patched with, where it is."""


def merge_patch(base: Any, patch: Any, *, keep_removals: bool = False) -> Any:
    """A part of a manifest with a patch merged into it: maps by key, lists of objects by `name`, all else replaced.

    `None` takes a field away, and stays with `keep_removals`, which is for a patch of a patch. A list has names if all
    items of both have one.
    """
    if isinstance(patch, Mapping):
        found: dict[str, Any] = dict(cast("Mapping[str, Any]", base)) if isinstance(base, Mapping) else {}
        for key, value in cast("Mapping[str, Any]", patch).items():
            if value is None and not keep_removals:
                found.pop(key, None)
            else:
                found[key] = merge_patch(found.get(key), value, keep_removals=keep_removals)
        return found
    if not isinstance(patch, list | tuple):
        return patch
    items = list(cast("Sequence[Any]", patch))
    old = _by_name(cast("list[Any]", base)) if isinstance(base, list | tuple) else {}
    new = _by_name(items)
    if old is None or new is None:
        return [merge_patch(None, item, keep_removals=keep_removals) for item in items]
    merged = {name: merge_patch(old.get(name), item, keep_removals=keep_removals) for name, item in new.items()}
    return list({**old, **merged}.values())


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """The items of a list by their names; `None` where one has none, or two have the same."""
    maps = (cast("Mapping[str, Any]", item) for item in items if isinstance(item, Mapping))
    found = {str(item["name"]): item for item in maps if "name" in item}
    return found if len(found) == len(items) else None


def _camel(name: str) -> str:
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    head, *tail = name.split("_")
    return head + "".join(word.capitalize() for word in tail)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class ManifestObject:
    """The base of a manifest's objects: built from keywords, immutable, equal by value.

    A subclass declares its fields with their types and defaults, as a dataclass does. It is not a dataclass:
    making so many of those takes longer than all else that compiling a small flow needs of this package.
    """

    NESTED: ClassVar[Mapping[str, str]] = {}
    """The fields whose value a manifest has in an object of its own, and the key there.

    `{"arguments": "parameters"}` makes `{arguments: {parameters: [...]}}` of the field `arguments`.
    """
    field_names: ClassVar[tuple[str, ...]] = ()
    """The names of the fields, in order."""
    _keys: ClassVar[tuple[tuple[str, str, str | None], ...]] = ()
    """Of each field the name, the manifest's key, and the key inside of that, if there is one."""
    _defaults: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        kinds = cls.__annotations__.items()
        cls.field_names = tuple(name for name, kind in kinds if not str(kind).startswith("ClassVar"))
        cls._keys = tuple((name, _camel(name), cls.NESTED.get(name)) for name in cls.field_names)
        cls._defaults = {name: cls.__dict__[name] for name in cls.field_names if name in cls.__dict__}

    def __init__(self, **values: Any) -> None:
        patch = values.pop(_PATCH, None)
        members = {**self._defaults, **values}
        if len(members) != len(self.field_names):
            wrong = set(members) ^ set(self.field_names)
            raise TypeError(f"{type(self).__name__}: missing or unknown: {', '.join(sorted(wrong))}")
        self.__dict__.update(members)
        if patch:
            self.__dict__[_PATCH] = patch

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set: objects of a manifest do not change")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__dict__.items())})"

    def replace(self, **changes: Any) -> Self:
        """A copy with other values in some fields."""
        return type(self)(**{**self.__dict__, **changes})

    def patched(self, patch: Mapping[str, Any]) -> Self:
        """A copy whose manifest has a patch merged into it, by the manifest's names: see `merge_patch`."""
        old = self.__dict__.get(_PATCH)
        return (
            self.replace(**{_PATCH: merge_patch(old, patch, keep_removals=True) if old else patch}) if patch else self
        )

    def manifest(self) -> dict[str, Any]:
        """The fields under the manifest's names, without `None` and empty collections; then what it is patched with."""
        found: dict[str, Any] = {}
        for name, key, inner in self._keys:
            value = self.__dict__[name]
            if value is None or (not value and not isinstance(value, str | int)):
                continue
            shown = value if value.__class__ is str else to_manifest(value)
            found[key] = shown if inner is None else {inner: shown}
        patch = self.__dict__.get(_PATCH)
        return merge_patch(found, patch) if patch else found


class ObjectMeta(ManifestObject):
    """metav1.ObjectMeta."""

    name: str | None = None
    generate_name: str | None = None
    namespace: str | None = None
    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY


class ConfigMap(ManifestObject):
    """A ConfigMap. `binary_data` is in base64."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["ConfigMap"] = "ConfigMap"
    metadata: ObjectMeta
    immutable: bool = True
    data: Mapping[str, str] = EMPTY
    binary_data: Mapping[str, str] = EMPTY


class LocalObjectReference(ManifestObject):
    """A reference to an object of the same namespace."""

    name: str


class SecretEnvSource(ManifestObject):
    """The Secret of an EnvFromSource."""

    name: str


class ConfigMapEnvSource(ManifestObject):
    """The ConfigMap of an EnvFromSource."""

    name: str


class EnvFromSource(ManifestObject):
    """A Secret or a ConfigMap, each key of which becomes an environment variable."""

    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


class ConfigMapKeySelector(ManifestObject):
    """One key of a ConfigMap."""

    name: str
    key: str


class SecretKeySelector(ManifestObject):
    """One key of a Secret. A pod of an optional one that is missing starts without it."""

    name: str
    key: str
    optional: bool | None = None


class EnvVarSource(ManifestObject):
    """Where an environment variable's value is read from. Kubernetes takes such a value as it is, without expansion."""

    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None


class EnvVar(ManifestObject):
    """An environment variable: a literal value, in which Kubernetes expands `$(NAME)`, or one from elsewhere."""

    name: str
    value: str | None = None
    value_from: EnvVarSource | None = None


class ObjectFieldSelector(ManifestObject):
    """A field of the pod's own object."""

    field_path: str


class DownwardAPIVolumeFile(ManifestObject):
    """A file that holds a field of the pod's own object."""

    path: str
    field_ref: ObjectFieldSelector


class DownwardAPIVolumeSource(ManifestObject):
    """A volume of such files."""

    items: tuple[DownwardAPIVolumeFile, ...]


class ConfigMapVolumeSource(ManifestObject):
    """A volume in which the keys of a ConfigMap are files."""

    name: str


class KeyToPath(ManifestObject):
    """A key of a ConfigMap, and the path of its file."""

    key: str
    path: str


class ConfigMapProjection(ManifestObject):
    """Some keys of a ConfigMap as files."""

    name: str
    items: tuple[KeyToPath, ...]


class VolumeProjection(ManifestObject):
    """One of the sources of a projected volume."""

    config_map: ConfigMapProjection


class ProjectedVolumeSource(ManifestObject):
    """A volume with the files of several sources."""

    sources: tuple[VolumeProjection, ...]


class SecretVolumeSource(ManifestObject):
    """A volume in which the keys of a Secret are files."""

    secret_name: str


class HostPathVolumeSource(ManifestObject):
    """A folder of the node."""

    path: str


class EmptyDirVolumeSource(ManifestObject):
    """An empty folder: on the node's disk, or in memory."""

    medium: Literal["Memory"] | None = None
    size_limit: str | None = None


class PersistentVolumeClaimVolumeSource(ManifestObject):
    """The volume that a claim has got."""

    claim_name: str


class Volume(ManifestObject):
    """A volume of a pod; one of the sources is there."""

    name: str
    downward_api: DownwardAPIVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None


class VolumeMount(ManifestObject):
    """Where a container has a volume of its pod."""

    name: str
    mount_path: str
    read_only: bool | None = None


class ResourceRequirements(ManifestObject):
    """Requests and limits; all quantities are strings."""

    requests: Mapping[str, str] = EMPTY
    limits: Mapping[str, str] = EMPTY


class PodSecurityContext(ManifestObject):
    """What holds for all containers of a pod that do not say otherwise."""

    run_as_non_root: bool | None = None
    run_as_user: int | None = None
    seccomp_profile: SeccompProfile | None = None
    fs_group: int | None = None
    fs_group_change_policy: str | None = None
    supplemental_groups: tuple[int, ...] = ()


class ContainerPort(ManifestObject):
    """A port that a container names."""

    container_port: int


class Container(ManifestObject):
    """A container of a pod."""

    name: str | None = None
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
    if isinstance(value, Mapping):
        return {str(key): to_manifest(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, tuple | list):
        return [to_manifest(item) for item in cast("tuple[object, ...]", value)]
    if isinstance(value, ManifestText):
        return str(value)
    if isinstance(value, BaseModel):
        found: Plain = as_kubernetes(value)
        return found
    return cast("ManifestObject", value).manifest()
