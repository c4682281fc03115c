"""Environment variables: one set of rules, those of Kubernetes, for every target that writes pods."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from tests.support import compiled, emitted, errors

if TYPE_CHECKING:
    pass

FLOW = """
from flowc import FlowSpec, environment, step


class Variables(FlowSpec):
    @environment(vars={variables!r})
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
TARGETS = ("argo", "airflow")
VARIABLES = [
    ("NAME", "value", None),
    ("lower", "", None),
    ("_x", "1", None),
    ("-X", "1", None),
    (".x", "1", None),
    ("a.b-c_d", "1", None),
    ("...x", "1", "FC501"),
    (".", "1", "FC501"),
    ("..", "1", "FC501"),
    ("..x", "1", "FC501"),
    ("1X", "1", "FC501"),
    ("A B", "1", "FC501"),
    ("A=B", "1", "FC501"),
    ("A\n", "1", "FC501"),
    ("\u00c4", "1", "FC501"),
    ("", "1", "FC501"),
    ("X", "\u00e4\n\t\"'$(A) {{b}} $$", None),
    ("X", "a\0b", "FC501"),
    ("X", "\ud800", "FC501"),
    ("X", "x" * 100_000, None),
    ("X", "x" * 100_001, "FC503"),
    ("X", "\u00e4" * 50_001, "FC503"),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("name", "value", "code"), VARIABLES)
def test_a_variable_is_judged_alike(tmp_path: Path, target: str, name: str, value: str, code: str | None) -> None:
    assert _codes(tmp_path, target, FLOW.format(variables={name: value})) == ([] if code is None else [code])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("name", "value", "code"), VARIABLES)
def test_an_option_is_judged_alike(tmp_path: Path, target: str, name: str, value: str, code: str | None) -> None:
    text = FLOW.format(variables={})
    assert _codes(tmp_path, target, text, env={name: value}) == ([] if code is None else ["FC505"])


def _codes(folder: Path, target: str, text: str, **options: Any) -> list[str]:
    sink = DiagnosticSink()
    emitted(compiled(folder, text, sink), target, sink, **options)
    return errors(sink)
