"""Two releases side by side, and `flowc prune`, which takes away what neither needs any more.

In a namespace of the test's own, since others' manifests may be on their way at any time.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster, Submitted
from tests.cluster.lab import Lab, open_lab
from tests.conftest import REPOSITORY
from tests.support import flowc_process, yaml_documents

pytestmark = pytest.mark.cluster
FLOW = """
import flowc
from flowc import FlowSpec, schedule, step


@schedule(cron="* * * * *")
class {name}(FlowSpec):
    @step
    def start(self):
        self.release = flowc.__version__
        self.next(self.end)

    @step
    def end(self):
        print("{said}")
"""
OLD = "0.0.1"


@pytest.fixture(scope="module")
def lab(cluster: Cluster) -> Iterator[Lab]:
    """The namespace."""
    del cluster  # it skips where there is none
    with open_lab("prune") as found:
        yield found


@pytest.fixture(scope="module")
def old_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with another release of the runtime."""
    folder = tmp_path_factory.mktemp("old")
    shutil.copytree(REPOSITORY / "runtime" / "flowc", folder / "flowc", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "flowc" / "_version.py").write_text(f'"""The version."""\n\n__version__ = "{OLD}"\n')
    return folder


def compiled(lab: Lab, folder: Path, name: str, said: str, *options: str) -> str:
    text = FLOW.format(name=name, said=said)
    if "cron" not in options:
        text = text.replace('@schedule(cron="* * * * *")\n', "")
    (folder / f"{name}.py").write_text(text)
    return lab.compile(folder / f"{name}.py", *options)


def names(lab: Lab) -> set[str]:
    items = lab.get("configmaps", "-l", "app.kubernetes.io/managed-by=flowc")["items"]
    return {item["metadata"]["name"] for item in items}


def prune(lab: Lab, *options: str) -> dict[str, Any]:
    done = flowc_process(lab.folder, "prune", "-n", lab.namespace, "--older-than", "0", "--json", *options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def removed(found: dict[str, Any]) -> set[str]:
    return {item["name"] for item in found["removed"]}


def maps_of(manifest: str) -> tuple[frozenset[str], str]:
    """The names of the runtime's halves, and of the code."""
    *runtime, code = (item["metadata"]["name"] for item in yaml_documents(manifest) if item["kind"] == "ConfigMap")
    return frozenset(runtime), code


def all_maps(manifest: str) -> set[str]:
    runtime, code = maps_of(manifest)
    return {*runtime, code}


def fired(lab: Lab, cron: str, flow: str, after: set[str]) -> Submitted:
    """A Workflow that a CronWorkflow has made, and that was not there before."""
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        items = lab.get("workflows", "-l", f"workflows.argoproj.io/cron-workflow={cron}")["items"]
        for item in items:
            if item["metadata"]["name"] not in after:
                return lab.submitted(item["metadata"]["name"], {"workflows.argoproj.io/title": flow})
        time.sleep(2)
    raise AssertionError(f"CronWorkflow {cron} made no Workflow")


def workflow_names(lab: Lab) -> set[str]:
    return {item["metadata"]["name"] for item in lab.get("workflows")["items"]}


def test_two_releases_side_by_side(lab: Lab, old_release: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(old_release))
        old = compiled(lab, tmp_path, "Sold", "old")
        old_cron = compiled(lab, tmp_path, "Nightly", "old", "--kind", "cron")
    new, other = compiled(lab, tmp_path, "Sold", "new"), compiled(lab, tmp_path, "Other", "new", "--kind", "template")
    assert maps_of(old)[0] == maps_of(old_cron)[0] != maps_of(new)[0] == maps_of(other)[0]

    lab.deploy(old_cron)
    runs = [lab.apply(old), lab.apply(new)]
    lab.deploy(other)
    before = workflow_names(lab)
    assert len([name for name in names(lab) if name.startswith("flowc-runtime-")]) == 4
    assert [run.wait()["start"].task.data.release for run in runs] == [OLD, _release()]
    scheduled = fired(lab, "nightly", "Nightly", before)
    assert scheduled.wait()["start"].task.data.release == OLD
    lab.kubectl("patch", "cronworkflow", "nightly", "--type=merge", "--patch", '{"spec": {"suspend": true}}')

    # The schedule keeps its release, though it is suspended; of the run that has ended well nothing is needed.
    shown = prune(lab, "--dry-run")
    assert removed(shown) == {maps_of(old)[1], maps_of(new)[1]} <= names(lab)
    waiting = compiled(lab, tmp_path, "Paused", "new").replace("  entrypoint:", "  suspend: true\n  entrypoint:")
    paused = lab.apply(waiting)
    assert removed(prune(lab)) == removed(shown)
    assert names(lab) == {*all_maps(old_cron), *all_maps(other), maps_of(waiting)[1]}
    lab.kubectl("patch", "workflow", paused.name, "--type=merge", "--patch", '{"spec": {"suspend": false}}')
    paused.wait()

    lab.kubectl("delete", "cronworkflow", "nightly")
    lab.kubectl("delete", "workflow", "-l", "flowc/flow=Nightly", "--wait=false")
    assert removed(prune(lab)) >= all_maps(old_cron)
    assert names(lab) == all_maps(other)
    text = json.dumps(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": "other-"},
            "spec": {"workflowTemplateRef": {"name": "other"}},
        }
    )
    assert lab.create(text, "Other").wait()["start"].task.data.release == _release()


def _release() -> str:
    from flowc._version import __version__

    return __version__
