"""The cluster that KUBECONFIG names: apply what `flowc compile` prints, wait, and read the run from outside."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowc import Run
from tests.support import yaml_documents

PYTHON_IMAGE = os.environ.get("FLOWC_TEST_IMAGE", "flowc.test/python:3.11")
OLD_PYTHON_IMAGE = os.environ.get("FLOWC_TEST_IMAGE_OLD", "flowc.test/python:3.9")
ML_IMAGE = os.environ.get("FLOWC_TEST_IMAGE_ML", "flowc.test/ml:1")
EXAMPLE_IMAGE = "debian:12-slim"
"""That of steps with `@container` in the examples, for which the cluster's own stands in."""
NAMESPACE = os.environ.get("FLOWC_TEST_NAMESPACE", "flows")
BUCKET = os.environ.get("FLOWC_TEST_BUCKET", "flowc")
SECRET = os.environ.get("FLOWC_TEST_SECRET", "s3")
DEADLINE_SECONDS = float(os.environ.get("FLOWC_TEST_DEADLINE", "900"))


@dataclass
class Submitted:
    """A Workflow on the cluster, and where its run is."""

    cluster: Cluster
    name: str
    uid: str
    flow: str
    root: str

    def wait(self, expected: str = "Succeeded") -> Run:
        """Wait for the end, and open the run. Another end is an assertion with its pods' last words."""
        status = self.cluster.ended(self.name)
        phase = status["phase"]
        assert phase == expected, f"{self.name}: {phase} {status.get('message')}\n{self.logs()}"
        return Run(f"{self.flow}/argo-{self.uid}", root=self.root)

    def logs(self) -> str:
        """The ends of the logs of all its pods."""
        selector = f"workflows.argoproj.io/workflow={self.name}"
        return self.cluster.kubectl("logs", "-l", selector, "-c", "main", "--tail=30", "--prefix")

    def pods(self, task: str) -> list[dict[str, Any]]:
        """The pods of a DAG task."""
        items = self.cluster.get("pods", "-l", f"workflows.argoproj.io/workflow={self.name}")["items"]
        found = (pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"] for pod in items)
        return [pod for pod, name in zip(items, found, strict=True) if name.split("(")[0].split(".")[-1] == task]


@dataclass
class Cluster:
    """What tests do with the cluster; `prefix` keeps sessions apart in the bucket."""

    prefix: str
    applied: list[str] = field(default_factory=list[str])
    namespace: str = NAMESPACE
    endpoint: str | None = os.environ.get("FLOWC_S3_INSIDE")
    """The S3 server as pods reach it."""
    outside: str | None = None
    """The store as this machine reads it, where that is not by the same name."""

    @property
    def root(self) -> str:
        """The store of this session."""
        return f"s3://{BUCKET}/{self.prefix}"

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """Run kubectl in the namespace of the tests."""
        command = ["kubectl", "-n", self.namespace, *arguments]
        result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{' '.join(command)}: {result.stderr}"
        return result.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """An object or a list of them."""
        found: dict[str, Any] = json.loads(self.kubectl("get", "-o", "json", *arguments))
        return found

    def compile(self, file: Path, *arguments: str, image: str = PYTHON_IMAGE) -> str:
        """What `flowc compile` prints for a file, with the store of the cluster."""
        printed, said = self.try_compile(file, *arguments, image=image)
        assert printed, said
        return printed.replace(EXAMPLE_IMAGE, PYTHON_IMAGE)

    def options(self, image: str = PYTHON_IMAGE) -> list[str]:
        """Options of `flowc compile` and `flowc submit` for pods that use the cluster's store."""
        variables = [
            part for name, value in store_inside(self.endpoint).items() for part in ("--env", f"{name}={value}")
        ]
        options = ["--root", self.root, "--image", image, "--namespace", self.namespace]
        return [*options, "--env-from-secret", SECRET, *variables]

    def try_compile(self, file: Path, *arguments: str, image: str = PYTHON_IMAGE) -> tuple[str, str]:
        """What it prints, which is nothing where it refuses the flow, and what it says."""
        command = [flowc(), "compile", str(file), "--target", "argo", *self.options(image), *arguments]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.stdout if result.returncode == 0 else "", result.stderr

    def apply(self, manifest: str, *options: str) -> Submitted:
        """`kubectl apply -f -`, as in the README."""
        self.kubectl("apply", *options, "-f", "-", text=manifest)
        self.applied.append(manifest)
        workflow = next(item for item in yaml_documents(manifest) if item["kind"] == "Workflow")
        return self.submitted(workflow["metadata"]["name"], workflow["metadata"]["annotations"])

    def submitted(self, name: str, annotations: dict[str, str]) -> Submitted:
        """A Workflow that is there."""
        uid = self.get("workflow", name)["metadata"]["uid"]
        return Submitted(self, name, uid, annotations["workflows.argoproj.io/title"], self.outside or self.root)

    def ended(self, name: str) -> dict[str, Any]:
        """The status of a Workflow, once it has ended."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            status: dict[str, Any] = self.get("workflow", name).get("status", {})
            phase = status.get("phase", "")
            if phase in {"Succeeded", "Failed", "Error"}:
                return status
            assert time.monotonic() < deadline, f"{name} is still {phase or 'pending'}"
            time.sleep(2)

    def stop(self, name: str) -> None:
        """End a Workflow now."""
        self.kubectl("patch", "workflow", name, "--type=merge", "--patch", '{"spec": {"shutdown": "Terminate"}}')

    def forget(self, manifest: str) -> None:
        """Delete what was applied, unless it is to be looked at."""
        if "FLOWC_TEST_KEEP" not in os.environ:
            own = [item for item in yaml_documents(manifest) if not is_runtime(item)]
            self.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", text=as_list(own))
            self.applied.remove(manifest)

    def clean_up(self) -> None:
        """Delete all that was applied, unless it is to be looked at."""
        for manifest in tuple(self.applied):
            self.forget(manifest)


def is_runtime(item: dict[str, Any]) -> bool:
    """Whether an object is the runtime, which flows share."""
    return item["kind"] == "ConfigMap" and str(item["metadata"]["name"]).startswith("flowc-runtime-")


def as_list(items: list[dict[str, Any]]) -> str:
    """Objects as one that kubectl takes."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def store_inside(endpoint: str | None) -> dict[str, str]:
    """The variables by which pods reach the store."""
    inside = {"AWS_REGION": os.environ.get("AWS_REGION", "us-east-1"), "AWS_ALLOW_HTTP": "true"}
    return inside if endpoint is None else {**inside, "AWS_ENDPOINT_URL": endpoint}


def flowc() -> str:
    """The command beside the Python that runs the tests, else the one on the PATH."""
    beside = Path(sys.executable).with_name("flowc")
    found = str(beside) if beside.is_file() else shutil.which("flowc")
    assert found is not None, "flowc is not installed"
    return found


def run_locally(file: Path, root: Path, *arguments: str) -> Run:
    """The same flow by the local engine."""
    ids = root / f"{file.stem}.id"
    root.mkdir(parents=True, exist_ok=True)
    command = [flowc(), "run", str(file), "--root", str(root), "--run-id-file", str(ids), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    identifier = ids.read_text().strip()
    flow = next(item.parent.parent.name for item in root.glob(f"*/{identifier}/run.json"))
    return Run(f"{flow}/{identifier}", root=str(root))
