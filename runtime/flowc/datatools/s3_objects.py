"""What `metaflow.S3` takes and returns, and the errors that it raises: names, fields and texts are Metaflow's."""

from __future__ import annotations

import errno
import json
import os
from typing import Any, Dict, NamedTuple, Optional

from flowc.errors import FlowError

META = "x-amz-meta-"
"""Begins the headers with an object's metadata."""
PIECE = 1 << 20
"""Bytes that are in memory at a time where an object is copied."""


class MetaflowS3InvalidObject(FlowError):  # noqa: N818 (the names here are Metaflow's)
    """What should be stored is neither text, bytes nor a binary file."""

    headline = "Not a string-like object"


class MetaflowS3URLException(FlowError):  # noqa: N818
    """A URL, or a key where a URL is needed, cannot be used."""

    headline = "Invalid address"


class MetaflowS3Exception(FlowError):  # noqa: N818
    """The server does not answer, or refuses for a reason that has no class of its own."""

    headline = "S3 access failed"


class MetaflowS3NotFound(FlowError):  # noqa: N818
    """There is no such object, bucket, or local file."""

    headline = "S3 object not found"


class MetaflowS3AccessDenied(FlowError):  # noqa: N818
    """These keys may not do that."""

    headline = "S3 access denied"


class MetaflowS3InvalidRange(FlowError):  # noqa: N818
    """The object does not have the bytes of a range."""

    headline = "S3 invalid range"


class MetaflowS3InsufficientDiskSpace(FlowError):  # noqa: N818
    """The temporary folder's disk is full."""

    headline = "Insufficient disk space"


def disk_error(error: OSError, url: str) -> FlowError:
    """A local file that cannot be read or written, as an error of Metaflow's."""
    if error.errno == errno.ENOSPC:
        return MetaflowS3InsufficientDiskSpace(str(error))
    return MetaflowS3Exception(f"S3 operation failed.\nKey requested: {url}\nError: {error}")


class S3GetObject(NamedTuple):
    """An object, or a part of one, to get. A negative `length` counts from the end; `None` means up to the end."""

    key: str
    offset: Optional[int]
    length: Optional[int]


class S3PutObject(NamedTuple):
    """An object to put: `value` for `put_many`, `path` for `put_files`. `encryption` has no effect, as in Metaflow."""

    key: str
    value: Any = None
    path: Optional[str] = None
    content_type: Optional[str] = None
    encryption: Optional[str] = None
    metadata: Optional[Dict[str, Any]] = None


class RangeInfo(NamedTuple):
    """Which bytes of an object were downloaded."""

    total_size: int
    request_offset: int = 0
    request_length: int = -1


class ObjectInfo(NamedTuple):
    """What a server says of an object. `metadata` is as it is stored, by names without `x-amz-meta-`."""

    size: int
    content_type: Optional[str] = None
    metadata: Optional[Dict[str, str]] = None
    range_info: Optional[RangeInfo] = None
    last_modified: Optional[float] = None
    encryption: Optional[str] = None


USER_ATTRIBUTES = "metaflow-user-attributes"
"""The entry of an object's metadata in which Metaflow has the user's, as JSON."""


class S3Object:
    """An object, or a prefix of objects, on S3, perhaps with a local copy."""

    def __init__(
        self,
        prefix: Optional[str],
        url: str,
        path: Optional[str],
        size: Optional[int] = None,
        content_type: Optional[str] = None,
        metadata: Optional[Dict[str, str]] = None,
        range_info: Optional[RangeInfo] = None,
        last_modified: Optional[float] = None,
        encryption: Optional[str] = None,
    ) -> None:
        self._url, self._path = url, path
        self._size = os.stat(path).st_size if path else size
        self._content_type, self._last_modified, self._encryption = content_type, last_modified, encryption
        attributes = (metadata or {}).get(USER_ATTRIBUTES)
        self._metadata: Optional[Dict[str, Any]] = None if attributes is None else json.loads(attributes)
        if range_info and range_info.request_length < 0:
            range_info = range_info._replace(request_length=range_info.total_size)
        self._range_info = range_info
        whole = prefix is None or prefix == url
        self._prefix = None if whole else prefix
        self._key = url if whole else url[len((prefix or "").rstrip("/")) + 1 :].rstrip("/")

    @classmethod
    def of(cls, prefix: Optional[str], url: str, path: Optional[str], info: ObjectInfo) -> S3Object:
        """An object that the server has described."""
        return cls(
            prefix, url, path, info.size, info.content_type, info.metadata, info.range_info, info.last_modified,
            info.encryption,
        )  # fmt: skip

    @property
    def exists(self) -> bool:
        """Whether there is such an object; a prefix of objects is none."""
        return self._size is not None

    @property
    def downloaded(self) -> bool:
        """Whether there is a local copy."""
        return bool(self._path)

    @property
    def url(self) -> str:
        """Where it is."""
        return self._url

    @property
    def prefix(self) -> Optional[str]:
        """The prefix that was asked for; `None` where it was the object's own URL."""
        return self._prefix

    @property
    def key(self) -> str:
        """The key that was asked for: a URL, or what follows the prefix."""
        return self._key

    @property
    def path(self) -> Optional[str]:
        """The local copy, which `S3.close` removes; `None` where there is none."""
        return self._path

    @property
    def blob(self) -> Optional[bytes]:
        """The bytes of the local copy."""
        if not self._path:
            return None
        with open(self._path, "rb") as file:
            return file.read()

    @property
    def text(self) -> Optional[str]:
        """The text of the local copy, as UTF-8."""
        blob = self.blob
        return None if blob is None else blob.decode("utf-8", errors="replace")

    @property
    def size(self) -> Optional[int]:
        """Bytes: of the local copy, else of the object; `None` where there is none."""
        return self._size

    @property
    def has_info(self) -> bool:
        """Whether content type, metadata, range or encryption are known."""
        known = (self._content_type, self._metadata, self._range_info, self._encryption)
        return any(item is not None for item in known)

    @property
    def metadata(self) -> Optional[Dict[str, Any]]:
        """What the object was stored with as its metadata."""
        return self._metadata

    @property
    def content_type(self) -> Optional[str]:
        """The MIME type."""
        return self._content_type

    @property
    def encryption(self) -> Optional[str]:
        """How the server has encrypted it."""
        return self._encryption

    @property
    def range_info(self) -> Optional[RangeInfo]:
        """Which bytes the local copy has."""
        return self._range_info

    @property
    def last_modified(self) -> Optional[float]:
        """When it was stored, in seconds since 1970."""
        return self._last_modified

    def __str__(self) -> str:
        if self._path:
            return f"<S3Object {self._url} ({self._size} bytes, local)>"
        if self._size:
            return f"<S3Object {self._url} ({self._size} bytes, in S3)>"
        return f"<S3Object {self._url} (object does not exist)>"

    def __repr__(self) -> str:
        return str(self)
