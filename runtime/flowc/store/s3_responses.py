"""What an S3 server's response means: whether it is a failure, with which code, and whether a retry may succeed."""

from __future__ import annotations

import calendar
import time
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree as ET

from flowc.errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from http.client import HTTPMessage

    from flowc.store import Buffer

SKEW = 240.0
"""From this difference in seconds on, our clock may be the reason for a refusal; S3 allows 900."""
STATUSES = {408, 425, 429, 500, 502, 503, 504, 509}
"""Statuses after which a retry may succeed."""
CODES = {
    "BadDigest",
    "BandwidthLimitExceeded",
    "ConditionalRequestConflict",
    "IncompleteBody",
    "InternalError",
    "OperationAborted",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "XAmzContentSHA256Mismatch",
}
"""Codes after which a retry may succeed: those of botocore's standard mode, and of requests cut off or damaged."""
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"}
"""Codes after which only new keys help."""


class Failure:
    """Why a request was not answered as it should be."""

    __slots__ = ("after", "code", "status", "text", "transient")

    def __init__(self, status: int, headers: HTTPMessage, code: str, message: str) -> None:
        self.status = status
        self.code = code
        self.text = f"{status} {code}: {message}" if code else f"{status}"
        self.transient = status in STATUSES or code in CODES
        self.after = retry_after(headers)
        """Seconds that the server asks to wait."""


class RefusedRequest(StoreError):  # noqa: N818 (an answer, not a fault of ours)
    """A server has refused a request for good, with this status and S3's code, which an answer to HEAD has not."""

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        self.status = failure.status
        self.code = failure.code


def failure_of(method: str, status: int, headers: HTTPMessage, body: Buffer) -> Failure | None:
    """The failure that an answer tells of.

    S3 completes multipart uploads, and copies, with a 200 and then, perhaps, an error.
    """
    well = 200 <= status < 300
    if well and not (body and method in ("POST", "PUT")):
        return None
    try:
        root: ET.Element | None = ET.fromstring(bytes(body))  # noqa: S314 (the server is the user's own store)
    except ET.ParseError:
        root = None
    if root is None or tag(root) != "Error":
        return None if well else Failure(status, headers, "", "")
    return Failure(status, headers, child(root, "Code"), child(root, "Message"))


def other_region(failure: Failure, headers: HTTPMessage, region: str) -> str | None:
    """The region of the bucket, where a request was refused because it was sent to, or signed for, another one."""
    found = headers.get("x-amz-bucket-region")
    return found if found and found != region and failure.status in (301, 307, 400, 403) else None


def retry_after(headers: HTTPMessage) -> float:
    """The seconds of a Retry-After header, which may be a date; 0 where there is none that can be read."""
    text = (headers.get("retry-after") or "").strip()
    if text.isdigit():
        return float(text)
    moment = _seconds(text)
    return max(0.0, moment - time.time()) if moment is not None else 0.0


def clock_offset(headers: HTTPMessage) -> float | None:
    """How many seconds the server's clock is ahead of ours; `None` where it does not say."""
    moment = _seconds((headers.get("date") or "").strip())
    return moment - time.time() if moment is not None else None


def age_of(headers: HTTPMessage) -> float:
    """How many seconds ago an object was written, by the server's clock; infinite where it does not say."""
    written = _seconds((headers.get("last-modified") or "").strip())
    now = _seconds((headers.get("date") or "").strip())
    return float("inf") if written is None else (time.time() if now is None else now) - written


def seconds_of(text: str) -> float:
    """A time in a list, such as `2026-05-01T10:00:00.000Z`, in seconds since 1970."""
    return float(calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")))


def tag(element: ET.Element) -> str:
    """The name of an element, without its namespace."""
    return element.tag.rpartition("}")[2]


def child(element: ET.Element, name: str) -> str:
    """The text of a child, whatever its namespace."""
    for item in element:
        if tag(item) == name:
            return item.text or ""
    return ""


def _seconds(date: str) -> float | None:
    """Seconds since 1970 of a date in a header."""
    if not date:
        return None
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
