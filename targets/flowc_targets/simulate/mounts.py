"""Volumes: which folders here stand for those of a container."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.simulate.manifest import Manifest

FIELDS = ("status.podIP", "status.hostIP", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName")
"""What a pod may read of itself, beside its labels and annotations."""
_OF_MAP = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")

Places = list[tuple[str, str]]
"""Folders of a container, and the folder here for each, the longest first."""


class Mounts:
    """The volumes of a run. What all pods share is written once."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        """`folder` is for what is shared: the contents of ConfigMaps."""
        self._folder = folder
        self._volumes: list[dict[str, Any]] = manifest.spec.get("volumes", [])
        self._metadata: dict[str, Any] = manifest.spec.get("podMetadata", {})
        for name, config_map in manifest.config_maps.items():
            files = {**config_map.binary, **{key: text.encode() for key, text in config_map.data.items()}}
            _write(folder / "configmaps" / name, files)

    def places(self, raw: dict[str, Any], folder: Path) -> Places:
        """The folders of a processed template's container. `folder` is the pod's own."""
        sources = {item["name"]: item for item in (*self._volumes, *raw.get("volumes", ()))}
        found: Places = []
        for mount in raw["container"].get("volumeMounts", ()):
            place = self._place(sources[mount["name"]], raw, folder)
            if place is not None:
                found.append((mount["mountPath"].rstrip("/"), str(place / mount.get("subPath", ""))))
        mounted = [path for path, _ in found]
        for path in {str(Path(item["valueFrom"]["path"]).parent) for item in output_files(raw)}:
            if not any(path == above or path.startswith(f"{above}/") for above in mounted):
                found.append((path, f"{folder}/root{path}"))
        return sorted(found, key=lambda pair: -len(pair[0]))

    def fact(self, path: str, raw: Mapping[str, Any], own: Mapping[str, str]) -> str:
        """A field of a pod; `own` are those that differ from pod to pod."""
        match = _OF_MAP.fullmatch(path)
        if match is None:
            return own.get(path, "127.0.0.1")
        kind, key = match.groups()
        values = {**self._metadata.get(kind, {}), **raw.get("metadata", {}).get(kind, {})}
        return str(values.get(key, ""))

    def _place(self, volume: dict[str, Any], raw: dict[str, Any], folder: Path) -> Path | None:
        """The folder for a volume; `None` for one that only a cluster has."""
        if "configMap" in volume:
            return self._folder / "configmaps" / str(volume["configMap"]["name"])
        if "emptyDir" in volume:
            place = folder / "volumes" / str(volume["name"])
            place.mkdir(parents=True, exist_ok=True)
            return place
        if "downwardAPI" not in volume:
            return None
        shared = "metadata" not in raw and volume in self._volumes
        place = (self._folder if shared else folder) / "downward" / str(volume["name"])
        if not place.exists():
            items = volume["downwardAPI"]["items"]
            _write(place, {item["path"]: self.fact(item["fieldRef"]["fieldPath"], raw, {}).encode() for item in items})
        return place


def known_field(path: str) -> bool:
    """Whether the simulator can tell a pod this field."""
    return path in FIELDS or _OF_MAP.fullmatch(path) is not None


def output_files(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The output parameters of a template that are read from files."""
    return [item for item in raw.get("outputs", {}).get("parameters", ()) if "path" in item["valueFrom"]]


def moved(text: str, places: Places) -> str:
    """A text, or, where it is a path in a folder of the container, that path here."""
    if text.startswith("/"):
        for there, here in places:
            if text == there or text.startswith(f"{there}/"):
                return here + text[len(there) :]
    return text


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
