"""Files with thousands of errors about artifacts: twice as many take twice as long, not four times."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import Diagnostic
from tests.support import diagnostics

Steps = Iterable[tuple[str, str, str]]
"""Name, body and what follows."""


def flow_text(steps: Steps) -> str:
    lines = ["import random", "from flowc import FlowSpec, step", "class F(FlowSpec):"]
    for name, body, after in steps:
        arguments = "self, inputs" if name.startswith("join") else "self"
        following = f"self.next({after})" if after else "pass"
        lines += ["    @step", f"    def {name}({arguments}):", *(f"        {line}" for line in body.splitlines())]
        lines.append(f"        {following}")
    return "\n".join(lines) + "\n"


def chain(names: list[str], bodies: Callable[[int], str]) -> Steps:
    following = [*(f"self.{name}" for name in names[1:]), ""]
    return [(name, bodies(n), after) for n, (name, after) in enumerate(zip(names, following, strict=True))]


def never_set(n: int) -> str:
    return flow_text(chain(["start", *(f"s{i}" for i in range(n - 2)), "end"], lambda i: f"print(self.x{i})"))


def set_later(n: int) -> str:
    names = ["start", *(f"s{i}" for i in range(n - 1)), "end"]
    reads = [*(f"print(self.x{i})\n" for i in range(n)), ""]
    return flow_text(chain(names, lambda i: f"{reads[i]}self.x{i - 1 if i else 'n'} = 1"))


def lost(n: int) -> str:
    sets = "\n".join(f"self.x{i} = 1" for i in range(n))
    head = [("start", sets, "self.a, self.b"), ("a", "", "self.join"), ("b", "", "self.join"), ("join", "", "self.s0")]
    rest = chain([*(f"s{i}" for i in range(n - 1)), "end"], lambda i: f"print(self.x{i})")
    return flow_text([*head, *rest])


def lost_in_many_joins(n: int) -> str:
    steps: list[tuple[str, str, str]] = [("start", "", "self.w0")]
    for i in range(n):
        after = f"self.w{i + 1}" if i < n - 1 else "self.end"
        steps += [(f"w{i}", f"self.x{i} = 1", f"self.a{i}, self.b{i}"), (f"join{i}", "", after)]
        steps += [(f"{arm}{i}", "", f"self.join{i}") for arm in "ab"]
    return flow_text([*steps, ("end", "\n".join(f"print(self.x{i})" for i in range(n)), "")])


def set_on_one_arm(n: int) -> str:
    sets = "\n".join(f"self.x{i} = 1" for i in range(n))
    start = ("start", "self.k = random.choice('ab')", "{'a': self.a, 'b': self.b}, condition='k'")
    rest = chain([*(f"s{i}" for i in range(n)), "end"], lambda i: "" if i < n else sets.replace(" = 1", " += 1"))
    return flow_text([start, ("a", sets, "self.s0"), ("b", "", "self.s0"), *rest])


def names_that_look_alike(n: int) -> str:
    bodies = ["\n".join(f"self.value_{i} = 1" for i in range(n)), "\n".join(f"self.valeu_{i} += 1" for i in range(n))]
    return flow_text([("start", bodies[0], "self.end"), ("end", bodies[1], "")])


def other_arms(n: int) -> str:
    """Each arm reads what the next one sets, and what all others set; the join reads from inputs that are not there."""
    arms = [f"self.a{i}" for i in range(n)]
    steps = [(f"a{i}", f"print(self.x{(i + 1) % n}, self.y)\nself.x{i} = self.y = 1", "self.join") for i in range(n)]
    reads = "\n".join(f"print(inputs.c{i})" for i in range(n))
    return flow_text([("start", "", ", ".join(arms)), *steps, ("join", reads, "self.end"), ("end", "", "")])


KINDS: dict[Callable[[int], str], tuple[str, int]] = {
    never_set: ("FC317", 1),
    set_later: ("FC317", 1),
    lost: ("FC318", 1),
    lost_in_many_joins: ("FC318", 1),
    set_on_one_arm: ("FC319", 1),
    names_that_look_alike: ("FC317", 1),
    other_arms: ("FC317", 2),
}
"""The code of the errors, and how many there are of it for each of `n`."""


def timed(folder: Path, text: str) -> tuple[float, tuple[Diagnostic, ...]]:
    began = time.process_time()
    found = diagnostics(folder, text)
    return time.process_time() - began, found


@pytest.mark.parametrize("kind", KINDS)
def test_time_grows_with_the_number_of_errors(kind: Callable[[int], str], tmp_path: Path) -> None:
    code, times = KINDS[kind]
    timed(tmp_path, kind(10))  # what is imported and computed once
    (some, _), (more, found) = (timed(tmp_path, kind(n)) for n in (400, 1600))
    reported = [item for item in found if item.code == code]
    assert len(reported) == 1600 * times, [item.message for item in found][:3]
    assert all(item.help and item.span for item in reported)
    assert more < 4 * 2.2 * some + 0.5
