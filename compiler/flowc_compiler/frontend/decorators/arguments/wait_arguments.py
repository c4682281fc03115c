"""What a step waits for before it begins: `@wait_for`, `@approval`, and Metaflow's sensors, which Airflow alone has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from flowc.protocol.scheduled import PLACE
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments, Names, seconds
from flowc_compiler.frontend.spec_builder import Origin, some_specs
from flowc_compiler.ir import NO_SPECS, ApprovalSpec, StepSpecs, WaitSpec
from flowc_compiler.ir.base import LONGEST_SECONDS
from flowc_compiler.ir.schedules import TIME_FORMAT_HELP, time_format_problem
from flowc_compiler.syntax.modules import ModuleView

Duration = Annotated[float, Field(gt=0, le=LONGEST_SECONDS), BeforeValidator(seconds)]
"""Seconds, as a number or as text such as `2h`."""
_SCHEMES = ("az", "file", "gs", "http", "https", "s3")
_LONGEST_CHOICE = 60


def _url(value: str) -> str:
    scheme, separator, rest = value.partition("://")
    if "\0" in value:
        raise ValueError("no name can have a NUL character in it")
    if separator and scheme not in _SCHEMES:
        raise ValueError(f"the scheme {scheme!r} is none of {', '.join(_SCHEMES)}")
    if not (rest if separator else value).strip("/"):
        raise ValueError("it names nothing to wait for")
    if separator and scheme in {"s3", "gs", "az"} and not rest.partition("/")[2]:
        raise ValueError(
            f"it names no object: write {scheme}://bucket/key, or {scheme}://bucket/prefix/ for any below it"
        )
    if separator and scheme.startswith("http"):
        _check_address(value)
    return value


def _check_address(url: str) -> None:
    """Raise ValueError for the address of no server."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(f"{url!r} is not an address: {error}") from None
    if not re.fullmatch(r"[^\s{}%<>\"\\^`|]+", host):
        raise ValueError(f"{url!r} is not an address: it names no server: write 'https://prices.example/ready'")


def _statuses(value: object) -> object:
    return (value,) if isinstance(value, int) else value


def _choices(value: tuple[str, ...]) -> tuple[str, ...]:
    for choice in value:
        if not re.fullmatch(r"[^\W_](?:[\w .,:/+-]*\w)?", choice) or len(choice) > _LONGEST_CHOICE:
            raise ValueError(
                f"{choice!r} is no choice: it has letters, digits and `_ .,:/+-`, begins with a letter or a digit, and "
                f"has at most {_LONGEST_CHOICE} characters"
            )
        if value.count(choice) > 1:
            raise ValueError(f"{choice!r} is there twice")
    return value


Interval = Annotated[float, Field(ge=0.1, le=LONGEST_SECONDS), BeforeValidator(seconds)]
"""Seconds between two looks."""
Statuses = Annotated[tuple[Annotated[int, Field(ge=100, le=599)], ...], Field(min_length=1), BeforeValidator(_statuses)]
"""Statuses of HTTP, one or several."""


class WaitForArguments(Arguments):
    """`@wait_for`, flowc's own, on a step or on the whole flow, whose first step waits then."""

    POSITIONAL: ClassVar[str | None] = "url"

    url: Annotated[str, AfterValidator(_url)] | None = None
    flow: Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")] | None = Field(
        None, description="the name of a flow, as its class or function has it"
    )
    every: Interval = 60
    timeout: Duration = 86400
    status: Statuses = (200,)
    within: Duration = 86400

    def _waits(self, at: Origin) -> tuple[WaitSpec, ...]:
        if (self.url is None) == (self.flow is None):
            what = "is given two things" if self.url is not None else "does not say what"
            help_ = 'write `@wait_for("s3://bucket/key")`, or `@wait_for(flow="Other")`'
            at.error("FC404", f"`@wait_for` {what} to wait for", help=help_)
            return ()
        is_http = self.url is not None and self.url.startswith(("http://", "https://"))
        for name, used in (("status", is_http), ("within", self.flow is not None)):
            if name in self.model_fields_set and not used:
                what = "an HTTP address" if name == "status" else "a flow"
                at.sink.warning("FC410", f"`{name}` does nothing: it is for {what}", at.span, help="leave it out")
        if problem := time_format_problem(self.url or ""):
            at.error("FC404", f"what `@wait_for` waits for: {problem}", help=TIME_FORMAT_HELP)
        for place in re.findall(r"\{[^{}]*\}?", PLACE.sub("", self.url or "")):
            message = f"`{place}` in what `@wait_for` waits for stands for itself"
            help_ = "write {scheduled} or {scheduled:%F} for the time that the run is scheduled for"
            at.sink.warning("FC410", message, at.span, help=help_)
        if "every" in self.model_fields_set and self.every > self.timeout:
            message = "`every` of `@wait_for` is longer than its timeout: it looks at the beginning and at the end"
            at.sink.warning("FC410", message, at.span, help="give a shorter `every`, or a longer `timeout`")
        spec = WaitSpec(span=at.span, **self.model_dump())
        return (spec.model_copy(update={"every": min(self.every, self.timeout)}),)

    def _specs(self, at: Origin, /) -> StepSpecs:
        waits = self._waits(at)
        return some_specs(waits=waits) if waits else NO_SPECS

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """What the first step waits for."""
        return {"waits": self._waits(at)}


