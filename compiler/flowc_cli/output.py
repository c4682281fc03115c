"""Printing diagnostics."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.diagnostics.terminal_text import visible
from flowc_compiler.source import SourceFile

Form = Literal["text", "json", "sarif", "github"]
"""How diagnostics are printed."""
NO_SOURCES: Mapping[str, SourceFile] = MappingProxyType({})
INPUT_ERROR = 2
"""The exit code for anything wrong with the input."""


def report(
    diagnostics: Sequence[Diagnostic], sources: Mapping[str, SourceFile] = NO_SOURCES, form: Form = "text"
) -> None:
    """Print diagnostics with the lines of `sources`: text to standard error, other forms to standard output."""
    if form == "text" and not diagnostics:
        return
    from flowc._version import __version__
    from flowc_compiler.diagnostics import render

    match form:
        case "text":
            color = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
            text = render.render_text(diagnostics, sources, color=color)
            sys.stderr.write(f"{text}\n{render.summary(diagnostics)}\n")
        case "json":
            sys.stdout.write(render.render_json(diagnostics))
        case "sarif":
            sys.stdout.write(render.render_sarif(diagnostics, sources, __version__))
        case "github":
            sys.stdout.write(render.render_github(diagnostics))


def write(text: str) -> None:
    """Print text with names, messages and lines of anybody to standard output."""
    sys.stdout.write(visible(text))


def write_error(text: str) -> None:
    """The same to standard error."""
    sys.stderr.write(visible(text))


def write_content(text: str) -> None:
    """Print what is a file's content: exact for a file or a pipe, and without control characters for a terminal."""
    sys.stdout.write(visible(text) if sys.stdout.isatty() else text)


def note_unused(option: str, why: str, help: str) -> None:
    """Print the warning FC506 for an option of the command that has no effect."""
    report((Diagnostic("FC506", "warning", f"{option} has no effect {why}", None, help=help),))
