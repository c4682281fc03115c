"""Values of literal expressions, and of what names stand for, read from the tree and never executed."""

from __future__ import annotations

import ast
from typing import cast

from flowc_compiler.frontend.values.operators import LONGEST, FoldError, compare, fold, negate


class NotLiteralError(Exception):
    """The value of the expression cannot be told; `node` is the part that is not a literal.

    `reason`, where there is one, says more than "not a literal" and stands in a diagnostic's message; `help` is the way
    out. With `reported` set, the cause has a diagnostic already, and another one would only repeat it. With `wrong`
    set, Python itself would fail on the expression.
    """

    def __init__(
        self, node: ast.AST, reason: str = "", help: str = "", *, reported: bool = False, wrong: bool = False
    ) -> None:
        super().__init__(reason or "not a literal")
        self.node = node
        self.reason = reason
        self.help = help
        self.reported = reported
        self.wrong = wrong

    @property
    def because(self) -> str:
        """The end of a message: a colon and the reason, or nothing."""
        return f": {self.reason}" if self.reason else ""


class ConfigTree(dict[str, object]):
    """A mapping in the value of a config: its entries are read as attributes, too."""


class Scope:
    """What names and calls stand for where an expression is read. This one knows none of them."""

    def value(self, node: ast.Name) -> object:
        """The value of a name. Raises NotLiteralError."""
        raise NotLiteralError(node)

    def call(self, node: ast.Call) -> object:
        """The value of a call. Raises NotLiteralError."""
        raise NotLiteralError(node)

    def is_config(self, node: ast.expr) -> bool:
        """Whether an expression names a config, or something in one, where Python has no value of it yet."""
        del node
        return False

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """The value of an attribute that the scope itself knows. Raises NotLiteralError for what is no entry."""
        del node
        return None


NO_SCOPE = Scope()


def evaluate(node: ast.expr, scope: Scope = NO_SCOPE) -> object:
    """The value of a literal: numbers, strings, True, False, None, and lists, tuples, sets and dicts of them.

    With a scope: names, entries of configs, f-strings and simple arithmetic of these, too. Raises NotLiteralError.
    """
    try:
        return _value(node, scope)
    except RecursionError:
        raise NotLiteralError(node) from None


def _value(node: ast.expr, scope: Scope) -> object:
    match node:
        case ast.Constant(value=None | str() | bytes() | int() | float() as value):
            return value
        case ast.JoinedStr():
            return _formatted(node, scope)
        case ast.Name():
            return scope.value(node)
        case ast.Call():
            return scope.call(node)
        case ast.Attribute():
            return _attribute(node, scope)
        case ast.Subscript():
            return _entry(node, evaluate(node.value, scope), evaluate(node.slice, scope))
        case ast.List():
            return _elements(node.elts, scope)
        case ast.Tuple():
            return tuple(_elements(node.elts, scope))
        case ast.Set():
            return _set(node, scope)
        case ast.Dict():
            return dict(_pair(key, value, scope) for key, value in zip(node.keys, node.values, strict=True))
        case _:
            return _operation(node, scope)


def _operation(node: ast.expr, scope: Scope) -> object:
    """Arithmetic of literals, as in `memory=16 * 1024`; comparisons and choices."""
    try:
        match node:
            case ast.UnaryOp():
                return negate(node.op, _operand(node.operand, scope))
            case ast.BinOp():
                return fold(node.op, _operand(node.left, scope), _operand(node.right, scope))
            case ast.BoolOp(op=op, values=[*values, last]):
                for item in values:
                    value = _operand(item, scope)
                    if bool(value) != isinstance(op, ast.And):
                        return value
                return _operand(last, scope)
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return compare(op, _operand(left, scope), _operand(right, scope))
            case ast.IfExp():
                return evaluate(node.body if _operand(node.test, scope) else node.orelse, scope)
            case _:
                raise NotLiteralError(node)
    except FoldError as error:
        raise NotLiteralError(node, str(error), wrong=bool(str(error))) from None


def _operand(node: ast.expr, scope: Scope) -> object:
    """The value of a part of an operation. A config is no value yet when Python executes the class body."""
    if scope.is_config(node):
        raise NotLiteralError(
            node,
            "a config cannot be computed with here",
            "write the expression as a string: config_expr('...')",
            wrong=True,
        )
    return evaluate(node, scope)


def _elements(items: list[ast.expr], scope: Scope) -> list[object]:
    for item in items:
        if isinstance(item, ast.Starred):
            raise NotLiteralError(item)
    return [evaluate(item, scope) for item in items]


def _set(node: ast.Set, scope: Scope) -> set[object]:
    try:
        return set(_elements(node.elts, scope))
    except TypeError:
        raise NotLiteralError(node) from None


def _pair(node: ast.expr | None, value: ast.expr, scope: Scope) -> tuple[object, object]:
    if node is None:
        raise NotLiteralError(value)
    key = evaluate(node, scope)
    try:
        hash(key)
    except TypeError:
        raise NotLiteralError(node) from None
    return key, evaluate(value, scope)


def _attribute(node: ast.Attribute, scope: Scope) -> object:
    own = scope.attribute(node)
    if own is not None:
        return own[0]
    value = evaluate(node.value, scope)
    if not isinstance(value, ConfigTree):
        raise NotLiteralError(node)
    return _entry(node, value, node.attr)


def _entry(node: ast.expr, container: object, key: object) -> object:
    if not isinstance(container, (dict, list, tuple, str)):
        raise NotLiteralError(node)
    entries = cast("dict[object, object]", container)
    try:
        return entries[key]
    except (KeyError, IndexError, TypeError):
        kind = "the config" if isinstance(container, ConfigTree) else "the constant"
        raise NotLiteralError(node, f"{kind} has no entry {key!r}", _entries(entries), wrong=True) from None


def _entries(container: object) -> str:
    if isinstance(container, dict):
        keys = [str(key) for key in cast("dict[object, object]", container)]
        return f"it has {', '.join(keys[:20])}" if keys else "it is empty"
    return f"it has {len(cast('str', container))} entries"


def _formatted(node: ast.JoinedStr, scope: Scope) -> str:
    """An f-string of known values, without format specs."""
    texts: list[str] = []
    for part in node.values:
        match part:
            case ast.FormattedValue(value=value, conversion=conversion, format_spec=None):
                known = _operand(value, scope)
                texts.append(repr(known) if conversion == ord("r") else str(known))
            case ast.Constant(value=str(text)):
                texts.append(text)
            case _:
                raise NotLiteralError(part)
    if sum(map(len, texts)) > LONGEST:
        raise NotLiteralError(node)
    return "".join(texts)
