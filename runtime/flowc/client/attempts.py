"""The attempts of a task: what each has left in the store, and what became of it."""

from __future__ import annotations

import time
from typing import NamedTuple

from flowc.store.documents import ATTEMPT_RECORD, MANIFEST
from flowc.store.run_owner import is_gone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout


class Attempt(NamedTuple):
    """One attempt of a task. Times are in seconds since 1970."""

    number: int
    """0 for the first."""
    state: str
    """`successful`; `failed`, with a failure of its own; `killed`, silently; `stopped` by its run; or `running`."""
    started: Optional[float]
    ended: Optional[float]
    """`None` while it runs, and where it was killed at an unknown time."""
    host: Optional[str]
    """The machine or pod that it ran on."""
    failure: Optional[Dict[str, Any]]
    """`type`, `message`, `traceback` and `created` of what ended it."""
    last: bool
    """Whether no further attempt follows where this one fails."""


def read_attempt(
    layout: RunLayout,
    step: str,
    path: Path,
    number: int,
    *,
    committed: bool,
    after: int | None,
    run_end: Document | None,
    manifest: Document | None = None,
) -> Attempt:
    """An attempt from its files. Without a recorded end it is over when another has begun, its time or its run is over.

    `after` is the attempt that follows it; `run_end` is `Run.end_record`. `manifest` is that of the attempt, where it
    has been read.
    """
    folder = layout.folder(step, path, number)
    record = _record(layout, folder)
    started, host, last = record.get("started"), record.get("host"), bool(record.get("last"))
    if committed:
        manifest = layout.manifest(step, path, number) if manifest is None else manifest
        # What a resumed run has taken over began in the run that it resumes.
        began = started if started is not None else manifest.get("started")
        return Attempt(number, "successful", began, float(manifest["created"]), host, None, last)
    now, limit = time.time(), float(record.get("deadline", "inf"))
    gone = "space" in record and is_gone(record, now)  # before its files are read: it may be at its end
    failure = layout.failure(step, path, number)
    if failure is not None and (started is None or failure["created"] >= started):  # else one of an earlier process
        last = last or bool(failure.get("last"))
        return Attempt(number, "failed", started, float(failure["created"]), host, failure, last)
    if after is None and run_end is None and limit > now and not (gone and _is_uncommitted(layout, folder)):
        return Attempt(number, "running", started, None, host, None, last)
    followed = None if after is None else _record(layout, layout.folder(step, path, after)).get("started")
    seen = min(now if followed is None else followed, limit)
    if after is None and run_end and run_end["status"] != "successful":
        return Attempt(number, "stopped", started, run_end.get("ended"), host, _stop(run_end, seen), last)
    return Attempt(number, "killed", started, None, host, _silent_failure(record, seen, run_end is not None), last)


def _is_uncommitted(layout: RunLayout, folder: str) -> bool:
    return layout.read_json(f"{folder}/{MANIFEST}") is None


def _record(layout: RunLayout, folder: str) -> Document:
    return layout.read_json(f"{folder}/{ATTEMPT_RECORD}") or {}


def _stop(run_end: Document, seen: float) -> Document:
    """Why the local engine has ended an attempt: all that fail by themselves have their failures on record by then."""
    culprit = run_end.get("failed")
    why = f"task {culprit} had failed" if culprit else "the run had failed"
    message = "the run was interrupted" if run_end["status"] == "interrupted" else why
    created = float(run_end.get("ended", seen))
    return {"version": 1, "type": "TaskStopped", "message": message, "traceback": "", "created": created}


def _silent_failure(record: Document, seen: float, run_over: bool) -> Document:
    """The failure of an attempt that has recorded none, and was over by `seen`."""
    kind, message = "TaskKilled", "its process was killed, or its pod or machine is gone: it has recorded no end"
    if "timeout" in record and seen - record["started"] >= record["timeout"] and not run_over:
        kind, message = "TimeoutException", f"the task ran longer than its timeout of {record['timeout']:g} s"
    return {"version": 1, "type": kind, "message": message, "traceback": "", "created": seen}
