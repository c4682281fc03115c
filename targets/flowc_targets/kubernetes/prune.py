"""Which ConfigMaps of flowc's in a namespace nothing needs any more: those of runtimes and code of earlier versions.

One is needed as long as an object has its name anywhere: a deployment, a run that has not ended well, since Argo may
retry it, or a pod. ConfigMaps of Airflow's DAG files are never touched, since no object of Kubernetes names them.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map
from flowc_targets.kubernetes.kubectl import delete_objects, list_objects
from flowc_targets.kubernetes.labels import ENGINE, FLOW, LABELS, RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DEPLOYMENTS = ("workflowtemplates.argoproj.io", "cronworkflows.argoproj.io", "sensors.argoproj.io")
_OF_CLUSTER = "clusterworkflowtemplates.argoproj.io"
_AGAIN = frozenset({"Failed", "Error"})
"""Phases of a Workflow that has ended, and that `argo retry` starts again."""


class Pruned(NamedTuple):
    """A ConfigMap, and why it stays."""

    name: str
    what: str
    """What it has: the runtime of a release, or the code of a flow."""
    size: int
    """Its bytes, as JSON."""
    kept: str | None
    """Why it stays; `None` where nothing needs it."""


class PruneResult(NamedTuple):
    """All ConfigMaps of flowc's, and what could not be looked at."""

    found: tuple[Pruned, ...]
    notes: tuple[str, ...]

    @property
    def unused(self) -> list[Pruned]:
        """Those that nothing needs."""
        return [item for item in self.found if item.kept is None]


def find_unused(namespace: str | None, grace_seconds: float, now: datetime) -> PruneResult:
    """The ConfigMaps of a namespace. One that is younger than the grace period stays. Raises EngineError FC610.

    Users are listed after the ConfigMaps: what comes in between is younger, or names one that is older and in use.
    """
    selector = ",".join(f"{key}={value}" for key, value in LABELS.items())
    maps = [item for item in list_objects("configmaps", namespace, "-l", selector) if _what(item) is not None]
    users, notes = _users(namespace) if maps else ({}, ())
    return PruneResult(tuple(_judged(item, users, grace_seconds, now) for item in maps), notes)


def remove(names: Sequence[str], namespace: str | None) -> None:
    """Delete ConfigMaps. Raises EngineError FC611."""
    if names:
        delete_objects("configmaps", names, namespace)


def _judged(item: dict[str, Any], users: dict[str, str], grace_seconds: float, now: datetime) -> Pruned:
    meta = as_map(item.get("metadata"))
    name = str(meta.get("name"))
    kept = users.get(name)
    age = (now - datetime.fromisoformat(str(meta.get("creationTimestamp")))).total_seconds()
    if kept is None and age < grace_seconds:
        kept = f"{age / 60:.0f} minutes old"
    size = sum(
        len(key) + len(value) for part in ("data", "binaryData") for key, value in as_map(item.get(part)).items()
    )
    return Pruned(name, _what(item) or "", size, kept)


def _what(item: dict[str, Any]) -> str | None:
    """What a ConfigMap has; `None` for one that is not of a Workflow's package."""
    labels = as_map(as_map(item.get("metadata")).get("labels"))
    if ENGINE in labels:
        return None
    if RELEASE in labels:
        return f"runtime of {labels[RELEASE]}"
    return f"code of {labels[FLOW]}" if FLOW in labels else None


def _users(namespace: str | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The names that objects which need them have, each with one of these; and what could not be listed."""
    users: dict[str, str] = {}
    notes: list[str] = []
    for item in _needing(namespace, notes):
        kind, name = item.get("kind"), as_map(item.get("metadata")).get("name")
        for text in _names(item):
            users.setdefault(text, f"{kind} {name}")
    return users, tuple(notes)


def _needing(namespace: str | None, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The objects that need what they name."""
    deployed = [item for kind in _DEPLOYMENTS for item in list_objects(kind, namespace)]
    yield from deployed
    try:
        yield from list_objects(_OF_CLUSTER, None)
    except EngineError as error:
        if '"clusterScope": true' in json.dumps(deployed):
            raise  # a schedule of this namespace runs one of them
        notes.append(f"not looked at: {error.message}")
    for item in list_objects("workflows.argoproj.io", namespace):
        status = as_map(item.get("status"))
        if status.get("phase") == "Succeeded":
            continue
        again = " (failed, and may be retried)" if status.get("phase") in _AGAIN else ""
        name = f"{as_map(item.get('metadata')).get('name')}{again}"
        stored = (status.get("storedWorkflowTemplateSpec"), status.get("storedTemplates"))
        yield {"kind": "Workflow", "metadata": {"name": name}, "spec": [item.get("spec"), *stored]}
    for item in list_objects("pods", namespace):
        if as_map(item.get("status")).get("phase") not in ("Succeeded", "Failed"):
            yield {"kind": "Pod", "metadata": item.get("metadata"), "spec": item.get("spec")}


def _names(item: object) -> Iterator[str]:
    """All texts in an object."""
    pending = [item]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending.extend(cast("dict[str, object]", value).values())
        elif isinstance(value, list):
            pending.extend(cast("list[object]", value))
