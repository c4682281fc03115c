"""What deploys a flow, on the real controllers: templates, CronWorkflows, hooks, branches of a project, bounds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowc.store import open_store
from tests.cluster.cluster import NAMESPACE, Cluster, Submitted
from tests.support import yaml_documents

pytestmark = pytest.mark.cluster
FLOW = Path(__file__).parent / "flows" / "deployed.py"


def objects(manifest: str) -> dict[str, dict[str, Any]]:
    return {item["kind"]: item for item in yaml_documents(manifest)}


def deploy(cluster: Cluster, *arguments: str) -> dict[str, dict[str, Any]]:
    manifest = cluster.compile(FLOW, *arguments)
    cluster.kubectl("apply", "-f", "-", text=manifest)
    cluster.applied.append(manifest)
    return objects(manifest)


def submit(cluster: Cluster, template: str, **parameters: str) -> Submitted:
    """A Workflow of a template, as `argo submit --from workflowtemplate/NAME -p ...` makes it."""
    given = [{"name": name, "value": value} for name, value in parameters.items()]
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-", "namespace": NAMESPACE},
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": given}},
    }
    text = yaml.safe_dump(workflow)  # pyright: ignore[reportUnknownMemberType]
    created = cluster.kubectl("create", "-o", "json", "-f", "-", text=text)
    made = yaml.safe_load(created)["metadata"]
    return Submitted(cluster, made["name"], made["uid"], "Deployed", cluster.root)


@pytest.fixture(scope="module")
def runs(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Submitted]]:
    """Everything at once, since a level takes seconds: two branches side by side, a run that fails, and a schedule."""
    text = FLOW.read_text().replace('@schedule(cron=["0/1 * * * ? *", "0 3 1 1 ? *"], timezone="Europe/Berlin")\n', "")
    plain = tmp_path_factory.mktemp("deployed") / "deployed.py"
    plain.write_text(text)
    names: dict[str, str] = {}
    for branch, arguments in {"prod": ("--production",), "test.two": ("--branch", "two")}.items():
        manifest = cluster.compile(plain, "--kind", "template", *arguments)
        cluster.kubectl("apply", "-f", "-", text=manifest)
        cluster.applied.append(manifest)
        names[branch] = objects(manifest)["WorkflowTemplate"]["metadata"]["name"]
    cron = deploy(cluster, "--kind", "cron", "--set", "concurrency_policy=Forbid", "--set", "successful_history=2")
    found = {
        "prod": submit(cluster, names["prod"], width="3"),
        "two": submit(cluster, names["test.two"], width="7"),
        "failed": submit(cluster, names["prod"], fails="true"),
        "cron": first_of(cluster, cron["CronWorkflow"]["metadata"]["name"]),
    }
    yield found
    for run in found.values():
        cluster.kubectl("delete", "workflow", run.name, "--ignore-not-found", "--wait=false")


def first_of(cluster: Cluster, cron: str) -> Submitted:
    """The first Workflow of a CronWorkflow, which is then suspended."""
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        items = cluster.get("workflows", "-l", f"workflows.argoproj.io/cron-workflow={cron}")["items"]
        if items:
            cluster.kubectl("patch", "cronworkflow", cron, "--type=merge", "--patch", '{"spec": {"suspend": true}}')
            made = items[0]["metadata"]
            return Submitted(cluster, made["name"], made["uid"], "Deployed", cluster.root)
        time.sleep(2)
    raise AssertionError(f"CronWorkflow {cron} made no Workflow: {cluster.get('cronworkflow', cron).get('status')}")


def notes(cluster: Cluster, run: Submitted) -> list[str]:
    """What the hooks have left."""
    return sorted(open_store(cluster.root).children(f"notes/argo-{run.uid}"))


def test_a_cron_workflow_fires(cluster: Cluster, runs: dict[str, Submitted]) -> None:
    run = runs["cron"].wait()
    assert run["join"].task.data.squares == [0, 1, 4, 9, 16]
    time_of_run = run["start"].task.data.time
    assert (time_of_run.second, time_of_run.utcoffset().seconds in {3600, 7200}) == (0, True)
    made = cluster.get("workflow", runs["cron"].name)["metadata"]
    cron = cluster.get("cronworkflow", made["labels"]["workflows.argoproj.io/cron-workflow"])
    assert len(cron["spec"]["schedules"]) == 2
    assert made["labels"]["flowc/flow"] == "Deployed"
    assert made["labels"]["flowc/project"] == "shop"
    assert made["annotations"]["workflows.argoproj.io/title"] == "Deployed"


def test_branches_stand_side_by_side(cluster: Cluster, runs: dict[str, Submitted]) -> None:
    prod, two = runs["prod"].wait(), runs["two"].wait()
    assert prod["join"].task.data.squares == [0, 1, 4]
    assert two["join"].task.data.squares == [0, 1, 4, 9, 16, 25, 36]
    assert prod["start"].task.data.branch == "prod"
    assert two["start"].task.data.branch == "test.two"
    labels = [cluster.get("workflow", runs[name].name)["metadata"]["labels"] for name in ("prod", "two")]
    assert [item["flowc/branch"] for item in labels] == ["prod", "test.two"]
    assert [item["flowc/deployment"] for item in labels] == ["shop.prod.Deployed", "shop.test.two.Deployed"]


def test_hooks_run_at_both_ends(cluster: Cluster, runs: dict[str, Submitted]) -> None:
    for name in ("prod", "two", "cron"):
        runs[name].wait()
        assert notes(cluster, runs[name]) == ["good"], name
    with pytest.raises(AssertionError, match="Failed"):
        runs["failed"].wait()
    assert notes(cluster, runs["failed"]) == ["bad"]


def test_no_more_items_at_a_time_than_the_bound(runs: dict[str, Submitted]) -> None:
    runs["two"].wait()
    times = [pod_times(pod) for pod in runs["two"].pods("s-square")]
    assert len(times) == 7
    events = sorted([(begun, 1) for begun, _ in times] + [(ended, -1) for _, ended in times])
    now = most = 0
    for _, change in events:
        now += change
        most = max(most, now)
    assert most == 2


def pod_times(pod: dict[str, Any]) -> tuple[str, str]:
    """When a pod was made, and when its main container ended."""
    (main,) = [item for item in pod["status"]["containerStatuses"] if item["name"] == "main"]
    return pod["metadata"]["creationTimestamp"], main["state"]["terminated"]["finishedAt"]
