"""`flowc check` of files, folders, globs and standard input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flowc_cli.batch import check_batch
from tests.support import START_AND_END, flowc, write_files

FLOW = f"from flowc import FlowSpec, step\n\n\nclass {{name}}(FlowSpec):{START_AND_END}"
BROKEN = FLOW.replace("self.next(self.end)", "self.next(self.ende)")
WITHOUT = "import os\n\n\nclass Thing(dict):\n    pass\n"
PIPELINE = """
from zenml import pipeline, step

@step
def load() -> int:
    return 1

@pipeline
def training():
    load()
"""
UNFIXABLE = FLOW.replace("self.next(self.end)", "pass")


def flow(name: str, text: str = FLOW) -> str:
    return text.replace("{name}", name)


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine is: processes are tested where they are marked."""
    monkeypatch.setattr(check_batch, "SOON", 1e9)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_files(
        tmp_path,
        {
            "pyproject.toml": "[tool.flowc.check]\nexclude = ['generated', 'team/old_*.py']\n",
            "good.py": flow("Good"),
            "team/broken.py": flow("Broken", BROKEN),
            "team/train.py": PIPELINE,
            "team/helpers.py": WITHOUT,
            "team/old_flow.py": flow("Old", BROKEN),
            "team/generated/flow.py": flow("Generated", BROKEN),
            ".venv/lib/flow.py": flow("Installed", BROKEN),
            "environment/pyvenv.cfg": "",
            "environment/flow.py": flow("Installed", BROKEN),
            "__pycache__/flow.py": flow("Cached", BROKEN),
            "node_modules/flow.py": flow("Node", BROKEN),
        },
    )
    return tmp_path


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def places(folder: Path, *arguments: str) -> list[str]:
    """The files that are reported to have diagnostics, and how many files were checked."""
    done = flowc(folder, "check", "--format", "concise", *arguments)
    return [line.partition(":")[0] for line in lines(done.stdout)] + lines(done.stderr)


def test_a_folder_without_what_is_excluded(project: Path) -> None:
    done = flowc(project, "check", ".")
    assert done.returncode == 2
    assert "team/broken.py:7:" in done.stderr
    assert lines(done.stderr)[-2:] == ["1 error in 1 of 3 files", "1 can be fixed with --fix"]
    assert not done.stdout


@pytest.mark.parametrize(
    "arguments",
    [(), (".",), ("good.py", "team"), ("team/*.py", "good.py"), ("**/*.py",), ("team/../team", "*.py"), ("*",)],
)
def test_whatever_names_the_same_files_gives_the_same(project: Path, arguments: tuple[str, ...]) -> None:
    found = places(project, *arguments)
    assert [item.replace("team/../", "") for item in found] == [
        "team/broken.py", "1 error in 1 of 3 files", "1 can be fixed with --fix",
    ]  # fmt: skip


def test_several_files_by_name_must_have_flows(project: Path) -> None:
    done = flowc(project, "check", "good.py", "team/helpers.py", "team/old_flow.py", "nothing.py")
    assert [code for code in ("FC102", "FC104", "FC201") if f"error[{code}]" in done.stderr] == [
        "FC102", "FC104", "FC201",
    ]  # fmt: skip
    assert "3 errors in 3 of 4 files" in done.stderr


def test_only_flows_treats_named_files_as_found_ones(project: Path) -> None:
    named = ("good.py", "team/helpers.py", "team/old_flow.py", "team/generated/flow.py", ".venv/lib/flow.py")
    done = flowc(project, "check", "--only-flows", *named)
    assert (done.returncode, done.stderr) == (0, "no errors in 1 file\n")
    assert flowc(project, "check", "--only-flows", "team/helpers.py").stderr == "no errors in 0 files\n"


def test_one_file_is_shown_as_before(project: Path) -> None:
    done = flowc(project, "check", "good.py")
    assert done.stderr == "good.py: flow Good, 2 steps, no errors\n"
    assert not (project / ".flowc_cache").exists()


def test_a_glob_without_a_match_is_an_error(project: Path) -> None:
    done = flowc(project, "check", "nothing/*.py")
    assert done.returncode == 2
    assert "no file matches nothing/*.py" in done.stderr


def test_one_flow_of_many_files(project: Path) -> None:
    assert places(project, "--flow", "Good") == ["no errors in 1 file"]
    done = flowc(project, "check", ".", "--flow", "Missing")
    assert done.returncode == 2
    assert "there is no flow `Missing` in these files" in done.stderr


