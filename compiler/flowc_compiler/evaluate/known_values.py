"""Values of single expressions for the front ends: of literals, and of the names in a file."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.evaluate.applied_decorators import AppliedDecorator
from flowc_compiler.evaluate.assumptions import may_settle, settled
from flowc_compiler.evaluate.environment_reads import task_variable
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
    deep_recursion,
)
from flowc_compiler.evaluate.functions import signature_of
from flowc_compiler.evaluate.interpreter import Interpreter
from flowc_compiler.evaluate.literals import AppliedItems, Scope, UnresolvedError
from flowc_compiler.evaluate.operations import HEAVIEST, MOST_OPERATIONS
from flowc_compiler.evaluate.plain_data import TOO_HEAVY, plain_members, weight
from flowc_compiler.evaluate.values import (
    LIBRARY_TYPES,
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    ConfigTree,
    Environment,
    Foreign,
    Function,
    Instance,
    Module,
    Partial,
    RuntimeValue,
    SettingsObject,
    Undetermined,
    Unresolved,
    is_kind,
)
from flowc_compiler.ir.base import TaskVariable
from flowc_compiler.source import SourceFile
from flowc_compiler.syntax.modules import FunctionNode, LocalModules, ModuleView
from flowc_compiler.syntax.served_imports import ServedName
from flowc_compiler.syntax.tree_walk import bound_names, children, walk

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
            found = _entry(node, found, key)
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


Accepted = Literal["nothing", "variables", "places"]
"""Which assumptions a value may depend on: of variables, or also of where the files are."""


def recorded(
    evaluator: Evaluator,
    node: ast.expr,
    found: Recorded,
    *,
    definitions: bool = False,
    accepts: Accepted = "variables",
    records: Records | None = None,
) -> object:
    """A value that was recorded, if it is known all through; with `definitions`, it may contain functions and classes.

    `records` has what its parts were. Raises UnresolvedError.
    """
    value, held = found
    value = settled(evaluator, value, located=accepts == "places", variables=accepts != "nothing")
    unknown = None if isinstance(value, ConfigReference) else _first_unknown(evaluator, value)
    if isinstance(unknown, Unresolved):
        known = records if records is not None else evaluator.records
        part = _unknown_part(evaluator, node, known)
        inner = _first_unknown(evaluator, known[part].value) if part in known else None
        unknown = inner if isinstance(inner, Unresolved) else unknown
        raise UnresolvedError(part, unknown.reason, unknown.help, wrong=unknown.wrong)
    if isinstance(unknown, RuntimeValue):
        raise UnresolvedError(node, "it is the result of a step, which is not known when the flow is compiled")
    if weight(value) > HEAVIEST:
        raise UnresolvedError(node, TOO_HEAVY, "compute it in a step")
    if held is not None and held != value:
        raise UnresolvedError(node, "it is changed after this", "write the value out here")
    value = plain_members(value)
    if not definitions and (definition := _first_definition(value)) is not None:
        raise UnresolvedError(node, *_described(definition[0]))
    return value


def with_task_variables(found: Recorded) -> Recorded:
    """A dict of variables in which each secret that is read from the environment is a TaskVariable."""
    if not is_kind(found.value, dict):
        return found
    entries = cast("dict[object, object]", found.value)
    secrets = {key: secret for key, item in entries.items() if (secret := task_variable(key, item)) is not None}
    held = cast("dict[object, object]", found.copy) if is_kind(found.copy, dict) else None
    return Recorded({**entries, **secrets}, held and {**held, **secrets}) if secrets else found


def _unknown_part(evaluator: Evaluator, node: ast.expr, records: Records) -> ast.expr:
    """The smallest part of an expression that is not known, as far as it was recorded."""
    while True:
        inner = next((item for item in _operands(node, records) if _is_unknown(evaluator, records[item])), None)
        if inner is None:
            return node
        node = inner


def _operands(node: ast.AST, records: Records) -> Iterator[ast.expr]:
    """The parts that an expression is computed of; not what a name of another module begins with."""
    owner = node.value if isinstance(node, ast.Attribute | ast.Subscript) else getattr(node, "func", None)
    for child in children(node):
        if child not in records:  # an argument, and what is called, which is looked up another way
            yield from _operands(child, records)
        elif isinstance(child, ast.expr) and not (child is owner and isinstance(records[child].value, Foreign)):
            yield child


def _is_unknown(evaluator: Evaluator, found: Recorded) -> bool:
    known = may_settle(evaluator, found.value)
    return not known and isinstance(_first_unknown(evaluator, found.value), Unresolved)


def _first_unknown(evaluator: Evaluator, value: object) -> Undetermined | None:
    """The first part of a value that is not known; references to configs are looked up later.

    Of several, one that is known under assumptions that could be made comes last.
    """
    assumed: Undetermined | None = None
    for item in _parts(value):
        found = evaluator.undetermined(item)
        if found is not None and not isinstance(found, ConfigReference):
            if not may_settle(evaluator, found):
                return found
            assumed = assumed or found
    return assumed


def _first_definition(value: object) -> tuple[object] | None:
    """The first part of a value that is a function, a class or the like."""
    return next(((item,) for item in _parts(value) if _is_definition(item)), None)


def _parts(value: object) -> Iterator[object]:
    """A value, and what is in it."""
    pending: list[object] = [value]
    seen = set[int]()
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        yield item
        if isinstance(item, dict):
            pending.extend(reversed(cast("dict[object, object]", item).values()))
        elif isinstance(item, list | tuple | set | frozenset):
            pending.extend(reversed(list(cast("list[object]", item))))


def _described(value: object) -> tuple[str, str]:
    """What a value is that is not data, and what to write instead."""
    name = getattr(value, "name", "")
    match value:
        case Function() | Partial() | BoundMethod() | Builtin():
            shown = f"`{name}`" if name and name != "<lambda>" else "it"
            return f"{shown} is a function, which nothing calls", "call it, or write the value itself"
        case ClassObject():
            return f"`{name}` is a class", "write the value itself"
        case Instance() if value.of is not None and value.of.kind == "enum":
            shown = f"{value.of.name}.{value.attributes['name']}"
            return f"it is the member `{shown}` of an enumeration", f"write `{shown}.value`"
        case Instance() if value.of is not None:
            return f"it is an object of the class `{value.of.name}`", "write the value itself"
        case Module():
            return "it is a module", "write the value itself"
        case _:
            return "", ""


def _is_definition(value: object) -> bool:
    """Whether a value is not data: a function, a class, a step."""
    plain = isinstance(value, str | bytes | int | float | complex | list | dict | tuple | set | frozenset | None)
    return not (plain or isinstance(value, (SettingsObject, TaskVariable, Undetermined, *LIBRARY_TYPES)))


def _entry(node: ast.expr, container: object, key: object) -> object:
    if not isinstance(container, dict | list | tuple | str):
        raise UnresolvedError(node)
    entries = cast("Any", container)
    try:
        return entries[key]
    except (KeyError, IndexError, TypeError):
        kind = "the config" if isinstance(container, ConfigTree) else "the constant"
        raise UnresolvedError(node, f"{kind} has no entry {key!r}", _entries(entries), wrong=True) from None


def _entries(container: object) -> str:
    if isinstance(container, dict):
        keys = [str(key) for key in cast("dict[object, object]", container)]
        return f"it has {', '.join(keys[:20])}" if keys else "it is empty"
    return f"it has {len(cast('str', container))} entries"


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
