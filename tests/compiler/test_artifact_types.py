"""Types of class flows: what is reported of values is what Python itself refuses, and no more."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from flowc_compiler.driver import compile_file
from flowc_compiler.passes.artifact_types import StepArtifacts, parameter_types, step_artifacts
from tests.support import diagnostics

VALUES = (
    "1", "-2", "1.5", "True", "None", "'a'", "b'a'", "[1]", "[]", "(1,)", "()", "{1: 2}", "{}", "{1}", "range(2)",
    "f'{1}'", "len('a')", "[i for i in range(2)]", "{i for i in 'ab'}", "{i: 1 for i in 'ab'}", "str(1)", "list('ab')",
    "sorted('ab')", "'a,b'.split(',')", "1 + 1", "1 / 2", "'a' * 3", "[1] + [2]", "not 1", "1 < 2", "round(1.5)",
    "max(1, 2)", "1 if len('a') else 2", "None or 'a'", "(1, 'a')[1]",
)  # fmt: skip
USES = (
    "self.x.append(1)", "self.x.upper()", "self.x.items()", "self.x.add(2)", "self.x.missing", "self.x.real",
    "self.x + 1", "self.x + 'a'", "1 + self.x", "'a' + self.x", "self.x * 2", "self.x - 1", "self.x / 2", "self.x // 2",
    "[1] + self.x", "self.x | {1}", "self.x < 1", "self.x < 'a'", "1 >= self.x", "self.x[0]", "self.x()",
    "len(self.x)", "[i for i in self.x]", "print(self.x.foo)", "x = self.x; x.append(1)", "-self.x", "~self.x",
    "str(self.x)", "self.x == 1", "self.x is None", "1 in [self.x]", "f'{self.x.bar}'", "x = self.x; x += 1",
    "self.y = self.x + 'b'", "y: int = self.x.baz", "self.x[0] = 1", "assert self.x.some is None", "self.x.index",
)  # fmt: skip
THROUGH: dict[str, Callable[[str, str], str]] = {
    "a step": lambda value, use: flow(start=f"self.x = {value}", end=use),
    "the same step": lambda value, use: flow(start=f"self.x = {value}\n{use}"),
    "a branch": lambda value, use: flow(
        start=f"self.x = {value}\nself.next(self.a, self.b)", a="self.next(self.join)", b="self.next(self.join)",
        join=f"self.merge_artifacts(inputs)\n{use}\nself.next(self.end)",
    ),
    "an input": lambda value, use: flow(
        start="self.next(self.a, self.b)", a=f"self.x = {value}\nself.next(self.join)", b="self.next(self.join)",
        join=f"self.x = inputs.a.x\n{use}\nself.next(self.end)",
    ),
    "an item": lambda value, use: flow(
        start=f"self.items = [{value}]\nself.next(self.work, foreach='items')",
        work=f"self.x = self.input\n{use}\nself.next(self.join)", join="self.next(self.end)",
    ),
    "items of a join": lambda value, use: flow(
        start="self.items = [1]\nself.next(self.work, foreach='items')",
        work=f"self.x = {value}\nself.next(self.join)",
        join=f"for_all = [i.x for i in inputs]\nself.x = inputs[0].x\n{use}\nself.next(self.end)",
    ),
    "an input with a name": lambda value, use: flow(
        start="self.items = [1]\nself.next(self.work, foreach='items')",
        work=f"self.x = {value}\nself.next(self.join)",
        join=f"first = inputs[0]\nself.x = first.x\n{use}\nself.next(self.end)",
    ),
    "a switch": lambda value, use: flow(
        start=f"self.x = {value}\nself.kind = str(current.run_id)\n"
        "self.next({'a': self.a, 'b': self.b}, condition='kind')",
        a="self.next(self.end)", b="self.next(self.end)", end=use,
    ),
}  # fmt: skip


def flow(*, head: str = "", **steps: str) -> str:
    """A flow's file; a step without a transition goes on to `end`."""
    text = f"from flowc import *\n\n\nclass F(FlowSpec):\n    {head or 'pass'}\n"
    for name, body in {"end": "pass", **steps}.items():
        inputs = ", inputs" if name == "join" else ""
        lines = body.splitlines()
        if name != "end" and not any("self.next" in line for line in lines):
            lines.append("self.next(self.end)")
        text += f"\n    @step\n    def {name}(self{inputs}):\n" + "".join(f"        {line}\n" for line in lines)
    return text


