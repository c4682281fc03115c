"""From a processed template to what is run on this machine: a command, an environment, and folders for its paths."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.mounts import Mounts, moved, output_files
from flowc_targets.simulate.problems import PodError
from flowc_targets.simulate.spec import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from flowc_targets.simulate.manifest import Manifest
    from flowc_targets.simulate.mounts import Places
    from flowc_targets.simulate.nodes import Node

_PYTHON = re.compile(r"python(\d+(\.\d+)?)?")
_SHIMS = frozenset({"flow.pyz", "boot.py"})
"""What flowc's commands run: the code package, or what unpacks it."""
_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][-A-Za-z0-9_.]*)\)")
HERE = {"FLOWC_GANG_HOST": "127.0.0.1", "FLOWC_GANG_PORT": "0"}
"""Pods of one machine have one address, so that the members of a gang take free ports."""


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
    on_exit: bool

    def arguments(self) -> tuple[str, ...]:
        """What stands behind the package."""
        return self.command[2:]


class PodMaker:
    """Makes pods. What a container finds in volumes of ConfigMaps is in `folder`."""

    def __init__(self, manifest: Manifest, folder: Path, python: str, root: str | None, env: Mapping[str, str]) -> None:
        """`root` replaces FLOWC_ROOT; `env` comes last, over what the manifest says."""
        self._manifest = manifest
        self._folder = folder
        self._python = python
        self._over = {**HERE, **({"FLOWC_ROOT": root} if root is not None else {}), **env}
        self._base = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
        self._mounts = Mounts(manifest, folder)

    def make(self, node: Node, raw: dict[str, Any], name: str, namespace: str, *, on_exit: bool) -> Pod:
        """The pod of a node whose template is processed. Raises PodError."""
        container = raw["container"]
        folder = self._folder / "pods" / node.id
        folder.mkdir(parents=True, exist_ok=True)
        paths = self._mounts.places(raw, folder)
        facts = {"metadata.name": name, "metadata.namespace": namespace, "metadata.uid": node.id}
        variables = self._variables(raw, facts)
        words = [expanded(word, variables) for word in (*container["command"], *container.get("args", ()))]
        command = [moved(word, paths) for word in words]
        package = None
        if _PYTHON.fullmatch(Path(command[0]).name):
            command[0] = self._python
            package = Path(command[1]) if len(command) > 1 and Path(command[1]).name in _SHIMS else None
        env = {**self._base, **{key: moved(value, paths) for key, value in variables.items()}, **self._over}
        seconds = raw.get("activeDeadlineSeconds")
        deadline = float(seconds) if seconds is not None else None
        outputs = tuple(self._outputs(raw, paths))
        return Pod(node, name, tuple(command), env, folder, outputs, deadline, package, on_exit)

    def _outputs(self, raw: dict[str, Any], paths: Places) -> Iterable[OutputFile]:
        for item in output_files(raw):
            source = item["valueFrom"]
            default = as_text(source["default"]) if "default" in source else None
            yield OutputFile(item["name"], Path(moved(source["path"], paths)), default)

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
                variables[item["name"]] = self._mounts.fact(source["fieldRef"]["fieldPath"], raw, facts)
            elif item["name"] in self._base:
                variables[item["name"]] = self._base[item["name"]]
        return variables


def read_outputs(pod: Pod) -> dict[str, str]:
    """What a pod has left, without one newline at its end (executor.go, SaveParameters). Raises PodError."""
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
    """A text with Kubernetes' `$(NAME)` and `$$`; what is not known stays."""
    if "$" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        return "$" if match.group() == "$$" else variables.get(match.group(1), match.group())

    return _REFERENCE.sub(value, text)
