"""What names stand for in a class body: configs, and constants of the class and of its module."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from flowc_compiler.frontend.values.bindings import Bindings, bindings, is_bound_once, may_change
from flowc_compiler.frontend.values.calls import call_value
from flowc_compiler.frontend.values.literals import NotLiteralError, Scope, evaluate
from flowc_compiler.frontend.values.made import enumerated, made
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.names import Names, dotted

_MOST_LOOKUPS = 100_000
"""How often constants are looked up in a module: chains that double at each link end there."""
_DEEPEST = 50
"""How many constants may stand for one another."""


class ConfigSource(Protocol):
    """Where the values of configs come from."""

    def named(self, name: str, node: ast.AST) -> object:
        """The value of the config of that name. Raises KeyError for no config, NotLiteralError for no known value."""
        ...

    def name_of(self, attribute: str) -> str | None:
        """The name of the config that an attribute of the flow is."""
        ...


OWN_ATTRIBUTES = frozenset({"name", "kwargs", "parser", "separator", "get", "items", "keys", "values", "init"})
"""Attributes that a Config object has itself in a class body, in Metaflow as here: they are no entries of its value."""


class ModuleScopes:
    """The scopes of a flow's files: its own, and those of local modules."""

    def __init__(self, modules: LocalModules, configs: ConfigSource) -> None:
        self.modules = modules
        self.configs = configs
        self._scopes: dict[Path, ModuleScope] = {}

    def of(self, view: ModuleView) -> ModuleScope:
        """The scope of a file."""
        if view.source.path not in self._scopes:
            self._scopes[view.source.path] = ModuleScope(view, self)
        return self._scopes[view.source.path]


class ModuleScope(Scope):
    """Names at a module's top level: constants that are assigned once, to a literal, and such of local modules."""

    def __init__(self, view: ModuleView, scopes: ModuleScopes) -> None:
        self.view = view
        self.module = view.tree
        self.text = view.source.text
        self.configs = scopes.configs
        self._scopes = scopes
        self._changing: dict[str, bool] = {}
        self._once: dict[str, bool] = {}
        self._open: set[object] = set()
        """Constants that are being evaluated: one that needs itself has no value."""
        self._left = _MOST_LOOKUPS

    @cached_property
    def _bound(self) -> Bindings:
        return bindings(self.module.body)

    @cached_property
    def has_star_import(self) -> bool:
        """Whether names may come from anywhere."""
        return "import *" in self.text

    def binds(self, name: str) -> bool:
        """Whether the module gives that name a meaning of its own."""
        return name in self._bound

    def value(self, node: ast.Name) -> object:
        """The value of a constant."""
        expression = self._bound.get(node.id)
        if node.id not in self._bound or self._may_change(node.id):
            raise NotLiteralError(node)
        if expression is None:
            known = enumerated(node, self.view)
            return self._imported(node) if known is None else known[0]
        return self.constant(node, expression, self)

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """The value of a constant of a local module, as `module.NAME`, or of a member of an enumeration of settings."""
        known = enumerated(node, self.view)
        if known is not None:
            return known
        return (self._imported(node),) if _root(node) in self.view.imports else None

    def call(self, node: ast.Call) -> object:
        """The object of settings that a call makes."""
        found = made(node, self.view, self)
        if found is None:
            raise NotLiteralError(node)
        return found[0]

    def _imported(self, node: ast.Name | ast.Attribute) -> object:
        """The value of a constant that is imported from a local module."""
        key, root = dotted(node), _root(node)
        if root not in self._once:
            self._once[root] = is_bound_once(root, self.module.body)
        found = self._scopes.modules.origin(self.view, node) if self._once[root] else None
        if found is None or self._left <= 0 or key in self._open:
            raise NotLiteralError(node)
        self._left -= 1
        self._open.add(key)
        view, name = found
        try:
            return self._scopes.of(view).value(ast.Name(name))
        except NotLiteralError as error:
            raise NotLiteralError(node, error.reason, error.help, reported=error.reported, wrong=error.wrong) from None
        finally:
            self._open.discard(key)

    def constant(self, node: ast.Name, expression: ast.expr, scope: Scope) -> object:
        """The value of the expression that a constant is bound to."""
        self._left -= 1
        if expression in self._open or len(self._open) > _DEEPEST or self._left < 0:
            raise NotLiteralError(node)
        self._open.add(expression)
        try:
            return evaluate(expression, scope)
        except NotLiteralError as error:  # at the use: the constant itself is no mistake
            raise NotLiteralError(node, error.reason, error.help, reported=error.reported, wrong=error.wrong) from None
        finally:
            self._open.discard(expression)

    def _may_change(self, name: str) -> bool:
        if name not in self._changing:
            self._changing[name] = may_change(name, self.text)
        return self._changing[name]


