"""How compiling sees files: on the disk, or as an editor holds them; and what it saw, for a cache of its results.

Whatever compiling reads, lists or looks for in a project goes through these functions.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, TypeVar

_CODE = re.compile(r"[^.]+|(?!\.).*\.py", re.DOTALL)
"""The names of modules and folders. A run's output should be none of them."""
_REQUIREMENTS = re.compile(r"requirements.*\.(?:txt|in)|pyproject\.toml|setup\.(?:py|cfg)|environment.*\.ya?ml|Pipfile")
MOST_BYTES = 64 * 2**20
"""The largest file that compiling reads, beside those that it ships."""

Aspect = Literal["content", "module", "names", "folders", "requirements", "entries", "kind", "link", "real", "variable"]
"""What is seen of a path: a file's content; of `folder/name`, what the folder has with that name before its first dot;
in a folder, the names of code, those without a dot, those of files that list requirements, or all; what is there, the
text of a link that is there, or the path without links; and the value of a variable of the environment.
"""
Seen = dict[tuple[Aspect, str], str]
"""(aspect, absolute path or variable) to what was seen: digests of content, names and values; empty for nothing."""

SEEN: ContextVar[Seen | None] = ContextVar("SEEN", default=None)
"""Where what is seen is recorded."""
_KEPT: ContextVar[dict[tuple[str, str], Any] | None] = ContextVar("_KEPT", default=None)
_HELD: ContextVar[Mapping[str, str | bytes]] = ContextVar("_HELD", default=MappingProxyType({}))

Result = TypeVar("Result")


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
def disk_unchanged() -> Generator[None]:
    """Take folders and settings to be as they were found first: many files are checked, and they share most of them."""
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def found_once(what: str, path: str, find: Callable[[], Result]) -> Result:
    """What is found at a path, or what was found there before while the disk is taken to be unchanged."""
    kept = _KEPT.get()
    if kept is None:
        return find()
    if (what, path) not in kept:
        kept[what, path] = find()
    found: Result = kept[what, path]
    return found


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


def names_in(folder: Path, aspect: Literal["names", "folders", "requirements"] = "names") -> list[str]:
    """Names in a folder, sorted: those of code, those without a dot, or those of files that list requirements."""
    found = found_once(aspect, str(folder), lambda: _selected(aspect, folder))
    if SEEN.get() is not None:
        _record(aspect, folder, found_once(f"digest of {aspect}", str(folder), lambda: _listing(found)))
    held = [] if aspect != "names" else _held_in(folder)
    return sorted({*found, *held}) if held else found


class FolderNames:
    """The names in a folder by what stands before their first dot: as `import name` finds `name.py` or `name.*.so`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = _index(folder)
        self._held = _held_in(folder)

    def named(self, name: str) -> tuple[str, ...]:
        """What the folder has with a name, sorted; nothing where it cannot be read."""
        found = self._index.get(name, ())
        if SEEN.get() is not None:
            _record("module", self._folder / name, "\n".join(found))
        held = [item for item in self._held if item.partition(".")[0] == name]
        return tuple(sorted({*found, *held})) if held else found


def is_link(path: Path) -> bool:
    """Whether a symbolic link is there."""
    link = _link(path)
    _record("link", path, link)
    return link != ""


def record_tree(folder: Path) -> None:
    """Record all names in a folder and in the folders below it, which a pattern may match."""
    for where, _, _ in os.walk(folder) if SEEN.get() is not None else ():
        _record("entries", where, look("entries", where))


def record_content(path: str) -> None:
    """Record a file's content, for what is read elsewhere."""
    if SEEN.get() is not None:
        _record("content", path, found_once("content", path, lambda: look("content", path)))


def record_variables(names: Iterable[str]) -> None:
    """Record the values of variables of the environment."""
    record = SEEN.get()
    if record is not None:
        record.update((("variable", name), look("variable", name)) for name in names)


def real_path(path: str | os.PathLike[str]) -> str:
    """An absolute path without links in it."""
    real = os.path.realpath(path)
    _record("real", path, real)
    return real


def look(aspect: Aspect, path: str) -> str:
    """What is to be seen of a path now, as it was recorded."""
    match aspect:
        case "content":
            try:
                return _digest(_content(Path(path), MOST_BYTES))
            except OSError:
                return ""
        case "module":
            return "\n".join(_index(Path(path).parent).get(os.path.basename(path), ()))  # noqa: PTH119
        case "names" | "folders" | "requirements":
            return _listing(_selected(aspect, Path(path)))
        case "entries":
            return _listing(_names(Path(path)))
        case "kind":
            return _kind(Path(path))
        case "link":
            return _link(Path(path))
        case "real":
            return os.path.realpath(path)
        case "variable":
            value = os.environ.get(path)
            return "" if value is None else _digest(value.encode(errors="surrogateescape"))


def expand_user(path: str) -> Path:
    """The path with `~` replaced; of a user who does not exist, as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - Path.expanduser raises for such a user


def _record(aspect: Aspect, path: str | os.PathLike[str], seen: str) -> None:
    record = SEEN.get()
    if record is not None:
        record[aspect, os.path.abspath(path)] = seen  # noqa: PTH100 (keeps links)


def _content(path: Path, most: int | None) -> bytes:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        kind = errno.EISDIR if stat.S_ISDIR(status.st_mode) else errno.EINVAL
        raise OSError(kind, "it is not a regular file")
    with open(path, "rb", opener=_without_waiting) as file:
        is_large = most is not None and os.fstat(file.fileno()).st_size > most
        content = b"" if is_large else file.read(None if most is None else most + 1)  # files of /proc tell no size
    if most is not None and (is_large or len(content) > most):
        raise OSError(errno.EFBIG, f"it is larger than {most >> 20} MiB")
    return content


def _without_waiting(path: str, flags: int) -> int:
    """Open what may have become a pipe since it was looked at, or a file such as /proc/kmsg, which waits for lines."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


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


def _selected(aspect: Literal["names", "folders", "requirements"], folder: Path) -> list[str]:
    match aspect:
        case "names":
            return sorted(filter(_CODE.fullmatch, _names(folder)))
        case "folders":
            return sorted(item for item in _names(folder) if "." not in item)
        case "requirements":
            return sorted(filter(_REQUIREMENTS.fullmatch, _names(folder)))


def _index(folder: Path) -> dict[str, tuple[str, ...]]:
    """The names in a folder by what stands before their first dot."""

    def find() -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for item in sorted(_names(folder)):
            stem = item.partition(".")[0]
            found[stem] = (*found.get(stem, ()), item)
        return found

    return found_once("index", str(folder), find)


def _held_in(folder: Path) -> list[str]:
    """The names of the files in a folder that are in memory."""
    key = str(folder)
    return [os.path.basename(path) for path in _HELD.get() if os.path.dirname(path) == key]  # noqa: PTH119, PTH120


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 (no objects are wanted)
    except OSError:
        return []


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _listing(names: Iterable[str]) -> str:
    return _digest("\0".join(sorted(names)).encode(errors="surrogateescape"))
