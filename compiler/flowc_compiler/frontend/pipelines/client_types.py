"""What the expressions in the code of tasks are, of what ZenML's `Client`, step context and the like give."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial

from flowc.protocol.zenml_names import CLASSES, FUNCTIONS
from flowc_compiler.frontend.pipelines.task_code import DEEPEST, Scope, TaskCode
from flowc_compiler.syntax.modules import FunctionNode

_OF_MAPPINGS = {"values": "[{}]", "items": "<{}>", "get": "{}", "pop": "{}"}


class ClientTypes:
    """The types of expressions, by the names in `CLASSES`: `[X]` is a list of X, `{X}` a dict, `<X>` its pairs.

    A function is `(parameters)X`. The empty text is whatever is not known.
    """

    def __init__(self, code: TaskCode) -> None:
        self.code = code
        self._open: set[tuple[int, str]] = set()

    def bind(self, scope: Scope) -> None:
        """Note what the names of a scope are bound to."""
        for node in scope.nodes:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        self._bind(scope, target, partial(self.of, scope, value))
                case ast.NamedExpr(target=target, value=value):
                    self._bind(scope, target, partial(self.of, scope, value))
                case ast.AnnAssign(target=target, annotation=annotation, value=value):
                    declared = partial(str, self._annotated(scope, annotation))
                    self._bind(scope, target, declared if value is None else partial(self.of, scope, value))
                case ast.For(target=target, iter=iterable) | ast.comprehension(target=target, iter=iterable):
                    self._bind(scope, target, lambda iterable=iterable: self._item(scope, iterable))  # type: ignore[misc]
                case ast.arg(arg=name, annotation=annotation):
                    known = self._annotated(scope, annotation)
                    scope.bindings.setdefault(name, []).append(lambda known=known: known)  # type: ignore[misc]
                case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                    scope.bindings.setdefault(name, [])
                case ast.AugAssign(target=target) | ast.withitem(optional_vars=ast.expr() as target):
                    self._bind(scope, target, str)
                case _:
                    pass

    def _bind(self, scope: Scope, target: ast.expr, value: Callable[[], str]) -> None:
        match target:
            case ast.Name(id=name):
                scope.bindings.setdefault(name, []).append(value)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                (scope.owner or scope).bindings.setdefault(f"self.{name}", []).append(value)
            case ast.Tuple(elts=[first, second]):
                self._bind(scope, first, str)
                self._bind(scope, second, lambda: value()[1:-1] if value().startswith("<") else "")
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                for element in elements:
                    self._bind(scope, element, str)
            case _:
                pass

    def _annotated(self, scope: Scope, annotation: ast.expr | None) -> str:
        if annotation is None:
            return ""
        return "Client" if scope.names.resolve(annotation) == "Client" else ""

    def _item(self, scope: Scope, iterable: ast.expr) -> str:
        of = self.of(scope, iterable)
        return of if of.startswith("<") else of[1:-1] if of.startswith("[") else ""

    def lookup(self, scope: Scope, name: str) -> str:
        """The type of a name, where all that it is bound to are of one."""
        if name not in scope.bindings:
            top = self.code.by_node.get(id(scope.view.tree))
            if top is not None and top is not scope:
                return self.lookup(top, name)
            return self._imported(scope, name)
        key = (id(scope), name)
        if key in self._open or len(self._open) > DEEPEST:
            return ""
        self._open.add(key)
        found = {value() for value in scope.bindings[name]}
        self._open.discard(key)
        return found.pop() if len(found) == 1 else ""

    def _imported(self, scope: Scope, name: str) -> str:
        bound = scope.imports.get(name)
        return self._global(scope, bound.level, bound.module, bound.name) if bound is not None and bound.name else ""

    def _of_module(self, scope: Scope, module: ast.expr, name: str) -> str:
        bound = scope.imports.get(module.id) if isinstance(module, ast.Name) else None
        if bound is None:
            return ""
        return self._global(scope, bound.level, (*bound.module, *((bound.name,) if bound.name else ())), name)

    def _global(self, scope: Scope, level: int, parts: tuple[str, ...], name: str) -> str:
        """The type of a name of a local module."""
        module = self.code.load(scope.view, level, parts)
        top = self.code.by_node.get(id(module.tree)) if module is not None else None
        return self.lookup(top, name) if top is not None and name in top.bindings else ""

    def of(self, scope: Scope, node: ast.expr, depth: int = 0) -> str:
        """The type of an expression."""
        if depth > DEEPEST:
            return ""
        match node:
            case ast.Name(id=name):
                served = self.served(scope, node)
                return served or self.lookup(scope, name)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                owner = scope.owner or scope
                return self.lookup(owner, f"self.{name}") if f"self.{name}" in owner.bindings else ""
            case ast.Attribute(value=value, attr=name):
                found = self.served(scope, node) or attribute_type(self.of(scope, value, depth + 1), name)
                return found or self._of_module(scope, value, name)
            case ast.Call(func=function):
                called = self.of(scope, function, depth + 1)
                return called.partition(")")[2] if called.startswith("(") else self._returned(scope, function)
            case ast.Subscript(value=value, slice=index):
                of = self.of(scope, value, depth + 1)
                return of if isinstance(index, ast.Slice) else of[1:-1] if of[:1] in {"[", "{"} else ""
            case ast.NamedExpr(value=value):
                return self.of(scope, value, depth + 1)
            case ast.IfExp(body=one, orelse=other) | ast.BoolOp(values=[one, other]):
                found = self.of(scope, one, depth + 1)
                return found if found == self.of(scope, other, depth + 1) else ""
            case _:
                return ""

    def served(self, scope: Scope, node: ast.expr) -> str:
        """The type of a function that is served, such as `Client`; nothing for others."""
        if isinstance(node, ast.Name) and node.id in scope.bindings:
            return ""
        return FUNCTIONS.get(scope.names.resolve(node) or "", "")

    def _returned(self, scope: Scope, function: ast.expr) -> str:
        """What a local function returns."""
        found = self.code.definition(scope, function)
        inner = self.code.by_node.get(id(found[1])) if found is not None else None
        if inner is None or not isinstance(inner.node, FunctionNode) or len(self._open) > DEEPEST:
            return ""
        key = (id(inner), "return")
        if key in self._open:
            return ""
        self._open.add(key)
        returned = [node.value for node in inner.nodes if isinstance(node, ast.Return)]
        types = {self.of(inner, value) if value is not None else "" for value in returned}
        self._open.discard(key)
        return types.pop() if len(types) == 1 else ""


def attribute_type(of: str, name: str) -> str:
    """The type of an attribute of a type, by the names in `CLASSES`; empty where it is not known."""
    if of in CLASSES:
        return CLASSES[of].get(name, "")
    if of.startswith("{") and name in _OF_MAPPINGS:
        return "()" + _OF_MAPPINGS[name].replace("{}", of[1:-1])
    return of if of.startswith("[") and name == "items" else ""
