"""AWS Secrets Manager: `GetSecretValue`, signed with the task's own keys or with those of a role that it assumes.

Keys come from where the S3 client has them (`flowc.store.aws_signing`), and then from the instance's metadata (IMDSv2).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from urllib.parse import urlsplit

from flowc.errors import StoreError
from flowc.secret_managers import SecretError, ask, from_json, variable_name
from flowc.store import s3_settings
from flowc.store.aws_metadata import read_metadata
from flowc.store.aws_signing import (
    Credentials,
    CredentialSource,
    keys_of_agent,
    keys_of_sts,
    query_string,
    sign,
    sts_endpoint,
)
from flowc.store.http_exchange import exchange, is_transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

_ARN = re.compile(r"arn:[^:]+:secretsmanager:([^:]+):")
_THROTTLED = (b"Throttling", b"TooManyRequests", b"LimitExceeded")
_IMDS_SECONDS = 5.0
"""A machine that is none of Amazon's doesn't answer, and must not keep a local run waiting."""


def fetch(identifier: str, options: Dict[str, Any], role: str | None) -> Dict[str, str]:
    """The variables of a secret, by its name or ARN. Raises SecretError."""
    region = _region(identifier, options)
    keys = _keys(region)
    if role:
        keys = _assumed(keys, region, role)
    body = json.dumps({"SecretId": identifier}).encode()
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}
    url = f"{_endpoint(region)}/"
    signed = _signed(keys, region, "secretsmanager", "POST", url, body, headers)
    found = ask("a secret", "POST", url, signed, body, authorities=os.environ.get("AWS_CA_BUNDLE"), passes=_passes)
    name = options.get("env_var_name") or variable_name(found.get("Name", identifier))
    if "SecretBinary" in found:  # in base64, as it is on the wire
        return {name: found["SecretBinary"]}
    text = found.get("SecretString")
    if text is None:
        raise SecretError("it has neither a text nor bytes")
    return from_json(text) if options.get("json", True) else {name: text}


def _region(identifier: str, options: Dict[str, Any]) -> str:
    arn = _ARN.match(identifier)
    names = ("METAFLOW_AWS_SECRETS_MANAGER_DEFAULT_REGION", "AWS_REGION", "AWS_DEFAULT_REGION")
    region = arn.group(1) if arn else options.get("region") or next(filter(None, map(os.environ.get, names)), None)
    if region is None:
        raise SecretError('its region is not known: say options={"region": ...}, or set AWS_REGION')
    return region


def _endpoint(region: str) -> str:
    own = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
    return (own or f"https://{s3_settings.amazon_host('secretsmanager', region)}").rstrip("/")


def _keys(region: str) -> Credentials:
    try:
        return CredentialSource(region).get() or _of_instance()
    except StoreError as error:
        raise SecretError(str(error)) from None


def _of_instance() -> Credentials:
    """Keys of the instance's role. Raises StoreError, or SecretError where there is nothing to ask."""
    folder = "iam/security-credentials/"
    problem = ""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true":
        try:
            role = read_metadata(folder, _metadata).split("\n")[0].strip()
            return keys_of_agent(read_metadata(folder + role, _metadata).encode())[0]
        except StoreError as error:
            problem = f"; {error}"
    raise SecretError(f"{s3_settings.missing_keys()}{problem}")


def _metadata(method: str, url: str, headers: Dict[str, str]) -> str:
    answer = exchange("keys of the instance", method, url, headers, limit=_IMDS_SECONDS, direct=True)
    if answer.status != 200:
        raise StoreError(f"the instance has no keys: {url} answers {answer.status}")
    return answer.body.decode()


def _assumed(keys: Credentials, region: str, role: str) -> Credentials:
    """Keys of a role. Raises SecretError."""
    query = query_string(
        [
            ("Action", "AssumeRole"),
            ("RoleArn", role),
            ("RoleSessionName", f"flowc-{os.getpid()}"),
            ("Version", "2011-06-15"),
        ]
    )
    url = f"{sts_endpoint(region)}/?{query}"
    headers = _signed(keys, region, "sts", "GET", url, b"", {})
    try:
        answer = exchange(f"keys of {role}", "GET", url, headers, passes=_passes)
        if answer.status == 200:
            return keys_of_sts(answer.body)[0]
    except StoreError as error:
        raise SecretError(str(error)) from None
    found = re.search(rb"<Message>([^<]*)", answer.body)
    why = found.group(1).decode("utf-8", "replace") if found else ""
    raise SecretError(f"the role {role} cannot be assumed: {answer.status} {why}{answer.spent}")


def _signed(
    keys: Credentials, region: str, service: str, method: str, url: str, body: bytes, headers: Dict[str, str]
) -> Dict[str, str]:
    parts, now = urlsplit(url), time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    digest = hashlib.sha256(body).hexdigest()
    headers = {**headers, "host": parts.netloc}
    return sign(keys, region, now, method, parts.path or "/", parts.query, headers, digest, service)


def _passes(status: int, body: bytes) -> bool:
    return is_transient(status) or (status != 200 and any(code in body for code in _THROTTLED))
