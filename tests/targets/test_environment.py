"""Environment variables: one set of rules, those of Kubernetes, for every target that writes pods."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from tests.support import compiled, emitted, errors, flowc

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
    ("A=B", "1", "FC404"),
    ("A\n", "1", "FC501"),
    ("\u00c4", "1", "FC501"),
    ("", "1", "FC404"),
    ("X", "\u00e4\n\t\"'$(A) {{b}} $$", None),
    ("X", "a\0b", "FC404"),
    ("X", "\ud800", "FC118"),
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


@pytest.mark.parametrize("target", TARGETS)
def test_tags_and_encryption_reach_the_tasks(tmp_path: Path, target: str) -> None:
    compilation = compiled(tmp_path, FLOW.format(variables={}))
    options: dict[str, Any] = {"tags": ["a,b", "100%"], "sse": "aws:kms", "kms_key": "alias/flows"}
    files, _ = emitted(compilation, target, **options)
    (text,) = (file.text for file in files)
    assert ("a%2Cb,100%25" in text) or ('"a%2Cb"' in text and '"100%25"' in text)
    for written in ("FLOWC_S3_SSE", "aws:kms", "FLOWC_S3_KMS_KEY", "alias/flows"):
        assert written in text


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (["sse=kms"], "is not one of AES256"),
        (["sse=AES256", "kms_key=k"], "uses no key"),
        (["kms_key=k", "root=/mnt/shared"], "are about s3://"),
        (["sse=AES256", "root=gs://b/c"], "are about s3://"),
        (['tags=[""]'], "a tag is not empty"),
        (['tags=["a", ""]'], "a tag is not empty"),
        (["root=s3://b/a//c"], "has a part that is empty"),
        (["root=file://mnt/shared"], "names a host"),
        (["root=S3://b/c"], "has an unknown scheme"),
    ],
)
def test_stores_that_no_task_could_use_are_reported(tmp_path: Path, target: str, settings: list[str], why: str) -> None:
    (tmp_path / "flow.py").write_text(FLOW.format(variables={}), encoding="utf-8")
    root = [] if any(item.startswith("root=") for item in settings) else ["root=s3://b/c"]
    given = [part for item in [*root, *settings] for part in ("--set", item)]
    done = flowc(tmp_path, "compile", "flow.py", "-t", target, *given)
    assert done.returncode == 2
    assert "FC505" in done.stderr
    assert why in " ".join(done.stderr.split())


def _codes(folder: Path, target: str, text: str, **options: Any) -> list[str]:
    sink = DiagnosticSink()
    with contextlib.suppress(FlowcError):
        emitted(compiled(folder, text, sink), target, sink, **options)
    return errors(sink)
