"""What a DAG file says about itself for flowc's commands, which read it back from Airflow."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowc_targets.airflow.dag_model import FILE_START, SUMMARY, MappedGroup, WidthTask, iteration_ids

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.airflow.dag_model import Block, DagFile, Expression


HOOKS = ("HookOperator", "NotifyOperator")
"""The operators of what runs after a run."""


_OF_STEPS = frozenset({"StepOperator", "ContainerOperator", "CalledOperator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DagSummary:
    """A DAG file's own description."""

    dag_id: str
    flow: str
    root: str
    """The artifact store's URL."""
    pools: tuple[str, ...]
    """The pools that its tasks are in, without Airflow's default."""
    tasks: tuple[str, ...]
    """The ids of the tasks that run steps, in the order of the file."""
    hooks: tuple[str, ...]
    """The ids of the tasks that call exit hooks."""
    iterations: Mapping[str, tuple[str, int]]
    """The step and the number of the iteration, by the ids of tasks of recursive steps."""
    nested: Mapping[str, str]
    """For tasks in a foreach in another: the task that lists the index paths, of which the map index selects one."""
    asking: Mapping[str, str]
    """The steps before which a person is asked, by the ids of the tasks that ask."""
    texts: tuple[str, ...]
    """Of these tasks, those that ask for a text."""


def summarize(file: DagFile) -> Mapping[str, Expression]:
    """Return the value of the constant."""
    defaults = file.dag.get("default_args")
    steps = [task for task in file.body.tasks() if task.operator in _OF_STEPS]
    common = defaults.get("pool") if isinstance(defaults, dict) else None
    pools = {None if pool is None else str(pool) for pool in (common, *(task.options.get("pool") for task in steps))}
    return {
        "dag_id": file.dag["dag_id"],
        "flow": file.flow,
        "root": file.package["root"],
        "pools": tuple(sorted(pool for pool in pools if pool is not None)),
        "tasks": tuple(task.task_id for task in steps),
        "hooks": tuple(task.task_id for task in file.body.tasks() if task.operator in HOOKS),
        "iterations": {task.step: (task.prefix, task.iterations) for task in steps if "iteration" in task.options},
        "nested": _nested(file.body),
        **_asking(file.body),
    }


def _asking(body: Block) -> dict[str, Expression]:
    """The tasks that ask persons, where there are some."""
    tasks = [task for task in body.tasks() if task.operator == "ApprovalOperator"]
    texts = tuple(task.task_id for task in tasks if "choices" not in task.options)
    found: dict[str, Expression] = {"asking": {task.task_id: task.step for task in tasks}} if tasks else {}
    return found | {"texts": texts} if texts else found


def _nested(body: Block) -> dict[str, Expression]:
    """By task id, the id of the task that lists the index paths of the foreach around it."""
    widths = {node.variable: node for node in body.flat() if isinstance(node, WidthTask)}
    return {
        task.task_id: widths[group.width].task_id
        for group in body.flat()
        if isinstance(group, MappedGroup) and widths[group.width].outer is not None
        for task in group.body.tasks()
    }


def read_summary(text: str) -> DagSummary | None:
    """Return the summary in a DAG file; `None` for a file that is not flowc's, or is from an older flowc."""
    if not text.startswith(FILE_START):
        return None
    try:
        constants: dict[str, Any] = {
            name: ast.literal_eval(node.value)
            for node in ast.parse(text).body
            if isinstance(node, ast.Assign) and (name := ast.unparse(node.targets[0])) in {SUMMARY, "ROOT"}
        }
        found = constants[SUMMARY]
        ids = {step: iteration_ids(step, *given) for step, given in found["iterations"].items()}
        nested = {task_id: found["nested"][step] for step in ids if step in found["nested"] for task_id in ids[step]}
        return DagSummary(
            dag_id=str(found["dag_id"]),
            flow=str(found["flow"]),
            root=str(found["root"] if "root" in found else constants["ROOT"]),
            pools=tuple(found["pools"]),
            tasks=tuple(task_id for step in found["tasks"] for task_id in ids.get(step, [step])),
            hooks=tuple(found["hooks"]),
            iterations={
                task_id: (step, number) for step, task_ids in ids.items() for number, task_id in enumerate(task_ids)
            },
            nested={**found["nested"], **nested},
            asking=found.get("asking", {}),
            texts=tuple(found.get("texts", ())),
        )
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError, MemoryError):
        return None
