"""`[tool.flowc.check]`, and the options of `flowc check`: which diagnostics are reported, and which are errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import flowc, flowc_process, write_files

FLOW = """
    from flowc import FlowSpec, gpu_profile, step


    class F(FlowSpec):
        @gpu_profile(interval=1)
        @step
        def start(self):
            self.kind = "ab"[len("x")]
            self.next({"a": self.a, "b": self.b}, condition="kind")

        @step
        def a(self):
            self.x = 1
            self.next(self.end)

        @step
        def b(self):
            self.next(self.end)

        @step
        def end(self):
            print(self.x, getattr(self, "y", 1)%s)
    """
UNSET = FLOW % ", self.z"
WARNED = FLOW % ""
"""FC319 and FC409."""


def reported(folder: Path, *options: str, settings: str = "", text: str = WARNED) -> list[str]:
    """The diagnostics of `flowc check`: code, and `!` for an error."""
    write_files(folder, {"flow.py": text, "pyproject.toml": f"[tool.flowc.check]\n{settings}\n" if settings else ""})
    done = flowc(folder, "check", "flow.py", "--format", "json", *options)
    found = json.loads(done.stdout)["diagnostics"]
    assert done.returncode == (2 if any(item["severity"] == "error" for item in found) else 0)
    return sorted(item["code"] + "!" * (item["severity"] == "error") for item in found)


SETTINGS = {
    "": ["FC319", "FC409"],
    'ignore = ["FC319"]': ["FC409"],
    'ignore = ["FC3"]': ["FC409"],
    'ignore = ["FC"]': [],
    'ignore = ["FC3", "FC409"]': [],
    'select = ["FC4"]': ["FC409"],
    "select = []": [],
    'select = ["FC"]\nignore = ["FC4"]': ["FC319"],
    'select = ["FC409"]\nignore = ["FC4"]': ["FC409"],
    'select = ["FC4"]\nignore = ["FC409"]': [],
    'select = ["FC409"]\nignore = ["FC409"]': [],
    'error = ["FC319"]': ["FC319!", "FC409"],
    'error = ["FC"]': ["FC319!", "FC409!"],
    'error = ["FC3"]\nignore = ["FC4"]': ["FC319!"],
    'error = ["FC319"]\nignore = ["FC319"]': ["FC409"],
}


@pytest.mark.parametrize(("settings", "wanted"), SETTINGS.items())
def test_settings_of_a_project(settings: str, wanted: list[str], tmp_path: Path) -> None:
    assert reported(tmp_path, settings=settings) == wanted


OPTIONS: list[tuple[list[str], str, list[str]]] = [
    (["--ignore", "FC319"], "", ["FC409"]),
    (["--ignore", "FC319,FC4"], "", []),
    (["--ignore", "FC319, FC4"], "", []),
    (["--ignore", "FC319", "--ignore", "FC409"], "", []),
    (["--select", "FC4"], "", ["FC409"]),
    (["--error", "FC4"], "", ["FC319", "FC409!"]),
    (["--ignore", "FC409"], 'ignore = ["FC319"]', ["FC319"]),
    (["--ignore", ""], 'ignore = ["FC319"]', ["FC319", "FC409"]),
    (["--select", "FC319"], 'ignore = ["FC319"]', ["FC319"]),
    (["--select", "FC319", "--ignore", "FC3"], 'ignore = ["FC319"]', ["FC319"]),
    (["--select", "FC"], 'select = ["FC4"]', ["FC319", "FC409"]),
    (["--error", "FC4"], 'error = ["FC3"]', ["FC319", "FC409!"]),
    (["--error", ""], 'error = ["FC3"]', ["FC319", "FC409"]),
    (["--ignore", "FC409"], 'error = ["FC3"]', ["FC319!"]),
]


@pytest.mark.parametrize(("options", "settings", "wanted"), OPTIONS)
def test_options_take_the_place_of_settings(
    options: list[str], settings: str, wanted: list[str], tmp_path: Path
) -> None:
    assert reported(tmp_path, *options, settings=settings) == wanted


def test_an_error_that_may_be_ignored(tmp_path: Path) -> None:
    assert reported(tmp_path, text=UNSET) == ["FC317!", "FC319", "FC409"]
    assert reported(tmp_path, "--ignore", "FC317", text=UNSET) == ["FC319", "FC409"]
    assert reported(tmp_path, "--select", "FC4", text=UNSET) == ["FC409"]


def test_other_errors_are_reported_whatever_is_selected(tmp_path: Path) -> None:
    text = WARNED.replace("self.next(self.end)", "self.next(self.ende)", 1)
    for options in (["--ignore", "FC"], ["--select", "FC4"]):
        assert "FC201!" in reported(tmp_path, *options, text=text)


WRONG = {
    'ignore = ["FC9"]': "FC505",
    'ignore = ["E501"]': "FC505",
    'ignore = [""]': "FC505",
    'ignore = ["F"]': "FC505",
    'ignore = ["fc319"]': "write FC319",
    'error = ["FC3199"]': "did you mean `FC319`?",
    'ignore = "FC319"': 'write ignore = ["FC319", "FC4"]',
    "select = [1]": "FC505",
    'ignores = ["FC319"]': "did you mean `ignore`?",
    'extend = ["FC319"]': "exclude, ignore, select",
}


@pytest.mark.parametrize(("settings", "wanted"), WRONG.items())
def test_wrong_settings(settings: str, wanted: str, tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": WARNED, "pyproject.toml": f"[tool.flowc.check]\n{settings}\n"})
    for command in (["check"], ["compile", "--root", "s3://b/p"]):
        done = flowc(tmp_path, *command, "flow.py")
        assert done.returncode == 2
        assert wanted in done.stderr
    (tmp_path / "pyproject.toml").write_text("[tool.flowc]\ncheck = 3\n")
    assert "write [tool.flowc.check]" in flowc(tmp_path, "check", "flow.py").stderr


def test_wrong_options(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": WARNED})
    done = flowc(tmp_path, "check", "flow.py", "--ignore", "FC3199")
    assert done.returncode == 2
    assert "--ignore: no diagnostic's code begins with `FC3199`" in done.stderr
    assert "did you mean `FC319`?" in done.stderr


COMPILING = {
    "check": [],
    "compile": ["--root", "s3://b/p"],
    "compile airflow": ["--target", "airflow", "--root", "s3://b/p"],
    "image": ["-o", "out"],
    "package": [],
    "ir": [],
    "graph": [],
}


@pytest.mark.parametrize("command", COMPILING)
def test_every_command_that_compiles(command: str, tmp_path: Path) -> None:
    arguments = [command.split(maxsplit=1)[0], "flow.py", *COMPILING[command]]
    write_files(tmp_path, {"flow.py": WARNED, "pyproject.toml": '[tool.flowc.check]\nignore = ["FC409"]\n'})
    done = flowc(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "warning[FC319]" in done.stderr
    assert "FC409" not in done.stderr
    write_files(tmp_path, {"pyproject.toml": '[tool.flowc.check]\nerror = ["FC319"]\n'})
    done = flowc(tmp_path, *arguments)
    assert done.returncode == 2
    assert "error[FC319]" in done.stderr
    assert "warning[FC409]" in done.stderr
    write_files(tmp_path, {"pyproject.toml": "", "flow.py": UNSET})
    assert flowc(tmp_path, *arguments).returncode == 2
    write_files(tmp_path, {"flow.py": UNSET.replace("self.z)", "self.z)  # flowc: ignore[FC317, FC319]")})
    done = flowc(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    assert "FC3" not in done.stderr


@pytest.mark.process
def test_runs(tmp_path: Path) -> None:
    """What is ignored runs, and fails there; what is an error does not start."""
    write_files(tmp_path, {"flow.py": UNSET, "pyproject.toml": '[tool.flowc.check]\nignore = ["FC317", "FC4"]\n'})
    done = flowc_process(tmp_path, "run", "flow.py")
    assert done.returncode == 1
    assert "warning[FC319]" in done.stderr
    assert "FC317" not in done.stderr
    assert "FC409" not in done.stderr
    assert "AttributeError" in done.stderr
    write_files(tmp_path, {"flow.py": WARNED, "pyproject.toml": '[tool.flowc.check]\nerror = ["FC319"]\n'})
    for command in ("run", "submit"):
        done = flowc_process(tmp_path, command, "flow.py")
        assert done.returncode == 2
        assert "error[FC319]" in done.stderr


@pytest.mark.process
def test_the_command_of_a_file(tmp_path: Path) -> None:
    import subprocess
    import sys

    text = WARNED.rstrip() + "\n\n\n    if __name__ == '__main__':\n        F()\n"
    write_files(tmp_path, {"flow.py": text})
    command = [sys.executable, "flow.py", "check", "--error", "FC3", "--ignore", "FC409"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error[FC319]" in done.stderr
    assert "FC409" not in done.stderr


@pytest.mark.parametrize(
    ("options", "settings", "refused"),
    [
        ((), 'ignore = ["FC201"]', ["FC201"]),
        (("--ignore", "FC201"), "", ["FC201"]),
        (("--ignore", "FC201,FC319"), "", ["FC201"]),
        ((), 'ignore = ["FC2"]', []),
        ((), 'ignore = ["FC121", "FC201"]', []),
        ((), 'ignore = ["FC101"]', []),
    ],
)
def test_ignoring_an_error_that_cannot_be_ignored_is_reported(
    tmp_path: Path, options: tuple[str, ...], settings: str, refused: list[str]
) -> None:
    """Where there is such an error: a code may be ignored for the warnings that it has as well."""
    text = WARNED.replace("self.next(self.end)", "self.next(self.nowhere)", 1)
    found = reported(tmp_path, *options, settings=settings, text=text)
    assert "FC201!" in found
    assert found.count("FC121") == len(refused)
