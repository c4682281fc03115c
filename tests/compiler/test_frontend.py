"""The class-flow front end: what it reads of files that are right."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.ir import (
    AcceleratorSpec,
    ContainerSpec,
    EnvironmentSpec,
    Flow,
    Placement,
    ResourceSpec,
    RetryPolicy,
    TimeoutSpec,
    Toleration,
)
from tests.support import START_AND_END, compiled, diagnostics


def flow_of(tmp_path: Path, text: str) -> Flow:
    sink = DiagnosticSink()
    flow = compiled(tmp_path, text, sink).flow
    assert not sink.diagnostics
    return flow


@pytest.mark.parametrize(
    ("imports", "base", "decorator"),
    [
        ("from flowc import FlowSpec, step", "FlowSpec", "step"),
        ("from metaflow import FlowSpec, step", "FlowSpec", "step"),
        ("from metaflow import FlowSpec as Base, step as task", "Base", "task"),
        ("import metaflow as mf", "mf.FlowSpec", "mf.step"),
        ("import flowc", "flowc.FlowSpec", "flowc.step"),
        ("from flowc import *", "FlowSpec", "step"),
        ("try:\n    from flowc import FlowSpec, step\nexcept ImportError:\n    raise", "FlowSpec", "step"),
    ],
)
def test_ways_to_import(tmp_path: Path, imports: str, base: str, decorator: str) -> None:
    body = START_AND_END.replace("@step", f"@{decorator}")
    flow = flow_of(tmp_path, f"{imports}\n\n\nclass F({base}):{body}")
    assert [step.name for step in flow.steps] == ["start", "end"]


def test_steps_of_base_classes_in_the_same_file(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        f"""\
from flowc import FlowSpec, Parameter, step


class Mixin:
    limit = 3

    @step
    def middle(self):
        self.next(self.end)


class Base(FlowSpec):
    rate = Parameter("rate", default=0.5)
{START_AND_END}

class F(Base, Mixin):
    @step
    def start(self):
        "Overridden."
        self.next(self.middle)
""",
    )
    assert [step.name for step in flow.steps] == ["start", "middle", "end"]
    assert flow.by_name["start"].doc == "Overridden."
    assert [parameter.name for parameter in flow.parameters] == ["rate"]
    assert flow.constants == ("limit",)


def test_specs(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        """\
        from flowc import FlowSpec, environment, kubernetes, resources, retry, step, timeout


        class F(FlowSpec):
            '''The flow.

            Its second paragraph.
            '''

            @resources(cpu=2, memory="16Gi", disk=10_000)
            @kubernetes(
                cpu="0.5", memory=4096, gpu="a100:2", image="torch:2", node_selector="pool=gpu,zone=a",
                tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                labels={"team": "ml"}, secrets="s3", shared_memory=2 * 1024, service_account="trainer",
            )
            @retry(times=2, minutes_between_retries=0.5)
            @timeout(hours=1, minutes=30)
            @environment(vars={"A": "b", "N": 1})
            @step
            def start(self):
                self.next(self.end)

            @retry
            @step
            def end(self):
                pass
        """,
    )
    assert flow.doc == "The flow.\n\nIts second paragraph."
    specs = flow.by_name["start"].specs
    assert _bare(specs.resources) == ResourceSpec(cpu=2, memory_mb=16384, disk_mb=10_000, shared_memory_mb=2048)
    assert _bare(specs.accelerator) == AcceleratorSpec(count=2, type="a100")
    toleration = Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")
    assert _bare(specs.placement) == Placement(node_selector={"pool": "gpu", "zone": "a"}, tolerations=(toleration,))
    container = ContainerSpec(image="torch:2", labels={"team": "ml"}, secrets=("s3",), service_account="trainer")
    assert _bare(specs.container) == container
    assert _bare(specs.retry) == RetryPolicy(limit=2, backoff_seconds=30)
    assert _bare(specs.timeout) == TimeoutSpec(seconds=5400)
    assert _bare(specs.environment) == EnvironmentSpec(variables={"A": "b", "N": "1"})
    assert specs.retry is not None
    assert specs.retry.span is not None
    assert (specs.retry.span.line, specs.retry.span.column) == (16, 6)
    assert _bare(flow.by_name["end"].specs.retry) == RetryPolicy(limit=3, backoff_seconds=120)


def _bare(spec: object) -> object:
    assert spec is not None
    return spec.model_copy(update={"span": None})  # type: ignore[attr-defined]  # pyright: ignore


def test_parameters(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        f"""\
from flowc import FlowSpec, JSONType, Parameter, step


def today():
    return "now"


