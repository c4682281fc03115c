"""`load_dotenv()`: which file it loads, what that sets, and what stands for a variable that it may set."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_compiler.diagnostics import DiagnosticSink, FlowcError
from flowc_compiler.driver import ParameterInputs, compile_file
from flowc_compiler.evaluate.literals import ENV_AT_COMPILE
from tests.support import write_files

FLOW = """\
import os
from pathlib import Path

import dotenv
from dotenv import find_dotenv, load_dotenv
from zenml import pipeline, step

{load}
NAME = {read}


@step
def use(x: str) -> None:
    pass


@pipeline
def main(x: str = NAME):
    use(x)
    use(NAME)


if __name__ == "__main__":
    main()
"""
GET = "os.getenv('STAGE', 'dev')"
CALLS = [
    "load_dotenv()",
    "dotenv.load_dotenv()",
    "load_dotenv(override=True)",
    "load_dotenv('.env', verbose=True, override=False)",
    "load_dotenv(find_dotenv())",
    "load_dotenv(dotenv.find_dotenv(usecwd=True), override=True)",
    "load_dotenv(dotenv_path=Path(__file__).parent / '.env')",
    "load_dotenv(os.path.join(os.path.dirname(__file__), '.env'))",
    "VALUES = dotenv.dotenv_values()",
]
"""Ways to load the file of the flow's folder; the last changes nothing."""


def _found(folder: Path, *named: str) -> tuple[object, list[str]]:
    """The default of the parameter, and what is said: the code with the message and its help."""
    token = ENV_AT_COMPILE.set(lambda: frozenset(named))
    sink = DiagnosticSink()
    try:
        flow = compile_file(folder / "flow.py", sink, given=ParameterInputs(to_check=True)).flow
        value = flow.parameters[0].default
    except FlowcError:
        value = FlowcError
    finally:
        ENV_AT_COMPILE.reset(token)
    return value, [f"{item.code} {item.message}; {item.help}" for item in sink.diagnostics]


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("STAGE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("load", CALLS)
def test_without_the_file_the_default_in_the_code_counts(tmp_path: Path, load: str) -> None:
    write_files(tmp_path, {"flow.py": FLOW.format(load=load, read=GET)})
    assert _found(tmp_path) == ("dev", [])
    (tmp_path / ".env").write_text("# STAGE=no\nOTHER=1\nSTAGE\n")
    assert _found(tmp_path) == ("dev", [])


@pytest.mark.parametrize("load", CALLS[:-1])
def test_what_the_file_sets_is_a_warning_or_counts_where_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, load: str
) -> None:
    write_files(tmp_path, {"flow.py": FLOW.format(load=load, read=GET), ".env": "export STAGE='prod'  # here\n"})
    value, (said,) = _found(tmp_path)
    assert value == "dev"
    assert said.startswith("FC119 `os.getenv('STAGE', 'dev')` is 'dev', the code's default: STAGE is set in .env, ")
    assert said.endswith("compile with `--env-at-compile STAGE`, which takes its value from .env")
    assert _found(tmp_path, "STAGE") == ("prod", [])
    monkeypatch.setenv("STAGE", "mine")
    assert _found(tmp_path, "STAGE") == ("prod" if "override=True" in load else "mine", [])


def test_a_variable_that_the_code_requires(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW.format(load=CALLS[0], read="os.environ['STAGE']"), ".env": "STAGE=prod"})
    value, said = _found(tmp_path)
    assert value is FlowcError
    assert "--env-at-compile STAGE`, which takes its value from .env" in said[0]
    assert _found(tmp_path, "STAGE")[0] == "prod"


@pytest.mark.parametrize(
    "load",
    [
        "load_dotenv(**options)",
        "load_dotenv(stream=open('.env'))",
        "load_dotenv(unknown.path)",
        "dotenv.main.set_key()",
    ],
)
def test_a_file_that_is_not_known_may_set_any_variable(tmp_path: Path, load: str) -> None:
    before = f"from elsewhere import options, unknown\n{load}"
    write_files(tmp_path, {"flow.py": FLOW.format(load=before, read=GET)})
    assert "the file itself sets or may set" in _found(tmp_path)[1][0]


def test_the_file_of_a_folder_above_within_the_project(tmp_path: Path) -> None:
    write_files(tmp_path, {"a/b/flow.py": FLOW.format(load=CALLS[0], read=GET), ".env": "STAGE=prod"})
    assert _found(tmp_path / "a/b", "STAGE")[0] == "dev", "it is not in the project"
    write_files(tmp_path, {"pyproject.toml": ""})
    assert _found(tmp_path / "a/b", "STAGE")[0] == "prod"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("STAGE=prod", "prod"),
        (" export  STAGE = prod ", "prod"),
        ("STAGE=a#b # c", "a#b"),
        ("STAGE= # c", "# c"),
        ("STAGE=", ""),
        ("'STAGE'=x y", "x y"),
        ('STAGE="a\\nb\\q" # c', "a\nb\\q"),
        ("STAGE='a\\nb\\''", "a\\nb'"),
        ("STAGE=ü", "ü"),
        ("STAGE=1\nSTAGE=2", "2"),
        ("STAGE=a=b", "a=b"),
        ('STAGE="a\nb"', FlowcError),
        ("STAGE=${HOME}/x", FlowcError),
    ],
)
def test_lines_as_python_dotenv_reads_them(tmp_path: Path, line: str, value: object) -> None:
    """Expected values are those of python-dotenv 1.2; what only it knows is refused."""
    write_files(tmp_path, {"flow.py": FLOW.format(load=CALLS[0], read=GET), ".env": line + "\n"})
    assert _found(tmp_path, "STAGE")[0] == value
