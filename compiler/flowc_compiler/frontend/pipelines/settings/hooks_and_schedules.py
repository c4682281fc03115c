"""What a pipeline says of its runs: functions that it names as hooks, and ZenML's `Schedule`."""

from __future__ import annotations

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.flow_decorator_specs import check_hook, schedule_spec
from flowc_compiler.frontend.pipelines.settings.layer_reader import checked
from flowc_compiler.frontend.pipelines.settings.settings_models import ScheduleFields
from flowc_compiler.frontend.pipelines.settings.settings_tree import Leaf, Tree, span_of
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import SCHEDULE
from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import ExitHookSpec, ScheduleSpec
from flowc_compiler.syntax.modules import ModuleView


def exit_hooks(tree: Tree, view: ModuleView, sink: DiagnosticSink) -> tuple[ExitHookSpec, ...]:
    """What runs after the run: ZenML's hooks of a pipeline. A name that is no function of the file is FC404."""
    hooks: list[ExitHookSpec] = []
    for name in ("on_success", "on_failure", "on_end"):
        leaf = tree.get(name)
        if not isinstance(leaf, Leaf):
            continue
        if check_hook(leaf.value, view, f"`{name}` of `@pipeline`", "pipeline", Origin(leaf.span, sink)):
            functions = (str(leaf.value),)
            success = functions if name != "on_failure" else ()
            error = functions if name != "on_success" else ()
            hooks.append(ExitHookSpec(span=leaf.span, on_success=success, on_error=error))
    return tuple(hooks)


def pipeline_schedule(tree: Tree | Leaf | None, sink: DiagnosticSink) -> ScheduleSpec | None:
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
    return schedule_spec(fields.cron_expression, fields.timezone, "Schedule", Origin(span, sink))
