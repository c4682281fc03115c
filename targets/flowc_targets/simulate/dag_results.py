"""How a DAG ends (dag.go, assessDAGPhase)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.simulate.problems import NodeError
from flowc_targets.simulate.substitution import tags
from flowc_targets.simulate.workflow_nodes import COMPLETED, FAILED

if TYPE_CHECKING:
    from flowc_targets.simulate.dag_run import DagRun
    from flowc_targets.simulate.workflow_nodes import Node, Nodes, Phase


def dag_phase(dag: DagRun) -> Phase | None:
    """The phase of a DAG in which nothing is under way; `None` while a leaf has no node.

    A task that was skipped or left out takes the phase of what came before it, failures first; the leaves decide.
    """
    nodes = dag.run.nodes
    leaves = {nodes.id_of(dag.task_name(name)): name for name in dag.template.leaves}
    phases = _leaf_phases(nodes, dag.node, frozenset(leaves))
    if phases is None:
        return None
    result: Phase = "Succeeded"
    for id_, name in leaves.items():
        phase = phases.get(id_)
        if phase is None:
            return None
        if phase in FAILED and not dag.template.tasks[name].raw.get("continueOn", {}).get(phase.lower()):
            result = phase
            if dag.template.fail_fast:
                break
    return result


def _leaf_phases(nodes: Nodes, top: Node, leaves: frozenset[str]) -> dict[str, Phase] | None:
    """The phases of the leaves, by going down from the DAG's node with the last phase on the way."""
    phases: dict[str, Phase] = {}
    queue: list[tuple[str, Phase]] = [(child, "Succeeded") for child in top.children]
    seen = set(queue)
    for id_, above in queue:
        node = nodes.by_id.get(id_)
        if node is None or not node.fulfilled:
            return None
        phase = node.phase if node.phase in COMPLETED else above
        if id_ in leaves and phases.get(id_) not in FAILED:
            phases[id_] = phase
        for child in _below(nodes, node):
            if (child, phase) not in seen:
                seen.add((child, phase))
                queue.append((child, phase))
    return phases


def _below(nodes: Nodes, node: Node) -> list[str]:
    """Of a Retry node what follows its attempts (operator.go, getRetryNodeChildrenIds)."""
    if node.type != "Retry":
        return list(node.children)
    return [id_ for child in reversed(node.children) for id_ in nodes.by_id[child].children]


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
    """The output of a task that has run; the output of any other is an error.

    Argo 3.5, 3.6 and 4.0.0 insert the tag itself, 3.7.14 an empty text, 4.1 the default, or else an error: no manifest
    can rely on it.
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
