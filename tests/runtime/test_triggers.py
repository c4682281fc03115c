"""`current.trigger`: what a Sensor says of the events, as a task reads it."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flowc.shim.trigger_events import trigger_of_run
from tests.local.flows import Local
from tests.support import flowc, flowc_process


def record(own: dict[str, Any], delivery: dict[str, Any]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(item).encode()).decode() for item in (own, delivery))
    return ".".join(parts) + ","


def local_time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def test_none_where_nobody_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWC_TRIGGER", raising=False)
    assert trigger_of_run() is None
    monkeypatch.setenv("FLOWC_TRIGGER", "")
    assert trigger_of_run() is None


def test_events_the_latest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    text = record({"name": "old", "type": "event", "id": "1", "timestamp": 1_700_000_000}, {"id": "d1"})
    text += record(
        {"name": "new", "type": "event", "id": "", "timestamp": ""},
        {"id": "d2", "time": "2026-11-21T15:00:00.123456789Z"},
    )
    monkeypatch.setenv("FLOWC_TRIGGER", text)
    trigger = trigger_of_run()
    assert trigger is not None
    assert [event.name for event in trigger] == ["new", "old"]
    assert trigger.event is not None
    assert (trigger.event.id, trigger.event.type) == ("d2", "event")
    assert trigger.event.timestamp == local_time("2026-11-21T15:00:00.123456")
    assert trigger.run is None
    assert trigger.runs is None
    assert trigger["old"] == (trigger.events or [])[1]
    assert "new" in trigger
    assert "other" not in trigger
    with pytest.raises(KeyError):
        trigger["other"]


@pytest.mark.parametrize("text", ["x", ".,", "bm90IGpzb24.,", ",", "e30.e30,"])
def test_what_is_no_record_is_an_event_of_which_nothing_is_known(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("FLOWC_TRIGGER", text)
    trigger = trigger_of_run()
    assert trigger is None or trigger.event == (None, None, None, "event")


@pytest.mark.process
def test_the_run_that_has_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    up = Local(tmp_path, """
        from flowc import FlowSpec, step

        class Up(FlowSpec):
            @step
            def start(self):
                self.made = 42
                self.next(self.end)

            @step
            def end(self):
                pass
    """, "up.py")  # fmt: skip
    first = up.run()
    own = {"name": "metaflow.Up.end", "type": "run", "id": f"Up/{first.run_id}", "timestamp": "2026-11-21T15:00:00Z"}
    monkeypatch.setenv("FLOWC_TRIGGER", record(own, {"id": "d"}))
    down = Local(tmp_path, """
        from flowc import FlowSpec, current, step

        class Down(FlowSpec):
            @step
            def start(self):
                self.got = current.trigger.run["start"].task.data.made
                self.same = current.trigger["Up"].id == current.trigger.run.id
                self.name = current.trigger.event.name
                self.next(self.end)

            @step
            def end(self):
                assert "trigger" in current
    """, "down.py")  # fmt: skip
    second = down.run()
    assert second.ok, down.says.err
    from flowc.client import Run

    data = Run(f"Down/{second.run_id}", root=down.root)["start"].task.data
    assert (data.got, data.same, data.name) == (42, True, "metaflow.Up.end")


EVENT_FLOW = """
from flowc import FlowSpec, Parameter, current, step, trigger


@trigger(event={"name": "sold", "parameters": {"pieces": "count"}, "filter": {"count": {">=": 10}}})
class Restock(FlowSpec):
    shop = Parameter("shop", default="north")
    pieces = Parameter("pieces", type=int, required=True)

    @step
    def start(self):
        self.event = current.trigger.event
        self.next(self.end)

    @step
    def end(self):
        print(self.event.name, self.event.id, self.event.type, self.shop, self.pieces)
"""


@pytest.mark.process
def test_a_local_run_of_an_event(tmp_path: Path) -> None:
    (tmp_path / "flow.py").write_text(EVENT_FLOW)
    given = ("--event", "sold", "--payload", '{"count": 12, "shop": null}', "--payload", "id=e-7", "-p", "shop=west")
    done = flowc_process(tmp_path, "run", "flow.py", *given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.partition("] ")[2] == "sold e-7 event west 12\n"


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--event", "sold", "--payload", "count=3"), "FC505", "does not pass the filter of @trigger: count >= 10"),
        (("--event", "sold"), "FC505", "does not pass the filter"),
        (("--event", "sodl"), "FC505", "does not wait for event 'sodl'"),
        (("--payload", "count=3"), "FC504", "--payload is of an event"),
    ],
)
def test_events_that_start_nothing(tmp_path: Path, options: tuple[str, ...], code: str, message: str) -> None:
    (tmp_path / "flow.py").write_text(EVENT_FLOW)
    done = flowc(tmp_path, "run", "flow.py", *options)
    assert done.returncode == 2
    assert code in done.stderr
    assert message in done.stderr
