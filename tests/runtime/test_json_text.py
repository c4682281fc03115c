"""JSON without `json`: the same values and texts, and the same errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowc.store import json_text

VALUES: list[Any] = [
    None, True, 1, -(1 << 70), 1.5, 1e300, float("inf"), "", "text", 'quotes " and \\ and\n\t\x00',
    [], {}, [1, [2, {"a": None}]], {"a": {"b": [True, False]}, "": 1}, {1: 2, None: 3, 1.5: 5}, {True: 4},
    (1, 2), "é \U0001f600 \ud800",
]  # fmt: skip
TEXTS = ["{}", " [1, 2]\n", '"\\u00e9"', "-0.5e3", "[NaN, -Infinity]", '{"a": 1, "a": 2}', '"\ud83d\ude00"']
BAD = ["", " ", "{", '{"a":1', "[1,]", "1 2", "'a'", '"\n"', '{"a" 1}', "nul", "\x00", '"\\x"']


@pytest.mark.parametrize("value", VALUES)
def test_values_are_written_as_json_does(value: Any) -> None:
    text = json_text.dumps(value)
    assert text == json.dumps(value, separators=(",", ":"))
    assert json_text.loads(text) == json_text.loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_read_as_json_does(text: str) -> None:
    assert repr(json_text.loads(text)) == repr(json.loads(text))


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_json_is_refused_as_json_does(text: str) -> None:
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(json.JSONDecodeError) as found:
        json_text.loads(text)
    assert str(found.value) == str(expected.value)


@pytest.mark.parametrize("value", [object(), {"a": {1, 2}}, b"bytes", {(1, 2): 3}])
def test_what_json_cannot_write_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        json_text.dumps(value)
