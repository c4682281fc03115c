"""What a task of a DAG can read of the tasks before it (dag.go, buildLocalScopeFromTask; scope.go)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.simulate.nodes import COMPLETED
from flowc_targets.simulate.problems import NodeError
from flowc_targets.simulate.substitute import tags

if TYPE_CHECKING:
    from flowc_targets.simulate.dag import DagRun
    from flowc_targets.simulate.nodes import Node


def task_values(dag: DagRun, text: str) -> dict[str, str]:
    """The values of the `{{tasks....}}` in a task's JSON. Raises NodeError."""
    values: dict[str, str] = {}
    for tag in tags(text):
        if tag.startswith("tasks.") and tag not in values and tag != "tasks.name":
            values[tag] = _value(dag, tag)
    return values


def dag_outputs(dag: DagRun) -> dict[str, str] | None:
    """The outputs of a DAG that has succeeded, `None` where it has none to give. Raises NodeError."""
    if not dag.template.outputs:
        return None
    outputs: dict[str, str] = {}
    for output in dag.template.outputs:
        assert output.parameter is not None
        tag = output.parameter.strip().removeprefix("{{").removesuffix("}}").strip()
        try:
            outputs[output.name] = _value(dag, tag)
        except NodeError:
            if output.default is None:
                raise
            outputs[output.name] = output.default
    return outputs


def _value(dag: DagRun, tag: str) -> str:
    """The output of a task that has run; that of another is an error.

    Argo 3.5, 3.6 and 4.0.0 put in the tag itself, 3.7.14 an empty text, 4.1 the default, or else an error: what depends
    on it works nowhere but by luck.
    """
    name, _, rest = tag.removeprefix("tasks.").partition(".")
    node = dag.task_node(name)
    if node is None:
        raise NodeError(f"failed to resolve {{{{{tag}}}}}: {name} has no node")
    if rest == "status":
        return node.phase
    output = rest.removeprefix("outputs.parameters.")
    if node.phase not in COMPLETED:
        raise NodeError(f"unable to substitute {{{{{tag}}}}}: {name} was {node.phase}, so that it has no outputs")
    value = (node.outputs or {}).get(output)
    if value is None:
        raise NodeError(f"failed to resolve {{{{{tag}}}}}: {name} was {node.phase} and has no such output")
    return value


def results(node: Node, dag: DagRun) -> dict[str, bool]:
    """What `depends` can ask of a task's node (dag.go, evaluateDependsLogic)."""
    phases = [dag.run.nodes.by_id[child].phase for child in node.children] if node.type == "TaskGroup" else []
    return {
        "Succeeded": node.phase == "Succeeded",
        "Failed": node.phase == "Failed",
        "Errored": node.phase == "Error",
        "Skipped": node.phase == "Skipped",
        "Omitted": node.phase == "Omitted",
        "Daemoned": False,
        "AnySucceeded": "Succeeded" in phases,
        "AllFailed": bool(phases) and set(phases) == {"Failed"},
    }