class ClassScope(Scope):
    """Names in the body of a class, and above it: its configs and constants, then those of its module."""

    def __init__(
        self,
        module: ModuleScope,
        names: Names,
        body: Sequence[ast.stmt] = (),
        configs: Mapping[str, str] | None = None,
    ) -> None:
        self._module = module
        self._names = names
        self._body = body
        self._configs: Mapping[str, str] = {} if configs is None else configs  # filled by and by: no copy
        """Attribute of this class body to the name of the config that it is."""

    @cached_property
    def _bound(self) -> Bindings:
        return bindings(self._body)

    def value(self, node: ast.Name) -> object:
        """The value of a config or constant."""
        if node.id in self._configs:
            return self._module.configs.named(self._configs[node.id], node)
        if node.id not in self._bound:
            return self._module.value(node)
        expression = self._bound[node.id]
        if expression is None:
            raise NotLiteralError(node)
        return self._module.constant(node, expression, self)

    def call(self, node: ast.Call) -> object:
        """The value of `config_expr("...")` and `dict(a=1)`; other calls run when the class is made, and have none."""
        if isinstance(node.func, ast.Name) and node.func.id == "dict" and self._is_builtin("dict"):
            named = {item.arg: item.value for item in node.keywords if item.arg is not None}
            if not node.args and len(named) == len(node.keywords):
                return {key: evaluate(value, self) for key, value in named.items()}
        text = self._expression(node)
        if text is None:
            raise NotLiteralError(node)
        try:
            return evaluate(ast.parse(text, mode="eval").body, ExpressionScope(self._module))
        except (SyntaxError, ValueError):
            raise NotLiteralError(node, "the expression is not valid Python", "correct it", wrong=True) from None
        except (RecursionError, MemoryError):
            raise NotLiteralError(node) from None
        except NotLiteralError as error:
            reason = error.reason or "flowc cannot tell the value of this expression without running code"
            raise NotLiteralError(node, reason, error.help, reported=error.reported, wrong=error.wrong) from None

    def _is_builtin(self, name: str) -> bool:
        """Whether neither the class nor the module gives that name a meaning of its own."""
        return name not in self._bound and not self._module.binds(name)

    def is_config(self, node: ast.expr) -> bool:
        """Whether an expression begins with a config or a `config_expr`, of which a class body has no value yet."""
        while isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        if isinstance(node, ast.Call):
            return self._names.resolve(node.func) == "config_expr"
        return isinstance(node, ast.Name) and node.id in self._configs

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """Refuse `config.name`: it is the Config object's own. A constant of a local module has its value."""
        if isinstance(node.value, ast.Name) and node.value.id in self._configs and node.attr in OWN_ATTRIBUTES:
            name, entry = node.value.id, node.attr
            help_text = f'write {name}["{entry}"] for the entry of its value'
            raise NotLiteralError(node, f"`{entry}` is an attribute of the Config object itself", help_text, wrong=True)
        return None if _root(node) in self._bound else self._module.attribute(node)

    def inside(self, function: ast.FunctionDef | ast.AsyncFunctionDef, self_name: str) -> StepScope:
        """Names in a step of the class."""
        return StepScope(self._module, function, self_name)

    def _expression(self, node: ast.Call) -> str | None:
        """The text of a `config_expr`."""
        if self._names.resolve(node.func) != "config_expr" or len(node.args) != 1 or node.keywords:
            return None
        text = evaluate(node.args[0], self._module)
        return text.strip() if isinstance(text, str) else None


class StepScope(Scope):
    """Names in a step: constants of the module that the step does not bind itself, and `self.config.entry`."""

    def __init__(self, module: ModuleScope, function: ast.FunctionDef | ast.AsyncFunctionDef, self_name: str) -> None:
        self._module = module
        self._function = function
        self._self_name = self_name

    @cached_property
    def _bound(self) -> Bindings:
        return bindings(self._function.body)

    def value(self, node: ast.Name) -> object:
        """The value of a constant."""
        if node.id == self._self_name or node.id in self._bound:
            raise NotLiteralError(node)
        return self._module.value(node)

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """The value of a config that is read as `self.config`."""
        if not isinstance(node.value, ast.Name) or node.value.id != self._self_name:
            hidden = _root(node) == self._self_name or _root(node) in self._bound
            return None if hidden else self._module.attribute(node)
        name = self._module.configs.name_of(node.attr)
        return None if name is None else (self._module.configs.named(name, node),)


class ExpressionScope(Scope):
    """Names in the text of a `config_expr`: configs by their own names, then constants of the module."""

    def __init__(self, module: ModuleScope) -> None:
        self._module = module

    def value(self, node: ast.Name) -> object:
        """The value of a config or constant."""
        try:
            return self._module.configs.named(node.id, node)
        except KeyError:
            pass
        if self._module.binds(node.id):
            return self._module.value(node)
        wrong = not (self._module.has_star_import or hasattr(builtins, node.id))
        raise NotLiteralError(
            node,
            f"there is no config `{node.id}`",
            "a config_expr knows configs by their own names, those of Config('name'), and names of the module",
            wrong=wrong,
        )

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """A constant of a local module has its value."""
        return self._module.attribute(node)

    def call(self, node: ast.Call) -> object:
        """The value of a conversion, or of a method of a string or mapping, that flowc can compute."""
        if isinstance(node.func, ast.Name) and self._module.binds(node.func.id):
            raise NotLiteralError(node)
        return call_value(node, self)


def _root(node: ast.expr) -> str:
    """`a` of `a.b.c`; nothing for what does not begin with a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
