"""The outputs of a step, from what its function returns: as ZenML 0.98 names them (`zenml/steps/utils.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import libcst as cst

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.names import dotted

SINGLE = "output"
"""The name of the one output that has no name of its own."""


class Outputs(NamedTuple):
    """What a step's result is stored as."""

    names: tuple[str, ...]
    many: bool
    """Whether the result is a tuple with one value for each output."""


def outputs_of(function: cst.FunctionDef, view: ModuleView, sink: DiagnosticSink) -> Outputs:
    """The outputs of a step's function. A name that is given twice is FC220.

    A function that says or shows that it returns nothing has none. A tuple is several outputs where the function
    returns one that is written out, or where the annotation names them.
    """
    returns = list(_returns(function.body))
    if function.returns is None:
        return Outputs((), False) if all(map(_is_none, returns)) else Outputs((SINGLE,), False)
    annotation = _unquoted(function.returns.annotation)
    if isinstance(annotation, cst.Name) and annotation.value == "None":
        return Outputs((), False)
    items = _tuple_items(annotation)
    names = [output_name(item) for item in items]
    written_out = any(isinstance(value, cst.Tuple) and len(value.elements) > 1 for value in returns)
    if not items or not (written_out or any(names)):
        return Outputs((output_name(annotation) or SINGLE,), False)
    named = tuple(name or f"{SINGLE}_{position}" for position, name in enumerate(names))
    if len(set(named)) < len(named):
        sink.error(
            "FC220", f"`{function.name.value}` has two outputs of one name", view.locator.anywhere(annotation),
            help="give each output a name of its own",
        )  # fmt: skip
    return Outputs(tuple(dict.fromkeys(named)), True)


def output_name(annotation: cst.BaseExpression) -> str | None:
    """The name in `Annotated[T, "name"]` and `Annotated[T, ArtifactConfig(name="name")]`."""
    if _head(annotation) != "Annotated" or not isinstance(annotation, cst.Subscript):
        return None
    for item in _items(annotation)[1:]:
        match item:
            case cst.SimpleString() | cst.ConcatenatedString():
                return str(item.evaluated_value)
            case cst.Call(args=args) if _head(item.func) == "ArtifactConfig":
                for arg in args:
                    named = arg.keyword is None or arg.keyword.value == "name"
                    if named and isinstance(arg.value, cst.SimpleString):
                        return str(arg.value.evaluated_value)
            case _:
                pass
    return None


def _tuple_items(annotation: cst.BaseExpression) -> list[cst.BaseExpression]:
    if not isinstance(annotation, cst.Subscript) or _head(annotation) not in {"Tuple", "tuple"}:
        return []
    items = [_unquoted(item) for item in _items(annotation)]
    return [] if any(isinstance(item, cst.Ellipsis) for item in items) else items


def _items(node: cst.Subscript) -> list[cst.BaseExpression]:
    items: list[cst.BaseExpression] = []
    for element in node.slice:
        if isinstance(element.slice, cst.Index):
            value = element.slice.value
            items += [item.value for item in value.elements] if isinstance(value, cst.Tuple) else [value]
    return items


def _head(node: cst.BaseExpression) -> str:
    """The last name of what is subscripted or called: `Tuple` of `t.Tuple[int]`."""
    parts = dotted(node.value if isinstance(node, cst.Subscript) else node)
    return parts[-1] if parts else ""


def _unquoted(node: cst.BaseExpression) -> cst.BaseExpression:
    """An annotation that is written as a string, as what it says."""
    if isinstance(node, cst.SimpleString) and isinstance(node.evaluated_value, str):
        try:
            return cst.parse_expression(node.evaluated_value)
        except cst.ParserSyntaxError:
            return node
    return node


def _is_none(value: cst.BaseExpression | None) -> bool:
    return value is None or (isinstance(value, cst.Name) and value.value == "None")


def _returns(body: cst.BaseSuite) -> Iterator[cst.BaseExpression | None]:
    """What the `return` and `yield` statements of a function give, without those of functions in it."""
    pending: list[cst.CSTNode] = [*body.body]
    while pending:
        node = pending.pop()
        if isinstance(node, cst.FunctionDef | cst.ClassDef | cst.Lambda):
            continue
        if isinstance(node, cst.Return):
            yield node.value
        elif isinstance(node, cst.Yield):
            yield node
        children: Sequence[cst.CSTNode] = node.children
        pending.extend(children)
