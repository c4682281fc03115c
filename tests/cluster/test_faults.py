"""What befalls a run on the real Argo: the controller restarted, pods deleted, evicted and killed, the store gone.

In every case the run ends right, with the artifacts that the local engine has. All of it is in a namespace of the
test's own, with a controller and a store of its own.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowc import Run
from tests.cluster.cluster import DEADLINE_SECONDS, Cluster, Submitted, run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.cluster.lab import Lab, open_lab

pytestmark = pytest.mark.cluster
FLOWS = Path(__file__).parent / "flows"
SLOW = FLOWS / "slow.py"
GONE_SECONDS = 30.0


@pytest.fixture(scope="module")
def lab(cluster: Cluster) -> Iterator[Lab]:
    """The namespace."""
    del cluster  # it skips where there is none
    with open_lab("faults") as found:
        yield found


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The slow flow by the local engine."""
    return run_locally(SLOW, tmp_path_factory.mktemp("local"))


def test_the_controller_is_restarted(lab: Lab, local: Run) -> None:
    submitted = _slow(lab, seconds=20)
    _begun(submitted, "s-work", 3)
    lab.controller.kill()
    time.sleep(10)
    lab.controller.start()
    run = submitted.wait()
    _same(local, run)
    assert {task.attempt for task in run["work"]} == {0}, "no pod was lost"


def test_the_store_is_gone_for_half_a_minute(lab: Lab, local: Run) -> None:
    submitted = _slow(lab, seconds=15)
    _begun(submitted, "s-work", 3)
    lab.s3.kill()
    time.sleep(GONE_SECONDS)
    lab.s3.start()
    run = submitted.wait()
    _same(local, run)
    assert {task.attempt for task in run["work"]} == {0}, "each has waited"
    said = submitted.logs()
    assert "for the store s3://" in said
    assert "answers again, after" in said


def test_a_pod_is_deleted_and_another_evicted(lab: Lab, local: Run) -> None:
    submitted = _slow(lab, seconds=900)
    _lose(lab, *_begun(submitted, "s-work", 3))
    run = submitted.wait()
    _same(local, run)
    _attempts_after_loss([task.attempt for task in run["work"]])


def test_lost_pods_of_steps_without_retries(lab: Lab, tmp_path: Path) -> None:
    """By default the run fails, and another goes on from it; with the option the steps have another attempt."""
    local = run_locally(FLOWS / "alone.py", tmp_path)
    plain = _started(lab, FLOWS / "alone.py", ALONE_SECONDS="900")
    retried = _started(lab, FLOWS / "alone.py", "--set", "retries_of_lost_pods=2", ALONE_SECONDS="900")
    for submitted in (plain, retried):
        _lose(lab, *(_begun(submitted, f"s-{name}", 1)[0] for name in ("one", "two", "three")))
    with pytest.raises(AssertionError, match=r"Failed|Error"):
        plain.wait()
    resumed = _started(lab, FLOWS / "alone.py", "--resume", f"argo-{plain.uid}")
    run = retried.wait()
    _same(local, run)
    _attempts_after_loss([run[name].task.attempt for name in ("one", "two", "three")])
    run = resumed.wait()
    _same(local, run)
    assert run.reused["start"] == 1
    assert run.origin_pathspec == f"AloneFlow/argo-{plain.uid}"


def test_a_failure_of_the_code_is_not_a_lost_pod(lab: Lab, tmp_path: Path) -> None:
    flow = tmp_path / "failing.py"
    flow.write_text(FAILING)
    submitted = lab.apply(lab.compile(flow, "--set", "retries_of_lost_pods=2"))
    submitted.wait("Failed")
    nodes = lab.get("workflow", submitted.name)["status"]["nodes"].values()
    assert {node["displayName"] for node in nodes if node["type"] == "Pod"} == {"s-begin(0)", "s-divide(0)"}


def test_a_step_is_killed_for_its_memory_and_one_by_a_signal(lab: Lab, tmp_path: Path) -> None:
    local = run_locally(FLOWS / "killed.py", tmp_path)
    submitted = lab.apply(lab.compile(FLOWS / "killed.py"))
    run = submitted.wait()
    assert run["join"].task.data.kinds == local["join"].task.data.kinds
    assert run["join"].task.data.kinds == ["FailureHandledByCatch", "FailureHandledByCatch", None]
    assert [run[name].task.attempt for name in ("greedy", "shot", "fine")] == [1, 2, 0]
    assert run["end"].task.data.value == 7


