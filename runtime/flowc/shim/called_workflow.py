"""The run of a deployed flow on Argo: a pod that looks starts it by Kubernetes' API, and looks until it has ended.

The pod's service account needs the rights `create` and `get` for Workflows.
"""

from __future__ import annotations

import json
import os

from flowc.errors import CalledRunFailed
from flowc.protocol import env_names
from flowc.protocol.encodings import ENCODED
from flowc.shim.called_run import given_values
from flowc.store.approvals import task_file
from flowc.store.documents import WAITING, wall_time
from flowc.store.run_layout import place_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from flowc.shim.task_state import TaskState

    Json = Dict[str, Any]

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SECONDS = 30
"""How long the API may take to answer."""
_FAILED = ("Failed", "Error")


def run_of(state: TaskState) -> str | None:
    """The run that was started for a task, by its id."""
    known = state.layout.read_json(task_file(state.layout, state.step.name, state.path, WAITING))
    return known["run"] if known is not None else None


def look(state: TaskState) -> bool:
    """Look once, and start the run if there is none yet; whether it has succeeded.

    After one that has failed, another one is started where `@retry` says so. Raises CalledRunFailed, and OSError where
    the API does not answer.
    """
    file = task_file(state.layout, state.step.name, state.path, WAITING)
    known = state.layout.read_json(file)
    call = state.plan.deployed_call(state.step.within) or {}
    failed = 0
    if known is not None:
        phase = _api("GET", f"/{known['workflow']}").get("status", {}).get("phase", "")
        print(f"run {call['flow']}/{known['run']}, workflow {known['workflow']}: {phase or 'Pending'}", flush=True)
        if phase not in _FAILED:
            return bool(phase == "Succeeded")
        failed = known["failed"] + 1
        if failed > state.step.retries:
            raise CalledRunFailed(f"run {call['flow']}/{known['run']}, workflow {known['workflow']}, has failed")
    made = _api("POST", "", _workflow(call, state))["metadata"]
    record = {"version": 1, "since": wall_time(), "for": [f"a run of {call['flow']}"], "failed": failed}
    state.layout.write_json(file, {**record, "workflow": made["name"], "run": f"argo-{made['uid']}"})
    print(f"run {call['flow']}/argo-{made['uid']}, workflow {made['name']}: started", flush=True)
    return False


def _workflow(call: Json, state: TaskState) -> Json:
    import base64

    template = os.environ[env_names.CALLED_TEMPLATE]
    place = f"{state.plan.flow}/{state.layout.run}/{place_text(state.step.name, state.path)}"
    given: List[Json] = []
    for name, value in given_values(call, {**state.parameters, **state.inherited}, state).items():
        text = value if isinstance(value, str) else json.dumps(value)
        # In base64, since Argo would evaluate `{{`.
        given.append({"name": name, "value": ENCODED + base64.urlsafe_b64encode(text.encode()).decode()})
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "generateName": f"{template}-",
            "labels": {"workflows.argoproj.io/workflow-template": template},  # as `argo submit --from` has it
            "annotations": {"flowc/called-by": place},
        },
        "spec": {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": given}},
    }


def _api(method: str, path: str, body: Json | None = None) -> Json:
    """What the API answers about Workflows of the pod's namespace. Raises CalledRunFailed and OSError."""
    import ssl
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    namespace = _text("namespace")
    shown = f"[{host}]" if ":" in host else host
    url = f"https://{shown}:{port}/apis/argoproj.io/v1alpha1/namespaces/{namespace}/workflows{path}"
    headers = {"Authorization": f"Bearer {_text('token')}", "Content-Type": "application/json"}
    data = json.dumps(body).encode() if body is not None else None
    try:
        with urlopen(
            Request(url, data, headers, method=method),
            timeout=_SECONDS,
            context=ssl.create_default_context(cafile=f"{_ACCOUNT}/ca.crt"),
        ) as response:
            found: Json = json.load(response)
            return found
    except HTTPError as error:
        if error.code >= 500 or error.code == 429:
            raise
        said = error.read(2000).decode("utf-8", "replace")
        raise CalledRunFailed(f"Kubernetes refuses to {method} Workflows (HTTP {error.code}): {said}") from None


def _text(name: str) -> str:
    with open(f"{_ACCOUNT}/{name}", encoding="utf-8") as file:
        return file.read().strip()
