"""`{{...}}`, as Argo replaces it: in the JSON text of a template or a task, value by value, without any escape.

Ported from util/template/simple_template.go and valyala/fasttemplate: a tag ends at the next `}}`, wherever in the
JSON that is; what is put in is quoted as Go's strconv.Quote does it, and the result has to be JSON again.
"""

from __future__ import annotations

import base64
import json
import re
import time
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.problems import ManifestError, NodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.simulate.workflow_spec import Spec, Template


SCHEDULED_ANNOTATION = "workflows.argoproj.io/scheduled-time"
"""By which the controller knows the time that a run is scheduled for."""
_GO = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}
_ESCAPES = {letter: ascii(letter)[1:-1] for letter in "\n\r\t\\"}
_ESCAPES.update({"\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v", '"': '\\"'})
_ENCODED = re.compile(r"=sprig\.b64enc\(workflow\.parameters\['([A-Za-z0-9_-]+)'\]\)")
_CHOICE = re.compile(r"retries == '(\d+)' \? '([^']*)' : ")
_ATTEMPTS = re.compile(rf"=(?:{_CHOICE.pattern})+'[^']*'")


def as_text(value: object) -> str:
    """Argo's AnyString: a number or a boolean is the text that JSON has for it."""
    return value if isinstance(value, str) else json.dumps(value)


def to_json(value: object) -> str:
    """JSON as Go's encoding/json writes it, which is where tags are looked for."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_GO)


def replaced(source: str, values: Mapping[str, str], strict: Callable[[str], bool] | None = None) -> str:
    """A JSON text with its tags replaced. A tag of no value stays, unless `strict` says that it may not.

    Raises NodeError, and ManifestError for an expression (`{{=...}}`) other than those of `encoded_parameter` and
    `is_attempt_choice`.
    """
    at = source.find("{{")
    if at < 0:
        return source
    parts: list[str] = []
    end = 0
    while at >= 0:
        parts.append(source[end:at])
        close = source.find("}}", at + 2)
        if close < 0:
            raise NodeError(f'Cannot find end tag="}}}}" in the template={source!r} starting from {source[at + 2 :]!r}')
        parts.append(_tag(source[at + 2 : close], values, strict))
        end = close + 2
        at = source.find("{{", end)
    parts.append(source[end:])
    return "".join(parts)


def replaced_json(source: str, values: Mapping[str, str], strict: Callable[[str], bool] | None = None) -> Any:
    """The same, parsed. Raises NodeError where what comes out is no JSON."""
    text = replaced(source, values, strict)
    try:
        return json.loads(text)
    except ValueError:
        raise NodeError("cannot finish template replacement because the result was invalid JSON") from None


def tags(source: str) -> list[str]:
    """The tags of a JSON text. Raises NodeError."""
    found: list[str] = []
    at = source.find("{{")
    while at >= 0:
        close = source.find("}}", at + 2)
        if close < 0:
            raise NodeError(f"`{{{{` without `}}}}` in {source[at : at + 60]!r}")
        found.append(source[at + 2 : close].strip())
        at = source.find("{{", close + 2)
    return found


def go_quoted(value: str) -> str:
    """What Go's strconv.Quote writes between its quotes."""
    if value.isprintable() and '"' not in value and "\\" not in value:
        return value
    return "".join(_ESCAPES.get(letter) or _plain(letter) for letter in value)


def _plain(letter: str) -> str:
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def encoded_parameter(tag: str) -> str | None:
    """The name of the variable whose value a tag gives in base64: one of two expressions that are understood."""
    found = _ENCODED.fullmatch(tag)
    return f"workflow.parameters.{found[1]}" if found else None


def is_attempt_choice(tag: str) -> bool:
    """Whether a tag gives each attempt a text of its own: the other expression that is understood."""
    return _ATTEMPTS.fullmatch(tag) is not None


def _chosen(tag: str, attempt: str) -> str:
    """The text for an attempt. It stands in JSON, and stays as it is written there."""
    choices: dict[str, str] = dict(_CHOICE.findall(tag))
    return choices.get(attempt, tag.rpartition(" : ")[2].strip("'"))


def _tag(tag: str, values: Mapping[str, str], strict: Callable[[str], bool] | None) -> str:
    if tag.startswith("="):
        variable = encoded_parameter(tag)
        if variable is not None:
            value = values.get(variable)
            return "{{" + tag + "}}" if value is None else base64.b64encode(value.encode()).decode()
        if is_attempt_choice(tag):
            attempt = values.get("retries")
            return "{{" + tag + "}}" if attempt is None else _chosen(tag, attempt)
        raise ManifestError(f"{{{{{tag}}}}}: the simulator does not evaluate expressions")
    name = tag.strip()
    value = values.get(name)
    if value is not None:
        return go_quoted(value)
    inner = tag.rfind("{{")
    if inner > 0 and (nested := values.get(tag[inner + 2 :])) is not None:
        return "{{" + tag[:inner] + go_quoted(nested)
    if strict is not None and strict(name):
        raise NodeError(f"failed to resolve {{{{{tag}}}}}")
    return "{{" + tag + "}}"


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
    scheduled = spec.metadata.get("annotations", {}).get(SCHEDULED_ANNOTATION)
    if scheduled is not None:
        values["workflow.scheduledTime"] = str(scheduled)
    for kind in ("labels", "annotations"):
        values |= {f"workflow.{kind}.{key}": value for key, value in spec.metadata.get(kind, {}).items()}
    values |= {f"workflow.parameters.{name}": value for name, value in spec.arguments.items()}
    return values


def processed(template: Template, arguments: Mapping[str, str], values: Mapping[str, str]) -> dict[str, Any]:
    """A template with its inputs, first the global and local values put in, then the inputs. Raises NodeError."""
    raw, text = template.raw, template.text
    if template.inputs:
        raw = {**raw, "inputs": {"parameters": [_input(item, arguments) for item in template.inputs]}}
        text = to_json(raw)
    if "{{" not in text:
        return dict(raw)
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
