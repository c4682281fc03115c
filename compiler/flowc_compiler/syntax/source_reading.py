"""Reading the text of a file and its syntax tree, with what is wrong with it."""

from __future__ import annotations

import ast
import errno
import io
import sys
import tokenize
from pathlib import Path

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.filesystem import held_text, read_file
from flowc_compiler.source import SourceFile, Span
from flowc_compiler.syntax.parsing import MOST_WORDS, TooLargeError, is_too_deep, parse_text

MAX_BYTES = 16 * 2**20
"""The largest file that is read: its syntax tree takes about 100 times that much memory."""


def read_source(path: Path, sink: DiagnosticSink, name: str | None = None) -> SourceFile | None:
    """Read a Python file by its declared encoding; `None` with FC104 collected when that fails."""
    shown = name or path.as_posix()
    try:
        text = _decoded(path)
    except FileNotFoundError:
        sink.error("FC104", f"there is no file {shown}", None, help="check the path")
        return None
    except IsADirectoryError:
        sink.error("FC104", f"{shown} is a folder", None, help="name the Python file with the flow in it")
        return None
    except (OSError, SyntaxError, UnicodeError, LookupError, ValueError) as error:
        large = isinstance(error, OSError) and error.errno == errno.EFBIG
        reason = error.strerror if isinstance(error, OSError) else error
        help_text = "split it into modules" if large else "save it as UTF-8 text"
        sink.error("FC104", f"{shown} cannot be read: {reason}", None, help=help_text)
        return None
    source = SourceFile(path, text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff"), shown)
    sink.add_source(source)
    return source


def _decoded(path: Path) -> str:
    held = held_text(path)
    if isinstance(held, str):
        return held
    raw = read_file(path, MAX_BYTES)
    encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    return raw.decode(encoding)


def parse(source: SourceFile, sink: DiagnosticSink) -> ast.Module | None:
    """Parse a file; `None` with FC101 collected when this Python cannot read it.

    A file may be nested as deeply as Python 3.11 allows: 200 brackets, 100 indented blocks, and chains of about 1,000
    operators, calls, attributes or `elif`s.
    """
    line = source.text.count("\n", 0, source.text.find("\0")) + 1 if "\0" in source.text else 0
    if line:
        sink.error("FC101", "the file has a NUL byte in it", source.line_span(line), help="save it as text")
        return None
    try:
        tree = parse_text(source.text)
        if not is_too_deep(tree):
            return tree
        report_too_deep(source, sink)
    except SyntaxError as error:
        _report_syntax(source, error, sink)
    except (RecursionError, MemoryError):
        report_too_deep(source, sink)
    except TooLargeError:
        report_too_large(f"{source.name} has", sink, source.line_span(1))
    except ValueError as error:  # text that is no valid Unicode
        sink.error("FC101", f"this is not valid Python: {error}", source.line_span(1), help="save it as UTF-8 text")
    return None


def report_too_large(what: str, sink: DiagnosticSink, span: Span) -> None:
    """Collect FC104 for files that take too long to read."""
    message = f"{what} more than {MOST_WORDS:,} words and signs, which may take more than 2 seconds and 300 MB to check"
    help_text = "if you trust the files, give `--allow-large`; data belongs in files that are no Python"
    sink.error("FC104", message, span, help=help_text)


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
    message, help_text = error.msg, "correct the syntax"
    suffix = Path(source.name).suffix
    if suffix not in ("", ".py"):
        message, help_text = f"this `{suffix}` file is not Python: {error.msg}", "name the Python file with the flow"
    sink.error("FC101", message, source.span(start, start + 1), help=help_text)
