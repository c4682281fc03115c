"""Diagnostics as other tools read them: a line each, GitLab's code quality reports, and JUnit's XML."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

from flowc_compiler.diagnostics.diagnostic import Diagnostic
from flowc_compiler.diagnostics.pages import page_address
from flowc_compiler.diagnostics.terminal_text import visible, visible_json, visible_line

_GITLAB = {"error": "major", "warning": "minor"}
"""Severities as GitLab names them."""
_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold in any way, not even escaped."""

ByFile = Mapping[str, Sequence[Diagnostic]]
"""Checked files to what was found there; a diagnostic without a span belongs to the file as a whole."""


def render_concise(by_file: ByFile) -> str:
    """A line for each diagnostic, as editors and grep read them: path, line, column, code, message, help, page.

    One of a Python file as a whole is at its begin.
    """
    lines: list[str] = []
    for file, item in ((file, item) for file, found in by_file.items() for item in found):
        place = f"{item.span}: " if item.span is not None else f"{file}:1:1: " if file.endswith(".py") else ""
        help_text = f" (help: {item.help})" if item.help else ""
        page = f" {address}" if (address := page_address(item.code)) else ""
        lines.append(visible_line(f"{place}{item.severity}[{item.code}]: {item.message}{help_text}{page}"))
    return "".join(f"{line}\n" for line in lines)


def render_gitlab(by_file: ByFile, root: Path) -> str:
    """A code quality report: https://docs.gitlab.com/ci/testing/code_quality/. Paths are relative to the folder `root`.

    A fingerprint does not depend on the line, so that GitLab knows a problem again when the code above it changes.
    """
    report: list[dict[str, Any]] = []
    known: dict[str, int] = {}
    for file, diagnostics in by_file.items():
        for item in diagnostics:
            path = _relative(item.span.file if item.span is not None else file, root)
            identity = "\0".join((path, item.code, item.message))
            known[identity] = known.get(identity, 0) + 1
            entry = {
                "description": f"{item.message}. {item.help}" if item.help else item.message,
                "check_name": item.code,
                "fingerprint": _fingerprint(f"{identity}\0{known[identity]}"),
                "severity": _GITLAB[item.severity],
                "location": {"path": path, "lines": _lines(item)},
            }
            address = page_address(item.code)
            report.append({**entry, "content": {"body": address}} if address else entry)
    return visible_json(json.dumps(report, indent=2, ensure_ascii=False)) + "\n"


def render_junit(by_file: ByFile) -> str:
    """A suite for each file: a failure for each error; a warning passes, and so does a file without any."""
    suites = [_suite(file, diagnostics) for file, diagnostics in by_file.items()]
    failures = sum(item.severity == "error" for found in by_file.values() for item in found)
    tests = sum(max(1, len(found)) for found in by_file.values())
    head = f'<testsuites name="flowc" tests="{tests}" failures="{failures}" errors="0">'
    return "\n".join(['<?xml version="1.0" encoding="utf-8"?>', head, *suites, "</testsuites>", ""])


def _lines(item: Diagnostic) -> dict[str, int]:
    span = item.span
    return {"begin": span.line, "end": span.end_line} if span is not None else {"begin": 1}


def _fingerprint(identity: str) -> str:
    return sha256(identity.encode(errors="surrogatepass")).hexdigest()[:40]


def _relative(path: str, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _suite(file: str, diagnostics: Sequence[Diagnostic]) -> str:
    name = _attribute(file)
    failures = sum(item.severity == "error" for item in diagnostics)
    counts = f'tests="{max(1, len(diagnostics))}" failures="{failures}" errors="0"'
    cases = [_case(file, item) for item in diagnostics]
    if not cases:
        cases = [f'    <testcase classname="{name}" name="check"/>']
    return "\n".join([f'  <testsuite name="{name}" file="{name}" {counts}>', *cases, "  </testsuite>"])


def _case(file: str, item: Diagnostic) -> str:
    place = str(item.span) if item.span is not None else file
    text = "\n".join(filter(None, (f"{place}: {item.message}", item.help, page_address(item.code))))
    head = f'    <testcase classname="{_attribute(file)}" name="{item.code} {_attribute(place)}">'
    if item.severity == "error":
        body = f'<failure type="{item.code}" message="{_attribute(item.message)}">{_xml(text)}</failure>'
    else:
        body = f"<system-out>{_xml(f'warning: {text}')}</system-out>"
    return f"{head}\n      {body}\n    </testcase>"


def _attribute(text: str) -> str:
    return _xml(text).replace("\n", "&#10;").replace("\t", "&#9;")


def _xml(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", visible(text)))
