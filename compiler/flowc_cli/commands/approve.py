"""`flowc approve`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from flowc.client import Run
from flowc.client.run_state import run_status
from flowc.errors import ApprovalError, FlowError
from flowc.store import approvals
from flowc.store.run_layout import index_text, parse_index, place_text
from flowc_cli import shared_options as shared
from flowc_cli.engine_connection import Place, fail
from flowc_cli.output import write, write_error
from flowc_cli.stored_runs import WrongNameError, engine_of, engine_pathspec, find_run, report_failure, task_parts
from flowc_cli.waiting_tasks import waiting_tasks
from flowc_compiler.diagnostics.terminal_text import visible_line
from flowc_targets.base.engine import Address, EngineError, WaitingTask, release_of
from flowc_targets.base.target import load_target

app = shared.command_app()
_ENDED = frozenset({"failed", "interrupted", "lost", "successful"})
"""What no run does any more that could take an answer."""


@app.command("approve")
def approve(
    run: Annotated[str, typer.Argument(help="Flow, for its latest run, or Flow/run-id", show_default=False)],
    step: Annotated[
        str | None,
        typer.Argument(help="the step, or step/index; left out where one task waits", show_default=False),
    ] = None,
    choose: Annotated[str, typer.Option(metavar="CHOICE", help="what is chosen", show_default=False)] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="why, for whoever reads the run later")] = "",
    root: shared.Root = None,
    server: shared.Server = None,
    user: shared.User = None,
    namespace: shared.Namespace = None,
) -> None:
    """Choose for a step that waits for a person, on whichever engine."""
    try:
        found, rest = find_run(run, root)
        name, path = _chosen_task(found, [*rest, *((step or "").split("/") if step else [])])
        engine = engine_of(found)
        place = place_text(name, path)
        question = approvals.read_question(found.layout, name, path) or {}
        if "approval" not in question:
            raise WrongNameError(f"{place} of run {found.pathspec} waits for nobody's choice", _what_waits(found))
        asked = question["approval"]
        if not choose:
            raise WrongNameError(f"{place} waits: {asked.get('message') or name}", f"give --choose {_choices(asked)}")
        known = approvals.read_answer(found.layout, name, path)
        status = "" if known is not None or _is_late(asked, question) else run_status(found)
        if status in _ENDED:
            how = f"`flowc resume` continues it, and asks again: {place} has no choice yet"
            raise WrongNameError(f"run {found.pathspec} is {status}: nothing waits for a choice", how)
        if known is None or known["choice"] != choose or engine not in ("argo", "airflow"):
            by = approvals.this_person()
            known = approvals.approve(
                found.layout, name, path, asked, choose, by=by, note=note, via="approve", since=question.get("asked")
            )
        write(visible_line(f"{found.pathspec}/{place}: {approvals.answer_text(known)}") + "\n")
    except ApprovalError as error:
        help_text = "`flowc show` says what was chosen, and what there is to choose"
        raise typer.Exit(report_failure(error, help_text)) from None
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None
    if engine in ("argo", "airflow"):
        waiting = WaitingTask(engine_pathspec(found), name, index_text(path), choose, note)
        raise typer.Exit(_release(Place.here(engine, server, namespace, user), waiting))


def _is_late(asked: Mapping[str, object], question: Mapping[str, Any]) -> bool:
    """Whether the time to choose is over, which says more than that the run has failed by it."""
    deadline = approvals.deadline_of(dict(asked), question["asked"])
    return deadline is not None and time.time() > deadline


def _chosen_task(run: Run, parts: list[str]) -> tuple[str, tuple[int, ...]]:
    """The task that a choice is for: the only one that waits, where none is named. Raises WrongNameError."""
    if parts:
        name, *index = task_parts(parts, run.graph.get("steps", {}))
        try:
            return name, parse_index(index[0] if index else "")
        except ValueError:
            raise WrongNameError(f"{index[0]!r} is no index of a task", _what_waits(run)) from None
    waiting = [task for task in waiting_tasks(run) if task.question is not None]
    if len(waiting) != 1:
        what = f"{len(waiting)} tasks of run {run.pathspec} wait" if waiting else f"nothing of run {run.pathspec} waits"
        raise WrongNameError(f"{what} for a person", _what_waits(run))
    return waiting[0].step, waiting[0].path


def _what_waits(run: Run) -> str:
    waiting = [task.place for task in waiting_tasks(run) if task.question is not None]
    return f"name one that waits: {', '.join(waiting)}" if waiting else "`flowc show` says how far the run is"


def _choices(asked: dict[str, object]) -> str:
    choices = asked.get("choices")
    return ", or ".join(map(str, choices)) if isinstance(choices, list) and choices else "TEXT"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _release(place: Place, task: WaitingTask) -> int:
    """Let the engine go on, which reads the choice in the store. Returns the exit code."""
    try:
        release = release_of(load_target(place.target))
        if release is not None:
            write_error(release(Address(place.server, place.namespace, place.user), task))
        return 0
    except EngineError as error:
        write_error("flowc: the choice is in the store, and the engine still waits: give the command again\n")
        return fail(error)
