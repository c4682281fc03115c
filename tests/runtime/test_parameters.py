"""Values of parameters, included files and configs in tasks; the expected ones are what Metaflow 2.19.39 gives."""

from __future__ import annotations

import http.server
import json
import os
import pickle
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import pytest

from flowc.deploy_time import call_default
from flowc.errors import ParameterError
from flowc.flow_configs import Config, ConfigValue, Delayed, config_expr
from flowc.flow_parameters import Parameter
from flowc.includefile import IncludeFile, read_location
from flowc.type_conversion import convert_default
from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_targets.package.code_package import build_package, package_files
from tests.runtime.shim import RUN, Shim
from tests.runtime.test_pythons import interpreter

ANY_PARAMETER: Any = Parameter
"""As no type checker knows it."""
FLOW = """\
import os
from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, config_expr, current, environment, step

N = 3


def parse(text):
    return dict(line.split("=") for line in text.splitlines())


def today(context):
    return f"{context.flow_name} {context.parameter_name} {context.ds_type} {context.configs.cfg.lr}"


class Settings(FlowSpec):
    cfg = Config("cfg", default_value={"lr": 0.5, "sizes": [1, {"x": 2}], "env": {"A": "b"}})
    own = Config("own-lines", default_value="a=1\\nb=2", parser=parse)
    plain = Config("plain", default_value="{1: 2}", parser="yaml.safe_load", plain=True)
    none = Config("none")
    n = Parameter("n", default=N)
    dyn = Parameter("dyn", default=os.environ.get("DYN", 7))
    late = Parameter("late", today)
    lr = Parameter("lr", default=cfg.lr)
    twice = Parameter("twice", default=config_expr("cfg.lr * 2 + N"), type=float)
    both = Parameter("both", default={"lr": cfg.lr, "x": [cfg["sizes"]]}, type=JSONType)
    line = Parameter("line", default=own.a, help="from the flow's own parser")
    parts = Parameter("parts", default="a:b", separator=":")
    flag = Parameter("flag", default=False)
    pair = Parameter("pair", default=(1, 2))
    odd = Parameter("odd", default=5, type=str)

    @environment(vars=cfg.env)
    @step
    def start(self):
        self.sub = self.cfg.sizes[1]
        self.next(self.end)

    @step
    def end(self):
        self.seen = {name: getattr(self, name) for name in current.parameter_names}
        self.kinds = [type(self.cfg).__name__, type(self.sub).__name__, type(self.plain).__name__]
        try:
            self.cfg.lr = 3
        except TypeError as error:
            self.refused = str(error)
"""


