"""The repositories of docs/ported-in-an-hour.md on Argo, ported as that page says: artifacts as the local engine's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.cluster.cluster import NAMESPACE, Cluster, Submitted, run_locally
from tests.cluster.compare import assert_same_artifacts
from tests.docs.test_ported import ported
from tests.support import yaml_documents

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.cluster
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "churn-tracking", "namespace": NAMESPACE},
    "stringData": {"TRACKING_TOKEN": "t"},
}


class Repository(NamedTuple):
    """One of the page's."""

    file: str
    arguments: tuple[str, ...]
    flow: str
    printed: str
    """What its last step prints."""


REPOSITORIES = {
    "churn": Repository("flows/train_flow.py", ("-p", "rounds=40"), "TrainFlow", r"3 models, weak: \[\]"),
    "reviews": Repository("run.py", ("-p", "every=6"), "training_pipeline", r"published"),
}


def portable(folder: Path, name: str) -> Repository:
    """The repository in `folder`, without the settings of the page's own cluster, which are this test's to give."""
    project = ported(name, folder) / "pyproject.toml"
    project.write_text(re.sub(r'^(root|image|namespace) = "[a-z].*\n', "", project.read_text(), flags=re.MULTILINE))
    return REPOSITORIES[name]


@pytest.mark.parametrize("name", REPOSITORIES)
def test_the_ported_repository_runs(
    name: str, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = portable(tmp_path, name)
    folder = tmp_path / name
    monkeypatch.chdir(folder)
    expected = run_locally(folder / repository.file, tmp_path / "local", *repository.arguments)
    manifest = cluster.compile(folder / repository.file, "--kind", "cron", *repository.arguments)
    secret = json.dumps(SECRET)
    for text in (secret, manifest):
        cluster.kubectl("apply", "-f", "-", text=text)
        cluster.applied.append(text)
    submitted = from_cron(cluster, manifest, repository.flow)
    try:
        assert_same_artifacts(submitted.wait(), expected)
        logs = submitted.logs()
        assert re.search(repository.printed, logs)
        assert ("] tracked" in logs) == (name == "churn")  # the Secret reaches the step
    finally:
        cluster.kubectl("delete", "workflow", submitted.name, "--wait=false")


def from_cron(cluster: Cluster, manifest: str, flow: str) -> Submitted:
    """What `argo submit --from cronwf/NAME` does: a Workflow of the CronWorkflow's, now."""
    cron = next(item for item in yaml_documents(manifest) if item["kind"] == "CronWorkflow")
    found = cluster.get("cronworkflow", cron["metadata"]["name"])
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "ported-", "namespace": NAMESPACE, **found["spec"].get("workflowMetadata", {})},
        "spec": found["spec"]["workflowSpec"],
    }
    made = json.loads(cluster.kubectl("create", "-o", "json", "-f", "-", text=json.dumps(workflow)))["metadata"]
    return Submitted(cluster, made["name"], made["uid"], flow, cluster.root)
