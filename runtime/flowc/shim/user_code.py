"""Loading the user's file, once, under its own name, so that what it defines can be pickled and found again."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from flowc.errors import ProtocolError
from flowc.flowspec import FlowSpec
from flowc.protocol import env_names
from flowc.shim.loaded_plan import set_plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

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
        from flowc.shim.unpack import unpack

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
