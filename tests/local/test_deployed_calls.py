"""Flows that steps call as runs of their own: what they get and return, and what further attempts of the caller do."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Flow, Run
from flowc_targets.local import ResumeOptions
from tests.local.flows import Local
from tests.support import flowc, flowc_process, write_files, yaml_documents

TRAINING = """
    import os

    from flowc import FlowSpec, JSONType, Parameter, deadline, step

    @deadline(hours=1)
    class Train(FlowSpec):
        rows = Parameter("rows", type=int, required=True)
        learning_rate = Parameter("rate", default=0.1)
        names = Parameter("names", type=JSONType, default="[]")
        parts = Parameter("parts", separator=";", default="")

        @step(start=True)
        def load(self):
            if self.rows == 2 and os.path.exists("fails"):
                os.remove("fails")
                raise ValueError("as asked")
            self.big = list(range(self.rows * 30_000))
            self.next(self.fit)

        @step(end=True)
        def fit(self):
            assert self.parts in ("", ["1", "2"])
            self.best = (self.rows * self.learning_rate, self.names)
"""
CALLER = """
    import os

    from training import Train

    from flowc import FlowSpec, Parameter, call_flow, retry, step

    class Nightly(FlowSpec):
        rows = Parameter("rows", default=3)
        names = ["\u00e4 {{x}} $(y)"]

        @step
        def start(self):
            self.counts = [1, 2]
            self.next(self.train, foreach="counts")

        @retry(times=1)
        @call_flow(
            Train, params={"rate": 0.5}, artifacts={"rows": "count", "names": "names", "parts": "counts"},
            returns={"score": "best", "big": "big"}, deployed=True,
        )
        @step
        def train(self):
            self.count = self.input
            self.next(self.join)

        @step
        def join(self, inputs):
            assert not hasattr(self, "best")
            self.scores = [each.score for each in inputs]
            self.sizes = [len(each.big) for each in inputs]
            self.next(self.again)

        @call_flow(Train, artifacts=["rows"], returns=["best"], deployed=True)
        @step
        def again(self):
            self.next(self.end)

        @step
        def end(self):
            if os.environ.get("FAILS"):
                raise ValueError("as asked")
            print(self.scores, self.best)
"""
NAMES = ["\u00e4 {{x}} $(y)"]
SCORES = [(0.5, NAMES), (1.0, NAMES)]


def written(folder: Path) -> Local:
    """The caller, beside the module with the flow that it calls."""
    write_files(folder, {"training.py": TRAINING})
    return Local(folder, CALLER, "nightly.py")


@pytest.mark.process
def test_runs_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local = written(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FAILS", "yes")
    (tmp_path / "fails").touch()
    assert local.run().exit_code == 1
    runs = list(Flow("Train", root=local.root))
    assert sorted(run.successful for run in runs) == [False, True, True, True], "@retry has begun another one"
    places = sorted(tag.partition("/train__run")[2] for run in runs for tag in run.tags if "/train__run" in tag)
    assert places == ["/0", "/1", "/1"]

    monkeypatch.delenv("FAILS")
    result = local.run(resume=ResumeOptions())
    assert result.exit_code == 0, local.says.err
    data = Run(f"Nightly/{result.run_id}", root=local.root).data
    assert (data.scores, data.sizes, data.best) == (SCORES, [30_000, 60_000], (3 * 0.1, []))
    assert len(list(Flow("Train", root=local.root))) == len(runs), "the resumed run takes over what has ended"


@pytest.mark.process
def test_the_simulator(tmp_path: Path) -> None:
    local = written(tmp_path)
    done = flowc_process(tmp_path, "compile", "nightly.py", "--root", local.root, "--image", "i", "-o", "m.yaml")
    assert done.returncode == 0, done.stderr
    done = flowc_process(tmp_path, "simulate", "m.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert Run.latest("Nightly", root=local.root).data.scores == SCORES
    assert len(list(Flow("Train", root=local.root))) == 3


def test_what_is_compiled(tmp_path: Path) -> None:
    written(tmp_path)
    options = ["--root", "s3://bucket/flows", "--image", "i"]
    argo = flowc(tmp_path, "compile", "nightly.py", *options).stdout
    templates = yaml_documents(argo)[-1]["spec"]["templates"]
    tasks = {task["name"]: task for item in templates for task in item.get("dag", {}).get("tasks", ())}
    assert tasks["call-train"]["depends"] == "s-train"
    assert tasks["s-train--run"]["depends"] == "call-train.Succeeded"
    assert "{name: FLOWC_CALLED_TEMPLATE, value: train}" in argo
    airflow = flowc(tmp_path, "compile", "nightly.py", *options, "--target", "airflow").stdout
    assert "train >> call_train >> train__run" in airflow
    assert 'calling="train",\n            trigger_dag_id="Train",\n            retries=1,' in airflow
    assert 'called="call_train"' in airflow


PROJECTS = """
    from flowc import FlowSpec, call_flow, current, project, step

    @project(name="shop"{inner})
    class Train(FlowSpec):
        @step
        def start(self):
            self.branch = current.branch_name

    {outer}
    class Nightly(FlowSpec):
        @call_flow(Train, returns=["branch"], deployed=True)
        @step
        def start(self):
            self.next(self.end)

        @step
        def end(self):
            print("trained on", self.branch)
"""


@pytest.mark.parametrize(
    ("inner", "outer", "options", "name"),
    [
        ("", "@project(name='shop')", ("--branch", "blue"), "shop.test.blue.Train"),
        ("", "@project(name='other')", ("--production",), "shop.prod.Train"),
        ("", "@project(name='shop')", ("--branch", "blue", "--production"), "shop.prod.blue.Train"),
        (", branch='red'", "@project(name='shop')", ("--branch", "blue"), "shop.test.red.Train"),
        (", production=True", "", (), "shop.prod.Train"),
        ("", "", (), ""),
    ],
)
def test_the_branch_is_the_callers(tmp_path: Path, inner: str, outer: str, options: tuple[str, ...], name: str) -> None:
    write_files(tmp_path, {"flow.py": PROJECTS.format(inner=inner, outer=outer)})
    words = ["flow.py", *options, "--root", "s3://bucket/flows", "--image", "i"]
    done = flowc(tmp_path, "compile", *words, "--target", "airflow")
    if not name:
        assert "error[FC229]" in done.stderr
        return
    assert f'trigger_dag_id="{name}"' in done.stdout, done.stderr
    argo = flowc(tmp_path, "compile", *words).stdout
    alone = flowc(tmp_path, "compile", *words, "--flow", "Train", "--kind", "template")  # refused for another branch
    for document in yaml_documents(alone.stdout):
        if document["kind"] == "WorkflowTemplate":
            assert f"{{name: FLOWC_CALLED_TEMPLATE, value: {document['metadata']['name']}}}" in argo


@pytest.mark.process
def test_a_local_run_is_on_the_same_branch(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": PROJECTS.format(inner="", outer="@project(name='shop')")})
    done = flowc_process(tmp_path, "run", "flow.py", "--branch", "blue", "--root", tmp_path / "root")
    assert "trained on test.blue" in done.stdout, done.stderr