def fails(value: str, use: str) -> bool:
    """Whether Python refuses to do that with the value."""

    class Flow:
        x: object

    instance = Flow()
    names = {"self": instance}
    exec(f"self.x = {value}", names)
    try:
        exec(use, names)
    except (TypeError, AttributeError):
        return True
    except (KeyError, IndexError, AssertionError, ValueError):
        return False
    return False


@pytest.mark.parametrize("through", THROUGH)
@pytest.mark.parametrize("value", VALUES)
def test_what_python_refuses_is_reported(value: str, through: str, tmp_path: Path) -> None:
    """Each line that Python refuses is reported, and no other."""
    text = THROUGH[through](value, "\n".join(USES))
    found = [item for item in diagnostics(tmp_path, text) if item.code != "FC316"]
    assert {item.code for item in found} <= {"FC322"}
    lines = [item.span.line for item in found if item.span is not None]
    assert len(lines) == len(found)
    first = next(number for number, line in enumerate(text.splitlines(), 1) if line.strip() == USES[0])
    assert [USES[line - first] for line in sorted(set(lines))] == [use for use in USES if fails(value, use)]


def artifacts(folder: Path, text: str) -> dict[str, StepArtifacts]:
    """The artifacts of a flow's steps."""
    path = folder / "flow.py"
    path.write_text(text)
    compilation = compile_file(path)
    effects = compilation.effects() if compilation.effects is not None else None
    assert effects is not None
    return step_artifacts(compilation.flow, effects)


