"""Runs in an artifact store, as `flowc show` and `flowc logs` find them."""

from __future__ import annotations

import os
import re
import time
from typing import TYPE_CHECKING, Any

from flowc.client import Flow, Run, RunNotFound, Step, Task
from flowc.client.namespaces import chosen_store
from flowc.client.run_state import engine_recorded, last_sign
from flowc.errors import (
    CorruptArtifact,
    FlowError,
    InvalidPathspec,
    InvalidRoot,
    NewerFormat,
    NotFound,
    ProtocolError,
    StoreError,
)
from flowc.store import Store
from flowc.store.file_store import FileStore
from flowc.store.run_layout import flow_names
from flowc_cli.lenient_layout import damage_error, damages_of, is_record_damaged, look_leniently
from flowc_cli.output import INPUT_ERROR, RUN_ERROR, report, write_error
from flowc_compiler.diagnostics import DiagnosticSink, suggest
from flowc_targets.base.engine import stored_id

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from flowc.store.run_layout import Path
    from flowc_cli.run_tasks import TaskRecord

_NAME_IT = "name it as Flow, Flow/run-id or Flow/run-id/step, and its store with --root"
_TASK = re.compile(r"(?P<step>.+?)(?:-(?P<index>\d+(?:\.\d+)*)|\[(?P<item>\d+(?:\.\d+)*)\])")
_NOT_STORED = re.compile(r"[^\w.~=-]", re.ASCII)
"""What ids of runs in a store do not have, and an engine's may."""
FIRST_TASK_SECONDS = 600.0
"""How long a run is waited for that is followed, and has stored nothing."""
_ARGO = "argo-"
"""Begins the ids of Argo's runs."""
_MOST_NAMES = 5
"""Of flows that a message lists."""


class WrongNameError(NotFound):
    """What the command was given names nothing; `help` says what to write."""

    def __init__(self, message: str, help: str) -> None:
        super().__init__(message)
        self.help = help


def find_run(pathspec: str, root: str | None, *, lenient: bool = False) -> tuple[Run, list[str]]:
    """The run of a pathspec `Flow`, `Flow/run`, `Flow/run/step` or `Flow/run/step/index`, and the parts beyond it.

    The flow may be left out where only one has a run of that id. A run may be named as Airflow names it.

    Nothing of it is unpickled: whoever looks at a run need not trust it. What is damaged stays in its place; with
    `lenient` it is noted instead of raised.
    """
    flow, *rest = [part for part in pathspec.split("/") if part] or [pathspec]
    try:
        if not rest or rest[0] == "latest":
            run = Run.latest(flow, root=root, trusted=False)
        else:
            run = Run.of(Flow.of(chosen_store(root), flow, trusted=False), rest[0])
        if lenient:
            look_leniently(run)
        if not run.exists() and not damages_of(run):
            raise RunNotFound(f"there is no run {run.pathspec} in {run.root}")
        run.layout.store.only_looked_at = True
        return run, rest[1:]
    except RunNotFound as error:
        if rest and _NOT_STORED.search(rest[0]):
            return find_run("/".join([flow, stored_id(rest[0]), *rest[1:]]), root, lenient=lenient)
        store = chosen_store(root)
        names = flow_names(store)
        owners = owners_of(store, flow, names)
        if len(owners) == 1:
            return find_run("/".join([*owners, flow, *rest]), root, lenient=lenient)
        if owners:
            runs = ", ".join(f"{owner}/{flow}" for owner in owners[:_MOST_NAMES])
            raise WrongNameError(f"{len(owners)} flows have a run {flow}", f"name one: {runs}") from None
        is_flow = flow in names or (rest and rest[0] != "latest")
        error = error if is_flow else RunNotFound(f"there is no flow or run {flow} in {store.url}")
        raise RunNotFound(f"{error}; {_what_is_meant(flow, rest, root) or _what_is_there(flow, names)}") from None


def owners_of(store: Store, run_id: str, names: Sequence[str]) -> list[str]:
    """The flows, of all `names` of a store, that have a run of an id; none where the id is the name of a flow."""
    return [] if run_id in names else [name for name in names if store.children(f"{name}/{run_id}")]


