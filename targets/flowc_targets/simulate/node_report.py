"""The output of a run: progress while it runs, then the tree of its nodes, and counts."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from flowc_targets.base.live_table import LiveTable, StepProgress
from flowc_targets.simulate.workflow_nodes import FAILED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from flowc_targets.base.json_events import JsonEvents
    from flowc_targets.simulate.simulated_pods import Pod
    from flowc_targets.simulate.workflow_nodes import Node, Nodes

_MARKS = {"Succeeded": "+", "Failed": "x", "Error": "!", "Skipped": "-", "Omitted": "o", "Running": ">", "Pending": "."}
_WORDS = {"Error": "failed", "Omitted": "skipped"}
"""Phases that have other words outside of Argo."""
_WIDE = 6
"""Items of a fan-out that are shown one by one."""
_INDICES = re.compile(r"\([^)]*\)")
_LAST_LINES = 20
_PAUSE = 2.0
_LONG_WAIT = 5.0
_WAITS = re.compile(rb"^flowc: (?:(waiting \d+ s for .*)|the store .* answers again.*)\n", re.MULTILINE)
"""What the shim says while a store does not answer: see `flowc.store.retry`."""
_REFUSED = "flowc: StoreError: "
"""What the shim says where a store is no use to it."""
_WAIT_SECONDS = 10.0
"""How often one of the pods that wait is passed on."""
_NEWS = 1 << 16
"""Bytes of a log that are looked through at a time."""


class Progress:
    """Prints failures at once, and how far the run is: by a table on a terminal, else every other second."""

    def __init__(self, write: Callable[[str], None], *, output: bool, table: bool = False, quiet: bool = False) -> None:
        """`write` takes a line; `output` shows the output of every pod; `table` is for a terminal.

        `quiet` says nothing of what is well.
        """
        self._table = LiveTable("", lambda: steps_of(self._nodes.values()), _put) if table else None
        self._nodes: dict[str, Node] = {}
        self._write = write if self._table is None else self._write_above
        self._output = output
        self._pods: Counter[str] = Counter()
        self._last = time.monotonic()
        self._shown = ""
        self._has_rested = False
        self._quiet = quiet
        self._read: dict[str, int] = {}
        """How far the logs of pods have been looked through, by the ids of their nodes."""
        self._passed_on: set[tuple[str, str]] = set()
        self._next_wait = 0.0
        self._root: str | None = None
        self.way_out = ""
        """What to do about the store of the manifest, where a pod has waited for it."""

    def note(self, text: str) -> None:
        """Say something of the run."""
        if not self._quiet:
            self._write(text)

    def begin(self, root: str | None) -> None:
        """The run begins; its store is `root`, or that of the manifest."""
        self._root = root

    def ended(self, status: str, seconds: float, error: str) -> None:
        """The run has ended: the tree of its nodes says how."""

    def interrupted(self) -> None:
        """Somebody has ended the run."""
        self._write("interrupted")

    def made(self, pod: Pod) -> None:
        """A pod is to run."""

    def changed(self, node: Node) -> None:
        """A node has a new phase."""
        if self._table is not None:
            self._table.title = self._table.title or node.name
            self._nodes[node.id] = node
        if node.type == "Pod":
            self._pods[node.phase] += 1
        elif node.phase == "Error" or (node.phase in FAILED and not node.retried):
            self._write(f"{node.phase}: {node.name}{f': {node.message}' if node.message else ''}")

    def logged(self, pod: Pod, log: Path, *, failed: bool) -> None:
        """A pod has ended."""
        if not (failed or self._output):
            return
        lines = log.read_text(errors="replace").splitlines()
        if failed and any(line.startswith(_REFUSED) for line in lines):
            self._suggest_root()
        if not self._output:
            lines = lines[-_LAST_LINES:]
        for line in lines:
            if (pod.node.id, line) not in self._passed_on:
                self._print(pod, line)

    def _print(self, pod: Pod, line: str) -> None:
        self._write(f"[{pod.node.name}] {line}")

    def printed(self, pod: Pod, log: Path) -> None:
        """A pod that runs may have printed something: pass on at once that it waits for its store."""
        before = self._read.get(pod.node.id, 0)
        with contextlib.suppress(OSError), log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            if size == before:
                return
            file.seek(max(before, size - _NEWS))
            news = file.read(_NEWS)
            self._read[pod.node.id] = size - (len(news) - (news.rfind(b"\n") + 1))
            for match in _WAITS.finditer(news):
                self._waited(pod, match.group().decode("utf-8", "replace").rstrip("\n"), waits=match[1] is not None)

    def _waited(self, pod: Pod, line: str, *, waits: bool) -> None:
        if waits and time.monotonic() < self._next_wait:
            return
        if waits:
            self._next_wait = time.monotonic() + _WAIT_SECONDS
        self._passed_on.add((pod.node.id, line))
        self._print(pod, line)
        if waits:
            self._suggest_root()

    def _suggest_root(self) -> None:
        if self._root is None and not self.way_out:
            self.way_out = "a pod cannot use the root that the manifest was compiled with; --root FOLDER uses another"
            self._write(self.way_out)

    def rests(self, node: Node, seconds: float) -> None:
        """A node waits for its next attempt. Of a long wait, the first one says how to go on without."""
        if seconds >= _LONG_WAIT and not self._has_rested and not self._quiet:
            self._has_rested = True
            text = f"{node.name} waits {seconds:.0f} s for its next attempt, as its @retry says"
            self._write(f"{text}: --backoff 0 does not wait")

    def tick(self, waiting: int, resting: int = 0) -> None:
        """Time has passed; `waiting` pods have no place, and `resting` nodes wait for their next attempt."""
        if self._table is not None:
            self._table.tick()
            return
        if self._quiet:
            return
        if time.monotonic() - self._last < _PAUSE:
            return
        self._last = time.monotonic()
        pods = self._pods
        done = pods["Succeeded"] + pods["Failed"] + pods["Error"]
        text = f"{done} pods done, {pods['Running'] - done} running, {waiting} waiting"
        text += f", {resting} waiting for a retry" if resting else ""
        if text != self._shown:
            self._write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")
            self._shown = text

    def close(self) -> None:
        """The run has ended: the last table stays."""
        if self._table is not None:
            self._table.close()

    def _write_above(self, line: str) -> None:
        assert self._table is not None
        self._table.write(sys.stderr, f"{line}\n")


class JsonProgress(Progress):
    """Writes what happens as JSON, an object a line."""

    def __init__(self, events: JsonEvents) -> None:
        super().__init__(lambda text: events.event("note", text=text), output=True)
        self._events = events
        self._tasks: dict[str, str] = {}
        """Those of pods, by the ids of their nodes."""
        self._failed: dict[str, Any] | None = None
        self._done: set[str] = set()
        self._begun = time.monotonic()

    def begin(self, root: str | None) -> None:
        """The first line."""
        super().begin(root)
        self._begun = time.monotonic()
        self._events.started(root)

    def interrupted(self) -> None:
        """The last line, where somebody has ended the run."""
        self.ended("interrupted", time.monotonic() - self._begun, "")

    def made(self, pod: Pod) -> None:
        """Note which task it runs."""
        self._tasks[pod.node.id] = _task_of(pod)

    def changed(self, node: Node) -> None:
        """A pod runs, or is over."""
        task = self._tasks.get(node.id)
        if task is None:
            super().changed(node)
        elif node.phase != "Pending":
            event = {"task": task, "phase": _WORDS.get(node.phase, node.phase.lower()), "message": node.message or None}
            self._events.event("task", **event, node=node.name)
            if node.phase == "Succeeded":
                self._done.add(task)
            if node.phase in FAILED:
                self._failed = {**event, "node": node.name}

    def _print(self, pod: Pod, line: str) -> None:
        self._events.event("output", task=_task_of(pod), stream=None, text=line)

    def tick(self, waiting: int, resting: int = 0) -> None:
        """Nothing is due."""

    def ended(self, status: str, seconds: float, error: str) -> None:
        """The last line."""
        tasks = len(self._done)
        failed = None if status == "successful" else self._failed
        self._events.event(
            "run_finished", status=status, tasks=tasks, seconds=round(seconds, 3), error=error or None, failed=failed
        )


def _task_of(pod: Pod) -> str:
    """`step/index` of the task that a pod runs; of other pods the name of their node."""
    words = pod.arguments()
    options = {name: value for name, value in itertools.pairwise(words) if name.startswith("--")}
    step, index = options.get("--step"), options.get("--index", "-")
    if step is None:
        return pod.node.name
    return step if index in ("-", "") else f"{step}/{index}"


def steps_of(nodes: Iterable[Node]) -> list[StepProgress]:
    """How far each task of a DAG with pods is, by its name without items. A pod and its further attempts are one."""
    nodes = list(nodes)
    attempts = {child for node in nodes if node.type == "Retry" for child in node.children}
    now, wall = time.monotonic(), time.time()
    found: dict[str, StepProgress] = {}
    for node in nodes:
        if node.type != "Retry" and (node.type != "Pod" or node.id in attempts):
            continue
        name = _INDICES.sub("", node.name).rpartition(".")[2].removeprefix("s-")
        step = found.setdefault(name, StepProgress(name))
        step.total += 1
        step.done += node.phase == "Succeeded"
        step.failed += node.phase in FAILED
        step.running += node.phase == "Running"
        if node.phase != "Pending":
            began = now - (wall - (node.running or node.started))
            step.began = began if step.began is None else min(began, step.began)
        step.changed = max(step.changed, now - (wall - node.finished) if node.finished else 0.0)
    return list(found.values())


def _put(file: TextIO, text: str) -> None:
    file.write(text)
    file.flush()


def tree(nodes: Nodes) -> Iterator[str]:
    """The nodes of a run as lines, the tasks of each DAG below it; wide fan-outs are summarized."""
    inside: dict[str, list[Node]] = {}
    for node in nodes.by_id.values():
        inside.setdefault(node.boundary, []).append(node)
    for top in inside.get("", []):
        yield from _lines(nodes, inside, top, top.name, 0)


def counts(nodes: Nodes) -> Iterator[str]:
    """How many nodes there are of each template and type in each phase."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for node in nodes.by_id.values():
        found.setdefault((node.template, node.type), Counter())[node.phase] += 1
    width = max(len(template) for template, _ in found)
    for (template, kind), phases in sorted(found.items()):
        yield f"{template:{width}}  {kind:9}  {_phases(phases)}"
    yield f"{len(nodes.by_id)} nodes, {len(nodes.lost)} lost to colliding ids"