TEMPLATE = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: from-template-}}
spec:
  workflowTemplateRef: {{name: {name}}}
  arguments: {{parameters: [{{name: flowc-origin-run, value: "{origin}"}}]}}
"""


def test_a_template_is_submitted_to_go_on_from_a_run(lab: Lab, tmp_path: Path) -> None:
    """The fixed flow is deployed, and what had finished is not run again; then that run is gone on from, in turn."""
    flow = tmp_path / "fixed.py"
    flow.write_text(FAILING)
    manifest = lab.compile(flow, "--kind", "template")
    lab.deploy(manifest)
    name = "failing-flow"
    failed = lab.create(TEMPLATE.format(name=name, origin=""), "FailingFlow")
    failed.wait("Failed")
    flow.write_text(FAILING.replace("1 / 0", "1 / 1"))
    lab.deploy(lab.compile(flow, "--kind", "template"))
    resumed = lab.create(TEMPLATE.format(name=name, origin=f"argo-{failed.uid}"), "FailingFlow")
    run = resumed.wait()
    assert run.reused == {"begin": 1}
    assert run["divide"].task.data.result == 1.0
    again = lab.create(TEMPLATE.format(name=name, origin=f"argo-{resumed.uid}/finish"), "FailingFlow")
    run = again.wait()
    assert run.reused == {"begin": 1, "divide": 1}
    assert run["divide"].task.origin_run_id == f"argo-{resumed.uid}"
    assert run["begin"].task.origin_run_id == f"argo-{failed.uid}"


FAILING = """
from flowc import FlowSpec, step

class FailingFlow(FlowSpec):
    @step(start=True)
    def begin(self):
        self.next(self.divide)

    @step
    def divide(self):
        self.result = 1 / 0
        self.next(self.finish)

    @step(end=True)
    def finish(self):
        print(self.result)
"""


RECENT_SECONDS = 15


def _slow(lab: Lab, seconds: float) -> Submitted:
    """The slow flow, whose items take so long."""
    return _started(lab, SLOW, ITEM_SECONDS=str(seconds))


def _started(lab: Lab, flow: Path, *arguments: str, **env: str) -> Submitted:
    """A flow under a name of its own."""
    variables = [part for name, value in env.items() for part in ("--env", f"{name}={value}")]
    return lab.apply(lab.compile(flow, "--set", f"name={flow.stem}-{uuid.uuid4().hex[:8]}", *variables, *arguments))


def _same(local: Run, run: Run) -> None:
    assert run.successful
    assert_same_artifacts(local, run, attempts=False)


def _attempts_after_loss(attempts: list[int]) -> None:
    """Another attempt each; but of a pod that is gone at once the controller may make another for the same attempt."""
    assert sorted(attempts) in ([1, 1, 1], [0, 1, 1])


def _begun(submitted: Submitted, task: str, count: int) -> list[str]:
    """The names of a task's pods, once the code of each has begun."""

    def begun() -> list[str]:
        names: list[str] = []
        for pod in submitted.pods(task):
            name: str = pod["metadata"]["name"]
            if pod["status"]["phase"] == "Running" and "begun" in _log(submitted, name):
                names.append(name)
        return names if len(names) == count else []

    return _until(begun)


def _log(submitted: Submitted, pod: str) -> str:
    try:
        return submitted.cluster.kubectl("logs", pod, "-c", "main")
    except AssertionError:  # not started yet
        return ""


def _until(found: Callable[[], list[str]]) -> list[str]:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(1)
    raise AssertionError("the pods did not come")


def _lose(lab: Lab, deleted: str, evicted: str, forced: str) -> None:
    """One pod is deleted, one evicted as by `kubectl drain`, and one is gone at once, as with its node.

    They are not new any more: Argo makes a pod again that is gone within ten seconds (RECENTLY_STARTED_POD_DURATION).
    """
    time.sleep(RECENT_SECONDS)
    lab.kubectl("delete", "pod", deleted, "--wait=false")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction"}
    about = {"metadata": {"name": evicted, "namespace": lab.namespace}}
    path = f"/api/v1/namespaces/{lab.namespace}/pods/{evicted}/eviction"
    lab.kubectl("create", "--raw", path, "-f", "-", text=json.dumps({**eviction, **about}))
    lab.kubectl("delete", "pod", forced, "--grace-period=0", "--force", "--wait=false")
