"""The types of expressions in a function, as far as the file shows them, and operations in them that certainly fail.

Every expression is read where it runs, with what the names stand for there. A part that may not run is read with
`_maybe` raised, and nothing in it is reported.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple

from flowc_compiler.frontend.types.annotations import TypeReader
from flowc_compiler.frontend.types.evident_types import (
    FUNCTION,
    attributes,
    class_name,
    class_of,
    collection,
    element,
    exactly,
    lacks,
    merged,
    operation_fails,
    operation_result,
    symbol,
)
from flowc_compiler.ir.type_model import (
    BOOL,
    INT,
    NONE,
    NOTHING,
    STR,
    UNKNOWN,
    Evident,
    Instance,
    LiteralType,
    TupleType,
    describe,
    members_of,
    type_of_value,
    union_of,
)
from flowc_compiler.syntax.modules import Imported, LocalModules, ModuleView

_LARGEST_TUPLE = 20
_UNARY: Mapping[type, str] = {ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__"}


class Failure(NamedTuple):
    """An operation that certainly fails."""

    node: ast.AST
    message: str
    wanted: str = ""
    """The attribute that is missing."""
    known: tuple[str, ...] = ()
    """The attributes that there are."""


_DEEPEST = 150
"""How deep expressions are followed."""


class ExpressionReader:
    """Reads expressions of one function of a file."""

    handlers: ClassVar[dict[type[ast.AST], Callable[[Any, Any], Evident]]] = {}

    def __init__(self, types: TypeReader, view: ModuleView) -> None:
        self._types = types
        self._modules: LocalModules = types.modules
        self._view = view
        self._names: dict[str, Evident] = {}
        """Local names, and attributes of the flow with a dot before them."""
        self._imports: dict[str, Imported] = {}
        """What import statements within the function bind."""
        self._volatile: set[str] = set()
        """Names that are bound in ways that are not followed."""
        self._maybe = 0
        self._depth = 0
        self.problems: list[Failure] = []

    def _element(self, value: Evident) -> Evident:
        """What iterating over a value gives."""
        return element(value)

    @contextmanager
    def _perhaps(self) -> Generator[None, None, None]:
        self._maybe += 1
        yield
        self._maybe -= 1

    def evaluate(self, node: ast.expr) -> Evident:
        """What an expression gives; nothing of one that is nested deeper than anybody writes it."""
        handler = self.handlers.get(type(node))
        if handler is None or self._depth == _DEEPEST:
            return NOTHING
        self._depth += 1
        found = handler(self, node)
        self._depth -= 1
        return found

    def _report(self, node: ast.AST, message: str, wanted: str = "", known: tuple[str, ...] = ()) -> None:
        if not self._maybe:
            self.problems.append(Failure(node, message, wanted, known))

    def _check_attribute(self, node: ast.Attribute, value: Evident) -> None:
        """Report an attribute that a value does not have."""
        if not self._maybe and value.type != UNKNOWN and lacks(value, node.attr):
            message = f"{self._shown(node.value, value)}, which has no attribute `{node.attr}`"
            self._report(node, message, node.attr, attributes(value))

    def _shown(self, node: ast.expr, value: Evident) -> str:
        """An expression and its type, for a message."""
        text = self._view.code(node)
        kinds = " or ".join(dict.fromkeys(describe(class_of(of)) for of in members_of(value.type)))
        return (
            f"`{text if len(text) <= 40 else text[:37] + '...'}` is {'None' if kinds == 'None' else f'of type {kinds}'}"
        )

    # What is written out.

    def _constant(self, node: ast.Constant) -> Evident:
        return exactly(type_of_value(node.value))

    def _text(self, node: ast.JoinedStr) -> Evident:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.evaluate(part.value)
        return exactly(STR)

    def _items(self, nodes: Sequence[ast.expr]) -> list[Evident]:
        return [
            self._element(self.evaluate(item.value)) if isinstance(item, ast.Starred) else self.evaluate(item)
            for item in nodes
        ]

    def _list(self, node: ast.List | ast.Set) -> Evident:
        return collection("list" if isinstance(node, ast.List) else "set", self._items(node.elts))

    def _tuple(self, node: ast.Tuple) -> Evident:
        items = self._items(node.elts)
        if len(items) > _LARGEST_TUPLE or any(isinstance(item, ast.Starred) for item in node.elts):
            return exactly(Instance("tuple", collection("list", items).type.args))  # type: ignore[union-attr]
        return Evident(TupleType(tuple(item.type for item in items)), all(item.exact for item in items))

    def _dict(self, node: ast.Dict) -> Evident:
        pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
        keys = collection("list", self._items([key for key, _ in pairs]))
        values = collection("list", self._items([value for _, value in pairs]))
        if len(pairs) < len(node.keys):
            return exactly(Instance("dict"))
        args = tuple(of.type.args[0] for of in (keys, values) if isinstance(of.type, Instance))
        return Evident(Instance("dict", args), exact=True, fresh=keys.fresh)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Evident:
        before = dict(self._names)
        certain = True
        for number, generator in enumerate(node.generators):
            iterated = self.evaluate(generator.iter) if not number else self._guess(generator.iter)
            if not number:
                self._check_iterable(generator.iter, iterated)
            certain = certain and iterated.exact
            self._bind_item(generator.target, self._element(iterated))
            for test in generator.ifs:
                self._guess(test)
        if isinstance(node, ast.DictComp):
            key, value = self._guess(node.key), self._guess(node.value)
            self._names = before
            return exactly(Instance("dict", (class_of(key.type), class_of(value.type))))
        item = self._guess(node.elt)
        self._names = before
        if isinstance(node, ast.GeneratorExp):
            return exactly(Instance("collections.abc.Generator", (class_of(item.type),)))
        return collection("list" if isinstance(node, ast.ListComp) else "set", [item])

    def _guess(self, node: ast.expr) -> Evident:
        """What an expression gives that may not be evaluated."""
        with self._perhaps():
            return self.evaluate(node)

    def _bind_item(self, target: ast.expr, item: Evident) -> None:
        """Bind the names of a target to what they get of an item."""
        if isinstance(target, ast.Name):
            self._names[target.id] = item._replace(fresh=False)
            return
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else []
        items = item.type.items if isinstance(item.type, TupleType) else ()
        fits = len(items) == len(parts)
        for part, of in zip(parts, items if fits else [UNKNOWN] * len(parts), strict=True):
            self._bind_item(part, Evident(of, item.exact and fits))

    def _lambda(self, node: ast.Lambda) -> Evident:
        del node
        return exactly(FUNCTION)

    # Names.

    def _name(self, node: ast.Name) -> Evident:
        name = node.id
        if name in self._volatile:
            return NOTHING
        found = self._names.get(name)
        if found is not None:
            return found._replace(fresh=False)
        return NOTHING if name in self._imports else self._global(name)

    def _global(self, name: str) -> Evident:
        """What a name of the file stands for: a constant or a function that it binds once."""
        view = self._view
        if name in view.single_functions:
            plain = isinstance(view.single_functions[name], ast.FunctionDef)
            return exactly(FUNCTION) if plain and not view.single_functions[name].decorator_list else NOTHING
        value = view.values.get(name)
        if isinstance(value, ast.Constant) and not view.has_globals:
            return exactly(type_of_value(value.value))
        return NOTHING

    def attribute(self, node: ast.Attribute) -> Evident:
        """What an attribute is."""
        found = self._attribute_of_flow(node)
        if found is not None:
            return found
        self._check_attribute(node, self.evaluate(node.value))
        return NOTHING

    def _attribute_of_flow(self, node: ast.Attribute) -> Evident | None:
        """What an attribute of the flow is; `None` for an attribute of anything else."""
        del node
        return None

    # Operations.

    def _binary(self, node: ast.BinOp) -> Evident:
        chain = [node]  # long ones are legal, deeper than calls may be
        while isinstance(inner := chain[-1].left, ast.BinOp):
            chain.append(inner)
        left = self.evaluate(chain[-1].left)
        for item in reversed(chain):
            right = self.evaluate(item.right)
            self._check_operation(item, item.op, (item.left, left), (item.right, right))
            left = operation_result(left, item.op, right)
        return left

    def _check_operation(
        self,
        node: ast.AST,
        kind: ast.AST,
        left: tuple[ast.expr, Evident],
        right: tuple[ast.expr, Evident],
        *,
        in_place: bool = False,
    ) -> None:
        """Report an operation on two expressions whose values have no such operation."""
        unknown = UNKNOWN in {left[1].type, right[1].type}
        if not unknown and operation_fails(left[1], kind, right[1], in_place=in_place):
            word = f"{symbol(kind)}{'=' * in_place}"
            self._report(node, f"{self._shown(*left)} and {self._shown(*right)}: `{word}` fails for these")

    def _unary(self, node: ast.UnaryOp) -> Evident:
        value = self.evaluate(node.operand)
        if isinstance(node.op, ast.Not):
            return exactly(BOOL)
        method = _UNARY.get(type(node.op), "")
        if value.type != UNKNOWN and method and lacks(value, method):
            self._report(node, f"{self._shown(node.operand, value)}, which is no number")
        number = class_of(value.type)
        if (
            isinstance(node.op, ast.USub)
            and isinstance(value.type, LiteralType)
            and value.type.kind in {"int", "float"}
        ):
            return exactly(type_of_value(-value.type.value))  # type: ignore[operator]
        return Evident(number, value.exact) if number in (INT, Instance("float")) else NOTHING

    def _bool(self, node: ast.BoolOp) -> Evident:
        first, *others = node.values
        found = [self.evaluate(first), *map(self._guess, others)]
        if isinstance(node.op, ast.Or):  # what is None is not what `or` gives
            found[:-1] = [self._without_none(item) for item in found[:-1] if item.type != NONE]
        result = found[0]
        for item in found[1:]:
            result = merged(result, item)
        return result

    def _without_none(self, value: Evident) -> Evident:
        kept = [of for of in members_of(value.type) if of != NONE]
        return value._replace(type=union_of(kept)) if kept else NOTHING

    def _compare(self, node: ast.Compare) -> Evident:
        first, *others = node.comparators
        found = [self.evaluate(node.left), self.evaluate(first), *map(self._guess, others)]
        parts = [node.left, *node.comparators]
        plain = True
        for number, kind in enumerate(node.ops):
            left, right = found[number], found[number + 1]
            if isinstance(kind, ast.Lt | ast.LtE | ast.Gt | ast.GtE) and not number:
                self._check_operation(node, kind, (parts[0], left), (parts[1], right))
            if not isinstance(kind, ast.Is | ast.IsNot | ast.In | ast.NotIn):  # an array compared is an array
                plain = plain and left.exact and right.exact
        return exactly(BOOL) if plain else NOTHING

    def _if_else(self, node: ast.IfExp) -> Evident:
        self.evaluate(node.test)
        return merged(self._guess(node.body), self._guess(node.orelse))

    def _named(self, node: ast.NamedExpr) -> Evident:
        return self.evaluate(node.value)._replace(fresh=False)

    def subscript(self, node: ast.Subscript) -> Evident:
        """What an entry is."""
        value = self.evaluate(node.value)
        if value.type != UNKNOWN:
            self._check_subscript(node, value)
        if isinstance(node.slice, ast.Slice):
            return value._replace(fresh=False) if class_name(value.type) in {"str", "list", "bytes"} else NOTHING
        key = self.evaluate(node.slice)
        if value.type == UNKNOWN:
            return NOTHING
        match value.type, key.type:
            case TupleType(items=items), LiteralType(kind="int", value=int(place)) if -len(items) <= place < len(items):
                return Evident(items[place], value.exact)
            case Instance(name="dict", args=(_, item)), _:
                return Evident(item)
            case ((Instance(name="list" | "str" | "tuple") | LiteralType(kind="str")), _) if (
                class_name(key.type) == "int"
            ):
                return self._element(value)._replace(exact=class_name(value.type) == "str" and value.exact)
            case _:
                return NOTHING

    def _check_subscript(self, node: ast.Subscript, value: Evident) -> None:
        if lacks(value, "__getitem__" if isinstance(node.ctx, ast.Load) else "__setitem__"):
            what = "has no items" if isinstance(node.ctx, ast.Load) else "cannot be changed"
            self._report(node, f"{self._shown(node.value, value)}, which {what}")

    def _check_iterable(self, node: ast.expr, value: Evident) -> None:
        if value.type != UNKNOWN and lacks(value, "__iter__") and lacks(value, "__getitem__"):
            self._report(node, f"{self._shown(node, value)}, which has no items to go over")


ExpressionReader.handlers = {
    kind: getattr(ExpressionReader, handler)
    for handler, kinds in {
        "_constant": (ast.Constant,), "_text": (ast.JoinedStr,), "_list": (ast.List, ast.Set), "_tuple": (ast.Tuple,),
        "_dict": (ast.Dict,), "_lambda": (ast.Lambda,), "_name": (ast.Name,), "_binary": (ast.BinOp,),
        "_comprehension": (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), "_unary": (ast.UnaryOp,),
        "_bool": (ast.BoolOp,), "_compare": (ast.Compare,), "_if_else": (ast.IfExp,), "_named": (ast.NamedExpr,),
    }.items()
    for kind in kinds
}  # fmt: skip
# What subclasses know better.
ExpressionReader.handlers[ast.Attribute] = lambda reader, node: reader.attribute(node)
ExpressionReader.handlers[ast.Subscript] = lambda reader, node: reader.subscript(node)
