"""One root for all: `--root`, FLOWC_ROOT and pyproject.toml, for runs, for what reads them, and for engines."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowc.errors import StoreError
from flowc.project_settings import configured_root, default_root, find_settings
from tests.support import START_AND_END, flowc, write_files

FLOW = f"from flowc import FlowSpec, step\n\n\nclass F(FlowSpec):{START_AND_END}"
READERS = {
    "show": ("show", "F"),
    "show --json": ("show", "F", "--json"),
    "logs": ("logs", "F"),
}
PROGRAMS = {
    "client": "from flowc.client import Flow, Run; print(Flow('F').latest_run.root, Run.latest('F').root)",
    "metadata": "from flowc.client import get_metadata; print(get_metadata())",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a flow in a folder of its own."""
    write_files(tmp_path, {"project/flows/flow.py": FLOW, "elsewhere/empty.txt": ""})
    return tmp_path / "project"


def configure(project: Path, text: str) -> None:
    (project / "pyproject.toml").write_text(text, encoding="utf-8")


def runs_in(folder: Path) -> int:
    """How many runs of the flow a store in a folder has."""
    return len(list(folder.glob("F/*/run.json")))


@pytest.mark.process
@pytest.mark.parametrize(
    ("settings", "variables", "options", "place"),
    [
        ("", {}, [], "flows/.flowc"),
        ('[tool.flowc]\nroot = "store"', {}, [], "store"),
        ('[tool.flowc]\nroot = "./a b/../store#1"', {}, [], "store#1"),
        ('[tool.flowc.run]\nroot = "store"', {}, [], "store"),
        ('[tool.flowc]\nroot = "s3://b/p"\n[tool.flowc.run]\nroot = "store"', {}, [], "store"),
        ('[tool.flowc]\nroot = "store"', {"FLOWC_ROOT": "other"}, [], "flows/other"),
        ('[tool.flowc]\nroot = "store"', {"FLOWC_ROOT": ""}, [], "store"),
        ('[tool.flowc]\nroot = "store"', {"FLOWC_ROOT": "other"}, ["--root", "third"], "flows/third"),
    ],
)
def test_runs_and_their_readers_agree(
    project: Path, settings: str, variables: dict[str, str], options: list[str], place: str
) -> None:
    """All of these commands are called in the flow's folder, below the file of the project."""
    configure(project, settings)
    flows = project / "flows"
    assert flowc(flows, "run", "flow.py", *options, **variables).returncode == 0
    assert runs_in(project / place) == 1
    assert flowc(flows, "resume", "flow.py", "end", *options, **variables).returncode == 0
    assert runs_in(project / place) == 2
    for command in READERS.values():
        done = flowc(flows, *command, *options, **variables)
        assert done.returncode == 0, done.stderr
    assert str(project / place) in flowc(flows, "show", "F", *options, **variables).stdout
    if not options:
        own = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
        for program in PROGRAMS.values():
            done = subprocess.run(
                [sys.executable, "-c", program], cwd=flows, env={**own, **variables}, capture_output=True, text=True,
                check=True, timeout=60,
            )  # fmt: skip
            assert str(project / place) in done.stdout
    own_file = flowc(project, "run", "flows/flow.py", *options, **variables)
    assert own_file.returncode == 0
    from_file = place.startswith("store")
    assert runs_in(project / place) == (3 if from_file else 2), "a path in the file starts at its folder"


@pytest.mark.process
def test_the_variable_of_a_command_counts_more(project: Path) -> None:
    configure(project, '[tool.flowc]\nroot = "store"')
    assert flowc(project, "run", "flows/flow.py", FLOWC_RUN_ROOT="own", FLOWC_ROOT="all").returncode == 0
    assert flowc(project, "resume", "flows/flow.py", "end", FLOWC_RESUME_ROOT="own", FLOWC_ROOT="all").returncode == 0
    assert runs_in(project / "own") == 2


@pytest.mark.parametrize("target", ["argo", "airflow"])
@pytest.mark.parametrize(
    ("settings", "variables", "options", "root"),
    [
        ('[tool.flowc]\nroot = "s3://b/all"', {}, [], "s3://b/all"),
        ('[tool.flowc]\nroot = "s3://b/all"\n[tool.flowc.TARGET]\nroot = "s3://b/own"', {}, [], "s3://b/own"),
        ('[tool.flowc]\nroot = "s3://b/all"', {"FLOWC_ROOT": "s3://b/env"}, [], "s3://b/env"),
        ("", {"FLOWC_ROOT": "s3://b/env"}, [], "s3://b/env"),
        ("", {"FLOWC_ROOT": "s3://b/env"}, ["--root", "s3://b/option"], "s3://b/option"),
        ("", {"FLOWC_ROOT": "s3://b/env"}, ["--set", "root=s3://b/option"], "s3://b/option"),
        ('[tool.flowc]\nroot = "/mnt/shared"', {}, [], "/mnt/shared"),
    ],
)
def test_engines_have_the_same_root(
    project: Path, target: str, settings: str, variables: dict[str, str], options: list[str], root: str
) -> None:
    configure(project, settings.replace("TARGET", target))
    done = flowc(project, "compile", "flows/flow.py", "-t", target, *options, **variables)
    assert done.returncode == 0, done.stderr
    assert root in done.stdout
    assert "s3://b/" not in done.stdout.replace(root, "")


