"""The `__main__.py` of the bootstrap: it fetches the runtime from the root of the artifacts, and goes on as that.

The zip that it is in has the part of the shim that reads a root, and the runtime's key. This file is read and never
imported here. Standard library only; Pythons that are too old for the shim have to parse it.
"""

import hashlib
import os
import sys
import tempfile
from zipimport import zipimporter

if sys.version_info < (3, 9):
    sys.exit("flowc: a task needs Python 3.9 or newer, and this is %d.%d" % sys.version_info[:2])

from flowc.errors import MissingKey, StoreError
from flowc.store import open_store

here = os.path.abspath(sys.path[0])
archive = zipimporter(here)
key = archive.get_data("runtime.key").decode()
root = os.environ.get("FLOWC_ROOT", "")
try:
    content = bytes(open_store(root).read_known(key))
except MissingKey:
    sys.stderr.write("flowc: %s has no %s: upload it with `flowc runtime push --root ROOT`\n" % (root, key))
    sys.exit(2)
except StoreError as error:
    sys.stderr.write("flowc: the runtime cannot be read: %s\n" % error)
    sys.exit(2)
if hashlib.sha256(content).hexdigest() != os.path.basename(key).partition(".")[0]:
    sys.stderr.write("flowc: %s in %s is not what its name says: remove it, and push it again\n" % (key, root))
    sys.exit(2)
try:
    archive.get_data("plan.json")
    place = here
except OSError:
    place = os.path.dirname(here)
os.environ.setdefault("FLOWC_CODE", place)
path = os.path.join(tempfile.mkdtemp(prefix="flowc-"), "flowc.pyz")
with open(path, "wb") as file:
    file.write(content)
os.execv(sys.executable, [sys.executable, path] + sys.argv[1:])  # noqa: S606 (no shell is wanted)
