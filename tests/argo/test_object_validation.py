"""What is emitted against the models of argo-workflows, every field of it, and that they see what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowc_targets.argo.server.object_validation import validate
from tests.conftest import REPOSITORY, examples_on
from tests.support import flowc, yaml_documents

GOLDENS = sorted((REPOSITORY / "tests" / "goldens").glob("*/argo*.yaml"))
EXAMPLES = examples_on("argo.yaml")
DEPLOYED_ONLY = {"daily_partitions", "daily_report"}
"""Examples with a schedule and a trigger, which a bare template has not."""
KINDS = {
    "workflow": (),
    "template": ("--kind", "template"),
    "cron": ("--kind", "cron", "--set", "schedule=0 3 * * *", "--set", "event_source=shops"),
    "server": ("--set", "through=server"),
}


@pytest.mark.parametrize("golden", GOLDENS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_goldens(golden: Path) -> None:
    for document in yaml_documents(golden.read_text()):
        assert validate(document) == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_of_every_kind(name: str, kind: str, tmp_path: Path) -> None:
    if kind == "template" and name in DEPLOYED_ONLY:
        kind = "cron"
    done = flowc(tmp_path, "compile", str(EXAMPLES[name]), "--root", "s3://bucket/prefix", *KINDS[kind])
    assert done.returncode == 0, done.stderr
    for document in yaml_documents(done.stdout):
        assert validate(document) == ()


WRONG: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "unknown": (
        lambda spec: spec["templates"][0].update(bogus=1),
        "spec.templates[0].bogus: there is no such field",
    ),
    "unknown of Kubernetes": (
        lambda spec: spec["templates"][-1]["container"]["env"].append({"name": "A", "valuee": "x"}),
        "env[2].valuee: there is no such field",
    ),
    "a number for a text": (
        lambda spec: spec["templates"][0]["dag"]["tasks"][0].update(depends=3),
        "spec.templates[0].dag.tasks[0].depends: 3 is not a string",
    ),
    "a text for a number": (lambda spec: spec.update(parallelism="3"), "spec.parallelism: '3' is not a whole number"),
    "a flag for a number": (lambda spec: spec.update(parallelism=True), "spec.parallelism: True is not a whole number"),
    "a text for a flag": (lambda spec: spec.update(suspend="yes"), "spec.suspend: 'yes' is not true or false"),
    "missing": (lambda spec: spec["templates"][-1]["container"].pop("image"), "container.image: is missing"),
    "no list": (lambda spec: spec.update(volumes={}), "spec.volumes: {} is not a list"),
    "no mapping": (
        lambda spec: spec["templates"][-1].update(nodeSelector=["a"]),
        "nodeSelector: ['a'] is not a mapping",
    ),
    "no object": (lambda spec: spec.update(podGC="Always"), "spec.podGC: 'Always' is not an object"),
    "a mapping's value": (
        lambda spec: spec["templates"][-1].update(nodeSelector={"gpu": True}),
        "nodeSelector.gpu: True is not a string",
    ),
}


@pytest.fixture(scope="module")
def good() -> dict[str, Any]:
    found = yaml_documents((REPOSITORY / "tests" / "goldens" / "nested_foreach" / "argo.yaml").read_text())
    return next(item for item in found if item["kind"] == "Workflow")


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong(case: str, good: dict[str, Any]) -> None:
    change, expected = WRONG[case]
    document = copy.deepcopy(good)
    change(document["spec"])
    (problem,) = validate(document)
    assert problem.endswith(expected)


def test_all_that_is_wrong_at_once(good: dict[str, Any]) -> None:
    document = copy.deepcopy(good)
    cases = ["unknown", "unknown of Kubernetes", "a number for a text", "a text for a flag", "missing", "no object"]
    for case in cases:
        WRONG[case][0](document["spec"])
    assert len(validate(document)) == len(cases)


def test_a_sensor_and_the_workflow_in_it() -> None:
    path = REPOSITORY / "tests" / "goldens" / "daily_report" / "argo-cron.yaml"
    (sensor,) = (item for item in yaml_documents(path.read_text()) if item["kind"] == "Sensor")
    assert validate(sensor) == ()
    sensor["spec"]["triggers"][0]["template"]["k8s"]["source"]["resource"]["spec"]["bogus"] = 1
    sensor["spec"]["bogus"] = 1
    within = "spec.triggers[0].template.k8s.source.resource.spec.bogus"
    assert set(validate(sensor)) == {f"{place}: there is no such field" for place in (within, "spec.bogus")}


def test_a_kind_without_a_model() -> None:
    assert validate({"kind": "ConfigMap", "nothing": 1}) == ()


def test_numbers_where_argo_takes_them_for_texts(good: dict[str, Any]) -> None:
    document = copy.deepcopy(good)
    document["spec"]["templates"][-1].update(activeDeadlineSeconds=60, retryStrategy={"limit": 2})
    assert validate(document) == ()
