"""What starts a deployed flow: Argo has objects for it that this target does not write yet, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import Span
    from flowc_targets.argo.options import ArgoOptions


def check_deployment(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    """Report schedules and triggers: errors for a template, which waits for them; a Workflow runs at once anyway."""
    specs = flow.specs
    if specs.schedule is not None:
        way_out = f"let a CronWorkflow with schedule {specs.schedule.cron!r} submit the template"
        if specs.schedule.timezone is not None:
            way_out += f", in the time zone {specs.schedule.timezone}"
        _report(options, target, "the schedule", specs.schedule.span, way_out, sink)
    if specs.trigger is not None:
        events = ", ".join(event.name for event in specs.trigger.events)
        way_out = f"let a Sensor of Argo Events submit the template for {events}"
        _report(options, target, "the trigger", specs.trigger.span, way_out, sink)
    if specs.trigger_on_finish is not None:
        flows = ", ".join(flow.name for flow in specs.trigger_on_finish.flows)
        way_out = f"let a Sensor of Argo Events submit the template when {flows} has finished"
        _report(options, target, "the trigger", specs.trigger_on_finish.span, way_out, sink)


def _report(
    options: ArgoOptions, target: str, what: str, span: Span | None, way_out: str, sink: DiagnosticSink
) -> None:
    if options.kind == "workflow":
        message = f"a Workflow runs once, when it is applied: {what} is left out (target {target})"
        sink.warning("FC501", message, span, help=f"for a deployment, compile with --kind template and {way_out}")
    else:
        help_ = f"remove the decorator, and {way_out}"
        sink.unsupported("FC501", target, f"{what} is not written into a WorkflowTemplate yet", span, help=help_)
