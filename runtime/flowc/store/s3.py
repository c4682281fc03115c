"""S3 on the standard library, so that any image with Python reaches an `s3://` root."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import ssl
import sys
import threading
import time
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flowc.errors import MissingKey, StoreError
from flowc.store import multipart
from flowc.store.base import Store
from flowc.store.credentials import CredentialSource
from flowc.store.sigv4 import query_string, quote, sign

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Dict, Tuple

    from flowc.store.base import Buffer

ATTEMPTS = 7
"""Tries of one request, a minute in all at most."""
FIRST_DELAY = 0.2
LONGEST_DELAY = 15.0
TIMEOUT = 60.0
PIECE = 1 << 20
_RETRIED = {429, 500, 502, 503, 504}
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class S3Store(Store):
    """A bucket's prefix. AWS_ENDPOINT_URL names servers that are not Amazon's."""

    remote = True

    def __init__(self, root: str) -> None:
        parts = urlsplit(root)
        self._bucket = parts.netloc
        self._prefix = parts.path.strip("/")
        if not self._bucket:
            raise StoreError(f"the root {root!r} names no bucket; write s3://bucket/prefix")
        self.url = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        self._credentials = CredentialSource(self._region)
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        if endpoint:
            url = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
            self._secure = url.scheme == "https"
            self._host = url.netloc
            self._base = f"{url.path.rstrip('/')}/{quote(self._bucket)}"
        else:
            self._secure = True
            self._host = f"s3.{self._region}.amazonaws.com"
            self._base = f"/{quote(self._bucket)}"
        self._local = threading.local()

    def read(self, key: str) -> Buffer:
        """One GET."""
        return self._request("GET", self._path(key), what=key)[1]

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """One GET of a range."""
        if not length:
            return b""
        headers = {"range": f"bytes={start}-{start + length - 1}"}
        return self._request("GET", self._path(key), headers=headers, what=key)[1]

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """One PUT, or a multipart upload when large."""
        size = sum(len(part) for part in parts)
        if size <= multipart.LARGEST:
            self._request("PUT", self._path(key), parts=parts, what=key)
            return

        def request(method: str, query: str, parts: Sequence[Buffer] = ()) -> Tuple[http.client.HTTPMessage, Buffer]:
            return self._request(method, self._path(key), query=query, parts=parts, what=key)

        multipart.upload(request, parts, size)

    def exists(self, key: str) -> bool:
        """One HEAD."""
        try:
            self._request("HEAD", self._path(key), what=key)
        except MissingKey:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """List, a page at a time."""
        for page in self._pages(prefix, ""):
            for entry in page.iter():
                if _tag(entry) == "Contents":
                    yield self._relative(_child(entry, "Key"))

    def children(self, folder: str) -> list[str]:
        """List with a delimiter."""
        names: list[str] = []
        start = f"{folder}/" if folder else ""
        for page in self._pages(start, "/"):
            for entry in page:
                name = {"Contents": "Key", "CommonPrefixes": "Prefix"}.get(_tag(entry))
                if name is not None:
                    names.append(self._relative(_child(entry, name))[len(start) :].rstrip("/"))
        return names

    def _pages(self, prefix: str, delimiter: str) -> Iterator[ET.Element]:
        token = ""
        while True:
            pairs = [("list-type", "2"), ("prefix", self._full(prefix))]
            if delimiter:
                pairs.append(("delimiter", delimiter))
            if token:
                pairs.append(("continuation-token", token))
            _, body = self._request("GET", f"{self._base}", query=query_string(pairs), what=prefix)
            page = ET.fromstring(bytes(body))  # noqa: S314 (the server is the user's own store)
            yield page
            token = _child(page, "NextContinuationToken")
            if not token or _child(page, "IsTruncated") != "true":
                return

    def _full(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _relative(self, key: str) -> str:
        return key[len(self._prefix) + 1 :] if self._prefix else key

    def _path(self, key: str) -> str:
        return f"{self._base}/{quote(self._full(key), keep=b'/')}"

    def _request(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Dict[str, str] | None = None,
        parts: Sequence[Buffer] = (),
        what: str = "",
    ) -> Tuple[http.client.HTTPMessage, Buffer]:
        """One request, tried again on server errors and lost connections; returns the answer's headers and body.

        Raises MissingKey and StoreError.
        """
        digest = _payload_hash(parts)
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                _pause(attempt, f"{self._host}: {problem}")
            try:
                status, answer, body = self._once(method, path, query, headers or {}, parts, digest)
            except (OSError, http.client.HTTPException) as error:
                self._forget()
                problem = f"{type(error).__name__}: {error}"
                continue
            if status < 300:
                return answer, body
            problem = _problem(status, body)
            if status not in _RETRIED:
                break
        else:
            problem += f" ({ATTEMPTS} attempts)"
        if problem.startswith("404") and "NoSuchBucket" not in problem:
            raise MissingKey(f"there is no {self.location(what)}")
        raise StoreError(f"{method} {self.location(what)} at {self._host} failed: {problem}")

    def _once(
        self, method: str, path: str, query: str, headers: Dict[str, str], parts: Sequence[Buffer], digest: str
    ) -> Tuple[int, http.client.HTTPMessage, Buffer]:
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        headers = {**headers, "host": self._host}
        credentials = self._credentials.get()
        if credentials is not None:
            headers = sign(credentials, self._region, timestamp, method, path, query, headers, digest)
        if method in ("PUT", "POST"):
            headers["content-length"] = str(sum(len(part) for part in parts))
        connection = self._connection()
        connection.putrequest(method, f"{path}?{query}" if query else path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if parts and sum(len(part) for part in parts) <= PIECE:
            connection.endheaders(b"".join(parts))  # one packet with the headers
        else:
            connection.endheaders()
            for part in parts:
                view = memoryview(part)
                for start in range(0, len(view), PIECE):
                    connection.send(view[start : start + PIECE])
        response = connection.getresponse()
        return response.status, response.headers, _body(response)

    def _connection(self) -> http.client.HTTPConnection:
        """This thread's connection, kept between requests."""
        connection: http.client.HTTPConnection | None = getattr(self._local, "connection", None)
        if connection is None:
            if self._secure:
                context = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
                connection = http.client.HTTPSConnection(self._host, timeout=TIMEOUT, context=context)
            else:
                connection = http.client.HTTPConnection(self._host, timeout=TIMEOUT)
            self._local.connection = connection
        return connection

    def _forget(self) -> None:
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None


