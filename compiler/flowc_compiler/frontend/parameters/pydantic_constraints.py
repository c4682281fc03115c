"""Constraints of pydantic's in annotations: `Annotated[int, Field(gt=0)]`, `PositiveInt`, `constr(min_length=2)`.

Values that are known are checked when compiling; a task checks the others, with the annotation itself.
"""

from __future__ import annotations

import ast
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from flowc_compiler.evaluate.literals import NO_SCOPE, UnresolvedError, evaluate
from flowc_compiler.syntax.tree_walk import unquoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.syntax.modules import ModuleView

_FIELDS = frozenset({"gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern", "strict"})
_SIGNS: dict[str, dict[str, object]] = {
    "Positive": {"gt": 0}, "NonNegative": {"ge": 0}, "Negative": {"lt": 0}, "NonPositive": {"le": 0},
}  # fmt: skip
_NAMED: dict[str, tuple[type, dict[str, object]]] = {
    f"{sign}{kind.__name__.title()}": (kind, limit) for sign, limit in _SIGNS.items() for kind in (int, float)
}
_CALLED: dict[str, type] = {"conint": int, "confloat": float, "constr": str, "conlist": list}
_SINGLE = {"Gt": "gt", "Ge": "ge", "Lt": "lt", "Le": "le", "MultipleOf": "multiple_of", "MinLen": "min_length"}
"""Classes of `annotated_types`, and the argument of `Field` that says the same."""
_PLAIN: dict[str, type] = {"int": int, "float": float, "str": str, "list": list, "dict": dict, "List": list}


@dataclass
class Constraints:
    """What an annotation demands of a value beyond its type, as far as it is written out."""

    kind: Any = Any
    fields: dict[str, object] = field(default_factory=dict[str, object])
    optional: bool = False
    """Whether `None` is a value, too."""
    aliases: set[str] = field(default_factory=set[str])
    """The names that were followed: one may stand for itself."""

    def violation(self, value: object) -> str:
        """Why a value is none that the annotation takes, in pydantic's words; empty where it is one."""
        if not self.fields or (value is None and self.optional):
            return ""
        from typing import Annotated

        from pydantic import Field, TypeAdapter, ValidationError
        from pydantic.errors import PydanticUserError

        limits = cast("Any", Field)(**self.fields)
        checked: Any = Annotated[self.kind, limits]
        try:
            TypeAdapter[Any](checked).validate_python(value)
        except ValidationError as error:
            return str(error.errors()[0]["msg"])
        except (PydanticUserError, TypeError):
            return ""  # the constraint does not apply to the type: the task says so
        return ""

    def limits(self) -> dict[str, float]:
        """The least and the largest value, where these are numbers that are values themselves."""
        found: dict[str, float] = {}
        for name, inclusive, exclusive, step in (("minimum", "ge", "gt", 1), ("maximum", "le", "lt", -1)):
            if isinstance(limit := self.fields.get(inclusive), int | float):
                found[name] = limit
            elif self.kind is int and isinstance(limit := self.fields.get(exclusive), int | float):
                found[name] = (math.floor(limit) if step > 0 else math.ceil(limit)) + step
        return found


def constraints_of(node: ast.expr | None, view: ModuleView) -> Constraints | None:
    """The constraints of an annotation; `None` for one without any."""
    found = Constraints()
    is_constrained = node is not None and _read(node, view, found)
    return found if is_constrained else None


def _read(node: ast.expr, view: ModuleView, found: Constraints) -> bool:
    """Note what an annotation says; returns whether it has constraints, those that are not known among them."""
    node = unquoted(node)
    match node:
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            found.optional = True
            return _read(left, view, found)
        case ast.Subscript(value=value, slice=inner) if _last(value) == "Optional":
            found.optional = True
            return _read(inner, view, found)
        case ast.Subscript(value=value, slice=ast.Tuple(elts=[of, *metadata])) if _last(value) == "Annotated":
            read = [_read(of, view, found), *(_read_metadata(item, view, found) for item in metadata)]
            return any(read)
        case ast.Call() if (kind := _CALLED.get(_of_pydantic(node.func, view))) is not None:
            found.kind = kind
            found.fields.update(_known_fields(node))
            return True
        case ast.Name() | ast.Attribute():
            return _read_name(node, view, found)
        case ast.Subscript(value=value) if _last(value) in _PLAIN:
            found.kind = _PLAIN[_last(value)]
        case _:
            pass
    return False


def _read_name(node: ast.Name | ast.Attribute, view: ModuleView, found: Constraints) -> bool:
    if (named := _NAMED.get(_of_pydantic(node, view))) is not None:
        found.kind, limit = named
        found.fields.update(limit)
        return True
    if isinstance(node, ast.Attribute):
        return False
    found.kind = _PLAIN.get(node.id, found.kind)
    alias = _bound(node.id, view) if node.id not in found.aliases else None
    found.aliases.add(node.id)
    return alias is not None and _read(alias, view, found)


def _bound(name: str, view: ModuleView) -> ast.expr | None:
    """What a name of the module is bound to, once: `Positive = Annotated[int, Field(gt=0)]`."""
    if len(view.bindings.get(name, ())) != 1:
        return None
    for item in view.tree.body:
        match item:
            case ast.Assign(targets=[ast.Name(id=target)], value=ast.Subscript() | ast.Call() as value):
                if target == name:
                    return value
            case _:
                pass
    return None


def _read_metadata(node: ast.expr, view: ModuleView, found: Constraints) -> bool:
    if not isinstance(node, ast.Call):
        return False
    path = view.imported_path(node.func)
    if path[:1] == ("pydantic",) and path[-1] == "Field":
        fields = _known_fields(node)
        found.fields.update(fields)
        return any(keyword.arg is None or keyword.arg in _FIELDS for keyword in node.keywords)
    name = _SINGLE.get(path[-1]) if path[:1] == ("annotated_types",) else None
    if name is not None and len(node.args) == 1:
        found.fields.update((name, value) for value in _values([node.args[0]]))
    return path[:1] in {("annotated_types",), ("pydantic",)}


def _known_fields(call: ast.Call) -> dict[str, object]:
    """The constraints among the arguments of a call that are written out; a task knows the others."""
    fields = {item.arg: item.value for item in call.keywords if item.arg in _FIELDS}
    return {name: value for name, node in fields.items() for value in _values([node])}


def _values(nodes: list[ast.expr]) -> Iterator[object]:
    for node in nodes:
        try:
            yield evaluate(node, NO_SCOPE)
        except UnresolvedError:
            continue


def _of_pydantic(node: ast.expr, view: ModuleView) -> str:
    path = view.imported_path(node)
    return path[-1] if path[:1] == ("pydantic",) else ""


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
