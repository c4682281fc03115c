"""The types of calls in a function: of builtins, of methods of known classes, and of the flow's own functions."""

from __future__ import annotations

import ast

from flowc_compiler.frontend.types.evident_types import (
    BUILTIN_RESULTS,
    COPIES,
    FUNCTION,
    ITERATORS,
    METHOD_RESULTS,
    class_name,
    class_of,
    exactly,
    function_result,
    lacks,
)
from flowc_compiler.frontend.types.expression_types import ExpressionReader
from flowc_compiler.ir.type_model import INT, NOTHING, UNKNOWN, Evident, Instance, LocalClass, TupleType
from flowc_compiler.syntax.modules import FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import dotted


class CallTypeReader(ExpressionReader):
    """Reads expressions, calls among them."""

    def call(self, node: ast.Call) -> Evident:
        """What a call returns."""
        called = node.func
        receiver = NOTHING
        if isinstance(called, ast.Attribute) and self._attribute_of_flow(called) is None:
            receiver = self.evaluate(called.value)
            self._check_attribute(called, receiver)
        elif not isinstance(called, ast.Name) or called.id in self._names:
            self._check_called(called)
        given = [self.evaluate(item.value if isinstance(item, ast.Starred) else item) for item in node.args]
        for keyword in node.keywords:
            self.evaluate(keyword.value)
        path = self._path(called)
        if path and path[0] == "builtins":
            return self._builtin(path[1], node, given)
        if path:
            return function_result(".".join(path), node) if not self._is_local(called) else self._local(node)
        if receiver.type != UNKNOWN and isinstance(called, ast.Attribute):
            found = METHOD_RESULTS.get(class_name(receiver.type), {}).get(called.attr)
            return NOTHING if found is None else Evident(found, receiver.exact)
        return self._local(node)

    def _check_called(self, called: ast.expr) -> None:
        value = self.evaluate(called)
        if value.type not in (UNKNOWN, FUNCTION) and lacks(value, "__call__"):
            self._report(called, f"{self._shown(called, value)}, which cannot be called")

    def _path(self, node: ast.expr) -> tuple[str, ...]:
        """The full name of what an expression names by absolute imports, or of a builtin; else nothing."""
        parts = dotted(node)
        first = parts[0] if parts else ""
        if not parts or first in self._names or first in self._volatile:
            return ()
        local = self._imports.get(first)
        if local is not None:
            own = (local.name,) if local.name is not None else ()
            return () if local.level else (*local.module, *own, *parts[1:])
        found = self._view.imported_path(node)
        if found or len(parts) > 1:
            return found
        return ("builtins", first) if self._view.is_builtin(first) else ()

    def _is_local(self, called: ast.expr) -> bool:
        """Whether a name is imported from a file of the flow's."""
        return self._modules.origin(self._view, called) is not None

    def _builtin(self, name: str, node: ast.Call, given: list[Evident]) -> Evident:
        if name in COPIES:
            item = self._element(given[0]) if given else NOTHING
            return Evident(Instance(COPIES[name], (class_of(item.type),) if given else ()), True, item.exact)
        if name == "len" and len(given) == 1 and given[0].type != UNKNOWN and lacks(given[0], "__len__"):
            self._report(node, f"{self._shown(node.args[0], given[0])}, which has no length")
        if name in ITERATORS:
            items = [self._element(of) for of in given]
            item = items[0] if items and name in {"iter", "reversed", "filter"} else NOTHING
            if name == "enumerate" and items:
                item = Evident(TupleType((INT, items[0].type)), items[0].exact)
            elif name == "zip":
                item = Evident(TupleType(tuple(of.type for of in items)), all(of.exact for of in items))
            return Evident(Instance("collections.abc.Iterator", (item.type,)), True, item.exact)
        if name in {"min", "max"} and len(given) > 1 and len({class_of(item.type) for item in given}) == 1:
            return Evident(class_of(given[0].type), all(item.exact for item in given))
        if name in {"sum", "min", "max", "abs", "round"} and len(given) == 1 and not node.keywords:
            item = given[0] if name in {"abs", "round"} else self._element(given[0])
            plain = class_name(item.type) in {"int", "float"}
            exact = item.exact and name != "sum"
            return Evident(INT if name == "round" else class_of(item.type), exact) if plain else NOTHING
        found = BUILTIN_RESULTS.get(name, UNKNOWN)
        return NOTHING if found == UNKNOWN else Evident(found, exact=True, fresh=True)

    def _local(self, node: ast.Call) -> Evident:
        """The result of a function or class of the flow's own files."""
        called = node.func
        if not isinstance(called, ast.Name) or called.id in self._names or called.id in self._volatile:
            return NOTHING
        view, name = self._view, called.id
        if name in view.imports or name in self._imports:
            if name in self._imports or (found := self._modules.origin(view, called)) is None:
                return NOTHING
            view, name = found
        if name in view.single_functions:
            return self._returned(view, view.single_functions[name])
        if name in view.classes and len(view.bindings.get(name, ())) == 1:
            self._types.names(view)
            return exactly(LocalClass(str(view.source.path), name))
        return NOTHING

    def _returned(self, view: ModuleView, function: FunctionNode) -> Evident:
        """What a function says that it returns."""
        if function.decorator_list or function.returns is None or not isinstance(function, ast.FunctionDef):
            return NOTHING
        return Evident(self._types.annotation(view, function.returns))


CallTypeReader.handlers = {**ExpressionReader.handlers, ast.Call: CallTypeReader.call}
