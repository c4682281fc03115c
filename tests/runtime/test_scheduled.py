"""The time that a run is scheduled for: in texts, in `current`, in defaults, and in the store."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from flowc.protocol.scheduled import fill_scheduled, mentions_scheduled, parse_time, scheduled_time
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_targets.local.options import ResumeOptions
from tests.local.flows import Local

TIME = datetime(2026, 3, 29, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("day={scheduled:%F}/_SUCCESS", "day=2026-03-29/_SUCCESS"),
        ("{scheduled}", "2026-03-29T02:30:00+01:00"),
        ("{scheduled:%H:%M} {other} {schedule}", "02:30 {other} {schedule}"),
    ],
)
def test_texts_with_the_time(text: str, filled: str) -> None:
    assert mentions_scheduled(text)
    assert fill_scheduled(text, TIME) == filled
    with pytest.raises(ValueError, match="this run has none"):
        fill_scheduled(text, None)


@pytest.mark.parametrize(
    ("text", "timezone"), [("9999-12-31T23:59:59-12:00", None), ("0001-01-01T00:00:00+01:00", "Europe/Berlin")]
)
def test_a_time_of_no_year(text: str, timezone: str | None) -> None:
    with pytest.raises(ValueError, match="is a time of no year from 1 to 9999"):
        parse_time(text, timezone)


def test_other_texts_stay() -> None:
    assert not any(map(mentions_scheduled, ("{schedule}", "{}", "scheduled", None, 5)))
    assert fill_scheduled("{x} {{ y }}", None) == "{x} {{ y }}"


@pytest.mark.parametrize(
    ("text", "timezone", "expected"),
    [
        ("2026-03-29", None, "2026-03-29T00:00:00+00:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-29T00:00:00+01:00"),
        ("2026-07-01T00:00:00.123456789Z", "Europe/Berlin", "2026-07-01T02:00:00.123456+02:00"),
        ("2026-07-01T00:00:00-05:00", "UTC", "2026-07-01T05:00:00+00:00"),
    ],
)
def test_times_are_of_the_schedules_zone(text: str, timezone: str | None, expected: str) -> None:
    assert parse_time(text, timezone).isoformat() == expected


def test_what_an_environment_says() -> None:
    assert scheduled_time({}) is None
    assert scheduled_time({"FLOWC_SCHEDULED": ""}) is None
    assert scheduled_time({"FLOWC_SCHEDULED": "{{workflow.scheduledTime}}"}) is None
    found = scheduled_time({"FLOWC_SCHEDULED": "2026-07-01T00:00:00Z", "FLOWC_TIMEZONE": "Europe/Berlin"})
    assert str(found) == "2026-07-01 02:00:00+02:00"
    with pytest.raises(ValueError, match="install tzdata"):
        scheduled_time({"FLOWC_SCHEDULED": "2026-07-01T00:00:00Z", "FLOWC_TIMEZONE": "Mars/Base"})


CLASS_FLOW = """
    import os
    from flowc import FlowSpec, Parameter, current, schedule, step

    @schedule(cron="0 2 * * *", timezone="Europe/Berlin")
    class Daily(FlowSpec):
        day = Parameter("day", default="{scheduled:%F}")

        @step
        def start(self):
            self.at = str(current.scheduled_time)
            self.next(self.end)

        @step
        def end(self):
            if os.environ.get("FAIL"):
                raise ValueError("as asked")
            self.again = str(current.scheduled_time)
"""
PIPELINE = """
    from flowc import current, pipeline, step

    @step
    def read(day: str) -> str:
        return f"{day} {current.scheduled_time}"

    @pipeline
    def daily(day: str = "{scheduled:%F}"):
        read(day)
"""


@pytest.mark.process
def test_a_local_run_and_the_one_that_resumes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flow = Local(tmp_path, CLASS_FLOW)
    monkeypatch.setenv("FAIL", "1")
    result = flow.run(scheduled="2026-03-29T00:00:00+01:00")
    assert result.exit_code
    monkeypatch.delenv("FAIL")
    resumed = flow.run(resume=ResumeOptions(result.run_id))
    assert not resumed.exit_code, flow.says.err
    data = flow.client(resumed).data
    assert (data.day, data.at, data.again) == ("2026-03-29", *["2026-03-29 00:00:00+01:00"] * 2)


@pytest.mark.process
def test_a_run_without_a_time(tmp_path: Path) -> None:
    flow = Local(tmp_path, CLASS_FLOW)
    assert flow.run().exit_code
    assert any("{scheduled:%F} needs the time" in line for line in flow.says.err)
    result = flow.run(params={"day": "{scheduled}"})
    assert not result.exit_code
    assert (flow.client(result).data.day, flow.client(result).data.at) == ("{scheduled}", "None")


@pytest.mark.process
def test_a_pipeline(tmp_path: Path) -> None:
    flow = Local(tmp_path, PIPELINE)
    result = flow.run(scheduled="2026-03-29T00:00:00+00:00")
    assert not result.exit_code, flow.says.err
    assert flow.client(result)["read"].task.data.output == "2026-03-29 2026-03-29 00:00:00+00:00"


def test_the_command_line_reads_times() -> None:
    from flowc_cli.flow_options import read_time

    sink = DiagnosticSink()
    assert read_time("2026-03-29", sink) == "2026-03-29T00:00:00"
    assert not sink.failed
    read_time("yesterday", sink)
    assert [item.code for item in sink.diagnostics] == ["FC505"]
