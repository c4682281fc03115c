"""Printing diagnostics."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, TextIO

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.diagnostics.terminal_text import visible
from flowc_compiler.source import SourceFile

Form = Literal["text", "concise", "json", "sarif", "github", "gitlab", "junit"]
"""How diagnostics are printed."""
NO_FILE = "flowc"
"""Stands for a file where diagnostics are of none."""
NO_SOURCES: Mapping[str, SourceFile] = MappingProxyType({})
RUN_ERROR = 1
"""The exit code where a run has failed, or a store or what it has cannot be used."""
INPUT_ERROR = 2
"""The exit code for anything wrong with the input."""


def report(
    diagnostics: Sequence[Diagnostic],
    sources: Mapping[str, SourceFile] = NO_SOURCES,
    form: Form = "text",
    file: str = "",
) -> None:
    """Print diagnostics with the lines of `sources`: text to standard error, other forms to standard output.

    `file` is the one that was checked, for forms that list files.
    """
    by_file: dict[str, list[Diagnostic]] = {file: []} if file else {}
    for item in diagnostics:
        by_file.setdefault(file or (item.span.file if item.span is not None else NO_FILE), []).append(item)
    report_files(by_file, sources, form)
    if form == "text" and diagnostics:
        from flowc_compiler.diagnostics import render

        sys.stderr.write(f"\n{render.summary(diagnostics)}\n")


def report_files(
    by_file: Mapping[str, Sequence[Diagnostic]], sources: Mapping[str, SourceFile], form: Form = "text"
) -> None:
    """Print the diagnostics of several files, as `report` does, without a summary."""
    diagnostics = [item for found in by_file.values() for item in found]
    if form == "text" and not diagnostics:
        return
    if form in {"concise", "gitlab", "junit"}:
        sys.stdout.write(_for_tools(by_file, form))
        return
    from flowc._version import __version__
    from flowc_compiler.diagnostics import render

    match form:
        case "text":
            sys.stderr.write(render.render_text(diagnostics, sources, color=has_color(sys.stderr)))
        case "json":
            sys.stdout.write(render.render_json(diagnostics))
        case "sarif":
            sys.stdout.write(render.render_sarif(diagnostics, sources, __version__))
        case _:
            sys.stdout.write(render.render_github(diagnostics))


def has_color(stream: TextIO) -> bool:
    """Whether output gets colors: NO_COLOR, then FORCE_COLOR, TERM=dumb, and whether it is a terminal, as in Python."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return os.environ.get("TERM") != "dumb" and stream.isatty()


def _for_tools(by_file: Mapping[str, Sequence[Diagnostic]], form: Form) -> str:
    from flowc_compiler.diagnostics import ci_formats

    if form == "concise":
        return ci_formats.render_concise(by_file)
    if form == "junit":
        return ci_formats.render_junit(by_file)
    return ci_formats.render_gitlab(by_file, Path(os.environ.get("CI_PROJECT_DIR") or Path.cwd()))


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