def test_what_a_pattern_names_itself_is_not_excluded(tmp_path: Path) -> None:
    write_files(tmp_path, {"build/flow.py": flow("Good"), "build/dist/flow.py": flow("Bad", BROKEN)})
    assert places(tmp_path) == ["no errors in 0 files"]
    assert places(tmp_path, "build") == ["no errors in 1 file"]
    assert places(tmp_path, "build/**/*.py") == ["no errors in 1 file"]
    assert places(tmp_path, f"{tmp_path}/build/*.py", "--only-flows") == ["no errors in 1 file"]


def test_files_outside_of_the_working_directory(tmp_path: Path) -> None:
    write_files(tmp_path, {".work/here/x.py": "", ".work/p/flow.py": flow("Good"), ".work/p/pyproject.toml": ""})
    for options in (("../p",), ("../p/*.py",), ("../p/flow.py", "--only-flows")):
        assert places(tmp_path / ".work/here", *options) == ["no errors in 1 file"]


def test_a_named_file_that_is_not_there_is_an_error_in_any_case(tmp_path: Path) -> None:
    assert "FC104" in flowc(tmp_path, "check", "--only-flows", "nothing.py").stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", ["team", "good.py"])
def test_what_cannot_be_read_is_reported(project: Path, name: str) -> None:
    (project / name).chmod(0)
    done = flowc(project, "check", ".")
    (project / name).chmod(0o755)
    assert done.returncode == 2
    assert f"{name} cannot be read" in done.stderr


def test_verbose_says_what_is_skipped(project: Path) -> None:
    first, second = (flowc(project, "check", "-v").stderr for _ in range(2))
    assert "1 file without flows skipped" in first
    assert lines(second)[-1] == "3 files unchanged since the last check"


@pytest.mark.parametrize("exclude", ["'generated'", "[1]", "['']"])
def test_a_wrong_exclusion_is_reported(project: Path, exclude: str) -> None:
    (project / "pyproject.toml").write_text(f"[tool.flowc.check]\nexclude = {exclude}\n")
    done = flowc(project, "check", "team")
    assert done.returncode == 2
    assert done.stderr.count("[tool.flowc.check] exclude of") == 1


def test_a_nested_project_has_its_own_exclusions(project: Path) -> None:
    write_files(project, {"team/pyproject.toml": "[tool.flowc.check]\nexclude = ['broken.py', 'old_flow.py']\n"})
    assert places(project)[:1] == ["team/generated/flow.py"]


