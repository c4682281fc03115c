"""What the store has of a run, as its page shows it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flowc.client import Run, Step, StoredValue, Task
from flowc.client.attempts import Attempt
from flowc.client.log_records import LogRecord, whole_lines
from flowc.errors import CorruptArtifact, FlowError
from flowc.store import artifacts
from flowc.store.run_layout import index_text
from flowc_cli.drawing.graph_document import GraphDocument
from flowc_cli.lenient_layout import damage_error
from flowc_cli.reporting.card_views import card_views, stored_cards
from flowc_cli.reporting.code_graph import run_graph, stored_code
from flowc_cli.reporting.run_view import (
    ArtifactView,
    AttemptRow,
    AttemptView,
    CodeView,
    FailureView,
    LogRow,
    RunView,
    StepView,
    TaskRow,
    TaskView,
    TextView,
)
from flowc_cli.reporting.value_views import value_view
from flowc_cli.run_tasks import RunTasks, StepRecord, TaskRecord, read_tasks
from flowc_cli.stored_logs import log_of
from flowc_cli.stored_runs import engine_of, size_text
from flowc_cli.value_texts import LARGE

DETAILED = 25
"""How many tasks of a step a file has with artifacts and logs."""
PAGE_BYTES = 24 << 20
"""Values, and logs, and cards beyond that many bytes are left out, or shortened."""
LOG_BYTES = 64 << 10
"""Of the log of an attempt, its end."""
_SHORT_LOG = 2 << 10


class Snapshot:
    """A run as it is now. What cannot change any more is read once, however often it is looked at."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.code: CodeView | None = None
        self.graph: GraphDocument | None = None
        self.record: RunTasks | None = None
        self._views: dict[tuple[str, int], TaskView] = {}
        """Those of tasks that have ended, by task and number of attempts."""
        self._values: dict[str, Any] = {}
        self._size = self._logged = self._drawn = 0
        """Characters of values, of logs, and of cards."""

    def refresh(self) -> RunView:
        """Read what is new, and return the run without details of tasks."""
        run = self.run
        if self.code is None:
            self.code = stored_code(run)
        if self.graph is None or not self.graph.edges:
            self.graph = run_graph(run, self.code)
        record = self.record = read_tasks(run)
        created, state = record.created, record.status
        steps = self._steps(self.graph, record)
        hosts: dict[str, int] = {}
        return RunView(
            flow=run.layout.flow,
            run=run.id,
            engine="local" if run.record else engine_of(run),
            state=state,
            created=created,
            now=round(time.time() - created, 3),
            ended=None if state == "running" else self._ended(record),
            open=record.open and state == "running",
            doc=self.graph.doc,
            user=str(run.record.get("user") or ""),
            root=run.root,
            origin=run.origin_pathspec or "",
            tags=tuple(sorted(run.user_tags)),
            steps=tuple(steps.values()),
            tasks=_rows(record, {name: place for place, name in enumerate(steps)}, hosts),
            hosts=tuple(hosts),
            code=self.code,
        )

    def _ended(self, record: RunTasks) -> float | None:
        try:
            ended = self.run.finished_at
        except FlowError:
            ended = None
        times = [task.ended for task in record.tasks if task.ended is not None and task.ran_elsewhere is None]
        moment = ended.timestamp() if ended is not None else max(times, default=None)
        return None if moment is None else round(moment - record.created, 3)

    def _steps(self, graph: GraphDocument, record: RunTasks) -> dict[str, StepView]:
        """The steps of the graph in its order, and those that only the store knows."""
        parents = {scope.id: scope.parent for scope in graph.scopes}
        known: dict[str, StepRecord] = {step.name: step for step in record.steps}
        found: dict[str, StepView] = {}
        for node in graph.nodes:
            found[node.id] = StepView(
                name=node.id,
                kind=node.kind,
                doc=node.doc,
                call=node.call,
                virtual=node.virtual,
                file=node.file,
                line=node.line,
                facts=tuple((fact.name, fact.text) for fact in node.facts),
                depth=_depth(node.scope, parents),
                total=known[node.id].expected if node.id in known else 0,
                open=known[node.id].totals.open if node.id in known else True,
            )
        for name, step in known.items():
            if step.tasks:
                found.setdefault(name, StepView(name=name, total=step.expected))
        return found

    def whole(self, detailed: int = DETAILED, *, whole_elsewhere: bool = False) -> RunView:
        """The run with the details of as many tasks of each step, those that have failed before others.

        The page says that there are more, unless it gets them elsewhere.
        """
        self._logged = self._drawn = 0
        view = self.refresh()
        assert self.record is not None
        tasks = list(self.record.tasks)
        chosen = _chosen(tasks, detailed)
        details = {item.id: self.task_view(item) for item in chosen}
        keys = {artifact.value for view in details.values() for artifact in view.artifacts}
        parameters = self.parameters()
        notes: list[str] = list(_damages(self.run))
        if len(chosen) < len(tasks) and not whole_elsewhere:
            shown = f"{len(chosen):,} of {len(tasks):,} tasks"
            notes.append(
                f"Artifacts and logs of {shown} are in this file; flowc report --details and flowc ui have more."
            )
        return view.model_copy(
            update={
                "details": details,
                "parameters": parameters,
                "values": self.values([*sorted(keys), *(item.value for item in parameters)]),
                "notes": tuple(notes),
            }
        )

    def parameters(self) -> tuple[ArtifactView, ...]:
        """The run's parameters."""
        try:
            refs = self.run.layout.kept_parameters() or {}
        except CorruptArtifact:
            return ()
        return self._artifacts(refs)

    def task_view(self, item: TaskRecord) -> TaskView:
        """What is shown of a task alone."""
        key = (item.id, len(item.attempts))
        if key in self._views:
            return self._views[key]
        view = self._task_view(item)
        if item.ended is not None:
            self._views[key] = view
        return view

    def _task_view(self, item: TaskRecord) -> TaskView:
        attempts = {attempt.number: attempt.state == "successful" for attempt in item.attempts}
        task = Task.of(Step.of(self.run, item.step, {item.path: attempts}), item.path, attempts)
        refs: Mapping[str, Any] = {}
        with contextlib.suppress(FlowError):
            refs = task.references
        return TaskView(
            attempts={attempt.number: self._attempt(task, attempt) for attempt in item.attempts},
            artifacts=self._artifacts(refs),
            cards=tuple(self._cards(task, item)),
            origin=item.origin or "",
            problem=item.problem,
        )

    def _attempt(self, task: Task, attempt: Attempt) -> AttemptView:
        """What an attempt has left to read; of logs less where there are many."""
        failure = attempt.failure
        found = (
            None
            if failure is None
            else FailureView(
                type=str(failure.get("type", "")),
                message=str(failure.get("message", "")),
                traceback=str(failure.get("traceback", "")),
            )
        )
        stored = log_of(task, attempt.number)
        if stored is None:
            return AttemptView(failure=found, has_log=False)
        lines = list(whole_lines(stored.records()))
        if found is not None:
            lines = without_traceback(lines, found.traceback)
        rows, cut = log_rows(lines, attempt.started, LOG_BYTES if self._logged < PAGE_BYTES else _SHORT_LOG)
        self._logged += sum(len(row.text) for row in rows)
        return AttemptView(failure=found, log=rows, cut=cut)

    def _cards(self, task: Task, item: TaskRecord) -> list[dict[str, Any]]:
        """The cards of the attempt that counts; of one that failed or still runs, its own."""
        number = item.last.number if item.committed is None else item.committed
        cards = [] if item.problem else stored_cards(task, number)
        self._drawn += len(str(cards)) if cards else 0
        if self._drawn > PAGE_BYTES:
            text = "The cards of this run are too large for one page: ask for fewer --details."
            cards = [{"components": [{"kind": "error", "text": text}]}] if cards else []
        return card_views(cards) if cards else []

    def values(self, keys: Iterable[str]) -> dict[str, Any]:
        """Views of values by their keys, which artifacts have."""
        return {key: self._values[key] for key in keys}

    def _artifacts(self, refs: Mapping[str, Any]) -> tuple[ArtifactView, ...]:
        return tuple(
            ArtifactView(
                name=name, type=str(ref.get("type", "")), size=ref.get("size", 0), value=self._value(name, ref)
            )
            for name, ref in sorted(refs.items())
        )

    def _value(self, name: str, ref: Mapping[str, Any]) -> str:
        """The key of a value, whose view is made once for all tasks that have it."""
        key = str(ref.get("hash"))[:20]
        if key not in self._values:
            view = self._view(name, ref).model_dump(mode="json")
            self._size += len(str(view))
            self._values[key] = view
        return key

    def _view(self, name: str, ref: Any) -> Any:
        size = int(ref.get("size", 0))
        if size > LARGE or self._size > PAGE_BYTES:
            return TextView(text=f"{ref.get('type', 'a value')} of {size_text(size)}, which is not shown")
        try:
            stored: StoredValue = artifacts.load_stored(self.run.layout.store, self.run.layout.flow, name, ref)
            return value_view(stored)
        except (CorruptArtifact, ValueError) as error:
            return TextView(text=str(error))


