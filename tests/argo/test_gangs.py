"""Gangs: a fan-out of pods that all have to run at the same time, and Kueue's labels, which say so."""

from __future__ import annotations

from pathlib import Path

from tests.argo.manifests import codes, objects, tasks, templates

GANG = """
from flowc import FlowSpec, parallel, retry, step

class GangFlow(FlowSpec):
    @step
    def start(self):
        self.xs = [1, 2]
        self.next(self.each, foreach="xs")

    @step
    def each(self):
        self.next(self.train, num_parallel=4)

    @retry(times=2)
    @parallel
    @step
    def train(self):
        self.next(self.trained)

    @step
    def trained(self, inputs):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
FLAT = (
    GANG.replace('foreach="xs"', "")
    .replace("self.each, ", "self.each")
    .replace("def join(self, inputs)", "def join(self)")
)


def test_members_are_pods_of_a_fan_out(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, GANG)
    body = tasks(templates(workflow)["each-start"])
    assert body["s-train"]["withSequence"] == {"count": "{{tasks.s-each.outputs.parameters.count}}"}
    assert body["s-trained"]["depends"] == "(s-train.Succeeded || s-train.Skipped)"
    assert templates(workflow)["s-train"]["retryStrategy"]["limit"] == "2"


def test_kueue_admits_a_gang_as_a_group(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, GANG, kueue_queue="team")
    assert workflow["spec"]["podMetadata"] == {"labels": {"kueue.x-k8s.io/queue-name": "team"}}
    found = templates(workflow)
    metadata = found["s-train"]["metadata"]
    group = metadata["labels"]["kueue.x-k8s.io/pod-group-name"]
    assert group.startswith("{{workflow.uid}}.")
    assert group.endswith(".{{inputs.parameters.gang}}.{{retries}}")
    assert metadata["annotations"] == {"kueue.x-k8s.io/pod-group-total-count": "{{inputs.parameters.size}}"}
    given = {item["name"]: item["value"] for item in tasks(found["each-start"])["s-train"]["arguments"]["parameters"]}
    assert given == {
        "index": "{{inputs.parameters.index}}.{{item}}",
        "size": "{{tasks.s-each.outputs.parameters.count}}",
        "gang": "{{inputs.parameters.index}}",
    }
    assert all("metadata" not in found[name] for name in found if name != "s-train")


def test_kueue_and_a_gang_outside_of_every_foreach(tmp_path: Path) -> None:
    _, workflow = objects(tmp_path, FLAT, kueue_queue="team")
    given = {
        item["name"]: item["value"] for item in tasks(templates(workflow)["main"])["s-train"]["arguments"]["parameters"]
    }
    assert given == {"index": "{{item}}", "size": "{{tasks.s-each.outputs.parameters.count}}", "gang": "0"}


def test_a_gang_wider_than_the_run(tmp_path: Path) -> None:
    assert codes(tmp_path, GANG, parallelism=4) == []
    assert codes(tmp_path, GANG, parallelism=3) == [("FC503", "error", 12)]
    unknown = GANG.replace("num_parallel=4", "num_parallel=len(self.xs)")
    assert codes(tmp_path, unknown, parallelism=3) == [("FC503", "warning", 12)]
