"""One random pipeline on both sides: run eagerly, and compiled and run on flowc's local engine."""

from __future__ import annotations

import contextlib
import io
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc.client import Run
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.local.flows import Recorder
from tests.pipelines.eager import Record, run_eagerly

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping
    from pathlib import Path

    from flowc.client import Task

WORKERS = 4
Place = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Seen:
    """One task of flowc's, as its client shows it."""

    committed: bool
    failed: bool
    """Whether it says how it failed; a task that was stopped with its run is neither."""
    attempts: int
    began: float
    ended: float
    artifacts: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """A run of flowc's: whether it went well, its tasks that call a step, and what it said."""

    ok: bool
    tasks: Mapping[Place, Seen]
    log: str


def compare(text: str, folder: Path) -> list[str]:
    """What differs, a line each. Raises FlowcError where flowc refuses the file."""
    with _marks(folder / "marks_eager"), contextlib.redirect_stdout(io.StringIO()):
        expected = run_eagerly(text)
    file = folder / "random_pipeline.py"
    file.write_text(text, encoding="utf-8")
    with _marks(folder / "marks_flowc"):
        found = run_flowc(file)
    return differences(expected, found)


@contextlib.contextmanager
def _marks(folder: Path) -> Generator[None]:
    """A folder of its own for what steps leave to know that they have run before."""
    folder.mkdir()
    before = os.environ.get("MARKS")
    os.environ["MARKS"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MARKS"]
        else:
            os.environ["MARKS"] = before


def run_flowc(file: Path) -> Outcome:
    """The file on the local engine."""
    compilation = compile_file(file)
    root = str(file.parent / "store")
    says = Recorder()
    result = run_flow(compilation.flow, compilation.source, RunOptions(root=root, max_workers=WORKERS), says)
    run = Run(f"{compilation.flow.name}/{result.run_id}", root=root)
    calling = {step.name for step in compilation.flow.steps if step.call is not None}
    tasks = {(task.step, task.path): _seen(task) for step in run for task in step if task.step in calling}
    return Outcome(result.ok, tasks, "\n".join([*says.out, *says.err, result.error]))


def _seen(task: Task) -> Seen:
    names = [name for name in task.artifact_names if not name.startswith("_")]
    manifest = task.manifest if task.committed else {}
    return Seen(
        task.committed,
        # One that the end of the run has killed did not fail by itself.
        task.failure is not None and task.failure["type"] not in ("TaskKilled", "TaskStopped"),
        task.attempt + 1,
        float(manifest.get("started", 0)),
        float(manifest.get("created", 0)),
        {name: task.value(name) for name in names if name in manifest.get("artifacts", {})},
    )


def differences(expected: Record, found: Outcome) -> list[str]:
    """What a user would see that is not as it should be.

    Of a run that fails, the tasks that both sides finished: flowc goes on with what does not depend on the failure.
    """
    if expected.failed is not None:
        if found.ok:
            return [f"{expected.failed} is to fail, and flowc succeeded"]
        failed = {place for place, task in found.tasks.items() if task.failed}
        # A step that is to fail twice has no other attempt once the run has failed.
        flaky = {place for place, ran in expected.ran.items() if ran.attempts > 1}
        if expected.failed not in failed or failed - flaky != {expected.failed}:
            return [f"{expected.failed} is to fail, and on flowc {failed} did: {found.log[-2000:]}"]
    elif not found.ok:
        return [f"flowc failed: {found.log[-3000:]}"]
    lines: list[str] = []
    done = {place: task for place, task in found.tasks.items() if task.committed}
    if expected.failed is None and set(done) != set(expected.ran):
        lines.append(f"not run by flowc: {sorted(set(expected.ran) - set(done))}")
        lines.append(f"run by flowc only: {sorted(set(done) - set(expected.ran))}")
    for place in sorted(set(expected.ran) & set(done)):
        lines += _task_differences(place, expected, done)
    return lines


def _task_differences(place: Place, expected: Record, done: Mapping[Place, Seen]) -> Iterator[str]:
    ran, task = expected.ran[place], done[place]
    if repr(ran.outputs) != repr({name: task.artifacts.get(name) for name in ran.outputs}):
        yield f"{place} is to give {ran.outputs}, and gave {dict(task.artifacts)}; it got {ran.inputs}"
    elif set(task.artifacts) != set(ran.outputs):
        yield f"{place} has artifacts {sorted(task.artifacts)}, and {sorted(ran.outputs)} are its outputs"
    if task.attempts != ran.attempts:
        yield f"{place} took {task.attempts} attempts, and not {ran.attempts}"
    for need in sorted(ran.needs):
        if need in done and task.began and done[need].ended > task.began:
            yield f"{place} began before {need} had ended"
