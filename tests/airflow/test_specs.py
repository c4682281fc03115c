"""The pods that Airflow makes of a step which asks for all that a pod can have: as on Argo, field by field.

The KubernetesPodOperator of each Airflow builds them; no cluster is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.emitting import emit
from tests.airflow.engine import Airflow
from tests.argo.manifests import objects, templates
from tests.cluster.test_specs import FLOW

pytestmark = pytest.mark.airflow

LAB = {"lab": {"selector": {"flowc.test/pool": ["gpu", "none"]}}}
BUILD = """\
import json, logging, sys
logging.disable(logging.CRITICAL)
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
from kubernetes.client import ApiClient
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
pods = {task.task_id: task.build_pod_request_obj() for task in dag.tasks if hasattr(task, "build_pod_request_obj")}
print(json.dumps(ApiClient().sanitize_for_serialization(pods)))
"""
NOWHERE = """\
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""
"""A cluster that nobody asks anything."""


@pytest.fixture(scope="module", params=["3.3", "2.11"])
def pods(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The pods of the flow's tasks, by task, as Airflow would ask the cluster for them."""
    home = tmp_path_factory.mktemp("airflow")
    airflow = Airflow.of_series(str(request.param), home)
    nowhere = home / "kubeconfig"
    nowhere.write_text(NOWHERE)
    text, diagnostics = emit(FLOW, gpu=LAB, namespace="flows", in_cluster=False, config_file=str(nowhere))
    assert not diagnostics
    dags = home / "dags"
    dags.mkdir()
    (dags / "flow.py").write_text(text)
    variables = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": '{"conn_type": "kubernetes"}',
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONWARNINGS": "ignore",
    }
    command = [str(airflow.environment / "bin" / "python"), "-c", BUILD, str(dags / "flow.py")]
    result = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr[-1500:]
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def leaves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The templates that Argo gets for the same flow."""
    _, workflow = objects(tmp_path_factory.mktemp("argo"), Path(FLOW).read_text(), gpu=LAB)
    return templates(workflow)


@pytest.mark.parametrize("step", ["start", "everything", "join", "end"])
def test_a_pod_is_that_of_argo(step: str, pods: dict[str, Any], leaves: dict[str, Any]) -> None:
    pod, leaf = pods[step]["spec"], leaves[f"s-{step}"]
    (container,) = pod["containers"]
    for name in ("nodeSelector", "tolerations", "affinity", "priorityClassName", "securityContext", "volumes"):
        assert (pod.get(name) or None) == leaf.get(name), name
    for name in ("resources", "ports", "envFrom", "securityContext"):
        assert (container.get(name) or None) == leaf["container"].get(name), name
    mounts = [item for item in leaf["container"]["volumeMounts"] if item["name"] != "flowc"]
    assert container["volumeMounts"] == mounts
    if step == "everything":
        assert pod["schedulerName"] == leaf["schedulerName"]
        assert pod["serviceAccountName"] == leaf["serviceAccountName"]
        assert pod["imagePullSecrets"] == [{"name": "flowc-specs-pull"}]
        assert container["imagePullPolicy"] == leaf["container"]["imagePullPolicy"]
        metadata = pods[step]["metadata"]
        assert metadata["labels"].items() >= leaf["metadata"]["labels"].items()
        assert metadata["annotations"].items() >= leaf["metadata"]["annotations"].items()
