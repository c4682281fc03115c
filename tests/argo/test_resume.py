"""Manifests that go on from a run, and attempts for lost pods: what is emitted, and what the simulator makes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc_targets.argo.retry_strategies import LOST_POD
from tests.argo.manifests import codes, diamond, left, objects, templates
from tests.support import flowc_process

FLOW = """
from flowc import FlowSpec, Parameter, step

class Resumed(FlowSpec):
    scale = Parameter("scale", default=1)

    @step
    def start(self):
        self.items = [1, 2, 3]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.out = self.input * self.scale
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(i.out for i in inputs) / FACTOR
        self.next(self.end)

    @step
    def end(self):
        print("total", self.total)

FACTOR = 0
"""


def test_a_workflow_names_the_run_that_it_goes_on_from(tmp_path: Path) -> None:
    _, plain = objects(tmp_path, FLOW)
    _, resumed = objects(tmp_path, FLOW, origin_run="argo-1/join")
    assert plain["metadata"]["name"] != resumed["metadata"]["name"]
    assert "FLOWC_ORIGIN_RUN_ID" not in str(plain)
    variables = [variables_of(leaf) for leaf in leaves(resumed)]
    assert {item["FLOWC_ORIGIN_RUN_ID"] for item in variables} == {"argo-1/join"}


@pytest.mark.parametrize("kind", ["template", "cron"])
def test_a_template_takes_it_as_an_argument(tmp_path: Path, kind: str) -> None:
    _, deployed = objects(tmp_path, FLOW, kind=kind, schedule="0 * * * *" if kind == "cron" else None)
    spec = deployed["spec"]["workflowSpec"] if kind == "cron" else deployed["spec"]
    arguments = {item["name"]: item for item in spec["arguments"]["parameters"]}
    assert arguments["flowc-origin-run"]["value"] == ""
    values = {variables_of(leaf)["FLOWC_ORIGIN_RUN_ID"] for leaf in leaves({"spec": spec})}
    assert values == {"{{workflow.parameters.flowc-origin-run}}"}


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="origin_run"):
        codes(tmp_path, FLOW, origin_run="$(HOME)")


@pytest.mark.parametrize("origin", ["argo-1/jion", "Resumed/argo-1/jion", "argo-1/work,jion"])
def test_a_step_to_run_again_is_one_of_the_flow(tmp_path: Path, origin: str) -> None:
    assert codes(tmp_path, FLOW, origin_run=origin) == [("FC608", "error", 4)]
    assert codes(tmp_path, FLOW, origin_run=origin.replace("jion", "join")) == []


def test_attempts_of_lost_pods_are_for_steps_without_others(tmp_path: Path) -> None:
    template = left(tmp_path, "@environment(vars={'A': '1'})", retries_of_lost_pods=2)
    assert template["retryStrategy"] == {"limit": "2", "retryPolicy": "Always", "expression": LOST_POD}
    assert "{{retries}}" in template["container"]["args"]
    assert "retryStrategy" not in left(tmp_path, "@environment(vars={'A': '1'})")
    for decorator in ("@retry(times=1)", "@catch(var='failure')"):
        assert left(tmp_path, decorator, retries_of_lost_pods=2)["retryStrategy"].get("expression") != LOST_POD


def test_nor_for_members_of_gangs(tmp_path: Path) -> None:
    flow = diamond().replace("self.next(self.left, self.right)", "self.next(self.left, num_parallel=2)")
    flow = flow.replace("    @step\n    def right(self):\n        self.next(self.join)\n", "")
    flow = flow.replace("    @step\n    def left", "    @parallel\n    @step\n    def left").replace(
        "FlowSpec,", "FlowSpec, parallel,"
    )
    _, workflow = objects(tmp_path, flow, retries_of_lost_pods=2)
    assert "retryStrategy" not in templates(workflow)["s-left"]


@pytest.mark.process
def test_the_simulator_goes_on_from_a_run(tmp_path: Path) -> None:
    flow = tmp_path / "flow.py"
    flow.write_text(FLOW)
    failed, code = simulated(flow, "--set", "parameters={scale='5'}")
    assert code == 1
    flow.write_text(FLOW.replace("FACTOR = 0", "FACTOR = 2"))
    resumed, code = simulated(flow, "--resume", failed)
    assert code == 0
    run = Run(f"Resumed/{resumed}", root=str(tmp_path / "root"))
    assert run.reused == {"start": 1, "work": 3}
    assert run["end"].task.data.total == 15.0, "the parameter is that of the first run"
    found = flowc_process(tmp_path, "lineage", f"Resumed/{resumed}/start/scale", "--root", str(tmp_path / "root"))
    assert (found.returncode, failed in found.stdout) == (0, True), found.stdout + found.stderr
    again, code = simulated(flow, "--resume", f"{resumed}/end")
    assert code == 0
    assert Run(f"Resumed/{again}", root=str(tmp_path / "root")).reused == {"start": 1, "work": 3, "join": 1}


def simulated(flow: Path, *arguments: str) -> tuple[str, int]:
    """The id of a simulated run of what is compiled, and the exit code."""
    manifest = flow.with_suffix(".yaml")
    root = ["--root", str(flow.parent / "root")]
    flowc_process(flow.parent, "compile", flow, *root, "--image", "i", "-o", manifest, *arguments)
    done = flowc_process(flow.parent, "simulate", manifest)
    said = done.stdout + done.stderr
    found = re.search(r"run Resumed/(argo-\S+)", said)
    assert found is not None, said
    return found[1], done.returncode


def leaves(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    """The templates with pods."""
    return [template for template in workflow["spec"]["templates"] if "container" in template]


def variables_of(template: dict[str, Any]) -> dict[str, str]:
    """Variables of its pod."""
    return {item["name"]: item.get("value", "") for item in template["container"]["env"]}