def check_flow(store: Store, flow: str) -> None:
    """Raise WrongNameError for a flow that the store does not have."""
    if not store.children(flow):
        raise WrongNameError(f"there is no flow {flow} in {store.url}", _what_is_there(flow, flow_names(store)))


def note_missing_root(store: Store) -> None:
    """Say that the folder of a store is not there, as of a misspelt --root."""
    if isinstance(store, FileStore) and not os.path.isdir(store.path):  # noqa: PTH112 (a path of the store)
        write_error(f"flowc: there is no folder {store.path}; --root names the store\n")


def wait_for_run(pathspec: str, root: str | None) -> tuple[Run, list[str]]:
    """`find_run` of a run that an engine may have started just now: its first task may not have begun.

    Says so, and waits, at most FIRST_TASK_SECONDS, where the run's id is one that an engine gives.
    """
    begun = time.monotonic()
    run_id = [*pathspec.split("/"), ""][1]
    waits = f"waiting for its first task, at most {duration_text(FIRST_TASK_SECONDS)}"
    while True:
        try:
            return find_run(pathspec, root, lenient=True)
        except RunNotFound:
            if time.monotonic() - begun > FIRST_TASK_SECONDS or not (run_id.startswith("argo-") or "__" in run_id):
                raise
        if waits:
            write_error(f"flowc: the store has nothing of {pathspec} yet: {waits}\n")
            waits = ""
        time.sleep(FIRST_TASK_SECONDS / 300)


def _what_is_meant(flow: str, rest: list[str], root: str | None) -> str | None:
    """The task of the latest run, where a step stands in the place of the run."""
    try:
        known = bool(rest) and rest[0] in Run.latest(flow, root=root, trusted=False)
    except FlowError:
        return None
    return f"did you mean {'/'.join([flow, 'latest', *rest])}?" if known else None


def _what_is_there(flow: str, names: Sequence[str]) -> str:
    """What a store with flows of these names has instead of a run that it does not have."""
    if flow in names:
        return f"`flowc runs {flow}` lists its runs"
    if not names:
        return "no run has been stored there"
    return (
        suggest(flow, names).help
        or f"its flows are {', '.join(names[:_MOST_NAMES])}{', ...' * (len(names) > _MOST_NAMES)}"
    )


def engine_of(run: Run) -> str:
    """The target whose engine runs a run; `simulate` for one of the simulator.

    Nothing where the record is damaged that says whether the local engine has.
    """
    if run.is_local:
        return "local"
    if is_record_damaged(run):
        return ""
    return str(_engine_record(run).get("engine") or ("argo" if run.id.startswith(_ARGO) else "airflow"))


def engine_pathspec(run: Run) -> str:
    """The run as its engine knows it: one that was imported under another name has its own there."""
    return f"{run.parent.id}/{_engine_record(run).get('engine_run', run.id)}"


def _engine_record(run: Run) -> Mapping[str, Any]:
    """As `engine_recorded`. Of an Airflow run that has begun the graph says all, so that no more is read."""
    try:
        if run.graph and "engine" not in run.graph and not run.id.startswith(_ARGO):
            return {}
        return engine_recorded(run)
    except CorruptArtifact:
        return {}


def steps_of(run: Run) -> list[Step]:
    """The steps in the order in which they began: the client lists the newest first."""
    return list(run)[::-1]


def tasks_of(step: Step) -> list[Task]:
    """The tasks of a step in the order of their indices."""
    return list(step)[::-1]


def find_step(run: Run, name: str) -> Step:
    """A step by its name. Raises WrongNameError for one that has no tasks, or that the run does not have."""
    if name in run:
        return run[name]
    planned = [step for step, entry in run.graph.get("steps", {}).items() if not entry.get("virtual")]
    if name in planned:
        raise WrongNameError(f"step {name} of run {run.pathspec} {_why_no_tasks(run, name)}", "")
    known = list(dict.fromkeys([*(step.name for step in steps_of(run)), *planned]))
    message = f"run {run.pathspec} has no step {name}; it has {', '.join(known)}"
    raise WrongNameError(message, suggest(name, known, _NAME_IT).help)


def _why_no_tasks(run: Run, name: str) -> str:
    """Why a step of the graph of a run has no tasks so far, as `flowc show` says it."""
    from flowc_cli.run_tasks import read_tasks  # only needed here

    record = read_tasks(run)
    step = next((step for step in record.steps if step.name == name), None)
    if step is None or step.expected or (step.totals.open and record.status != "successful"):
        return "has not begun"
    return "has no tasks: no switch has chosen it, or a foreach before it had no items"


