"""The artifact store: bytes by key, under a root that is a folder or a bucket's prefix."""

from __future__ import annotations

import os
import time

from flowc.errors import InvalidRoot, MissingKey, StoreError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Callable, Tuple, TypeVar, Union

    T = TypeVar("T")
    Buffer = Union[bytes, bytearray, memoryview]

__all__ = ["DEFAULT_ROOT", "Store", "is_remote", "open_store", "preload", "split_url"]

DEFAULT_ROOT = ".flowc"
"""The root when nothing names one."""
LAYERED = "layered://"
"""Begins the root of a step that is tried alone: the path of a folder for `flowc.store.layered_store` follows."""
REMOTE = {"s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss"}


def open_store(root: str) -> Store:
    """The store at a root: a path, `file:///path`, `s3://bucket/prefix`, `gs://` or `az://`.

    `s3://` works without any library; obstore is used where it is installed, unless FLOWC_S3_CLIENT=stdlib.
    """
    if "://" not in root:
        return _file_store(root)
    if root.startswith(LAYERED):
        from flowc.store.layered_store import LayeredStore

        return LayeredStore(root[len(LAYERED) :])
    scheme, _, path = split_url(root)
    return _file_store(f"/{path}") if scheme == "file" else _client(root, scheme)(root)


def split_url(root: str) -> Tuple[str, str, str]:
    """The scheme, the bucket, and the prefix without slashes around it, of a root that is a URL. Raises StoreError.

    In the names of buckets' keys all characters count as they are written, `#`, `?` and `%` too, as in Amazon's own
    tools. A `file://` URL is quoted as such URLs are, and names no bucket.
    """
    scheme, _, rest = root.partition("://")
    if scheme != "file" and scheme not in REMOTE:
        raise InvalidRoot(f"the root {root!r} has an unknown scheme; use a path, file://, s3://, gs:// or az://")
    bucket, _, path = rest.partition("/")
    if scheme == "file" and bucket not in ("", "localhost"):
        raise StoreError(f"the root {root!r} names a host, {bucket}; write file:///{rest}")
    if scheme == "file":
        return scheme, "", _unquoted(path).rstrip("/")
    prefix = path.strip("/")
    if not bucket:
        raise StoreError(f"the root {root!r} names no bucket; write {scheme}://bucket/prefix")
    if prefix and any(part in ("", ".", "..") for part in prefix.split("/")):
        raise StoreError(f"the root {root!r} has a part that is empty, `.` or `..`; name the folder itself")
    if any(ord(character) < 32 or character == "\x7f" for character in root):
        raise StoreError(f"the root {root!r} has a control character")
    return scheme, bucket, prefix


def _unquoted(path: str) -> str:
    """A path without the `%20` of a URL. Importing `urllib.parse` takes longer than the rest of a task."""
    if "%" not in path:
        return path
    from urllib.parse import unquote

    return unquote(path)


def _file_store(path: str) -> Store:
    from flowc.store.file_store import FileStore

    if not path:
        raise StoreError("the root is empty; set FLOWC_ROOT to a path or a URL")
    return FileStore(os.path.abspath(os.path.expanduser(path)))


def is_remote(root: str) -> bool:
    """Whether a root is a bucket's."""
    return root.partition("://")[0] in REMOTE


def preload(root: str) -> None:
    """Import what the store of a root needs, without opening it: its threads and connections would not bear a fork."""
    if "://" in root and not root.startswith("file:"):
        import encodings.idna  # noqa: F401 # pyright: ignore[reportUnusedImport] (what looks up the name of a host imports it)

        _client(root, root.partition("://")[0])


def _client(root: str, scheme: str) -> Callable[[str], Store]:
    """The class for a remote root."""
    wanted = os.environ.get(env_names.S3_CLIENT, "")
    if not (wanted == "stdlib" and scheme.startswith("s3")):
        try:
            from flowc.store.obstore_client import ObstoreStore

            return ObstoreStore
        except ImportError as error:
            if wanted == "obstore" or not scheme.startswith("s3"):
                raise StoreError(f"the root {root!r} needs the package obstore in the image: {error}") from error
    from flowc.store.s3 import S3Store

    return S3Store


