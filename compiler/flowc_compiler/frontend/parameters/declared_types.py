"""What the `type=` of a `Parameter` and the annotation of a pipeline's parameter say about its values.

The shim makes the values, with the classes themselves. Here is what engines, the help and checks can use.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from flowc_compiler.evaluate.literals import Scope, UnresolvedError, evaluate
from flowc_compiler.evaluate.values import Builtin, ClassObject, Descriptor, Function, Instance, Partial
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.served_imports import callee
from flowc_compiler.syntax.tree_walk import unquoted

ParameterType = Literal["str", "int", "float", "bool", "json"]
PLAIN_TYPES: dict[str, ParameterType] = {
    "str": "str", "int": "int", "float": "float", "bool": "bool", "JSONType": "json", "list": "json", "dict": "json",
    "tuple": "json",
}  # fmt: skip
_CLICK_CONSTANTS: dict[str, ParameterType] = {
    "STRING": "str", "INT": "int", "FLOAT": "float", "BOOL": "bool", "UNPROCESSED": "str", "UUID": "str",
}  # fmt: skip
_RANGES: dict[str, ParameterType] = {"IntRange": "int", "FloatRange": "float"}
_RANGE_POSITIONAL = ("min", "max")
_COLLECTIONS = frozenset(
    {"list", "dict", "tuple", "set", "frozenset", "List", "Dict", "Tuple", "Set", "FrozenSet", "Sequence", "Iterable",
     "Mapping", "MutableMapping", "Collection"}
)  # fmt: skip


@dataclass(frozen=True)
class DeclaredType:
    """A type, as far as it is known without running code."""

    kind: ParameterType
    """How texts of it look."""
    converter: str = ""
    """The name of what a task makes of the text, such as `Path`; empty for plain types."""
    choices: tuple[str, ...] = ()
    any_case: bool = False
    minimum: float | None = None
    maximum: float | None = None
    clamp: bool = False
    nargs: int = 1
    is_known: bool = False
    """Whether what it makes of plain data is known: of a class that only its package knows, it is not."""
    is_listed: bool = False
    """Whether its values are listed: of a `Literal`, or members of an enumeration."""
    refusal: str = ""
    """Why no task can have such a value; else empty."""

    def fields(self) -> dict[str, Any]:
        """What a Parameter of the IR has of it."""
        return {
            "type": self.kind, "converter": self.converter, "choices": self.choices, "any_case": self.any_case,
            "minimum": self.minimum, "maximum": self.maximum, "clamp": self.clamp, "nargs": self.nargs,
        }  # fmt: skip


def declared_type(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType | None:
    """What an expression says as a type; `None` for plain data, which is no type. Raises UnresolvedError."""
    served = view.names.resolve(callee(node))
    if served in {"JSONType", "JSONTypeClass"}:
        return DeclaredType("json")
    if isinstance(node, ast.Name) and node.id in PLAIN_TYPES and node.id not in view.bindings:
        return DeclaredType(PLAIN_TYPES[node.id])
    named = _bound_call(node, view)
    if (found := _of_click(named, view, scope)) is not None:
        return found
    match node:
        case ast.Tuple(elts=kinds) if kinds:
            return DeclaredType("str", view.code(node), nargs=len(kinds))
        case ast.Subscript() | ast.BinOp():
            return _of_annotation(node, view, scope)
        case ast.Name() | ast.Attribute() if view.imported_path(node) in _SCALARS:
            return DeclaredType("str", view.code(node), is_known=True)
        case ast.Constant():
            return None
        case _:
            return _of_definition(node, view, scope)


_SCALARS = frozenset(
    {("pathlib", "Path"), ("pathlib", "PurePath"), ("pathlib", "PosixPath"), ("pathlib", "PurePosixPath"),
     ("datetime", "date"), ("datetime", "datetime"), ("datetime", "time"), ("decimal", "Decimal"), ("uuid", "UUID")}
)  # fmt: skip
"""Classes whose objects are made of text."""


def annotated_type(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType:
    """What an annotation says; one that cannot be read is JSON."""
    node = unquoted(node)
    try:
        return declared_type(node, view, scope) or DeclaredType("json")
    except UnresolvedError:
        return DeclaredType("json", view.code(node))


def _bound_call(node: ast.expr, view: ModuleView) -> ast.expr:
    """The call that a name of the module is bound to, once: `LEVEL = click.Choice([...])`."""
    if not isinstance(node, ast.Name) or len(view.bindings.get(node.id, ())) != 1:
        return node
    for item in view.tree.body:
        match item:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if name == node.id:
                return call
            case _:
                pass
    return node


def _click_name(node: ast.expr, view: ModuleView) -> str:
    """The name in click, or in the click that Metaflow brings along, that an expression stands for."""
    path = view.imported_path(node)
    if path[:2] == ("metaflow", "_vendor"):
        path = path[2:]
    return path[-1] if path[:1] == ("click",) and len(path) > 1 else ""


def _of_click(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType | None:
    if not isinstance(node, ast.Call):
        name = _click_name(node, view)
        kind = _CLICK_CONSTANTS.get(name)
        return None if kind is None else DeclaredType(kind, "UUID" if name == "UUID" else "")
    name = _click_name(node.func, view)
    if name == "File":
        return DeclaredType("str", refusal="an open file cannot be stored for the steps: use IncludeFile, or a path")
    if name == "Choice":
        choices = _argument(node, 0, "choices", scope)
        sensitive = _argument(node, 1, "case_sensitive", scope)
        texts = tuple(map(str, cast("list[object]", choices))) if isinstance(choices, list | tuple) else ()
        return DeclaredType("str", "" if texts else view.code(node), choices=texts, any_case=sensitive is False)
    if name in _RANGES:
        low, high = (_number(_argument(node, place, key, scope)) for place, key in enumerate(_RANGE_POSITIONAL))
        clamp = _argument(node, 2, "clamp", scope) is True
        is_open = any(keyword.arg in {"min_open", "max_open"} for keyword in node.keywords)
        if is_open:  # the task tells: engines have no such limits
            return DeclaredType(_RANGES[name])
        return DeclaredType(_RANGES[name], minimum=low, maximum=high, clamp=clamp)
    if name == "Tuple":
        kinds = node.args[0] if node.args else None
        return DeclaredType("str", view.code(node), nargs=len(kinds.elts) if isinstance(kinds, ast.List) else 1)
    return DeclaredType("str", name) if name else None


def _argument(call: ast.Call, place: int, key: str, scope: Scope) -> object:
    """The value of an argument; `None` where it is left out or not known."""
    node = next((item.value for item in call.keywords if item.arg == key), None)
    if node is None and place < len(call.args):
        node = call.args[place]
    try:
        return None if node is None else evaluate(node, scope)
    except UnresolvedError:
        return None


def _number(value: object) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _of_annotation(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType:
    """What `Literal[...]`, `Optional[...]`, `X | None` and generic types say."""
    match node:
        case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
            return _optional(left, view, scope)
        case ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=None), right=right):
            return _optional(right, view, scope)
        case ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return DeclaredType("str", view.code(node), is_known=_all_plain([left, right], view, scope))
        case ast.Subscript(value=value, slice=inner):
            return _of_subscript(node, _last_name(value), inner, view, scope)
        case _:
            return DeclaredType("str", view.code(node))


def _of_subscript(node: ast.expr, name: str, inner: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Literal":
        return _of_literal(node, parts, view, scope)
    if name == "Optional":
        return _optional(inner, view, scope)
    if name == "Annotated" and parts:
        return annotated_type(parts[0], view, scope)
    if name == "Union" and len(parts) == 2 and _is_none(parts[1]):
        return _optional(parts[0], view, scope)
    if name not in _COLLECTIONS and name != "Union":
        return DeclaredType("str", view.code(node))
    kind: ParameterType = "str" if name == "Union" else "json"
    return DeclaredType(kind, view.code(node), is_known=_all_plain(parts, view, scope))


def is_builtin(annotation: ast.expr) -> bool:
    """Whether an annotation has Python's own types only, whose values need no class of the file's."""
    nodes = [node for node in ast.walk(unquoted(annotation)) if isinstance(node, ast.Name | ast.Attribute)]
    modules = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    names = {_last_name(node) for node in nodes if id(node) not in modules}
    return names <= {*PLAIN_TYPES, *_COLLECTIONS, "Any", "Optional", "Union", "object"}


def _all_plain(parts: list[ast.expr], view: ModuleView, scope: Scope) -> bool:
    return all(_is_plain(part, view, scope) for part in parts)


def _is_plain(node: ast.expr, view: ModuleView, scope: Scope) -> bool:
    """Whether items of a type are made of plain data in a known way."""
    if isinstance(node, ast.Constant):
        return node.value in (None, ...)
    if isinstance(node, ast.Name | ast.Attribute) and _last_name(node) in {
        *PLAIN_TYPES,
        *_COLLECTIONS,
        "Any",
        "object",
    }:
        return True
    return annotated_type(node, view, scope).is_known


def _of_literal(node: ast.expr, parts: list[ast.expr], view: ModuleView, scope: Scope) -> DeclaredType:
    values: list[object] = []
    for part in parts:
        try:
            values.append(evaluate(part, scope))
        except UnresolvedError:
            return DeclaredType("str", view.code(node))
    plain = all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
    texts = tuple(map(str, values)) if plain else ()
    return DeclaredType("str", view.code(node), choices=texts, is_known=True, is_listed=True)


def _optional(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType:
    """Either of a type or `None`: the type, made by the task so that `null` is read there."""
    found = annotated_type(node, view, scope)
    if found.choices:
        return replace(found, choices=())
    return found if found.converter or found.kind == "str" else DeclaredType("json", f"{view.code(node)} | None")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _of_definition(node: ast.expr, view: ModuleView, scope: Scope) -> DeclaredType | None:
    """What a class or a function says: members of an enumeration are choices, and what has fields is JSON."""
    name = view.code(node)
    if isinstance(node, ast.Lambda):
        return DeclaredType("str", "a function")
    try:
        found = scope.definition(node)
    except UnresolvedError as error:
        if error.wrong:
            raise
        return DeclaredType("str", name)
    if isinstance(found, ClassObject):
        return _of_class(found, name)
    if isinstance(found, Builtin) and found.name in PLAIN_TYPES:
        return DeclaredType(PLAIN_TYPES[found.name])
    if isinstance(found, Builtin) and found.name in _COLLECTIONS:
        return DeclaredType("json", name, is_known=True)
    if isinstance(found, Builtin) and found.name in {"bytes", "bytearray"}:
        return None
    if isinstance(found, Function | Partial | Builtin | Instance):
        return DeclaredType("str", name)
    return None


def _of_class(found: ClassObject, name: str) -> DeclaredType:
    if _is_enumeration(found):
        values = [
            item.attributes.get("value") if isinstance(item, Instance) and item.of is found else item
            for key, item in found.namespace.items()
            if not key.startswith("_") and not isinstance(item, Function | Descriptor)
        ]
        texts = tuple(dict.fromkeys(map(str, values)))
        choices = texts if all(isinstance(value, str) for value in values) else ()
        return DeclaredType("str", name, choices=choices, is_known=True, is_listed=True)
    from flowc_compiler.evaluate.constructed import is_structured  # brings the evaluator

    structured = is_structured(found)
    return DeclaredType("json" if structured else "str", name, is_known=structured)


def _is_enumeration(found: ClassObject) -> bool:
    """Whether a class is an enumeration, of text or numbers, too."""
    return any(item.view.imported_path(base)[:1] == ("enum",) for item in found.mro() for base in item.node.bases)
