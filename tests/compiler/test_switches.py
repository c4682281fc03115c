"""Switches in the scopes pass: where arms come together, what they stand in, and what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.ir import Flow
from flowc_compiler.passes.scopes import PostDominators
from tests.flowgen.lowering import lowered
from tests.support import compiled, unchecked_artifacts


@pytest.fixture(scope="module", autouse=True)
def only_the_graph() -> Iterator[None]:
    """These flows have steps that lead to others, and set nothing that they choose by."""
    with unchecked_artifacts():
        yield


def source(**steps: str) -> str:
    """A flow of these steps: `b` next, `b c` a branch, `b|c` a switch, `b*` a foreach; a leading `+` makes a join."""
    lines = ["from flowc import FlowSpec, step", "", "class F(FlowSpec):"]
    for name, text in steps.items():
        signature = "self, inputs" if text.startswith("+") else "self"
        lines += ["    @step", f"    def {name}({signature}):", f"        {_next(text.removeprefix('+'))}", ""]
    return "\n".join(lines)


def _next(text: str) -> str:
    if not text:
        return "pass"
    if "|" in text:
        cases = ", ".join(f"{number}: self.{name}" for number, name in enumerate(text.split("|")))
        return f"self.next({{{cases}}}, condition='c')"
    targets = ", ".join(f"self.{name}" for name in text.rstrip("*").split())
    return f"self.next({targets}, foreach='items')" if text.endswith("*") else f"self.next({targets})"


def switched(tmp_path: Path, **steps: str) -> Flow:
    return compiled(tmp_path, source(**steps)).flow


def scopes(flow: Flow) -> dict[str, str]:
    return {step.name: step.scope for step in flow.steps}


def test_arms_that_come_together(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="a|b", a="c", b="c", c="end", end="")
    assert scopes(flow) == {"start": "root", "a": "start/a", "b": "start/b", "c": "root", "end": "root"}
    assert {scope.closer for scope in flow.scopes if scope.kind == "switch"} == {"c"}


def test_an_arm_may_be_empty(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="a|end", a="end", end="")
    assert scopes(flow) == {"start": "root", "a": "start/a", "end": "root"}
    assert [scope.id for scope in flow.scopes] == ["root", "start/a"]


def test_some_arms_come_together_before_others(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="a|b|c", a="m", b="m", c="n", m="n", n="end", end="")
    assert scopes(flow)["m"] == "start/m"
    assert scopes(flow)["n"] == "root"


def test_arms_of_nested_switches_come_together_at_once(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="t|u", t="p|q", p="x", q="y", u="y", x="y", y="end", end="")
    assert scopes(flow) | {"x": "t/p", "y": "root"} == scopes(flow)


def test_arms_end_in_the_join_of_a_foreach(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="s*", s="a|b", a="j", b="c", c="j", j="+end", end="")
    join = flow.by_name["j"]
    assert join.kind == "join"
    assert (join.closes, join.arms) == ("start", (("a", "c"),))
    assert {scope.closer for scope in flow.scopes if scope.kind == "switch"} == {None}


def test_arms_end_in_the_join_of_a_branch(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="s t", s="a|b", a="j", b="j", t="j", j="+end", end="")
    join = flow.by_name["j"]
    assert join.kind == "join"
    assert join.arms == (("a", "b"), ("t",))


def test_a_split_within_an_arm(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="a|b", a="w*", w="j", j="+end", b="x y", x="k", y="k", k="+end", end="")
    assert scopes(flow) | {"w": "a", "j": "start/a", "k": "start/b", "end": "root"} == scopes(flow)


def test_recursion(tmp_path: Path) -> None:
    flow = switched(tmp_path, start="s", s="s|end", end="")
    step = flow.by_name["s"]
    assert step.kind == "switch"
    assert step.recursive
    assert (step.targets, step.parents, flow.depth(step)) == (("end",), ("start",), 1)


WRONG = {
    "a join of a switch": ({"start": "a|b", "a": "j", "b": "j", "j": "+end", "end": ""}, {"FC208"}),
    "a switch straight into a join": ({"start": "s*", "s": "a|j", "a": "j", "j": "+end", "end": ""}, {"FC218"}),
    "no inputs": ({"start": "a b", "a": "c|d", "c": "m", "b": "m", "d": "m", "m": "end", "end": ""}, {"FC210"}),
    "one arm leaves a foreach": ({"start": "s*", "s": "a|b", "a": "j", "b": "end", "j": "+end", "end": ""}, {"FC207"}),
    "a loop of two": ({"start": "a", "a": "b|c", "b": "a", "c": "end", "end": ""}, {"FC204"}),
}


@pytest.mark.parametrize(("steps", "codes"), WRONG.values(), ids=WRONG)
def test_what_cannot_be(tmp_path: Path, steps: dict[str, str], codes: set[str]) -> None:
    with pytest.raises(FlowcError) as caught:
        switched(tmp_path, **steps)
    assert {item.code for item in caught.value.diagnostics} == codes


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    """An acyclic graph: for each step but the last the later ones that it leads to."""
    size = draw(st.integers(2, 14))
    return [
        draw(st.lists(st.integers(number + 1, size - 1), min_size=1, max_size=3, unique=True))
        for number in range(size - 1)
    ]


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_scopes_and_post_dominators_of_switches(graph: list[list[int]]) -> None:
    """Against their definitions: what is left of the graph when a step is taken out."""
    last = len(graph)
    reached = _without(graph, 0, None)
    names = {number: f"s{number}" for number in reached} | {0: "start", last: "end"}
    steps = {names[n]: "|".join(names[target] for target in graph[n]) for n in sorted(reached - {last})}
    flow = lowered(source(**steps, end=""))
    after = PostDominators(flow)
    for number in reached:
        for through in reached:
            needed = number == through or last not in _without(graph, number, through)
            assert after.passes(names[number], names[through]) == needed
    numbers = {name: number for number, name in names.items()}
    for step in flow.steps:
        if step.scope != "root":
            opener, _, first = step.scope.partition("/")
            assert opener in numbers
            assert step.name == first or numbers[step.name] not in _without(graph, 0, numbers[first])


def _without(graph: list[list[int]], start: int, removed: int | None) -> set[int]:
    """The steps that are reached from one when another is taken out."""
    seen: set[int] = set() if start == removed else {start}
    pending = list(seen)
    while pending:
        number = pending.pop()
        for target in graph[number] if number < len(graph) else ():
            if target != removed and target not in seen:
                seen.add(target)
                pending.append(target)
    return seen
