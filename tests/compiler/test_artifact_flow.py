"""What is known of artifacts before anything runs: eleven mistakes in five spellings each, and what must stay silent.

A line with a mistake ends in `# CODE`, and one that is to be changed in `# -> what to write`; both may stand on one
line. The flow that is changed so has no diagnostic.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

import pytest

from flowc_compiler.diagnostics import Diagnostic
from flowc_compiler.rewrite.fixes import apply_fixes
from flowc_compiler.source import SourceFile, Span
from tests.support import diagnostics, flowc, write_files

SHAPES = {
    "line": {"start": "self.middle", "middle": "self.end", "end": ""},
    "branch": {"start": "self.a, self.b", "a": "self.join", "b": "self.join", "join": "self.end", "end": ""},
    "foreach": {"start": "self.work, foreach='items'", "work": "self.join", "join": "self.end", "end": ""},
    "switch": {
        "start": "{'a': self.a, 'b': self.b}, condition='kind'", "a": "self.meet", "b": "self.meet",
        "meet": "self.end", "end": "",
    },
}  # fmt: skip
"""The steps of each shape, and what follows them."""
ALWAYS = {"foreach": {"start": "self.items = [1, 2]"}, "switch": {"start": "self.kind = 'ab'[current.retry_count]"}}
MARK = re.compile(r"  # (FC\d{3})?(?: ?-> ?(.*))?$", re.MULTILINE)


class Row(NamedTuple):
    """A flow: its shape, and the lines of its steps; `head` stands in its class, `top` before it, `next_*` replace."""

    shape: str
    lines: dict[str, str]

    def text(self) -> str:
        """The flow's file."""
        lines = self.lines
        parts = ["from flowc import *", textwrap.dedent(lines.get("top", "")), "", "class F(FlowSpec):"]
        parts += textwrap.indent(textwrap.dedent(lines.get("head", "")), "    ").splitlines()
        for step, after in SHAPES[self.shape].items():
            own = ALWAYS.get(self.shape, {}).get(step, "pass") if f"no_{step}" not in lines else "pass"
            following = lines.get(f"next_{step}", f"self.next({after})" if after else "pass")
            body = "\n".join([own, textwrap.dedent(lines.get(step, "pass")).strip("\n"), following])
            arguments = "self, inputs" if step == "join" else "self"
            parts += [f"    {lines.get(f'above_{step}', '')}", "    @step", f"    def {step}({arguments}):"]
            parts += textwrap.indent(body, "        ").splitlines()
        return "\n".join(parts) + "\n"


def row(shape: str, **lines: str) -> Row:
    """A flow of a shape."""
    return Row(shape, lines)


