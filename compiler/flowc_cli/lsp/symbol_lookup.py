"""What a position of a document means: a step, an artifact, a parameter or a decorator, of which flow."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

from flowc_cli.lsp.cursor import Cursor, cursor_at

if TYPE_CHECKING:
    from lsprotocol import types

    from flowc_cli.lsp.analysis import Analysis
    from flowc_cli.lsp.flow_index import FlowIndex, IndexedFlow
    from flowc_cli.lsp.session import OpenFile
    from flowc_compiler.driver import Compilation

_ARTIFACT_KEYWORDS = frozenset({"foreach", "condition"})


@dataclass(frozen=True)
class Symbol:
    """What is named at a position."""

    kind: Literal["step", "artifact", "decorator"]
    name: str
    flow: IndexedFlow | None
    cursor: Cursor


@dataclass(frozen=True)
class Lookup:
    """A position of an open document, seen with what its last good checks know."""

    file: OpenFile
    position: types.Position

    @cached_property
    def place(self) -> tuple[int, int]:
        """Line and column, in characters from 0."""
        return self.file.document.place(self.position)

    @cached_property
    def cursor(self) -> Cursor:
        """What stands there, by the current text."""
        line, column = self.place
        lines = self.file.document.lines
        return cursor_at(self.file.document.plain, sum(len(item) + 1 for item in lines[:line]) + column)

    @property
    def analysis(self) -> Analysis | None:
        """The last check of a text that could be parsed."""
        return self.file.parsed

    @property
    def index(self) -> FlowIndex | None:
        """The flows of that text."""
        return self.file.parsed.index if self.file.parsed is not None else None

    @cached_property
    def lines(self) -> LineMap:
        """The lines of that text in the current one."""
        lines = self.file.document.lines
        return LineMap(self.file.parsed.document.lines if self.file.parsed is not None else lines, lines)

    @cached_property
    def flow(self) -> IndexedFlow | None:
        """The flow around the position."""
        if self.index is None:
            return None
        around = self.cursor.around
        named = self.index.named(around.owner or around.method)
        return named if named is not None else self.index.flow_at(self.lines.to_old(self.place[0]) + 1)

    @cached_property
    def compiled(self) -> Compilation | None:
        """That flow by the last check of a text that could be parsed; of a file with one pipeline, that one."""
        return self.compiled_as(self.flow)

    def compiled_as(self, flow: IndexedFlow | None) -> Compilation | None:
        """A flow by the last check of a text that could be parsed."""
        found = self.file.flows.get(flow.name) if flow is not None else None
        if found is None and (flow is None or flow.is_pipeline) and len(self.file.flows) == 1:
            (found,) = self.file.flows.values()  # that of a step function, or one that another file defines
        return found[0] if found is not None else None

    @cached_property
    def in_self(self) -> bool:
        """Whether the name stands behind `self.` in a method of a class flow."""
        flow = self.flow
        own = self.cursor.around.self_name
        return flow is not None and not flow.is_pipeline and bool(own) and self.cursor.owner == (own,)

    @cached_property
    def input_arm(self) -> str | None:
        """The step that `inputs.step.` names before the name; empty for any input, `None` where it is no input's."""
        owner, inputs = self.cursor.owner, self.cursor.around.inputs_name
        if not owner or not inputs or self.flow is None:
            return None
        if owner[0] == inputs and len(owner) == 2:
            return "" if owner[1] == "[]" else owner[1]
        return "" if len(owner) == 1 and self._goes_over_inputs(owner[0]) else None

    def _goes_over_inputs(self, name: str) -> bool:
        """Whether the statement or the function has `for name in inputs`."""
        text, start = self.file.document.plain, self.cursor.start
        begin = max(text.rfind("\n    def ", 0, start), 0)
        end = text.find("\n", start)
        part = text[begin : end if end >= 0 else len(text)]
        return re.search(rf"\bfor\s+{name}\s+in\s+{self.cursor.around.inputs_name}\b", part) is not None

    @cached_property
    def is_input(self) -> bool:
        """Whether the name stands behind `inputs.`."""
        inputs = self.cursor.around.inputs_name
        return bool(inputs) and self.flow is not None and self.cursor.owner == (inputs,)

    @cached_property
    def in_next(self) -> bool:
        """Whether the position is in the arguments of `self.next`."""
        own = self.cursor.around.self_name
        return any(call.callee == (own, "next") for call in self.cursor.calls)

    @cached_property
    def names_artifact(self) -> bool:
        """Whether a text there is the name of an artifact, as in `foreach="items"` and `include=["x"]`."""
        call, own = self.cursor.call, self.cursor.around.self_name
        if call is None or not self.cursor.in_text:
            return False
        if call.callee == (own, "next"):
            return call.keyword in _ARTIFACT_KEYWORDS
        if call.bracket == "[" and len(self.cursor.calls) > 1:
            outer = self.cursor.calls[-2]
            return outer.callee == (own, "merge_artifacts") and outer.keyword in {"include", "exclude"}
        return call.callee in {("getattr",), ("hasattr",), ("setattr",), ("delattr",)}

    @cached_property
    def names_step(self) -> bool:
        """Whether a text there is the name of a step, as in `after=["load"]`."""
        return self.cursor.in_text and any(call.keyword == "after" for call in self.cursor.calls)

    def resolve(self, parts: tuple[str, ...]) -> str | None:
        """The name of Metaflow's, ZenML's or flowc's that a dotted name stands for in this file."""
        if self.index is None or not parts:
            return None
        node: ast.expr = ast.Name(id=parts[0], ctx=ast.Load())
        for part in parts[1:]:
            node = ast.Attribute(value=node, attr=part, ctx=ast.Load())
        return self.index.view.names.resolve(node)

    @cached_property
    def symbol(self) -> Symbol | None:
        """What is named there."""
        cursor, flow = self.cursor, self.flow
        if not cursor.word or cursor.in_comment or self.index is None:
            return None
        if cursor.in_text:
            return self._of_text()
        if cursor.is_decorator or (cursor.owner and self._is_decorated(cursor.owner)):
            return Symbol("decorator", cursor.word, flow, cursor)
        if flow is not None and not flow.is_pipeline:
            return self._of_class(flow)
        if cursor.owner is None and cursor.word in self.index.step_functions:
            return Symbol("step", cursor.word, flow if flow is not None else self._pipeline(), cursor)
        return None

    def _of_class(self, flow: IndexedFlow) -> Symbol | None:
        cursor = self.cursor
        is_step = cursor.word in flow.functions
        if (self.in_self or self.is_input or cursor.keyword == "def") and is_step:
            return Symbol("step", cursor.word, flow, cursor)
        declared = any(item.name == cursor.word for item in flow.declared) and not cursor.around.method
        if self.in_self or self.input_arm is not None or (declared and cursor.owner is None):
            return Symbol("artifact", cursor.word, flow, cursor)
        return None

    def _of_text(self) -> Symbol | None:
        if self.names_artifact and self.flow is not None:
            return Symbol("artifact", self.cursor.word, self.flow, self.cursor)
        if self.names_step:
            return Symbol("step", self.cursor.word, self.flow, self.cursor)
        return None

    def _pipeline(self) -> IndexedFlow | None:
        assert self.index is not None
        return next((flow for flow in self.index.flows if flow.is_pipeline), None)

    def _is_decorated(self, owner: tuple[str, ...]) -> bool:
        line = self.file.document.lines[self.place[0]].strip()
        return line.startswith(f"@{'.'.join(owner)}.")


class LineMap:
    """Lines by their numbers, from 0: those before and behind the part that was edited are the same in both texts."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        self._old, self._new = old, new
        self._same = old is new or old == new
        self._head = self._tail = 0
        if not self._same:
            self._head = _equal(old, new)
            self._tail = min(_equal(old[::-1], new[::-1]), min(len(old), len(new)) - self._head)

    def to_new(self, line: int) -> int:
        """The current number of a line of the old text; of one that was edited, the nearest."""
        return self._moved(line, self._old, self._new)

    def to_old(self, line: int) -> int:
        """The number in the old text of a line of the current one."""
        return self._moved(line, self._new, self._old)

    def _moved(self, line: int, source: Sequence[str], target: Sequence[str]) -> int:
        if self._same or line < self._head:
            return line
        if line >= len(source) - self._tail:
            return line + len(target) - len(source)
        return min(line, max(len(target) - self._tail - 1, self._head), len(target) - 1)


def _equal(first: Sequence[str], second: Sequence[str]) -> int:
    """How many lines are equal from the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))
