"""Values of literal expressions, read from the tree and never executed."""

from __future__ import annotations

import libcst as cst

_CONSTANTS: dict[str, bool | None] = {"True": True, "False": False, "None": None}


class NotLiteralError(Exception):
    """The expression is not a literal; `node` is the part that is not."""

    def __init__(self, node: cst.CSTNode) -> None:
        super().__init__("not a literal")
        self.node = node


def evaluate(node: cst.BaseExpression) -> object:
    """The value of a literal: numbers, strings, True, False, None, and lists, tuples and dicts of them.

    Raises NotLiteralError.
    """
    match node:
        case cst.Integer() | cst.Float() | cst.SimpleString():
            return node.evaluated_value
        case cst.ConcatenatedString() if (text := node.evaluated_value) is not None:
            return text
        case cst.Name(value=name) if name in _CONSTANTS:
            return _CONSTANTS[name]
        case cst.UnaryOperation():
            return _unary(node)
        case cst.BinaryOperation():
            return _binary(node)
        case cst.List():
            return [_element(item) for item in node.elements]
        case cst.Tuple():
            return tuple(_element(item) for item in node.elements)
        case cst.Dict():
            return dict(_pair(item) for item in node.elements)
        case _:
            raise NotLiteralError(node)


def _element(item: cst.BaseElement) -> object:
    if not isinstance(item, cst.Element):
        raise NotLiteralError(item)
    return evaluate(item.value)


def _pair(item: cst.BaseDictElement) -> tuple[object, object]:
    if not isinstance(item, cst.DictElement):
        raise NotLiteralError(item)
    key = evaluate(item.key)
    if isinstance(key, (list, dict)):
        raise NotLiteralError(item.key)
    return key, evaluate(item.value)


def _number(node: cst.BaseExpression) -> int | float:
    value = evaluate(node)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotLiteralError(node)
    return value


def _unary(node: cst.UnaryOperation) -> object:
    value = _number(node.expression)
    match node.operator:
        case cst.Minus():
            return -value
        case cst.Plus():
            return value
        case _:
            raise NotLiteralError(node)


def _binary(node: cst.BinaryOperation) -> object:
    """Products and sums of numbers, as in `memory=16 * 1024`."""
    left, right = _number(node.left), _number(node.right)
    match node.operator:
        case cst.Multiply():
            return left * right
        case cst.Add():
            return left + right
        case cst.Subtract():
            return left - right
        case _:
            raise NotLiteralError(node)
