"""GCP Secret Manager: `versions.access` over REST, with the token of the pod's identity.

Tokens come from where Google's own libraries look: the file that GOOGLE_APPLICATION_CREDENTIALS names, the file of
`gcloud auth application-default login`, the metadata server. The key of a service account signs with RSA, which the
standard library does not have: such a file needs google-auth and requests in the image.
"""

from __future__ import annotations

import base64
import os
import re
from urllib.parse import urlencode

from flowc.secret_managers import SecretError, ask, from_json, json_object, variable_name
from flowc.store.aws_signing import file_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

_FULL = re.compile(r"projects/[^/]+/secrets/([\w-]+)(/versions/[\w-]+)?")
_SHORT = re.compile(r"([\w-]+)(/versions/[\w-]+)?")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def fetch(identifier: str, options: Dict[str, Any], role: str | None) -> Dict[str, str]:
    """The variables of a secret: one, or those of a JSON object with the option `json`. Raises SecretError."""
    del role
    name, path = _named(identifier, options.get("prefix") or os.environ.get("METAFLOW_GCP_SECRET_MANAGER_PREFIX"))
    own = os.environ.get("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER")
    url = f"{(own or 'https://secretmanager.googleapis.com').rstrip('/')}/v1/{path}:access"
    found = ask("a secret", "GET", url, {"authorization": f"Bearer {_token()}"})
    encoded: str = found.get("payload", {}).get("data", "")
    if options.get("binary"):
        return {options.get("env_var_name") or variable_name(name): encoded}
    try:
        text = base64.b64decode(encoded).decode()
    except ValueError:
        raise SecretError('its value is not UTF-8; say options={"binary": True} for base64') from None
    if options.get("json"):
        return from_json(text)
    return {variable_name(options.get("env_var_name") or name): text}


def _named(identifier: str, prefix: str | None) -> tuple[str, str]:
    """The name of a secret, and the path of its version."""
    full = _FULL.fullmatch(identifier)
    if full is None:
        full = _SHORT.fullmatch(identifier)
        if full is None or not prefix:
            raise SecretError(
                "its id is not projects/PROJECT/secrets/NAME[/versions/VERSION], or NAME with "
                "METAFLOW_GCP_SECRET_MANAGER_PREFIX=projects/PROJECT/secrets/"
            )
        identifier = prefix + identifier
    return full.group(1), identifier if full.group(2) else f"{identifier}/versions/latest"


def _token() -> str:
    named = os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    folder = os.environ.get("CLOUDSDK_CONFIG") or os.path.expanduser("~/.config/gcloud")
    file = named or os.path.join(folder, "application_default_credentials.json")
    if named or os.path.exists(file):
        return _of_file(file)
    host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    url = f"http://{host}/computeMetadata/v1/instance/service-accounts/default/token"
    found = ask("a token", "GET", url, {"metadata-flavor": "Google"}, direct=True)
    return str(found["access_token"])


def _of_file(file: str) -> str:
    document = json_object(file_text(file)) or {}
    if document.get("type") == "authorized_user":
        form = {name: document[name] for name in ("client_id", "client_secret", "refresh_token")}
        body = urlencode({**form, "grant_type": "refresh_token"}).encode()
        url = document.get("token_uri") or "https://oauth2.googleapis.com/token"
        found = ask("a token", "POST", url, {"content-type": "application/x-www-form-urlencoded"}, body)
        return str(found["access_token"])
    return _of_google_auth(file, document.get("type"))


def _of_google_auth(file: str, kind: object) -> str:
    import importlib

    try:
        auth: Any = importlib.import_module("google.auth")
        transport: Any = importlib.import_module("google.auth.transport.requests")
    except ImportError:
        raise SecretError(
            f"{file} is of type {kind!r}, which needs google-auth and requests in the image; or use the pod's own "
            "identity (Workload Identity), which needs no file"
        ) from None
    try:
        credentials, _ = auth.load_credentials_from_file(file, scopes=[_SCOPE])
        credentials.refresh(transport.Request())
    except Exception as error:
        raise SecretError(f"no token with {file}: {type(error).__name__}") from None
    return str(credentials.token)
