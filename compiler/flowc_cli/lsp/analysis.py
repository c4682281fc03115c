"""What checking one open document finds: its diagnostics, its flows, and the files that were read for them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_cli.checking import CheckOptions, check_file
from flowc_cli.flow_options import flow_options
from flowc_cli.lsp.flow_index import FlowIndex
from flowc_compiler.filesystem import held_in_memory

if TYPE_CHECKING:
    from flowc_cli.lsp.documents import Document
    from flowc_compiler.diagnostics import Diagnostic
    from flowc_compiler.driver import Compilation
    from flowc_compiler.source import SourceFile

_MAY_HAVE_FLOWS = re.compile(r"\b(?:flowc|metaflow|zenml|FlowSpec|pipeline|step)\b")
"""Nothing is evaluated of other files: an editor opens whatever is written in Python."""
_NO_FLOW = "FC102"
_MISSING = frozenset({"FC201", "FC206"})
"""What a class says that another one completes: it has no start or end, and leads to steps that it does not have."""
_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Analysis:
    """What one version of a document is, together with the others that were open."""

    document: Document
    diagnostics: tuple[Diagnostic, ...]
    compilations: tuple[Compilation, ...]
    """The flows without errors."""
    sources: Mapping[str, SourceFile]
    """The files that were read, by the names that spans give them."""
    texts: Mapping[Path, str]
    """What the open documents held."""
    seconds: float
    """Of the processor, that it took."""

    @cached_property
    def source(self) -> SourceFile | None:
        """The document's own file."""
        return self.sources.get(self.document.path.as_posix())

    @cached_property
    def is_parsed(self) -> bool:
        """Whether the document itself can be read."""
        name = self.document.path.as_posix()
        return not any(item.code == "FC101" and item.span and item.span.file == name for item in self.diagnostics)

    @cached_property
    def index(self) -> FlowIndex | None:
        """The flows by their text, whether or not they compile; `None` where the file cannot be parsed."""
        with held_in_memory(self.texts):
            return FlowIndex.of(self.source) if self.source is not None else None


def analyze(document: Document, texts: Mapping[Path, str]) -> Analysis:
    """Check a document as `flowc check` does, where the open documents have these texts.

    A file without flows has no diagnostics.
    """
    began = time.thread_time()
    if not _MAY_HAVE_FLOWS.search(document.text):
        return Analysis(document, (), (), {}, texts, time.thread_time() - began)
    with held_in_memory(texts):
        sink, compilations = check_file(document.path, CheckOptions(flow_options(None, None, None, None)))
    return Analysis(
        document,
        _shown(sink.diagnostics, document.text),
        tuple(compilations),
        dict(sink.sources),
        texts,
        time.thread_time() - began,
    )


def _shown(found: tuple[Diagnostic, ...], text: str) -> tuple[Diagnostic, ...]:
    """The diagnostics without those that a file has since it has no flow, or base classes of flows of other files."""
    codes = {item.code for item in found}
    if _NO_FLOW in codes:
        return ()
    if "FC206" not in codes or any(re.search(rf"^[ \t]*{name}\(", text, re.MULTILINE) for name in _CLASS.findall(text)):
        return found
    return tuple(item for item in found if item.code not in _MISSING)
