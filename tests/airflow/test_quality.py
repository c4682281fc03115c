"""All goldens for Airflow are files that a strict linter has nothing to say about, and that it would about others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.airflow.emitting import CLEAN, ruff, without_code
from tests.test_goldens import EXAMPLES, GOLDENS

FILES = sorted(GOLDENS.glob("*/airflow*.py"))
OUTDATED = """\
from airflow import DAG
from airflow.operators.dummy_operator import DummyOperator

with DAG("old", schedule_interval="@daily") as dag:
    DummyOperator(task_id = "a")
"""
"""As files for Airflow 1 are."""


def name(path: Path) -> str:
    """The example and the operator."""
    return f"{path.parent.name}-{path.stem}"


def test_every_example_has_goldens_here() -> None:
    """Two for each example, but for the one that Airflow cannot express, and those with options."""
    refused = {path.parent.name for path in GOLDENS.glob("*/airflow*.diagnostics")}
    assert {path.parent.name for path in FILES} == {path.stem for path in EXAMPLES} - refused
    plain = [path for path in FILES if path.stem in ("airflow", "airflow-local")]
    assert len(plain) == 2 * (len(EXAMPLES) - len(refused)) >= 20


@pytest.mark.process
@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_linter_has_nothing_to_say(path: Path) -> None:
    text = path.read_text()
    assert "def flow():" in text
    assert ruff("check", *CLEAN, text=without_code(text)) == ""


@pytest.mark.process
@pytest.mark.parametrize("path", FILES, ids=name)
@pytest.mark.parametrize("width", ["88", "120"])
def test_a_formatter_changes_nothing(path: Path, width: str) -> None:
    assert ruff("format", "--check", "--diff", "--line-length", width, text=path.read_text()) == ""


@pytest.mark.process
def test_the_linter_would_have_something_to_say() -> None:
    said = ruff("check", *CLEAN, "--output-format=json", text=OUTDATED)
    found: list[dict[str, str]] = json.JSONDecoder().raw_decode(said)[0]
    assert {item["code"] for item in found} >= {"AIR301", "AIR302", "E251"}
    assert ruff("format", "--check", text=OUTDATED) != ""
