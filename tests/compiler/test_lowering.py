"""Lowering: regions of a pipeline to the steps and scopes of a flow."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import (
    Argument,
    Call,
    CollectionValue,
    Flow,
    ItemValue,
    LiteralValue,
    MapCall,
    OperationValue,
    OutputValue,
    ParameterValue,
    Region,
    RegionNode,
    StepCall,
    SwitchCall,
    Value,
    verify,
)
from flowc_compiler.passes import run_passes
from flowc_compiler.source import Span

SPAN = Span(file="pipe.py", line=1, column=1, end_line=1, end_column=2)


def call(name: str, *values: Value | str, after: Sequence[str] = ()) -> StepCall:
    """A call of a step with the results of others, or other values."""
    arguments = tuple(
        Argument(name=f"a{index}", value=OutputValue(step=value) if isinstance(value, str) else value)
        for index, value in enumerate(values)
    )
    return StepCall(name=name, span=SPAN, call=Call(function=name, arguments=arguments), after=tuple(after))


def each(name: str, source: Value | str, *nodes: RegionNode) -> MapCall:
    """A map over the result of a step."""
    value = OutputValue(step=source) if isinstance(source, str) else source
    return MapCall(name=name, span=SPAN, sources=(value,), body=Region(nodes=nodes))


def switch(name: str, test: Value, *arms: Sequence[RegionNode]) -> SwitchCall:
    """An `if` with an `else`."""
    return SwitchCall(name=name, span=SPAN, tests=(test,), arms=tuple(Region(nodes=tuple(arm)) for arm in arms))


def item(name: str) -> ItemValue:
    """The item of a map."""
    return ItemValue(opener=name)


def lower(*nodes: RegionNode) -> Flow:
    """The flow of a pipeline; its IR holds together."""
    sink = DiagnosticSink()
    pipeline = Flow(name="pipe", span=SPAN, file="pipe.py", frontend="pipeline", body=Region(nodes=nodes))
    flow = run_passes(pipeline, sink)
    sink.raise_if_failed()
    assert flow is not None
    verify(flow)
    check(flow)
    return flow


def check(flow: Flow) -> None:
    """What targets take for granted."""
    for step in flow.steps:
        if step.kind == "join":
            assert step.closes
            assert sorted(name for arm in step.arms for name in arm) == sorted(step.parents)
        elif len(step.parents) > 1:  # arms of a switch come together
            assert any(scope.kind == "switch" for scope in flow.scopes)
        assert step.name == flow.start or step.parents
        assert step.name == flow.end or step.targets
    seen: set[str] = set()
    for step in flow.steps:
        assert seen.issuperset(step.parents)
        seen.add(step.name)
    for scope in flow.scopes:
        for name in (scope.opener, scope.closer):
            assert name is None or flow.by_name[name].scope == scope.parent


def shape(flow: Flow) -> dict[str, str]:
    """Step to its kind, and where it leads; virtual ones in brackets."""
    return {
        step.name: f"{'(' if step.virtual else ''}{step.kind}{')' if step.virtual else ''} {' '.join(step.targets)}"
        .rstrip() for step in flow.steps
    }  # fmt: skip


def scopes(flow: Flow) -> dict[str, tuple[str, ...]]:
    """Scope to its steps."""
    return {scope.id: scope.steps for scope in flow.scopes}


def test_a_fan_out_and_fan_in_is_a_branch_and_a_join() -> None:
    flow = lower(
        call("load"),
        call("a", "load"),
        call("b", "load"),
        call("combine", CollectionValue(kind="list", values=(OutputValue(step="a"), OutputValue(step="b")))),
    )
    assert shape(flow) == {"load": "branch a b", "a": "linear combine", "b": "linear combine", "combine": "join"}
    assert scopes(flow) == {"root": ("load", "combine"), "load/a": ("a",), "load/b": ("b",)}
    assert flow.by_name["combine"].model_dump()["closes"] == "load"


def test_an_edge_that_others_imply_is_left_out() -> None:
    flow = lower(call("load"), call("train", "load"), call("evaluate", "load", "train"), call("end", "evaluate"))
    assert shape(flow) == {
        "load": "linear train", "train": "linear evaluate", "evaluate": "linear end", "end": "linear",
    }  # fmt: skip


def test_several_first_and_last_calls_get_a_virtual_start_and_end() -> None:
    flow = lower(call("a"), call("b"), call("c", "a", "b"), call("d", "c"), call("e", "c"))
    assert shape(flow) == {
        "start": "(branch) a b", "a": "linear c_inputs", "b": "linear c_inputs", "c_inputs": "(join) c",
        "c": "branch d e", "d": "linear end", "e": "linear end", "end": "(join)",
    }  # fmt: skip
    assert (flow.start, flow.end) == ("start", "end")


def test_a_name_that_is_taken_is_not_given_again() -> None:
    assert shape(lower(call("start"), call("b"), call("end", "start", "b"))) == {
        "start_2": "(branch) start b", "start": "linear end", "b": "linear end", "end": "join",
    }  # fmt: skip


def test_the_first_step_is_a_task_when_there_are_parameters_of_the_run() -> None:
    flow = lower(call("a", ParameterValue(name="n")), call("b"))
    assert not flow.by_name["start"].virtual
    assert flow.by_name["end"].virtual


def test_a_map_is_opened_and_joined_by_the_calls_around_it() -> None:
    flow = lower(call("load"), each("m", "load", call("work", item("m"))), call("reduce", "work"))
    assert shape(flow) == {"load": "foreach work", "work": "linear reduce", "reduce": "join"}
    work, reduce = flow.by_name["work"].call, flow.by_name["reduce"].call
    assert work is not None
    assert reduce is not None
    assert work.arguments[0].value == ItemValue(opener="load")
    assert reduce.arguments[0].value == OutputValue(step="work", levels=1)
    assert scopes(flow) == {"root": ("load", "reduce"), "load": ("work",)}


def test_a_map_over_a_literal_list_has_a_fan() -> None:
    flow = lower(each("m", LiteralValue(value=[1, 2]), call("work", item("m"))))
    assert shape(flow) == {"m": "foreach work", "work": "linear m_join", "m_join": "(join)"}
    assert not flow.by_name["m"].virtual


def test_a_result_that_others_need_too_has_a_fan_beside_them() -> None:
    flow = lower(
        call("load"), each("m", "load", call("work", item("m"))), call("other", "load"), call("end", "work", "other")
    )
    assert shape(flow) == {
        "load": "branch m other", "m": "foreach work", "work": "linear m_join", "m_join": "(join) end",
        "other": "linear end", "end": "join",
    }  # fmt: skip


def test_a_map_that_several_calls_take_in_is_joined_once() -> None:
    flow = lower(
        call("load"), each("m", "load", call("work", item("m"))), call("r1", "work"), call("r2", "work"),
        call("r3", "r1", "r2"),
    )  # fmt: skip
    assert shape(flow) == {
        "load": "foreach work", "work": "linear m_join", "m_join": "(join) m_fork", "m_fork": "(branch) r1 r2",
        "r1": "linear r3", "r2": "linear r3", "r3": "join",
    }  # fmt: skip


def test_a_reduced_result_that_is_mapped_opens_the_next_map() -> None:
    flow = lower(
        call("load"), each("m", "load", call("work", item("m"))), call("regroup", "work"),
        each("n", "regroup", call("more", item("n"))), call("last", "more"),
    )  # fmt: skip
    assert shape(flow) == {
        "load": "foreach work", "work": "linear m_join", "m_join": "(join) regroup", "regroup": "foreach more",
        "more": "linear last", "last": "join",
    }  # fmt: skip


def test_maps_in_maps() -> None:
    inner = each("n", "split", call("work", item("n")))
    flow = lower(
        call("load"), each("m", "load", call("split", item("m")), inner, call("sum", "work")), call("total", "sum")
    )
    assert shape(flow) == {
        "load": "foreach split", "split": "foreach work", "work": "linear sum", "sum": "join total", "total": "join",
    }  # fmt: skip
    assert scopes(flow) == {"root": ("load", "total"), "load": ("split", "sum"), "split": ("work",)}


def test_a_graph_that_is_not_series_parallel_keeps_its_edges() -> None:
    flow = lower(call("a"), call("b", "a"), call("c", "a"), call("d", "b", "c"), call("e", "c"), call("f", "d", "e"))
    assert shape(flow) == {
        "a": "branch b c", "b": "linear d", "c": "branch d e", "d": "join f", "e": "linear f", "f": "join",
    }  # fmt: skip
    assert scopes(flow) == {"root": ("a", "b", "c", "d", "e", "f")}


def test_a_switch_is_opened_by_the_call_it_looks_at() -> None:
    test = OperationValue(operator="==", operands=(OutputValue(step="check"), LiteralValue(value="big")))
    flow = lower(
        call("check"),
        switch("s", test, [call("big", "check")], [call("small", "check")]),
        call("report", "check", after=["s"]),
    )
    assert shape(flow) == {
        "check": "switch big small", "big": "linear report", "small": "linear report", "report": "linear",
    }  # fmt: skip
    assert scopes(flow) == {"root": ("check", "report"), "check/big": ("big",), "check/small": ("small",)}


def test_an_empty_arm_has_a_virtual_step() -> None:
    flow = lower(call("check"), switch("s", OutputValue(step="check"), [call("big")], []))
    assert shape(flow) == {
        "check": "switch big s_start", "big": "linear s_merge", "s_start": "(linear) s_merge", "s_merge": "(linear)",
    }  # fmt: skip


def test_calls_that_wait_for_each_other_are_reported() -> None:
    with pytest.raises(Exception, match="FC204"):
        lower(call("a", after=["b"]), call("b", after=["a"]))


@pytest.mark.parametrize("seed", range(150))
def test_random_pipelines_become_flows(seed: int) -> None:
    rng = random.Random(seed)
    counter = iter(range(10_000))
    flow = lower(*_random_region(rng, counter, [], 3).nodes)
    _order_is_kept(flow)


def _random_region(rng: random.Random, counter: Iterator[int], outer: list[str], depth: int) -> Region:
    """Calls of results in sight, maps and switches of them, in any shape."""
    nodes: list[RegionNode] = []
    here = list(outer)
    for _ in range(rng.randrange(1, 6)):
        name = f"s{next(counter)}"
        seen = rng.sample(here, min(len(here), rng.randrange(0, 3)))
        kind = rng.random() if depth and here else 1.0
        if kind < 0.2:
            body = _random_region(rng, counter, [*here], depth - 1)
            nodes.append(each(name, rng.choice(here), *body.nodes))
            here += [node.name for node in body.nodes if isinstance(node, StepCall)]
        elif kind < 0.35:
            arms = [_random_region(rng, counter, [*here], depth - 1).nodes for _ in range(2)]
            nodes.append(switch(name, OutputValue(step=rng.choice(here)), *arms))
        else:
            nodes.append(call(name, *seen))
            here.append(name)
    return Region(nodes=tuple(nodes))


def _order_is_kept(flow: Flow) -> None:
    """Whatever a step reads has run when it starts: it is above it, or in a body or arm that has ended above it."""
    above: dict[str, set[str]] = {}
    for step in flow.steps:
        above[step.name] = set().union(*(above[parent] | {parent} for parent in step.parents))
        values = [argument.value for argument in step.call.arguments] if step.call else []
        for value in values:
            if isinstance(value, OutputValue):
                assert value.step in above[step.name], f"{step.name} does not wait for {value.step}"


def test_a_long_chain_and_deep_nesting_need_no_recursion() -> None:
    chain = lower(*(call(f"s{number}", *[f"s{number - 1}"][:number]) for number in range(10_000)))
    assert len(chain.steps) == 10_000
    nested: list[RegionNode] = [call("innermost")]
    for depth in range(1_000):
        body = each(f"m{depth}", f"load{depth}", *nested)
        nested = [call(f"check{depth}"), switch(f"if{depth}", OutputValue(step=f"check{depth}"), [body], [])]
        nested.insert(0, call(f"load{depth}"))
    flow = lower(*nested)
    assert flow.depth(flow.by_name["innermost"]) == 1_000
