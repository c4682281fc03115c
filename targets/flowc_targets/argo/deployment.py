"""What is deployed of a flow, and what its schedule and triggers need for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.argo.cron import CronWorkflow, check_cron, cron_workflow
from flowc_targets.argo.events.event_parameters import waits_for_events
from flowc_targets.argo.events.sensor import event_objects
from flowc_targets.argo.events.sensor_model import EventSource, Sensor
from flowc_targets.argo.events.trigger_checks import check_triggers
from flowc_targets.argo.workflow_objects import Workflow

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_compiler.source import Span
    from flowc_targets.argo.options import ArgoOptions

Deployed = Workflow | CronWorkflow | EventSource | Sensor
"""What there is beside the ConfigMap."""


def deployed(flow: Flow, options: ArgoOptions, workflow: Workflow) -> tuple[Deployed, ...]:
    """The objects of the chosen kind. `workflow` is the Workflow, or the WorkflowTemplate of the other kinds.

    A CronWorkflow has the spec in itself, unless events start runs, too: then both refer to the WorkflowTemplate.
    """
    events = event_objects(flow, options, workflow) if waits_for_events(flow, options) else ()
    if options.kind != "cron":
        return (workflow, *events)
    cron = cron_workflow(flow, options, workflow, refer=bool(events))
    return (workflow, cron, *events) if events else (cron,)


def check_deployment(flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink) -> None:
    """Report what the kind leaves out of schedules and triggers, and what is wrong with those that it writes."""
    specs = flow.specs
    check_cron(flow, options, sink)
    if specs.schedule is not None and options.kind != "cron":
        _report_schedule(options, target, specs.schedule.span, sink)
    if waits_for_events(flow, options):
        check_triggers(flow, options, target, sink)
        return
    for spec in (specs.trigger, specs.trigger_on_finish):
        if spec is not None:
            _left_out("the trigger", "template", target, spec.span, sink)


def _report_schedule(options: ArgoOptions, target: str, span: Span | None, sink: DiagnosticSink) -> None:
    """A Workflow runs when it is applied anyway; a template without its schedule would wait for ever."""
    if options.kind == "workflow":
        _left_out("the schedule", "cron", target, span, sink)
    else:
        message = "a WorkflowTemplate has no schedule"
        help_ = "compile with --kind cron; or remove the decorator, where runs are submitted by hand only"
        sink.unsupported("FC501", target, message, span, help=help_)


def _left_out(what: str, kind: str, target: str, span: Span | None, sink: DiagnosticSink) -> None:
    message = f"a Workflow runs once, when it is applied: {what} is left out (target {target})"
    sink.warning("FC501", message, span, help=f"for a deployment, compile with --kind {kind}")
