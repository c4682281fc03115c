"""A graph as SVG: one drawing that needs nothing else, in the colors of a light or a dark page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from typing import NamedTuple

from flowc_cli.drawing.graph_document import ExitHooks, GraphDocument, GraphEdge, GraphNode, GraphScope
from flowc_cli.drawing.layered_layout import lay_out
from flowc_cli.drawing.layout_model import (
    ROOT,
    Graph,
    GroupBox,
    Layout,
    LayoutEdge,
    LayoutGroup,
    LayoutNode,
    Point,
    Rect,
    Route,
    Size,
)
from flowc_cli.drawing.node_card import (
    CARD_PADDING,
    LINE_HEIGHT,
    LOOP_WIDTH,
    TEXT_SIZE,
    Card,
    Label,
    Line,
    card,
    label,
)
from flowc_cli.drawing.text_width import shortened, text_width
from flowc_compiler.diagnostics.terminal_text import visible, visible_line

_TITLE_SIZE = 11.0
_WIDEST_TITLE = 320.0
_MOST_DESCRIBED = 60
_STACK = 4.0
"""How far each sheet of a stack is behind the one before."""


class Mark(NamedTuple):
    """What is shown of a step beside what its flow says, such as the state of its task in a run."""

    style: str
    """A class of the stylesheet, which colors the node."""
    text: str = ""
    """What the tooltip says."""
    shares: Sequence[tuple[str, float]] = ()
    """Parts of a whole, as a bar along the node's lower edge: the class of each, and how much of 1 it is."""


NO_MARKS: Mapping[str, Mark] = {}
NO_NOTES: Mapping[str, Sequence[str]] = {}


class Drawing(NamedTuple):
    """A graph with the places of its parts: what can be drawn again with other marks."""

    document: GraphDocument
    cards: Mapping[str, Card]
    labels: Sequence[Label | None]
    layout: Layout


def draw(document: GraphDocument, notes: Mapping[str, Sequence[str]] = NO_NOTES) -> Drawing:
    """Find a place for each part of a graph. `notes` are more lines for steps, such as what became of them in a run."""
    cards = {node.id: card(node, notes.get(node.id, ())) for node in document.nodes}
    labels = [label(edge) for edge in document.edges]
    beside: dict[str, float] = {}
    edges: list[LayoutEdge] = []
    for edge, found in zip(document.edges, labels, strict=True):
        if edge.loop:
            beside[edge.source] = LOOP_WIDTH + (found.size.width if found is not None else 0)
        else:
            edges.append(LayoutEdge(edge.source, edge.target, found.size if found is not None else None))
    around = _boxes(document)
    nodes = [
        LayoutNode(node.id, around[node.scope or ROOT], cards[node.id].size, beside.get(node.id, 0))
        for node in document.nodes
    ]
    groups = [
        LayoutGroup(scope.id, around[scope.parent or ROOT], _title_size(scope))
        for scope in document.scopes
        if around[scope.id] == scope.id
    ]
    return Drawing(document, cards, labels, lay_out(Graph(nodes, groups, edges)))


def _boxes(document: GraphDocument) -> dict[str, str]:
    """For each scope the box that its steps stand in: an arm of one step needs none of its own."""
    children = {scope.parent for scope in document.scopes}
    found = {ROOT: ROOT}
    for scope in document.scopes:
        is_arm = scope.kind in {"branch", "switch"}
        bare = is_arm and len(scope.nodes) < 2 and scope.id not in children
        found[scope.id] = found[scope.parent or ROOT] if bare else scope.id
    return found


def _title_size(scope: GraphScope) -> Size:
    text = _title(scope)
    return Size(text_width(text, _TITLE_SIZE, bold=True), LINE_HEIGHT) if text else Size(0, 0)


def _title(scope: GraphScope) -> str:
    return shortened(visible_line(scope.title), _WIDEST_TITLE, _TITLE_SIZE, bold=True)