class ApprovalArguments(Arguments):
    """`@approval`, flowc's own."""

    choices: Annotated[tuple[str, ...], Field(min_length=2), AfterValidator(_choices)]
    message: str = ""
    timeout: Duration | None = None
    default: str | None = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        if self.default is not None and self.default not in self.choices:
            message = f"the default {self.default!r} of `@approval` is not one of the choices"
            at.error("FC404", message, help=f"make it one of {', '.join(self.choices)}")
            return NO_SPECS
        if self.default is not None and self.timeout is None:
            self._without_effect(at, ("default",), "without a timeout", "give timeout=, after which it is chosen")
        return some_specs(approval=ApprovalSpec(span=at.span, **self.model_dump()))


_OF_AIRFLOW = ("mode", "exponential_backoff", "pool", "name", "description")


class _SensorArguments(Arguments):
    """What Metaflow's sensors have in common: `every` and `timeout` of `@wait_for` under Airflow's names."""

    timeout: Duration = 3600
    poke_interval: Duration = 60
    mode: str = "poke"
    exponential_backoff: bool = True
    pool: str | None = None
    soft_fail: bool = False
    name: str | None = None
    description: str | None = None

    NAME: ClassVar[str] = ""
    LOST: ClassVar[tuple[str, ...]] = ()
    """Arguments that no engine but Airflow could be asked for."""

    def _waited(self) -> list[dict[str, Any]]:
        """What differs from sensor to sensor, for each wait."""
        raise NotImplementedError

    def flow_specs(self, at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """What the first step waits for. Collects FC410 and FC411 for what no engine would be asked for."""
        for name in sorted({*_OF_AIRFLOW, *self.LOST} & self.model_fields_set):
            message = f"`{name}` of `@{self.NAME}` does nothing: the first step waits, on every engine"
            at.sink.warning("FC410", message, at.span, help="leave it out")
        if self.soft_fail:
            message = f"`soft_fail` of `@{self.NAME}` would skip what follows, and the run fails here"
            at.error("FC411", message, help="leave it out, or look for the data in the first step")
        try:
            waited = self._waited()
        except ValueError as error:
            at.error("FC404", f"`@{self.NAME}`: {error}", help="name what is to be there")
            return {}
        every = min(self.poke_interval, self.timeout)
        common = {"span": at.span, "every": every, "timeout": self.timeout}
        return {"waits": tuple(WaitSpec(**common, **own) for own in waited)}


class S3KeySensorArguments(_SensorArguments):
    """`@airflow_s3_key_sensor` of Metaflow."""

    NAME = "airflow_s3_key_sensor"
    LOST = ("aws_conn_id", "verify")

    bucket_key: Annotated[Names, Field(min_length=1)]
    bucket_name: str | None = None
    wildcard_match: bool = False
    aws_conn_id: str | None = None
    verify: bool | str | None = None

    def _waited(self) -> list[dict[str, Any]]:
        bucket = f"s3://{self.bucket_name}/" if self.bucket_name is not None else ""
        return [{"url": _url(f"{bucket}{key}"), "pattern": self.wildcard_match} for key in self.bucket_key]


class ExternalTaskSensorArguments(_SensorArguments):
    """`@airflow_external_task_sensor` of Metaflow: the other DAG is a flow whose runs are in the same store."""

    NAME = "airflow_external_task_sensor"
    LOST = ("allowed_states", "check_existence", "execution_delta", "failed_states")

    external_dag_id: Annotated[str, Field(min_length=1)]
    external_task_ids: Names = ()
    allowed_states: Names = ()
    failed_states: Names = ()
    execution_delta: Any = None
    check_existence: bool = True

    def flow_specs(self, at: Origin, main: ModuleView, /) -> Mapping[str, object]:
        """What the first step waits for."""
        if self.external_task_ids:
            message = f"`external_task_ids` of `@{self.NAME}`: a whole run is waited for, not single tasks of it"
            at.error("FC411", message, help="leave it out")
        return super().flow_specs(at, main)

    def _waited(self) -> list[dict[str, Any]]:
        return [{"flow": self.external_dag_id}]
