"""`compiled`: the same of the pods of steps, whether Argo or Airflow runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowc.testing import CompiledFlow, CompileFailed, UsageError, compiled
from tests.support import write_files
from tests.testing.tested_flows import TrainFlow, scale, scaled

POLICY = """
    from flowc import FlowSpec, environment, kubernetes, retry, step, timeout

    class PolicyFlow(FlowSpec):
        @kubernetes(
            cpu=2, gpu=1, gpu_vendor="amd", memory=4000, labels={"team": "a"}, annotations={"note": "x"},
            service_account="runner", node_selector={"zone": "b"}, secrets=["db"], image="own:1",
            tolerations=[{"key": "k", "operator": "Exists"}], persistent_volume_claims={"data": "/data"},
            security_context={"run_as_user": 1000}, image_pull_policy="Always",
        )
        @retry(times=2)
        @timeout(seconds=60)
        @environment(vars={"A": "b"})
        @step
        def start(self):
            self.x = [1, 2]
            self.next(self.each, foreach="x")

        @step
        def each(self):
            self.next(self.join)

        @step
        def join(self, inputs):
            self.next(self.end)

        @step
        def end(self):
            pass
"""
EXPECTED: dict[str, Any] = {
    "image": "own:1",
    "limits": {"amd.com/gpu": "1"},
    "requests": {"cpu": "2", "memory": "4000Mi"},
    "env_from": [{"secretRef": {"name": "db"}}],
    "node_selector": {"zone": "b"},
    "service_account": "runner",
    "labels": {"team": "a", "cost": "center"},
    "annotations": {"note": "x"},
    "retries": 2,
    "active_deadline_seconds": 360,
    "image_pull_policy": "Always",
}
TARGETS = pytest.mark.parametrize("target", ["argo", "airflow"])


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    write_files(tmp_path, {"policy_flow.py": POLICY})
    return tmp_path / "policy_flow.py"


def _compiled(policy: Path, target: str, **options: Any) -> CompiledFlow:
    return compiled(policy, target=target, options={"labels": {"cost": "center"}, **options})


@TARGETS
def test_the_pod_of_a_step(policy: Path, target: str) -> None:
    found = _compiled(policy, target)
    start = found.template("start")
    assert {name: getattr(start, name) for name in EXPECTED} == EXPECTED
    assert start.env["A"] == "b"
    assert {"key": "k", "operator": "Exists"} in start.tolerations
    assert {"name": "claim-0", "persistentVolumeClaim": {"claimName": "data"}} in start.volumes
    assert "/data" in [mount["mountPath"] for mount in start.volume_mounts]
    assert start.security_context == {"runAsUser": 1000}
    assert start.raw
    assert [template.step for template in found.templates] == ["start", "each", "join", "end"]
    assert found.files
    assert found.text


@TARGETS
def test_the_pods_of_steps_that_are_alike(policy: Path, target: str) -> None:
    found = _compiled(policy, target, restricted=True)
    for step in ("each", "join", "end"):
        template = found.template(step)
        assert (template.image, template.labels, template.retries) == ("python:3.11-slim", {"cost": "center"}, 0)
        assert template.security_context["allowPrivilegeEscalation"] is False
        assert template.pod_security_context["runAsNonRoot"] is True


@TARGETS
@pytest.mark.parametrize("flow", [TrainFlow, scale])
def test_every_step_has_a_pod(flow: Any, target: str) -> None:
    found = compiled(flow, {"title": "x"} if flow is TrainFlow else {"count": 2}, target=target)
    assert len(found.templates) == (11 if flow is TrainFlow else 3)
    assert {template.image for template in found.templates} == {"python:3.11-slim"}


def test_what_several_steps_share(policy: Path) -> None:
    for target in ("argo", "airflow"):
        found = compiled(policy, target=target, decorators=["resources:memory=500"])
        assert [pod.requests["memory"] for pod in found.templates] == ["4000Mi", "500Mi", "500Mi", "500Mi"]


@TARGETS
def test_the_pod_that_several_steps_share(tmp_path: Path, target: str) -> None:
    each, more = (
        "        def each(self):\n",
        "            self.next(self.more)\n\n        @step\n        def more(self):\n",
    )
    chain = POLICY.replace(each, each + more)
    write_files(tmp_path, {"policy_flow.py": chain})
    found = _compiled(tmp_path / "policy_flow.py", target, batch={"each": "50x2"})
    assert [template.step for template in found.templates] == ["start", "each", "more", "join", "end"]
    assert found.template("each").raw == found.template("more").raw
    assert found.template("more").retries == 3


def test_projects_settings_count(policy: Path) -> None:
    settings = '[tool.flowc]\nroot = "s3://own/root"\nimage = "ours:2"\n'
    write_files(policy.parent, {"pyproject.toml": settings})
    found = compiled(policy)
    assert found.template("end").image == "ours:2"
    assert found.template("end").env["FLOWC_ROOT"] == "s3://own/root"
    assert compiled(policy, options={"kind": "template"}, decorators=["resources:cpu=3"]).template("end").requests == {
        "cpu": "3"
    }


def test_what_is_refused(policy: Path) -> None:
    with pytest.raises(UsageError, match="PolicyFlow has no step 'train'; it has start, each, join, end"):
        compiled(policy).template("train")
    with pytest.raises(UsageError, match="scaled is a step"):
        compiled(scaled)
    with pytest.raises(CompileFailed) as caught:
        compiled(policy, target="argo", options={"imge": "x"})
    assert caught.value.codes == ["FC504"]
    with pytest.raises(CompileFailed) as unknown:
        compiled(policy, target="cron")
    assert unknown.value.codes == ["FC504"]


@TARGETS
def test_steps_that_share_a_pod(policy: Path, target: str) -> None:
    found = _compiled(policy, target, fuse=True)
    assert [template.step for template in found.templates] == ["start", "each", "join", "end"]
    assert (found.template("end").raw, found.template("end").retries) == (found.template("join").raw, 3)
    assert found.template("each").raw != found.template("join").raw
