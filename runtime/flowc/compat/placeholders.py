"""What stands for a name of `metaflow` or `zenml` that a file imports and flowc does not serve.

The file can import it, pass it on, name it in annotations and `except` clauses, and compare it by `is`. Any other use
raises NotServedError, which names it. The compiler has warned of each (FC106), and lists them in the plan.
"""

from __future__ import annotations

from flowc.errors import NotServedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

_DATA = (str, bytes, int, float, list, tuple, dict, set)
_USES = (
    "abs", "add", "aenter", "aexit", "aiter", "anext", "await", "bool", "bytes", "call", "complex", "contains",
    "delitem", "divmod", "enter", "exit", "float", "floordiv", "format", "fspath", "ge", "getitem", "gt", "index",
    "int", "invert", "iter", "le", "len", "lt", "matmul", "mod", "mul", "neg", "next", "pos", "pow", "radd",
    "reversed", "rfloordiv", "rmod", "rmul", "round", "rpow", "rsub", "rtruediv", "setitem", "str", "sub",
    "truediv",
)  # fmt: skip


class _Placeholder(type):
    """The type of placeholders. They are exception classes, so that an `except` clause may name them."""

    def __new__(cls, name: str, bases: Tuple[type, ...], namespace: Dict[str, Any]) -> Any:
        """A class that derives from a placeholder: a use of it. Raises NotServedError."""
        del name, namespace
        raise next(_error(base) for base in bases if isinstance(base, _Placeholder))

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):  # what Python and libraries look for in any object
            raise AttributeError(name)
        raise _error(cls)

    def __eq__(cls, other: object) -> bool:
        if isinstance(other, _DATA):
            raise _error(cls)
        return cls is other

    def __hash__(cls) -> int:
        return type.__hash__(cls)

    def __repr__(cls) -> str:
        return f"<{cls.__module__}.{cls.__name__}, which flowc does not serve>"


def _error(placeholder: type) -> NotServedError:
    name, why = f"{placeholder.__module__}.{placeholder.__name__}", vars(placeholder)["_why"]
    if why:
        return NotServedError(f"{name} {why}")
    return NotServedError(f"flowc does not serve {name}, and this code uses it; `flowc check` says what to do instead")


def _use(placeholder: type, *args: Any, **kwargs: Any) -> Any:
    """Any operation on a placeholder."""
    del args, kwargs
    raise _error(placeholder)


for _name in _USES:
    setattr(_Placeholder, f"__{_name}__", _use)


def placeholder(module: str, name: str, why: str = "") -> Any:
    """What stands for a name of a module; `why` follows the name in the error, in place of who doesn't serve it."""
    members = {"__module__": module, "__qualname__": name, "_why": why}
    return type.__new__(_Placeholder, name, (Exception,), members)
