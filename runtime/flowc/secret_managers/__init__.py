"""Clients of secret managers on the standard library: AWS, GCP, Azure and Vault, each a module with `fetch`.

`fetch(identifier, options, role)` returns variables. Names, options and defaults are those of Metaflow's providers
(metaflow/plugins/aws/secrets_manager, gcp and azure); Vault is flowc's own. What a server answers with status 200 is
never part of a message, and neither is a key or a token.
"""

from __future__ import annotations

import json

from flowc.errors import FlowError, StoreError
from flowc.store.http_exchange import exchange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping

MODULES = {
    "aws-secrets-manager": "aws",
    "gcp-secret-manager": "gcp",
    "az-key-vault": "azure",
    "vault": "vault",
}
"""The module of each type of source."""
_MISSING = ("ResourceNotFound", "NOT_FOUND", "SecretNotFound")
_FORBIDDEN = ("AccessDenied", "PERMISSION_DENIED", "UNAUTHENTICATED", "UnrecognizedClient", "Forbidden", "ExpiredToken")


class SecretError(FlowError):
    """A secret cannot be had, or would replace a variable that is there."""


def ask(
    what: str, method: str, url: str, headers: Mapping[str, str], body: bytes = b"", **options: Any
) -> Dict[str, Any]:
    """The JSON object that a server answers to `exchange`. Raises SecretError with what is wrong, in one sentence."""
    try:
        answer = exchange(what, method, url, dict(headers), body, **options)
    except StoreError as error:
        raise SecretError(str(error)) from None
    document = json_object(answer.body)
    if answer.status == 200:
        if document is None:
            raise SecretError(f"the answer to the request for {what} is not a JSON object")
        return document
    problem = _problem(document or {})
    kind = _kind(answer.status, problem)
    raise SecretError(f"{kind}: {answer.status}{' ' if problem else ''}{problem}{answer.spent}")


def json_object(text: str | bytes) -> Dict[str, Any] | None:
    """The object in a JSON text; `None` for anything else."""
    try:
        found: Dict[str, Any] = json.loads(text)
    except ValueError:  # with the text in it, which nobody may see
        return None
    return found if type(found) is dict else None


def from_json(text: str) -> Dict[str, str]:
    """The entries of a JSON object as variables: `str` of each value, as in Metaflow. Raises SecretError."""
    found = json_object(text)
    if found is None:
        raise SecretError('its value is not a JSON object; say options={"json": False} for one variable')
    return variables_of(found)


def variables_of(entries: Mapping[str, Any]) -> Dict[str, str]:
    """Entries with names that variables may have. Raises SecretError for two of the same name."""
    found: Dict[str, str] = {}
    for key, value in entries.items():
        name = variable_name(key)
        if name in found:
            raise SecretError(f"two of its keys are the variable {name!r}")
        found[name] = str(value)
    return found


def variable_name(key: str) -> str:
    """The variable for a key: Metaflow replaces `-`, `.` and `/`."""
    return key.replace("-", "_").replace(".", "_").replace("/", "_")


def _problem(document: Dict[str, Any]) -> str:
    """What an answer says is wrong, in the form of each of the services."""
    error: Dict[str, Any] = document.get("error", document)
    if type(error) is not dict:  # of OAuth
        return f"{error}: {document.get('error_description', '')}".partition("\r")[0].rstrip(": ")
    if "errors" in error:
        return "; ".join(map(str, error["errors"]))
    code = str(error.get("status") or error.get("code") or error.get("__type") or "").rpartition("#")[2]
    message = error.get("message") or error.get("Message") or ""
    return f"{code}: {message}".strip(": ")


def _kind(status: int, problem: str) -> str:
    if status == 404 or any(name in problem for name in _MISSING):
        return "there is no such secret"
    if status in (401, 403) or any(name in problem for name in _FORBIDDEN):
        return "no permission"
    return "too many requests" if status == 429 or "Throttl" in problem else "the request failed"
