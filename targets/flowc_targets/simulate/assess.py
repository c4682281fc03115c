"""How a DAG ends (dag.go, assessDAGPhase)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.simulate.nodes import COMPLETED, FAILED

if TYPE_CHECKING:
    from flowc_targets.simulate.dag import DagRun
    from flowc_targets.simulate.nodes import Node, Nodes, Phase


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
    for id_ in leaves:
        phase = phases.get(id_)
        if phase is None:
            return None
        if phase in FAILED:
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
