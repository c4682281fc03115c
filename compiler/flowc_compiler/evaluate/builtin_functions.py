"""Builtin functions of Python's, and functions of its library, on values that are known.

Lists may hold run-time values and objects of the file's classes where a function does not look at its entries.
"""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any, cast

from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, is_file_itself, machine_place, stripped
from flowc_compiler.evaluate.classes import member_text, named_tuple
from flowc_compiler.evaluate.environment_reads import call_getenv
from flowc_compiler.evaluate.evaluator import BoundValue, CallArguments, Evaluator, ExitError
from flowc_compiler.evaluate.functions import apply, call_function, callback
from flowc_compiler.evaluate.iteration import take_items
from flowc_compiler.evaluate.library_values import PLACE_METHODS, READING_PLACES, PosixPath, library, library_method
from flowc_compiler.evaluate.methods import CHANGING, call_plain, is_method
from flowc_compiler.evaluate.operations import (
    DEEPEST_TREE,
    LONGEST,
    MOST_BITS,
    binary,
    check_format,
    range_length,
    size,
)
from flowc_compiler.evaluate.plain_data import (
    check_fields,
    check_keys,
    check_weight,
    check_written,
    has_objects,
    weight,
)
from flowc_compiler.evaluate.targets import attributes_of, setter_of
from flowc_compiler.evaluate.values import (
    LIBRARY_TYPES,
    NAMED_TUPLE,
    PLAIN,
    Assumed,
    BoundMethod,
    Builtin,
    ClassObject,
    DictView,
    Foreign,
    Function,
    Instance,
    Iterator,
    Member,
    Partial,
    RuntimeValue,
    Undetermined,
    Unresolved,
    is_kind,
    plain_copy,
)

_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs, "all": all, "any": any, "ascii": ascii, "bin": bin, "bool": bool, "bytes": bytes, "chr": chr,
    "complex": complex, "divmod": divmod, "float": float, "format": format, "hash": hash, "hex": hex, "int": int,
    "max": max, "min": min, "oct": oct, "ord": ord, "pow": pow, "range": range, "repr": repr, "round": round,
    "slice": slice, "sorted": sorted, "str": str, "sum": sum,
}  # fmt: skip
_STRUCTURAL: dict[str, Callable[..., Any]] = {
    "dict": dict, "frozenset": frozenset, "len": len, "list": list, "set": set, "tuple": tuple,
}  # fmt: skip
"""Functions that do not look at the entries of what they are given."""
_LAZY = frozenset({"enumerate", "filter", "iter", "map", "reversed", "zip"})
_TYPES: dict[str, type] = {
    item.__name__: item
    for item in (bool, bytes, complex, dict, float, frozenset, int, list, range, set, str, tuple)
}  # fmt: skip
_OBJECTS = frozenset({"callable", "getattr", "hasattr", "isinstance", "next", "print", "setattr", "type", "vars"})
BUILTINS = frozenset({*_PLAIN, *_STRUCTURAL, *_LAZY, *_OBJECTS, "exit", "object", "quit", "NotImplemented", "__name__"})
"""The names that have a meaning where the file gives them none."""


def builtin(name: str) -> object:
    """A builtin as a value."""
    if name == "__name__":
        return "__main__"
    return Builtin(name, _PLAIN.get(name) or _STRUCTURAL.get(name) or (lambda: None))


