"""The decorators of the flow's class: `@project`, `@schedule`, `@trigger`, `@trigger_on_finish`, `@exit_hook`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, Options, as_dict, as_list
from flowc_compiler.ir import TriggerEvent, UpstreamFlow

_PROJECT = re.compile(r"[a-z0-9_]{1,128}")
_FLOW = re.compile(r"[A-Za-z0-9_]+")


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


class ScheduleArguments(Arguments):
    """`@schedule`: `cron` wins over `weekly`, that over `hourly`, that over `daily`."""

    cron: str | None = None
    weekly: bool = False
    daily: bool = True
    hourly: bool = False
    timezone: str | None = None


def _event(value: object) -> TriggerEvent:
    if isinstance(value, str):
        return TriggerEvent(name=str(value), namespaced=isinstance(value, NamespacedName))
    fields = as_dict(value)
    if fields is None:
        raise ValueError("an event is a name, or a dict of name and parameters")
    unknown = set(fields) - {"name", "parameters"}
    if unknown or not isinstance(fields.get("name"), str):
        raise ValueError("an event is a dict of name, a text, and parameters")
    named = _event(fields["name"])
    return named.model_copy(update={"parameters": _parameters(fields.get("parameters", {}))})


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


class ExitHookArguments(Arguments):
    """`@exit_hook`; functions are given by name here."""

    on_success: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()
    options: Options = Field(default_factory=dict)