def _damages(run: Run) -> tuple[str, ...]:
    """What is damaged, and so not shown."""
    found = damage_error(run, None)
    return (f"{found[0]}. {found[1]}.",) if found is not None else ()


def _rows(record: RunTasks, steps: Mapping[str, int], hosts: dict[str, int]) -> list[TaskRow]:
    def since(moment: float | None) -> float | None:
        return None if moment is None else round(moment - record.created, 3)

    rows: list[TaskRow] = []
    for task in record.tasks:
        attempts = [
            AttemptRow(
                attempt.number,
                attempt.state,
                since(attempt.started),
                since(attempt.ended),
                -1 if attempt.host is None else hosts.setdefault(attempt.host, len(hosts)),
            )
            for attempt in task.attempts
        ]
        ready = None if task.ran_elsewhere is not None else since(task.ready)
        path = index_text(task.path) if task.path else ""
        rows.append(TaskRow(steps[task.step], path, state_of(task), ready, attempts))
    return sorted(rows, key=lambda row: row.step)


def state_of(task: TaskRecord) -> str:
    """The state of a task in words: that of its last attempt, or how it came to count as done."""
    if task.done and task.origin is not None:
        return "taken over" if task.cached is None else "from the cache"
    return task.state


def _chosen(tasks: Sequence[TaskRecord], count: int) -> list[TaskRecord]:
    """Up to so many tasks of each step: those that have failed, then those that were tried again, then the first."""
    by_step: dict[str, list[TaskRecord]] = {}
    for item in tasks:
        by_step.setdefault(item.step, []).append(item)
    rank = {"failed": 0, "killed": 0, "caught": 1, "stopped": 2, "running": 2}
    found: list[TaskRecord] = []
    for items in by_step.values():
        ranked = sorted(items, key=lambda item: (rank.get(state_of(item), 4), -min(len(item.attempts), 2)))
        found += ranked[:count]
    return found


