"""What ZenML itself makes of pipelines, and that flowc makes the same of them.

Needs the environment of ZenML that tests/bench/setup makes. Where flowc is meant to differ from what is recorded here,
docs/zenml.md says so.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import pytest

from tests.pipelines.asking_zenml import answers_of_zenml
from tests.pipelines.comparing import Outcome, run_flowc

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.oracle
HEAD = """
from typing import Annotated, Tuple
from zenml import pipeline, step, unmapped

@step
def load() -> list[int]:
    return [1, 2, 3]

@step
def empty() -> list[int]:
    return []

@step
def letters() -> list[str]:
    return ["a", "b"]

@step
def inc(x: int, by: int = 1) -> int:
    return x + by

@step
def inc_2(x: int) -> int:
    return x + 100

@step
def total(xs: list[int]) -> int:
    return sum(xs)

@step
def lists(xs: list) -> list:
    return xs

@step
def spell(x: int, letter: str) -> str:
    return f"{letter}{x}"

@step
def expand(x: int) -> list[int]:
    return list(range(x))

@step(name="renamed")
def named(x: int) -> int:
    return x

@step
def nothing() -> None:
    pass

@step
def two() -> Tuple[int, str]:
    return 1, "b"

@step
def mixed(x: int) -> Tuple[Annotated[int, "first"], str]:
    return x, str(x)

@step
def one_tuple() -> Tuple[int]:
    return (7,)

@step
def bare() -> tuple:
    return (7, 8)

@step
def whole() -> Annotated[Tuple[int, int], "pair"]:
    return (7, 8)

@step
def untyped(x):
    return x, 2

@step
def broken() -> int:
    raise KeyError("x")

@pipeline
def inner(x: int):
    return inc(inc(x))

@pipeline
def fixed(x: int):
    return inc(x, id="fixed")

"""
BODIES = {
    "repeated": "a = inc(1); b = inc(a); c = inc(x=b); inc_2(c); named(1); named(c)",
    "copies": "copy = inc.with_options(enable_cache=False); copy(1); inc(2); inc.with_options(enable_cache=True)(3)",
    "nested": "r = inner(3); s = inner(r); inc(s, id='last'); fixed(s)",
    "twice": "fixed(1); fixed(2)",
    "outputs": "nothing(); two(); mixed(4); one_tuple(); bare(); whole(); untyped(5)",
    "unpacked": "a, b = mixed(4); inc(a); c = two(); inc(c[0])",
    "waiting": "a = inc(1); b = inc(2, after=a); c = inc(3, after=[a, b]); d = inc(4, after=['inc', 'inc_2'])",
    "waits_for_later": "inc(1, after='load'); load()",
    "waits_for_nothing": "inc(1, after='nobody')",
    "collected": "xs = [inc(i) for i in range(3)]; total(xs); lists([]); lists([1, 2])",
    "failing": "inc(broken()); inc(5)",
    "wrong_type": "inc('a')",
    "too_many": "inc(1, 2, 3)",
    "unknown_argument": "inc(1, z=2)",
    "missing": "inc()",
    "iterated": "for x in load(): inc(x)",
}
DYNAMIC = {
    "mapped": "xs = load(); m = inc.map(xs, by=unmapped(10)); total(m); n = inc.map(m); total(n); inc(1)",
    "mapped_literal": "m = inc.map(load(), by=3); total(m); total(m)",
    "whole_lists": "total.map(expand.map(load()))",
    "products": "a = load(); b = letters(); lists(spell.product(x=a, letter=b)); lists(spell.product(letter=b, x=a))",
    "unequal": "spell.map(x=load(), letter=letters())",
    "map_of_none": "inc.map(empty())",
    "map_of_literal": "inc.map(x=[1, 2])",
    "unpacked_map": "a, b = mixed.map(x=load()).unpack(); total(a); lists(b)",
    "chosen": """
    x = inc(2)
    if x.load() > 5: r = inc(x)
    elif x.load() == 3: r = inc_2(x)
    else: r = inc(0)
    inc(r)""".strip(),
    "loaded_sum": "inc(inc(1).load() + inc(2).load() * 2)",
    "loaded_text": "spell(3, f'{inc(1).load()}-{letters().load()[1]!r}')",
    "loaded_choice": "a = inc(2); inc(5 if a.load() > 2 else 6)",
    "loaded_entries": "a = load(); inc(a.load()[-1], by=len(a.load())); lists(a.load()[1:])",
    "loaded_functions": "a = load(); inc(sum(a.load()), by=max(a.load())); lists(sorted(a.load(), reverse=True))",
    "loaded_condition": """
    a = inc(2)
    if a.load() > 2 and not a.load() % 2: r = inc(a)
    else: r = inc_2(a)
    inc(r)""".strip(),
    "loaded_loop": """
    found = []
    for x in load().load():
        found.append(inc(x))
    total(found)""".strip(),
    "loaded_loop_of_results": """
    for x in load().load():
        inc_2(inc(x, by=x * 2))""".strip(),
    "loaded_range": """
    for i in range(inc(1).load()):
        inc(i)""".strip(),
    "loaded_enumerate": """
    for i, letter in enumerate(letters().load()):
        spell(i, f"{letter}!")""".strip(),
    "loaded_if_in_loop": """
    for x in load().load():
        if x % 2: inc(x)
        else: inc_2(x)""".strip(),
    "loaded_comprehension": "total([inc(x) for x in load().load()])",
    "futures": "a = inc.submit(3); b = inc.submit(a.result()); inc(a.load() + b.load())",
}
LOADED = [name for name in DYNAMIC if name.startswith("loaded") or name in {"chosen", "futures"}]
REFUSED = {
    "twice": "Duplicate invocation ID `fixed`",
    "waits_for_nothing": "Invalid upstream steps: {'nobody'}",
    "wrong_type": "Input validation failed for input 'x'",
    "too_many": "too many positional arguments",
    "unknown_argument": "got an unexpected keyword argument 'z'",
    "missing": "Missing entrypoint input 'x'",
    "iterated": "Unable to unpack step artifact",
    "unequal": "All mapped input artifacts must have the same item counts",
    "map_of_none": "has 0 items and cannot be mapped over",
    "map_of_literal": "No inputs to map over found",
}


def source(name: str) -> str:
    """The file of a case, without the call at its end."""
    dynamic = name in DYNAMIC
    body = DYNAMIC[name] if dynamic else BODIES[name]
    lines = "\n".join(f"    {line}" for line in body.split("; "))
    return f"{HEAD}@pipeline({'dynamic=True, ' if dynamic else ''}enable_cache=False)\ndef main():\n{lines}\n"


STATIC_CASES = [name for name in BODIES if name not in REFUSED and name != "failing"]


@pytest.fixture(scope="module")
def zenml(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ZenML says of every case, by name."""
    folder = tmp_path_factory.mktemp("zenml")
    files = [folder / f"{name}.py" for name in (*BODIES, *DYNAMIC)]
    for file in files:
        file.write_text(source(file.stem), encoding="utf-8")
    return answers_of_zenml(folder, files)


