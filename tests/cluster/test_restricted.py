"""A namespace that enforces the Pod Security level `restricted`, and a patch of each kind, on the real controller."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, Submitted
from tests.cluster.lab import Lab, open_lab

pytestmark = pytest.mark.cluster
FLOW = """
import os
from pathlib import Path

from flowc import FlowSpec, exit_hook, kubernetes, step


def told():
    print(f"told as {os.getuid()}")


@exit_hook(on_success=[told])
class Patched(FlowSpec):
    @kubernetes(patch={
        "metadata": {"labels": {"cost-center": "42"}},
        "spec": {
            "terminationGracePeriodSeconds": 7,
            "hostAliases": [{"ip": "10.1.2.3", "hostnames": ["warehouse"]}],
            "volumes": [{"name": "scratch", "emptyDir": {"sizeLimit": "1Mi"}}],
            "containers": [
                {
                    "name": "main",
                    "env": [{"name": "EXTRA", "value": "yes"}],
                    "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
                },
            ],
        },
    })
    @step
    def start(self):
        self.user, self.extra = os.getuid(), os.environ["EXTRA"]
        self.hosts = Path("/etc/hosts").read_text()
        Path("/scratch/file").write_text("there")
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.double = 2 * self.input
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(task.double for task in inputs)
        self.next(self.end)

    @step
    def end(self):
        pass
"""
LEVEL = "pod-security.kubernetes.io/enforce"
OPTIONS = (
    *("--set", "restricted=true", "--set", "run_as_user=1234", "--set", 'labels={team="forecasting"}'),
    *("--set", 'workflow_patch={metadata={labels={owner="me"}}, spec={activeDeadlineSeconds=900}}'),
    *("--set", 'template_patch={container={terminationMessagePolicy="FallbackToLogsOnError"}}'),
)


@pytest.fixture(scope="module")
def lab(cluster: Cluster) -> Iterator[Lab]:
    """The namespace."""
    del cluster  # it skips where there is none
    with open_lab("restricted", **{LEVEL: "restricted"}) as found:
        yield found


@pytest.fixture(scope="module")
def runs(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Submitted, Submitted]:
    """The flow as this level wants it, and as it is compiled by default."""
    file = tmp_path_factory.mktemp("restricted") / "patched.py"
    file.write_text(FLOW)
    return lab.apply(lab.compile(file, *OPTIONS)), lab.apply(lab.compile(file))


def test_a_restricted_run_succeeds_and_has_its_patches(lab: Lab, runs: tuple[Submitted, Submitted]) -> None:
    run = runs[0].wait()
    data = run["start"].task.data
    assert (data.user, data.extra, run["join"].task.data.total) == (1234, "yes", 6)
    assert "warehouse" in data.hosts
    made = lab.get("workflow", runs[0].name)
    assert made["metadata"]["labels"]["owner"] == "me"
    assert made["spec"]["activeDeadlineSeconds"] == 900
    pods = pods_of(lab, runs[0])
    assert len(pods) == 6, "five tasks and the hook"
    assert {pod["metadata"]["labels"]["team"] for pod in pods} == {"forecasting"}
    (start,) = (pod for pod in pods if pod["metadata"]["labels"].get("cost-center") == "42")
    assert start["spec"]["terminationGracePeriodSeconds"] == 7
    mains = [item for pod in pods for item in pod["spec"]["containers"] if item["name"] == "main"]
    assert {item["terminationMessagePolicy"] for item in mains} == {"FallbackToLogsOnError"}


def test_without_it_no_pod_is_admitted(lab: Lab, runs: tuple[Submitted, Submitted]) -> None:
    status = lab.ended(runs[1].name)
    assert status["phase"] in {"Failed", "Error"}
    assert "violates PodSecurity" in json.dumps(status)
    assert not pods_of(lab, runs[1])


def pods_of(lab: Lab, run: Submitted) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.get("pods", "-l", f"workflows.argoproj.io/workflow={run.name}")["items"]
    return found