def call_builtin(evaluator: Evaluator, function: Builtin, arguments: CallArguments, node: ast.expr) -> object:
    """The value of a call of a builtin. Raises EvaluationError."""
    name = function.name
    special = _SPECIAL.get(name)
    if special is not None:
        return special(evaluator, arguments, node)
    if name == "unbound":
        return _call_unbound(evaluator, function, arguments, node)
    if name in _LAZY:
        return _lazy(evaluator, name, arguments, node)
    structural = name in _STRUCTURAL or name.startswith(("itertools.", NAMED_TUPLE)) or name in _DICTS
    # The keywords of `dict` are its entries, which may be run-time values.
    entries = arguments.keywords if name in _DICTS else {}
    if (text := _text_of_member(name, arguments)) is not None:
        return text
    for given in (*arguments.positional, *({} if entries else arguments.keywords).values()):
        looked_at = evaluator.undetermined(given.value) if structural else given.value
        found = evaluator.find_undetermined(looked_at, node=node)
        if found is not None:
            return _with_unknown(evaluator, function, arguments, given, found, node)
    _check_lengths(evaluator, name, arguments, node)
    if name not in {"len", "bool"}:
        check = check_written if name.startswith(_WRITING) else check_weight
        check(evaluator, node, *(given.value for given in arguments.positional))
    values = [_operand(evaluator, name, given) for given in arguments.positional]
    if not structural and isinstance(evaluator.find_undetermined(*values), RuntimeValue):  # out of an iterator
        given_values = [BoundValue(value, item.node) for value, item in zip(values, arguments.positional, strict=True)]
        later = evaluator.runtime_call("call", name, CallArguments(given_values, arguments.keywords), node)
        if later is not None:
            return later
    keywords = {
        key: given.value if entries else _callback(evaluator, given, node) for key, given in arguments.keywords.items()
    }
    _check_objects(evaluator, name, values, keywords, node, structural=structural)
    start = keywords.get("start", values[1] if len(values) > 1 else 0) if name == "sum" and values else None
    if is_kind(start, list, tuple):
        return _sum_of_lists(evaluator, node, cast("Iterable[object]", values[0]), start)
    value = evaluator.computed(node, lambda: _limited(function.function(*values, **keywords)))
    if name in READING_PLACES and not _is_same_everywhere(name, values, value):
        return machine_place(value, evaluator.code(node))
    if isinstance(value, Iterator):
        items = evaluator.computed(node, value.items)
        return Iterator(lambda: cast("list[object]", items)[::-1])
    return value


def _with_unknown(
    evaluator: Evaluator,
    function: Builtin,
    arguments: CallArguments,
    given: BoundValue,
    found: Undetermined,
    node: ast.expr,
) -> object:
    """A call with an argument that is not known: of results, one that a task makes; or what it gives under assumptions.

    Raises EvaluationError for any other.
    """
    name = function.name
    later = evaluator.runtime_call("call", name, arguments, node) if isinstance(found, RuntimeValue) else None
    if later is not None:
        return later
    if assumed := assumed_parts(evaluator, *(item.value for item in arguments.all())):
        run = partial(call_builtin, evaluator, function, without_assumptions(arguments), node)
        if name == "os.path.basename" and is_file_itself(assumed[0]):
            return run()  # the file's own name is the same in a task
        return assuming(evaluator, assumed, run)
    raise evaluator.not_known(found, given.node, f"`{name}` needs it", _instead(evaluator, name, given))


def _text_of_member(name: str, arguments: CallArguments) -> str | None:
    """What `str` makes of a member of an enumeration; `None` for other calls."""
    first = arguments.positional[0].value if name == "str" and len(arguments.positional) == 1 else None
    return member_text(first, formatted=False) if isinstance(first, Instance) else None


def builtin_attribute(owner: Builtin, name: str) -> object | None:
    """An attribute of a class of Python's: `dict.fromkeys`, `datetime.strptime`, `str.upper`; `None` for others."""
    path = (*owner.name.split("."), name)
    found = library(path)
    if found is not None or owner.name in _TYPES:
        return found if found is not None else _unbound(owner.name, name)
    if isinstance(owner.function, type) and owner.name in _CLASSES:
        return Foreign("is only known when the file runs", path=path)
    return None


_CLASSES = frozenset({"datetime.date", "datetime.datetime", "pathlib.Path", "datetime.time"})
"""Classes with methods that read the machine, such as `datetime.now`."""
_CLASS_METHODS: dict[tuple[str, str], Callable[..., Any]] = {
    ("dict", "fromkeys"): dict.fromkeys,
    ("int", "from_bytes"): int.from_bytes,
    ("bytes", "fromhex"): bytes.fromhex,
    ("float", "fromhex"): float.fromhex,
}


