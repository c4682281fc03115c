"""From a Workflow as Argo Server shows it to the state of a run: which task a node is, its pod's arguments say."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from flowc.protocol import env_names
from flowc_compiler.ir.manifest_schema import CODE_FOLDER
from flowc_targets.argo.target import TITLE
from flowc_targets.base.engine import RunState, TaskState
from flowc_targets.base.json_parts import as_map, as_maps, as_strings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowc_targets.argo.server.argo_server import Json
    from flowc_targets.base.engine import Phase


_PHASES: dict[str, Phase] = {
    "": "pending",
    "Pending": "pending",
    "Running": "running",
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "failed",
    "Skipped": "skipped",
    "Omitted": "skipped",
}
_INPUT = re.compile(r"\{\{inputs\.parameters\.([A-Za-z0-9_-]+)\}\}")


class _Call(NamedTuple):
    """What the container of a template calls: the shim's command and its arguments."""

    command: str
    args: tuple[str, ...]
    root: str | None


def run_state(workflow: Json) -> RunState:
    """The state of a run: its tasks are there if the nodes are, its counts in any case."""
    meta, status = as_map(workflow.get("metadata")), as_map(workflow.get("status"))
    calls = _calls(workflow)
    tasks = _in_order(list(_tasks(nodes_of(status), calls, str(meta.get("name", "")))))
    counts = [int(part) for part in str(status.get("progress") or "0/0").split("/") if part.isdecimal()]
    done, total = (counts[0], counts[1]) if len(counts) == 2 else (0, 0)
    if tasks:
        done, total = sum(task.phase == "succeeded" for task in tasks), len(tasks)
    return RunState(
        name=str(meta.get("name", "")),
        flow=flow_of(meta),
        run_id=f"argo-{meta.get('uid', '')}",
        phase=_PHASES.get(str(status.get("phase") or ""), "running"),
        namespace=str(meta.get("namespace") or ""),
        root=next((call.root for call in calls.values() if call.root), None),
        message=str(status.get("message") or ""),
        created=str(meta.get("creationTimestamp") or ""),
        finished=str(status.get("finishedAt") or ""),
        done=done,
        total=total,
        tasks=tasks,
    )


def flow_of(meta: Json) -> str:
    """The flow's name, from an object's annotation; else the object's own, for what flowc has not made."""
    name = meta.get("name") or meta.get("generateName") or ""
    return str(as_map(meta.get("annotations")).get(TITLE) or name)


def pods_of(workflow: Json) -> dict[str, TaskState]:
    """By the end of its pod's name, which is the node's, each task that has a pod; each attempt is there."""
    status = as_map(workflow.get("status"))
    nodes, calls, name = nodes_of(status), _calls(workflow), str(as_map(workflow.get("metadata")).get("name", ""))
    pods = {key: node for key, node in nodes.items() if node.get("type") == "Pod"}
    return {node_key(key): _task(node, [node], calls, name) for key, node in pods.items()}


def node_key(name: str) -> str:
    """The hash at the end of a node's id and of its pod's name."""
    return name.rpartition("-")[2]


def is_executor_line(text: str) -> bool:
    """Whether a line of a pod's log is Argo's own: its executor runs in the same container, and signs its lines."""
    return text.startswith("time=") and " level=" in text and " argo=true" in text


def nodes_of(status: Json) -> dict[str, Json]:
    """The nodes by id. A large status is compressed: gzip in base64, as Argo's packer makes it."""
    nodes = as_map(status.get("nodes"))
    compressed = status.get("compressedNodes")
    if not nodes and isinstance(compressed, str) and compressed:
        nodes = as_map(json.loads(gzip.decompress(base64.b64decode(compressed))))
    return {key: as_map(node) for key, node in nodes.items()}


