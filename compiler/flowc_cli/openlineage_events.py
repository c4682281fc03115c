"""A run as events of OpenLineage, made of what its store has of it, on whichever engine it ran.

The run is a job named as the flow, each attempt of a task one named `Flow.step` whose parent that is. Its datasets are
the artifacts that it read and made: `Flow/step/name`, named by the step that made them, with the hash as the version.
What was taken over or cached did not run, and has no events. Needs the extra `flowc[openlineage]`.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc._version import __version__
from flowc.errors import CorruptArtifact, FlowError, ProtocolError
from flowc.store import artifacts
from flowc_cli.inert_values import Table, inert_value, recognized
from flowc_cli.output import write_content
from flowc_cli.run_lineage import foreach_variable, origin_of, read_of
from flowc_cli.run_tasks import TaskRecord, read_tasks
from flowc_cli.step_reads import RunReads, StepReads
from flowc_cli.stored_runs import ended_at, engine_of
from flowc_cli.task_graph import TaskGraph, TaskKey
from flowc_cli.value_texts import LARGE

if TYPE_CHECKING:
    from flowc.client import Run
    from flowc.client.attempts import Attempt

NAMESPACE = "flowc"
"""The namespace of jobs, unless OPENLINEAGE_NAMESPACE says another."""
PRODUCER = f"https://flowc.example/docs/{__version__}"


class _Value(NamedTuple):
    """A value, by the step that made it."""

    step: str
    name: str
    ref: Mapping[str, Any]
    """Empty where inputs of a join have several values."""


def send_run(run: Run, place: str) -> int:
    """Write the events of a run: to a server with an http(s) URL, else as lines of JSON into a file, or to `-`.

    A file is written anew. OPENLINEAGE_API_KEY is the key for a server. Returns how many events there are. Raises
    FlowError.
    """
    events = list(_RunEvents(run).events())
    if place.startswith(("http://", "https://")):
        _post(events, place)
        return len(events)
    to_json = _library("serde").Serde.to_json
    text = "".join(f"{to_json(event)}\n" for event in events)
    if place == "-":
        write_content(text)
        return len(events)
    try:
        Path(place).write_text(text, encoding="utf-8")
    except OSError as error:
        raise FlowError(f"the events cannot be written: {error}") from None
    return len(events)


def _library(module: str) -> Any:
    """A module of OpenLineage's client. Raises FlowError."""
    try:
        return import_module(f"openlineage.client.{module}")
    except ImportError as error:
        raise FlowError(f"OpenLineage's client is not installed: pip install 'flowc[openlineage]' ({error})") from None


def _post(events: Sequence[Any], url: str) -> None:
    http = _library("transport.http")
    key = os.environ.get("OPENLINEAGE_API_KEY")
    auth = {"auth": http.ApiKeyTokenProvider({"apiKey": key})} if key else {}
    client = _library("client").OpenLineageClient(transport=http.HttpTransport(http.HttpConfig(url=url, **auth)))
    for number, event in enumerate(events):
        try:
            client.emit(event)
        except Exception as error:  # of whatever library it sends with
            raise ProtocolError(f"{url} has taken {number} of {len(events)} events: {error}") from None


