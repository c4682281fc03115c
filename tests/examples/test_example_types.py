"""What editors see: mypy and pyright, both strict, accept the examples, and refuse in decorators what `check` does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import flowc
from tests.support import diagnostics

pytestmark = pytest.mark.process

EXAMPLES = Path(__file__).parents[2] / "examples"
OWN = [path for path in sorted(EXAMPLES.glob("*.py")) if "from flowc import" in path.read_text()]
"""The examples that are written with flowc's names. Those of Metaflow and ZenML have the types of these packages."""
assert flowc.__file__ is not None
RUNTIME = Path(flowc.__file__).parents[1]

ROWS = {
    "a keyword is misspelled": (
        "@resources(cpuu=2)", "@retry(time=3)", "@kubernetes(memroy=1)", "@catch(variable='x')",
        "@airflow_options(pol='x')", "@fuse(disable=True)",
    ),
    "a value is of a wrong type": (
        "@resources(cpu=[2])", "@retry(times='often')", "@timeout(minutes='soon')", "@environment(vars=['A'])",
        "@kubernetes(node_selector=3)", "@kubernetes(image_pull_policy='Sometimes')", "@secrets(sources=3)",
        "@secrets(sources='type.x')", "@pypi(packages=['pandas'])", "@batch(host_volumes=3)", "@card(options=[1])",
        "@loop(max_iterations='many')", "@airflow_options(queue=3)", "@foreach_options(label=3)",
        "@fuse(disabled='no')",
        "@torchrun(nproc_per_node='all')", "@resources(gpu=[1])", "@catch(var=3)", "@conda(python=['3.11'])",
    ),
    "an argument is missing": ("@loop", "@loop()", "@timeout", "@timeout()", "@foreach_options", "@foreach_options()"),
    "a decorator is unknown": ("@flowc.resource(cpu=2)", "@flowc.retries", "@flowc.timout(minutes=1)"),
    "an argument has no name": ("@retry(3)", "@resources(2)", "@environment({'A': 'b'})"),
}  # fmt: skip
FLOW_ROWS = {
    "a keyword is misspelled": ("@schedule(crn='0 0 * * *')", "@project(nam='x')", "@trigger(evnt='x')"),
    "a value is of a wrong type": (
        "@schedule(cron=3)", "@project(name=3)", "@trigger(events='x')", "@trigger_on_finish(flows=3)",
        "@pypi_base(packages=['x'])", "@exit_hook(on_error=3)", "@exit_hook(on_error='x')",
    ),
    "an argument is missing": (
        "@project", "@project()", "@trigger", "@trigger()", "@trigger_on_finish()", "@exit_hook()",
    ),
    "a decorator is unknown": ("@flowc.schedules", "@flowc.projct(name='x')"),
}  # fmt: skip
FLOW = """\
import flowc
from flowc import *


{flow}
class F(FlowSpec):
    {step}
    @step
    def start(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass
"""
CASES = {
    f"row{number}": text
    for number, text in enumerate(
        [FLOW.format(flow="", step=row) for rows in ROWS.values() for row in rows]
        + [FLOW.format(flow=row, step="") for rows in FLOW_ROWS.values() for row in rows]
    )
}
"""The file of each row, by its name."""


def mypy(folder: Path, *paths: str | Path) -> dict[str, set[int]]:
    """The lines with errors of each file, by mypy."""
    options = ("--strict", "--ignore-missing-imports", "--no-error-summary", "--cache-dir", folder / "cache")
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "", *map(str, options), *map(str, paths)],
        cwd=folder, env={"MYPYPATH": str(RUNTIME), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert not found.stderr, found.stderr
    return _lines(re.findall(r"^(.+?):(\d+): error: ", found.stdout, re.MULTILINE), found.stdout)


def pyright(folder: Path, *paths: str | Path) -> dict[str, set[int]]:
    """The lines with errors of each file, by pyright, but for those that come of packages that are not installed."""
    settings = {
        "typeCheckingMode": "strict", "extraPaths": [str(RUNTIME)], "include": [str(path) for path in paths],
        "reportMissingTypeStubs": False, "reportMissingModuleSource": False,
    }  # fmt: skip
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    found = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "-p", str(folder)],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    problems = [item for item in json.loads(found.stdout)["generalDiagnostics"] if item["severity"] == "error"]
    missing = {item["file"] for item in problems if item.get("rule") == "reportMissingImports"}
    kept = [
        (item["file"], str(item["range"]["start"]["line"] + 1))
        for item in problems
        if item["file"] not in missing or not re.match("reportUnknown|reportMissing", item.get("rule", ""))
    ]
    return _lines(kept, found.stdout)


def _lines(found: list[tuple[str, str]], shown: str) -> dict[str, set[int]]:
    lines: dict[str, set[int]] = {}
    for path, line in found:
        lines.setdefault(Path(path).stem, set()).add(int(line))
    if lines:
        print(shown)
    return lines


def test_examples_are_accepted(tmp_path: Path) -> None:
    assert len(OWN) > 10
    assert mypy(tmp_path, *OWN) == {}
    assert pyright(tmp_path, *OWN) == {}


