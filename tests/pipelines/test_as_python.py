"""What a pipeline's body computes is what Python computes: aliases, loops, defaults, and values of every type."""

from __future__ import annotations

import os
import subprocess
from textwrap import dedent, indent
from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from tests.cluster.cluster import flowc
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
    "values of many types": """
        keep([float("nan"), -float("inf"), -0.0, 10**1000, 1j, b"a\\xff", ..., {(1, "a"): 2}, {None: ()}, set()])
        keep(frozenset({1}))
        keep({frozenset({1})})
        keep(range(3))
        keep(complex(0.0, float("nan")))
    """,
}
REFUSED = {
    "whether two names are one list": (
        "a = inc(0); xs = [a]; ys = [1]; zs = xs if a == 1 else ys; zs.append(3); keep(xs)",
        "FC223",
    ),
    "a loop without steps that leaves a name": ("for x in load(): n = x; keep(n)", "FC111"),
    "sets with results are compared": ("a = inc(0); keep({1, 2}.issubset({a}))", "FC111"),
    "sums that are too deep": ("x = inc(0); ys = [x := -x for _ in range(300)]; keep(x)", "FC114"),
    "sums that double": ("x = inc(0); ys = [x := [x] + [x * 2, x] for _ in range(40)]; keep(x)", "FC114"),
    "a generator is gone over twice": ("g = (x for x in [1]); keep(list(g)); keep(list(g))", "FC112"),
    "a zip is gone over twice": ("z = zip([1], [2]); keep([*z]); keep([i for i in z])", "FC112"),
    "a default that calls share": ("keep(gather(1)); keep(gather(2))", "FC223"),
    "lists that double": ("x = [1]; ys = [x := [x, x] for _ in range(40)]; keep(x)", "FC114"),
    "results that double": ("x = inc(0); ys = [x := [x, x] for _ in range(40)]; keep(x)", "FC114"),
    "a text of many": ("x = [1]; ys = [x := [x, x] for _ in range(40)]; keep(f'{x}')", "FC114"),
    "a comparison of many": ("x = [1]; ys = [x := [x, x] for _ in range(40)]; keep(x == [x])", "FC114"),
    "a key of many": ("x = (1,); ys = [x := (x, x) for _ in range(40)]; keep({x: 1})", "FC114"),
    "results in results": ("x = load(); ys = [x := x[0] for _ in range(2000)]; keep(x)", "FC114"),
    "texts that are joined": ("keep(len(','.join(['x' * 100000] * 100000)))", "FC114"),
    "the largest of a range": ("keep(max(range(10**12)))", "FC114"),
    "a width of a width": ("keep('{:{}}'.format(1, 10**9))", "FC114"),
    "a step in the middle of a comparison": ("a = inc(0); keep(5 < a < inc(1))", "FC223"),
}


@pytest.mark.process
@pytest.mark.parametrize("name", list(EQUAL))
def test_it_is_as_in_python(name: str, tmp_path: Path) -> None:
    assert not compare(pipeline_file(EQUAL[name]), tmp_path)


@pytest.mark.parametrize("name", list(REFUSED))
def test_it_is_refused(name: str, tmp_path: Path) -> None:
    body, code = REFUSED[name]
    file = tmp_path / "refused.py"
    file.write_text(pipeline_file("\n".join(body.split("; "))), encoding="utf-8")
    with pytest.raises(FlowcError) as error:
        compile_file(file)
    assert {item.code for item in error.value.diagnostics if item.severity == "error"} == {code}


def test_loops_over_a_result_that_leave_nothing_are_none(tmp_path: Path) -> None:
    file = tmp_path / "printing.py"
    file.write_text(pipeline_file("xs = load()\nfor x in xs:\n    print(x)\nfor x in xs:\n    pass\nkeep(xs)"))
    sink = DiagnosticSink()
    flow = compile_file(file, sink).flow
    assert [step.name for step in flow.steps] == ["load", "keep"]
    assert [item.code for item in sink.diagnostics] == ["FC116"]


KEEP = '''
@step
def keep(x) -> str:
    """What came, with its type."""
    return f"{type(x).__name__} {x!r}"


def gather(x, into=[]):
    into.append(x)
    return into
'''


def pipeline_file(body: str) -> str:
    lines = indent(dedent(body).strip("\n"), "    ")
    steps = "".join([*STEPS.values(), KEEP])
    return f"{HEAD.format(imports=FLOWC)}{steps}\n\n@pipeline\ndef main():\n{lines}\n\n\nmain()\n"


@pytest.mark.process
def test_sets_are_written_in_one_order(tmp_path: Path) -> None:
    file = tmp_path / "sets.py"
    file.write_text(pipeline_file("keep({'a', 'b', 'c'})\n[keep(s, id=s) for s in {'q', 'w', 'e'}]"), encoding="utf-8")
    command = [flowc(), "compile", str(file), "--image", "x", "--root", "s3://bucket/flows"]
    found = {
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout
        for seed in "123"
    }
    assert len(found) == 1
