"""Packages that pods install when they start, from a folder of wheels on the nodes: there is no registry to reach.

The image is Debian's Python with nothing installed, so that pip, too, is in that folder, unless it is to be missing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowc import Run
from flowc_targets.package.images.lock_resolution import uv_program
from tests.cluster.cluster import Cluster
from tests.images.wheel_index import index_variables, write_index
from tests.support import flowc

pytestmark = pytest.mark.cluster
SHARED = Path("/var/lib/flowc-cluster/shared")
START = ("--images", "images/images.json", "--install-at-start")

FLOW = """\
from flowc import FlowSpec, batch, pypi, pypi_base, step


@pypi_base(packages={"humanize": "4.9.0"})
class InstallsFlow(FlowSpec):
    @batch(host_volumes=["FOLDER:/index"])
    @step
    def start(self):
        import sys

        import humanize

        self.first = humanize.version
        self.inside = sys.prefix.startswith("/flowc-packages/")
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @pypi(packages={"python-slugify[unidecode]": "8.0.4", "humanize": "4.10.0"})
    @batch(host_volumes=["FOLDER:/index"])
    @step
    def work(self):
        import humanize
        import python_slugify

        self.seen = (self.input, humanize.version, python_slugify.version)
        self.next(self.join)

    @pypi(disabled=True)
    @step
    def join(self, inputs):
        self.seen = sorted(item.seen for item in inputs)
        self.next(self.end)

    @pypi(disabled=True)
    @step
    def end(self):
        pass
"""


@pytest.fixture
def nodes_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of every node with wheels, and with pip to import."""
    if not SHARED.is_dir() or uv_program() is None:
        pytest.skip("it needs the volume of shared/cluster, and uv")
    folder = SHARED / f"index-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    for name, value in index_variables(write_index(folder)).items():
        monkeypatch.setenv(name, value)
    packages = subprocess.check_output([sys.executable, "-c", "import pip; print(*pip.__path__)"], text=True).strip()
    shutil.copytree(packages, folder / "python" / "pip")
    yield folder
    shutil.rmtree(folder)


def test_pods_install_their_packages(
    cluster: Cluster, nodes_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "flow.py"
    file.write_text(FLOW.replace("FOLDER", str(nodes_folder)))
    assert flowc(tmp_path, "image", "flow.py").returncode == 0
    pip = ("--env", "PIP_NO_INDEX=1", "--env", "PIP_FIND_LINKS=/index")
    without = cluster.apply(cluster.compile(file, *START, *pip))
    submitted = cluster.apply(cluster.compile(file, *START, *pip, "--env", "PYTHONPATH=/index/python"))
    run = submitted.wait()
    assert run["start"].task["first"].data == "4.9.0"
    assert run["start"].task["inside"].data is True
    assert run["end"].task["seen"].data == [(1, "4.10.0", "8.0.4"), (2, "4.10.0", "8.0.4")]
    (pod,) = submitted.pods("s-start")
    assert {"name": "packages", "emptyDir": {}} in pod["spec"]["volumes"]
    without.wait("Failed")
    assert "has no pip and no ensurepip (python3-venv), so that no packages can be installed" in without.logs()


@pytest.mark.airflow
def test_pods_of_airflow_install_their_packages(cluster: Cluster, nodes_folder: Path, tmp_path: Path) -> None:
    """In Airflow 3.3, as `airflow dags test` runs it: its pods are this cluster's."""
    from tests.airflow.engine import Airflow

    file = tmp_path / "flow.py"
    file.write_text(FLOW.replace("FOLDER", str(nodes_folder)))
    assert flowc(tmp_path, "image", "flow.py").returncode == 0
    reach = ("--set", f"config_file={os.environ['KUBECONFIG']}", "--set", "in_cluster=false")
    env = ("PIP_NO_INDEX=1", "PIP_FIND_LINKS=/index", "PYTHONPATH=/index/python")
    variables = [part for item in env for part in ("--env", item)]
    done = flowc(tmp_path, "compile", "flow.py", "-t", "airflow", *cluster.options(), *START, *reach, *variables)
    assert done.returncode == 0, done.stderr
    (tmp_path / "airflow").mkdir()
    result = Airflow.of_series("3.3", tmp_path / "airflow").run(done.stdout, tmp_path)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    run = Run.latest("InstallsFlow", root=cluster.root)
    assert run["end"].task["seen"].data == [(1, "4.10.0", "8.0.4"), (2, "4.10.0", "8.0.4")]
