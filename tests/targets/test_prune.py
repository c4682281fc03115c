"""Which ConfigMaps `flowc prune` removes: with a kubectl that serves a cluster of files."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support import flowc

KUBECTL = """#!/bin/sh
if [ "$1" = --namespace ]; then shift 2; fi
if [ "$1" = delete ]; then
  shift 4
  echo "$@" > '{folder}/deleted'
elif [ ! -e '{folder}'/"$2" ]; then
  echo "error: the server doesn't have a resource type \\"$2\\"" >&2
  exit 1
else
  IFS= read -r text < '{folder}'/"$2"
  case "$text" in Error*) echo "$text" >&2; exit 1;; esac
  echo "$text"
fi
"""
MANAGED = {"app.kubernetes.io/managed-by": "flowc"}
OLD = "2020-01-01T00:00:00Z"


def config_map(name: str, created: str = OLD, **labels: str) -> dict[str, Any]:
    named = {f"flowc/{key}": value for key, value in labels.items()}
    meta = {"name": name, "labels": {**MANAGED, **named}, "creationTimestamp": created}
    return {"kind": "ConfigMap", "metadata": meta, "data": {"a": "bc"}}


def mounting(kind: str, name: str, config: str, **more: Any) -> dict[str, Any]:
    volume = {"name": "flowc", "projected": {"sources": [{"configMap": {"name": config}}]}}
    return {"kind": kind, "metadata": {"name": name}, "spec": {"volumes": [volume]}, **more}


class Kubernetes:
    """What kubectl finds, as files."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        program = folder / "bin" / "kubectl"
        program.parent.mkdir(parents=True)
        program.write_text(KUBECTL.format(folder=folder))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        patch.setenv("PATH", str(program.parent))
        for kind in ("workflows", "cronworkflows", "workflowtemplates", "sensors", "clusterworkflowtemplates"):
            self.have(f"{kind}.argoproj.io")
        self.have("pods")

    def have(self, kind: str, *items: dict[str, Any]) -> None:
        (self.folder / kind).write_text(json.dumps({"items": list(items)}) + "\n")

    def prune(self, *options: str) -> tuple[int, str, list[str]]:
        """The exit code, what it prints, and what it deletes."""
        done = flowc(self.folder, "prune", *options)
        deleted = self.folder / "deleted"
        return done.returncode, done.stdout + done.stderr, deleted.read_text().split() if deleted.exists() else []


@pytest.fixture
def kubernetes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubernetes:
    return Kubernetes(tmp_path, monkeypatch)


