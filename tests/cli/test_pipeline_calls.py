"""`python pipeline.py`: what a call of a pipeline does in the program that a user runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flowc.client import Run
from tests.support import write_files

pytestmark = pytest.mark.process

PIPE = """
    from flowc import pipeline, step


    @step
    def count(width: int) -> list[int]:
        if width > 5:
            raise ValueError("too wide")
        return list(range(width))


    @step
    def add(numbers: list[int], more: int) -> int:
        print("sum", sum(numbers) + more)
        return sum(numbers) + more


    @pipeline
    def pipe(width: int = 3, more: int = 0) -> None:
        \"\"\"Adds up.\"\"\"
        add(count(width), more)
"""
GUARDED = """
    if __name__ == "__main__":
        run = pipe(width=4)
        print("added up to", run.steps["add"].output.load())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, {"pipe.py": PIPE + GUARDED})
    return tmp_path


def python(folder: Path, *arguments: str, file: str = "pipe.py", **env: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
    command = [sys.executable, file, *arguments]
    return subprocess.run(command, cwd=folder, env={**own, **env}, capture_output=True, text=True, check=False)


def test_the_call_runs_the_pipeline(folder: Path) -> None:
    result = python(folder)
    assert result.returncode == 0, result.stderr
    assert "sum 6" in result.stdout
    assert "added up to 6" in result.stdout


def test_an_unguarded_call(folder: Path) -> None:
    write_files(folder, {"pipe.py": f"{PIPE}\n    pipe(2, more=7)\n"})
    result = python(folder)
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("sum 8") == 1


def test_values_behind_the_file(folder: Path) -> None:
    for arguments in (["-p", "width=2"], ["--width", "2"], ["run", "-p", "width=2"], ["run", "--width=2"]):
        result = python(folder, *arguments, "--root", "elsewhere")
        assert result.returncode == 0, result.stderr
        assert "sum 1" in result.stdout
        assert "added up to 1" in result.stdout, "the run is read from the root that was named"
    assert not (folder / ".flowc").exists()
    result = python(folder, FLOWC_RUN_MORE="10")
    assert "sum 16" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-p", "height=2"], "FC302"),
        (["--width", "much"], "FC303"),
        (["bogus"], "no command 'bogus'"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, arguments: list[str], said: str) -> None:
    result = python(folder, *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / ".flowc").exists()


def test_other_commands(folder: Path) -> None:
    shown = python(folder, "show")
    assert shown.returncode == 0, shown.stderr
    assert "Flow pipe\n    Adds up.\n" in shown.stdout
    assert "--width (int) [default: 4]" in shown.stdout
    assert "added up" not in shown.stdout
    checked = python(folder, "check")
    assert checked.returncode == 0
    assert "flow pipe, 2 steps, no errors" in checked.stderr
    compiled = python(folder, "compile", "--root", "s3://b/p", "-p", "more=5")
    assert '{name: more, value: "5"}' in compiled.stdout
    assert '{name: width, value: "4"}' in compiled.stdout
    usage = python(folder, "--help")
    assert usage.returncode == 0
    assert "usage: python pipe.py COMMAND" in usage.stdout


def test_a_failed_run(folder: Path) -> None:
    result = python(folder, "-p", "width=9")
    assert result.returncode == 1
    assert "too wide" in result.stderr
    assert "added up" not in result.stdout
    assert "PipelineRunFailed" not in result.stderr
    text = (
        PIPE
        + "\n    try:\n        pipe(width=9)\n    except Exception as error:\n        print('caught', error.code)\n"
    )
    write_files(folder, {"caught.py": text})
    result = python(folder, file="caught.py")
    assert result.returncode == 0, result.stderr
    assert "caught 1" in result.stdout


def test_a_failed_run_is_resumed(folder: Path) -> None:
    assert python(folder, "-p", "width=9").returncode == 1
    write_files(folder, {"pipe.py": PIPE.replace("width > 5", "width > 50") + GUARDED})
    result = python(folder, "resume")
    assert result.returncode == 0, result.stderr
    assert "added up to 36" in result.stdout


def test_two_pipelines_both_run(folder: Path) -> None:
    second = PIPE.replace("pipe(", "other(").replace('print("sum"', 'print("again"')
    both = f"""
    from second import other
    {PIPE}
    first = pipe(width=2)
    then = other(width=3)
    if first is not None:
        print(first.config.name, then.config.name)
    """
    write_files(folder, {"both.py": both, "second.py": second})
    result = python(folder, file="both.py")
    assert result.returncode == 0, result.stderr
    assert result.stdout.index("sum 1") < result.stdout.index("again 3")
    assert "pipe other" in result.stdout
    assert len(list((folder / ".flowc" / "pipe").glob("2*"))) == 1
    assert len(list((folder / ".flowc" / "other").glob("2*"))) == 1


def test_each_call_has_its_own_arguments(folder: Path) -> None:
    """The compiler knows the values of the first call only; each call runs with its own, and with defaults."""
    calls = "pipe(width=1, more=10)\n    pipe()\n    pipe(width=5)\n"
    write_files(folder, {"calls.py": f"{PIPE}\n    {calls}"})
    result = python(folder, file="calls.py")
    assert result.returncode == 0, result.stderr
    sums = [line.split("sum ")[1] for line in result.stdout.splitlines() if "sum " in line]
    assert sums == ["10", "3", "10"]
    assert "FC117" not in result.stderr


def test_a_program_that_reads_its_own_command_line(folder: Path) -> None:
    own = (
        PIPE
        + """
    if __name__ == "__main__":
        import argparse

        parser = argparse.ArgumentParser()
        parser.add_argument("--wide", type=int)
        parser.add_argument("--verbose", action="store_true")
        arguments = parser.parse_args()
        pipe(width=arguments.wide)
"""
    )
    write_files(folder, {"own.py": own})
    result = python(folder, "--wide", "5", "--verbose", file="own.py")
    assert result.returncode == 0, result.stderr
    assert "sum 10" in result.stdout
    result = python(folder, "--wide", "9", file="own.py")
    assert result.returncode == 1


def test_a_pipeline_of_another_module(folder: Path) -> None:
    write_files(folder, {"main.py": "from pipe import pipe\n\npipe(width=5, more=1)\n"})
    result = python(folder, "run", file="main.py")
    assert result.returncode == 0, result.stderr
    assert "sum 11" in result.stdout


def test_a_value_that_is_no_data(folder: Path) -> None:
    write_files(folder, {"bad.py": f"{PIPE}\n    pipe(width=object())\n"})
    result = python(folder, file="bad.py")
    assert result.returncode == 2
    assert "error[" in result.stderr


def test_interrupt(folder: Path) -> None:
    write_files(folder, {"pipe.py": PIPE.replace('print("sum"', 'import time; time.sleep(60); print("sum"') + GUARDED})
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOWC_")}
    process = subprocess.Popen(
        [sys.executable, "pipe.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 30
    while not list((folder / ".flowc").glob("pipe/2*/count/**/manifest.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130, errors.decode()
    assert b"Traceback" not in errors


def test_the_run_is_that_of_the_client(folder: Path) -> None:
    result = python(folder, "--run-id-file", "id", "--tag", "mine")
    assert result.returncode == 0, result.stderr
    run = Run(f"pipe/{(folder / 'id').read_text()}", root=str(folder / ".flowc"))
    assert run.successful
    assert "mine" in run.tags
