"""Azure Key Vault: the value of a secret, with a token of the pod's identity.

Identities are tried in the order of Azure's own libraries: a client's secret and workload identity, which the
environment names, then the managed identity of an app or of the machine.
"""

from __future__ import annotations

import os
import re
from urllib.parse import urlencode, urlsplit

from flowc.errors import StoreError
from flowc.secret_managers import SecretError, ask, variable_name
from flowc.store.aws_signing import file_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

_DOMAINS = ("vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "vault.microsoftazure.de")
_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9-]{0,126}(/[a-zA-Z0-9]{32})?")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def fetch(identifier: str, options: Dict[str, Any], role: str | None) -> Dict[str, str]:
    """The variable of a secret, by its URL, or by name[/version] below METAFLOW_AZURE_KEY_VAULT_PREFIX."""
    del role
    prefix: str = options.get("prefix") or os.environ.get("METAFLOW_AZURE_KEY_VAULT_PREFIX", "")
    base, _, name = identifier.partition("/secrets/") if "://" in identifier else (prefix, "", identifier)
    base, name = base.rstrip("/"), name.rstrip("/")
    host = urlsplit(base).netloc
    if not _ID.fullmatch(name) or not host:
        raise SecretError(
            "its id is not https://VAULT/secrets/NAME[/VERSION], or NAME with "
            "METAFLOW_AZURE_KEY_VAULT_PREFIX=https://VAULT"
        )
    domain = next((item for item in _DOMAINS if host.endswith(f".{item}")), None)
    # The token must not go to a server that is none of Azure's, unless it is configured as a vault.
    if base != prefix.rstrip("/") and (domain is None or not base.startswith("https://")):
        raise SecretError(f"{host} is not a vault: its domain is none of {', '.join(_DOMAINS)}")
    token = _token(f"https://{domain or _DOMAINS[0]}")
    found = ask("a secret", "GET", f"{base}/secrets/{name}?api-version=7.4", {"authorization": f"Bearer {token}"})
    return {variable_name(options.get("env_var_name") or name.partition("/")[0]): str(found.get("value", ""))}


def _token(resource: str) -> str:
    env = os.environ
    client, tenant = env.get("AZURE_CLIENT_ID"), env.get("AZURE_TENANT_ID")
    secret, file = env.get("AZURE_CLIENT_SECRET"), env.get("AZURE_FEDERATED_TOKEN_FILE")
    if client and tenant and (secret or file):
        proof = {"client_secret": secret} if secret else _assertion(file or "")
        form = {"client_id": client, "scope": f"{resource}/.default", "grant_type": "client_credentials", **proof}
        authority = (env.get("AZURE_AUTHORITY_HOST") or "https://login.microsoftonline.com").rstrip("/")
        authority = authority if "://" in authority else f"https://{authority}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode(form).encode()
        return str(ask("a token", "POST", f"{authority}/{tenant}/oauth2/v2.0/token", headers, body)["access_token"])
    query = {"resource": resource, **({"client_id": client} if client else {})}
    endpoint = env.get("IDENTITY_ENDPOINT")
    if endpoint:
        url = f"{endpoint}?{urlencode({**query, 'api-version': '2019-08-01'})}"
        headers = {"x-identity-header": env.get("IDENTITY_HEADER", "")}
    else:
        host = (env.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or "http://169.254.169.254").rstrip("/")
        url = f"{host}/metadata/identity/oauth2/token?{urlencode({**query, 'api-version': '2018-02-01'})}"
        headers = {"metadata": "true"}
    return str(ask("a token", "GET", url, headers, direct=True)["access_token"])


def _assertion(file: str) -> Dict[str, str]:
    try:
        return {"client_assertion_type": _ASSERTION, "client_assertion": file_text(file)}
    except StoreError as error:
        raise SecretError(str(error)) from None
