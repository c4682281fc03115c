"""Files before and after an edit: how they are read, shown and written."""

from __future__ import annotations

import difflib
import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.syntax.newer_python import MAX_OPERATORS, longest_statement

if TYPE_CHECKING:
    import libcst as cst

_MOST_LINKS = 40
"""What Linux follows."""
_BOM = b"\xef\xbb\xbf"


class RewriteError(Exception):
    """A file cannot be edited; the text says why."""


class Edit(NamedTuple):
    """A file, what it holds, and what it is to hold."""

    path: Path
    before: bytes
    after: bytes


def parse_bytes(content: bytes, name: str) -> cst.Module:
    """The syntax tree of a file's content, with its encoding. Raises RewriteError."""
    import libcst as cst

    try:
        content = content.removeprefix(_BOM)
        if longest_statement(content.decode(errors="replace"))[1] > MAX_OPERATORS:
            raise RewriteError(f"{name}: a statement is nested too deeply")
        return cst.parse_module(content)
    except (cst.ParserSyntaxError, SyntaxError, RecursionError, LookupError, ValueError) as error:
        raise RewriteError(f"{name} is not valid Python: {str(error).splitlines()[0]}") from None


def to_bytes(module: cst.Module, before: bytes) -> bytes:
    """The content of an edited file, with the encoding and the byte order mark that it had. Raises RewriteError."""
    try:
        return (_BOM if before.startswith(_BOM) else b"") + module.bytes
    except RecursionError:
        raise RewriteError("the file is nested too deeply") from None


def diff(edits: Sequence[Edit]) -> str:
    """A unified diff, as `patch` and `git apply` take it."""
    lines: list[str] = []
    for path, before, after in edits:
        old, new = (text.decode(errors="replace").splitlines(keepends=True) for text in (before, after))
        name = path.as_posix().lstrip("/")
        for line in difflib.unified_diff(old, new, f"a/{name}", f"b/{name}"):
            lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write text files, all or none: see `write_all`."""
    write_all([Edit(path, b"", text.encode()) for path, text in texts.items()])


def write_all(edits: Sequence[Edit]) -> None:
    """Write every file, or none: each is replaced in one step, when all new contents are on the disk.

    A link stays one, and what it leads to is written. So is what a path to a device or a pipe leads to, after the
    files. Folders are made. Raises OSError when something cannot be written.
    """
    ready: list[tuple[Path | None, Path, bytes]] = []
    done: list[tuple[Path, bytes | None]] = []
    try:
        for path, _, after in edits:
            stream = is_stream(path)
            target = path if stream else _followed(path)
            ready.append((None if stream else _written_beside(target, after), target, after))
        for new, target, after in sorted(ready, key=lambda item: item[0] is None):
            if new is None:
                _write_through(target, after)
                continue
            before = target.read_bytes() if target.exists() else None
            new.replace(target)
            done.append((target, before))
    except OSError:
        for target, before in done:
            if before is not None:
                target.write_bytes(before)
            else:
                target.unlink(missing_ok=True)
        raise
    finally:
        for new, _, _ in ready:
            with suppress(OSError):
                if new is not None:
                    new.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Whether a path leads to a device, a pipe, or an open file such as `/dev/stdout`: nothing to be replaced."""
    for _ in range(_MOST_LINKS):
        if path.is_relative_to("/proc") or path.is_relative_to("/dev/fd"):
            return True
        if not path.is_symlink():
            return path.exists() and not path.is_file() and not path.is_dir()
        path = Path(os.path.normpath(path.parent.absolute() / path.readlink()))
    return False


def _followed(path: Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return target


def _written_beside(target: Path, content: bytes) -> Path | None:
    """A new file in the target's folder, with its permissions; `None` where only the target itself can be written."""
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError:
        if target.is_file() and os.access(target, os.W_OK):
            return None
        raise
    with os.fdopen(number, "wb") as file:
        file.write(content)
    new = Path(name)
    mask = os.umask(0)
    os.umask(mask)
    new.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~mask)
    return new


def _write_through(path: Path, content: bytes) -> None:
    """Write to what is there. Nothing is created, which the kernel refuses for pipes of others."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(content)
