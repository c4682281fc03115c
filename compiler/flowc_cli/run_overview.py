"""A run for people: its steps with their tasks, times and attempts, and what artifacts hold."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flowc.client import StoredValue
from flowc.client.run_state import last_sign
from flowc.errors import CorruptArtifact
from flowc.store.approvals import answer_text
from flowc_cli.lenient_layout import DAMAGED, damages_of, is_record_damaged
from flowc_cli.stored_runs import duration_text, engine_of, engine_pathspec, size_text, task_of
from flowc_cli.value_texts import LARGE, details, summary
from flowc_compiler.diagnostics.terminal_text import visible_line

if TYPE_CHECKING:
    from flowc.client import Run, Task
    from flowc.client.attempts import Attempt
    from flowc_cli.run_tasks import RunTasks, StepRecord, TaskRecord

_SILENCE_SECONDS = 3600.0
"""A run of an engine of which the store hears nothing for that long may have ended without a trace."""
_SHOWN_TASKS = 20
"""How many tasks of a step are shown with their values."""
_SHOWN_ATTEMPTS = 20
"""How many attempts of a step are listed, of those that did not just succeed."""


def overview(record: RunTasks, ended: float | None, *, part: bool, values: bool) -> str:
    """The text of a run, or, with `part`, of a step or one task of it. `ended` is when the run did."""
    lines = _head(record, ended)
    if not part:
        lines.append(f"tasks: {_totals(record)}")
    for step in record.steps:
        lines.append(_step_line(record, step))
        lines += [f"    {visible_line(f'{task.id}: {task.problem}')}" for task in step.tasks if task.problem]
        lines += _waiting(record, step)
        tasks = [(task, task_of(record.run, task)) for task in step.tasks if not task.problem]
        if part and len(tasks) == 1:
            lines += [f"    {_attempt_line(task, attempt)}" for task, _ in tasks for attempt in task.attempts]
        if values:
            lines.extend(_values([task for _, task in tasks]))
        elif tasks and tasks[0][1].committed and tasks[0][1].artifact_names:
            lines.append(f"    {_names(tasks[0][1].artifact_names)}")
        lines.extend(_attempts(tasks, all_shown=part and len(tasks) == 1))
    return "\n".join(lines) + "\n"


def stored_value(task: Task, name: str) -> StoredValue | str:
    """A value as it is stored; why not where it is too large, or damaged."""
    ref = task.references[name]
    if ref.get("size", 0) > LARGE:
        return f"{ref.get('type', 'unknown')} of {size_text(ref['size'])}, which is too large to be shown"
    try:
        stored: StoredValue = task.value(name)
    except CorruptArtifact as error:
        return str(error)
    return stored


def _head(record: RunTasks, ended: float | None) -> list[str]:
    run = record.run
    until = time.time() if record.status == "running" else ended
    lasted = f"  {_length(until - record.created)}" if until is not None and record.created else ""
    lines = [f"{run.pathspec}  {_status(record)}  {_utc(record.created)}{lasted}", f"root: {run.root}"]
    if not run.record and not is_record_damaged(run) and record.status in ("running", "lost"):
        lines += _where_to_ask(run)
    if run.user_tags:
        lines.append(f"tags: {_names(run.user_tags)}")
    if run.origin_pathspec is not None:
        lines.append(f"resumed from: {run.origin_pathspec}")
    return lines


def _status(record: RunTasks) -> str:
    """The state of a run, and whether a file of it was found to be damaged."""
    return ", ".join(dict.fromkeys([record.status, *([DAMAGED] if damages_of(record.run) else [])]))


def _totals(record: RunTasks) -> str:
    """`7 of 12 done, 2 running`; `12+` where more may follow."""
    more = "+" if record.open and record.status != "successful" else ""
    return ", ".join([f"{record.done} of {record.expected}{more} done", *_state_counts(record.steps)])


def _state_counts(steps: Iterable[StepRecord]) -> list[str]:
    """How many tasks are in each state that is not the best."""
    counts = {"running": 0, "failed": 0, "killed": 0, "stopped": 0, "caught": 0}
    for step in steps:
        for state in counts:
            counts[state] += step.states[state]
    return [f"{count} {state}" for state, count in counts.items() if count]


def _step_line(record: RunTasks, step: StepRecord) -> str:
    own = [task for task in step.tasks if task.ran_elsewhere is None]
    cached = sum(task.cached is not None for task in step.tasks)
    reused = len(step.tasks) - len(own)
    single = step.expected == 1 and not any(task.path for task in step.tasks) and not step.totals.open
    if not step.tasks:
        return f"  {visible_line(step.name)}  {_why_no_tasks(step, record.status)}"
    if single:
        state = step.tasks[0].state
        text = "" if state == "successful" else f"  {state}"
        text += "  taken over" if reused else "  from the cache" if cached else ""
    else:
        more = "+" if step.totals.open and record.status != "successful" else ""
        tasks = "task" if step.expected == 1 and not more else "tasks"
        parts = [f"{step.done} of {step.expected}{more} {tasks}", *_state_counts([step])]
        retried = sum(task.attempts[-1].number > 0 for task in step.tasks)
        parts += [f"{retried} retried"] if retried else []
        parts += [f"{reused} taken over"] if reused else []
        parts += [f"{cached} from the cache"] if cached else []
        text = f"  {', '.join(parts)}"
    here = replace(step, tasks=own)  # what was taken over ran in another run, at another time
    times = _times(here.started, here.ended, record, going_on=bool(step.states["running"]))
    return f"  {visible_line(step.name)}{text}{times}"


def _waiting(record: RunTasks, step: StepRecord) -> Iterator[str]:
    """What tasks of a step wait for before they begin, and what persons have chosen for those that have begun."""
    own = [task for task in record.waiting if task.step == step.name]
    for task in own[:_SHOWN_TASKS]:
        yield f"    {visible_line(f'{task.place} waits {task.text}')}, since {_utc(task.since)}"
        if task.question is not None:
            yield f"      flowc approve {record.run.pathspec} {task.place} --choose ..."
    if len(own) > _SHOWN_TASKS:
        yield f"    and {len(own) - _SHOWN_TASKS} more wait"
    chosen = [task for task in step.tasks if task.approval is not None]
    for done in chosen[:_SHOWN_TASKS]:
        yield f"    {visible_line(f'{done.id}: chosen: {answer_text(done.approval or {})}')}"


def _why_no_tasks(step: StepRecord, status: str) -> str:
    running = status == "running"
    if step.expected:
        number = f"{step.expected} tasks " if step.expected > 1 else ""
        return f"{number}waiting" if running else f"{number}not begun"
    if not step.totals.open or status == "successful":
        return "no tasks"
    return "not known yet" if running else "not begun"


def _length(seconds: float) -> str:
    """A length of time for people; tasks may take but milliseconds."""
    return f"{max(0, round(seconds * 1000))} ms" if seconds < 0.0995 else duration_text(seconds)


def _times(started: float | None, ended: float | None, record: RunTasks, *, going_on: bool) -> str:
    """When something began, and how long it took; until now where it goes on."""
    if started is None:
        return ""
    until = time.time() if going_on and record.status == "running" else ended
    lasted = f", {_length(until - started)}" if until is not None else ""
    return f"  {_clock(started, record.created)}{lasted}"


def _values(tasks: Sequence[Task]) -> Iterator[str]:
    """What the artifacts of tasks hold."""
    several = len(tasks) > 1 or (tasks and tasks[0].index is not None)
    for number, task in enumerate(tasks):
        if number == _SHOWN_TASKS:
            yield f"    and {len(tasks) - number} more tasks: name one by its index, or see all with --json"
            return
        if several:
            yield f"    {task.id}"
        indent = "      " if several else "    "
        for name in task.artifact_names:
            stored = stored_value(task, name)
            text = stored if isinstance(stored, str) else summary(stored)
            yield f"{indent}{visible_line(f'{name} = {text}')}"
            if not isinstance(stored, str):
                yield from (f"{indent}  {visible_line(line)}" for line in details(stored))


def _where_to_ask(run: Run) -> list[str]:
    """The store does not know of a pod that was killed, or could not start; its engine does."""
    sign, engine = last_sign(run), engine_of(run)
    if time.time() - sign < _SILENCE_SECONDS or engine == "simulate":
        return []
    where = f"`flowc status {engine_pathspec(run)} --target {engine}`"
    return [f"nothing has begun or failed since {_utc(sign)}; {where} asks the engine"]


def _names(names: Iterable[str]) -> str:
    return visible_line(", ".join(sorted(names)))


def _attempt_line(task: TaskRecord, attempt: Attempt) -> str:
    """An attempt of the one task that is shown."""
    parts = [f"attempt {attempt.number}  {task.state if attempt is task.last else attempt.state}"]
    until = attempt.ended if attempt.state != "running" else time.time()
    if attempt.started is not None:
        parts.append(f"  {_utc(attempt.started)}")
        parts.append(f", {_length(until - attempt.started)}" if until is not None else "")
    parts.append(f", on {visible_line(attempt.host)}" if attempt.host else "")
    waited = task.queued(attempt)
    parts.append(f", waited {_length(waited)}" if waited is not None else "")
    return "".join(parts)


def _attempts(tasks: Sequence[tuple[TaskRecord, Task]], *, all_shown: bool) -> list[str]:
    """The attempts that have failed, were ended or still run, a line each. The first of a task goes without saying."""
    lines: list[str] = []
    for record, task in tasks:
        if len(lines) > _SHOWN_ATTEMPTS:
            return [*lines[:_SHOWN_ATTEMPTS], "    and more: see them with --json"]
        attempts: Sequence[Attempt] = () if len(record.attempts) == 1 and record.done else record.attempts
        for attempt in attempts:
            name = task.id if len(attempts) == 1 else f"{task.id} attempt {attempt.number}"
            if attempt.failure is not None:
                error = attempt.failure
                kind = "" if attempt.state == "stopped" else f"{error.get('type')}: "
                lines.append(f"    {name} {attempt.state}: {kind}{error.get('message')}".rstrip(": "))
            elif attempt.state == "running" and not all_shown:
                lines.append(f"    {name} running{_since(attempt)}")
        if record.state == "caught" and record.caught_failure is not None:
            error = record.caught_failure
            text = f"{task.id} caught: {error['type']}: {error['message']}"
            lines.append(f"    {visible_line(text.rstrip(': '))}")
        if not task.committed and task.artifact_names:
            lines.append(f"    {task.id} had, when it failed: {_names(task.artifact_names)}")
    return lines


def _since(attempt: Attempt) -> str:
    if attempt.started is None:
        return ""
    lasts = _length(time.time() - attempt.started)
    return f" since {_utc(attempt.started)}, on {attempt.host}, for {lasts}"


def _clock(seconds: float, created: float) -> str:
    """A time of the run's day without its date."""
    moment = datetime.fromtimestamp(seconds, UTC)
    same = moment.date() == datetime.fromtimestamp(created, UTC).date()
    return moment.strftime("%H:%M:%S" if same else "%Y-%m-%d %H:%M:%S")


def _utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
