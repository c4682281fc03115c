"""One flow on both sides: on real Metaflow in `tests/oracle/env`, and on flowc's local engine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from flowc.client import Run
from flowc.errors import UnloadableArtifact
from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.local.flows import Recorder
from tests.oracle.asking import ENVIRONMENT, WORKERS, ask
from tests.oracle.values import ELSEWHERE, failure, text
from tests.support import unchecked_artifacts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Seen:
    """One task, as a client sees it."""

    step: str
    path: tuple[int, ...]
    """Its index in every foreach around it, and of a recursive step the iteration."""
    ok: bool
    """Whether it went on, be it that `@catch` caught its failure."""
    artifacts: Mapping[str, str]
    failure: str | None
    successful: bool
    """What the client calls so: not where `@catch` caught a failure."""

    @property
    def name(self) -> str:
        """Step and path."""
        return f"{self.step}[{', '.join(map(str, self.path))}]"


@dataclass(frozen=True)
class Outcome:
    """One run: whether it succeeded, its tasks by name, and what it printed."""

    ok: bool
    tasks: Mapping[str, Seen]
    log: str

    @property
    def unpicklable(self) -> bool:
        """Whether an artifact could not be stored. Metaflow then shows the failure of an earlier attempt, or none."""
        return "picklingerror" in self.log.lower() or "cannot pickle" in self.log.lower()

    @property
    def failures(self) -> set[str]:
        """The steps that failed, and how."""
        return {f"{task.step}: {task.failure}" for task in self.tasks.values() if task.failure and not task.ok}


def require_metaflow() -> None:
    """Skip the test where Metaflow's environment is not installed."""
    if not (ENVIRONMENT / "ready").exists():
        pytest.skip("tests/oracle/env is not there: run tests/oracle/setup")


def run_metaflow(
    file: Path, flow: str, params: Mapping[str, str] | None = None, home: Path | None = None, *, warm: bool = False
) -> Outcome:
    """The flow on real Metaflow: see `asking.ask`."""
    return outcome_of(ask(file, flow, params or {}, home, warm=warm))


def outcome_of(said: str) -> Outcome:
    """What `reading.run` found."""
    document = json.loads(said)
    tasks = [
        Seen(task["step"], tuple(task["path"]), task["ok"], task["artifacts"], task["failure"], task["successful"])
        for task in document["tasks"]
    ]
    return Outcome(document["ok"], {task.name: task for task in tasks}, document["log"])


def run_flowc(file: Path, params: Mapping[str, str] | None = None) -> Outcome:
    """The same file on the local engine."""
    with unchecked_artifacts():
        compilation = compile_file(file)
    root = str(file.parent / "flowc")
    says = Recorder()
    options = RunOptions(root=root, params=params or {}, max_workers=WORKERS)
    result = run_flow(compilation.flow, compilation.source, options, says)
    log = "\n".join([*says.out, *says.err, result.error])
    return read_flowc(f"{compilation.flow.name}/{result.run_id}", root, log)


def read_flowc(pathspec: str, root: str, log: str = "") -> Outcome:
    """A run of flowc's, read through its client."""
    run = Run(pathspec, root=root)
    tasks = [_seen(task) for step in run for task in step]
    return Outcome(run.status == "successful", {task.name: task for task in tasks}, log)


def _seen(task: Any) -> Seen:
    names = [name for name in task.artifact_names if not name.startswith("_")]
    error = task.failure
    killed = error is not None and error["type"] in ("TaskKilled", "TaskStopped")  # by the end of the run
    how = failure(error["type"], error["message"]) if error is not None and not killed else None
    artifacts = {name: _value(task, name) for name in names}
    return Seen(task.step, task.path, task.committed, artifacts, how, task.successful)


def _value(task: Any, name: str) -> str:
    try:
        return text(task.value(name))
    except UnloadableArtifact:
        return ELSEWHERE


def compare(
    file: Path, flow: str, params: Mapping[str, str] | None = None, *, warm: bool = False
) -> tuple[Outcome, list[str]]:
    """Run on both; what Metaflow made of it, and what differs. What stops flowc before the first task is an outcome."""
    theirs = run_metaflow(file, flow, params, warm=warm)
    try:
        ours = run_flowc(file, params)
    except FlowcError as error:
        return theirs, [f"flowc refuses the flow: {error}"]
    return theirs, differences(theirs, ours)


def differences(theirs: Outcome, ours: Outcome) -> list[str]:
    """What a user would see that differs, a line each. `theirs` is Metaflow's.

    Of runs that fail: a failure is the same, where Metaflow recorded it, and so are tasks that finished on both.
    """
    found: list[str] = []
    if theirs.ok != ours.ok:
        found.append(f"the run: Metaflow {_word(theirs.ok)} {theirs.failures}, flowc {_word(ours.ok)} {ours.failures}")
        found.append(f"flowc said: {ours.log[-2000:]}")
    elif not theirs.ok and theirs.failures and not theirs.failures & ours.failures and not theirs.unpicklable:
        found.append(f"the failure: Metaflow {theirs.failures}, flowc {ours.failures}")
    elif theirs.ok and set(theirs.tasks) != set(ours.tasks):
        found.append(f"only on Metaflow: {sorted(set(theirs.tasks) - set(ours.tasks))}")
        found.append(f"only on flowc: {sorted(set(ours.tasks) - set(theirs.tasks))}")
    for name in theirs.tasks:
        if name in ours.tasks and theirs.tasks[name].ok and ours.tasks[name].ok:
            found += _artifact_differences(name, theirs.tasks[name].artifacts, ours.tasks[name].artifacts)
            if theirs.tasks[name].successful != ours.tasks[name].successful:
                found.append(f"{name}: only one of them calls it successful")
    return found


def _artifact_differences(task: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> list[str]:
    names = sorted({*theirs, *ours})
    return [
        f"{task}.{name}: Metaflow {theirs.get(name, 'has none')}, flowc {ours.get(name, 'has none')}"
        for name in names
        if theirs.get(name) != ours.get(name)
    ]


def _word(ok: bool) -> str:
    return "succeeded" if ok else "failed"
