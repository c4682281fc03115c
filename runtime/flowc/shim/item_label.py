"""What an engine shows of a task's item, where `@foreach_options(label=...)` asks for it.

Nothing else of the items leaves the store. The label is written behind what else a task tells its engine, since that
may be one file for all: in base64, on a line of its own.
"""

from __future__ import annotations

import os
import sys
from base64 import b64encode
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from flowc.protocol.plan import PlanStep
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState

LONGEST = 100
"""Bytes of a label."""


def label_item(state: TaskState, task: Task, load: Callable[[], Any] | None = None) -> None:
    """Write the label of the task's item, if the items of its foreach have labels; `load` returns the item."""
    openers = state.plan.openers(state.step)
    if openers and openers[-1].label:
        write_label(task, openers[-1], load or partial(state.arguments().value, {"item": openers[-1].name}))


def write_label(task: Task, opener: PlanStep, load: Callable[[], Any]) -> None:
    """Write the label of the item that `load` returns. What is wrong with it is said, and fails no task."""
    if task.outputs is None:
        return
    try:
        text = label_of(load(), opener.label)
        with open(os.path.join(task.outputs, "label"), "a", encoding="ascii") as file:
            file.write("\n" + b64encode(text.encode()).decode())
    except Exception as error:  # the user's own `__str__` and properties may raise anything
        problem = f"{type(error).__name__}: {error}"
        print(f"flowc: the item of {task.step!r} has no label: {problem}", file=sys.stderr)


def label_of(item: Any, label: bool | str | None) -> str:
    """An item as a text, or what it has under a name; at most 100 bytes, and on one line."""
    if isinstance(label, str):
        item = item[label] if hasattr(item, "keys") else getattr(item, label)
    text = " ".join(str(item).split())
    return text.encode("utf-8", "replace")[:LONGEST].decode("utf-8", "ignore")
