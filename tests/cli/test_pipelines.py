"""Pipelines by the commands that a user types: parameters, both shapes in a file, resuming, pictures."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY, SEEDS
from tests.docs.pages import blocks
from tests.support import flowc, write_files

WIDE = """
    from flowc import pipeline, step


    @step
    def load(text: str) -> str:
        return text


    @step
    def work(text: str, factor: int) -> str:
        return text * factor


    @step
    def gather(texts: list[str]) -> None:
        import os

        if os.path.exists("broken"):
            raise ValueError("as asked")
        print(",".join(texts))


    @pipeline
    def wide(width: int, text: str = "a", factor: int = 1) -> None:
        \"\"\"As wide as its parameter says.\"\"\"
        loaded = load(text)
        gather([work(loaded, factor) for _ in range(width)])


    wide(width=3)
"""
CLASS = """
    from flowc import FlowSpec, pipeline, step


    class Classic(FlowSpec):
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            print("classic")


    @step
    def hello() -> None:
        print("hello")


    @pipeline
    def modern() -> None:
        hello()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path, {"wide.py": WIDE, "both.py": CLASS})
    return tmp_path


def printed(result: subprocess.CompletedProcess[str]) -> str:
    """What the step `gather` has printed."""
    assert result.returncode == 0, result.stderr
    found = re.search(r"/gather\] (.*)", result.stdout)
    assert found is not None, result.stdout
    return found[1]


@pytest.mark.process
def test_values_from_everywhere(folder: Path) -> None:
    """The call at the end, then the environment, then the command line."""
    assert printed(flowc(folder, "run", "wide.py")) == "a,a,a"
    assert printed(flowc(folder, "run", "wide.py", "-p", "width=2", "-p", "text=b")) == "b,b"
    assert printed(flowc(folder, "run", "wide.py", "--width", "1", "--factor=4")) == "aaaa"
    assert printed(flowc(folder, "run", "wide.py", FLOWC_RUN_WIDTH="4", FLOWC_RUN_TEXT="c")) == "c,c,c,c"
    assert printed(flowc(folder, "run", "wide.py", "--width", "2", FLOWC_RUN_WIDTH="4")) == "a,a"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["run", "wide.py", "-p", "widht=2"], "FC302", "did you mean `width`?"),
        (["run", "wide.py", "--heigth", "2"], "FC302", "its parameters are width, text, factor"),
        (["run", "wide.py", "-p", "width=many"], "FC303", "of type int"),
        (["run", "wide.py", "--factor", "much"], "FC303", "of type int"),
        (["run", "wide.py", "-p", "width"], "FC302", "name=value"),
        (["compile", "wide.py", "--root", "s3://b/p", "-p", "widht=2"], "FC302", "did you mean `width`?"),
        (["check", "wide.py", "-p", "width=many"], "FC303", "of type int"),
        (["graph", "wide.py", "-p", "width=many"], "FC303", "of type int"),
        (["ir", "wide.py", "-p", "width=many"], "FC303", "of type int"),
        (["run", "wide.py", "--config", "a=b"], "FC306", "a pipeline has no configs"),
    ],
)
def test_values_that_do_not_fit(folder: Path, arguments: list[str], code: str, said: str) -> None:
    result = flowc(folder, *arguments)
    assert result.returncode == 2
    assert code in result.stderr
    assert said in result.stderr
    assert not (folder / ".flowc").exists()


@pytest.mark.process
def test_a_value_that_is_missing(folder: Path) -> None:
    text = (folder / "wide.py").read_text().replace("wide(width=3)", "")
    (folder / "wide.py").write_text(text.replace('text: str = "a", factor: int = 1', 'factor: int, text: str = "a"'))
    result = flowc(folder, "run", "wide.py", "-p", "factor=2")
    assert result.returncode == 2
    assert "FC304" in result.stderr
    assert "-p width=" in result.stderr
    assert "1 error\n" in result.stderr
    result = flowc(folder, "run", "wide.py", "-p", "width=2")
    assert result.returncode == 2, "a parameter of the run is missing, too"
    assert "FC304" in result.stderr
    assert printed(flowc(folder, "run", "wide.py", "-p", "width=2", "-p", "factor=2")) == "aa,aa"
    template = ("compile", "wide.py", "-p", "width=2", "--root", "s3://b/p", "--kind", "template")
    result = flowc(folder, *template)
    assert result.returncode == 0, result.stderr


def test_which_parameters_a_compiled_file_has(folder: Path) -> None:
    argo = flowc(folder, "compile", "wide.py", "--root", "s3://b/p", "-p", "width=2", "-p", "factor=3")
    assert argo.returncode == 0, argo.stderr
    assert '{name: factor, value: "3"}' in argo.stdout
    assert "{name: text, value: a}" in argo.stdout
    assert "name: width" not in argo.stdout
    assert len(set(re.findall(r"name: (s-work[-\w]*),", argo.stdout))) == 2
    airflow = flowc(folder, "compile", "wide.py", "--root", "s3://b/p", "-t", "airflow", "-p", "factor=3")
    assert airflow.returncode == 0, airflow.stderr
    assert '"factor": Param(default=3' in airflow.stdout
    assert '"width": Param' not in airflow.stdout
    settled = flowc(folder, "compile", "wide.py", "--root", "s3://b/p", "--set", 'parameters={width = "2"}')
    assert settled.returncode == 2
    assert "compile with `-p width=...`" in settled.stderr


