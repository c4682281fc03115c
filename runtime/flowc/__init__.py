"""flowc: what flows are written with, and what runs them. Standard library only, Python 3.9 and newer."""

from __future__ import annotations

from flowc._version import __version__
from flowc.current import current
from flowc.decorators import environment, kubernetes, resources, retry, step, timeout
from flowc.flowspec import FlowSpec
from flowc.parameters import JSONType, Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from flowc.client import Run

__all__ = [
    "FlowSpec",
    "JSONType",
    "Parameter",
    "Run",
    "__version__",
    "current",
    "environment",
    "kubernetes",
    "resources",
    "retry",
    "step",
    "timeout",
]


def __getattr__(name: str) -> Any:
    if name == "Run":  # the client is not needed by tasks
        from flowc.client import Run

        return Run
    raise AttributeError(f"module 'flowc' has no attribute {name!r}")
