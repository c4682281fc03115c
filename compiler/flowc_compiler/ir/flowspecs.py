"""Specs of a whole flow: its project, when it runs, and what runs after it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from flowc_compiler.ir.base import Model
from flowc_compiler.ir.specs import Spec


class ProjectSpec(Spec):
    """`@project`: the namespace of a flow's deployments. `branch` and `production` are None where not given there."""

    name: str
    branch: str | None = None
    production: bool | None = None


class ScheduleSpec(Spec):
    """`@schedule`: when the flow runs."""

    crons: tuple[str, ...]
    """Of five fields: minute, hour, day of month, month, day of week (0 is Sunday), as in crontab, Argo and Airflow.
    The flow runs at the times of each, and once where several have the same."""
    original: tuple[str, ...]
    """What the file says: cron expressions of five, six or seven fields, `hourly`, `daily` or `weekly`."""
    timezone: str | None = None
    """An IANA name; UTC where there is none."""

    def with_times_of(self, other: ScheduleSpec) -> ScheduleSpec:
        """A schedule that has the times of another, too, which is of the same time zone."""
        crons = dict(zip(self.crons, self.original, strict=True))
        for cron, original in zip(other.crons, other.original, strict=True):
            crons.setdefault(cron, original)
        return self.model_copy(update={"crons": tuple(crons), "original": tuple(crons.values())})


class TriggerEvent(Model):
    """One event that starts the flow."""

    name: str
    parameters: dict[str, str] = {}
    """Flow parameter to the field of the event's payload that it is taken from."""
    namespaced: bool = False
    """The name is to be prefixed with the project and its branch (`namespaced_event_name`)."""


class TriggerSpec(Spec):
    """`@trigger`: events, all of which must have come."""

    events: tuple[TriggerEvent, ...]
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class UpstreamFlow(Model):
    """A flow whose success starts this one."""

    name: str
    project: str | None = None
    """By default the flow's own."""
    branch: str | None = None


class TriggerOnFinishSpec(Spec):
    """`@trigger_on_finish`: flows, all of which must have finished."""

    flows: tuple[UpstreamFlow, ...]
    options: dict[str, Any] = Field(default_factory=dict[str, Any])


class ExitHookSpec(Spec):
    """`@exit_hook`: functions that are called when a run has ended. A name with dots is imported."""

    on_success: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict[str, Any])
