"""The cards that tasks have filled, as a page draws them.

Their files are written by whoever ran the flow: each part is taken for what it is, or shown as text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard, cast

from flowc.client import Task
from flowc.errors import CorruptArtifact
from flowc.store.documents import CARDS_RECORD
from flowc_cli.reporting.charts import chart_views
from flowc_cli.reporting.markdown_tree import markdown_tree
from flowc_cli.reporting.value_views import image_view

_DEEPEST = 8
_LONGEST = 100_000
_MOST = 2000
"""Components and rows of a card."""

View = dict[str, Any]


def _is_dict(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, dict)


def _items(value: Any) -> list[Any]:
    found: list[Any] = []
    if isinstance(value, list):
        found += value[:_MOST]
    return found


def stored_cards(task: Task, attempt: int) -> list[Any]:
    """What the cards of an attempt have, as it is stored; of a task that was taken over, where it ran."""
    layout = task.layout
    for folder in (layout.folder(task.step, task.path, attempt), *task.origin_folders(attempt)):
        try:
            found = layout.read_json(f"{folder}/{CARDS_RECORD}")
        except CorruptArtifact as error:
            return [{"components": [{"kind": "error", "text": str(error)}]}]
        if found is not None:
            return _items(found["cards"])
    return []


def card_views(cards: list[Any], *, charts: bool = True) -> list[View]:
    """The cards of an attempt as a page draws them; with `charts` also its charts, where vl-convert-python is there."""
    views = [
        {
            "id": _text(card.get("id")),
            "title": _text(card.get("title")),
            "type": _text(card.get("type")),
            "components": [_component(part, 0) for part in _items(card.get("components"))],
        }
        for card in cards
        if _is_dict(card)
    ]
    if charts:
        chart_views(list(_charts(views)))
    return views


def _charts(part: object) -> Iterator[View]:
    """The charts among components, wherever they are."""
    waiting: list[Any] = [part]
    while waiting:
        found: Any = waiting.pop()
        if isinstance(found, list):
            waiting += found[::-1]
        elif _is_dict(found) and found.get("kind") == "vega":
            yield cast("View", found)
        elif _is_dict(found):
            waiting += [*found.values()][::-1]


def _component(part: object, depth: int) -> View:
    """A component as it is drawn."""
    if not _is_dict(part) or depth > _DEEPEST:
        return _as_text(part)
    make = _KINDS.get(str(part.get("kind")))
    if make is None:
        return _as_text(part)
    try:
        return make(part, depth)
    except (TypeError, ValueError, KeyError, AttributeError):
        return _as_text(part)


def _as_text(part: object) -> View:
    return {"kind": "text", "text": _text(json.dumps(part, ensure_ascii=False, default=str))}


def _text(value: object) -> str:
    return "" if value is None else str(value)[:_LONGEST]


def _texts(*names: str) -> Callable[[Mapping[Any, Any], int], View]:
    """A component that has nothing but texts."""

    def make(part: Mapping[Any, Any], depth: int) -> View:
        del depth
        return {"kind": str(part["kind"]), **{name: _text(part.get(name)) for name in names if part.get(name)}}

    return make


def _markdown(part: Mapping[Any, Any], depth: int) -> View:
    del depth
    return {"kind": "markdown", "tree": markdown_tree(_text(part.get("text")))}


def _table(part: Mapping[Any, Any], depth: int) -> View:
    rows = [
        [_component(cell, depth + 1) if _is_dict(cell) else _text(cell) for cell in _items(row)]
        for row in _items(part.get("rows"))
    ]
    headers = [_text(name) for name in _items(part.get("headers"))]
    return {"kind": "rich table", "headers": headers, "rows": rows, "total": int(part.get("total", len(rows)))}


def _image(part: Mapping[Any, Any], depth: int) -> View:
    del depth
    try:
        content = base64.b64decode(_whole(part.get("base64")), validate=False)
    except binascii.Error:
        content = b""
    found = image_view(content, _text(part.get("label")))
    if found is None:
        return {
            "kind": "error",
            "title": _text(part.get("label")),
            "text": "the picture cannot be read, or is too large",
        }
    return found.model_dump(mode="json")


def _whole(value: object) -> str:
    return value if isinstance(value, str) else ""


def _progress(part: Mapping[Any, Any], depth: int) -> View:
    most, value = float(part.get("max", 100)), float(part.get("value", 0))
    return {**_texts("kind", "label", "unit", "details")(part, depth), "value": value, "max": most}


def _events(part: Mapping[Any, Any], depth: int) -> View:
    events = [
        {
            "facts": [[_text(name), _text(value)] for name, value in event.get("facts", {}).items()],
            "theme": _text(event.get("theme")),
            "parts": [[_text(name), _component(inner, depth + 1)] for name, inner in event.get("parts", {}).items()],
        }
        for event in _items(part.get("events"))
        if _is_dict(event)
    ]
    return {"kind": "events", "title": _text(part.get("title")), "events": events, "total": int(part.get("total", 0))}


def _page(part: Mapping[Any, Any], depth: int) -> View:
    inner = [_component(each, depth + 1) for each in _items(part.get("components"))]
    return {"kind": "page", "title": _text(part.get("title")), "components": inner}


def _vega(part: Mapping[Any, Any], depth: int) -> View:
    del depth
    return {"kind": "vega", "spec": part.get("spec")}


_KINDS: Mapping[str, Callable[[Mapping[Any, Any], int], View]] = {
    "artifact": _texts("name", "type", "text"),
    "box": _texts("title", "value", "subtitle", "theme", "change"),
    "code": _texts("text"),
    "error": _texts("title", "text"),
    "events": _events,
    "html": _texts("html"),
    "image": _image,
    "json": _texts("title", "text"),
    "markdown": _markdown,
    "nothing": _texts(),
    "page": _page,
    "progress": _progress,
    "table": _table,
    "text": _texts("text"),
    "vega": _vega,
}
