"""Diagnostics as text in the shape that rustc made familiar, JSON, SARIF 2.1.0, and GitHub's workflow commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowc_compiler.diagnostics.codes import CODES
from flowc_compiler.diagnostics.diagnostic import Diagnostic
from flowc_compiler.diagnostics.pages import documentation_address, page_address
from flowc_compiler.diagnostics.terminal_text import visible, visible_json
from flowc_compiler.source import SourceFile, Span

_ANSI = {"error": "1;31", "warning": "1;33", "line": "1;34", "help": "1;32", "bold": "1"}

_LONGEST_LINE = 400
"""Characters of a source's line that are shown."""

_Paint = Callable[[str, str], str]
"""(text, style) to text, where style is a key of _ANSI."""


def render_text(diagnostics: Iterable[Diagnostic], sources: Mapping[str, SourceFile], *, color: bool = False) -> str:
    """All diagnostics for a terminal, without control characters from the user's files.

    `sources` maps the file names of spans to the files; a diagnostic about another file is shown without its line. The
    first one of each code has the address of its page.
    """
    paint = _ansi if color else _plain
    shown: set[str] = set()
    texts: list[str] = []
    for item in diagnostics:
        texts.append(_text(item, sources, paint, page_address(item.code) if item.code not in shown else ""))
        shown.add(item.code)
    return "\n".join(texts)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """The closing line: how many errors and warnings there are."""
    counts = {name: sum(item.severity == name for item in diagnostics) for name in ("error", "warning")}
    return ", ".join(counted(count, name) for name, count in counts.items() if count)


def counted(count: int, name: str) -> str:
    """A number of things, as in `3 files`."""
    return f"{count} {name}{'' if count == 1 else 's'}"


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """An object with a `diagnostics` array, each with the fields of Diagnostic and the address of its page."""
    items = [
        {
            **item.__dict__,
            "span": None if item.span is None else _span(item.span),
            "fix": None if item.fix is None else item.fix.__dict__,
            "page": page_address(item.code) or None,
        }
        for item in diagnostics
    ]
    return visible_json(json.dumps({"version": 1, "diagnostics": items}, indent=2, ensure_ascii=False)) + "\n"


def render_sarif(diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceFile], version: str) -> str:
    """A SARIF log of one run; `version` is flowc's own."""
    used = sorted({item.code for item in diagnostics})
    base = documentation_address()
    address = {"informationUri": base} if base else {}
    run = {
        "tool": {"driver": {"name": "flowc", "version": version, **address, "rules": list(map(_rule, used))}},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif(item, sources) for item in diagnostics],
    }
    log = {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}
    return visible_json(json.dumps(log, indent=2, ensure_ascii=False)) + "\n"


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One workflow command per diagnostic; GitHub shows it at its line of the pull request."""
    return "".join(_github(item) + "\n" for item in diagnostics)


def _text(item: Diagnostic, sources: Mapping[str, SourceFile], paint: _Paint, page: str) -> str:
    lines = [paint(f"{item.severity}[{item.code}]", item.severity) + paint(f": {_visible(item.message)}", "bold")]
    gutter = ""
    if item.span is not None:
        gutter = " " * len(str(item.span.line))
        lines.append(f"{gutter}{paint('-->', 'line')} {_visible(str(item.span))}")
        line = _source_line(item.span, sources)
        if line is not None:
            lines.extend(_excerpt(item, item.span, line.rstrip(" \t"), gutter, paint))
    if item.help:
        lines.append(f"{gutter} {paint('=', 'line')} {paint('help', 'help')}: {_visible(item.help)}")
    if page:
        lines.append(f"{gutter} {paint('=', 'line')} {paint('page', 'help')}: {page}")
    return "\n".join(lines) + "\n"


def _excerpt(item: Diagnostic, span: Span, line: str, gutter: str, paint: _Paint) -> list[str]:
    end = span.end_column if span.end_line == span.line else len(line) + 1
    line, column, end = _shortened(line, span.column, end)
    line = _visible(line)
    marks = "^" * max(1, end - column)
    bar = paint("|", "line")
    label = f" {_visible(item.label)}" if item.label else ""
    return [
        f"{gutter} {bar}",
        f"{paint(str(span.line), 'line')} {bar} {line}",
        f"{gutter} {bar} {' ' * (column - 1)}{paint(marks + label, item.severity)}",
    ]


def _shortened(line: str, column: int, end: int) -> tuple[str, int, int]:
    """A line, and the columns that are marked in it; of a long line the part around its first column."""
    if len(line) <= _LONGEST_LINE:
        return line, column, end
    first = max(0, column - 1 - _LONGEST_LINE // 4)
    part = line[first : first + _LONGEST_LINE]
    before = "…" if first else ""
    shown = f"{before}{part}{'…' if first + len(part) < len(line) else ''}"
    moved = len(before) - first
    return shown, column + moved, min(end + moved, len(before) + len(part) + 1)


def _source_line(span: Span, sources: Mapping[str, SourceFile]) -> str | None:
    """The first line of a span; `None` where its file is not among the sources."""
    source = sources.get(span.file)
    return source.lines[span.line - 1] if source is not None and span.line <= len(source.lines) else None


def _visible(text: str) -> str:
    return visible(text).replace("\t", " ")  # columns count it as one


def _plain(text: str, style: str) -> str:
    del style
    return text


def _ansi(text: str, style: str) -> str:
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m"


def _span(span: Span) -> dict[str, str | int]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _rule(code: str) -> dict[str, Any]:
    address = page_address(code)
    rule = {"id": code, "shortDescription": {"text": CODES[code].title}}
    return {**rule, "helpUri": address} if address else rule


def _sarif(item: Diagnostic, sources: Mapping[str, SourceFile]) -> dict[str, Any]:
    text = f"{item.message}. {item.help}" if item.help else item.message
    result: dict[str, Any] = {"ruleId": item.code, "level": item.severity, "message": {"text": text}}
    if item.fix is not None:
        result["properties"] = {"fix": item.fix.__dict__}
    if item.span is None:
        return result
    region: dict[str, Any] = {
        "startLine": item.span.line,
        "startColumn": item.span.column,
        "endLine": item.span.end_line,
        "endColumn": item.span.end_column,
    }
    line = _source_line(item.span, sources)
    if line is not None and item.span.end_line == item.span.line and len(line) <= _LONGEST_LINE:
        region["snippet"] = {"text": line}
    location = {"artifactLocation": {"uri": _uri(item.span.file)}, "region": region}
    return {**result, "locations": [{"physicalLocation": location}]}


def _uri(path: str) -> str:
    """A path as a reference of RFC 3986: relative, or a whole URI where it is absolute."""
    return Path(path).as_uri() if Path(path).is_absolute() else quote(os.fsencode(path))


def _github(item: Diagnostic) -> str:
    fields = [f"title={item.code}"]
    if item.span is not None:
        fields = [
            f"file={_escape(item.span.file, ':,')}",
            f"line={item.span.line}",
            f"col={item.span.column}",
            f"endLine={item.span.end_line}",
            f"endColumn={item.span.end_column}",
            *fields,
        ]
    text = f"{item.message} (help: {item.help})" if item.help else item.message
    page = page_address(item.code)
    text = f"{text} {page}" if page else text
    return f"::{item.severity} {','.join(fields)}::{_escape(text)}"


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return visible(text)
