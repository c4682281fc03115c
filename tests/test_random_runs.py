"""Random flows on the local engine, against a reference that knows no engine."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from flowc import Run
from flowc_compiler.driver import compile_file
from flowc_targets.local import RunOptions, run_flow
from tests.conftest import EXAMPLES
from tests.flowgen.blocks import Block, flows
from tests.flowgen.plain import Program

pytestmark = pytest.mark.process


@settings(deadline=None, max_examples=EXAMPLES)
@given(flows())
def test_random_run(blocks: tuple[Block, ...]) -> None:
    program = Program(blocks)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random_flow.py"
        path.write_text(program.source)
        compilation = compile_file(path)
        options = RunOptions(root=folder)
        result = run_flow(compilation.flow, compilation.source, options)
        assert result.ok, result.error
        assert Run(f"RandomFlow/{result.run_id}", root=folder).data.v == program.expected