MISTAKES: dict[str, list[Row]] = {
    "foreach over something never set": [
        row(
            "foreach",
            no_start="",
            next_start="self.next(self.work, foreach='rows')  # FC317 -> self.next(self.work, foreach='items')",
            start="self.items = [1]",
        ),
        row(
            "foreach",
            no_start="",
            start="items = [1]  # -> self.items = [1]",
            next_start="self.next(self.work, foreach='items')  # FC317",
        ),
        row(
            "foreach",
            no_start="",
            start="self.item = [1]  # -> self.items = [1]",
            next_start="self.next(\n    self.work,\n    foreach='items',  # FC317\n)",
        ),
        row(
            "foreach",
            no_start="",
            head="def load(self):\n    rows = [1]\n    self.row = rows  # -> self.items = rows",
            start="self.load()",
            next_start="self.next(self.work, foreach='items')  # FC317",
        ),
        row(
            "foreach",
            no_start="",
            start="pass  # -> self.items = [3]",
            work="self.items = [1]",
            next_start="self.next(self.work, foreach='items')  # FC317",
        ),
    ],
    "a typo in an artifact": [
        row("line", start="self.result = 1", middle="print(self.reslut)  # FC317 -> print(self.result)"),
        row("line", start="self.result: int = 1", end="x = [n for n in range(3) if n > self.resutl]  # FC317 -> x = 1"),
        row(
            "line",
            head="def show(self):\n    return f'{self.reuslt}'  # FC317 -> return self.result",
            start="self.result = 1",
            end="self.show()",
        ),
        row("line", start="self.counts, self.total = {}, 0", middle="self.totl += 1  # FC317 -> self.total += 1"),
        row(
            "line",
            top="def report(flow):\n    print(getattr(flow, 'scroe'))  # FC317 -> print(flow.score)",
            start="self.score = 1",
            end="report(self)",
        ),
    ],
    "a join reads from its inputs what no arm sets": [
        row(
            "branch",
            a="self.x = 1",
            b="self.x = 2",
            join="print([i.y for i in inputs])  # FC317 -> print([i.x for i in inputs])",
        ),
        row("branch", a="self.x = 1", b="self.x = 2", join="print(inputs.a.y)  # FC317 -> print(inputs.a.x)"),
        row("foreach", work="self.x = self.input", join="print(inputs[0].y)  # FC317 -> print(inputs[0].x)"),
        row(
            "foreach",
            work="self.x = self.input",
            join="for n, task in enumerate(inputs):\n    print(n)\n    print(task.y)  # FC317 -> print(task.x)",
        ),
        row(
            "foreach",
            work="self.x = self.input",
            join="best = max(inputs, key=lambda i: i.y)  # FC317 -> best = max(inputs, key=lambda i: i.x)",
        ),
    ],
    "another arm's artifact through self": [
        row("branch", a="self.x = 1", b="print(self.x)  # FC317 -> pass"),
        row("branch", a="setattr(self, 'x', 1)", b="y = self.x + 1  # FC317 -> y = 1"),
        row("switch", a="self.x = 1", b="if self.kind:\n    print(self.x)  # FC317 -> pass"),
        row(
            "branch",
            head="def use(self):\n    return self.x  # FC317 -> return 1",
            a="for self.x in range(3):\n    pass",
            b="self.use()",
        ),
        row(
            "branch",
            a="with open('f') as self.x:\n    pass\nself.x = 1",
            b="print({k: self.x for k in 'ab'})  # FC317 -> pass",
        ),
    ],
    "lost in a join and read later": [
        row(
            "branch",
            a="self.x = 1",
            b="self.x = 2",
            join="pass  # -> self.x = inputs.a.x",
            end="print(self.x)  # FC318",
        ),
        row("branch", start="self.x = 1", join="pass  # -> self.merge_artifacts(inputs)", end="print(self.x)  # FC318"),
        row(
            "foreach",
            work="self.x = self.input",
            join="x = [i.x for i in inputs]  # -> self.x = [i.x for i in inputs]",
            end="for y in self.x:  # FC318\n    pass",
        ),
        row(
            "branch",
            start="self.x = 1",
            join="self.merge_artifacts(inputs, exclude=['x'])  # -> self.merge_artifacts(inputs)",
            end="print(getattr(self, 'x'))  # FC318",
        ),
        row(
            "foreach",
            start="self.x = 1\nself.y = 2",
            join="self.merge_artifacts(inputs, include=['y'])  # -> self.merge_artifacts(inputs, include=['x'])",
            head="@property\ndef double(self):\n    return 2 * self.x  # FC318",
            end="print(self.double)",
        ),
    ],
    "a certain conflict in merge_artifacts": [
        row(
            "branch",
            a="self.x = 1",
            b="self.x = 2",
            join="self.merge_artifacts(inputs)  # FC320 -> self.merge_artifacts(inputs, exclude=['x'])",
        ),
        row(
            "branch",
            a="self.x = 'a'",
            b="self.x: str = 'b'",
            join="self.merge_artifacts(inputs, include=['x'])  # FC320 -> self.x = inputs.a.x",
        ),
        row(
            "branch",
            a="self.x, self.y = 1, 1",
            b="self.x, self.y = 2, 1",
            join="self.merge_artifacts(inputs=inputs, exclude=['y'])  # FC320 -> self.merge_artifacts(inputs, ['x'])",
        ),
        row(
            "branch",
            start="self.x = 0",
            a="setattr(self, 'x', None)",
            b="self.x = [1]",
            join="self.y = 1\nself.merge_artifacts(inputs)  # FC320 -> self.merge_artifacts(inputs, ['x'])",
        ),
        row(
            "branch",
            head="def mark(self):\n    self.x = 'arm'",
            a="self.mark()",
            b="self.x = 'other'",
            join="pass  # -> self.x = 1\nself.merge_artifacts(inputs, ['z'])  # FC320",
        ),
    ],
    "set on one arm of a switch only": [
        row("switch", a="self.x = 1", b="pass  # -> self.x = 2", meet="print(self.x)  # FC319"),
        row("switch", a="self.x = 1", b="pass  # -> self.x = 2", end="y = self.x  # FC319"),
        row("switch", a="self.x = 1", b="self.y = 1  # -> self.x = 2", meet="self.x += 1  # FC319"),
        row(
            "switch",
            head="def use(self):\n    return self.x  # FC319",
            a="pass  # -> self.x = 2",
            b="self.x, y = 1, 2",
            meet="self.use()",
        ),
        row(
            "switch",
            b="self.x = [1]",
            meet="total = 0\nfor i in self.x:  # FC319 -> for i in getattr(self, 'x', []):\n    total += i",
        ),
    ],
    "inputs.c without an arm c": [
        row("branch", a="self.x = 1", join="print(inputs.c.x)  # FC226 -> print(inputs.a.x)"),
        row("branch", a="self.x = 1", join="arm = inputs.start  # FC226 -> arm = inputs.a\nprint(arm.x)"),
        row("branch", a="self.x = 1", join="self.x = inputs.aa.x  # FC226 -> self.x = inputs.a.x"),
        row("foreach", work="self.x = 1", join="print(inputs.works.x)  # FC226 -> print(inputs.work.x)"),
        row("branch", a="self.x = 1", join="print(f'{inputs.join.x}')  # FC226 -> pass"),
    ],
    "a Parameter is assigned": [
        row("line", head="p = Parameter('p', default=1)", middle="self.p = 2  # FC321 -> self.q = 2"),
        row("line", head="p = Parameter('p', default=1)", middle="self.p += 1  # FC321 -> self.q = self.p + 1"),
        row("line", head="c = Config('c', default_value={})", middle="self.y, self.c = 1, 2  # FC321 -> self.y = 1"),
        row(
            "line",
            head="p = Parameter('p', type=int)\ndef clean(self):\n    self.p = 1 + self.p  # FC321 -> self.q = self.p",
            start="self.clean()",
        ),
        row("line", head="LIMIT = 3", middle="setattr(self, 'LIMIT', 4)  # FC321 -> pass"),
    ],
    "an early return": [
        row("line", start="self.x = 1\nif self.x:\n    return  # FC227 -> pass"),
        row("line", middle="for i in range(3):\n    if i:\n        return None  # FC227 -> pass"),
        row("line", middle="try:\n    import nothing\nexcept ImportError:\n    return  # FC227 -> pass"),
        row("branch", a="with open('f') as file:\n    if not file.read():\n        return  # FC227 -> pass"),
        row(
            "foreach",
            work="match self.input:\n    case 1:\n        return print(1)  # FC227 -> pass\n    case _:\n        pass",
        ),
    ],
    "self.inputs": [
        row("branch", a="self.x = 1", join="print([i for i in self.inputs])  # FC317 -> print([i for i in inputs])"),
        row(
            "branch", a="self.x = 1", join="self.merge_artifacts(self.inputs)  # FC317 -> self.merge_artifacts(inputs)"
        ),
        row("branch", a="self.x = 1", join="self.x = self.inputs[0].x  # FC317 -> self.x = inputs[0].x"),
        row("foreach", join="for i in self.inputs:  # FC317 -> for i in inputs:\n    print(i)"),
        row("line", middle="print(len(self.inputs))  # FC317 -> pass"),
    ],
}


def expected(text: str) -> tuple[str, int]:
    """The code and line of a flow's mistake."""
    (found,) = [
        (match[1], n) for n, line in enumerate(text.splitlines(), 1) if (match := MARK.search(line)) and match[1]
    ]
    return found


