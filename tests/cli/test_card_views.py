"""Cards as a page draws them, from files that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowc_cli.reporting.card_views import card_views
from flowc_cli.reporting.charts import chart_views
from flowc_cli.reporting.markdown_tree import markdown_tree

ODD: dict[str, Any] = {
    "no component": 3,
    "no kind": {"text": "x"},
    "another kind": {"kind": "script", "text": "x"},
    "no picture": {"kind": "image", "base64": "AAAA"},
    "no base64": {"kind": "image", "base64": ["x"]},
    "no number": {"kind": "progress", "value": "x", "max": None},
    "no rows": {"kind": "table", "rows": 5, "headers": {"a": 1}},
    "no total": {"kind": "table", "rows": [], "total": "many"},
    "no events": {"kind": "events", "events": [{"facts": 3}, 4]},
    "text of a number": {"kind": "box", "value": 5},
}


@pytest.mark.parametrize("name", ODD)
def test_whatever_a_component_is_something_is_drawn(name: str) -> None:
    (card,) = card_views([{"components": [ODD[name]]}, "no card"])
    (part,) = card["components"]
    assert part["kind"] in {"text", "error", "rich table", "box", "events"}
    assert all(isinstance(part[key], str) for key in ("text", "title", "value") if key in part)


def test_components_that_are_nested_too_deeply_are_text() -> None:
    part: Any = {"kind": "markdown", "text": "x"}
    for _ in range(50):
        part = {"kind": "page", "components": [part]}
    (card,) = card_views([{"components": [part]}])
    assert len(json.dumps(card)) < 10_000


MARKDOWN: dict[str, tuple[str, Any]] = {
    "HTML": ("<b onclick=x>a</b>", [["p", {}, ["<b onclick=x>a</b>"]]]),
    "a block of HTML": ("<script>\nx\n</script>", [["p", {}, ["<script>", "\n", "x", "\n", "</script>"]]]),
    "a link": ("[a](https://b.c)", [["p", {}, [["a", {"href": "https://b.c"}, ["a"]]]]]),
    "a link that runs": ("[a](javascript:b)", [["p", {}, ["[a](javascript:b)"]]]),
    "a link to a file": ("[a](/etc/passwd)", [["p", {}, [["span", {}, ["a"]]]]]),
    "a picture elsewhere": ("![a](http://b.c/d.png)", [["p", {}, [["a", {"href": "http://b.c/d.png"}, ["a"]]]]]),
    "code": ("```py\na < b\n```", [["pre", {}, [["code", {}, ["a < b\n"]]]]]),
    "a tight list": ("- a\n- *b*", [["ul", {}, [["li", {}, ["a"]], ["li", {}, [["em", {}, ["b"]]]]]]]),
    "a table": (
        "|a|\n|-:|\n|1|",
        [["table", {}, [["thead", {}, [["tr", {}, [["th", {"class": "n"}, ["a"]]]]]],
                        ["tbody", {}, [["tr", {}, [["td", {"class": "n"}, ["1"]]]]]]]]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MARKDOWN)
def test_markdown(name: str) -> None:
    text, tree = MARKDOWN[name]
    assert markdown_tree(text) == tree


def test_deep_markdown_ends() -> None:
    assert len(json.dumps(markdown_tree("> " * 5000 + "x"))) < 50_000


LOADING = [
    {"data": {"url": "http://127.0.0.1:1/x"}},
    {"data": {"url": "file:///etc/passwd"}},
    {"mark": {"type": "image", "url": "http://127.0.0.1:1/x"}},
    {"layer": [{"encoding": {"href": {"value": "javascript:x"}}}]},
    "no chart",
]


@pytest.mark.parametrize("spec", LOADING)
def test_a_chart_that_loads_something_is_not_drawn(spec: Any) -> None:
    view = {"kind": "vega", "spec": spec}
    chart_views([view])
    assert view["note"]
    assert "source" not in view
    assert "spec" not in view


@pytest.mark.process
def test_charts_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("vl_convert")
    chart = {"mark": "bar", "data": {"values": [{"a": 1}]}, "encoding": {"x": {"field": "a"}}}
    views = [{"kind": "vega", "spec": spec} for spec in (chart, {"mark": 5})]
    chart_views(views)
    assert str(views[0]["source"]).startswith("data:image/svg+xml;base64,")
    assert "cannot be drawn" in str(views[1]["note"])
    late = {"kind": "vega", "spec": {**chart, "title": "late"}}
    monkeypatch.setattr("flowc_cli.reporting.charts.SECONDS", 0.01)
    chart_views([late])
    assert "takes too long" in str(late["note"])
