"""Bodies of pipelines, as small files: the calls of steps, maps and switches that they come to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver.compile import CompilationError, compile_file
from flowc_compiler.frontend import parse
from flowc_compiler.frontend.pipelines.pipeline_reader import read_pipeline
from flowc_compiler.ir import Flow, MapCall, Region, StepCall, SwitchCall
from flowc_compiler.ir.regions import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    ItemValue,
    LiteralValue,
    ObjectValue,
    OperationValue,
    OutputValue,
    ParameterValue,
    Value,
)
from flowc_compiler.source import SourceFile

HEAD = """
from typing import Annotated, Tuple
from flowc import pipeline, step, unmapped

@step
def load(n: int = 3) -> list:
    return list(range(n))

@step
def work(x, y=0):
    return x

@step
def pair(x) -> Tuple[int, int]:
    return x, x

@step
def total(xs):
    return sum(xs)

@step
def note(text) -> None:
    print(text)

"""


def read(text: str, given: Mapping[str, str] | None = None, flow: str | None = None) -> Flow:
    """The pipeline of a file that begins with the steps above."""
    sink = DiagnosticSink()
    source = SourceFile(Path("flow.py"), HEAD + text)
    tree = parse(source, sink)
    assert tree is not None
    reading = read_pipeline(source, tree, sink, flow, lambda name, parameters, span: given or {})
    assert not sink.failed, sink.diagnostics
    assert reading is not None
    return reading


def body(text: str, signature: str = "", given: Mapping[str, str] | None = None) -> list[str]:
    """What the body of a pipeline comes to, one line for each call."""
    indented = "".join(f"    {line}\n" for line in text.strip().splitlines())
    return shown(calls_of(read(f"@pipeline\ndef flow({signature}):\n{indented}", given)))


def calls_of(flow: Flow) -> Region:
    """The calls that a pipeline makes."""
    assert flow.body is not None
    return flow.body


def shown(region: Region, indent: str = "") -> list[str]:
    """A region as text."""
    lines: list[str] = []
    for node in region.nodes:
        after = f" after {','.join(node.after)}" if node.after else ""
        match node:
            case StepCall(call=call):
                arguments = ", ".join(f"{item.name}={value(item.value)}" for item in call.arguments)
                lines.append(f"{indent}{node.name}: {call.function}({arguments}){after}")
            case MapCall(sources=sources):
                kind = "product" if node.product else "map"
                lines.append(f"{indent}{node.name}: {kind} {', '.join(map(value, sources))}{after}")
                lines += shown(node.body, f"{indent}  ")
            case SwitchCall(tests=tests, arms=arms):
                for number, arm in enumerate(arms):
                    head = f"if {value(tests[number])}" if number < len(tests) else "else"
                    lines.append(f"{indent}{node.name}: {head}{after}")
                    lines += shown(arm, f"{indent}  ")
    return lines


def value(of: Value) -> str:
    """A value as text."""
    match of:
        case LiteralValue(value=known):
            return repr(known)
        case OutputValue(step=step, name=name):
            return step if name == "output" else f"{step}.{name}"
        case ItemValue(opener=opener, source=source):
            return f"<{opener}:{source}>"
        case ParameterValue(name=name):
            return f"${name}"
        case ElementValue(value=inner, key=key):
            return f"{value(inner)}[{key!r}]"
        case CollectionValue(kind="dict", keys=keys, values=values):
            return "{" + ", ".join(f"{key!r}: {value(item)}" for key, item in zip(keys, values, strict=True)) + "}"
        case CollectionValue(kind=kind, values=values):
            return f"{kind}({', '.join(map(value, values))})"
        case ChosenValue(switch=switch, values=values):
            return f"{switch}?({', '.join(map(value, values))})"
        case EachValue(opener=opener, value=inner):
            return f"[{value(inner)} for {opener}]"
        case OperationValue(operator="not", operands=operands):
            return f"(not {', '.join(map(value, operands))})"
        case OperationValue(operator=operator, operands=operands):
            return f"({f' {operator} '.join(map(value, operands))})"
        case ObjectValue(name=name, values=values):
            return f"{name}({', '.join(map(value, values))})"


KNOWN = {
    "x = 1\nx += 2\nnote(x)": "3",
    "a, (b, *c) = 1, (2, 3, 4)\nnote([a, b, c])": "[1, 2, [3, 4]]",
    "xs = []\nfor i in range(3):\n  if i == 1: continue\n  xs.append(i)\nelse:\n  xs += [9]\nnote(xs)": "[0, 2, 9]",
    "xs = ys = [1]\nys += [2]\nnote(xs)": "[1, 2]",
    "d = {'a': 1, **{'b': 2}}\nd['c'] = d.pop('a')\nnote(d)": "{'b': 2, 'c': 1}",
    "note({k: v * 2 for k, v in {'a': 1}.items() if v})": "{'a': 2}",
    "note(sorted({x % 3 for x in range(9)}, reverse=True))": "[2, 1, 0]",
    "note(sum(x * y for x in range(3) for y in range(x)))": "2",
    'n = 7\nnote(f\'{n:03d}|{n!r:>3}|{n=}|{{}}|\\t{"a" "b"}\')': r"'007|  7|n=7|{}|\tab'",
    "note('%s-%d' % ('a', 2) + '{:.1f}'.format(0.25) + ','.join(['x', 'y']))": "'a-20.2x,y'",
    "note([*range(5)][1:-1:2] + list(reversed([1, 2])))": "[1, 3, 2, 1]",
    "note(1 < 2 <= 2 and 'b' in 'abc' and not None is not None)": "True",
    "note('yes' if len('ab') > 1 else 'no')": "'yes'",
    "n = 0\nwhile True:\n    n += 1\n    if n > 4: break\nnote(n)": "5",
    "f = lambda a, b=2, *c, **d: (a, b, c, d)\nnote(f(1, 2, 3, k=4))": "(1, 2, (3,), {'k': 4})",
    "def fact(n):\n    return 1 if n < 2 else n * fact(n - 1)\nnote(fact(5))": "120",
    "match {'n': [1, 2, 3]}:\n  case {'k': 'b'}:\n    note(0)\n  case {'n': [a, *b]} if a:\n    note(b)": "[2, 3]",
    "note(max([3, 1], key=lambda v: -v) + min(2, 5) + abs(-1) + round(2.6))": "7",
    "note(list(zip('ab', enumerate([5, 6], 1))))": "[('a', (1, 5)), ('b', (2, 6))]",
    "if (m := 4) > 3:\n    note(m)": "4",
    "note(list(map(str, filter(None, [0, 1]))))": "['1']",
    "note(isinstance('a', (int, str)))": "True",
    "x: int = 5\ndel x\ny: int\nnote(0)": "0",
}


@pytest.mark.parametrize("text", KNOWN)
def test_known_values(text: str) -> None:
    assert body(text) == [f"note: note(text={KNOWN[text]})"]


def test_calls_by_name_number_and_id() -> None:
    assert body("a = load()\nload(n=2)\nwork(a, id='mine')\nwork(x=a, y=[a, {'k': a}])") == [
        "load: load()",
        "load_2: load(n=2)",
        "mine: work(x=load)",
        "work: work(x=load, y=list(load, {'k': load}))",
    ]


def test_outputs_are_named_and_unpacked() -> None:
    text = """
