"""The decorators of the flow's class: `@project`, `@schedule`, `@trigger`, `@trigger_on_finish`, `@exit_hook`."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, Options, as_dict, as_list
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import (
    EventFilter,
    ExitHookSpec,
    ProjectSpec,
    ScheduleSpec,
    TriggerEvent,
    TriggerOnFinishSpec,
    TriggerSpec,
    UpstreamFlow,
)
from flowc_compiler.ir.schedules import ScheduleError, check_timezone, to_crontab
from flowc_compiler.syntax.modules import ModuleView

_PROJECT = re.compile(r"[a-z0-9_]{1,128}")
_FLOW = re.compile(r"[A-Za-z0-9_]+")
_COMPARATORS = ("=", "!=", "<", "<=", ">", ">=")


class NamespacedName(str):
    """The name in `namespaced_event_name("name")`."""

    __slots__ = ()


def _check_project(name: str | None) -> str | None:
    if name is not None and not _PROJECT.fullmatch(name):
        raise ValueError(f"{name!r} must consist of a-z, 0-9 and _, at most 128 characters")
    return name


class ProjectArguments(Arguments):
    """`@project`."""

    name: Annotated[str, AfterValidator(_check_project)]
    branch: Annotated[str | None, AfterValidator(_check_project)] = None
    production: bool | None = None

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The project."""
        return {"project": ProjectSpec(span=at.span, **self.model_dump())}


def _crons(value: object) -> object:
    if value is None or isinstance(value, str):
        return value
    items = as_list(value)
    if items is None:
        raise ValueError("it is a cron expression, or a list of them")
    return items


class ScheduleArguments(Arguments):
    """`@schedule`: `cron`, one or several, wins over `weekly`, that over `hourly`, that over `daily`."""

    cron: Annotated[str | tuple[str, ...] | None, BeforeValidator(_crons)] = None
    weekly: bool = False
    daily: bool = True
    hourly: bool = False
    timezone: str | None = None

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The schedule; `None` for `@schedule(daily=False)`, as in Metaflow."""
        used = "cron" if self.cron else next((name for name in ("weekly", "hourly") if getattr(self, name)), "daily")
        others = [name for name in ("weekly", "hourly", "daily") if name != used and getattr(self, name)]
        for name in others:
            if name in self.model_fields_set:
                message = f"`{name}` of `@schedule` does nothing beside `{used}`"
                at.sink.warning("FC410", message, at.span, help="keep one of them")
        if self.cron is not None and not self.cron and getattr(self, used):
            message = f"`cron` of `@schedule` is empty, and so the flow runs {used}, as in Metaflow"
            help_text = "leave `cron` out; `daily=False` beside it means no schedule"
            at.sink.warning("FC410", message, at.span, help=help_text)
        if not (self.cron or self.weekly or self.hourly or self.daily):
            self._without_effect(at, ("timezone",), "without a schedule", "leave it out")
        if self.cron:
            crons = (self.cron,) if isinstance(self.cron, str) else self.cron
            return {"schedule": schedule_spec(crons, self.timezone, "`@schedule`", at)}
        check_timezone(self.timezone, "`@schedule`", at.span, at.sink)
        for name, cron in (("weekly", "0 0 * * 0"), ("hourly", "0 * * * *"), ("daily", "0 0 * * *")):
            if getattr(self, name):
                return {"schedule": ScheduleSpec(span=at.span, crons=(cron,), original=(name,), timezone=self.timezone)}
        return {}


def _event(value: object) -> TriggerEvent:
    if isinstance(value, str):
        return TriggerEvent(name=str(value), namespaced=isinstance(value, NamespacedName))
    fields = as_dict(value)
    if fields is None:
        raise ValueError("an event is a name, or a dict of name and parameters")
    unknown = set(fields) - {"name", "parameters", "filter"}
    if unknown or not isinstance(fields.get("name"), str):
        raise ValueError("an event is a dict of name, a text, parameters and filter")
    named = _event(fields["name"])
    parameters, filters = _parameters(fields.get("parameters", {})), tuple(_filters(fields.get("filter", {})))
    return named.model_copy(update={"parameters": parameters, "filters": filters})


def _filters(value: object) -> Iterator[EventFilter]:
    """Field to what it has to be: a value, a list of values of which one is enough, or a dict of comparators."""
    fields = as_dict(value)
    if fields is None:
        raise ValueError("a filter is a dict of fields of the payload")
    for field, wanted in fields.items():
        listed = as_list(wanted)
        for comparator, one in (as_dict(wanted) or {"=": wanted if listed is None else listed}).items():
            values = as_list(one) if comparator == "=" else None
            yield _filter(field, comparator, [one] if values is None else values)


def _filter(field: str, comparator: str, values: Sequence[object]) -> EventFilter:
    kinds = {str if isinstance(item, str) else float for item in values if type(item) in (str, int, float)}
    plain = all(type(item) in (str, int, float) for item in values)
    if comparator not in _COMPARATORS or not plain or len(kinds) != 1:
        forms = 'a text, a number, a list of one of them, or a dict such as {">=": 100}'
        raise ValueError(f"the filter of {field!r} has to be {forms} with one of {', '.join(_COMPARATORS)}")
    if comparator not in ("=", "!=") and kinds == {str}:
        raise ValueError(f"the filter of {field!r} compares by {comparator}, which is for numbers")
    numbers = [item for item in values if isinstance(item, int | float)]
    if not all(abs(item) <= sys.float_info.max for item in numbers):  # NaN is not
        raise ValueError(f"the filter of {field!r} compares with a number that no payload has: NaN, or one too large")
    return EventFilter.model_validate({"field": field, "comparator": comparator, "values": tuple(values)})


def _parameters(value: object) -> dict[str, str]:
    """Parameter to field: a dict, or a list of names and (parameter, field)."""
    mapping = as_dict(value)
    pairs: list[object] = list(mapping.items()) if mapping is not None else as_list(value) or ([None] if value else [])
    found: dict[str, str] = {}
    for item in pairs:
        match [item, item] if isinstance(item, str) else as_list(item):
            case [str(parameter), str(field)]:
                found[parameter] = field
            case _:
                raise ValueError("parameters are a dict of texts, or a list of texts and pairs of texts")
    return found


def _events(value: object) -> object:
    items = as_list(value)
    if items is None:
        raise ValueError("events is a list")
    events = tuple(_event(item) for item in items)
    if len({event.name for event in events}) < len(events):
        raise ValueError("an event is named twice")
    return events


class TriggerArguments(Arguments):
    """`@trigger`: either `event` or `events`."""

    event: Annotated[TriggerEvent | None, BeforeValidator(lambda value: value if value is None else _event(value))] = (
        None
    )
    events: Annotated[tuple[TriggerEvent, ...], BeforeValidator(_events)] = ()
    options: Options = Field(default_factory=dict)

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The events."""
        if not _exactly_one("trigger", "event", self.event is not None, bool(self.events), at):
            return {}
        events = self.events or (() if self.event is None else (self.event,))
        return {"trigger": TriggerSpec(span=at.span, events=events, options=self.options)}


