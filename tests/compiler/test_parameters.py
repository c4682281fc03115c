"""Parameters, included files and configs as the compiler reads them; conversions are those of Metaflow 2.19.39."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import (
    GivenConfigs,
    bind_parameters,
    check_environment,
    compile_file,
    environment_values,
    split_options,
)
from flowc_compiler.ir import EnvironmentSpec, Flow, Parameter, SwitchStep
from flowc_targets.package.images.image_environments import pypi_requirement
from flowc_targets.package.run_plan import build_plan
from tests.support import START_AND_END

HEAD = """\
from flowc import Config, FlowSpec, IncludeFile, JSONType, Parameter, config_expr, environment, kubernetes, resources
from flowc import retry, step, timeout
"""


def flow_of(folder: Path, body: str, above: str = "", steps: str = START_AND_END, **configs: Any) -> Flow:
    """Compile a flow with this class body."""
    path = folder / "flow.py"
    text = HEAD + textwrap.dedent(above) + "\nclass F(FlowSpec):\n" + textwrap.indent(textwrap.dedent(body), "    ")
    path.write_text(text + steps)
    return compile_file(path, configs=GivenConfigs(**configs)).flow


def parameter_of(folder: Path, arguments: str, above: str = "", **configs: Any) -> Parameter:
    """Compile a flow with one parameter."""
    return flow_of(folder, f"p = Parameter('p', {arguments})\n", above, **configs).parameters[0]


def codes(error: FlowcError) -> list[str]:
    """The codes of what was collected."""
    return [item.code for item in error.diagnostics]


@pytest.mark.parametrize(
    ("arguments", "kind", "default"),
    [
        ("3", "int", 3),
        ("3, float, 'help', False, True", "float", 3.0),
        ("default='3', type=int", "int", 3),
        ("default=3.7, type=int", "int", 3),
        ("default=3, type=str", "str", 3),  # Metaflow leaves it an int, too
        ("default='no', type=bool", "bool", False),
        ("default='{\"a\": 1}', type=JSONType", "json", {"a": 1}),
        ("default={'a': 1}", "json", {"a": 1}),
        ("default=[1, 2], type=list", "json", [1, 2]),
        ("default=None, type=int", "int", None),
        ("type=bool", "bool", None),
        ("", "str", None),
    ],
)
def test_defaults_are_converted_to_the_type(tmp_path: Path, arguments: str, kind: str, default: object) -> None:
    parameter = parameter_of(tmp_path, arguments)
    assert (parameter.type, parameter.default) == (kind, default)
    assert type(parameter.default) is type(default)
    assert parameter.has_default == (default is not None)
    assert not parameter.dynamic_default


@pytest.mark.parametrize(
    ("above", "default", "value"),
    [
        ("N = 3\n", "N", 3),
        ("N: int = 3\nM = N * 2 + 1\n", "M", 7),
        ("SIZES = {'a': {'b': [1, 2]}}\n", "SIZES['a']['b'][1]", 2),
        ("NAME = 'x'\n", "f'{NAME}-{NAME!r}{{}}\\n'", "x-'x'{}\n"),
        ("A = 'a'\n", "A + 'b' 'c'", "abc"),
        ("BIG = True\n", "8 if BIG else 1", 8),
        ("N = 4\n", "N > 3 and not N == 5", True),
        ("", "[1] + [2]", [1, 2]),
        ("", "7 / 2", 3.5),
        ("", "-7 // 2 % 3", -4 % 3),
        ("N = 3\nN = 4\n", "N", 4),
        ("N = 3\nN += 1\n", "N", 4),
        ("N = [3]\nN.append(4)\n", "N", [3, 4]),
        ("N = {}\nN['a'] = 4\n", "N", {"a": 4}),
        ("N = 3\ndef change():\n    global N\n    N = 4\n", "N", 3),
        ("N = 3\ndef change():\n    global N\n    N = 4\nchange()\n", "N", 4),
        ("for N in [3]:\n    pass\n", "N", 3),
        ("if 1:\n    N = 3\n", "N", 3),
        ("from math import pi as N\n", "round(N, 2)", 3.14),
        ("try:\n    N = 3\nexcept ValueError:\n    pass\n", "N", 3),
        ("A, B = 1, 2\n", "A", 1),
    ],
)
def test_known_expressions(tmp_path: Path, above: str, default: str, value: object) -> None:
    assert parameter_of(tmp_path, f"default={default}", above).default == value


@pytest.mark.parametrize(
    ("above", "default"),
    [
        ("import os\n", "os.environ.get('N')"),
        ("import heapq\nN = [3, 1]\nheapq.heapify(N)\n", "N"),
        ("N = 3\nexec('N = 4')\n", "N"),
        ("import os\nif os.environ.get('N'):\n    N = 3\n", "N"),
        ("A = 3\nclass A: pass\n", "A"),
        ("N = M\nM = N\n", "N"),
        ("with open('x') as N:\n    pass\n", "N"),
        ("try:\n    N = open('x')\nexcept OSError:\n    N = 3\n", "N"),
        ("A = 1\ndel A\n", "A"),
        ("", "b'bytes'"),
        ("", "{1, 2}"),
        ("A0 = 'xxxxxxxxxx'\n" + "".join(f"A{n} = A{n - 1} + A{n - 1}\n" for n in range(1, 40)), "A39"),
    ],
)
def test_what_is_not_certain_is_left_to_the_run(tmp_path: Path, above: str, default: str) -> None:
    parameter = parameter_of(tmp_path, f"default={default}", above)
    assert parameter.dynamic_default
    assert parameter.deferred_type
    assert parameter.default is None


def test_a_function_as_default_means_text(tmp_path: Path) -> None:
    """Metaflow: without a type the parameter is a str, whatever the function returns."""
    flow = flow_of(
        tmp_path,
        "a = Parameter('a', default=today)\nb = Parameter('b', default=lambda c: 3, type=int)\n",
        "def today(context):\n    return 'now'\n",
    )
    assert [(p.type, p.dynamic_default, p.deferred_type) for p in flow.parameters] == [
        ("str", True, False), ("int", True, False),
    ]  # fmt: skip
    sink = DiagnosticSink()
    bind_parameters(flow, [("b", "x")], sink)
    assert [item.code for item in sink.diagnostics] == ["FC303"]


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("OPTIONS = dict(type=int, help='x')\n", "int"),
        ("OPTIONS = {'type': float, 'help': 'x'}\n", "float"),
        ("OPTIONS = dict(type=JSONType, required=True)\n", "json"),
        ("OPTIONS = {'help': 'x'}\n", "str"),
    ],
)
def test_arguments_that_parameters_share(tmp_path: Path, written: str, kind: str) -> None:
    """A type has no value that is known: where the mapping is written out, its expressions are the arguments."""
    body = "p = Parameter('p', **OPTIONS)\nq = Parameter('q', **OPTIONS)\nr = Parameter('r', **dict(type=bool))\n"
    flow = flow_of(tmp_path, body, written)
    assert [parameter.type for parameter in flow.parameters] == [kind, kind, "bool"]


@pytest.mark.parametrize("change", ["OPTIONS['type'] = str", "OPTIONS.update(type=str)", "OPTIONS = dict(type=str)"])
def test_shared_arguments_that_change_are_unknown(tmp_path: Path, change: str) -> None:
    with pytest.raises(FlowcError) as caught:
        flow_of(tmp_path, "p = Parameter('p', **OPTIONS)\n", f"OPTIONS = dict(type=int)\n{change}\n")
    assert codes(caught.value) == ["FC301"]


def test_names_of_a_class_body(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        """\
        GPU = 2
        sizes = Config("sizes", default_value={"cpu": 4, "env": {"A": 1}, "retry": {"times": 2}})

        @resources(gpu=GPU, cpu=sizes.cpu)
        @environment(vars=sizes["env"])
        @retry(**sizes.retry)
        @timeout(minutes=config_expr("sizes.cpu * 15"))
        @step
        def middle(self):
            self.next(self.end)
        """,
        steps="""
    @step
    def start(self):
        self.next(self.middle)

    @step
    def end(self):
        pass