def _depth(scope: str | None, parents: Mapping[str, str | None]) -> int:
    depth = 0
    while scope is not None:
        depth, scope = depth + 1, parents.get(scope)
    return depth


def log_rows(
    lines: Sequence[LogRecord], started: float | None, most: int = LOG_BYTES
) -> tuple[tuple[LogRow, ...], int]:
    """The rows of the last `most` bytes, and how many lines of the beginning are left out."""
    first, left = len(lines), most
    while first and left > 0:
        first -= 1
        left -= len(lines[first].text) + 1
    rows: list[LogRow] = []
    for line in lines[first:]:
        text = line.text[-most:].decode("utf-8", "replace")
        seconds = round(line.time - started, 1) if line.time and started is not None else None
        last = rows[-1] if rows else None
        if last is not None and last.stream == line.stream and last.seconds == seconds:
            rows[-1] = last._replace(text=f"{last.text}\n{text}")
        else:
            rows.append(LogRow(seconds, line.stream, text))
    return tuple(rows), first


def without_traceback(lines: Sequence[LogRecord], traceback: str) -> list[LogRecord]:
    """The lines without those of a traceback at the end of the errors, which is shown by itself."""
    wanted = traceback.rstrip("\n").split("\n")
    errors = [place for place, line in enumerate(lines) if line.stream == "stderr"][-len(wanted) :]
    if [lines[place].text.decode("utf-8", "replace") for place in errors] != wanted:
        return list(lines)
    gone = set(errors)
    return [line for place, line in enumerate(lines) if place not in gone]
