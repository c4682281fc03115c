"""Executing the user's file, once, under its own name, so that what it defines can be pickled and found again."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module

from flowc import flowspec
from flowc.errors import ProtocolError
from flowc.flowspec import FlowSpec
from flowc.protocol import FILES_FOLDER, env_names
from flowc.shim.loaded_plan import set_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, Callable, Dict

    from flowc.protocol.plan import Plan


def load_module(plan: Plan) -> ModuleType:
    """The user's file, imported. Raises what it raises."""
    spec = _find(plan)
    return sys.modules[plan.module] if spec is None else _load(spec)


def run_flow(plan: Plan, run: Callable[[FlowSpec], int]) -> int:
    """Execute the flow's file as the program that it is, up to the call of the flow, for which `run` is called.

    Returns its result. As with `python flow.py`, what stands before that call is executed, in the main block, too,
    and what stands after it is not. Where nothing names the flow, the main block is for something else: the file is
    only imported, and the flow called here. Raises what the file raises.
    """
    program = _Program(plan, run)
    flowspec.program = program.start
    try:
        spec = _find(plan)
        if spec is not None:
            _load(spec, program_code(plan, spec))
        if program.result is None:
            program.run_flow(_flow_class(plan)())
    except SystemExit:
        if program.result is None:
            raise
    finally:
        flowspec.program = None
    assert program.result is not None
    return program.result


class _Program:
    """What a flow object that takes the command line does in a task: it runs the task."""

    def __init__(self, plan: Plan, run: Callable[[FlowSpec], int]) -> None:
        self._plan = plan
        self._run = run
        self.result: int | None = None

    def start(self, flow: FlowSpec) -> None:
        """In the flow's `__init__`. Raises SystemExit when the task has ended, as `python flow.py` does."""
        if self.result is not None:
            return  # the step makes flow objects itself, or a `finally` does
        module = sys.modules.get(self._plan.module)
        if getattr(module, self._plan.class_name, None) is not type(flow):
            raise _OtherFlow
        self.run_flow(flow)
        raise SystemExit(self.result)

    def run_flow(self, flow: FlowSpec) -> None:
        """Run the task, unless `start` has."""
        if self.result is None:
            self.result = 0  # from now on flow objects are the step's own
            self.result = self._run(flow)


class _OtherFlow(SystemExit):
    """The main block calls another flow of the file: there it ends, and the task is none of that flow."""


def _flow_class(plan: Plan) -> type[FlowSpec]:
    cls = getattr(sys.modules[plan.module], plan.class_name, None)
    if not (isinstance(cls, type) and issubclass(cls, FlowSpec)):
        raise ProtocolError(f"{plan.module}.py has no flow {plan.class_name!r}; compile it again")
    return cls


def _find(plan: Plan) -> ModuleSpec | None:
    """Where the user's file is, with its packages imported; `None` when one of them has imported the file itself."""
    from importlib.util import find_spec, spec_from_file_location

    set_plan(plan)
    path = os.environ.get(env_names.SOURCE)
    if not path and plan.files is not None:
        unpack(plan.files)
    sys.argv = [path or f"{plan.module.replace('.', '/')}.py"]
    serve_modules()
    name = plan.module
    if path and (folder := source_folder(plan, path)) not in sys.path:
        sys.path.insert(0, folder)
    package = name.rpartition(".")[0]
    if package:
        import_module(package)
    if name in sys.modules:
        return None
    spec = spec_from_file_location(name, path) if path else find_spec(name)
    if spec is None or spec.loader is None:
        raise ProtocolError(f"{path or name} cannot be imported")
    return spec


def warm_up(plan: Plan) -> None:
    """Import the installed modules that the user's files import, and compile the flow's file; execute nothing of it."""
    from importlib.util import find_spec, spec_from_file_location

    from flowc.shim.warm_imports import first_imports, import_all

    set_plan(plan)
    serve_modules()
    path = os.environ.get(env_names.SOURCE)
    before = list(sys.path)
    if path:
        sys.path.insert(0, source_folder(plan, path))
        spec = spec_from_file_location(plan.module, path)
    else:
        if plan.files is not None:
            sys.path.insert(0, os.path.join(_archive(), FILES_FOLDER, plan.files["code"]).rstrip(os.sep))
        spec = None if "." in plan.module else find_spec(plan.module)
    imported = first_imports(plan.module, spec)
    sys.path[:] = before
    import_all(imported)
    if path and spec is not None and not plan.pipeline:
        with contextlib.suppress(Exception):  # the task says what is wrong
            program_code(plan, spec)


def source_folder(plan: Plan, path: str) -> str:
    """The folder that imports start from for a flow's file in place: its own, or that above its package."""
    folder = os.path.dirname(os.path.abspath(path))
    for _ in range(plan.module.count(".")):
        folder = os.path.dirname(folder)
    return folder


def _load(spec: ModuleSpec, code: CodeType | None = None) -> ModuleType:
    """Execute the user's file as a module, by default the module's own code."""
    from importlib.util import module_from_spec

    loader: Any = spec.loader
    if code is None and not hasattr(loader, "exec_module"):
        return import_module(spec.name)  # zipimport of Python 3.9
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    package, _, leaf = spec.name.rpartition(".")
    if package:
        setattr(sys.modules[package], leaf, module)
    if code is None:
        loader.exec_module(module)
    else:
        exec(code, module.__dict__)  # noqa: S102 (the user's file)
    return module


_compiled: Dict[str, CodeType] = {}
"""Programs by file; the fork server compiles the flow's once for all tasks."""


def program_code(plan: Plan, spec: ModuleSpec) -> CodeType:
    """The code of the flow's file, with its main block if that names the flow. Raises SyntaxError."""
    file = spec.origin or ""
    if file not in _compiled:
        loader: Any = spec.loader
        text: str = loader.get_source(spec.name)
        if "__main__" in text:
            from flowc.shim.program import compile_program

            _compiled[file] = compile_program(text, file, plan.class_name)
        else:
            _compiled[file] = compile(text, file, "exec", dont_inherit=True)
    return _compiled[file]


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
