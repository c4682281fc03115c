"""The documents of one editor, what is known of each, and which are checked again when one changes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from flowc_cli.lsp.documents import Document, Encoding, path_of, uri_of

if TYPE_CHECKING:
    from flowc_cli.lsp.analysis import Analysis
    from flowc_compiler.driver import Compilation


class OpenFile:
    """An open document and its last checks."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.latest: Analysis | None = None
        self.parsed: Analysis | None = None
        """The last one whose text could be parsed."""
        self.flows: dict[str, tuple[Compilation, Analysis]] = {}
        """Each flow of that text, by its name; with errors, as far as its graph is known."""
        self.checked = asyncio.Event()
        """Set when the first check has ended, in whatever way."""

    def accept(self, analysis: Analysis) -> None:
        """Take over what a check found. What cannot be read leaves the last good state in its place."""
        self.latest = analysis
        if analysis.is_parsed:
            self.parsed = analysis
            self.flows = {item.flow.name: (item, analysis) for item in analysis.compilations}


class Session:
    """All open documents, by their URIs."""

    def __init__(self) -> None:
        self.files: dict[str, OpenFile] = {}
        self.encoding: Encoding = "utf-16"
        self.root = Path.cwd()
        """The folder that documents without a file are seen in."""

    def open(self, uri: str, version: int, text: str) -> OpenFile:
        """A document that the editor has opened."""
        path = path_of(uri) or self.root / f"{Path(uri).name.partition(':')[2] or 'untitled'}.py"
        self.files[uri] = OpenFile(Document(uri, path, version, text, self.encoding))
        return self.files[uri]

    def uri_for(self, path: str) -> str:
        """The URI of a file: that of the document, if it is open, since editors escape characters in their own ways."""
        open_files = (file.document for file in self.files.values())
        return next((item.uri for item in open_files if item.path.as_posix() == path), uri_of(path))

    def texts(self) -> Mapping[Path, str]:
        """The texts of all open documents, by their paths."""
        return {file.document.path: file.document.plain for file in self.files.values()}

    def readers_of(self, changed: Path) -> Iterator[OpenFile]:
        """The open documents whose last check has read a file."""
        real = os.path.realpath(changed)
        for file in self.files.values():
            sources = file.latest.sources.values() if file.latest is not None else ()
            if any(os.path.realpath(source.path) == real for source in sources):
                yield file
