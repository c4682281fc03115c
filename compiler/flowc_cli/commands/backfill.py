"""`flowc backfill`."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from flowc.client.namespaces import chosen_store
from flowc.deployment.command_process import option_words
from flowc.errors import FlowError
from flowc.protocol.scheduled import parse_time
from flowc_cli import shared_options as shared
from flowc_cli.backfill_starters import EngineRuns, LocalRuns
from flowc_cli.backfilling import Backfill, RunStarter, find_runs, summary, table
from flowc_cli.compiled_submission import compile_to_submit
from flowc_cli.engine_connection import RUN_FAILED, Place, fail
from flowc_cli.option_groups import EngineGroup, with_groups
from flowc_cli.output import INPUT_ERROR, report, write, write_error
from flowc_cli.project_config import local_root
from flowc_cli.stored_runs import report_failure
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.ir import Flow
from flowc_compiler.ir.schedules import ScheduleError, scheduled_times, to_crontab
from flowc_targets.base.engine import EngineError
from flowc_targets.package.project_names import deployment_name

app = shared.command_app()

MOST_TIMES = 10_000
"""Times of one backfill."""
LOCAL = "local"
_DAY = re.compile(r"\d{4}-?\d{2}-?\d{2}")


@app.command("backfill")
@with_groups
def backfill(
    chosen: EngineGroup,
    file: shared.File,
    from_: Annotated[str, typer.Option("--from", metavar="TIME", help="the first time, in ISO 8601: a day, or a time")],
    to: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="the last time; a day is one to its end. Now by default")
    ] = None,
    parallel: Annotated[int, typer.Option(metavar="N", min=1, help="the most runs at a time")] = 1,
    cron: Annotated[
        list[str] | None, typer.Option(metavar="CRON", help="the schedule, instead of the flow's own; repeatable")
    ] = None,
    rerun_failed: Annotated[
        bool, typer.Option("--rerun-failed", help="start runs for times whose runs have failed, too")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the table, and start nothing")] = False,
    watch: shared.Watch = False,
    as_json: shared.Json = False,
    server: shared.Server = None,
    user: shared.User = None,
    dags_folder: shared.DagsFolder = None,
) -> None:
    """Run a flow for the times of its schedule that have no run yet.

    The store says which times have a run, whichever engine has run it; `--target local` runs them here. An interrupted
    backfill goes on where it is started again. The exit code is 0 where all times have a successful run, else 1.
    """
    how = _How(parallel, rerun_failed, dry_run, watch, as_json)
    sink = DiagnosticSink()
    try:
        if chosen.target == LOCAL:
            flow, root, starter = _local(file, chosen, sink)
        else:
            place = Place(chosen.target, server, chosen.namespace, user)
            submission = compile_to_submit(file, place, chosen.files(dags_folder=dags_folder), sink)
            flow, root, starter = submission.flow, submission.compiled.options.root, EngineRuns(submission)
        times = _times(flow, from_, to, cron or [], sink)
        sink.raise_if_failed()
        raise typer.Exit(_run(flow, root, times, starter, how))
    except FlowcError as error:
        report(error.diagnostics, sink.sources)
        raise typer.Exit(INPUT_ERROR) from None
    except EngineError as error:
        raise typer.Exit(fail(error)) from None
    except FlowError as error:
        raise typer.Exit(report_failure(error)) from None


def _local(file: Path, chosen: EngineGroup, sink: DiagnosticSink) -> tuple[Flow, str | None, RunStarter]:
    """The flow, its root, and what runs it on this machine. Raises FlowcError."""
    flow = chosen.options(chosen.include, chosen.cache).compile(file, sink).flow
    root = local_root(file, chosen.root, sink)
    names = ("param", "flow", "config", "config_value", "with_", "branch", "production", "include", "tag")
    words = option_words({**{name: getattr(chosen, name) for name in names}, "root": root})
    words += [] if chosen.cache is None else ["--cache" if chosen.cache else "--no-cache"]
    return flow, root, LocalRuns(file, words)


class _How(NamedTuple):
    """What a backfill does, and how it is printed."""

    parallel: int
    rerun_failed: bool
    dry_run: bool
    watch: bool
    as_json: bool


def _times(flow: Flow, first: str, last: str | None, crons: list[str], sink: DiagnosticSink) -> list[datetime]:
    """The times of the flow's schedule in a span that are not in the future. Collects FC407, FC502 and FC505."""
    schedule = flow.specs.schedule
    timezone = schedule.timezone if schedule is not None else None
    try:
        found = [to_crontab(cron) for cron in crons] or list(schedule.crons if schedule is not None else ())
    except ScheduleError as error:
        sink.error("FC407", f"--cron: {error}", None, help="write five fields as in crontab")
        return []
    if not found:
        help_ = "give --cron '0 5 * * *', or put @schedule(cron=...) above the flow"
        sink.error("FC502", f"flow {flow.name} has no schedule", flow.span, help=help_)
        return []
    now = datetime.now(UTC)
    start = _time("--from", first, timezone, sink)
    end = now if last is None else _time("--to", last, timezone, sink)
    if start is None or end is None:
        return []
    if last is not None and _DAY.fullmatch(last):
        end += timedelta(days=1, microseconds=-1)
    times = list(islice(scheduled_times(found, timezone, start, min(end, now)), MOST_TIMES + 1))
    if len(times) > MOST_TIMES:
        message = f"the schedule has more than {MOST_TIMES:,} times from {first} on"
        sink.error("FC505", message, None, help="give a --to that is nearer")
    elif not times:
        sink.error("FC505", f"the schedule has no time from {first} to {last or 'now'}", None, help="give another span")
    return times


def _time(option: str, text: str, timezone: str | None, sink: DiagnosticSink) -> datetime | None:
    try:
        return parse_time(text, timezone)
    except ValueError:
        help_ = "write it in ISO 8601, such as 2026-01-31 or 2026-01-31T06:00:00+01:00"
        sink.error("FC505", f"{option}: {text!r} is not a time", None, help=help_)
        return None


def _run(flow: Flow, root: str | None, times: Sequence[datetime], starter: RunStarter, how: _How) -> int:
    """Start what is missing, and print the table. Returns the exit code."""
    store = chosen_store(root)
    deployment = deployment_name(flow)
    slots = find_runs(store, flow.name, deployment, times)
    work = Backfill(store, flow.name, deployment, slots, starter, how.parallel, how.rerun_failed, how.watch)
    try:
        work.look()
        if not how.dry_run:
            work.run()
    except KeyboardInterrupt:
        starter.interrupted()
        write_error("interrupted: the same command goes on from here\n")
        raise
    finally:
        if how.as_json:
            rows = [{**asdict(slot), "time": slot.time.isoformat()} for slot in slots]
            write(json.dumps(rows, indent=2) + "\n")
        else:
            write(table(flow.name, slots))
        write_error(f"{summary(slots)}\n")
    if how.dry_run:
        count = len(work.waiting())
        write_error(f"{count} run{'s' * (count != 1)} would be started\n")
        return 0
    return 0 if all(slot.state == "successful" for slot in slots) else RUN_FAILED
