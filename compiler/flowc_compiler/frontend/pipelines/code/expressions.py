"""Expressions in a pipeline's body, but for calls, comprehensions and what becomes a switch."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import libcst as cst

from flowc_compiler.frontend.pipelines.code.operations import UNARY, TooLargeError, binary, check_format, checked
from flowc_compiler.frontend.pipelines.evaluation.limits import LONGEST
from flowc_compiler.frontend.pipelines.evaluation.machine import ExhaustedError, Machine, RefusedError
from flowc_compiler.frontend.pipelines.evaluation.objects import MappedResult, Result, StepOutputs, Unmapped
from flowc_compiler.frontend.pipelines.evaluation.unknown import (
    as_value,
    check_once,
    check_weight,
    has_unknown,
    in_order,
    is_unknown,
    not_known,
)
from flowc_compiler.ir.values import ElementValue, OutputValue


def computed(machine: Machine, node: cst.CSTNode, function: Callable[..., object], *operands: object) -> object:
    """What a function of Python's gives for known values. Raises RefusedError where it fails, or gives too much."""
    try:
        return checked(function(*operands))
    except (RefusedError, ExhaustedError):
        raise
    except TooLargeError:
        message = f"`{machine.code(node)}` is larger than what flowc computes"
        raise machine.refuse("FC114", message, node, f"make values of more than {LONGEST} entries in a step") from None
    except RecursionError:
        raise machine.refuse("FC114", "this is nested too deeply", node, "make it in a step") from None
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise machine.refuse("FC112", f"`{machine.code(node)}` fails: {text}", node, "correct it") from None


