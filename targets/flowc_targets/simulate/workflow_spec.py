"""The templates of a checked spec, with what is known about them before anything runs."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from flowc.protocol import env_names
from flowc_targets.simulate.expression_parser import Depends, parse_depends
from flowc_targets.simulate.substitution import as_text, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.simulate.manifest import Manifest


@dataclass
class Task:
    """A task of a DAG template."""

    name: str
    template: str
    raw: dict[str, Any]
    depends: Depends
    dependents: list[str] = field(default_factory=list[str])
    ancestors: frozenset[str] = frozenset()

    @property
    def expands(self) -> bool:
        """Whether it is a fan-out."""
        return "withSequence" in self.raw


@dataclass
class Output:
    """An output parameter of a template."""

    name: str
    path: str | None
    parameter: str | None
    default: str | None


def without_others(raw: dict[str, Any]) -> dict[str, Any]:
    """A template without containers beside that of its step, but for flowc's own."""
    own = [item for item in raw.get("initContainers", []) if _is_part(item)]
    kept = {key: value for key, value in raw.items() if key not in OTHERS}
    return kept | ({"initContainers": own} if own else {})


class Template:
    """A template."""

    def __init__(self, raw: dict[str, Any]) -> None:
        """Raises DependsError."""
        self.raw = raw = _in_one_process(raw)
        self.name: str = raw["name"]
        self.inputs: list[dict[str, Any]] = raw.get("inputs", {}).get("parameters", [])
        self.outputs = [_output(item) for item in raw.get("outputs", {}).get("parameters", [])]
        self.parallelism: int = raw.get("parallelism", 0)
        self.retry: dict[str, Any] | None = raw.get("retryStrategy")
        self.tasks = {item["name"]: _task(item) for item in raw["dag"]["tasks"]} if "dag" in raw else {}

    @property
    def kind(self) -> Literal["dag", "container", "suspend"]:
        """Which of the three it is; a checked one is exactly one of them."""
        return "dag" if "dag" in self.raw else "container" if "container" in self.raw else "suspend"

    @property
    def fail_fast(self) -> bool:
        """A DAG's `failFast`, true by default."""
        return bool(self.raw["dag"].get("failFast", True))

    @cached_property
    def text(self) -> str:
        """The template as the JSON that is substituted. What only a cluster needs is left out."""
        return to_json({key: value for key, value in self.raw.items() if key not in _UNUSED})

    @cached_property
    def leaves(self) -> list[str]:
        """The tasks that no other depends on, sorted as Argo sorts them: they decide how the DAG ends."""
        inner = {name for task in self.tasks.values() for name in task.depends.names}
        return sorted(name for name in self.tasks if name not in inner)

    def link(self) -> None:
        """Note of each task who depends on it, and which are before it. Its graph has been checked for cycles."""
        for task in self.tasks.values():
            for name in task.depends.names:
                self.tasks[name].dependents.append(task.name)
        for name in topological(self.tasks):
            task = self.tasks[name]
            above = (self.tasks[parent].ancestors for parent in task.depends.names)
            task.ancestors = frozenset(task.depends.names).union(*above)


def _in_one_process(raw: dict[str, Any]) -> dict[str, Any]:
    """The template of a step with `@container` as one whose only container does all of it; any other as it is."""
    for container in raw.get("containerSet", {}).get("containers", []):
        if not _is_part(container):
            continue
        env = [item for item in container["env"] if item["name"] != env_names.CONTAINER_PART]
        mounts = [*container.get("volumeMounts", []), *raw["containerSet"].get("volumeMounts", [])]
        others = [item for item in raw.get("initContainers", []) if not _is_part(item)]
        kept = {key: value for key, value in raw.items() if key not in ("containerSet", "initContainers")}
        kept |= {"initContainers": others} if others else {}
        return {**kept, "container": {**container, "env": env, "volumeMounts": mounts}}
    return raw


OTHERS = frozenset({"initContainers", "sidecars"})
"""Fields of a template with containers beside that of the step."""


def _is_part(container: Mapping[str, Any]) -> bool:
    """Whether a container is flowc's own, beside that of a step with `@container`."""
    return any(item.get("name") == env_names.CONTAINER_PART for item in container.get("env", []))


_UNUSED = frozenset({"nodeSelector", "tolerations", "affinity"})


@dataclass(frozen=True)
class Spec:
    """A spec to execute."""

    name: str
    namespace: str
    uid: str
    metadata: Mapping[str, Any]
    raw: Mapping[str, Any]
    templates: Mapping[str, Template]
    entrypoint: str
    on_exit: str | None
    arguments: Mapping[str, str]

    @property
    def parallelism(self) -> int:
        """The most pods at a time; 0 is no limit."""
        return int(self.raw.get("parallelism", 0))


def make_spec(manifest: Manifest, name: str, uid: str) -> Spec:
    """The spec of a manifest, its graphs not yet checked. Raises DependsError."""
    raw = manifest.spec
    arguments = {item["name"]: item.get("value") for item in raw.get("arguments", {}).get("parameters", [])}
    return Spec(
        name=name,
        namespace=str(manifest.metadata.get("namespace", "default")),
        uid=uid,
        metadata=manifest.metadata,
        raw=raw,
        templates={item["name"]: Template(item) for item in raw.get("templates", [])},
        entrypoint=str(raw.get("entrypoint", "")),
        on_exit=raw.get("onExit"),
        arguments={key: as_text(value) for key, value in arguments.items() if value is not None},
    )


def topological(tasks: Mapping[str, Task]) -> list[str]:
    """The names of tasks, each after those that it depends on; those in a cycle are left out."""
    missing = {name: len(task.depends.names) for name, task in tasks.items()}
    dependents: dict[str, list[str]] = {name: [] for name in tasks}
    for task in tasks.values():
        for name in task.depends.names:
            dependents[name].append(task.name)
    ready = [name for name, count in missing.items() if not count]
    for name in ready:
        for other in dependents[name]:
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return ready


def _task(raw: dict[str, Any]) -> Task:
    return Task(raw["name"], raw["template"], raw, parse_depends(raw.get("depends", "")))


def _output(raw: dict[str, Any]) -> Output:
    source = raw["valueFrom"]
    default = as_text(source["default"]) if "default" in source else None
    return Output(raw["name"], source.get("path"), source.get("parameter"), default)


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: str | int) -> float:
    """The seconds of a duration (utils.go, ParseStringToDuration). Raises ValueError."""
    value = str(text).strip()
    if re.fullmatch(r"[+-]?\d+", value):
        return float(value)
    sign = -1.0 if value.startswith("-") else 1.0
    rest = value.lstrip("+-")
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part.group() for part in parts) != rest:
        raise ValueError(f"unable to parse {text!r} as a duration")
    return sign * sum(float(part.group(1)) * _UNITS[part.group(2)] for part in parts)
