"""Pods as local processes: from a processed template to a command, an environment, and folders for its paths."""

from __future__ import annotations

import base64
import bz2
import io
import json
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc.protocol import PLAN_FILE, TIMEOUT_GRACE_SECONDS, env_names
from flowc_targets.kubernetes.package_maps import PROGRAM
from flowc_targets.simulate.problems import PodError
from flowc_targets.simulate.substitution import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowc_targets.simulate.manifest import Manifest
    from flowc_targets.simulate.simulation import SimulateOptions
    from flowc_targets.simulate.workflow_nodes import Node


_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_SHIMS = frozenset({PROGRAM, "boot.py"})
"""What flowc's commands run: the runtime of a code package, or what unpacks it."""
_FAN_OUT = re.compile(r"(.*)\(\d+:[^()]*\)")
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][-A-Za-z0-9_.]*)\)")
FIELDS = ("status.podIP", "status.hostIP", "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName")
"""What a pod may read about itself, beside its labels and annotations."""
_OF_MAP = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")

Mounts = list[tuple[str, str]]
"""Folders of a container, and the folder here for each, the longest first."""
HERE = {
    env_names.GANG_HOST: "127.0.0.1",
    env_names.GANG_PORT: "0",
    env_names.ENGINE: "simulate",
    env_names.CONTAINER: "local",
}
"""Pods of one machine share one address, so that the members of a gang take free ports. The run's id says Argo."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """Where a pod leaves an output parameter."""

    name: str
    path: Path
    default: str | None


@dataclass(frozen=True, slots=True)
class Pod:
    """A container as a local process."""

    node: Node
    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    folder: Path
    outputs: tuple[OutputFile, ...]
    deadline: float | None
    """Seconds that it may run."""
    package: Path | None
    """The code package that it runs, where it is flowc's."""
    gang: str | None
    """The fan-out whose pods must run at the same time, if it is a member of a gang."""
    on_exit: bool

    @property
    def log(self) -> Path:
        """The file with what it prints."""
        return self.folder / "log"

    def arguments(self) -> tuple[str, ...]:
        """The words of its command after the package."""
        return self.command[2:]


