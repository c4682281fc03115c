"""S3 on the standard library, so that any image with Python reaches an `s3://` root."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import socket
import ssl
import time
from collections import deque
from functools import partial
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from flowc.errors import MissingKey, StoreError
from flowc.store import ListedFile, Store, multipart, s3_settings, split_url
from flowc.store.aws_signing import CredentialSource, query_string, quote, sign
from flowc.store.connections import Route
from flowc.store.retry import Retries
from flowc.store.s3_responses import (
    EXPIRED,
    SKEW,
    RefusedRequest,
    age_of,
    child,
    clock_offset,
    failure_of,
    other_region,
    seconds_of,
    tag,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Callable, Dict, Tuple

    from flowc.store import Buffer
    from flowc.store.s3_responses import Failure

    BodyReader = Callable[[http.client.HTTPResponse], Buffer]
    """Takes the body of an answer from its connection. It may be called again, from the start, when a try fails."""

CONNECT_TIMEOUT = 10.0
TIMEOUT = 60.0
"""Seconds without a byte after which a try fails."""
PIECE = 1 << 20
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class S3Store(Store):
    """A bucket's prefix. AWS_ENDPOINT_URL names servers that are not Amazon's."""

    remote = True

    def __init__(self, root: str) -> None:
        _, self._bucket, self._prefix = split_url(root)
        self.url = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._endpoint = s3_settings.custom_endpoint()
        self._authorities = os.environ.get("AWS_CA_BUNDLE")
        """The file with the certificates to trust, where the system's are not meant."""
        self._idle: deque[http.client.HTTPConnection] = deque()
        """Open connections for the next requests of any thread."""
        self._use_region(s3_settings.region())
        self._credentials = CredentialSource(self._region)
        self._encryption = s3_settings.encryption_headers()
        self._process = os.getpid()
        self._clock = 0.0
        """How many seconds the server's clock is ahead of ours; 0 until a refusal has shown a difference."""

    def _use_region(self, region: str) -> None:
        """Sign for a region, and send requests to its server, unless the environment names one."""
        self._region = region
        url = urlsplit(self._endpoint or f"https://{s3_settings.amazon_host('s3', region)}")
        self._host = url.netloc
        self._base = f"{url.path.rstrip('/')}/{quote(self._bucket)}"
        self._secure = url.scheme == "https"
        self._route = Route(self._secure, self._host)
        self.close()

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
            self._request("PUT", self._path(key), headers=self._encryption, parts=parts, what=key)
            return
        pieces = multipart.split(parts, multipart.part_size(size))
        self._put_pieces(key, [partial(_same, piece) for piece in pieces], size, self._encryption)

    def put_new(self, key: str, parts: Sequence[Buffer]) -> bool | None:
        """One PUT, refused where the object is there. A server that knows no conditions says so, or ignores it."""
        headers = {**self._encryption, "if-none-match": "*"}
        try:
            self._request("PUT", self._path(key), headers=headers, parts=parts, what=key)
        except RefusedRequest as refusal:
            if refusal.status in (400, 501):
                return None
            if refusal.status != 412:
                raise
            return False
        return True

    def _put_pieces(self, key: str, pieces: Sequence[multipart.Piece], size: int, headers: Dict[str, str]) -> None:
        """An upload in parts. The request that begins it says how the object is encrypted, and what else it has."""

        def request(method: str, query: str, parts: Sequence[Buffer] = ()) -> Tuple[http.client.HTTPMessage, Buffer]:
            begins = method == "POST" and query == multipart.BEGIN
            sent = headers if begins else {}
            return self._request(method, self._path(key), query=query, headers=sent, parts=parts, what=key)

        multipart.upload(request, pieces, size)

    def exists(self, key: str) -> bool:
        """One HEAD."""
        try:
            self._request("HEAD", self._path(key), what=key)
        except MissingKey:
            return False
        return True

    def age(self, key: str, size: int) -> float | None:
        """One HEAD, which tells the size, and the times of the object and of the server."""
        try:
            answer, _ = self._request("HEAD", self._path(key), what=key)
        except MissingKey:
            return None
        return age_of(answer) if answer.get("content-length") in (None, str(size)) else None

    def renew(self, key: str) -> None:
        """One PUT that copies the object onto itself, which is possible up to 5 GiB."""
        source = {"x-amz-copy-source": f"/{quote(self._bucket)}/{quote(self._full(key), keep=b'/')}"}
        replaced = {"x-amz-metadata-directive": "REPLACE"}
        try:
            self._request("PUT", self._path(key), headers={**self._encryption, **source, **replaced}, what=key)
        except RefusedRequest as error:
            if error.status != 400:
                raise
            super().renew(key)

    def set_aside(self, key: str) -> None:
        """One DELETE, where this key may."""
        with contextlib.suppress(StoreError):
            self.delete(key)

    def delete(self, key: str) -> None:
        """One DELETE, which succeeds for what is not there."""
        self._request("DELETE", self._path(key), what=key)

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """List, a page at a time."""
        for page in self._pages(prefix, ""):
            for entry in page.iter():
                if tag(entry) == "Contents":
                    key, size = self._relative(child(entry, "Key")), int(child(entry, "Size"))
                    yield ListedFile(key, size, seconds_of(child(entry, "LastModified")))

    def keys(self, prefix: str) -> Iterator[str]:
        """List, a page at a time."""
        for page in self._pages(prefix, ""):
            for entry in page.iter():
                if tag(entry) == "Contents":
                    yield self._relative(child(entry, "Key"))

    def children(self, folder: str) -> list[str]:
        """List with a delimiter."""
        names: list[str] = []
        start = f"{folder}/" if folder else ""
        for page in self._pages(start, "/"):
            for entry in page:
                name = {"Contents": "Key", "CommonPrefixes": "Prefix"}.get(tag(entry))
                if name is not None:
                    names.append(self._relative(child(entry, name))[len(start) :].rstrip("/"))
        return names

    def _pages(self, prefix: str, delimiter: str, options: Sequence[Tuple[str, str]] = ()) -> Iterator[ET.Element]:
        token = ""
        while True:
            pairs = [("list-type", "2"), ("prefix", self._full(prefix)), *options]
            if delimiter:
                pairs.append(("delimiter", delimiter))
            if token:
                pairs.append(("continuation-token", token))
            page = self._page(query_string(pairs), prefix)
            yield page
            token = child(page, "NextContinuationToken")
            if not token or child(page, "IsTruncated") != "true":
                return

    def _page(self, query: str, prefix: str) -> ET.Element:
        """One page of a list; what is no list is asked for again."""
        for tries_left in (2, 1, 0):
            _, body = self._request("GET", f"{self._base}", query=query, what=prefix)
            try:
                return ET.fromstring(bytes(body))  # noqa: S314 (the server is the user's own store)
            except ET.ParseError as error:
                if not tries_left:
                    raise StoreError(
                        f"the list of {self.location(prefix)} at {self._host} cannot be read: {error}"
                    ) from None
        raise AssertionError

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
        read: BodyReader | None = None,
    ) -> Tuple[http.client.HTTPMessage, Buffer]:
        """One request, tried again while that may help; returns the answer's headers and body.

        `read` takes the body of a good answer, by default into memory. Raises MissingKey and StoreError.
        """
        digest = _payload_hash(parts)
        retries = Retries(f"the store s3://{self._bucket} at {self._route}")
        renewed = False
        unsigned: str | None = None
        failure: Failure | None = None
        while True:
            try:
                status, answer, body = self._once(method, path, query, headers or {}, parts, digest, read or _body)
            except _Ended:  # servers close idle connections without notice, which says nothing about their health
                continue
            except (OSError, http.client.HTTPException) as error:
                problem, failure = _reason(error), None
                if _may_pass(error) and retries.wait(problem):
                    continue
                break
            failure = failure_of(method, status, answer, body)
            if failure is None:
                retries.answered()
                return answer, body
            problem = failure.text
            unsigned = s3_settings.missing_keys() if failure.status in (400, 401, 403) else None
            # Once only: if new keys or the server's clock do not help, neither will another round.
            if not renewed and (
                self._sets_clock(failure, answer) or self._renews(failure) or self._moves(failure, answer)
            ):
                renewed = True
            elif not failure.transient or not retries.wait(problem, failure.after):
                break
        if problem.startswith("404") and "NoSuchBucket" not in problem:
            raise MissingKey(f"there is no {self.location(what)}")
        why = f"{problem}; {unsigned}" if unsigned is not None else problem
        text = f"{method} {self.location(what)} at {self._route} failed: {why}{retries.spent()}"
        raise StoreError(text) if failure is None else RefusedRequest(text, failure)

    def _sets_clock(self, failure: Failure, answer: http.client.HTTPMessage) -> bool:
        """Go by the server's clock from now on, where ours may be why it refused; an answer to HEAD does not say."""
        ahead = clock_offset(answer) if failure.status in (400, 403) else None
        if ahead is None or abs(ahead - self._clock) < SKEW:
            return False
        self._clock = ahead
        return True

    def _moves(self, failure: Failure, answer: http.client.HTTPMessage) -> bool:
        """Go to the bucket's own region, where the server says that this is not it."""
        region = other_region(failure, answer, self._region)
        if region is None:
            return False
        self._use_region(region)
        return True

    def _renews(self, failure: Failure) -> bool:
        """Get other keys, where these have expired before their time."""
        return failure.code in EXPIRED and self._credentials.renew()

    def _once(
        self,
        method: str,
        path: str,
        query: str,
        headers: Dict[str, str],
        parts: Sequence[Buffer],
        digest: str,
        read: BodyReader,
    ) -> Tuple[int, http.client.HTTPMessage, Buffer]:
        timestamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + self._clock))
        headers = {**headers, "host": self._host}
        credentials = self._credentials.get()
        if credentials is not None:
            headers = sign(credentials, self._region, timestamp, method, path, query, headers, digest)
        if method in ("PUT", "POST"):
            headers["content-length"] = str(sum(len(part) for part in parts))
        connection, kept = self._connection()
        try:
            target = f"{self._route.prefix}{path}"
            target = f"{target}?{query}" if query else target
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in (*headers.items(), *self._route.headers.items()):
                connection.putheader(name, value)
            _send(connection, parts)
            response = connection.getresponse()
            body = (read if response.status < 300 else _body)(response)
        except BaseException as error:
            connection.close()
            # A timeout is the server's, also on a kept connection; a reset there may just be its idle limit.
            lost = isinstance(error, (OSError, http.client.HTTPException)) and not isinstance(error, socket.timeout)
            if kept and lost:
                raise _Ended from error
            raise
        if connection.sock is not None and response.isclosed():
            self._idle.append(connection)
        else:  # what is left of the body is not wanted
            connection.close()
        return response.status, response.headers, body

    def _connection(self) -> Tuple[http.client.HTTPConnection, bool]:
        """A connection, and whether it was kept from an earlier request."""
        if self._process != os.getpid():  # after a fork they are the other process's, too
            self._process, self._idle = os.getpid(), deque()
        try:
            return self._idle.pop(), True
        except IndexError:
            pass
        context = ssl.create_default_context(cafile=self._authorities) if self._secure else None
        connection = self._route.open(CONNECT_TIMEOUT, context)
        connection.sock.settimeout(TIMEOUT)
        return connection, False

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop().close()


class _Ended(Exception):  # noqa: N818
    """The server has closed a kept connection; a new one may work."""


def _same(parts: Sequence[Buffer]) -> Sequence[Buffer]:
    return parts


def _send(connection: http.client.HTTPConnection, parts: Sequence[Buffer]) -> None:
    """The end of the headers, and the body."""
    if parts and sum(len(part) for part in parts) <= PIECE:
        connection.endheaders(b"".join(parts))  # one packet with the headers
        return
    connection.endheaders()
    for part in parts:
        view = memoryview(part)
        for start in range(0, len(view), PIECE):
            connection.send(view[start : start + PIECE])


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


def _may_pass(error: Exception) -> bool:
    """Whether another try may do better: not against a wrong certificate, nor a proxy that refuses to connect."""
    return not isinstance(error, ssl.SSLCertVerificationError) and "Tunnel connection failed: 4" not in str(error)


def _reason(error: Exception) -> str:
    """Why there was no answer."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
