"""The printer, against PyYAML's reader."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from flowc_targets.kubernetes.objects import Plain
from flowc_targets.kubernetes.yaml_printer import documents, scalar

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
SCALARS: st.SearchStrategy[Plain] = st.one_of(TEXT, st.integers(), st.booleans())


def _nested(inner: st.SearchStrategy[Plain]) -> st.SearchStrategy[Plain]:
    return st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4))


TREES = st.recursive(SCALARS, _nested, max_leaves=25)


@given(TREES)
@example({"a": ["x" * 200, {"k": "y" * 130, "": [[], {}, [[""]]]}]})
@example("\x85\u2028\ufeff\U0001f600")
def test_round_trip(tree: Plain) -> None:
    assert yaml.safe_load(documents([tree])) == tree


@given(st.lists(TREES, min_size=1, max_size=3))
def test_several_documents(trees: list[Plain]) -> None:
    assert list(yaml.safe_load_all(documents(trees, "a header\nof two lines"))) == trees


TRAPS = [
    "y", "N", "yes", "off", "true", "null", "~", "0o17", "1_000", "12:30:45", "1e3", ".5", "nan", "=", "<<", "", " a",
    "a ", "a: b", "a #b", "-", "---", "...", "@a", "*a", "&a", "!a", "%a", "0x1F", "2026-01-01", "a:", "{{x}}", "a,b",
]  # fmt: skip


@pytest.mark.parametrize("text", TRAPS)
def test_what_is_not_plainly_a_string_is_quoted(text: str) -> None:
    assert scalar(text).startswith('"')


@pytest.mark.parametrize("text", ["s-train", "--step", "python:3.11-slim", "s3://bucket/prefix", "/flowc/flow.pyz"])
def test_plain_strings_stay_plain(text: str) -> None:
    assert scalar(text) == text
