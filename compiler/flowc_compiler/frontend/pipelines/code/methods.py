"""Methods: of Python's own data, of steps, and of results."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterable
from typing import cast

from flowc_compiler.frontend.pipelines.calling.inlining import callback
from flowc_compiler.frontend.pipelines.calling.maps import call_map
from flowc_compiler.frontend.pipelines.code.expressions import computed, entry, iterated
from flowc_compiler.frontend.pipelines.code.operations import TooLargeError, check_format
from flowc_compiler.frontend.pipelines.evaluation.limits import LONGEST
from flowc_compiler.frontend.pipelines.evaluation.machine import Arguments, Machine
from flowc_compiler.frontend.pipelines.evaluation.objects import (
    BoundMethod,
    HelperFunction,
    MappedResult,
    PipelineFunction,
    Result,
    StepFunction,
    StepOutputs,
)
from flowc_compiler.frontend.pipelines.evaluation.unknown import (
    check_once,
    check_weight,
    has_unknown,
    is_unknown,
    not_known,
)
from flowc_compiler.frontend.pipelines.evaluation.weights import weight

_TEXT = frozenset(
    {
        "capitalize", "casefold", "center", "count", "endswith", "expandtabs", "find", "format", "index", "isalnum",
        "isalpha", "isascii", "isdecimal", "isdigit", "isidentifier", "islower", "isnumeric", "isprintable", "isspace",
        "istitle", "isupper", "join", "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix",
        "replace", "rfind", "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith",
        "strip", "swapcase", "title", "upper", "zfill",
    }
)  # fmt: skip
_METHODS: dict[type, frozenset[str]] = {
    str: _TEXT,
    list: frozenset(
        {"append", "clear", "copy", "count", "extend", "index", "insert", "pop", "remove", "reverse", "sort"}
    ),
    tuple: frozenset({"count", "index"}),
    range: frozenset({"count", "index"}),
    dict: frozenset({"clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"}),
    set: frozenset(
        {"add", "clear", "copy", "difference", "discard", "intersection", "isdisjoint", "issubset", "issuperset",
         "pop", "remove", "symmetric_difference", "union", "update"}
    ),
    frozenset: frozenset({"copy", "difference", "intersection", "isdisjoint", "issubset", "issuperset", "union"}),
    int: frozenset({"bit_length"}),
    float: frozenset({"is_integer"}),
}  # fmt: skip
_PADDING = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})
_CHANGING = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault",
     "sort", "update"}
)  # fmt: skip
_LOOKING = frozenset(
    {"count", "difference", "discard", "index", "intersection", "isdisjoint", "issubset", "issuperset", "remove",
     "symmetric_difference"}
)  # fmt: skip
"""Methods that compare entries."""
_BY_KEY = frozenset({"get", "pop", "setdefault"})
_FUTURES = frozenset({"result", "artifacts"})
"""Methods of ZenML's futures that give the artifact itself."""


def attribute(machine: Machine, owner: object, name: str, node: ast.Attribute) -> object:
    """An attribute of a value: a method that may be called. Raises RefusedError."""
    if isinstance(owner, StepFunction | PipelineFunction):
        if name in {"map", "product", "submit"}:
            return BoundMethod(owner, name)
        if name in {"name", "__name__"}:
            return owner.name
    elif is_unknown(owner):
        return _of_result(machine, owner, name, node)
    elif isinstance(owner, tuple(_METHODS)):
        kind = next(kind for kind in (bool, *_METHODS) if isinstance(owner, kind))
        if name in _METHODS.get(kind, ()):
            return BoundMethod(owner, name)
    if name in {"map", "product"}:
        shown = machine.code(node.value)
        what = f"put `@step` above `{shown}`" if isinstance(owner, HelperFunction) else f"write `work.{name}({shown})`"
        raise machine.refuse("FC222", f"`{name}` is a method of steps, and `{shown}` is none", node, what)
    raise machine.refuse(
        "FC110", f"flowc does not evaluate `{machine.code(node)}` in a pipeline's body", node,
        "use plain data, its methods, and steps; do other work in a step",
    )  # fmt: skip


def _of_result(machine: Machine, owner: object, name: str, node: ast.Attribute) -> object:
    if name in {"load", "wait", "running", "artifacts", "result", "chunk", "get_artifact", "unpack"}:
        return BoundMethod(owner, name)
    if name in {"map", "product"}:
        raise machine.refuse(
            "FC222", f"`{name}` is a method of steps, not of their results", node,
            f"write `work.{name}({machine.code(node.value)})`",
        )  # fmt: skip
    raise not_known(machine, node, f"it has no attribute `{name}` yet", "read it in a step that gets the result")


def call_method(machine: Machine, method: BoundMethod, arguments: Arguments, node: ast.expr) -> object:
    """What a method gives. Raises RefusedError."""
    owner, name = method.owner, method.name
    if isinstance(owner, StepFunction | PipelineFunction):
        if name == "submit":
            return machine.call(owner, arguments, node)
        return call_map(machine, owner, arguments, node, product=name == "product")
    if is_unknown(owner):
        return _call_result(machine, owner, name, arguments, node)
    return _call_plain(machine, owner, name, arguments, node)


