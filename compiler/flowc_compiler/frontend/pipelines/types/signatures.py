"""What a step's function takes and returns, by its annotations, and the outputs that this makes.

Outputs are named as ZenML 0.98 names them (`zenml/steps/utils.py`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.ir.type_model import Type, with_none
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import dotted
from flowc_compiler.syntax.tree_walk import children, unquoted


@dataclass(frozen=True, eq=False)
class Signature:
    """The types of a function."""

    view: ModuleView
    node: FunctionNode
    parameters: dict[str, Type]
    """By name; unknown for those without an annotation."""
    defaults: dict[str, ast.expr]
    returns: Type
    annotated: bool
    """Whether the function says what it returns."""

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.node.name


class Signatures:
    """The signatures of functions, each read once."""

    def __init__(self, reader: TypeReader) -> None:
        self._reader = reader
        self._found: dict[FunctionNode, Signature] = {}

    def of(self, view: ModuleView, node: FunctionNode) -> Signature:
        """The signature of a function of a file."""
        if node not in self._found:
            self._found[node] = self._read(view, node)
        return self._found[node]

    def _read(self, view: ModuleView, node: FunctionNode) -> Signature:
        hidden = _type_parameters(node)
        types: dict[str, Type] = {}
        defaults: dict[str, ast.expr] = {}
        for parameter, default in parameters_of(node.args):
            of = self._reader.annotation(view, parameter.annotation, hidden)
            if default is not None:
                defaults[parameter.arg] = default
                if isinstance(default, ast.Constant) and default.value is None:
                    of = with_none(of)  # `x: int = None` is an old way to write Optional[int]
            types[parameter.arg] = of
        returns = self._reader.annotation(view, node.returns, hidden)
        return Signature(view, node, types, defaults, returns, node.returns is not None)


def parameters_of(arguments: ast.arguments) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """The parameters of a function, each with its default, but for `*args` and `**kwargs`."""
    plain = [*arguments.posonlyargs, *arguments.args]
    without = len(plain) - len(arguments.defaults)
    yield from zip(plain, [*[None] * without, *arguments.defaults], strict=True)
    yield from zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)


def _type_parameters(node: FunctionNode) -> tuple[str, ...]:
    """The names in `def f[T, U](...)` of Python 3.12."""
    return tuple(item.name for item in getattr(node, "type_params", ()))


SINGLE = "output"
"""The name of the one output that has no name of its own."""


class Outputs(NamedTuple):
    """What a step's result is stored as."""

    names: tuple[str, ...]
    many: bool
    """Whether the result is a tuple with one value for each output."""


def outputs_of(function: ast.FunctionDef | ast.AsyncFunctionDef, view: ModuleView, sink: DiagnosticSink) -> Outputs:
    """The outputs of a step's function. A name that is given twice is FC220.

    A function that says or shows that it returns nothing has none. A tuple is several outputs where the function
    returns one that is written out, or where the annotation names them.
    """
    returns = list(_returns(function.body))
    if function.returns is None:
        return Outputs((), False) if all(map(_is_none, returns)) else Outputs((SINGLE,), False)
    annotation = unquoted(function.returns)
    if isinstance(annotation, ast.Constant) and annotation.value is None:
        return Outputs((), False)
    items = _tuple_items(annotation)
    names = [output_name(item) for item in items]
    written_out = any(isinstance(value, ast.Tuple) and len(value.elts) > 1 for value in returns)
    if not items or not (written_out or any(names)):
        return Outputs((output_name(annotation) or SINGLE,), False)
    named = tuple(name or f"{SINGLE}_{position}" for position, name in enumerate(names))
    if len(set(named)) < len(named):
        sink.error(
            "FC220", f"`{function.name}` has two outputs of one name", view.span(function.returns),
            help="give each output a name of its own",
        )  # fmt: skip
    return Outputs(tuple(dict.fromkeys(named)), True)


def output_name(annotation: ast.expr) -> str | None:
    """The name in `Annotated[T, "name"]` and `Annotated[T, ArtifactConfig(name="name")]`."""
    if _head(annotation) != "Annotated" or not isinstance(annotation, ast.Subscript):
        return None
    for item in _items(annotation)[1:]:
        match item:
            case ast.Constant(value=str(name)):
                return name
            case ast.Call() if _head(item.func) == "ArtifactConfig":
                given = [*item.args, *(keyword.value for keyword in item.keywords if keyword.arg == "name")]
                for value in given:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        return value.value
            case _:
                pass
    return None


def _tuple_items(annotation: ast.expr) -> list[ast.expr]:
    if not isinstance(annotation, ast.Subscript) or _head(annotation) not in {"Tuple", "tuple"}:
        return []
    items = [unquoted(item) for item in _items(annotation)]
    return [] if any(isinstance(item, ast.Constant) and item.value is ... for item in items) else items


def _items(node: ast.Subscript) -> list[ast.expr]:
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _head(node: ast.expr) -> str:
    """The last name of what is subscripted or called: `Tuple` of `t.Tuple[int]`."""
    parts = dotted(node.value if isinstance(node, ast.Subscript) else node)
    return parts[-1] if parts else ""


def _is_none(value: ast.expr | None) -> bool:
    return value is None or (isinstance(value, ast.Constant) and value.value is None)


def _returns(body: Sequence[ast.stmt]) -> Iterator[ast.expr | None]:
    """What the `return` and `yield` statements of a function give, without those of functions in it."""
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Return):
            yield node.value
        elif isinstance(node, ast.Yield | ast.YieldFrom):
            yield node
        pending.extend(children(node))
