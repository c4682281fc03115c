"""`options={"reset_at": {"cron": ..., "timezone": ...}}` of a trigger: when what has come so far is forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from flowc_compiler.frontend.decorators.quartz import ScheduleError, to_crontab
from flowc_targets.argo.events.sensor_model import ByTime, Reset

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import TriggerOnFinishSpec, TriggerSpec


def resets(options: dict[str, Any]) -> tuple[Reset, ...]:
    """The resets that checked options ask for."""
    asked = cast("dict[str, str] | None", options.get("reset_at"))
    if asked is None:
        return ()
    return (Reset(by_time=ByTime(cron=to_crontab(asked["cron"]), timezone=asked.get("timezone"))),)


def check_resets(decorator: str, spec: TriggerSpec | TriggerOnFinishSpec, target: str, sink: DiagnosticSink) -> None:
    """Report options that are no reset."""
    asked = spec.options.get("reset_at")
    others = sorted(set(spec.options) - {"reset_at"})
    if others:
        sink.unsupported(
            "FC501", target, f"options of `@{decorator}`: {', '.join(others)}", spec.span,
            help='give options={"reset_at": {"cron": ..., "timezone": ...}}, or none',
        )  # fmt: skip
    elif asked is not None and (problem := _problem(asked)) is not None:
        sink.error(
            "FC404", f"`reset_at` of `@{decorator}`: {problem}", spec.span,
            help='write {"cron": "0 5 * * *", "timezone": "Europe/Berlin"}',
        )  # fmt: skip


def _problem(asked: object) -> str | None:
    if not isinstance(asked, dict):
        return "it is a dict of cron and timezone"
    fields = cast("dict[object, object]", asked)
    texts = all(isinstance(item, str) for item in fields.values())
    if "cron" not in fields or set(fields) - {"cron", "timezone"} or not texts:
        return "it is a dict of cron and timezone, which are texts"
    try:
        to_crontab(str(fields["cron"]))
    except ScheduleError as error:
        return str(error)
    return None