def _call_result(machine: Machine, owner: object, name: str, arguments: Arguments, node: ast.expr) -> object:
    values = [given.value for given in (*arguments.positional, *arguments.keywords.values())]
    if name in _FUTURES and not values:
        return owner
    if name == "chunk" and len(values) == 1 and isinstance(owner, Result):
        return entry(machine, owner, values[0], node)
    if name == "get_artifact" and len(values) == 1:
        return _artifact(machine, owner, values[0], node)
    if name == "unpack" and isinstance(owner, MappedResult) and not values:
        return _unpacked(machine, owner, node)
    if name == "wait":
        raise machine.refuse("FC111", "the pipeline's body is over before a step runs", node, "write `after=[...]`")
    if name == "unpack":
        raise machine.refuse("FC222", "`unpack` is for what `.map` gives", node, "assign: `first, second = step()`")
    raise not_known(
        machine, node, f"`{name}` cannot be called",
        "pass the result itself to the step that needs it: the step gets the value",
    )  # fmt: skip


def _artifact(machine: Machine, owner: object, key: object, node: ast.expr) -> object:
    names = owner.names if isinstance(owner, StepOutputs) else ("output",)
    if key in names and isinstance(owner, StepOutputs):
        return owner.results[names.index(key)]
    if isinstance(owner, Result):
        return owner
    raise machine.refuse("FC112", f"there is no output `{key}`", node, f"the outputs are {', '.join(names)}")


def _unpacked(machine: Machine, owner: MappedResult, node: ast.expr) -> object:
    """One mapped result for each output of the step that is mapped."""
    item = owner.item
    parts = (
        item.results
        if isinstance(item, StepOutputs)
        else cast("Iterable[object]", item)
        if isinstance(item, tuple)
        else ()
    )
    found = tuple(MappedResult(owner.map, part) for part in parts)
    if not found:
        message = "`unpack` takes the outputs of a step apart that has several"
        raise machine.refuse("FC222", message, node, "annotate the step: `-> tuple[A, B]`, and `return a, b` in it")
    return found


def _call_plain(machine: Machine, owner: object, name: str, arguments: Arguments, node: ast.expr) -> object:
    """A method of plain data. It may change the list, dict or set that it is a method of."""
    values, kind = [given.value for given in arguments.positional], type(owner)
    if name in _CHANGING:
        machine.check_free(owner, node)
    if isinstance(owner, str):
        _check_text(machine, owner, name, arguments, node)
    elif name in {"extend", "update", "union", "difference", "intersection", "symmetric_difference"}:
        for given in arguments.positional:
            if not isinstance(given.value, dict):
                iterated(machine, given.value, given.node)
    if kind is not str and name in _LOOKING and (has_unknown(owner) or has_unknown(values)):
        raise not_known(machine, node, "it cannot be looked for", "keep the position in a variable")
    if kind is dict and name in _BY_KEY and has_unknown(values[:1]):
        raise not_known(machine, node, "it cannot be a key here", "look it up in a step that gets the result")
    keywords = {key: given.value for key, given in arguments.keywords.items()}
    if name == "sort":
        key = keywords.get("key")
        if has_unknown(owner) and key is None:
            raise not_known(machine, node, "it cannot be sorted by it", "sort in a step that gets the results")
        if key is not None:
            keywords["key"] = callback(machine, key, node)

    def run() -> object:
        found = getattr(owner, name)(*values, **keywords)
        if len(cast("list[object]", owner) if isinstance(owner, list | dict | set) else ()) > LONGEST:
            raise TooLargeError
        return list(found) if name in {"items", "keys", "values"} else found

    return computed(machine, node, run)


def _check_text(machine: Machine, owner: str, name: str, arguments: Arguments, node: ast.expr) -> None:
    """Refuse results in a string, and what would become too long."""
    for given in (*arguments.positional, *arguments.keywords.values()):
        if has_unknown(given.value):
            raise not_known(machine, given.node, "a text cannot contain it", "make the text in a step that gets it")
        check_once(machine, given.value, given.node)
        check_weight(machine, given.node, given.value)

    def check() -> None:
        first = arguments.positional[0].value if arguments.positional else 0
        if name in _PADDING and isinstance(first, int) and first > LONGEST:
            raise TooLargeError
        if name == "replace" and len(arguments.positional) > 1:
            new = arguments.positional[1].value
            if isinstance(new, str) and len(owner) * max(1, len(new)) > LONGEST * 10:
                raise TooLargeError
        if name == "expandtabs" and isinstance(first, int) and first * owner.count("\t") > LONGEST * 10:
            raise TooLargeError
        if name == "join" and isinstance(first, list | tuple):
            texts = [item for item in cast("list[object]", first) if isinstance(item, str)]
            if sum(map(len, texts)) + len(owner) * len(texts) > LONGEST * 10:
                raise TooLargeError
        if name == "format":
            given = [item.value for item in (*arguments.positional, *arguments.keywords.values())]
            longest = max((weight(value) for value in given), default=0)
            if longest * owner.count("{") > LONGEST or any(isinstance(item, int) and item > LONGEST for item in given):
                raise TooLargeError
            for _, field, spec, _ in string.Formatter().parse(owner):
                check_format(spec or "")
                if field is not None and "." in field:
                    raise ValueError("flowc reads no attributes in a format")

    computed(machine, node, check)
