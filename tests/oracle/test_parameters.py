"""Parameters, included files and configs on both sides: the same declarations and arguments give the same values."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.oracle.asking import ENVIRONMENT
from tests.oracle.engine import require_metaflow

pytestmark = pytest.mark.oracle

FLOW = """\
from metaflow import Config, FlowSpec, IncludeFile, JSONType, Parameter, config_expr, current, step

N = 3


def today(context):
    return "-".join([context.flow_name, context.parameter_name, context.user_name, context.ds_type])


class Both(FlowSpec):
{body}

    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        for name in sorted(current.parameter_names):
            value = getattr(self, name)
            print(">>>", name, type(value).__name__, repr(value))


if __name__ == "__main__":
    Both()
"""
FILES = {
    "text.txt": b"hello\r\nworld\n", "table.json": b'{"x": [1]}', "latin.txt": b"\xff", "other.txt": b"other",
    "config.json": b'{"lr": 0.5, "a": {"b": [1, {"c": 2}]}, "name": "n"}', "config.yaml": b"1: a\nx: {y: z}\n",
    "list.json": b"[1, 2]",
}  # fmt: skip
PARAMETERS = """
a = Parameter("a", default=True)
b = Parameter("b", type=bool)
c = Parameter("c", default=[1, 2])
d = Parameter("d", default={"a": 1})
e = Parameter("e", default={"a": 1}, type=JSONType)
f = Parameter("f", default='{"a": 1}', type=JSONType)
g = Parameter("g", default=3, type=JSONType)
h = Parameter("h", default=3, type=float)
i = Parameter("i", default=3, type=str)
j = Parameter("j", default="3", type=int)
k = Parameter("k", default=3.7, type=int)
l = Parameter("l", default=lambda context: 3, type=int)
m = Parameter("m", default=today)
n = Parameter("n", default=lambda context: '{"a": 1}', type=JSONType)
o = Parameter("o", required=True, default="d")
p = Parameter("p", default="a,b", separator=",")
q = Parameter("q", default="", separator=",")
r = Parameter("R-r", default=1)
s = Parameter("s", default=(1, 2))
t = Parameter("t", default=None, type=int)
u = Parameter("u", N, None, "help", False, False)
v = Parameter("v")
w = Parameter("config", default=1)
x = Parameter("x", default=N * 2.5)
"""
INCLUDES = """
a = IncludeFile("a", default="text.txt")
b = IncludeFile("b", default="text.txt", is_text=False)
c = IncludeFile("c", default="latin.txt", encoding="latin-1")
d = IncludeFile("d", default="table.json", parser="json.loads")
e = IncludeFile("e", default="table.json", parser=lambda text: [text])
f = IncludeFile("f", default=lambda context: "text.txt")
g = IncludeFile("g", help="none")
h = IncludeFile("h", True, False)
"""
CONFIGS = """
a = Config("a", default="config.json")
b = Config("b", default_value={"x": 1})
c = Config("c", default_value='{"x": 1}')
d = Config("d")
dd = Config("D", default_value={})
e = Config("e", default="list.json", plain=True)
f = Config("f", default="list.json", plain=True, parser="json.loads")
g = Config("g", default="config.yaml", parser="metaflow._vendor.yaml.safe_load")
h = Config("h", "config.json", None, "help", True)
i = Config("i", default="absent.json")
p = Parameter("p", default=a.lr)
q = Parameter("q", default=a["a"].b)
r = Parameter("r", default=config_expr("a.lr * N"), type=float)
s = Parameter("s", default=config_expr("a").a)
t = Parameter("t", default=config_expr("a.get('z', 4)"))
u = Parameter("u", default=lambda context: str(context.configs.a.lr))
v = Parameter("v", default=config_expr("a.name.upper() + str(len(b))"))
"""


def lines(command: list[str], folder: Path, **variables: str) -> list[str]:
    """What a run prints of its parameters; what it says instead when it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("FLOWC_", "METAFLOW_"))}
    env |= {"METAFLOW_USER": "oracle", "METAFLOW_HOME": str(folder), "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder)}
    env |= {"FLOWC_ROOT": str(folder / "root"), **variables}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    said = [line.partition(">>> ")[2] for line in done.stdout.splitlines() if ">>> " in line]
    return said if done.returncode == 0 else ["failed"]


def write(folder: Path, body: str) -> None:
    """The flow and its files."""
    (folder / "flow.py").write_text(FLOW.format(body=textwrap.indent(body, "    ")))
    for name, content in FILES.items():
        (folder / name).write_bytes(content)


def agree(folder: Path, body: str, arguments: list[str], configs: list[str], **variables: str) -> list[str]:
    """Run both; returns what both print."""
    require_metaflow()
    write(folder, body)
    python = str(ENVIRONMENT / "bin" / "python")
    theirs = lines([python, "flow.py", "--no-pylint", *configs, "run", *arguments], folder, **variables)
    ours = lines([sys.executable, "-m", "flowc_cli", "run", "flow.py", *configs, *arguments], folder, **variables)
    assert ours == theirs
    return ours


GIVEN = ["--a", "no", "--b", "T", "--e", "[1]", "--f", "[]", "--h", "1e3", "--i", "x", "--j", "-4", "--k", "5"]
MORE = ["--l", "9", "--m", "m", "--n", "1.5", "--o", "", "--p", "x", "--q", "x,,y", "--R-r", "2", "--t", " 7 "]


@pytest.mark.parametrize("arguments", [[], [*GIVEN, *MORE, "--u=6", "--v", "v", "--config", "8", "--x", "1"]])
def test_parameters(tmp_path: Path, arguments: list[str]) -> None:
    assert len(agree(tmp_path, PARAMETERS, arguments, [])) == 24


def test_variables(tmp_path: Path) -> None:
    said = agree(
        tmp_path, PARAMETERS, ["--h", "2"], [], METAFLOW_RUN_A="no", METAFLOW_RUN_R_R="4", METAFLOW_RUN_H="3",
        METAFLOW_RUN_V="", METAFLOW_RUN_P="c,d",
    )  # fmt: skip
    assert "r int 4" in said


@pytest.mark.parametrize("arguments", [["--h", "latin.txt"], ["--h", "~/x", "--a", "other.txt"]])
def test_included_files(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "x").write_bytes(b"home")
    assert len(agree(tmp_path, INCLUDES, arguments, [], HOME=str(tmp_path))) == 8


@pytest.mark.parametrize(
    ("given", "variables"),
    [
        (["--config", "i", "config.json"], {}),
        (["--config-value", "i", '{"z": {"y": 1}}', "--config", "a", "config.json", "--config-value", "d", "{}"], {}),
        ([], {"METAFLOW_FLOW_CONFIG": '{"i": "config.json"}'}),
        ([], {"METAFLOW_FLOW_CONFIG_VALUE": '{"i": {"x": 1}, "b": {"y": "z"}}'}),
    ],
)
def test_configs(tmp_path: Path, given: list[str], variables: dict[str, str]) -> None:
    assert len(agree(tmp_path, CONFIGS, [], given, **variables)) == 17


@pytest.mark.parametrize(
    ("body", "arguments", "configs"),
    [
        ("p = Parameter('p', required=True)", [], []),
        ("p = Parameter('p', required=True, default=None)", [], []),
        ("p = Parameter('p', default=1)", ["--p", "x"], []),
        ("p = Parameter('p', default=1.5)", ["--p", "x"], []),
        ("p = Parameter('p', default=True)", ["--p", "x"], []),
        ("p = Parameter('p', type=JSONType)", ["--p", "{a}"], []),
        ("p = Parameter('p', default='x', type=int)", [], []),
        ("p = Parameter('p', default=1, type=bool)", [], []),
        ("p = Parameter('p', default=lambda context: 3)", [], []),
        ("p = Parameter('p', default=lambda context: 'x', type=int)", [], []),
        ("p = Parameter('p', default=lambda context: 1 / 0)", [], []),
        ("p = Parameter('p', default=1, separator=',')", [], []),
        ("p = Parameter('p', default=1)\nq = Parameter('P', default=1)", [], []),
        ("p = Parameter('max-workers', default=1)", [], []),
        ("p = Parameter('run_id', default=1)", [], []),
        ("p = Parameter('p q', default=1)", [], []),
        ("p = Parameter('p', default=1)", ["--q", "1"], []),
        ("p = IncludeFile('p', default='absent')", [], []),
        ("p = IncludeFile('p')", ["--p", "absent"], []),
        ("p = IncludeFile('p', default='.')", [], []),
        ("p = IncludeFile('p', default='latin.txt')", [], []),
        ("p = IncludeFile('p', default='table.json', parser=lambda text: 1 / 0)", [], []),
        ("p = IncludeFile('p', required=True)", [], []),
        ("p = Config('p', default='absent')", [], []),
        ("p = Config('p', default='text.txt')", [], []),
        ("p = Config('p', default='list.json')", [], []),
        ("p = Config('p', required=True)", [], []),
        ("p = Config('p', default='config.json', default_value={})", [], []),
        ("p = Config('p', default_value={})", [], ["--config", "q", "config.json"]),
        ("p = Config('p', default_value={})", [], ["--config", "p", "config.json", "--config-value", "p", "{}"]),
        ("p = Config('p', default_value={})\nq = Config('p', default_value={})", [], []),
        ("c = Config('c', default_value={})\np = Parameter('p', default=c.x)", [], []),
        ("c = Config('c', default_value={'x': 1})\np = Parameter('p', default=c.x * 2)", [], []),
        ("c = Config('c', default_value={'x': 1})\np = Parameter('p', default=config_expr('d.x'))", [], []),
        ("c = Config('c', default_value='a = 2020-01-01', parser='tomllib.loads')", [], []),
    ],
)
def test_what_is_refused(tmp_path: Path, body: str, arguments: list[str], configs: list[str]) -> None:
    assert agree(tmp_path, body, arguments, configs) == ["failed"]