def svg(drawing: Drawing, marks: Mapping[str, Mark] = NO_MARKS) -> str:
    """The SVG of a drawing."""
    document, layout = drawing.document, drawing.layout
    hooks, extent = _exit_hooks(document.exit_hooks, layout.size)
    width, height = _number(extent.width), _number(extent.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow-graph" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" role="graphics-document document" aria-labelledby="graph-title graph-desc">',
        f'<title id="graph-title">{_text(f"Flow {document.flow}")}</title>',
        f'<desc id="graph-desc">{_text(description(document))}</desc>',
        f"<style>\n{stylesheet()}</style>",
        '<defs><marker id="graph-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="11" markerHeight="11"'
        ' markerUnits="userSpaceOnUse"'
        ' orient="auto-start-reverse"><path class="arrow" d="M0 0.5 8 4 0 7.5Z"/></marker></defs>',
        f'<rect class="page" width="{width}" height="{height}"/>',
        '<g class="scopes">',
        *(line for scope in document.scopes for line in _box(scope, layout.groups.get(scope.id))),
        "</g>",
        '<g class="edges">',
        *_edges(drawing),
        "</g>",
        '<g class="nodes">',
        *(line for node in document.nodes for line in _node(node, drawing, marks.get(node.id))),
        "</g>",
        *hooks,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def stylesheet() -> str:
    """The styles of the drawing."""
    return files("flowc_cli.drawing").joinpath("graph.css").read_text(encoding="utf-8")


def description(document: GraphDocument) -> str:
    """The graph in words, for those who do not see it: which step leads where."""
    ways: dict[str, list[str]] = {}
    for edge in document.edges:
        cases = f" ({' or '.join(edge.cases)})" if edge.cases else ""
        ways.setdefault(edge.source, []).append(f"{edge.target}{cases}")
    real = sum(not node.virtual for node in document.nodes)
    sentences = [f"{real} {'step' if real == 1 else 'steps'}."]
    for node in document.nodes[:_MOST_DESCRIBED]:
        if node.id in ways:
            sentences.append(f"{node.id} leads to {', '.join(ways[node.id])}.")
    if len(document.nodes) > _MOST_DESCRIBED:
        sentences.append(f"{len(document.nodes) - _MOST_DESCRIBED} more steps follow.")
    return " ".join(sentences)


def _box(scope: GraphScope, box: GroupBox | None) -> Iterator[str]:
    if box is None:
        return
    x, y, width, height = box.rect
    yield f'<g class="scope scope-{scope.kind}" data-scope="{_text(scope.id)}">'
    yield f"<title>{_text(scope.title or f'an arm of {scope.opener or scope.kind}')}</title>"
    if scope.kind in {"foreach", "parallel"}:
        yield _rect(Rect(x + _STACK, y + _STACK, width, height), "sheet", 10)
    yield _rect(box.rect, "box", 10)
    if scope.title:
        yield _line(Line(_title(scope), "scope-title"), Point(box.title.x, box.title.y + _TITLE_SIZE))
    yield "</g>"


def _edges(drawing: Drawing) -> Iterator[str]:
    """All lines first, so that none crosses a label."""
    routes = iter(drawing.layout.routes)
    labels: list[str] = []
    for edge, found in zip(drawing.document.edges, drawing.labels, strict=True):
        if edge.loop:
            path, place = _loop(drawing.layout.nodes[edge.source], found)
        else:
            path, place = _path(route := next(routes)), route.label
        kind = "loop" if edge.loop else "case" if edge.cases else "next"
        ends = f'data-source="{_text(edge.source)}" data-target="{_text(edge.target)}"'
        yield f'<path class="edge edge-{kind}" {ends} d="{path}" marker-end="url(#graph-arrow)"/>'
        if found is not None and place is not None:
            labels += _edge_label(edge, found, place, ends)
    yield from labels


def _path(route: Route) -> str:
    """A way as a path: straight down, or a curve that begins and ends upright."""
    first, *_ = route.points
    found = [f"M{_number(first.x)} {_number(first.y)}"]
    for start, end in pairwise(route.points):
        if start.x == end.x:
            found.append(f"V{_number(end.y)}")
        else:
            middle = _number((start.y + end.y) / 2)
            found.append(f"C{_number(start.x)} {middle} {_number(end.x)} {middle} {_number(end.x)} {_number(end.y)}")
    return "".join(found)


def _loop(node: Rect, found: Label | None) -> tuple[str, Rect | None]:
    """The way from a node back to itself, at its right side."""
    x, low, high = node.x + node.width, node.y + node.height - 9, node.y + 9
    out = _number(x + LOOP_WIDTH)
    path = f"M{_number(x)} {_number(low)}C{out} {_number(low)} {out} {_number(high)} {_number(x)} {_number(high)}"
    if found is None:
        return path, None
    top = node.y + (node.height - found.size.height) / 2
    return path, Rect(x + LOOP_WIDTH - 6, top, *found.size)


def _edge_label(edge: GraphEdge, found: Label, place: Rect, ends: str) -> Iterator[str]:
    yield f'<g class="label" {ends}>'
    names = [*edge.cases, *edge.typed(), *(["what flowc cannot follow"] if edge.unknown else [])]
    what = ", ".join(names)
    yield f"<title>{_text(f'{edge.source} to {edge.target}: {what}')}</title>"
    yield _rect(place, "pill", 4)
    middle = place.x + place.width / 2
    for number, line in enumerate(found.lines):
        yield _line(line, Point(middle, place.y + 13.5 + 15 * number))
    yield "</g>"


def _node(node: GraphNode, drawing: Drawing, mark: Mark | None) -> Iterator[str]:
    place, shown = drawing.layout.nodes[node.id], drawing.cards[node.id]
    style = f" {mark.style}" if mark is not None else ""
    name = _text(node.id)
    if node.virtual:
        middle = Point(place.x + place.width / 2, place.y + place.height / 2)
        yield f'<circle class="virtual" data-step="{name}" cx="{_number(middle.x)}" cy="{_number(middle.y)}" r="4"/>'
        return
    unused = " is-unused" if node.unused else ""
    yield f'<g class="node kind-{node.kind}{unused}{style}" data-step="{name}">'
    yield f"<title>{_text(tooltip(node, mark))}</title>"
    if node.gang:
        for sheet in (2, 1):
            yield _rect(Rect(place.x + _STACK * sheet, place.y + _STACK * sheet, place.width, place.height), "sheet", 6)
    yield _rect(place, "card", 6)
    yield _rect(Rect(place.x + 1, place.y + 6, 3, place.height - 12), "strip", 1.5)
    middle_x = place.x + place.width / 2 + 1
    for number, line in enumerate(shown.lines):
        yield _line(line, Point(middle_x, place.y + CARD_PADDING + 10 + LINE_HEIGHT * number))
    yield from _shares(mark.shares if mark is not None else (), place)
    yield "</g>"


def _shares(shares: Sequence[tuple[str, float]], place: Rect) -> Iterator[str]:
    """The bar of a mark. A part that is not nothing can be seen."""
    left, width = place.x + 8, place.width - 16
    seen = [(style, max(part * width, 2.0)) for style, part in shares if part > 0]
    scale = width / sum(part for _, part in seen) if seen else 1
    for style, part in seen:
        yield _rect(Rect(left, place.y + place.height - 7, part * scale, 3), f"share share-{style}", 1)
        left += part * scale


def tooltip(node: GraphNode, mark: Mark | None = None) -> str:
    """What is shown of a step where it is pointed at."""
    lines = [node.id]
    if mark is not None and mark.text:
        lines.append(mark.text)
    lines += [text for text in (node.doc.partition("\n")[0], node.call, node.way_on) if text]
    lines += (f"{fact.name}: {fact.text}" for fact in node.facts)
    if node.unused:
        lines.append("no step uses its result")
    return "\n".join([*lines, f"{node.file}:{node.line}"])


def _exit_hooks(hooks: ExitHooks, size: Size) -> tuple[list[str], Size]:
    """The exit hooks, in a box of their own below the graph, and the size of both."""
    called = {"success": hooks.on_success, "error": hooks.on_error}
    texts = [visible_line(f"on {when}: {', '.join(names)}") for when, names in called.items() if names]
    if not texts:
        return [], size
    lines = [Line("Exit hooks, when the run has ended", "hooks-title")]
    lines += (Line(shortened(text, _WIDEST_TITLE, TEXT_SIZE), "hook") for text in texts)
    width = max(text_width(line.text, TEXT_SIZE, bold=True) for line in lines) + 24
    box = Rect(14, size.height + 8, float(round(width)), LINE_HEIGHT * len(lines) + 14)
    drawn = (_line(line, Point(box.x + 12, box.y + 18 + LINE_HEIGHT * number)) for number, line in enumerate(lines))
    extent = Size(max(size.width, box.width + 28), box.y + box.height + 14)
    return ['<g class="exit-hooks">', _rect(box, "box", 8), *drawn, "</g>"], extent


def _line(line: Line, place: Point) -> str:
    return f'<text class="{line.style}" x="{_number(place.x)}" y="{_number(place.y)}">{_text(line.text)}</text>'


def _rect(rect: Rect, style: str, radius: float) -> str:
    x, y, width, height = map(_number, rect)
    return f'<rect class="{style}" x="{x}" y="{y}" width="{width}" height="{height}" rx="{_number(radius)}"/>'


def _text(text: str) -> str:
    """Text as XML takes it, in content and in attributes."""
    return escape(visible(text), quote=True)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
