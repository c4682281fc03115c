"""Every example on the real Argo, to the same artifacts as the local engine."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import yaml

from flowc import Run
from tests.cluster.cluster import Cluster, Submitted, run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.cluster.conftest import FLOWS, LOCALLY
from tests.conftest import REPOSITORY, SEEDS

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize("flow", FLOWS)
def test_same_artifacts_as_the_local_engine(flow: str, workflows: dict[str, Submitted], tmp_path: Path) -> None:
    local = run_locally(FLOWS[flow][0], tmp_path / "store", *LOCALLY.get(flow, ()))
    run = workflows[flow].wait()
    assert run.successful
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of models that another version of it has stored
        assert_same_artifacts(local, run)


def test_the_seed_prints_both_accuracies(workflows: dict[str, Submitted]) -> None:
    if "parallel_trees" not in FLOWS:
        pytest.skip(f"the seed {SEEDS / 'flows' / 'parallel_trees.py'} is not here")
    workflows["parallel_trees"].wait()
    printed = workflows["parallel_trees"].logs()
    assert "Random Forest Model Accuracy: 0.9" in printed
    assert "XGBoost Model Accuracy: 0.9" in printed


def test_the_gpu_step_is_on_the_gpu_node(workflows: dict[str, Submitted]) -> None:
    workflows["gpu_training"].wait()
    (pod,) = workflows["gpu_training"].pods("s-train")
    node = workflows["gpu_training"].cluster.get("node", pod["spec"]["nodeName"])
    assert node["metadata"]["labels"]["cloud.google.com/gke-accelerator"] == "nvidia-tesla-t4"
    main = next(item for item in pod["spec"]["containers"] if item["name"] == "main")
    assert main["resources"]["limits"]["nvidia.com/gpu"] == "1"
    selector = pod["spec"]["nodeSelector"]
    assert selector == {"cloud.google.com/gke-accelerator": "nvidia-tesla-t4", "kubernetes.io/os": "linux"}
    for other in ("s-start", "s-end"):
        (plain,) = workflows["gpu_training"].pods(other)
        assert plain["spec"]["nodeName"] != pod["spec"]["nodeName"], "a pod without a GPU tolerates no GPU node"


def test_a_foreach_of_no_items_joins(workflows: dict[str, Submitted]) -> None:
    run = workflows["empty_foreach"].wait()
    assert run["join"].task.data.squares == []
    assert "square" not in run
    nested = workflows["nested_foreach"].wait()
    assert nested["add_up"]["0"].data.titles == []


def test_the_join_reads_the_second_attempt(workflows: dict[str, Submitted]) -> None:
    run = workflows["retry_once"].wait()
    assert [task.attempt for task in run["work"]] == [0, 1, 0]
    assert run["join"].task.data.attempts == [0, 1, 0]
    assert run["join"].task.data.values[1] == "middle by attempt 1"


def test_applied_again_it_is_another_run(cluster: Cluster) -> None:
    manifest = cluster.compile(REPOSITORY / "examples" / "empty_foreach.py", "--set", "name=again")
    first = cluster.apply(manifest)
    before = first.wait()
    cluster.kubectl("delete", "workflow", first.name)
    second = cluster.apply(manifest)
    after = second.wait()
    assert first.name == second.name
    assert before.id != after.id
    assert before.successful
    assert after.successful


def test_what_decorators_ask_for_and_what_catch_takes(cluster: Cluster) -> None:
    """Killed processes get a fallback, by the number of the attempt alone; a timeout is caught in its own attempt."""
    submitted = cluster.apply(cluster.compile(Path(__file__).parent / "flows" / "decorated.py"))
    run = submitted.wait()
    start = run["start"].task.data
    assert start.tempdir == "/metaflow_temp"
    assert {"/metaflow_temp", "/dev/shm"} <= set(start.tmpfs)
    assert (start.user, start.token, start.has_keys) == (1234, "7", True)
    assert start.branch == ("shop", "test.new", "shop.test.new.DecoratedFlow")
    assert run["gone"].task.attempt == 2
    assert run["gone"].task.data.failure.type.endswith("FailureHandledByCatch")
    assert "lost" not in run["gone"].task
    assert run["join"].task.data.kinds == [None, "ValueError", "FailureHandledByCatch", "TimeoutException"]
    (pod,) = submitted.pods("s-start")
    assert pod["metadata"]["labels"]["team"] == "blue"
    assert pod["status"]["qosClass"] in {"Guaranteed", "Burstable"}  # Argo's sidecar has its own resources
    main = next(item for item in pod["spec"]["containers"] if item["name"] == "main")
    assert main["ports"][0]["containerPort"] == 8080
    assert main["resources"]["limits"] == main["resources"]["requests"]
    assert submitted.name.startswith("shop-test-new-decorated-flow-")
    logs = submitted.logs()
    assert logs.count("exit hook of DecoratedFlow True") == 1
    assert "ValueError: in the hook" in logs


SUBMISSION = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: from-template-}
spec:
  workflowTemplateRef: {name: empty-foreach-flow}
  arguments: {parameters: [{name: count, value: "3"}]}
"""


def test_a_template_is_submitted_with_arguments(cluster: Cluster) -> None:
    manifest = cluster.compile(REPOSITORY / "examples" / "empty_foreach.py", "--kind", "template")
    cluster.kubectl("apply", "-f", "-", text=manifest)
    cluster.applied.append(manifest)
    created = yaml.safe_load(cluster.kubectl("create", "-o", "yaml", "-f", "-", text=SUBMISSION))
    submitted = cluster.submitted(created["metadata"]["name"], {"workflows.argoproj.io/title": "EmptyForeachFlow"})
    run: Run = submitted.wait()
    assert run["join"].task.data.squares == [0, 1, 4]
    cluster.kubectl("delete", "--wait=false", "workflow", submitted.name)