@pytest.mark.parametrize("name", STATIC_CASES)
def test_names_and_outputs_are_those_of_zenml(name: str, zenml: dict[str, Any], tmp_path: Path) -> None:
    theirs = zenml[name]
    assert theirs["error"] is None
    steps = {step: said["outputs"] for step, said in theirs["steps"].items()}
    assert _outputs(_flowc(name, tmp_path)) == steps


@pytest.mark.parametrize("name", ["mapped", "mapped_literal", "whole_lists", "products", "unpacked_map"])
def test_what_is_mapped_is_that_of_zenml(name: str, zenml: dict[str, Any], tmp_path: Path) -> None:
    """ZenML calls the children of a map `map:inc:0`; for flowc they are tasks of `inc`."""
    theirs = zenml[name]
    assert theirs["error"] is None
    steps = {step: said["outputs"] for step, said in theirs["steps"].items()}
    assert _outputs(_flowc(name, tmp_path)) == steps


@pytest.mark.parametrize("name", LOADED)
def test_a_value_that_is_loaded_in_the_body(name: str, zenml: dict[str, Any], tmp_path: Path) -> None:
    """ZenML runs the body while steps run, and names each turn of a loop; for flowc turns are tasks of one step."""
    theirs = zenml[name]
    assert theirs["error"] is None
    values = sorted(value for step in theirs["steps"].values() for value in step["outputs"].values())
    ours = [task.artifacts for task in _flowc(name, tmp_path).tasks.values()]
    assert sorted(repr(value) for artifacts in ours for value in artifacts.values()) == values


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_zenml_refuses(name: str, zenml: dict[str, Any]) -> None:
    assert REFUSED[name] in zenml[name]["error"]


def test_a_failure_stops_what_needs_it_only(zenml: dict[str, Any], tmp_path: Path) -> None:
    assert {step: said["status"] for step, said in zenml["failing"]["steps"].items()} == {
        "broken": "failed",
        "inc_2": "completed",
    }
    found = _flowc("failing", tmp_path)
    assert not found.ok
    assert {place[0] for place, task in found.tasks.items() if not task.committed} == {"broken"}


def _flowc(name: str, folder: Path) -> Outcome:
    file = folder / f"{name}.py"
    file.write_text(textwrap.dedent(source(name)) + "\n\nmain()\n", encoding="utf-8")
    return run_flowc(file)


def _outputs(found: Outcome) -> dict[str, dict[str, str]]:
    assert found.ok, found.log
    return {_label(*place): {name: repr(value) for name, value in task.artifacts.items()}
            for place, task in found.tasks.items()}  # fmt: skip


def _label(step: str, path: tuple[int, ...]) -> str:
    return f"map:{step}:{path[0]}" if path else step
