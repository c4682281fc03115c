"""From a flow to the data that pictures are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, assert_never

from flowc_cli.drawing.graph_document import (
    ExitHooks,
    Fact,
    GraphDocument,
    GraphEdge,
    GraphNode,
    GraphScope,
)
from flowc_cli.drawing.pod_boxes import graph_pods, pod_facts
from flowc_cli.drawing.spec_facts import facts, spec_data
from flowc_cli.pipeline_text import (
    Results,
    call_text,
    case_texts,
    fan_text,
    real_edges,
    results_read,
    unused_results,
)
from flowc_compiler.ir import ROOT_SCOPE, Flow, Scope, Step

if TYPE_CHECKING:
    from flowc_compiler.ir.artifact_effects import FlowEffects
    from flowc_compiler.passes.artifact_edges import Crossing

_Edge = tuple[str, str]


def graph_document(
    flow: Flow, effects: FlowEffects | None = None, *, artifacts: bool = False, pods: bool = False
) -> GraphDocument:
    """The graph of a flow; with `artifacts` also what crosses each edge, of a class flow by its `effects`, and with
    `pods` what becomes a pod.
    """
    edges = _drawn_edges(flow)
    ends = {name for edge in edges for name in edge}
    steps = [step for step in flow.steps if not step.virtual or step.name in ends]
    crossings = _crossings(flow, effects, edges) if artifacts else None
    reads = results_read(flow)
    unused = unused_results(flow)
    types = _types(flow, effects, crossings) if crossings is not None and effects is not None else {}
    pod_of: Mapping[str, Fact] = pod_facts(flow) if pods else {}
    nodes: list[GraphNode] = []
    for step in steps:
        node = _node(flow, step)
        if step.name in pod_of:
            others = tuple(fact for fact in node.facts if fact.name != "pod")
            node = node.model_copy(update={"facts": (*others, pod_of[step.name])})
        more: dict[str, object] = {"unused": step.name in unused}
        if artifacts:
            more |= _artifacts(flow, step, effects, reads)
            more["types"] = types.get((step.name, ""), {})
        nodes.append(node.model_copy(update=more))
    hooks = flow.specs.exit_hooks
    return GraphDocument(
        flow=flow.name,
        doc=flow.doc,
        file=flow.file,
        frontend=flow.frontend,
        start=flow.start,
        end=flow.end,
        nodes=tuple(nodes),
        edges=tuple(_edge(edge, cases, crossings, types.get(edge, {})) for edge, cases in edges.items()),
        scopes=tuple(_scopes(flow, {step.name for step in steps})),
        exit_hooks=ExitHooks(
            on_success=tuple(name for hook in hooks for name in hook.on_success),
            on_error=tuple(name for hook in hooks for name in hook.on_error),
        ),
        pods=graph_pods(flow) if pods else None,
    )


def _drawn_edges(flow: Flow) -> dict[_Edge, tuple[str, ...]]:
    """The edges without the virtual steps that they can do without, and the cases of each."""
    texts: list[tuple[str, ...]] = [()]
    edges: list[tuple[str, str, str]] = []
    for step in flow.steps:
        cases = case_labels(flow, step)
        for target in _ways(step):
            texts.append(cases.get(target, ()))
            edges.append((step.name, target, str(len(texts) - 1) if target in cases else ""))
    found: dict[_Edge, tuple[str, ...]] = {}
    for source, target, number in real_edges(flow, iter(edges)):
        found[source, target] = (*found.get((source, target), ()), *texts[int(number or 0)])
    return found


def _ways(step: Step) -> tuple[str, ...]:
    """Where a step leads; a recursive switch also to itself."""
    return (*step.targets, step.name) if step.kind == "switch" and step.recursive else step.targets


def _edge(
    edge: _Edge, cases: tuple[str, ...], crossings: Mapping[_Edge, Crossing] | None, types: dict[str, str]
) -> GraphEdge:
    source, target = edge
    crossing = crossings.get(edge) if crossings is not None else None
    return GraphEdge(
        source=source,
        target=target,
        cases=cases,
        loop=source == target,
        artifacts=crossing.artifacts if crossing is not None else () if crossings is not None else None,
        types=types,
        unknown=crossing is not None and crossing.unknown,
    )


def case_labels(flow: Flow, step: Step) -> dict[str, tuple[str, ...]]:
    """For each step that a switch leads to, the values or the tests that choose it."""
    if step.kind != "switch":
        return {}
    found: dict[str, list[str]] = {}
    if step.tests:
        for target, test in case_texts(flow, step):
            found.setdefault(target, []).append(test)
    else:
        for case in step.cases:
            found.setdefault(case.target, []).append(json.dumps(case.value, ensure_ascii=False))
    return {target: tuple(texts) for target, texts in found.items()}


def _node(flow: Flow, step: Step) -> GraphNode:
    """A step without its artifacts."""
    parents = [flow.by_name[parent] for parent in step.parents]
    gang = next((parent for parent in parents if parent.kind == "parallel"), None)
    return GraphNode(
        id=step.name,
        kind=step.kind,
        scope=None if step.scope == ROOT_SCOPE else step.scope,
        virtual=step.virtual,
        doc=step.doc,
        file=step.span.file,
        line=step.span.line,
        call=call_text(flow, step),
        way_on=_way_on(flow, step),
        gang=gang is not None,
        members=gang.num_parallel if gang is not None else None,
        facts=facts(step),
        specs=spec_data(step.specs),
    )


def _way_on(flow: Flow, step: Step) -> str:
    match step.kind:
        case "foreach":
            return f"foreach {fan_text(flow, step.name) if flow.frontend == 'pipeline' else step.variable}"
        case "parallel":
            return "gang" if step.num_parallel is None else f"gang of {step.num_parallel}"
        case "switch":
            return "switch" if step.tests else f"switch on {step.variable}"
        case "linear" | "branch" | "join":
            return ""
        case _:
            assert_never(step.kind)


def _scopes(flow: Flow, drawn: set[str]) -> Iterator[GraphScope]:
    """The scopes that have a step which is drawn, deep in them or directly."""
    filled = set[str]()
    for scope in reversed(flow.scopes):
        if scope.id in filled or any(name in drawn for name in scope.steps):
            filled.update(filter(None, (scope.id, scope.parent)))
    for scope in flow.scopes:
        if scope.kind == "root" or scope.id not in filled:
            continue
        yield GraphScope(
            id=scope.id,
            kind=scope.kind,
            parent=None if scope.parent == ROOT_SCOPE else scope.parent,
            title=_title(flow, scope),
            opener=scope.opener if scope.opener in drawn else None,
            closer=scope.closer if scope.closer in drawn else None,
            nodes=tuple(name for name in scope.steps if name in drawn),
        )


def _title(flow: Flow, scope: Scope) -> str:
    opener = flow.by_name[scope.opener or ""]
    return _way_on(flow, opener) if scope.kind in {"foreach", "parallel"} else ""


# Artifacts.


def _artifacts(flow: Flow, step: Step, effects: FlowEffects | None, reads: Results) -> dict[str, object]:
    """What a step sets and reads."""
    if flow.frontend == "pipeline":
        taken = tuple(_result_name(*result) for result in reads.get(step.name, ()))
        return {"sets": step.call.outputs if step.call is not None else (), "reads": taken}
    if effects is None:
        return {}
    found = effects.of(step.name)
    if found.opaque:
        return {}
    names = {*found.reads, *(item.name for item in found.inputs)} - effects.known
    names.update(name for merge in found.merges for name in merge.include or ())
    return {"sets": tuple(sorted(found.sets)), "reads": tuple(sorted(names))}


def _types(flow: Flow, effects: FlowEffects, crossings: Mapping[_Edge, Crossing]) -> dict[_Edge, dict[str, str]]:
    """The evident types of what each step sets, as of an edge to nothing, and of what crosses each edge."""
    from flowc_compiler.passes.artifact_types import ArtifactTypes, type_text

    found: dict[_Edge, dict[str, str]] = {}
    for step, _, after in ArtifactTypes(flow, effects, None).solve():
        names: dict[str, Iterable[str]] = {"": sorted(effects.of(step.name).sets)}
        for target in _ways(step):
            names[target] = crossings[step.name, target].artifacts if (step.name, target) in crossings else ()
        for target, shown in names.items():
            texts = {name: type_text(after[name]) for name in shown if name in after}
            found[step.name, target] = {name: text for name, text in texts.items() if text}
    return found


def _result_name(step: str, output: str) -> str:
    return step if output == "output" else f"{step}.{output}"


def _crossings(flow: Flow, effects: FlowEffects | None, edges: Mapping[_Edge, object]) -> dict[_Edge, Crossing]:
    """What crosses each edge that is drawn."""
    if flow.frontend == "pipeline":
        return _results_crossing(flow, edges)
    if effects is None:
        return {}
    from flowc_compiler.passes.artifact_edges import artifact_edges

    return artifact_edges(flow, effects)


def _results_crossing(flow: Flow, edges: Mapping[_Edge, object]) -> dict[_Edge, Crossing]:
    """The results that a step takes by the edge from the step that they are of.

    A result that is older crosses the first edge that leads here from that step by way of others, as `step.output`.
    """
    from flowc_compiler.passes.artifact_edges import Crossing

    into: dict[str, list[str]] = {}
    for source, target in edges:
        into.setdefault(target, []).append(source)
    bits = {step.name: 1 << number for number, step in enumerate(flow.steps)}
    above: dict[str, int] = {}
    found: dict[_Edge, dict[str, None]] = {edge: {} for edge in edges}
    reads = results_read(flow)
    for step in flow.steps:
        parents = into.get(step.name, [])
        above[step.name] = bits[step.name]
        for parent in parents:
            above[step.name] |= above.get(parent, 0)
        for source, output in reads.get(step.name, ()):
            if source in parents:
                found[source, step.name][output] = None
                continue
            way = next((parent for parent in parents if above.get(parent, 0) & bits[source]), None)
            if way is not None and source != step.name:
                found[way, step.name][_result_name(source, output)] = None
    return {edge: Crossing(tuple(names), unknown=False) for edge, names in found.items()}
