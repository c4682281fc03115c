"""A folder as `metaflow.S3` sees it, for runs whose store is one: `file://` URLs, in which every character counts."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
from typing import Callable, Dict, Iterator, List, Optional, Tuple, TypeVar

from flowc.datatools.s3_objects import (
    META,
    PIECE,
    MetaflowS3AccessDenied,
    MetaflowS3InvalidRange,
    MetaflowS3NotFound,
    MetaflowS3URLException,
    ObjectInfo,
    RangeInfo,
    disk_error,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flowc.datatools.object_sources import Source

T = TypeVar("T")
DEFAULT_TYPE = "binary/octet-stream"
"""The content type that S3 gives to objects that were stored without one."""
_INFO = ".s3-info"
"""Ends the names of the files with the content type and metadata of others beside them."""
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Folder:
    """The files below `/` by their paths, without the first slash. Raises Metaflow's errors."""

    def head(self, key: str) -> ObjectInfo:
        """What is known of a file."""
        path = self._path(key)
        return self._tried(key, lambda: _info(path))

    def fetch(self, key: str, bytes_range: Optional[str], path: str) -> ObjectInfo:
        """Copy a file, or a range of it."""
        found = self._path(key)
        info = self.head(key)
        first, length = _bounds(bytes_range, info.size, key)

        def copy() -> None:
            with open(found, "rb") as source, open(path, "wb") as target:
                source.seek(first)
                left = length
                while left and (piece := source.read(min(left, PIECE))):
                    target.write(piece)
                    left -= len(piece)

        self._tried(key, copy)
        return info._replace(range_info=RangeInfo(info.size, first, length))

    def store(self, key: str, source: Source, headers: Dict[str, str]) -> None:
        """Write a file, whole or not at all, and beside it what else it has."""
        from flowc.store.file_store import write_file

        path = self._path(key)
        kept = {name: value for name, value in headers.items() if not name.startswith("x-amz-server-side")}
        if key.endswith("/"):
            raise MetaflowS3URLException(f"file:///{key} is a folder; in a folder, no object has such a name")

        def write() -> None:
            if kept:
                write_file(_info_path(path), [json.dumps(kept).encode()])
            else:
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    os.unlink(_info_path(path))
            write_file(path, source.pieces())

        self._tried(key, write)

    def list_objects(self, prefix: str, delimiter: str) -> List[Tuple[str, Optional[int]]]:
        """Keys with their sizes in S3's order; with a delimiter, those of one folder, and then the folders in it."""
        self._path(prefix)
        return self._tried(prefix, lambda: _listed(prefix, delimiter))

    def close(self) -> None:
        """Nothing is open."""

    def _path(self, key: str) -> str:
        if ".." in key.split("/") or "\0" in key:
            raise MetaflowS3URLException(f"file:///{key} has a part that no name in a folder can have")
        return f"/{key}"

    def _tried(self, key: str, call: Callable[[], T]) -> T:
        """Do it, with Metaflow's errors for what goes wrong."""
        try:
            return call()
        except FileNotFoundError:
            raise MetaflowS3NotFound(f"file:///{key}") from None
        except (NotADirectoryError, IsADirectoryError) as error:
            raise disk_error(error, f"file:///{key}") from error
        except PermissionError as error:
            raise MetaflowS3AccessDenied(f"file:///{key}: {error}") from None
        except OSError as error:
            raise disk_error(error, f"file:///{key}") from error


def _info(path: str) -> ObjectInfo:
    if os.path.isdir(path):  # a prefix, and no object
        raise FileNotFoundError(errno.ENOENT, "it is a folder", path)
    found = os.stat(path)
    kept: Dict[str, str] = {}
    with contextlib.suppress(FileNotFoundError), open(_info_path(path), encoding="utf-8") as file:
        kept = json.load(file)
    return ObjectInfo(
        size=found.st_size,
        content_type=kept.get("content-type") or DEFAULT_TYPE,
        metadata={name[len(META) :]: value for name, value in kept.items() if name.startswith(META)},
        last_modified=float(int(found.st_mtime)),
    )


def _info_path(path: str) -> str:
    folder, _, name = path.rpartition("/")
    short = name if len(name.encode()) < 200 else hashlib.sha256(name.encode()).hexdigest()
    return f"{folder}/.{short}{_INFO}"


def _bounds(bytes_range: Optional[str], size: int, key: str) -> Tuple[int, int]:
    """First byte and number of bytes of a range as HTTP has it. Raises MetaflowS3InvalidRange."""
    if bytes_range is None:
        return 0, size
    found = _RANGE.fullmatch(bytes_range)
    head, tail = found.groups() if found else ("", "")
    first = int(head) if head else max(0, size - int(tail or 0))
    last = min(int(tail) if head and tail else size - 1, size - 1)
    if found is None or first > last:
        raise MetaflowS3InvalidRange(f"file:///{key} has {size} bytes, and not the range {bytes_range}")
    return first, last - first + 1


def _entries(folder: str) -> List[os.DirEntry[str]]:
    try:
        with os.scandir(f"/{folder}") as entries:
            return [entry for entry in entries if not (entry.name[:1] == "." and entry.name.endswith((_INFO, ".tmp")))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _listed(prefix: str, delimiter: str) -> List[Tuple[str, Optional[int]]]:
    folder = prefix.rpartition("/")[0]
    if delimiter:
        found = [(f"{folder}/{entry.name}", entry) for entry in _entries(folder)]
        sizes = [(key, _size(entry)) for key, entry in found if not entry.is_dir()]
        files = sorted((key, size) for key, size in sizes if size is not None)
        return [*files, *sorted((f"{key}/", None) for key, entry in found if entry.is_dir())]
    return sorted(_files(folder, prefix), key=lambda item: item[0].encode())


def _files(folder: str, prefix: str) -> Iterator[Tuple[str, int]]:
    """The files whose path begins with a prefix, which is in a folder; both are paths without their first slash.

    Links to folders are followed, except to one that the link is in.
    """
    pending = [folder]
    while pending:
        current = pending.pop()
        for entry in _entries(current):
            key = f"{current}/{entry.name}" if current else entry.name
            if not f"{key}/".startswith(prefix):
                continue
            if entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else ""
                if not real or not f"{os.path.realpath(f'/{current}')}/".startswith(f"{real.rstrip('/')}/"):
                    pending.append(key)
                continue
            size = _size(entry)
            if size is not None and key.startswith(prefix):
                yield key, size


def _size(entry: os.DirEntry[str]) -> Optional[int]:
    """The size of a file; `None` for a link to nothing, and for what was removed since."""
    try:
        return entry.stat().st_size
    except FileNotFoundError:
        return None
