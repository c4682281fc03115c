"""The pods of a flow's steps, read from a DAG file for Airflow, of which nothing is executed."""

from __future__ import annotations

import ast
import re
from typing import Any, Dict, Iterator, List, Union

from flowc.testing.compiled_flow import PodTemplate, with_members


def dag_templates(texts: List[str], steps: List[str]) -> List[PodTemplate]:
    """The pods of steps in the files of a DAG, in the order of `steps`."""
    for text in texts:
        file = _DagFile(ast.parse(text))
        calls = {str(call["task_id"]): call for call in file.tasks()}
        if calls:
            general = file.default_arguments()
            calls = with_members(calls, file.plans())
            return [_pod(step, {**general, **calls[step]}) for step in steps if step in calls]
    return []


class _DagFile:
    """A DAG file as flowc prints it."""

    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        self._names: Dict[str, ast.expr] = {}
        """What names stand for that several tasks share."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                self._names[node.targets[0].id] = node.value

    def tasks(self) -> Iterator[Dict[str, Any]]:
        """The arguments of every call that makes a task."""
        for call in self._calls:
            if any(item.arg == "task_id" for item in call.keywords) and not ast.unparse(call.func).endswith("override"):
                yield self._keywords(call)

    def plans(self) -> List[str]:
        """The plan of the flow; nothing where the code is packed."""
        texts = (node for node in self._tree.body if isinstance(node, ast.Assign))
        return [
            str(self._value(node.value))
            for node in texts
            if isinstance(node.targets[0], ast.Subscript) and self._value(node.targets[0].slice) == "plan.json"
        ]

    def default_arguments(self) -> Dict[str, Any]:
        """The arguments that all tasks have."""
        found = (item.value for call in self._calls for item in call.keywords if item.arg == "default_args")
        node = next(found, None)
        value: Dict[str, Any] = {} if node is None else self._value(node)
        return value

    def _keywords(self, call: ast.Call) -> Dict[str, Any]:
        return {item.arg: self._value(item.value) for item in call.keywords if item.arg is not None}

    def _value(self, node: ast.expr) -> Any:
        """The value of an expression: plain data, and objects as dicts with Kubernetes' names; else its text."""
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            return [self._value(item) for item in node.elts]
        if isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values)
            return {self._value(key): self._value(value) for key, value in pairs if key is not None}
        if isinstance(node, ast.Name) and node.id in self._names:
            return self._value(self._names[node.id])
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("k8s."):
            return {_camel(name): value for name, value in self._keywords(node).items()}
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "timedelta":
            return self._keywords(node).get("seconds")
        return ast.unparse(node)


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


def _pod(step: str, found: Dict[str, Any]) -> PodTemplate:
    resources: Dict[str, Any] = found.get("container_resources") or {}
    given: List[Dict[str, Any]] = found.get("env_vars") or []
    env = {item["name"]: item.get("value", item.get("valueFrom", "")) for item in given}
    deadline: Union[int, None] = found.get("active_deadline_seconds")
    return PodTemplate(
        step,
        image=found.get("image"),
        limits=resources.get("limits", {}),
        requests=resources.get("requests", {}),
        env={**env, **(found.get("variables") or {})},
        env_from=found.get("env_from") or [],
        node_selector=found.get("node_selector") or {},
        tolerations=found.get("tolerations") or [],
        affinity=found.get("affinity") or {},
        service_account=found.get("service_account_name"),
        labels=found.get("labels") or {},
        annotations=found.get("annotations") or {},
        volumes=found.get("volumes") or [],
        volume_mounts=found.get("volume_mounts") or [],
        security_context=found.get("container_security_context") or {},
        pod_security_context=found.get("security_context") or {},
        image_pull_policy=found.get("image_pull_policy"),
        retries=found.get("retries", 0),
        active_deadline_seconds=deadline,
        raw=found,
    )
