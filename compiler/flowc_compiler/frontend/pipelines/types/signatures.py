"""What a step's function takes and returns, by its annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from flowc_compiler.frontend.pipelines.types.annotations import TypeReader
from flowc_compiler.frontend.pipelines.types.type_model import UNKNOWN, Type, with_none
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


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
        is_async = isinstance(node, ast.AsyncFunctionDef)
        returns = UNKNOWN if is_async else self._reader.annotation(view, node.returns, hidden)
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
