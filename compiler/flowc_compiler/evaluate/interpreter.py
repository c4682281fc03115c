"""The evaluator: what every kind of expression is evaluated by, calls, modules, and what unknown code may change."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, cast

from flowc_compiler.evaluate import expressions
from flowc_compiler.evaluate.branches import fork
from flowc_compiler.evaluate.builtin_functions import builtin, call_builtin, library
from flowc_compiler.evaluate.classes import call_class, class_attribute, instance_attribute, super_attribute
from flowc_compiler.evaluate.evaluator import (
    BoundValue,
    CallArguments,
    EvaluationError,
    Evaluator,
    ExitError,
    Frame,
    LimitError,
    RaisedError,
    Recorded,
    Records,
    Signal,
)
from flowc_compiler.evaluate.exceptions import is_exception
from flowc_compiler.evaluate.functions import bound_names, call_function, signature_of
from flowc_compiler.evaluate.merging import State, parts_of
from flowc_compiler.evaluate.methods import METHODS, call_plain, plain_method
from flowc_compiler.evaluate.operations import MOST_OPERATIONS
from flowc_compiler.evaluate.settings_objects import enumerated, settings_object
from flowc_compiler.evaluate.statements import execute, prints, refuse_statement
from flowc_compiler.evaluate.values import (
    MISSING,
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    ConfigTree,
    Environment,
    Foreign,
    Function,
    FunctionNode,
    Instance,
    Iterator,
    Module,
    Partial,
    RuntimeValue,
    Undetermined,
    Unresolved,
)
from flowc_compiler.syntax.modules import ModuleView
from flowc_compiler.syntax.names import dotted
from flowc_compiler.syntax.served_imports import ROOTS, is_served

OWN_ATTRIBUTES = frozenset({"name", "kwargs", "parser", "separator", "get", "items", "keys", "values", "init"})
"""Attributes that a Config object has itself in a class body, in Metaflow as here: they are no entries of its value."""
_NAMESPACES = frozenset({"builtins", "ctypes", "gc", "importlib", "inspect", "sys", "__main__"})
"""Modules that give away the names of files: what they give may change any name."""
_SHADOWING = frozenset({"builtins", "codecs", "io", "operator", "os"})
"""Modules of Python's library that have names of builtins."""