class PodMaker:
    """Makes pods. What a container finds in volumes of ConfigMaps is in `folder`."""

    def __init__(self, manifest: Manifest, folder: Path, options: SimulateOptions) -> None:
        self._manifest = manifest
        self._folder = folder
        self._python = options.python
        self._grace = options.timeout_grace
        root = {env_names.ROOT: options.root} if options.root is not None else {}
        grace = {env_names.TIMEOUT_GRACE: f"{self._grace:g}"} if self._grace is not None else {}
        self._over = {**HERE, **root, **grace, **options.env}
        self._base = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
        self._volumes: list[dict[str, Any]] = manifest.spec.get("volumes", [])
        self._metadata: dict[str, Any] = manifest.spec.get("podMetadata", {})
        for name, config_map in manifest.config_maps.items():
            files = {**config_map.binary, **{key: text.encode() for key, text in config_map.data.items()}}
            _write(folder / "configmaps" / name, files)
        self._gangs = _GangPackages()

    @property
    def manifest(self) -> Manifest:
        """What it makes them of."""
        return self._manifest

    def make(self, node: Node, raw: dict[str, Any], name: str, namespace: str, *, on_exit: bool) -> Pod:
        """The pod of a node whose template is processed. Raises PodError."""
        container = raw["container"]
        folder = self._folder / "pods" / node.id
        folder.mkdir(parents=True, exist_ok=True)
        paths = self._mounts(raw, folder)
        facts = {"metadata.name": name, "metadata.namespace": namespace, "metadata.uid": node.id}
        variables = self._variables(raw, facts)
        words = [expanded(word, variables) for word in (*container["command"], *container.get("args", ()))]
        command = [local_path(word, paths) for word in words]
        package = None
        if _PYTHON.fullmatch(Path(command[0]).name):
            command[0] = self._python
            package = Path(command[1]) if len(command) > 1 and Path(command[1]).name in _SHIMS else None
        env = {**self._base, **{key: local_path(value, paths) for key, value in variables.items()}, **self._over}
        seconds = raw.get("activeDeadlineSeconds")
        deadline = self._deadline(float(seconds), package, variables) if seconds is not None else None
        outputs = tuple(self._outputs(raw, paths))
        gang = self._gangs.gang(package, command, node) if package is not None else None
        return Pod(node, name, tuple(command), env, folder, outputs, deadline, package, gang, on_exit)

    def _deadline(self, seconds: float, package: Path | None, variables: Mapping[str, str]) -> float:
        """When a pod is ended: as the manifest says, for a step with `@timeout` with the grace period of this run."""
        if self._grace is None or package is None:
            return seconds
        return seconds - float(variables.get(env_names.TIMEOUT_GRACE) or TIMEOUT_GRACE_SECONDS) + self._grace

    def _outputs(self, raw: dict[str, Any], paths: Mounts) -> Iterable[OutputFile]:
        for item in output_files(raw):
            source = item["valueFrom"]
            default = as_text(source["default"]) if "default" in source else None
            yield OutputFile(item["name"], Path(local_path(source["path"], paths)), default)

    def _variables(self, raw: dict[str, Any], facts: Mapping[str, str]) -> dict[str, str]:
        """The pod's own environment: ConfigMaps, then variables in their order. Secrets are in this process's own."""
        variables: dict[str, str] = {}
        container = raw["container"]
        for item in container.get("envFrom", ()):
            if "configMapRef" in item:
                variables |= self._manifest.config_maps[item["configMapRef"]["name"]].data
        for item in container.get("env", ()):
            source = item.get("valueFrom")
            if source is None:
                variables[item["name"]] = expanded(item.get("value", ""), {**self._base, **variables})
            elif "configMapKeyRef" in source:
                reference = source["configMapKeyRef"]
                variables[item["name"]] = self._manifest.config_maps[reference["name"]].data[reference["key"]]
            elif "fieldRef" in source:
                variables[item["name"]] = self._field(source["fieldRef"]["fieldPath"], raw, facts)
            elif item["name"] in self._base:
                variables[item["name"]] = self._base[item["name"]]
        return variables

    def _mounts(self, raw: dict[str, Any], folder: Path) -> Mounts:
        """The folders of a processed template's container. `folder` is the pod's own."""
        sources = {item["name"]: item for item in (*self._volumes, *raw.get("volumes", ()))}
        found: Mounts = []
        for mount in raw["container"].get("volumeMounts", ()):
            place = self._volume_folder(sources[mount["name"]], raw, folder)
            if place is not None:
                found.append((mount["mountPath"].rstrip("/"), str(place / mount.get("subPath", ""))))
        mounted = [path for path, _ in found]
        for path in {str(Path(item["valueFrom"]["path"]).parent) for item in output_files(raw)}:
            if not any(path == above or path.startswith(f"{above}/") for above in mounted):
                found.append((path, f"{folder}/root{path}"))
        return sorted(found, key=lambda pair: -len(pair[0]))

    def _field(self, path: str, raw: Mapping[str, Any], own: Mapping[str, str]) -> str:
        """A field of a pod; `own` are those that differ from pod to pod."""
        match = _OF_MAP.fullmatch(path)
        if match is None:
            return own.get(path, "127.0.0.1")
        kind, key = match.groups()
        values = {**self._metadata.get(kind, {}), **raw.get("metadata", {}).get(kind, {})}
        return str(values.get(key, ""))

    def _volume_folder(self, volume: dict[str, Any], raw: dict[str, Any], folder: Path) -> Path | None:
        """The folder for a volume; `None` for one that only a cluster has."""
        if "configMap" in volume:
            return self._folder / "configmaps" / str(volume["configMap"]["name"])
        if "projected" in volume:
            return self._projected(volume, raw, folder)
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
            _write(
                place, {item["path"]: self._field(item["fieldRef"]["fieldPath"], raw, {}).encode() for item in items}
            )
        return place

    def _projected(self, volume: dict[str, Any], raw: dict[str, Any], folder: Path) -> Path:
        """The folder for a volume of several sources; what is no ConfigMap only a cluster has."""
        shared = volume in self._volumes and volume not in raw.get("volumes", ())
        place = (self._folder if shared else folder) / "projected" / str(volume["name"])
        if not place.exists():
            sources = [
                source["configMap"] for source in volume["projected"].get("sources", ()) if "configMap" in source
            ]
            _write(place, {path: content for source in sources for path, content in self._projected_files(source)})
        return place

    def _projected_files(self, source: Mapping[str, Any]) -> Iterable[tuple[str, bytes]]:
        config_map = self._manifest.config_maps[source["name"]]
        files = {**config_map.binary, **{key: text.encode() for key, text in config_map.data.items()}}
        items = source.get("items", [{"key": key, "path": key} for key in files])
        return ((item["path"], files[item["key"]]) for item in items)