def as_json(nodes: Nodes) -> dict[str, Any]:
    """The nodes as the Workflow's `status.nodes` has them, by id."""
    return {
        node.id: {
            "id": node.id,
            "name": node.name,
            "type": node.type,
            "phase": node.phase,
            "templateName": node.template,
            **({"boundaryID": node.boundary} if node.boundary else {}),
            **({"message": node.message} if node.message else {}),
            **({"children": list(node.children)} if node.children else {}),
            **({"outputs": {"parameters": _parameters(node.outputs)}} if node.outputs else {}),
        }
        for node in nodes.by_id.values()
    }


def _parameters(outputs: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in outputs.items()]


def _lines(nodes: Nodes, inside: dict[str, list[Node]], node: Node, name: str, depth: int) -> Iterator[str]:
    seconds = (
        f"  {node.finished - (node.running or node.started):.1f}s"
        if node.type in {"Pod", "DAG"} and node.finished
        else ""
    )
    message = f"  {node.message}" if node.message else ""
    children = [nodes.by_id[child] for child in node.children] if node.type in {"TaskGroup", "Retry"} else []
    if node.type == "TaskGroup":
        message = f"  {len(children)} items: {_phases(Counter(child.phase for child in children))}{message}"
    if node.type == "Retry":
        message = f"  attempts: {len(children)}{message}"
    yield f"{'  ' * depth}{_MARKS[node.phase]} {name}  {node.phase}{seconds}{message}"
    if node.type == "TaskGroup" and len(children) > _WIDE:
        children = [child for child in children if child.phase in FAILED][:_WIDE]
    below = {id_ for other in inside.get(node.id, []) if other.type in {"TaskGroup", "Retry"} for id_ in other.children}
    if node.type == "DAG":
        children = [child for child in inside.get(node.id, []) if child.id not in below]
    for child in children:
        short = child.name.removeprefix(node.name).lstrip(".")
        yield from _lines(nodes, inside, child, short, depth + 1)


def _phases(phases: Counter[str]) -> str:
    return ", ".join(f"{count} {phase}" for phase, count in sorted(phases.items()))
