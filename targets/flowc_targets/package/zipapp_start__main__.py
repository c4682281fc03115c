"""What `__main__.py` of a code package executes: it unpacks the shim, which is compressed as a whole, and runs it.

Where the artifacts are in a folder, the first task leaves the bytecode there for those that follow, also that of this
file: Python would compile it for every task.

It is read and never imported here. Standard library only; Pythons that are too old for the shim have to parse it.
"""

import atexit
import marshal
import os
import sys
import zlib
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:  # it is executed there
    import types

    from flowc_targets.package.zipapp__main__ import (
        START,
        archive,
        bytecode,
        is_ours,
        kept,
        part_of,
        program,
        start_source,
    )


def new_path() -> str:
    """A path for a new file where `tempfile` makes them. To import that takes longer than all else here."""
    variables = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    places = [*filter(None, variables), "/tmp", "/var/tmp", "/usr/tmp", os.curdir]  # noqa: S108
    place = next((place for place in places if os.access(place, os.W_OK | os.X_OK)), os.curdir)
    return os.path.join(os.path.realpath(place), "flowc-%d-%s.zip" % (os.getpid(), os.urandom(8).hex()))


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


def kept_bytecode(path: str) -> bytes:
    """The bytecode, whole, if we have made it ourselves, or root has; else nothing."""
    try:
        with open(path, "rb") as kept:
            status = os.fstat(kept.fileno())
            content = kept.read()
    except OSError:
        return b""
    return content if is_ours(status) and content[-8:] == b"%08x" % zlib.crc32(content[:-8]) else b""


class KeptModules:
    """Imports modules of the shim from the file with the bytecode: each is read, and its checksum compared, when it is
    imported. To copy all of it, and to have Python read the directory of a zip, takes longer than a task's own work.

    A module that the file doesn't have as bytecode, or that cannot be read, is imported from the whole, which is
    unpacked for that; and for processes that `multiprocessing` starts, which get our import path.
    """

    def __init__(self) -> None:
        self.places = kept[2]
        self.codes = dict[str, bytes]()

    def find_spec(self, name: str, path: object = None, target: object = None) -> "ModuleSpec | None":
        """Where a module is."""
        del path, target
        if name in self.places:
            code = part_of(kept, name)
            if code:
                self.codes[name] = code
                file = os.path.join(unpacked, self.places[name][0])
                spec = ModuleSpec(name, self, origin=file)  # type: ignore[arg-type]
                spec.has_location = True
                if file.endswith("__init__.pyc"):
                    spec.submodule_search_locations = [os.path.dirname(file)]
                return spec
            self.places.clear()
        elif not name.startswith("flowc.") and name != "multiprocessing":
            return None
        unpack()
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        """Python makes it."""

    def exec_module(self, module: "types.ModuleType") -> None:
        """Execute a module that was found."""
        exec(marshal.loads(self.codes.pop(module.__name__)), module.__dict__)  # noqa: S102, S302 (it is ours)


def unpack() -> None:
    """Write the shim to where the import path has it. Raises OSError."""
    if os.path.exists(unpacked):
        return
    content = kept_bytecode(bytecode) if bytecode else b""
    if bytecode and not content:
        atexit.register(keep_bytecode, bytecode, os.getpid())
    new = "%s.%d" % (unpacked, os.getpid())
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(content or sources())
    os.rename(new, unpacked)
    atexit.register(remove, unpacked, os.getpid())
    sys.path_importer_cache.pop(unpacked, None)


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
    """The modules of a zip as bytecode: where each of them is, for `KeptModules`, and a zip, which ends with the
    checksum of all that is before it."""
    import importlib.util
    import io
    import zipfile

    buffer, places = io.BytesIO(), dict[str, tuple[str, int, int, int]]()
    with zipfile.ZipFile(io.BytesIO(sources)) as source, zipfile.ZipFile(buffer, "w") as target:
        for name in source.namelist():
            if name.split("/")[1] in ("client", "compat", "datatools"):  # few tasks import these
                target.writestr(name, source.read(name))
                continue
            code = marshal.dumps(compile(source.read(name), "flowc.zip/" + name, "exec", dont_inherit=True))
            # Hashed, and not to be checked: the name of the file says of what it was made.
            target.writestr(name + "c", importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + bytes(8) + code)
            module = name[:-3].replace("/", ".")
            module = module[:-9] if module.endswith(".__init__") else module
            places[module] = name + "c", buffer.tell() - len(code), len(code), zlib.crc32(code)
        code = marshal.dumps(compile(start_source(), START, "exec", dont_inherit=True))
        target.writestr(START, code)
        places[START] = START, buffer.tell() - len(code), len(code), zlib.crc32(code)
        target.comment = bytes(8)
    index, whole = marshal.dumps(places), buffer.getvalue()
    size = 24 + len(index) + len(whole)
    content = b"%08x%08x%08x" % (size, len(index), zlib.crc32(index)) + index + whole[:-8]
    return content + b"%08x" % zlib.crc32(content)


sys.path[0] = unpacked = new_path()
if kept[2]:
    # What others put first, to see each import, such as a debugger or the tests of a flow, stays first.
    finders = [getattr(finder, "__name__", "") for finder in sys.meta_path]
    sys.meta_path.insert(finders.index("PathFinder") if "PathFinder" in finders else 0, KeptModules())
else:
    try:
        unpack()
    except OSError as error:
        sys.stderr.write(
            "flowc: the shim cannot be unpacked: %s; TMPDIR may name a folder that can be written\n" % error
        )
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