class Interpreter(Evaluator):
    """Evaluates the files of a flow. A front end adds its own objects in a subclass; this one knows none."""

    def lookup(self, node: ast.expr) -> object:
        """The value of an expression, which may be `Unresolved`. Raises EvaluationError, LimitError, ExitError."""
        self.tick(node)
        handler = _EXPRESSIONS.get(type(node))
        try:
            if handler is None:
                raise refuse_statement(self, node)
            value = handler(self, node)
        except RaisedError as error:
            if self.recorded is not None:
                reason = f"the expression fails: {error.error}"
                self.recorded[node] = Recorded(Unresolved(reason, "correct it", wrong=True), None)
            raise
        except EvaluationError as error:
            if not self.lenient:
                raise
            self.hazards += 1
            found = error.diagnostic
            value = Unresolved(found.message, found.help, error.options, code=found.code, wrong=error.wrong)
        if self.recorded is not None:
            self.recorded[node] = Recorded(value, self._copy(value))
        return value

    def _copy(self, value: object) -> object:
        if not isinstance(value, list | dict | set) or self.find_undetermined(value):
            return None
        with suppress(Exception):
            return copy.deepcopy(cast("object", value)) if not expressions.has_objects(value) else None
        return None

    def execute(self, statements: Sequence[ast.stmt]) -> Signal:
        """Run statements. Raises EvaluationError, LimitError, ExitError."""
        return execute(self, statements)

    def iterate(self, value: object, node: ast.AST) -> list[object]:
        """The entries of a known list, dict, range, ... Raises EvaluationError."""
        return expressions.iterated(self, value, node)

    def watch_of(self, body: Sequence[ast.AST], scopes: Sequence[Environment]) -> Callable[[], tuple[State, object]]:
        """What tells whether something changed that the code of a generator reads."""
        return expressions.watch_of(self, body, scopes)

    # Attributes.

    def attribute(self, owner: object, name: str, node: ast.expr) -> object:  # noqa: PLR0912 - one case for each kind
        """The value of an attribute. Raises EvaluationError."""
        known = enumerated(node, self.view) if isinstance(node, ast.Attribute) else None
        if known is not None and not self.is_local((dotted(node) or ("",))[0]):
            return known[0]
        match owner:
            case ConfigReference():
                return self._config_attribute(owner, name, node)
            case Foreign(path=path):
                return self._foreign(owner, (*path, name))
            case Module():
                return self._module_attribute(owner, name, node)
            case Instance():
                return instance_attribute(self, owner, name, node)
            case ClassObject():
                return class_attribute(self, owner, name, node)
            case ConfigTree():
                if name in owner:
                    return owner[name]
            case Builtin(name="super"):
                return super_attribute(self, name, node)
            case Builtin(name="itertools.chain") if name == "from_iterable":
                return library(("itertools", "chain", "from_iterable"))
            case Function() if name in {"__name__", "__qualname__"}:
                return owner.name
            case Function() if name == "__globals__":
                return Foreign("is known when the file runs", path=("builtins", "globals", "()"))
            case _:
                pass
        found = self.undetermined(owner)
        if isinstance(found, Unresolved) and plain_method(owner, name) is None:
            error = self.refuse_unresolved(found, node)
            error.options = (owner,)
            raise error
        method = None if isinstance(found, RuntimeValue) else plain_method(owner, name)
        return method or self.runtime_attribute(owner, name, node)

    def _config_attribute(self, owner: ConfigReference, name: str, node: ast.expr) -> object:
        if owner.expression is None and not owner.path and name in OWN_ATTRIBUTES and isinstance(node, ast.Attribute):
            message = f"`{name}` is an attribute of the Config object itself"
            shown = self.code(node.value)
            return Unresolved(message, f'write {shown}["{name}"] for the entry of its value', wrong=True)
        return expressions.extended(owner, name)

    def _foreign(self, owner: Foreign, path: tuple[str, ...]) -> object:
        known = library(path)
        if known is not None and path[:1] not in self._changed_modules:
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

    # Calls.

    def call_expression(self, node: ast.Call) -> object:
        """The value of a call expression."""
        root = (dotted(node.func) or ("",))[0]
        if root and not self.is_local(root):
            made = settings_object(self, node)
            if made is not None:
                return made
            bound = self.namespace(self.view).get(root, MISSING)
            if isinstance(node.func, ast.Name) and (bound is MISSING or isinstance(bound, Foreign)):
                special = self._special_name(node, node.func.id)
                if special is not None:
                    return special
        found = self.settings(node)
        if found is not None:
            return found
        callee = self._callee(node.func)
        arguments = self.arguments_of(node)
        if self.lenient and prints(self, node.func) and not isinstance(callee, Function):
            return None
        return self.call(callee, arguments, node)

    def _callee(self, node: ast.expr) -> object:
        """What is called. Of a mapping of a config, methods go before entries."""
        if isinstance(node, ast.Attribute):
            owner = self.lookup(node.value)
            if isinstance(owner, ConfigTree):
                if node.attr == "to_dict":
                    return Builtin("typing.cast", lambda: dict(owner))
                if node.attr in METHODS[dict]:
                    return BoundMethod(owner, node.attr)
            try:
                return self.attribute(owner, node.attr, node)
            except RaisedError:
                raise
            except EvaluationError as error:
                if not self.lenient:
                    raise
                return Unresolved(error.diagnostic.message, error.diagnostic.help, (owner,), code=error.diagnostic.code)
        return self.lookup(node)

    def _special_name(self, node: ast.Call, name: str) -> object | None:
        served = self.view.names.resolve(node.func)
        if served in {"Config", "config_expr"} and (self.frame.is_class or self.lenient):
            return self._config(node, served)
        if name == "super" and not node.args:
            return Builtin("super", lambda: None)
        return None

    def _config(self, node: ast.Call, kind: str) -> ConfigReference:
        first = self.lookup(node.args[0]) if node.args else None
        for keyword in node.keywords:
            value = self.lookup(keyword.value)
            first = value if keyword.arg == "name" else first
        return ConfigReference(
            "a config cannot be computed with here", "write the expression as a string: config_expr('...')", wrong=True,
            call=node, name=first if kind == "Config" and isinstance(first, str) else "",
            expression=str(first) if kind == "config_expr" and isinstance(first, str) else None, view=self.view,
        )  # fmt: skip

    def arguments_of(self, call: ast.Call) -> CallArguments:
        """The arguments of a call, `*` and `**` unpacked."""
        arguments = CallArguments()
        for arg in call.args:
            if not isinstance(arg, ast.Starred):
                arguments.positional.append(BoundValue(self.evaluate(arg), arg))
                continue
            value = self.evaluate(arg.value)
            if self.lenient and (arguments.open or isinstance(self.undetermined(value), Unresolved)):
                arguments.open = True
                arguments.keywords.setdefault("*", BoundValue(value, arg.value))
            else:
                arguments.positional += [BoundValue(item, arg.value) for item in self.iterate(value, arg.value)]
        for keyword in call.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is None:
                self._unpack(arguments, value, keyword.value)
            else:
                self._put(arguments, keyword.arg, BoundValue(value, keyword.value))
        return arguments

    def _unpack(self, arguments: CallArguments, value: object, node: ast.expr) -> None:
        found = self.undetermined(value)
        if found is not None:
            if isinstance(found, Unresolved) and self.lenient:
                arguments.open = True
                arguments.keywords.setdefault("*", BoundValue(value, node))
                return
            raise self.not_known(value, node, "`**` cannot take arguments out of it", "name the arguments")
        if not isinstance(value, dict):
            raise self.refuse("FC113", f"`{self.code(node)}` is no dict", node, "`**` takes a dict of arguments")
        for key, item in cast("dict[object, object]", value).items():
            if not isinstance(key, str):
                raise self.refuse("FC113", "the names of arguments are text", node, "use text for the keys")
            self._put(arguments, key, BoundValue(item, node))

    def _put(self, arguments: CallArguments, name: str, given: BoundValue) -> None:
        if name in arguments.keywords:
            raise self.refuse("FC113", f"the argument `{name}` is given twice", given.node, "keep one of them")
        arguments.keywords[name] = given

    def call(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The value of a call of something that is evaluated, with evaluated arguments."""
        self.tick(node)
        unpacked = arguments.keywords.pop("*", None)
        if isinstance(callee, Unresolved):
            return self._call_unknown(callee, arguments, unpacked, node)
        if isinstance(callee, Function) and (poison := self.poisoned.get(id(callee))) is not None:
            return self._call_unknown(Unresolved(poison[1].message, options=(callee,)), arguments, unpacked, node)
        recorded, self.recorded = self.recorded, None
        try:
            return self._call_known(callee, arguments, node)
        finally:
            self.recorded = recorded

    def _call_known(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        match callee:
            case Function():
                return self.call_helper(callee, arguments, node)
            case BoundMethod(function=Function() as function, owner=owner):
                given = CallArguments(
                    [BoundValue(owner, node), *arguments.positional], arguments.keywords, arguments.open
                )
                return self.call_helper(function, given, node)
            case Partial():
                bound = [BoundValue(value, node) for value in callee.positional]
                keywords = {key: BoundValue(value, node) for key, value in callee.keywords.items()}
                keywords |= arguments.keywords
                return self.call(
                    callee.function, CallArguments([*bound, *arguments.positional], keywords, arguments.open), node
                )
            case ClassObject():
                return call_class(self, callee, arguments, node)
            case Instance() if callee.of is not None:
                method = instance_attribute(self, callee, "__call__", node)
                return self.call(method, arguments, node)
            case _:
                pass
        plain = isinstance(callee, Builtin) or (isinstance(callee, BoundMethod) and isinstance(callee.owner, _PLAIN))
        if arguments.open and plain:
            self.escape(
                callee, *(given.value for given in arguments.all()), why=Unresolved("its arguments are not known")
            )
            raise self.refuse("FC115", f"the arguments of `{self.code(node)}` are not known", node, "name them")
        if isinstance(callee, Builtin):
            if is_exception(callee):
                return self._exception(callee, arguments, node)
            return call_builtin(self, callee, arguments, node)
        if isinstance(callee, BoundMethod) and isinstance(callee.owner, _PLAIN):
            return call_plain(self, callee, arguments, node)
        return self.call_special(callee, arguments, node)

    def call_helper(self, function: Function, arguments: CallArguments, node: ast.expr) -> object:
        """What a function of the user's returns."""
        if isinstance(function.node, ast.AsyncFunctionDef) and not self.lenient:
            raise self.refuse("FC110", f"`{function.name}` is `async`", node, "call it in a step")
        return call_function(self, function, arguments, node)

    def _exception(self, callee: Builtin, arguments: CallArguments, node: ast.expr) -> object:
        values = [given.value for given in arguments.positional]
        if self.find_undetermined(values) is not None or any(map(expressions.has_objects, values)):
            return self.computed(node, callee.function)
        return self.computed(node, callee.function, *values)

    def _call_unknown(
        self, callee: Unresolved, arguments: CallArguments, unpacked: BoundValue | None, node: ast.expr
    ) -> object:
        """A call of what is not known: it may change whatever it is given, and call the functions among that."""
        function = node.func if isinstance(node, ast.Call) else node
        if not self.lenient:
            raise self.refuse_unresolved(callee, function)
        if callee.is_choice and not arguments.open:
            ways = [
                partial(self.call, option, CallArguments(list(arguments.positional), dict(arguments.keywords)), node)
                for option in callee.options
            ]
            return fork(self, ways, node, callee)
        if isinstance(callee, Foreign) and callee.path[:1] == ("flowc",):  # flowc's own: it changes nothing
            return Foreign(callee.message, callee.help, path=(*callee.path, "()"))
        self.hazards += 1
        if isinstance(callee, Foreign) and callee.path[:1] == ("builtins",) and self._may_clobber(callee):
            self._clobber_all(Unresolved(f"`{callee.path[1]}` may change any name of the file"))
        shown = self.code(function)
        why = Unresolved(f"`{shown}` may have changed it", "write the value out where it is used")
        values = [given.value for given in (*arguments.all(), *([unpacked] if unpacked is not None else []))]
        self.escape(*values, *callee.options, why=why)
        self.unknown_calls += 1  # after that: this call may call what it was given
        self._touch_escaped(why)
        for item in callee.options:
            if isinstance(item, Function):
                self.explore(item, node)
            elif not isinstance(item, Undetermined):
                self.explore_special(item, node, callee)
        if isinstance(callee, Foreign):
            return Foreign(callee.message, callee.help, path=(*callee.path, "()"))
        return Unresolved(
            f"`{shown}(...)` is known when the file runs", callee.help, (callee,) if callee.options else ()
        )

    def explore(self, function: Function, node: ast.AST) -> None:
        """Evaluate a function that unknown code may call, with arguments that are not known."""
        if function in self._exploring or len(self._exploring) > 20:
            return
        self._exploring.append(function)
        self.explored[function] = None
        unknown = Unresolved(f"unknown code calls `{function.name}`")
        arguments = CallArguments(open=True)
        for item in signature_of(function.node).named:
            value = Unresolved(f"`{item.name}` is known when the file runs", "pass the value with `-p`")
            arguments.keywords[item.name] = BoundValue(value, node)

        def run() -> object:
            positional = [
                item.name
                for item in signature_of(function.node).positional[: signature_of(function.node).positional_only]
            ]
            given = CallArguments([arguments.keywords.pop(name) for name in positional], arguments.keywords, open=True)
            call_function(self, function, given, function.node)
            return None

        try:
            with self.within(Frame(function.view, {})), suppress(ExitError, EvaluationError):
                fork(self, [run, lambda: None], function.node, unknown)
        finally:
            self._exploring.pop()

    # What unknown code may change.

    def escape(self, *values: object, why: Unresolved) -> None:
        """Note that unknown code has these values, and may change whatever it reaches from them."""
        if not self.lenient:
            return
        pending, seen = list(values), set[int]()
        while pending:
            value = pending.pop()
            if id(value) in seen or isinstance(value, str | int | float | None):
                continue
            seen.add(id(value))
            self._spent[1] += 1
            if isinstance(value, Function):
                pending += self._escape_function(value)
            elif isinstance(value, list | dict | set | Iterator):
                pending += parts_of(value)
                self.poison(value, why)
            elif isinstance(value, Instance | Module | ClassObject):
                names = value.attributes if isinstance(value, Instance) else value.namespace
                pending += names.values()
                self.poison(names, why)
                pending += parts_of(value)[1:]
            elif isinstance(value, Foreign):
                if value.path[:1] == ("builtins",) and len(value.path) > 1:
                    self._clobber_all(why)
            elif isinstance(value, BoundMethod | Partial | Unresolved | tuple):
                pending += parts_of(cast("object", value))
            else:
                self.escape_special(value, why)

    def builtin_name(self, name: str, node: ast.AST) -> object:
        """A builtin, unless the file may have bound its name or changed it. Raises EvaluationError."""
        if (found := self.star_name(name)) is not None:
            return found
        shadowing = [
            parts for parts in self._stars if parts[0] not in sys.stdlib_module_names or parts[0] in _SHADOWING
        ]
        if ("builtins",) in self._changed_modules or shadowing:
            raise self.refuse("FC115", f"`{name}` may be another one here", node, "import names without `*`")
        return builtin(name)

    def star_name(self, name: str) -> object | None:
        """What `from module import *` binds a name to, where that is known."""
        return next((found for parts in self._stars[::-1] if (found := library((*parts, name))) is not None), None)

    def change_foreign(self, owner: Foreign) -> None:
        """Note that the file changes a module that is installed, or its own by way of `sys.modules`."""
        self._changed_modules.add(owner.path[:1])
        if owner.path[0] in _NAMESPACES and owner.path != ("builtins",):
            self._clobber_all(Unresolved(f"{owner.reason}, and may have changed it"))

    def _may_clobber(self, callee: Foreign) -> bool:
        """Whether a call of a builtin may change the names of files; `locals()` in a function does not."""
        if callee.path == ("builtins", "locals") and self.frame.function is not None:
            return False
        return len(callee.path) > 1 and callee.path[1] != "vars"

    def _clobber_all(self, why: Unresolved) -> None:
        for view in list(self._namespaces):
            self.clobber(view, why)
        for scope in (self.frame.environment, *self.frame.closure):
            if not any(scope is names for names in self._namespaces.values()):
                self.escape(*scope.values(), why=why)

    def _escape_function(self, function: Function) -> list[object]:
        """Note that unknown code may call a function; returns what it could change."""
        if function in self.escaped:
            return []
        self.escaped[function] = (self.unknown_calls, None)
        scopes = [*function.closure, self.namespace(function.view)]
        reached: list[object] = list(function.defaults.values())
        body: Iterable[ast.AST] = [function.node.body] if isinstance(function.node, ast.Lambda) else function.node.body
        for statement in body:
            for node in ast.walk(statement):
                if isinstance(node, ast.Global | ast.Nonlocal):
                    for name in node.names:
                        scope = next((item for item in scopes if name in item), scopes[-1])
                        self._written[id(scope), name] = scope
                elif isinstance(node, ast.Name):
                    scope = next((item for item in scopes if node.id in item), scopes[-1])
                    self._read[id(scope), node.id] = scope
                    value = scope.get(node.id)
                    if isinstance(
                        value, list | dict | set | tuple | Iterator | Instance | Function | BoundMethod | Partial
                    ):
                        reached.append(value)
        return reached

    def _touch_escaped(self, why: Unresolved) -> None:
        """Forget what the functions that unknown code has may have changed."""
        self.charge(len(self._read) // 8, self.frame.view.tree)
        for (_, name), scope in self._written.items():
            scope[name] = why
        for (_, name), scope in list(self._read.items()):
            value = scope.get(name)
            if isinstance(value, list | dict | set | Instance) and id(value) not in self.poisoned:  # pyright: ignore[reportUnknownArgumentType]
                self.escape(value, why=why)
        for function, (count, marks) in self.escaped.items():
            if marks is None and count < self.unknown_calls:
                self.escaped[function] = (count, self.fork_marks())

    def clobber(self, view: ModuleView, why: Unresolved) -> None:
        """Forget the values of a file's names, but for its steps, pipelines and classes."""
        names = self.namespace(view)
        for name, value in list(names.items()):
            if name.startswith("__") or not self.is_data(value):
                continue
            self.escape(value, why=why)
            names[name] = why

    def is_data(self, value: object) -> bool:
        """Whether a name with this value is more likely a constant than a definition."""
        return not isinstance(value, ClassObject | Module | Foreign | Function)

    def forget(self, statements: Sequence[ast.AST], why: Unresolved, *, only_bound: bool = False) -> None:
        """Let nothing be known of what code that cannot be followed binds, and unless `only_bound` of what it uses."""
        self.hazards += 1
        if not only_bound:
            names = {node.id for item in statements for node in ast.walk(item) if isinstance(node, ast.Name)}
            for name in sorted(names):
                for scope in (self.frame.environment, *self.frame.closure, self.namespace(self.view)):
                    if name in scope:
                        self.escape(scope[name], why=why)
                        break
        for name in bound_names(cast("Sequence[ast.stmt]", statements)):
            self.bind(name, why)

    def decorate(self, decorator: ast.expr, value: object) -> object:
        """What a decorator makes of a function or class."""
        return self.decorate_with(self.lookup(decorator), value, decorator)

    def decorate_with(self, decorator: object, value: object, node: ast.expr) -> object:
        """What an evaluated decorator makes of a function or class."""
        if isinstance(decorator, Foreign) and decorator.path[:1] == ("flowc",):
            return value
        if isinstance(decorator, Unresolved):
            why = Unresolved(f"the decorator `@{self.code(node)}` may have changed it")
            self.escape(value, *decorator.options, why=why)
            message = f"it has the decorator `@{self.code(node)}`, which flowc cannot run"
            return Unresolved(message, "remove it", (value,))
        try:
            return self.call(decorator, CallArguments([BoundValue(value, node)]), node)
        except EvaluationError as error:
            return Unresolved(error.diagnostic.message, error.diagnostic.help, (value,))

    # Modules.

    def namespace(self, view: ModuleView) -> Environment:
        """The names of a file, which is executed if it was not."""
        if view in self._namespaces:
            return self._namespaces[view]
        is_main = not self._namespaces
        name = "__main__" if is_main else ".".join(view.source.path.with_suffix("").parts[-1:])
        unknown = Unresolved("where the file is when it runs is not known")
        names: Environment = {"__name__": name, "__doc__": ast.get_docstring(view.tree), "__file__": unknown}
        self._namespaces[view] = names
        outer, self.frames = self.frames, [Frame(view, names)]
        recorded, self.recorded = self.recorded, None
        conditional, self.conditional = self.conditional, 0
        try:
            with self.leniently(), self.own_limits(MOST_OPERATIONS // 4 + len(view.source.text)):
                self._execute_module(view)
        finally:
            self.frames, self.recorded, self.conditional = outer, recorded, conditional
        return names

    def _execute_module(self, view: ModuleView) -> None:
        try:
            with suppress(ExitError):
                self.execute(view.tree.body)
            for function, (_, marks) in list(self.escaped.items()):
                if marks is not None and function not in self.explored:
                    self.set_marks(marks)
                    self.explore(function, function.node)
        except (LimitError, RecursionError):
            self._give_up(view)

    def _give_up(self, view: ModuleView) -> None:
        """Know nothing of a file that takes too long to evaluate, but for what is defined in it."""
        self._spent = [0, 0]
        why = Unresolved(f"{view.source.name} takes too long to evaluate", "pass the value with `-p`", code="FC114")
        self.frames = [Frame(view, self._namespaces[view])]
        self.forget(
            [
                item
                for item in view.tree.body
                if not isinstance(item, ast.FunctionDef | ast.ClassDef | ast.ImportFrom | ast.Import)
            ],
            why,
        )
        self.clobber(view, why)

    def module_names(self) -> Sequence[Environment]:
        """The names of modules that were executed."""
        return list(self._namespaces.values())

    def import_names(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what an import statement imports."""
        if isinstance(node, ast.Import):
            for alias in node.names:
                parts = tuple(alias.name.split("."))
                whole = self._imported(node, 0, parts)
                root = whole if alias.asname is not None or len(parts) == 1 else self._imported(node, 0, parts[:1])
                self.bind(alias.asname or parts[0], root)
            return
        parts = tuple(node.module.split(".")) if node.module else ()
        view = self.modules.load(self.view, node.level, parts) if parts[:1] not in _SERVED or node.level else None
        for alias in node.names:
            if alias.name == "*":
                self._import_all(view, parts, node)
            else:
                self.bind(alias.asname or alias.name, self._member(node, view, parts, alias.name))

    def _member(self, node: ast.ImportFrom, view: ModuleView | None, parts: tuple[str, ...], name: str) -> object:
        if view is not None:
            names = self.namespace(view)
            if name in names:
                return names[name]
            if (inner := self.modules.load(self.view, node.level, (*parts, name))) is not None:
                return Module(inner, self.namespace(inner))
            return Unresolved(f"there is no `{name}` in {view.source.name}", "correct the name", code="FC112")
        if (inner := self.modules.load(self.view, node.level, (*parts, name))) is not None and parts[:1] not in _SERVED:
            return Module(inner, self.namespace(inner))
        return self._imported(node, node.level, (*parts, name))

    def _imported(self, node: ast.Import | ast.ImportFrom, level: int, parts: tuple[str, ...]) -> object:
        view = self.modules.load(self.view, level, parts) if parts[:1] not in _SERVED else None
        if view is not None:
            return Module(view, self.namespace(view))
        if level:
            return Unresolved(f"`{'.'.join(parts)}` was not found")
        self.hazards += parts[:1] not in _SERVED
        known = library(parts) if len(parts) > 1 and parts[:1] not in self._changed_modules else None
        if known is not None:
            return known
        if parts[:1] in _SERVED:
            is_known = isinstance(node, ast.Import) or is_served(".".join(parts[:-1]), parts[-1])
            message = "is there when a step runs"
            if not is_known and self._reports_imports():
                return Foreign("", path=("flowc", *parts[1:]))
            return Foreign(message, expressions.WAY_OUT, path=("flowc", *parts[1:]))
        message = "comes from a module that flowc cannot see"
        return Foreign(message, expressions.WAY_OUT, path=parts)

    def _reports_imports(self) -> bool:
        """Whether the names that the file imports, and flowc does not serve, are reported where they are imported."""
        reported = (item.span for item in self.lasting_sink.diagnostics if item.code == "FC106")
        return any(span is not None and span.file == self.view.source.name for span in reported)

    def _import_all(self, view: ModuleView | None, parts: tuple[str, ...], node: ast.ImportFrom) -> None:
        if view is None:
            if parts[:1] not in _SERVED:
                self._stars.append(parts)
                self.clobber(self.view, Unresolved(f"`{self.code(node)}` may have bound it"))
            return
        names = self.namespace(view)
        listed = names.get("__all__")
        chosen = cast("list[object]", listed) if isinstance(listed, list | tuple) else None
        for name, value in list(names.items()):
            if name in chosen if chosen is not None else not name.startswith("_"):
                self.bind(name, value)

    # What a front end adds.

    def runtime_entry(self, value: object, key: object, node: ast.AST, entries: int | None = None) -> object:
        """No such values here."""
        del key, entries
        raise self.not_known(value, node, "it has no entries yet", "do this in a step")

    def runtime_attribute(self, owner: object, name: str, node: ast.expr) -> object:
        """No such values here."""
        del name
        message = f"flowc does not evaluate `{self.code(node)}` in a pipeline's body"
        way_out = "use plain data, its methods, and steps; do other work in a step"
        raise self.refuse("FC110", message, node, way_out, owner)

    def runtime_operation(self, operator: str, operands: Sequence[object], node: ast.AST) -> object:
        """No such values here."""
        del operator
        raise self.not_known(operands[0], node, "nothing can be computed with it here", "do this in a step")

    def runtime_choice(
        self, arms: Sequence[tuple[ast.expr | None, Callable[[], object]]], first: object, node: ast.AST
    ) -> object:
        """No such values here."""
        del arms
        raise self.not_known(first, node, "nothing can depend on it here", "do this in a step")

    def define(self, node: FunctionNode, function: Function, records: Records) -> object | None:
        """No such functions here."""
        del node, function, records
        return None

    def settings(self, node: ast.Call) -> object | None:
        """No such calls here."""
        del node
        return None

    def call_special(self, callee: object, arguments: CallArguments, node: ast.expr) -> object:
        """The error that something cannot be called."""
        del arguments
        if self.undetermined(callee) is not None:
            way_out = "call it in a step that gets the result"
            raise self.not_known(callee, node, "it cannot be called here", way_out)
        what = self.code(node.func if isinstance(node, ast.Call) else node)
        way_out = "call a step, a function of the file or a builtin"
        raise self.refuse("FC112", f"`{what}` cannot be called", node, way_out)

    def escape_special(self, value: object, why: Unresolved) -> None:
        """Note that unknown code has an object of the front end."""

    def explore_special(self, value: object, node: ast.expr, callee: Unresolved) -> None:
        """Note that unknown code may call an object of the front end."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._namespaces: dict[ModuleView, Environment] = {}
        self.unknown_calls = 0
        """How many calls of unknown code were met."""
        self.escaped: dict[Function, tuple[int, object]] = {}
        """Functions that unknown code has: since which of its calls, and what the front end notes at the next."""
        self.explored: dict[Function, None] = {}
        """Functions that were evaluated as unknown code may call them."""
        self._exploring: list[Function] = []
        self._changed_modules = set[tuple[str, ...]]()
        self._stars: list[tuple[str, ...]] = []
        """Installed modules whose names are imported with `*`."""
        self._read: dict[tuple[int, str], Environment] = {}
        self._written: dict[tuple[int, str], Environment] = {}


_SERVED = {(root,) for root in ROOTS}
_PLAIN = tuple(METHODS)


def _awaited(evaluator: Evaluator, node: ast.Await) -> object:
    if not evaluator.lenient:
        raise refuse_statement(evaluator, node)
    return evaluator.evaluate(node.value)


def _yielded(evaluator: Evaluator, node: ast.Yield | ast.YieldFrom) -> object:
    frame = evaluator.frame
    while frame.around is not None:
        frame = frame.around
    value = evaluator.evaluate(node.value) if node.value is not None else None
    if frame.yields is None:
        raise refuse_statement(evaluator, node)
    if isinstance(node, ast.YieldFrom):
        frame.yields.extend(evaluator.iterate(value, node.value))
    else:
        frame.yields.append(value)
    return None


_EXPRESSIONS: dict[type[ast.AST], Callable[[Any, Any], object]] = {
    ast.Constant: expressions.literal,
    ast.JoinedStr: expressions.formatted,
    ast.Name: expressions.name,
    ast.Attribute: expressions.attribute,
    ast.Call: Interpreter.call_expression,
    ast.Subscript: expressions.subscript,
    ast.List: expressions.make_list,
    ast.Tuple: expressions.make_tuple,
    ast.Set: expressions.make_set,
    ast.Dict: expressions.make_dict,
    ast.UnaryOp: expressions.unary,
    ast.BinOp: expressions.operation,
    ast.BoolOp: expressions.boolean,
    ast.Compare: expressions.comparison,
    ast.IfExp: expressions.conditional,
    ast.ListComp: expressions.comprehension,
    ast.SetComp: expressions.comprehension,
    ast.DictComp: expressions.comprehension,
    ast.GeneratorExp: expressions.comprehension,
    ast.Lambda: expressions.make_lambda,
    ast.NamedExpr: expressions.named,
    ast.Await: _awaited,
    ast.Yield: _yielded,
    ast.YieldFrom: _yielded,
}
