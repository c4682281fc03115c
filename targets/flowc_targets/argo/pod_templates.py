"""Leaf templates: the pod of a step. Steps that ask for the same pod share a template, which takes the step's name."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from flowc.protocol import env_names
from flowc.protocol.env_names import parameter_variable
from flowc_targets.argo.dependencies import CHOICE
from flowc_targets.argo.events.event_parameters import TRIGGER, waits_for_events
from flowc_targets.argo.kueue import grouped
from flowc_targets.argo.lost import LOST, retries_of_lost
from flowc_targets.argo.object_names import unique_names
from flowc_targets.argo.parameter_values import env_value, may_be_literal, sent_argument, value_key
from flowc_targets.argo.workflow_objects import Backoff, Parameter, Parameters, RetryStrategy, Template, ValueFrom
from flowc_targets.kubernetes.objects import (
    ConfigMapKeySelector,
    Container,
    EnvVar,
    EnvVarSource,
    ObjectMeta,
    VolumeMount,
)
from flowc_targets.kubernetes.pod import StepPod, env_from, pod_variables, step_pod
from flowc_targets.kubernetes.pod_checks import CODE_FOLDER

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, Step, StepSpecs
    from flowc_targets.argo.options import ArgoOptions

CODE_VOLUME = "flowc"
PACKAGE_FILE = "flow.pyz"
OUTPUTS_FOLDER = "/tmp/flowc"  # noqa: S108 (a folder in the pod, nobody else's)
OUTPUTS = {"foreach": {"count": "0"}, "parallel": {"count": "0"}, "switch": {CHOICE: ""}}
"""What tasks of a kind of step tell the controller, and the value for a task that ended before it could."""
ITERATION_OUTPUTS = {CHOICE: "", "next": ""}
"""The same of a recursive switch."""
ORIGIN = "flowc-origin-run"
"""The argument of a WorkflowTemplate that names the run to go on from; none by default."""
STEP_INPUT = "{{inputs.parameters.step}}"
INDEX_INPUT = "{{inputs.parameters.index}}"


def leaf_templates(
    flow: Flow, options: ArgoOptions, target: str, sink: DiagnosticSink, code: str
) -> tuple[dict[str, Template], frozenset[str]]:
    """The leaf template of each step, by step, and the names of those that take the step as an argument."""
    groups: dict[str, list[str]] = {}
    leaves: dict[str, Template] = {}
    for step in flow.steps:
        if step.virtual:
            continue
        leaf = _leaf(flow, step, options, step_pod(step.specs, options, target, sink, options.qos), code)
        leaves[step.name] = grouped(flow, step, leaf, options.kueue_queue)
        groups.setdefault(repr(leaves[step.name]), []).append(step.name)
    own = unique_names("s-", [step.name for step in flow.steps])
    shared: set[str] = set()
    counts = Counter[str]()
    for members in groups.values():
        leaf = leaves[members[0]]
        if len(members) == 1:
            leaves[members[0]] = _for_step(leaf, own[members[0]], members[0])
            continue
        kind = "item" if flow.depth(flow.by_name[members[0]]) else "task"
        counts[kind] += 1
        name = kind if counts[kind] == 1 else f"{kind}-{counts[kind]}"
        shared.add(name)
        for member in members:
            leaves[member] = replace(leaf, name=name)
    return leaves, frozenset(shared)


def _for_step(leaf: Template, name: str, step: str) -> Template:
    """A template of one step only: the step's name is written out."""
    assert leaf.container is not None
    assert leaf.inputs is not None
    args = tuple(step if arg == STEP_INPUT else arg for arg in leaf.container.args)
    rest = leaf.inputs.parameters[1:]
    inputs = Parameters(parameters=rest) if rest else None
    return replace(leaf, name=name, inputs=inputs, container=replace(leaf.container, args=args))


def _leaf(flow: Flow, step: Step, options: ArgoOptions, pod: StepPod, code: str) -> Template:
    """The template for a step, as one that any step of the same needs could share."""
    specs = step.specs
    inside = flow.depth(step) > 0
    inputs = (Parameter(name="step"), *((Parameter(name="index"),) if inside else ()))
    return Template(
        name="",
        metadata=ObjectMeta(labels=pod.labels, annotations=pod.annotations) if pod.labels or pod.annotations else None,
        inputs=Parameters(parameters=inputs),
        outputs=_outputs(step),
        retry_strategy=_retry(specs) or _retry_lost(flow, step, options),
        active_deadline_seconds=pod.active_deadline_seconds,
        service_account_name=pod.service_account_name,
        node_selector=pod.node_selector,
        tolerations=pod.tolerations,
        affinity=pod.affinity,
        priority_class_name=pod.priority_class_name,
        scheduler_name=pod.scheduler_name,
        security_context=pod.pod_security_context,
        container=step_container(flow, step, options, pod, code),
        volumes=pod.volumes,
    )


