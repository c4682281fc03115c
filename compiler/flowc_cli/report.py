"""Printing diagnostics, and writing files whole or not at all."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from flowc_compiler.diagnostics import Diagnostic

Form = Literal["text", "json", "sarif", "github"]
INPUT_ERROR = 2
"""The exit code for anything wrong with the input."""


def report(diagnostics: Sequence[Diagnostic], form: Form = "text") -> None:
    """Print diagnostics: text to standard error, other forms to standard output."""
    if form == "text":
        if diagnostics:
            _report_text(diagnostics)
        return
    from flowc._version import __version__
    from flowc_compiler.diagnostics import formats

    match form:
        case "json":
            sys.stdout.write(formats.render_json(diagnostics))
        case "sarif":
            sys.stdout.write(formats.render_sarif(diagnostics, __version__))
        case "github":
            sys.stdout.write(formats.render_github(diagnostics))


def _report_text(diagnostics: Sequence[Diagnostic]) -> None:
    from flowc_compiler.diagnostics.render import render_text, summary

    sources: dict[str, list[str]] = {}
    for item in diagnostics:
        if item.span is not None and item.span.file not in sources:
            sources[item.span.file] = _lines(item.span.file)
    color = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    sys.stderr.write(render_text(diagnostics, sources, color=color))
    sys.stderr.write(f"\n{summary(diagnostics)}\n")


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def write_atomically(path: Path, text: str) -> None:
    """Write a text file whole: readers see the old one or the new one. Raises OSError, leaving nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
