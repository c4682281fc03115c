"""Decorators of the flow's class, and of classes that it builds on, to the specs of the flow."""

from __future__ import annotations

import ast
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments import (
    ARGUMENTS,
    FLOW_ARGUMENTS,
    REPEATABLE,
    ExitHookArguments,
    NamespacedName,
    ProjectArguments,
    PypiArguments,
    ScheduleArguments,
    TriggerArguments,
    TriggerOnFinishArguments,
)
from flowc_compiler.frontend.decorators.decorated_specs import dependencies
from flowc_compiler.frontend.decorators.decorator_arguments import ArgumentReader, DecoratorUse, callee
from flowc_compiler.frontend.decorators.quartz import ScheduleError, to_crontab
from flowc_compiler.frontend.decorators.unsupported_decorators import report_unsupported_decorator, unsupported_kind
from flowc_compiler.frontend.values.literals import NO_SCOPE, NotLiteralError, Scope, evaluate
from flowc_compiler.ir import (
    DependencySpec,
    ExitHookSpec,
    FlowSpecs,
    ProjectSpec,
    ScheduleSpec,
    TriggerOnFinishSpec,
    TriggerSpec,
)
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


class FlowDecoratorReader:
    """Reads the decorators of one class after the other, the flow's own first; or those of a pipeline's function."""

    def __init__(self, main: ModuleView, sink: DiagnosticSink) -> None:
        self._main = main
        self._sink = sink
        self._found: list[DecoratorUse] = []

    def read(self, view: ModuleView, node: ast.ClassDef | FunctionNode, scope: Scope = NO_SCOPE) -> None:
        """Read the decorators of a class or pipeline; each that is not understood is collected as FC401 to FC408."""
        calls = ArgumentReader(view, self._sink, _FlowScope(view, self._main, scope))
        for item in node.decorator_list:
            name = view.names.resolve(callee(item))
            span = view.span(item)
            if name == "pipeline" and isinstance(node, FunctionNode):
                continue
            if name is None or name not in FLOW_ARGUMENTS:
                self._report_unknown(view, item, name)
            elif name not in REPEATABLE and any(given.name == name for given in self._found):
                self._sink.error("FC405", f"`@{name}` is given twice", span, help="keep one of them")
            else:
                arguments = calls.read(name, FLOW_ARGUMENTS[name], item)
                if arguments is not None:
                    self._found.append(DecoratorUse(name, arguments, span))

    def specs(self) -> FlowSpecs:
        """What the flow asks for; contradictions are collected as FC404 and FC407."""
        fields: dict[str, Any] = {}
        hooks: list[ExitHookSpec] = []
        for given in self._found:
            match given.arguments:
                case ProjectArguments() as project:
                    fields["project"] = ProjectSpec(span=given.span, **project.model_dump())
                case ScheduleArguments() as schedule:
                    fields["schedule"] = self._schedule(schedule, given.span)
                case TriggerArguments() as trigger:
                    fields["trigger"] = self._trigger(trigger, given.span)
                case TriggerOnFinishArguments() as upstream:
                    fields["trigger_on_finish"] = self._trigger_on_finish(upstream, given.span)
                case ExitHookArguments() as hook:
                    hooks.append(self._exit_hook(hook, given.span))
                case _:
                    pass
        return FlowSpecs.model_construct(**fields, exit_hooks=tuple(hooks))

    def base_packages(self) -> tuple[DependencySpec, ...]:
        """What `@conda_base` and `@pypi_base` give to every step."""
        return tuple(
            dependencies(given.arguments, given.span)
            for given in self._found
            if isinstance(given.arguments, PypiArguments)
        )

    def _report_unknown(self, view: ModuleView, item: ast.expr, name: str | None) -> None:
        shown = view.code(callee(item))
        span = view.span(callee(item))
        if name in ARGUMENTS:
            help_ = "put it above each step that it is for"
            self._sink.error("FC401", f"`@{shown}` is a decorator of steps, not of the flow", span, help=help_)
        elif (kind := unsupported_kind(callee(item), view)) is not None:
            report_unsupported_decorator(shown, kind, span, self._sink)
        else:
            self._sink.error(
                "FC401", f"`@{shown}` is not a decorator that flowc knows", span,
                help=f"a flow takes {', '.join('@' + known for known in sorted(FLOW_ARGUMENTS))}; "
                "other decorators would have to be executed, and flowc never executes a flow to compile it",
            )  # fmt: skip

    def _schedule(self, given: ScheduleArguments, span: Span) -> ScheduleSpec | None:
        """The schedule; `None` for `@schedule(daily=False)`, as in Metaflow."""
        named = {"0 0 * * 0": given.weekly, "0 * * * *": given.hourly, "0 0 * * *": given.daily}
        names = {"0 0 * * 0": "weekly", "0 * * * *": "hourly", "0 0 * * *": "daily"}
        check_timezone(given.timezone, "`@schedule`", span, self._sink)
        if given.cron:
            try:
                return ScheduleSpec(
                    span=span, cron=to_crontab(given.cron), original=given.cron, timezone=given.timezone
                )
            except ScheduleError as error:
                self._sink.error(
                    "FC407", f"the schedule {given.cron!r} cannot be translated: {error}", span,
                    help="write five fields as in crontab, or choose times that they can say",
                )  # fmt: skip
                return None
        for cron, wanted in named.items():
            if wanted:
                return ScheduleSpec(span=span, cron=cron, original=names[cron], timezone=given.timezone)
        return None

    def _trigger(self, given: TriggerArguments, span: Span) -> TriggerSpec | None:
        events = given.events or (() if given.event is None else (given.event,))
        if not self._check_one("trigger", "event", given.event is not None, bool(given.events), span):
            return None
        return TriggerSpec(span=span, events=events, options=given.options)

    def _trigger_on_finish(self, given: TriggerOnFinishArguments, span: Span) -> TriggerOnFinishSpec | None:
        flows = given.flows or (() if given.flow is None else (given.flow,))
        if not self._check_one("trigger_on_finish", "flow", given.flow is not None, bool(given.flows), span):
            return None
        return TriggerOnFinishSpec(span=span, flows=flows, options=given.options)

    def _check_one(self, name: str, argument: str, single: bool, several: bool, span: Span) -> bool:
        """Exactly one of an argument and its plural must be given."""
        if single == several:
            message = (
                f"`@{name}` has both `{argument}` and `{argument}s`" if single else f"`@{name}` names no {argument}"
            )
            self._sink.error("FC404", message, span, help=f"give `{argument}`, or `{argument}s` for several")
        return single != several

    def _exit_hook(self, given: ExitHookArguments, span: Span) -> ExitHookSpec:
        if not given.on_success and not given.on_error:
            self._sink.error(
                "FC404", "`@exit_hook` names no function", span, help="give on_success, on_error or both, as lists"
            )
        functions = self._main.functions | self._main.imports.keys()
        for name in (*given.on_success, *given.on_error):
            dotted = "." in name and all(part.isidentifier() for part in name.split("."))
            if not dotted and name not in functions:
                self._sink.error(
                    "FC404", f"`@exit_hook`: there is no function {name!r} in the file", span,
                    help="name a function of the flow's file, or give its import path: 'package.module.function'",
                )  # fmt: skip
        fields = {name: getattr(given, name) for name in ("on_success", "on_error", "options")}
        return ExitHookSpec(span=span, **fields)


