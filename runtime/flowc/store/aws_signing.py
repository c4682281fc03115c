"""Keys of the S3 client, and the signatures made with them.

Keys come from the environment, a web identity token, or the credential endpoint of the container. Signatures are those
of version 4 (SigV4).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time

from flowc.errors import StoreError
from flowc.store import s3_settings
from flowc.store.http_exchange import exchange, is_transient

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, Tuple


CONTAINER_HOST = "http://169.254.170.2"
"""Where ECS and Fargate serve AWS_CONTAINER_CREDENTIALS_RELATIVE_URI."""
RENEW_BEFORE = 300.0
"""Temporary keys are renewed when they have less than this to live, in seconds."""
AGAIN = 30.0
"""Seconds until the next request to a source that did not answer, while the current keys are valid."""
_CODES = (b"IDPCommunicationError", b"Throttling", b"RequestLimitExceeded")
"""Codes that STS sends with status 400 for failures that pass."""


class Credentials:
    """A key pair and, for temporary ones, a session token."""

    __slots__ = ("access_key", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str | None = None) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token


if TYPE_CHECKING:
    Fetched = Tuple[Credentials, float]


class CredentialSource:
    """Keys, renewed before they expire. Without any source requests are not signed, for public buckets."""

    def __init__(self, region: str, keys: Credentials | None = None) -> None:
        """`keys` stand for those of the environment."""
        self._fetch = _source(region) if keys is None else _lasting(keys)
        self._current: Credentials | None = None
        self._expires = 0.0
        self._next = 0.0

    def get(self) -> Credentials | None:
        """The keys to sign with now. Raises StoreError when the source does not answer."""
        if self._fetch is None:
            return None
        left = self._expires - time.time()
        if self._current is None or left < RENEW_BEFORE:
            # While the present keys are valid, a source that does not answer must not stop the task: it is asked once,
            # without retries, and again after a while.
            good = self._current is not None and left > 0
            if good and time.monotonic() < self._next:
                return self._current
            try:
                self._current, self._expires = self._fetch(0.0 if good else None)
            except StoreError:
                if not good:
                    raise
                self._next = time.monotonic() + AGAIN  # the current keys are still valid
        return self._current

    def renew(self) -> bool:
        """Forget the keys, so that others are fetched; returns whether there may be others."""
        if self._fetch is None or self._expires == float("inf"):
            return False
        self._current = None
        return True


def _lasting(keys: Credentials) -> Callable[[float | None], Fetched]:
    return lambda _: (keys, float("inf"))


def _source(region: str) -> Callable[[float | None], Fetched] | None:
    """The first source that the environment names, in the order of Amazon's own tools."""
    env = os.environ
    (access, secret), (token_file, role) = ((env.get(name) for name in pair) for pair in s3_settings.PAIRS)
    if access and secret:
        return _lasting(Credentials(access, secret, env.get("AWS_SESSION_TOKEN")))
    if token_file and role:
        return lambda limit: _web_identity(region, token_file, role, limit)
    relative, full = (env.get(name) for name in s3_settings.CONTAINER)
    url = CONTAINER_HOST + relative if relative else full
    return (lambda limit: _container(url, limit)) if url else None


def _web_identity(region: str, token_file: str, role: str, limit: float | None) -> Fetched:
    """Exchange the token that Kubernetes mounts (IRSA) for keys of a role."""
    query = query_string(
        [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", role),
            ("RoleSessionName", os.environ.get("AWS_ROLE_SESSION_NAME") or f"flowc-{os.getpid()}"),
            ("Version", "2011-06-15"),
            ("WebIdentityToken", file_text(token_file)),
        ]
    )
    return keys_of_sts(_get(f"{sts_endpoint(region)}/?{query}", {"accept": "application/xml"}, limit, direct=False))


def sts_endpoint(region: str) -> str:
    """The URL of STS, which exchanges tokens and roles for keys."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_STS") or f"https://{s3_settings.amazon_host('sts', region)}"
    return endpoint.rstrip("/")


def keys_of_sts(body: bytes) -> Fetched:
    """The keys in an answer of STS, and when they expire."""
    from xml.etree import ElementTree as ET

    fields = {element.tag.rpartition("}")[2]: element.text or "" for element in ET.fromstring(body).iter()}  # noqa: S314
    return _fetched(fields["AccessKeyId"], fields["SecretAccessKey"], fields["SessionToken"], fields["Expiration"])


def _container(url: str, limit: float | None) -> Fetched:
    """Ask the agent of ECS, Fargate or EKS Pod Identity."""
    token = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")
    token_file = os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
    if token_file:
        token = file_text(token_file)
    return keys_of_agent(_get(url, {"authorization": token} if token else {}, limit))


def keys_of_agent(body: bytes) -> Fetched:
    """The keys in an answer of a container's or a machine's agent, and when they expire."""
    document: Dict[str, str] = json.loads(body)
    return _fetched(
        document["AccessKeyId"], document["SecretAccessKey"], document["Token"], document.get("Expiration", "")
    )


def _get(url: str, headers: Dict[str, str], limit: float | None, *, direct: bool = True) -> bytes:
    """A GET, retried while that may help, for `limit` seconds or as long as the environment says. Raises StoreError.

    An agent on the task's own machine is asked directly, as Amazon's tools do: it knows the task by its address.
    """
    answer = exchange("credentials", "GET", url, headers, limit=limit, direct=direct, passes=_passes)
    if answer.status == 200:
        return answer.body
    text = answer.body[:200].decode("utf-8", "replace")
    raise StoreError(f"no credentials from {url.partition('?')[0]}: {answer.status}: {text}{answer.spent}")


def _passes(status: int, body: bytes) -> bool:
    return is_transient(status) or any(code in body for code in _CODES)


def _fetched(access: str, secret: str, token: str, expiration: str) -> Fetched:
    return Credentials(access, secret, token), _timestamp(expiration)


def _timestamp(text: str) -> float:
    """Seconds since 1970 of an ISO time in UTC; keys without an expiration never expire."""
    if not text:
        return float("inf")
    import calendar

    # `strptime` of the first 19 characters, since sources write fractions and `Z` differently, and all mean UTC.
    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))


def file_text(path: str) -> str:
    """What a file with a token has. Raises StoreError."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError as error:
        raise StoreError(f"the token in {path} cannot be read: {error.strerror or error}") from error


_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str, keep: bytes = b"") -> str:
    """Percent-encode as S3 signs it: everything but unreserved characters and those in `keep`."""
    return "".join(chr(b) if b in _SAFE or b in keep else f"%{b:02X}" for b in text.encode())


def query_string(pairs: Iterable[Tuple[str, str]]) -> str:
    """A canonical query string."""
    return "&".join(f"{quote(name)}={quote(value)}" for name, value in sorted(pairs))


def sign(
    credentials: Credentials,
    region: str,
    timestamp: str,
    method: str,
    path: str,
    query: str,
    headers: Dict[str, str],
    payload_hash: str,
    service: str = "s3",
) -> Dict[str, str]:
    """The headers of a signed request. `path` and `query` are encoded; `timestamp` is like 20260102T030405Z."""
    signed = {name.lower(): value for name, value in headers.items()}
    signed["x-amz-date"] = timestamp
    signed["x-amz-content-sha256"] = payload_hash
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    canonical = "\n".join((method, path, query, canonical_headers, names, payload_hash))
    scope = f"{timestamp[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return {**signed, "authorization": authorization}
