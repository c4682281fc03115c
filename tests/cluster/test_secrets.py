"""`@secrets` of a manager on Argo: the pod fetches them, and they are in nothing that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.listener import PASSWORD, listening
from tests.cluster.managers import check_fetched, fetching_flow

pytestmark = pytest.mark.cluster


def test_a_pod_fetches_secrets(cluster: Cluster) -> None:
    with listening(cluster) as vault:
        file = Path(__file__).parent / "flows" / "vaulted.py"
        manifest = cluster.compile(file, "--env-from-secret", vault.name)
        submitted = cluster.apply(manifest)
        assert submitted.wait()["end"].task.data.length == len(PASSWORD)
        assert "hidden" not in manifest + submitted.logs()


def test_four_managers_know_the_pod(cluster: Cluster, tmp_path: Path) -> None:
    with fetching_flow(cluster, tmp_path) as file:
        check_fetched(cluster.apply(cluster.compile(file)).wait())
