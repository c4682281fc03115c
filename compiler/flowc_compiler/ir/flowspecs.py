"""Specs of a whole flow: its project, when it runs, and what runs after it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from flowc_compiler.ir.base import Model
from flowc_compiler.ir.specs import Spec

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


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


class EventFilter(Model):
    """What a field of an event's payload has to be, for the event to count."""

    field: str
    comparator: Literal["=", "!=", "<", "<=", ">", ">="]
    values: tuple[str | float, ...]
    """Texts or numbers; for `=`, one of them is enough."""

    def passes(self, value: str | None) -> bool:
        """Whether the text of a field, `None` for one that is not there, is as it has to be."""
        found: str | float | None = value
        if not isinstance(self.values[0], str):
            try:
                found = float(value or "")
            except ValueError:
                return False
        compare: Callable[[Any, Any], bool] = _COMPARE[self.comparator]
        return found is not None and any(compare(found, item) for item in self.values)


class TriggerEvent(Model):
    """One event that starts the flow."""

    name: str
    parameters: dict[str, str] = {}
    """Flow parameter to the field of the event's payload that it is taken from."""
    filters: tuple[EventFilter, ...] = ()
    """All of them have to hold. An event without one of the fields does not count."""
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


class DeadlineSpec(Spec):
    """`@deadline`: the most seconds that a run may take, from its start to its end."""

    seconds: int


class SecretValue(Model):
    """A value that is never compiled: a task finds it in a variable of its environment."""

    variable: str
    secret: str | None = None
    """The Kubernetes Secret that pods have the variable from; `None` where their environment has it anyway."""
    key: str | None = None
    """Its key there."""


class NotifySpec(Spec):
    """`@notify`: who gets to know how a run has ended."""

    on: tuple[Literal["error", "success", "late"], ...]
    """`late` is a run that its deadline has ended."""
    slack: SecretValue | None = None
    """The URL of an incoming webhook of Slack."""
    webhook: SecretValue | None = None
    """A URL that gets a JSON document."""
    url: str | None = None
    """The same where the URL is no secret."""
    pagerduty: SecretValue | None = None
    """The integration key of PagerDuty's Events API v2."""
    incident_io: SecretValue | None = None
    """The API key of incident.io."""
    alert_source: str | None = None
    """The configuration of an alert source of incident.io, by its id."""
    alert_metadata: dict[str, str] = {}
    """What alerts of incident.io say beside the run."""
    email: tuple[str, ...] = ()
    """Addresses."""
    smtp: SecretValue | None = None
    """The URL of the server that takes the mail: `smtp://user:password@host:587`."""

    @property
    def secrets(self) -> tuple[SecretValue, ...]:
        """The values that a task needs to send it."""
        found = (self.slack, self.webhook, self.pagerduty, self.incident_io, self.smtp)
        return tuple(item for item in found if item is not None)


class RunLimitSpec(Spec):
    """`@concurrency(runs=1)`: the most runs of a deployment at a time."""

    runs: int = Field(ge=1)
    policy: Literal["queue", "replace", "skip"] = "queue"
    """What becomes of a further run: it waits, it ends the one that is under way, or it does not begin."""
