"""Builtin functions of Python, on values that are known. Lists may hold results where their entries do not matter."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Callable, Iterable, Sequence, Sized
from typing import Any, cast

from flowc_compiler.frontend.pipelines.calling.inlining import apply, callback
from flowc_compiler.frontend.pipelines.code.expressions import computed, iterated
from flowc_compiler.frontend.pipelines.evaluation.limits import LONGEST
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Given, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import Builtin, OneShot
from flowc_compiler.frontend.pipelines.evaluation.unknown import (
    check_once,
    check_weight,
    has_unknown,
    in_order,
    is_unknown,
    not_known,
)

_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs, "all": all, "any": any, "ascii": ascii, "bin": bin, "bool": bool, "chr": chr, "complex": complex,
    "divmod": divmod, "float": float, "format": format, "hash": hash, "hex": hex, "int": int, "max": max, "min": min,
    "oct": oct, "ord": ord, "pow": pow, "range": range, "repr": repr, "round": round, "slice": slice,
    "sorted": sorted, "str": str, "sum": sum,
}  # fmt: skip


def _enumerated(values: Iterable[object], start: int = 0) -> list[object]:
    return OneShot(enumerate(values, start))


def _reversed(values: Sequence[object]) -> list[object]:
    return OneShot(reversed(values))


def _zipped(*columns: Iterable[object], strict: bool = False) -> list[object]:
    return OneShot(zip(*columns, strict=strict))


_STRUCTURAL: dict[str, Callable[..., Any]] = {
    "dict": dict, "enumerate": _enumerated, "frozenset": frozenset,
    "len": len, "list": list, "reversed": _reversed, "set": set, "tuple": tuple,
    "zip": _zipped,
}  # fmt: skip
"""Functions that do not look at the entries of what they are given."""
_ITERTOOLS: dict[str, Callable[..., Any]] = {
    name: getattr(itertools, name)
    for name in ("accumulate", "chain", "combinations", "islice", "pairwise", "permutations", "product", "zip_longest")
}
_MATH: dict[str, Callable[..., Any]] = {
    name: getattr(math, name)
    for name in (
        "ceil",
        "copysign",
        "exp",
        "floor",
        "gcd",
        "isclose",
        "lcm",
        "log",
        "log10",
        "log2",
        "pow",
        "sqrt",
        "trunc",
    )
}
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_TYPES = frozenset(
    {"bool", "bytes", "complex", "dict", "float", "frozenset", "int", "list", "range", "set", "str", "tuple"}
)
BUILTINS = frozenset({*_PLAIN, *_STRUCTURAL, "filter", "isinstance", "map"})
"""The names that have a meaning where the file gives them none."""


def builtin(name: str) -> Builtin:
    """A builtin function as a value."""
    return Builtin(name, _PLAIN.get(name) or _STRUCTURAL.get(name) or (lambda: None))


def library(module: str, name: str) -> object | None:
    """A function of `math` or `itertools`, or a constant; `None` for any other."""
    if module == "math":
        return _CONSTANTS.get(name) or (Builtin(f"math.{name}", _MATH[name]) if name in _MATH else None)
    if module == "itertools" and name in _ITERTOOLS:
        return Builtin(f"itertools.{name}", _ITERTOOLS[name])
    return None


def call_builtin(machine: Machine, function: Builtin, arguments: Arguments, node: ast.expr) -> object:
    """The value of a call of a builtin. Raises RefusedError."""
    name = function.name
    if name in {"map", "filter"}:
        return _mapped(machine, name, arguments, node)
    if name == "isinstance":
        return _isinstance(machine, arguments, node)
    structural = name in _STRUCTURAL or name.startswith("itertools.")
    # The keywords of `dict` are its entries, which may be results.
    entries = arguments.keywords if name == "dict" else {}
    for given in (*arguments.positional, *({} if entries else arguments.keywords).values()):
        if is_unknown(given.value) or (not structural and has_unknown(given.value)):
            raise not_known(machine, given.node, f"`{name}` needs it", _instead(machine, name, given))
    for given in arguments.positional:
        check_once(machine, given.value, given.node)
    _check_lengths(machine, name, arguments, node)
    values = [given.value for given in arguments.positional]
    if name not in {"len", "bool"}:
        check_weight(machine, node, *values)
        values = [in_order(cast("set[object]", value)) if _is_set(value) else value for value in values]
    keywords = {
        key: given.value if entries else _callback(machine, given, node) for key, given in arguments.keywords.items()
    }
    return computed(machine, node, lambda: _limited(function.function(*values, **keywords)))


def _is_set(value: object) -> bool:
    return isinstance(value, set | frozenset)


def _limited(value: object) -> object:
    """An iterator as a list, up to one more than the most entries, which is refused."""
    if hasattr(value, "__next__"):
        return OneShot(itertools.islice(cast("Iterable[object]", value), LONGEST + 1))
    return value


def _instead(machine: Machine, name: str, given: Given) -> str:
    code = machine.code(given.node)
    if name in {"list", "enumerate", "zip", "reversed", "sorted", "tuple"}:
        return f"write `work.map({code})` to go over it, or do this in a step that gets it"
    if name == "range":
        return f"let a step return the list, and write `work.map({code})`"
    return "do this in a step that gets the result"


def _check_lengths(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> None:
    """Refuse what would take long to compute at all."""
    total = 1
    for given in arguments.positional:
        value = given.value
        if isinstance(value, range) and len(value) > LONGEST and name not in {"len", "bool"}:
            machine.exhausted("this range is longer than what flowc goes over", node, "go over it in a step")
        if name == "itertools.product" and _is_sized(value):
            total *= max(1, len(cast("Sized", value)))
    if name == "itertools.product" and total > LONGEST:
        machine.exhausted("there are too many combinations", node, "write `work.product(...)`, over lists of steps")
    if name == "pow" and len(arguments.positional) == 2:
        from flowc_compiler.frontend.pipelines.code.operations import binary

        computed(machine, node, lambda: binary(ast.Pow(), *(given.value for given in arguments.positional)))
    if name == "format":
        from flowc_compiler.frontend.pipelines.code.operations import check_format

        computed(machine, node, lambda: check_format(str(arguments.positional[-1].value)))


def _is_sized(value: object) -> bool:
    return isinstance(value, list | tuple | str | range | set | dict)


def _callback(machine: Machine, given: Given, node: ast.expr) -> object:
    """A keyword argument: a function of the user's, such as `key=`, is evaluated when it is called."""
    value = given.value
    if isinstance(value, str | int | float | bool | list | tuple | dict | set | type(None)):
        return cast("object", value)
    return callback(machine, value, node)