class _RunEvents:
    """Makes the events of one run."""

    def __init__(self, run: Run) -> None:

        self._classes = _library("event_v2")
        self._facets = _library("facet_v2")
        self._run = run
        self._record = read_tasks(run)
        self._graph = TaskGraph(run.graph)
        self._reads = RunReads().of(run)
        self._namespace = os.environ.get("OPENLINEAGE_NAMESPACE") or NAMESPACE
        self._id = self._run_id()
        self._parent = self._facets.parent_run.ParentRunFacet(
            run=self._facets.parent_run.Run(runId=self._id),
            job=self._facets.parent_run.Job(namespace=self._namespace, name=run.layout.flow),
            producer=PRODUCER,
        )
        self._engine = self._facets.processing_engine_run.ProcessingEngineRunFacet(
            version=__version__, name=engine_of(run) or "unknown", producer=PRODUCER
        )
        self._tasks = {(task.step, task.path): task for task in self._record.tasks}
        self._manifests: dict[TaskKey, dict[str, Any]] = {}
        self._held: dict[str, dict[tuple[int, ...], None]] = {}
        self._made: dict[TaskKey, dict[str, _Value]] = {}
        """The artifacts of each task, with who made them."""

    def events(self) -> Iterator[Any]:
        """The run's start, those of each attempt in the order of the graph, and the run's end."""

        if self._record.created:
            yield self._of_run(self._classes.RunState.START, self._record.created)
        order = self._graph.names({task.step for task in self._record.tasks})
        for key in sorted(self._tasks, key=lambda key: (order.index(key[0]), key[1])):
            yield from self._of_task(key, self._tasks[key])
        ended = ended_at(self._run)
        states = {"successful": self._classes.RunState.COMPLETE, "failed": self._classes.RunState.FAIL}
        if self._record.status != "running":
            last = max((task.ended or 0.0 for task in self._record.tasks), default=0.0)
            yield self._of_run(
                states.get(self._record.status, self._classes.RunState.ABORT), ended or last or self._record.created
            )

    def _kind(self, kind: str) -> Any:
        return self._facets.job_type_job.JobTypeJobFacet("BATCH", "FLOWC", kind, producer=PRODUCER)

    def _of_run(self, state: Any, at: float) -> Any:

        job = self._classes.Job(self._namespace, self._run.layout.flow, {"jobType": self._kind("FLOW")})
        run = self._classes.Run(self._id, {"processing_engine": self._engine})
        return self._classes.RunEvent(eventType=state, eventTime=_time(at), run=run, job=job, producer=PRODUCER)

    def _of_task(self, key: TaskKey, task: TaskRecord) -> Iterator[Any]:
        manifest = self._manifest(key, task)
        had = self._had(key)
        own = self._own(key, manifest, had)
        if manifest and origin_of(manifest, self._run) is not None:
            return
        inputs = [value for name, (value, item) in had.items() if self._is_read(key, manifest, name, item)]
        outputs = [value for name, value in own.items() if name not in had or value != had[name][0]]
        for attempt in task.attempts:
            done = attempt.number == task.committed
            yield from self._of_attempt(key, task, attempt, inputs, outputs if done else [])

    def _of_attempt(
        self, key: TaskKey, task: TaskRecord, attempt: Attempt, inputs: list[_Value], outputs: list[_Value]
    ) -> Iterator[Any]:

        job = self._classes.Job(self._namespace, f"{self._run.layout.flow}.{key[0]}", {"jobType": self._kind("TASK")})
        facets: dict[str, Any] = {"parent": self._parent, "processing_engine": self._engine}
        read = [self._dataset(self._classes.InputDataset, value) for value in inputs]
        identity = self._run_id(task.id, str(attempt.number))
        started = attempt.started if attempt.started is not None else attempt.ended
        if started is not None:
            run = self._classes.Run(identity, facets)
            yield self._classes.RunEvent(
                eventType=self._classes.RunState.START,
                eventTime=_time(started),
                run=run,
                job=job,
                inputs=read,
                producer=PRODUCER,
            )
        if attempt.state == "running":
            return
        if attempt.failure is not None:
            message = f"{attempt.failure['type']}: {attempt.failure['message']}"
            trace = str(attempt.failure["traceback"]) or None
            error = self._facets.error_message_run.ErrorMessageRunFacet(message, "PYTHON", trace, producer=PRODUCER)
            facets = {**facets, "errorMessage": error}
        states = {"successful": self._classes.RunState.COMPLETE, "failed": self._classes.RunState.FAIL}
        ended = attempt.ended or (attempt.failure or {}).get("created") or started or self._record.created
        yield self._classes.RunEvent(
            eventType=states.get(attempt.state, self._classes.RunState.ABORT),
            eventTime=_time(float(ended)),
            run=self._classes.Run(identity, facets),
            job=job,
            inputs=read,
            outputs=[self._dataset(self._classes.OutputDataset, value) for value in outputs],
            producer=PRODUCER,
        )

    def _dataset(self, kind: Any, value: _Value) -> Any:

        facets: dict[str, Any] = {}
        if "hash" in value.ref:
            digest = str(value.ref["hash"])
            facets["version"] = self._facets.dataset_version_dataset.DatasetVersionDatasetFacet(
                digest, producer=PRODUCER
            )
        columns = self._columns(value)
        if columns:
            fields = [
                self._facets.schema_dataset.SchemaDatasetFacetFields(name=name, type=kind) for name, kind in columns
            ]
            facets["schema"] = self._facets.schema_dataset.SchemaDatasetFacet(fields, producer=PRODUCER)
        name = f"{self._run.layout.flow}/{value.step}/{value.name}"
        return kind(namespace=self._run.root, name=name, facets=facets)

    def _columns(self, value: _Value) -> list[tuple[str, str]]:
        """The columns of a table of pandas'. Nothing is unpickled."""
        if not str(value.ref.get("type", "")).endswith("DataFrame") or value.ref["size"] > LARGE:
            return []
        layout = self._run.layout
        try:
            stored = artifacts.load_stored(layout.store, layout.flow, value.name, dict(value.ref))
            found = recognized(inert_value(stored))
        except (CorruptArtifact, ValueError):
            return []  # its version names it as well
        return list(found.columns) if isinstance(found, Table) else []

    def _manifest(self, key: TaskKey, task: TaskRecord) -> dict[str, Any]:
        if task.committed is not None and not task.problem:
            self._manifests[key] = self._run.layout.manifest(*key, task.committed)
            self._held.setdefault(key[0], {})[key[1]] = None
        return self._manifests.get(key, {})

    def _had(self, key: TaskKey) -> dict[str, tuple[_Value, bool]]:
        """What a task began with, by its name there, each with whether it was given an item of it."""
        step = key[0]
        held = self._held
        found: dict[str, tuple[_Value, bool]] = {}
        if self._graph.is_pipeline:
            for other in self._graph.ancestors(step):
                for before in self._graph.related(other, key, held):
                    for name, value in self._made.get(before, {}).items():
                        kept = found.setdefault(f"{other}.{name}", (value, False))[0]
                        if not _are_same(kept.ref, value.ref):
                            found[f"{other}.{name}"] = (_Value(other, name, {}), False)
            return found
        for before in self._graph.before(key, held, self._choice):
            manifest = self._manifests[before]
            variable = foreach_variable(manifest) if self._graph.opens(before[0], step) else None
            for name, value in self._made.get(before, {}).items():
                kept = found.setdefault(name, (value, name == variable))[0]
                if kept.step == value.step and not _are_same(kept.ref, value.ref):
                    found[name] = (_Value(value.step, name, {}), False)
        return found

    def _own(
        self, key: TaskKey, manifest: Mapping[str, Any], had: Mapping[str, tuple[_Value, bool]]
    ) -> dict[str, _Value]:
        own: dict[str, _Value] = {}
        for name, ref in manifest.get("artifacts", {}).items():
            before = had.get(name)
            passed = before is not None and _are_same(before[0].ref, ref)
            own[name] = before[0] if passed and before is not None else _Value(key[0], name, ref)
        self._made[key] = own
        return own

    def _is_read(self, key: TaskKey, manifest: Mapping[str, Any], name: str, item: bool) -> bool:
        known: StepReads | None = self._reads.get(key[0])
        return read_of(name, manifest, known, self._graph.is_pipeline, item=item) not in ("no", "")

    def _choice(self, key: TaskKey) -> str | None:
        choice = self._manifests[key].get("choice")
        return None if choice is None else str(choice)

    def _run_id(self, *parts: str) -> str:
        """The same whenever the events are made again, so that a server knows them."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join([self._run.root, self._run.pathspec, *parts])))


def _are_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return "hash" in one and "hash" in other and artifacts.same(dict(one), dict(other))


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
