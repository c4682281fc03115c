"""Checks for what a flow needs and Airflow, or this target so far, cannot express."""

from __future__ import annotations

import json
import re
from collections import Counter
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.ir.schedules import merged_crons
from flowc_compiler.passes.contraction import contracted
from flowc_targets.airflow.locks import check_locks
from flowc_targets.base.json_parts import as_map
from flowc_targets.base.parameter_defaults import literal_default
from flowc_targets.kubernetes.pod import secret_names
from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks
from flowc_targets.kubernetes.pod_security import check_restricted
from flowc_targets.package.project_names import check_upstream_flows, deployment_name, event_name, event_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ForeachStep, ParallelStep, Step
    from flowc_compiler.ir.regions import Value
    from flowc_targets.airflow.options import AirflowOptions

NAME = "airflow"
MAX_ID = 250
"""The longest id of a DAG or a task."""
MAX_ASSET = 1500
"""The longest name of an asset."""
MAX_TAG = 100
"""The longest tag of a DAG."""

MANY_STEPS = 10_000
"""More steps than this may take Airflow longer to import than it allows: 1,000 steps take up to half a second."""
DEFAULT_ACTIVE_TASKS = 16
"""core.max_active_tasks_per_dag of Airflow by default: tasks of one run at a time."""

_WIDTH_HELP = (
    "let a task work on several items with --batch {step}={items}, or raise Airflow's core.max_map_length "
    "(AIRFLOW__CORE__MAX_MAP_LENGTH) and compile with --set max_map_length={width}"
)
_DAG_ID = re.compile(r"[\w.-]+")