""",
    )
    specs = flow.by_name["middle"].specs
    assert specs.resources is not None
    assert specs.resources.cpu == 4
    assert specs.environment == EnvironmentSpec(variables={"A": "1"}, span=specs.environment.span)  # type: ignore[union-attr]
    assert specs.retry is not None
    assert specs.retry.limit == 2
    assert specs.timeout is not None
    assert specs.timeout.seconds == 3600


def test_a_base_class_has_names_of_its_own(tmp_path: Path) -> None:
    """A config of a base class is known to `config_expr` in the class that derives, and not by its bare name."""
    (tmp_path / "base.py").write_text(
        "from flowc import Config, FlowSpec, Parameter\n\nCPU = 3\n\n\nclass Base(FlowSpec):\n"
        "    cfg = Config('settings', default_value={'cpu': 2})\n    cpus = Parameter('cpus', default=CPU)\n"
    )
    path = tmp_path / "flow.py"
    text = HEAD + "from base import Base\n\n\nclass F(Base):\n    p = Parameter('p', default={})\n" + START_AND_END
    path.write_text(text.format("config_expr('settings.cpu')"))
    flow = compile_file(path).flow
    assert {p.name: p.default for p in flow.parameters} == {"cpus": 3, "p": 2}
    assert [config.attribute for config in flow.configs] == ["cfg"]
    path.write_text(text.format("cfg.cpu"))
    assert compile_file(path).flow.parameters[1].dynamic_default  # a NameError, which Python reports


PARSERS = {
    "json": ('\'{"a": {"b": 1}}\'', ""),
    "toml": ("'[a]\\nb = 1'", "parser='tomllib.loads'"),
    "imported": ("'[a]\\nb = 1'", "parser=toml.loads"),
    "yaml": ("'a:\\n  b: 1'", "parser=load_yaml"),
    "lambda": ("'a:\\n  b: 1'", "parser=lambda text: yaml.load(text, Loader=yaml.SafeLoader)"),
    "of metaflow": ("'a:\\n  b: 1'", "parser=yaml_parser"),
    "vendored": ("'a:\\n  b: 1'", "parser='._vendor.yaml.safe_load'"),
}


@pytest.mark.parametrize("name", PARSERS)
def test_parsers_that_flowc_knows(tmp_path: Path, name: str) -> None:
    text, parser = PARSERS[name]
    above = """\
        try:
            import tomllib as toml
        except ImportError:
            import tomli as toml
        import yaml
        from flowc import yaml_parser


        def load_yaml(text):
            "The config."
            from yaml import safe_load
            return safe_load(text)
        """
    body = f"c = Config('c', default_value={text}, {parser})\np = Parameter('p', default=c.a.b)\n"
    flow = flow_of(tmp_path, body, above)
    assert flow.configs[0].value == {"a": {"b": 1}}
    assert flow.parameters[0].default == 1


def test_metaflows_parsers_of_files_with_packages(tmp_path: Path) -> None:
    """`requirements.txt` and its kin are read when the flow is compiled, so that decorators can have their packages."""
    (tmp_path / "requirements.txt").write_text("pandas>=2,<3\ntool @ git+https://host/tool.git@v1\n")
    path = tmp_path / "flow.py"
    path.write_text(
        "from metaflow import Config, FlowSpec, config_expr, pypi_base, requirements_txt_parser, step\n\n\n"
        "@pypi_base(packages=config_expr('deps.packages'))\nclass PackagesFlow(FlowSpec):\n"
        "    deps = Config('deps', default='requirements.txt', parser=requirements_txt_parser)\n\n"
        "    @step\n    def start(self):\n        self.next(self.end)\n\n    @step\n    def end(self):\n        pass\n"
    )
    spec = compile_file(path).flow.steps[0].specs.dependencies
    assert spec is not None
    packages = {"pandas": "<3,>=2", "tool@git+https://host/tool.git@v1": ""}
    assert (spec.manager, dict(spec.packages), spec.python) == ("pypi", packages, None)
    requirements = [pypi_requirement(name, version) for name, version in packages.items()]
    assert requirements == ["pandas<3,>=2", "tool@git+https://host/tool.git@v1"]


@pytest.mark.parametrize(
    ("text", "parser", "message"),
    [
        ("-r more.txt", "requirements_txt_parser", "not a valid PEP 508 requirement: '-r more.txt'"),
        ("[project]\ndependencies = [1]", "pyproject_toml_parser", "`[project]` is not as PEP 621 has it"),
        ("[project", "pyproject_toml_parser", "not valid as a list of packages"),
        ("dependencies:\n- pip:\n", "conda_environment_yml_parser", "line 'pip:' is not a package of Conda"),
    ],
)
def test_files_with_packages_that_no_parser_reads(tmp_path: Path, text: str, parser: str, message: str) -> None:
    body = f"c = Config('c', default_value={text!r}, parser='metaflow.{parser}')\n"
    with pytest.raises(FlowcError) as caught:
        flow_of(tmp_path, body)
    assert codes(caught.value) == ["FC306"]
    assert message in caught.value.diagnostics[0].message


def test_a_parser_of_the_flows_own_runs_in_the_tasks(tmp_path: Path) -> None:
    above = "def parse(text):\n    return dict(line.split('=') for line in text.splitlines())\n"
    body = "c = Config('c', default_value='a=1', parser=parse)\np = Parameter('p', default=c.a)\n"
    flow = flow_of(tmp_path, body, above)
    assert (flow.configs[0].value, flow.configs[0].text) == (None, "a=1")
    assert flow.parameters[0].dynamic_default
    assert build_plan(flow)["configs"] == {"c": {"attribute": "c", "plain": False, "text": "a=1"}}


def test_where_configs_are_read_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The current folder is Metaflow's place; next to the flow is flowc's second one. What is given comes first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()  # the current folder is the project's
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "c.json").write_text('{"from": "beside"}')
    body = "c = Config('c', default='c.json')\n"

    def value(**given: Any) -> Any:
        return flow_of(tmp_path / "flows", body, **given).configs[0].value["from"]

    assert value() == "beside"
    (tmp_path / "c.json").write_text('{"from": "here"}')
    assert value() == "here"
    (tmp_path / "other.json").write_text('{"from": "given"}')
    assert value(files={"c": "other.json"}) == "given"
    assert value(values={"c": '{"from": "value"}'}) == "value"
    for given, message in (
        ({"files": {"c": "other.json"}, "values": {"c": "{}"}}, "a file and a value"),
        ({"files": {"d": "other.json"}}, "no such config"),
        ({"files": {"c": "absent.json"}}, "no file"),
    ):
        with pytest.raises(FlowcError, match=message) as caught:
            value(**given)
        assert codes(caught.value) == ["FC306"]


def test_a_given_config_needs_no_default(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, "c = Config('c', default=lambda context: 'x')\n", values={"c": '{"a": 1}'})
    assert flow.configs[0].value == {"a": 1}


def test_plain_configs(tmp_path: Path) -> None:
    body = """\
        text = Config("text", default_value="[1]", plain=True)
        items = Config("items", default_value="[1, 2]", plain=True, parser="json.loads")
        none = Config("none", plain=True)
        p = Parameter("p", default=config_expr("items[1]"))
        q = Parameter("q", default=config_expr("text.strip('[]')"))
        """
    flow = flow_of(tmp_path, body)
    assert [config.value for config in flow.configs] == ["[1]", [1, 2], None]
    assert [parameter.default for parameter in flow.parameters] == [2, "1"]


def test_values_travel_as_they_are(tmp_path: Path) -> None:
    """Keys that are no strings, as YAML has them, do not become strings."""
    body = "c = Config('c', default_value='1: a\\n2: [x]', parser='yaml.safe_load')\n"
    entry = build_plan(flow_of(tmp_path, body))["configs"]["c"]
    assert entry == {"attribute": "c", "plain": False, "literal": "{1: 'a', 2: ['x']}"}
    body = "c = Config('c', default_value={'a': [1, 0.5, None]})\n"
    assert build_plan(flow_of(tmp_path, body))["configs"]["c"]["value"] == {"a": [1, 0.5, None]}


def test_expressions_of_configs(tmp_path: Path) -> None:
    for expression, value in {
        "c.get('z', 4)": 4,
        "c.name.upper() + '!'": "X!",
        "int(c.size) * FACTOR": 6,
        "f'{c.name}-{c.size}'": "x-2",
        "max(c.sizes) if c.name == 'x' else 0": 5,
        "'a' in c.name or c.sizes[-1] == 5": True,
        "len(c.keys())": 3,
        "c": {"name": "x", "size": "2", "sizes": [1, 5]},
    }.items():
        body = 'c = Config("c", default_value={"name": "x", "size": "2", "sizes": [1, 5]})\n' + (
            f"p = Parameter('p', default=config_expr({expression!r}))\n"
        )
        assert flow_of(tmp_path, body, "FACTOR = 3\n").parameters[0].default == value


def test_included_files_are_paths_until_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.txt").write_text("x")
    body = "a = IncludeFile('a', False, True, 'utf-8', 'some data', default='data.txt')\nb = IncludeFile('b')\n"
    flow = flow_of(tmp_path, body)
    assert [(p.source, p.default, p.help) for p in flow.parameters] == [
        ("file", "data.txt", "some data"), ("file", None, ""),
    ]  # fmt: skip
    sink = DiagnosticSink()
    assert bind_parameters(flow, [("b", "~/../nowhere.txt")], sink) == {
        "a": str(tmp_path / "data.txt"), "b": str(Path("~/../nowhere.txt").expanduser().absolute()),
    }  # fmt: skip
    assert [item.code for item in sink.diagnostics] == ["FC308"]
    sink = DiagnosticSink()
    assert bind_parameters(flow, [("b", "data:,abc"), ("a", "s3://bucket/key")], sink)["a"] == "s3://bucket/key"
    assert not sink.diagnostics
    bind_parameters(flow, [("a", "ftp://server/x")], sink)
    assert [item.code for item in sink.diagnostics] == ["FC308"]


def test_a_wrong_value_is_one_mistake(tmp_path: Path) -> None:
    """What is given, and wrong, is not missing as well; and what stands behind a boolean's name is its value."""
    flow = flow_of(tmp_path, "n = Parameter('n', type=int, required=True)\nb = Parameter('b', type=bool)\n")
    for arguments, pairs, found in (
        (["--n", "1.5"], [("n", "1.5")], ["FC303"]),
        (["--n", "1", "--n", "2"], [("n", "1"), ("n", "2")], ["FC507"]),
        (["--b", "maybe", "--n", "1"], [("b", "maybe"), ("n", "1")], ["FC303"]),
        (["--b", "no", "--n", "1"], [("b", "no"), ("n", "1")], []),
        (["--b", "--n", "1"], [("b", "true"), ("n", "1")], []),
        (["--n", "1", "--b"], [("n", "1"), ("b", "true")], []),
        (["--b"], [("b", "true")], ["FC304"]),
    ):
        sink = DiagnosticSink()
        assert split_options(flow, arguments, sink) == pairs
        bind_parameters(flow, pairs, sink)
        assert [item.code for item in sink.diagnostics] == found, arguments


