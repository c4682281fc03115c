"""What differs between two runs of one flow, a line each: the end, tasks, attempts, artifacts, exceptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowc.errors import UnloadableArtifact
from tests.oracle.values import ELSEWHERE, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc import Run
    from flowc.client import Task

LONGEST = 300
"""Characters of a value in a line."""


@dataclass(frozen=True)
class Ended:
    """A run, and whether its engine says that it succeeded."""

    run: Run
    ok: bool

    @property
    def attempts(self) -> int:
        """How many times a task was begun."""
        return sum(task.current_attempt + 1 for step in self.run for task in step)


def differences(ours: Ended, theirs: Ended) -> list[str]:
    """All that differs. `ours` is the local engine's run, `theirs` another engine's.

    Of a run that fails, only what both sides came to is compared: which other tasks still run is the engine's choice.
    """
    if ours.ok != theirs.ok:
        return [f"the run: {_word(ours)} locally, {_word(theirs)} there"]
    one, two = _tasks(ours.run), _tasks(theirs.run)
    lines: list[str] = []
    if ours.ok and set(one) != set(two):
        lines += [f"only locally: {sorted(set(one) - set(two))}", f"only there: {sorted(set(two) - set(one))}"]
    if ours.run.successful != theirs.run.successful:
        lines.append("only one of the clients calls the run successful")
    if not ours.ok and not _failures(one) & _failures(two):
        lines.append(f"the failure: {_failures(one)} locally, {_failures(two)} there")
    for name in one:
        if name in two:
            lines += _task_differences(name, one[name], two[name], failed=not ours.ok)
    return lines


def _task_differences(name: str, one: Task, two: Task, *, failed: bool) -> Iterator[str]:
    if not one.committed and not two.committed:
        return
    if one.committed != two.committed:
        # When another task fails the run, one engine may stop before a retry that the other still makes.
        stopped_early = failed and one.current_attempt != two.current_attempt
        if not stopped_early and (_ended_badly(one) or _ended_badly(two)):
            yield f"{name}: {_state(one)} locally, {_state(two)} there"
        return
    if one.attempt != two.attempt and two.origin_pathspec is None:  # from a cache, there is one attempt
        yield f"{name}: attempt {one.attempt} locally, {two.attempt} there"
    if one.successful != two.successful:
        yield f"{name}: only one of them calls it successful"
    if one.artifact_names != two.artifact_names:
        yield f"{name}: artifacts {one.artifact_names} locally, {two.artifact_names} there"
    for artifact in sorted(set(one.artifact_names) & set(two.artifact_names)):
        here, there = _value(one, artifact), _value(two, artifact)
        if here != there:
            yield f"{name}.{artifact}: {here[:LONGEST]} locally, {there[:LONGEST]} there"


def _tasks(run: Run) -> dict[str, Task]:
    return {f"{task.step}[{', '.join(map(str, task.path))}]": task for step in run for task in step}


def _ended_badly(task: Task) -> bool:
    """Whether it failed for good: no later attempt was begun."""
    return not task.committed and task.failure is not None and task.failure["type"] not in {"TaskKilled", "TaskStopped"}


def _failures(tasks: dict[str, Task]) -> set[str]:
    """The steps that failed for good, and how."""
    found = ((task.step, task.failure) for task in tasks.values() if not task.committed)
    return {f"{step}: {failure['type']}: {failure['message']}" for step, failure in found if failure is not None}


def _state(task: Task) -> str:
    return "committed" if task.committed else f"failed ({task.failure})" if task.failure else "begun"


def _word(end: Ended) -> str:
    if end.ok:
        return "succeeded"
    return f"failed ({'; '.join(sorted(_failures(_tasks(end.run)))) or 'no task says how'})"


def _value(task: Task, name: str) -> str:
    try:
        return text(task.value(name))
    except UnloadableArtifact:
        return ELSEWHERE
