"""What a page shows of values and of logs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowc.client.log_records import LogRecord
from flowc_cli.reporting.run_snapshot import log_rows, without_traceback
from flowc_cli.reporting.run_view import BarsView, ImageView, LogRow, PlotView, TableView, TextView
from flowc_cli.reporting.value_views import value_view
from tests.cli.test_value_texts import Evil, Point, stored

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
VALUES: dict[str, tuple[Any, type]] = {
    "a number": (5, TextView),
    "a text": ("<b>", TextView),
    "an object": (Point(), TextView),
    "one that runs": (Evil(), TextView),
    "a picture": (GIF, ImageView),
    "a large picture": (GIF + bytes(5 << 20), TextView),
    "other bytes": (b"abc", TextView),
    "SVG": ("<svg xmlns='http://www.w3.org/2000/svg'></svg>", ImageView),
    "text about SVG": ("<svg> is an element", TextView),
    "numbers": ([1, 2.5, 3], PlotView),
    "two numbers": ([1, 2], TextView),
    "numbers that are none": ([1.0, float("nan"), 2.0], TextView),
    "booleans": ([True, False, True], TextView),
    "an array": (np.arange(5), PlotView),
    "a matrix": (np.zeros((3, 3)), TextView),
    "numbers by name": ({"a": 1, "b": 2.5}, BarsView),
    "more by name": ({"a": 1, "b": "x"}, TextView),
    "records": ([{"a": 1}, {"a": 2}], TableView),
    "records that differ": ([{"a": 1}, {"b": 2}], TextView),
    "rows": ([[1, 2], [3, 4]], TableView),
    "nothing": ([], TextView),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_is_drawn_as_what_it_is(name: str) -> None:
    value, kind = VALUES[name]
    assert type(value_view(stored(value))) is kind


def test_what_is_long_is_cut_and_says_so() -> None:
    text = value_view(stored("x" * 30_000))
    assert isinstance(text, TextView)
    assert [len(text.text), text.cut] == [20_000, 10_000]
    table = value_view(stored([{"a": number} for number in range(1000)]))
    assert isinstance(table, TableView)
    assert [len(table.rows), table.total] == [50, 1000]
    plot = value_view(stored(list(range(10_000))))
    assert isinstance(plot, PlotView)
    assert [len(plot.numbers), plot.total] == [500, 10_000]


def test_a_dict_is_shown_over_several_lines() -> None:
    view = value_view(stored({"name": "x" * 60, "inner": {"list": [1, "y" * 60]}}))
    assert isinstance(view, TextView)
    assert '\n  "inner": {\n' in view.text


def record(time: float, stream: str, text: str) -> LogRecord:
    return LogRecord(time, stream, text.encode(), whole=True)


def test_lines_of_one_moment_are_one_row() -> None:
    lines = [
        record(10.0, "stdout", "a"),
        record(10.01, "stdout", "b"),
        record(10.02, "stderr", "c"),
        record(0, "", "gap"),
    ]
    assert log_rows(lines, 9.0) == (
        (LogRow(1.0, "stdout", "a\nb"), LogRow(1.0, "stderr", "c"), LogRow(None, "", "gap")), 0
    )  # fmt: skip


def test_the_end_of_a_long_log_is_kept() -> None:
    rows, cut = log_rows([record(1.0, "stdout", f"{number:09}") for number in range(100)], None, 100)
    assert [cut, rows[0].text.split("\n")[0]] == [90, "000000090"]


def test_a_traceback_is_not_in_the_log() -> None:
    lines = [record(1.0, "stderr", text) for text in ("before", "Traceback", "Error: x")]
    lines.insert(2, record(1.0, "stdout", "between"))
    assert [line.text for line in without_traceback(lines, "Traceback\nError: x\n")] == [b"before", b"between"]
    assert without_traceback(lines, "Other\nError: x\n") == lines
    assert without_traceback([], "Error\n") == []
