"""Methods of Python's own data: of text, numbers, lists, tuples, sets and dicts."""

from __future__ import annotations

import ast
import string
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flowc_compiler.evaluate.assumptions import assumed_parts, assuming, stripped
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError, RaisedError
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import callback
from flowc_compiler.evaluate.operations import (
    HEAVIEST,
    LONGEST,
    MOST_STEPS,
    TooLargeError,
    check_format,
    cost,
    range_length,
    size,
)
from flowc_compiler.evaluate.plain_data import (
    check_hashable,
    check_keys,
    check_plain,
    check_written,
    has_objects,
    plain_members,
)
from flowc_compiler.evaluate.values import BoundMethod, DictView, Iterator, RuntimeValue, Unresolved, is_kind

_TEXT = frozenset(
    {
        "capitalize", "casefold", "center", "count", "encode", "endswith", "expandtabs", "find", "format", "index",
        "isalnum", "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable",
        "isspace", "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition", "removeprefix",
        "removesuffix", "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines",
        "startswith", "strip", "swapcase", "title", "upper", "zfill",
    }
)  # fmt: skip
METHODS: dict[type, frozenset[str]] = {
    str: _TEXT,
    bytes: frozenset({"decode", "hex"}),
    list: frozenset(
        {"append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"}
    ),
    tuple: frozenset({"count", "index"}),
    range: frozenset({"count", "index"}),
    dict: frozenset({"clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"}),
    set: frozenset(
        {"add", "clear", "copy", "difference", "difference_update", "discard", "intersection", "intersection_update",
         "isdisjoint", "issubset", "issuperset", "remove", "symmetric_difference", "union", "update"}
    ),
    frozenset: frozenset({"copy", "difference", "intersection", "isdisjoint", "issubset", "issuperset", "union"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
}  # fmt: skip
_PADDING = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})
_NAIVE = frozenset({"lstrip", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "strip"})
"""Methods of text that look at an operand for each character."""
CHANGING = frozenset(
    {"add", "append", "clear", "difference_update", "discard", "extend", "insert", "intersection_update", "pop",
     "popitem", "remove", "reverse", "setdefault", "sort", "update"}
)  # fmt: skip
_LOOKING = frozenset(
    {"count", "difference", "discard", "index", "intersection", "isdisjoint", "issubset", "issuperset", "remove",
     "symmetric_difference"}
)  # fmt: skip
"""Methods that compare entries."""
_COMPARING = frozenset({"count", "get", "index"})
"""Methods of lists, tuples and dicts that compare their first operand with entries or keys, and change nothing."""
_TAKING_ENTRIES = frozenset(
    {"extend", "update", "union", "difference", "difference_update", "intersection", "intersection_update",
     "symmetric_difference"}
)  # fmt: skip
_CHEAP = frozenset({"add", "append", "get", "items", "keys", "popitem", "setdefault", "values"})
"""Methods that take no longer for a large list or dict."""
_BY_KEY = frozenset({"get", "pop", "setdefault"})


def is_method(of: type, name: str) -> bool:
    """Whether a type of plain data has a method that flowc calls."""
    kind = next((kind for kind in (bool, *METHODS) if issubclass(of, kind)), None)
    return kind is not None and name in METHODS.get(kind, ())


def call_plain(evaluator: Evaluator, method: BoundMethod, arguments: CallArguments, node: ast.expr) -> object:
    """What a method of plain data gives. It may change the list, dict or set that it is a method of."""
    later = _with_results(evaluator, method, arguments, node)
    if later is not None:
        return later
    operands = () if method.name in CHANGING else tuple(given.value for given in arguments.all())
    if operands and (assumed := assumed_parts(evaluator, *operands)):
        plain = CallArguments(
            [BoundValue(stripped(given.value), given.node) for given in arguments.positional],
            {key: BoundValue(stripped(given.value), given.node) for key, given in arguments.keywords.items()},
        )
        return assuming(evaluator, assumed, lambda: call_plain(evaluator, method, plain, node))
    try:
        return _call_plain(evaluator, method, arguments, node)
    except RaisedError:
        raise
    except EvaluationError as error:
        if method.name in CHANGING:  # Python makes the change, and flowc does not
            evaluator.escape(method.owner, why=Unresolved(error.diagnostic.message, error.diagnostic.help))
        raise


