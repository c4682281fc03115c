"""What `flowc show --values` says of values, which it never unpickles."""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import enum
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from flowc.client import StoredValue
from flowc.store import codec
from flowc_cli.value_texts import details, json_value, summary
from tests.support import flowc, write_files


class Point:
    def __init__(self) -> None:
        self.x = 1
        self.inner = {"y": [2.5]}


class Slots:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = "x"


class Color(enum.Enum):
    RED = 1


class Evil:
    """Unpickling it makes a folder."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("/tmp/flowc-must-not-exist",)


def stored(value: object) -> StoredValue:
    """A value as it is in a store."""
    encoded = codec.encode(value, "a value")
    data = b"".join(bytes(part) for part in encoded.parts)
    return StoredValue(data, codec.type_name(value), encoded.size, encoded.digest, "pickle")


HERE = __name__


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (1.5, "1.5"),
        (float("nan"), "nan"),
        (10**100, "int of 333 bits"),
        ("short", "'short'"),
        ("x" * 1000, f"'{'x' * 60}' … (1000 characters)"),
        (b"y" * 5000, "b'yyyyyyyyyyyyyyyyyyyy' … (5 kB)"),
        ([1, (2,), {3}, frozenset[int]()], "[1, (2,), {3}, frozenset([])]"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, 6, 7, … (1000 items)]"),
        ({"a": {"b": dt.date(2026, 5, 1)}}, "{'a': {'b': datetime.date(2026, 5, 1)}}"),
        ([[[[[[1]]]]]], "[[[[[…]]]]]"),
        (collections.Counter("aab"), "{'a': 2, 'b': 1}"),
        (decimal.Decimal("1.50"), "Decimal('1.50')"),
        (Point(), f"{HERE}.Point(x=1, inner={{'y': [2.5]}})"),
        (Slots(), f"{HERE}.Slots(a='x')"),
        (Color.RED, f"{HERE}.Color(1)"),
        (os.path.join, "posixpath.join"),
        (Evil(), "posix.mkdir('/tmp/flowc-must-not-exist')"),
        (["\x1b[31m"], "['\\x1b[31m']"),
    ],
)
def test_a_value_in_a_line(value: object, text: str) -> None:
    assert summary(stored(value)) == text
    assert not Path("/tmp/flowc-must-not-exist").exists()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": [1, None, "x", 2.5]}, {"a": [1, None, "x", 2.5]}),
        ((1, 2), {"type": "tuple", "summary": "(1, 2)"}),
        ({1: 2}, {"type": "dict", "summary": "{1: 2}"}),
        ([float("inf")], {"type": "list", "summary": "[inf]"}),
        (list(range(200)), {"type": "list", "summary": "[0, 1, 2, 3, 4, 5, 6, 7, … (200 items)]"}),
    ],
)
def test_a_value_in_json(value: object, found: object) -> None:
    assert json_value(stored(value)) == found


def test_a_number_that_python_does_not_write() -> None:
    assert json_value(stored([10**6000])) == {"type": "list", "summary": "[int of 19932 bits]"}
    assert json_value(stored(10**30)) == 10**30


def test_values_that_would_be_large_or_are_damaged() -> None:
    layers: list[Any] = []
    for _ in range(100):
        layers = [layers] * 100
    assert len(summary(stored(layers))) <= 100
    wide = {str(number): "x" * 5000 for number in range(50)}
    assert len(summary(stored(wide))) <= 100
    for data in (
        b"",
        b"\x80\x05",
        b"\x80\x05cos\nsystem\n(S'true'\ntR",
        pickle.dumps([1])[:-3],
        codec.MAGIC + b"\xff" * 40,
    ):
        assert "which cannot be shown" in summary(StoredValue(data, "list", len(data), "", "pickle"))


def test_arrays() -> None:
    np = pytest.importorskip("numpy")
    assert summary(stored(np.arange(3.0))) == "array of float64, 3: [0.0, 1.0, 2.0]"
    assert summary(stored(np.zeros((100, 200), "i4"))) == "array of int32, 100 × 200: [0, 0, 0, 0, 0, 0, …]"
    assert summary(stored(np.array(["a", None], object))) == "array of object, 2: ['a']"
    assert summary(stored({"n": np.float64(2.5)})) == "{'n': 2.5}"


def test_tables() -> None:
    pd = pytest.importorskip("pandas")
    when = pd.to_datetime(["2026-05-01"] * 9)
    frame = pd.DataFrame(
        {"n": range(9), "text": ["a b"] * 9, "x": [0.5] * 9, "when": when, "c": pd.Categorical(list("abcabcabc"))}
    )
    text = summary(stored(frame))
    assert text.startswith("DataFrame, 9 rows × 5 columns: n int64, text ")
    lines = details(stored(frame))
    assert lines[0].split() == ["n", "text", "x", "when", "c"]
    assert lines[2].split() == ["1", "a", "b", "0.5", "2026-05-01", "b"]
    assert lines[-1] == "…"
    assert summary(stored(pd.Series([1.5, 2.5]))) == "Series of float64, 2: [1.5, 2.5]"


@pytest.mark.process
def test_the_values_of_a_run(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {
            "flow.py": """
        from flowc import FlowSpec, step

        class Held:
            def __init__(self):
                self.n = 4

        class Shown(FlowSpec):
            @step
            def start(self):
                self.items = [10, 20]
                self.held = Held()
                self.next(self.each, foreach="items")

            @step
            def each(self):
                self.square = self.input ** 2
                self.next(self.join)

            @step
            def join(self, inputs):
                self.next(self.end)

            @step
            def end(self):
                pass
    """
        },
    )
    assert flowc(tmp_path, "run", "flow.py").returncode == 0
    text = flowc(tmp_path, "show", "Shown", "--values").stdout
    assert "\n    held = flow.Held(n=4)\n    items = [10, 20]\n" in text
    assert "\n    each-1\n      held = flow.Held(n=4)\n      items = [10, 20]\n      square = 400\n" in text
    one = flowc(tmp_path, "show", "Shown/latest/each/1", "--values").stdout
    assert "square = 400" in one
    assert "square = 100" not in one
    document = flowc(tmp_path, "show", "Shown/latest/each/0", "--values", "--json").stdout
    assert '"square": 100' in document
    assert flowc(tmp_path, "show", "Shown/latest/each/7", "--values").returncode == 2
