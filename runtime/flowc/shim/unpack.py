"""Making real files of a code package that has included files: a zip's cannot be opened, nor do they have a path."""

from __future__ import annotations

import os
import sys

from flowc.errors import ProtocolError
from flowc.protocol import FILES_FOLDER, env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

PREFIX = f"{FILES_FOLDER}/"


def unpack(files: Dict[str, Any]) -> str:
    """Unpack the user's files into a new folder, which is removed when this process ends, and go there.

    `files` is what the plan says of them: the folder that imports start from (`code`), that of the flow's file
    (`folder`), which becomes the working directory and is in FLOWC_FILES, and which of them are `executable`:
    `open("data.csv")` and `Path(__file__).parent / "data.csv"` are the file beside the flow's own.
    Raises ProtocolError where nothing can be written, or the code does not run from a package.
    """
    import tempfile

    try:
        top = os.path.realpath(tempfile.mkdtemp(prefix="flowc-files-"))
        _remove_at_exit(top)
        _extract(_archive(), top)
        for name in files["executable"]:
            path = os.path.join(top, name)
            os.chmod(path, 0o700)
        folder = os.path.join(top, files["folder"]).rstrip(os.sep)
        os.makedirs(folder, exist_ok=True)
        _keep_relative_paths()
        os.chdir(folder)
    except OSError as error:
        raise ProtocolError(
            f"the included files cannot be unpacked: {error}; TMPDIR may name a folder that can be written"
        ) from error
    os.environ[env_names.FILES] = folder
    sys.path.insert(0, os.path.join(top, files["code"]).rstrip(os.sep))
    return folder


def _archive() -> str:
    import flowc

    archive = getattr(flowc.__loader__, "archive", None)
    if archive is None:
        raise ProtocolError("the included files are in the code package: run it (python3 flow.pyz task ...)")
    return str(archive)


def _extract(archive: str, top: str) -> None:
    import zipfile

    with zipfile.ZipFile(archive) as package:
        for name in package.namelist():
            if not name.startswith(PREFIX):
                continue
            path = os.path.join(top, name[len(PREFIX) :])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(package.read(name))


def _keep_relative_paths() -> None:
    """What the environment says relative to the working directory must not follow us to another one."""
    root = os.environ.get(env_names.ROOT, "")
    if root and "://" not in root:
        os.environ[env_names.ROOT] = os.path.abspath(os.path.expanduser(root))
    sys.path[:] = [os.path.abspath(entry) if os.path.exists(entry or ".") else entry for entry in sys.path]


def _remove_at_exit(folder: str) -> None:
    """Not in processes that the step forks: the first that ends would take the others' files away."""
    import atexit

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            import shutil

            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
