"""What the tasks of a run have printed, line by line, from its store: at once, or as it comes."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from flowc.client.log_records import LogRecord, read_log, whole_lines
from flowc.errors import CorruptArtifact
from flowc.store.documents import MANIFEST
from flowc.store.run_layout import parse_index, task_id
from flowc.store.task_log import LOG, LOG_END, STREAMS
from flowc_cli.lenient_layout import known_status
from flowc_cli.store_requests import each_of
from flowc_cli.stored_runs import find_task, selected_steps, steps_of, task_at, tasks_of

if TYPE_CHECKING:
    from flowc.client import Run, Task
    from flowc.client.log_records import StoredLog
    from flowc.store.run_layout import Path

FOLLOW_SECONDS = {False: 0.5, True: 3.0}
"""How often a run is looked at that is followed; `True` for a server, which is asked for a list each time."""
_FILES = {LOG, LOG_END, *(f"{stream}.log" for stream in STREAMS)}
"""Those of release 0.1.0 among them."""
_BATCH = 64
"""Logs that are read ahead of being printed."""


@dataclass(frozen=True, slots=True)
class LogSelection:
    """Which lines are asked for."""

    streams: frozenset[str]
    attempt: int | None = None
    tail: int | None = None
    """How many of the last lines of each attempt; `None` for all."""

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return len(self.streams) > 1 and self.attempt is None and self.tail is None

    def lines(self, records: Iterable[LogRecord]) -> Iterator[LogRecord]:
        """The lines of an attempt's records that are asked for."""
        found = (line for line in whole_lines(records) if not line.stream or line.stream in self.streams)
        yield from found if self.tail is None else deque(found, maxlen=min(self.tail, sys.maxsize))


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A line, and the attempt that printed it."""

    label: str
    """The task, and its attempt where it has several."""
    record: LogRecord

    def text(self, *, timestamps: bool) -> str:
        """The line for people."""
        at = ""
        if timestamps and self.record.time:
            moment = datetime.fromtimestamp(self.record.time, UTC)
            at = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z "
        shown = [state for state in self.record.text.split(b"\r") if state] or [b""]
        if len(shown) > 2:  # a progress bar, which draws its line again and again: show its last state
            del shown[:-1]
        return "".join(f"{at}[{self.label}] {text.decode('utf-8', 'replace')}\n" for text in shown)


def read_logs(run: Run, rest: Sequence[str], selection: LogSelection) -> Iterator[TaskLine]:
    """The lines of all attempts, of a step's, or of one task's (`rest`: nothing, step, or step and index), in order.

    Raises FlowError.
    """
    wanted = [
        (task, number, _label(task.id, number, several=len(task.attempt_numbers) > 1))
        for step in selected_steps(run, list(rest))
        for task in ([find_task(step, rest[1])] if len(rest) > 1 else tasks_of(step))
        for number in task.attempt_numbers
        if selection.attempt in (None, number)
    ]
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        logs = each_of(run.layout.store, lambda item: log_of(item[0], item[1]), batch)
        for (task, number, label), log in zip(batch, logs, strict=True):
            yield from (TaskLine(label, line) for line in _note_on_cached(task, number, selection))
            yield from (TaskLine(label, line) for line in selection.lines(log.records() if log is not None else ()))


def _note_on_cached(task: Task, attempt: int, selection: LogSelection) -> Iterator[LogRecord]:
    """A line that says where a task ran that was taken from the cache, and has printed what follows."""
    try:
        cached = task.attempt == attempt and task.committed and task.manifest.get("cached")
    except CorruptArtifact:
        return
    if cached and selection.tail is None and "stderr" in selection.streams:
        text = f"flowc: taken from the cache; what {task.origin_pathspec} has printed:"
        yield LogRecord(0.0, "stderr", text.encode(), whole=True)


def log_of(task: Task, attempt: int) -> StoredLog | None:
    """What an attempt has printed; `None` also where its manifest, which names the run it is of, is damaged."""
    try:
        return task.stored_log(attempt)
    except CorruptArtifact:
        return None


def follow_logs(run: Run, rest: Sequence[str], selection: LogSelection) -> Iterator[TaskLine]:
    """The same lines, and those that come, in their order, until the run has ended. Raises FlowError."""
    follower = _Follower(run, rest, selection)
    while True:
        over = known_status(run) != "running"  # before its logs are read: nothing comes after that
        yield from follower.news(over=over)
        if over:
            return
        time.sleep(FOLLOW_SECONDS[run.layout.store.remote])


class _Follower:
    """Reads the logs of a run again and again."""

    def __init__(self, run: Run, rest: Sequence[str], selection: LogSelection) -> None:
        self._run = run
        self._rest = rest
        self._selection = selection
        self._followed: dict[_Key, _FollowedLog] = {}
        self._done = set[_Key]()
        """Those that have committed."""
        self._first = True

    def news(self, *, over: bool) -> Iterator[TaskLine]:
        """The lines that are new since the last call. The first time those of a task come together."""
        listed = self._listed()
        for key in set(listed).difference(self._followed):
            name = task_id(key.step, parse_index(key.place))
            several = key._replace(attempt=1) in listed
            self._followed[key] = _FollowedLog(_label(name, key.attempt, several=several))
        # Later on lines are in the order of their times, whatever step they are from.
        steps = [step.name for step in steps_of(self._run)] if self._first and not self._rest else []
        places = {name: place for place, name in enumerate(steps)}
        keys = sorted(listed, key=lambda key: (places.get(key.step, len(places)), *_order(key)))
        changed = [key for key in keys if self._followed[key].is_other(listed[key], over=over)]
        own, elsewhere = self._read(changed, over=over)
        if self._first:
            order = {key: place for place, key in enumerate(changed)}
            for key in sorted([*own, *elsewhere], key=lambda key: order[key]):
                yield from own.get(key, ()) or elsewhere.get(key, ())
        else:
            for lines in elsewhere.values():  # printed before this run, or before its task was taken from the cache
                yield from lines
            yield from sorted((line for lines in own.values() for line in lines), key=lambda line: line.record.time)
        if over and self._first and not listed:
            selected_steps(self._run, list(self._rest))  # raises where there is no such step
        self._first = False

    def _read(self, keys: Sequence[_Key], *, over: bool) -> tuple[_Lines, _Lines]:
        """The new lines of attempts: of those with a log here, and of those that ran elsewhere."""
        run, own, elsewhere = self._run, _Lines(), _Lines()
        logs = each_of(run.layout.store, self._log_and_task, keys)
        for key, (log, task) in zip(keys, logs, strict=True):
            followed = self._followed[key]
            chosen = self._selection if self._first else LogSelection(self._selection.streams)
            if log is not None:
                lines = [TaskLine(followed.label, line) for line in chosen.lines(followed.news(log, over=over))]
                notes = _note_on_cached(task, key.attempt, self._selection) if task is not None else ()
                found = own if task is None else elsewhere
                found[key] = [*(TaskLine(followed.label, note) for note in notes), *lines]
        return own, elsewhere

    def _log_and_task(self, key: _Key) -> tuple[StoredLog | None, Task | None]:
        """The log of an attempt; and its task where it has none here, since it was taken over or from the cache."""
        layout = self._run.layout
        log = read_log(layout.store, f"{layout.prefix}/{key.step}/{key.place}/{key.attempt}")
        if key not in self._done or (log is not None and not _says_only_where(log)):
            return log, None
        task = task_at(self._run, key.step, parse_index(key.place), {key.attempt: True})
        return log_of(task, key.attempt), task

    def _listed(self) -> dict[_Key, list[object]]:
        """The logs that there are, each with what tells whether it has changed; and tasks that are done without one."""
        start, found, done = len(self._run.layout.prefix) + 1, dict[_Key, list[object]](), dict[_Key, list[object]]()
        for file in self._run.layout.store.files("/".join([self._run.layout.prefix, *self._rest, ""])):
            step, *parts = file.key[start:].split("/")
            if len(parts) == 3 and parts[1].isdigit() and parts[2] in (MANIFEST, *_FILES):
                key = _Key(step, parts[0], int(parts[1]))
                if self._selection.attempt in (None, key.attempt):
                    kind = done if parts[2] == MANIFEST else found
                    kind.setdefault(key, []).append((parts[2], file.size, file.modified))
        self._done = set(done)
        return {**done, **found}


def _says_only_where(log: StoredLog) -> bool:
    """Whether a log is that of a pod whose task was taken over, or from the cache."""
    first = next(iter(log.records()), None)
    return first is not None and first.text.startswith(b"flowc: task ") and b" is taken " in first.text


class _Key(NamedTuple):
    step: str
    place: str
    """The index path, as the store's folders have it."""
    attempt: int


