"""Volumes and mounts of ZenML's pod settings, in the words that flowc has for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.argument_types import kubernetes_memory
from flowc_compiler.frontend.pipelines.settings.models import PodFields
from flowc_compiler.frontend.pipelines.settings.tree import Place, texts
from flowc_compiler.ir import TmpfsSpec
from flowc_compiler.ir.kubernetes import camel

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


def pod_volumes(pod: PodFields, place: Place | None, sink: DiagnosticSink) -> PodVolumes:
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
            _refuse(f"the volume {name!r}: {reason}", place, sink)
    for name in paths:
        _refuse(f"the mount of {name!r}: there is no such volume", place, sink)
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


def _refuse(what: str, place: Place | None, sink: DiagnosticSink) -> None:
    sink.error(
        "FC411", f"flowc cannot express {what} (KubernetesPodSettings)", place() if place is not None else None,
        help=_WAY_OUT,
    )  # fmt: skip
