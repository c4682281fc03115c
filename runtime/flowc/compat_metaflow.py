"""The module that a task's `import metaflow` gets: the names that flowc serves, and no other."""

from __future__ import annotations

import sys
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
_EXCEPTIONS = {
    "MetaflowException": "FlowError",
    "InvalidNextException": "InvalidNextException",
    "MissingInMergeArtifactsException": "MissingInMergeArtifactsException",
    "UnhandledInMergeArtifactsException": "UnhandledInMergeArtifactsException",
}


class _Metaflow(ModuleType):
    """Says what is wrong when a name is asked for that flowc does not serve."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(f"flowc does not serve metaflow.{name}; it serves {', '.join(SERVED)}")


def install() -> None:
    """Serve `metaflow` in this process, in place of an installed one."""
    import flowc
    from flowc import errors

    module = _Metaflow("metaflow", "Metaflow's names, served by flowc.")
    module.__path__ = []  # so that `import metaflow.exception` looks into sys.modules
    for name in SERVED:
        setattr(module, name, getattr(flowc, name))
    exceptions = ModuleType("metaflow.exception", "Metaflow's exceptions, served by flowc.")
    for name, ours in _EXCEPTIONS.items():
        setattr(exceptions, name, getattr(errors, ours))
    module.exception = exceptions  # type: ignore[attr-defined]
    sys.modules["metaflow"] = module
    sys.modules["metaflow.exception"] = exceptions
