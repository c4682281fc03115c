"""A Workflow that carries its code: what its pods read, and that a pod's first program gives them the same."""

from __future__ import annotations

import base64
import bz2
import random
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from flowc import Run
from flowc_targets.argo.embedded_code import ANNOTATION_BYTES
from flowc_targets.package.code_package import main_file, runtime_zip
from tests.conftest import REPOSITORY
from tests.support import code_items, flowc, yaml_documents

HOSTILE = REPOSITORY / "tests" / "cluster" / "flows" / "hostile.py"
ROOT = ("--root", "s3://bucket/prefix")


def documents(folder: Path, *arguments: str) -> list[dict[str, Any]]:
    done = flowc(folder, "compile", *arguments, *ROOT)
    assert done.returncode == 0, done.stderr
    return yaml_documents(done.stdout)


def files_of(workflow: dict[str, Any], folder: Path) -> Path:
    """The downward API volume of a pod of this Workflow, as the kubelet fills it."""
    annotations = workflow["spec"]["podMetadata"]["annotations"]
    (volume,) = (item for item in workflow["spec"]["volumes"] if item["name"] == "flowc")
    for item in volume["downwardAPI"]["items"]:
        key = item["fieldRef"]["fieldPath"].removeprefix("metadata.annotations['").removesuffix("']")
        (folder / item["path"]).write_text(annotations[key])
    return folder


def test_one_object_with_all_of_the_code(tmp_path: Path) -> None:
    (workflow,) = documents(tmp_path, str(HOSTILE), "--set", "through=server")
    *_, config, apart = documents(tmp_path, str(HOSTILE))
    assert workflow["metadata"]["generateName"] == "hostile-flow-"
    assert "name" not in workflow["metadata"]
    annotations = workflow["spec"]["podMetadata"]["annotations"]
    assert sum(len(key) + len(value) for key, value in annotations.items()) < ANNOTATION_BYTES
    assert not any("{{" in value for value in annotations.values())
    archive = tmp_path / "carried.pyz"
    archive.write_bytes(bz2.decompress(base64.b64decode(annotations["flowc/code"])))
    with zipfile.ZipFile(archive) as one:
        own = {item["path"]: config["data"][item["key"]].encode() for item in code_items(apart)}
        both = {"__main__.py": main_file(), "flowc.zip": runtime_zip(), **own}
        assert {name: one.read(name) for name in one.namelist()} == both
    assert len(workflow["spec"]["templates"]) == len(apart["spec"]["templates"])


@pytest.mark.parametrize(
    ("given", "strategy"), [((), "OnPodSuccess"), (("--set", "pod_gc=OnWorkflowSuccess"), "OnWorkflowSuccess")]
)
def test_pods_that_carry_the_code_are_deleted(tmp_path: Path, given: tuple[str, ...], strategy: str) -> None:
    (workflow,) = documents(tmp_path, str(HOSTILE), "--set", "through=server", *given)
    assert workflow["spec"]["podGC"] == {"strategy": strategy}
    *_, apart = documents(tmp_path, str(HOSTILE))
    assert "podGC" not in apart["spec"]


def test_a_fixed_name_where_kubectl_applies_it(tmp_path: Path) -> None:
    (carried,) = documents(tmp_path, str(HOSTILE), "--set", "code=workflow")
    *_, apart = documents(tmp_path, str(HOSTILE))
    assert carried["metadata"]["name"] != apart["metadata"]["name"], "they are different objects"
    (template,) = documents(tmp_path, str(HOSTILE), "--set", "code=workflow", "--kind", "template")
    assert template["kind"] == "WorkflowTemplate"
    assert template["metadata"]["name"] == "hostile-flow"


@pytest.mark.process
def test_the_first_program_of_a_pod(tmp_path: Path) -> None:
    """What a pod runs, on this machine: the same flow, whose variables hold what no template may."""
    (workflow,) = documents(tmp_path, str(HOSTILE), "--set", "through=server")
    volume = tmp_path / "flowc"
    volume.mkdir()
    files_of(workflow, volume)
    (leaf,) = (item for item in workflow["spec"]["templates"] if item["name"] == "s-start")
    container = leaf["container"]
    variables = {item["name"]: item["value"].replace("$$", "$") for item in container["env"]}
    assert "BRACES" not in variables
    assert variables["FLOWC_PACKED"].startswith("BRACES=env-")
    given = {name: "flowc:default" for name in variables if name.startswith("FLOWC_PARAM_")}
    variables |= {**given, "FLOWC_ROOT": str(tmp_path / "store"), "FLOWC_RUN_ID": "argo-1", "PATH": "/usr/bin:/bin"}
    assert container["command"][1] == "/flowc/boot.py"
    command = [sys.executable, str(volume / "boot.py"), *container["command"][2:], *container["args"]]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    environment = Run("HostileFlow/argo-1", root=str(tmp_path / "store"))["start"].task.data.environment
    assert environment == {"BRACES": "{{workflow.name}} {{", "DOLLARS": "$(HOME) $$ $", "LINES": "a\nb", "NO": "no"}


def test_too_much_code_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(random.Random(7).randbytes(200_000))
    (tmp_path / "flow.py").write_text(HOSTILE.read_text())
    done = flowc(tmp_path, "compile", "flow.py", "--include", "data.bin", "--set", "through=server", *ROOT)
    assert done.returncode == 2
    assert "error[FC503]" in done.stderr
    assert "code=configmap" in done.stderr


WIDE = """
from flowc import FlowSpec, foreach_options, step

class WideFlow(FlowSpec):
    {options}
    @step
    def start(self):
        self.items = list(range(1000))
        self.next(self.work, foreach="items")

    @step
    def work(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""
FEWER: dict[str, tuple[str, tuple[str, ...]]] = {
    "configmap": ("", ("--set", "code=configmap")),
    "runtime_in_the_image": ("", ("--set", "runtime=image", "--image", "registry.example/ml:1")),
    "batched_by_option": ("", ("--batch", "start=50")),
    "batched": ("@foreach_options(items_per_task=50)", ()),
    "few_at_a_time": ("@foreach_options(parallelism=20)", ()),
    "few_of_the_run": ("", ("--set", "parallelism=20")),
}


def test_a_foreach_of_pods_that_carry_the_code_is_a_warning(tmp_path: Path) -> None:
    """A kubelet lists its pods with their annotations: too many of these, and the node is gone."""
    wide = tmp_path / "wide.py"
    wide.write_text(WIDE.format(options=""))
    done = flowc(tmp_path, "compile", "wide.py", "--set", "through=server", *ROOT)
    assert done.returncode == 0
    assert "warning[FC503]" in done.stderr
    assert "wide.py:9" in done.stderr
    assert "--set code=configmap" in done.stderr
    assert "--batch start=50" in done.stderr
    for name, (options, given) in FEWER.items():
        wide.write_text(WIDE.format(options=options))
        done = flowc(tmp_path, "compile", "wide.py", "--set", "through=server", *given, *ROOT)
        assert done.returncode == 0, done.stderr
        assert "FC503" not in done.stderr, name
    done = flowc(tmp_path, "compile", str(HOSTILE), "--set", "through=server", *ROOT)
    assert "FC503" not in done.stderr, "a flow without a foreach"
