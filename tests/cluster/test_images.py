"""Images of `flowc image` on a cluster: built without a container engine, from the root file system of a plain image.

It needs what `shared/cluster/up` leaves on a machine: that root file system, and the sockets of the nodes' containerd.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowc import Run
from tests.cluster.cluster import PYTHON_IMAGE, Cluster
from tests.conftest import REPOSITORY
from tests.images.building import FLOW, instructions, shell_of
from tests.support import flowc

pytestmark = pytest.mark.cluster
CACHE = Path(os.environ.get("FLOWC_CLUSTER_CACHE", Path.home() / ".cache" / "flowc-cluster"))
PLAIN = CACHE / "rootfs-python"
NODES = sorted(Path("/run/flowc-cluster").glob("*/containerd.sock"))
ARCHIVE = REPOSITORY.parent / "shared" / "cluster" / "images" / "docker_archive.py"
CONFIG = {"Cmd": ["python3"], "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}


def base_with_pip(folder: Path) -> Path:
    """A plain Python with pip, and what it needs to reach a package index from here."""
    root = folder / "base"
    subprocess.run(["cp", "-a", PLAIN, root], check=True)
    packages = root / "usr/local/lib/python3.11/dist-packages"
    options = ["--quiet", "--python-version", "3.11", "--only-binary=:all:", "--target", str(packages)]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "pip"], check=True)
    for name in ("resolv.conf", "hosts", "ssl/certs/ca-certificates.crt"):
        shutil.copy(Path("/etc") / name, root / "etc" / name)
    return root


def build(folder: Path, base: Path, root: Path) -> None:
    """What the Dockerfile of a folder says, in a copy of the base."""
    for word, value in instructions(folder):
        if word == "FROM":
            subprocess.run(["cp", "-a", base, root], check=True)
        elif word == "COPY":
            name, target = value.split()
            (root / target[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / name, root / target[1:])
        else:
            assert word == "RUN"
            env = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "HOME": "/root"}
            subprocess.run(["/usr/sbin/chroot", root, "/bin/sh", "-c", shell_of(value)], check=True, env=env)


def load(name: str, root: Path, archive: Path) -> None:
    """Give an image to every node."""
    subprocess.run([sys.executable, ARCHIVE, name, archive, "--config", json.dumps(CONFIG), root], check=True)
    for socket in NODES:
        subprocess.run(["ctr", "-a", socket, "-n", "k8s.io", "images", "import", archive], check=True)


@pytest.mark.skipif(not (PLAIN.is_dir() and NODES and ARCHIVE.is_file()), reason="no cluster of shared/cluster here")
def test_each_step_runs_in_its_image(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "flow.py"
    file.write_text(FLOW.replace("registry.example/own:1", PYTHON_IMAGE))
    options = ("--base", "flowc.test/python-pip:3.11", "--tag-prefix", "flowc.test/env")
    assert flowc(tmp_path, "image", "flow.py", *options).returncode == 0
    base = base_with_pip(tmp_path)
    mapping = tmp_path / "images" / "images.json"
    images: dict[str, str] = {"own": PYTHON_IMAGE, "end": PYTHON_IMAGE}
    for entry in json.loads(mapping.read_text())["images"]:
        root = tmp_path / entry["environment"]
        build(mapping.parent / entry["folder"], base, root)
        load(entry["image"], root, tmp_path / f"{entry['environment']}.tar")
        shutil.rmtree(root)
        images |= dict.fromkeys(entry["steps"]["PackagesFlow"], entry["image"])
    submitted = cluster.apply(cluster.compile(file, "--images", str(mapping)))
    run: Run = submitted.wait()
    assert run["end"].task["slug"].data == "grosse-1"
    assert run["end"].task["versions"].data == ["4.10.0", "1"]
    for step, image in images.items():
        (pod,) = submitted.pods(f"s-{step}")
        (main,) = (item for item in pod["spec"]["containers"] if item["name"] == "main")
        assert main["image"] == image