TRIGGER = {"template": {"k8s": {"source": {"resource": mounting("Workflow", "w-", "c")}}}}
ENV = {"valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}
USERS: list[tuple[str, str, dict[str, Any]]] = [
    ("a template", "workflowtemplates.argoproj.io", mounting("WorkflowTemplate", "t", "c")),
    ("of the cluster", "clusterworkflowtemplates.argoproj.io", mounting("ClusterWorkflowTemplate", "t", "c")),
    ("a schedule", "cronworkflows.argoproj.io", mounting("CronWorkflow", "t", "c")),
    ("a suspended one", "cronworkflows.argoproj.io", {**mounting("CronWorkflow", "t", "c"), "suspend": True}),
    ("a sensor", "sensors.argoproj.io", {"kind": "Sensor", "metadata": {"name": "s"}, "spec": {"triggers": [TRIGGER]}}),
    ("a new run", "workflows.argoproj.io", mounting("Workflow", "w", "c")),
    ("a running one", "workflows.argoproj.io", mounting("Workflow", "w", "c", status={"phase": "Running"})),
    ("a failed one", "workflows.argoproj.io", mounting("Workflow", "w", "c", status={"phase": "Failed"})),
    (
        "of a template that was replaced",
        "workflows.argoproj.io",
        {
            "kind": "Workflow",
            "metadata": {"name": "w"},
            "spec": {"workflowTemplateRef": {"name": "t"}},
            "status": {"phase": "Running", "storedWorkflowTemplateSpec": mounting("", "", "c")["spec"]},
        },
    ),
    ("a variable", "workflows.argoproj.io", {"kind": "Workflow", "metadata": {"name": "w"}, "spec": {"env": [ENV]}}),
    ("a pod", "pods", mounting("Pod", "p", "c", status={"phase": "Pending"})),
]  # fmt: skip


@pytest.mark.process
@pytest.mark.parametrize(("kind", "user"), [row[1:] for row in USERS], ids=[row[0] for row in USERS])
def test_what_is_needed_stays(kind: str, user: dict[str, Any], kubernetes: Kubernetes) -> None:
    kubernetes.have("configmaps", config_map("c", flow="F"), config_map("unused", flow="F"))
    kubernetes.have(kind, user)
    code, said, deleted = kubernetes.prune("-n", "flows")
    assert code == 0, said
    assert deleted == ["unused"]
    assert f": {user['kind']} {user['metadata']['name']}" in said


@pytest.mark.process
def test_what_nothing_needs_goes(kubernetes: Kubernetes) -> None:
    ended = mounting("Workflow", "w", "c", status={"phase": "Succeeded"})
    kubernetes.have("workflows.argoproj.io", ended)
    kubernetes.have("pods", mounting("Pod", "p", "c", status={"phase": "Succeeded"}))
    kubernetes.have(
        "configmaps",
        config_map("c", flow="F"),
        config_map("flowc-runtime-1", release="0.1.0"),
        config_map("of-airflow", flow="F", engine="airflow"),
        config_map("flowc-airflow-runtime-1", release="0.1.0", engine="airflow"),
        config_map("young", "2999-01-01T00:00:00Z", flow="F"),
    )
    code, said, deleted = kubernetes.prune("--dry-run")
    assert (code, deleted) == (0, [])
    assert "would remove  flowc-runtime-1  runtime of 0.1.0\n" in said
    assert kubernetes.prune()[2] == ["c", "flowc-runtime-1"]
    shown = json.loads(kubernetes.prune("--json", "--older-than", "7d")[1])
    assert [item["name"] for item in shown["removed"]] == ["c", "flowc-runtime-1"]
    assert [item["name"] for item in shown["kept"]] == ["young"]


@pytest.mark.process
def test_nothing_goes_where_users_are_not_known(kubernetes: Kubernetes) -> None:
    kubernetes.have("configmaps", config_map("c", flow="F"))
    (kubernetes.folder / "cronworkflows.argoproj.io").write_text("Error from server (Forbidden): you may not\n")
    code, said, deleted = kubernetes.prune()
    assert (code, deleted) == (3, [])
    assert "FC610" in said
    logged = 'E1129 13:47:09.126691   17204 memcache.go:265] "Unhandled Error" err="refused"\n'
    (kubernetes.folder / "cronworkflows.argoproj.io").write_text(f"Error: the connection was refused\n{logged * 4}")
    said = kubernetes.prune()[1]
    assert "kubectl cannot list cronworkflows.argoproj.io: Error: the connection was refused" in said
    assert "memcache" not in said
    kubernetes.have("cronworkflows.argoproj.io")
    (kubernetes.folder / "clusterworkflowtemplates.argoproj.io").write_text("Error from server (Forbidden): no\n")
    code, said, deleted = kubernetes.prune()
    assert (code, deleted) == (0, ["c"])
    assert "not looked at: kubectl cannot list clusterworkflowtemplates.argoproj.io" in said
    (kubernetes.folder / "deleted").unlink()
    reference = {"workflowSpec": {"workflowTemplateRef": {"name": "t", "clusterScope": True}}}
    cron = {"kind": "CronWorkflow", "metadata": {"name": "c"}, "spec": reference}
    kubernetes.have("cronworkflows.argoproj.io", cron)
    assert kubernetes.prune()[::2] == (3, []), "this one's ConfigMap is unknown"


@pytest.mark.process
def test_a_cluster_without_events(kubernetes: Kubernetes) -> None:
    (kubernetes.folder / "sensors.argoproj.io").unlink()
    kubernetes.have("configmaps", config_map("c", flow="F"))
    assert kubernetes.prune()[2] == ["c"]


def test_what_is_no_time(tmp_path: Path) -> None:
    assert flowc(tmp_path, "prune", "--older-than", "soon").returncode == 2