@step
def split(x) -> Tuple[Annotated[int, "train"], Annotated[int, "test"]]:
    return f(x)

@step
def one(x) -> Tuple[int, int]:
    both = x, x
    return both

@step
def nothing(x):
    print(x)

@pipeline
def flow():
    train, test = split(1)
    a, b = pair(2)
    c, d = one(3)
    n = nothing(4)
    work([train, test, a, b, c, d], split(2)[1])
    work(n, load()[0])
"""
    reading = read(text)
    assert shown(calls_of(reading))[5:] == [
        "work: work(x=list(split.train, split.test, pair.output_0, pair.output_1, one[0], one[1]), y=split_2.test)",
        "load: load()",
        "work_2: work(x=None, y=load[0]) after nothing",
    ]
    outputs = {node.name: node.call.outputs for node in calls_of(reading).nodes if isinstance(node, StepCall)}
    assert outputs["split"] == ("train", "test")
    assert outputs["one"] == ("output",)
    assert outputs["nothing"] == ()


def test_after_takes_names_results_and_lists() -> None:
    lines = body("a = work(1)\nm = work.map(load())\nwork(2, after=[a, m, ['late']])\nnote(3, id='late')")
    assert lines[-2:] == ["work_3: work(x=2) after work,work_map,late", "late: note(text=3)"]


def test_map_chain_and_reduce() -> None:
    assert body("a = work.map(load())\nb = work.map(a, y=1)\ntotal(b)\nwork(a[0])") == [
        "load: load()",
        "work_map: map load",
        "  work: work(x=<work_map:0>)",
        "  work_2: work(x=work, y=1)",
        "total: total(xs=work_2)",
        "work_3: work(x=work[0])",
    ]


def test_a_map_that_needs_the_first_one_whole_is_no_chain() -> None:
    assert body("a = work.map(load())\nt = total(a)\nwork.map(a, unmapped(t))") == [
        "load: load()",
        "work_map: map load",
        "  work: work(x=<work_map:0>)",
        "total: total(xs=work)",
        "work_map_2: map work",
        "  work_2: work(x=<work_map_2:0>, y=total)",
    ]


def test_zip_product_unpack_and_lists() -> None:
    assert body(
        "a = load()\nwork.map(a, [1, 2])\nwork.product(a, range(2))\nx, y = pair.map(a).unpack()\nwork(x, y)"
    ) == [
        "load: load()",
        "work_map: map load, [1, 2]",
        "  work: work(x=<work_map:0>, y=<work_map:1>)",
        "work_map_2: product load, [0, 1]",
        "  work_2: work(x=<work_map_2:0>, y=<work_map_2:1>)",
        "pair_map: map load",
        "  pair: pair(x=<pair_map:0>)",
        "work_3: work(x=pair.output_0, y=pair.output_1)",
    ]


def test_mapped_pipelines_nest() -> None:
    text = """
