"""The passes over random flows: scopes, joins, order; and their cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver.compile import run_passes
from flowc_compiler.frontend import parse, read_class_flow
from flowc_compiler.ir import Flow, IRError, verify
from flowc_compiler.source import SourceFile
from tests.flowgen.blocks import Block, flows
from tests.flowgen.plain import Program


def compiled(text: str) -> Flow:
    sink = DiagnosticSink()
    source = SourceFile(Path("random.py"), text)
    module = parse(source, sink)
    assert module is not None
    flow = read_class_flow(source, module, sink)
    assert flow is not None, sink.diagnostics
    lowered = run_passes(flow, sink)
    assert lowered is not None, sink.diagnostics
    assert not sink.diagnostics
    return lowered


@settings(deadline=None, max_examples=60)
@given(flows(max_leaves=12))
def test_random_flows(blocks: tuple[Block, ...]) -> None:
    writer = Program(blocks)
    flow = compiled(writer.source)
    assert {step.name: step.closes for step in flow.steps if step.kind == "join"} == writer.closes
    assert {step.name: flow.depth(step) for step in flow.steps} == writer.depths
    position = {step.name: number for number, step in enumerate(flow.steps)}
    assert all(position[parent] < position[step.name] for step in flow.steps for parent in step.parents)
    assert Flow.model_validate_json(flow.model_dump_json()) == flow
    assert json.loads(flow.model_dump_json())["schema_version"] == 1


def test_diamonds_in_a_row_are_linear() -> None:
    """200 diamonds: a check that enumerates paths would not end."""
    diamond = Block("branch", ((Block("step"),), (Block("step"),)))
    flow = compiled(Program((diamond,) * 200).source)
    assert len(flow.steps) == 802


def test_deep_nesting() -> None:
    body: tuple[Block, ...] = (Block("step"),)
    for _ in range(60):
        body = (Block("foreach", (body,)),)
    flow = compiled(Program(body).source)
    assert max(flow.foreach_depths.values()) == 60


def test_verifier_rejects_a_broken_ir() -> None:
    flow = compiled(Program((Block("step"),)).source)
    broken = flow.model_copy(update={"steps": flow.steps[1:]})
    with pytest.raises(IRError):
        verify(broken)
    step = flow.steps[1].model_copy(update={"parents": ()})
    with pytest.raises(IRError):
        verify(flow.model_copy(update={"steps": (flow.steps[0], step, *flow.steps[2:])}))
