"""Applying the mutators of a flow: in Metaflow's order, and back to what the front end reads.

All `pre_mutate` come first, those of the flow before those of its steps; then decorators of the command line are
attached; then all `mutate`. What cannot be evaluated is FC408 at its line.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flowc_compiler.evaluate.evaluation_state import (
    BoundValue,
    CallArguments,
    EvaluationError,
    ExitError,
    LimitError,
    RaisedError,
    deep_recursion,
)
from flowc_compiler.evaluate.plain_data import has_objects
from flowc_compiler.evaluate.values import (
    BoundMethod,
    Builtin,
    ClassObject,
    ConfigReference,
    Foreign,
    Function,
    Instance,
)
from flowc_compiler.frontend.classflow.flow_classes import FlowDefinition, Member, assigned
from flowc_compiler.frontend.decorators.arguments import ARGUMENTS, FLOW_ARGUMENTS
from flowc_compiler.frontend.decorators.user_decorators import kind_of
from flowc_compiler.frontend.mutators.mutable_model import (
    WAY_OUT,
    Attached,
    Entry,
    MutableFlow,
    MutableStep,
    call_of,
    served,
)
from flowc_compiler.frontend.mutators.mutator_evaluator import UnfollowedError, own_decorator
from flowc_compiler.ir.model import ParameterChanges, StepWrapper
from flowc_compiler.syntax.modules import FoundClass, FunctionNode, ModuleView
from flowc_compiler.syntax.served_imports import callee

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.evaluate.applied_decorators import DecoratorCall
    from flowc_compiler.evaluate.known_values import FileScope
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator
    from flowc_compiler.syntax.modules import LocalModules


class MutatorRun:
    """Applies the mutators of one flow."""

    def __init__(
        self,
        definition: FlowDefinition,
        modules: LocalModules,
        scope_of: Callable[[ModuleView], FileScope],
        attached: Sequence[CliDecorator],
        sink: DiagnosticSink,
    ) -> None:
        self._definition, self._modules = definition, modules
        self._members, self._classes = definition.members, definition.classes
        self._scope_of, self._attached, self._sink = scope_of, attached, sink
        self._functions = {
            member.statement.name: member for member in self._members if isinstance(member.statement, FunctionNode)
        }

    def apply(self, parameters: Mapping[str, str], configs: Mapping[str, str]) -> FlowDefinition:
        """The flow afterwards; incomplete with FC408 collected. Both are names by attribute."""
        main = self._classes[0]
        steps = {
            name: MutableStep(name, self._scope_of(member.view), self._entries_of(member), self._place(member))
            for name, member in self._functions.items()
            if any(served(item, self._scope_of(member.view)) == "step" for item in _decorators(member))
        }
        placed = [(found, item) for found in reversed(self._classes) for item in reversed(found.node.decorator_list)]
        entries = [entry for found, item in placed if (entry := self._entry(item, found.view, FLOW_ARGUMENTS))]
        scope = self._scope_of(main.view)
        values = {attribute: self._config(scope, name, main.node) for attribute, name in configs.items()}
        at = next((item for found, item in placed if found is main), main.node)
        flow = MutableFlow(scope, entries, at, steps, parameters, values)
        try:
            self._run_all(flow, list(steps.values()))
            return self._result(flow)
        except _Reported:
            return replace(self._definition, complete=False)

    def _run_all(self, flow: MutableFlow, steps: list[MutableStep]) -> None:
        for entry in flow.entries:
            if flow.is_mutator(entry):
                self._make(flow, entry)
        self._phase(flow, "pre_mutate")
        for step in steps:
            for entry in step.entries:
                if step.is_mutator(entry):
                    self._make(step, entry)
        for step in steps:
            self._phase(step, "pre_mutate")
        for step in steps:
            step.early = False
            names = {entry.name for entry in step.entries}
            step.entries += [Entry(item.name, cli=item) for item in self._attached if item.name not in names]
        flow.early = False
        self._phase(flow, "mutate")
        for step in steps:
            self._phase(step, "mutate")

    def _phase(self, of: Attached, method: str) -> None:
        """Call a method of each mutator, also of those that others add."""
        done: list[Entry] = []
        while (
            entry := next((item for item in of.entries if of.is_mutator(item) and item not in done), None)
        ) is not None:
            done.append(entry)
            self._make(of, entry)
            self._call(of, entry, method, [of], {})

    def _make(self, of: Attached, entry: Entry) -> None:
        """Make a mutator's object, and call its `init`."""
        if entry.instance is not None:
            return
        own = entry.own
        assert own is not None
        if own.of is None or any(item.kind == "opaque" and item.node.keywords for item in own.of.mro()):
            raise self._failed(of, entry, f"what `{entry.name}` does is not known")
        for item in own.of.mro():
            item.kind = "plain" if item.kind == "opaque" else item.kind
        entry.instance = Instance(own.of)
        keywords = entry.given or {}
        if "init" in own.of.namespace:
            self._call(of, entry, "init", entry.positional, keywords)
        elif entry.positional or keywords:
            raise self._failed(of, entry, f"`{entry.name}` has arguments, and its class has no `init`")

    def _call(
        self, of: Attached, entry: Entry, method: str, positional: Sequence[object], keywords: Mapping[str, object]
    ) -> None:
        instance, evaluator = entry.instance, of.evaluator
        assert instance is not None
        assert instance.of is not None
        function = next((item.namespace[method] for item in instance.of.mro() if method in item.namespace), None)
        if not isinstance(function, Function):
            return
        node = entry.item if entry.item is not None else _expression(of.at)
        given = CallArguments(
            [BoundValue(value, node) for value in positional],
            {key: BoundValue(value, node) for key, value in keywords.items()},
        )
        try:
            with evaluator.mutator(instance.of):
                evaluator.call(BoundMethod(instance, method, function), given, node)
        except UnfollowedError as error:
            view, where = error.where
            message = f"`{method}` of the mutator `{entry.name}`: {error.message}"
            self._sink.error("FC408", message, view.span(where), help=error.help or WAY_OUT)
            raise _Reported from None
        except RaisedError as error:
            raise self._failed(of, entry, f"`{method}` of `{entry.name}` fails: {_text(error.error)}") from None
        except (EvaluationError, ExitError, LimitError, RecursionError) as error:
            raise self._failed(of, entry, f"`{method}` of `{entry.name}` is not known: {error}") from None

    def _failed(self, of: Attached, entry: Entry, message: str) -> _Reported:
        span = of.scope.view.span(entry.item if entry.item is not None else of.at)
        self._sink.error("FC408", message, span, help=WAY_OUT)
        return _Reported()

    # What there is before.

    def _place(self, member: Member) -> ast.AST:
        items = _decorators(member)
        return items[0] if items else member.statement

    def _entries_of(self, member: Member) -> list[Entry]:
        found: list[Entry] = []
        number = 0
        for item in reversed(_decorators(member)):
            entry = self._entry(item, member.view, ARGUMENTS)
            if entry is None:
                continue
            if entry.own is not None and entry.own.kind == "user step decorator":
                entry.number, number = number, number + 1
            found.append(entry)
        return found

    def _entry(self, item: ast.expr, view: ModuleView, models: Mapping[str, Any]) -> Entry | None:
        """A decorator as it is written; `None` for `@step`, and for plain Python."""
        scope = self._scope_of(view)
        name = served(item, scope)
        if name is not None:
            return Entry(name, item) if name in models else None
        if kind_of(callee(item), view, self._modules) is None:
            return None
        with deep_recursion():
            scope.files.evaluator.namespace(view)
        record = scope.files.evaluator.records.get(item)
        own = own_decorator(record.value if record is not None else None)
        if own is None:
            return None
        arguments = own.arguments or CallArguments()
        positional = [self._resolved(scope, given.value, item) for given in arguments.positional]
        keywords = {key: self._resolved(scope, given.value, item) for key, given in arguments.keywords.items()}
        return Entry(own.name, item, own, positional, keywords)

    def _resolved(self, scope: FileScope, value: object, node: ast.expr) -> object:
        from flowc_compiler.evaluate.literals import UnresolvedError
        from flowc_compiler.evaluate.values import Unresolved

        try:
            return scope.resolved(value, node)
        except UnresolvedError as error:
            return Unresolved(error.reason or "it is not known", error.help)

    def _config(self, scope: FileScope, name: str, node: ast.AST) -> object:
        return self._resolved(scope, ConfigReference("it is a config", name=name), _expression(node))

    # What there is after.

    def _result(self, flow: MutableFlow) -> FlowDefinition:
        main = self._classes[0]
        members = [self._without_mutators(member, flow) for member in self._members]
        members = [member for member in members if not self._is_removed(member.statement, flow)]
        added = [self._parameter(flow, name, call) for name, call in flow.added.items()]
        members += added
        classes = [self._class(found, flow, added if found is main else ()) for found in self._classes]
        attached: dict[str, tuple[CliDecorator, ...]] = {}
        made = FlowDefinition(members, classes, attached)
        if flow.added or flow.removed:
            given = {name: self._literal_arguments(flow, call) for name, call in flow.added.items()}
            made.parameters = ParameterChanges(added=given, removed=tuple(flow.removed))
        for name, step in flow.steps.items():
            kept = tuple(entry.cli for entry in step.entries if entry.cli is not None)
            attached[name] = kept
            around = [e for e in step.entries if e.own is not None and e.own.kind == "user step decorator"]
            before = [e for e in self._entries_of(self._functions[name]) if e.number is not None]
            if [e.number for e in around] != [e.number for e in before]:
                made.wrappers[name] = tuple(self._wrapper(step, entry) for entry in around)
        return made

    def _without_mutators(self, member: Member, flow: MutableFlow) -> Member:
        """A step with the decorators that it has now."""
        function = member.statement
        if not isinstance(function, FunctionNode) or function.name not in flow.steps:
            return member
        step = flow.steps[function.name]
        changed = copy(function)
        known = {id(entry.item) for entry in step.entries if not step.is_mutator(entry)}
        old = [item for item in function.decorator_list if id(item) in known or self._is_plain(item, member.view)]
        new = [
            entry.item for entry in step.entries if entry.item is not None and entry.item not in function.decorator_list
        ]
        if any(entry.own is not None and entry.item is None and not step.is_mutator(entry) for entry in step.entries):
            new.append(ast.copy_location(ast.parse("lambda function: function", mode="eval").body, step.at))
        changed.decorator_list = [*reversed(new), *old]
        return member._replace(statement=changed)

    def _is_plain(self, item: ast.expr, view: ModuleView) -> bool:
        """Whether a decorator is `@step`, or plain Python, which mutators do not see."""
        name = served(item, self._scope_of(view))
        return name == "step" or (name not in ARGUMENTS and kind_of(callee(item), view, self._modules) is None)

    def _class(self, found: FoundClass, flow: MutableFlow, added: Sequence[Member]) -> FoundClass:
        """A class with the decorators and parameters that it has now."""
        known = {id(entry.item) for entry in flow.entries if not flow.is_mutator(entry)}
        changed = copy(found.node)
        changed.decorator_list = [
            item
            for item in found.node.decorator_list
            if id(item) in known
            or (
                served(item, self._scope_of(found.view)) not in FLOW_ARGUMENTS
                and kind_of(callee(item), found.view, self._modules) is None
            )
        ]
        changed.body = [item for item in found.node.body if not self._is_removed(item, flow)]
        if found is self._classes[0]:
            items = [entry.item for entry in flow.entries if entry.own is None and entry.given is not None]
            changed.decorator_list = [*reversed([item for item in items if item is not None]), *changed.decorator_list]
            changed.body += [member.statement for member in added]
        return FoundClass(found.view, changed)

    def _is_removed(self, statement: ast.stmt, flow: MutableFlow) -> bool:
        target = assigned(statement)
        return target is not None and (target[0] in flow.removed or target[0] in flow.added)

    def _parameter(self, flow: MutableFlow, attribute: str, call: DecoratorCall) -> Member:
        """The statement that an added parameter stands for."""
        main = self._classes[0]
        written = call_of(flow.evaluator, call.path[1], _by_name(call), flow.at)
        target = ast.copy_location(ast.Name(attribute, ast.Store()), flow.at)
        statement = ast.copy_location(ast.Assign([target], written), flow.at)
        return Member(main.view, statement, main.node)

    def _literal_arguments(self, flow: MutableFlow, call: DecoratorCall) -> dict[str, Any]:
        """The arguments of an added parameter, as a task makes it: plain data, and the name of its type."""
        found: dict[str, Any] = {"class": call.path[1]}
        for key, value in _by_name(call).items():
            if key == "type" and isinstance(value, Builtin | Foreign):
                found[key] = value.name if isinstance(value, Builtin) else value.path[-1]
            elif isinstance(value, ClassObject | Function) or has_objects(value):
                message = f"`{key}` of a parameter that a mutator adds is no plain data"
                self._sink.error("FC408", message, flow.scope.view.span(flow.at), help=WAY_OUT)
                raise _Reported
            else:
                found[key] = value
        return found

    def _wrapper(self, step: MutableStep, entry: Entry) -> StepWrapper:
        if entry.number is not None:
            return StepWrapper(own=entry.number)
        own = entry.own
        assert own is not None
        if any(map(has_objects, (entry.given or {}).values())):
            raise self._failed(step, entry, f"arguments of `{entry.name}` that a mutator adds are no plain data")
        is_main = own.view is self._modules.main
        module = None if is_main else self._modules.module_name(own.view)
        return StepWrapper(module=module, name=own.name, arguments=entry.given or {})


class _Reported(Exception):  # noqa: N818
    """What is wrong was collected."""


def _text(error: object) -> str:
    """An exception as Python shows it."""
    if isinstance(error, Instance) and error.of is not None:
        return error.of.name
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _decorators(member: Member) -> list[ast.expr]:
    return member.statement.decorator_list if isinstance(member.statement, FunctionNode) else []


def _expression(node: ast.AST) -> ast.expr:
    return node if isinstance(node, ast.expr) else ast.copy_location(ast.Name("", ast.Load()), node)


def _by_name(call: DecoratorCall) -> dict[str, object]:
    """The arguments of `Parameter(...)` by name."""
    names = ("name", "default", "type", "help", "required", "show_default")
    found = dict(zip(names, (item.value for item in call.arguments.positional), strict=False))
    return {**found, **{key: item.value for key, item in call.arguments.keywords.items()}}