_Lines = dict[_Key, list[TaskLine]]


def _order(key: _Key) -> tuple[str, Path, int]:
    return key.step, parse_index(key.place), key.attempt


def _label(name: str, attempt: int, *, several: bool) -> str:
    return f"{name} attempt {attempt}" if several or attempt else name


class _FollowedLog:
    """An attempt whose log is followed."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._version: object = None
        self._mark = b""
        self._read = 0
        """How far its records have been read."""
        self._pieces: list[LogRecord] = []
        """What has been read of lines that go on."""

    def is_other(self, version: object, *, over: bool) -> bool:
        """Whether the log has to be read: it has changed, or is over and a line of it has no end."""
        before, self._version = self._version, version
        return before != version or (over and bool(self._pieces))

    def news(self, log: StoredLog, *, over: bool) -> list[LogRecord]:
        """The records that are new. Those of a line without an end wait for it until the run is over."""
        if log.mark != self._mark:  # another process has begun the attempt anew
            self._mark, self._read, self._pieces = log.mark, 0, []
        records = [*self._pieces, *log.records(self._read)]
        self._read = log.length
        ends = {record.stream: number for number, record in enumerate(records) if record.whole}
        waiting = [not over and number > ends.get(record.stream, -1) for number, record in enumerate(records)]
        self._pieces = [record for record, waits in zip(records, waiting, strict=True) if waits]
        return [record for record, waits in zip(records, waiting, strict=True) if not waits]
