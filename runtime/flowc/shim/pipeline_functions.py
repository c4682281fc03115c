"""The functions that steps of a pipeline call, found by name in the user's modules."""

from __future__ import annotations

from importlib import import_module

from flowc.errors import ProtocolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict


def function_of(module: Any, call: Dict[str, Any]) -> Callable[..., Any]:
    """The function behind a name of the user's file, or of another local module. Raises ProtocolError."""
    found = module if call.get("module") is None else import_module(call["module"])
    for name in call["function"].split("."):
        found = getattr(found, name, None)
        if found is None:
            where = call.get("module") or module.__name__
            raise ProtocolError(f"{where} has no step {call['function']!r}; compile the file again")
    function = getattr(found, "entrypoint", found)  # of a step object
    if not callable(function):
        raise ProtocolError(f"{call['function']} is a {type(function).__name__}, no step; compile the file again")
    return function  # type: ignore[no-any-return]


def pass_arguments(function: Callable[..., Any], arguments: Dict[str, Any]) -> Any:
    """Call a function with arguments by name, also where it takes some by position only."""
    code = getattr(function, "__code__", None)
    first = code.co_varnames[: code.co_posonlyargcount] if code is not None else ()
    positional = [arguments.pop(name) for name in first if name in arguments]
    return function(*positional, **arguments)
