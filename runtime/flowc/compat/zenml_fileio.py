"""`zenml.io.fileio` for the files of this machine. Names and arguments are ZenML's."""

from __future__ import annotations

import glob as _glob
import os
import shutil

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Callable, Iterable, List, Optional, Tuple

Opened = open


def open(path: str, mode: str = "r") -> IO[Any]:
    """Open a file."""
    return Opened(path, mode)


def copy(src: str, dst: str, overwrite: bool = False) -> None:
    """Copy a file. Raises FileExistsError."""
    _check(dst, overwrite)
    shutil.copyfile(src, dst)


def rename(src: str, dst: str, overwrite: bool = False) -> None:
    """Move a file. Raises FileExistsError."""
    _check(dst, overwrite)
    os.replace(src, dst)


def exists(path: str) -> bool:
    """Whether there is something."""
    return os.path.exists(path)


def isdir(path: str) -> bool:
    """Whether it is a folder."""
    return os.path.isdir(path)


def listdir(path: str, only_file_names: bool = True) -> List[str]:
    """What is in a folder."""
    names = os.listdir(path)
    return names if only_file_names else [os.path.join(path, name) for name in names]


def glob(pattern: str) -> List[str]:
    """Paths that match a pattern."""
    return _glob.glob(pattern, recursive=True)


def makedirs(path: str) -> None:
    """Make a folder and those above it."""
    os.makedirs(path, exist_ok=True)


def mkdir(path: str) -> None:
    """Make a folder."""
    os.mkdir(path)


def remove(path: str) -> None:
    """Remove a file."""
    os.remove(path)


def rmtree(path: str) -> None:
    """Remove a folder and what is in it."""
    shutil.rmtree(path)


def stat(path: str) -> Any:
    """What the system knows of a file."""
    return os.stat(path)


def size(path: str) -> Optional[int]:
    """The bytes of a file."""
    return os.path.getsize(path)


def walk(
    top: str, topdown: bool = True, onerror: Optional[Callable[..., None]] = None
) -> Iterable[Tuple[str, List[str], List[str]]]:
    """The folders below one."""
    return os.walk(top, topdown, onerror)


def convert_to_str(path: Any) -> str:
    """A path as text."""
    return os.fsdecode(path)


def _check(path: str, overwrite: bool) -> None:
    if os.path.exists(path) and not overwrite:
        raise FileExistsError(f"{path} is there already; pass overwrite=True")