class ListedFile:
    """What a listing says of a file."""

    __slots__ = ("key", "modified", "size")

    def __init__(self, key: str, size: int, modified: float) -> None:
        self.key = key
        self.size = size
        """In bytes."""
        self.modified = modified
        """When it was written or renewed, in seconds since 1970 by the store's clock."""


_PAUSES = (0.1, 0.4, 1.5)
"""Seconds between looks for what must be there."""


class Store:
    """Bytes by key. A write is seen whole or not at all; a missing key raises MissingKey."""

    url: str = ""
    """The root, as a reader on another machine would name it."""
    remote = False
    """Whether a read costs a network round trip: readers then batch and use threads."""
    has_conditions: bool | None = None
    """Whether `put_new` refuses what is there; `None` before that was tried."""
    only_looked_at = False
    """Whether damaged values stay where they are, for commands that only show what is there."""

    def read(self, key: str) -> Buffer:
        """All bytes of a key; a large file comes as a private memory map."""
        raise NotImplementedError

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """`length` bytes from `start`, and nothing else, are moved."""
        raise NotImplementedError

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """Store the parts, one after another, as one value."""
        raise NotImplementedError

    def create(self, key: str, parts: Sequence[Buffer]) -> bool:
        """Write a key that is not there; whether it was this call that did. Of several at a time it is one."""
        from flowc.store.claims import create  # few tasks need it

        return create(self, key, parts)

    def put_new(self, key: str, parts: Sequence[Buffer]) -> bool | None:
        """Write a key with the condition that it is not there, which a server may ignore: `False` where it is.

        `None` of a server that knows no conditions.
        """
        del key, parts
        return None

    def exists(self, key: str) -> bool:
        """Whether the key is there."""
        raise NotImplementedError

    def is_complete(self, key: str, size: int) -> bool:
        """Whether the key is there as it was written: so many bytes, where a crash may have left fewer."""
        return self.age(key, size) is not None

    def age(self, key: str, size: int) -> float | None:
        """How many seconds ago a key was written or renewed, by the store's clock; infinite where nothing says it.

        `None` unless it is there as it was written: so many bytes, where a crash may have left fewer.
        """
        raise NotImplementedError

    def renew(self, key: str) -> None:
        """Make a key as young as if it had just been written. Raises MissingKey."""
        self.write(key, [self.read(key)])

    def delete(self, key: str) -> None:
        """Remove a key, if it is there."""
        raise NotImplementedError

    def attempt_of(self, task: str) -> int | None:
        """The committed attempt of a task, by its folder, where that is known without a request."""
        del task
        return None

    def is_link(self, folder: str) -> bool:
        """Whether a folder leads elsewhere, so that what is in it is not the store's."""
        del folder
        return False

    def remove_folders(self, folder: str) -> None:
        """Remove a folder that has no files, where folders are there without files."""

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """Every file whose key starts with the string `prefix`, also those that are half-written."""
        raise NotImplementedError

    def set_aside(self, key: str) -> None:
        """Take away what is damaged, so that the next that has the value stores it anew."""
        raise NotImplementedError

    def read_known(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        """Read what must be there, or a range of it: a server that says it is not may be wrong, and is asked again."""
        for seconds in (*_PAUSES, 0.0) if self.remote else (0.0,):
            try:
                return self.read(key) if length is None else self.read_range(key, start, length)
            except MissingKey:
                if not seconds:
                    raise
                time.sleep(seconds)
        raise AssertionError

    def found_at_last(self, look: Callable[[], T], is_there: Callable[[T], bool]) -> T:
        """Look for what must be there, again and again: a server's list may lack it for once."""
        for seconds in _PAUSES if self.remote else ():
            found = look()
            if is_there(found):
                return found
            time.sleep(seconds)
        return look()

    def keys(self, prefix: str) -> Iterator[str]:
        """Every key that starts with the string `prefix`."""
        raise NotImplementedError

    def children(self, folder: str) -> list[str]:
        """The names directly under a folder (no trailing `/`), unsorted; none when it does not exist."""
        raise NotImplementedError

    def location(self, key: str) -> str:
        """Where a key is, for a person to look at."""
        return f"{self.url.rstrip('/')}/{key}"
