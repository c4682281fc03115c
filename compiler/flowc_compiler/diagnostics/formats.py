"""Diagnostics for machines: JSON, SARIF 2.1.0, and the workflow commands of GitHub Actions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from flowc_compiler.diagnostics.codes import CODES
from flowc_compiler.diagnostics.sink import Diagnostic


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """An object with a `diagnostics` array, each as the model has it."""
    items = [item.model_dump(mode="json") for item in diagnostics]
    return json.dumps({"version": 1, "diagnostics": items}, indent=2, ensure_ascii=False) + "\n"


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One workflow command a diagnostic, which GitHub shows at the line of the pull request."""
    return "".join(_github(item) + "\n" for item in diagnostics)


def render_sarif(diagnostics: Sequence[Diagnostic], version: str) -> str:
    """A SARIF log of one run; `version` is flowc's own."""
    used = sorted({item.code for item in diagnostics})
    rules = [{"id": code, "shortDescription": {"text": CODES[code].title}} for code in used]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "flowc", "version": version, "rules": rules}},
                "results": [_sarif(item) for item in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _sarif(item: Diagnostic) -> dict[str, Any]:
    text = f"{item.message}. {item.help}" if item.help else item.message
    result: dict[str, Any] = {"ruleId": item.code, "level": item.severity, "message": {"text": text}}
    if item.span is not None:
        region = {
            "startLine": item.span.line,
            "startColumn": item.span.column,
            "endLine": item.span.end_line,
            "endColumn": item.span.end_column,
        }
        location = {"artifactLocation": {"uri": item.span.file}, "region": region}
        result["locations"] = [{"physicalLocation": location}]
    return result


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
    return f"::{item.severity} {','.join(fields)}::{_escape(text)}"


def _escape(text: str, more: str = "") -> str:
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
