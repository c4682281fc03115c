"""Reading a file and parsing it with libcst."""

from __future__ import annotations

import ast
import gc
import io
import tokenize
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import SourceFile


def read_source(path: Path, sink: DiagnosticSink, name: str | None = None) -> SourceFile | None:
    """Read a Python file by its declared encoding; `None` with FC104 collected when that fails."""
    shown = name or path.as_posix()
    try:
        raw = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        text = raw.decode(encoding)
    except FileNotFoundError:
        sink.error("FC104", f"there is no file {shown}", None, help="check the path")
        return None
    except IsADirectoryError:
        sink.error("FC104", f"{shown} is a folder", None, help="name the Python file with the flow in it")
        return None
    except (OSError, SyntaxError, UnicodeDecodeError, LookupError) as error:
        sink.error("FC104", f"{shown} cannot be read: {error}", None, help="save it as UTF-8 text")
        return None
    return SourceFile(path, text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"), shown)


def parse(source: SourceFile, sink: DiagnosticSink) -> cst.Module | None:
    """Parse a file; `None` with FC101 collected when it is not valid Python."""
    try:
        with collector_paused():
            return cst.parse_module(source.text)
    except cst.ParserSyntaxError as error:
        _report_syntax(source, error, sink)
    except RecursionError:
        sink.error("FC101", "an expression is nested too deeply", source.line_span(1), help="split it up")
    return None


def _report_syntax(source: SourceFile, error: cst.ParserSyntaxError, sink: DiagnosticSink) -> None:
    """Collect FC101 in the interpreter's own words, which are better than libcst's, where it refuses the file, too."""
    line, column, message = error.raw_line, error.raw_column + 1, "this is not valid Python"
    try:
        ast.parse(source.text)
    except SyntaxError as own:
        line, column, message = own.lineno or line, own.offset or 1, own.msg
    except ValueError as own:
        message = str(own)
    line = min(max(line, 1), len(source.lines))
    start = source.offset(line, min(max(column, 1), len(source.lines[line - 1]) + 1))
    sink.error("FC101", message, source.span(start, start + 1), help="correct the syntax")


@contextmanager
def collector_paused() -> Generator[None]:
    """Pause the garbage collector: it walks libcst's growing tree again and again (10,000 steps: 14 s, else 6 s)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.enable()
