"""What a step's function takes and returns, by its annotations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from flowc_compiler.frontend.pipelines.types.model import UNKNOWN, Type, with_none
from flowc_compiler.frontend.pipelines.types.reading import TypeReader
from flowc_compiler.syntax.modules import ModuleView


@dataclass(frozen=True, eq=False)
class Signature:
    """The types of a function."""

    view: ModuleView
    node: cst.FunctionDef
    parameters: dict[str, Type]
    """By name; unknown for those without an annotation."""
    defaults: dict[str, cst.BaseExpression]
    returns: Type
    annotated: bool
    """Whether the function says what it returns."""

    @property
    def name(self) -> str:
        """The function's own name."""
        return self.node.name.value


class Signatures:
    """The signatures of functions, each read once."""

    def __init__(self, reader: TypeReader) -> None:
        self._reader = reader
        self._found: dict[cst.FunctionDef, Signature] = {}

    def of(self, view: ModuleView, node: cst.FunctionDef) -> Signature:
        """The signature of a function of a file."""
        if node not in self._found:
            self._found[node] = self._read(view, node)
        return self._found[node]

    def _read(self, view: ModuleView, node: cst.FunctionDef) -> Signature:
        hidden = _type_parameters(node)
        types: dict[str, Type] = {}
        defaults: dict[str, cst.BaseExpression] = {}
        for parameter in _parameters(node.params):
            of = self._reader.annotation(view, parameter.annotation, hidden)
            if parameter.default is not None:
                defaults[parameter.name.value] = parameter.default
                if isinstance(parameter.default, cst.Name) and parameter.default.value == "None":
                    of = with_none(of)  # `x: int = None` is an old way to write Optional[int]
            types[parameter.name.value] = of
        returns = UNKNOWN if node.asynchronous else self._reader.annotation(view, node.returns, hidden)
        return Signature(view, node, types, defaults, returns, node.returns is not None)


def _parameters(params: cst.Parameters) -> Iterator[cst.Param]:
    yield from params.posonly_params
    yield from params.params
    yield from params.kwonly_params


def _type_parameters(node: cst.FunctionDef) -> tuple[str, ...]:
    """The names in `def f[T, U](...)`."""
    if node.type_parameters is None:
        return ()
    return tuple(item.param.name.value for item in node.type_parameters.params)
