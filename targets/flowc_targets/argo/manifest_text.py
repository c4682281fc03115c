"""The user's texts as names, labels and values of a manifest; the same flow always gets the same.

Kubernetes bounds the characters and the length of names and labels, and expands `$(...)` in values; Argo evaluates
`{{...}}` anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING

from flowc.protocol.encodings import ENCODED, PACKED, RESERVED, SENT, USE_DEFAULT
from flowc_targets.base.parameter_defaults import literal_default
from flowc_targets.kubernetes.labels import HASH_LENGTH
from flowc_targets.package.project_names import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Parameter

OBJECT_LIMIT = 63
"""The longest name of a Workflow, which becomes a label's value."""

SCHEDULED_TIME = "{{workflow.scheduledTime}}"
"""What Argo replaces where a Workflow has the annotation SCHEDULED_ANNOTATION, and leaves as it is elsewhere."""
SCHEDULED_ANNOTATION = "workflows.argoproj.io/scheduled-time"
"""The controller's annotation of what a CronWorkflow has started, and that of `argo submit --scheduled-time`."""
CRON_LIMIT = 52
"""The longest name of a CronWorkflow: the controller puts a dash and ten digits behind it."""

TASK_LIMIT = 128
"""The longest name of a task or a template."""

_SUFFIX = 6


def deployed_name(flow: Flow, limit: int = OBJECT_LIMIT) -> str:
    """The name of a flow's deployment, the same for every version of it: `ParallelTrees` is `parallel-trees`.

    Names of another form, and those of projects, end in a hash, so that two deployments whose names differ only in
    case, dots or underscores do not replace each other.
    """
    return named_deployment(deployment_name(flow), limit)


def named_deployment(full: str, limit: int = OBJECT_LIMIT) -> str:
    """The same for the name of a deployment, which is that of its flow where it has no project."""
    name = object_name(full)
    plain = full == "".join(word[:1].upper() + word[1:] for word in name.split("-"))
    return _shorten(name, limit) if plain else object_name(full, _digest(full)[:_SUFFIX], limit)


def object_name(flow: str, digest: str = "", limit: int = OBJECT_LIMIT) -> str:
    """The DNS-1123 name of a flow's object: `ParallelTrees` is `parallel-trees`, then the start of `digest`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", flow)
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    if not name or not name[0].isalpha():
        name = f"flow-{name}".rstrip("-")
    tail = f"-{digest[:HASH_LENGTH]}" if digest else ""
    return _shorten(name, limit - len(tail)).rstrip("-") + tail


def unique_names(prefix: str, names: list[str], limit: int = TASK_LIMIT) -> dict[str, str]:
    """A name of `[a-z0-9-]` for each given one; where two would be equal, the later one gets a number.

    The prefix separates them from other kinds of names, and from the functions of Argo's expressions: a task that is
    called like one breaks them (#12037).
    """
    result: dict[str, str] = {}
    taken: set[str] = set()
    numbers: dict[str, int] = {}
    for name in names:
        base = _shorten(prefix + re.sub(r"[^a-z0-9-]", "-", name.lower()), limit - 6)
        candidate = base
        while candidate in taken:
            numbers[base] = numbers.get(base, 1) + 1
            candidate = f"{base}-{numbers[base]}"
        taken.add(candidate)
        result[name] = candidate
    return result


def _shorten(name: str, limit: int) -> str:
    if len(name) <= limit:
        return name
    return f"{name[: limit - 9].rstrip('-')}-{_digest(name)[:8]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


TRIGGER = "flowc-trigger"
"""The argument of a Workflow that says which events it was made for; empty where somebody submitted it."""

LONGEST_LITERAL = 4096
"""Longer values stay out of templates: Argo copies each template into the environment of its pods."""

LONGEST_PLAIN = 64 * 1024
"""Longer values of parameters are compressed: on their way to the pod they are put into base64 once more."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def env_value(text: str) -> str:
    """A literal for an environment variable: Kubernetes turns `$$` into `$` and expands `$(NAME)`."""
    return text.replace("$", "$$") if "$" in text else text


def may_be_literal(value: str) -> bool:
    """Whether a variable's value may stand in a template. What may not is read from the ConfigMap, as it is."""
    return len(value) <= LONGEST_LITERAL and is_inert(value)


def value_key(value: str) -> str:
    """The ConfigMap's key for a value that may not stand in a template."""
    return f"env-{hashlib.sha256(value.encode()).hexdigest()[:16]}"


def is_inert(text: str) -> bool:
    """Whether Argo leaves the text alone."""
    return "{{" not in text


def defused(text: str) -> str:
    """A text for people to read, with nothing in it that Argo evaluates."""
    return re.sub(r"\{(?=\{)", "{ ", text)


def encode_value(text: str) -> str:
    """A parameter's value such that it reaches the shim exactly: plain, or base64 behind `b64:` where it must be.

    A long one is compressed before, behind `z64:`, since base64 alone would make 100 KB more than a variable holds.
    """
    plain = not (text.startswith((ENCODED, PACKED, RESERVED)) or "{{" in text or "$" in text or _CONTROL.search(text))
    if plain and len(text) <= LONGEST_PLAIN:
        return text
    raw = text.encode()
    packed = zlib.compress(raw, 9) if len(raw) > LONGEST_LITERAL else raw
    if plain and len(packed) >= len(raw) * 3 // 4:
        return text
    prefix, content = (PACKED, packed) if len(packed) < len(raw) else (ENCODED, raw)
    return prefix + base64.urlsafe_b64encode(content).decode()


def default_value(parameter: Parameter) -> str:
    """A parameter's default as its value in the manifest."""
    value = literal_default(parameter)
    if value is None:
        return USE_DEFAULT
    raw = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if len(raw) > LONGEST_LITERAL:
        return USE_DEFAULT
    return encode_value(raw)


def sent_argument(name: str) -> str:
    """What stands in a template for a parameter's value: Argo puts it in as base64, which the shim undoes.

    The plain `{{workflow.parameters.x}}` is not exact: Argo goes on to evaluate what the value itself holds, so that
    `{{workflow.name}}` is replaced, `{{=1+1}}` runs and `{{inputs.x}}` stops the Workflow, and Kubernetes expands
    `$(X)`. The name stands in quotes since Argo 3.6 leaves an expression alone that has a bare `item` or `retries`.
    """
    return f"{SENT}{{{{=sprig.b64enc(workflow.parameters['{name}'])}}}}"
