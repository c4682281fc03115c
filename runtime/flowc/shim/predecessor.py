"""Which task led to this one, and what it committed."""

from __future__ import annotations

from flowc.errors import MissingInput
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.store.run_layout import Document, Path, RunLayout


def predecessor(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Document:
    """The manifest of the task that led to a task that is no join. Raises MissingInput.

    Where arms of a switch come together there are several parents, of which one ran: it is the one that is committed
    and, when it is a switch itself, has chosen this step.
    """
    if step.loops:
        if path[-1]:
            return layout.manifest(step.name, (*path[:-1], path[-1] - 1))
        path = path[:-1]
    for name in step.parents:
        parent = plan.step(name)
        manifest = _committed(layout, parent, plan.parent_path(parent, path), single=len(step.parents) == 1)
        if manifest is not None and manifest.get("choice", step.name) == step.name:
            return manifest
    task = task_id(step.name, path)
    raise MissingInput(f"none of {', '.join(step.parents)} has led to task {task} of run {layout.flow}/{layout.run}")


def _committed(layout: RunLayout, parent: PlanStep, path: Path, *, single: bool) -> Document | None:
    """The manifest of a parent; one that is missing is an error where it is the only parent."""
    if parent.loops:
        last = layout.latest_iteration(parent.name, path)
        if last is not None:
            return layout.manifest(parent.name, (*path, last))
    elif single:
        return layout.manifest(parent.name, path)
    else:
        attempt = layout.latest(parent.name, path)
        if attempt is not None:
            return layout.manifest(parent.name, path, attempt)
    return None
