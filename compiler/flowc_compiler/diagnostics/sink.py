"""Diagnostics and the sink that collects them: all problems of one run, then one failure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from flowc_compiler.diagnostics.codes import CODES
from flowc_compiler.diagnostics.fix import Fix
from flowc_compiler.source import SourceFile, Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Diagnostic:
    """One problem: what it is (`code`), where (`span`), what is wrong there (`message`) and the way out (`help`)."""

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    """A few words printed beneath the marked source."""
    help: str = ""
    target: str | None = None
    """The target that cannot express it; `None` when it is wrong everywhere."""
    fix: Fix | None = None
    """What `help` proposes, where that is certain."""


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

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything collected, in source order: by file, line, column, then code. What has no span comes first."""
        return tuple(sorted(self._items, key=_order))

    @property
    def failed(self) -> bool:
        """Whether an error was collected."""
        return any(item.severity == "error" for item in self._items)

    def add_source(self, source: SourceFile) -> None:
        """Keep a file that was read: diagnostics about it are shown with its lines."""
        self.sources[source.name] = source

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

    def note(self, message: str, span: Span) -> None:
        """Keep what an analysis could not know, for those who ask for it."""
        self.notes.setdefault((message, span))

    def extend(self, other: DiagnosticSink) -> None:
        """Collect what another sink has."""
        self._items.update(other._items)
        self.sources.update(other.sources)
        self.notes.update(other.notes)

    def raise_if_failed(self) -> None:
        """Raise FlowcError with everything collected when there is an error among it."""
        if self.failed:
            raise FlowcError(self.diagnostics)

    def _add(self, diagnostic: Diagnostic) -> None:
        assert diagnostic.code in CODES, f"{diagnostic.code} is not registered in diagnostics/codes.py"
        self._items.setdefault(diagnostic)


def _order(item: Diagnostic) -> tuple[str, int, int, str]:
    span = item.span
    return (span.file, span.line, span.column, item.code) if span else ("", 0, 0, item.code)