def check(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report what prevents lowering, and what Airflow does otherwise than the flow says."""
    whole, flow = flow, contracted(flow)
    if not options.root:
        sink.error(
            "FC502", "the airflow target needs the artifact store's URL", None,
            help=f"{options.root_help}give --root s3://bucket/prefix, or root in [tool.flowc] of pyproject.toml",
        )  # fmt: skip
    _check_names(flow, options, sink)
    _check_deployment(flow, sink)
    if options.code == "configmap" and not options.in_pods:
        sink.error(
            "FC505", "local processes cannot read their code from a ConfigMap", None,
            help="remove code=configmap, or compile with --operator kubernetes",
        )  # fmt: skip
    check_exit_hooks(flow, NAME, sink)
    _check_notice_secrets(flow, options, sink)
    check_locks(flow, sink)
    if len(flow.steps) > MANY_STEPS:
        sink.warning(
            "FC503", f"importing {len(flow.steps):,} steps may take Airflow longer than its core.dagbag_import_timeout "
            f"of 30 s (target {NAME})", flow.span,
            help="raise that setting, split the flow, or turn repeated steps into a foreach",
        )  # fmt: skip
    _check_assets(flow, sink)
    _check_widths(flow, options.max_map_length, sink)
    _check_parallelism(flow, sink)
    for step in flow.steps:
        if step.kind == "parallel":
            _check_gang(flow, step, options, sink)
        _check_waits(step, sink)
        if options.operator == "local":
            _check_local(step, sink)
            _check_deferrable(step, sink)
    check_environment(whole, options, NAME, sink)
    if options.in_pods:
        override = as_map(options.pod_override.get("spec"))
        check_restricted(flow, options, NAME, [("pod_override", override)], sink)
    options.report_manifest_problems(sink)


def _check_notice_secrets(flow: Flow, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report secrets of Kubernetes for notifications that no pod sends."""
    specs = flow.specs.notifications
    if options.in_pods:
        specs = tuple(spec for spec in specs if "late" in spec.on and flow.specs.deadline is not None)
    names = dict.fromkeys(value.variable for spec in specs for value in spec.secrets if value.secret is not None)
    if names:
        sender = "the worker" if options.deadline_alerts or not options.in_pods else "Airflow's DAG processor"
        what = "notifies of a missed deadline" if options.in_pods else "notifies"
        sink.warning(
            "FC501", f"{sender} {what}, and reads no Kubernetes Secrets (target {NAME})", specs[0].span,
            help=f"set {', '.join(names)} in its environment",
        )  # fmt: skip


def _check_gang(flow: Flow, step: ParallelStep, options: AirflowOptions, sink: DiagnosticSink) -> None:
    """Report how many slots a gang takes: its members wait for each other, each in a slot of the pool."""
    own = flow.by_name[step.target].specs.airflow
    pool = (own.pool if own is not None else None) or options.pool or "default_pool"
    count = "all of them" if step.num_parallel is None else str(step.num_parallel)
    most = options.max_active_tasks or DEFAULT_ACTIVE_TASKS
    span = step.next_span or step.span
    if step.num_parallel is not None and step.num_parallel > most:
        where = "--set max_active_tasks" if options.max_active_tasks else "the default of max_active_tasks_per_dag"
        sink.unsupported(
            "FC503", NAME, f"{count} members of a gang run at the same time, but a run has at most {most} ({where})",
            span, help=f"compile with --set max_active_tasks={step.num_parallel} or more",
        )  # fmt: skip
    sink.warning(
        "FC503",
        f"the members of a gang run at the same time: pool {pool!r} needs {count} free slots at once, and the executor "
        f"as many workers (target {NAME})",
        span, help="give gangs their own pool (--set pool=...), with a multiple of their members as its slots",
    )  # fmt: skip


def _check_waits(step: Step, sink: DiagnosticSink) -> None:
    """Report waits that grow: Airflow 2.11 can only double them, and 3.3 keeps them at one length even then."""
    retry = step.specs.retry
    if retry is not None and retry.backoff_factor > 1 and retry.limit > 1:
        sink.warning(
            "FC501",
            f"step `{step.name}`: the waits between attempts stay at {retry.backoff_seconds:g} s and do not grow "
            f"(target {NAME})",
            retry.span or step.span, help="choose a wait that is long enough for all attempts",
        )  # fmt: skip


def _check_parallelism(flow: Flow, sink: DiagnosticSink) -> None:
    """Report bounds of a foreach with several steps: Airflow bounds tasks of one step, not items in progress."""
    real = (step for step in flow.steps if not step.virtual)
    steps_inside = Counter(opener.name for step in real for opener in _openers_around(flow, step))
    for step in flow.steps:
        options = step.specs.foreach
        if step.kind == "foreach" and options is not None and options.parallelism and steps_inside[step.name] > 1:
            most = options.parallelism
            sink.warning(
                "FC501",
                f"each step in the foreach of `{step.name}` runs for at most {most} items at a time, but more than "
                f"{most} items may be in progress (target {NAME})", options.span,
                help="if that is too many, make one step of the foreach's body, or set a pool with --set pool=...",
            )  # fmt: skip


def _check_local(step: Step, sink: DiagnosticSink) -> None:
    """Report what a local process runs without, as a warning, since the user chose local processes."""
    specs = step.specs.of_attempt(0)
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


def _check_assets(flow: Flow, sink: DiagnosticSink) -> None:
    """Report names of assets that Airflow refuses when it reads the DAG file."""
    trigger = flow.specs.trigger
    named = [(event_name(flow, event), trigger.span) for event in trigger.events] if trigger is not None else []
    for spec in (step.specs.airflow for step in flow.steps):
        named += [(name, spec.span) for name in (*spec.inlets, *spec.outlets)] if spec is not None else []
    for name, span in dict.fromkeys(named):
        problem = next((text for text, wrong in _ASSET_PROBLEMS.items() if wrong(name)), None)
        if problem is not None:
            message = f"the asset {name[:80]!r} {problem}, which Airflow refuses"
            sink.unsupported("FC501", NAME, message, span, help="give it another name")


_ASSET_PROBLEMS: Mapping[str, Callable[[str], bool]] = {
    "has no name": lambda name: not name.strip(),
    "has letters other than ASCII's": lambda name: not name.isascii(),
    f"has more than {MAX_ASSET} characters": lambda name: len(name) > MAX_ASSET,
    "has a reserved name": lambda name: name in {"self", "context"} or name.lower().startswith("airflow:"),
}


def _check_deferrable(step: Step, sink: DiagnosticSink) -> None:
    spec = step.specs.airflow
    if spec is not None and spec.deferrable:
        sink.warning(
            "FC501", f"step `{step.name}` runs as a process of a worker, which cannot defer it (target {NAME})",
            spec.span, help="compile with --operator kubernetes, or leave `deferrable` out",
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
        if len(step.name) > MAX_ID - len("_indices"):
            sink.unsupported("FC503", NAME, f"a step's name has {len(step.name)} characters, too many for a task id",
                             step.span, help="shorten it")  # fmt: skip


def _check_deployment(flow: Flow, sink: DiagnosticSink) -> None:
    """Report triggers that assets cannot express, and a schedule for a flow with a required parameter."""
    specs = flow.specs
    _check_triggers(flow, sink)
    if specs.schedule is None:
        return
    if len(merged_crons(specs.schedule.crons)) > 1:
        message = "Airflow 2 has no schedule of several crons: the DAG file is for Airflow 3 (target airflow)"
        help_ = "for Airflow 2, write times that one cron has, such as 0 5,17 * * *"
        sink.warning("FC501", message, specs.schedule.span, help=help_)
    for parameter in flow.run_parameters:
        if parameter.required and not parameter.has_default:
            sink.unsupported(
                "FC501", NAME, f"a schedule cannot give the required parameter {parameter.name!r}", parameter.span,
                help="give it a default, or remove @schedule",
            )  # fmt: skip


def _check_triggers(flow: Flow, sink: DiagnosticSink) -> None:
    """Report triggers that assets cannot express."""
    specs = flow.specs
    check_upstream_flows(flow, NAME, sink)
    for what, spec in (("@trigger", specs.trigger), ("@trigger_on_finish", specs.trigger_on_finish)):
        if spec is not None and spec.options:
            sink.unsupported(
                "FC501", NAME, f"assets have no options such as those of {what}: {', '.join(spec.options)}", spec.span,
                help="remove `options`",
            )  # fmt: skip
    events = specs.trigger.events if specs.trigger is not None else ()
    filled = {name for event in events for name in event_parameters(flow, event)}
    if not events and specs.trigger_on_finish is None:
        return
    for parameter in flow.run_parameters:
        if parameter.required and not parameter.has_default and parameter.name not in filled:
            sink.unsupported(
                "FC501", NAME, f"no event fills in the required parameter {parameter.name!r}", parameter.span,
                help="give it a default, or a field of an event",
            )  # fmt: skip


class _Width(NamedTuple):
    """A number of items."""

    items: int
    certain: bool
    """Whether every run has it: a run may replace a parameter's default."""


def _check_widths(flow: Flow, most: int, sink: DiagnosticSink) -> None:
    """Report each foreach that has more items than Airflow maps over: an error, or a warning if a run may differ.

    Airflow maps over the items of a foreach in another together, so their product counts.
    """
    for step in flow.steps:
        width = _total_width(flow, step)
        if width is None or width.items <= most:
            continue
        total = " in total" if _openers_around(flow, step) else ""
        what = "batches of items" if _batch_size(flow, step) > 1 else "items"
        message = f"`{step.name}` has {width.items:,} {what}{total}, but Airflow maps over at most {most:,}"
        items = _batch_size(flow, step) * -(-width.items // max(most, 1))
        help_ = _WIDTH_HELP.format(step=step.name, items=items, width=width.items)
        if step.kind == "parallel":
            help_ = help_[help_.index("raise") :]
        span = step.next_span or step.span
        if width.certain:
            sink.unsupported("FC503", NAME, message, span, help=help_)
        else:
            sink.warning("FC503", f"{message} (target {NAME})", span, help=help_)


def _total_width(flow: Flow, step: Step) -> _Width | None:
    """Return the number of items of a foreach for all items of those around it together."""
    found = [_width(flow, each) for each in [step, *_openers_around(flow, step)]]
    known = [width for width in found if width is not None]
    if len(known) < len(found):
        return None
    return _Width(prod(width.items for width in known), all(width.certain for width in known))


def _openers_around(flow: Flow, step: Step) -> list[Step]:
    """Return the openers of every foreach around a step."""
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
            found = _foreach_width(flow, step)
            return found and found._replace(items=-(-found.items // _batch_size(flow, step)))
        case _:
            return None


def _batch_size(flow: Flow, step: Step) -> int:
    """How many items of a foreach Airflow runs as one."""
    return next((group.items_per_task or 1 for group in flow.pod_groups if group.opener == step.name), 1)


def _foreach_width(flow: Flow, step: ForeachStep) -> _Width | None:
    """Return the product for combined lists; for zipped ones, which have one length, the length of any."""
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
    """Return the length of a parameter's default, if there is such a parameter and its default is a list."""
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