class F(FlowSpec):
    a = Parameter("a-b", default=3, help="how many")
    b = Parameter("b", type=JSONType, default='{{"x": 1}}')
    c = Parameter("c", default=today)
    d = Parameter("d", type=float, required=True)
    e = Parameter("e", default=True)
    f: Parameter = Parameter("f", separator=",")
{START_AND_END}""",
    )
    parameters = {parameter.attribute: parameter for parameter in flow.parameters}
    assert (parameters["a"].name, parameters["a"].type, parameters["a"].default) == ("a-b", "int", 3)
    assert parameters["b"].type == "json"
    assert parameters["c"].dynamic_default
    assert parameters["d"].required
    assert parameters["e"].type == "bool"
    assert parameters["f"].separator == ","


def test_spans_of_steps(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):{START_AND_END}")
    start = flow.by_name["start"]
    assert (start.span.line, start.span.column, start.span.end_column) == (6, 5, 14)
    assert start.next_span is not None
    assert (start.next_span.line, start.next_span.column) == (7, 9)


def test_spans_of_an_ambiguous_file(tmp_path: Path) -> None:
    """Text that looks like the flow's own code has no part in the spans."""
    flow = flow_of(
        tmp_path,
        '''\
        from flowc import FlowSpec, step


        class F(FlowSpec):
            """
            def start(self): in a docstring
            """
            text = """
            def start(self):
        """

            @step
            def start(self):
                # self.next(self.end)
                self.next(self.end)

            @step
            def end(self):
                """self.next(self.end)"""
        ''',
    )
    start = flow.by_name["start"]
    assert start.span.line == 13
    assert start.next_span is not None
    assert start.next_span.line == 15


def test_line_ends_and_tabs(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    text = f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):{START_AND_END}".replace("    ", "\t").replace(
        "\n", "\r\n"
    )
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    flow = compile_file(path).flow
    assert flow.by_name["end"].span.line == 10


def test_a_base_class_of_the_flows_own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that imports its package by name, or by dots, is a member of it: imports start above the package."""
    base = "from flowc import FlowSpec, step\n\n\nclass Base(FlowSpec):\n    @step\n    def end(self):\n        pass\n"
    flow = "class F(Base):\n    @step\n    def start(self):\n        self.next(self.end)\n"
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    (tmp_path / "pkg" / "base.py").write_text(base)
    monkeypatch.chdir(tmp_path)
    for line in ("from pkg.base import Base", "from .base import Base"):
        Path("pkg/flow.py").write_text(f"from flowc import FlowSpec, step\n{line}\n\n\n{flow}")
        found = compile_file(Path("pkg/flow.py")).flow
        assert found.by_name["end"].span.file == "pkg/base.py"


SAME = "self.next(self.b, foreach='xs')"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (f"if self.k: {SAME}; return", 0),
        (f"if self.k: return {SAME}", 0),
        (f"for _ in 'ab':\n  try:\n    {SAME}\n    print()\n    return\n  finally: pass", 0),
        (f"match self.k:\n  case 1:\n    with open('x'): {SAME}; return", 0),
        (f"if self.k: {SAME}", 1),
        (f"def f():\n  {SAME}\n  return\nf()", 1),
        (f"if self.k: [{SAME}]; return", 1),
        ("if self.k: self.next(self.b); return", 1),
        ("if self.k: self.next(self.end); return", 1),
        ("if self.k: self.next(self.b, foreach='ys'); return", 1),
        (f"if self.k: {SAME}; return\nif self.n: self.next(self.b, num_parallel=3); return", 1),
    ],
)
def test_a_step_may_end_early_with_the_same_transition(tmp_path: Path, body: str, wrong: int) -> None:
    """Metaflow takes the last statement for the graph, and fails where a step goes elsewhere or calls it twice."""
    lines = "".join(f"        {line}\n" for line in [*body.splitlines(), SAME])
    steps = "".join(
        f"\n    @step\n    def {name}:\n        {last}\n"
        for name, last in (
            ("b(self)", "self.next(self.j)"),
            ("j(self, inputs)", "self.next(self.end)"),
            ("end(self)", "pass"),
        )
    )
    head = "from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):\n    xs, ys, k, n = [1], [2], 3, 4\n"
    found = diagnostics(tmp_path, f"{head}\n    @step\n    def start(self):\n{lines}{steps}")
    assert [each.code for each in found] == ["FC211"] * wrong


_MISTAKEN = """
from flowc import FlowSpec, step


class F(FlowSpec):
    @step
    def start(self):
        self.shops = [1]
        self.next(NEXT)

    @step
    def each(self):
        self.shop = self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.mark.parametrize(
    ("wrong", "right", "codes", "help_text"),
    [
        ("NEXT", "self.each, foreach='shop'", ["FC317"], "did you mean `shops`?"),
        ("NEXT", "self.each, foreach=self.shops", ["FC203"], "pass the artifact's name: `foreach='shops'`"),
        ("NEXT", "each", ["FC203"], "name steps as attributes: `self.each`"),
        (
            "NEXT",
            "self.each if 1 else self.end",
            ["FC203"],
            "`self.next({True: self.each, False: self.end}, condition=",
        ),
        ("@step\n    def end", "def end", ["FC206"], "write `@step` above the method `end`"),
        ("@step\n    def each", "def each", ["FC201"], "write `@step` above the method `each`; the steps are"),
        ("FlowSpec", "FlowSpecs", ["FC106"], "did you mean `FlowSpec`?"),
    ],
)
def test_help_says_what_was_meant(tmp_path: Path, wrong: str, right: str, codes: list[str], help_text: str) -> None:
    text = _MISTAKEN.replace(wrong, right).replace("NEXT", "self.each, foreach='shops'")
    found = diagnostics(tmp_path, text)
    assert [item.code for item in found] == codes
    assert help_text in found[0].help


def test_a_file_that_is_not_python(tmp_path: Path) -> None:
    (found,) = diagnostics(tmp_path, "at: 12h\n", name="flow.yaml")
    assert (found.code, found.help) == ("FC101", "name the Python file with the flow")
    assert found.message == "this `.yaml` file is not Python: invalid decimal literal"
