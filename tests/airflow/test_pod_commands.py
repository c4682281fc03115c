"""What the pods that Airflow would create run: their command, with their environment and their ConfigMap, here.

The KubernetesPodOperator of each Airflow builds them; the paths of the pod are put into a folder.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.airflow.emitting import emit_both, write
from tests.airflow.engine import Airflow
from tests.airflow.test_specs import NOWHERE
from tests.support import yaml_documents

pytestmark = pytest.mark.airflow

FLOW = """\
class PodsFlow(FlowSpec):
    text = Parameter("text", default="plain")

    @kubernetes(persistent_volume_claims={"claim": "/data"})
    @resources(cpu=1)
    @step
    def start(self):
        self.items = [4, 5, 6]
        self.next(self.each, foreach="items")

    @resources(cpu=1)
    @step
    def each(self):
        self.value = self.input * 10
        self.next(self.join)

    @resources(cpu=1)
    @step
    def join(self, inputs):
        self.values = [each.value for each in inputs]
        self.next(self.end)

    @resources(cpu=1)
    @step
    def end(self):
        print(self.text, self.values)
"""
BUILD = """\
import json, logging, sys
from types import SimpleNamespace
logging.disable(logging.CRITICAL)
try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:
    from airflow.models.dagbag import DagBag
from kubernetes.client import ApiClient
bag = DagBag(sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
pods = {}
for task_id, index, map_index in json.loads(sys.argv[2]):
    task = dag.get_task(task_id)
    if map_index >= 0:
        task = task.unmap(None) if hasattr(task, "unmap") else task
        task.index = index
    else:
        task.dry_run()
    ti = SimpleNamespace(
        dag_id=dag.dag_id, task_id=task_id, run_id="a:b+c", map_index=map_index, try_number=1, max_tries=0, task=task
    )
    context = {"ti": ti, "run_id": "a:b+c", "params": {"text": "$(HOME) {{ x }}"}, "dag": dag}
    context["dag_run"] = SimpleNamespace(conf={}, run_type="manual")
    pods[f"{task_id} {index}"] = task.build_pod_request_obj(context)
print(json.dumps(ApiClient().sanitize_for_serialization(pods)))
"""
TASKS = [
    ("start", "-", -1),
    *(("each", str(number), number) for number in range(3)),
    ("join", "-", -1),
    ("end", "-", -1),
]


@dataclass
class Cluster:
    """A folder that stands for what pods find at fixed paths."""

    folder: Path
    manifest: list[dict[str, Any]]

    def run(self, pod: dict[str, Any]) -> str:
        """Run a pod's container; what it leaves as its termination message."""
        message = self.folder / "termination-log"
        message.write_text("")
        (container,) = pod["spec"]["containers"]
        self._mount(pod["spec"].get("volumes", []), container.get("volumeMounts", []))
        texts = [self._here(text) for text in [*container["command"], *container["args"]]]
        env = {item["name"]: item["value"].replace("$$", "$") for item in container["env"]}
        command = [sys.executable, *texts[1:]]
        done = subprocess.run(
            command, env={"PATH": os.environ["PATH"], **env}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return message.read_text()

    def _here(self, text: str) -> str:
        for path in ("/dev/termination-log", "/flowc/"):
            text = text.replace(path, f"{self.folder}/{path.strip('/').rpartition('/')[2]}{'/' * path.endswith('/')}")
        return text

    def _mount(self, volumes: list[dict[str, Any]], mounts: list[dict[str, Any]]) -> None:
        paths = {item["name"]: item["mountPath"] for item in mounts}
        for volume in volumes:
            for source in volume.get("projected", {}).get("sources", []):
                found = source["configMap"]
                config = next(item for item in self.manifest if item["metadata"]["name"] == found["name"])
                assert paths[volume["name"]] == "/flowc"
                for item in found["items"]:
                    path = self.folder / "flowc" / item["path"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content_of(config, item["key"]))


def content_of(config: dict[str, Any], key: str) -> bytes:
    """What a ConfigMap has under a key."""
    if key in config.get("data", {}):
        return str(config["data"][key]).encode()
    return base64.b64decode(config["binaryData"][key])


@pytest.mark.parametrize("code", ["file", "configmap"])
@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_pods_run_the_steps(series: str, code: str, tmp_path: Path) -> None:
    airflow = Airflow.of_series(series, tmp_path)
    (tmp_path / "kubeconfig").write_text(NOWHERE)
    root, kubeconfig = str(tmp_path / "store"), str(tmp_path / "kubeconfig")
    path = write(tmp_path, FLOW)
    dag, manifest, _ = emit_both(path, root=root, code=code, in_cluster=False, config_file=kubeconfig)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "flow.py").write_text(dag)
    env = {
        **airflow.variables(tmp_path, dags),
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": '{"conn_type": "kubernetes"}',
    }
    python = str(airflow.environment / "bin" / "python")
    command = [python, "-c", BUILD, str(dags / "flow.py"), json.dumps(TASKS)]
    built = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-1500:]
    pods: dict[str, Any] = json.loads(built.stdout.splitlines()[-1])
    objects: list[dict[str, Any]] = yaml_documents(manifest)
    assert bool(objects) == (code == "configmap")
    cluster = Cluster(tmp_path, objects)
    assert [cluster.run(pods[f"{task} {index}"]) for task, index, _ in TASKS] == ["3", "", "", "", "", ""]
    asked = [pod["spec"]["containers"][0]["resources"] for pod in pods.values()]
    assert asked == [{"requests": {"cpu": "1"}}] * len(TASKS)
    assert "container_resources=CONTAINER_RESOURCES" in dag
    end = Run.latest("PodsFlow", root=root)["end"].task.data
    assert end.values == [40, 50, 60]
    assert end.text == "$(HOME) {{ x }}"
    names = {item["name"] for item in pods["start -"]["spec"]["volumes"]}
    assert names == ({"claim-0", "flowc"} if code == "configmap" else {"claim-0"})
