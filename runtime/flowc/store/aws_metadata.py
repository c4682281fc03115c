"""The metadata of an instance of Amazon, with a token (IMDSv2)."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict


def read_metadata(path: str, request: Callable[[str, str, Dict[str, str]], str]) -> str:
    """The text at a path; `request` is called with a method, a URL and headers, and returns the text of the answer."""
    base = (os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or "http://169.254.169.254").rstrip("/")
    token = request("PUT", f"{base}/latest/api/token", {"x-aws-ec2-metadata-token-ttl-seconds": "300"})
    return request("GET", f"{base}/latest/meta-data/{path}", {"x-aws-ec2-metadata-token": token} if token else {})
