"""What Argo cannot do or hold, reported at the line before anything is written."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from flowc_compiler.diagnostics import suggest
from flowc_compiler.driver.parameters import example, why_unfit
from flowc_compiler.ir import SecretsSpec
from flowc_compiler.ir.schedules import ScheduleError, check_timezone
from flowc_compiler.passes.contraction import contracted
from flowc_targets.argo.dag_templates import MOST_TASKS
from flowc_targets.argo.locks import check_locks
from flowc_targets.argo.manifest_text import CRON_LIMIT, LONGEST_LITERAL, OBJECT_LIMIT, encode_value, is_inert
from flowc_targets.argo.patches import executors_in, pod_parts, rest_of_pod
from flowc_targets.base.json_parts import as_map
from flowc_targets.kubernetes.objects import to_manifest
from flowc_targets.kubernetes.pod_checks import check_environment, check_exit_hooks, check_mounts
from flowc_targets.kubernetes.pod_security import PLAIN_IMAGE, check_restricted
from flowc_targets.package.code_package import largest_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ParallelStep, Step, SwitchStep
    from flowc_compiler.ir.specs import Spec
    from flowc_compiler.source import Span
    from flowc_targets.argo.options import ArgoOptions
    from flowc_targets.argo.workflow_objects import Workflow
    from flowc_targets.kubernetes.objects import ConfigMap
    from flowc_targets.kubernetes.package_maps import PackageMaps

TARGET_NAME = "argo"
OBJECT_BYTES = 1024 * 1024
"""The most that etcd and a ConfigMap hold."""
APPLY_BYTES = 260_000
"""`kubectl apply` keeps a copy of the object in an annotation, and annotations hold 262,144 bytes altogether: there is
room left for names, labels and other annotations."""
MOST_TEMPLATES = 200
MOST_CALLS = 99
"""Templates that may be inside of one another (operator.go, maxStackDepth), the pod's included."""
ARGUMENT_BYTES = 96_000
"""The longest value of a parameter: in base64 it has to fit into the 128 KB that Linux gives a variable."""

_PARAMETER = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DNS_NAME = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?", re.ASCII)


