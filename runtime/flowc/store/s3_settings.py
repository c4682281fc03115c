"""What the environment says of S3, for both of its clients: region, endpoint, encryption, and which keys it lacks."""

from __future__ import annotations

import os

from flowc.errors import StoreError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict

ENCRYPTIONS = ("AES256", "aws:kms", "aws:kms:dsse")
"""The values of S3's header x-amz-server-side-encryption."""
PAIRS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"),
)
"""Variables that together are a source of keys."""
CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""Variables of which either is a source of keys."""
_SUFFIXES = {
    "cn-": "amazonaws.com.cn",
    "eusc-": "amazonaws.eu",
    "us-iso-": "c2s.ic.gov",
    "us-isob-": "sc2s.sgov.gov",
    "us-isof-": "csp.hci.ic.gov",
    "eu-isoe-": "cloud.adc-e.uk",
}
"""The domains of AWS's partitions by how their regions begin, as in botocore's endpoints.json; us-gov has the usual."""


def region() -> str:
    """The region of the bucket."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"


def custom_endpoint() -> str | None:
    """The URL of an S3 server that is not the region's own."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return None if not endpoint else endpoint if "://" in endpoint else f"http://{endpoint}"


def amazon_host(service: str, region: str) -> str:
    """The host of a service in a region, in whichever partition that is."""
    suffix = next((suffix for start, suffix in _SUFFIXES.items() if region.startswith(start)), "amazonaws.com")
    return f"{service}.{region}.{suffix}"


def encryption() -> tuple[str, str]:
    """How the server encrypts what is written, and the KMS key; both may be empty. Raises StoreError."""
    kind, key = os.environ.get(env_names.S3_SSE, ""), os.environ.get(env_names.S3_KMS_KEY, "")
    problem = encryption_problem(kind, key)
    if problem is not None:
        raise StoreError(f"{env_names.S3_SSE} and {env_names.S3_KMS_KEY}: {problem}")
    return kind or ("aws:kms" if key else ""), key


def encryption_problem(kind: str, key: str) -> str | None:
    """Why S3 could not encrypt in this way."""
    if kind and kind not in ENCRYPTIONS:
        return f"{kind!r} is not one of {', '.join(ENCRYPTIONS)}"
    return "AES256 uses no key of KMS" if key and kind == "AES256" else None


def encryption_headers() -> Dict[str, str]:
    """The headers of a request that creates an object. Raises StoreError."""
    kind, key = encryption()
    headers = {"x-amz-server-side-encryption": kind} if kind else {}
    return {**headers, "x-amz-server-side-encryption-aws-kms-key-id": key} if key else headers


def missing_keys() -> str | None:
    """Why requests are not signed, with the variables that were looked for; `None` where one source is there."""
    env = os.environ
    if any(all(env.get(name) for name in pair) for pair in PAIRS) or any(env.get(name) for name in CONTAINER):
        return None
    half = [(next(n for n in pair if env.get(n)), next(n for n in pair if not env.get(n)))
            for pair in PAIRS if any(env.get(name) for name in pair)]  # fmt: skip
    looked = [*(" with ".join(pair) for pair in PAIRS), *CONTAINER]
    text = f"the request was not signed, for lack of keys; looked for {', '.join(looked[:-1])} and {looked[-1]}"
    text += "".join(f"; {there} is set without {missing}" for there, missing in half)
    profile = "AWS_PROFILE and " if env.get("AWS_PROFILE") else ""
    return f"{text}; {profile}the files in ~/.aws are not read"