FOREACH = {
    "[1, 2]": True, "5": False, "None": False, "True": False, "len('ab')": False, "1.5": False, "'abc'": True,
    "range(3)": True, "{'a': 1}": True, "(1, 2)": True, "load": False, "lambda: [1]": False, "Bare()": False,
    "Bag()": True, "Old()": True, "load()": True, "count()": False, "unknown()": True, "self.n": False,
    "self.names": True, "self.load": False, "[] or None": True, "5 if unknown() else None": False,
    "5 if unknown() else [1]": True, "int('3')": False, "sum([1, 2])": False, "Inherits()": True, "self.LIMIT": False,
}  # fmt: skip
"""Values, and whether a foreach may go over them."""
TOP = """
from elsewhere import unknown
from flowc import *

def load() -> list[int]:
    return [1]

def count() -> int:
    return 3

class Bare:
    def method(self): ...

class Bag:
    def __iter__(self): return iter([1])

class Old:
    def __getitem__(self, place): return [1, 2][place]

class Inherits(Bag):
    pass
"""
HEAD = "n = Parameter('n', default=3)\n    names = Parameter('names', separator=',')\n    LIMIT = 3\n" + (
    "    def load(self): ..."
)
FANS: dict[str, Callable[[str], str]] = {
    "the same step": lambda value: flow(
        head=HEAD, start=f"self.items = {value}\nself.next(self.work, foreach='items')",
        work="self.next(self.join)", join="self.next(self.end)",
    ),
    "an earlier step": lambda value: flow(
        head=HEAD, start=f"self.items = {value}\nself.next(self.fan)", fan="self.next(self.work, foreach='items')",
        work="self.next(self.join)", join="self.next(self.end)",
    ),
    "a local variable": lambda value: flow(
        head=HEAD, start=f"found = {value}\nself.items = found\nself.next(self.fan)",
        fan="self.next(self.work, foreach='items')", work="self.next(self.join)", join="self.next(self.end)",
    ),
    "another artifact": lambda value: flow(
        head=HEAD, start=f"self.given = {value}\nself.next(self.fan)",
        fan="self.items = self.given\nself.next(self.work, foreach='items')", work="self.next(self.join)",
        join="self.next(self.end)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("through", FANS)
@pytest.mark.parametrize("value", FOREACH)
def test_a_foreach_goes_over_what_has_items(value: str, through: str, tmp_path: Path) -> None:
    text = TOP + FANS[through](value).replace("from flowc import *", "")
    found = {item.code for item in diagnostics(tmp_path, text)} - {"FC316", "FC612"}
    assert found == (set[str]() if FOREACH[value] else {"FC312"})


KEYS = ("'a', 'b'", "1, 2", "True, False", "1.0, 0.0", "'1', 'True'")
CHOICES = (
    "'a'", "'c'", "1", "3", "True", "1.0", "None", "[]", "len('a')", "str(1)", "not 1", "1 < 2", "1.5 * 2",
    "'a' if unknown() else 'c'", "'c' if unknown() else 'd'", "unknown()", "{}", "{}['a']",
)  # fmt: skip


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize(("value", "keys"), list(itertools.product(CHOICES, KEYS)))
def test_a_switch_has_a_case_for_its_value(value: str, keys: str, *, later: bool, tmp_path: Path) -> None:
    first, second = keys.split(", ")
    switch = f"self.next({{{first}: self.a, {second}: self.b}}, condition='kind')"
    begin = f"self.kind = {value}\n"
    steps = {"start": begin, "choose": switch} if later else {"start": begin + switch}
    if later:
        steps["start"] += "self.next(self.choose)"
    text = flow(**steps, a="self.next(self.end)", b="self.next(self.end)")
    text = text.replace("from flowc import *", "from elsewhere import unknown\nfrom flowc import *")
    found = {item.code for item in diagnostics(tmp_path, text)} - {"FC612"}
    assert found == ({"FC323"} if never(value, ast.literal_eval(f"[{keys}]")) else set[str]())


def never(value: str, cases: list[object]) -> bool:
    """Whether no value of the expression is one of the cases, as keys of a dict."""
    samples = {
        "len('a')": (1, 2), "str(1)": ("a", "1"), "not 1": (True, False), "1 < 2": (True, False),
        "1.5 * 2": (1.0, 0.0), "'a' if unknown() else 'c'": ("a", "c"), "'c' if unknown() else 'd'": ("c", "d"),
    }  # fmt: skip
    if value in {"unknown()", "{}['a']"}:
        return False
    return not any(item in cases for item in samples.get(value) or (ast.literal_eval(value),))


SILENT = """
self.d = {"x": 1}
self.d |= [("k", 1)]
self.d |= zip("a", "b")
self.d |= ()
---
if unknown():
    self.x.append(1)
---
for i in unknown():
    self.x.append(1)
---
try:
    self.x.append(1)
except AttributeError:
    pass
---
with suppress(AttributeError):
    self.x.append(1)
---
while unknown():
    self.x.append(1)
---
if unknown():
    return
self.x.append(1)
---
unknown() and self.x.append(1)
---
lambda: self.x.append(1)
---
[self.x.append(1) for _ in unknown()]
---
def inner():
    self.x.append(1)
---
self.x = [1]
self.x.append(1)
---
self.x = unknown()
self.x.append(1)
---
setattr(self, 'x', [])
self.x.append(1)
---
self.change()
self.x.append(1)
---
unknown(self)
self.x.append(1)
---
del self.x
self.x = []
self.x.append(1)
---
for self.x in [[]]:
    self.x.append(1)
---
x = 1
for x in [[]]:
    x.append(1)
---
x = 1
with unknown() as x:
    x.append(1)
---
x = 1
if unknown():
    x = []
x.append(1)
---
x = 1
try:
    x = []
except Exception:
    pass
x.append(1)
---
if (x := unknown()):
    pass
x.append(1)
---
x = 1
def inner():
    nonlocal x
    x = []
inner()
x.append(1)
---
x = 1
import x
x.append(1)
---
x = 1
match unknown():
    case x:
        x.append(1)
---
x = 1
while unknown():
    x.append(1)
    x = []
---
str = unknown()
x = str(1)
x.append(1)
---
self.x = self.y = unknown()
self.y.append(1)
---
(self.x, y) = unknown()
self.x.append(1)
---
[y, *z] = 1, 2
z.append(1)
---
x: int = unknown()
x.append(1)
---
x = {'a': 1}
x['b'] = []
x['b'].append(1)
---
x = [1]
x.append([])
x[1].append(1)
---
class x:
    append = print
x.append(1)
---
x = 1
class x:
    append = print
x.append(1)
---
x = 1
async def x(): ...
x.append = 1
---
with unknown():
    x = 1
    self.x.append(1)
"""
"""Bodies of a step behind one that sets `self.x` to 1, separated by lines of dashes."""


def test_nothing_is_said_of_lines_that_may_not_run(tmp_path: Path) -> None:
    for body in SILENT.split("---\n"):
        head = "def change(self):\n        self.x = []"
        text = flow(
            head=head, start="self.x = 1\nself.next(self.middle)", middle=f"{body.strip()}\nself.next(self.end)"
        )
        text = text.replace(
            "from flowc import *", "from contextlib import suppress\nfrom elsewhere import unknown\nfrom flowc import *"
        )
        assert not {item.code for item in diagnostics(tmp_path, text)} & {"FC312", "FC322", "FC323"}, body


def test_a_list_that_is_changed_may_hold_anything(tmp_path: Path) -> None:
    for change in ("self.items.append('a')", "add(self.items)", "x = self.items\nx.append('a')", "self.items[0] = 'a'"):
        text = flow(
            start=f"self.items = [1]\n{change}\nself.next(self.work, foreach='items')",
            work="self.input.upper()\nself.next(self.join)", join="self.next(self.end)",
        ).replace("from flowc import *", "from flowc import *\ndef add(items):\n    items[0] = 'a'\n")  # fmt: skip
        assert not diagnostics(tmp_path, text), change


def test_the_types_of_artifacts_are_short_text(tmp_path: Path) -> None:
    top = (
        "import pandas as pd\nfrom datetime import date\nclass Model:\n    pass\ndef load() -> dict[str, Model]: ...\n"
    )
    text = top + flow(
        head="n = Parameter('n', default=3)",
        start=(
            "self.items = [1, 2]\nself.frame = pd.read_csv('x.csv')\nself.model = Model()\nself.by_name = load()\n"
            "self.day = date.today()\nself.empty = []\nself.rows: list[str] = []\nself.pair = (1, 'a')\n"
            "if self.n:\n    self.either = 1\nelse:\n    self.either = None\nself.what = unknown\n"
            "self.double = self.n * 2\nself.next(self.work, foreach='items')"
        ),
        work="self.got = self.input\nself.next(self.join)",
        join="self.got = [i.got for i in inputs]\nself.merge_artifacts(inputs, include=['model'])\nself.next(self.end)",
    )  # fmt: skip
    found = artifacts(tmp_path, text.replace("self.what = unknown", "self.what = max"))
    assert found["start"].sets == {
        "items": "list[int]", "frame": "DataFrame", "model": "Model", "by_name": "dict[str, Model]", "day": "date",
        "empty": "list", "rows": "list[str]", "pair": "tuple[int, str]", "either": "int | None", "what": "",
        "double": "int",
    }  # fmt: skip
    assert found["work"].before == found["start"].after
    assert found["work"].sets == {"got": "int"}
    assert found["join"].after == {"got": "list[int]", "model": "Model"}
    assert found["end"] == StepArtifacts(found["join"].after, {}, found["join"].after)
    assert parameter_types(compile_file(tmp_path / "flow.py").flow) == {"n": "int"}
