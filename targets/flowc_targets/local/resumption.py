"""Resuming a run: finding it, its parameters, and the tasks that it has finished."""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from flowc.errors import CorruptArtifact, FlowError, ProtocolError, StoreError
from flowc.protocol.plan import Plan
from flowc.shim.argument_values import literal
from flowc.shim.graph_info import record_graph
from flowc.shim.takeover import Origin, agrees, copy_value
from flowc.store import open_store
from flowc.store.documents import CODE_RECORD, DATA, RESUMED
from flowc.store.run_layout import RunLayout, is_partial, run_names
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_targets.local.run_record import raise_unusable
from flowc_targets.local.task_environment import check_params
from flowc_targets.package.code_package import local_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc.store import Store
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import SourceFile
    from flowc_targets.local.options import ResumeOptions, RunOptions
    from flowc_targets.local.run_report import Reporter
    from flowc_targets.local.schedule import Schedule, TaskKey

BATCH = 256
"""Tasks that are looked up at a time."""
SHOWN = 5
"""How many runs are listed if the requested one does not exist."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """A run to resume."""

    layout: RunLayout
    plan: Plan
    parameters: Mapping[str, Any] | None
    """References of the parameters that it had; `None` when it ended before it had any."""
    texts: Mapping[str, str]
    """Its parameters as they were typed."""
    changed: bool
    """Whether the flow's file has changed since."""
    rerun: frozenset[str]

    def under_way(self) -> bool:
        """Whether the local engine still runs it. Raises StoreError."""
        from flowc.client import Flow, Run  # slow to import, and only needed here

        run = Run.of(Flow.of(self.layout.store, self.layout.flow), self.layout.run)
        return "owner" in run.record and not run.over

    @property
    def run_id(self) -> str:
        """The id of that run."""
        return self.layout.run

    def never_ran(self, step: str) -> bool:
        """Whether it has no task of a step: a switch didn't choose it, or the run didn't reach it."""
        return not self.layout.store.children(f"{self.layout.prefix}/{step}")

    def begin(self, target: RunLayout) -> None:
        """Write what a start task would write for the new run, in case it is taken over. Raises StoreError."""
        record_graph(target, self.plan)
        if self.parameters is not None:
            for name, ref in self.parameters.items():
                copy_value(self.layout, target, name, ref)
            target.keep_parameters(dict(self.parameters))

    def start_is_done(self) -> bool:
        """Whether the start task will be taken over."""
        step = self.plan.step(self.plan.start)
        path = (0,) if step.loops else ()
        attempt = None if step.name in self.rerun else self.layout.latest(step.name, path)
        try:
            return attempt is not None and agrees(step, self.layout.manifest(step.name, path, attempt))
        except CorruptArtifact:
            return False


def origin_configs(flow: Flow, options: RunOptions, resume: ResumeOptions) -> dict[str, dict[str, Any]]:
    """The configs of the run to resume, by name. Raises FlowcError with FC601 and FC607."""
    record = _record(flow.name, options, resume)
    return {name: _kept(entry) for name, entry in record.get("configs", {}).items()}


def origin_parameters(name: str, options: RunOptions, resume: ResumeOptions) -> tuple[dict[str, Any], dict[str, str]]:
    """The parameters with which to compile a pipeline again, to resume a run of it.

    Returns the values that it was compiled with, and the texts that were passed to the run.
    Raises FlowcError with FC601 and FC607.
    """
    record = _record(name, options, resume)
    settled = {name: literal(entry) for name, entry in record.get("settled", {}).items()}
    return settled, {name: text for name, text in record.get("parameters", {}).items() if name not in settled}


def _record(name: str, options: RunOptions, resume: ResumeOptions) -> dict[str, Any]:
    """The `run.json` of the run to resume."""
    try:
        layout = find_layout(resume.flow or name, open_store(options.root), options.root, resume.origin_run_id)
        record = layout.read_json(f"{layout.prefix}/run.json")
        if record is None:  # the run is one of an engine, whose first task has written what it was compiled with
            record = layout.read_json(f"{layout.prefix}/{CODE_RECORD}")
        return record or {}
    except StoreError as error:
        raise_unusable(options.root, error)
    except CorruptArtifact as error:
        _raise_unreadable(error)


