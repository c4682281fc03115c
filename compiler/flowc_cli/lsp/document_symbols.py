"""The outline of a document: flows with their parameters and steps, pipelines with the calls of steps, and steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from flowc_cli.lsp.documents import span_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_cli.lsp.flow_index import IndexedFlow
    from flowc_cli.lsp.session import OpenFile
    from flowc_compiler.ir import Scope, Step
    from flowc_compiler.source import SourceFile, Span

_Kind = types.SymbolKind


def document_symbols(file: OpenFile) -> list[types.DocumentSymbol]:
    """The outline by the last text that could be parsed."""
    analysis = file.parsed
    if analysis is None or analysis.index is None or analysis.source is None:
        return []
    outline = _Outline(file, analysis.source)
    found = [outline.flow(flow) for flow in analysis.index.flows]
    own = analysis.source.name
    for name, item in analysis.index.step_functions.items():
        if item.view.source.name == own:
            found.append(outline.symbol(name, "step", _Kind.Function, item.view.span(item.function), item.name_span))
    return sorted(found, key=lambda symbol: (symbol.range.start.line, symbol.range.start.character))


class _Outline:
    def __init__(self, file: OpenFile, source: SourceFile) -> None:
        self._file = file
        self._source = source

    def flow(self, flow: IndexedFlow) -> types.DocumentSymbol:
        kind, detail = (_Kind.Function, "pipeline") if flow.is_pipeline else (_Kind.Class, "flow")
        found = self.symbol(flow.name, detail, kind, flow.view.span(flow.node), flow.name_span)
        members = self._calls(flow) if flow.is_pipeline else self._members(flow)
        found.children = sorted(members, key=lambda symbol: symbol.range.start.line)
        return found

    def _members(self, flow: IndexedFlow) -> Iterator[types.DocumentSymbol]:
        """The parameters and steps that stand in the file itself."""
        compiled = self._file.flows.get(flow.name)
        steps = compiled[0].flow.by_name if compiled is not None else {}
        for item in flow.declared:
            span = item.view.span(item.statement)
            if span.file == self._source.name:
                yield self.symbol(item.name, item.kind, _Kind.Property, span, span)
        for name, step in flow.functions.items():
            if step.name_span.file == self._source.name:
                kind = steps[name].kind if name in steps else "linear"
                detail = "step" if kind == "linear" else f"step: {kind}"
                yield self.symbol(name, detail, _Kind.Method, step.view.span(step.function), step.name_span)

    def _calls(self, flow: IndexedFlow) -> Iterator[types.DocumentSymbol]:
        """The calls of steps in the text of a pipeline, as far as the pipelines of the file are known."""
        first, last = flow.node.lineno, flow.node.end_lineno or 0
        seen: set[Span] = set()
        for compiled, analysis in self._file.flows.values():
            for step in compiled.flow.steps if analysis is self._file.parsed else ():
                here = step.span.file == self._source.name and first <= step.span.line and step.span.end_line <= last
                if step.call is not None and here and step.span not in seen:
                    seen.add(step.span)
                    detail = "mapped call" if _is_mapped(step, compiled.flow.scope_by_id) else "call"
                    yield self.symbol(step.name, detail, _Kind.Event, step.span, step.span)

    def symbol(
        self, name: str, detail: str, kind: types.SymbolKind, whole: Span, selection: Span
    ) -> types.DocumentSymbol:
        """One entry."""
        encoding, lines = self._file.document.encoding, self._source.lines
        return types.DocumentSymbol(
            name, kind, span_range(whole, lines, encoding), span_range(selection, lines, encoding), detail=detail
        )


def _is_mapped(step: Step, scopes: Mapping[str, Scope]) -> bool:
    """Whether a step runs once for each of several items."""
    scope: Scope | None = scopes[step.scope]
    while scope is not None:
        if scope.kind == "foreach":
            return True
        scope = scopes[scope.parent] if scope.parent is not None else None
    return False
