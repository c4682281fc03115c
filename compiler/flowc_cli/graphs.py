"""A flow's graph as Mermaid or DOT, with foreach bodies as boxes."""

from __future__ import annotations

from flowc_compiler.ir import ROOT_SCOPE, Flow, Scope, Step

_SHAPES = {"branch": ("{{", "}}"), "foreach": ("[/", "/]"), "switch": ("{", "}"), "join": ("([", "])")}
_DOT_SHAPES = {"branch": "hexagon", "foreach": "parallelogram", "switch": "diamond", "join": "oval"}


def mermaid(flow: Flow) -> str:
    """A Mermaid flowchart. Branch arms are plain edges; a foreach body is a subgraph."""
    lines = ["flowchart TD"]
    for scope, depth, opens in _walk(flow):
        indent = "  " * (depth + 1)
        if not opens:
            lines.append(f"{'  ' * depth}end")
            continue
        if scope.kind == "foreach":
            lines.append(f'{"  " * depth}subgraph foreach_{scope.id}["foreach {_variable(flow, scope)}"]')
        for name in scope.steps:
            left, right = _SHAPES.get(flow.by_name[name].kind, ("[", "]"))
            lines.append(f"{indent}s_{name}{left}{name}{right}")
    lines.extend(f"  s_{step.name} --> s_{target}" for step in flow.steps for target in step.targets)
    return "\n".join(lines) + "\n"


def dot(flow: Flow) -> str:
    """A Graphviz digraph. Branch arms are plain edges; a foreach body is a cluster."""
    lines = [f'digraph "{flow.name}" {{', "  node [shape=box];"]
    for scope, depth, opens in _walk(flow):
        indent = "  " * (depth + 1)
        if not opens:
            lines.append(f"{'  ' * depth}}}")
            continue
        if scope.kind == "foreach":
            lines.append(f'{"  " * depth}subgraph "cluster_{scope.id}" {{')
            lines.append(f'{indent}label="foreach {_variable(flow, scope)}";')
        lines.extend(f"{indent}{_dot_node(flow.by_name[name])}" for name in scope.steps)
    lines.extend(f'  "{step.name}" -> "{target}";' for step in flow.steps for target in step.targets)
    return "\n".join([*lines, "}"]) + "\n"


def _dot_node(step: Step) -> str:
    shape = _DOT_SHAPES.get(step.kind)
    return f'"{step.name}" [shape={shape}];' if shape else f'"{step.name}";'


def _variable(flow: Flow, scope: Scope) -> str:
    opener = flow.by_name[scope.opener or ""]
    return opener.variable if opener.kind == "foreach" else ""


def _walk(flow: Flow) -> list[tuple[Scope, int, bool]]:
    """Scopes as (scope, nesting of boxes, opens?): each once, and each foreach once more where its box closes."""
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
        if scope.kind == "foreach":
            pending.append((scope, depth, False))
        for child in reversed(children.get(scope.id, [])):
            pending.append((child, depth + (child.kind == "foreach"), True))
    return events
