"""A call of a template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.simulate.dag import DagRun


@dataclass(frozen=True, slots=True)
class Call:
    """A template to execute, as a node of this name."""

    name: str
    template: str
    arguments: Mapping[str, str]
    boundary: DagRun | None
    depth: int
    """How many calls of templates it is nested in."""
    task: str = ""
    """The name of the task that calls it, with the item; empty for the entrypoint."""
    on_exit: bool = False
    """Whether it is part of the exit handler."""
