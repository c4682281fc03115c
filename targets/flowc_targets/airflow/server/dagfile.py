"""What a DAG file that flowc has made says of itself: its flow, its store, and the step and the index of each task."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MADE_BY_FLOWC = "# Compiled by flowc "
"""How such a file begins."""

_FLOW = re.compile(r"^# flow {4}(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Width:
    """A task that lists the index paths of a foreach."""

    task_id: str
    nested: bool
    """Whether the foreach stands in another: then an index path is more than the map index."""


@dataclass(frozen=True, slots=True)
class StepPlace:
    """What a task runs."""

    step: str
    iteration: int | None
    """Of a recursive step."""
    width: Width | None
    """What a mapped task has its index paths from."""


@dataclass(frozen=True, slots=True)
class DagText:
    """A DAG file that was read."""

    dag_id: str
    flow: str
    root: str
    steps: Mapping[str, StepPlace]
    """By task id, in the order of the file."""
    hooks: frozenset[str]
    """The ids of tasks that call exit hooks."""
    pools: frozenset[str]
    """The pools that its tasks are in."""


def read_dag_text(text: str) -> DagText | None:
    """What a file says; `None` for one that flowc has not made."""
    name = _FLOW.search(text)
    if not text.startswith(MADE_BY_FLOWC) or name is None:
        return None
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError):
        return None
    body = next((node for node in module.body if isinstance(node, ast.FunctionDef) and node.name == "flow"), None)
    if body is None:
        return None
    declared = next((item for item in body.decorator_list if isinstance(item, ast.Call)), None)
    dag_id = _text(declared, "dag_id") if declared is not None else None
    roots = (
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and _names(node.targets) == ["ROOT"]
    )
    calls = [node for node in ast.walk(body) if isinstance(node, ast.Call)]
    return DagText(
        dag_id=dag_id or "",
        flow=name[1].strip(),
        root=str(next(roots, "")),
        steps=dict(_steps(body)),
        hooks=frozenset(_text(call, "task_id") or "" for call in calls if _called(call) == "HookOperator"),
        pools=frozenset(_pools(body)),
    )


def _steps(body: ast.FunctionDef) -> Iterator[tuple[str, StepPlace]]:
    """The tasks of the DAG itself, and of its mapped groups."""
    widths: dict[str, Width] = {}
    expanded: dict[str, str] = {}
    for node in body.body:
        call = node.value if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) else None
        if call is None or not isinstance(node, ast.Assign):
            continue
        if isinstance(call.func, ast.Call) and _called(call.func) == "override":
            widths[_names(node.targets)[0]] = Width(_text(call.func, "task_id") or "", nested=len(call.args) > 1)
        elif isinstance(call.func, ast.Attribute) and call.func.attr == "expand":
            index = next((item.value for item in call.keywords if item.arg == "index"), None)
            if isinstance(call.func.value, ast.Name) and isinstance(index, ast.Name):
                expanded[call.func.value.id] = index.id
    for node in body.body:
        width = widths.get(expanded.get(node.name, "")) if isinstance(node, ast.FunctionDef) else None
        for inner in ast.walk(node):
            if isinstance(inner, ast.Call) and _called(inner) == "StepOperator":
                task_id = _text(inner, "task_id") or ""
                yield task_id, StepPlace(_text(inner, "step") or task_id, _number(inner, "iteration"), width)


def _pools(body: ast.FunctionDef) -> Iterator[str]:
    """`pool=` of tasks, and `"pool"` of the DAG's default_args."""
    for node in ast.walk(body):
        pairs: list[tuple[object, ast.expr]] = []
        if isinstance(node, ast.Dict):
            keys = (key.value if isinstance(key, ast.Constant) else None for key in node.keys)
            pairs = list(zip(keys, node.values, strict=True))
        elif isinstance(node, ast.Call):
            pairs = [(item.arg, item.value) for item in node.keywords]
        for key, value in pairs:
            if key == "pool" and isinstance(value, ast.Constant) and isinstance(value.value, str):
                yield value.value


def _called(call: ast.Call) -> str:
    """The last part of the name of what is called."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _text(call: ast.Call, name: str) -> str | None:
    found = next((item.value for item in call.keywords if item.arg == name), None)
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, str) else None


def _number(call: ast.Call, name: str) -> int | None:
    found = next((item.value for item in call.keywords if item.arg == name), None)
    return found.value if isinstance(found, ast.Constant) and isinstance(found.value, int) else None


def _names(targets: list[ast.expr]) -> list[str]:
    return [target.id for target in targets if isinstance(target, ast.Name)]
