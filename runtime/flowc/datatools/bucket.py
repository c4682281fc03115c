"""A bucket as `metaflow.S3` sees it, through the shim's own client, which gives every header of an object."""

from __future__ import annotations

import os
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple, TypeVar
from urllib.parse import unquote_plus

from flowc.datatools.parallel import in_parallel
from flowc.datatools.s3_objects import (
    META,
    PIECE,
    MetaflowS3AccessDenied,
    MetaflowS3Exception,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    ObjectInfo,
    RangeInfo,
    disk_error,
)
from flowc.errors import MissingKey, StoreError
from flowc.store import multipart
from flowc.store.aws_signing import Credentials, CredentialSource
from flowc.store.s3 import S3Store
from flowc.store.s3_responses import RefusedRequest, child, tag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from http.client import HTTPMessage, HTTPResponse

    from flowc.datatools.object_sources import Source
    from flowc.store import Buffer

T = TypeVar("T")
PUT_AT_ONCE = 8 << 20
"""Objects of more bytes are uploaded in parts, as boto3 does."""
PART = 16 << 20
GET_AT_ONCE = 16 << 20
"""Objects of more bytes are downloaded in ranges, several at a time."""
_DENIED = {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId"}
SSE = "x-amz-server-side-encryption"
_PARAMETERS = (
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "endpoint_url",
    "region_name",
    "verify",
)
"""The parameters of boto3's clients that this one has as well."""


def check_parameters(parameters: Dict[str, Any]) -> None:
    """Raise MetaflowS3Exception for a parameter of boto3's clients that would have no effect here."""
    if unknown := sorted(set(parameters).difference(_PARAMETERS)):
        raise MetaflowS3Exception(
            f"client_params has {', '.join(unknown)}, which flowc's client does not know; "
            f"it knows {', '.join(_PARAMETERS)}"
        )


class Bucket(S3Store):
    """The objects of a bucket by their keys, in which every character counts. Raises Metaflow's errors."""

    def __init__(self, name: str, parameters: Dict[str, Any]) -> None:
        """`parameters` are those of boto3's clients, as far as `check_parameters` knows them."""
        super().__init__(f"s3://{name}")
        self._endpoint = parameters.get("endpoint_url") or self._endpoint
        verify = parameters.get("verify")
        self._authorities = verify if isinstance(verify, str) else self._authorities
        self._use_region(parameters.get("region_name") or self._region)
        access, secret = parameters.get("aws_access_key_id"), parameters.get("aws_secret_access_key")
        if access and secret:
            keys = Credentials(access, secret, parameters.get("aws_session_token"))
            self._credentials = CredentialSource(self._region, keys)

    def head(self, key: str) -> ObjectInfo:
        """What the server says of an object."""
        headers, _ = self._asked(key, lambda: self._request("HEAD", self._path(key), what=key))
        return _info(headers)

    def fetch(self, key: str, bytes_range: Optional[str], path: str) -> ObjectInfo:
        """Download an object, or a range of it, to a file, of which never more than a few pieces are in memory."""
        with open(path, "wb") as file:

            def read(response: HTTPResponse) -> Buffer:
                os.ftruncate(file.fileno(), 0)
                if bytes_range is None and (response.length or 0) > GET_AT_ONCE:
                    return b""  # this connection would take one byte after another
                _copy(response, file.fileno(), 0)
                return b""

            wanted = {"range": bytes_range} if bytes_range else {}
            headers, _ = self._asked(
                key, lambda: self._request("GET", self._path(key), headers=wanted, what=key, read=read)
            )
            info = _info(headers)
            if bytes_range is None:
                if info.size > GET_AT_ONCE:
                    self._asked(key, lambda: self._fetch_ranges(key, info.size, headers["etag"], file.fileno()))
                return info._replace(range_info=RangeInfo(info.size, 0, info.size))
        return info._replace(range_info=_range_info(key, headers))

    def _fetch_ranges(self, key: str, size: int, etag: Optional[str], descriptor: int) -> None:
        same = {"if-match": etag} if etag else {}

        def fetch(start: int) -> None:
            headers = {"range": f"bytes={start}-{min(start + PART, size) - 1}", **same}

            def read(response: HTTPResponse) -> Buffer:
                if response.status != 206:
                    raise MetaflowS3Exception(f"{self.location(key)}: the server does not know ranges")
                _copy(response, descriptor, start)
                return b""

            self._request("GET", self._path(key), headers=headers, what=key, read=read)

        in_parallel(fetch, range(0, size, PART), multipart.THREADS)

    def store(self, key: str, source: Source, headers: Dict[str, str]) -> None:
        """Upload an object; `headers` are those of the request that creates it."""
        if SSE not in headers:
            headers = {**self._encryption, **headers}

        def put() -> None:
            if source.size <= PUT_AT_ONCE:
                parts = [source.read(0, source.size)] if source.size else []
                self._request("PUT", self._path(key), headers=headers, parts=parts, what=key)
                return
            part = max(PART, -(-source.size // multipart.MOST_PARTS))
            starts = range(0, source.size, part)
            self._put_pieces(key, [partial(_piece, source, start, part) for start in starts], source.size, headers)

        self._asked(key, put)

    def list_objects(self, prefix: str, delimiter: str) -> List[Tuple[str, Optional[int]]]:
        """Keys with their sizes, and what keys have before the delimiter, without one, page by page."""
        return self._asked(prefix, lambda: list(self._listed(prefix, delimiter)), listing=True)

    def _listed(self, prefix: str, delimiter: str) -> List[Tuple[str, Optional[int]]]:
        found: List[Tuple[str, Optional[int]]] = []
        for page in self._pages(prefix, delimiter, [("encoding-type", "url")]):
            quoted = child(page, "EncodingType") == "url"  # not every server does it
            for name, field in (("Contents", "Key"), ("CommonPrefixes", "Prefix")):
                for entry in page:
                    if tag(entry) == name:
                        key = child(entry, field)
                        size = int(child(entry, "Size") or 0) if name == "Contents" else None
                        found.append((unquote_plus(key) if quoted else key, size))
        return found

    def _asked(self, key: str, call: Callable[[], T], *, listing: bool = False) -> T:
        """Do it, with Metaflow's errors for what goes wrong."""
        url = self.location(key)
        if not key and not listing:
            raise MetaflowS3Exception(f"S3 operation failed.\nKey requested: {url}\nError: the URL has no key")
        try:
            return call()
        except MissingKey:
            raise MetaflowS3NotFound(url) from None
        except RefusedRequest as error:
            raise _translated(error, url) from None
        except StoreError as error:
            raise MetaflowS3Exception(f"S3 operation failed.\nKey requested: {url}\nError: {error}") from None
        except OSError as error:
            raise disk_error(error, url) from error


def _translated(error: RefusedRequest, url: str) -> Exception:
    if error.code == "NoSuchBucket":
        return MetaflowS3NotFound(f"{url}: {error}")
    if error.code in _DENIED or (error.status == 403 and not error.code):
        return MetaflowS3AccessDenied(f"{url}: {error}")
    if error.status == 416 or error.code == "InvalidRange":
        return MetaflowS3InvalidRange(f"{url}: {error}")
    return MetaflowS3Exception(f"S3 operation failed.\nKey requested: {url}\nError: {error}")


def _info(headers: HTTPMessage) -> ObjectInfo:
    modified = headers.get("last-modified")
    return ObjectInfo(
        size=int(headers.get("content-length") or 0),
        content_type=headers.get("content-type"),
        metadata={name.lower()[len(META) :]: value for name, value in headers.items()
                  if name.lower().startswith(META)},
        last_modified=parsedate_to_datetime(modified).timestamp() if modified else None,
        encryption=headers.get(SSE),
    )  # fmt: skip


def _range_info(key: str, headers: HTTPMessage) -> RangeInfo:
    """Which bytes an answer has. Raises MetaflowS3Exception where the server has sent others than it was asked for."""
    import re

    found = re.match(r"bytes (\d+)-(\d+)/(\d+)", headers.get("content-range") or "")
    if found is None:
        raise MetaflowS3Exception(f"S3 operation failed.\nKey requested: {key}\nError: the answer has no range")
    first, last, total = map(int, found.groups())
    return RangeInfo(total, first, last - first + 1)


def _copy(response: HTTPResponse, descriptor: int, position: int) -> None:
    """Write the body of an answer to a file from a position on.

    Raises what the connection does, and for the file, which no other try would mend, an error of Metaflow's.
    """
    import http.client

    buffer = memoryview(bytearray(min(PIECE, response.length or PIECE)))
    while count := response.readinto(buffer):
        piece = buffer[:count]
        while piece:
            try:
                written = os.pwrite(descriptor, piece, position)
            except OSError as error:
                raise disk_error(error, "a temporary file") from error
            piece, position = piece[written:], position + written
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)


def _piece(source: Source, start: int, length: int) -> List[Any]:
    return [source.read(start, length)]
