"""Strings on their way through Argo, which evaluates `{{...}}` anywhere, and Kubernetes, which expands `$(...)`."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import zlib
from typing import TYPE_CHECKING

from flowc.protocol.encodings import ENCODED, PACKED, RESERVED, SENT, USE_DEFAULT
from flowc_targets.base.parameter_defaults import literal_default

if TYPE_CHECKING:
    from flowc_compiler.ir import Parameter

ORIGIN = "flowc-origin-run"
"""The argument of a WorkflowTemplate that names the run to go on from; none by default."""

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
