"""The `__main__.py` of every code package: it unpacks the shim, which is compressed as a whole, and runs it.

The plan and the flow's files are in the same zip, or in the folder that the zip is in.

Compressed file by file, the shim alone would fill the annotation that a plain `kubectl apply` keeps. This file is read
and never imported here. Standard library only; Pythons that are too old for the shim have to parse it.
"""

import atexit
import os
import sys
from zipimport import zipimporter

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


program = os.path.abspath(sys.path[0])  # the task may change the working directory
archive = zipimporter(program)
try:
    sys.path[0] = new_file()
    with open(sys.path[0], "wb") as file:
        file.write(archive.get_data("flowc.zip"))
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
