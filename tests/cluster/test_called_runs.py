"""A flow that calls a deployed one: a pod starts the run by Kubernetes' API, and the caller has what it returns."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowc import Flow
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.local.test_deployed_calls import CALLER, SCORES, TRAINING
from tests.support import write_files

pytestmark = pytest.mark.cluster
RIGHTS = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: NAME}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: NAME}
rules:
- {apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch]}
- {apiGroups: [argoproj.io], resources: [workflows], verbs: [create, get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: NAME}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: NAME}
subjects:
- {kind: ServiceAccount, name: NAME, namespace: SPACE}
"""


def test_a_deployed_flow_is_called(cluster: Cluster, tmp_path: Path) -> None:
    account = f"{cluster.prefix}-caller"
    called = f"Train{cluster.prefix.rpartition('-')[2]}"
    texts = {"training.py": TRAINING, "nightly.py": CALLER}
    write_files(tmp_path, {name: text.replace("Train", called) for name, text in texts.items()})
    for text in (
        RIGHTS.replace("NAME", account).replace("SPACE", NAMESPACE),
        cluster.compile(tmp_path / "training.py", "--kind", "template"),
    ):
        cluster.kubectl("apply", "-f", "-", text=text)
        cluster.applied.append(text)
    run = cluster.apply(cluster.compile(tmp_path / "nightly.py", "--service-account", account)).wait()
    assert (run.data.scores, run.data.sizes, run.data.best) == (SCORES, [30_000, 60_000], (3 * 0.1, []))
    runs = list(Flow(called, root=cluster.root))
    assert [run.successful for run in runs] == [True] * 3
    assert all(run.id.startswith("argo-") for run in runs)
    label = f"workflows.argoproj.io/workflow-template={called.lower()}"
    cluster.kubectl("delete", "workflow", "-l", label, "--wait=false")
    refused = cluster.apply(cluster.compile(tmp_path / "nightly.py"))
    refused.wait("Failed")
    assert "Kubernetes refuses to POST Workflows (HTTP 403)" in refused.logs()