def test_outline(folder: Path) -> None:
    result = flowc(folder, "graph", "wide.py", "--format", "text", "-p", "width=2")
    assert result.returncode == 0, result.stderr
    assert result.stdout == (
        "Flow wide\n    As wide as its parameter says.\n"
        "\nParameters\n    --width (int) [compiled with: 2]\n    --text (str) [default: a]\n"
        "    --factor (int) [default: 1]\n"
        "\nStep load\n    load(text=text)\n    => work, work_2\n"
        "\nStep work\n    work(text=load, factor=factor)\n    => gather\n"
        "\nStep work_2\n    work(text=load, factor=factor)\n    => gather\n"
        "\nStep gather\n    gather(texts=[work, work_2])\n"
    )


def test_pictures_and_ir(folder: Path) -> None:
    mermaid = flowc(folder, "graph", "wide.py", "-p", "width=2").stdout
    assert "s_work_2 --> s_gather" in mermaid
    dot = flowc(folder, "graph", "wide.py", "--format", "dot").stdout
    assert '"work_3" -> "gather"' in dot
    flow = json.loads(flowc(folder, "ir", "wide.py", "-p", "width=1").stdout)
    assert flow["frontend"] == "pipeline"
    assert [(item["name"], item["default"], item["fixed"]) for item in flow["parameters"]] == [
        ("width", 1, True), ("text", "a", False), ("factor", 1, False),
    ]  # fmt: skip
    steps = {item["name"]: item for item in flow["steps"]}
    assert steps["work"]["call"]["arguments"][0]["value"] == {
        "kind": "output", "step": "load", "name": "output", "levels": 0,
    }  # fmt: skip


def test_maps_and_ifs_in_words() -> None:
    nested = flowc(REPOSITORY, "graph", "examples/nested_map.py", "--format", "text").stdout
    assert "=> list_books for each of count_shelves" in nested
    assert "report(shelf_weights=all of add_up)" in nested
    pick = flowc(REPOSITORY, "graph", "examples/pick_model.py", "--format", "text").stdout
    assert "look_up if size_of == 'small'" in pick
    assert "look_up or grow_trees or 'nothing'" in pick


@pytest.mark.process
def test_both_shapes_in_a_file(folder: Path) -> None:
    result = flowc(folder, "check", "both.py")
    assert result.returncode == 0, "check takes each of them"
    assert "flow Classic, 2 steps" in result.stderr
    assert "flow modern, 1 step, " in result.stderr
    result = flowc(folder, "graph", "both.py")
    assert result.returncode == 2
    assert "error[FC103]: `modern` is another flow of this file" in result.stderr
    assert "--flow`: Classic, modern" in result.stderr
    for name, said in (("Classic", "classic"), ("modern", "hello")):
        result = flowc(folder, "run", "both.py", "--flow", name)
        assert result.returncode == 0, result.stderr
        assert said in result.stdout
    result = flowc(folder, "run", "both.py", "--flow", "other")
    assert result.returncode == 2
    assert "FC102" in result.stderr


def test_neither_shape(folder: Path) -> None:
    (folder / "none.py").write_text("from flowc import step\n\n\n@step\ndef alone() -> None: ...\n")
    result = flowc(folder, "check", "none.py")
    assert result.returncode == 2
    assert "FC102" in result.stderr
    assert "`class MyFlow(FlowSpec)` with `@step` methods, or a function with `@pipeline`" in result.stderr


@pytest.mark.process
def test_a_resumed_run_is_compiled_as_the_first(folder: Path) -> None:
    (folder / "broken").write_text("")
    result = flowc(folder, "run", "wide.py", "-p", "width=5", "-p", "factor=2", "--run-id-file", "first")
    assert result.returncode == 1
    first = (folder / "first").read_text()
    (folder / "broken").unlink()
    result = flowc(folder, "resume", "wide.py")
    assert printed(result) == "aa,aa,aa,aa,aa"
    assert f"tasks of run {first} are done already" in result.stderr
    assert "work" not in result.stdout.replace("[", "")
    result = flowc(folder, "resume", "wide.py", "-p", "width=2")
    assert result.returncode == 2
    assert "FC609" in result.stderr


@pytest.mark.process
def test_a_run_without_a_call_is_resumed(folder: Path) -> None:
    (folder / "wide.py").write_text((folder / "wide.py").read_text().replace("wide(width=3)", ""))
    (folder / "broken").write_text("")
    assert flowc(folder, "run", "wide.py", "--width", "2", "--text", "x").returncode == 1
    (folder / "broken").unlink()
    assert printed(flowc(folder, "resume", "wide.py")) == "x,x"


