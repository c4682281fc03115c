"""Attributes of all that an evaluation has: objects, classes, modules, configs, values of Python's library."""

from __future__ import annotations

import ast

from flowc_compiler.evaluate import expressions
from flowc_compiler.evaluate.assumptions import assuming, is_file_itself
from flowc_compiler.evaluate.builtin_functions import builtin_attribute
from flowc_compiler.evaluate.classes import class_attribute, instance_attribute, super_attribute
from flowc_compiler.evaluate.library_values import is_library_method, is_library_value, library, library_attribute
from flowc_compiler.evaluate.methods import is_method
from flowc_compiler.evaluate.module_execution import ModuleExecution
from flowc_compiler.evaluate.settings_objects import enumerated
from flowc_compiler.evaluate.values import (
    MISSING,
    Assumed,
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    ConfigTree,
    Foreign,
    Function,
    Instance,
    Member,
    Module,
    RuntimeValue,
    Unresolved,
)
from flowc_compiler.syntax.served_imports import ROOTS

OWN_ATTRIBUTES = frozenset({"name", "kwargs", "parser", "separator", "get", "items", "keys", "values", "init"})
"""Attributes that a Config object has itself in a class body, in Metaflow as here: they are no entries of its value."""


class AttributeLookup(ModuleExecution):
    """The part of the evaluator that looks attributes up."""

    def attribute(self, owner: object, name: str, node: ast.expr) -> object:  # noqa: PLR0912 - one case for each kind
        """The value of an attribute. Raises EvaluationError."""
        if isinstance(owner, Assumed):
            return self._assumed_attribute(owner, name, node)
        known = enumerated(self, node) if isinstance(node, ast.Attribute) else None
        if known is not None:
            return known[0]
        match owner:
            case ConfigReference():
                return self._config_attribute(owner, name, node)
            case Foreign(path=path):
                return self._foreign(owner, (*path, name))
            case Module():
                return self._module_attribute(owner, name, node)
            case Member() if name not in owner.attributes and is_method(type(owner.plain), name):
                return BoundMethod(owner.plain, name)
            case Instance():
                return instance_attribute(self, owner, name, node)
            case ClassObject():
                return class_attribute(self, owner, name, node)
            case ConfigTree():
                if name in owner:
                    return owner[name]
            case Builtin(name="super"):
                return super_attribute(self, name, node)
            case Builtin() if (found := builtin_attribute(owner, name)) is not None:
                return found
            case _ if is_library_value(owner):
                return self._library_attribute(owner, name, node)
            case Function() if name in {"__name__", "__qualname__"}:
                return owner.name
            case Function() if name == "__globals__":
                return Foreign("is known when the file runs", path=("builtins", "globals", "()"))
            case _:
                pass
        found, is_plain = self.undetermined(owner), is_method(type(owner), name)
        if isinstance(found, Unresolved) and not is_plain:
            error = self.refuse_unresolved(found, node)
            error.options = (owner,)
            raise error
        if is_plain and not isinstance(found, RuntimeValue):
            return BoundMethod(owner, name)
        return self.runtime_attribute(owner, name, node)

    def _config_attribute(self, owner: ConfigReference, name: str, node: ast.expr) -> object:
        if owner.expression is None and not owner.path and name in OWN_ATTRIBUTES and isinstance(node, ast.Attribute):
            message = f"`{name}` is an attribute of the Config object itself"
            shown = self.code(node.value)
            return Unresolved(message, f'write {shown}["{name}"] for the entry of its value', wrong=True)
        return expressions.extended(owner, name)

    def _assumed_attribute(self, owner: Assumed, name: str, node: ast.expr) -> object:
        if is_method(type(owner.value), name) or is_library_method(owner.value, name):
            return BoundMethod(owner, name)
        if name in {"name", "stem", "suffix", "suffixes"} and is_file_itself(owner):
            return self.attribute(owner.value, name, node)  # the file's own name is the same in a task
        return assuming(self, [owner], lambda: self.attribute(owner.value, name, node))

    def _library_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        found = library_attribute(owner, name)
        if found is not MISSING:
            return found
        if is_library_method(owner, name) or is_method(type(owner), name):
            return BoundMethod(owner, name)
        return self.runtime_attribute(owner, name, node)

    def _foreign(self, owner: Foreign, path: tuple[str, ...]) -> object:
        known = library(path)
        if known is not None and path[:1] not in self.changed_modules:
            return known
        view = self.modules.load(self.view, 0, path) if path[0] not in ROOTS and "()" not in path else None
        if view is not None:
            return Module(view, self.namespace(view))
        return Foreign(owner.message, owner.help, path=path)

    def _module_attribute(self, owner: Module, name: str, node: ast.expr) -> object:
        poison = self.poisoned.get(id(owner.namespace))
        if poison is not None:
            return poison[1]
        if name in owner.namespace:
            return owner.namespace[name]
        view = self.modules.load(owner.view, 1, (name,)) if owner.view.source.path.name == "__init__.py" else None
        if view is not None:
            return Module(view, self.namespace(view))
        message = f"there is no `{name}` in {owner.view.source.name}"
        raise self.refuse("FC112", message, node, "correct the name, or define it there")
