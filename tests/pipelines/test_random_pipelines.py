"""Random pipelines on the local engine, against a reference that runs the same file as plain Python."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import EXAMPLES
from tests.pipelines.comparing import compare
from tests.pipelines.writer import Writer

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

pytestmark = pytest.mark.process


@st.composite
def pipelines(draw: DrawFn, failing: bool) -> str:
    """The text of a file."""
    return Writer(lambda number: draw(st.integers(0, number - 1)), failing=failing).text


@settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
@given(pipelines(failing=False))
def test_a_random_pipeline_runs_as_python_does(text: str) -> None:
    _check(text)


@settings(deadline=None, max_examples=max(EXAMPLES // 4, 1), suppress_health_check=[HealthCheck.too_slow])
@given(pipelines(failing=True))
def test_a_random_pipeline_fails_where_python_does(text: str) -> None:
    _check(text)


def _check(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = compare(text, Path(folder))
    assert not found, text + "\n".join(found)
