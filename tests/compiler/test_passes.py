"""The passes over random flows: scopes, joins, order; and their cost."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings

from flowc_compiler.ir import Flow, IRError, verify
from tests.flowgen.blocks import Block, flows
from tests.flowgen.lowering import lowered
from tests.flowgen.plain import Program


@settings(deadline=None, max_examples=60)
@given(flows(max_leaves=12))
def test_random_flows(blocks: tuple[Block, ...]) -> None:
    writer = Program(blocks)
    flow = lowered(writer.source)
    assert {step.name: step.closes for step in flow.steps if step.kind == "join"} == writer.closes
    assert {step.name: flow.depth(step) for step in flow.steps} == writer.depths
    position = {step.name: number for number, step in enumerate(flow.steps)}
    assert all(position[parent] < position[step.name] for step in flow.steps for parent in step.parents)
    assert Flow.model_validate_json(flow.model_dump_json()) == flow
    assert json.loads(flow.model_dump_json())["schema_version"] == 1


def test_diamonds_in_a_row_are_linear() -> None:
    """200 diamonds: a check that enumerates paths would not end."""
    diamond = Block("branch", ((Block("step"),), (Block("step"),)))
    flow = lowered(Program((diamond,) * 200).source)
    assert len(flow.steps) == 802


def test_deep_nesting() -> None:
    body: tuple[Block, ...] = (Block("step"),)
    for _ in range(60):
        body = (Block("foreach", (body,)),)
    flow = lowered(Program(body).source)
    assert max(flow.foreach_depths.values()) == 60


def test_verifier_rejects_a_broken_ir() -> None:
    flow = lowered(Program((Block("step"),)).source)
    broken = flow.model_copy(update={"steps": flow.steps[1:]})
    with pytest.raises(IRError):
        verify(broken)
    step = flow.steps[1].model_copy(update={"parents": ()})
    with pytest.raises(IRError):
        verify(flow.model_copy(update={"steps": (flow.steps[0], step, *flow.steps[2:])}))
