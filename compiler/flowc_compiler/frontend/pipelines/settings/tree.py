"""Arguments as trees: dicts down to leaves that know where they stand, merged as ZenML merges configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flowc_compiler.frontend.values.made import Made

if TYPE_CHECKING:
    from flowc_compiler.source import Span

Place = Callable[[], "Span"]
"""Where something stands; positions are computed when they are asked for."""


@dataclass(frozen=True, eq=False)
class Leaf:
    """A value that is no dict of settings."""

    value: object
    place: Place


Tree = dict[str, "Tree | Leaf"]


def tree_of(value: object, place: Place) -> Tree | Leaf:
    """A value as a tree: dicts and objects of settings become dicts, anything else a leaf."""
    if isinstance(value, Made):
        return {key: tree_of(item, _place(value, key)) for key, item in value.fields.items()}
    items = texts(value)
    return {key: tree_of(item, place) for key, item in items.items()} if items else Leaf(plain(value), place)


def plain(value: object) -> object:
    """A value in which objects of settings are dicts of their fields."""
    match value:
        case Made():
            return {key: plain(item) for key, item in value.fields.items()}
        case dict():
            return {key: plain(item) for key, item in cast("dict[object, object]", value).items()}
        case list() | tuple():
            return [plain(item) for item in cast("Sequence[object]", value)]
        case _:
            return value


def merged(weak: Tree, strong: Tree) -> Tree:
    """Both, and of what both have the second's: dicts within are merged, lists are replaced.

    Behaviour of `pydantic_utils.update_model` in ZenML 0.98, with which it adds layers of configuration up.
    """
    result = dict(weak)
    for key, item in strong.items():
        below = result.get(key)
        result[key] = merged(below, item) if isinstance(below, dict) and isinstance(item, dict) else item
    return result


def values(tree: Tree | Leaf) -> object:
    """The plain value of a tree."""
    return tree.value if isinstance(tree, Leaf) else {key: values(item) for key, item in tree.items()}


def place_of(tree: Tree | Leaf, path: tuple[object, ...] = ()) -> Place | None:
    """Where the deepest part of a path stands; `None` for an empty tree."""
    if isinstance(tree, Leaf):
        return tree.place
    if path and (inner := tree.get(str(path[0]))) is not None:
        return place_of(inner, path[1:])
    return next((found for item in tree.values() if (found := place_of(item)) is not None), None)


def _place(made: Made, key: str) -> Place:
    return lambda: made.view.span(made.nodes[key])


def texts(value: object) -> Mapping[str, object]:
    """A dict, its keys as texts; empty for anything else."""
    items = cast("dict[object, object]", value) if isinstance(value, dict) else {}
    return {str(key): item for key, item in items.items()}
