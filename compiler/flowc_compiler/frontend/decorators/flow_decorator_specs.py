"""Decorators of the flow to its specs; what contradicts itself is FC404, and times that cron cannot say are FC407."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.flow_arguments import (
    ExitHookArguments,
    ProjectArguments,
    ScheduleArguments,
    TriggerArguments,
    TriggerOnFinishArguments,
)
from flowc_compiler.frontend.decorators.decorator_arguments import DecoratorUse
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import ExitHookSpec, FlowSpecs, ProjectSpec, ScheduleSpec, TriggerOnFinishSpec, TriggerSpec
from flowc_compiler.ir.schedules import ScheduleError, check_timezone, to_crontab
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import ModuleView


def build_flow_specs(found: Sequence[DecoratorUse], main: ModuleView, sink: DiagnosticSink) -> FlowSpecs:
    """The specs that a flow's decorators add up to; `main` is the flow's own file."""
    fields: dict[str, Any] = {}
    hooks: list[ExitHookSpec] = []
    for given in found:
        match given.arguments:
            case ProjectArguments() as project:
                fields["project"] = ProjectSpec(span=given.span, **project.model_dump())
            case ScheduleArguments() as schedule:
                fields["schedule"] = _schedule(schedule, Origin(given.span, sink))
            case TriggerArguments() as trigger:
                fields["trigger"] = _trigger(trigger, given.span, sink)
            case TriggerOnFinishArguments() as upstream:
                fields["trigger_on_finish"] = _trigger_on_finish(upstream, given.span, sink)
            case ExitHookArguments() as hook:
                hooks.append(_exit_hook(hook, given.span, main, sink))
            case _:
                pass
    return FlowSpecs.model_construct(**fields, exit_hooks=tuple(hooks))


def _schedule(given: ScheduleArguments, origin: Origin) -> ScheduleSpec | None:
    """The schedule; `None` for `@schedule(daily=False)`, as in Metaflow."""
    if given.cron:
        return schedule_spec(given.cron, given.timezone, "`@schedule`", origin)
    check_timezone(given.timezone, "`@schedule`", origin.span, origin.sink)
    for name, cron in (("weekly", "0 0 * * 0"), ("hourly", "0 * * * *"), ("daily", "0 0 * * *")):
        if getattr(given, name):
            return ScheduleSpec(span=origin.span, cron=cron, original=name, timezone=given.timezone)
    return None


def schedule_spec(cron: str, timezone: str | None, owner: str, origin: Origin) -> ScheduleSpec | None:
    """A schedule of five fields. Collects FC404 for an unknown time zone, FC407 for times that cron cannot express."""
    check_timezone(timezone, owner, origin.span, origin.sink)
    try:
        return ScheduleSpec(span=origin.span, cron=to_crontab(cron), original=cron, timezone=timezone)
    except ScheduleError as error:
        origin.error(
            "FC407", f"the schedule {cron!r} cannot be translated: {error}",
            help="write five fields as in crontab, or choose times that they can say",
        )  # fmt: skip
        return None


def _trigger(given: TriggerArguments, span: Span, sink: DiagnosticSink) -> TriggerSpec | None:
    events = given.events or (() if given.event is None else (given.event,))
    if not _check_one("trigger", "event", given.event is not None, bool(given.events), span, sink):
        return None
    return TriggerSpec(span=span, events=events, options=given.options)


def _trigger_on_finish(given: TriggerOnFinishArguments, span: Span, sink: DiagnosticSink) -> TriggerOnFinishSpec | None:
    flows = given.flows or (() if given.flow is None else (given.flow,))
    if not _check_one("trigger_on_finish", "flow", given.flow is not None, bool(given.flows), span, sink):
        return None
    return TriggerOnFinishSpec(span=span, flows=flows, options=given.options)


def _check_one(name: str, argument: str, single: bool, several: bool, span: Span, sink: DiagnosticSink) -> bool:
    """Exactly one of an argument and its plural must be given."""
    if single == several:
        message = f"`@{name}` has both `{argument}` and `{argument}s`" if single else f"`@{name}` names no {argument}"
        sink.error("FC404", message, span, help=f"give `{argument}` for one, or `{argument}s` for several")
    return single != several


def _exit_hook(given: ExitHookArguments, span: Span, main: ModuleView, sink: DiagnosticSink) -> ExitHookSpec:
    if not given.on_success and not given.on_error:
        sink.error("FC404", "`@exit_hook` names no function", span, help="give on_success, on_error or both, as lists")
    for name in (*given.on_success, *given.on_error):
        check_hook(name, main, "`@exit_hook`", "flow", Origin(span, sink))
    fields = {name: getattr(given, name) for name in ("on_success", "on_error", "options")}
    return ExitHookSpec(span=span, **fields)


def check_hook(name: object, view: ModuleView, owner: str, kind: str, origin: Origin) -> bool:
    """Whether a task finds the function of a hook: in the file, or by its import path. Else FC404."""
    if isinstance(name, str):
        dotted = "." in name and all(part.isidentifier() for part in name.split("."))
        if dotted or name in view.functions or name in view.imports:
            return True
    origin.error(
        "FC404", f"{owner}: there is no function {name!r} in the file",
        help=f"name a function of the {kind}'s file, or give its import path: 'package.module.function'",
    )  # fmt: skip
    return False
