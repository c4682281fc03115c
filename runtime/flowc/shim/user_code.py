"""Executing the user's file, once, under its own name, so that what it defines can be pickled and found again."""

from __future__ import annotations

import contextlib
import os
import sys
from importlib import import_module

from flowc import flowspec
from flowc.errors import ProtocolError
from flowc.flowspec import FlowSpec
from flowc.protocol.exit_codes import USER_ERROR
from flowc.shim.loaded_plan import set_plan
from flowc.shim.user_files import import_folders, located_files, place_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType
    from typing import Any, Callable, Dict, List, Sequence

    from flowc.protocol.plan import Plan


_loaded: Dict[str, ModuleType] = {}


def load_module(plan: Plan) -> ModuleType:
    """The user's file, imported once. Raises what it raises."""
    if plan.module not in _loaded:
        spec = _find(plan)
        _loaded[plan.module] = sys.modules[plan.module] if spec is None else _load(spec)
    return _loaded[plan.module]


def run_flow(plan: Plan, arguments: List[str], run: Callable[[FlowSpec], int]) -> int:
    """Execute the flow's file as the program that it is, up to the call of the flow, for which `run` is called.

    `arguments` are what the file finds on its command line: that of a task, which is not the one that starts a run.
    Returns its result. As with `python flow.py`, what stands before that call is executed, in the main block, too,
    and what stands after it is not. Where nothing names the flow, the main block is for something else: the file is
    only imported, and the flow called here. Raises what the file raises.
    """
    program = _Program(plan, run)
    flowspec.program = program.start
    try:
        spec = _find(plan)
        if spec is not None:
            sys.argv += arguments
            with contextlib.suppress(_OtherFlow):
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
            self.result = USER_ERROR  # from now on flow objects are the step's own
            del sys.argv[1:]
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
    from importlib.util import spec_from_file_location

    set_plan(plan)
    path = place_files(plan)
    sys.argv = [path]
    serve_modules(plan.unserved, plan.trackers)
    name = plan.module
    package = name.rpartition(".")[0]
    if package:
        import_module(package)
        if name in sys.modules:
            return None
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProtocolError(f"{path} cannot be imported")
    return spec


def warm_up(plan: Plan) -> None:
    """Import the installed modules that the user's files import, and compile the flow's file; execute nothing of it."""
    from importlib.util import spec_from_file_location

    from flowc.shim.warm_imports import first_imports, import_all

    set_plan(plan)
    serve_modules(plan.unserved, plan.trackers)
    top, files = located_files(plan)
    spec = spec_from_file_location(plan.module, os.path.join(top, files["file"]))
    before = list(sys.path)
    sys.path[:0] = import_folders(top, files)
    imported = first_imports(plan.module, spec)
    sys.path[:] = before
    import_all(imported)
    if spec is not None and not plan.pipeline:
        with contextlib.suppress(Exception):  # the task says what is wrong
            program_code(plan, spec)


def _load(spec: ModuleSpec, code: CodeType | None = None) -> ModuleType:
    """Execute the user's file as a module, by default the module's own code."""
    from importlib.util import module_from_spec

    loader: Any = spec.loader
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
        text: bytes = loader.get_data(file)  # `get_source` would import `tokenize`
        if b"__main__" in text:
            from flowc.shim.program import compile_program

            _compiled[file] = compile_program(text, file, plan.class_name)
        else:
            _compiled[file] = compile(text, file, "exec", dont_inherit=True)
    return _compiled[file]


def serve_modules(unserved: Dict[str, List[str]] | None = None, trackers: Sequence[str] = ()) -> None:
    """Answer this process's imports of `metaflow` and `zenml`, whether or not these are installed.

    `unserved` are names that the flow imports without using them; see `flowc.compat.placeholders`. `trackers` are the
    modules of `flowc.protocol.trackers` that it imports.
    """
    if trackers:
        from flowc.compat.missing_trackers import serve_missing

        serve_missing(trackers)
    if unserved:
        from flowc.compat import served_modules

        served_modules.unserved.update(unserved)
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
