"""The `__main__.py` of every code package: it finds the bytecode that an earlier task has left, and goes on with that.

It is short, since Python compiles it for every task. The rest is `zipapp_start__main__.py`, whose bytecode is kept with
that of the shim, and whose source is in here, compressed.

The plan and the flow's files are in the same zip, or in the folder that the zip is in.

Compressed file by file, the shim alone would fill the annotation that a plain `kubectl apply` keeps. This file is read
and never imported here. Standard library only; Pythons that are too old for the shim have to parse it.
"""

import marshal
import os
import sys
import zlib
from zipimport import zipimporter

DIGEST = ""
"""Of the shim; `main_file` puts it here, and the source of the rest."""
SOURCE = ""
START = "start.py"
"""The name of the rest."""

if sys.version_info < (3, 9):
    sys.exit("flowc: a task needs Python 3.9 or newer, and this is %d.%d" % sys.version_info[:2])


def bytecode_file() -> str:
    """Where this Python's bytecode of the shim is, if the artifacts are in a folder: to compile it takes longer than
    all else here. Nothing elsewhere: to fetch it from a bucket would take as long."""
    root = os.environ.get("FLOWC_ROOT", "")
    root = root[7:] if root.startswith("file:///") and "%" not in root else root
    if not root or "://" in root or not DIGEST:
        return ""
    import importlib.util  # of which this is loaded already

    version = "%s-%s-%d.zip" % (DIGEST, importlib.util.MAGIC_NUMBER.hex(), sys.flags.optimize)
    return os.path.join(os.path.abspath(os.path.expanduser(root)), ".flowc", "bytecode", version)


def is_ours(status: os.stat_result) -> bool:
    """Whether we have written a file, or root has, and nobody else may."""
    return status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022


def opened(path: str) -> "tuple[int, int, dict[str, tuple[str, int, int, int]]]":
    """A file with bytecode: its descriptor, where its parts begin, and where each is; no parts where it isn't whole, or
    not ours."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        status, head = os.fstat(descriptor), os.pread(descriptor, 24, 0)
        size, length, checksum = [int(head[at : at + 8], 16) for at in (0, 8, 16)]
        index = os.pread(descriptor, length, 24)
        if is_ours(status) and status.st_size == size and zlib.crc32(index) == checksum:
            return descriptor, 24 + length, marshal.loads(index)  # noqa: S302 (it is ours)
    except (OSError, ValueError):
        pass
    return -1, 0, {}


def part_of(kept: "tuple[int, int, dict[str, tuple[str, int, int, int]]]", name: str) -> bytes:
    """A part of such a file; nothing where it cannot be read: the step may have closed it."""
    _, place, length, checksum = kept[2].get(name, ("", 0, 0, 0))
    try:
        code = os.pread(kept[0], length, kept[1] + place)
    except OSError:
        return b""
    return code if zlib.crc32(code) == checksum else b""


def start_source() -> bytes:
    """The source of the rest."""
    import binascii

    return zlib.decompress(binascii.a2b_base64(SOURCE))


program = os.path.abspath(sys.path[0])  # the task may change the working directory
archive = zipimporter(program)
bytecode = bytecode_file()
kept = opened(bytecode)
begin = part_of(kept, START)
exec(marshal.loads(begin) if begin else compile(start_source(), START, "exec"))  # noqa: S102, S302 (it is ours)