def corrected(text: str) -> str:
    """The flow with its lines changed."""
    lines: list[str] = []
    for line in text.splitlines():
        match = MARK.search(line)
        changed = line[: len(line) - len(line.lstrip())] + match[2] if match is not None and match[2] else line
        lines.append(MARK.sub("", changed))
    return "\n".join(lines) + "\n"


CASES = [
    pytest.param(item, id=f"{mistake}-{number}".replace(" ", "-"))
    for mistake, rows in MISTAKES.items()
    for number, item in enumerate(rows)
]


def test_there_are_eleven_mistakes_in_five_spellings() -> None:
    assert [len(rows) for rows in MISTAKES.values()] == [5] * 11


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_found(case: Row, tmp_path: Path) -> None:
    text = case.text()
    code, line = expected(text)
    (found,) = diagnostics(tmp_path, MARK.sub("", text))
    assert found.span is not None
    assert (found.code, found.span.line) == (code, line), found
    assert found.help
    assert found.severity == ("warning" if code == "FC319" else "error")
    assert not diagnostics(tmp_path, corrected(text))


EXPRESSION = re.compile(r"`([^`]+)`")


def with_line(text: str, step: str, line: str) -> str:
    """A flow with one more line at the beginning of a step."""
    return re.sub(rf"(    def {step}\(.*\n)", rf"\1        {line}\n", text, count=1)


def with_expression(text: str, span: Span, new: str) -> str:
    """A flow with another expression at a span."""
    source = SourceFile(Path("f"), text)
    return text[: source.offset(span.line, span.column)] + new + text[source.offset(span.end_line, span.end_column) :]


def with_other_name(line: str, new: str) -> str:
    """A line that assigns `self.new_x` where it assigned `self.x`: `new` is what the help line says."""
    name = new.partition(" = ")[0].removeprefix("self.new_")
    if "setattr" in line:
        return line.replace(f"'{name}'", f"'new_{name}'")
    if "+=" in line:
        return line.replace(f"self.{name} +=", f"self.new_{name} = self.{name} +")
    return line.replace(f"self.{name}", f"self.new_{name}", 1)


def with_choice(text: str, merge: str, help_text: str) -> str:
    """A flow whose call of `merge_artifacts` leaves `x` out, as the help line says."""
    if "add `exclude=" in help_text:
        return text.replace(merge, f"{merge[:-1]}, exclude=['x'])")
    if "to `exclude`" in help_text:
        return text.replace(merge, merge.replace("['", "['x', '"))
    return text.replace(merge, "pass")  # it included nothing else


def ways_out(text: str, found: Diagnostic) -> list[str]:
    """The flow as the help line says, for each of the ways that it names."""
    assert found.span is not None
    line = text.splitlines()[found.span.line - 1]
    help_text = found.help.replace(" = ...", " = 1" if "+ 1" in line else " = [1]")
    first, *others = EXPRESSION.findall(help_text)
    step, *_ = EXPRESSION.findall(found.message)
    match help_text.split()[:3]:
        case ["did", "you", "mean"]:
            return [text.replace(line, line.replace("totl", first))]
        case ["set", "it", "before:" | "here"]:
            return [with_line(text, step, first)]
        case ["set", "it", "in"]:
            return [with_line(text, first, others[0])]
        case ["set", "it", "before"]:
            for name in others:
                text = with_line(text, name, first)
            return [text]
        case ["set", "it", "there"]:
            read = [] if "+=" in line else [with_expression(text, found.span, others[1])]
            return [with_line(text, others[0], first), *read]
        case ["take", "it", "over"]:
            return [with_line(text, first, other) for other in others]
        case ["choose", "one", "before"]:
            return [with_line(text, "join", first), with_choice(text, line.strip(), help_text)]
        case ["its", "inputs", "are"]:
            return [with_expression(text, found.span, first)]
        case ["use", "another", "name:"]:
            return [text.replace(line, with_other_name(line, first))]
        case ["only", "a", "join"]:
            return [with_line(with_expression(text, found.span, "self.artifact"), step, "self.artifact = []")]
        case _:
            raise AssertionError(f"no way to do it: {help_text}")


@pytest.mark.parametrize("case", CASES)
def test_the_help_line_ends_the_mistake(case: Row, tmp_path: Path) -> None:
    """The edit of `--fix`, and what the help line says, done literally: the file has no diagnostic then."""
    text = MARK.sub("", case.text())
    (found,) = diagnostics(tmp_path, text)
    assert found.span is not None
    ways: list[str] = []
    if found.fix is not None:
        ways.append(apply_fixes(text.encode(), [(found.fix, found.span)], "flow.py").decode())
        assert ways != [text]
    if found.code == "FC227":  # the table itself has the path that does not return
        assert "into an `if`" in found.help
    elif found.fix is None or found.fix.kind == "insert":
        ways += ways_out(text, found)
    for way in ways:
        assert not shown(diagnostics(tmp_path, way)), way


FIXABLE = {
    "foreach over something never set": 1,
    "a typo in an artifact": 5,
    "lost in a join and read later": 3,
    "inputs.c without an arm c": 1,
    "self.inputs": 4,
}
"""How many of the five spellings `--fix` corrects; of the others, the way out is not certain."""


def test_what_is_certain_has_a_fix(tmp_path: Path) -> None:
    found = {
        mistake: sum(diagnostics(tmp_path, MARK.sub("", item.text()))[0].fix is not None for item in rows)
        for mistake, rows in MISTAKES.items()
    }
    assert {mistake: count for mistake, count in found.items() if count} == FIXABLE


def shown(found: tuple[Diagnostic, ...]) -> list[str]:
    return [f"{item.code} {item.span.line if item.span else 0}: {item.message}" for item in found]