BASE = """\
from metaflow import FlowSpec, step


class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.work)
"""
WORK = """
    @step
    def work(self):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
MINE = "from base import Base\n\n\nclass Mine(Base):\n    pass\n"
STARTED = "from lib.base import Base\nclass Mine(Base):\n    x = 1\nMine()\n"
DERIVED = f"from base import Base\nfrom flowc import step\n\n\nclass Derived(Base):{WORK}"
WHOLE = f"{BASE}{WORK}"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        # A base class is no flow by itself; what derives from it is.
        ({"base.py": BASE, "derived.py": DERIVED}, "no errors in 1 file"),
        ({"base.py": BASE}, "no errors in 0 files"),
        # One that the file starts is meant to be whole.
        ({"base.py": f"{BASE}\n\nBase()\n"}, "2 errors in 1 file"),
        # All steps are inherited: nothing in the file names a flow's class or module.
        ({"base.py": WHOLE, "flow.py": MINE}, "no errors in 2 files"),
        (
            {"lib/base.py": WHOLE, "flows/flow.py": STARTED},
            "no errors in 2 files",
        ),
        # A client of runs, and a module of steps.
        ({"client.py": "from metaflow import Flow\nprint(Flow('A').latest_run)\n"}, "no errors in 0 files"),
        ({"steps.py": "from zenml import step\n\n@step\ndef load() -> int:\n    return 1\n"}, "no errors in 0 files"),
        # Sklearn's pipelines are none of ours.
        ({"model.py": "from sklearn.pipeline import make_pipeline\nmodel = make_pipeline()\n"}, "no errors in 0 files"),
        # A syntax error in a file of flows.
        ({"flow.py": f"{WHOLE}\n)\n"}, "1 error in 1 file"),
        ({"other.py": "print('\n"}, "no errors in 0 files"),
        # One error of a module that two flows import.
        (
            {
                "base.py": BASE.replace("self.work", "self.wrok"),
                "a.py": DERIVED,
                "b.py": DERIVED.replace("Derived", "Other"),
            },
            "1 error in 2 of 2 files",
        ),
    ],
)  # fmt: skip
def test_which_files_of_a_folder_are_flows(tmp_path: Path, files: dict[str, str], expected: str) -> None:
    write_files(tmp_path, files)
    text = flowc(tmp_path, "check", ".").stderr
    assert expected in lines(text), text


def test_fix_of_many_files(project: Path) -> None:
    write_files(project, {"other.py": flow("Other", BROKEN), "third.py": flow("Third", UNFIXABLE)})
    before = (project / "third.py").read_text()
    done = flowc(project, "check", ".", "--fix")
    assert done.returncode == 0
    assert "other.py: 1 fixed" in done.stderr
    assert "self.next(self.end)" in (project / "team/broken.py").read_text()
    assert (project / "third.py").read_text() != before  # `self.next` is missing, and only one step can follow
    assert flowc(project, "check", ".").stderr == "no errors in 5 files\n"


def test_diff_of_many_files_writes_nothing(project: Path) -> None:
    before = (project / "team/broken.py").read_text()
    done = flowc(project, "check", "--diff")
    assert "+        self.next(self.end)" in done.stdout
    assert (project / "team/broken.py").read_text() == before


def test_variables_that_no_file_reads_are_reported_once(project: Path) -> None:
    done = flowc(project, "check", "--env-at-compile", "REGION")
    assert done.stderr.count("--env-at-compile REGION has no effect") == 1


@pytest.mark.process
@pytest.mark.parametrize(
    ("name", "text", "code", "expected"),
    [
        ("team/flow.py", flow("Good"), 0, "team/flow.py: flow Good, 2 steps, no errors"),
        ("team/flow.py", flow("Bad", BROKEN), 2, "--> team/flow.py:7:"),
        (None, flow("Bad", BROKEN), 2, "--> -:7:"),
        ("good.py", flow("Bad", BROKEN), 2, "--> good.py:7:"),
        ("team/flow.py", "# coding: latin-1\nclass S\xfc(dict): pass\n", 2, "error[FC102]"),
    ],
)
def test_standard_input(project: Path, name: str | None, text: str, code: int, expected: str) -> None:
    done = from_input(project, text.encode("latin-1"), *(() if name is None else ("--stdin-filename", name)))
    assert (done.returncode, done.stdout) == (code, b"")
    assert expected in done.stderr.decode()


@pytest.mark.process
def test_fixes_of_standard_input_are_printed(project: Path) -> None:
    before = (project / "good.py").read_text()
    done = from_input(project, flow("Bad", BROKEN).encode(), "--stdin-filename", "good.py", "--fix")
    assert (done.returncode, done.stdout.decode()) == (0, flow("Bad"))
    assert (project / "good.py").read_text() == before


def from_input(folder: Path, text: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "flowc_cli", "check", "-", *arguments]
    return subprocess.run(command, cwd=folder, input=text, capture_output=True, timeout=120, check=False)


def test_every_format_has_every_file(project: Path) -> None:
    write_files(project, {"other.py": flow("Other", BROKEN)})
    found = {form: flowc(project, "check", "--format", form).stdout for form in ("json", "sarif", "github", "gitlab")}
    assert [item["span"]["file"] for item in json.loads(found["json"])["diagnostics"]] == ["other.py", "team/broken.py"]
    assert len(json.loads(found["sarif"])["runs"][0]["results"]) == 2
    assert found["github"].count("::error ") == 2
    assert [item["location"]["path"] for item in json.loads(found["gitlab"])] == ["other.py", "team/broken.py"]


@pytest.mark.skipif(sys.platform == "darwin", reason="all names of files are Unicode there")
@pytest.mark.parametrize("text", [flow("Named"), PIPELINE], ids=["class", "pipeline"])
def test_a_file_may_have_a_name_that_is_not_utf_8(tmp_path: Path, text: str) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    (tmp_path / name).write_text(text)
    for arguments in (["ir"], ["graph", "--format", "json"]):
        done = flowc(tmp_path, *arguments, name)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
    assert json.loads(flowc(tmp_path, "ir", name).stdout)["file"] == "caf\ufffd.py"
    for arguments in (
        ["check"],
        ["package"],
        ["check", "--target", "argo"],
        ["compile", "--target", "argo", "--root", "s3://b/p"],
        ["compile", "--target", "airflow", "--root", "s3://b/p"],
    ):
        done = flowc(tmp_path, *arguments, name)
        assert done.returncode == 2, (arguments, done.stdout, done.stderr)
        assert "error[FC118]: the file 'caf\\udce9.py' has a name that is not UTF-8" in done.stdout + done.stderr
