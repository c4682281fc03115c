"""Stand-ins for decorators that follow runs, where their package is not installed: they do nothing, and say so."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType

from flowc.protocol.trackers import TRACKERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence


def serve_missing(modules: Sequence[str]) -> None:
    """Let imports of these modules succeed where their package is missing; the package itself stays missing."""
    for name in modules:
        if name in sys.modules or _is_installed(name.partition(".")[0]):
            continue
        distribution, decorators = TRACKERS[name]
        module = ModuleType(name)
        vars(module).update(dict.fromkeys(decorators, _nothing))
        sys.modules[name] = module
        shown = " and ".join(f"@{item}" for item in decorators)
        verb = "does" if len(decorators) == 1 else "do"
        print(f"flowc: {distribution} is not installed here: {shown} {verb} nothing", file=sys.stderr)


def _is_installed(package: str) -> bool:
    try:
        return package in sys.modules or find_spec(package) is not None
    except ValueError:
        return True


def _nothing(target: Any = None, *_: Any, **__: Any) -> Any:
    """A decorator, with or without arguments, that leaves what it decorates as it is."""
    return target if callable(target) else _nothing
