"""Loading the user's file, once, under its own name, so that what it defines can be pickled and found again."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from flowc.errors import ProtocolError
from flowc.flowspec import FlowSpec
from flowc.protocol import FILES_FOLDER, env_names
from flowc.shim.loaded_plan import set_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Dict

    from flowc.protocol.plan import Plan


def load_code(plan: Plan) -> Any:
    """What tasks run: the flow's class, or a pipeline's module. Raises what the user's file raises when imported."""
    module = load_module(plan)
    if plan.pipeline:
        return module
    cls = getattr(module, plan.class_name, None)
    if not (isinstance(cls, type) and issubclass(cls, FlowSpec)):
        raise ProtocolError(f"{plan.module}.py has no flow {plan.class_name!r}; compile it again")
    return cls


def load_module(plan: Plan) -> ModuleType:
    """The user's file, imported. Raises what it raises."""
    set_plan(plan)
    path = os.environ.get(env_names.SOURCE)
    if not path and plan.files is not None:
        unpack(plan.files)
    sys.argv = [path or f"{plan.module.replace('.', '/')}.py"]
    serve_modules()
    return _from_path(plan.module, path) if path else import_module(plan.module)


def serve_modules() -> None:
    """Answer this process's imports of `metaflow` and `zenml`, whether or not these are installed."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds the modules that are served before the import path is searched."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec of a module that is served; what these are costs time, and most flows do not ask."""
        del path, target
        if name.partition(".")[0] in ("metaflow", "zenml"):
            from flowc.compat.served_modules import served_spec

            return served_spec(name)
        return None


def _from_path(name: str, path: str) -> ModuleType:
    """Load a file in place: its folder, or that above its package, comes first on the import path, as in Python."""
    from importlib.util import module_from_spec, spec_from_file_location

    package, _, leaf = name.rpartition(".")
    folder = os.path.dirname(os.path.abspath(path))
    for _ in range(name.count(".")):
        folder = os.path.dirname(folder)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    if package:
        import_module(package)
        if name in sys.modules:  # the package imports the flow itself
            return sys.modules[name]
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProtocolError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if package:
        setattr(sys.modules[package], leaf, module)
    return module


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
            folder, _, rest = name.partition("/")
            if folder != FILES_FOLDER:
                continue
            path = os.path.join(top, rest)
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
