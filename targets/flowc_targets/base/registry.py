"""Targets by name: entry points of the group `flowc.targets`. Only the target that is used is imported."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from flowc_targets.base.target import Target

GROUP = "flowc.targets"
"""The entry point group."""


class UnknownTargetError(LookupError):
    """No installed package offers a target of that name."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"unknown target {name!r}; known are {', '.join(known)}")
        self.name = name
        self.known = known


def target_names() -> tuple[str, ...]:
    """The names of all installed targets, sorted; imports none of them."""
    return tuple(sorted({entry.name for entry in entry_points(group=GROUP)}))


def load_target(name: str) -> Target:
    """The target of that name. Raises UnknownTargetError; a target that fails to import raises what it raised."""
    for entry in entry_points(group=GROUP, name=name):
        return cast("Target", entry.load())
    raise UnknownTargetError(name, target_names())