@pytest.mark.process
def test_a_finished_run_shows_its_steps(folder: Path) -> None:
    assert flowc(folder, "run", "wide.py", "-p", "width=2").returncode == 0
    shown = flowc(folder, "show", "wide")
    assert shown.returncode == 0, shown.stderr
    for name in ("load", "work", "work_2", "gather"):
        assert f"\n  {name}" in shown.stdout
    assert "\n    output\n" in shown.stdout
    logs = flowc(folder, "logs", "wide/latest/gather")
    assert "a,a" in logs.stdout


def test_the_seed_is_the_example() -> None:
    seed = SEEDS / "000_27c5b5626ee5deb3.txt"
    if not seed.is_file():
        pytest.skip(f"the seed {seed} is not here")
    block = re.search(r"```python\n(.*?)```", seed.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert (REPOSITORY / "examples" / "fan_out_fan_in.py").read_text(encoding="utf-8").endswith(block[1])


@pytest.mark.process
@pytest.mark.parametrize(("page", "answer"), [("README.md", "5"), ("docs/pipelines.md", "30")])
def test_the_pipeline_of_a_page(tmp_path: Path, page: str, answer: str) -> None:
    """What the pages show first runs, and gives what they say; so does every other way that they show to run it."""
    shown = [block.text for block in blocks((REPOSITORY / page).read_text(), "python") if "def squares(" in block.text]
    (tmp_path / "squares.py").write_text(shown[0])
    for arguments, expected in (((), answer), (("--count", "5"), "30"), (("-p", "count=10"), "285")):
        result = flowc(tmp_path, "run", "squares.py", *arguments)
        assert result.returncode == 0, result.stderr
        assert f"/total] {expected}\n" in result.stdout


@pytest.mark.process
def test_a_compile_imports_the_front_end_of_its_shape_only() -> None:
    script = (
        "import sys; from pathlib import Path; from flowc_compiler.driver import compile_file; "
        "compile_file(Path(sys.argv[1])); print(' '.join(sys.modules))"
    )

    def modules(name: str) -> list[str]:
        command = [sys.executable, "-c", script, f"examples/{name}"]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.split()

    flow, pipeline = modules("retry_once.py"), modules("fan_out_map.py")
    assert [name for name in flow if name.startswith("flowc_compiler.frontend.pipelines")] == []
    assert [name for name in pipeline if name.startswith("flowc_compiler.frontend.classflow")] == []


STEPS = """\
from zenml import step


@step
def load_data(rows: int) -> list[int]:
    return list(range(rows))
"""
TRAINING = """\
from zenml import pipeline, step

from steps.load import load_data


@step
def total(xs: list[int]) -> None:
    print("total", sum(xs))


@pipeline
def training_pipeline(rows: int = 20):
    total(load_data(rows))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("run.py", "from pipelines import training_pipeline\n\ntraining_pipeline(rows=4)\n", 6),
        ("run.py", "import pipelines\n\nif __name__ == '__main__':\n    pipelines.training_pipeline(rows=4)\n", 6),
        ("pipelines/training.py", TRAINING, 190),
    ],
)
def test_a_project_with_folders_of_pipelines_and_steps(file: str, text: str, expected: int, tmp_path: Path) -> None:
    files = {
        "steps/__init__.py": "",
        "steps/load.py": STEPS,
        "pipelines/__init__.py": "from pipelines.training import training_pipeline\n",
        "pipelines/training.py": TRAINING,
        file: text,
    }
    write_files(tmp_path, files)
    result = flowc(tmp_path, "run", file)
    assert result.returncode == 0, result.stderr
    assert f"total {expected}" in result.stdout


@pytest.mark.process
@pytest.mark.parametrize("packages", [[], ["."], ["steps"], [".", "pipelines", "steps"]])
def test_a_pipeline_below_its_projects_folder(packages: list[str], tmp_path: Path) -> None:
    project = tmp_path / "project"
    files = {"steps/load.py": STEPS, "pipelines/training.py": TRAINING}
    write_files(project, files | {f"{name}/__init__.py": "" for name in packages})
    for folder, file in ((project, "pipelines/training.py"), (project / "pipelines", "training.py")):
        result = flowc(folder, "run", file)
        assert result.returncode == 0, result.stderr
        assert "total 190" in result.stdout


def test_the_package_of_a_pipeline_is_imported_with_it(tmp_path: Path) -> None:
    files = {
        "steps/load.py": STEPS,
        "pipelines/__init__.py": "from zenml import run_hook\nrun_hook()\n",
        "pipelines/training.py": TRAINING,
    }
    write_files(tmp_path, files)
    result = flowc(tmp_path, "check", "pipelines/training.py")
    assert result.returncode == 2
    assert "FC106" in result.stderr
    assert "pipelines/__init__.py:1:19" in result.stderr