def _upstream(value: object) -> UpstreamFlow:
    """A flow by its name, by `project.branch.flow`, or by a dict of name, project and project_branch."""
    fields = as_dict(value)
    if fields is not None:
        texts = all(isinstance(item, str) for item in fields.values())
        if set(fields) - {"name", "project", "project_branch"} or "name" not in fields or not texts:
            raise ValueError("a flow is a dict of name, project and project_branch, which are texts")
        if "." in fields["name"]:
            raise ValueError("the name in a dict has no dots: give project and project_branch beside it")
        return UpstreamFlow(
            name=_flow_name(fields["name"]), project=fields.get("project"), branch=fields.get("project_branch")
        )
    if not isinstance(value, str):
        raise ValueError("a flow is a name, or a dict of name, project and project_branch")
    parts = value.split(".")
    if len(parts) == 2:
        raise ValueError(f"{value!r} is neither a flow nor project.branch.flow")
    if len(parts) == 1:
        return UpstreamFlow(name=_flow_name(value))
    return UpstreamFlow(name=_flow_name(parts[-1]), project=parts[0], branch=".".join(parts[1:-1]))


def _flow_name(name: str) -> str:
    if not _FLOW.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a flow")
    return name


def _upstreams(value: object) -> object:
    items = as_list(value)
    if items is None:
        raise ValueError("flows is a list")
    return tuple(_upstream(item) for item in items)


class TriggerOnFinishArguments(Arguments):
    """`@trigger_on_finish`: either `flow` or `flows`."""

    flow: Annotated[
        UpstreamFlow | None, BeforeValidator(lambda value: value if value is None else _upstream(value))
    ] = None
    flows: Annotated[tuple[UpstreamFlow, ...], BeforeValidator(_upstreams)] = ()
    options: Options = Field(default_factory=dict)

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The flows to wait for."""
        if not _exactly_one("trigger_on_finish", "flow", self.flow is not None, bool(self.flows), at):
            return {}
        flows = self.flows or (() if self.flow is None else (self.flow,))
        return {"trigger_on_finish": TriggerOnFinishSpec(span=at.span, flows=flows, options=self.options)}


class ExitHookArguments(Arguments):
    """`@exit_hook`; functions are given by name here."""

    on_success: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()
    options: Options = Field(default_factory=dict)

    def flow_specs(self, at: Origin, main: ModuleView, /) -> Mapping[str, object]:
        """The hook, one of several that a flow may have."""
        if not self.on_success and not self.on_error:
            at.error("FC404", "`@exit_hook` names no function", help="give on_success, on_error or both, as lists")
        for name in (*self.on_success, *self.on_error):
            check_hook(name, main, "`@exit_hook`", "flow", at)
        return {"exit_hooks": (ExitHookSpec(span=at.span, **self.model_dump()),)}


def _exactly_one(name: str, argument: str, single: bool, several: bool, at: Origin) -> bool:
    """Whether one of an argument and its plural is given; both, or none, is FC404."""
    if single == several:
        message = f"`@{name}` has both `{argument}` and `{argument}s`" if single else f"`@{name}` names no {argument}"
        at.error("FC404", message, help=f"give `{argument}` for one, or `{argument}s` for several")
    return single != several


def schedule_spec(crons: Sequence[str], timezone: str | None, owner: str, origin: Origin) -> ScheduleSpec | None:
    """A schedule of five fields. Collects FC404 for an unknown time zone, FC407 for times that cron cannot express."""
    check_timezone(timezone, owner, origin.span, origin.sink)
    found: dict[str, str] = {}
    for cron in crons:
        try:
            found.setdefault(to_crontab(cron), cron)
        except ScheduleError as error:
            origin.error(
                "FC407", f"the schedule {cron!r} cannot be translated: {error}",
                help="write five fields as in crontab, or choose times that they can say",
            )  # fmt: skip
            return None
    return ScheduleSpec(span=origin.span, crons=tuple(found), original=tuple(found.values()), timezone=timezone)


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
