"""What Airflow, or this target so far, cannot express: diagnostics at the line, with the way out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowc_targets.airflow.map_widths import check_widths, openers_around
from flowc_targets.kubernetes.event_names import check_upstream_flows
from flowc_targets.kubernetes.pod import secret_names
from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks
from flowc_targets.package.project import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ParallelStep, Step
    from flowc_targets.airflow.options import AirflowOptions

NAME = "airflow"
MAX_ID = 250
"""The longest id of a DAG or a task."""
MAX_TAG = 100

MANY_STEPS = 10_000
"""From so many on it is told how long Airflow has for a file: 1,000 steps take it up to half a second."""
AIRFLOWS_MOST = 16
"""Tasks of one run at a time, where nobody has set core.max_active_tasks_per_dag."""

_DAG_ID = re.compile(r"[\w.-]+")


def check(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report what stands in the way of lowering."""
    if not options.root:
        sink.error(
            "FC502", "the airflow target needs the artifact store's URL", None,
            help="give --root s3://bucket/prefix, or root in [tool.flowc] of pyproject.toml",
        )  # fmt: skip
    _check_names(flow, options, sink)
    _check_deployment(flow, sink)
    if options.code == "configmap" and not options.in_pods:
        sink.error(
            "FC505", "code=configmap is for pods, and the tasks are local processes", None,
            help="leave it out, or compile with --operator kubernetes",
        )  # fmt: skip
    check_exit_hooks(flow, NAME, sink)
    if len(flow.steps) > MANY_STEPS:
        sink.warning(
            "FC503", f"{len(flow.steps):,} steps may take Airflow longer to import than core.dagbag_import_timeout, "
            f"which is 30 s (target {NAME})", flow.span,
            help="raise that setting, split the flow in two, or turn repeated steps into a foreach",
        )  # fmt: skip
    check_widths(flow, options.max_map_length, NAME, sink)
    for step in flow.steps:
        if step.kind == "parallel":
            _check_gang(step, options, sink)
        _check_waits(step, sink)
        _check_parallelism(flow, step, sink)
        if options.operator == "local":
            _check_local(step, sink)
    check_environment(flow, options, NAME, sink)