def task_parts(parts: list[str], known: Container[str] | Run) -> list[str]:
    """Step and index of a task as it was written: `price/1`, and `price-1` and `price[1]`, as it is printed.

    `known` has the names of steps, which count as such.
    """
    if len(parts) == 1 and parts[0] not in known and (match := _TASK.fullmatch(parts[0])) is not None:
        return [match["step"], match["index"] or match["item"]]
    return parts


def selected_steps(run: Run, rest: list[str]) -> list[Step]:
    """The step that the parts of a pathspec beyond the run name; all of them, in order, where there are no parts."""
    return [find_step(run, rest[0])] if rest else steps_of(run)


def find_task(step: Step, index: str) -> Task:
    """A task by its index. Raises RunNotFound."""
    try:
        return step[index]
    except KeyError:
        raise RunNotFound(f"{step.pathspec} has no task {index}; it has {len(step)} tasks") from None


def task_of(run: Run, record: TaskRecord) -> Task:
    """The task of a record, for its artifacts."""
    attempts = {attempt.number: attempt.state == "successful" for attempt in record.attempts}
    return task_at(run, record.step, record.path, attempts)


def task_at(run: Run, step: str, path: Path, attempts: dict[int, bool]) -> Task:
    """The task of a step at an index path; `attempts` are its attempts, and whether each was committed."""
    return Task.of(Step.of(run, step, {path: attempts}), path, attempts)


def ended_at(run: Run) -> float | None:
    """When a run ended, in seconds since 1970; `None` while it runs, and where nothing says it.

    Of a run that failed on an engine, which writes no end of it, when the last of the tasks that failed had.
    """
    try:
        ended = run.finished_at
        if ended is None and not run.record and run.status == "failed":
            return last_sign(run)
    except FlowError:
        return None
    return ended.timestamp() if ended is not None else None


def report_failure(error: FlowError, help_text: str | None = None) -> int:
    """Print why a store (FC601) or a run (FC602) cannot be used, and what helps.

    Returns the exit code: RUN_ERROR where the store or what it has cannot be used, INPUT_ERROR for what was asked for.
    """
    sink = DiagnosticSink()
    if isinstance(error, InvalidRoot):
        sink.error("FC601", str(error), None, help="name a store with --root")
    elif isinstance(error, StoreError):
        help_text = "check that the store can be reached from here, and that its keys are in the environment"
        if str(error).startswith("cannot write ") and "://" not in str(error):
            help_text = "name a store that you can write to with --root"
        if "s3" in str(error).lower():
            help_text += "; AWS_ENDPOINT_URL names an S3 server other than Amazon's"
        sink.error("FC601", str(error), None, help=help_text)
    else:
        sink.error("FC602", str(error), None, help=_what_helps(error) if help_text is None else help_text)
    report(sink.diagnostics, sink.sources)
    unusable = isinstance(error, ProtocolError) and not isinstance(error, InvalidRoot)
    return RUN_ERROR if unusable else INPUT_ERROR


def report_damages(run: Run, root: str | None) -> int:
    """Report what was found to be damaged in a run that was read leniently. Returns the exit code."""
    found = damage_error(run, root)
    return 0 if found is None else report_failure(*found)


def _what_helps(error: FlowError) -> str:
    if isinstance(error, WrongNameError):
        return error.help
    if isinstance(error, NewerFormat):
        return ""  # its message says it
    if isinstance(error, CorruptArtifact):
        return "`flowc fsck Flow/run-id` says all that is damaged, and what would mend it"
    return _NAME_IT if isinstance(error, NotFound | InvalidPathspec) else ""


def size_text(size: int) -> str:
    """Bytes for people: `812 B`, `3.4 MB`."""
    if size < 1000:
        return f"{size} B"
    amount = float(size)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        amount /= 1000
        if amount < 999.5 or unit == "PB":
            break
    return f"{amount:.3g} {unit}"


def duration_text(seconds: float) -> str:
    """A time for people: `0.4 s`, `41 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, part, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // part} {smaller}"
    return f"{whole} s"
