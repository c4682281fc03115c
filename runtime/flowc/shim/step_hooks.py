"""Hooks of a pipeline's step, which its task calls around the step's code, as ZenML 0.98 does.

`on_start` and `on_end` are called for each attempt, `on_failure` for the last one that fails, and `on_success`. A hook
gets the exception where it takes an argument. What a hook raises is logged, and changes nothing.
"""

from __future__ import annotations

import sys
from importlib import import_module

from flowc.errors import error_text
from flowc.shim.step_parameters import unwrapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict


def call_with_hooks(
    hooks: Dict[str, str], function: Callable[..., Any], module: Any, code: Callable[[], Any], *, last: bool
) -> Any:
    """What the step's code returns. `module` is the flow's file; `last` says that no attempt follows a failure."""

    def call(kind: str, *arguments: BaseException | None) -> None:
        if kind not in hooks:
            return
        try:
            found = _named(hooks[kind], function, module)
            found(*arguments[: _places(found)])
        except Exception as error:
            sys.stderr.write(
                f"flowc: the hook {kind} ({hooks[kind]}) failed: {type(error).__name__}: {error_text(error)}\n"
            )

    call("on_start")
    try:
        value = code()
    except BaseException as error:
        call("on_end", error)
        if last:
            call("on_failure", error)
        raise
    call("on_end", None)
    call("on_success")
    return value


def _named(name: str, function: Callable[..., Any], module: Any) -> Callable[..., Any]:
    """A function by its import path, or by its name in the step's file or in the flow's; `:name` is in the flow's."""
    if name.startswith(":"):
        own: Callable[..., Any] = getattr(module, name[1:])
        return own
    home, dot, attribute = name.rpartition(".")
    if dot:
        found: Callable[..., Any] = getattr(import_module(home), attribute)
        return found
    names: Dict[str, Any] = getattr(unwrapped(function), "__globals__", {})
    value: Callable[..., Any] = names[name] if name in names else getattr(module, name)
    return value


def _places(function: Callable[..., Any]) -> int | None:
    """How many arguments a hook takes; `None` for any number."""
    from inspect import Parameter, signature

    kinds = [item.kind for item in signature(function).parameters.values()]
    if Parameter.VAR_POSITIONAL in kinds:
        return None
    return sum(kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD) for kind in kinds)
