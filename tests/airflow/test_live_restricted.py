"""Pods in a namespace that enforces the Pod Security level `restricted`, which a live Airflow's triggerer waits for.

Each has patches, an override, labels and a user; a step that fails is retried, and the count of a foreach, the choice
of a switch and labels of items leave their pods by deferred tasks.

On a busy machine Airflow 3.3 fails a deferred task that resumes before its scheduler has seen it defer (apache/airflow
#71580, #72716, both open): steps have attempts left for that.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from tests.airflow.live import TRIGGERER, Live, live_airflow
from tests.cluster.cluster import PYTHON_IMAGE, store_inside

pytestmark = [pytest.mark.live, pytest.mark.cluster]

FLOW = """\
import os
from pathlib import Path

from flowc import FlowSpec, airflow_options, current, exit_hook, foreach_options, kubernetes, retry, step, timeout


def thank():
    print("thank as", os.getuid())


@exit_hook(on_success=[thank])
class Restricted(FlowSpec):
    @kubernetes(labels={"step": "start"}, patch={
        "metadata": {"labels": {"cost-center": "42"}},
        "spec": {
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
    @foreach_options(label="name")
    @step
    def start(self):
        self.user, self.extra = os.getuid(), os.environ["EXTRA"]
        self.hosts = Path("/etc/hosts").read_text()
        Path("/scratch/file").write_text("there")
        self.items = [{"name": "a"}, {"name": "b"}]
        self.next(self.work, foreach="items")

    @timeout(seconds=300)
    @retry(times=3, minutes_between_retries=0)
    @step
    def work(self):
        if self.input["name"] == "b" and current.retry_count == 0:
            raise ValueError("once")
        self.name = self.input["name"]
        self.next(self.join)

    @airflow_options(deferrable=False, owner="ann", outlets=["s3://b/models"])
    @step
    def join(self, inputs):
        self.names = [task.name for task in inputs]
        self.next(self.choose)

    @step
    def choose(self):
        self.way = "left" if len(self.names) == 2 else "right"
        self.next({"left": self.left, "right": self.right}, condition="way")

    @step
    def left(self):
        self.went = "left"
        self.next(self.end)

    @step
    def right(self):
        self.went = "right"
        self.next(self.end)

    @step
    def end(self):
        print("went", self.went)
"""
LEVEL = "pod-security.kubernetes.io/enforce"
SETTINGS = """\
restricted = true
run_as_user = 1234
labels = { team = "forecasting" }
annotations = { "example.com/cost" = "a b" }

[airflow]
deferrable = true
owner = "me"
retries = 3
pod_override = { metadata = { labels = { override = "yes" } }, spec = { terminationGracePeriodSeconds = 7 } }
"""


@pytest.fixture
def namespace(root: str) -> Iterator[str]:
    """A namespace that enforces the level, with the keys of the store."""
    name = f"flows-{uuid.uuid4().hex[:8]}"
    keys = {name: os.environ.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    objects: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LEVEL: "restricted"}}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s3", "namespace": name}, "stringData": keys},
    ]
    kubectl("apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_deferred_tasks_in_a_restricted_namespace(series: str, namespace: str, root: str, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "flow.py").write_text(FLOW)
    (tmp_path / "flowc.toml").write_text(SETTINGS)
    with live_airflow(series, tmp_path / "home", TRIGGERER) as live, watched_pods(namespace, tmp_path) as pods:
        done = submit(live, tmp_path, root, namespace)
        assert done.returncode == 0, done.stderr + live.said()
        live.until(name_of(done), "succeeded", seconds=900)
        check_tasks(live)
        log = live.logs(name_of(done))
    assert "went left" in "\n".join(log)
    assert len(re.findall("TaskDeferred|deferr", all_logs(tmp_path / "home"), re.IGNORECASE)) >= 7
    run = Run(done.stdout.splitlines()[0], root=root)
    data = run["start"].task.data
    assert (data.user, data.extra) == (1234, "yes")
    assert "warehouse" in data.hosts
    assert run["join"].task.data.names == ["a", "b"]
    assert run["end"].task.data.went == "left"
    check_pods(pods())


def submit(live: Live, folder: Path, root: str, namespace: str) -> subprocess.CompletedProcess[str]:
    inside = store_inside(os.environ.get("FLOWC_S3_INSIDE"))
    variables = [part for name, value in inside.items() for part in ("--env", f"{name}={value}")]
    reach = ["--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false"]
    pods = ["--image", PYTHON_IMAGE, "--namespace", namespace, "--env-from-secret", "s3", *variables, *reach]
    command = ["submit", str(folder / "flow.py"), "--target", "airflow", "--root", root, *pods]
    return live.flowc(*command, "--dags-folder", str(live.dags))


def name_of(done: subprocess.CompletedProcess[str]) -> str:
    """Airflow's name of the run that was submitted."""
    return done.stderr.partition("submitted as ")[2].split()[0]


def all_logs(home: Path) -> str:
    """The logs of all tasks."""
    return "".join(path.read_text(errors="replace") for path in (home / "logs").rglob("*.log"))


def check_tasks(live: Live) -> None:
    """What Airflow's database has of the foreach's tasks and of the owners."""
    with closing(sqlite3.connect(live.home / "airflow.db")) as database:
        query = "select map_index, rendered_map_index, try_number from task_instance where task_id like '%work'"
        found = sorted(database.execute(query).fetchall())
        owners = database.execute("select owners from dag where dag_id = 'Restricted'").fetchone()[0]
    assert [row[:2] for row in found] == [(0, "0 a"), (1, "1 b")]
    assert found[1][2] >= 2
    assert sorted(owners.split(", ")) == ["ann", "me"]


def check_pods(pods: list[dict[str, Any]]) -> None:
    """What the cluster has had of the pods."""
    shown = {pod["metadata"]["name"]: pod for pod in pods}
    assert len(shown) >= 9, [*shown]  # of seven tasks, one of them at least twice, and the hook's
    for pod in shown.values():
        labels, spec = pod["metadata"]["labels"], pod["spec"]
        assert labels.items() >= {"team": "forecasting", "override": "yes"}.items()
        assert pod["metadata"]["annotations"]["example.com/cost"] == "a b"
        assert spec["terminationGracePeriodSeconds"] == 7
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert (
            spec["securityContext"].get("runAsUser") or spec["containers"][0]["securityContext"]["runAsUser"]
        ) == 1234
    start, *_ = (pod for pod in shown.values() if pod["metadata"]["labels"].get("cost-center") == "42")
    assert start["metadata"]["labels"]["step"] == "start"
    assert start["spec"]["hostAliases"] == [{"ip": "10.1.2.3", "hostnames": ["warehouse"]}]


@contextmanager
def watched_pods(namespace: str, folder: Path) -> Generator[Callable[[], list[dict[str, Any]]]]:
    """All states of all pods of a namespace, which the operators delete, while the context lasts."""
    seen = folder / "pods.json"
    command = ["kubectl", "-n", namespace, "get", "pods", "--watch", "-o", "json"]
    with seen.open("w") as output, subprocess.Popen(command, stdout=output) as watch:
        try:
            yield lambda: documents(seen.read_text())
        finally:
            watch.kill()


def documents(text: str) -> list[dict[str, Any]]:
    """JSON documents that follow each other."""
    decoder, found, place = json.JSONDecoder(), list[dict[str, Any]](), 0
    while text[place:].strip():
        document, place = decoder.raw_decode(text, place)
        found.append(document)
        while text[place : place + 1].isspace():
            place += 1
    return [document for document in found if document["kind"] == "Pod"]


def kubectl(*arguments: str, text: str | None = None) -> None:
    subprocess.run(["kubectl", *arguments], input=text, text=True, check=True, capture_output=True)
