"""`current.card`: the cards that a task fills, and how they get into its attempt's folder."""

from __future__ import annotations

import contextlib
import json
import sys

from flowc.card_description import MetaflowCardComponent, described
from flowc.store.documents import CARDS_RECORD, wall_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Union

    from flowc.card_description import Description
    from flowc.store.run_layout import RunLayout

REFRESH_SECONDS = 5.0
"""Metaflow's default of `@card(refresh_interval=)`."""
MOST_BYTES = 16 << 20
"""Of the cards of an attempt together."""


class Components:
    """The components of a card in their order; those that were added with an id are found by it, too."""

    def __init__(self, components: Iterable[Any] = ()) -> None:
        self._items: List[Any] = list(components)

    def append(self, component: Any, id: Optional[str] = None) -> None:
        """Add a component."""
        place = next((at for at, item in enumerate(self._items) if id is not None and _id(item) == id), None)
        if id is not None and isinstance(component, MetaflowCardComponent):
            component.component_id = id
        if place is None:
            self._items.append(component)
        else:  # as in Metaflow, one of the same id takes its place
            self._items[place] = component

    def extend(self, components: Iterable[Any]) -> None:
        """Add components."""
        self._items.extend(components)

    def clear(self) -> None:
        """Take all components out."""
        self._items.clear()

    def __getitem__(self, key: Union[str, int]) -> Any:
        if isinstance(key, int):
            return self._items[key]
        found = [item for item in self._items if _id(item) == key]
        return found[-1] if found else MetaflowCardComponent()  # as in Metaflow, whose `update` does nothing

    def __delitem__(self, key: Union[str, int]) -> None:
        if isinstance(key, int):
            del self._items[key]
        else:
            self._items = [item for item in self._items if _id(item) != key]

    def __contains__(self, key: object) -> bool:
        return any(item is key or _id(item) == key for item in self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)


class Card:
    """One card of a step."""

    def __init__(
        self,
        id: Optional[str] = None,
        type: str = "default",
        store: Callable[[bool], object] = bool,
        title: Optional[str] = None,
    ) -> None:
        self.id = id
        self.type = type
        self.title = title
        self.components = Components()
        self._store = store

    def append(self, component: Any, id: Optional[str] = None) -> None:
        """Add a component."""
        self.components.append(component, id)

    def extend(self, components: Iterable[Any]) -> None:
        """Add components."""
        self.components.extend(components)

    def clear(self) -> None:
        """Take all components out."""
        self.components.clear()

    def refresh(self, data: Any = None, force: bool = False) -> None:
        """Let those who look at the task see the cards as they are now; not more often than every few seconds."""
        del data
        self._store(force)

    def describe(self) -> Description:
        """The card as JSON."""
        parts = [described(part) for part in self.components]
        return {"id": self.id, "type": self.type, "title": self.title, "components": parts}

    def __iter__(self) -> Iterator[Any]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __bool__(self) -> bool:
        return True


class _Warning(MetaflowCardComponent):
    """What is wrong with the use of a step's cards."""

    def __init__(self, text: str) -> None:
        self._text = text

    def describe(self) -> Description:
        """It, marked as wrong."""
        return {"kind": "error", "title": "@card WARNING", "text": self._text}


class Cards(Card):
    """`current.card`: the step's card, and `[id]` each of several, as `@card(id=...)` names them."""

    def __init__(self, declared: Iterable[Dict[str, Any]] = (), store: Callable[[bool], object] = bool) -> None:
        """`declared` are the step's decorators, with `id` and `type`. `store` writes all cards, if need be at once."""
        super().__init__(store=store)
        given = list(declared)
        self._declared = bool(given)
        self._missed: Set[str] = set()
        made = [Card(each.get("id"), each.get("type", "default"), store, each.get("title")) for each in given]
        asked = [card for card, each in zip(made, given) if each.get("customize")]
        filled = [card for card in made if card.type in ("default", "blank")] or made
        plain = [card for card in filled if card.id is None]
        chosen = asked or (filled if len(filled) == 1 else plain)
        if chosen:  # as in Metaflow: the card that asks for it, the only one that steps fill, or that without an id
            own = chosen[0]
            self.id, self.type, self.title, self.components = own.id, own.type, own.title, own.components
        self.cards: Dict[str, Card] = {card.id: card for card in made if card.id is not None}

    def get(self, type: Optional[str] = None) -> List[Card]:
        """The cards of a type."""
        return [card for card in self.all() if type is None or card.type == type]

    def all(self) -> List[Card]:
        """Every card, the step's own first."""
        return [self, *(card for card in self.cards.values() if card.components is not self.components)]

    def __getitem__(self, name: str) -> Card:
        if name not in self.cards and not self._declared:
            self.cards[name] = Card(name, store=self._store)
        if name not in self.cards:
            self._warn_of(name)
            return Card(name)  # as in Metaflow, what is added to it is lost
        return self.cards[name]

    def __setitem__(self, name: str, components: Iterable[Any]) -> None:
        found = list(components)
        card = self[name]
        card.clear()
        card.extend(found)

    def _warn_of(self, name: str) -> None:
        """Say once on stderr, and in the step's cards, that it has no card of that id."""
        if name in self._missed:
            return
        self._missed.add(name)
        what = f"`current.card[{name!r}]`"
        text = f"{what} is not present. Please set the `id` argument in @card to {name!r} to access {what}."
        print(f"[@card WARNING] {text} What is added to it is lost.", file=sys.stderr)
        for card in self.all():
            card.append(_Warning(text))


def _id(component: object) -> object:
    return getattr(component, "component_id", None)


class CardStore:
    """Writes the cards of an attempt, while it runs and at its end."""

    def __init__(self, layout: RunLayout, folder: str, declared: List[Dict[str, Any]]) -> None:
        self._key = f"{folder}/{CARDS_RECORD}"
        self._layout = layout
        self._interval = min(
            (float(card["refresh"]) for card in declared if "refresh" in card), default=REFRESH_SECONDS
        )
        self._written = 0.0
        self.cards = Cards(declared, self._refresh)

    def _refresh(self, force: bool) -> None:
        if force or wall_time() - self._written >= self._interval:
            self.write()

    def write(self) -> None:
        """Write the cards, where there is anything in them. What is wrong with them is said, and fails no task."""
        try:
            cards = [card.describe() for card in self.cards.all() if len(card)]
            if cards:
                self._written = wall_time()
                self._layout.write_json(self._key, {"version": 1, "cards": _bounded(cards)})
        except Exception as error:
            with contextlib.suppress(Exception):
                print(f"flowc: the cards could not be stored: {type(error).__name__}: {error}", file=sys.stderr)


def _bounded(cards: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """The cards without the components that are too much."""
    left = MOST_BYTES
    for card in cards:
        kept: List[Any] = []
        for component in card["components"]:
            left -= len(json.dumps(component, default=str))
            if left < 0:
                kept.append({"kind": "error", "title": None, "text": "the cards of this task are larger than 16 MB"})
                break
            kept.append(component)
        card["components"] = kept
    return cards