def _mapped(machine: Machine, name: str, arguments: Arguments, node: ast.expr) -> object:
    if len(arguments.positional) < 2 or arguments.keywords:
        raise machine.refuse("FC113", f"`{name}` takes a function and what to go over", node, "write a comprehension")
    function, *sources = arguments.positional
    columns = [iterated(machine, given.value, given.node) for given in sources]
    if name == "map":
        return OneShot(apply(machine, function.value, values, node) for values in zip(*columns))  # noqa: B905 - as `map` does
    kept: list[object] = []
    for value in columns[0]:
        chosen = value if function.value is None else apply(machine, function.value, (value,), node)
        if is_unknown(chosen):
            raise not_known(machine, function.node, "nothing can be left out by it here", "choose in a step")
        if chosen:
            kept.append(value)
    return OneShot(kept)


def _isinstance(machine: Machine, arguments: Arguments, node: ast.expr) -> bool:
    if len(arguments.positional) != 2 or arguments.keywords:
        raise machine.refuse("FC113", "`isinstance` takes a value and a type", node, "write `isinstance(value, str)`")
    value, kind = arguments.positional
    if is_unknown(value.value):
        raise not_known(machine, value.node, "its type is not known", "test it in a step that gets the result")
    wanted = kind.value
    kinds = cast("tuple[object, ...]", wanted) if isinstance(wanted, tuple) else (wanted,)
    names = [item.name for item in kinds if isinstance(item, Builtin) and item.name in _TYPES]
    if len(names) < len(kinds):
        raise machine.refuse(
            "FC110", "flowc knows the builtin types only", kind.node, "write `str`, `int`, `list`, ..."
        )
    import builtins

    types: tuple[type, ...] = tuple(getattr(builtins, name) for name in names)
    return isinstance(value.value, types)
