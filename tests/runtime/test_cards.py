"""`current.card`: which card a step fills, and what is stored of it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from flowc import cards
from flowc.card_description import described
from flowc.cards import MetaflowCardComponent
from flowc.shim.task_cards import Cards, CardStore
from flowc.store import open_store
from flowc.store.run_layout import RunLayout

CHOSEN: dict[str, tuple[list[dict[str, Any]], tuple[str | None, str]]] = {
    "one": ([{}], (None, "default")),
    "one with an id": ([{"id": "a"}], ("a", "default")),
    "one with an id, one without": ([{"id": "a"}, {}], (None, "default")),
    "one that asks": ([{"id": "a", "customize": True}, {}], ("a", "default")),
    "one that asks, of two with ids": ([{"id": "a", "customize": True}, {"id": "b"}], ("a", "default")),
    "another type": ([{"type": "html"}, {"id": "a"}], ("a", "default")),
    "another type with an id": ([{"type": "html", "id": "h"}, {"type": "blank"}], (None, "blank")),
    "a blank one with an id": ([{}, {"type": "blank", "id": "b"}], (None, "default")),
    "none": ([], (None, "default")),
    "two with ids": ([{"id": "a"}, {"id": "b"}], (None, "default")),  # Metaflow warns, and drops what is added
}
"""The decorators of a step, and the card that `current.card.append` fills: as Metaflow 2.19 has it."""


@pytest.mark.parametrize("name", CHOSEN)
def test_which_card_a_step_fills(name: str) -> None:
    declared, chosen = CHOSEN[name]
    found = Cards(declared)
    found.append(cards.Markdown("x"))
    filled = [(card.id, card.type) for card in found.all() if len(card)]
    assert filled == [chosen]


def test_cards_by_id() -> None:
    found = Cards([{}, {"id": "model"}])
    found["model"].append(cards.Markdown("a"), id="text")
    found["model"].components["text"].update("b")
    found["model"].append(cards.Markdown("c"), id="text")
    assert [part.describe()["text"] for part in found["model"]] == ["c"], "one of the same id takes its place"
    found["model"] = [cards.Markdown("d"), cards.Markdown("e")]
    assert len(found["model"]) == 2
    del found["model"].components[0]
    stored = [card.describe()["components"] for card in found.all()]
    assert [part["text"] for parts in stored for part in parts] == ["e"]
    found.components["none"].update("x")
    assert len(found) == 0


def test_a_card_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """As in Metaflow 2.19: it is said once, in the cards, too, and what is added is lost."""
    found = Cards([{}, {"id": "model"}])
    for _ in range(2):
        found["typo"].append(cards.Markdown("a"))
    found["typo"] = [cards.Markdown("b")]
    found["other"] = [cards.Markdown("c")]
    said = capsys.readouterr().err.splitlines()
    assert [line.partition(" is not present. Please set")[0] for line in said] == [
        "[@card WARNING] `current.card['typo']`", "[@card WARNING] `current.card['other']`"
    ]  # fmt: skip
    stored = [(card.id, [part["kind"] for part in card.describe()["components"]]) for card in found.all()]
    assert stored == [(None, ["error", "error"]), ("model", ["error", "error"])]
    outside = Cards()  # where no task runs, as in a test that calls the step
    outside["any"].append(cards.Markdown("d"))
    assert (len(outside["any"]), capsys.readouterr().err) == (1, "")


class Broken(MetaflowCardComponent):
    def render(self) -> Any:
        raise RuntimeError("no")


class Exits(cards.MetaflowCardComponent):
    def render(self) -> Any:
        sys.exit(3)


class Repr:
    def __repr__(self) -> str:
        raise RuntimeError("no")


class Frame:
    """As pandas has them."""

    columns = ("a", "b")

    def head(self, count: int) -> Frame:
        return self

    def itertuples(self, name: object) -> list[tuple[int, int, str]]:
        return [(0, 1, "x")]


DESCRIBED: dict[str, tuple[Any, dict[str, Any]]] = {
    "Markdown": (cards.Markdown("""
        # A
          b
    """), {"kind": "markdown", "text": "\n# A\n  b\n"}),
    "Artifact": (cards.Artifact({"a": 1}, "n"), {"kind": "artifact", "name": "n", "type": "dict", "text": "{'a': 1}"}),
    "Table": (
        cards.Table([[1, None, cards.Markdown("x")]], headers=["a"]),
        {"kind": "table", "headers": ["a"], "rows": [["1", "", {"kind": "markdown", "text": "x"}]], "total": 1},
    ),
    "a frame": (
        cards.Table.from_dataframe(Frame()),
        {"kind": "table", "headers": ["", "a", "b"], "rows": [["0", "1", "x"]], "total": 1},
    ),
    "no frame": (
        cards.Table.from_dataframe(3),
        {"kind": "table", "headers": ["Object type int not supported"], "rows": [], "total": 0},
    ),
    "Image": (cards.Image(b"abc", "l"), {"kind": "image", "label": "l", "base64": "YWJj"}),
    "an address": (cards.Image("data:image/png;base64,YWJj"), {"kind": "image", "label": None, "base64": "YWJj"}),
    "no image": (
        cards.Image(5),
        {"kind": "error", "title": None, "text": "an Image takes bytes or a data:image/ address, and was given int"},
    ),
    "Error": (cards.Error(ValueError("x"), "t"), {"kind": "error", "title": "t", "text": "ValueError('x')"}),
    "ProgressBar": (
        cards.ProgressBar(10, "l", 3, "u", "m"),
        {"kind": "progress", "value": 3.0, "max": 10.0, "label": "l", "unit": "u", "details": "m"},
    ),
    "ValueBox": (
        cards.ValueBox("t", 5, theme="success"),
        {"kind": "box", "title": "t", "value": "5", "theme": "success"},
    ),
    "PythonCode": (cards.PythonCode(code_string="x = 1"), {"kind": "code", "text": "x = 1"}),
    "JSONViewer": (cards.JSONViewer({"a": 1}, title="t"), {"kind": "json", "title": "t", "text": '{\n  "a": 1\n}'}),
    "VegaChart": (cards.VegaChart({"mark": "bar"}), {"kind": "vega", "spec": {"mark": "bar"}}),
    "a text": ("x", {"kind": "text", "text": "x"}),
    "another value": (5, {"kind": "text", "text": "5"}),
    "one that breaks": (Broken(), {"kind": "error", "title": None, "text": "Broken cannot be drawn: RuntimeError: no"}),
    "one that exits": (Exits(), {"kind": "error", "title": None, "text": "Exits cannot be drawn: SystemExit: 3"}),
}  # fmt: skip


@pytest.mark.parametrize("name", DESCRIBED)
def test_what_a_component_says_of_itself(name: str) -> None:
    component, expected = DESCRIBED[name]
    assert described(component) == expected
    json.dumps(expected)


def test_values_that_cannot_be_written_are_no_failure() -> None:
    for component in (cards.Artifact(Repr()), cards.Error(Repr()), Repr(), cards.Table([[Repr()]])):
        assert "kind" in described(component)


def test_events() -> None:
    events = cards.EventsTimeline("t", max_events=2)
    for number in range(3):
        events.update({"n": number, "action": "call"}, style_theme="success", payloads={"p": cards.Markdown("x")})
    found = events.describe()
    assert [event["facts"] for event in found["events"]] == [{"n": "2", "action": "call"}, {"n": "1", "action": "call"}]
    assert found["events"][0]["parts"] == {"p": {"kind": "markdown", "text": "x"}}
    assert [events.get_stats()["total_events"], found["total"]] == [3, 3]


def test_cards_are_written_at_the_end_and_not_more_often_than_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = RunLayout(open_store(str(tmp_path)), "F", "1")
    folder = layout.folder("s", (), 0)
    store = CardStore(layout, folder, [{"refresh": 60.0}])

    def kept() -> list[str]:
        found = layout.read_json(f"{folder}/cards.json")
        return [part["text"] for part in found["cards"][0]["components"]] if found is not None else []

    store.cards.refresh()
    assert kept() == [], "there is nothing in it"
    store.cards.append("a")
    store.cards.refresh()
    assert kept() == ["a"]
    store.cards.append("b")
    store.cards.refresh()
    assert kept() == ["a"], "that was not a minute ago"
    store.cards.refresh(force=True)
    assert kept() == ["a", "b"]
    store.cards.append("c")
    store.write()
    assert kept() == ["a", "b", "c"]
    (tmp_path / "F" / "1" / "s" / "-" / "0" / "cards.json").unlink()
    (tmp_path / "F" / "1" / "s" / "-" / "0" / "cards.json").mkdir()
    store.write()
    assert "the cards could not be stored" in capsys.readouterr().err