def test_mistakes_in_decorators_are_found_by_all(tmp_path: Path) -> None:
    """At the line, as `check` has it; a decorator that is wrong may make that of the definition below wrong, too."""
    files = tmp_path / "files"
    files.mkdir()
    for name, text in CASES.items():
        (files / f"{name}.py").write_text(text)
    by_mypy, by_pyright = mypy(tmp_path, files), pyright(tmp_path, files)
    for name, text in CASES.items():
        line = next(number for number, line in enumerate(text.splitlines(), 1) if line.strip()[:1] == "@")
        found = {item.span.line for item in diagnostics(tmp_path, text) if item.span is not None}
        assert line in found, text
        assert by_mypy.get(name, set()) & {line, line + 1, line + 2}, text
        assert by_pyright.get(name, set()) & {line, line + 1, line + 2}, text


TYPED = """
from __future__ import annotations

from pathlib import Path
from typing import Any

from typing_extensions import Self, assert_type

from flowc import (
    Config, FlowSpec, IncludeFile, Inputs, JSONType, Parameter, config_expr, current, kubernetes, project, resources,
    retry, step,
)
from flowc import ConfigValue


def rows(context: object) -> int:
    return 3


@project(name="demo")
class TypedFlow(FlowSpec):
    n = Parameter[int]("n", default=5)
    m = Parameter("m", default=5)
    annotated: Parameter[int] = Parameter("annotated", default=5)
    required = Parameter("required", type=float, required=True)
    rate = Parameter("rate", default=1, type=float)
    maybe = Parameter("maybe", type=int)
    text = Parameter("text")
    names = Parameter("names", separator=",", default="a")
    several = Parameter("several", multiple=True)
    data = Parameter("data", type=JSONType, default="{}")
    path = Parameter("path", type=Path, default=Path("x"))
    computed = Parameter("computed", default=rows, type=int)
    settings = Config("settings", default_value={"cpu": 1})
    plain = Config("plain", default_value={"cpu": 1}, plain=True)
    table = IncludeFile("table", default="x.csv")
    raw = IncludeFile("raw", default="x.csv", is_text=False)

    @kubernetes(image="python:3.12", node_selector={"pool": "gpu"})
    @resources(cpu=settings.cpu, memory="4Gi", gpu=config_expr("settings.gpu"))
    @retry
    @step
    def start(self) -> None:
        assert_type(self.n, int)
        assert_type(self.m, int)
        assert_type(self.annotated, int)
        assert_type(self.required, float)
        assert_type(self.rate, float)
        assert_type(self.maybe, "int | None")
        assert_type(self.text, "str | None")
        assert_type(self.names, "list[str]")
        assert_type(self.several, "tuple[Any, ...]")
        assert_type(self.data, Any)
        assert_type(self.path, Path)
        assert_type(self.computed, int)
        assert_type(self.settings, ConfigValue)
        assert_type(self.settings.cpu, Any)
        assert_type(self.plain, Any)
        assert_type(self.table, str)
        assert_type(self.raw, bytes)
        assert_type(current.run_id, str)
        assert_type(current.retry_count, int)
        assert_type(current.parallel.num_nodes, int)
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @resources(**settings.work)
    @retry(times=2)
    @step
    def work(self) -> None:
        assert_type(self.index, int)
        item: int = self.input
        self.result = item * 2
        self.next(self.join)

    @step
    def join(self, inputs: Inputs[Self]) -> None:
        assert_type(inputs[0].result, int)
        assert_type(inputs.work.result, int)
        assert_type([item.result for item in inputs], "list[int]")
        assert_type(len(inputs), int)
        self.merge_artifacts(inputs, include=["items"])
        self.next({"a": self.a, "b": self.b}, condition="text")

    @step
    def a(self) -> None:
        self.next(self.end)

    @step
    def b(self) -> None:
        self.next(self.end)

    @step
    def end(self) -> None:
        pass
"""
WRONG = {
    "self.n = 3": "start", "self.n.append(1)": "start", "current.run_idd": "start",
    "self.next(self.work, foreech='x')": "join", "self.next(self.work, foreach=3)": "join",
    "inputs[0].n.append(1)": "join", "self.merge_artifacts(inputs, includ=[])": "join",
}  # fmt: skip
"""Lines that are wrong, and the steps that they stand in."""


def test_the_api_has_types(tmp_path: Path) -> None:
    path = tmp_path / "typed_flow.py"
    path.write_text(TYPED.replace('condition="text")', 'condition="text")  # wrong'))
    assert mypy(tmp_path, path) == {}
    assert pyright(tmp_path, path) == {}
    wrong = tmp_path / "wrong.py"
    lines = "".join(f"        {line}\n" for line, place in WRONG.items() if place == "start")
    text = TYPED.replace("        assert_type(self.n, int)\n", lines, 1)
    lines = "".join(f"        {line}\n" for line, place in WRONG.items() if place == "join")
    text = text.replace("        assert_type(inputs[0].result, int)\n", lines, 1)
    wrong.write_text(text)
    expected = {number for number, line in enumerate(text.splitlines(), 1) if line.strip() in WRONG}
    assert mypy(tmp_path, wrong) == {"wrong": expected}
    assigned = next(number for number, line in enumerate(text.splitlines(), 1) if line.strip() == "self.n = 3")
    assert pyright(tmp_path, wrong) == {"wrong": expected - {assigned}}  # as FlowSpec has a `__setattr__`