def test_values_from_the_environment(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, "a = Parameter('a-b', default=1)\nb = Parameter('Id', default=2)\nc = Parameter('c')\n")
    environment = {
        "FLOWC_RUN_A_B": "3", "METAFLOW_RUN_A_B": "4", "METAFLOW_RUN_ID": "5", "FLOWC_RUN_ID": "run-1",
        "METAFLOW_RUN_C": "", "FLOWC_RUN_D": "6", "FLOWC_RUN_MAX_WORKERS": "1", "METAFLOW_RUN_D": "7",
    }  # fmt: skip
    assert environment_values(flow, environment, []) == [("a-b", "3"), ("Id", "5"), ("c", "")]
    assert environment_values(flow, environment, [("A_B", "9"), ("C", "")]) == [("Id", "5")]
    sink = DiagnosticSink()
    check_environment(flow, environment, frozenset({"FLOWC_RUN_MAX_WORKERS"}), sink)
    assert [(item.code, item.severity) for item in sink.diagnostics] == [("FC302", "warning")]
    assert "FLOWC_RUN_D" in sink.diagnostics[0].message


def test_the_ir_has_it_all(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, "c = Config('c', default_value={'a': 1}, help='x')\np = IncludeFile('p', default='f')\n")
    document = json.loads(flow.model_dump_json())
    assert document["configs"][0]["value"] == {"a": 1}
    assert document["parameters"][0]["source"] == "file"
    assert Flow.model_validate(document) == flow


