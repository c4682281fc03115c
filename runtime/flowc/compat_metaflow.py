"""The module that a task's `import metaflow` gets: the names that flowc serves, and no other."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SERVED = (
    "FlowSpec",
    "JSONType",
    "Parameter",
    "current",
    "environment",
    "kubernetes",
    "resources",
    "retry",
    "step",
    "timeout",
)
"""Names of `metaflow` that work."""
EXCEPTIONS = {
    "MetaflowException": "FlowError",
    "InvalidNextException": "InvalidNextException",
    "MissingInMergeArtifactsException": "MissingInMergeArtifactsException",
    "UnhandledInMergeArtifactsException": "UnhandledInMergeArtifactsException",
}
"""Names of `metaflow.exception`, and what they are called in `flowc.errors`."""


def serve() -> None:
    """Answer this process's imports of `metaflow`, whether or not Metaflow is installed."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Finder:
    """Finds `metaflow` before the import path is searched."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The spec of the modules that are served."""
        del path, target
        if name not in ("metaflow", "metaflow.exception"):
            return None
        loader: Any = _Loader()
        return ModuleSpec(name, loader, is_package=name == "metaflow")


class _Loader:
    """Makes the modules."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """An empty module."""
        return _Metaflow(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Fill it."""
        import flowc
        from flowc import errors

        if module.__name__ == "metaflow":
            vars(module).update({name: getattr(flowc, name) for name in SERVED})
        else:
            vars(module).update({name: getattr(errors, ours) for name, ours in EXCEPTIONS.items()})


class _Metaflow(ModuleType):
    """Says what is wrong when a name is asked for that flowc does not serve."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        served = SERVED if self.__name__ == "metaflow" else EXCEPTIONS
        raise AttributeError(f"flowc does not serve {self.__name__}.{name}; it serves {', '.join(served)}")