def check_flow(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report what is wrong before lowering: options, strings that Argo would evaluate, what no pod can have."""
    _check_options(options, sink)
    _check_origin(flow, options, sink)
    _check_deployment(flow, options, sink)
    check_exit_hooks(flow, TARGET_NAME, sink)
    check_locks(flow, options, sink)
    check_environment(flow, options, TARGET_NAME, sink)
    check_restricted(flow, options, TARGET_NAME, pod_parts(options), sink)
    _check_runtime(flow, options, sink)
    _check_patches(flow, options, sink)
    _check_bounds(contracted(flow), options, sink)
    for step in flow.steps:
        _check_step(step, options, sink)
        _check_waits(step, sink)
    known = {parameter.name for parameter in flow.run_parameters}
    settled = {parameter.name for parameter in flow.parameters if parameter.fixed}
    for name in options.parameters:
        if name in settled:
            message = f"parameter {name!r} shapes the graph, and is fixed when flow {flow.name} is compiled"
            sink.error("FC302", message, flow.span, help=f"compile with `-p {name}=...`")
        elif name not in known:
            has = f"it has {', '.join(sorted(known))}" if known else "it has none"
            help_ = suggest(name, sorted(known), has).help
            sink.error("FC302", f"flow {flow.name} has no parameter {name!r}", flow.span, help=help_)
    for parameter in flow.run_parameters:
        if not _PARAMETER.fullmatch(parameter.name):
            message = f"Argo does not take {parameter.name!r} as the name of a parameter"
            sink.unsupported("FC503", TARGET_NAME, message, parameter.span, help="use letters, digits, - and _")
        missing = parameter.required and not parameter.has_default and parameter.name not in options.parameters
        if missing and options.kind != "template":
            help_ = f"--set 'parameters={{{parameter.name} = \"...\"}}', or compile with --kind template"
            sink.error("FC304", f"parameter {parameter.name!r} is required", parameter.span, help=help_)
        given = None if options.origin_run is not None else options.parameters.get(parameter.name)
        if given is not None and (problem := why_unfit(given, parameter)):  # a run that goes on has the origin's values
            sink.error("FC303", f"option parameters: {problem}", parameter.span, help=example(parameter))
        if len(encode_value(options.parameters.get(parameter.name, "")).encode()) > ARGUMENT_BYTES:
            message = f"the value of parameter {parameter.name!r} is longer than {ARGUMENT_BYTES} bytes"
            sink.unsupported("FC503", TARGET_NAME, message, parameter.span, help="put it in the store and pass its URL")


def _check_runtime(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Warn (FC502) of images that have no flowc for sure, where it is to be in the image."""
    containers = (step.specs.container for step in flow.steps if not step.virtual)
    images = dict.fromkeys((item.image if item is not None else None) or options.image for item in containers)
    bare = [image for image in images if PLAIN_IMAGE.match(image)] if options.runtime == "image" else []
    if bare:
        message = f"pods find flowc in their image, and {', '.join(bare)} has none"
        help_ = "give an image with it (pip install flowc): --image registry.example/team/ml:1"
        sink.warning("FC502", message, None, help=help_)


def _check_patches(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report what does not fit into a Workflow or a template, and two patches that Argo has one place for."""
    options.report_manifest_problems(sink)
    if flow.specs.hooks and "onExit" in as_map(options.workflow_patch.get("spec")):
        message = "option workflow_patch: spec.onExit would replace the exit hooks and notifications of the flow"
        sink.error("FC505", message, None, help="make it an @exit_hook, or one of `hooks` of the patch")
    for step in flow.steps:
        container = step.specs.container
        spec = as_map(container.patch.get("spec")) if container is not None else {}
        for _, name in (*executors_in(spec.get("containers")), *executors_in(spec.get("initContainers"))):
            message = f"step {step.name!r} has a container {name!r} in its patch, as Argo has of its own"
            span = container.span if container is not None else None
            sink.unsupported("FC501", TARGET_NAME, message, span, help="call it another name")
    if options.restricted and as_map(options.workflow_patch.get("spec")).get("podSpecPatch"):
        message = "option workflow_patch: with restricted, the podSpecPatch is flowc's, for Argo's own containers"
        sink.error("FC505", message, None, help="write its fields into @kubernetes(patch=...), or into template_patch")
    for step in flow.steps if options.template_patch.get("podSpecPatch") else ():
        container = step.specs.container
        if container is not None and (rest := rest_of_pod(container.patch)):
            message = f"step {step.name!r} has {', '.join(rest)} in its patch, and `template_patch` has a podSpecPatch"
            help_ = "write it into the steps' patches: Argo takes one podSpecPatch of a template"
            sink.unsupported("FC501", TARGET_NAME, message, container.span, help=help_)


def check_objects(
    flow: Flow,
    workflow: Workflow,
    maps: PackageMaps | None,
    options: ArgoOptions,
    sink: DiagnosticSink,
) -> None:
    """Report what the emitted objects exceed. `maps` are those of the code package, unless the Workflow carries it."""
    spec = workflow.spec
    if options.crds == "full":
        _check_caps(flow, workflow, sink)
    config_map = maps.code if maps is not None else None
    code = _bytes_of(config_map) if config_map is not None else 0
    if maps is not None and code > OBJECT_BYTES:
        message = f"the code and the values of variables have {code} bytes, and a ConfigMap holds 1 MiB"
        way_out = "compile with --code store --push, which puts the code below the root; or "
        way_out = "" if options.code == "store" else way_out
        sink.unsupported("FC503", TARGET_NAME, message, flow.span, help=way_out + largest_files(maps.sizes))
    size = len(json.dumps(to_manifest(spec)))
    if size > OBJECT_BYTES:
        message = f"the Workflow has {size} bytes, and Kubernetes stores {OBJECT_BYTES}"
        sink.unsupported("FC503", TARGET_NAME, message, flow.span, help="split the flow in two")
    largest = max(size, len(json.dumps(to_manifest(config_map))) if config_map is not None else 0)
    if largest > APPLY_BYTES and code <= OBJECT_BYTES and size <= OBJECT_BYTES:
        message = f"an object of {largest} bytes is too large for a plain `kubectl apply`"
        sink.warning("FC503", message, flow.span, help="apply it with `kubectl apply --server-side -f -`")


def _bytes_of(config_map: ConfigMap) -> int:
    """What Kubernetes counts: the values, those in base64 without it."""
    texts = sum(len(value.encode()) for value in config_map.data.values())
    return texts + sum(len(value) * 3 // 4 for value in config_map.binary_data.values())


def _check_caps(flow: Flow, workflow: Workflow, sink: DiagnosticSink) -> None:
    way_out = (
        "shorten it, turn repeated steps into a foreach, or say crds=minimal where Argo's minimal CRDs are installed"
    )
    templates = workflow.spec.templates
    if len(templates) > MOST_TEMPLATES:
        message = f"{len(templates)} templates, and Argo's full CRDs allow {MOST_TEMPLATES} in a workflow"
        sink.unsupported("FC503", TARGET_NAME, message, flow.span, help=way_out)
    for template in templates:
        if len(template.dag) > MOST_TASKS:
            message = f"{len(template.dag)} tasks in one DAG, and Argo's full CRDs allow {MOST_TASKS}"
            sink.unsupported("FC503", TARGET_NAME, message, flow.span, help=way_out)


def _check_deployment(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report what the kind leaves out of schedules and triggers, and what is wrong with those that it writes."""
    specs = flow.specs
    _check_cron(flow, options, sink)
    if specs.schedule is not None and options.kind != "cron" and not options.scheduled_time:
        _report_schedule(options, specs.schedule.span, sink)
    if options.starts_on_events(flow.specs):
        from flowc_targets.argo.events.trigger_checks import check_triggers

        check_triggers(flow, options, TARGET_NAME, sink)
        return
    for spec in (specs.trigger, specs.trigger_on_finish):
        if spec is not None:
            _warn_about("the trigger", "template" if specs.schedule is None else "cron", spec.span, sink)


def _report_schedule(options: ArgoOptions, span: Span | None, sink: DiagnosticSink) -> None:
    """A Workflow runs when it is applied anyway; a template without its schedule would wait forever."""
    if options.kind == "workflow":
        _warn_about("the schedule", "cron", span, sink)
    else:
        message = "a WorkflowTemplate has no schedule"
        help_ = (
            "compile with --kind cron, or --kind deployment for flows of both sorts; or remove the decorator, where "
            "runs are submitted by hand only"
        )
        sink.unsupported("FC501", TARGET_NAME, message, span, help=help_)


def _warn_about(what: str, kind: str, span: Span | None, sink: DiagnosticSink) -> None:
    message = f"a Workflow runs once, when it is applied: {what} is left out (target {TARGET_NAME})"
    sink.warning("FC501", message, span, help=f"for a deployment, compile with --kind {kind}")


def _check_cron(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report a CronWorkflow without a schedule, and an option that is none."""
    if options.timezone is not None:
        check_timezone(options.timezone, "the options", flow.span, sink)
    try:
        times = options.schedule_of(flow.specs)
        if times is not None and len(times[0]) > 1 and (options.kind, options.argo_version) == ("cron", "3.5"):
            span = flow.specs.schedule.span if flow.specs.schedule is not None else None
            sink.unsupported(
                "FC501", TARGET_NAME, "a CronWorkflow of Argo 3.5 has one schedule", span,
                help="compile with --argo-version 3.6 or newer, or write times that one cron has",
            )  # fmt: skip
        if times is None and options.kind == "cron":
            help_ = 'put @schedule(cron="...") above the class, or give --set \'schedule="0 5 * * *"\''
            if flow.specs.trigger is not None or flow.specs.trigger_on_finish is not None:
                help_ = (
                    f"compile with --kind template, whose Sensor starts runs on its events; for a schedule too, {help_}"
                )
            sink.error("FC502", f"flow {flow.name} has no schedule for a CronWorkflow", flow.span, help=help_)
    except ScheduleError as error:
        sink.error(
            "FC505", f"option schedule: {options.schedule!r} cannot be translated: {error}", None,
            help="write five fields as in crontab",
        )  # fmt: skip


def _check_bounds(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Report recursive switches that may go deeper than the controller, and gangs wider than the run's parallelism."""
    for step in flow.steps:
        if step.kind == "switch" and step.recursive and not options.disable_max_recursion:
            _check_depth(flow, step, sink)
        if step.kind == "parallel":
            _check_width(step, options, sink)


def _check_depth(flow: Flow, step: SwitchStep, sink: DiagnosticSink) -> None:
    # The DAG of the flow and the pod are two calls, and so may be a foreach: its body, and the cap on its items.
    most = MOST_CALLS - 2 - 2 * flow.foreach_depths[step.scope]
    if len(flow.steps) > MOST_TASKS:
        most -= 3
    bound = step.specs.loop.max_iterations if step.specs.loop is not None else None
    if bound is not None and bound <= most:
        return
    deep = f"Argo's controller ends a run whose templates are {MOST_CALLS + 1} deep: after {most} iterations here"
    lifted = "where the controller has DISABLE_MAX_RECURSION=true, compile with --set disable_max_recursion=true"
    if bound is None:
        message = f"step {step.name!r} may repeat itself any number of times, and {deep}"
        help_ = f"bound it with @loop(max_iterations={most}) or less; {lifted}"
        sink.warning("FC503", message, step.next_span or step.span, help=help_)
    else:
        message = f"step {step.name!r} may run {bound} times, and {deep}"
        help_ = f"do several rounds in one task; {lifted}"
        sink.unsupported("FC503", TARGET_NAME, message, step.next_span or step.span, help=help_)


def _check_width(step: ParallelStep, options: ArgoOptions, sink: DiagnosticSink) -> None:
    most, width = options.parallelism, step.num_parallel
    if most is None or (width is not None and width <= most):
        return
    if width is None:
        message = f"a gang waits for all its members, and the run is kept to {most} pods at a time"
        sink.warning("FC503", message, step.next_span or step.span, help=f"keep num_parallel at or below {most}")
    else:
        message = f"{width} members of a gang have to run at the same time, and the run is kept to {most} pods"
        help_ = f"compile with --set parallelism={width} or more"
        sink.unsupported("FC503", TARGET_NAME, message, step.next_span or step.span, help=help_)


def _check_options(options: ArgoOptions, sink: DiagnosticSink) -> None:
    if not options.root:
        help_ = "give --root s3://bucket/prefix (or gs://, az://, or file:// of a volume that all pods mount)"
        sink.error(
            "FC502", "the Argo target needs the root of the artifact store", None, help=options.root_help + help_
        )
    settings = options.model_dump(exclude={"parameters", "env", "include", "workflow_patch", "template_patch"})
    for path, text in _strings(settings, ()):
        if not is_inert(text):
            message = f"option {'.'.join(path)} contains {{{{, which Argo evaluates"
            sink.error("FC505", message, None, help="leave the braces out")
    name, limit = options.name, CRON_LIMIT if options.kind == "cron" else OBJECT_LIMIT
    if name is not None and not (_DNS_NAME.fullmatch(name) and len(name) <= limit):
        help_ = f"use lowercase letters, digits and -, at most {limit}"
        sink.error("FC505", f"option name: {name!r} is not a name that Kubernetes takes", None, help=help_)


def _check_origin(flow: Flow, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """The steps behind the id of a run to go on from, `RUN/STEP,STEP` or `Flow/RUN/STEP`, have to be there."""
    _, _, steps = (options.origin_run or "").removeprefix(f"{flow.name}/").partition("/")
    for name in filter(None, steps.split(",")):
        if name not in flow.by_name:
            message = f"flow {flow.name} has no step `{name}` to run again"
            sink.error(
                "FC608",
                message,
                flow.span,
                help=suggest(name, flow.by_name, f"its steps are {', '.join(flow.by_name)}").help,
            )


def _check_waits(step: Step, sink: DiagnosticSink) -> None:
    """Report a longest wait that is reached: older controllers do not know it."""
    retry = step.specs.retry
    if retry is not None and retry.max_wait_seconds is not None and retry.limit > 0:
        grown = retry.model_copy(update={"max_wait_seconds": None}).wait_before(retry.limit)
        if grown > retry.max_wait_seconds:
            sink.warning(
                "FC501", f"step `{step.name}`: Argo before 3.7 ignores the longest wait between attempts (target argo)",
                retry.span or step.span, help="on an older Argo, choose a smaller factor",
            )  # fmt: skip


def _check_step(step: Step, options: ArgoOptions, sink: DiagnosticSink) -> None:
    """Strings of the user's that would stand where Argo evaluates, and what a pod of a workflow cannot choose."""
    specs = step.specs
    for spec in (specs.resources, specs.accelerator, specs.placement, specs.container, specs.secrets):
        if spec is None:
            continue
        for path, text in _strings(_in_manifest(spec), ()):
            if not is_inert(text) or len(text) > LONGEST_LITERAL:
                _bad_text(step, path, spec.span, sink)
    namespace = specs.container.namespace if specs.container else None
    if specs.container and namespace is not None and namespace != options.namespace:
        message = f"step {step.name!r} has namespace {namespace!r}; Argo runs all pods in the workflow's own"
        help_ = f"compile with --namespace {namespace}, and leave the namespace out of the decorator"
        sink.unsupported("FC501", TARGET_NAME, message, specs.container.span, help=help_)
    check_mounts(step, TARGET_NAME, sink)


def _in_manifest(spec: Spec) -> object:
    """The part of a spec that stands in the manifest: of secrets, their names."""
    if isinstance(spec, SecretsSpec):
        return {"sources": [source.id for source in spec.sources if source.type == "kubernetes"]}
    return spec


def _bad_text(step: Step, path: tuple[str, ...], span: Span | None, sink: DiagnosticSink) -> None:
    message = f"{'.'.join(path)} of step {step.name!r} contains {{{{ or is longer than {LONGEST_LITERAL} characters"
    sink.unsupported("FC501", TARGET_NAME, message, span, help="Argo evaluates {{...}} there: write it without")


def _strings(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """All strings of a tree of models, dicts and sequences, keys of dicts included, with where they stand."""
    match tree:
        case str():
            yield path, tree
        case BaseModel():
            for name in type(tree).model_fields:
                if name != "span":
                    yield from _strings(getattr(tree, name), (*path, name))
        case dict():
            for key, value in tree.items():  # pyright: ignore[reportUnknownVariableType]
                yield path, str(key)  # pyright: ignore[reportUnknownArgumentType]
                yield from _strings(value, (*path, str(key)))  # pyright: ignore[reportUnknownArgumentType]
        case list() | tuple():
            for value in tree:  # pyright: ignore[reportUnknownVariableType]
                yield from _strings(value, path)
        case _:
            pass
