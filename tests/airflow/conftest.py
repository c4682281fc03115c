"""What tests of live Airflows, and of pods that Airflow starts, have in common."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator

import pytest

from tests.airflow.live import Live, live_airflow
from tests.cluster.cluster import BUCKET, NAMESPACE


@pytest.fixture(scope="session", params=["3.3", "2.11"])
def live(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """Each Airflow that is installed, one after the other."""
    with live_airflow(request.param, tmp_path_factory.mktemp("live")) as airflow:
        yield airflow


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> str:
    """A store that pods and this process reach; skips where there is no cluster."""
    if "KUBECONFIG" not in os.environ:
        pytest.skip("no cluster: KUBECONFIG is not set")
    try:
        command = ["kubectl", "get", "namespace", NAMESPACE, "--request-timeout=20s"]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("kubectl is not installed")
    if found.returncode:
        pytest.skip(f"no cluster: {found.stderr.strip()[:200]}")
    if "FLOWC_S3_OUTSIDE" in os.environ:
        monkeypatch.setenv("AWS_ENDPOINT_URL", os.environ["FLOWC_S3_OUTSIDE"])
        monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    return f"s3://{BUCKET}/airflow-{uuid.uuid4().hex[:8]}"
