"""The quick fix that ignores a diagnostic: `# flowc: ignore[CODE]` at the line, where such a comment counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.diagnostics.codes import IGNORABLE_ERRORS
from flowc_compiler.diagnostics.ignore_comments import IgnoreComments
from flowc_compiler.source import SourceFile, Span


class _Written(NamedTuple):
    """Lines with a comment, and where the diagnostic is in them."""

    lines: list[str]
    span: Span


def lines_with_ignore(item: Diagnostic, source: SourceFile) -> list[str] | None:
    """The lines of a file with a comment that ignores a diagnostic of it; `None` where it cannot be ignored."""
    if item.span is None or (item.severity == "error" and item.code not in IGNORABLE_ERRORS):
        return None
    for written in _ways(item.code, item.span, source):
        comments = IgnoreComments(SourceFile(source.path, "\n".join(written.lines), source.name))
        if any(comment.listed and item.code in comment.codes for comment in comments.covering(written.span)):
            return written.lines
    return None


def _ways(code: str, span: Span, source: SourceFile) -> Iterator[_Written]:
    """A code more in a comment that is there, a comment at the end of the line, or one on a line of its own above."""
    comments = list(IgnoreComments.of(source))
    for line in dict.fromkeys((span.line, span.end_line)):
        lines = list(source.lines)
        text = lines[line - 1]
        if text.endswith("\\"):
            continue
        there = next((comment for comment in comments if comment.listed and comment.span.line == line), None)
        if there is not None:
            listed = ", ".join(dict.fromkeys((*there.codes, code)))
            head, tail = text[: there.span.column - 1], text[there.span.end_column - 1 :]
            lines[line - 1] = f"{head}# flowc: ignore[{listed}]{tail}"
        else:
            lines[line - 1] = f"{text.rstrip()}  # flowc: ignore[{code}]"
        yield _Written(lines, span)
    text = source.lines[span.line - 1]
    indent = text[: len(text) - len(text.lstrip())]
    lines = [*source.lines[: span.line - 1], f"{indent}# flowc: ignore[{code}]", *source.lines[span.line - 1 :]]
    yield _Written(lines, Span(span.file, span.line + 1, span.column, span.end_line + 1, span.end_column))
