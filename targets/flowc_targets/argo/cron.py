"""`--kind cron`: a CronWorkflow, whose controller makes a Workflow at each time of the schedule.

Up to 3.5 a CronWorkflow has `schedule`, from 4.0 on `schedules`; 3.6 and 3.7 take either.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from flowc_compiler.frontend.decorators.quartz import ScheduleError, to_crontab
from flowc_targets.argo.workflow_objects import Workflow, WorkflowSpec
from flowc_targets.kubernetes.objects import LocalObjectReference, ObjectMeta

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow
    from flowc_targets.argo.options import ArgoOptions

CRON_LIMIT = 52
"""The longest name of a CronWorkflow: the controller puts a dash and ten digits behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRef:
    """The spec of a Workflow that is made of a WorkflowTemplate."""

    workflow_template_ref: LocalObjectReference


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSpec:
    """CronWorkflowSpec."""

    schedule: str | None = None
    schedules: tuple[str, ...] = ()
    timezone: str
    concurrency_policy: str | None = None
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool | None = None
    workflow_metadata: ObjectMeta | None = None
    workflow_spec: WorkflowSpec | TemplateRef


@dataclass(frozen=True, slots=True, kw_only=True)
class CronWorkflow:
    """A CronWorkflow."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["CronWorkflow"] = "CronWorkflow"
    metadata: ObjectMeta
    spec: CronSpec


def cron_workflow(flow: Flow, options: ArgoOptions, template: Workflow, *, refer: bool) -> CronWorkflow:
    """The CronWorkflow that runs what a WorkflowTemplate has: a copy of it, or the template itself with `refer`."""
    times = schedule_of(flow, options)
    assert times is not None, "the flow has a schedule: check_cron"
    cron, timezone = times
    name = template.metadata.name or ""
    own = replace(template.spec, workflow_metadata=None)
    plural = options.argo_version != "3.5"
    spec = CronSpec(
        schedule=None if plural else cron,
        schedules=(cron,) if plural else (),
        timezone=timezone or "UTC",
        concurrency_policy=options.concurrency_policy,
        starting_deadline_seconds=options.starting_deadline_seconds,
        successful_jobs_history_limit=options.successful_history,
        failed_jobs_history_limit=options.failed_history,
        suspend=options.suspend or None,
        workflow_metadata=None if refer else template.spec.workflow_metadata,
        workflow_spec=TemplateRef(workflow_template_ref=LocalObjectReference(name=name)) if refer else own,
    )
    return CronWorkflow(metadata=template.metadata, spec=spec)


def schedule_of(flow: Flow, options: ArgoOptions) -> tuple[str, str | None] | None:
    """Five fields of cron and a time zone: the option's, else those of `@schedule`; `None` where there is neither.

    Raises ScheduleError for an option that cannot be translated.
    """
    spec = flow.specs.schedule
    timezone = options.timezone or (spec.timezone if spec is not None else None)
    if options.schedule is not None:
        return to_crontab(options.schedule), timezone
    return None if spec is None else (spec.cron, timezone)


def check_cron(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report a CronWorkflow without a schedule, and an option that is none."""
    from flowc_compiler.frontend.decorators.flows import check_timezone

    if options.timezone is not None:
        check_timezone(options.timezone, "the options", flow.span, sink)
    try:
        if schedule_of(flow, options) is None and options.kind == "cron":
            sink.error(
                "FC502", f"flow {flow.name} has no schedule for a CronWorkflow", flow.span,
                help='put @schedule(cron="...") above the class, or give --set \'schedule="0 5 * * *"\'',
            )  # fmt: skip
    except ScheduleError as error:
        sink.error(
            "FC505", f"option schedule: {options.schedule!r} cannot be translated: {error}", None,
            help="write five fields as in crontab",
        )  # fmt: skip
    if options.schedule is not None and options.kind != "cron":
        sink.warning(
            "FC505", f"option schedule says nothing with kind={options.kind}", None, help="compile with --kind cron"
        )
