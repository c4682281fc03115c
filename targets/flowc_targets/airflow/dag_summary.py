"""What flowc's commands need to know about a DAG file: a constant in the file, which is written and read here."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.dag_model import Block, DagFile, MappedGroup, WidthTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.airflow.python_printer import Expression

FILE_START = "# Compiled by flowc "
"""How a DAG file of flowc's begins."""
SUMMARY = "FLOWC"
"""The name of the constant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagSummary:
    """A DAG file's own description."""

    dag_id: str
    flow: str
    root: str
    """The artifact store's URL."""
    pool: str | None
    """The pool that its tasks are in, if it is not Airflow's default."""
    tasks: tuple[str, ...]
    """The ids of the tasks that run steps, in the order of the file."""
    hooks: tuple[str, ...]
    """The ids of the tasks that call exit hooks."""
    iterations: Mapping[str, tuple[str, int]]
    """The step and the number of the iteration, by the ids of tasks of recursive steps."""
    nested: Mapping[str, str]
    """For tasks in a foreach in another: the task that lists the index paths, of which the map index selects one."""


def summarize(file: DagFile) -> Mapping[str, Expression]:
    """Return the value of the constant."""
    defaults = file.dag.get("default_args")
    steps = [task for task in file.body.tasks() if task.operator == "StepOperator"]
    iterations: dict[str, list[str]] = {}
    for task in steps:
        if "iteration" in task.options:
            iterations.setdefault(str(task.options["step"]), []).append(task.task_id)
    return {
        "dag_id": file.dag["dag_id"],
        "flow": file.flow,
        "pool": defaults.get("pool") if isinstance(defaults, dict) else None,
        "tasks": tuple(task.task_id for task in steps),
        "hooks": tuple(task.task_id for task in file.body.tasks() if task.operator == "HookOperator"),
        "iterations": {step: tuple(task_ids) for step, task_ids in iterations.items()},
        "nested": _nested(file.body),
    }


def _nested(body: Block) -> dict[str, Expression]:
    """By task id, the id of the task that lists the index paths of the foreach around it."""
    widths = {node.variable: node for node in body.nodes if isinstance(node, WidthTask)}
    return {
        task.task_id: widths[group.width].task_id
        for group in body.nodes
        if isinstance(group, MappedGroup) and widths[group.width].outer is not None
        for task in group.body.tasks()
    }


def read_summary(text: str) -> DagSummary | None:
    """Return what a DAG file says about itself; `None` for a file that is not flowc's, or of an older flowc."""
    if not text.startswith(FILE_START):
        return None
    try:
        constants: dict[str, Any] = {
            name: ast.literal_eval(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in {SUMMARY, "ROOT"}
        }
        found = constants[SUMMARY]
        return DagSummary(
            dag_id=str(found["dag_id"]),
            flow=str(found["flow"]),
            root=str(constants["ROOT"]),
            pool=found["pool"],
            tasks=tuple(found["tasks"]),
            hooks=tuple(found["hooks"]),
            iterations={
                task_id: (step, number)
                for step, task_ids in found["iterations"].items()
                for number, task_id in enumerate(task_ids)
            },
            nested=dict(found["nested"]),
        )
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return None
