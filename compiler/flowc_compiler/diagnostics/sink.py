"""Diagnostics and the sink that collects them: all problems of one run, then one failure."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from flowc_compiler.diagnostics.codes import CODES
from flowc_compiler.source import Span

Severity = Literal["error", "warning"]


class Diagnostic(BaseModel):
    """One problem: what it is (`code`), where (`span`), what is wrong there (`message`) and the way out (`help`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    severity: Severity
    message: str
    span: Span | None = None
    label: str = ""
    """A few words printed beneath the marked source."""
    help: str = ""
    target: str | None = None
    """The target that cannot express it; `None` when it is wrong everywhere."""


class FlowcError(Exception):
    """Compilation failed: `diagnostics` says why."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("; ".join(f"{d.code}: {d.message}" for d in diagnostics))
        self.diagnostics = diagnostics

    @classmethod
    def of(cls, code: str, message: str, *, help: str, span: Span | None = None) -> FlowcError:
        """The failure that one error is."""
        return cls((Diagnostic(code=code, severity="error", message=message, help=help, span=span),))


class DiagnosticSink:
    """Collects diagnostics in the order they are found."""

    def __init__(self) -> None:
        self._items: dict[Diagnostic, None] = {}

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Everything collected, in source order: by file, line, column, then code. What has no span comes first."""
        return tuple(sorted(self._items, key=_order))

    @property
    def failed(self) -> bool:
        """Whether an error was collected."""
        return any(item.severity == "error" for item in self._items)

    def error(self, code: str, message: str, span: Span | None, *, help: str = "", label: str = "") -> None:
        """Collect an error. `code` must be in CODES."""
        self._add(Diagnostic(code=_known(code), severity="error", message=message, span=span, help=help, label=label))

    def warning(self, code: str, message: str, span: Span | None, *, help: str = "", label: str = "") -> None:
        """Collect a warning: the output is right, and the user should know something about it."""
        self._add(Diagnostic(code=_known(code), severity="warning", message=message, span=span, help=help, label=label))

    def unsupported(self, code: str, target: str, message: str, span: Span | None, *, help: str = "") -> None:
        """Collect an error about something that `target` cannot express, with the way out in `help`."""
        text = f"{message} (target {target})"
        self._add(Diagnostic(code=_known(code), severity="error", message=text, span=span, help=help, target=target))

    def raise_if_failed(self) -> None:
        """Raise FlowcError with everything collected when there is an error among it."""
        if self.failed:
            raise FlowcError(self.diagnostics)

    def _add(self, diagnostic: Diagnostic) -> None:
        self._items.setdefault(diagnostic)


def _known(code: str) -> str:
    assert code in CODES, f"{code} is not registered in diagnostics/codes.py"
    return code


def _order(item: Diagnostic) -> tuple[str, int, int, str]:
    span = item.span
    return (span.file, span.line, span.column, item.code) if span else ("", 0, 0, item.code)