def _kept(entry: dict[str, Any]) -> dict[str, Any]:
    if "text" in entry:
        return {"text": entry["text"]}
    return {"value": ast.literal_eval(entry["literal"]) if "literal" in entry else entry["value"]}


def find_origin(flow: Flow, source: SourceFile, options: RunOptions, resume: ResumeOptions) -> Resumption:
    """The run to resume. Raises FlowcError: FC601 for the root, FC607 for no such run, FC608 for no such step."""
    if resume.step is not None and resume.step not in flow.by_name:
        _raise_unknown_step(flow, resume.step)
    try:
        store = open_store(options.root)
        layout = find_layout(resume.flow or flow.name, store, options.root, resume.origin_run_id)
        record = layout.read_json(f"{layout.prefix}/run.json") or {}
        rerun = {*resume.changed, *(() if resume.step is None else (resume.step,))}
        seen = {layout.run}
        while "origin" in record and not store.exists(f"{layout.prefix}/{RESUMED}"):
            rerun.update(record["rerun"])  # it was killed while it took over tasks: its own origin has the rest
            if record["origin"] in seen:
                raise CorruptArtifact(f"{store.location(layout.prefix)}/run.json says that the run resumes itself")
            layout = RunLayout(store, record.get("origin_flow", layout.flow), record["origin"])
            seen.add(layout.run)
            record = layout.read_json(f"{layout.prefix}/run.json") or {}
        return Resumption(
            layout,
            Plan(local_plan(flow, source, options.include)),
            layout.kept_parameters(),
            record.get("parameters", {}),
            record.get("source_hash", flow.source_hash) != flow.source_hash,
            frozenset(rerun),
        )
    except StoreError as error:
        raise_unusable(options.root, error)
    except CorruptArtifact as error:
        _raise_unreadable(error)


def find_layout(flow: str, store: Store, root: str, run_id: str | None, code: str = "FC607") -> RunLayout:
    """A run of a flow by its id, or the latest (`None`, `latest`). Raises FlowcError with `code` if there is none."""
    if run_id is None or run_id.removeprefix(f"{flow}/") == "latest":
        from flowc.client import Run  # slow to import, and only needed here

        try:
            return RunLayout(store, flow, Run.latest(flow, root=root).id)
        except (StoreError, CorruptArtifact):
            raise
        except FlowError:
            _raise_no_run(code, flow, store, f"flow {flow} has no run in {store.url}")
    name = run_id.removeprefix(f"{flow}/")
    odd = name in ("", DATA) or "/" in name
    names = [] if odd else store.found_at_last(lambda: store.children(f"{flow}/{name}"), bool)
    if is_partial(names):
        _raise_no_run(
            code, flow, store, f"run {flow}/{name} is not whole in {store.url}: it is being imported or removed"
        )
    if not names:
        _raise_no_run(code, flow, store, f"flow {flow} has no run {name!r} in {store.url}")
    return RunLayout(store, flow, name)


def _raise_no_run(code: str, flow: str, store: Store, message: str) -> NoReturn:
    names = sorted(run_names(store, flow))
    known = f"its latest runs are {', '.join(names[: -SHOWN - 1 : -1])}" if names else "name its store with --root"
    raise FlowcError.of(code, message, help=known)


def _raise_unreadable(error: CorruptArtifact) -> NoReturn:
    way_out = "resume another run with --origin-run-id, or start a new one with `flowc run`"
    raise FlowcError.of("FC607", f"the run cannot be resumed: {error}", help=way_out) from error


def _raise_unknown_step(flow: Flow, name: str) -> NoReturn:
    close = difflib.get_close_matches(name, flow.by_name, n=1)
    known = f"did you mean `{close[0]}`?" if close else f"its steps are {', '.join(flow.by_name)}"
    message = f"flow {flow.name} has no step `{name}` to resume from"
    raise FlowcError.of("FC608", message, help=known, span=flow.span)


