"""The lines of text on nodes and edges, and the room that they take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from flowc_cli.drawing.graph_document import Fact, GraphDocument, GraphEdge, GraphNode
from flowc_cli.drawing.layout_model import Size
from flowc_cli.drawing.text_width import shortened, text_width
from flowc_compiler.diagnostics.terminal_text import visible_line

NAME_SIZE = 13.0
TEXT_SIZE = 11.0
LINE_HEIGHT = 16.0
CARD_PADDING = 10.0
LOOP_WIDTH = 30.0
"""How far a loop reaches to the right of its node, without its label."""
_WIDEST = 250.0
_NARROWEST = 64.0
_POINT = 10.0
_WIDEST_LABEL = 180.0
_LABEL_LINES = 3


class Line(NamedTuple):
    """A line of text, and the class of its style."""

    text: str
    style: str


class Card(NamedTuple):
    """What a node shows."""

    lines: tuple[Line, ...]
    size: Size


class Label(NamedTuple):
    """What an edge shows."""

    lines: tuple[Line, ...]
    size: Size


def card(node: GraphNode, notes: Sequence[str] = ()) -> Card:
    """The card of a step: its name, how it leads on, its most important specs, and notes below them."""
    if node.virtual:
        return Card((), Size(_POINT, _POINT))
    lines = [Line(_fitting(node.id, bold=True), "name")]
    lines += (Line(_fitting(text), "kind") for text in _kinds(node))
    lines += (Line(_fitting(text), "fact") for text in _fact_lines(node.facts))
    if node.unused:
        lines.append(Line("result unused", "unused"))
    lines += (Line(_fitting(text), "note") for text in notes)
    widths = [_line_width(line) for line in lines]
    width = max(_NARROWEST, max(widths) + 2 * CARD_PADDING + 4)
    return Card(
        tuple(lines), Size(float(round(width)), LINE_HEIGHT * len(lines) + 2 * CARD_PADDING - (3 if not notes else -2))
    )


def _line_width(line: Line) -> float:
    is_name = line.style == "name"
    return text_width(line.text, NAME_SIZE if is_name else TEXT_SIZE, bold=is_name)


def _fitting(text: str, *, bold: bool = False) -> str:
    return shortened(visible_line(text), _WIDEST, NAME_SIZE if bold else TEXT_SIZE, bold=bold)


def _kinds(node: GraphNode) -> list[str]:
    found: list[str] = []
    if node.gang:
        found.append("gang member" if node.members is None else f"gang of {node.members}")
    if node.kind == "join":
        found.append("join")
    # A gang says so at its box, and its members say it themselves.
    if node.way_on and node.kind != "parallel":
        found.append(node.way_on)
    function = node.call.partition("(")[0]
    if function and function != node.id:
        found.append(f"calls {function}")
    return found


_GROUPS = (
    ("GPU", "CPU", "memory", "disk", "shared memory"),
    ("image",),
    ("retries", "timeout", "catch"),
    ("nodes", "queue"),
    ("pod",),
)
"""The facts that a card shows, a line for each group."""


def _fact_lines(facts: tuple[Fact, ...]) -> list[str]:
    """The most important specs, those of one kind on one line where they fit."""
    found: list[str] = []
    for group in _GROUPS:
        line = ""
        for text in (_short(fact) for fact in facts if fact.name in group):
            joined = f"{line} · {text}" if line else text
            if line and text_width(joined, TEXT_SIZE) > _WIDEST:
                found.append(line)
                joined = text
            line = joined
        found += [line] if line else []
    return found


def _short(fact: Fact) -> str:
    match fact.name:
        case "image":  # the registry says less than the name
            return fact.text.rpartition("/")[2]
        case "GPU":
            return f"{fact.text} GPU" if fact.text.isdigit() else f"GPU {fact.text}"
        case "retries":
            count = fact.text.partition(",")[0]
            return f"up to {count} {'retry' if count == '1' else 'retries'}"
        case "catch":
            return "catch"
        case "nodes" | "pod":
            return fact.text
        case _:
            return f"{fact.name} {fact.text}"


def label(edge: GraphEdge) -> Label | None:
    """The label of an edge: the cases of a switch, and the artifacts that cross; `None` where it has none."""
    lines = [Line(text, "case") for text in _wrapped([visible_line(text) for text in edge.cases], " or ")]
    artifacts = [visible_line(name) for name in edge.artifacts or ()]
    lines += (Line(text, "artifact") for text in _wrapped([*artifacts, *(["…"] if edge.unknown else [])], ", "))
    if not lines:
        return None
    width = max(text_width(line.text, TEXT_SIZE) for line in lines) + 12
    return Label(tuple(lines), Size(float(round(width)), 15.0 * len(lines) + 5))


def crossing_texts(document: GraphDocument) -> dict[tuple[str, str], str]:
    """For each edge what crosses it, in words, where something does."""
    found: dict[tuple[str, str], str] = {}
    for edge in document.edges:
        names = [*(edge.artifacts or ()), *(["…"] if edge.unknown else [])]
        if names:
            found[edge.source, edge.target] = ", ".join(names)
    return found


def _wrapped(words: list[str], between: str) -> list[str]:
    """Words on as many lines as there may be; the last one says how many more there are."""
    lines: list[str] = []
    for number, word in enumerate(words):
        text = shortened(word, _WIDEST_LABEL, TEXT_SIZE)
        joined = f"{lines[-1]}{between}{text}" if lines else text
        if lines and text_width(joined, TEXT_SIZE) <= _WIDEST_LABEL:
            lines[-1] = joined
        elif len(lines) < _LABEL_LINES:
            if lines:
                lines[-1] += between.rstrip()
            lines.append(text)
        else:
            lines[-1] += f"{between}{len(words) - number} more"
            break
    return lines
