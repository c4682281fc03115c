"""What a check found in one file, as processes and the cache pass it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowc_compiler.diagnostics import Diagnostic, Fix
from flowc_compiler.source import SourceFile, Span


@dataclass(frozen=True)
class FileReport:
    """The diagnostics of a file and its flows."""

    diagnostics: tuple[Diagnostic, ...] = ()
    notes: tuple[tuple[str, Span], ...] = ()
    """What could not be known, for `-v`."""
    flows: tuple[tuple[str, int], ...] = ()
    """The names of the flows without errors, and how many steps each has."""
    names: tuple[str, ...] = ()
    """The names of the flows that the file defines. Only known where there are errors."""
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    """The names of the files that diagnostics point into, and their paths."""
    variables: tuple[str, ...] = ()
    """The variables of the environment that were read."""
    failure: str = ""
    """A fault of flowc that ended the check."""

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(item.severity == "error" for item in self.diagnostics)

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return {
            "diagnostics": [_plain(item) for item in self.diagnostics],
            "notes": [[message, _numbers(span)] for message, span in self.notes],
            "flows": [list(item) for item in self.flows],
            "names": list(self.names),
            "sources": dict(self.sources),
            "variables": list(self.variables),
        }

    @classmethod
    def from_json(cls, data: Any) -> FileReport:
        """The report that plain data stands for. Raises KeyError, TypeError, ValueError or AttributeError for other."""
        return cls(
            tuple(_diagnostic(item) for item in data["diagnostics"]),
            tuple((str(message), _span(span)) for message, span in data["notes"]),
            tuple((str(name), int(steps)) for name, steps in data["flows"]),
            tuple(map(str, data["names"])),
            {str(name): str(path) for name, path in data["sources"].items()},
            tuple(map(str, data["variables"])),
        )

    def read_sources(self) -> dict[str, SourceFile]:
        """The files that diagnostics point into, as they are now."""
        from flowc_compiler.diagnostics import DiagnosticSink
        from flowc_compiler.syntax.source_reading import read_source

        ignored = DiagnosticSink()
        found = ((name, read_source(Path(path), ignored, name)) for name, path in self.sources.items())
        return {name: source for name, source in found if source is not None}


def _plain(item: Diagnostic) -> dict[str, Any]:
    fix = item.fix.__dict__ if item.fix is not None else None
    return {**item.__dict__, "span": _numbers(item.span) if item.span is not None else None, "fix": fix}


def _diagnostic(data: Any) -> Diagnostic:
    fields: dict[str, Any] = {**data}
    if fields["severity"] not in {"error", "warning"} or not all(isinstance(fields[name], str) for name in _TEXTS):
        raise ValueError("not a diagnostic")
    fields["span"] = _span(data["span"]) if data["span"] is not None else None
    fields["fix"] = Fix(**data["fix"]) if data["fix"] is not None else None
    return Diagnostic(**fields)


_TEXTS = ("code", "message", "label", "help")


def _numbers(span: Span) -> list[str | int]:
    return [span.file, span.line, span.column, span.end_line, span.end_column]


def _span(data: Any) -> Span:
    file, line, column, end_line, end_column = data
    return Span(str(file), int(line), int(column), int(end_line), int(end_column))