def check_timezone(timezone: str | None, owner: str, span: Span, sink: DiagnosticSink) -> None:
    """Collect FC404 for what is no time zone, where this machine knows them."""
    from zoneinfo import ZoneInfo

    if timezone is None:
        return
    try:
        ZoneInfo("UTC")
    except KeyError:  # this machine knows no time zones
        return
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        message = f"`timezone` of {owner}: {timezone!r} is no time zone"
        sink.error("FC404", message, span, help="use an IANA name, such as Europe/Berlin or America/New_York")


class _FlowScope(Scope):
    """Names of functions stand for themselves, and `namespaced_event_name("x")` for an event of the project."""

    def __init__(self, view: ModuleView, main: ModuleView, outer: Scope) -> None:
        self._view = view
        self._functions = main.functions | main.imports.keys()
        self._outer = outer

    def value(self, node: ast.Name) -> object:
        """The function's name, or what the name stands for outside."""
        try:
            return self._outer.value(node)
        except NotLiteralError:
            if node.id in self._functions:
                return node.id
            raise

    def call(self, node: ast.Call) -> object:
        """The event's name, or what the call stands for outside."""
        if self._view.names.resolve(node.func) == "namespaced_event_name" and len(node.args) == 1:
            name = evaluate(node.args[0], self._outer)
            if isinstance(name, str):
                return NamespacedName(name)
        return self._outer.call(node)

    def is_config(self, node: ast.expr) -> bool:
        """As outside."""
        return self._outer.is_config(node)

    def attribute(self, node: ast.Attribute) -> tuple[object] | None:
        """As outside."""
        return self._outer.attribute(node)
