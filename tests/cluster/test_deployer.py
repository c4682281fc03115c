"""`Deployer` on a real cluster: deploy, trigger, suspend, terminate, delete."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from flowc import DeployedFlow, Deployer
from flowc.errors import NotFound
from tests.cluster.cluster import PYTHON_IMAGE, SECRET, Cluster, store_inside
from tests.support import write_files

pytestmark = pytest.mark.cluster
FLOW = """
    from flowc import FlowSpec, Parameter, schedule, step

    @schedule(cron="0 3 1 1 *")
    class DeployerFlow(FlowSpec):
        rate = Parameter("rate", default=3)

        @step
        def start(self):
            self.out = self.rate * 2
            self.next(self.end)

        @step
        def end(self):
            print(self.out)
"""


def test_a_flow_is_deployed_and_triggered(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if "ARGO_SERVER" not in os.environ:
        pytest.skip("ARGO_SERVER is not set")
    monkeypatch.setenv("ARGO_SECURE", os.environ.get("ARGO_SECURE", "false"))
    write_files(tmp_path, {"flow.py": FLOW})
    name = f"deployer-{uuid.uuid4().hex[:8]}"
    deployed = Deployer(str(tmp_path / "flow.py")).argo_workflows(name=name).create(
        root=cluster.root, image=PYTHON_IMAGE, namespace=cluster.namespace, env_from_secret=SECRET,
        env=store_inside(cluster.endpoint), max_workers=5,
    )  # fmt: skip
    try:
        triggered = deployed.trigger(rate=7)
        run = triggered.wait_for_run(check_interval=2, timeout=300)
        triggered.wait_for_completion(check_interval=2, timeout=300)
        assert (triggered.status, triggered.is_running, run.data.out) == ("Succeeded", False, 14)
        found = DeployedFlow.from_deployment(name, namespace=cluster.namespace)
        assert found.suspend()
        assert cluster.get("cronworkflow", name)["spec"]["suspend"] is True
        assert found.unsuspend()
        again = DeployedFlow.get_triggered_run(name, run.id, namespace=cluster.namespace)
        assert again.status == "Succeeded"
        second = deployed.trigger()
        assert second.suspend()
        assert cluster.get("workflow", second.name)["spec"]["suspend"] is True
        assert second.unsuspend()
        assert second.terminate()
    finally:
        assert deployed.delete()
    with pytest.raises(NotFound):
        DeployedFlow.from_deployment(name, namespace=cluster.namespace)