REPLACED = {
    "exec": {"start": "exec('self.n = [1]')"},
    "the dict": {"start": "self.__dict__['n'] = [1]"},
    "vars": {"start": "vars(self).update(n=[1])"},
    "another name": {"start": "me = self\nme.n = [1]"},
    "a list of flows": {"start": "for f in [self]:\n    f.n = [1]"},
    "the class": {"start": "type(self).fill(self)"},
    "a manager": {"start": "with self:\n    pass", "head": "def __enter__(self):\n    self.n = [1]"},
    "a call of the flow": {"start": "self()", "head": "def __call__(self):\n    self.n = [1]"},
    "super": {"start": "getattr(super(), 'fill')()"},
    "a starred argument": {"start": "fill(*[self])"},
    "a default": {"start": "def go(flow=self):\n    flow.n = [1]\ngo()"},
    "a generator": {"start": "list(self.fill())", "head": "def fill(self):\n    self.n = [1]\n    yield"},
    "a decorated method": {"start": "self.fill()", "head": "@wrapped\ndef fill(self):\n    pass"},
    "a property": {
        "start": "self.m = [1]",
        "head": "@property\ndef m(self):\n    return 1\n@m.setter\ndef m(self, value):\n    self.n = value",
    },
}
"""What replaces `self.n` without an assignment to it."""
SHADOWED = {
    "at the top": {"top": "def len(x):\n    return [1]", "start": "self.n = len('x')"},
    "in the step": {"start": "len = lambda x: [1]\nself.n = len('x')"},
    "by globals": {"top": "globals()['len'] = list", "start": "self.n = len('x')"},
    "by an import": {"top": "from lists import *", "start": "self.n = len('x')"},
}
MERGED_ITEMS = {
    "of one item": {"start": "self.items = [1]", "work": "self.y = self.input"},
    "of equal items": {"start": "self.items = ['a', 'a']", "work": "self.y = self.input"},
    "of items that are changed": {"start": "self.items = [1, 2]\nself.items.pop()", "work": "self.y = self.index"},
    "that is set before": {"work": "self.y = self.index", "join": "self.y = 1\nself.merge_artifacts(inputs)"},
    "that is left out": {"work": "self.y = self.input", "join": "self.merge_artifacts(inputs, exclude=['y'])"},
    "that is set again": {"work": "self.y = self.input\nself.y = 1"},
    "that is deleted": {"work": "self.y = self.input\ndel self.y"},
    "that is set in an if": {"work": "self.y = 1\nif self.index == 7:\n    self.y = self.input"},
    "of another object": {"work": "from types import SimpleNamespace as N\nx = N(input=1)\nself.y = x.input"},
    "of a parameter": {
        "start": "pass",
        "head": "items = Parameter('items', default='[1]', type=JSONType)",
        "work": "self.y = self.input",
    },
}
"""Merges of what the tasks of a foreach set that may be well."""
MERGED_ARMS = {
    "the same value": {"start": "self.x = 1", "a": "self.x = 1"},
    "perhaps the same value": {"start": "self.x = 1", "a": "self.x = 2", "b": "if self.x:\n    self.x = 2"},
    "what is deleted": {"start": "self.x = 1", "a": "self.x = 2", "b": "del self.x"},
    "what the other arm changes": {"start": "self.x = [1]", "a": "self.x = [1, 2]", "b": "self.x.append(2)"},
    "what is computed before": {"start": "self.x = int('2')", "a": "self.x = 2"},
    "what the other arm passes on": {"start": "self.x = 1", "a": "self.x = 2", "b": "fill(self)"},
}
SILENT = {
    "a foreach over a property": row(
        "foreach",
        head="@property\ndef rows(self):\n    return self.items",
        next_start="self.next(self.work, foreach='rows')",
    ),
    "a foreach over what hides a method": row(
        "foreach",
        head="def rows(self):\n    pass",
        start="self.rows = [1]",
        next_start="self.next(self.work, foreach='rows')",
    ),
    "a property with a setter that sets nothing": row(
        "line",
        head="@property\ndef rate(self):\n    return 1\n@rate.setter\ndef rate(self, value):\n    pass",
        start="self.rate = 3",
    ),
    "a property that is set in a try": row(
        "line",
        head="@property\ndef rate(self):\n    return 1",
        start="try:\n    self.rate = 3\nexcept AttributeError:\n    pass",
    ),
    "a list of the inputs by their name": row(
        "branch",
        a="self.x = 1",
        b="self.x = 2",
        join="inputs = list(inputs)\ninputs.sort(key=lambda i: i.x)\nprint(inputs)",
    ),
    "a function that gets the inputs and may not read them": row(
        "branch",
        top="def gather(tasks, kind):\n    return [t.y for t in tasks] if kind else [t.x for t in tasks]",
        a="self.x = 1",
        b="self.x = 2",
        join="print(gather(inputs, 0))",
    ),
    "a function that gets the inputs": row(
        "branch",
        top="def gather(kind, *, tasks):\n    return [t.x for t in tasks]",
        a="self.x = 1",
        b="self.x = 2",
        join="print(gather(0, tasks=inputs))\nother = inputs\nprint(other.a.x, getattr(other, 'c', None))",
    ),
    "a function of the name of another": row(
        "branch",
        top="def gather(tasks):\n    return [t.y for t in tasks]",
        a="self.x = 1",
        join="gather = len\nprint(gather(inputs))",
    ),
    "a return behind self.next": row("line", start="if current.retry_count:\n    self.next(self.middle)\n    return"),
    "a return behind two of it": row(
        "line",
        start="if current.retry_count:\n    self.next(self.middle)\nelse:\n    self.next(self.middle)\nreturn",
    ),
    "a function that is never called": row("line", start="def f():\n    return self.x"),
    "a function that another one calls, which is never called": row(
        "line", start="def f():\n    return self.x\ndef g():\n    return f()\nh = lambda: g()"
    ),
    "a generator that nothing takes": row(
        "line", start="g = (self.x for _ in 'ab')\nm = map(str, (self.x for _ in 'ab'))"
    ),
    **{
        f"a merge {name}": row(
            "foreach",
            **{"no_start": "", "start": "self.items = [1, 2]", "join": "self.merge_artifacts(inputs)", **lines},
        )
        for name, lines in MERGED_ITEMS.items()
    },
    **{
        f"a merge of {name}": row("branch", join="self.merge_artifacts(inputs)", **lines)
        for name, lines in MERGED_ARMS.items()
    },
    **{
        f"a placeholder that is replaced by {name}": row(
            "foreach",
            **{**lines, "start": f"self.n = 0\n{lines['start']}"},
            next_start="self.next(self.work, foreach='n')",
        )
        for name, lines in REPLACED.items()
    },
    **{
        f"a builtin that is shadowed {name}": row(
            "foreach", **lines, no_start="", next_start="self.next(self.work, foreach='n')"
        )
        for name, lines in SHADOWED.items()
    },
    "a merge of lists that are changed in place": row(
        "branch",
        a="self.m = [1]\nself.m.append(2)",
        b="self.m = [1, 2]",
        join="self.merge_artifacts(inputs)",
        end="print(self.m)",
    ),
    "a merge of lists that a function changes": row(
        "branch",
        top="def fill(rows):\n    rows.append(2)",
        a="self.m = [1]\nfill(self.m)",
        b="self.m = [1, 2]",
        join="self.merge_artifacts(inputs)",
    ),
    "a merge of dicts whose items a method sets": row(
        "branch",
        head="def fill(self):\n    self.m['v'] = 1",
        a="self.m = {}\nself.fill()",
        b="self.m = {'v': 1}",
        join="self.merge_artifacts(inputs)",
    ),
    "a merge of lists of lists that a loop changes": row(
        "branch",
        a="self.m = [[0]]\nfor r in self.m:\n    r.append(1)",
        b="self.m = [[0, 1]]",
        join="self.merge_artifacts(inputs)",
    ),
    "a merge of lists with another name": row(
        "branch",
        a="self.m = rows = [1]\nrows.append(2)",
        b="self.m = [1, 2]",
        join="self.merge_artifacts(inputs)",
    ),
    "a merge of its own": row(
        "branch",
        head="def merge_artifacts(self, inputs, exclude=(), include=()):\n"
        "    super().merge_artifacts(inputs, exclude=['m'])",
        a="self.m = self.n = 1",
        b="self.m, self.n = 2, 1",
        join="self.merge_artifacts(inputs)\nprint(self.n)",
        end="print(self.n)",
    ),
    "a merge by another name": row(
        "branch",
        start="self.n = 1",
        a="self.m = 1",
        b="self.m = 2",
        join="merge = self.merge_artifacts\nmerge(inputs, exclude=['m'])\nprint(self.n)",
    ),
    "a merge by getattr": row(
        "branch", start="self.n = 1", join="getattr(self, 'merge_artifacts')(inputs)", end="print(self.n)"
    ),
    "a merge that another function calls": row(
        "branch",
        top="def call(function, *args):\n    return function(*args)",
        start="self.n = 1",
        join="call(self.merge_artifacts, inputs)",
        end="print(self.n)",
    ),
    "hasattr": row("line", end="if hasattr(self, 'x'):\n    print(self.x)"),
    "getattr with a default": row("line", end="print(getattr(self, 'x', None))"),
    "hasattr with a name that is computed": row(
        "line", end="if all(hasattr(self, n) for n in ['x', 'y']):\n    print(self.x)"
    ),
    "an AttributeError is caught": row("line", end="try:\n    print(self.x)\nexcept AttributeError:\n    pass"),
    "any exception is caught": row("line", end="try:\n    print(self.x)\nexcept Exception as e:\n    print(e)"),
    "all is caught": row("line", end="try:\n    print(self.x)\nexcept:\n    pass"),
    "a strange exception is caught": row(
        "line", top="from lib import Missing", end="try:\n    print(self.x)\nexcept Missing:\n    pass"
    ),
    "contextlib.suppress": row(
        "line", top="import contextlib", end="with contextlib.suppress(AttributeError):\n    print(self.x)"
    ),
    "pytest.raises": row("line", top="import pytest", end="with pytest.raises(AttributeError):\n    print(self.x)"),
    "assert_exception": row(
        "line", top="from checks import assert_exception", end="assert_exception(lambda: self.x, AttributeError)"
    ),
    "a function that is passed on": row(
        "line", top="from checks import attempt", end="def f():\n    return self.x\nattempt(f)"
    ),
    "setattr with a name that is computed": row(
        "line", start="for n in ('x', 'y'):\n    setattr(self, n, 1)", end="print(self.x)"
    ),
    "__dict__": row("line", start="self.__dict__.update(x=1)", end="print(self.x)"),
    "vars": row("line", start="vars(self)['x'] = 1", end="print(self.x)"),
    "exec": row("line", start="exec('self.x = 1')", end="print(self.x)"),
    "passed to foreign code": row("line", top="import lib", start="lib.fill(self)", end="print(self.x)"),
    "an alias": row("line", start="flow = self\nflow.x = 1", end="print(self.x)"),
    "in a list": row("line", start="for flow in [self]:\n    flow.x = 1", end="print(self.x)"),
    "a helper": row(
        "line", top="def fill(flow, value):\n    flow.x = value", start="fill(self, 1)", end="print(self.x)"
    ),
    "a helper by keyword": row(
        "line", top="def fill(value, *, flow):\n    flow.x = value", start="fill(1, flow=self)", end="print(self.x)"
    ),
    "a helper with a decorator": row(
        "line", top="import lib\n@lib.wrap\ndef fill(flow):\n    pass", start="fill(self)", end="print(self.x)"
    ),
    "a method": row("line", head="def fill(self):\n    self.x = 1", start="self.fill()", end="print(self.x)"),
    "a method of the class": row(
        "line", head="def fill(self):\n    self.x = 1", start="F.fill(self)", end="print(self.x)"
    ),
    "methods that call each other": row(
        "line",
        head="def f(self, n):\n    if n:\n        self.g(n - 1)\n    print(self.x)\n"
        "def g(self, n):\n    self.x = 1\n    self.f(n)",
        start="self.g(1)",
    ),
    "a method with a decorator": row(
        "line", top="import lib", head="@lib.wrap\ndef fill(self):\n    pass", start="self.fill()", end="print(self.x)"
    ),
    "a method that somebody calls": row(
        "line",
        top="from threading import Thread",
        head="def fill(self):\n    self.x = 1",
        start="t = Thread(target=self.fill)\nt.start()\nt.join()",
        end="print(self.x)",
    ),
    "a method that is a generator": row(
        "line", head="def fill(self):\n    self.x = 1\n    yield 1", start="list(self.fill())", end="print(self.x)"
    ),
    "a function in a step": row("line", start="def fill():\n    self.x = 1\nfill()", end="print(self.x)"),
    "a property with a setter": row(
        "line",
        head="@property\ndef y(self):\n    return self.x\n@y.setter\ndef y(self, value):\n    self.x = value",
        start="self.y = 1",
        end="print(self.x)",
    ),
    "a step with a decorator": row(
        "line",
        top="def fill(f):\n    def wrapped(self):\n        self.x = 1\n        f(self)\n    return wrapped",
        above_start="@fill",
        end="print(self.x)",
    ),
    "a class attribute": row("line", head="x = 1", end="print(self.x)"),
    "attributes of the class of other kinds": row(
        "line",
        head="import os\nfrom json import dumps as d\nclass K:\n    pass\ndef m(self):\n    pass\nx, y = 1, 2",
        end="print(self.os, self.d, self.K, self.m, self.x, self.y)",
    ),
    "__init__": row(
        "line",
        head="def __init__(self, use_cli=True):\n    self.x = 1\n    super().__init__(use_cli)",
        end="print(self.x)",
    ),
    "__getattr__": row("line", head="def __getattr__(self, name):\n    return 1", end="print(self.x)"),
    "set on the class": row("line", start="type(self).x = 1\nprint(self.x)"),
    "set on the class by its name": row("line", start="F.x = 1\nprint(self.x)"),
    "a class that is passed on": row("line", head="", end="print(self.x)\nimport lib\nlib.patch(F)"),
    "a local base": row(
        "line",
        top="class Base(FlowSpec):\n    def fill(self):\n        self.x = 1\n"
        "    @property\n    def twice(self):\n        return self.x * 2",
        start="Base.fill(self)",
        end="print(self.x)",
    ),
    "a parameter": row(
        "line",
        head="p = Parameter('p', default=1)\nc = Config('c', default_value={})\nf = IncludeFile('f', default='f')",
        end="print(self.p, self.c)",
    ),
    "what FlowSpec has": row(
        "foreach", work="print(self.input, self.index, self.foreach_stack(), self.name, self.script_name)"
    ),
    "@catch": row("line", above_middle="@catch(var='failure')", middle="print(self.x)", end="print(self.failure)"),
    "what @metaflow_ray sets": row(
        "line", above_middle="@metaflow_ray", middle="print(self.checkpoint_path)", end="print(self.checkpoint_path)"
    ),
    "after @catch": row("line", above_middle="@catch(var='failure')", middle="self.x = 1", end="print(self.x)"),
    "an early return with @catch": row("line", above_middle="@catch(var='failure')", middle="if True:\n    return"),
    "returns of the end": row("line", end="if True:\n    return\nprint(1)"),
    "returns of a function in a step": row("line", start="def f():\n    return 1\nx = list(map(lambda n: n, [f()]))"),
    "a loop": row("line", start="for i in range(3):\n    if i:\n        print(self.x)\n    self.x = i"),
    "a while loop": row(
        "line",
        start="n = 0\nwhile n < 3:\n    n += 1\n    if n > 1:\n        print(self.x)\n        continue\n    self.x = n",
    ),
    "set by a handler": row(
        "line", start="try:\n    self.x = int('1')\nexcept ValueError:\n    self.x = 2", end="print(self.x)"
    ),
    "set before a raise": row(
        "line",
        start="try:\n    if self.name:\n        self.x = 1\n        raise ValueError\n"
        "except ValueError:\n    print(self.x)",
    ),
    "set in one way of an if": row(
        "line", start="if self.name:\n    self.x = 1", end="if self.name:\n    print(self.x)"
    ),
    "set by a method that returns early": row(
        "line",
        head="def fill(self):\n    if self.name:\n        self.x = 1\n        return\n    self.y = 2",
        start="self.fill()\nprint(self.x, self.y)",
    ),
    "set by a match": row(
        "line",
        start="match self.name:\n    case 'F':\n        self.x = 1\n    case _:\n        self.x = 2\nprint(self.x)",
    ),
    "set in one arm and read in a condition": row(
        "switch", a="self.x = 1", meet="if self.kind == 'a':\n    print(self.x)"
    ),
    "set in one arm and read after a condition": row(
        "switch", a="self.x = 1", meet="y = self.x if self.kind == 'a' else 0\nz = self.kind == 'a' and self.x"
    ),
    "set in one arm and read by the end's guard": row(
        "switch", a="self.x = 1", end="if self.kind != 'a':\n    return\nprint(self.x)"
    ),
    "set in one arm, which is always taken": row(
        "switch", no_start="", start="self.kind = 'a'", a="self.x = 1", meet="print(self.x)"
    ),
    "an early return of a gang's member": row(
        "line", start="if current.parallel.node_index != 0:\n    if self.name:\n        return"
    ),
    "merged": row(
        "branch",
        start="self.x = 1",
        a="self.y = 1",
        b="self.z = 2",
        join="self.merge_artifacts(inputs)",
        end="print(self.x, self.y, self.z)",
    ),
    "merged by a helper": row(
        "branch",
        head="def merge(self, inputs):\n    self.merge_artifacts(inputs)",
        start="self.x = 1",
        join="self.merge(inputs)",
        end="print(self.x)",
    ),
    "merged with a computed list": row(
        "branch",
        a="self.x = 1",
        b="self.x = 2",
        join="self.merge_artifacts(inputs, exclude=[n for n in 'x'])",
        end="print(1)",
    ),
    "merged but set before": row(
        "branch", a="self.x = 1", b="self.x = 2", join="self.x = 3\nself.merge_artifacts(inputs)"
    ),
    "equal values merged": row("branch", a="self.x = 1", b="self.x = 1", join="self.merge_artifacts(inputs)"),
    "values that look alike merged": row(
        "branch", a="self.x = 1", b="self.x = True", join="self.merge_artifacts(inputs)"
    ),
    "a conflict in a condition": row(
        "branch",
        head="strict = Parameter('strict', default=False)",
        a="self.x = 1",
        b="self.x = 2",
        join="if self.strict:\n    self.merge_artifacts(inputs)\nelse:\n    self.x = 3",
    ),
    "methods by a name that is computed": row(
        "line",
        head="def load_a(self):\n    self.a = 1\ndef load_b(self):\n    self.b = 1",
        start="for n in 'ab':\n    getattr(self, f'load_{n}')()",
        end="print(self.a, self.b)",
    ),
    "a method that is looked up and kept": row(
        "line",
        head="def load_a(self):\n    self.a = 1",
        start="load = getattr(self, 'load_' + 'a'.lower(), None)\nif load:\n    load()",
        end="print(self.a)",
    ),
    "a conflict that is expected": row(
        "branch",
        a="self.x = 1",
        b="self.x = 2",
        join="try:\n    self.merge_artifacts(inputs)\nexcept MergeArtifactsException:\n    pass",
        top="from flowc.errors import MergeArtifactsException",
    ),
    "a class attribute read from an input": row(
        "branch",
        head="x = 1\np = Parameter('p', default=1)",
        join="print(inputs.a.x, inputs[0].p, [i.index for i in inputs])",
    ),
    "one arm's artifact by its number": row("branch", a="self.x = 1", join="print(inputs[0].x)"),
    "inputs that may lack it": row(
        "branch",
        a="self.x = 1",
        join="print([getattr(i, 'y', 0) for i in inputs], [i.x for i in inputs if hasattr(i, 'x')])",
    ),
    "a name that is bound again": row("foreach", join="for i in inputs:\n    pass\nfor i in [object()]:\n    i.y"),
    "a comprehension's own name": row(
        "foreach", top="import lib", join="i = lib.thing()\nx = [i for i in inputs]\nprint(i.y)"
    ),
    "an attribute of another object": row(
        "line", top="import lib", start="inputs = lib.load()\nprint(inputs.c, [i.x for i in inputs])"
    ),
    "another function's self": row(
        "line",
        start="class K:\n    def __init__(self):\n        self.x = 1\n    def f(self):\n        return self.y\nk = K()",
    ),
    "current": row("line", start="print(current.run_id)"),
    "an annotation": row("line", head="x: int", start="self.x = 1", end="print(self.x)"),
    "deleted in a condition": row("line", start="self.x = 1\nif self.name:\n    del self.x", end="print(self.x)"),
    "deleted and set again": row("line", start="self.x = 1\ndel self.x\nself.x = 2", end="print(self.x)"),
    "TYPE_CHECKING": row("line", top="from typing import TYPE_CHECKING", start="if TYPE_CHECKING:\n    print(self.x)"),
    "code that is never reached": row("line", start="if False:\n    print(self.x)\n    return"),
    "a private name of Metaflow's": row("line", start="print(self._datastore, self._graph)"),
    "a foreach over a parameter": row(
        "foreach", no_start="", head="items = Parameter('items', type=JSONType, default='[1]')"
    ),
    "a foreach over a text": row("foreach", no_start="", head="items = Parameter('items', default='abc')"),
    "a foreach over a dict": row("foreach", no_start="", start="self.items = {'a': 1}"),
}


