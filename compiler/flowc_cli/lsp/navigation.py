"""Where steps and artifacts are defined and used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from flowc_cli.lsp.documents import span_range, uri_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowc_cli.lsp.flow_index import NameUse
    from flowc_cli.lsp.symbol_lookup import Lookup, Symbol
    from flowc_compiler.source import Span


def definition(lookup: Lookup) -> list[types.Location]:
    """Where the step at a position is defined, or where the artifact is set."""
    symbol = lookup.symbol
    if symbol is None:
        return []
    spans = [use.span for use in _uses(symbol) if use.sets]
    if symbol.kind == "step" and not spans:
        spans = list(_calls(lookup, symbol.name))
    return list(locations(lookup, spans))


def references(lookup: Lookup, *, with_definition: bool) -> list[types.Location]:
    """Every place that names the step or the artifact at a position."""
    symbol = lookup.symbol
    if symbol is None:
        return []
    uses = _uses(symbol)
    hidden = symbol.kind == "step" and not with_definition
    return list(locations(lookup, (use.span for use in uses if not (use.sets and hidden))))


def _uses(symbol: Symbol) -> Iterable[NameUse]:
    if symbol.kind == "decorator" or symbol.flow is None:
        return ()
    return symbol.flow.uses.get(symbol.name, ())


def _calls(lookup: Lookup, name: str) -> Iterator[Span]:
    """The calls of a pipeline that make a step of that name, which is not always the function's."""
    if lookup.compiled is not None:
        yield from (step.span for step in lookup.compiled.flow.steps if step.name == name and step.call is not None)


def locations(lookup: Lookup, spans: Iterable[Span]) -> Iterator[types.Location]:
    """Spans of the last good text as places of the current one; in other files as they were read."""
    document = lookup.file.document
    own = document.path.as_posix()
    analysis = lookup.analysis
    for span in spans:
        source = analysis.sources.get(span.file) if analysis is not None else None
        if source is None:
            continue
        found = span_range(span, source.lines, document.encoding)
        if span.file != own:
            yield types.Location(uri_of(span.file), found)
            continue
        moved = (lookup.lines.to_new(found.start.line), lookup.lines.to_new(found.end.line))
        start = types.Position(moved[0], found.start.character)
        yield types.Location(document.uri, types.Range(start, types.Position(moved[1], found.end.character)))