def _unbound(kind: str, name: str) -> Builtin | None:
    """A method of plain data that is looked up in its class, as in `map(str.upper, names)`."""
    if (kind, name) in _CLASS_METHODS:
        return Builtin(f"{kind}.{name}", _CLASS_METHODS[kind, name])
    if is_method(_TYPES[kind], name):
        return Builtin("unbound", lambda: (kind, name))
    return None


def call_library_method(evaluator: Evaluator, method: BoundMethod, arguments: CallArguments, node: ast.expr) -> object:
    """What a method of a value of Python's library gives, or one of a value that is known under assumptions."""
    owner, name = method.owner, method.name
    values = [owner, *(given.value for given in arguments.all())]
    if assumed := assumed_parts(evaluator, *values):
        plain = BoundMethod(stripped(owner), name)
        if name in CHANGING and is_kind(plain.owner, list, dict, set):
            evaluator.escape(*values, why=assumed[0])
            raise evaluator.refuse_unresolved(assumed[0], node)
        return assuming(evaluator, assumed, lambda: evaluator.call(plain, without_assumptions(arguments), node))
    if is_method(type(owner), name):
        return call_plain(evaluator, method, arguments, node)
    shown = f"{type(owner).__name__}.{name}"
    value = call_builtin(evaluator, Builtin(shown, library_method(owner, name)), arguments, node)
    if isinstance(owner, PosixPath) and name in PLACE_METHODS:
        is_moved = not owner.is_absolute() and name != "expanduser"
        same = not is_moved and (name == "absolute" or value == owner)
        return value if same else machine_place(value, evaluator.code(node))
    return value


def without_assumptions(arguments: CallArguments) -> CallArguments:
    """Arguments whose values have no assumptions."""
    keywords = {key: BoundValue(stripped(given.value), given.node) for key, given in arguments.keywords.items()}
    positional = [BoundValue(stripped(given.value), given.node) for given in arguments.positional]
    return CallArguments(positional, keywords, arguments.open)


_DICTS = frozenset({"collections.OrderedDict", "dict"})
_OF_NUMBERS = frozenset({"abs", "float", "int", "json.dumps", "len", "range", "round"})
"""Functions that take a member of an enumeration for the number or text that it is."""


def _is_same_everywhere(name: str, values: list[object], value: object) -> bool:
    """Whether what a function gives does not depend on the machine's folders after all."""
    path = str(values[0]) if values else ""
    if name == "os.path.realpath":  # without links it is the path itself
        return path.startswith("/") and value == os.path.normpath(path)
    return (name == "os.path.abspath" and path.startswith("/")) or (name == "os.path.expanduser" and value == path)


def _operand(evaluator: Evaluator, name: str, given: BoundValue) -> object:
    """An argument as Python's function takes it: an iterator as a list."""
    value = given.value
    if isinstance(value, Member) and (name in _OF_NUMBERS or name.startswith("math.")):
        return value.plain
    if isinstance(value, DictView) and name in {"repr", "str", "format", "ascii"}:
        raise evaluator.refuse("FC113", "flowc does not show views of a dict", given.node, "write `list(...)`")
    if isinstance(value, Iterator) and name == "bool":
        return True
    ordered = is_kind(value, set, frozenset) and name in {"list", "tuple", "enumerate"}
    if isinstance(value, Iterator) and name in {"any", "all", "itertools.islice"}:
        return take_items(evaluator, value, given.node)[::-1]  # it may stop early
    if isinstance(value, DictView) and name in {"len", "bool"}:
        return value.owner
    if isinstance(value, Iterator | ClassObject | DictView) or ordered:
        return evaluator.iterate(value, given.node)
    if is_kind(value, set, frozenset) and not evaluator.lenient and name not in {"len", "bool", "set", "frozenset"}:
        return evaluator.iterate(value, given.node)  # pyright: ignore[reportUnknownArgumentType]
    return value


