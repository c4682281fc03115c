"""What a pipeline's body computes is what Python computes: aliases, loops, defaults, and values of every type."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import FlowcError
from flowc_compiler.driver import compile_file
from tests.pipelines.comparing import compare
from tests.pipelines.stepfile import FLOWC, HEAD, STEPS

if TYPE_CHECKING:
    from pathlib import Path

EQUAL = {
    "a list that one arm changes is returned": """
        def both(result, xs):
            if result > 1:
                xs.append(1)
                return xs
            return xs
        keep(both(inc(0), [5]))
    """,
    "a tuple holds a list that one arm changes": """
        a = inc(0)
        xs = [a]
        pair = (xs, 1)
        if a > 1:
            xs.append(7)
        keep(pair[0])
    """,
    "lists in lists that one arm changes": """
        a = inc(0)
        xs = [[1]]
        if a > 0:
            xs[0].append(a)
            xs.append(3)
        keep(xs)
    """,
    "a key in one arm": """
        a = inc(0)
        d = {"z": 1}
        if a > 1:
            d["k"] = 3
        keep(d)
        keep(d["z"])
    """,
    "zeros of two signs": """
        a = inc(0)
        keep(0.0 if a == 1 else -0.0)
        keep(0.0 if a == 2 else -0.0)
    """,
    "names that a comprehension binds": """
        y = 0
        xs = [(y := i) for i in range(3)]
        keep([y, xs])
    """,
    "a list grows while a loop goes over it": """
        queue = [1]
        for x in queue:
            if x < 5:
                queue.append(x + 1)
        keep(queue)
    """,
    "operators that assign change the object": """
        s = {1}
        t = s
        s |= {2}
        x = [1]
        y = x
        x *= 2
        d = {"a": 1}
        e = d
        d |= {"b": 2}
        keep([sorted(t), y, e])
    """,
    "one list is one list": """
        a = inc(0)
        xs = [a]
        ys = xs
        keep([xs is ys, xs is None, "k" in {"k": a}])
    """,
}
REFUSED = {
    "whether two names are one list": (
        "a = inc(0); xs = [a]; ys = [1]; zs = xs if a == 1 else ys; zs.append(3); keep(xs)",
        "FC223",
    ),
    "a key in one arm is asked for": ("a = inc(0); d = {}; e = d.update(k=1) if a > 1 else 0; keep(len(d))", "FC111"),
    "a result in a text": ("a = inc(0); keep('%s' % (a,))", "FC111"),
    "a result is looked up": ("a = inc(0); keep({1: 5}.get(a, 0))", "FC111"),
    "a result is taken out of a set": ("a = inc(0); keep({1, 2} - {a})", "FC111"),
    "sets with results are compared": ("a = inc(0); keep({1, 2}.issubset({a}))", "FC111"),
    "a step in the middle of a comparison": ("a = inc(0); keep(5 < a < inc(1))", "FC223"),
}


@pytest.mark.parametrize("name", list(EQUAL))
def test_it_is_as_in_python(name: str, tmp_path: Path) -> None:
    assert not compare(_file(EQUAL[name]), tmp_path)


@pytest.mark.parametrize("name", list(REFUSED))
def test_it_is_refused(name: str, tmp_path: Path) -> None:
    body, code = REFUSED[name]
    file = tmp_path / "refused.py"
    file.write_text(_file("\n".join(body.split("; "))), encoding="utf-8")
    with pytest.raises(FlowcError) as error:
        compile_file(file)
    assert [item.code for item in error.value.diagnostics if item.severity == "error"] == [code]


KEEP = '''
@step
def keep(x) -> str:
    """What came, with its type."""
    return f"{type(x).__name__} {x!r}"
'''


def _file(body: str) -> str:
    lines = indent(dedent(body).strip("\n"), "    ")
    steps = "".join([*STEPS.values(), KEEP])
    return f"{HEAD.format(imports=FLOWC)}{steps}\n\n@pipeline\ndef main():\n{lines}\n\n\nmain()\n"
