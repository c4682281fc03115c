"""AWS Signature Version 4, for S3."""

from __future__ import annotations

import hashlib
import hmac

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Tuple

_SAFE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


class Credentials:
    """A key pair and, for temporary ones, a session token."""

    __slots__ = ("access_key", "secret_key", "token")

    def __init__(self, access_key: str, secret_key: str, token: str | None = None) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token


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
) -> Dict[str, str]:
    """The headers of a signed request. `path` and `query` are encoded; `timestamp` is like 20260102T030405Z."""
    signed = {name.lower(): value for name, value in headers.items()}
    signed["x-amz-date"] = timestamp
    signed["x-amz-content-sha256"] = payload_hash
    if credentials.token:
        signed["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(signed))
    canonical_headers = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    canonical = "\n".join((method, path, query, canonical_headers, names, payload_hash))
    scope = f"{timestamp[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{timestamp}\n{scope}\n{digest}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    )
    return {**signed, "authorization": authorization}
