"""What checking one open document finds: its diagnostics, its flows, and the files that were read for them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_cli.batch.flow_evidence import Evidence, evidence_in
from flowc_cli.checking import CheckOptions, check_file
from flowc_cli.flow_options import flow_options
from flowc_cli.lsp.flow_index import FlowIndex
from flowc_compiler.filesystem import held_in_memory

if TYPE_CHECKING:
    from flowc_cli.lsp.documents import Document
    from flowc_compiler.diagnostics import Diagnostic
    from flowc_compiler.driver import Compilation
    from flowc_compiler.source import SourceFile

_NO_FLOW = "FC102"
_WEAK = frozenset({"FC101", _NO_FLOW, "FC114"})
"""What is found in files that have no flow."""
_MISSING = frozenset({"FC201", "FC206"})
"""What a class says that another one completes: it has no start or end, and leads to steps that it does not have."""


@dataclass(frozen=True)
class Analysis:
    """What one version of a document is, together with the others that were open."""

    document: Document
    diagnostics: tuple[Diagnostic, ...]
    compilations: tuple[Compilation, ...]
    """Its flows; those with errors as far as their graphs are known."""
    sources: Mapping[str, SourceFile]
    """The files that were read, by the names that spans give them."""
    texts: Mapping[Path, str]
    """What the open documents held."""
    is_parsed: bool
    """Whether the document itself could be read."""
    seconds: float
    """Of the processor, that it took."""

    @cached_property
    def source(self) -> SourceFile | None:
        """The document's own file."""
        return self.sources.get(self.document.path.as_posix())

    @cached_property
    def index(self) -> FlowIndex | None:
        """The flows by their text, whether or not they compile; `None` where the file cannot be parsed."""
        with held_in_memory(self.texts):
            return FlowIndex.of(self.source) if self.source is not None else None


def analyze(document: Document, texts: Mapping[Path, str]) -> Analysis:
    """Check a document as `flowc check` does, where the open documents have these texts.

    A file without flows has no diagnostics, and nothing of most of them is evaluated.
    """
    began = time.thread_time()
    evidence = evidence_in(document.text.encode(errors="replace"))
    if not (evidence.imports or evidence.classes or evidence.pipelines):
        return Analysis(document, (), (), {}, texts, is_parsed=True, seconds=time.thread_time() - began)
    with held_in_memory(texts):
        sink, compilations, partial = check_file(document.path, CheckOptions(flow_options(None, None, None, None)))
        called = tuple(_called_flows(document.path, (*compilations, *partial)))
        for item in (*partial, *called):
            if item.effects is not None:
                item.effects()  # reads local modules, if no pass did
    found, name = sink.diagnostics, document.path.as_posix()
    return Analysis(
        document, _shown(found, evidence), (*compilations, *partial, *called), dict(sink.sources), texts,
        is_parsed=not any(item.code == "FC101" and item.span and item.span.file == name for item in found),
        seconds=time.thread_time() - began,
    )  # fmt: skip


def _called_flows(path: Path, callers: tuple[Compilation, ...]) -> Iterator[Compilation]:
    """The flows that others of the same file call, each by itself. Their mistakes are found with the callers."""
    known, pending = {item.flow.name for item in callers}, list(callers)
    while pending:
        for spec in [step.specs.called for step in pending.pop().flow.steps]:
            if spec is None or spec.flow in known or Path(spec.file) != path:
                continue
            known.add(spec.flow)
            checked = check_file(path, CheckOptions(flow_options(spec.flow, None, None, None)))
            found = (*checked.compilations, *checked.partial)
            pending += found
            yield from found


def _shown(found: tuple[Diagnostic, ...], evidence: Evidence) -> tuple[Diagnostic, ...]:
    """The diagnostics without those that a file has since it has no flow, or base classes of flows of other files."""
    codes = {item.code for item in found}
    if _NO_FLOW in codes or (not evidence.imports and codes <= _WEAK):
        return ()
    if "FC206" in codes and not evidence.called:
        return tuple(item for item in found if item.code not in _MISSING)
    return found
