"""The `__main__.py` of every code package: it unpacks the shim, which is compressed as a whole, and runs it.

Where the artifacts are in a folder, the first task leaves the bytecode there for those that follow.

The plan and the flow's files are in the same zip, or in the folder that the zip is in.

Compressed file by file, the shim alone would fill the annotation that a plain `kubectl apply` keeps. This file is read
and never imported here. Standard library only; Pythons that are too old for the shim have to parse it.
"""

import atexit
import os
import sys
import zlib
from zipimport import zipimporter

DIGEST = ""
"""Of the shim; `main_file` puts it here."""

if sys.version_info < (3, 9):
    sys.exit("flowc: a task needs Python 3.9 or newer, and this is %d.%d" % sys.version_info[:2])


def new_file() -> str:
    """A new file where `tempfile` makes them, removed at the end. To import that takes longer than all else here."""
    variables = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    failure = OSError("there is no folder")
    for place in [*filter(None, variables), "/tmp", "/var/tmp", "/usr/tmp", os.curdir]:  # noqa: S108
        path = os.path.join(os.path.realpath(place), "flowc-%d-%s.zip" % (os.getpid(), os.urandom(8).hex()))
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            failure = error if failure.errno is None else failure
        else:
            atexit.register(remove, path, os.getpid())
            return path
    raise failure


def remove(path: str, owner: int) -> None:
    """Remove a file, unless a step has forked this process: others still use it then."""
    if os.getpid() == owner:
        try:
            os.remove(path)
        except OSError:
            pass  # the step has


def sources() -> bytes:
    """The shim as a zip. Where one object could not hold it, its second half is beside this file."""
    try:
        return archive.get_data("flowc.zip")
    except OSError:
        with open(os.path.join(os.path.dirname(program), "flowc.zip.2"), "rb") as second:
            return archive.get_data("flowc.zip.1") + zlib.decompress(second.read())


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


def kept_bytecode(path: str) -> bytes:
    """The bytecode, whole, if we have made it ourselves, or root has; else nothing."""
    try:
        with open(path, "rb") as kept:
            status = os.fstat(kept.fileno())
            content = kept.read()
    except OSError:
        return b""
    is_ours = status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022
    return content if is_ours and content[-8:] == b"%08x" % zlib.crc32(content[:-8]) else b""


def keep_bytecode(path: str, owner: int) -> None:
    """Make the bytecode for the tasks that follow, when this one has ended."""
    if os.getpid() != owner or sys.dont_write_bytecode:
        return
    try:
        if os.path.exists(path) and os.stat(path).st_uid != os.geteuid():
            return  # that user's tasks have made it for themselves
        content = compiled(sources())
        os.makedirs(os.path.dirname(path), exist_ok=True)
        temporary = "%s.%s.tmp" % (path, os.urandom(8).hex())
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644), "wb") as kept:
            kept.write(content)
        os.replace(temporary, path)
    except Exception:  # noqa: S110 (the tasks that follow compile it themselves)
        pass


def compiled(sources: bytes) -> bytes:
    """The modules of a zip as bytecode, in a zip that ends with the checksum of what is before it."""
    import importlib.util
    import io
    import marshal
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sources)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            if name.split("/")[1] in ("client", "compat", "datatools"):  # few tasks import these
                target.writestr(name, source.read(name))
                continue
            code = compile(source.read(name), "flowc.zip/" + name, "exec", dont_inherit=True)
            # Hashed, and not to be checked: the name of the file says of what it was made.
            header = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8)
            target.writestr(name + "c", header + marshal.dumps(code))
        target.comment = bytes(8)
    content = buffer.getvalue()[:-8]
    return content + b"%08x" % zlib.crc32(content)


program = os.path.abspath(sys.path[0])  # the task may change the working directory
archive = zipimporter(program)
bytecode = bytecode_file()
shim = kept_bytecode(bytecode) if bytecode else b""
try:
    if bytecode and not shim:
        atexit.register(keep_bytecode, bytecode, os.getpid())
    sys.path[0] = new_file()
    with open(sys.path[0], "wb") as file:
        file.write(shim or sources())
except OSError as error:
    sys.stderr.write("flowc: the shim cannot be unpacked: %s; TMPDIR may name a folder that can be written\n" % error)
    sys.exit(2)

from flowc.__main__ import main  # noqa: E402
from flowc.shim.loaded_plan import CodePackage, set_package  # noqa: E402

try:
    archive.get_data("plan.json")
    place = program
except OSError:
    place = os.path.dirname(program)
set_package(CodePackage(program, place))
sys.exit(main())
