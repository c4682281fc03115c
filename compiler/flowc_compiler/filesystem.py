"""How compiling sees files: on the disk, or as an editor holds them; and what it saw, for a cache of its results.

Whatever compiling reads, lists or looks for in a project goes through these functions.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Literal

MOST_BYTES = 64 * 2**20
"""The largest file that compiling reads, beside those that it ships."""

Aspect = Literal["content", "names", "kind", "link", "real"]
"""What is seen of a path: a file's content, the names in a folder, what is there, the text of a link that is there, or
the path without links.
"""
Seen = dict[tuple[Aspect, str], str]
"""(aspect, absolute path) to what was seen there: a digest for content and names; empty for nothing."""

SEEN: ContextVar[Seen | None] = ContextVar("SEEN", default=None)
"""Where what is seen is recorded."""
_LISTED: ContextVar[dict[str, frozenset[str]] | None] = ContextVar("_LISTED", default=None)
_HELD: ContextVar[Mapping[str, str | bytes]] = ContextVar("_HELD", default=MappingProxyType({}))


@contextmanager
def held_in_memory(texts: Mapping[Path, str | bytes]) -> Generator[None]:
    """See these files with these contents, whether they are on the disk or not: an editor's, or standard input.

    A text is taken as it is, bytes as the file's own, with the encoding that they declare.
    """
    held = dict(_HELD.get())
    for path, text in texts.items():
        held |= dict.fromkeys((os.path.abspath(path), os.path.realpath(path)), text)  # noqa: PTH100 (keeps links)
    token = _HELD.set(held)
    try:
        yield
    finally:
        _HELD.reset(token)


@contextmanager
def listing_once() -> Generator[None]:
    """List each folder once: many files are checked, and one folder may have most of them."""
    token = _LISTED.set({})
    try:
        yield
    finally:
        _LISTED.reset(token)


def held_text(path: Path) -> str | bytes | None:
    """What a file holds in memory; `None` for one that is only on the disk."""
    held = _HELD.get()
    return held.get(os.path.abspath(path)) if held else None  # noqa: PTH100 (keeps links)


def read_file(path: Path, most: int | None = MOST_BYTES) -> bytes:
    """The content of a regular file: devices and pipes may have no end. Raises OSError, also where it is too large.

    `None` for `most` reads files of any size.
    """
    held = held_text(path)
    if held is not None:
        return held if isinstance(held, bytes) else held.encode(errors="replace")
    try:
        content = _content(path, most)
    except OSError:
        _record("content", path, "")
        raise
    if SEEN.get() is not None:
        _record("content", path, _digest(content))
    return content


def read_text(path: Path) -> str:
    """The text of a regular file in UTF-8; what is not UTF-8 is replaced. Raises OSError."""
    return read_file(path).decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n")


def is_file(path: Path) -> bool:
    """Whether a regular file is there; of a path that no file can have, such as one that is too long, false."""
    return kind_of(path) == "file"


def is_folder(path: Path) -> bool:
    """Whether a folder is there; of a path that no folder can have, false."""
    return kind_of(path) == "folder"


def exists(path: Path) -> bool:
    """Whether something is there; of a path that no file can have, false."""
    return kind_of(path) != ""


def kind_of(path: Path) -> Literal["file", "folder", "other", ""]:
    """What is at a path; nothing where that is not to be seen."""
    if held_text(path) is not None:
        return "file"
    kind = _kind(path)
    _record("kind", path, kind)
    return kind


def names_in(folder: Path) -> frozenset[str]:
    """The names in a folder; none where it cannot be read."""
    key, listed = str(folder), _LISTED.get()
    found = listed.get(key) if listed is not None else None
    if found is None:
        found = _names(folder)
        if listed is not None:
            listed[key] = found
    if SEEN.get() is not None:
        _record("names", folder, _listing(found))
    held = {os.path.basename(path) for path in _HELD.get() if os.path.dirname(path) == key}  # noqa: PTH119, PTH120
    return found | held if held else found


def is_link(path: Path) -> bool:
    """Whether a symbolic link is there."""
    link = _link(path)
    _record("link", path, link)
    return link != ""


def record_tree(folder: Path) -> None:
    """Record the names in a folder and in all folders below it, which a pattern may match."""
    for where, folders, _ in os.walk(folder) if SEEN.get() is not None else ():
        folders.sort()
        names_in(Path(where))


def real_path(path: str | Path) -> str:
    """An absolute path without links in it."""
    real = os.path.realpath(path)
    _record("real", path, real)
    return real


def look(aspect: Aspect, path: str) -> str:
    """What is to be seen of a path now, as it was recorded."""
    match aspect:
        case "content":
            try:
                return _digest(_content(Path(path), None))
            except OSError:
                return ""
        case "names":
            return _listing(names_in(Path(path)))
        case "kind":
            return _kind(Path(path))
        case "link":
            return _link(Path(path))
        case "real":
            return os.path.realpath(path)


def expand_user(path: str) -> Path:
    """The path with `~` replaced; of a user who does not exist, as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for such a user


def _record(aspect: Aspect, path: str | Path, seen: str) -> None:
    record = SEEN.get()
    if record is not None:
        record[aspect, os.path.abspath(path)] = seen  # noqa: PTH100 (keeps links)


def _content(path: Path, most: int | None) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise OSError(kind, "it is not a regular file")
    with path.open("rb") as file:
        content = file.read(None if most is None else most + 1)  # files of /proc say that they are empty
    if most is not None and len(content) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB")
    return content


def _kind(path: Path) -> Literal["file", "folder", "other", ""]:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 (faster, and there are many)
    except (OSError, ValueError):
        return ""
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _link(path: Path) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 (faster, and there are many)
    except (OSError, ValueError):
        return ""


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))  # noqa: PTH208 (no objects are wanted)
    except OSError:
        return frozenset()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _listing(names: frozenset[str]) -> str:
    return _digest("\0".join(sorted(names)).encode(errors="surrogateescape"))
