"""Reading a file and parsing it. What is wrong with either is a diagnostic."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import SourceFile

MAX_BYTES = 16 * 2**20
"""The largest file that is read: its syntax tree takes about 100 times that much memory."""


def read_source(path: Path, sink: DiagnosticSink, name: str | None = None) -> SourceFile | None:
    """Read a Python file by its declared encoding; `None` with FC104 collected when that fails."""
    shown = name or path.as_posix()
    try:
        if path.stat().st_size > MAX_BYTES:
            message, help_text = f"{shown} is larger than {MAX_BYTES >> 20} MiB", "split it into modules"
            sink.error("FC104", message, None, help=help_text)
            return None
        raw = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except FileNotFoundError:
        sink.error("FC104", f"there is no file {shown}", None, help="check the path")
        return None
    except IsADirectoryError:
        sink.error("FC104", f"{shown} is a folder", None, help="name the Python file with the flow in it")
        return None
    except (OSError, SyntaxError, UnicodeError, LookupError, ValueError) as error:
        sink.error("FC104", f"{shown} cannot be read: {error}", None, help="save it as UTF-8 text")
        return None
    source = SourceFile(path, text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"), shown)
    sink.add_source(source)
    return source


def parse(source: SourceFile, sink: DiagnosticSink) -> ast.Module | None:
    """Parse a file; `None` with FC101 collected when this Python cannot read it.

    How deeply a file may be nested is the running Python's own limit: 200 brackets, 100 indented blocks, and chains of
    about 1,000 (3.14: more) operators, calls, attributes or `elif`s. Python cannot execute a file beyond it either.
    """
    line = source.text.count("\n", 0, source.text.find("\0")) + 1 if "\0" in source.text else 0
    if line:
        sink.error("FC101", "the file has a NUL byte in it", source.line_span(line), help="save it as text")
        return None
    try:
        return parse_text(source.text)
    except SyntaxError as error:
        _report_syntax(source, error, sink)
    except (RecursionError, MemoryError):
        report_too_deep(source, sink)
    except ValueError as error:  # text that is no valid Unicode
        sink.error("FC101", f"this is not valid Python: {error}", source.line_span(1), help="save it as UTF-8 text")
    return None


def parse_text(text: str) -> ast.Module:
    """The syntax tree of a file's text. Python's warnings of odd escapes are for those who run the file.

    Raises SyntaxError, ValueError, RecursionError or MemoryError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def report_too_deep(source: SourceFile, sink: DiagnosticSink) -> None:
    """Collect FC101 at the statement with the most operators: a file that is nested deeper than flowc can follow."""
    from flowc_compiler.syntax.newer_python import longest_statement

    line, _ = longest_statement(source.text)
    help_text = "assign its parts to names, or write a loop"
    sink.error("FC101", "a statement is nested too deeply", source.line_span(line), help=help_text)


def _report_syntax(source: SourceFile, error: SyntaxError, sink: DiagnosticSink) -> None:
    """Collect FC101 in the interpreter's words, or with the version of Python that reads the file."""
    from flowc_compiler.syntax.newer_python import newer_syntax

    line = min(max(error.lineno or 1, 1), len(source.lines))
    newer = newer_syntax(source.text)
    if newer is not None:
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        message = f"{newer.what} needs Python {newer.version} or newer, and flowc runs on Python {running}"
        help_text = f"run flowc with Python {newer.version}, or write it in another way"
        sink.error("FC101", message, source.line_span(newer.line), help=help_text)
        return
    start = source.offset(line, min(max(error.offset or 1, 1), len(source.lines[line - 1]) + 1))
    sink.error("FC101", error.msg, source.span(start, start + 1), help="correct the syntax")
