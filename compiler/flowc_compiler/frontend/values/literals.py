"""Values of literal expressions, and of what names stand for, read from the tree and never executed."""

from __future__ import annotations

import ast
import warnings
from typing import cast

import libcst as cst

from flowc_compiler.frontend.values.operators import LONGEST, FoldError, compare, fold, negate

_CONSTANTS: dict[str, bool | None] = {"True": True, "False": False, "None": None}


class NotLiteralError(Exception):
    """The value of the expression cannot be told; `node` is the part that is not a literal.

    `reason`, where there is one, says more than "not a literal" and stands in a diagnostic's message; `help` is the way
    out. With `reported` set, the cause has a diagnostic already, and another one would only repeat it. With `wrong`
    set, Python itself would fail on the expression.
    """

    def __init__(
        self, node: cst.CSTNode, reason: str = "", help: str = "", *, reported: bool = False, wrong: bool = False
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

    def value(self, node: cst.Name) -> object:
        """The value of a name. Raises NotLiteralError."""
        raise NotLiteralError(node)

    def call(self, node: cst.Call) -> object:
        """The value of a call. Raises NotLiteralError."""
        raise NotLiteralError(node)

    def is_config(self, node: cst.BaseExpression) -> bool:
        """Whether an expression names a config, or something in one, where Python has no value of it yet."""
        del node
        return False

    def attribute(self, node: cst.Attribute) -> tuple[object] | None:
        """The value of an attribute that the scope itself knows. Raises NotLiteralError for what is no entry."""
        del node
        return None


NO_SCOPE = Scope()


def evaluate(node: cst.BaseExpression, scope: Scope = NO_SCOPE) -> object:
    """The value of a literal: numbers, strings, True, False, None, and lists, tuples, sets and dicts of them.

    With a scope: names, entries of configs, f-strings and simple arithmetic of these, too. Raises NotLiteralError.
    """
    match node:
        case cst.Integer() | cst.Float() | cst.SimpleString():
            return node.evaluated_value
        case cst.ConcatenatedString():
            return _text(node.left, scope) + _text(node.right, scope)
        case cst.FormattedString():
            return _formatted(node, scope)
        case cst.Name(value=name):
            return _CONSTANTS[name] if name in _CONSTANTS else scope.value(node)
        case cst.Call():
            return scope.call(node)
        case cst.Attribute():
            return _attribute(node, scope)
        case cst.Subscript():
            return _subscript(node, scope)
        case cst.List():
            return _elements(node.elements, scope)
        case cst.Tuple():
            return tuple(_elements(node.elements, scope))
        case cst.Set():
            return _set(node, scope)
        case cst.Dict():
            return dict(_pair(item, scope) for item in node.elements)
        case _:
            return _operation(node, scope)


def _operation(node: cst.BaseExpression, scope: Scope) -> object:
    """Arithmetic of literals, as in `memory=16 * 1024`; comparisons and choices."""
    try:
        match node:
            case cst.UnaryOperation():
                return negate(node.operator, _operand(node.expression, scope))
            case cst.BinaryOperation():
                return fold(node.operator, _operand(node.left, scope), _operand(node.right, scope))
            case cst.BooleanOperation():
                left = _operand(node.left, scope)
                return left if bool(left) != isinstance(node.operator, cst.And) else _operand(node.right, scope)
            case cst.Comparison(comparisons=[single]):
                return compare(single.operator, _operand(node.left, scope), _operand(single.comparator, scope))
            case cst.IfExp():
                return evaluate(node.body if _operand(node.test, scope) else node.orelse, scope)
            case _:
                raise NotLiteralError(node)
    except FoldError as error:
        raise NotLiteralError(node, str(error), wrong=bool(str(error))) from None


def _operand(node: cst.BaseExpression, scope: Scope) -> object:
    """The value of a part of an operation. A config is no value yet when Python executes the class body."""
    if scope.is_config(node):
        raise NotLiteralError(
            node,
            "a config cannot be computed with here",
            "write the expression as a string: config_expr('...')",
            wrong=True,
        )
    return evaluate(node, scope)


def _elements(items: object, scope: Scope) -> list[object]:
    values: list[object] = []
    for item in cast("list[cst.BaseElement]", items):
        if not isinstance(item, cst.Element):
            raise NotLiteralError(item)
        values.append(evaluate(item.value, scope))
    return values


def _set(node: cst.Set, scope: Scope) -> set[object]:
    try:
        return set(_elements(node.elements, scope))
    except TypeError:
        raise NotLiteralError(node) from None


def _pair(item: cst.BaseDictElement, scope: Scope) -> tuple[object, object]:
    if not isinstance(item, cst.DictElement):
        raise NotLiteralError(item)
    key = evaluate(item.key, scope)
    try:
        hash(key)
    except TypeError:
        raise NotLiteralError(item.key) from None
    return key, evaluate(item.value, scope)


def _attribute(node: cst.Attribute, scope: Scope) -> object:
    own = scope.attribute(node)
    if own is not None:
        return own[0]
    value = evaluate(node.value, scope)
    if not isinstance(value, ConfigTree):
        raise NotLiteralError(node)
    return _entry(node, value, node.attr.value)


def _subscript(node: cst.Subscript, scope: Scope) -> object:
    """`CONSTANT["key"]`, `config["key"]`, `values[0]`."""
    value = evaluate(node.value, scope)
    match node.slice:
        case [cst.SubscriptElement(slice=cst.Index(value=index, star=None))]:
            return _entry(node, value, evaluate(index, scope))
        case _:
            raise NotLiteralError(node)


def _entry(node: cst.BaseExpression, container: object, key: object) -> object:
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


def _text(node: cst.BaseExpression, scope: Scope) -> str:
    value = evaluate(node, scope)
    if not isinstance(value, str):  # a part of a concatenation in bytes
        raise NotLiteralError(node)
    return value


def _unescaped(code: str) -> str:
    """The value of a string's code. Python's warning of an odd escape is for those who run the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(ast.literal_eval(code))


def _formatted(node: cst.FormattedString, scope: Scope) -> str:
    """An f-string of known values, without format specs."""
    texts: list[str] = []
    prefix = node.prefix.lower().replace("f", "")
    for part in node.parts:
        if isinstance(part, cst.FormattedStringText):
            plain = part.value.replace("{{", "{").replace("}}", "}")
            texts.append(_unescaped(f"{prefix}{node.quote}{plain}{node.quote}"))
            continue
        if not isinstance(part, cst.FormattedStringExpression) or part.format_spec or part.equal:
            raise NotLiteralError(part)
        value = _operand(part.expression, scope)
        texts.append(repr(value) if part.conversion == "r" else str(value))
    text = "".join(texts)
    if len(text) > LONGEST:
        raise NotLiteralError(node)
    return text
