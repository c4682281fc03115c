"""A namespace of its own on the cluster, with a controller and an S3 server of its own, so that a test may end both.

It copies how the cluster's own are started, from the process table: that is for clusters whose programs run on this
machine, as root. Others share their controller and their store with everybody, and no test should stop those.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.cluster.cluster import BUCKET, Cluster, Submitted

STATE = Path(os.environ.get("FLOWC_TEST_CLUSTER_STATE", "/run/flowc-cluster"))
"""Where the cluster's programs leave their process ids, as NAME.pid."""
NETWORK = Path("/run/netns/flowc")
"""The network that they run in."""
SETUP = """
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}, labels: {labels}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: s3, namespace: {namespace}}}
stringData: {{AWS_ACCESS_KEY_ID: flowc, AWS_SECRET_ACCESS_KEY: flowc-secret}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: workflow-controller-configmap, namespace: {namespace}}}
data: {{metricsConfig: "{{enabled: false}}"}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: argo-executor, namespace: {namespace}}}
rules: [{{apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: argo-executor, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: argo-executor}}
subjects: [{{kind: ServiceAccount, name: default, namespace: {namespace}}}]
"""


@dataclass
class Program:
    """A process of this test's own that can be ended and started again."""

    command: list[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; what it says is added to its log."""
        env = {**os.environ, "LEADER_ELECTION_DISABLE": "true", "DEFAULT_REQUEUE_TIME": "1s"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it without any warning."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Lab(Cluster):
    """The cluster as tests see it, in that namespace."""

    labels: dict[str, str] = field(default_factory=dict[str, str])
    """Of the namespace."""
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="flowc-lab-")))
    controller: Program = field(init=False)
    s3: Program = field(init=False)

    def __post_init__(self) -> None:
        self.namespace = f"flows-{uuid.uuid4().hex[:8]}"
        address = _value(_running("s3"), "--port").rpartition(":")[0]
        port = random.randrange(20000, 30000)
        self.endpoint = f"http://{address}:{port}"
        bucket = self.folder / "s3" / BUCKET
        bucket.mkdir(parents=True)
        self.outside = f"{bucket}/{self.prefix}"  # the server keeps each object as a file
        inside = ["nsenter", f"--net={NETWORK}", "--"]
        store = [f"{address}:{port}" if part.endswith(":9000") else part for part in _running("s3")]
        self.s3 = Program([*inside, *store[:-1], str(bucket.parent)], self.folder / "s3.log")
        controller = _running("workflow-controller")
        controller[controller.index("--namespace") + 1] = self.namespace
        self.controller = Program([*inside, *controller], self.folder / "controller.log")

    def start(self) -> None:
        """Make the namespace, and start both."""
        self.s3.start()
        self.kubectl("apply", "-f", "-", text=SETUP.format(namespace=self.namespace, labels=json.dumps(self.labels)))
        deadline = time.monotonic() + 30
        while not self.get("serviceaccounts")["items"]:
            assert time.monotonic() < deadline, "the namespace got no service account"
            time.sleep(0.5)
        self.controller.start()

    def deploy(self, manifest: str) -> None:
        """Apply what is no Workflow."""
        self.kubectl("apply", "-f", "-", text=manifest)
        self.applied.append(manifest)

    def create(self, workflow: str, flow: str) -> Submitted:
        """Create a Workflow of a flow, such as one from a template."""
        created = json.loads(self.kubectl("create", "-o", "json", "-f", "-", text=workflow))
        return self.submitted(created["metadata"]["name"], {"workflows.argoproj.io/title": flow})

    def end(self) -> None:
        """End both, and delete all of it."""
        self.controller.kill()
        self.s3.kill()
        if "FLOWC_TEST_KEEP" not in os.environ:
            for kind in ("workflows", "pods"):  # nobody is left who would take the finalizers away
                names = [item["metadata"]["name"] for item in self.get(kind)["items"]]
                for name in names:
                    self.kubectl("patch", kind, name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
            self.kubectl("delete", "namespace", self.namespace, "--wait=false")
            shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def open_lab(name: str, **labels: str) -> Generator[Lab]:
    """A lab while the context lasts, or a skip that says why there is none; `labels` are those of the namespace."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    found = Lab(f"{name}-{uuid.uuid4().hex[:8]}", labels=labels)
    try:
        found.start()
        yield found
        found.clean_up()
    finally:
        found.end()


def missing() -> str | None:
    """Why there can be no lab here."""
    if os.geteuid() or not NETWORK.exists():
        return f"a lab needs root and the network {NETWORK}"
    for name in ("workflow-controller", "s3"):
        try:
            _running(name)
        except OSError as error:
            return f"the cluster's {name} does not run on this machine: {error}"
    return None


def _running(name: str) -> list[str]:
    """The command line of one of the cluster's programs. Raises OSError."""
    number = (STATE / f"{name}.pid").read_text().strip()
    return [part for part in Path(f"/proc/{number}/cmdline").read_bytes().decode().split("\0") if part]


def _value(command: list[str], option: str) -> str:
    return command[command.index(option) + 1]
