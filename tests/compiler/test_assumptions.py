"""Values that depend on where the flow is, and on the environment: who may use them, and what is said otherwise."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import compile_file
from flowc_compiler.driver.parameters import default_file
from flowc_compiler.ir import Flow, TaskVariable

HEAD = "import os\nfrom pathlib import Path\nfrom flowc import *\n"
STEPS = """
    @step
    def end(self):
        pass
"""


def flow_text(above: str, body: str, decorator: str = "") -> str:
    """A class flow with statements above the class, in it, and a decorator of its start."""
    lines = [HEAD, textwrap.dedent(above), "class F(FlowSpec):", *(f"    {line}" for line in body.splitlines())]
    start = ["    @step", "    def start(self):", "        self.next(self.end)"]
    return "\n".join([*lines, *([f"    {decorator}"] if decorator else []), *start, STEPS])


def compiled(file: Path, *variables: str) -> tuple[Flow | None, list[str]]:
    """The flow, and its diagnostics as text."""
    sink = DiagnosticSink()
    try:
        flow = compile_file(file, sink, variables=lambda: frozenset(variables)).flow
    except FlowcError:
        flow = None
    return flow, [
        f"{item.code} {item.span.line if item.span else 0}: {item.message} | {item.help}" for item in sink.diagnostics
    ]


PLACES = (
    "os.path.join(os.path.dirname(__file__), 'data.csv')",
    "os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data.csv')",
    "os.path.dirname(os.path.realpath(__file__)) + '/data.csv'",
    "os.path.join(os.path.dirname(__file__), '..', 'flows', 'data.csv')",
    "os.path.join(os.path.split(__file__)[0], 'data.csv')",
    "Path(__file__).parent / 'data.csv'",
    "str(Path(__file__).parent / 'data.csv')",
    "str(Path(__file__).resolve().parents[1] / 'flows' / 'data.csv')",
    "str(Path(__file__).absolute().parent.joinpath('data.csv'))",
    "str(Path(__file__).with_name('data.csv'))",
    "Path(__file__).with_name('data.csv').as_posix()",
    "f'{Path(__file__).parent}/data.csv'",
    "'%s/data.csv' % os.path.dirname(__file__)",
    "'{}/data.csv'.format(os.path.dirname(__file__))",
    "'/'.join([os.path.dirname(__file__), 'data.csv'])",
    "os.path.normpath(os.path.join(__file__, '..', 'data.csv'))",
    "__file__.replace('flow.py', 'data.csv')",
    "here('data.csv')",
    "HERE / 'data.csv'",
    "PLACES['data']",
    "os.fspath(HERE / 'data.csv')",
    "os.path.abspath(os.path.join(HERE, 'data.csv'))",
)
ABOVE = """
HERE = Path(__file__).resolve().parent
PLACES = {name: str(HERE / f"{name}.csv") for name in ("data", "other")}
def here(name):
    import os
    return os.path.join(os.path.dirname(__file__), name)
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a flow that is named from a folder above it, with data beside it."""
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "data.csv").write_text('{"rows": 1}')
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return Path("flows/flow.py")


@pytest.mark.parametrize("place", PLACES)
def test_a_default_file_is_where_python_finds_it(file: Path, place: str) -> None:
    """In the IR, its path is as the flow's is named, whatever the machine."""
    text = flow_text(ABOVE, f"data = IncludeFile('data', default={place})\nc = Config('c', default={place})")
    file.write_text(text)
    names: dict[str, object] = {"__file__": str(file.absolute())}
    exec(f"import os\nfrom pathlib import Path\n{ABOVE}\nfound = {place}", names)
    assert Path(str(names["found"])).samefile("flows/data.csv")
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    (parameter,), (config,) = flow.parameters, flow.configs
    assert (parameter.default, parameter.dynamic_default) == ("flows/data.csv", False)
    assert (config.value, config.origin) == ({"rows": 1}, "flows/data.csv")
    assert default_file(parameter, DiagnosticSink(), "") == Path("flows/data.csv").absolute()


