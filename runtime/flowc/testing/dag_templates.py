"""The pods of a flow's steps, read from a DAG file for Airflow, of which nothing is executed."""

from __future__ import annotations

import ast
import re
from typing import Any, Dict, Iterator, List, Union

from flowc.testing.compiled_flow import PodTemplate


def dag_templates(texts: List[str], steps: List[str]) -> List[PodTemplate]:
    """The pods of steps in the files of a DAG, in the order of `steps`."""
    for text in texts:
        tree = ast.parse(text)
        calls = {str(call["task_id"]): call for call in _tasks(tree)}
        if calls:
            general = _default_arguments(tree)
            return [_pod(step, {**general, **calls[step]}) for step in steps if step in calls]
    return []


def _tasks(tree: ast.Module) -> Iterator[Dict[str, Any]]:
    """The arguments of every call that makes a task."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(keyword.arg == "task_id" for keyword in node.keywords):
            arguments = _keywords(node)
            if isinstance(arguments["task_id"], str) and not isinstance(node.func, ast.Name):
                name = ast.unparse(node.func)
                if name.endswith(".override"):
                    continue
            yield arguments


def _default_arguments(tree: ast.Module) -> Dict[str, Any]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found = next((item.value for item in node.keywords if item.arg == "default_args"), None)
            if found is not None:
                arguments: Dict[str, Any] = _value(found)
                return arguments
    return {}


def _keywords(call: ast.Call) -> Dict[str, Any]:
    return {item.arg: _value(item.value) for item in call.keywords if item.arg is not None}


def _value(node: ast.expr) -> Any:
    """The value of an expression as the printer writes it: plain data, and objects as dicts with Kubernetes' names."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {_value(key): _value(value) for key, value in zip(node.keys, node.values) if key is not None}
    if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("k8s."):
        return {_camel(name): value for name, value in _keywords(node).items()}
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "timedelta":
        return _keywords(node).get("seconds")
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