@pipeline
def inner(xs, k):
    return total(work.map(xs, unmapped(k)))

@pipeline
def flow():
    note(total(inner.map(load(), k=2)))

if __name__ == "__main__":
    flow()
"""
    assert shown(calls_of(read(text))) == [
        "load: load()",
        "inner_map: map load",
        "  work_map: map <inner_map:0>",
        "    work: work(x=<work_map:0>, y=2)",
        "  total: total(xs=work)",
        "total_2: total(xs=total)",
        "note: note(text=total_2)",
    ]


def test_if_on_a_result() -> None:
    assert body("""
a = work(1)
b = a
if a > 3 and a != 5:
    b = work(2)
elif not a:
    b = 7
note(b)
""") == [
        "work: work(x=1)",
        "if_1: if ((work > 3) and (work != 5))",
        "  work_2: work(x=2)",
        "if_1: if (not work)",
        "if_1: else",
        "note: note(text=if_1?(work_2, 7, work))",
    ]


def test_return_in_an_arm_takes_the_rest_along() -> None:
    text = """
@pipeline
def inner(x):
    if x is None:
        return 1
    return work(x)

@pipeline
def flow():
    a = load()
    if a in (1, 2):
        note("early")
        return
    note(inner(a))

flow()
"""
    assert shown(calls_of(read(text))) == [
        "load: load()",
        "if_1: if (load in (1, 2))",
        "  note: note(text='early')",
        "if_1: else",
        "  if_2: if (load is None)",
        "  if_2: else",
        "    work: work(x=load)",
        "  note_2: note(text=if_2?(1, work))",
    ]


def test_lists_that_arms_change() -> None:
    assert body("""
a = load()
same, grown, entry = [0], [], {"k": [1]}
alias = same
if a == 1:
    same[0] = a
    grown.append(work(a))
    entry["k"].append(2)
