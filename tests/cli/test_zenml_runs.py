"""A file for ZenML with a configuration file, a model, saved artifacts, reads in the pipeline and a command line of its
own: steps see the same in local processes and in the pods of Argo's Workflow."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import flowc, write_files

if TYPE_CHECKING:
    from pathlib import Path

FLOW = """
import os
import click
from zenml import ExternalArtifact, Model, get_pipeline_context, get_step_context, load_artifact, pipeline
from zenml import save_artifact, step
from zenml.client import Client
from zenml.enums import ModelStages

@step
def keep(value: int, factor: int = 1) -> int:
    save_artifact([value * factor], "kept")
    print("SEEN keep", load_artifact("kept"), get_step_context().model.name, get_step_context().model.version)
    return value

@step
def see(value, label: str = "") -> None:
    print("SEEN", label, value)

@step
def promote() -> None:
    model = get_step_context().model
    print("SEEN loaded", model.load_artifact("kept"))
    model.set_stage(ModelStages.PRODUCTION)

@step
def find() -> None:
    version = Client().get_model_version("prices", ModelStages.PRODUCTION)
    print("SEEN stage", version.name, version.get_artifact("kept").load())

@pipeline(extra={"labels": ["a", "b"]}, model=Model(name="prices", version="v7"))
def training(n: int):
    first = keep(n)
    for label in get_pipeline_context().extra["labels"]:
        see(ExternalArtifact(value=n), label=label, id=f"see_{label}")
    see(Client().get_artifact_version("kept"), label="read", after=first.invocation_id)
    see(save_artifact(first, "copied"), label="copied")
    promote(after=first)
    find(after="promote")

@click.command()
@click.option("--n", default=3)
@click.option("--configured/--plain", default=True)
def main(n: int, configured: bool):
    options = {"config_path": os.path.join(os.path.dirname(__file__), "configs", "train.yaml")} if configured else {}
    training.with_options(**options)(n=n)

if __name__ == "__main__":
    main()
"""
YAML = """
extra: {labels: [a, b, c]}
steps:
  keep:
    parameters: {factor: 5}
"""
EXPECTED = {
    "SEEN keep [20] prices v7", "SEEN a 4", "SEEN b 4", "SEEN c 4", "SEEN read [20]", "SEEN copied 4",
    "SEEN loaded [20]", "SEEN stage v7 [20]",
}  # fmt: skip


def _seen(folder: Path, *arguments: str, text: str = "") -> set[str]:
    command = [sys.executable, "-m", "flowc_cli", *arguments]
    done = subprocess.run(command, cwd=folder, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = f"{done.stdout}\n{done.stderr}".splitlines()
    return {line[line.index("SEEN") :] for line in lines if "SEEN" in line and "print" not in line}


@pytest.mark.process
def test_steps_see_the_same_here_and_in_pods(tmp_path: Path) -> None:
    write_files(tmp_path, {"run.py": FLOW, "configs/train.yaml": YAML})
    assert _seen(tmp_path, "run", "run.py", "--root", "here", "-p", "n=4") == EXPECTED
    root = str(tmp_path / "pods")
    compiled = subprocess.run(
        [sys.executable, "-m", "flowc_cli", "compile", "run.py", "--root", root, "-o", "-"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert _seen(tmp_path, "simulate", "-", "-p", "n=4", "--output", text=compiled.stdout) == EXPECTED
    assert _seen(tmp_path, "run", "run.py", "--root", "plain", "-p", "n=4", "-p", "configured=false") == {
        line.replace("[20]", "[4]") for line in EXPECTED - {"SEEN c 4"}
    }


EXTERNAL = """
from zenml import ExternalArtifact, Model, pipeline, save_artifact, step
from zenml.client import Client

@step
def keep() -> int:
    save_artifact(3, "kept", version="v1")
    save_artifact(4, "other")
    return 1

@step
def use(x: int) -> None:
    print("got", x)

AT_TOP = ExternalArtifact(name="kept")

@pipeline
def p():
    keep()
    use({argument}, after="keep")

if __name__ == "__main__":
    p()
"""


@pytest.mark.process
@pytest.mark.parametrize(("argument", "value"), [
    ('ExternalArtifact(name="kept", version="v1")', 3), ('ExternalArtifact(id="other")', 4), ("AT_TOP", 3),
    ('ExternalArtifact(id=Client().get_artifact_version("kept").id)', 3), ("ExternalArtifact(value=7)", 7),
])  # fmt: skip
def test_an_external_artifact_of_the_store_is_read_by_a_task(tmp_path: Path, argument: str, value: int) -> None:
    (tmp_path / "p.py").write_text(EXTERNAL.replace("{argument}", argument))
    done = flowc(tmp_path, "run", "p.py")
    assert done.returncode == 0, done.stderr
    assert f"got {value}" in done.stdout
