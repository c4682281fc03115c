"""`@secrets` of a manager on Argo: the pod fetches them, and they are in nothing that is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.managers import check_fetched, fetching_flow

pytestmark = pytest.mark.cluster


def test_four_managers_know_the_pod(cluster: Cluster, tmp_path: Path) -> None:
    with fetching_flow(cluster, tmp_path) as file:
        manifest = cluster.compile(file)
        submitted = cluster.apply(manifest)
        run = submitted.wait()
        check_fetched(run, manifest + submitted.logs())
