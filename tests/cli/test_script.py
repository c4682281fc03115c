"""`python flow.py COMMAND`: what a flow's own file offers, as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowc.client import Run
from tests.conftest import REPOSITORY
from tests.runtime.shim import runtime_folder
from tests.runtime.test_pythons import interpreter
from tests.support import write_files

pytestmark = pytest.mark.process

FLOW = """
    import os

    from flowc import FlowSpec, Parameter, current, step


    class Hello(FlowSpec):
        \"\"\"Says hello.

        To everyone.\"\"\"

        alpha = Parameter("alpha", default=1, help="the first letter")
        name = Parameter("mode", default="plain")

        @step
        def start(self):
            \"\"\"Count.\"\"\"
            self.items = list(range(self.alpha))
            self.next(self.greet, foreach="items")

        @step
        def greet(self):
            self.text = f"{self.input} {self.name}"
            self.next(self.join)

        @step
        def join(self, inputs):
            self.texts = [item.text for item in inputs]
            self.next(self.end)

        @step
        def end(self):
            if "fail" in self.name:
                raise ValueError("as asked")
            print(self.texts, current.namespace)


    if __name__ == "__main__":
        Hello()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, {"hello.py": FLOW})
    return tmp_path


def python(
    folder: Path, *arguments: str, file: str = "hello.py", program: str = sys.executable, **env: str
) -> subprocess.CompletedProcess[str]:
    command = [program, file, *arguments]
    environment = {**os.environ, **env}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_without_a_command(folder: Path) -> None:
    for arguments in ([], ["--help"], ["-h"], ["help"]):
        result = python(folder, *arguments)
        assert result.returncode == 0
        assert "usage: python hello.py COMMAND" in result.stdout
        for command in ("run", "resume", "check", "show", "compile"):
            assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bogus"], "no command 'bogus'"),
        (["argo-workflows", "create"], "compile --target argo"),
        (["logs", "1"], "flowc logs Hello/RUN"),
        (["--datastore", "s3", "run"], "--root s3://"),
        (["--environment=conda", "run"], "@conda"),
        (["--pylint", "run"], "check"),
        (["--unheard-of", "run"], "--unheard-of"),
        (["--metadata"], "needs a value"),
        (["run", "--max-log-size", "3"], "--max-log-size"),
        (["run", "--runner-attribute-file", "f"], "--run-id-file"),
        (["run", "--beta", "3"], "FC302"),
        (["run", "--alpha", "many"], "FC303"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, arguments: list[str], said: str) -> None:
    result = python(folder, *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert not (folder / ".flowc").exists()


def test_run_with_its_options(folder: Path) -> None:
    result = python(
        folder, "--no-pylint", "--datastore=local", "--metadata", "local", "run", "--alpha", "3", "--mode", "loud",
        "--max-workers", "4", "--run-id-file", "id", "--tag", "a", "--tag", "b", "--namespace", "team",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "['0 loud', '1 loud', '2 loud'] team" in result.stdout
    run = Run(f"Hello/{(folder / 'id').read_text().strip()}", root=str(folder / ".flowc"))
    assert {"a", "b"} <= run.tags


def test_exit_codes(folder: Path) -> None:
    result = python(folder, "run", "--mode", "fail")
    assert result.returncode == 1
    assert "ValueError: as asked" in result.stderr
    result = python(folder, "--datastore-root", "file/below", "run", file=str(folder / "hello.py"))
    assert result.returncode == 0
    assert (folder / "file" / "below" / "Hello").is_dir()


def test_resume(folder: Path) -> None:
    text = (folder / "hello.py").read_text().replace('if "fail" in self.name:', 'if not os.path.exists("mended"):')
    (folder / "hello.py").write_text(text)
    assert python(folder, "run", "--alpha", "2").returncode == 1
    (folder / "mended").write_text("")
    result = python(folder, "resume", "--tag", "again", "--namespace", "team")
    assert result.returncode == 0, result.stderr
    assert "['0 plain', '1 plain'] team" in result.stdout
    assert "done already" in result.stderr
    result = python(folder, "resume", "greet", "--origin-run-id", "none")
    assert result.returncode == 2
    assert "FC607" in result.stderr


def test_check_and_compile(folder: Path) -> None:
    result = python(folder, "check")
    assert (result.returncode, result.stderr) == (0, "hello.py: flow Hello, 4 steps, no errors\n")
    assert python(folder, "compile", "--target", "argo", "--root", "s3://b/p", "-o", "flow.yaml").returncode == 0
    assert "kind: Workflow" in (folder / "flow.yaml").read_text()
    assert "FC502" in python(folder, "compile").stderr


def test_show(folder: Path) -> None:
    result = python(folder, "show")
    assert result.returncode == 0
    assert result.stdout == (
        "Flow Hello\n    Says hello.\n\n    To everyone.\n\nParameters\n"
        "    --alpha (int) the first letter [default: 1]\n    --mode (str) [default: plain]\n\n"
        "Step start\n    Count.\n    => greet for each of items\n\nStep greet\n    => join\n\n"
        "Step join\n    => end\n\nStep end\n"
    )


def test_help_of_commands(folder: Path) -> None:
    for command in ("run", "resume", "check", "show", "compile"):
        result = python(folder, command, "--help")
        assert result.returncode == 0, result.stderr
        assert f"python hello.py {command}" in result.stdout
        assert " FILE" not in result.stdout
    assert "--alpha (int) the first letter [default: 1]" in python(folder, "run", "--help").stdout


def test_a_file_of_several_flows_runs_the_one_it_ends_in(folder: Path) -> None:
    text = (folder / "hello.py").read_text()
    other = text.replace("Hello", "Other").replace('if __name__ == "__main__":\n    Other()\n', "")
    (folder / "two.py").write_text(other + text)
    result = python(folder, "show", file="two.py")
    assert result.stdout.startswith("Flow Hello\n"), result.stderr


def test_other_uses_of_the_class_do_nothing(folder: Path) -> None:
    text = (folder / "hello.py").read_text().replace("    Hello()", "    Hello(use_cli=False)\n    print('went on')")
    (folder / "hello.py").write_text(text)
    assert python(folder, "run").stdout == "went on\n"
    (folder / "importer.py").write_text("from hello import Hello\nHello()\nprint('went on')\n")
    assert python(folder, file="importer.py").stdout == "went on\n"


def test_a_member_of_a_package(tmp_path: Path) -> None:
    write_files(tmp_path, {"pkg/__init__.py": "", "pkg/word.py": "word = 'there'\n", "pkg/hello.py": FLOW})
    path = tmp_path / "pkg" / "hello.py"
    path.write_text(
        path.read_text().replace("import os\n", "from .word import word\n").replace("self.texts, ", "word, ")
    )
    command = [sys.executable, "-m", "pkg.hello", "run"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "there" in result.stdout


@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_where_there_is_the_shim_only(folder: Path, version: str) -> None:
    (folder / "site").mkdir()
    shutil.copytree(Path(runtime_folder()) / "flowc", folder / "site" / "flowc")
    result = python(folder, "run", program=interpreter(version), PYTHONPATH=str(folder / "site"))
    assert result.returncode == 2
    assert "pip install flowc" in result.stderr
    assert ("Python 3.11 or newer" in result.stderr) == (version == "3.9")


def test_examples_run_themselves(tmp_path: Path) -> None:
    result = python(tmp_path, "run", "--count=2", file=str(REPOSITORY / "examples" / "empty_foreach.py"))
    assert result.returncode == 0, result.stderr
    assert "joined 2: [0, 1]" in result.stdout


def test_text_of_a_graph_on_the_command_line(folder: Path) -> None:
    command = [sys.executable, "-m", "flowc_cli", "graph", "hello.py", "--format", "text"]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert printed == python(folder, "show").stdout
    ir = subprocess.run([*command[:3], "ir", "hello.py"], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert json.loads(ir)["name"] == "Hello"
