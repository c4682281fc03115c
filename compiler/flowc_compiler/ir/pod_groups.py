"""Groups of steps whose tasks run in one pod."""

from __future__ import annotations

from typing import Literal

from flowc_compiler.ir.base import Node
from flowc_compiler.ir.spec_sets import NO_SPECS, StepSpecs


class PodGroup(Node):
    """Steps whose tasks run in one pod, a process each: all tasks of a fused group, and those of some items of a batch.

    Every task commits a manifest of its own, at its own place. A step is in one group at most.
    """

    name: str
    """That of the first step that has a task."""
    kind: Literal["batch", "fused"]
    steps: tuple[str, ...]
    """In topological order; virtual ones, which have no tasks, among them."""
    specs: StepSpecs = NO_SPECS
    """Those of the pod: resources and time for all of it. Retries are the tasks' own, inside."""
    workers: int = 1
    """The most tasks at a time."""
    opener: str | None = None
    """The step that opens the foreach of a batch."""
    items_per_task: int | None = None
    """How many items of that a pod has."""

    after: str = ""
    """Of a batch that has only the first part of a foreach's body: the step that follows, once for each item."""

    retries: int = 0
    """The most further attempts that one of its tasks may have; known in a contracted flow only."""

    @property
    def cut(self) -> bool:
        """Whether it is a batch that has only the first part of a foreach's body."""
        return bool(self.after)

    @property
    def entry(self) -> str:
        """The step that all edges into the group lead to."""
        return self.steps[0]

    @property
    def exit(self) -> str:
        """The last step: its count or choice is that of the group. All edges out of the group lead from it, unless they
        are those of a switch's arms to the join of the foreach around them.
        """
        return self.steps[-1]
