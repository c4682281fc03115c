"""How long a run may take, and who gets to know how it has ended: `@deadline` and `@notify`, flowc's own."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, as_list
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import DeadlineSpec, NotifySpec, SecretValue
from flowc_compiler.ir.base import LONGEST_SECONDS
from flowc_compiler.syntax.modules import ModuleView

_TIME = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET = re.compile(r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)/([A-Za-z0-9._-]+)", re.ASCII)
_URL = re.compile(r"https?://[^\s/@]+(/\S*)?", re.ASCII)
_ADDRESS = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


class DeadlineArguments(Arguments):
    """`@deadline`; the four are summed."""

    seconds: _TIME = 0
    minutes: _TIME = 0
    hours: _TIME = 0
    days: _TIME = 0

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The deadline, in whole seconds."""
        seconds = self.seconds + 60 * self.minutes + 3600 * self.hours + 86400 * self.days
        if seconds == 0:
            at.error("FC404", "`@deadline` has no time", help="give seconds, minutes, hours or days")
        elif seconds > LONGEST_SECONDS:
            message = f"`@deadline` is longer than {LONGEST_SECONDS} seconds"
            at.error("FC404", message, help="give less, or leave it out: a run may then take as long as it likes")
        else:
            return {"deadline": DeadlineSpec(span=at.span, seconds=math.ceil(seconds))}
        return {}


def secret_value(value: object) -> object:
    """The name of a value that is not compiled: `NAME` of the environment, or `secret/key` of Kubernetes.

    Raises ValueError for anything else, such as the secret itself.
    """
    if value is None or isinstance(value, SecretValue):
        return value
    text = value if isinstance(value, str) else ""
    if _VARIABLE.fullmatch(text):
        return SecretValue(variable=text)
    if match := _SECRET.fullmatch(text):
        variable = re.sub(r"[^A-Z0-9]", "_", text.upper())
        name = variable if _VARIABLE.fullmatch(variable) else f"_{variable}"
        return SecretValue(variable=name, secret=match[1], key=match[2])
    raise ValueError(
        "give the name of a secret, not the secret itself, which anybody could read in the manifest: NAME of a "
        "variable, or 'secret/key' of a Kubernetes Secret"
    )


def _addresses(value: object) -> object:
    items = [value] if isinstance(value, str) else as_list(value) or []
    if not items or not all(isinstance(item, str) and _ADDRESS.fullmatch(item) for item in items):
        raise ValueError("give an address, or a list of addresses, such as 'team@example.com'")
    return items


def _place(value: object) -> object:
    return value if isinstance(value, str) and _URL.fullmatch(value) else secret_value(value)


_Secret = Annotated[SecretValue | None, BeforeValidator(secret_value)]


class NotifyArguments(Arguments):
    """`@notify`. Of a webhook the URL itself may be given, where it has no secret in it."""

    on: Annotated[tuple[Literal["error", "success", "late"], ...], Field(min_length=1), BeforeValidator(
        lambda value: [value] if isinstance(value, str) else value)] = ("error",)  # fmt: skip
    slack: _Secret = None
    webhook: Annotated[str | SecretValue | None, BeforeValidator(_place)] = None
    pagerduty: _Secret = None
    incident_io: _Secret = None
    alert_source: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]+$")] = Field(
        None, description="the id of an alert source, of letters, digits, `_` and `-`"
    )
    email: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = ()
    smtp: _Secret = None

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The notification, one of several that a flow may have."""
        found = self.told(at)
        return {} if found is None else {"notifications": (found,)}

    def told(self, at: Origin) -> NotifySpec | None:
        """The notification; `None`, with FC404 collected, where it tells nobody."""
        if not (self.slack or self.webhook or self.pagerduty or self.incident_io or self.email):
            at.error("FC404", "`@notify` tells nobody", help="give slack, webhook, pagerduty, incident_io or email")
            return None
        if self.incident_io and not self.alert_source:
            at.error("FC404", "`@notify` needs the alert source of incident.io", help="give its id as `alert_source`")
            return None
        if not self.incident_io:
            self._without_effect(at, ("alert_source",), "without incident_io", "leave it out")
        if not self.email:
            self._without_effect(at, ("smtp",), "without email", "leave it out, or give email='team@example.com'")
        return NotifySpec(
            span=at.span,
            on=tuple(dict.fromkeys(self.on)),
            slack=self.slack,
            webhook=self.webhook if isinstance(self.webhook, SecretValue) else None,
            url=self.webhook if isinstance(self.webhook, str) else None,
            pagerduty=self.pagerduty,
            incident_io=self.incident_io,
            alert_source=self.alert_source if self.incident_io else None,
            email=self.email,
            smtp=self.smtp if self.email else None,
        )