def _body(response: http.client.HTTPResponse) -> Buffer:
    """The body of an answer, in one piece of memory that can be changed."""
    if not response.length:
        return bytearray(response.read())
    body = bytearray(response.length)
    view = memoryview(body)
    while view:
        count = response.readinto(view[: 16 * PIECE])
        if not count:
            raise http.client.IncompleteRead(b"", len(view))
        view = view[count:]
    return body


def _payload_hash(parts: Sequence[Buffer]) -> str:
    if not parts:
        return _EMPTY_HASH
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _pause(attempt: int, problem: str) -> None:
    """Wait before the next try: longer each time, and not at the same moment as every other task."""
    delay = min(LONGEST_DELAY, FIRST_DELAY * 2**attempt) * random.uniform(0.5, 1.0)
    if attempt >= 3:
        sys.stderr.write(f"flowc: waiting {delay:.0f} s for the store at {problem}\n")
    time.sleep(delay)


def _problem(status: int, body: Buffer) -> str:
    """The status, with S3's code and message where it sent them."""
    try:
        document = ET.fromstring(bytes(body))  # noqa: S314
    except ET.ParseError:
        return f"{status}"
    return f"{status} {_child(document, 'Code')}: {_child(document, 'Message')}"


def _tag(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ET.Element, name: str) -> str:
    """The text of a child, whatever its namespace."""
    for child in element:
        if _tag(child) == name:
            return child.text or ""
    return ""