@pytest.mark.process
def test_parameters_and_configs_in_steps(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    shim.tasks("start", "end")
    config = {"lr": 0.5, "sizes": [1, {"x": 2}], "env": {"A": "b"}}
    assert shim.value("end", "seen") == {
        "cfg": config, "own": {"a": "1", "b": "2"}, "plain": {1: 2}, "none": None, "n": 3, "dyn": 7,
        "late": "Settings late local 0.5", "lr": 0.5, "twice": 4.0, "both": {"lr": 0.5, "x": [[1, {"x": 2}]]},
        "line": "1", "parts": ["a", "b"], "flag": False, "pair": (1, 2), "odd": 5,
    }  # fmt: skip
    assert shim.value("end", "kinds") == ["ConfigValue", "ConfigValue", "dict"]
    assert shim.value("end", "refused") == "ConfigValue is immutable"
    parameters = shim.manifest("start")["parameters"]
    assert parameters["cfg"]["type"] == "dict", "readers of the run need no class of ours"
    assert shim.flow.by_name["start"].specs.environment is not None


@pytest.mark.process
def test_given_values_have_the_type_of_the_default(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW)
    given = {"N": "4", "DYN": "8", "LR": "1.5", "BOTH": "[1]", "PARTS": "x:y:z", "FLAG": "yes", "ODD": "6", "LINE": "z"}
    shim.env.update({f"FLOWC_PARAM_{name}": text for name, text in given.items()})
    shim.task("start")
    shim.task("end")
    seen = shim.value("end", "seen")
    assert [seen[name] for name in ("n", "dyn", "lr", "both", "parts", "flag", "odd", "line")] == [
        4, 8, 1.5, [1], ["x", "y", "z"], True, "6", "z",
    ]  # fmt: skip
    failed = shim.attempt("start", attempt=0, FLOWC_PARAM_DYN="many")
    assert failed.returncode == 2
    assert "parameter 'dyn': 'many' is not a valid int" in failed.stderr


@pytest.mark.parametrize(
    ("declared", "value", "result"),
    [
        ("int", "3", 3), ("int", 3.7, 3), ("float", 3, 3.0), ("float", "1e3", 1000.0),
        ("str", 3, 3), ("bool", "no", False),
        ("json", '{"a": 1}', {"a": 1}), ("json", [1], [1]),
    ],
)  # fmt: skip
def test_defaults_are_converted(declared: str, value: object, result: object) -> None:
    assert convert_default("p", declared, value) == result


@pytest.mark.parametrize(("declared", "value"), [("int", "x"), ("bool", 1), ("float", [1]), ("json", "{a")])
def test_defaults_of_a_wrong_type(declared: str, value: object) -> None:
    with pytest.raises(ParameterError, match="parameter 'p'"):
        convert_default("p", declared, value)


def test_functions_as_defaults() -> None:
    def with_context(context: Any) -> Any:
        return context.parameter_name

    def with_both(context: Any, deploy_time: bool) -> Any:
        return (context.flow_name, deploy_time)

    def with_more(context: Any, other: int = 2) -> Any:
        return (context.user_name is not None, other)

    def with_any(*given: Any) -> Any:
        return len(given)

    assert call_default(lambda: 1, "F", "p") == 1
    assert call_default(with_context, "F", "p") == "p"
    assert call_default(with_both, "F", "p") == ("F", False)
    assert call_default(with_more, "F", "p")[1] == 2
    assert call_default(with_any, "F", "p") == 1
    with pytest.raises(ParameterError, match="the default of parameter 'p' raised ZeroDivisionError"):
        call_default(lambda: 1 / 0, "F", "p")


@pytest.mark.process
def test_a_function_returns_text_unless_a_type_is_declared(tmp_path: Path) -> None:
    shim = Shim(tmp_path, FLOW.replace('"late", today', '"late", lambda context: 3'))
    failed = shim.attempt("start")
    assert "the default of parameter 'late' is a function that returned 3 of type int, not str" in failed.stderr


def test_config_values() -> None:
    value = ConfigValue({"a": {"b": [1, {"c": 2}]}, "items": 3, 4: "four"})
    assert value.a.b[1].c == 2
    assert value["items"] == 3
    assert callable(value.items), "methods of dict win, as in Metaflow"
    assert (len(value), list(value), "a" in value, value.get("z", 9)) == (3, ["a", "items", 4], True, 9)
    assert value == {"a": {"b": [1, {"c": 2}]}, "items": 3, 4: "four"}
    assert type(value.to_dict()["a"]) is dict
    assert pickle.loads(pickle.dumps(value)) == value
    assert json.loads(json.dumps(value.a)) == {"b": [1, {"c": 2}]}
    assert "a" in dir(value)
    assert ConfigValue.fromkeys(["x"], 1) == {"x": 1}
    with pytest.raises(AttributeError):
        _ = value.absent
    changes: list[Any] = [
        lambda: value.__setitem__("a", 1), lambda: value.__delitem__("a"), lambda: value.update(a=1),
        lambda: value.pop("a"), value.popitem, value.clear, lambda: value.setdefault("z"),
        lambda: setattr(value, "a", 1), lambda: delattr(value, "a"), lambda: value.__ior__({"z": 1}),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises(TypeError, match="ConfigValue is immutable"):
            change()


def test_a_class_body_without_a_plan() -> None:
    """A file that is imported by itself, in a test of the user's for instance, has configs without values."""

    def keywords(**given: object) -> dict[str, object]:
        return given

    cfg = Config("cfg", default="no-such-file.json")
    assert isinstance(cfg.entry["x"].y, Delayed)
    assert len(keywords(**cfg.entry, **cfg)) == 2
    assert isinstance(config_expr("cfg").entry, Delayed)
    Parameter("p", default=cfg.lr, **cfg.more)
    with pytest.raises(TypeError, match="colour"):
        ANY_PARAMETER("p", colour="red")


INCLUDE = """\
from flowc import FlowSpec, IncludeFile, Parameter, step


class Include(FlowSpec):
    data = IncludeFile("data", default="data.txt")
    raw = IncludeFile("raw", default="data.txt", is_text=False, parser=len)
    table = IncludeFile("table", default="table.json", parser="json.loads")
    latin = IncludeFile("latin", encoding="latin-1")

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        self.seen = (self.data, self.raw, self.table, self.latin)
"""


def write_files(folder: Path) -> None:
    """The files of the flow above."""
    (folder / "data.txt").write_bytes(b"a\r\nb\n")
    (folder / "table.json").write_text('{"x": [1]}')


@pytest.mark.process
def test_included_files_travel_in_the_package(tmp_path: Path) -> None:
    """What a container gets is one zip: the default files are in it, and no other file is there."""
    write_files(tmp_path)
    file = tmp_path / "include.py"
    file.write_text(INCLUDE)
    compilation = compile_file(file)
    package = tmp_path / "elsewhere" / "flow.pyz"
    package.parent.mkdir()
    package.write_bytes(build_package(compilation.flow, compilation.source))
    assert {"flowc_included/data", "flowc_included/raw", "flowc_included/table"} <= set(
        zipfile.ZipFile(package).namelist()
    )
    for name in ("data.txt", "table.json", "include.py"):
        (tmp_path / name).unlink()
    env = {
        **{name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")},
        "FLOWC_ROOT": str(tmp_path / "root"), "FLOWC_RUN_ID": RUN,
        "FLOWC_PARAM_DATA": "flowc:default", "FLOWC_PARAM_LATIN": "data:;base64,/w==",
    }  # fmt: skip
    for step in ("start", "end"):
        command = [sys.executable, str(package), "task", "--step", step, "--index", "-", "--attempt", "0"]
        subprocess.run(command, env=env, cwd=package.parent, check=True)
    from flowc.client import Run

    assert Run(f"Include/{RUN}", root=str(tmp_path / "root"))["end"].task["seen"].data == (
        "a\nb\n", 5, {"x": [1]}, "\xff",
    )  # fmt: skip


def test_default_files_must_be_there_when_a_package_is_made(tmp_path: Path) -> None:
    file = tmp_path / "include.py"
    file.write_text(INCLUDE.replace('"table.json"', "lambda context: context.user_name + '.json'"))
    compilation = compile_file(file)
    sink = DiagnosticSink()
    package_files(compilation.flow, compilation.source, (), sink)
    assert [item.code for item in sink.diagnostics] == ["FC308"] * 3
    assert "is computed when the run starts" in str(FlowcError(sink.diagnostics))


def test_places_that_files_come_from(tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"abc")

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        places = [
            str(tmp_path / "a b.txt"), f"file://{tmp_path}/a b.txt", "data:text/plain,a%62c", "data:;base64,YWJj",
            f"http://127.0.0.1:{server.server_port}/a%20b.txt",
        ]  # fmt: skip
        assert [read_location("p", place) for place in places] == [b"abc"] * len(places)
        with pytest.raises(ParameterError, match="404"):
            read_location("p", f"http://127.0.0.1:{server.server_port}/none")
        server.shutdown()
    for place in (str(tmp_path / "none"), f"file://{tmp_path}/none", "data:abc", "data:;base64,*", "ftp://x/y"):
        with pytest.raises(ParameterError, match="parameter 'p'"):
            read_location("p", place)


@pytest.mark.process
def test_text_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_bytes(b"\xff")
    shim = Shim(tmp_path, INCLUDE)
    failed = shim.attempt("start", FLOWC_PARAM_DATA=str(tmp_path / "data.txt"))
    assert failed.returncode == 2
    assert "the file of 'data' is not text in utf-8" in failed.stderr


@pytest.mark.process
def test_a_parser_that_fails_names_the_parameter(tmp_path: Path) -> None:
    write_files(tmp_path)
    (tmp_path / "table.json").write_text("{")
    shim = Shim(tmp_path, INCLUDE)
    shim.task("start")
    failed = shim.attempt("end")
    assert "the parser of 'table' raised JSONDecodeError" in failed.stderr


def test_arguments_may_be_positional_as_in_metaflow() -> None:
    assert repr(ANY_PARAMETER("p", 3, int, "help", True, False)) == "Parameter('p')"
    include_file: Any = IncludeFile  # type checkers want names for these
    config: Any = Config
    assert repr(include_file("f", True, False, "utf-8", "help", len)) == "IncludeFile('f')"
    assert repr(config("c", None, {}, "help", True, len, True)) == "Config('c')"


@pytest.mark.process
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_other_pythons(tmp_path: Path, version: str) -> None:
    """Class bodies with configs execute, and tasks read them, on every Python that the shim serves."""
    shim = Shim(tmp_path, FLOW, python=interpreter(version))
    shim.tasks("start", "end")
    assert shim.value("end", "seen")["twice"] == 4.0


@pytest.mark.process
def test_decorators_take_what_configs_unpack(tmp_path: Path) -> None:
    """A class body has no values yet: `**config.entry` is one odd keyword, which every decorator bears."""
    shim = Shim(
        tmp_path,
        """\
        from flowc import Config, FlowSpec, config_expr, environment, kubernetes, project, resources, retry
        from flowc import step, timeout

        @project(**config_expr("cfg").project)
        class Unpacked(FlowSpec):
            cfg = Config("cfg", default_value={
                "retry": {"times": 1}, "resources": {"cpu": 3}, "timeout": {"seconds": 50}, "project": {"name": "p"},
                "environment": {"vars": {"MODE": "m"}}, "kubernetes": {"image": "python"},
            })

            @retry(**cfg.retry)
            @resources(**cfg.resources, memory=100)
            @timeout(**cfg.timeout)
            @environment(**cfg.environment)
            @kubernetes(**cfg.kubernetes)
            @step
            def start(self):
                self.next(self.end)

            @step
            def end(self):
                pass
        """,
    )
    shim.tasks("start", "end")
    specs = shim.flow.by_name["start"].specs
    assert (specs.resources and specs.resources.cpu, specs.timeout and specs.timeout.seconds) == (3, 50)
    assert shim.flow.specs.project is not None
