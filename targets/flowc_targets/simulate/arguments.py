"""What a template is executed with: its inputs filled in, and its tags replaced (common/util.go, ProcessArgs)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.problems import NodeError
from flowc_targets.simulate.spec import as_text
from flowc_targets.simulate.substitute import replaced, replaced_json, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.simulate.spec import Spec, Template


def workflow_globals(spec: Spec, started: float) -> dict[str, str]:
    """The values of `{{workflow....}}` (operator.go, setGlobalParameters). `started` is in seconds since the epoch."""
    values = {
        "workflow.name": spec.name,
        "workflow.namespace": spec.namespace,
        "workflow.mainEntrypoint": spec.entrypoint,
        "workflow.serviceAccountName": str(spec.raw.get("serviceAccountName", "")),
        "workflow.uid": spec.uid,
        "workflow.creationTimestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
    }
    for kind in ("labels", "annotations"):
        values |= {f"workflow.{kind}.{key}": value for key, value in spec.metadata.get(kind, {}).items()}
    values |= {f"workflow.parameters.{name}": value for name, value in spec.arguments.items()}
    return values


def processed(template: Template, arguments: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Any]:
    """A template with its inputs, first the global and local values put in, then the inputs. Raises NodeError."""
    text = template.text
    if template.inputs:
        inputs = [_input(item, arguments) for item in template.inputs]
        text = to_json({**template.raw, "inputs": {"parameters": inputs}})
    if "{{" not in text:
        return dict(template.raw)
    return _substituted(text, values)


def substituted(raw: dict[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """A processed template with more values, such as the number of the attempt. Raises NodeError."""
    text = to_json(raw)
    return _substituted(text, values) if "{{" in text else raw


def _substituted(text: str, values: Mapping[str, str]) -> dict[str, Any]:
    first = replaced(text, values)
    raw: dict[str, Any] = replaced_json(first, {})
    inputs = {
        f"inputs.parameters.{item['name']}": item["value"] for item in raw.get("inputs", {}).get("parameters", [])
    }
    paths = {
        f"outputs.parameters.{item['name']}.path": item["valueFrom"]["path"]
        for item in raw.get("outputs", {}).get("parameters", [])
        if "path" in item["valueFrom"]
    }
    if "{{" not in first:
        return raw
    result: dict[str, Any] = replaced_json(first, {**values, **inputs, **paths})
    return result


def _input(item: dict[str, Any], arguments: Mapping[str, str]) -> dict[str, Any]:
    value = arguments.get(item["name"])
    if value is None and "value" in item:
        value = as_text(item["value"])
    if value is None and "default" in item:
        value = as_text(item["default"])
    if value is None:
        raise NodeError(f"inputs.parameters.{item['name']} was not supplied")
    return {"name": item["name"], "value": value}
