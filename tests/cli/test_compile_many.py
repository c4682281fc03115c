"""`flowc compile -o FOLDER` for several flows: a file for each, one runtime, nothing else touched; and `--check`."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc_cli.output import INPUT_ERROR
from tests.argo.manifests import NESTED, diamond
from tests.support import flowc, write_files, yaml_documents

ROOT = ("--root", "s3://b/p")
FILES = {"flows/a.py": diamond(), "flows/deep/b.py": NESTED, "flows/helper.py": "X = 1\n"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_files(tmp_path, {**FILES, "out/own.yaml": "kind: Mine\n"})
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-runtime-")[0] for path in folder.iterdir())


def test_a_folder_has_a_file_for_each_flow_and_one_runtime(project: Path) -> None:
    done = flowc(project, "compile", "flows", "-o", "out", *ROOT)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert names(project / "out") == ["diamond-flow.yaml", "flowc", "nested-flow.yaml", "own.yaml"]
    kinds = [item["kind"] for item in yaml_documents((project / "out" / "diamond-flow.yaml").read_text())]
    assert kinds == ["ConfigMap", "Workflow"]
    (runtime,) = (project / "out").glob("flowc-runtime-*.yaml")
    halves = [item["metadata"]["name"] for item in yaml_documents(runtime.read_text())]
    assert halves == [runtime.stem, f"{runtime.stem}-2"]
    assert runtime.stem in (project / "out" / "nested-flow.yaml").read_text()


def test_one_file_has_all_objects(project: Path) -> None:
    assert flowc(project, "compile", "flows/a.py", "-o", "a.yaml", *ROOT).returncode == 0
    printed = flowc(project, "compile", "flows/a.py", *ROOT).stdout
    assert (project / "a.yaml").read_text() == printed
    assert [item["kind"] for item in yaml_documents(printed)] == [*["ConfigMap"] * 3, "Workflow"]


def test_check_says_what_would_change_and_writes_nothing(project: Path) -> None:
    assert flowc(project, "compile", "flows", "-o", "out", *ROOT).returncode == 0
    assert flowc(project, "compile", "flows", "-o", "out", "--check", *ROOT).returncode == 0
    (project / "flows" / "a.py").write_text(diamond() + "\n# changed\n")
    (project / "out" / "nested-flow.yaml").unlink()
    done = flowc(project, "compile", "flows", "-o", "out", "--check", *ROOT)
    assert done.returncode == 1
    assert done.stdout == "out/diamond-flow.yaml would change\nout/nested-flow.yaml is missing\n"
    assert names(project / "out") == ["diamond-flow.yaml", "flowc", "own.yaml"]
    assert "# changed" not in (project / "out" / "diamond-flow.yaml").read_text()


def test_check_names_manifests_whose_flows_are_gone(project: Path) -> None:
    assert flowc(project, "compile", "flows", "-o", "out", *ROOT).returncode == 0
    (project / "flows" / "a.py").unlink()
    done = flowc(project, "compile", "flows", "-o", "out", "--check", *ROOT)
    assert (
        done.stderr
        == "note: out/diamond-flow.yaml is flowc's, and of none of these flows: delete it if its flow is gone\n"
    )
    assert "note" not in flowc(project, "compile", "flows/deep/b.py", "-o", "out", "--check", *ROOT).stderr


def test_an_error_in_one_flow_keeps_all_from_being_written(project: Path) -> None:
    (project / "flows" / "a.py").write_text(diamond().replace("self.join", "self.jion", 1))
    (project / "flows" / "deep" / "b.py").write_text(NESTED.replace("self.inner", "self.iner", 1))
    done = flowc(project, "compile", "flows", "-o", "new", *ROOT)
    assert done.returncode == INPUT_ERROR
    assert "a.py" in done.stderr
    assert "b.py" in done.stderr
    assert not (project / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["flows/a.py", "flows/deep/b.py"], "nowhere to write to"),
        (["flows/a.py", "flows/deep/b.py", "-o", "x.yaml"], "do not fit into x.yaml"),
        (["flows/a.py", "flows/helper.py", "-o", "x"], "flows/helper.py has no flow"),
        (["flows", "nowhere", "-o", "x"], "there is no file nowhere"),
        (["flows/a.py", "copies", "-o", "x"], "would both be x/diamond-flow.yaml"),
        (["nothing", "-o", "x"], "no flow to compile"),
        (["flows/a.py", "--check"], "nowhere to write to"),
    ],
)
def test_what_cannot_be_written_is_reported(arguments: list[str], says: str, project: Path) -> None:
    write_files(project, {"copies/a.py": diamond() + "\n# a copy\n", "nothing/x.py": ""})
    done = flowc(project, "compile", *arguments, *ROOT)
    assert done.returncode == INPUT_ERROR
    assert says in done.stderr
    assert not (project / "x").exists()


@pytest.mark.process
def test_a_manifest_of_a_folder_is_simulated_with_the_runtime_beside_it(project: Path) -> None:
    assert flowc(project, "compile", "flows/a.py", "-o", "out/", *ROOT).returncode == 0
    done = flowc(project, "simulate", "out/diamond-flow.yaml", "--root", "store")
    assert done.returncode == 0, done.stderr


BASE = """
from flowc import FlowSpec, step

class Base(FlowSpec):
    @step
    def start(self):
        self.next(self.end)
"""
TRAIN = """
from base import Base
from words import step

class Train(Base):
    @step
    def end(self):
        pass
"""
SHARED = {"base.py": BASE, "train.py": TRAIN, "words.py": "from flowc import step\n"}


def test_a_folder_is_searched_as_check_does(tmp_path: Path) -> None:
    """Base classes of other files' flows are no flows, and a flow need not name FlowSpec itself."""
    write_files(tmp_path, SHARED)
    assert flowc(tmp_path, "check", ".").returncode == 0
    done = flowc(tmp_path, "compile", ".", "-o", "out", *ROOT)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "out") == ["flowc", "train.yaml"]


def test_a_file_that_cannot_be_read_as_python_is_no_file_without_flows(tmp_path: Path) -> None:
    write_files(tmp_path, {**SHARED, "broken.py": "from flowc import FlowSpec\nclass F(FlowSpec\n"})
    done = flowc(tmp_path, "compile", ".", "-o", "out", *ROOT)
    assert done.returncode == INPUT_ERROR
    assert "broken.py" in done.stderr
    assert not (tmp_path / "out").exists()


def test_one_flow_of_several_by_its_name(tmp_path: Path) -> None:
    write_files(tmp_path, {**SHARED, "a.py": diamond()})
    done = flowc(tmp_path, "compile", ".", "-o", "out", "--flow", "Train", *ROOT)
    assert done.returncode == 0, done.stderr
    assert names(tmp_path / "out") == ["flowc", "train.yaml"]
