"""Placing the user's files for a task: unpacked from the code package, or where they are in a local run."""

from __future__ import annotations

import contextlib
import os
import sys

from flowc.errors import ProtocolError
from flowc.protocol import FILES_FOLDER, env_names
from flowc.shim.loaded_plan import code_package

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    from flowc.protocol.plan import Plan
    from flowc.shim.loaded_plan import CodePackage


def place_files(plan: Plan) -> str:
    """Have the user's files and the import path ready; returns the path of the flow's file.

    The plan's `files` name paths from the folder with all of them: that of the flow's (`file`), and the folders that
    imports search first (`path`). A local run uses them in place (`top`). Otherwise they are unpacked, some of them as
    `executable`, and `folder` becomes the working directory where the flow finds something by that.
    Raises ProtocolError where nothing can be written, or the code does not run from a package.
    """
    top, files = located_files(plan)
    package = code_package()
    if package is not None and plan.files is not None and "top" not in plan.files:
        top = _unpack(package, files)
    path = os.path.join(top, files["file"])
    os.environ[env_names.FILES] = os.path.dirname(path)
    folders = import_folders(top, files)
    given = [entry for entry in sys.path if os.path.abspath(entry) not in folders]
    _search(folders, os.path.dirname(path))
    if "top" in files or "hidden" in files:
        from flowc.shim.local_imports import guard_imports

        guard_imports(top, files, given)
    return path


def located_files(plan: Plan) -> Tuple[str, Dict[str, Any]]:
    """The folder with the user's files before a task has them, and the plan's `files`. Raises ProtocolError.

    The folder may be one in the code package.
    """
    files = plan.files
    if files is None:
        source = os.environ.get(env_names.SOURCE)
        return _of_file(plan, os.path.abspath(source) if source else _on_path(plan.module))
    if "top" in files:
        return files["top"], files
    package = code_package()
    if package is None:
        raise ProtocolError("the flow's files are in the code package: run it (python3 flow.pyz task ...)")
    return os.path.join(package.place, FILES_FOLDER), files


def import_folders(top: str, files: Dict[str, Any]) -> List[str]:
    """The folders that imports search first."""
    return [os.path.join(top, folder).rstrip(os.sep) for folder in files["path"]]


def _on_path(module: str) -> str:
    """The file of a module that can be imported already."""
    from importlib.util import find_spec

    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ProtocolError(f"{module} cannot be imported")
    return spec.origin


def _of_file(plan: Plan, path: str) -> Tuple[str, Dict[str, Any]]:
    """The folder and files of a plan that says nothing of them: the file alone, in its package."""
    top = os.path.dirname(path)
    for _ in range(plan.module.count(".")):
        top = os.path.dirname(top)
    return top, {"file": os.path.relpath(path, top), "path": [""]}


def _search(folders: List[str], own: str) -> None:
    """Put folders first on the import path, for child processes, too, which find their script's own themselves."""
    sys.path[:] = [*folders, *(entry for entry in sys.path if entry not in folders)]
    given = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    more = [folder for folder in folders if folder != own and folder not in given]
    if more:
        os.environ["PYTHONPATH"] = os.pathsep.join([*more, *given])


def _unpack(package: CodePackage, files: Dict[str, Any]) -> str:
    """Unpack the user's files into a new folder of this process."""
    try:
        top = new_folder()
        remove_at_exit(top)
        for name in files["shipped"]:
            path = os.path.join(top, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(package.read(f"{FILES_FOLDER}/{name}"))
        for name in files.get("executable", ()):
            os.chmod(os.path.join(top, name), 0o700)
        _keep_relative_paths()
        if "folder" in files:
            folder = os.path.join(top, files["folder"]).rstrip(os.sep)
            os.makedirs(folder, exist_ok=True)
            os.chdir(folder)
    except OSError as error:
        raise ProtocolError(
            f"the flow's files cannot be unpacked: {error}; TMPDIR may name a folder that can be written"
        ) from error
    return top


def new_folder() -> str:
    """A new folder where `tempfile` makes them. To import that takes longer than all else here."""
    variables = (os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    failure: OSError | None = None
    for place in (*filter(None, variables), "/tmp", "/var/tmp", "/usr/tmp", os.curdir):  # noqa: S108
        path = os.path.join(os.path.realpath(place), f"flowc-files-{os.getpid()}-{os.urandom(8).hex()}")
        try:
            os.mkdir(path, 0o700)
        except OSError as error:
            failure = failure or error
        else:
            return path
    raise failure or OSError("there is no folder")


def _keep_relative_paths() -> None:
    """What the environment says relative to the working directory must not follow us to another one."""
    root = os.environ.get(env_names.ROOT, "")
    if root and "://" not in root:
        os.environ[env_names.ROOT] = os.path.abspath(os.path.expanduser(root))
    sys.path[:] = [os.path.abspath(entry) if os.path.exists(entry or ".") else entry for entry in sys.path]


def remove_at_exit(folder: str) -> None:
    """Not in processes that the step forks: the first that ends would take the others' files away."""
    import atexit

    owner = os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            _remove(folder)

    atexit.register(remove)


def _remove(folder: str) -> None:
    """Remove a folder, as far as possible. To import `shutil` for it takes longer than the rest of a task's end."""
    for place, folders, names in os.walk(folder, topdown=False):
        for name in names:
            with contextlib.suppress(OSError):
                os.remove(os.path.join(place, name))
        for path in [os.path.join(place, name) for name in folders] + ([place] if place == folder else []):
            with contextlib.suppress(OSError):
                os.remove(path) if os.path.islink(path) else os.rmdir(path)