def _check_gang(step: ParallelStep, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """The members wait for each other, each in a slot of the pool."""
    pool = options.pool or "default_pool"
    count = "all of them" if step.num_parallel is None else str(step.num_parallel)
    most = options.max_active_tasks or AIRFLOWS_MOST
    span = step.next_span or step.span
    if step.num_parallel is not None and step.num_parallel > most:
        where = "with --set max_active_tasks" if options.max_active_tasks else "max_active_tasks_per_dag, by default"
        sink.unsupported(
            "FC503", NAME, f"{count} members of a gang run at the same time, and a run may have {most} tasks ({where})",
            span, help=f"compile with --set max_active_tasks={step.num_parallel} or more",
        )  # fmt: skip
    sink.warning(
        "FC503",
        f"the members of a gang run at the same time: pool {pool!r} needs {count} free slots at once, and the executor "
        f"as many workers (target {NAME})",
        span, help="give gangs a pool of their own (--set pool=...), whose slots are a multiple of their members",
    )  # fmt: skip


def _check_waits(step: Step, sink: DiagnosticSink) -> None:
    """Airflow 2.11 knows doubling waits only, and 3.3 reads what says so as waits of one length."""
    retry = step.specs.retry
    if retry is not None and retry.backoff_factor > 1 and retry.limit > 1:
        sink.warning(
            "FC501",
            f"step `{step.name}`: all attempts are {retry.backoff_seconds:g} s apart, and the waits do not grow "
            f"(target {NAME})",
            retry.span or step.span, help="choose a wait that is long enough for all of them",
        )  # fmt: skip


def _check_parallelism(flow: Flow, step: Step, sink: DiagnosticSink) -> None:
    """Airflow bounds the tasks of one step, not the items that are worked on."""
    options = step.specs.foreach
    if options is None or options.parallelism is None or step.kind != "foreach":
        return
    inside = [other for other in flow.steps if not other.virtual and step in openers_around(flow, other)]
    if len(inside) > 1:
        most = options.parallelism
        sink.warning(
            "FC501",
            f"the items of `{step.name}` go through several steps: each runs for at most {most} items at a time, and "
            f"more than {most} items may be under way (target {NAME})", options.span,
            help="where that is too many, make one step of the foreach's body, or give a pool with --set pool=...",
        )  # fmt: skip


def _check_local(step: Step, sink: DiagnosticSink) -> None:
    """Local processes have no pods: say what is left out, as a warning, since that is what was asked for."""
    specs = step.specs
    for title, spec in (
        ("resources", specs.resources),
        ("GPUs", specs.accelerator),
        ("placement", specs.placement),
        ("@kubernetes", specs.container),
        ("Kubernetes Secrets", specs.secrets if secret_names(specs) else None),
    ):
        if spec is not None:
            sink.warning(
                "FC501", f"step `{step.name}` runs as a local process, without its {title} (target {NAME})",
                spec.span or step.span, help="compile with --operator kubernetes to run it in a pod",
            )  # fmt: skip


def _check_names(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
    dag_id = options.dag_id or deployment_name(flow)
    if len(dag_id) > MAX_ID:
        sink.unsupported("FC503", NAME, f"the DAG id has {len(dag_id)} characters, more than {MAX_ID}", flow.span,
                         help="give a shorter one with --set dag_id=...")  # fmt: skip
    if not _DAG_ID.fullmatch(dag_id):
        sink.error("FC505", f"{dag_id!r} is not a DAG id", None, help="use letters, digits, `_`, `-` and `.`")
    for tag in options.tags:
        if len(tag) > MAX_TAG:
            sink.unsupported("FC503", NAME, f"a tag has {len(tag)} characters, more than {MAX_TAG}", None,
                             help="shorten it")  # fmt: skip
    for step in flow.steps:
        if len(step.name) > MAX_ID - len("-indices"):
            sink.unsupported("FC503", NAME, f"a step's name has {len(step.name)} characters, too many for a task id",
                             step.span, help="shorten it")  # fmt: skip


def _check_deployment(flow: Flow, sink: DiagnosticSink) -> None:
    """Report triggers that assets cannot express, and a schedule of a flow with a required parameter."""
    specs = flow.specs
    _check_triggers(flow, sink)
    if specs.schedule is None:
        return
    for parameter in flow.run_parameters:
        if parameter.required and not parameter.has_default:
            sink.unsupported(
                "FC501", NAME, f"a schedule cannot give the required parameter {parameter.name!r}", parameter.span,
                help="give it a default, or remove @schedule",
            )  # fmt: skip


def _check_triggers(flow: Flow, sink: DiagnosticSink) -> None:
    """Report what assets cannot express."""
    specs = flow.specs
    check_upstream_flows(flow, NAME, sink)
    for what, spec in (("@trigger", specs.trigger), ("@trigger_on_finish", specs.trigger_on_finish)):
        if spec is not None and specs.schedule is not None:
            sink.unsupported(
                "FC501", NAME, f"a DAG waits for its schedule or for assets, and this flow has @schedule and {what}",
                spec.span, help="keep one of them, or let a DAG with the schedule update the asset",
            )  # fmt: skip
        if spec is not None and spec.options:
            sink.unsupported(
                "FC501", NAME, f"options of {what} ({', '.join(spec.options)}) mean nothing to assets", spec.span,
                help="remove `options`",
            )  # fmt: skip
    for event in specs.trigger.events if specs.trigger is not None else ():
        if event.parameters:
            assert specs.trigger is not None
            sink.unsupported(
                "FC501", NAME, f"parameters from the payload of event {event.name!r} are not taken", specs.trigger.span,
                help="remove `parameters`, and read what the event is about in the first step",
            )  # fmt: skip
