"""The simulator and the real controller come to the same nodes: ids, names, types, phases, and who follows whom."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.argo.simulated import task, workflow
from tests.cluster.cluster import DEADLINE_SECONDS, PYTHON_IMAGE, Cluster, Submitted
from tests.support import flowc

pytestmark = pytest.mark.cluster

NODES = ("choose_model", "empty_foreach", "nested_foreach", "recursion", "retry_once", "switches")
"""Flows with arms that are skipped, fan-outs of none, retries, and templates that call themselves."""

DEPENDS = (
    "bad.Failed",
    "bad.Errored || left-out.Omitted",
    "bad.Succeeded || skip-it.Skipped",
    "bad.Failed && !skip-it.Succeeded",
    "left-out",
    "many.AnySucceeded && !many.AllFailed",
    "many.Failed && none.Skipped",
    "bad",
)
TEMPLATES = f"""
- name: tries
  retryStrategy: {{limit: "1", retryPolicy: OnFailure}}
  container: {{image: {PYTHON_IMAGE}, command: [sh, -c, "exit 3"]}}
- name: deep
  outputs: {{parameters: [{{name: o, valueFrom: {{parameter: "{{{{tasks.num.outputs.parameters.out}}}}"}}}}]}}
  dag: {{tasks: [{{name: num, template: sh, arguments: {{parameters: [{{name: script, value: echo 7 > $1}}]}}}}]}}
- name: bye
  dag:
    tasks:
    - {{name: good, template: nothing, when: "{{{{workflow.status}}}} == Succeeded"}}
    - {{name: bad, template: nothing, when: "{{{{workflow.status}}}} != Succeeded"}}
"""


@pytest.mark.parametrize("flow", NODES)
def test_the_same_nodes_as_the_controller(flow: str, workflows: dict[str, Submitted], tmp_path: Path) -> None:
    submitted = workflows[flow]
    submitted.wait()
    status = submitted.cluster.get("workflow", submitted.name)["status"]
    manifest = next(text for text in submitted.cluster.applied if f"name: {submitted.name}\n" in text)
    (tmp_path / "flow.yaml").write_text(manifest)
    arguments = ("--root", str(tmp_path / "store"), "--backoff", "0", "--nodes", "nodes.json")
    done = flowc(tmp_path, "simulate", "flow.yaml", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    simulated = json.loads((tmp_path / "nodes.json").read_text())
    assert simulated["phase"] == status["phase"]
    assert _said(simulated["nodes"]) == _said(status["nodes"])


def _said(nodes: dict[str, dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """By id what both say of a node. Its message where it did not run; a pod's comes from the kubelet."""
    return {
        node["id"]: (
            node["name"],
            node["type"],
            node["phase"],
            node.get("boundaryID"),
            sorted(node.get("children", ())),
            node.get("message") if node["phase"] in {"Skipped", "Omitted"} else None,
            sorted((item["name"], item["value"]) for item in node.get("outputs", {}).get("parameters", ())),
        )
        for node in nodes.values()
    }


def test_the_same_nodes_where_tasks_fail_and_are_left_out(cluster: Cluster, tmp_path: Path) -> None:
    tasks = task("bad", "false") + task("skip-it", when='"1 == 2"') + task("left-out", depends="skip-it.Succeeded")
    tasks += task("many", "exit {{item}}", withSequence="{count: 2}") + task("after", depends="skip-it")
    tasks += task("none", withSequence="{count: 0}") + "- {name: pause, template: nothing, depends: none}\n"
    tasks += task("one", withSequence="{start: 5, end: 4}", when='"{{item}} == 5"')
    for number, depends in enumerate(DEPENDS):
        tasks += task(f"d-{number}", depends=f'"{depends}"')
    tasks += "- {name: tries, template: tries}\n- {name: deep, template: deep}\n"
    tasks += task("lost", "echo {{tasks.deep.outputs.parameters.o}} > $1", depends="deep && bad.Failed")
    text = workflow(tasks, templates=TEMPLATES, spec="onExit: bye\n").replace("image: x", f"image: {PYTHON_IMAGE}")
    name = f"simulated-{uuid.uuid4().hex[:8]}"
    text = text.replace("{name: wf}", f"{{name: {name}, annotations: {{workflows.argoproj.io/title: x}}}}")
    submitted = cluster.apply(text)
    status = _ended(submitted)
    (tmp_path / "flow.yaml").write_text(text)
    done = flowc(tmp_path, "simulate", "flow.yaml", "--nodes", "nodes.json")
    assert done.returncode == 1, done.stdout + done.stderr
    simulated = json.loads((tmp_path / "nodes.json").read_text())
    assert (simulated["phase"], status["phase"]) == ("Failed", "Failed")
    assert _said(simulated["nodes"]) == _said(status["nodes"])


def _ended(submitted: Submitted) -> dict[str, Any]:
    """The status of a Workflow that has ended, however it did."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        status: dict[str, Any] = submitted.cluster.get("workflow", submitted.name).get("status", {})
        if status.get("phase") in {"Succeeded", "Failed", "Error"}:
            return status
        assert time.monotonic() < deadline, f"{submitted.name} does not end"
        time.sleep(2)
