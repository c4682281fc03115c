"""Diagnostics and the sink that collects them: all problems of one run, then one failure."""

from __future__ import annotations

from dataclasses import replace

from flowc_compiler.diagnostics.codes import CODES, IGNORABLE_ERRORS
from flowc_compiler.diagnostics.diagnostic import Diagnostic
from flowc_compiler.diagnostics.fix import Fix
from flowc_compiler.diagnostics.severities import ALL, Reported, Severities, reported, unused
from flowc_compiler.source import SourceFile, Span


class FlowcError(Exception):
    """Compilation failed: `diagnostics` says why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics

    @classmethod
    def of(cls, code: str, message: str, *, help: str, span: Span | None = None) -> FlowcError:
        """A failure with one error."""
        return cls((Diagnostic(code=code, severity="error", message=message, help=help, span=span),))


class DiagnosticSink:
    """Collects diagnostics, and the files that were read, whose lines are shown with them."""

    def __init__(self) -> None:
        self._items: dict[Diagnostic, None] = {}
        self.sources: dict[str, SourceFile] = {}
        """The files that were read, by the name that spans give them."""
        self.notes: dict[tuple[str, Span], None] = {}
        """What an analysis could not know, and where: nothing is wrong there."""
        self.severities: Severities = ALL
        """What is ignored, and which warnings are errors, beside the comments in the files."""
        self.complete = True
        """Whether every analysis has seen the flow."""
        self._needed = False
        self._softened: set[tuple[str, Span]] = set()
        self._reported: tuple[tuple[object, ...], Reported] | None = None

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is reported, in source order: by file, line, column, then code. What has no span comes first."""
        return tuple(sorted(self._report().diagnostics, key=_order))

    @property
    def collected(self) -> tuple[Diagnostic, ...]:
        """What was collected, be it ignored or not, in that order."""
        return tuple(self._items)

    @property
    def failed(self) -> bool:
        """Whether an error is reported."""
        return any(item.severity == "error" for item in self._report().diagnostics)

    @property
    def has_errors(self) -> bool:
        """Whether an error was collected, be it ignored or not."""
        return any(item.severity == "error" for item in self._items)

    def add_source(self, source: SourceFile) -> None:
        """Keep a file that was read: diagnostics about it are shown with its lines."""
        self.sources[source.name] = source

    def nested(self) -> DiagnosticSink:
        """A sink for a part of the work, which reports as this one does."""
        inner = DiagnosticSink()
        inner.sources, inner.severities = dict(self.sources), self.severities
        return inner

    def require_all(self) -> None:
        """Ignore no errors: there is no flow without what they are about."""
        self._needed = True

    def report_unused_comments(self, source: SourceFile) -> None:
        """Collect FC120 for comments of a file that ignore nothing, if every analysis has seen its flows."""
        if self.complete and all(item.severity == "warning" or item.code in IGNORABLE_ERRORS for item in self._items):
            for item in unused(source, self._report(), complete=not self.failed):
                self._add(item)

    def error(
        self, code: str, message: str, span: Span | None, *, help: str = "", label: str = "", fix: Fix | None = None
    ) -> None:
        """Collect an error. `code` must be in CODES."""
        self._add(Diagnostic(code, "error", message, span, label, help, fix=fix))

    def warning(self, code: str, message: str, span: Span | None, *, help: str = "", label: str = "") -> None:
        """Collect a warning: the output is right, and the user should know something about it."""
        self._add(Diagnostic(code, "warning", message, span, label, help))

    def unsupported(self, code: str, target: str, message: str, span: Span | None, *, help: str = "") -> None:
        """Collect an error about something that `target` cannot express, with the way out in `help`."""
        self._add(Diagnostic(code, "error", f"{message} (target {target})", span, help=help, target=target))

    def soften(self, code: str, span: Span) -> None:
        """Make warnings of errors with a code at a place, collected already or later: the flow works without it."""
        self._softened.add((code, span))
        items, self._items, self._reported = self._items, {}, None
        for item in items:
            self._add(item)

    def note(self, message: str, span: Span) -> None:
        """Keep what an analysis could not know, for those who ask for it."""
        self.notes.setdefault((message, span))

    def extend(self, other: DiagnosticSink) -> None:
        """Collect what another sink has."""
        for code, span in other._softened - self._softened:
            self.soften(code, span)
        for item in other._items:
            self._add(item)
        self.sources.update(other.sources)
        self.notes.update(other.notes)
        self.complete = self.complete and other.complete
        self._needed = self._needed or other._needed
        if other.severities != ALL:
            self.severities = other.severities

    def raise_if_failed(self) -> None:
        """Raise FlowcError with everything collected when there is an error among it."""
        if self.failed:
            raise FlowcError(self.diagnostics)

    def _report(self) -> Reported:
        key = (len(self._items), len(self.sources), self.severities, self._needed)
        if self._reported is None or self._reported[0] != key:
            self._reported = key, reported(self._items, self.sources, self.severities, needed=self._needed)
        return self._reported[1]

    def _add(self, diagnostic: Diagnostic) -> None:
        assert diagnostic.code in CODES, f"{diagnostic.code} is not registered in diagnostics/codes.py"
        if diagnostic.span is not None and (diagnostic.code, diagnostic.span) in self._softened:
            diagnostic = replace(diagnostic, severity="warning", fix=None)
        self._items.setdefault(diagnostic)


def _order(item: Diagnostic) -> tuple[str, int, int, str]:
    span = item.span
    return (span.file, span.line, span.column, item.code) if span else ("", 0, 0, item.code)
