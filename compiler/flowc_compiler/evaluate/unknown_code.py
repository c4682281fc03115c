"""The part of the evaluator that forgets what unknown code may have changed."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate import expressions
from flowc_compiler.evaluate.applied_decorators import call_of_runtime, outcome_of
from flowc_compiler.evaluate.assumptions import settled
from flowc_compiler.evaluate.branches import fork
from flowc_compiler.evaluate.environment_reads import ANY
from flowc_compiler.evaluate.evaluation_state import BoundValue, CallArguments, EvaluationError, ExitError, Frame
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import call_function, signature_of
from flowc_compiler.evaluate.reachable_state import parts_of
from flowc_compiler.evaluate.values import (
    Assumed,
    BoundMethod,
    ClassObject,
    Constructed,
    Environment,
    Foreign,
    Function,
    Instance,
    Iterator,
    Module,
    Partial,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.evaluate.variable_files import changes_nothing, loaded_file
from flowc_compiler.evaluate.visible_effects import NAMESPACES, has_visible_effects
from flowc_compiler.syntax.modules import LocalModules, ModuleView
from flowc_compiler.syntax.tree_walk import bound_names, walk


def _may_call_any_name(callee: Unresolved) -> bool:
    """Whether this is `exec`, or what stands under some name of the file, as `globals()[name]` does."""
    path = callee.path if isinstance(callee, Foreign) else ()
    if path[:2] in {("builtins", "exec"), ("builtins", "eval"), ("sys", "modules")}:
        return True
    return path[:2] in {("builtins", "globals"), ("builtins", "locals")} and len(path) > 3


_ENVIRONMENT = ("os", "environ")
_MOST_LEVELS = 1
"""How many levels of a recursion are evaluated where nothing is known to end it."""
_CACHES = {("functools", "cache"), ("functools", "lru_cache"), ("functools", "lru_cache", "()")}


def _sets_variables(callee: Foreign) -> bool:
    """Whether a call sets variables of the environment: `os.environ.update`, `os.putenv`, `load_dotenv`."""
    path = callee.path
    loads = path[:1] == ("dotenv",) and not changes_nothing(callee)
    return path[:2] == _ENVIRONMENT or path == ("os", "putenv") or loads


class UnknownCode(Evaluator):
    """The part of the evaluator that forgets what unknown code may have changed."""

    def __init__(self, modules: LocalModules, sink: DiagnosticSink) -> None:
        super().__init__(modules, sink)
        self.unknown_calls = 0
        """How many calls of unknown code were met."""
        self.escaped: dict[Function, tuple[int, object]] = {}
        """Functions that unknown code has: since which of its calls, and what the front end notes at the next."""
        self.explored: dict[Function, None] = {}
        """Functions that were evaluated as unknown code may call them."""
        self.changed_modules = set[tuple[str, ...]]()
        """Installed modules that the file changes."""
        self._exploring: list[Function] = []
        self._read: dict[tuple[int, str], Environment] = {}
        self._written: dict[tuple[int, str], Environment] = {}

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
            return call_of_runtime(self, callee, arguments)
        self.hazards += 1
        if isinstance(callee, Foreign) and _sets_variables(callee):
            loaded = loaded_file(self, callee, arguments, open_=unpacked is not None)
            if loaded is None:
                self.changed_variables.add(ANY)
            else:
                self.loaded_files.append(loaded)
        if isinstance(callee, Foreign) and callee.path[:1] == ("builtins",) and self._may_clobber(callee):
            self._clobber_all(Unresolved(f"`{callee.path[1]}` may change any name of the file"))
        shown = self.code(function)
        why = Unresolved(f"`{shown}` may have changed it", "write the value out where it is used")
        values = [given.value for given in (*arguments.all(), *([unpacked] if unpacked is not None else []))]
        self.escape(*values, *callee.options, why=why)
        self.unknown_calls += 1  # after that: this call may call what it was given
        self._touch_escaped(why)
        any_name = self.namespace(self.view).values() if _may_call_any_name(callee) else ()
        for item in [*callee.options, *(found for found in any_name if isinstance(found, Function))]:
            if isinstance(item, Function):
                self.explore(item, node)
            elif not isinstance(item, Undetermined):
                self.explore_special(item, node, callee)
        if isinstance(callee, Foreign):
            return Foreign(callee.message, callee.help, path=(*callee.path, "()"))
        return Unresolved(
            f"`{shown}(...)` is not known before the file runs", callee.help, (callee,) if callee.options else ()
        )

    def explore(self, function: Function, node: ast.AST, harmless: set[int] | None = None) -> None:
        """Evaluate a function that unknown code may call, with arguments that are not known.

        `harmless` are values that have no effects, by identity.
        """
        if function in self._exploring or len(self._exploring) > 20:
            return
        if not has_visible_effects(self, function, harmless if harmless is not None else set()):
            return
        self._exploring.append(function)
        self.explored[function] = None
        unknown = Unresolved(f"unknown code calls `{function.name}`")
        arguments = CallArguments(open=True)
        for item in signature_of(function.node).named:
            value = Unresolved(f"`{item.name}` is not known before the file runs", "pass the value with `-p`")
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

    def recursive_call(self, function: Function, arguments: CallArguments) -> Unresolved | None:
        """What a call stands for that would recur endlessly here; `None` for any other call.

        Where neither the arguments nor the condition of a recursion are known, nothing ends it: another level of it
        tells nothing new, and with two such calls the levels would double. It is unknown code, then.
        """
        active = sum(frame.function is not None and frame.function.node is function.node for frame in self.frames)
        if active < _MOST_LEVELS or not self.lenient:
            return None
        # Behind an undecided `if` that returns, everything else is as undecided as in one.
        if not (self.conditional or self.rehearsing or any(frame.exits for frame in self.frames)):
            return None
        values = [given.value for given in arguments.all()]
        found = [item for item in map(self.undetermined, values) if item and not isinstance(item, Assumed)]
        if not (found or arguments.open):
            return None
        why = Unresolved(f"`{function.name}` calls itself, and how often is not known", expressions.WAY_OUT)
        kept = self.escaped, self._read, self._written
        self.escaped, self._read, self._written = {}, {}, {}
        self.escape(function, *values, why=why)
        self._touch_escaped(why)
        self.escaped, self._read, self._written = kept
        self.hazards += 1
        return why

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
            if isinstance(value, Constructed):
                value.changes.append(why)
            if isinstance(value, Function):
                pending += self._escape_function(value)
            elif is_kind(value, list, dict, set, Iterator):
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

    def change_foreign(self, owner: Foreign) -> None:
        """Note that the file changes a module that is installed, or its own by way of `sys.modules`."""
        if owner.path[:2] == _ENVIRONMENT:
            self.changed_variables.add(ANY)
            return
        self.changed_modules.add(owner.path[:1])
        if owner.path[0] in NAMESPACES and owner.path != ("builtins",):
            self._clobber_all(Unresolved(f"{owner.reason}, and may have changed it"))

    def _may_clobber(self, callee: Foreign) -> bool:
        """Whether a call of a builtin may change the names of files; `locals()` in a function does not."""
        if callee.path == ("builtins", "locals") and self.frame.function is not None:
            return False
        return len(callee.path) > 1 and callee.path[1] != "vars"

    def _clobber_all(self, why: Unresolved) -> None:
        for view in self.executed_views():
            self.clobber(view, why)
        for scope in (self.frame.environment, *self.frame.closure):
            if not any(scope is names for names in self.module_names()):
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
            for node in walk(statement):
                if isinstance(node, ast.Global | ast.Nonlocal):
                    for name in node.names:
                        scope = next((item for item in scopes if name in item), scopes[-1])
                        self._written[id(scope), name] = scope
                elif isinstance(node, ast.Name):
                    scope = next((item for item in scopes if node.id in item), scopes[-1])
                    self._read[id(scope), node.id] = scope
                    value = scope.get(node.id)
                    if is_kind(value, list, dict, set, tuple, Iterator, Instance, Function, BoundMethod, Partial):
                        reached.append(value)
        return reached

    def _touch_escaped(self, why: Unresolved) -> None:
        """Forget what the functions that unknown code has may have changed."""
        self.charge(len(self._read) // 8, self.frame.view.tree)
        for (_, name), scope in self._written.items():
            scope[name] = why
        for (_, name), scope in list(self._read.items()):
            value = scope.get(name)
            if is_kind(value, list, dict, set, Instance) and id(value) not in self.poisoned:  # pyright: ignore[reportUnknownArgumentType]
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
            names = {node.id for item in statements for node in walk(item) if isinstance(node, ast.Name)}
            for name in sorted(names):
                for scope in (self.frame.environment, *self.frame.closure, self.namespace(self.view)):
                    if name in scope:
                        self.escape(scope[name], why=why)
                        break
        for name in bound_names(cast("Sequence[ast.stmt]", statements)):
            self.bind(name, why)

    def decorate_with(self, decorator: object, value: object, node: ast.expr) -> object:
        """What an evaluated decorator makes of a function or class."""
        subject = self._subject(value) if self.applying is None else None
        if subject is None:
            return self._decorated(decorator, value, node)
        made, self.outcomes[node] = outcome_of(
            self, decorator, subject, lambda decorator: self._decorated(decorator, subject, node)
        )
        return made if value is subject or not isinstance(value, Unresolved) else replace(value, options=(made,))

    def _subject(self, value: object) -> Function | ClassObject | None:
        """What a decorator is called with; of a method, also where one below makes something that is not known."""
        if isinstance(value, Unresolved) and self.frame.is_class and len(value.options) == 1:
            value = value.options[0]
        return value if isinstance(value, Function | ClassObject) else None

    def _decorated(self, decorator: object, value: object, node: ast.expr) -> object:
        decorator = settled(self, decorator)
        if isinstance(decorator, Foreign) and decorator.path[:1] == ("flowc",):
            return call_of_runtime(self, decorator, CallArguments([BoundValue(value, node)]))
        if isinstance(decorator, Foreign) and decorator.path in _CACHES and isinstance(value, Function):
            return replace(value, is_cached=True)
        if isinstance(decorator, Unresolved):
            why = Unresolved(f"the decorator `@{self.code(node)}` may have changed it")
            self.escape(value, *decorator.options, why=why)
            if isinstance(decorator, Foreign) and decorator.path[:1] == ("atexit",) and isinstance(value, Function):
                self.explore(value, node)
            message = f"it has the decorator `@{self.code(node)}`, which flowc cannot run"
            return Unresolved(message, "remove it", (value,))
        try:
            return self.call(decorator, CallArguments([BoundValue(value, node)]), node)
        except EvaluationError as error:
            return Unresolved(error.diagnostic.message, error.diagnostic.help, (value,))

    def escape_special(self, value: object, why: Unresolved) -> None:
        """Note that unknown code has an object of the front end."""

    def explore_special(self, value: object, node: ast.expr, callee: Unresolved) -> None:
        """Note that unknown code may call an object of the front end."""
