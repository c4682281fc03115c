"""Values of single expressions for the front ends: of literals, and of the names in a file."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Protocol, cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.applied_decorators import AppliedDecorator
from flowc_compiler.evaluate.evaluation_state import (
    BoundValue,
    CallArguments,
    EvaluationError,
    ExitError,
    Frame,
    LimitError,
    RaisedError,
    Recorded,
    deep_recursion,
)
from flowc_compiler.evaluate.evaluator import Evaluator
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.interpreter import Interpreter
from flowc_compiler.evaluate.literals import AppliedItems, Scope, UnresolvedError
from flowc_compiler.evaluate.operations import MOST_OPERATIONS
from flowc_compiler.evaluate.recorded_values import Accepted, entry_of, recorded, with_task_variables
from flowc_compiler.evaluate.values import (
    Builtin,
    ConfigReference,
    ConfigTree,
    Environment,
    Foreign,
    Function,
    Instance,
    Unresolved,
    is_kind,
)
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import ServedName
from flowc_compiler.syntax.tree_walk import bound_names, walk

_DEPLOYER = ("user_name", "ds_type", "parameter_name")
"""Fields of the context that depend on where and for what it is made."""


class ConfigSource(Protocol):
    """Where the values of configs come from."""

    def named(self, name: str, node: ast.AST) -> object:
        """The value of the config of that name. Raises KeyError for no config, UnresolvedError for no known value."""
        ...

    def name_of(self, attribute: str) -> str | None:
        """The name of the config that an attribute of the flow is."""
        ...

    def names(self) -> Iterable[str]:
        """The names of all configs."""
        ...


class FileValues:
    """The values in the class statements of a flow's files, which are executed when the first is needed."""

    def __init__(
        self,
        modules: LocalModules,
        configs: ConfigSource,
        sink: DiagnosticSink,
        interpreter: type[Interpreter] = Interpreter,
    ) -> None:
        self.evaluator = interpreter(modules, DiagnosticSink())
        self.evaluator.notes = sink
        self.configs = configs

    def of(self, view: ModuleView) -> FileScope:
        """The values of a file."""
        return FileScope(view, self)


