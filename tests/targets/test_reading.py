"""What compiling reads of the machine: regular files of the project, and what the command line allows."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.support import flowc, write_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.process

FLOW = """
    from flowc import Config, FlowSpec, IncludeFile, step

    class A(FlowSpec):
        LINE

        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            pass
"""
SECRET = "SECRET-OF-THE-MACHINE"
NAMED = {
    "config": 'c = Config("c", default="PATH", plain=True)',
    "included": 'i = IncludeFile("i", default="PATH")',
}


def _project(folder: Path, line: str = "pass", **files: str) -> Path:
    """A project in `repo`, with a secret beside it."""
    write_files(folder, {"secret.txt": SECRET, "repo/flow.py": FLOW.replace("LINE", line), **files})
    return folder / "repo"


def _compile(folder: Path, *options: str) -> tuple[int, str, bool]:
    done = flowc(folder, "compile", "flow.py", "--root", "s3://a/b", "--image", "i", *options)
    return done.returncode, done.stderr, SECRET in done.stdout


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("path", ["absolute", "../secret.txt", "link.txt"])
def test_a_file_outside_of_the_project(tmp_path: Path, kind: str, path: str) -> None:
    given = str(tmp_path / "secret.txt") if path == "absolute" else path
    repo = _project(tmp_path, NAMED[kind].replace("PATH", given))
    (repo / "link.txt").symlink_to(tmp_path / "secret.txt")
    code, says, found = _compile(repo)
    assert (code, found) == (2, False)
    assert "is not in the flow's project" in says
    assert "--allow-read" in says
    assert _compile(repo, "--allow-read", str(tmp_path / "secret.txt"))[0] == 0
    assert _compile(repo, "--allow-read", "..")[0] == 0


@pytest.mark.parametrize("kind", NAMED)
@pytest.mark.parametrize("marker", [".git/HEAD", "pyproject.toml"])
def test_a_file_of_the_project_above_the_flow(tmp_path: Path, kind: str, marker: str) -> None:
    repo = _project(tmp_path, NAMED[kind].replace("PATH", "../secret.txt"), **{marker: ""})
    assert _compile(repo)[0] == 0


def test_what_the_command_line_names(tmp_path: Path) -> None:
    repo = _project(tmp_path, 'c = Config("c", plain=True)')
    assert _compile(repo, "--config", "c=../secret.txt")[0] == 0
    assert _compile(repo, "--include", "../secret.txt")[0] == 0


def test_includes_of_a_pyproject(tmp_path: Path) -> None:
    repo = _project(tmp_path, **{"repo/pyproject.toml": '[tool.flowc]\ninclude = ["../secret.txt"]\n'})
    code, says, found = _compile(repo)
    assert (code, found, "[FC605]" in says, "--allow-read" in says) == (2, False, True, True)
    assert _compile(repo, "--allow-read", "../secret.txt")[0] == 0
    (repo / "pyproject.toml").write_text('[tool.flowc]\ninclude = ["data"]\n', encoding="utf-8")
    (repo / "data").mkdir()
    (repo / "data" / "link.txt").symlink_to(tmp_path / "secret.txt")
    code, says, found = _compile(repo)
    assert (code, found, "is a link to a file outside of the flow's project" in says) == (2, False, True)


@pytest.mark.parametrize("kind", NAMED)
def test_what_is_no_regular_file(tmp_path: Path, kind: str) -> None:
    repo = _project(tmp_path, NAMED[kind].replace("PATH", "pipe"))
    os.mkfifo(repo / "pipe")
    code, says, _ = _compile(repo)
    assert (code, "it is not a regular file" in says) == (2, True)
    done = flowc(repo, "check", "pipe")
    assert (done.returncode, "[FC104]: pipe cannot be read: it is not a regular file" in done.stderr) == (2, True)
    done = flowc(repo, "check", "/dev/zero")
    assert (done.returncode, "it is not a regular file" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("place", "imports"), [("module.py", "import module"), ("deep/module.py", "import deep.module")]
)
def test_a_module_that_is_no_regular_file(tmp_path: Path, place: str, imports: str) -> None:
    """Neither what it imports nor what it ships is waited for."""
    repo = _project(tmp_path)
    (repo / place).parent.mkdir(exist_ok=True)
    os.mkfifo(repo / place)
    file = repo / "flow.py"
    name = place.removesuffix(".py").replace("/", ".")
    file.write_text(f"import {name}\n{file.read_text(encoding='utf-8')}", encoding="utf-8")
    code, says, _ = _compile(repo)
    assert (code, "it is not a regular file" in says) == (2, True)
    done = flowc(repo, "package", "flow.py")
    assert (done.returncode, "it is not a regular file" in done.stderr) == (2, True)


LARGE = {
    "config": ('c = Config("c", default="large.bin", plain=True)', "FC306", "it is larger than 64 MiB"),
    "included": ('i = IncludeFile("i", default="large.bin")', "FC308", "its file has 3,221,225,472 bytes"),
    "given": ('i = IncludeFile("i")', "FC308", "its file has 3,221,225,472 bytes"),
    "include": ("pass", "FC605", "the largest is large.bin (3,221,225,472 bytes)"),
}
"""What names a file that is too large: a line of the flow, the code, and what is said."""


@pytest.mark.parametrize("case", LARGE)
def test_a_file_that_is_too_large(tmp_path: Path, case: str) -> None:
    """Its size is looked at before it is read."""
    line, code, text = LARGE[case]
    settings = '[tool.flowc]\ninclude = ["large.bin"]\n' if case == "include" else ""
    repo = _project(tmp_path, line, **{"repo/pyproject.toml": settings})
    with (repo / "large.bin").open("wb") as file:
        file.truncate(3 << 30)
    given = ["-p", "i=large.bin"] if case == "given" else []
    status, says, _ = _compile(repo, *given)
    assert (status, f"error[{code}]" in says, text in says) == (2, True, True), says
    done = flowc(repo, "check", "flow.py")
    assert (case == "given") == (text not in done.stderr), done.stderr


def test_large_files_that_the_command_line_trusts(tmp_path: Path) -> None:
    """Where they are trusted, they are packed; and a local run uses its files in place, whatever their size."""
    repo = _project(tmp_path, 'i = IncludeFile("i", default="large.bin", is_text=False)')
    with (repo / "large.bin").open("wb") as file:
        file.truncate(65 << 20)
    packed = ("package", "flow.py")
    assert flowc(repo, *packed).returncode == 2
    done = flowc(repo, *packed, "--allow-large")
    assert done.returncode == 0, done.stderr
    done = flowc(repo, "run", "flow.py", "--include", "large.bin", "--root", "root")
    assert done.returncode == 0, done.stderr
