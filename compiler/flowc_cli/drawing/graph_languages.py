"""A graph in languages that other programs draw: Mermaid and DOT, with foreach bodies and gangs as boxes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from flowc_cli.drawing.pod_boxes import pod_title
from flowc_cli.pipeline_text import case_texts, fan_text, real_edges, unused_results
from flowc_compiler.ir import ROOT_SCOPE, Flow, PodGroup, Scope, Step

_SHAPES = {
    "branch": ("{{", "}}"),
    "foreach": ("[/", "/]"),
    "parallel": ("[/", "/]"),
    "switch": ("{", "}"),
    "join": ("([", "])"),
}
_DOT_SHAPES = {
    "branch": "hexagon",
    "foreach": "parallelogram",
    "parallel": "parallelogram",
    "switch": "diamond",
    "join": "oval",
}
_BOXES = frozenset({"foreach", "parallel"})

Crossings = Mapping[tuple[str, str], str]
"""What crosses an edge, in words, for the edges that are to say so."""
NOTHING: Crossings = {}


def mermaid(flow: Flow, crossings: Crossings = NOTHING, *, pods: bool = False) -> str:
    """A Mermaid flowchart. Arms are plain edges; a foreach body or a gang is a subgraph, and with `pods` a pod."""
    groups = _PodBoxes(flow, pods=pods)
    lines = ["flowchart TD"]
    edges, drawn = _drawn(flow)
    unused = unused_results(flow)
    for scope, depth, opens in _walk(flow):
        indent = "  " * (depth + 1)
        if not opens:
            lines.append(f"{'  ' * depth}end")
            continue
        if scope.kind in _BOXES:
            title = _escaped(groups.titled(scope, _title(flow, scope)))
            lines.append(f'{"  " * depth}subgraph {scope.kind}_{_id(scope.id)}["{title}"]')
        for group, names in groups.boxes(scope):
            if group is not None:
                lines.append(f'{indent}subgraph pod_{_id(group.name)}["{_escaped(pod_title(group))}"]')
            for name in (name for name in names if name in drawn):
                left, right, shown = _shape(flow.by_name[name], unused=name in unused)
                lines.append(f"{indent}{'  ' if group is not None else ''}s_{_id(name)}{left}{shown}{right}")
            if group is not None:
                lines.append(f"{indent}end")
    for source, target, label in edges:
        text = "<br>".join(map(_escaped, filter(None, (label, crossings.get((source, target))))))
        arrow = f'-- "{text}" -->' if text else "-->"
        lines.append(f"  s_{_id(source)} {arrow} s_{_id(target)}")
    return "\n".join(lines) + "\n"


def dot(flow: Flow, crossings: Crossings = NOTHING, *, pods: bool = False) -> str:
    """A Graphviz digraph. Arms are plain edges; a foreach body or a gang is a cluster, and with `pods` a pod."""
    groups = _PodBoxes(flow, pods=pods)
    lines = [f'digraph "{flow.name}" {{', "  node [shape=box];"]
    edges, drawn = _drawn(flow)
    unused = unused_results(flow)
    for scope, depth, opens in _walk(flow):
        indent = "  " * (depth + 1)
        if not opens:
            lines.append(f"{'  ' * depth}}}")
            continue
        if scope.kind in _BOXES:
            lines.append(f'{"  " * depth}subgraph "cluster_{scope.id}" {{')
            lines.append(f'{indent}label="{_quoted(groups.titled(scope, _title(flow, scope)))}";')
        for group, names in groups.boxes(scope):
            inner = f"{indent}  " if group is not None else indent
            if group is not None:
                lines.append(f'{indent}subgraph "cluster_pod_{group.name}" {{')
                lines.append(f'{inner}label="{_quoted(pod_title(group))}"; style=dashed;')
            steps = (flow.by_name[name] for name in names if name in drawn)
            lines.extend(f"{inner}{_dot_node(step, unused=step.name in unused)}" for step in steps)
            lines += [f"{indent}}}"] if group is not None else []
    for source, target, label in edges:
        text = "\\n".join(map(_quoted, filter(None, (label, crossings.get((source, target))))))
        lines.append(f'  "{source}" -> "{target}"' + (f' [label="{text}"];' if text else ";"))
    return "\n".join([*lines, "}"]) + "\n"


class _PodBoxes:
    """The boxes of pods with several steps. A batch is the box of its foreach; the steps of others are in one box."""

    def __init__(self, flow: Flow, *, pods: bool) -> None:
        groups = flow.pod_groups if pods else ()
        self._batches = {group.opener: group for group in groups if group.kind == "batch"}
        self._inside: dict[str, list[PodGroup]] = {}
        for group in groups:
            if group.kind == "fused":
                around = flow.foreach_scope(flow.by_name[group.entry])
                self._inside.setdefault(around.id, []).append(group)
        self._taken = {name for found in self._inside.values() for group in found for name in group.steps}

    def titled(self, scope: Scope, title: str) -> str:
        """The title of a foreach's box."""
        group = self._batches.get(scope.opener)
        return f"{title}, {pod_title(group)}" if group is not None and scope.kind == "foreach" else title

    def boxes(self, scope: Scope) -> Iterator[tuple[PodGroup | None, tuple[str, ...]]]:
        """The groups whose boxes are directly in a scope, and the steps that are in none."""
        for group in self._inside.get(scope.id, ()):
            yield group, group.steps
        yield None, tuple(name for name in scope.steps if name not in self._taken)