class FileScope(Scope):
    """What the expressions in class statements stand for, at their place."""

    def __init__(self, view: ModuleView, files: FileValues) -> None:
        self.view = view
        self.files = files

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression when its class statement is executed. Raises UnresolvedError."""
        return self.resolved(recorded(self.files.evaluator, node, self._recorded(node)), node)

    def certain(self, node: ast.expr) -> object:
        """The value of an expression that is the same in a task. Raises UnresolvedError."""
        found = recorded(self.files.evaluator, node, self._recorded(node), accepts="nothing")
        return self.resolved(found, node)

    def located(self, node: ast.expr) -> object:
        """The value of an expression that may depend on where the files are. Raises UnresolvedError."""
        return self.resolved(recorded(self.files.evaluator, node, self._recorded(node), accepts="places"), node)

    def environment(self, node: ast.expr) -> object:
        """The value of an expression that gives a task its variables. Raises UnresolvedError."""
        found = recorded(self.files.evaluator, node, with_task_variables(self._recorded(node)))
        return self.resolved(found, node)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        return self.resolved(recorded(self.files.evaluator, node, self._recorded(node), definitions=True), node)

    def called(
        self, function: object, context: Mapping[str, object], node: ast.expr, *, located: bool = False
    ) -> object:
        """What a function returns for Metaflow's ParameterContext, at the end of the files. Raises UnresolvedError."""
        configs = ConfigTree(
            {name: ConfigReference("it is a config", name=name) for name in self.files.configs.names()}
        )
        given = _context({"configs": configs, **context})
        found = called(self.files.evaluator, function, given, node, self.view, located=located)
        return self.resolved(found, node)

    def applied(self, node: ast.expr) -> AppliedItems | None:
        """What the decorator of the user's at this place applies; `None` where the files do not get there."""
        evaluator = self.files.evaluator
        with deep_recursion():
            evaluator.namespace(self.view)
        found = evaluator.outcomes.get(node)
        if found is None or found.reason:
            return None if found is None else AppliedItems((), found.reason, found.help)
        return AppliedItems(tuple(self._written_out(item, node) for item in found.applied[::-1]))

    def _written_out(self, applied: AppliedDecorator, node: ast.expr) -> ast.expr:
        """A decorator that was applied, as a call; its arguments are known by the values that they had."""

        def argument(given: BoundValue) -> ast.expr:
            here = applied.view is self.view and isinstance(given.node, ast.expr)
            made = ast.copy_location(ast.Name("", ast.Load()), given.node if here else node)
            self.files.evaluator.records[made] = Recorded(given.value, None)
            return made

        name = ast.copy_location(ServedName(applied.name, ast.Load()), node)
        positional = [argument(item) for item in applied.arguments.positional]
        keywords = [
            ast.keyword(None if key == "*" else key, argument(item)) for key, item in applied.arguments.keywords.items()
        ]
        return ast.copy_location(ast.Call(name, positional, keywords), node)

    def _recorded(self, node: ast.expr) -> Recorded:
        evaluator = self.files.evaluator
        with deep_recursion():
            evaluator.namespace(self.view)
        found = evaluator.records.get(node)
        if found is None:
            raise UnresolvedError(node)
        return found

    def made_by(self, node: ast.expr) -> tuple[str, ...]:
        """The path of what an expression calls where that is no code of the files, such as `flowc.Parameter`."""
        with deep_recursion():
            self.files.evaluator.namespace(self.view)
        found = self.files.evaluator.records.get(node)
        path = found.value.path if found is not None and isinstance(found.value, Foreign) else ()
        return path[:-1] if path[-1:] == ("()",) else ()

    def inside(self, function: FunctionNode, self_name: str) -> StepScope:
        """What expressions in a step of the class stand for."""
        return StepScope(self, function, self_name)

    def resolved(self, value: object, node: ast.expr) -> object:
        """A value in which references to configs are what these hold. Raises UnresolvedError."""
        match value:
            case ConfigReference():
                return self._config(value, node)
            case dict():
                entries = cast("dict[object, object]", value)
                return {key: self.resolved(item, node) for key, item in entries.items()}
            case list() | tuple():
                items = [self.resolved(item, node) for item in cast("list[object]", value)]
                return items if isinstance(value, list) else tuple(items)
            case _:
                return value

    def _config(self, reference: ConfigReference, node: ast.expr) -> object:
        where = cast("ast.expr", reference.call) if reference.call in set(walk(node)) else node
        if reference.expression is not None:
            found = self._expression(reference, where)
        elif reference.name:
            try:
                found = self.files.configs.named(reference.name, node)
            except KeyError:
                raise UnresolvedError(node) from None
        else:
            raise UnresolvedError(node)
        for key in reference.path:
            found = entry_of(node, found, key)
        return found

    def _expression(self, reference: ConfigReference, node: ast.expr) -> object:
        """The value of a `config_expr`: configs by their own names, then names of the module."""
        try:
            expression = ast.parse((reference.expression or "").strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise UnresolvedError(node, "the expression is not valid Python", "correct it", wrong=True) from None
        view = reference.view or self.view
        environment: Environment = {}
        for item in walk(expression):
            if isinstance(item, ast.Name):
                self._bind(item.id, environment, view, node)
        evaluator = self.files.evaluator
        frame = Frame(view, environment, local=frozenset(environment), is_detached=True)
        try:
            return evaluated(evaluator, expression, frame)
        except UnresolvedError as error:
            reason = error.reason or "flowc cannot tell the value of this expression without running code"
            raise UnresolvedError(node, reason, error.help, reported=error.reported, wrong=error.wrong) from None

    def _bind(self, name: str, environment: Environment, view: ModuleView, node: ast.expr) -> None:
        try:
            environment[name] = self.files.configs.named(name, node)
        except KeyError:
            names = self.files.evaluator.namespace(view)
            if name in names:
                environment[name] = names[name]
            elif not hasattr(builtins, name):
                raise UnresolvedError(
                    node, f"there is no config `{name}`",
                    "a config_expr knows configs by their own names, those of Config('name'), and names of the module",
                    wrong="import *" not in view.source.text,
                ) from None  # fmt: skip


class StepScope(Scope):
    """What expressions in a step stand for: constants of the module as it is in the end, and `self.config.entry`."""

    def __init__(self, file: FileScope, function: FunctionNode, self_name: str) -> None:
        self._file = file
        self._function = function
        self._self_name = self_name

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises UnresolvedError."""
        configs: Environment = {}
        for item in walk(node):
            match item:
                case ast.Attribute(value=ast.Name(id=owner), attr=attribute) if owner == self._self_name:
                    name = self._file.files.configs.name_of(attribute)
                    if name is not None:
                        configs[attribute] = ConfigReference("it is a config", name=name)
                case _:
                    pass
        arguments = self._function.args
        parameters = {item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)}
        local = bound_names(self._function.body) | parameters
        environment: Environment = {self._self_name: Instance(None, configs)}
        frame = Frame(self._file.view, environment, (), local, function=Function(self._file.view, self._function))
        return self._file.resolved(evaluated(self._file.files.evaluator, node, frame), node)


def without_names(node: ast.expr) -> object:
    """The value of an expression where no name is known. Raises UnresolvedError."""
    evaluator = Interpreter(_NoModules(), DiagnosticSink())
    return evaluated(evaluator, node, Frame(_no_file(), {}, is_detached=True))


def evaluated(evaluator: Evaluator, node: ast.expr, frame: Frame) -> object:
    """The value of an expression in a frame. Raises UnresolvedError."""
    value = _guarded(evaluator, node, frame, lambda: evaluator.lookup(node), "the expression")
    return recorded(evaluator, node, Recorded(value, None))


def called(
    evaluator: Evaluator,
    function: object,
    argument: object,
    node: ast.expr,
    view: ModuleView,
    *,
    located: bool = False,
) -> object:
    """What a call of a function with one argument returns, or with a second one, True, as Metaflow calls functions of
    its deployments; it may contain functions. Raises UnresolvedError."""
    signature = signature_of(function.node) if isinstance(function, Function) else None
    pair = signature is not None and (len(signature.positional) > 1 or signature.star is not None)
    given = CallArguments([BoundValue(item, node) for item in ((argument, True) if pair else (argument,))])
    frame = Frame(view, {}, is_detached=True)
    try:
        value = _guarded(evaluator, node, frame, lambda: evaluator.call(function, given, node), "the function")
        accepts: Accepted = "places" if located else "variables"
        return recorded(evaluator, node, Recorded(value, None), definitions=True, accepts=accepts)
    except UnresolvedError as error:
        if error.reason:
            raise
        raise UnresolvedError(node, "flowc cannot compute what a call of it returns") from None


def _context(known: Mapping[str, object]) -> Instance:
    """Metaflow's ParameterContext; what depends on where the flow is deployed is not known."""
    unknown = {name: Unresolved(f"`{name}` of the context is not known when flowc compiles") for name in _DEPLOYER}
    return Instance(None, {**unknown, "logger": Builtin("logger", lambda *_: None), **known})


def _guarded(evaluator: Evaluator, node: ast.expr, frame: Frame, make: Callable[[], object], what: str) -> object:
    """A value that an evaluation makes, within limits of its own. Raises UnresolvedError."""
    frames, evaluator.frames = evaluator.frames, [frame]
    try:
        with deep_recursion(), evaluator.leniently(), evaluator.own_limits(MOST_OPERATIONS // 4):
            return make()
    except RaisedError as error:
        text = f"{error.error}" if str(error.error) else type(error.error).__name__
        raise UnresolvedError(node, f"{what} fails: {text}", wrong=True) from None
    except ExitError:
        raise UnresolvedError(node, f"{what} ends the process") from None
    except (EvaluationError, LimitError, RecursionError):
        raise UnresolvedError(node) from None
    finally:
        evaluator.frames = frames


class _NoModules(LocalModules):
    """No local modules."""

    def __init__(self) -> None:
        pass

    def load(self, view: ModuleView, level: int, parts: tuple[str, ...]) -> ModuleView | None:
        """None."""
        del view, level, parts
        return None


@cache
def _no_file() -> ModuleView:
    return ModuleView(SourceFile(Path("<expression>"), "\n"), ast.parse(""), DiagnosticSink())


class RecordedScope(Scope):
    """The values of expressions as they were when a decorator or a call was evaluated."""

    def __init__(self, evaluator: Evaluator, records: dict[ast.AST, Recorded]) -> None:
        self._evaluator = evaluator
        self._records = records

    def evaluate(self, node: ast.expr) -> object:
        """The value of an expression. Raises UnresolvedError."""
        if node not in self._records:
            raise UnresolvedError(node)
        value, held = self._records[node]
        if held is not None and self._evaluator.undetermined(value) is None:
            return held  # the call has read it: what changes it later does not count
        return recorded(self._evaluator, node, self._records[node], records=self._records)

    def certain(self, node: ast.expr) -> object:
        """The value of an expression that is the same in a task. Raises UnresolvedError."""
        return self._accepting(node, "nothing")

    def located(self, node: ast.expr) -> object:
        """The value of an expression that may depend on where the files are. Raises UnresolvedError."""
        return self._accepting(node, "places")

    def environment(self, node: ast.expr) -> object:
        """The value of an expression that gives a task its variables. Raises UnresolvedError."""
        if node not in self._records:
            raise UnresolvedError(node)
        return recorded(self._evaluator, node, with_task_variables(self._records[node]), records=self._records)

    def entries(self, node: ast.expr) -> Mapping[str, object] | None:
        """The entries of a mapping that is unpacked: of `config_path`, a place that depends on where the files are."""
        value = self._records[node].value if node in self._records else None
        if not is_kind(value, dict) or self._evaluator.undetermined(value) is not None:
            return super().entries(node)
        found: dict[str, object] = {}
        for key, item in cast("dict[object, object]", value).items():
            accepts: Accepted = "places" if key == "config_path" else "variables"
            try:
                entry = Recorded(item, None)
                found[str(key)] = recorded(
                    self._evaluator, node, entry, accepts=accepts, records={**self._records, node: entry}
                )
            except UnresolvedError as error:
                found[str(key)] = error
        return found

    def _accepting(self, node: ast.expr, accepts: Accepted) -> object:
        if node not in self._records:
            raise UnresolvedError(node)
        return recorded(self._evaluator, node, self._records[node], accepts=accepts, records=self._records)

    def definition(self, node: ast.expr) -> object:
        """The value of an expression, which may be a function or a class. Raises UnresolvedError."""
        if node not in self._records:
            raise UnresolvedError(node)
        return recorded(self._evaluator, node, self._records[node], definitions=True)

    def called(
        self, function: object, context: Mapping[str, object], node: ast.expr, *, located: bool = False
    ) -> object:
        """What a function returns for Metaflow's ParameterContext. Raises UnresolvedError."""
        return called(self._evaluator, function, _context(context), node, self._evaluator.view, located=located)
