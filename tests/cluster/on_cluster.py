"""Random flows on the cluster: several at once, each watched until it ends or does nothing for too long."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc import Run
from tests.cluster.cluster import ML_IMAGE, PYTHON_IMAGE, Cluster

if TYPE_CHECKING:
    from tests.cluster.cluster import Submitted
    from tests.cluster.random_runs import Case

ENDED = {"Succeeded", "Failed", "Error"}


@dataclass
class _Watched:
    case: Case
    submitted: Submitted
    manifest: str
    began: float
    moved: float
    """When it was last seen to do something."""
    seen: str = ""
    runs: int = 1
    """How many there have been of its case."""


class OnCluster:
    """`at_once` workflows at most; `silence` is how many seconds one may stand still before it is stopped."""

    def __init__(self, cluster: Cluster, at_once: int, silence: float) -> None:
        self._cluster = cluster
        self._at_once, self._silence = at_once, silence
        self._watched: dict[str, _Watched] = {}

    @property
    def busy(self) -> int:
        """How many are on their way."""
        return len(self._watched)

    @property
    def room(self) -> bool:
        """Whether another may be started."""
        return self.busy < self._at_once

    def compile(self, case: Case) -> tuple[str, str]:
        """What `flowc compile` prints, and what it says."""
        image = ML_IMAGE if case.drawn.needs_numpy else PYTHON_IMAGE
        # A name of its own for each: what is deleted is then nobody else's.
        options = ("--set", f"name=random-{case.drawn.name}-{self._cluster.prefix[-6:]}")
        return self._cluster.try_compile(case.file, *options, *case.given, image=image)

    def start(self, case: Case, manifest: str) -> None:
        """Apply a manifest."""
        self._apply(case, manifest, time.monotonic(), 1)

    def _apply(self, case: Case, manifest: str, began: float, runs: int) -> None:
        submitted = self._cluster.apply(manifest)
        self._watched[submitted.name] = _Watched(case, submitted, manifest, began, time.monotonic(), runs=runs)

    def poll(self) -> list[Case]:
        """Cases that have ended since, compared and their objects deleted."""
        if not self._watched:
            return []
        found = self._cluster.get("--ignore-not-found", "workflows", *self._watched)
        items = found.get("items", [found] if "metadata" in found else [])
        there = {item["metadata"]["name"]: item.get("status", {}) for item in items}
        done = [each for name, each in self._watched.items() if self._look(each, there.get(name))]
        for each in done:
            del self._watched[each.submitted.name]
            self._cluster.forget(each.manifest)
            if each.case.state == "same" and each.runs < each.case.runs:
                each.case.state = None
                name = each.submitted.name
                self._apply(each.case, each.manifest.replace(name, f"{name}-again"), each.began, each.runs + 1)
        return [each.case for each in done if each.case.state is not None]

    def _look(self, each: _Watched, status: dict[str, Any] | None) -> bool:
        """Whether it is over; its case then says how."""
        now = time.monotonic()
        if status is None:
            return _end(each, "differs", "the Workflow is gone: somebody deleted it")
        nodes: dict[str, Any] = status.get("nodes", {})
        if status.get("phase") in ENDED:
            pods = [node for node in nodes.values() if node.get("type") == "Pod"]
            each.case.pods = len(pods)
            return self._compare(each, status)
        seen = json.dumps([(name, node.get("phase"), node.get("message")) for name, node in nodes.items()])
        if seen != each.seen:
            each.seen, each.moved = seen, now
        if now - each.moved < self._silence:
            return False
        self._cluster.stop(each.submitted.name)
        waits = [f"{node['displayName']} {node.get('phase')} {node.get('message', '')}" for node in nodes.values()]
        return _end(each, "hung", f"nothing for {self._silence:.0f} s: {'; '.join(waits)[:2000]}")

    def _compare(self, each: _Watched, status: dict[str, Any]) -> bool:
        case, submitted = each.case, each.submitted
        run = Run(f"{submitted.flow}/argo-{submitted.uid}", root=submitted.root, _namespace_check=False)
        found = case.compare(run, ok=status["phase"] == "Succeeded")
        if not found:
            return _end(each, "same")
        told = [f"Argo: {status['phase']} {status.get('message', '')}", *_messages(status), self._logs(submitted)]
        return _end(each, "differs", *found, *told)

    def _logs(self, submitted: Submitted) -> str:
        try:
            return submitted.logs()
        except AssertionError as error:  # its pods may be gone
            return str(error)


def _messages(status: dict[str, Any]) -> list[str]:
    nodes: list[dict[str, Any]] = list(status.get("nodes", {}).values())
    return [f"  {node['displayName']}: {node['phase']} {node['message']}" for node in nodes if node.get("message")]


def _end(each: _Watched, state: Any, *found: str) -> bool:
    each.case.state, each.case.found = state, list(found)
    each.case.seconds = time.monotonic() - each.began
    return True
