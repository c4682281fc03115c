"""Random flows with one mistake in each: `check` finds it at its line and nothing else, and the run fails there."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.conftest import EXAMPLES
from tests.flowgen.blocks import Block, flows
from tests.flowgen.mistakes import MISTAKES, Planted
from tests.flowgen.plain import Program
from tests.support import diagnostics, unchecked_artifacts

EACH = max(25, EXAMPLES)
"""Flows of each kind: 350 in all."""
CALM = settings(deadline=None, max_examples=EACH, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("kind", MISTAKES)
@CALM
@given(blocks=flows(), choice=st.integers(0, 20))
def test_a_planted_mistake_is_found(kind: str, blocks: tuple[Block, ...], choice: int) -> None:
    planted = Planted(blocks, kind, choice)
    with tempfile.TemporaryDirectory() as folder:
        (found,) = diagnostics(Path(folder), planted.source)
    assert found.span is not None
    assert (found.code, found.span.line) == (MISTAKES[kind].code, planted.line), planted.source
    assert found.help


@CALM
@given(blocks=flows())
def test_flows_without_one_are_silent(blocks: tuple[Block, ...]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert not diagnostics(Path(folder), Program(blocks).source)


@pytest.mark.process
@pytest.mark.parametrize("kind", MISTAKES)
@settings(deadline=None, max_examples=3, suppress_health_check=[HealthCheck.too_slow])
@given(blocks=flows(("branch", "foreach", "loop"), widths=(1, 2), max_leaves=3), choice=st.integers(0, 20))
def test_the_run_fails_there(kind: str, blocks: tuple[Block, ...], choice: int) -> None:
    planted = Planted(blocks, kind, choice)
    with tempfile.TemporaryDirectory() as folder, unchecked_artifacts():
        path = Path(folder) / "random_flow.py"
        path.write_text(planted.source)
        compilation = compile_file(path)
        result = run_flow(compilation.flow, compilation.source, RunOptions(root=folder))
    assert not result.ok
    assert result.failed is not None
    assert result.failed.step == planted.step, (result.failed, planted.source)
