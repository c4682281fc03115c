"""Loading the user's file, once, under its own name, so that what it defines can be pickled and found again."""

from __future__ import annotations

import os
import sys

from flowc.compat_metaflow import serve
from flowc.errors import ProtocolError
from flowc.flowspec import FlowSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from flowc.plan import Plan


def load_flow(plan: Plan) -> type[FlowSpec]:
    """The flow's class. Raises what the user's file raises when it is imported."""
    path = os.environ.get("FLOWC_SOURCE")
    sys.argv = [path or f"{plan.module}.py"]
    serve()
    if path:
        module = _from_path(plan.module, path)
    else:
        from importlib import import_module

        module = import_module(plan.module)
    cls = getattr(module, plan.class_name, None)
    if not (isinstance(cls, type) and issubclass(cls, FlowSpec)):
        raise ProtocolError(f"{plan.module}.py has no flow {plan.class_name!r}; compile it again")
    return cls


def _from_path(name: str, path: str) -> ModuleType:
    """Load a file in place: its folder comes first on the import path, as when Python runs it."""
    from importlib.util import module_from_spec, spec_from_file_location

    folder = os.path.dirname(os.path.abspath(path))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ProtocolError(f"{path} cannot be imported")
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
