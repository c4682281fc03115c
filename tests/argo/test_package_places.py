"""Where pods have the runtime and the code: in ConfigMaps, in their image, below the root, or in the Workflow."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import pytest

from flowc.store import open_store
from flowc_targets.package.stored_package import FOLDER, stored_runtime
from tests.argo.manifests import codes, diamond
from tests.support import flowc, write_files, yaml_documents

FLOW = """
import shop.util
from flowc import FlowSpec, step


class Sold(FlowSpec):
    @step
    def start(self):
        self.items = [1, 2]
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.double = shop.util.double(self.input)
        self.next(self.join)

    @step
    def join(self, inputs):
        self.total = sum(task.double for task in inputs)
        assert self.total == 6
        self.next(self.end)

    @step
    def end(self):
        print(f"total {self.total}")
"""
LOCAL = "def double(x):\n    return 2 * x\n"
PLACES = list(itertools.product(("configmap", "image", "store"), ("configmap", "workflow", "store")))


def compiled_objects(folder: Path, runtime: str, code: str, *options: str) -> list[dict[str, Any]]:
    write_files(folder, {"flow.py": FLOW, "shop/util.py": LOCAL, ".git/x": ""})
    places = ("--runtime", runtime, "--code", code, *options)
    done = flowc(folder, "compile", "flow.py", "--root", f"{folder}/store", "-o", "flow.yaml", *places)
    assert done.returncode == 0, done.stderr
    return yaml_documents((folder / "flow.yaml").read_text())


def containers(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [item["container"] for item in workflow["spec"]["templates"] if "container" in item]


@pytest.mark.process
@pytest.mark.parametrize(("runtime", "code"), PLACES)
def test_a_run_has_both_from_any_place(runtime: str, code: str, tmp_path: Path) -> None:
    """The image of the simulator is this Python, which has flowc installed."""
    *config_maps, workflow = compiled_objects(
        tmp_path, runtime, code, *(("--push",) if "store" in (runtime, code) else ())
    )
    names = [item["metadata"]["name"].removesuffix("-2").rpartition("-")[0] for item in config_maps]
    shared = {"configmap": ["flowc-runtime"] * 2, "image": [], "store": ["flowc-bootstrap"]}[runtime]
    assert names == [*(shared if code != "workflow" else []), *(["sold"] if code == "configmap" else [])]
    assert workflow["metadata"]["labels"]["flowc/version"]
    done = flowc(tmp_path, "simulate", "flow.yaml", "--show-output")
    assert done.returncode == 0, done.stderr
    assert "total 6" in done.stderr + done.stdout


def test_no_volume_where_pods_need_none(tmp_path: Path) -> None:
    (workflow,) = compiled_objects(tmp_path, "image", "store", "--push")
    assert "volumes" not in workflow["spec"]
    assert all("volumeMounts" not in item for item in containers(workflow))
    assert {tuple(item["command"]) for item in containers(workflow)} == {("python3", "-m", "flowc", "task")}


def test_a_bootstrap_is_small_and_shared(tmp_path: Path) -> None:
    bootstrap, *_ = compiled_objects(tmp_path, "store", "configmap")
    assert len(bootstrap["binaryData"]["flowc.pyz"]) < 44_000
    (tmp_path / "flow.py").write_text(diamond())
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "--runtime", "store")
    assert yaml_documents(done.stdout)[0] == bootstrap


def test_only_push_uploads_and_only_once(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": FLOW, "shop/util.py": LOCAL, ".git/x": ""})
    arguments = ("compile", "flow.py", "--root", f"{tmp_path}/store", "--code", "store", "-o", "flow.yaml")
    silent = flowc(tmp_path, *arguments)
    assert "FC508" in silent.stderr
    assert not (tmp_path / "store").exists()
    first, second = (flowc(tmp_path, *arguments, "--push") for _ in range(2))
    assert "FC508" not in first.stderr
    assert first.stderr.startswith("uploaded ")
    assert second.stderr.startswith("already there: ")
    checked = flowc(tmp_path, *arguments, "--check")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert [key.count("/") for key in open_store(str(tmp_path / "store")).keys("")] == [2]


def test_runtime_push(tmp_path: Path) -> None:
    for word in ("uploaded", "already there:"):
        done = flowc(tmp_path, "runtime", "push", "--root", f"{tmp_path}/store")
        assert (done.returncode, done.stderr) == (0, f"{word} {tmp_path}/store/{stored_runtime().key}\n")
    assert flowc(tmp_path, "runtime", "push").returncode == 2
    assert flowc(tmp_path, "show", "--root", f"{tmp_path}/store").returncode != 70
    assert FOLDER.startswith("."), "or it were a flow"


def test_push_without_effect(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": diamond()})
    done = flowc(tmp_path, "compile", "flow.py", "--root", "s3://b/p", "-o", "flow.yaml", "--push")
    assert "FC506" in done.stderr
    assert (
        flowc(tmp_path, "compile", "flow.py", "-t", "airflow", "--root", "s3://b/p", "--runtime", "image").returncode
        == 2
    )


def test_the_limit_offers_the_store(tmp_path: Path) -> None:
    write_files(tmp_path, {"flow.py": diamond() + "import shop.util\n", ".git/x": ""})
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/table.bin").write_bytes(random.Random(0).randbytes(1_100_000))
    arguments = ("compile", "flow.py", "--root", f"{tmp_path}/store", "-o", "flow.yaml", "--include", "shop/*")
    (tmp_path / "shop/util.py").write_text(LOCAL)
    refused = flowc(tmp_path, *arguments)
    assert refused.returncode == 2
    assert "--code store --push" in refused.stderr
    assert flowc(tmp_path, *arguments, "--code", "store", "--push").returncode == 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("damage", "said"), [("missing", "upload it with `flowc runtime push"), ("changed", "not what its name says")]
)
def test_a_pod_says_what_is_wrong_with_a_stored_runtime(damage: str, said: str, tmp_path: Path) -> None:
    compiled_objects(tmp_path, "store", "store", "--push")
    path = tmp_path / "store" / stored_runtime().key
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    done = flowc(tmp_path, "simulate", "flow.yaml", "--show-output")
    assert done.returncode == 1
    assert said in done.stderr + done.stdout


@pytest.mark.process
def test_a_pod_says_that_stored_code_is_missing(tmp_path: Path) -> None:
    compiled_objects(tmp_path, "configmap", "store")
    done = flowc(tmp_path, "simulate", "flow.yaml", "--show-output")
    assert done.returncode == 1
    assert "compile the flow with --push" in done.stderr + done.stdout


def test_an_image_without_flowc(tmp_path: Path) -> None:
    assert codes(tmp_path, diamond(), runtime="image") == [("FC502", "warning", None)]
    assert codes(tmp_path, diamond(), runtime="image", image="team/ml:1") == []
    assert codes(tmp_path, diamond(), runtime="store") == []
