"""What Airflow, or this target so far, cannot express: diagnostics at the line, with the way out."""

from __future__ import annotations

import json
import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from flowc_targets.base.parameter_defaults import literal_default
from flowc_targets.kubernetes.event_names import check_upstream_flows
from flowc_targets.kubernetes.pod import secret_names
from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks
from flowc_targets.package.project_names import deployment_name

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ForeachStep, ParallelStep, Step
    from flowc_compiler.ir.values import Value
    from flowc_targets.airflow.options import AirflowOptions

NAME = "airflow"
MAX_ID = 250
"""The longest id of a DAG or a task."""
MAX_TAG = 100

MANY_STEPS = 10_000
"""From so many on it is told how long Airflow has for a file: 1,000 steps take it up to half a second."""
AIRFLOWS_MOST = 16
"""Tasks of one run at a time, where nobody has set core.max_active_tasks_per_dag."""

_WAY_OUT = (
    "let each item be several pieces of work, or raise core.max_map_length of Airflow "
    "(AIRFLOW__CORE__MAX_MAP_LENGTH), and tell flowc with --set max_map_length="
)
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
    _check_widths(flow, options.max_map_length, sink)
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
    inside = [other for other in flow.steps if not other.virtual and step in _openers_around(flow, other)]
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


class _Width(NamedTuple):
    """A number of items."""

    items: int
    certain: bool
    """Whether no run can have another: a parameter's default may be replaced."""


def _check_widths(flow: Flow, most: int, sink: DiagnosticSink) -> None:
    """Report each foreach that has more items than Airflow maps over: an error, or a warning where a run may differ.

    The items of a foreach in another are mapped over together, so that their product counts.
    """
    for step in flow.steps:
        width = _in_all(flow, step)
        if width is None or width.items <= most:
            continue
        several = len(_openers_around(flow, step)) > 0
        message = (
            f"`{step.name}` has {width.items:,} items{' in all' if several else ''}, and Airflow maps over {most:,}"
        )
        span, help_ = step.next_span or step.span, f"{_WAY_OUT}{width.items}"
        if width.certain:
            sink.unsupported("FC503", NAME, message, span, help=help_)
        else:
            sink.warning("FC503", f"{message} (target {NAME})", span, help=help_)


def _in_all(flow: Flow, step: Step) -> _Width | None:
    """The items of a foreach, together for all items of those around it."""
    found = [_width(flow, each) for each in [step, *_openers_around(flow, step)]]
    known = [width for width in found if width is not None]
    if len(known) < len(found):
        return None
    return _Width(prod(width.items for width in known), all(width.certain for width in known))


def _openers_around(flow: Flow, step: Step) -> list[Step]:
    """The openers of the foreach that a step stands in."""
    openers: list[Step] = []
    scope = flow.scope_by_id[step.scope]
    while scope.parent is not None:
        if scope.kind in {"foreach", "parallel"} and scope.opener is not None:
            openers.append(flow.by_name[scope.opener])
        scope = flow.scope_by_id[scope.parent]
    return openers


def _width(flow: Flow, step: Step) -> _Width | None:
    match step.kind:
        case "parallel":
            return _Width(step.num_parallel, certain=True) if step.num_parallel is not None else None
        case "foreach":
            return _fan_width(flow, step)
        case _:
            return None


def _fan_width(flow: Flow, step: ForeachStep) -> _Width | None:
    """Of lists that are combined the product; of lists side by side that of any, since all have to be of one length."""
    if step.fan is None:
        return _default_width(flow, step.variable)
    found = [_value_width(flow, source) for source in step.fan.sources]
    known = [width for width in found if width is not None]
    if step.fan.product:
        certain = all(width.certain for width in known)
        return _Width(prod(width.items for width in known), certain) if len(known) == len(found) else None
    return max(known, key=lambda width: width.certain, default=None)


def _value_width(flow: Flow, value: Value) -> _Width | None:
    match value.kind:
        case "literal":
            items: object = value.value
            return _Width(len(items), certain=True) if isinstance(items, list | tuple | range) else None  # pyright: ignore
        case "list" | "tuple":
            return _Width(len(value.values), certain=True)
        case "parameter":
            return _default_width(flow, value.name)
        case _:
            return None


def _default_width(flow: Flow, name: str) -> _Width | None:
    """The length of a parameter's default, where the name is one's and its default is a list."""
    parameter = next((item for item in flow.parameters if name in {item.name, item.attribute}), None)
    if parameter is None:
        return None
    default = literal_default(parameter)
    if default is None and parameter.type == "json" and isinstance(parameter.default, str):
        try:
            default = json.loads(parameter.default)
        except ValueError:
            return None
    return _Width(len(default), certain=False) if isinstance(default, list | tuple) else None  # pyright: ignore
