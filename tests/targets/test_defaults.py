"""What engines show and pass of parameters: defaults that the shim reads back, and what may be given for a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import Compilation, compile_file
from flowc_compiler.ir import Parameter
from flowc_targets.base.parameter_defaults import description, literal_default
from tests.compiler.test_parameters import parameter_of
from tests.support import emitted, yaml_documents


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ("3", 3), ("3, float", 3.0), ("True", True), ("'x'", "x"), ("{'a': [1, None]}", {"a": [1, None]}),
        ("3, str", None), ("(1, 2)", None), ("{1: 2}", None), ("'\"text\"', JSONType", None), ("float('inf')", None),
        ("lambda context: 'x'", None), ("None", None), ("1e999", None),
    ],
)  # fmt: skip
def test_literal_defaults(tmp_path: Path, arguments: str, value: object) -> None:
    assert literal_default(parameter_of(tmp_path, arguments)) == value


FLOW = """\
import os
from flowc import Config, FlowSpec, IncludeFile, Parameter, step


class Defaults(FlowSpec):
    cfg = Config("cfg", default_value={"n": 7})
    table = IncludeFile("table", default="table.csv", help="numbers")
    logo = IncludeFile("logo", required=True)
    n = Parameter("n", default=cfg.n)
    dyn = Parameter("dyn", default=os.environ.get("N"))
    late = Parameter("late", default=lambda context: 3, type=int, required=True)
    odd = Parameter("odd", default=5, type=str)

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""


@pytest.fixture
def compilation(tmp_path: Path) -> Compilation:
    """The flow above, with its file."""
    (tmp_path / "table.csv").write_text("1,2")
    (tmp_path / "defaults.py").write_text(FLOW)
    return compile_file(tmp_path / "defaults.py")


def emit(compilation: Compilation, target: str, **options: Any) -> tuple[str, DiagnosticSink]:
    """The file of a target."""
    files, sink = emitted(compilation, target, **options)
    return "".join(file.text for file in files), sink


def test_argo_parameters(compilation: Compilation) -> None:
    text, sink = emit(compilation, "argo", kind="template")
    assert not sink.diagnostics
    workflow = yaml_documents(text)[-1]
    values = {item["name"]: item.get("value") for item in workflow["spec"]["arguments"]["parameters"]}
    assert values == {
        "table": "flowc:default", "logo": None, "n": "7", "dyn": "flowc:default", "late": "flowc:default",
        "odd": "flowc:default", "flowc-origin-run": "",
    }  # fmt: skip
    _, sink = emit(compilation, "argo")
    assert [item.code for item in sink.diagnostics] == ["FC304"]


def shown(default: object = "none", type: object = None, description: str = "") -> tuple[object, object]:
    """What a Param of the emitted file says."""
    del description
    return default, type


def test_airflow_parameters(compilation: Compilation) -> None:
    text, sink = emit(compilation, "airflow")
    assert not sink.diagnostics
    scope: dict[str, object] = {"Param": shown}
    start = text.index("params={") + len("params=")
    params = eval(text[start : text.index("\n    },\n", start) + len("\n    }")], scope)
    json_types = ["string", "object", "array", "number", "boolean", "null"]
    assert params == {
        "table": (None, ["null", "string"]), "logo": ("none", "string"), "n": (7, "integer"), "dyn": (None, json_types),
        "late": (None, ["null", "integer"]), "odd": (None, ["null", "string"]),
    }  # fmt: skip
    assert "numbers (a path in the container, or a URL" in text


def test_a_missing_default_file_is_reported_by_every_target(compilation: Compilation) -> None:
    (compilation.source.path.parent / "table.csv").unlink()
    for target, options in (("argo", {"kind": "template"}), ("airflow", {})):
        _, sink = emit(compilation, target, **options)
        assert "FC308" in [item.code for item in sink.diagnostics]


def test_what_may_be_given() -> None:
    span = {"file": "f", "line": 1, "column": 1, "end_line": 1, "end_column": 2}
    plain = Parameter.model_validate({"span": span, "attribute": "a", "name": "a", "help": "x"})
    assert description(plain) == "x"
    assert description(plain.model_copy(update={"source": "file"})).startswith("x (a path in the container, or a URL")
    assert json.loads(plain.model_dump_json())["source"] == "value"
