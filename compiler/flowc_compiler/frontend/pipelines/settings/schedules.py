"""ZenML's `Schedule` to the schedule of a flow."""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.flow_decorators import check_timezone
from flowc_compiler.frontend.decorators.quartz import ScheduleError, to_crontab
from flowc_compiler.frontend.pipelines.settings.known import SCHEDULE
from flowc_compiler.frontend.pipelines.settings.models import ScheduleFields
from flowc_compiler.frontend.pipelines.settings.reading import checked
from flowc_compiler.frontend.pipelines.settings.tree import Leaf, Tree, place_of
from flowc_compiler.ir import ScheduleSpec


def schedule_spec(tree: Tree | Leaf | None, sink: DiagnosticSink) -> ScheduleSpec | None:
    """When the flow runs. Collects FC407 for times that cron cannot say."""
    place = None if tree is None else place_of(tree)
    if tree is None or place is None:
        return None
    if isinstance(tree, Leaf):
        sink.error("FC404", "`schedule` is not made with Schedule", place(), help="write Schedule(cron_expression=...)")
        return None
    refused = {name for name in tree if name in SCHEDULE.refused}
    if "cron_expression" not in tree:
        sink.error(
            "FC407", f"a schedule without cron_expression{' is not expressed' if refused else ''}", place(),
            help=SCHEDULE.refused[min(refused)] if refused else "write Schedule(cron_expression='0 5 * * *')",
        )  # fmt: skip
        return None
    fields = checked(ScheduleFields, tree, "Schedule", sink, SCHEDULE)
    if fields is None:
        return None
    span = place()
    check_timezone(fields.timezone, "Schedule", span, sink)
    try:
        cron = to_crontab(fields.cron_expression)
    except ScheduleError as error:
        sink.error(
            "FC407", f"the schedule {fields.cron_expression!r} cannot be translated: {error}", span,
            help="write five fields as in crontab, or choose times that they can say",
        )  # fmt: skip
        return None
    return ScheduleSpec(span=span, cron=cron, original=fields.cron_expression, timezone=fields.timezone)