def _outputs(step: Step) -> Parameters | None:
    """What the shim tells the controller of a task: the count of a foreach, the choice of a switch."""
    if step.kind == "switch" and step.recursive:
        return _written(ITERATION_OUTPUTS)
    return _written(OUTPUTS[step.kind]) if step.kind in OUTPUTS else None


def choice_output() -> Parameters:
    """The output of a pod that says what a switch has chosen."""
    return _written(OUTPUTS["switch"])


def _written(defaults: dict[str, str]) -> Parameters:
    sources = {name: ValueFrom(path=f"{OUTPUTS_FOLDER}/{name}", default=value) for name, value in defaults.items()}
    return Parameters(parameters=tuple(Parameter(name=name, value_from=source) for name, source in sources.items()))


def step_container(flow: Flow, step: Step, options: ArgoOptions, pod: StepPod, code: str) -> Container:
    """The container of a step's pod."""
    retried = step.specs.retries > 0 or retries_of_lost(flow, step, options) > 0
    index = INDEX_INPUT if flow.depth(step) else "-"
    args = ["--step", STEP_INPUT, "--index", index, "--attempt", "{{retries}}" if retried else "0"]
    if step.kind in OUTPUTS:
        args += ["--outputs", OUTPUTS_FOLDER]
    own = VolumeMount(name=CODE_VOLUME, mount_path=CODE_FOLDER, read_only=True)
    return Container(
        image=pod.image or options.image,
        image_pull_policy=pod.image_pull_policy or options.image_pull_policy,
        command=(pod.python or options.python, f"{CODE_FOLDER}/{PACKAGE_FILE}", "task"),
        args=tuple(args),
        env=_env(flow, step, options, code),
        env_from=pod.env_from or env_from(options.env_from_secrets),
        ports=pod.ports,
        resources=pod.resources,
        security_context=pod.security_context,
        volume_mounts=(own, *pod.volume_mounts),
    )


def _env(flow: Flow, step: Step, options: ArgoOptions, code: str) -> tuple[EnvVar, ...]:
    """Variables of the pod: the user's first, so that flowc's own win, and may not be shadowed."""
    variables = {name: _variable(name, value, code) for name, value in {**options.env, **_asked(step)}.items()}
    assert options.root is not None
    own = {env_names.ROOT: env_value(options.root)}
    # The uid, and not the name: a Workflow that is deleted and applied again keeps its name, and is another run.
    own[env_names.RUN_ID] = "argo-{{workflow.uid}}"
    if options.kind != "workflow":
        own[env_names.ORIGIN_RUN_ID] = f"{{{{workflow.parameters.{ORIGIN}}}}}"
    elif options.origin_run:
        own[env_names.ORIGIN_RUN_ID] = options.origin_run
    if waits_for_events(flow, options):
        own[env_names.TRIGGER] = f"{{{{workflow.parameters.{TRIGGER}}}}}"
    if options.tags:
        own[env_names.TAGS] = env_value(",".join(options.tags))
    if step.name == flow.start:
        names = (parameter.name for parameter in flow.run_parameters)
        own |= {parameter_variable(name): sent_argument(name) for name in names}
    variables |= {name: EnvVar(name=name, value=value) for name, value in own.items()}
    return tuple(variables.values())


def hidden_values(flow: Flow, options: ArgoOptions) -> dict[str, str]:
    """The values of variables that may not stand in a template, by their key in the ConfigMap."""
    values = (value for step in flow.steps for value in _asked(step).values())
    return {value_key(value): value for value in (*options.env.values(), *values) if not may_be_literal(value)}


def _asked(step: Step) -> dict[str, str]:
    return pod_variables(step.specs)


def _variable(name: str, value: str, code: str) -> EnvVar:
    if may_be_literal(value):
        return EnvVar(name=name, value=env_value(value))
    return EnvVar(
        name=name, value_from=EnvVarSource(config_map_key_ref=ConfigMapKeySelector(name=code, key=value_key(value)))
    )


def _retry(specs: StepSpecs) -> RetryStrategy | None:
    """`Always` retries what the user's code raised and what befell the pod (eviction, a lost node) alike."""
    if specs.retries == 0:
        return None
    retry = specs.retry
    if retry is None or retry.backoff_seconds == 0:
        return RetryStrategy(limit=str(specs.retries))
    factor = str(retry.backoff_factor) if retry.backoff_factor > 1 else None
    return RetryStrategy(
        limit=str(specs.retries), backoff=Backoff(duration=f"{retry.backoff_seconds:g}s", factor=factor)
    )


def _retry_lost(flow: Flow, step: Step, options: ArgoOptions) -> RetryStrategy | None:
    """For a step without `@retry`: attempts where it was not its code that failed."""
    limit = retries_of_lost(flow, step, options)
    return RetryStrategy(limit=str(limit), expression=LOST) if limit else None