def _tasks(nodes: Mapping[str, Json], calls: Mapping[str, _Call], workflow: str) -> Iterator[TaskState]:
    """A task for each pod, and one for all attempts of a node that is retried."""
    attempts: set[str] = set()
    for node in nodes.values():
        if node.get("type") == "Retry":
            pods = [(key, nodes[key]) for key in as_strings(node.get("children")) if key in nodes]
            pods = [(key, pod) for key, pod in pods if pod.get("type") == "Pod"]
            attempts.update(key for key, _ in pods)
            if pods:
                yield _task(node, [pod for _, pod in pods], calls, workflow)
    for key, node in nodes.items():
        if node.get("type") == "Pod" and key not in attempts:
            yield _task(node, [node], calls, workflow)


def _task(node: Json, pods: list[Json], calls: Mapping[str, _Call], workflow: str) -> TaskState:
    """The task of a node, whose attempts are `pods`."""
    last = pods[-1]
    code = str(as_map(last.get("outputs")).get("exitCode") or "")
    step, index = _place(node, calls.get(str(node.get("templateName") or last.get("templateName"))))
    message = str(last.get("message") or node.get("message") or "")
    return TaskState(
        step=step,
        index=index,
        phase=_PHASES.get(str(node.get("phase") or ""), "running"),
        name=f"{workflow}-{last.get('templateName')}-{node_key(str(last.get('id')))}",
        attempts=len(pods),
        started=str(node.get("startedAt") or ""),
        message=message,
        exit_code=int(code) if code.lstrip("-").isdecimal() else None,
    )


def _place(node: Json, call: _Call | None) -> tuple[str, str | None]:
    """The step and the index of a node, by the arguments of its container; the node's own name for other pods."""
    if call is None or call.command not in {"task", "choice", "group", "wait"}:
        return str(node.get("displayName") or node.get("name")), None
    inputs = {str(item.get("name")): str(item.get("value", "")) for item in parameters_of(node.get("inputs"))}
    texts = [_INPUT.sub(lambda found: inputs.get(found[1], ""), text) for text in call.args]
    options = dict(zip(texts[::2], texts[1::2], strict=False))
    index = options.get("--index", "-")
    step = options.get("--step") or options.get("--group") or str(node.get("displayName"))
    step = step if call.command == "task" else f"{step} ({call.command})"
    return step, None if index in {"-", ""} else index


def _calls(workflow: Json) -> dict[str, _Call]:
    """What each template calls, by the template's name, wherever the Workflow keeps its templates."""
    spec, status = as_map(workflow.get("spec")), as_map(workflow.get("status"))
    stored = as_map(status.get("storedWorkflowTemplateSpec"))
    templates = [*as_maps(spec.get("templates")), *as_maps(stored.get("templates"))]
    templates += [as_map(item) for item in as_map(status.get("storedTemplates")).values()]
    calls: dict[str, _Call] = {}
    for template in templates:
        container = as_map(template.get("container"))
        command = as_strings(container.get("command"))
        if len(command) > 1 and (command[-2].startswith(f"{CODE_FOLDER}/") or command[-3:-1] == ["-m", "flowc"]):
            variables = {str(item.get("name")): item.get("value") for item in as_maps(container.get("env"))}
            root = variables.get(env_names.ROOT)
            text = root.replace("$$", "$") if isinstance(root, str) else None
            calls[str(template.get("name"))] = _Call(command[-1], tuple(as_strings(container.get("args"))), text)
    return calls


def _in_order(tasks: list[TaskState]) -> tuple[TaskState, ...]:
    """The step that began first before the others, and its tasks by index."""
    begun: dict[str, str] = {}
    for task in tasks:
        begun[task.step] = min(task.started or "~", begun.get(task.step, "~"))  # what has not begun is the last
    return tuple(sorted(tasks, key=lambda task: (begun[task.step], task.step, _numbers(task.index), task.name)))


def _numbers(index: str | None) -> list[int]:
    return [int(part) for part in (index or "").split(".") if part.isdecimal()]


def parameters_of(inputs: object) -> list[Json]:
    """The parameters of a node's inputs or outputs."""
    return as_maps(as_map(inputs).get("parameters"))
