"""Submitting a flow whose code is in a ConfigMap to a live Airflow: kubectl gets that before Airflow gets the DAG."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.airflow.emitting import write, write_kubectl
from tests.airflow.flows import PLAIN
from tests.airflow.live import live_airflow

pytestmark = pytest.mark.live


@pytest.mark.parametrize("series", ["3.3", "2.11"])
def test_the_config_map_is_created_first(series: str, tmp_path: Path) -> None:
    """No pod can run here: what counts is what has been asked of whom."""
    kubectl = write_kubectl(tmp_path)
    file = write(tmp_path, PLAIN)
    (tmp_path / "home").mkdir()
    with live_airflow(series, tmp_path / "home") as live:
        submit = (
            "submit", str(file), "--target", "airflow", "--root", str(live.root), "--set", "code=configmap",
            "--dags-folder", str(live.dags),
        )  # fmt: skip
        path = f"{kubectl}:{os.environ['PATH']}"
        (kubectl / "refuse").write_text("error: forbidden\n")
        refused = live.flowc(*submit, PATH=path)
        assert refused.returncode == 2
        assert "FC611" in refused.stderr
        assert list(live.dags.glob("*.py")) == []
        (kubectl / "refuse").unlink()
        (kubectl / "asked").unlink()
        done = live.flowc(*submit, PATH=path)
        assert done.returncode == 0, done.stderr + live.said()
        asked = (kubectl / "asked").read_text()
        assert asked.startswith("create -f -\n")
        names = re.findall(r'V1ConfigMapProjection\(\s*name="([^"]+)"', (live.dags / "PlainFlow.py").read_text())
        assert len(names) == 2
        assert all(f'"name": "{name}"' in asked for name in names)
        again = live.flowc(*submit, PATH=path)
        assert again.returncode == 0, again.stderr + live.said()
        assert (kubectl / "asked").read_text() == asked
        assert len(live.runs("PlainFlow")) == 2
