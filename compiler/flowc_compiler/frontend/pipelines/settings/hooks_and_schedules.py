"""What a pipeline says of its runs: functions that it names as hooks, and ZenML's `Schedule`."""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.pipelines.settings.layer_reader import checked
from flowc_compiler.frontend.pipelines.settings.settings_models import ScheduleFields
from flowc_compiler.frontend.pipelines.settings.settings_tree import Leaf, Tree, span_of
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import SCHEDULE
from flowc_compiler.ir import ExitHookSpec, ScheduleSpec
from flowc_compiler.ir.schedules import ScheduleError, check_timezone, to_crontab
from flowc_compiler.syntax.modules import ModuleView

_ON_SUCCESS = ("on_success", "on_end")
_ON_ERROR = ("on_failure", "on_end")


def exit_hooks(tree: Tree, view: ModuleView, sink: DiagnosticSink) -> tuple[ExitHookSpec, ...]:
    """What runs after the run: ZenML's hooks of a pipeline. A name that is no function of the file is FC404."""
    hooks: list[ExitHookSpec] = []
    for name in ("on_success", "on_failure", "on_end"):
        leaf = tree.get(name)
        if not isinstance(leaf, Leaf):
            continue
        text, span = leaf.value, leaf.span
        if not isinstance(text, str) or not _is_function(text, view):
            sink.error(
                "FC404", f"`{name}` of `@pipeline`: there is no function {text!r} in the file", span,
                help="name a function of the pipeline's file, or give its import path: 'package.module.function'",
            )  # fmt: skip
            continue
        success, error = (text,) * (name in _ON_SUCCESS), (text,) * (name in _ON_ERROR)
        hooks.append(ExitHookSpec(span=span, on_success=success, on_error=error))
    return tuple(hooks)


def _is_function(name: str, view: ModuleView) -> bool:
    if "." in name:
        return all(part.isidentifier() for part in name.split("."))
    return name in view.imports or name in view.functions


def schedule_spec(tree: Tree | Leaf | None, sink: DiagnosticSink) -> ScheduleSpec | None:
    """When the flow runs. Collects FC407 for times that cron cannot say."""
    span = None if tree is None else span_of(tree)
    if tree is None or span is None:
        return None
    if isinstance(tree, Leaf):
        sink.error("FC404", "`schedule` is not a Schedule", span, help="write Schedule(cron_expression=...)")
        return None
    refused = {name for name in tree if name in SCHEDULE.refused}
    if "cron_expression" not in tree:
        sink.error(
            "FC407", f"a schedule without cron_expression{' is not expressed' if refused else ''}", span,
            help=SCHEDULE.refused[min(refused)] if refused else "write Schedule(cron_expression='0 5 * * *')",
        )  # fmt: skip
        return None
    fields = checked(ScheduleFields, tree, "Schedule", sink, SCHEDULE)
    if fields is None:
        return None
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
