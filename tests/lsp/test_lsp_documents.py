"""Positions in every encoding, incremental changes, and lines of an older text, against plain string arithmetic."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types

from flowc_cli.lsp.documents import Document, Encoding, to_column, to_units, uri_of
from flowc_cli.lsp.quick_fixes import text_edits
from flowc_cli.lsp.symbol_lookup import LineMap
from tests.lsp.editor import edited

ENCODINGS: tuple[Encoding, ...] = ("utf-8", "utf-16", "utf-32")
_PARTS = ["a", "é", "語", "😀", "\n", "\r\n", "\r", "\x0c", "\u2028"]
TEXTS = st.lists(st.sampled_from(_PARTS), max_size=30).map("".join)
LINES = st.lists(st.sampled_from(["", "a", "bb", "abc"]), min_size=1, max_size=8)


def _document(text: str, encoding: Encoding) -> Document:
    return Document("file:///flow.py", Path("/flow.py"), 1, text, encoding)


@given(line=st.text(st.sampled_from("aé語😀"), max_size=10), encoding=st.sampled_from(ENCODINGS))
def test_units_are_those_of_the_encoding(line: str, encoding: Encoding) -> None:
    form, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    for column in range(len(line) + 1):
        units = len(line[:column].encode(form)) // size
        assert to_units(line, column, encoding) == units
        assert to_column(line, units, encoding) == column
    assert to_column(line, 1000, encoding) == len(line)


@given(
    text=TEXTS, new=TEXTS, places=st.tuples(st.integers(0, 40), st.integers(0, 40)), encoding=st.sampled_from(ENCODINGS)
)
def test_a_change_of_a_range_is_one_of_the_text(
    text: str, new: str, places: tuple[int, int], encoding: Encoding
) -> None:
    document = _document(text, encoding)
    assert document.plain == text.replace("\r\n", "\n").replace("\r", "\n")
    first, last = sorted(min(place, len(text)) for place in places)
    if any(text[place - 1 : place + 1] == "\r\n" for place in (first, last)):
        return  # no position is there

    def position(offset: int) -> types.Position:
        head = text[:offset]
        line = len(_document(head, encoding).lines) - 1
        return types.Position(line, to_units(_document(head, encoding).lines[-1], 10**6, encoding))

    change = types.TextDocumentContentChangePartial(types.Range(position(first), position(last)), new)
    changed = document.changed(2, [change])
    assert (changed.text, changed.version) == (text[:first] + new + text[last:], 2)
    whole = types.TextDocumentContentChangeWholeDocument(new)
    assert document.changed(3, [change, whole]).text == new


@pytest.mark.parametrize(("line", "character"), [(0, 99), (1, 99), (9, 0), (9, 9)])
def test_a_position_beyond_the_text_is_its_end(line: int, character: int) -> None:
    place = types.Position(line, character)
    change = types.TextDocumentContentChangePartial(types.Range(place, place), "!")
    assert _document("ab\ncd", "utf-16").changed(2, [change]).text == ("ab!\ncd" if not line else "ab\ncd!")


@given(old=LINES, new=LINES)
def test_edits_make_one_text_of_another(old: list[str], new: list[str]) -> None:
    assert edited("\n".join(old), text_edits(old, new, "utf-16")) == "\n".join(new)


@given(head=LINES, old=LINES, new=LINES, tail=LINES)
def test_lines_around_an_edit_are_found(head: list[str], old: list[str], new: list[str], tail: list[str]) -> None:
    head, tail = [f"head {number}" for number in range(len(head))], [f"tail {number}" for number in range(len(tail))]
    before, after = [*head, *old, *tail], [*head, *new, *tail]
    lines = LineMap(before, after)
    for number in range(len(before)):
        moved = lines.to_new(number)
        assert 0 <= moved < len(after)
        if number < len(head):
            assert moved == number
        elif number >= len(head) + len(old):
            assert after[moved] == before[number]
    for number in range(len(after)):
        assert 0 <= lines.to_old(number) < len(before)


def test_a_path_and_its_uri(tmp_path: Path) -> None:
    assert uri_of(tmp_path / "a b.py") == (tmp_path / "a b.py").as_uri()
