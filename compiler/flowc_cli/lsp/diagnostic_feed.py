"""Diagnostics as an editor gets them: those of each file, from the checks of all open flows that read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lsprotocol import types

from flowc_cli.lsp.documents import Encoding, span_range, uri_of
from flowc_compiler.diagnostics.pages import page_address

if TYPE_CHECKING:
    from flowc_cli.lsp.analysis import Analysis
    from flowc_compiler.diagnostics import Diagnostic
    from flowc_compiler.source import SourceFile

_SEVERITIES = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}
SOURCE = "flowc"
"""What editors show beside a diagnostic."""


class Shown(NamedTuple):
    """A diagnostic, as it is and as it is sent."""

    item: Diagnostic
    source: SourceFile | None
    """The text that it is about."""
    sent: types.Diagnostic


class DiagnosticFeed:
    """What is shown of each file. A file has the diagnostics of every open flow that reads it, each once."""

    def __init__(
        self, send: Callable[[types.PublishDiagnosticsParams], None], uri_for: Callable[[str], str] = uri_of
    ) -> None:
        """`uri_for` gives the URI of a file."""
        self._send = send
        self._uri_for = uri_for
        self._by_owner: dict[str, dict[str, list[Shown]]] = {}

    def update(self, owner: str, analysis: Analysis) -> None:
        """Show what a check found in place of what the check of the same document had found."""
        found = shown_by_file(analysis, self._uri_for)
        before = self._by_owner.get(owner, {})
        self._by_owner[owner] = {uri: shown for uri, shown in found.items() if shown}
        for uri in dict.fromkeys((owner, *before, *found)):
            self._publish(uri, analysis.document.version if uri == owner else None)

    def remove(self, owner: str) -> None:
        """Show no longer what the check of a document had found."""
        for uri in self._by_owner.pop(owner, {}):
            self._publish(uri, None)

    def of(self, uri: str) -> list[Shown]:
        """What is shown of a file."""
        return list(
            {
                (_place(shown.sent.range), shown.item.code, shown.item.message): shown
                for found in self._by_owner.values()
                for shown in found.get(uri, ())
            }.values()
        )

    def _publish(self, uri: str, version: int | None) -> None:
        sent = [shown.sent for shown in self.of(uri)]
        self._send(types.PublishDiagnosticsParams(uri, sent, version))


def _place(found: types.Range) -> tuple[int, int, int, int]:
    return found.start.line, found.start.character, found.end.line, found.end.character


def shown_by_file(analysis: Analysis, uri_for: Callable[[str], str] = uri_of) -> Mapping[str, list[Shown]]:
    """The diagnostics of a check, by the URI of the file that they are about: by default the document itself."""
    document = analysis.document
    found: dict[str, list[Shown]] = {document.uri: []}
    for item in analysis.diagnostics:
        own = item.span is None or item.span.file == document.path.as_posix()
        source = analysis.source if own else analysis.sources.get(item.span.file if item.span is not None else "")
        uri = document.uri if own or item.span is None else uri_for(item.span.file)
        lines = source.lines if source is not None else [""]
        found.setdefault(uri, []).append(Shown(item, source, _sent(item, lines, document.encoding)))
    return found


def _sent(item: Diagnostic, lines: list[str], encoding: Encoding) -> types.Diagnostic:
    address = page_address(item.code)
    return types.Diagnostic(
        range=span_range(item.span, lines, encoding),
        message=f"{item.message}\n{item.help}" if item.help else item.message,
        severity=_SEVERITIES[item.severity],
        code=item.code,
        code_description=types.CodeDescription(address) if address else None,
        source=SOURCE,
    )
