"""Values of parameters on their way: what the compiler writes, the shim reads, letter by letter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowc.convert import decode_value
from flowc_targets.argo.texts import encode_value

HOSTILE = [
    "", "{{workflow.name}}", "{{=1+1}}", "$(HOME) $$ $", "b64:x", "z64:x", "flowc:default", "a\r\nb\tc", "\x07", "😀 ü",
    '"quotes" and \'quotes\'', "!!python/object", "- a\n- b", "y", "{{" * 50_000, "$" * 100_000, "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_hostile_values_come_back(text: str) -> None:
    encoded = encode_value(text)
    assert decode_value("x", encoded) == text
    assert "{{" not in encoded
    assert "$" not in encoded


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_value_comes_back(text: str) -> None:
    assert decode_value("x", encode_value(text)) == text


def test_a_long_value_fits_into_a_variable() -> None:
    text = "".join(f"{{{{item {number}}}}} costs ${number}\n" for number in range(4000))
    assert len(text) > 90_000
    assert len(encode_value(text)) < 100_000