def _check_objects(
    evaluator: Evaluator,
    name: str,
    values: list[object],
    keywords: Mapping[str, object],
    node: ast.expr,
    *,
    structural: bool,
) -> None:
    """Refuse objects of the file's where Python's function would see flowc's stand-ins instead of them."""
    tops = [item for item in values if not isinstance(item, (*PLAIN, list, tuple, dict, set, frozenset, range, slice))]
    inside = not structural and name not in {
        "bool",
        "operator.not_",
        "copy.copy",
        "typing.cast",
        "functools.reduce",
        "itemgetter",
    }
    if name in {"sorted", "min", "max"} and keywords.get("key") is not None:
        inside = False
    opaque = tops if structural else [item for item in values if has_objects(item)] if inside else []
    if opaque and name not in {"typing.cast"}:
        message = f"flowc does not compute with the objects in `{evaluator.code(node)}`"
        raise evaluator.refuse("FC113", message, node, "use numbers, text, lists and dicts")
    if name in {"set", "frozenset", "dict.fromkeys", *_DICTS}:
        for value in values:
            check_keys(evaluator, node, value if name not in _DICTS or not is_kind(value, dict) else None)


_WRITING = (
    "ascii", "base64.", "bytes", "format", "json.dumps", "os.path.", "pathlib.", "posixpath.", "PosixPath.",
    "PurePosixPath.", "repr", "shlex.", "str", "textwrap.", "urllib.", "uuid.",
)  # fmt: skip
"""How the names begin of functions that make a text of what they are given."""
_LOOKING_AT_NONE = frozenset({"bool", "copy.copy", "functools.reduce", "itemgetter", "operator.not_", "typing.cast"})
"""Functions of anything: they look at no entries."""


def _limited(value: object) -> object:
    """An iterator of Python's, up to one more than the most entries, which is refused."""
    if hasattr(value, "__next__"):
        return Iterator(lambda: itertools.islice(cast("Iterable[object]", value), LONGEST + 1))
    return value


def _instead(evaluator: Evaluator, name: str, given: BoundValue) -> str:
    code = evaluator.code(given.node)
    if name in {"reversed", "sorted"}:
        return f"put it into order in a step that gets `{code}`, or in the step that returns it"
    if name in {"list", "enumerate", "zip", "tuple"}:
        return f"write `work.map({code})` to iterate over it, or do this in a step that gets it"
    if name == "range":
        return f"return the list from a step, and write `work.map({code})`"
    return "do this in a step that gets the result"


