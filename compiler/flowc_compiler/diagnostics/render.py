"""Diagnostics as text, in the shape that rustc made familiar."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from flowc_compiler.diagnostics.sink import Diagnostic

Paint = Callable[[str, str], str]
"""(text, style) to text, where style is `error`, `warning`, `line`, `help` or `bold`."""

_ANSI = {"error": "1;31", "warning": "1;33", "line": "1;34", "help": "1;32", "bold": "1"}


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, Sequence[str]], *, color: bool = False) -> str:
    """All diagnostics as text. `sources` maps file names, as spans have them, to lines; without them no excerpt."""
    paint = _ansi if color else _plain
    return "\n".join(_one(item, sources, paint) for item in diagnostics)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """The closing line: how many errors and warnings there are."""
    parts: list[str] = []
    for severity in ("error", "warning"):
        count = sum(item.severity == severity for item in diagnostics)
        if count:
            parts.append(f"{count} {severity}{'s' if count > 1 else ''}")
    return ", ".join(parts)


def _one(item: Diagnostic, sources: Mapping[str, Sequence[str]], paint: Paint) -> str:
    lines = [paint(f"{item.severity}[{item.code}]", item.severity) + paint(f": {item.message}", "bold")]
    gutter = ""
    if item.span is not None:
        gutter = " " * len(str(item.span.line))
        lines.append(f"{gutter}{paint('-->', 'line')} {item.span}")
        text = sources.get(item.span.file)
        if text is not None and item.span.line <= len(text):
            lines.extend(_excerpt(item, text[item.span.line - 1], gutter, paint))
    if item.help:
        lines.append(f"{gutter} {paint('=', 'line')} {paint('help', 'help')}: {item.help}")
    return "\n".join(lines) + "\n"


def _excerpt(item: Diagnostic, line: str, gutter: str, paint: Paint) -> list[str]:
    span = item.span
    assert span is not None
    line = line.expandtabs(1)
    end = span.end_column if span.end_line == span.line else len(line.rstrip()) + 1
    marks = "^" * max(1, end - span.column)
    bar = paint("|", "line")
    label = f" {item.label}" if item.label else ""
    return [
        f"{gutter} {bar}",
        f"{paint(str(span.line), 'line')} {bar} {line.rstrip()}",
        f"{gutter} {bar} {' ' * (span.column - 1)}{paint(marks + label, item.severity)}",
    ]


def _plain(text: str, style: str) -> str:
    del style
    return text


def _ansi(text: str, style: str) -> str:
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m"