@pytest.mark.parametrize("case", SILENT.values(), ids=[name.replace(" ", "-") for name in SILENT])
def test_a_flow_that_may_run_is_silent(case: Row, tmp_path: Path) -> None:
    write_files(tmp_path, {"f": ""})
    found = [item for item in diagnostics(tmp_path, case.text()) if item.code in CODES]
    assert not shown(tuple(found))


CODES = {"FC226", "FC227", "FC312", "FC317", "FC318", "FC319", "FC320", "FC321"}


_FAN = "self.next(self.work, foreach='items')  # FC312"
ALSO_FOUND = {
    "a foreach over a method": row(
        "foreach",
        head="def rows(self):\n    return [1]",
        next_start="self.next(self.work, foreach='rows')  # FC312",
    ),
    "a foreach over a property that reads what nothing sets": row(
        "foreach",
        head="@property\ndef rows(self):\n    return self.lines  # FC317",
        next_start="self.next(self.work, foreach='rows')",
    ),
    "a property that is set": row(
        "line", head="@property\ndef rate(self):\n    return 1", middle="self.rate = 3  # FC321"
    ),
    "a parameter that is deleted": row("line", head="n = Parameter('n', default=1)", middle="del self.n  # FC321"),
    "in a function that gets the inputs": row(
        "branch",
        top="def gather(tasks):\n    return [t.y for t in tasks]  # FC317",
        a="self.x = 1",
        join="print(gather(inputs))",
    ),
    "in a method that gets the inputs": row(
        "branch",
        head="def best(self, how, inputs):\n    return inputs.c.x  # FC226",
        a="self.x = 1",
        join="print(self.best(max, inputs))",
    ),
    "in a static method that gets the inputs by name": row(
        "foreach",
        head="@staticmethod\ndef best(tasks):\n    for t in tasks:\n        print(t.y)  # FC317",
        work="self.x = 1",
        join="self.best(tasks=inputs)",
    ),
    "inputs by another name": row("branch", a="self.x = 1", join="ins = inputs\nprint(ins.bb.x)  # FC226"),
    "inputs by getattr": row("branch", a="self.x = 1", join="print(getattr(inputs, 'c').x)  # FC226"),
    "in a function that another one calls": row(
        "line", start="def f():\n    return self.x  # FC317\ndef g():\n    return f()\nprint(g())"
    ),
    "in a generator": row("line", start="print(sum(self.x for _ in 'ab'))  # FC317"),
    "in a loop over a generator": row("line", start="for y in (self.x for _ in 'ab'):  # FC317\n    print(y)"),
    "a return before self.next": row("line", start="if current.retry_count:\n    return  # FC227\nelse:\n    print(1)"),
    "a merge of items": row("foreach", work="self.y = self.input", join="self.merge_artifacts(inputs)  # FC320"),
    "a merge of numbers of items": row(
        "foreach", work="self.y = self.index", join="self.merge_artifacts(inputs, include=['y'])  # FC320"
    ),
    "a merge of items behind another step": row(
        "foreach",
        next_work="self.next(self.more)",
        head="@step\ndef more(self):\n    print(self.y)\n    self.next(self.join)",
        work="self.y = self.input",
        join="self.merge_artifacts(inputs, exclude=['z'])  # FC320",
    ),
    "a merge of what only one arm sets": row(
        "branch", start="self.x = 'new'", a="self.x = 'done'", join="self.merge_artifacts(inputs)  # FC320"
    ),
    "a merge of what only the second arm sets": row(
        "branch", start="self.x = [1]", b="self.x = []", join="self.merge_artifacts(inputs)  # FC320"
    ),
    "a merge of lists that are only shown": row(
        "branch",
        a="self.m = [1]\nprint(self.m, len(self.m))",
        b="self.m = [1, 2]",
        join="self.merge_artifacts(inputs)  # FC320",
    ),
    "deleted": row("line", start="self.x = 1\ndel self.x\nprint(self.x)  # FC317"),
    "deleted by a method": row(
        "line", head="def drop(self):\n    del self.x", start="self.x = 1\nself.drop()\nprint(self.x)  # FC317"
    ),
    "deleted in a step before": row("line", start="self.x = 1", middle="del self.x", end="print(self.x)  # FC317"),
    "set afterwards": row("line", start="print(self.x)  # FC317\nself.x = 1"),
    "a condition that is never set": row(
        "switch", no_start="", next_start="self.next({'a': self.a, 'b': self.b}, condition='kind')  # FC317"
    ),
    "a foreach over a number": row("foreach", no_start="", start="self.items = 3", next_start=_FAN),
    "a foreach over a length": row("foreach", no_start="", start="self.items = len('abc')", next_start=_FAN),
    "a foreach over an int parameter": row(
        "foreach", no_start="", head="items = Parameter('items', type=int)", next_start=_FAN
    ),
    "merged and not there": row("branch", join="self.merge_artifacts(inputs, include=['x'])  # FC317"),
    "the other arm's": row("branch", a="self.x = 1", join="print(inputs.b.x)  # FC317"),
    "through self in a join": row("branch", a="self.x = 1", b="self.x = 2", join="print(self.x)  # FC318"),
    "through self in a join, before the branch": row("branch", start="self.x = 1", join="print(self.x)  # FC318"),
    "an exception that is another one": row(
        "line", start="try:\n    print(self.x)  # FC317\nexcept (ValueError, KeyError):\n    pass"
    ),
    "in a function that the step calls": row("line", start="def f():\n    return self.x  # FC317\nprint(f())"),
    "a base's method by super": row(
        "line",
        top="class Base(FlowSpec):\n    def use(self):\n        return self.x  # FC317",
        head="def use(self):\n    return super().use()",
        start="self.use()",
    ),
}


