"""Files that Metaflow takes, in the less usual shapes that its users write; and what overrides what."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from tests.support import START_AND_END as BODY
from tests.support import compiled, refused

if TYPE_CHECKING:
    from pathlib import Path


def codes_of(folder: Path, text: str) -> list[str]:
    """The codes of a file that is refused."""
    return [item.code for item in refused(folder, text)]


@pytest.mark.parametrize("name", ["only", "start", "end"])
def test_a_step_alone_is_start_and_end(tmp_path: Path, name: str) -> None:
    flow = compiled(
        tmp_path, f"from metaflow import *\nclass F(FlowSpec):\n    @step\n    def {name}(self):\n        pass\n"
    ).flow
    assert (flow.start, flow.end) == (name, name)


def test_a_step_alone_that_leads_on_misses_the_others(tmp_path: Path) -> None:
    text = "from metaflow import *\nclass F(FlowSpec):\n    @step\n    def start(self):\n        self.next(self.end)\n"
    assert codes_of(tmp_path, text) == ["FC206"]


@pytest.mark.parametrize("name", ["check", "run", "show", "parameters", "inputs", "resume"])
def test_names_of_commands_are_names_of_steps(tmp_path: Path, name: str) -> None:
    more = f"\n    @step\n    def {name}(self):\n        self.next(self.end)\n"
    body = BODY.replace("self.next(self.end)", f"self.next(self.{name})")
    assert name in compiled(tmp_path, f"from metaflow import *\nclass F(FlowSpec):{body}{more}").flow.by_name


@pytest.mark.parametrize(
    "head",
    [
        "import metaflow\nFlowSpec = metaflow.FlowSpec\nstep = metaflow.step",
        "try:\n    import cupy\nexcept ImportError:\n    from metaflow import FlowSpec, step\n"
        "else:\n    from metaflow import FlowSpec, step",
        "import sys\nif sys.version_info < (3, 9):\n    pass\nelse:\n    from metaflow import FlowSpec, step",
    ],
)
def test_names_that_come_another_way(tmp_path: Path, head: str) -> None:
    assert compiled(tmp_path, f"{head}\nclass F(FlowSpec):{BODY}").flow.name == "F"


def test_a_base_class_by_another_name(tmp_path: Path) -> None:
    more = "Base = B\nclass F(Base):\n    k = 1\n"
    assert compiled(tmp_path, f"from metaflow import *\nclass B(FlowSpec):{BODY}{more}").flow.name == "F"


def test_a_base_class_that_is_not_seen_is_one_error(tmp_path: Path) -> None:
    text = f"from metaflow import *\nfrom far import B\nclass F(FlowSpec, B):{BODY}".replace("self.end", "self.there")
    assert codes_of(tmp_path, text) == ["FC105"]
    head = "from metaflow import *\nfrom far import B\nclass F(FlowSpec, B):\n"
    assert codes_of(tmp_path, f"{head}    @step\n    def mid(self):\n        self.next(self.end)\n") == ["FC105"]


MIDDLE = """
    @step
    def mid(self):
        self.next(self.end)
"""


def test_a_value_overrides_a_step(tmp_path: Path) -> None:
    base = BODY.replace("self.next(self.end)", "self.next(self.mid)")
    text = f"from metaflow import *\nclass B(FlowSpec):{base}{MIDDLE}\nclass F(B):\n    mid = None\n"
    assert codes_of(tmp_path, text) == ["FC201"]


def test_a_parameter_overrides_a_step(tmp_path: Path) -> None:
    text = f"from metaflow import *\nclass B(FlowSpec):{BODY}{MIDDLE}\nclass F(B):\n    mid = Parameter('mid')\n"
    flow = compiled(tmp_path, text).flow
    assert "mid" not in flow.by_name
    assert [item.name for item in flow.parameters] == ["mid"]


def test_a_method_overrides_a_parameter(tmp_path: Path) -> None:
    head = "from metaflow import *\nclass B(FlowSpec):\n    p = Parameter('p')\n"
    assert not compiled(tmp_path, f"{head}{BODY}\nclass F(B):\n    def p(self):\n        return 1\n").flow.parameters


@pytest.mark.parametrize("written", ["'it' 'ems'", "NAME", 'r"items"'])
def test_the_name_of_a_list_as_a_constant(tmp_path: Path, written: str) -> None:
    body = BODY.replace("self.next(self.end)", f"self.items = [1]\n        self.next(self.mid, foreach={written})")
    more = MIDDLE.replace("self.end", "self.join") + MIDDLE.replace("mid(self)", "join(self, inputs)")
    flow = compiled(tmp_path, f"from metaflow import *\nNAME = 'items'\nclass F(FlowSpec):{body}{more}").flow
    start = flow.by_name["start"]
    assert start.kind == "foreach"
    assert start.variable == "items"


def test_a_python_that_is_computed_is_recorded(tmp_path: Path) -> None:
    text = f"from metaflow import *\n@conda_base(python=version())\nclass F(FlowSpec):{BODY}"
    path = tmp_path / "flow.py"
    path.write_text(text)
    sink = DiagnosticSink()
    flow = compile_file(path, sink).flow
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC402", "warning")]
    asked = flow.by_name["start"].specs.dependencies
    assert asked is not None
    assert asked.python == "version()"


def test_arguments_by_dict(tmp_path: Path) -> None:
    body = BODY.replace("@step", "@environment(vars=dict(A='b', N=2))\n    @step", 1)
    specs = compiled(tmp_path, f"from metaflow import *\nclass F(FlowSpec):{body}").flow.by_name["start"].specs
    assert specs.environment is not None
    assert specs.environment.variables == {"A": "b", "N": "2"}


@pytest.mark.parametrize("base", ["made()", "Corp"])
def test_a_class_with_steps_on_a_base_that_is_not_seen_is_not_passed_over(tmp_path: Path, base: str) -> None:
    head = "from metaflow import *\nfrom corp import Corp, made\n"
    assert codes_of(tmp_path, f"{head}class F({base}):{BODY}") == ["FC105"]
    assert codes_of(tmp_path, f"{head}class G(FlowSpec):{BODY}\nclass F({base}):{BODY}") == ["FC105"]
