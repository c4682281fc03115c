"""What `flowc compile` refuses of a file, `flowc check` reports; and what a check passes, a compile and a run take."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import flowc, write_files

CLASS = """\
import os
from pathlib import Path

from metaflow import FlowSpec, IncludeFile, batch, environment, kubernetes, secrets, step


def named(context):
    return f"{{context.parameter_name}}.csv"


def beside(context, is_deploy):
    return os.path.join(os.path.dirname(__file__), "data.csv")


class Main(FlowSpec):
    {declared}

    {decorator}
    @step
    def start(self):
        self.next(self.end)

    @step
    def end(self):
        pass


if __name__ == "__main__":
    Main()
"""
FILES = {
    "IncludeFile('data', default='data.csv')": "",
    "IncludeFile('data', default=lambda context: 'data.csv')": "",
    "IncludeFile('data', default=named)": "",
    "IncludeFile('data', default=beside)": "",
    "IncludeFile('data', default=lambda context: Path(__file__).parent / 'data.csv')": "",
    "IncludeFile('data', default=lambda context: os.path.join(os.getcwd(), 'data.csv'))": "",
    "IncludeFile('data', default='absent.csv')": "FC308",
    "IncludeFile('data', default='.')": "FC308",
    "IncludeFile('data', default=lambda context: 'absent.csv')": "FC308",
    "IncludeFile('data', default=lambda context: context.user_name + '.csv')": "FC308",
    "IncludeFile('data', default=lambda context: open('name').read())": "FC308",
    "IncludeFile('data', required=False)": "",
}
DECORATORS = {
    "@kubernetes(gpu=1, gpu_type='a100')": "",
    "@kubernetes(gpu=1, gpu_type='a100-9g.1gb')": "FC404",
    "@kubernetes(gpu=1, gpu_type='t4', node_selector={'cloud.google.com/gke-accelerator': 'nvidia-l4'})": "FC406",
    "@kubernetes(extended_resources={'nvidia.com/mig-9g.1gb': 1})": "FC404",
    "@environment(vars={'a b': 'x'})": "FC501",
    "@environment(vars={'A': 'x'})": "",
    "@batch(efs_volumes=['fs-1'])": "FC501",
    "@secrets(sources=['aws-secrets-manager.x'])": "",
    "@secrets(sources=[{'type': 'vault', 'id': 'x', 'options': {'json': True}}])": "FC404",
    "@secrets(sources=[{'type': 'inline', 'id': 'x', 'options': {'env_vars': {'A': 'b'}}}])": "",
}
ROWS = {
    **{row: (row, "", code) for row, code in FILES.items()},
    **{row: ("n = 1", row, code) for row, code in DECORATORS.items()},
}


def _found(text: str) -> set[tuple[str, str]]:
    """The code and the place of each error, of what a command printed, and of each warning of a default file."""
    return set(re.findall(r"(?:error|warning(?=\[FC308))\[(FC\d+)\].*\n *--> (\S+)", text))


@pytest.mark.parametrize("row", list(ROWS))
def test_a_check_reports_what_each_target_would(row: str, tmp_path: Path) -> None:
    declared, decorator, code = ROWS[row]
    declared = f"data = {declared}" if declared.startswith("IncludeFile") else declared
    write_files(tmp_path, {"flow.py": CLASS.format(declared=declared, decorator=decorator), "data.csv": "a,b\n"})
    checked = flowc(tmp_path, "check", "flow.py")
    compiled = [
        flowc(tmp_path, "compile", "flow.py", "-t", target, "--root", "s3://b/p", "-o", f"{target}.out")
        for target in ("argo", "airflow")
    ]
    found = [_found(item.stderr) for item in (checked, *compiled)]
    assert found[0] == found[1] == found[2]
    assert {item for item, _ in found[0]} == ({code} if code else set())
    assert checked.returncode == (2 if code not in ("", "FC308") else 0), "a run may be given another file"
    assert "(target" not in checked.stderr
    if declared.startswith("data") and code:
        assert flowc(tmp_path, "check", "flow.py", "-p", "data=data.csv").returncode == 0


def test_a_type_of_gpus_that_an_option_makes_known_is_a_warning(tmp_path: Path) -> None:
    text = CLASS.format(declared="n = 1", decorator="@kubernetes(gpu=1, gpu_type='own')")
    write_files(tmp_path, {"flow.py": text})
    done = flowc(tmp_path, "check", "flow.py", "--format", "json")
    (found,) = json.loads(done.stdout)["diagnostics"]
    assert (found["code"], found["severity"], done.returncode) == ("FC501", "warning", 0)
    write_files(tmp_path, {"pyproject.toml": "[tool.flowc.gpu.own]\nselector = {a = 'b'}\n"})
    assert json.loads(flowc(tmp_path, "check", "flow.py", "--format", "json").stdout)["diagnostics"] == []


PIPELINES = """\
from zenml import pipeline, step
from zenml.client import Client


@step
def make(n: int) -> int:
    return n


@step
def use(x: int) -> None:
    print("OUT", x)


@pipeline
def second():
    found = Client().get_pipeline("first").last_successful_run.steps["make"].output
    use(found)


@pipeline
def first(n: int = 11):
    make(n)


@pipeline
def inner(n: int = 3):
    make(n)


"""
CALLS = {
    "first()\nsecond()": ["first", "second"],
    "if __name__ == '__main__':\n    first()\n    second()": ["first", "second"],
    "def go():\n    first(3)\n    inner()\ngo()\nsecond()": ["first", "inner", "second"],
    "for p in (first, inner):\n    p()": ["first", "inner"],
    "first()": ["first"],
    "import random\nif random.random() > 2:\n    first()\nelse:\n    inner()": [],
    "": [],
    "r = first()\ninner(r)": None,
}
"""What a file does, and which pipelines a run of it runs; `None` where a value is missing."""


@pytest.mark.process
@pytest.mark.parametrize("calls", list(CALLS))
def test_a_run_of_a_file_that_calls_several_pipelines(calls: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": PIPELINES + calls + "\n"})
    names = CALLS[calls]
    checked = flowc(tmp_path, "check", "flow.py")
    assert (checked.returncode, "FC304" in checked.stderr) == (0, names is None), checked.stderr
    done = flowc(tmp_path, "run", "flow.py")
    assert re.findall(r"run (\w+)/\S+ finished", done.stderr) == (names or [])
    assert ("OUT" in done.stdout + done.stderr) is ("second" in (names or []))
    assert ("FC103" in done.stderr) is (names == [])
    assert done.returncode == (0 if names else 2)
    if names:
        given = flowc(tmp_path, "run", "flow.py", "-p", "n=1")
        assert ("FC103" in given.stderr) is (len(names) > 1)


def test_several_flows_of_a_file_are_compiled_into_a_folder(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": PIPELINES + "first()\nsecond()\n"})
    compiled = ("compile", "flow.py", "--root", "s3://b/p", "-o")
    assert flowc(tmp_path, *compiled, "out").returncode == 0
    names = {path.stem for path in (tmp_path / "out").iterdir() if not path.stem.startswith("flowc-")}
    assert names == {"first", "inner", "second"}
    for output in ("one.yaml", "-"):
        refused = flowc(tmp_path, *compiled, output)
        assert (refused.returncode, "error[FC103]" in refused.stderr) == (2, True)
    assert flowc(tmp_path, *compiled, "out", "--flow", "first").returncode == 0
