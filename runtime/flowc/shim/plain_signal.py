"""The module `signal` without its enumerations: to make these takes longer than a short task's work."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    from importlib import import_module

    try:
        signal = import_module("_signal")
    except ImportError:  # another Python
        signal = import_module("signal")

__all__ = ["signal"]
