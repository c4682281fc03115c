"""How a component of a card describes itself as JSON, and how values become texts in a card."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    Description = Dict[str, Any]

LONGEST = 100_000
"""Characters of a text in a card."""


class MetaflowCardComponent:
    """What a card is made of. Your own ones return HTML, or what JSON has, from `render`; it is drawn apart."""

    REALTIME_UPDATABLE = False
    component_id: Optional[str] = None

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: most components cannot be changed once they are there."""

    def render(self) -> Any:
        """Nothing, unless your own component says otherwise."""
        return ""

    def describe(self) -> Description:
        """What is drawn, as JSON: its `kind`, and what that one has."""
        rendered = self.render()
        if isinstance(rendered, str):
            return {"kind": "html", "html": rendered[:LONGEST]} if rendered else {"kind": "nothing"}
        return {"kind": "json", "text": json_text(rendered)}


def described(component: Any) -> Description:
    """A component as JSON. It runs code of the step's, which may raise anything: then that is what is drawn."""
    try:
        if isinstance(component, MetaflowCardComponent):
            return component.describe()
        return {
            "kind": "text",
            "text": component[:LONGEST] if isinstance(component, str) else value_text(component, 30),
        }
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit is not an Exception
        text = f"{type(component).__name__} cannot be drawn: {type(error).__name__}: {error}"
        return {"kind": "error", "title": None, "text": text}


def value_text(value: Any, items: int) -> str:
    """A value as Python writes it, with so many items of each collection."""
    import reprlib

    short = reprlib.Repr()
    short.maxlist = short.maxtuple = short.maxset = short.maxfrozenset = short.maxdeque = short.maxarray = items
    short.maxdict = items
    short.maxstring = short.maxother = short.maxlong = LONGEST if items > 30 else 2000
    return short.repr(value)[:LONGEST]


def cell_value(cell: Any) -> Any:
    """A value as the text of a cell, or what a component describes."""
    if isinstance(cell, MetaflowCardComponent):
        return described(cell)
    if cell is None or isinstance(cell, (str, bool, int, float)):
        return "" if cell is None else str(cell)[:2000]
    return value_text(cell, 10) if type(cell).__module__ == "builtins" else str(cell)[:2000]


def json_text(value: Any) -> str:
    """A value as indented JSON."""
    return json.dumps(value, indent=2, default=str, ensure_ascii=False)[:LONGEST]