def resumed_options(flow: Flow, options: RunOptions, origin: Resumption) -> RunOptions:
    """The options of the new run, with the parameters of the run that it resumes.

    Raises FlowcError with FC609 for a parameter that has no value there and cannot get one, and FC303 for a value of
    another type than the parameter has now.
    """
    sink = DiagnosticSink()
    kept = origin.parameters or {}
    missing = [parameter for parameter in flow.run_parameters if parameter.attribute not in kept]
    done = bool(missing) and origin.start_is_done()
    for parameter in missing:
        lacking = parameter.required and not parameter.has_default and parameter.name not in origin.texts
        if done or lacking:
            sink.error(
                "FC609",
                f"parameter `{parameter.name}` had no value in run {origin.run_id}, which is resumed",
                parameter.span,
                help=f"{_from_start(flow, lacking=lacking)}start a new run with `flowc run`",
            )
    sink.raise_if_failed()
    names = {parameter.name for parameter in flow.parameters}
    params = {name: text for name, text in origin.texts.items() if name in names}
    passed = {parameter.name: params[parameter.name] for parameter in missing if parameter.name in params}
    check_params(flow.model_copy(update={"parameters": tuple(missing)}), passed)
    return replace(options, params=params, scheduled=origin.layout.scheduled())


def _from_start(flow: Flow, *, lacking: bool) -> str:
    return "" if lacking else f"resume from step `{flow.start}`, where it gets its default, or "


class Replay:
    """Takes over the tasks that the resumed run has finished, from the start on, as far as nothing needs to run."""

    def __init__(
        self,
        origin: Resumption,
        schedule: Schedule,
        target: RunLayout,
        max_num_splits: int,
        left_out: TaskKey | None = None,
        look: Origin | None = None,
    ) -> None:
        """`left_out` is a task that is not taken over, and so nothing that follows from it is.

        `look` looks tasks up in another way.
        """
        self._resumed = origin
        self._schedule = schedule
        self._target = target
        self._limit = max_num_splits
        self._left_out = left_out
        self._origin = look or Origin(origin.layout, origin.plan, origin.rerun)
        self.reused = Counter[str]()
        """Tasks that were taken over, by step."""
        self.damaged = self._origin.damaged
        """Notes on tasks that cannot be taken over."""

    def run(self, go_on: Callable[[], bool]) -> bool:
        """Take tasks over while `go_on()`; returns whether none is left. Raises ProtocolError."""
        self._schedule.bounded = False
        try:
            rest: list[list[TaskKey]] = []
            while self._schedule.has_ready and go_on():
                keys = self._batch()
                wanted = [key for key in keys if key != self._left_out]
                documents = self._origin.take(self._target, [(key.step, key.path) for key in wanted])
                found = dict(zip(wanted, documents, strict=True))
                rest.append([key for key in keys if found.get(key) is None])
                for key, document in found.items():
                    if document is not None:
                        self._finished(key, document)
            whole = not self._schedule.has_ready
            self._schedule.bounded = True
            for keys in rest:
                self._schedule.put_back(keys)
            return whole
        finally:
            self._origin.close()

    def begin(self, reporter: Reporter, go_on: Callable[[], bool]) -> bool:
        """As `run`, of a run that begins. It warns of a run that is under way."""
        if self._resumed.under_way():
            run = self._resumed.run_id
            reporter.warn(f"run {run} is under way: what it finishes from now on is not taken over")
        self._resumed.begin(self._target)
        return self.run(go_on)

    def report(self, reporter: Reporter) -> None:
        """Say what was taken over, and what is not as one may expect."""
        origin = self._resumed
        for note in self.damaged:
            reporter.warn(note)
        if origin.changed:
            reporter.note(f"the file has changed since run {origin.run_id}; what that has finished stays as it is")
        for step in sorted(origin.rerun):
            if origin.never_ran(step):
                reporter.note(f"run {origin.run_id} has no task of step {step}, so that none is run again for it")
        done = self.reused.total()
        tasks, are = ("task", "is") if done == 1 else ("tasks", "are")
        reporter.note(f"{done} {tasks} of run {origin.run_id} {are} done already")

    def _batch(self) -> list[TaskKey]:
        """The next tasks; the members of a gang stay together."""
        keys: list[TaskKey] = []
        while self._schedule.has_ready and len(keys) < BATCH:
            keys += [self._schedule.pop() for _ in range(self._schedule.width)]
        return keys

    def _finished(self, key: TaskKey, document: Mapping[str, Any]) -> None:
        self.reused[key.step] += 1
        count: int | None = document["foreach"]["count"] if "foreach" in document else None
        if count is not None and count > self._limit:
            raise ProtocolError(
                f"step {key.step!r} splits into {count} tasks, more than --max-num-splits {self._limit}; "
                "if that is right, raise it"
            )
        self._schedule.finished(key, count=count, choice=document.get("choice"))