note(alias)
note(grown)
note(entry)
""") == [
        "load: load()",
        "if_1: if (load == 1)",
        "  work: work(x=load)",
        "if_1: else",
        "note: note(text=list(if_1?(load, 0)))",
        "note_2: note(text=if_1?(list(work), []))",
        "note_3: note(text={'k': if_1?([1, 2], [1])})",
    ]


def test_elif_that_calls_a_step_is_a_switch_in_the_last_arm() -> None:
    assert body("a = work(1)\nif a > 1:\n    note(1)\nelif work(2) > 1:\n    note(2)\nelse:\n    note(3)") == [
        "work: work(x=1)",
        "if_1: if (work > 1)",
        "  note: note(text=1)",
        "if_1: else",
        "  work_2: work(x=2)",
        "  if_2: if (work_2 > 1)",
        "    note_2: note(text=2)",
        "  if_2: else",
        "    note_3: note(text=3)",
    ]


ARMS = """
a = work(0)
if a > 1:
    b = work(2)
elif a > 3:
    b = work(4)
elif work(a) > 5:
    b = work(6)
elif a > 7:
    b = work(8)
else:
    b = work(9)
note(b)
"""


@pytest.mark.parametrize("wrong", ["step", "flow()", "[x for x in range(10**9)]"])
@pytest.mark.parametrize("place", "123456789")
def test_arms_that_cannot_be_evaluated_leave_a_graph(place: str, wrong: str, tmp_path: Path) -> None:
    """The test of an arm, or what the arm does, is wrong or never ends: editors still get the steps that are known."""
    file = tmp_path / "flow.py"
    body = "".join(f"    {line}\n" for line in ARMS.replace(place, wrong).splitlines())
    file.write_text(f"{HEAD}@pipeline\ndef flow():\n{body}")
    with pytest.raises(CompilationError) as raised:
        compile_file(file)
    known = raised.value.known()
    assert known is not None
    assert "work" in known.flow.by_name


def test_conditional_expression_and_continue() -> None:
    assert body(
        "a = load()\nfor i in range(2):\n    if a == i:\n        continue\n    work(i)\nnote(work(5) if a else 6)"
    ) == [
        "load: load()",
        "if_1: if (load == 0)",
        "if_1: else",
        "  work: work(x=0)",
        "if_2: if (load == 1)",
        "if_2: else",
        "  work_2: work(x=1)",
        "if_3: if load",
        "  work_3: work(x=5)",
        "if_3: else",
        "note: note(text=if_3?(work_3, 6))",
    ]


def test_a_list_that_a_pipeline_is_mapped_over_may_be_of_the_run() -> None:
    text = "@pipeline\ndef each(x, k):\n    return work(x, k)\n\n@pipeline\ndef flow(xs: list, k: int = 2):\n"
    reading = read(f"{text}    each.map(xs, k)\nflow([1])\n")
    assert {item.name: item.fixed for item in reading.parameters} == {"xs": False, "k": True}
    assert shown(calls_of(reading))[0] == "each_map: map $xs"


def test_known_conditions_drop_out() -> None:
    assert body("a = load()\nif 1 > 2 and a:\n    note(1)\nif a and True:\n    note(2)\nif a or True:\n    note(3)")[
        1:
    ] == [
        "if_1: if load",
        "  note: note(text=2)",
        "if_1: else",
        "note_2: note(text=3)",
    ]


def test_parameters_of_the_run_are_those_that_are_passed_on() -> None:
    reading = read(
        "@pipeline\ndef flow(n: int, rate: float = 0.5, k: int = 1):\n"
        "    for i in range(n):\n        work(i, rate)\n    work(x=k)\nflow(2, k=4)\n"
    )
    found = {item.name: (item.default, item.fixed) for item in reading.parameters}
    assert found == {"n": (2, True), "rate": (0.5, False), "k": (4, False)}
    assert shown(calls_of(reading))[-1] == "work_3: work(x=$k)"


@pytest.mark.parametrize(
    ("annotation", "text", "expected"),
    [
        (": int", "3", "3"), (": str", "3", "'3'"), (": bool", "no", "False"), (": float", "3", "3.0"),
        (": list", "[1, 2]", "[1, 2]"), (": dict[str, int]", '{"a": 1}', "{'a': 1}"), ("", "[1]", "[1]"),
        ("", "abc", "'abc'"), (": 'int | None' = None", "4", "4"),
    ],
)  # fmt: skip
def test_values_from_outside(annotation: str, text: str, expected: str) -> None:
    assert body("v = [p]\nnote(v[0])", f"p{annotation}", {"p": text}) == [f"note: note(text={expected})"]


RUNS = {
    "flow(n=4)": "4",
    "if __name__ == '__main__':\n    k = 2\n    flow(k * 2)": "4",
    "p = flow.with_options(run_name='x')\np(4)": "4",
    "flow.with_options()(n=4)": "4",
    "def main(k: int = 4):\n    args = dict(n=k)\n    flow(**args)\nmain()": "4",
    "import click\n@click.command()\ndef main(k):\n    flow()\nif __name__ == '__main__':\n    main()": "1",
    "run = flow(4)\nprint(run)": "4",
    "CONFIG = {'n': 4}\nflow(**CONFIG)": "4",
}


@pytest.mark.parametrize("text", RUNS)
def test_the_call_at_the_end_sets_parameters(text: str) -> None:
    reading = read(f"@pipeline\ndef flow(n=1):\n    note(str(n))\n\n{text}\n")
    assert shown(calls_of(reading)) == [f"note: note(text='{RUNS[text]}')"]


def test_the_pipeline_that_is_called_is_the_flow() -> None:
    text = "@pipeline\ndef a():\n    note(1)\n\n@pipeline\ndef b():\n    note(2)\n\n@pipeline\ndef c():\n    b()\n"
    assert read(text + "a()\n").name == "a"
    assert read(text + "a()\n", flow="c").name == "c"


def test_local_modules(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    (tmp_path / "steps" / "__init__.py").write_text("from steps.inner import load\n")
    (tmp_path / "steps" / "inner.py").write_text(
        "from flowc import step\nSIZE = 2\n\n@step\ndef load(n):\n    return n\n\n"
        "def many(n):\n    return [load(i) for i in range(n)]\n"
    )
    file = tmp_path / "flow.py"
    file.write_text(
        "from flowc import pipeline\nimport steps\nfrom steps import inner as other\n"
        "from steps.inner import SIZE, load, many\n\n"
        "@pipeline\ndef flow():\n    load(SIZE)\n    steps.load(1)\n    other.load(2)\n    many(2)\n"
    )
    sink = DiagnosticSink()
    source = SourceFile(file, file.read_text())
    tree = parse(source, sink)
    assert tree is not None
    reading = read_pipeline(source, tree, sink)
    assert reading is not None, sink.diagnostics
    calls = [node.call for node in calls_of(reading).nodes if isinstance(node, StepCall)]
    assert [(call.module, call.function) for call in calls] == [("steps.inner", "load")] * 5


@pytest.mark.parametrize(
    "annotation",
    [
        "Dict[str, Any]",
        "typing.Dict[str, typing.Any]",
        "T.Dict[str, T.Any]",
        "'T.Dict[str, Any]'",
        "abc.Mapping[str, Any]",
    ],
)
def test_plain_data_shapes_the_graph_however_its_type_is_spelled(annotation: str, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(
        "import typing\nimport typing as T\nfrom collections import abc\nfrom typing import Any, Dict\n"
        "from zenml import pipeline, step\n\n@step\ndef use(a: int) -> None:\n    pass\n\n\n@pipeline\n"
        f"def main(d: {annotation} = {{'a': 1}}):\n    use(**d)\n    for key in d:\n        use(len(key))\n\n\nmain()\n"
    )
    assert [step.name for step in compile_file(file).flow.steps if not step.virtual] == ["use", "use_2"]


OWN_CLASS = """
from pydantic import BaseModel
from zenml import pipeline, step

class Conf(BaseModel):
    a: int = 1

@step
def use(a: int) -> None:
    pass

@pipeline
def main(c: 'Conf' = Conf(a=3)):
    use(c.a)

main()
"""


def test_objects_of_the_files_own_classes_are_made_by_tasks_also_where_their_type_is_text(tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(OWN_CLASS)
    assert not compile_file(file).flow.parameters[0].fixed
