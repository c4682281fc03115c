"""What an editor shows of the name under the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from flowc_cli.lsp.flow_facts import FlowFacts, code_names

if TYPE_CHECKING:
    from flowc_cli.lsp.symbol_lookup import Lookup, Symbol
    from flowc_compiler.ir import Step


def hover(lookup: Lookup) -> types.Hover | None:
    """The step, artifact, parameter or decorator at a position; `None` for anything else."""
    symbol = lookup.symbol
    text = _text(lookup, symbol) if symbol is not None else None
    if symbol is None or not text:
        return None
    line, column = lookup.place
    start = column - len(symbol.cursor.prefix)
    document = lookup.file.document
    found = types.Range(document.position(line, start), document.position(line, start + len(symbol.cursor.word)))
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), found)


def _text(lookup: Lookup, symbol: Symbol) -> str | None:
    if symbol.kind == "decorator":
        from flowc_cli.lsp.decorator_facts import describe

        name = lookup.resolve((*(symbol.cursor.owner or ()), symbol.name)) or symbol.name
        return describe(name, in_pipeline=is_pipeline_file(lookup))
    compiled = lookup.compiled_as(symbol.flow)
    if compiled is None:
        return None
    facts = FlowFacts(compiled)
    if symbol.kind == "artifact":
        return facts.artifact(symbol.name, symbol.cursor.around.method)
    if symbol.flow is not None and not symbol.flow.is_pipeline:
        return facts.step(symbol.name) if symbol.name in facts.flow.by_name else None
    names = [step.name for step in _called_steps(lookup, symbol.name)]
    several = f"{len(names)} steps: {code_names(names)}" if len(names) > 1 else ""
    parts = [several, *(facts.step(name) for name in names[:_MOST])]
    return "\n\n---\n\n".join(part for part in parts if part) or None


def _called_steps(lookup: Lookup, name: str) -> list[Step]:
    """The steps that a pipeline makes of a function: that of the call at the position, or else all."""
    compiled = lookup.compiled_as(lookup.flow)
    if compiled is None:
        return []
    line, column = lookup.lines.to_old(lookup.place[0]) + 1, lookup.place[1] + 1
    real = [step for step in compiled.flow.steps if step.call is not None]
    found = [step for step in real if step.call is not None and step.call.function.rpartition(".")[2] == name]
    found = found or [step for step in real if step.name == name]
    here = [
        step
        for step in found
        if (step.span.line, step.span.column) <= (line, column) <= (step.span.end_line, step.span.end_column)
        and step.span.file == compiled.flow.file
    ]
    return here or found


_MOST = 3
"""Steps that one text shows in full."""


def is_pipeline_file(lookup: Lookup) -> bool:
    """Whether a position is in a file of pipelines, and in no class."""
    index = lookup.index
    if lookup.flow is not None:
        return lookup.flow.is_pipeline
    return index is not None and not lookup.cursor.around.owner and bool(index.step_functions)
