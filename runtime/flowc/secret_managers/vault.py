"""HashiCorp Vault over its HTTP API: a path is read, of the KV engine (both versions) or any other.

VAULT_ADDR, VAULT_TOKEN, VAULT_NAMESPACE and VAULT_CACERT are those of Vault's own command, and so is the file
~/.vault-token. A pod without a token logs in as its service account (`auth/kubernetes`), with the source's role.
"""

from __future__ import annotations

import json
import os

from flowc.errors import StoreError
from flowc.secret_managers import SecretError, ask, variable_name, variables_of
from flowc.store.aws_signing import file_text, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/token"


def fetch(identifier: str, options: Dict[str, Any], role: str | None) -> Dict[str, str]:
    """The variables of a path such as `secret/data/db`; the option `key` takes one of its entries only."""
    address = os.environ.get("VAULT_ADDR")
    if not address:
        raise SecretError("VAULT_ADDR is not set, which has Vault's address")
    space = os.environ.get("VAULT_NAMESPACE")
    headers = {"x-vault-request": "true", **({"x-vault-namespace": space} if space else {})}
    url = f"{address.rstrip('/')}/v1/"
    token = os.environ.get("VAULT_TOKEN") or _of_file() or _of_account(url, headers, role)
    found = _ask(
        "a secret", "GET", url + quote(identifier.strip("/"), keep=b"/?=&"), {**headers, "x-vault-token": token}
    )
    data: Dict[str, Any] = found.get("data") or {}
    if "data" in data and "metadata" in data:  # version 2 of KV
        data = data["data"]
    if not data:
        raise SecretError("it has no data: the path of a KV engine of version 2 is MOUNT/data/NAME")
    key = options.get("key")
    if key is None:
        return variables_of(data)
    if key not in data:
        raise SecretError(f"it has no key {key!r}")
    return {variable_name(options.get("env_var_name") or key): str(data[key])}


def _of_file() -> str:
    try:
        return file_text(os.path.expanduser("~/.vault-token"))
    except StoreError:
        return ""


def _of_account(url: str, headers: Dict[str, str], role: str | None) -> str:
    file = os.environ.get("VAULT_K8S_TOKEN_FILE") or _ACCOUNT
    if not role or not os.path.exists(file):
        raise SecretError(
            "no token of Vault: set VAULT_TOKEN, or give the source the role in Vault of the pod's service account"
        )
    try:
        body = json.dumps({"role": role, "jwt": file_text(file)}).encode()
    except StoreError as error:
        raise SecretError(str(error)) from None
    mount = os.environ.get("VAULT_K8S_MOUNT") or "kubernetes"
    found = _ask("a token", "POST", f"{url}auth/{mount}/login", {**headers, "content-type": "application/json"}, body)
    return str(found["auth"]["client_token"])


def _ask(what: str, method: str, url: str, headers: Dict[str, str], body: bytes = b"") -> Dict[str, Any]:
    return ask(what, method, url, headers, body, authorities=os.environ.get("VAULT_CACERT"))
