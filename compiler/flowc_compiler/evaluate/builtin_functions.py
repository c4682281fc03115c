"""Builtin functions of Python's, and functions of its library, on values that are known.

Lists may hold run-time values and objects of the file's classes where a function does not look at its entries.
"""

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, cast

from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, is_file_itself, machine_place, stripped
from flowc_compiler.evaluate.builtin_names import BUILTIN_TYPES, LAZY_FUNCTIONS, STRUCTURAL_FUNCTIONS
from flowc_compiler.evaluate.enumerations import member_text
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import callback
from flowc_compiler.evaluate.iteration import take_items
from flowc_compiler.evaluate.lazy_iterators import lazy_iterator, way_out_of
from flowc_compiler.evaluate.library_values import PLACE_METHODS, READING_PLACES, PosixPath, library, library_method
from flowc_compiler.evaluate.methods import CHANGING, call_plain, is_method
from flowc_compiler.evaluate.operations import (
    DEEPEST_TREE,
    LONGEST,
    MOST_BITS,
    binary,
    check_format,
    cost,
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
from flowc_compiler.evaluate.special_builtins import SPECIAL_BUILTINS
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
    Instance,
    Iterator,
    Member,
    RuntimeValue,
    Undetermined,
    is_kind,
)


def call_builtin(evaluator: Evaluator, function: Builtin, arguments: CallArguments, node: ast.expr) -> object:
    """The value of a call of a builtin. Raises EvaluationError."""
    name = function.name
    special = SPECIAL_BUILTINS.get(name)
    if special is not None:
        return special(evaluator, arguments, node)
    if name == "unbound":
        return _call_unbound(evaluator, function, arguments, node)
    if name in LAZY_FUNCTIONS:
        return lazy_iterator(evaluator, name, arguments, node)
    structural = name in STRUCTURAL_FUNCTIONS or name.startswith(("itertools.", NAMED_TUPLE)) or name in _DICTS
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
    value = evaluator.computed(node, lambda: _limited(evaluator, name, function.function(*values, **keywords), node))
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
    raise evaluator.not_known(found, given.node, f"`{name}` needs it", way_out_of(evaluator, name, given))


def _text_of_member(name: str, arguments: CallArguments) -> str | None:
    """What `str` makes of a member of an enumeration; `None` for other calls."""
    first = arguments.positional[0].value if name == "str" and len(arguments.positional) == 1 else None
    return member_text(first, formatted=False) if isinstance(first, Instance) else None


def builtin_attribute(owner: Builtin, name: str) -> object | None:
    """An attribute of a class of Python's: `dict.fromkeys`, `datetime.strptime`, `str.upper`; `None` for others."""
    path = (*owner.name.split("."), name)
    found = library(path)
    if found is not None or owner.name in BUILTIN_TYPES:
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
    if is_method(BUILTIN_TYPES[kind], name):
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
    inside = not structural and name not in _LOOKING_AT_NONE
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


def _limited(evaluator: Evaluator, name: str, value: object, node: ast.expr) -> object:
    """An iterator of Python's, up to one more than the most entries, which is refused; what it makes is charged."""
    if not hasattr(value, "__next__"):
        return value

    def items() -> Iterable[object]:
        for item in itertools.islice(cast("Iterable[object]", value), LONGEST + 1):
            if name in _MAKING_ITEMS:
                evaluator.charge(1 + cost(item), node)
            yield item

    return Iterator(items)


_MAKING_ITEMS = frozenset(
    f"itertools.{name}" for name in ("accumulate", "combinations", "pairwise", "permutations", "product", "zip_longest")
)
"""Functions whose items are new values, and not those of what they go over."""


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
    if name in _ORDERING_MARKS:
        for text in (item for item in values if isinstance(item, str) and not item.isascii()):
            evaluator.charge(len(text) ** 2 // 100, node)
    if name == "math.lcm" and len(values) > 1000:
        evaluator.exhausted("this takes too long to compute", node, "do it in a step")
    if name == "round" and len(values) > 1 and isinstance(values[1], int) and abs(values[1]) > MOST_BITS:
        evaluator.exhausted("this takes too long to compute", node, "do it in a step")


_ORDERING_MARKS = frozenset(f"urllib.parse.{name}" for name in ("urljoin", "urlparse", "urlsplit"))
"""Functions that put the accents of a host's name into order, which takes the square of their number."""
_READING = frozenset({"all", "any", "max", "min", "sorted", "sum", "repr", "str", "list", "tuple", "set", "dict"})


def _callback(evaluator: Evaluator, given: BoundValue, node: ast.expr) -> object:
    """A keyword argument: a function of the user's, such as `key=`, is evaluated when it is called."""
    value = given.value
    plain = is_kind(value, *PLAIN, *LIBRARY_TYPES, list, tuple, dict, set, frozenset)
    return value if plain else callback(evaluator, value, node)


def _call_unbound(evaluator: Evaluator, function: Builtin, arguments: CallArguments, node: ast.expr) -> object:
    kind, name = cast("tuple[str, str]", function.function())
    if not arguments.positional or not isinstance(arguments.positional[0].value, (BUILTIN_TYPES[kind], Undetermined)):
        raise evaluator.refuse("FC112", f"`{evaluator.code(node)}` is not for this value", node, "correct it")
    first, *rest = arguments.positional
    if isinstance(first.value, Undetermined) and not isinstance(first.value, Assumed):
        raise evaluator.not_known(first.value, first.node, "it has no methods yet", "do this in a step")
    return evaluator.call(BoundMethod(first.value, name), CallArguments(rest, arguments.keywords), node)
