"""Expressions in a pipeline's body, but for calls, comprehensions and what becomes a switch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any, cast

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


def computed(machine: Machine, node: ast.AST, function: Callable[..., object], *operands: object) -> object:
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


def literal(machine: Machine, node: ast.Constant) -> object:
    """A number, a string, `True`, `False`, `None` or `...`."""
    return computed(machine, node, lambda: node.value)


def formatted(machine: Machine, node: ast.JoinedStr) -> str:
    """An f-string."""
    texts: list[str] = []
    for part in node.values:
        if isinstance(part, ast.FormattedValue):
            value = machine.evaluate(part.value)
            if has_unknown(value):
                way_out = "make the text in a step that gets the result"
                raise not_known(machine, part.value, "an f-string cannot contain it", way_out)
            texts.append(_field(machine, part, value))
        else:
            texts.append(str(cast("ast.Constant", part).value))
    return cast("str", computed(machine, node, lambda: "".join(texts)))


def _field(machine: Machine, field: ast.FormattedValue, value: object) -> str:
    check_weight(machine, field.value, value)
    spec = formatted(machine, cast("ast.JoinedStr", field.format_spec)) if field.format_spec is not None else ""
    shown = _CONVERSIONS[field.conversion](value) if field.conversion in _CONVERSIONS else value

    def run() -> str:
        check_format(spec)
        return format(shown, spec)

    return cast("str", computed(machine, field.value, run))


_CONVERSIONS: dict[int, Callable[[object], str]] = {ord("r"): repr, ord("s"): str, ord("a"): ascii}


def elements(machine: Machine, items: Iterable[ast.expr]) -> list[object]:
    """The entries of a list, tuple or set that is written out, `*more` included."""
    values: list[object] = []
    for item in items:
        if isinstance(item, ast.Starred):
            values.extend(iterated(machine, machine.evaluate(item.value), item.value))
        else:
            values.append(machine.evaluate(item))
    return values


def make_set(machine: Machine, node: ast.Set) -> object:
    """A set that is written out."""
    values = elements(machine, node.elts)
    check_weight(machine, node, *values)
    return computed(machine, node, lambda: set(values))


def make_dict(machine: Machine, node: ast.Dict) -> object:
    """A dict that is written out."""
    found: dict[object, object] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        if key_node is not None:
            key = machine.evaluate(key_node)
            if has_unknown(key):
                raise not_known(machine, key_node, "it cannot be a key of a dict", "make the dict in a step")
            check_weight(machine, key_node, key)
            computed(machine, key_node, hash, key)
            found[key] = machine.evaluate(value_node)
            continue
        value = machine.evaluate(value_node)
        if not isinstance(value, dict):
            raise _not_a(machine, "dict", value, value_node)
        found.update(cast("dict[object, object]", value))
    return found


def _not_a(machine: Machine, kind: str, value: object, node: ast.AST) -> Exception:
    if is_unknown(value):
        return not_known(machine, node, f"it is no {kind} yet", "do this in a step")
    return machine.refuse("FC112", f"`{machine.code(node)}` is no {kind}", node, "correct it")


def iterated(machine: Machine, value: object, node: ast.AST) -> list[object]:
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


def unary(machine: Machine, node: ast.UnaryOp) -> object:
    """`-x`, `+x`, `~x`; `not` is a test."""
    value = machine.evaluate(node.operand)
    if has_unknown(value):
        raise not_known(machine, node, "nothing can be computed with it here", "do it in a step that gets the result")
    return computed(machine, node, UNARY[type(node.op).__name__], value)


def operation(machine: Machine, node: ast.BinOp) -> object:
    """Arithmetic, and sums of strings and lists."""
    return operate(machine, node, node.op, machine.evaluate(node.left), machine.evaluate(node.right))


def operate(machine: Machine, node: ast.AST, op: ast.operator, left: object, right: object) -> object:
    """`left op right`."""
    if is_unknown(left) or is_unknown(right) or (_looks_inside(op, left) and has_unknown([left, right])):
        raise not_known(machine, node, "nothing can be computed with it here", "do it in a step that gets the result")
    if _looks_inside(op, left):
        check_weight(machine, node, right)
    return computed(machine, node, lambda: binary(op, left, right))


def _looks_inside(op: ast.operator, left: object) -> bool:
    """Whether an operator looks at the entries of its operands: the others of lists, sets and dicts only move them."""
    return isinstance(left, str | bytes | set | frozenset) and not isinstance(op, ast.BitOr)


def subscript(machine: Machine, node: ast.Subscript) -> object:
    """`value[key]`, `value[1:]`."""
    value = machine.evaluate(node.value)
    return entry(machine, value, key_of(machine, node.slice), node)


def key_of(machine: Machine, node: ast.expr) -> object:
    """What stands in `[...]`."""
    match node:
        case ast.Slice(lower=lower, upper=upper, step=step):
            return slice(*(None if part is None else machine.evaluate(part) for part in (lower, upper, step)))
        case ast.Tuple(elts=items) if any(isinstance(item, ast.Slice) for item in items):
            return tuple(key_of(machine, item) for item in items)
        case _:
            return machine.evaluate(node)


def entry(machine: Machine, value: object, key: object, node: ast.expr) -> object:
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
    machine: Machine, value: Result | MappedResult, key: str | int, node: ast.AST, entries: int | None = None
) -> Result:
    """One entry of a result; `entries` is how many there must be, where all of them are taken."""
    whole = as_value(machine, value, node)
    of = value.type if isinstance(value, Result) else None
    step = value.node if isinstance(value, Result) else whole.step if isinstance(whole, OutputValue) else None
    kind = machine.hook.item_type(value) if isinstance(value, MappedResult) else machine.hook.element_type(of, key)
    return Result(ElementValue(value=whole, key=key, entries=entries), kind, step)
