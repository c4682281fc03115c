"""Ending the pause before a task for which a person has chosen, by Argo Server, or by kubectl where none is named.

The choice itself is in the store, where the task reads it. What the pause passes on is the same, for whoever looks at
the Workflow.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from flowc_targets.argo.pod_templates import INDEX, STEP
from flowc_targets.argo.server.argo_server import ArgoServer, read_access
from flowc_targets.argo.server.workflow_status import nodes_of, parameters_of
from flowc_targets.argo.shim_containers import ANSWER
from flowc_targets.base.engine import EngineError
from flowc_targets.base.json_parts import as_map
from flowc_targets.kubernetes.kubectl import list_objects, patch_object
from flowc_targets.kubernetes.labels import LABELS

if TYPE_CHECKING:
    from flowc_targets.argo.server.argo_server import Json
    from flowc_targets.base.engine import Address, WaitingTask

_KIND = "workflows.argoproj.io"
_TRIES, _PAUSE_SECONDS = 5, 3.0
"""The pause begins a moment after the question was asked."""


def release(address: Address, task: WaitingTask) -> str:
    """End the pause before a task. Raises EngineError: FC602 where there is no such run, FC611 where nothing waits."""
    if not (address.server or os.environ.get("ARGO_SERVER")):
        return _release(_Kubectl(address), task)
    try:
        return _release(_Server(address), task)
    except EngineError as error:
        if error.code != "FC610":
            raise
        try:
            return _release(_Kubectl(address), task)
        except EngineError:
            raise error from None  # the server is what was named


def _release(way: _Server | _Kubectl, task: WaitingTask) -> str:
    uid, name = task.run.rpartition("/")[2].removeprefix("argo-"), ""
    for left in reversed(range(_TRIES)):
        workflow = way.find(uid)
        if workflow is None:
            help_ = "-n names another namespace; ARGO_SERVER or KUBECONFIG another cluster"
            raise EngineError.unknown(f"there is no Workflow of run {task.run}", help_)
        status = as_map(workflow.get("status"))
        node = next((key for key, node in nodes_of(status).items() if _is_pause(node, task)), None)
        name = str(as_map(workflow.get("metadata")).get("name"))
        if node is not None:
            way.end(workflow, node, task)
            return f"run {task.run} ({name}) goes on\n"
        if left:
            time.sleep(_PAUSE_SECONDS)
    message = f"run {task.run} ({name}) is not paused before {task.step}"
    raise EngineError.refused(message, "`flowc status` says how far it is; the choice is in the store")


def _is_pause(node: Json, task: WaitingTask) -> bool:
    inputs = {str(item.get("name")): str(item.get("value", "")) for item in parameters_of(node.get("inputs"))}
    at = inputs.get(INDEX.name, "-")
    paused = node.get("type") == "Suspend" and node.get("phase") in {"Running", "Pending"}
    return paused and (inputs.get(STEP.name), at) == (task.step, task.index)


class _Server:
    """By Argo Server."""

    def __init__(self, address: Address) -> None:
        self._server = ArgoServer(read_access(address, os.environ))
        self._namespace = self._server.access.namespace

    def find(self, uid: str) -> Json | None:
        """A Workflow by its uid, with its nodes."""
        options = {"list_options_label_selector": _selector(), "fields": "items.metadata"}
        found = self._server.call("workflow", "list_workflows", self._namespace, **options)
        names = (as_map(item).get("metadata") for item in cast("list[object]", found.get("items") or []))
        name = next((as_map(meta).get("name") for meta in names if as_map(meta).get("uid") == uid), None)
        return None if name is None else self._server.call("workflow", "get_workflow", self._namespace, name)

    def end(self, workflow: Json, node: str, task: WaitingTask) -> None:
        """End a pause with the choice as its output."""
        name = str(as_map(workflow.get("metadata")).get("name"))
        body: Json = {
            "namespace": self._namespace,
            "name": name,
            "nodeFieldSelector": f"id={node}",
            "outputParameters": json.dumps({ANSWER: task.choice}),
            "phase": "Succeeded",
            "message": task.note,
        }
        self._server.call("workflow", "set_workflow", self._namespace, name, body)


class _Kubectl:
    """By kubectl: the controller goes by the nodes in the Workflow's status."""

    def __init__(self, address: Address) -> None:
        self._namespace = address.namespace or os.environ.get("ARGO_NAMESPACE")

    def find(self, uid: str) -> Json | None:
        """A Workflow by its uid."""
        found = list_objects(_KIND, self._namespace, "--selector", _selector())
        return next((item for item in found if as_map(item.get("metadata")).get("uid") == uid), None)

    def end(self, workflow: Json, node: str, task: WaitingTask) -> None:
        """End a pause with the choice as its output."""
        status, name = as_map(workflow.get("status")), str(as_map(workflow.get("metadata")).get("name"))
        if not as_map(status.get("nodes")):
            message = f"the nodes of Workflow {name} are compressed, so that kubectl cannot change one"
            raise EngineError.refused(message, "set ARGO_SERVER, or resume it with the `argo` command")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        outputs = {"parameters": [{"name": ANSWER, "value": task.choice}]}
        ended = {"phase": "Succeeded", "finishedAt": now, "message": task.note, "outputs": outputs}
        patch_object(_KIND, name, {"status": {"nodes": {node: ended}}}, self._namespace)


def _selector() -> str:
    return ",".join(f"{key}={value}" for key, value in LABELS.items())
