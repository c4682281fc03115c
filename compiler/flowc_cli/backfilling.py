"""Runs for the times of a schedule that have none: what a store has of them, and the runs that are started.

A run is for a time by its record in the store, which the local engine or a run's first task writes, and `flowc
backfill` itself as soon as it has started one: a second backfill finds what the first has left to its engine.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from flowc.client import Flow, Run
from flowc.client.run_state import run_status
from flowc.protocol.scheduled import parse_time
from flowc.store import Store
from flowc.store.documents import SCHEDULED
from flowc.store.run_layout import run_names
from flowc_cli.output import write_error
from flowc_cli.run_states import in_columns
from flowc_cli.store_requests import each_of

State = Literal["missing", "running", "successful", "failed", "interrupted", "lost"]
"""Of a time: that of its run, or `missing` where it has none. The last two are runs that were not let end."""
_ENDED: frozenset[State] = frozenset({"successful", "failed", "interrupted", "lost"})
_ORDER: tuple[State, ...] = ("successful", "running", "failed", "interrupted", "lost", "missing")
"""Of the runs for one time, the first of these counts."""


@dataclass
class Slot:
    """A time of the schedule, and the run that counts for it."""

    time: datetime
    state: State = "missing"
    run: str = ""
    """Its id in the store."""
    new: bool = False
    """Whether this backfill has started it."""


class RunStarter(Protocol):
    """Where runs are started."""

    poll_seconds: float
    """Between two looks at the runs that are under way."""

    def start(self, scheduled: str) -> str:
        """Start the run for a time, and return its id in the store. Raises FlowcError and EngineError."""
        ...

    def state(self, run_id: str) -> State | None:
        """The state of a run; `None` for one that it does not know. Raises EngineError."""
        ...

    def interrupted(self) -> None:
        """Do what an interrupt asks for, which runs of an engine do not hear of."""
        ...


def find_runs(store: Store, flow: str, deployment: str, times: Iterable[datetime]) -> list[Slot]:
    """The times, each with the run that counts. Raises FlowError."""
    slots = {time.timestamp(): Slot(time) for time in times}
    owner = Flow.of(store, flow, trusted=False)
    found = [Run.of(owner, name) for name in sorted(run_names(store, flow))] if slots else []
    records = each_of(store, lambda run: run.layout.scheduled_record(), found)
    scheduled: list[tuple[Slot, Run]] = []
    for run, record in zip(found, records, strict=True):
        slot = slots.get(parse_time(str(record["time"])).timestamp()) if record is not None else None
        if slot is not None and record is not None and record["deployment"] == deployment:
            scheduled.append((slot, run))
    states = each_of(store, _found_state, [run for _, run in scheduled])
    for (slot, run), state in zip(scheduled, states, strict=True):
        if _ORDER.index(state) <= _ORDER.index(slot.state):  # of equals, the later run
            slot.state, slot.run = state, run.id
    return list(slots.values())


def _found_state(run: Run) -> State:
    """The state of a run. One that has stored nothing of itself may wait for its first pod: its engine knows."""
    names = run.layout.store.children(run.layout.prefix)
    return "running" if names == [SCHEDULED] else _stored_state(run)


def _stored_state(run: Run) -> State:
    status = run_status(run)
    known: dict[str, State] = {state: state for state in _ORDER}
    return known.get(status, "lost")


@dataclass
class Backfill:
    """Starts what is missing, the oldest time first, and at most so many at a time."""

    store: Store
    flow: str
    deployment: str
    slots: Sequence[Slot]
    starter: RunStarter
    parallel: int
    rerun_failed: bool
    watch: bool
    """Whether a line is printed for each run that begins and ends."""
    _active: list[Slot] = field(default_factory=list[Slot])

    def waiting(self) -> list[Slot]:
        """The times for which runs are to be started."""
        again: set[State] = {"missing", "interrupted", "lost", *(("failed",) if self.rerun_failed else ())}
        return [slot for slot in self.slots if slot.state in again]

    def look(self) -> None:
        """See how far the runs are that are under way: an engine may not have one any more."""
        self._active = [slot for slot in self.slots if slot.state == "running"]
        for slot in list(self._active):
            self._look_at(slot)

    def run(self) -> None:
        """Start runs and wait until all have ended, those of an earlier backfill among them."""
        waiting = deque(self.waiting())
        while waiting or self._active:
            while waiting and len(self._active) < self.parallel:
                self._start(waiting.popleft())
            time.sleep(self.starter.poll_seconds)
            for slot in list(self._active):
                self._look_at(slot)

    def _start(self, slot: Slot) -> None:
        slot.run = self.starter.start(slot.time.isoformat())
        slot.state, slot.new = "running", True
        self._active.append(slot)
        self._run_of(slot).layout.keep_scheduled(slot.time.isoformat(), self.deployment)
        self._tell(f"{slot.time.isoformat()}: started {self.flow}/{slot.run}\n")

    def _tell(self, line: str) -> None:
        if self.watch:
            write_error(line)

    def _run_of(self, slot: Slot) -> Run:
        return Run.of(Flow.of(self.store, self.flow, trusted=False), slot.run)

    def _look_at(self, slot: Slot) -> None:
        """See how far a run is, as its engine says, or else as the store does."""
        slot.state = self.starter.state(slot.run) or _stored_state(self._run_of(slot))
        if slot.state in _ENDED:
            self._active.remove(slot)
            self._tell(f"{slot.time.isoformat()}: {slot.state} {self.flow}/{slot.run}\n")


def table(flow: str, slots: Sequence[Slot]) -> str:
    """A line per time, in columns."""
    rows = [("SCHEDULED", "STATE", "RUN", "")]
    rows += [
        (slot.time.isoformat(), slot.state, f"{flow}/{slot.run}" if slot.run else "", "new" if slot.new else "")
        for slot in slots
    ]
    return in_columns(rows)


def summary(slots: Sequence[Slot]) -> str:
    """How many times there are of each state."""
    counts = Counter(slot.state for slot in slots)
    parts = [f"{counts[state]} {state}" for state in _ORDER if counts[state]]
    times = f"{len(slots)} time{'s' * (len(slots) != 1)}"
    return f"{times}: {', '.join(parts)}; {sum(slot.new for slot in slots)} new"