def read_outputs(pod: Pod) -> dict[str, str]:
    """The output parameters of a pod, without one newline at the end (executor.go, SaveParameters). Raises PodError."""
    found: dict[str, str] = {}
    for output in pod.outputs:
        try:
            value = output.path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            if output.default is None:
                raise PodError(f"output parameter {output.name}: {error}") from None
            value = output.default
        found[output.name] = value.removesuffix("\n")
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """A text with Kubernetes' `$(NAME)` and `$$` replaced; unknown names stay."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        return "$" if match.group() == "$$" else variables.get(match.group(1), match.group())

    return _REFERENCE.sub(value, text)


def known_field(path: str) -> bool:
    """Whether the simulator has a value for a field of a pod."""
    return path in FIELDS or _OF_MAP.fullmatch(path) is not None


def output_files(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The output parameters of a template that are read from files."""
    return [item for item in raw.get("outputs", {}).get("parameters", ()) if "path" in item["valueFrom"]]


def local_path(text: str, mounts: Mounts) -> str:
    """A text; if it is a path in a mounted folder of the container, the path on this machine."""
    if text.startswith("/"):
        for there, here in mounts:
            if text == there or text.startswith(f"{there}/"):
                return here + text[len(there) :]
    return text


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


class _GangPackages:
    """Which pods must run at the same time: the members of a `num_parallel` step, which meet through the store.

    The manifest does not say so, as on a cluster all pods of a fan-out run at once. The plan in the code package does.
    """

    def __init__(self) -> None:
        self._steps: dict[Path, frozenset[str]] = {}

    def gang(self, package: Path, command: list[str], node: Node) -> str | None:
        """The name of the fan-out that a pod is a member of, if that is a gang."""
        if package not in self._steps:
            self._steps[package] = _gang_steps(package)
        step = command[command.index("--step") + 1] if "--step" in command[:-1] else None
        match = _FAN_OUT.match(node.name) if step in self._steps[package] else None
        return match[1] if match else None


def _gang_steps(package: Path) -> frozenset[str]:
    """The steps of a code package whose tasks are members of gangs."""
    try:
        if package.name == PROGRAM:
            plan = package.with_name(PLAN_FILE).read_bytes()
        else:  # a Workflow that carries its package has it beside the script that unpacks it
            packed = bz2.decompress(base64.b64decode(package.with_name("code").read_bytes()))
            with zipfile.ZipFile(io.BytesIO(packed)) as files:
                plan = files.read(PLAN_FILE)
        steps = json.loads(plan)["steps"]
        return frozenset(
            name
            for name, step in steps.items()
            if any(steps[parent]["kind"] == "parallel" for parent in step.get("parents", ()))
        )
    except (OSError, KeyError, ValueError, TypeError, zipfile.BadZipFile):
        return frozenset()  # no package of flowc's