@pytest.mark.parametrize(
    "place",
    [
        "os.path.join(os.getcwd(), 'flows', 'data.csv')",
        "Path.cwd() / 'flows/data.csv'",
        "os.path.abspath('flows/data.csv')",
        "str(Path('flows/data.csv').resolve())",
    ],
)
def test_the_current_folder_is_where_flowc_runs(file: Path, place: str) -> None:
    file.write_text(flow_text("", f"data = IncludeFile('data', default={place})"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.parameters[0].default == "flows/data.csv"


@pytest.mark.parametrize(
    ("argument", "part"),
    [
        ("str(Path(__file__).parent)", "it depends on where flows/flow.py is"),
        ("os.getcwd()", "`os.getcwd()` is a folder of this machine"),
        ("f'a{HERE}'", "it depends on where flows/flow.py is"),
        ("str(Path.home())", "`Path.home()` is a folder of this machine"),
    ],
)
def test_a_place_of_this_machine_does_not_reach_a_task(file: Path, argument: str, part: str) -> None:
    file.write_text(flow_text(ABOVE, "", f"@environment(vars={{'X': {argument}}})"))
    flow, said = compiled(file)
    assert flow is None
    assert len(said) == 1
    assert said[0].startswith("FC402")
    assert part in said[0]


def test_a_parameter_takes_a_place_in_the_task(file: Path) -> None:
    file.write_text(flow_text("", "p = Parameter('p', default=os.path.dirname(__file__))"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.parameters[0].dynamic_default


@pytest.mark.parametrize("name", ["Path(__file__).stem", "os.path.splitext(os.path.basename(__file__))[0]"])
def test_the_name_of_the_file_is_the_same_everywhere(file: Path, name: str) -> None:
    file.write_text(flow_text("", "", f"@environment(vars={{'X': {name}}})"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.steps[0].specs.environment is not None
    assert flow.steps[0].specs.environment.variables == {"X": "flow"}


READS = {
    "os.environ.get('STAGE', 'dev')": ("dev", "prod"),
    "os.getenv('STAGE', 'dev')": ("dev", "prod"),
    "getenv('STAGE', default='dev')": ("dev", "prod"),
    "environ.get('STAGE') or 'dev'": ("dev", "prod"),
    "f\"x-{os.environ.get('STAGE', 'dev')}\"": ("x-dev", "x-prod"),
    "os.environ.get('STAGE', 'dev').upper()[:2]": ("DE", "PR"),
    "'big' if os.environ.get('STAGE') == 'prod' else 'small'": ("small", "big"),
    "'big' if 'STAGE' in os.environ else 'small'": ("small", "big"),
    "'set' if os.environ.get('STAGE') is not None else 'unset'": ("unset", "set"),
    "','.join([os.environ.get('STAGE', 'dev'), 'b'])": ("dev,b", "prod,b"),
    "'-'.join(x for x in os.environ.get('STAGE', 'd,e').split(','))": ("d-e", "prod"),
    "os.path.join('s3://b', os.environ.get('STAGE', 'dev'))": ("s3://b/dev", "s3://b/prod"),
    "{'dev': 'a', 'prod': 'b'}[os.environ.get('STAGE', 'dev')]": ("a", "b"),
    "SIZE": ("small", "big"),
    "OPTIONS['stage']": ("dev", "prod"),
    "stage()": ("dev", "prod"),
    "str(not os.environ.get('STAGE'))": ("True", "False"),
    "os.environ.get('STAGE', os.environ.get('OTHER', 'dev'))": ("dev", "prod"),
    "'both' if os.environ.get('STAGE') and os.environ.get('OTHER', 'x') else 'one'": ("one", "both"),
}
ENVIRONMENT = """
from os import environ, getenv
if os.environ.get("STAGE", "dev") == "prod":
    SIZE = "big"
else:
    SIZE = "small"
OPTIONS = {"stage": os.environ.get("STAGE", "dev")}
def stage(default="dev"):
    return os.environ.get("STAGE", default)
"""


@pytest.mark.parametrize("read", READS)
def test_a_variable_has_its_default_or_what_the_command_line_allows(
    file: Path, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(flow_text(ENVIRONMENT, "", f"@environment(vars={{'X': {read}}})"))
    by_default, from_environment = READS[read]
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.delenv("OTHER", raising=False)
    assert found(file) == (by_default, [])
    assert found(file, "STAGE") == (by_default, [])
    monkeypatch.setenv("STAGE", "prod")
    value, said = found(file)
    assert value == by_default
    assert [item.partition(" ")[0] for item in said] == ["FC119"]
    assert "STAGE is set, and flowc does not read it when it compiles" in said[0]
    assert "--env-at-compile STAGE" in said[0]
    assert found(file, "STAGE") == (from_environment, [])


def found(file: Path, *variables: str) -> tuple[str | TaskVariable | None, list[str]]:
    """The variable X of the start step, and what is said."""
    flow, said = compiled(file, *variables)
    spec = flow.steps[0].specs.environment if flow is not None else None
    return (spec.variables["X"] if spec is not None else None), said


def test_without_a_default_a_variable_is_needed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The span is that of the part that is not known."""
    monkeypatch.setenv("STAGE", "prod")
    for read in ("os.environ['STAGE']", "os.environ.get('STAGE')", "os.getenv('STAGE')", "getenv('STAGE').lower()"):
        file.write_text(
            flow_text("from os import getenv", "", f"@environment(vars={{**{{'A': 'b'}}, 'X': 'x' + {read}}})")
        )
        sink = DiagnosticSink()
        with pytest.raises(FlowcError):
            compile_file(file, sink)
        (item,) = sink.diagnostics
        assert item.code == "FC402"
        assert item.help == "compile with `--env-at-compile STAGE`, which takes its value from the environment"
        assert item.span is not None
        line = file.read_text().splitlines()[item.span.line - 1]
        assert line[item.span.column - 1 : item.span.end_column - 1] == read.removesuffix(".lower()")
        assert found(file, "STAGE") == ("xprod", [])


@pytest.mark.parametrize(
    ("argument", "part", "reason"),
    [
        ("{'A': STAGE, 'B': str(datetime.now())}", "datetime.now()", "`datetime.datetime.now(...)` is only known when"),
        ("{'A': 'a', **pandas.options}", "pandas.options", "`pandas.options` comes from a module"),
        ("dict(A=STAGE, B=','.join(['x', pandas.version]))", "pandas.version", "`pandas.version` comes from a module"),
        ("{'A': f'{STAGE}-{pick(pandas)}'}", "pandas", "`pandas` comes from a module"),
        ("{'A': 'x' if pandas.version else 'y'}", "pandas.version", "`pandas.version` comes from a module"),
    ],
)
def test_the_part_that_is_not_known_is_underlined(file: Path, argument: str, part: str, reason: str) -> None:
    above = "import pandas\nfrom datetime import datetime\nSTAGE = os.getenv('STAGE', 'dev')\n"
    above += "def pick(module):\n    return module.version\n"
    file.write_text(flow_text(above, "", f"@environment(vars={argument})"))
    sink = DiagnosticSink()
    with pytest.raises(FlowcError):
        compile_file(file, sink)
    (item,) = sink.diagnostics
    assert item.code == "FC402"
    assert reason in item.message
    assert item.span is not None
    line = file.read_text().splitlines()[item.span.line - 1]
    assert line[item.span.column - 1 : item.span.end_column - 1] == part


@pytest.mark.parametrize("name", ["API_KEY", "GITHUB_TOKEN", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "MY_CREDENTIALS"])
def test_a_secret_is_not_compiled(file: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "hidden-value")
    for read in (f"os.environ['{name}']", f"os.environ.get('{name}', '')"):
        file.write_text(flow_text("", "", f"@environment(vars={{'X': {read}}})"))
        value, said = found(file)
        assert value == TaskVariable(source=name, required="get" not in read, default="" if "get" in read else None)
        assert not said
        value, said = found(file, name)
        assert value == "hidden-value"
        assert "compiled into the output, as plain text" in said[0]


@pytest.mark.parametrize(
    "above",
    [
        "os.environ['STAGE'] = 'x'",
        "os.environ.setdefault('STAGE', 'x')",
        "os.environ.update(STAGE='x')",
        "from dotenv import load_dotenv\nfrom somewhere import flag\nload_dotenv(**{'override': flag})",
    ],
)
def test_a_variable_that_the_file_sets_is_not_known(file: Path, above: str) -> None:
    file.write_text(flow_text(above, "", "@environment(vars={'X': os.environ.get('STAGE', 'dev')})"))
    value, said = found(file)
    assert value is None
    assert "the file itself sets or may set" in said[0]


def test_other_variables_are_known_when_the_file_sets_one(file: Path) -> None:
    above = "os.environ['OMP_NUM_THREADS'] = '1'"
    file.write_text(flow_text(above, "", "@environment(vars={'X': os.path.join('a', os.environ.get('STAGE', 'dev'))})"))
    assert found(file) == ("a/dev", [])


def test_a_default_of_a_parameter_is_read_when_the_run_starts(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on this machine, where `flowc run` takes the variable, unless the command line says otherwise."""
    monkeypatch.setenv("STAGE", "prod")
    file.write_text(flow_text("", "p = Parameter('p', default=os.environ.get('STAGE', 'dev'))"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.parameters[0].dynamic_default
    flow, said = compiled(file, "STAGE")
    assert said == []
    assert flow is not None
    assert (flow.parameters[0].dynamic_default, flow.parameters[0].default) == (False, "prod")


def test_a_pipeline_reads_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGE", "prod")
    file.write_text(
        "import os\nfrom flowc import pipeline, step\n@step\ndef work(x, y): print(x, y)\n@pipeline\n"
        "def flow(x='a'):\n    work(x, os.getenv('STAGE', 'dev'))\nif __name__ == '__main__':\n"
        "    flow(x=os.environ.get('STAGE', 'dev'))\n"
    )
    flow, said = compiled(file)
    assert flow is not None
    assert flow.parameters[0].default == "dev"
    assert [item.partition(":")[0] for item in said] == ["FC119 7", "FC119 9"]
    assert '"dev"' in flow.model_dump_json()
    flow, said = compiled(file, "STAGE")
    assert said == []
    assert flow is not None
    assert flow.parameters[0].default == "prod"
    assert '"dev"' not in flow.model_dump_json()


def test_a_member_of_an_enumeration_is_its_value(file: Path) -> None:
    above = "from enum import Enum, IntEnum\nclass S(str, Enum):\n    A = 'x'\nclass N(IntEnum):\n    TWO = 2\n"
    file.write_text(flow_text(above, "", "@retry(times=N.TWO)\n    @environment(vars={'X': S.A})"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.steps[0].specs.retry is not None
    assert flow.steps[0].specs.retry.limit == 2
    assert found(file) == ("x", [])
    file.write_text(flow_text(above.replace("str, ", ""), "", "@environment(vars={'X': S.A})"))
    assert "it is the member `S.A` of an enumeration" in found(file)[1][0]


def test_star_imports_of_local_modules(file: Path) -> None:
    (file.parent / "settings.py").write_text("from base_settings import *\nCPU = BASE * 2\n_HIDDEN = 1\n")
    (file.parent / "base_settings.py").write_text("from flowc import *\nBASE = 2\ndef cpus(n):\n    return n + BASE\n")
    file.write_text(flow_text("from settings import *", "", "@resources(cpu=cpus(CPU))"))
    flow, said = compiled(file)
    assert said == []
    assert flow is not None
    assert flow.steps[0].specs.resources is not None
    assert flow.steps[0].specs.resources.cpu == 6