def _call_plain(evaluator: Evaluator, method: BoundMethod, arguments: CallArguments, node: ast.expr) -> object:
    owner, name = method.owner, method.name
    values, kind = [given.value for given in arguments.positional], type(owner)
    keywords = {key: given.value for key, given in arguments.keywords.items()}
    unknown = evaluator.undetermined(owner)
    if isinstance(unknown, Unresolved):
        evaluator.escape(owner, *values, *keywords.values(), why=unknown)
        raise evaluator.refuse_unresolved(unknown, node)
    if name in CHANGING:
        evaluator.check_free(owner, node)
    if isinstance(owner, str):
        values = _text_operands(evaluator, owner, name, arguments, node)
    elif name in _TAKING_ENTRIES:
        values = [_entries(evaluator, item, arguments, place) for place, item in enumerate(values)]
    if kind is not str and name in _LOOKING:
        evaluator.check_known(node, "it cannot be looked for", "keep the position in a variable", owner, values)
    if kind is dict and name in _BY_KEY and evaluator.find_undetermined(*values[:1]) is not None:
        way_out = "look it up in a step that gets the result"
        raise _unknown_change(
            evaluator, owner, values, evaluator.not_known(values[0], node, "it cannot be a key here", way_out), name
        )
    if kind is not str:
        _check_operands(evaluator, owner, name, values, node)
    if name == "sort":
        key = keywords.get("key")
        if key is None:
            evaluator.check_known(node, "it cannot be sorted by it", "sort in a step that gets the results", owner)
        if key is None and has_objects(owner):
            raise evaluator.refuse("FC113", "flowc does not compare these objects", node, "sort by a `key`")
        if key is not None:
            keywords["key"] = callback(evaluator, key, node)
    indices = [*(values[:1] if name in {"insert", "pop"} and kind is list else ()), keywords.get("reverse")]
    if (found := evaluator.find_undetermined(*indices)) is not None:
        raise _unknown_change(
            evaluator, owner, values, evaluator.not_known(found, node, "it is not an index", ""), name
        )
    is_last = name == "pop" and (kind is dict or not values)
    evaluator.charge(0 if name in _CHEAP or is_last else cost(owner) // (1 if name != "pop" else 64), node)

    def run() -> object:
        found = getattr(owner, name)(*values, **keywords)
        if len(cast("list[object]", owner) if is_kind(owner, list, dict, set) else ()) > LONGEST:
            raise TooLargeError
        if name in {"items", "keys", "values"}:
            return DictView(cast("dict[object, object]", owner), name)
        return found

    return evaluator.computed(node, run)


def _with_results(evaluator: Evaluator, method: BoundMethod, arguments: CallArguments, node: ast.expr) -> object | None:
    """The value of a call that a task does, since an operand is known in the run only; `None` for others."""
    operands = arguments.all() if isinstance(method.owner, str) else arguments.positional[: method.name in _COMPARING]
    if not isinstance(evaluator.find_undetermined(*(given.value for given in operands)), RuntimeValue):
        return None
    return evaluator.runtime_call("method", method.name, arguments, node, method.owner)


def _check_operands(evaluator: Evaluator, owner: object, name: str, values: list[object], node: ast.expr) -> None:
    """Refuse what cannot be compared with entries, and what takes long to look for or to put in."""
    kind = type(owner)
    compared = (owner, values) if name in _LOOKING else (values[:1],) if kind in (dict, set) else ()
    check_hashable(evaluator, node, compared)
    for item in values if name in _TAKING_ENTRIES and kind is not list else ():
        check_keys(evaluator, node, item)
    if isinstance(owner, range) and range_length(owner) > LONGEST and not all(isinstance(item, int) for item in values):
        evaluator.exhausted("this range is longer than what flowc looks through", node, "look for numbers")


def _unknown_change(evaluator: Evaluator, owner: object, values: list[object], error: Any, name: str) -> Any:
    """An error of a method that may have changed its list or dict, which nothing is known of then."""
    if evaluator.lenient:
        if name in CHANGING:
            evaluator.escape(owner, *values, why=Unresolved(error.diagnostic.message))
        error.options = (owner, *values)
    return error


def _entries(evaluator: Evaluator, value: object, arguments: CallArguments, place: int) -> object:
    given = arguments.positional[place].node
    if is_kind(value, dict) and not evaluator.undetermined(value):
        return value
    if is_kind(value, set, frozenset) and not evaluator.undetermined(value):
        return value
    return evaluator.iterate(value, given)


def _text_operands(
    evaluator: Evaluator, owner: str, name: str, arguments: CallArguments, node: ast.expr
) -> list[object]:
    """The operands of a method of text. Refuses results in a text, and what would become too long."""
    values: list[object] = []
    for given in (*arguments.positional, *arguments.keywords.values()):
        taken = isinstance(given.value, Iterator | DictView) or (name == "join" and is_kind(given.value, dict))
        value = evaluator.iterate(given.value, given.node) if taken else given.value
        if name != "format":
            value = plain_members(value)
        check_plain(evaluator, given.node, "a text cannot contain it", "make the text in a step that gets it", value)
        check_written(evaluator, given.node, value)
        if name == "join" and is_kind(value, set, frozenset):
            value = evaluator.iterate(value, given.node)  # pyright: ignore[reportUnknownArgumentType]
        values.append(value)
    evaluator.computed(node, lambda: _check_text(owner, name, values))
    count = len(arguments.positional)
    if name == "format":
        named = dict(zip(arguments.keywords, values[count:], strict=True))
        evaluator.computed(node, lambda: _BoundedFormatter().vformat(owner, values[:count], named))
    return values[:count]


class _BoundedFormatter(string.Formatter):
    """Formats as `str.format` does, field by field, and raises TooLargeError where the text gets long."""

    def __init__(self) -> None:
        self.converted = self.written = 0

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The value of a field."""
        if "." in field_name:
            raise ValueError("flowc reads no attributes in a format")
        return super().get_field(field_name, args, kwargs)

    def convert_field(self, value: object, conversion: Any) -> Any:
        """The text of `!r`, which a width may cut off."""
        found = super().convert_field(value, conversion)
        self.converted += size(found) if conversion else 0
        if self.converted > HEAVIEST:
            raise TooLargeError
        return found

    def format_field(self, value: object, format_spec: str) -> str:
        """The text of a field."""
        check_format(format_spec)
        text = format(value, format_spec)
        self.written += len(text)
        if self.written > LONGEST:
            raise TooLargeError
        return text


def _check_text(owner: str, name: str, values: list[Any]) -> None:
    first = values[0] if values else 0
    if name in _PADDING and isinstance(first, int):  # noqa: SIM102 - one line would be too long
        if max(first, first * owner.count("\t") if name == "expandtabs" else 0) > LONGEST:
            raise TooLargeError
    if name in _NAIVE and isinstance(first, str) and len(first) * len(owner) > MOST_STEPS:
        raise TooLargeError
    if name == "replace" and len(values) > 1 and isinstance(values[1], str):  # noqa: SIM102 - one line would be too long
        if len(owner) * max(1, len(values[1])) > LONGEST * 10:
            raise TooLargeError
    if name == "join" and is_kind(first, list, tuple):
        texts = [item for item in cast("list[object]", first) if isinstance(item, str)]
        if sum(map(len, texts)) + len(owner) * len(texts) > LONGEST * 10:
            raise TooLargeError