def literal(machine: Machine, node: cst.Integer | cst.Float | cst.Imaginary | cst.SimpleString) -> object:
    """A number or a string."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return computed(machine, node, lambda: ast.literal_eval(node.value))


def concatenated(machine: Machine, node: cst.ConcatenatedString) -> object:
    """Strings side by side."""
    left, right = machine.evaluate(node.left), machine.evaluate(node.right)
    return computed(machine, node, lambda: cast("Any", left) + right)


def formatted(machine: Machine, node: cst.FormattedString) -> object:
    """An f-string."""
    return _parts(machine, node.parts, node)


def _parts(machine: Machine, parts: Sequence[cst.BaseFormattedStringContent], node: cst.FormattedString) -> str:
    texts: list[str] = []
    raw = "r" in node.prefix.lower()
    for part in parts:
        if isinstance(part, cst.FormattedStringText):
            plain = part.value.replace("{{", "{").replace("}}", "}")
            texts.append(plain if raw else _unescaped(plain, node.quote))
            continue
        field = cast("cst.FormattedStringExpression", part)
        value = machine.evaluate(field.expression)
        if has_unknown(value):
            raise not_known(
                machine,
                field.expression,
                "an f-string cannot contain it",
                "make the text in a step that gets the result",
            )
        texts.append(_field(machine, field, value, node))
    return cast("str", computed(machine, node, lambda: "".join(texts)))


def _field(machine: Machine, field: cst.FormattedStringExpression, value: object, node: cst.FormattedString) -> str:
    check_weight(machine, field.expression, value)
    spec = _parts(machine, field.format_spec, node) if field.format_spec else ""
    conversion = field.conversion or ("r" if field.equal is not None and not spec else None)
    shown = _CONVERSIONS[conversion](value) if conversion else value

    def run() -> str:
        check_format(spec)
        return format(shown, spec)

    text = cast("str", computed(machine, field.expression, run))
    if field.equal is not None:
        return f"{machine.view.tree.code_for_node(field.expression)}={text}"
    return text


_CONVERSIONS: dict[str, Callable[[object], str]] = {"r": repr, "s": str, "a": ascii}


def _unescaped(text: str, quote: str) -> str:
    """The value of a piece of a string's code. Python's warning of an odd escape is for those who run the file."""
    if "\\" not in text:
        return text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quote = quote if len(quote) == 3 else quote * 3
        return str(ast.literal_eval(f"{quote}{text} {quote}"))[:-1]


def elements(machine: Machine, items: Iterable[cst.BaseElement]) -> list[object]:
    """The entries of a list, tuple or set that is written out, `*more` included."""
    values: list[object] = []
    for item in items:
        value = machine.evaluate(item.value)
        if isinstance(item, cst.StarredElement):
            values.extend(iterated(machine, value, item.value))
        else:
            values.append(value)
    return values


def make_set(machine: Machine, node: cst.Set) -> object:
    """A set that is written out."""
    values = elements(machine, node.elements)
    check_weight(machine, node, *values)
    return computed(machine, node, lambda: set(values))


def make_dict(machine: Machine, node: cst.Dict) -> object:
    """A dict that is written out."""
    found: dict[object, object] = {}
    for item in node.elements:
        value = machine.evaluate(item.value)
        if isinstance(item, cst.DictElement):
            key = machine.evaluate(item.key)
            if has_unknown(key):
                raise not_known(machine, item.key, "it cannot be a key of a dict", "make the dict in a step")
            check_weight(machine, item.key, key)
            computed(machine, item.key, hash, key)
            found[key] = value
        elif isinstance(value, dict):
            found.update(cast("dict[object, object]", value))
        else:
            raise _not_a(machine, "dict", value, item.value)
    return found


def _not_a(machine: Machine, kind: str, value: object, node: cst.CSTNode) -> Exception:
    if is_unknown(value):
        return not_known(machine, node, f"it is no {kind} yet", "do this in a step")
    return machine.refuse("FC112", f"`{machine.code(node)}` is no {kind}", node, "correct it")


def iterated(machine: Machine, value: object, node: cst.CSTNode) -> list[object]:
    """The entries of a known list, dict, range, ... Raises RefusedError."""
    if isinstance(value, StepOutputs) and value.results:
        return list(value.results)
    if is_unknown(value):
        code = machine.code(node)
        raise not_known(
            machine, node, "nothing can go over it here",
            f"write `work.map({code})`, and pass what that gives to the next step",
        )  # fmt: skip
    check_once(machine, value, node)
    if isinstance(value, range) and len(value) > LONGEST:
        machine.exhausted("this range is longer than what flowc goes over", node, "go over it in a step")
    return cast("list[object]", computed(machine, node, lambda: in_order(cast("Iterable[object]", value))))


def unary(machine: Machine, node: cst.UnaryOperation) -> object:
    """`-x`, `+x`, `~x`; `not` is a test."""
    value = machine.evaluate(node.expression)
    if has_unknown(value):
        raise not_known(machine, node, "nothing can be computed with it here", "do it in a step that gets the result")
    return computed(machine, node, UNARY[type(node.operator).__name__], value)


def operation(machine: Machine, node: cst.BinaryOperation) -> object:
    """Arithmetic, and sums of strings and lists."""
    return operate(machine, node, node.operator, machine.evaluate(node.left), machine.evaluate(node.right))


def operate(machine: Machine, node: cst.CSTNode, op: cst.CSTNode, left: object, right: object) -> object:
    """`left op right`."""
    if is_unknown(left) or is_unknown(right) or (_looks_inside(op, left) and has_unknown([left, right])):
        raise not_known(machine, node, "nothing can be computed with it here", "do it in a step that gets the result")
    if _looks_inside(op, left):
        check_weight(machine, node, right)
    return computed(machine, node, lambda: binary(op, left, right))


def _looks_inside(op: cst.CSTNode, left: object) -> bool:
    """Whether an operator looks at the entries of its operands: the others of lists, sets and dicts only move them."""
    return isinstance(left, str | bytes | set | frozenset) and not isinstance(op, cst.BitOr | cst.BitOrAssign)


def subscript(machine: Machine, node: cst.Subscript) -> object:
    """`value[key]`, `value[1:]`."""
    value = machine.evaluate(node.value)
    if len(node.slice) == 1:
        key = _key(machine, node.slice[0].slice)
    else:
        key = tuple(_key(machine, item.slice) for item in node.slice)
    return entry(machine, value, key, node)


def _key(machine: Machine, node: cst.BaseSlice) -> object:
    if isinstance(node, cst.Slice):
        bounds = [None if part is None else machine.evaluate(part) for part in (node.lower, node.upper, node.step)]
        return slice(*bounds)
    return machine.evaluate(cast("cst.Index", node).value)


def entry(machine: Machine, value: object, key: object, node: cst.BaseExpression) -> object:
    """`value[key]`. An entry of a result is a result."""
    if has_unknown(key):
        raise not_known(machine, node, "it cannot be an index here", "look it up in a step that gets the result")
    if isinstance(value, StepOutputs):
        if not value.results:
            message = f"the step `{value.step}` returns nothing"
            raise machine.refuse("FC112", message, node, "let it return a value, and annotate it")
        return computed(machine, node, lambda: value.results[cast("int", key)])
    if isinstance(value, Result | MappedResult):
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise not_known(
                machine, node, "only one entry of it can be taken, by a number or a text", "do it in a step"
            )
        return element(machine, value, key, node)
    if isinstance(value, Unmapped):
        raise machine.refuse("FC222", "`unmapped(...)` has no entries", node, "take the entry first")
    return computed(machine, node, lambda: cast("Any", value)[key])


def element(
    machine: Machine, value: Result | MappedResult, key: str | int, node: cst.CSTNode, entries: int | None = None
) -> Result:
    """One entry of a result; `entries` is how many there must be, where all of them are taken."""
    whole = as_value(machine, value, node)
    of = value.type if isinstance(value, Result) else None
    step = value.node if isinstance(value, Result) else whole.step if isinstance(whole, OutputValue) else None
    kind = machine.hook.item_type(value) if isinstance(value, MappedResult) else machine.hook.element_type(of, key)
    return Result(ElementValue(value=whole, key=key, entries=entries), kind, step)
