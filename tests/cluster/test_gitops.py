"""`examples/gitops`: compiled by a profile, applied with `kubectl apply -k`, run, and compared with what is there."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.cluster.cluster import PYTHON_IMAGE, SECRET, Cluster, store_inside
from tests.conftest import REPOSITORY
from tests.support import flowc_process

pytestmark = pytest.mark.cluster
PROFILE = """
[tool.flowc.profiles.test]
inherits = "staging"
root = {root}
image = {image}
service_account = "default"
env_from_secrets = [{secret}]
env = {env}
"""
RUN = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Workflow",
    "spec": {"workflowTemplateRef": {"name": "shop-totals"}},
}


@pytest.fixture(scope="module")
def repository(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, with a profile for this cluster on top of the one for staging."""
    folder = tmp_path_factory.mktemp("gitops") / "repository"
    shutil.copytree(REPOSITORY / "examples" / "gitops", folder)
    variables = ", ".join(f"{name} = {json.dumps(value)}" for name, value in store_inside(cluster.endpoint).items())
    values = {"root": cluster.root, "image": PYTHON_IMAGE, "secret": SECRET}
    text = PROFILE.format(env=f"{{ {variables} }}", **{name: json.dumps(value) for name, value in values.items()})
    with (folder / "pyproject.toml").open("a") as file:
        file.write(text)
    overlay = folder / "deploy/staging/kustomization.yaml"
    overlay.write_text(overlay.read_text().replace("namespace: flows", f"namespace: {cluster.namespace}"))
    return folder


def flowc(folder: Path, *arguments: str) -> tuple[int, str]:
    done = flowc_process(folder, *arguments)
    assert done.returncode in {0, 1}, done.stderr
    return done.returncode, done.stdout


def test_apply_run_and_compare(cluster: Cluster, repository: Path) -> None:
    against = ("diff", "flows/shop_totals.py", "--profile", "test", "-n", cluster.namespace, "--against", "cluster")
    assert flowc(repository, "compile", "flows", "--profile", "test")[0] == 0
    try:
        cluster.kubectl("apply", "-k", str(repository / "deploy/staging"))
        assert flowc(repository, *against) == (0, "ShopTotals is the same as in cluster\n")
        name = f"gitops-{int(time.time())}"
        cluster.kubectl("create", "-f", "-", text=json.dumps({**RUN, "metadata": {"name": name}}))
        annotations = {"workflows.argoproj.io/title": "ShopTotals"}
        run = cluster.submitted(name, annotations).wait()
        assert run["end"].task.data.all_sales == sum(sum(range(10 * (shop + 1))) for shop in range(3))
        before = _code(cluster)

        flow = repository / "flows/shop_totals.py"
        flow.write_text(flow.read_text().replace("Each shop sells", "Each of them sells"))
        code, text = flowc(repository, *against)
        assert code == 1
        assert "+        # Each of them sells" in text
        assert text.count("\n") <= 10
        assert len(text.encode()) <= 2048
        found = json.loads(flowc(repository, *against, "--json")[1])
        assert [item["area"] for item in found["changes"]] == ["code"]

        assert flowc(repository, "compile", "flows", "--profile", "test")[0] == 0
        cluster.kubectl("apply", "-k", str(repository / "deploy/staging"))
        assert flowc(repository, *against)[0] == 0
        assert before < _code(cluster)  # a run that is under way keeps its code
    finally:
        cluster.kubectl("delete", "-k", str(repository / "deploy/staging"), "--ignore-not-found", "--wait=false")
        cluster.kubectl("delete", "configmaps", "-l", "flowc/flow in (ShopTotals, CleanUp)", "--wait=false")


def _code(cluster: Cluster) -> set[str]:
    items = cluster.get("configmaps", "-l", "flowc/flow=ShopTotals")["items"]
    assert all(item["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] == "Prune=false" for item in items)
    return {item["metadata"]["name"] for item in items}