def test_a_parameter_that_is_overridden_by_a_constant_is_none(tmp_path: Path) -> None:
    path = tmp_path / "flow.py"
    base = "class Base(FlowSpec):\n    a = Parameter('a', default=1)\n    b = Parameter('b', default=1)\n\n\n"
    path.write_text(HEAD + base + "class F(Base):\n    a = 3\n    b = Parameter('b', default=2)\n" + START_AND_END)
    flow = compile_file(path, flow_name="F").flow
    assert [(p.name, p.default) for p in flow.parameters] == [("b", 2)]
    assert flow.constants == ("a",)


def test_cases_of_a_switch(tmp_path: Path) -> None:
    """Metaflow reads `self.config.entry` there; constants that the step does not bind itself are known here, too."""
    above = "SLOW = 's'\nMODES = {'other': 'o'}\n"
    body = "cfg = Config('settings', default_value={'fast': 'f'})\n"
    steps = """
    @step
    def start(self):
        self.mode = "f"
        self.next({self.cfg.fast: self.a, SLOW: self.b, MODES["other"]: self.a}, condition="mode")

    @step
    def a(self):
        self.next(self.end)

    @step
    def b(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
    start = flow_of(tmp_path, body, above, steps).by_name["start"]
    assert isinstance(start, SwitchStep)
    assert [(case.value, case.target) for case in start.cases] == [("f", "a"), ("s", "b"), ("o", "a")]
    with pytest.raises(FlowcError) as caught:
        flow_of(tmp_path, body, above, steps.replace('self.mode = "f"', 'self.mode = SLOW = "f"'))
    assert codes(caught.value) == ["FC203"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("from settings import GPU", "GPU"),
        ("from settings import GPU as N", "N"),
        ("import settings", "settings.GPU"),
        ("import settings as s", "s.GPU"),
        ("from more import GPU", "GPU"),
        ("import more", "more.AGAIN"),
        ("import pkg.inner", "pkg.inner.GPU"),
        ("from pkg import inner", "inner.GPU"),
    ],
)
def test_constants_of_local_modules(tmp_path: Path, line: str, name: str) -> None:
    (tmp_path / "pkg").mkdir()
    for path, text in {
        "settings.py": "GPU = 1 + 1\n", "more.py": "import settings\nfrom settings import GPU\nAGAIN = settings.GPU\n",
        "pkg/__init__.py": "", "pkg/inner.py": "GPU = 2\n",
    }.items():  # fmt: skip
        (tmp_path / path).write_text(text)
    flow = flow_of(tmp_path, f"p = Parameter('p', default={name})\nq = Parameter('q', default={name})\n", f"{line}\n")
    assert [parameter.default for parameter in flow.parameters] == [2, 2]


@pytest.mark.parametrize(
    ("text", "above", "name", "value"),
    [
        ("N = 1\nN = 2\n", "from settings import N\n", "N", 2),
        ("N = 1\n", "from settings import N\nN = 3\nN = 4\n", "N", 4),
        ("N = {}\n", "from settings import N\nN['a'] = 3\n", "N", {"a": 3}),
        ("N = 1\n", "import settings\nsettings.N = 9\n", "settings.N", 9),
        ("N = [1]\ndef grow():\n    N.append(2)\n", "import settings\nsettings.grow()\n", "settings.N", [1, 2]),
        ("N = 1\n", "from settings import *\nN += 1\n", "N", 2),
    ],
)
def test_local_modules_are_executed(tmp_path: Path, text: str, above: str, name: str, value: object) -> None:
    (tmp_path / "settings.py").write_text(text)
    assert parameter_of(tmp_path, f"default={name}", above).default == value


@pytest.mark.parametrize(
    ("text", "above", "name"),
    [
        ("N = [1]\n", "import random\nfrom settings import N\nrandom.shuffle(N)\n", "N"),
        ("def N(): pass\n", "from settings import N\n", "N"),
        ("", "from settings import N\n", "N"),
        ("from flow import N\n", "from settings import N\n", "N"),
        ("N = 1\n", "from os import path\nimport os\n", "os.name"),
        ("N = 1\n", "import settings\nsettings = None\n", "settings.N"),
    ],
)
def test_what_local_modules_do_not_tell(tmp_path: Path, text: str, above: str, name: str) -> None:
    (tmp_path / "settings.py").write_text(text)
    assert parameter_of(tmp_path, f"default={name}", above).dynamic_default


READS = {
    "json.load(open('more.json'))": "open",
    "helper(text)": "os.environ",
    "json.loads(Path(text).read_text())": "read_text",
    "subprocess.check_output(text)": "subprocess.check_output",
    "read(text)": "os.getenv",
    "json.loads(text)['a']": "",
    "dict(line.split('=') for line in text.splitlines())": "",
    "{'folder': os.path.join('a', text)}": "",
}


@pytest.mark.parametrize("body", READS)
@pytest.mark.parametrize("form", ["def parse(text):\n    return {}", "parse = lambda text: {}"])
def test_a_parser_that_reads_elsewhere_is_reported(tmp_path: Path, body: str, form: str) -> None:
    parser = form.replace("{}", body)
    given = "parse" if form.startswith("def") else parser.partition(" = ")[2]
    file = tmp_path / "flow.py"
    file.write_text(
        f"""
import json, os, subprocess
from os import getenv as read
from pathlib import Path
from flowc import Config, FlowSpec, step

def helper(text):
    return {{"home": os.environ["HOME"]}}

{parser if form.startswith("def") else ""}

class F(FlowSpec):
    settings = Config("settings", default_value="{{}}", parser={given})

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass
""",
        encoding="utf-8",
    )
    sink = DiagnosticSink()
    compile_file(file, sink=sink)
    found = [item for item in sink.diagnostics if item.code == "FC315"]
    assert [f"(`{READS[body]}`)" in item.message for item in found] == [True] * bool(READS[body])
