"""Reading JSON of unknown shape: a part of another type than expected counts as empty."""

from __future__ import annotations

from typing import Any, cast


def as_map(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_maps(value: object) -> list[dict[str, Any]]:
    """The objects of a list."""
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def as_strings(value: object) -> list[str]:
    """The items of a list, as strings."""
    return [str(item) for item in cast("list[object]", value)] if isinstance(value, list) else []
