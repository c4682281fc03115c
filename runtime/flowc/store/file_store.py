"""A store in a folder: a local disk, or a volume that all tasks mount."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time

from flowc.errors import MissingKey, StoreError
from flowc.store import ListedFile, Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Callable, Tuple, TypeVar

    from flowc.store import Buffer
    from flowc.store.retry import Retries

    T = TypeVar("T")

_AWAY = (
    *("ESTALE", "EIO", "EREMOTEIO", "ETIMEDOUT", "ENOTCONN", "ECONNREFUSED", "ECONNRESET"),
    *("EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETUNREACH"),
)
AWAY = {getattr(errno, name) for name in _AWAY if hasattr(errno, name)}
"""What a volume of the network says while its server is away, or when it has come back with other handles; EIO where it
is mounted `soft`. A disk that is full, or that may not be written to, is no better a minute later."""
MAP_FROM = 256 * 1024
"""Files of this size and larger are mapped, not read."""


class FileStore(Store):
    """Keys are paths under `path`. A write goes to a temporary name first and is then renamed."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.url = path

    def read(self, key: str) -> Buffer:
        """The file's bytes; copy-on-write from the page cache when large, so that arrays in it can be changed."""

        def whole() -> Buffer:
            descriptor, size = _opened(f"{self.path}/{key}")
            try:
                if size < MAP_FROM:
                    return _read_all(descriptor, size)
                return _mapped(descriptor, 0, size)
            finally:
                os.close(descriptor)

        return self._try("read", key, whole)

    def read_range(self, key: str, start: int, length: int) -> Buffer:
        """A positioned read; long ranges are mapped like whole files, as one call reads no more than 2 GiB."""

        def piece() -> Buffer:
            descriptor, size = _opened(f"{self.path}/{key}")
            try:
                if length < MAP_FROM:
                    return os.pread(descriptor, length, start)
                return _mapped(descriptor, start, min(start + length, size))
            finally:
                os.close(descriptor)

        return self._try("read", key, piece)

    def write(self, key: str, parts: Sequence[Buffer]) -> None:
        """Write beside the target, then rename over it."""
        self._try("write", key, lambda: write_file(f"{self.path}/{key}", parts))

    def create(self, key: str, parts: Sequence[Buffer]) -> bool:
        """Write beside the target, then link it there, which one of several can."""

        def put() -> bool:
            try:
                write_file(f"{self.path}/{key}", parts, _link)
            except FileExistsError:
                return False
            return True

        return self._try("write", key, put)

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return self._status(key) is not None

    def age(self, key: str, size: int) -> float | None:
        """By the file's time of change. A file that was renamed before its bytes reached the disk may be empty."""
        status = self._status(key)
        return None if status is None or status.st_size != size else time.time() - status.st_mtime

    def renew(self, key: str) -> None:
        """Touch the file; write it anew where it is somebody else's."""
        try:
            os.utime(f"{self.path}/{key}")
        except PermissionError:
            super().renew(key)
        except FileNotFoundError:
            raise MissingKey(f"there is no {self.path}/{key}") from None

    def delete(self, key: str) -> None:
        """Unlink the file."""
        with contextlib.suppress(MissingKey):
            self._try("delete", key, lambda: os.unlink(f"{self.path}/{key}"))

    def remove_folders(self, folder: str) -> None:
        """Remove the folder, and those in it, unless one has got a file."""
        if _leaves(folder) or self.is_link(folder):
            return
        for path, _, _ in os.walk(f"{self.path}/{folder}", topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(path)

    def files(self, prefix: str) -> Iterator[ListedFile]:
        """Walk the folder of the prefix."""
        folder = prefix.rpartition("/")[0]
        if not self.is_link(folder):
            yield from self._walk(folder, prefix)

    def _walk(self, folder: str, prefix: str) -> Iterator[ListedFile]:
        try:
            entries = self._try("list", folder, lambda: list(os.scandir(f"{self.path}/{folder}")))
        except MissingKey:
            return
        for entry in entries:
            key = f"{folder}/{entry.name}" if folder else entry.name
            if not key.startswith(prefix):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(key, prefix)
                continue
            with contextlib.suppress(FileNotFoundError):  # it was renamed, or removed, since
                try:
                    status = entry.stat()
                except FileNotFoundError:
                    raise
                except OSError:  # a link that leads to itself, or where nobody may look
                    status = entry.stat(follow_symlinks=False)
                yield ListedFile(key, status.st_size, status.st_mtime)

    def set_aside(self, key: str) -> None:
        """Rename the file."""
        with contextlib.suppress(OSError):  # another reader has, or only a writer may
            os.replace(f"{self.path}/{key}", f"{self.path}/{key}.damaged")

    def keys(self, prefix: str) -> Iterator[str]:
        """Walk the folder of the prefix."""
        folder = prefix.rpartition("/")[0]
        if self.is_link(folder):
            return
        for name in sorted(self.children(folder)):
            key = f"{folder}/{name}" if folder else name
            if not key.startswith(prefix):
                continue
            if os.path.isdir(f"{self.path}/{key}"):
                yield from self.keys(f"{key}/")
            else:
                yield key

    def is_link(self, folder: str) -> bool:
        """Whether it is a symbolic link within a flow's folder."""
        return "/" in folder and os.path.islink(f"{self.path}/{folder}")

    def children(self, folder: str) -> list[str]:
        """A directory listing without half-written files."""
        try:
            names = self._try("list", folder, lambda: os.listdir(f"{self.path}/{folder}"))
        except MissingKey:
            return []
        return [name for name in names if not name.endswith(".tmp")]

    def _status(self, key: str) -> os.stat_result | None:
        """What the file system says of a file; `None` when it is not there."""
        try:
            return self._try("read", key, lambda: os.stat(f"{self.path}/{key}"))
        except StoreError:
            return None

    def _try(self, verb: str, key: str, call: Callable[[], T]) -> T:
        """Do it; again and again while the file system is away. Raises MissingKey and StoreError."""
        if _leaves(key):
            raise StoreError(f"cannot {verb} {key!r}, which is not in the store {self.path}")
        retries: Retries | None = None
        while True:
            try:
                result = call()
            except OSError as error:
                if isinstance(error, (FileNotFoundError, NotADirectoryError)) and verb != "write":
                    raise MissingKey(f"there is no {self.path}/{key}") from None
                problem = error.strerror or str(error)
                if error.errno in AWAY:
                    from flowc.store.retry import Retries

                    retries = retries or Retries(f"the store {self.path}")
                    if retries.wait(problem):
                        continue
                    problem += retries.spent()
                raise StoreError(f"cannot {verb} {self.path}/{key}: {problem}") from error
            if retries is not None:
                retries.answered()
            return result


def _leaves(key: str) -> bool:
    """Whether a key is that of no file below the root."""
    return "\0" in key or (".." in key and ".." in key.split("/"))


def write_file(target: str, parts: Iterable[Buffer], move: Callable[[str, str], None] = os.replace) -> None:
    """Write a file under a name of its own, and rename it. Raises OSError."""
    folder, _, name = target.rpartition("/")
    # Random, since on a shared volume the writers may be process 1 of many containers.
    temporary = f"{folder}/.{name}.{os.urandom(8).hex()}.tmp"
    try:
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            os.makedirs(folder, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        try:
            for part in parts:
                _write_all(descriptor, part)
        finally:
            os.close(descriptor)
        move(temporary, target)
    except OSError:
        _remove(temporary)
        raise


def _link(temporary: str, target: str) -> None:
    """Rename a file to a name that is free. Raises FileExistsError."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        os.replace(temporary, target)
        return
    os.unlink(temporary)


def _mapped(descriptor: int, start: int, end: int) -> Buffer:
    """The bytes from `start` to `end`: private memory, so that arrays in it can be changed."""
    import mmap

    if end <= start:
        return b""
    offset = start - start % mmap.ALLOCATIONGRANULARITY
    return memoryview(mmap.mmap(descriptor, end - offset, access=mmap.ACCESS_COPY, offset=offset))[start - offset :]


def _opened(path: str) -> Tuple[int, int]:
    """The descriptor and the size of a regular file. Raises OSError, also for a pipe or a device, which has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return descriptor, status.st_size


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while chunk := os.read(descriptor, 1 << 20):
        data += chunk
    return data


def _write_all(descriptor: int, part: Buffer) -> None:
    view = memoryview(part).cast("B") if not isinstance(part, bytes) else memoryview(part)
    while view:
        view = view[os.write(descriptor, view) :]


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # it was never made, or the disk is gone: the error that led here says more
        os.unlink(path)
