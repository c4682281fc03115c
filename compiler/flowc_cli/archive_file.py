"""The file of an exported run: a tar of regular files, which may be compressed, with a digest of all at its end.

What is read may be anybody's: nothing but plain files with short names is taken, and nothing is held in memory that is
larger than a piece.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, NamedTuple

from flowc.errors import FlowError, NewerFormat, ProtocolError

VERSION = 1
"""Of archives."""
HEAD = "flowc-run.json"
"""The first file: which run it is."""
END = "flowc-end.json"
"""The last file: how many there were before it, and their digest."""
BLOCK = 512
PIECE = 1 << 22
"""Bytes that are read at a time."""
_LONGEST_NAME = 1 << 14
"""Bytes of a header with a name that is too long for tar's own."""
_LARGEST_RECORD = 1 << 26
"""Bytes of the first and of the last file."""
_SOME = 1 << 30
"""Bytes that anything may unpack to."""
_RATIO = 200
"""How many times its size an archive may unpack to. Logs come to 10 or 20 times, arrays of zeros to 1,000."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_PAX_RECORD = re.compile(rb"(\d{1,9}) ([^=]{1,99})=")


class ArchiveError(FlowError):
    """A file is not an archive of a run, or is damaged."""

    headline = "Not an archive of a run"


class ArchiveWriter:
    """Writes an archive into a file, from its head to its end: the same files give the same bytes."""

    def __init__(self, file: BinaryIO, *, compress: bool) -> None:
        self._target = file
        self._file: Any = gzip.GzipFile("", "wb", fileobj=file, mtime=0) if compress else file
        self._digest = _Digest()

    def add(self, name: str, size: int, pieces: Iterable[Any]) -> None:
        """Add a file of so many bytes. Raises FlowError where there are more or fewer, and OSError."""
        header = tarfile.TarInfo(name)
        header.size = size
        self._file.write(header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        content, written = hashlib.sha256(), 0
        for piece in pieces:
            content.update(piece)
            written += len(piece)
            self._file.write(piece)
        if written != size:
            raise ProtocolError(f"{name} has changed while it was exported: try again")
        self._file.write(bytes(-size % BLOCK))
        self._digest.add(name, size, content.digest())

    def add_record(self, name: str, record: dict[str, Any]) -> None:
        """Add a JSON file."""
        text = json.dumps(record, ensure_ascii=False, sort_keys=True).encode()
        self.add(name, len(text), [text])

    def end(self, **more: Any) -> None:
        """Add the last file, and flush."""
        self.add_record(END, {**self._digest.record(), **more})
        self._file.write(bytes(2 * BLOCK))
        if self._file is not self._target:
            self._file.close()
        self._target.flush()


class Entry(NamedTuple):
    """A file in an archive."""

    name: str
    size: int


class ArchiveReader:
    """Reads an archive from its head to its end. Whatever is wrong with it raises ArchiveError."""

    def __init__(self, file: BinaryIO, *, any_size: bool = False) -> None:
        """`any_size` allows what unpacks to far more than its size."""
        self._packed = _Counting(file)
        buffered = io.BufferedReader(self._packed, PIECE)
        magic = buffered.peek(4)[:4]
        if magic.startswith(_ZSTD):
            raise ArchiveError("it is compressed by zstd: unpack it first, as in `zstd -dc FILE | flowc import -`")
        self._file: Any = gzip.GzipFile(fileobj=buffered) if magic.startswith(_GZIP) else buffered
        self._bounded = magic.startswith(_GZIP) and not any_size
        self._unpacked = 0
        self._left = self._padding = 0
        self._digest = _Digest()
        self.end: dict[str, Any] = {}
        """The last file, once it has been read."""

    def head(self) -> dict[str, Any]:
        """The first file. Raises NewerFormat for an archive of a newer release."""
        first = self._next()
        if first is None or first.name != HEAD:
            raise ArchiveError(f"its first file is not {HEAD}: it is not what `flowc export` writes")
        record = self._record(first)
        version = record.get("version")
        if type(version) is int and version > VERSION:
            raise NewerFormat(f"it was written by a newer release of flowc, in format {version}: upgrade flowc")
        return record

    def entries(self) -> Iterator[Entry]:
        """The files between the first and the last one. `pieces` gives the content of each."""
        while True:
            entry = self._next()
            if entry is None:
                raise ArchiveError("it has no end: it was not written, or not copied, as a whole")
            if entry.name == END:
                break
            yield entry
            if self._left or self._padding:
                raise AssertionError(entry.name)  # whoever gets an entry reads it
        expected = self._digest.record()
        self.end = self._record(entry)
        if any(self.end.get(name) != value for name, value in expected.items()):
            raise ArchiveError("its files are not those that were exported: it is damaged")
        self._check_nothing_follows()

    def pieces(self, entry: Entry) -> Iterator[bytes]:
        """The content of the entry that was read last."""
        content = hashlib.sha256()
        while self._left:
            piece = self._read(min(self._left, PIECE))
            self._left -= len(piece)
            content.update(piece)
            yield piece
        self._exactly(self._padding)
        self._padding = 0
        self._digest.add(entry.name, entry.size, content.digest())

    def _check_nothing_follows(self) -> None:
        """Read to the end of the file, so that gzip's check sum counts, too. Blocks of zeros are padding of a tar."""
        while data := self._some():
            if data.count(0) != len(data):
                raise ArchiveError("something follows its end: it is not one archive, as `flowc export` writes it")

    def _record(self, entry: Entry) -> dict[str, Any]:
        if entry.size > _LARGEST_RECORD:
            raise ArchiveError(f"{entry.name} has {entry.size} bytes")
        try:
            record: Any = json.loads(b"".join(self.pieces(entry)))
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise ArchiveError(f"{entry.name} is not JSON of a run")
        return record  # pyright: ignore[reportUnknownVariableType]

    def _next(self) -> Entry | None:
        """The next file; `None` at the end of the tar."""
        block = self._exactly(BLOCK)
        if not any(block):
            return None
        header, longer = _header(block), {}
        if header.type == tarfile.XHDTYPE:
            if not 0 <= header.size <= _LONGEST_NAME:
                raise ArchiveError("the name of a file in it is too long")
            longer = _pax_records(self._exactly(header.size + -header.size % BLOCK)[: header.size])
            header = _header(self._exactly(BLOCK))
        if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
            raise ArchiveError(f"{header.name!r} in it is not a file, but a link or the like")
        name, size = longer.get("path", header.name), header.size
        if "size" in longer:
            size = int(longer["size"]) if re.fullmatch(r"\d{1,18}", longer["size"]) else -1
        if size < 0:
            raise ArchiveError(f"{name!r} in it has no size")
        self._left, self._padding = size, -size % BLOCK
        return Entry(name, size)

    def _exactly(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size:
            found += self._read(size - len(found))
        return bytes(found)

    def _read(self, size: int) -> bytes:
        """Some of the bytes that must follow."""
        data = self._some(size)
        if not data:
            raise ArchiveError("it ends too early: it was not written, or not copied, as a whole")
        return data

    def _some(self, size: int = PIECE) -> bytes:
        """Some of the bytes that follow; nothing at the end of the file."""
        try:
            data: bytes = self._file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise ArchiveError(f"it cannot be read to its end: {error}") from None
        self._unpacked += len(data)
        if self._bounded and self._unpacked > max(_SOME, _RATIO * self._packed.number):
            raise ArchiveError(
                f"it unpacks to more than {_RATIO} times its size; if it is from somebody you trust, give --any-size"
            )
        return data


class _Digest:
    """One digest for files in their order: of names, sizes and contents."""

    def __init__(self) -> None:
        self._all = hashlib.sha256()
        self._files = self._bytes = 0

    def add(self, name: str, size: int, content: bytes) -> None:
        self._all.update(f"{name}\0{size}\0".encode("utf-8", "surrogateescape") + content)
        self._files += 1
        self._bytes += size

    def record(self) -> dict[str, Any]:
        return {"files": self._files, "bytes": self._bytes, "digest": self._all.hexdigest()}


class _Counting(io.RawIOBase):
    """A file that counts what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._of = file
        self.number = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read some bytes."""
        data = self._of.read(len(buffer))
        buffer[: len(data)] = data
        self.number += len(data)
        return len(data)


def _header(block: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise ArchiveError(f"it is not a tar that `flowc export` writes: {error}") from None


def _pax_records(data: bytes) -> dict[str, str]:
    """The records `LENGTH NAME=VALUE` of a header for the next file."""
    found: dict[str, str] = {}
    position = 0
    while position < len(data):
        match = _PAX_RECORD.match(data, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data):
            raise ArchiveError("a header in it is damaged")
        found[match[2].decode("utf-8", "replace")] = data[match.end() : end - 1].decode("utf-8", "surrogateescape")
        position = end
    return found
