"""Expressions on results: which tasks there are, what `flowc ir` and the plan have, types, errors, and attempts."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent, indent

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import Flow
from flowc_targets.package.run_plan import build_plan
from tests.local.flows import Local
from tests.support import flowc

HEAD = """
from typing import NamedTuple, Optional

from flowc import Retry, pipeline, step


class Split(NamedTuple):
    train: list
    score: float


@step
def split() -> Split:
    return Split([1, 2], 0.5)


@step
def load() -> Optional[int]:
    return 1


@step
def maybe() -> Optional[list[int]]:
    return [1]


@step
def either() -> "int | str":
    return 1


@step
def zero() -> int:
    return 0


@step
def use(x: int) -> int:
    return x


@step
def say(x: str) -> None:
    print(x)


@step
def show(x=None, y=None):
    return x


@pipeline
def main():
"""


def _write(body: str, folder: Path) -> Path:
    file = folder / "flow.py"
    file.write_text(f"{HEAD}{indent(dedent(body).strip(), '    ')}\n\n\nmain()\n", encoding="utf-8")
    return file


def _compiled(body: str, folder: Path) -> tuple[Flow, list[str]]:
    """The flow, and the codes of its warnings."""
    sink = DiagnosticSink()
    return compile_file(_write(body, folder), sink).flow, [item.code for item in sink.diagnostics]


TASKS = {
    "show(split().train[0] + 1)": ["split", "show"],
    "show(f'{split().score:.2f}', [len(split().train)])": ["split", "split_2", "show"],
    "show('a' if zero() > 0 else 'b')": ["zero", "show"],
    "x = 1\nif zero() > 0:\n    x = 2\nshow(x)": ["zero", "show"],
    "x = 1\nif zero() > 0:\n    x = 2\nelif zero() == 0:\n    x = 3\nshow(x)": ["zero", "zero_2", "show"],
    "show.map(split().train)": ["split", "show"],
    "show.map(split().train[1:])": ["split", "show"],
    "for i in range(zero()):\n    show(i)": ["zero", "show"],
    "for i, x in enumerate(split().train):\n    show(i, x)": ["split", "show"],
    "if split().score * 2 > 0.9:\n    show(1)": ["split", "show"],
    "found = []\nfor x in split().train:\n    found.append(use(x))\nshow(found)": ["split", "use", "show"],
    "show([use(x) for x in split().train])": ["split", "use", "show"],
    "show(sum(use(x + 1) for x in split().train) / 2)": ["split", "use", "show"],
    "show(zero().load() + 1)": ["zero", "show"],
}


@pytest.mark.parametrize("body", list(TASKS))
def test_an_expression_has_no_task_of_its_own(body: str, tmp_path: Path) -> None:
    flow, _ = _compiled(body, tmp_path)
    assert sorted(step.name for step in flow.steps if not step.virtual) == sorted(TASKS[body])


def test_ir_and_plan_have_the_expression_as_data(tmp_path: Path) -> None:
    flow, _ = _compiled("show(split().train[1:], y=f'{zero()!r:>4}')", tmp_path)
    show = json.loads(flow.model_dump_json())["steps"][-1]
    operation = show["call"]["arguments"][0]["value"]
    assert operation["operator"] == "getitem"
    assert operation["span"]["line"] == HEAD.count("\n") + 1
    plan = build_plan(flow)["steps"]["show"]["call"]["arguments"]
    at = f"flow.py:{HEAD.count(chr(10)) + 1}"
    train = {
        "operation": "getattr",
        "of": [{"output": ["split", "output"], "levels": 0}, {"literal": "train"}],
        "at": at,
    }
    bounds = [{"literal": 1}, {"literal": None}, {"literal": None}]
    assert plan["x"] == {"operation": "getitem", "of": [train, {"operation": "slice", "of": bounds}], "at": at}
    zero = {"output": ["zero", "output"], "levels": 0}
    shown = {"operation": "format", "of": [zero, {"literal": "r"}, {"literal": ">4"}], "at": at}
    assert plan["y"] == {"operation": "concat", "of": [shown]}


NARROWED = {
    "use(v)": 1,
    "if v is not None:\n    use(v)": 0,
    "if v is None:\n    use(v)": 1,
    "if v:\n    use(v)": 0,
    "if v != None:\n    use(v)": 0,
    "if not v:\n    return\nuse(v)": 0,
    "if v is None:\n    return\nuse(v)": 0,
    "if v is None:\n    v = zero()\nuse(v)": 0,
    "if v is None:\n    v = 0\nuse(v)": 0,
    "use(v if v is not None else 0)": 0,
    "use(0 if v is None else v)": 0,
    "use(v or 0)": 0,
    "use(v + 1)": 0,
    "if v is not None and v > 1:\n    use(v)": 0,
    "if v is None or v > 1:\n    use(v)": 1,
    "if v is None or v < 1:\n    zero()\nelse:\n    use(v)": 0,
    "if v is None:\n    zero()\nelif v > 3:\n    use(v)\nelse:\n    use(v)": 0,
    "ok = v is not None\nif ok:\n    use(v)": 0,
    "if v is not None:\n    use(v)\nuse(v)": 1,
    "if v is not None:\n    if w is not None:\n        use(v)": 0,
    "if zero() > 0 and v is not None:\n    use(v)": 0,
    "if isinstance(w, int):\n    use(w)\nelse:\n    say(w)": 0,
    "if isinstance(w, str):\n    use(w)": 1,
    "if not isinstance(w, int):\n    say(w)\nelse:\n    use(w)": 0,
    "if isinstance(w, (int, float)):\n    use(w)": 0,
    "use.map(m)": 1,
    "use.map(m or [])": 0,
    "if m is not None:\n    use.map(m)": 0,
    "if m is not None:\n    use(m[0])": 0,
    "if v is not None:\n    for i in range(v):\n        use(i)": 0,
    "say(f'{v}')\nuse(len(f'{v}'))": 0,
}


@pytest.mark.parametrize("body", list(NARROWED))
def test_types_know_what_conditions_say(body: str, tmp_path: Path) -> None:
    _, warnings = _compiled(f"v = load()\nw = either()\nm = maybe()\n{body}", tmp_path)
    assert warnings == ["FC311"] * NARROWED[body]


TYPES = {
    "use(f'{zero()}')": "`use` takes `int` for `x`, and gets `str`",
    "use(zero() / 2)": "gets `float`",
    "say(zero() + 1)": "gets `int`",
    "use(str(zero()))": "gets `str`",
    "say(len(split().train))": "gets `int`",
}


@pytest.mark.parametrize("body", list(TYPES))
def test_an_operation_has_a_type(body: str, tmp_path: Path) -> None:
    with pytest.raises(FlowcError) as caught:
        _compiled(body, tmp_path)
    (found,) = caught.value.diagnostics
    assert found.code == "FC310"
    assert TYPES[body] in found.message


HELP = {
    "n = zero()\nwhile n < 9:\n    n = use(n)": ("FC111", "write `while n < 9:` inside of one step"),
    "try:\n    use(1)\nexcept ValueError:\n    use(2)": ("FC110", "write `@catch` above the step `use`"),
    "for x in split().train:\n    y = x": ("FC111", "do it in a step that gets `split().train`"),
    "show(split().train.append(3))": ("FC111", "call it in a step that gets the result"),
}


@pytest.mark.parametrize("body", list(HELP))
def test_the_help_says_what_to_write(body: str, tmp_path: Path) -> None:
    with pytest.raises(FlowcError) as caught:
        _compiled(body, tmp_path)
    found = caught.value.diagnostics[0]
    assert found.code == HELP[body][0]
    assert HELP[body][1] in found.help


ERRORS = {
    "a = zero()\nshow([1][a + 5])": ("show", "IndexError: list index out of range", 2),
    "s = split()\nshow(\n    s.score,\n    s.train[7],\n)": ("show", "IndexError: list index out of range", 4),
    "show(zero() + 'a')": ("show", "TypeError: unsupported operand type(s)", 1),
    "s = split()\nx = s.nothing\nshow(x)": ("show", "AttributeError: 'Split' object has no attribute 'nothing'", 2),
    "a = zero()\nb = 1 / a\nshow(b + 1)": ("show", "ZeroDivisionError: division by zero", 2),
    "s = split()\nshow(s)\nif s.score < s.train:\n    show(1)": ("if_1", "TypeError: '<' not supported", 3),
    "a = zero()\nshow.map([1] / a)": ("zero", "TypeError: unsupported operand", 2),
    "show(f'{split().train:d}')": ("show", "TypeError: unsupported format string", 1),
    "a, b = split().train[1:]\nshow(a)": ("show", "ValueError: 2 values to unpack were expected, and there are 1", 1),
}


@pytest.mark.process
@pytest.mark.parametrize("body", list(ERRORS))
def test_an_error_names_the_line(body: str, tmp_path: Path) -> None:
    step, message, line = ERRORS[body]
    local = Local(tmp_path, _write(body, tmp_path).read_text(encoding="utf-8"), "flow.py")
    assert not local.run().ok
    said = "\n".join(local.says.err)
    assert f"at flow.py:{HEAD.count(chr(10)) + line}: {message}" in said
    assert f"step {step!r}" in said


ATTEMPTS = '''
import os
import random
from pathlib import Path

from flowc import Retry, pipeline, step


@step
def draw() -> list:
    return [random.random(), 1, 2]


@step(retry=Retry(limit=2))
def flaky(values: list, text: str) -> str:
    """Fails twice, having changed what it was given."""
    marks = Path(os.environ["MARKS"])
    with marks.open("a") as file:  # the turns of the loop run at once
        file.write(f"{values} {text}\\n")
    values.append("changed")
    if len(marks.read_text().splitlines()) < 3:
        raise ValueError("again")
    return text


@step
def last(values: list, texts: list) -> None:
    print("LAST", values, texts)
    if "FAIL" in os.environ:
        raise ValueError("not yet")


@pipeline
def main():
    drawn = draw()
    text = flaky(drawn[:1] + [len(drawn)], f"{drawn[0]:.9f}")
    found = []
    for i in range(drawn[2]):
        found.append(flaky.with_options(retry=None)([drawn[0] + i], text[:4]))
    last([drawn[0] * 2, *drawn], found)


main()
'''


@pytest.mark.process
def test_attempts_and_resumed_runs_see_the_same_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flow.py").write_text(ATTEMPTS, encoding="utf-8")
    monkeypatch.setenv("MARKS", str(tmp_path / "marks"))
    monkeypatch.setenv("FAIL", "1")
    failed = flowc(tmp_path, "run", "flow.py")
    assert failed.returncode == 1
    attempts = (tmp_path / "marks").read_text(encoding="utf-8").splitlines()
    assert len(attempts) == 5
    assert len(set(attempts[:3])) == 1
    monkeypatch.delenv("FAIL")
    resumed = flowc(tmp_path, "resume", "flow.py")
    assert resumed.returncode == 0, resumed.stderr
    assert (tmp_path / "marks").read_text(encoding="utf-8").splitlines() == attempts
    (said,) = {
        line.split("LAST")[1] for text in (failed, resumed) for line in text.stdout.splitlines() if "LAST" in line
    }
    assert attempts[0].split()[0].strip("[,") in said


def test_a_loop_in_an_arm_and_an_expression_of_an_item(tmp_path: Path) -> None:
    """What a task inside of a map computes, it computes with its own item."""
    flow, _ = _compiled(
        "for x in split().train:\n    if x > 1:\n        use(x * 2)\n    else:\n        show(x)", tmp_path
    )
    switch = next(step for step in flow.steps if step.kind == "switch")
    assert switch.tests[0].kind == "operation"
    assert flow.depth(switch) == 1


PARAMETERS = {
    "if use(n) > limit:\n    show(1)": (),
    "r = use(n)\nshow(f'{name}-{r}', r * limit)": (),
    "r = use(n)\nif r > limit and -limit < r + n:\n    show(name)": (),
    "r = split()\nshow(r.score - limit, len(r.train) + n)": (),
    "show(zero().load() + n)": (),
    "a, b = split()\nshow(a, b + limit)": (),
    "show(f'{name}')": ("name",),
    "r = use(n)\nshow(r + limit)\nfor i in range(n):\n    show(i)": ("n",),
    "r = use(n)\nif n > limit:\n    show(r)": ("limit", "n"),
    "x = 0\nif n > 5:\n    x = zero()\nshow(x + limit)": ("limit", "n"),
    "r = use(1)\nfor r in (1, 2):\n    show(r + n)": ("n",),
    "show([1, 2][n] + zero())": ("n",),
    "show({'a': n + zero(), 'b': limit})": ("limit",),
}


@pytest.mark.parametrize("body", list(PARAMETERS))
def test_a_parameter_that_is_computed_with_a_result_is_of_the_run(body: str, tmp_path: Path) -> None:
    text = _write(body, tmp_path).read_text(encoding="utf-8")
    signature = "def main(n: int = 1, limit: float = 0.5, name: str = 'a'):"
    (tmp_path / "flow.py").write_text(text.replace("def main():", signature), encoding="utf-8")
    sink = DiagnosticSink()
    flow = compile_file(tmp_path / "flow.py", sink).flow
    assert tuple(sorted(item.name for item in flow.parameters if item.fixed)) == PARAMETERS[body]
    assert {item.code for item in sink.diagnostics} <= ({"FC225"} if "if n" in body else set())