def _check_lengths(evaluator: Evaluator, name: str, arguments: CallArguments, node: ast.expr) -> None:
    """Refuse what would take long to compute at all."""
    values = [given.value for given in arguments.positional]
    total = 1
    for value in values:
        length = range_length(value) if isinstance(value, range) else size(value)
        if isinstance(value, range) and length > LONGEST and name not in {"len", "bool"}:
            evaluator.exhausted("this range is longer than what flowc goes over", node, "go over it in a step")
        if name in {"itertools.product", "itertools.combinations", "itertools.permutations"}:
            total *= max(1, length)
        if name in _READING and not isinstance(value, range):
            evaluator.charge(length // (8 if isinstance(value, str | bytes) else 1), node)
    if name == "itertools.product" and total > LONGEST:
        evaluator.exhausted("there are too many combinations", node, "write `work.product(...)`, over lists of steps")
    if name in {"pow", "operator.mul", "operator.mod", "operator.add"} and len(values) == 2:
        op: ast.operator = {"pow": ast.Pow(), "operator.mul": ast.Mult(), "operator.mod": ast.Mod()}.get(
            name, ast.Add()
        )
        evaluator.computed(node, lambda: binary(op, *values))
    if name == "pow" and len(values) == 3 and isinstance(values[1], int) and values[1].bit_length() > MOST_BITS:
        evaluator.exhausted("this takes too long to compute", node, "do it in a step")
    if name == "format":
        evaluator.computed(node, lambda: check_format(str(values[-1])))
    if name == "bytes" and values and isinstance(values[0], int) and values[0] > LONGEST:
        evaluator.exhausted("this is larger than what flowc computes", node, "make it in a step")
    _check_copies(evaluator, name, arguments, node)


def _sum_of_lists(evaluator: Evaluator, node: ast.expr, values: Iterable[object], start: object) -> object:
    """What `sum` makes of lists, each of which copies all those before it."""
    for value in values:
        start = evaluator.computed(node, binary, ast.Add(), start, value)
    return start


def _check_copies(evaluator: Evaluator, name: str, arguments: CallArguments, node: ast.expr) -> None:
    """Refuse texts of JSON that would be long, and charge what Python's library goes over entry by entry."""
    values = [given.value for given in arguments.positional]
    if name == "json.dumps" and values:
        given = [item.value for item in arguments.keywords.values()]
        widest = max((item if isinstance(item, int) else weight(item) * 100 for item in given), default=1)
        entries = weight(values[0])
        evaluator.charge(entries, node)
        if entries * max(1, widest) * DEEPEST_TREE > LONGEST * 100:
            evaluator.exhausted("this is larger than what flowc computes", node, "make it in a step")
    if name == "operator.mod" and len(values) == 2 and isinstance(values[0], str | bytes):
        check_fields(evaluator, node, values[0], values[1])
    if name == "copy.deepcopy" and values:
        evaluator.charge(weight(values[0]), node)
    repeat = arguments.keywords.get("repeat")
    if name == "itertools.product" and repeat is not None and isinstance(repeat.value, int) and repeat.value > 16:
        evaluator.exhausted("there are too many combinations", node, "make them in a step")
    if name == "math.lcm" and len(values) > 1000:
        evaluator.exhausted("this takes too long to compute", node, "do it in a step")
    if name == "round" and len(values) > 1 and isinstance(values[1], int) and abs(values[1]) > MOST_BITS:
        evaluator.exhausted("this takes too long to compute", node, "do it in a step")


_READING = frozenset({"all", "any", "max", "min", "sorted", "sum", "repr", "str", "list", "tuple", "set", "dict"})


def _callback(evaluator: Evaluator, given: BoundValue, node: ast.expr) -> object:
    """A keyword argument: a function of the user's, such as `key=`, is evaluated when it is called."""
    value = given.value
    plain = is_kind(value, *PLAIN, *LIBRARY_TYPES, list, tuple, dict, set, frozenset)
    return value if plain else callback(evaluator, value, node)


def _lazy(evaluator: Evaluator, name: str, arguments: CallArguments, node: ast.expr) -> object:
    """`map`, `zip` and the like: they look at what they go over when their first item is needed."""
    function, sources = None, arguments.positional
    if name in {"map", "filter"}:
        if len(sources) < 2 or arguments.keywords:
            message = f"`{name}` takes a function and an iterable"
            raise evaluator.refuse("FC113", message, node, "write a comprehension")
        function, *sources = sources
        if isinstance(function.value, Unresolved):
            evaluator.escape(*(given.value for given in arguments.all()), why=function.value)
            raise evaluator.refuse_unresolved(function.value, node)
    for given in sources[: 1 if name in {"enumerate", "iter", "reversed"} else None]:
        found = evaluator.undetermined(given.value)
        if isinstance(found, RuntimeValue):
            later = evaluator.runtime_call("call", name, arguments, node)
            if later is not None:
                return later
        if found is not None:
            raise evaluator.not_known(found, given.node, f"`{name}` needs it", _instead(evaluator, name, given))
        if name == "reversed" and is_kind(given.value, set, frozenset, Iterator):
            raise evaluator.refuse("FC112", f"`{evaluator.code(given.node)}` has no order", node, "write `sorted(...)`")
    options = {key: given.value for key, given in arguments.keywords.items()}
    lenient = evaluator.lenient

    def make() -> list[object]:
        outer, evaluator.lenient = evaluator.lenient, lenient
        try:
            return _items(evaluator, name, function, sources, options, node)
        finally:
            evaluator.lenient = outer

    frame = evaluator.frame
    scopes = [frame.environment, *frame.closure]
    called = function.value if function is not None else None
    body: list[ast.AST] = [node]
    if isinstance(called, Function):
        scopes = [*called.closure, *scopes]
        body += [called.node.body] if isinstance(called.node, ast.Lambda) else called.node.body
    return Iterator(make, evaluator.watch_of(body, scopes))


def _items(
    evaluator: Evaluator, name: str, function: BoundValue | None, sources: list[BoundValue],
    options: dict[str, Any], node: ast.expr,
) -> list[object]:  # fmt: skip
    if name == "enumerate":
        first = sources[0]
        start = sources[1].value if len(sources) > 1 else options.get("start", 0)
        values = evaluator.iterate(first.value, first.node)
        return cast("list[object]", evaluator.computed(node, lambda: list(enumerate(values, cast("int", start)))))
    columns = [evaluator.iterate(given.value, given.node) for given in sources]
    if len({len(column) for column in columns}) > 1:  # Python leaves the rest in what it goes over
        why = Unresolved("how much was taken out of it is not known")
        evaluator.escape(*(given.value for given in sources if isinstance(given.value, Iterator)), why=why)
    if name in {"iter", "reversed"}:
        return columns[0] if name == "iter" else columns[0][::-1]
    if name == "zip":
        rows = evaluator.computed(node, lambda: list(zip(*columns, **options)))  # noqa: B905 - as the user's `strict=` says
        return cast("list[object]", rows)
    assert function is not None
    if name == "map":
        return [apply(evaluator, function.value, values, node) for values in zip(*columns)]  # noqa: B905 - as `map` does
    kept: list[object] = []
    for value in columns[0]:
        chosen = value if function.value is None else apply(evaluator, function.value, (value,), node)
        evaluator.check_known(function.node, "nothing can be left out by it here", "choose in a step", chosen)
        if chosen:
            kept.append(value)
    return kept


def _isinstance(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if len(arguments.positional) != 2 or arguments.keywords:
        message = "`isinstance` takes a value and a type"
        raise evaluator.refuse("FC113", message, node, "write `isinstance(value, str)`")
    value, kind = (given.value for given in arguments.positional)
    if isinstance(value, RuntimeValue):
        several = cast("tuple[object, ...]", kind) if is_kind(kind, tuple) else (kind,)
        wanted = tuple(item.name for item in several if isinstance(item, Builtin) and item.name in _TYPES)
        if len(wanted) == len(several):
            return evaluator.runtime_operation("isinstance", [value, wanted], node)
    if isinstance(value, Undetermined):
        way_out = "test it in a step that gets the result"
        raise evaluator.not_known(value, arguments.positional[0].node, "its type is not known", way_out)
    kinds = cast("tuple[object, ...]", kind) if is_kind(kind, tuple) else (kind,)
    classes = value.of.mro() if isinstance(value, Instance) and value.of is not None else []
    if classes and all(item.kind != "opaque" for item in classes) and all(isinstance(k, ClassObject) for k in kinds):
        return any(item in classes for item in kinds)
    names = [item.name for item in kinds if isinstance(item, Builtin) and item.name in _TYPES]
    others = [item for item in kinds if not (isinstance(item, Builtin) and item.name in _TYPES)]
    if others and not (isinstance(value, PLAIN) and all(isinstance(item, ClassObject) for item in others)):
        way_out = "write `str`, `int`, `list`, ..."
        raise evaluator.refuse("FC110", "flowc knows the builtin types only", arguments.positional[1].node, way_out)
    return isinstance(value.plain if isinstance(value, Member) else value, tuple(_TYPES[name] for name in names))


def _next(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    source = arguments.positional[0].value if arguments.positional else None
    if not isinstance(source, Iterator) or evaluator.undetermined(source):
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` cannot be evaluated", node, "write `list(...)[0]`")
    items = take_items(evaluator, source, node)
    if items:
        found = items.pop()
        if evaluator.conditional:
            evaluator.poison(source, Unresolved("whether something was taken out of it is not known"))
        return found
    if len(arguments.positional) > 1:
        return arguments.positional[1].value
    return evaluator.computed(node, lambda: next(iter(())))


def _getattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner, name = _attribute_arguments(evaluator, arguments, node)
    if isinstance(evaluator.undetermined(owner), RuntimeValue) and len(arguments.positional) == 3:
        return evaluator.runtime_operation("getattr", [owner, name, arguments.positional[2].value], node)
    names = _names_of(owner)
    if names is not None and name not in names and len(arguments.positional) > 2:
        return arguments.positional[2].value
    return evaluator.attribute(owner, name, node)


def _hasattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner, name = _attribute_arguments(evaluator, arguments, node)
    names = _names_of(owner)
    if names is None:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the value out", owner)
    return name in names


def _attribute_arguments(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> tuple[object, str]:
    values = [given.value for given in arguments.positional]
    if len(values) < 2 or not isinstance(values[1], str):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the attribute", *values)
    return values[0], values[1]


def _names_of(owner: object) -> set[str] | None:
    """The attributes of an object, where they are all known."""
    if isinstance(owner, Instance):
        classes = owner.of.mro() if owner.of is not None else []
        names = set(owner.attributes)
    elif isinstance(owner, ClassObject):
        classes, names = owner.mro(), set[str]()
    else:
        return None
    if any(item.kind == "opaque" or "__getattr__" in item.namespace for item in classes):
        return None
    return names.union(*(item.namespace for item in classes))


def _setattr(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> None:
    values = [given.value for given in arguments.positional]
    setter = setter_of(values[0], values[1]) if len(values) == 3 and isinstance(values[1], str) else None
    if setter is not None:
        call_function(evaluator, setter, CallArguments([arguments.positional[0], arguments.positional[2]]), node)
        return
    names = attributes_of(evaluator, values[0], values[1]) if len(values) == 3 and isinstance(values[1], str) else None
    if names is None:
        evaluator.escape(*values, why=Unresolved("it is changed by `setattr`"))
        if values and isinstance(values[0], Foreign):
            evaluator.change_foreign(values[0])
    else:
        names[cast("str", values[1])] = values[2]


def _vars(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if len(arguments.positional) == 1 else None
    if isinstance(owner, Instance) and (owner.of is None or owner.of.kind in {"plain", "dataclass"}):
        return owner.attributes
    if not arguments.positional or isinstance(owner, Foreign):
        path = owner.path if isinstance(owner, Foreign) else ("builtins", "globals", "()")
        return Foreign("is known when the file runs", path=(*path, "__dict__"))
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)


def _type(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    value = arguments.positional[0].value if len(arguments.positional) == 1 else Unresolved("")
    if isinstance(value, Instance) and value.of is not None:
        return value.of
    if isinstance(value, PLAIN) or type(value) in _TYPES.values():
        name = type(value).__name__
        if name in _TYPES:
            return builtin(name)
    raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the type out", value)


def _callable(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    value = arguments.positional[0].value if arguments.positional else Unresolved("")
    if isinstance(value, Undetermined | Instance):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write the value out", value)
    return isinstance(value, Function | Builtin | ClassObject | Partial)


def _print(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> None:
    del arguments
    if not evaluator.lenient:
        raise evaluator.refuse(
            "FC115", "flowc does not evaluate `print` in a pipeline's body", node, "do this in a step"
        )


def _exit(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del arguments
    if evaluator.lenient:
        raise ExitError
    raise evaluator.refuse("FC115", "a pipeline's body cannot end the program", node, "do this in a step")


def _object(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del arguments
    raise evaluator.refuse("FC115", "`object()` is not plain data", node, "use None")


def _partial(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if not arguments.positional or arguments.open:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the arguments")
    function, *rest = (given.value for given in arguments.positional)
    if isinstance(function, Partial):
        keywords = {**function.keywords, **{key: given.value for key, given in arguments.keywords.items()}}
        return Partial(function.function, (*function.positional, *rest), keywords)
    return Partial(function, tuple(rest), {key: given.value for key, given in arguments.keywords.items()})


def _reduce(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    function, source, *start = arguments.positional
    values = evaluator.iterate(source.value, source.node)
    if not start and not values:
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` has nothing to reduce", node, "give it a start")
    total = start[0].value if start else values.pop(0)
    for value in values:
        total = apply(evaluator, function.value, (total, value), node)
    return total


def _itemgetter(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    """`itemgetter(...)`: a function of plain data."""
    values = [given.value for given in arguments.positional]
    if arguments.open or arguments.keywords or evaluator.find_undetermined(values) or has_objects(values):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write a lambda")
    return Builtin("itemgetter", cast("Callable[..., object]", evaluator.computed(node, itemgetter, *values)))


def _wraps(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    del evaluator, node
    of = arguments.positional[0].value if arguments.positional else None
    wrapped = of.wraps or of if isinstance(of, Function) else None
    applied = of.applied if isinstance(of, Function) else ()

    def wrap(function: object) -> object:
        if not isinstance(function, Function):
            return function
        return replace(function, wraps=wrapped, applied=(*applied, *function.applied))

    return Builtin("typing.cast", wrap)


def _namespace(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    if arguments.positional or arguments.open:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the arguments")
    return Instance(None, {key: given.value for key, given in arguments.keywords.items()})


def _asdict(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if arguments.positional else None
    if not isinstance(owner, Instance) or owner.of is None or owner.of.kind != "dataclass":
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    found = {name: owner.attributes[name] for name in owner.of.fields if name in owner.attributes}
    evaluator.check_known(node, "it cannot be copied", "name the values", found)
    if has_objects(found):
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    return evaluator.computed(node, plain_copy, found)


def _replace(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    owner = arguments.positional[0].value if arguments.positional else None
    if not isinstance(owner, Instance) or owner.of is None or owner.of.kind != "dataclass":
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "name the values", owner)
    own = {name: BoundValue(owner.attributes[name], node) for name in owner.of.fields if name in owner.attributes}
    return evaluator.call(owner.of, CallArguments([], {**own, **arguments.keywords}), node)


def _call_unbound(evaluator: Evaluator, function: Builtin, arguments: CallArguments, node: ast.expr) -> object:
    kind, name = cast("tuple[str, str]", function.function())
    if not arguments.positional or not isinstance(arguments.positional[0].value, (_TYPES[kind], Undetermined)):
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` is not for this value", node, "correct it")
    first, *rest = arguments.positional
    if isinstance(first.value, Undetermined) and not isinstance(first.value, Assumed):
        raise evaluator.not_known(first.value, first.node, "it has no methods yet", "do this in a step")
    return evaluator.call(BoundMethod(first.value, name), CallArguments(rest, arguments.keywords), node)


def _namedtuple(evaluator: Evaluator, arguments: CallArguments, node: ast.expr) -> object:
    """`namedtuple("Name", ["x", "y"], defaults=[...])`: what it makes are Python's own named tuples."""
    values = [given.value for given in arguments.all()]
    plain = not arguments.open and evaluator.find_undetermined(values) is None and not any(map(has_objects, values))
    if not plain or len(arguments.positional) != 2 or arguments.keywords.keys() - {"defaults", "rename"}:
        raise evaluator.refuse("FC115", f"`{evaluator.code(node)}` is not known", node, "write a dataclass", *values)
    keywords = {key: given.value for key, given in arguments.keywords.items()}
    return named_tuple(evaluator, node, *values[:2], **keywords)


_SPECIAL: dict[str, Callable[[Evaluator, CallArguments, ast.expr], object]] = {
    "callable": _callable, "collections.namedtuple": _namedtuple, "dataclasses.asdict": _asdict,
    "dataclasses.replace": _replace, "exit": _exit, "functools.partial": _partial, "functools.reduce": _reduce,
    "functools.wraps": _wraps, "getattr": _getattr, "hasattr": _hasattr, "isinstance": _isinstance, "next": _next,
    "object": _object, "operator.itemgetter": _itemgetter, "os.getenv": call_getenv, "print": _print, "quit": _exit,
    "setattr": _setattr, "type": _type, "types.SimpleNamespace": _namespace, "vars": _vars,
}  # fmt: skip