@pytest.mark.parametrize("target", ["argo", "airflow"])
def test_a_folder_of_this_machine_is_no_root_of_pods(project: Path, target: str) -> None:
    configure(project, '[tool.flowc]\nroot = "store"')
    done = flowc(project, "compile", "flows/flow.py", "-t", target)
    assert done.returncode == 2
    assert "'store' is a folder of this machine" in done.stderr


def test_local_processes_of_airflow_get_the_whole_path(project: Path) -> None:
    configure(project, '[tool.flowc]\nroot = "store"')
    command = ("compile", "flow.py", "-t", "airflow", "--operator", "local")
    for options, variables, root in (
        ((), {}, "store"),
        (("--root", "other"), {}, "flows/other"),
        ((), {"FLOWC_ROOT": "other"}, "flows/other"),
    ):
        printed = flowc(project / "flows", *command, *options, **variables).stdout
        assert _root_of_package(printed) == f"{project}/{root}"


def _root_of_package(dag_file: str) -> str:
    """The root that a DAG file gives to all tasks."""
    calls = [node for node in ast.walk(ast.parse(dag_file)) if isinstance(node, ast.Call)]
    package = next(call for call in calls if ast.unparse(call.func) == "FlowPackage")
    root: str = ast.literal_eval(next(argument.value for argument in package.keywords if argument.arg == "root"))
    return root


def test_check_needs_no_root_and_takes_the_file(project: Path) -> None:
    assert flowc(project, "check", "flows/flow.py", "--target", "argo").returncode == 0
    configure(project, '[tool.flowc]\nroot = "s3://b/a//c"')
    done = flowc(project, "check", "flows/flow.py", "--target", "argo")
    assert done.returncode == 2
    assert "FC505" in done.stderr


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[tool.flowc\n", "cannot be read"),
        ("[tool.flowc]\nroot = " + "[" * 5000 + "]" * 5000, "cannot be read"),
        ("[tool.flowc]\nroot = 3", "root is 3"),
        (f"[tool.flowc]\nx = [{'1,' * 150_000}]", "cannot be read: it is larger than 200,000 bytes"),
        ('[tool.flowc]\nroot = ""', "root is ''"),
        ("[tool]\nflowc = 3", "flowc"),
    ],
)
def test_a_file_that_says_no_root_is_reported_once(project: Path, text: str, why: str) -> None:
    configure(project, text)
    for command in (("run", "flow.py"), ("resume", "flow.py"), ("show", "F"), ("logs", "F")):
        done = flowc(project / "flows", *command)
        assert done.returncode in (1, 2)
        assert done.stderr.count("error[") == 1, done.stderr
        assert "FC505" in done.stderr or "FC601" in done.stderr
        assert why in " ".join(done.stderr.split())


@pytest.mark.parametrize("text", ["tool = 3", "[tool.other]\nflowc = 1", "not even = [TOML", ""])
def test_a_file_without_the_table_is_passed_over(project: Path, text: str) -> None:
    configure(project, '[tool.flowc]\nroot = "store"')
    (project / "flows" / "pyproject.toml").write_text(text, encoding="utf-8")
    assert configured_root(str(project / "flows")) == str(project / "store")


def test_where_settings_are_looked_for(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLOWC_ROOT", raising=False)
    assert find_settings(str(project / "flows")) == ({}, "")
    assert default_root(str(project / "flows")) == ".flowc"
    configure(project, '[tool.flowc]\nroot = "~/store"')
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_root(str(project / "flows")) == "/home/ada/store"
    configure(project, '[tool.flowc]\nroot = "file:///mnt/a"')
    assert default_root(str(project / "flows")) == "file:///mnt/a"
    (project / "pyproject.toml").write_bytes(b"[tool.flowc]\nroot = '\xff'")
    with pytest.raises(StoreError, match=r"pyproject\.toml cannot be read"):
        default_root(str(project))


@pytest.mark.parametrize("command", ["run", "show"])
def test_an_empty_root_is_none(project: Path, command: str) -> None:
    done = flowc(project, command, "flows/flow.py" if command == "run" else "F", "--root", "")
    assert done.returncode in (1, 2)
    assert "the root is empty" in done.stderr


@pytest.mark.process
@pytest.mark.parametrize("tag", ["", "x" * 501])
def test_tags_that_are_none(project: Path, tag: str) -> None:
    done = flowc(project, "run", "flows/flow.py", "--tag", tag)
    assert done.returncode == 2
    assert "FC505" in done.stderr


@pytest.mark.process
def test_a_tag_with_a_comma_is_one(project: Path) -> None:
    text = FLOW.replace("self.next", "print(sorted(__import__('flowc').current.tags)); self.next", 1)
    (project / "flows" / "flow.py").write_text(text)
    done = flowc(project, "run", "flows/flow.py", "--tag", "a,b", "--tag", "100%2C", "--tag", "c d")
    assert done.returncode == 0
    assert "tags: 100%2C, a,b, c d" in flowc(project, "show", "F").stdout
    assert "['100%2C', 'a,b', 'c d']" in flowc(project, "logs", "F").stdout
