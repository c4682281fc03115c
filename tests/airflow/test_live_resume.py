"""Runs that fail and are resumed: on Airflow, from Airflow on this machine, and from here on Airflow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowc import DeployedFlow, Deployer, Run, Runner
from tests.airflow.live import Live
from tests.airflow.test_live import run_of, written
from tests.support import flowc_process

pytestmark = pytest.mark.live

FLOW = """\
from flowc import FlowSpec, Parameter, parallel, step


class Resumes(FlowSpec):
    scale = Parameter("scale", type=int, required=True)

    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.out = self.input * self.scale
        self.next(self.gang, num_parallel=2)

    @parallel
    @step
    def gang(self):
        self.next(self.ungang)

    @step
    def ungang(self, inputs):
        self.out = inputs[0].out
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(each.out for each in inputs) / FACTOR
        self.next(self.end)

    @step
    def end(self):
        print("total", self.total)


FACTOR = 0
"""
MENDED = FLOW.replace("FACTOR = 0", "FACTOR = 2")
TAKEN = {"start": 1, "work": 3, "gang": 6, "ungang": 3}


def assert_lineage(folder: Path, first: Run, resumed: Run, root: str, engine: str) -> None:
    """`flowc lineage` has both runs of a value, and events of the tasks that the resumed run has run itself."""
    of_root = ("--root", root)
    value = f"{resumed.pathspec}/start/items"
    done = flowc_process(folder, "lineage", value, "--in-flow", "Resumes", "--json", *of_root)
    assert done.returncode == 0, done.stderr
    found = {run["run"]: (run["engine"], run["uses"]) for run in json.loads(done.stdout)["runs"]}
    for run, how in ((first, "made"), (resumed, "taken over")):
        name, uses = found[run.pathspec]
        assert name == engine
        assert next(use["how"] for use in uses if use["task"] == "start").startswith(how)
    pytest.importorskip("openlineage.client")
    done = flowc_process(folder, "lineage", resumed.pathspec, "--openlineage", "-", *of_root)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    ended = {event["job"]["name"]: event for event in events if event["eventType"] != "START"}
    assert {name: event["eventType"] for name, event in ended.items()} == dict.fromkeys(
        ("Resumes", "Resumes.join", "Resumes.end"), "COMPLETE"
    )
    assert [item["name"] for item in ended["Resumes.join"]["outputs"]] == ["Resumes/join/total"]


def test_a_run_is_resumed(live: Live, tmp_path: Path) -> None:
    file = written(tmp_path, FLOW)
    failed = live.submit(file, "-p", "scale=5", "--wait")
    assert failed.returncode == 1, failed.stderr
    first = run_of(live, failed)
    file.write_text(MENDED)
    options = ["--target", "airflow", "--operator", "local", "--root", str(live.root), "--dags-folder", str(live.dags)]
    done = live.flowc("resume", str(file), first.pathspec, *options, "--watch")
    assert done.returncode == 0, done.stderr + live.said()
    assert f"taken over from run {first.id}: start, work (3), gang (6), ungang (3)" in done.stderr
    assert "runs: join, end" in done.stderr
    resumed = run_of(live, done)
    assert (resumed.reused, resumed["end"].task.data.total) == (TAKEN, 15.0)
    assert resumed.origin_pathspec == first.pathspec
    assert_lineage(tmp_path, first, resumed, str(live.root), "airflow")
    changed = MENDED.replace("self.input * self.scale", "self.input * self.scale * 10")
    file.write_text(changed)
    done = live.flowc("resume", str(file), resumed.pathspec, *options, "--watch", "--rerun-changed")
    assert done.returncode == 0, done.stderr + live.said()
    again = run_of(live, done)
    assert (again.reused, again["end"].task.data.total) == ({"start": 1}, 150.0)
    here = flowc_process(tmp_path, "resume", file, again.pathspec, "--root", live.root)
    assert here.returncode == 0, here.stderr
    assert f"15 tasks of run {again.id} are done already" in here.stderr


def test_runs_of_this_machine_and_of_deployments(live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in live.access.items():
        monkeypatch.setenv(name, value)
    file, root = written(tmp_path, FLOW), str(live.root)
    with Runner(str(file), show_output=False, root=root) as runner:
        failed = runner.run(scale=5)
        assert failed.status == "failed"
    file.write_text(MENDED)
    deployer = Deployer(str(file), show_output=False).airflow()
    deployed = deployer.create(root=root, operator="local", dags_folder=str(live.dags))
    resumed = deployed.resume(failed.run.id)
    run = resumed.wait_for_run(check_interval=1, timeout=240)
    resumed.wait_for_completion()
    assert resumed.status == "Succeeded", live.said()
    assert (run.reused, run["end"].task.data.total) == (TAKEN, 15.0)
    triggered = deployed.trigger(scale=7)
    triggered.wait_for_completion()
    assert (triggered.status, triggered.is_running) == ("Succeeded", False)
    assert triggered.run is not None
    assert triggered.run.data.total == 21.0
    found = DeployedFlow.from_deployment(deployed.name, impl="airflow")
    assert found.flow_name == "Resumes"
    assert [item.name for item in DeployedFlow.list_deployed_flows("Resumes", impl="airflow")] == [deployed.name]
    assert deployed.suspend()
    assert deployed.unsuspend()
    with Runner(str(file), show_output=False, root=root) as runner:
        here = runner.resume(origin_run_id=triggered.run.id, step_to_rerun="join")
    assert here.run.reused == TAKEN
    assert deployed.delete(dags_folder=str(live.dags))
    assert Run(here.run.pathspec, root=root).successful
