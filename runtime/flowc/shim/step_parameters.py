"""What ZenML calls the parameters of a step: the arguments that are no results of other steps, and the defaults."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Tuple

    from flowc.store.documents import Document

_LONGEST = 10_000
"""Characters of a parameter in the record of a task."""


def unwrapped(function: Any) -> Any:
    """The function within decorators of the user's."""
    while hasattr(function, "__wrapped__"):
        function = function.__wrapped__
    return function


def defaults_of(function: Callable[..., Any], arguments: Dict[str, Any]) -> Dict[str, Any]:
    """The defaults of what a call leaves out."""
    inner = unwrapped(function)
    code = getattr(inner, "__code__", None)
    if code is None:
        return {}
    by_place: Tuple[Any, ...] = inner.__defaults__ or ()
    names = code.co_varnames[code.co_argcount - len(by_place) : code.co_argcount]
    found: Dict[str, Any] = {**dict(zip(names, by_place)), **(inner.__kwdefaults__ or {})}
    return {name: value for name, value in found.items() if name not in arguments}


def plain(parameters: Dict[str, Any]) -> Document:
    """A copy of those that JSON can have, and that are short enough for the record of every task."""
    found: Document = {}
    for name, value in parameters.items():
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError):
            continue
        if len(text) <= _LONGEST:
            found[name] = json.loads(text)
    return found