def _id(name: str) -> str:
    """A name as Mermaid takes it for a node; steps of pipelines may have `-` and `.` in their names."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"_{ord(found[0]):x}_", name)


def _escaped(text: str) -> str:
    """Text as Mermaid takes it in quotes."""
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("|", "&#124;")


def _quoted(text: str) -> str:
    """Text as DOT takes it in quotes."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _drawn(flow: Flow) -> tuple[list[tuple[str, str, str]], set[str]]:
    """The edges to draw, and the steps: all but virtual ones that the edges can do without."""
    edges = real_edges(flow, _edges(flow))
    ends = {name for source, target, _ in edges for name in (source, target)}
    return edges, {step.name for step in flow.steps if not step.virtual or step.name in ends}


def _shape(step: Step, *, unused: bool) -> tuple[str, str, str]:
    """The brackets that make a node's shape in Mermaid, and its text."""
    if step.virtual:
        return "((", "))", " "
    shown = f'"{step.name}<br><i>result unused</i>"' if unused else step.name
    return *_SHAPES.get(step.kind, ("[", "]")), shown


def _edges(flow: Flow) -> Iterator[tuple[str, str, str]]:
    """From, to, and the cases of a switch that lead there; its way back to itself is an edge, too."""
    for step in flow.steps:
        if step.kind != "switch":
            yield from ((step.name, target, "") for target in step.targets)
            continue
        if step.tests:
            yield from ((step.name, target, test) for target, test in case_texts(flow, step))
            continue
        cases: dict[str, list[str]] = {}
        for case in step.cases:
            cases.setdefault(case.target, []).append(json.dumps(case.value, ensure_ascii=False))
        yield from ((step.name, target, f"{step.variable}: {', '.join(values)}") for target, values in cases.items())


def _dot_node(step: Step, *, unused: bool) -> str:
    shape = "point" if step.virtual else _DOT_SHAPES.get(step.kind)
    settings = [f"shape={shape}"] if shape else []
    if unused:
        settings += [f'label="{step.name}\\nresult unused"', "style=dashed"]
    return f'"{step.name}" [{", ".join(settings)}];' if settings else f'"{step.name}";'


def _title(flow: Flow, scope: Scope) -> str:
    opener = flow.by_name[scope.opener or ""]
    if opener.kind == "foreach":
        what = fan_text(flow, opener.name) if flow.frontend == "pipeline" else opener.variable
        return f"foreach {what}"
    count = opener.num_parallel if opener.kind == "parallel" else None
    return f"num_parallel {count if count is not None else ''}".rstrip()


def _walk(flow: Flow) -> list[tuple[Scope, int, bool]]:
    """Scopes as (scope, nesting of boxes, opens?): each once, and each box once more where it closes."""
    children: dict[str, list[Scope]] = {}
    for scope in flow.scopes:
        if scope.parent is not None:
            children.setdefault(scope.parent, []).append(scope)
    events: list[tuple[Scope, int, bool]] = []
    pending = [(flow.scope_by_id[ROOT_SCOPE], 0, True)]
    while pending:
        scope, depth, opens = pending.pop()
        events.append((scope, depth, opens))
        if not opens:
            continue
        if scope.kind in _BOXES:
            pending.append((scope, depth, False))
        for child in reversed(children.get(scope.id, [])):
            pending.append((child, depth + (child.kind in _BOXES), True))
    return events
