"""The bytes that `S3.put` and its siblings store: of memory, or of a file, read piece by piece when they are sent."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tempfile
from typing import Any, Iterator, List, Optional, Union

from flowc.datatools.s3_objects import PIECE, MetaflowS3InvalidObject, MetaflowS3NotFound


class Source:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self.size = len(data)

    def read(self, start: int, length: int) -> Union[bytes, memoryview]:
        """A part of them."""
        return self._data[start : start + length]

    def pieces(self) -> Iterator[Union[bytes, memoryview]]:
        """All of them, a piece at a time."""
        return (self.read(start, PIECE) for start in range(0, self.size, PIECE))

    def close(self) -> None:
        """Read no more."""


class FileSource(Source):
    """The bytes of a file, which is opened now and read as often as the server asks for it. Raises OSError."""

    def __init__(self, path: Union[str, int]) -> None:
        self._descriptor = os.dup(path) if isinstance(path, int) else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def read(self, start: int, length: int) -> bytes:
        """A part of the file. Raises OSError where it has become shorter."""
        wanted = min(length, self.size - start)
        parts: List[bytes] = []
        while wanted > 0:
            part = os.pread(self._descriptor, wanted, start)
            if not part:
                raise OSError("the file has become shorter while it was read")
            parts.append(part)
            start, wanted = start + len(part), wanted - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def source_of(key: Any, value: Any, folder: Optional[str]) -> Source:
    """What a value that is put has: text in UTF-8, bytes, or a binary file, from where it is now.

    A file that is none of the system's is copied to `folder`. Raises MetaflowS3InvalidObject.
    """
    if not isinstance(value, (io.RawIOBase, io.BufferedIOBase)):
        if not isinstance(value, (str, bytes)):
            raise MetaflowS3InvalidObject(f"Object corresponding to the key '{key}' is not a string or a bytes object.")
        return Source(value.encode() if isinstance(value, str) else value)
    if not value.readable() or not value.seekable():
        raise MetaflowS3InvalidObject(f"Object corresponding to the key '{key}' is not readable or seekable")
    if type(value) in (io.BufferedReader, io.FileIO) and value.tell() == 0 and _is_regular(value):
        return FileSource(value.fileno())
    if isinstance(value, io.BytesIO):
        return Source(value.read())
    with tempfile.TemporaryFile(dir=folder) as copy:
        shutil.copyfileobj(value, copy, PIECE)
        copy.flush()
        return FileSource(copy.fileno())


def file_source(path: Any) -> Source:
    """A local file. Raises MetaflowS3NotFound and OSError."""
    if not os.path.exists(path):
        raise MetaflowS3NotFound(f"Local file not found: {path}")
    return FileSource(os.path.realpath(path))


def _is_regular(file: Any) -> bool:
    """Whether these are the bytes of a file of the system, as they are."""
    try:
        raw = file if isinstance(file, io.FileIO) else file.raw
        return isinstance(raw, io.FileIO) and stat.S_ISREG(os.fstat(raw.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False
