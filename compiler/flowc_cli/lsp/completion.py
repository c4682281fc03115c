"""What may stand at a position: steps, artifacts, decorators and their arguments, facts of `current`."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from lsprotocol import types

from flowc.protocol.metaflow_names import FACTS
from flowc_cli.lsp import decorator_facts
from flowc_cli.lsp.flow_facts import FlowFacts
from flowc_cli.lsp.hover import is_pipeline_file
from flowc_compiler.syntax.served_imports import ROOTS, is_served

if TYPE_CHECKING:
    from flowc_cli.lsp.cursor import OpenCall
    from flowc_cli.lsp.symbol_lookup import Lookup

TRIGGERS = [".", "@", "(", ",", '"', "'", " "]
"""Characters after which editors ask."""
_Kind = types.CompletionItemKind
_OF_FLOWSPEC = {
    "next": "what follows this step",
    "input": "the item of the foreach",
    "index": "the number of the item",
    "foreach_stack": "the items of every foreach around the task",
    "merge_artifacts": "take over what the inputs of a join agree on",
}


def complete(lookup: Lookup) -> list[types.CompletionItem]:
    """What may be written at a position; nothing where flowc knows no more than any server for Python."""
    return list(_Completion(lookup).items())


class _Completion:
    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._cursor = lookup.cursor

    def items(self) -> Iterator[types.CompletionItem]:
        lookup, cursor = self._lookup, self._cursor
        if cursor.in_comment or lookup.index is None:
            return
        if cursor.in_text:
            yield from self._names_in_text()
        elif cursor.is_decorator:
            yield from self._decorators()
        elif cursor.owner is not None:
            yield from self._members(cursor.owner)
        elif cursor.call is not None and cursor.call.is_decorator and cursor.call.at_name:
            yield from self._arguments(cursor.call)

    @cached_property
    def _facts(self) -> FlowFacts | None:
        compiled = self._lookup.compiled
        return FlowFacts(compiled) if compiled is not None else None

    def _names_in_text(self) -> Iterator[types.CompletionItem]:
        if self._lookup.names_artifact:
            yield from self._artifacts()
        elif self._lookup.names_step:
            flow = self._facts.flow if self._facts is not None else None
            yield from (_item(step.name, _Kind.Function, "step") for step in flow.steps if step.call) if flow else ()

    def _members(self, owner: tuple[str, ...]) -> Iterator[types.CompletionItem]:
        lookup = self._lookup
        if lookup.in_self and lookup.in_next:
            yield from self._steps()
        elif lookup.in_self:
            declared = {item.label: item for item in self._declared()}
            yield from (item for item in self._artifacts() if item.label not in declared)
            yield from declared.values()
            yield from (_item(name, _Kind.Method, text, rank=2) for name, text in _OF_FLOWSPEC.items())
        elif lookup.is_input:
            yield from self._steps(self._parents())
        elif lookup.input_arm is not None:
            yield from self._artifacts(lookup.input_arm)
        elif lookup.resolve(owner) == "current":
            yield from (_item(name, _Kind.Property, "current") for name in FACTS)

    def _steps(self, names: Iterable[str] | None = None) -> Iterator[types.CompletionItem]:
        """The steps of the flow but the one that the position is in, which a switch may lead back to: that is last."""
        flow = self._lookup.flow
        known = flow.functions if flow is not None else {}
        for name in known if names is None else names:
            function = known.get(name)
            doc = ast.get_docstring(function.function) if function is not None else None
            own = name == self._cursor.around.method
            yield _item(name, _Kind.Method, "step", doc or "", rank=1 if own else 0)

    def _parents(self) -> list[str]:
        facts = self._facts
        step = facts.flow.by_name.get(self._cursor.around.method) if facts is not None else None
        return [facts.input_name(name) for name in step.parents] if facts is not None and step is not None else []

    def _artifacts(self, arm: str | None = None) -> Iterator[types.CompletionItem]:
        """Every artifact of the flow: first those that the steps before may have set."""
        facts = self._facts
        if facts is None:
            yield from self._assigned()
            return
        step = self._cursor.around.method
        here = facts.available(step, arm)
        for name, setters in facts.artifacts.items():
            kind = facts.type_of(name, step)
            detail = f"{kind}, " if kind else ""
            yield _item(name, _Kind.Field, f"{detail}set in {', '.join(setters[:3])}", rank=0 if name in here else 1)

    def _assigned(self) -> Iterator[types.CompletionItem]:
        """What the methods assign, of a flow whose graph is not known at all."""
        flow = self._lookup.flow
        for name, uses in flow.uses.items() if flow is not None else ():
            if flow is not None and name not in flow.functions and any(use.sets for use in uses):
                yield _item(name, _Kind.Field, "artifact")

    def _declared(self) -> Iterator[types.CompletionItem]:
        flow = self._lookup.flow
        for item in flow.declared if flow is not None else ():
            kind = self._facts.type_of(item.name) if self._facts is not None else ""
            yield _item(item.name, _Kind.Property, f"{item.kind}{f', {kind}' if kind else ''}")

    def _decorators(self) -> Iterator[types.CompletionItem]:
        pipeline = is_pipeline_file(self._lookup)
        names: tuple[str, ...] = decorator_facts.STEP_DECORATORS
        if not self._cursor.indent:
            names = (*names, "pipeline") if pipeline else decorator_facts.FLOW_DECORATORS
        for name in names:
            text = decorator_facts.describe(name, in_pipeline=pipeline)
            edit = self._import(name)
            item = _item(name, _Kind.Function, "decorator", text, rank=1 if edit is not None else 0)
            item.additional_text_edits = [edit] if edit is not None else None
            yield item

    def _import(self, name: str) -> types.TextEdit | None:
        """What adds a name to the file's import from flowc, Metaflow or ZenML; `None` where it is there already."""
        index = self._lookup.index
        if index is None or index.view.names.resolve(ast.Name(id=name, ctx=ast.Load())) is not None:
            return None
        document = self._lookup.file.document
        for statement in index.view.tree.body:
            if not isinstance(statement, ast.ImportFrom) or statement.module not in ROOTS:
                continue
            last = statement.names[-1]
            line = self._lookup.lines.to_new((last.end_lineno or 1) - 1)
            end = last.end_col_offset or 0
            same = document.lines[line] == index.view.source.lines[(last.end_lineno or 1) - 1]
            if last.name != "*" and same and document.lines[line].isascii() and is_served(statement.module, name):
                place = types.Position(line, end)
                return types.TextEdit(types.Range(place, place), f", {name}")
        return None

    def _arguments(self, call: OpenCall) -> Iterator[types.CompletionItem]:
        name = self._lookup.resolve(call.callee)
        for item in (
            decorator_facts.arguments_of(name, in_pipeline=is_pipeline_file(self._lookup)) if name is not None else ()
        ):
            if item.name not in call.given:
                detail = f"{item.type} = {item.default}" if item.default else item.type
                found = _item(item.name, _Kind.Property, detail.removeprefix(" = "))
                found.insert_text = f"{item.name}="
                yield found


def _item(
    name: str, kind: types.CompletionItemKind, detail: str, documentation: str = "", rank: int = 0
) -> types.CompletionItem:
    return types.CompletionItem(
        name, kind=kind, detail=detail, sort_text=f"{rank}{name}",
        documentation=types.MarkupContent(types.MarkupKind.Markdown, documentation) if documentation else None,
    )  # fmt: skip
