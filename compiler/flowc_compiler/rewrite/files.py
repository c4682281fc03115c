"""Files before and after an edit: how they are read, shown and written."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.syntax.newer_python import MAX_OPERATORS, longest_statement

if TYPE_CHECKING:
    import libcst as cst

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
    except (cst.ParserSyntaxError, RecursionError, UnicodeError, LookupError, ValueError) as error:
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


def write_all(edits: Sequence[Edit]) -> None:
    """Write every file, or none: each is replaced in one step, when all new contents are on the disk.

    Raises OSError when a file cannot be written.
    """
    ready: list[tuple[Path, Path, bytes]] = []
    done: list[tuple[Path, bytes]] = []
    try:
        for path, before, after in edits:
            target = path.resolve()  # a symbolic link stays one
            ready.append((_written_beside(target, after), target, before))
        for new, target, before in ready:
            new.replace(target)
            done.append((target, before))
    except OSError:
        for target, before in done:
            if before:
                target.write_bytes(before)
            else:
                target.unlink(missing_ok=True)  # there was none
        raise
    finally:
        for new, _, _ in ready:
            with suppress(OSError):
                new.unlink(missing_ok=True)


def _written_beside(target: Path, content: bytes) -> Path:
    """A new file in the target's folder, with its permissions."""
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(number, "wb") as file:
        file.write(content)
    new = Path(name)
    new.chmod(target.stat().st_mode & 0o7777 if target.exists() else 0o644)
    return new
