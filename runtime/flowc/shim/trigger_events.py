"""`current.trigger`: the events, or the runs of other flows, that this run was started by."""

from __future__ import annotations

import os
from typing import NamedTuple

from flowc.protocol import env_names
from flowc.protocol.scheduled import python_iso

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Dict, Iterator, List

    from flowc.client import Run

VARIABLE = env_names.TRIGGER
"""Holds the events: each is the event's own facts and those of its delivery, as JSON in base64, `own.delivery,`."""


class MetaflowEvent(NamedTuple):
    """An event. `type` is `event`, or `run` for a run that has finished; what is unknown is None."""

    name: str | None
    id: str | None
    timestamp: datetime | None
    """In local time, without a zone, as in Metaflow."""
    type: str


class Trigger:
    """What started the run; the latest event first."""

    def __init__(self, events: List[MetaflowEvent]) -> None:
        def age(event: MetaflowEvent) -> float:
            return -event.timestamp.timestamp() if event.timestamp is not None else 0.0

        self._events = sorted(events, key=age)

    @property
    def event(self) -> MetaflowEvent | None:
        """The latest event."""
        return self._events[0] if self._events else None

    @property
    def events(self) -> List[MetaflowEvent] | None:
        """All events; None where there are none."""
        return list(self._events) or None

    @property
    def run(self) -> Run | None:
        """The latest of the runs; None where no run was waited for."""
        runs = self.runs
        return runs[0] if runs else None

    @property
    def runs(self) -> List[Run] | None:
        """The runs that were waited for, of whatever namespace; None where none was."""
        from flowc.client import Flow, Run
        from flowc.client.namespaces import chosen_store

        found: List[Run] = []
        for event in self._events:
            if event.type == "run" and event.id is not None:
                flow, _, run = event.id.partition("/")
                found.append(Run.of(Flow.of(chosen_store(None), flow), run.partition("/")[0]))
        return found or None

    def __getitem__(self, key: str) -> Run | MetaflowEvent:
        """The run of a flow of that name; or, where there are no runs, the event of that name. Raises KeyError."""
        for run in self.runs or ():
            if run.pathspec.partition("/")[0] == key:
                return run
        for event in self._events:
            if event.name == key and event.type != "run":
                return event
        raise KeyError(key)

    def __iter__(self) -> Iterator[MetaflowEvent]:
        return iter(self._events)

    def __contains__(self, key: str) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True


def trigger_of_run() -> Trigger | None:
    """What the environment says; None for a run that nothing but a person or a schedule has started."""
    text = os.environ.get(VARIABLE, "")
    events = [_event(record) for record in text.split(",") if record]
    return Trigger(events) if events else None


def _event(record: str) -> MetaflowEvent:
    own, _, delivery = record.partition(".")
    said, came = _facts(own), _facts(delivery)
    stamp = said.get("timestamp") or came.get("time")
    return MetaflowEvent(said.get("name"), said.get("id") or came.get("id"), _time(stamp), said.get("type") or "event")


def _facts(text: str) -> Dict[str, Any]:
    """The facts in a part of a record; none where it is not what a Sensor of flowc's writes."""
    import base64
    import json

    try:
        facts = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _time(stamp: Any) -> datetime | None:
    """A number of seconds since 1970, or a time in ISO 8601."""
    from datetime import datetime

    try:
        if isinstance(stamp, (int, float)):
            return datetime.fromtimestamp(stamp)
        if isinstance(stamp, str):
            return datetime.fromisoformat(python_iso(stamp)).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
    return None