@pytest.mark.parametrize("case", ALSO_FOUND.values(), ids=[name.replace(" ", "-") for name in ALSO_FOUND])
def test_other_mistakes(case: Row, tmp_path: Path) -> None:
    text = case.text().replace(
        "class F(FlowSpec)", "class F(Base)" if "class Base" in case.text() else "class F(FlowSpec)"
    )
    (found,) = diagnostics(tmp_path, MARK.sub("", text))
    assert found.span is not None
    assert (found.code, found.span.line) == expected(text)
    assert found.help


HELP = {
    "no getattr in self.next": (
        row(
            "switch",
            head="@step\ndef work(self):\n    self.next(self.gather)\n"
            "@step\ndef gather(self, inputs):\n    self.next(self.end)",
            a="self.rows = [1]",
            next_meet="self.next(self.work, foreach='rows')",
        ),
        "set it there too, `self.rows = ...` in step `b`",
    ),
    "no getattr where it is added to": (
        row("switch", a="self.total = 1", meet="self.total += 1"),
        "set it there too, `self.total = ...` in step `b`",
    ),
    "no getattr where it is called": (
        row("switch", a="self.model = str", meet="self.model(1)"),
        "set it there too, `self.model = ...` in step `b`",
    ),
    "a method": (
        row("line", head="def load_data(self):\n    pass", start="self.laod_data()"),
        "did you mean `load_data`?",
    ),
    "a constant": (row("line", head="LIMIT = 1", start="print(self.LIMT)"), "did you mean `LIMIT`?"),
    "no method where it is no call": (
        row("line", head="def load_data(self):\n    pass", start="print(self.laod_data)"),
        "set it before: `self.laod_data = ...`, here or in a step that leads here",
    ),
    "an artifact that is counted": (
        row("line", start="self.count = 0", end="self.cuont += 1"),
        "did you mean `count`?",
    ),
}


@pytest.mark.parametrize(("case", "expected_help"), HELP.values(), ids=[name.replace(" ", "-") for name in HELP])
def test_the_help_line(case: Row, expected_help: str, tmp_path: Path) -> None:
    found = diagnostics(tmp_path, case.text())
    assert expected_help in [item.help for item in found if item.code in {"FC317", "FC319"}]


ESCAPES = {
    "`setattr` with a name that is computed": "for n in 'xy':\n    setattr(self, n, 1)",
    "`self` is passed on": "flow = self",
    "`self` is passed to a function that is not followed": "import lib\nlib.fill(self)",
    "`self.__dict__` is used": "self.__dict__.update(x=1)",
}


@pytest.mark.parametrize(("reason", "start"), ESCAPES.items(), ids=[name.replace(" ", "-") for name in ESCAPES])
def test_check_says_where_it_does_not_follow(reason: str, start: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": row("line", start=start, end="print(self.x)").text()})
    quiet, verbose = (flowc(tmp_path, "check", "flow.py", *option) for option in ((), ("-v",)))
    assert quiet.returncode == verbose.returncode == 0
    assert reason not in quiet.stderr
    assert reason in verbose.stderr
