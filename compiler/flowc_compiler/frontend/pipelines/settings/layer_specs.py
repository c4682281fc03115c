"""The specs of the layers of a step or of a pipeline: the entry of `frontend.pipelines.settings`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.argument_types import Arguments
from flowc_compiler.frontend.decorators.arguments.compute_arguments import ResourcesArguments
from flowc_compiler.frontend.decorators.arguments.flow_arguments import check_hook, schedule_spec
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import tolerations
from flowc_compiler.frontend.decorators.arguments.secret_arguments import named_secret
from flowc_compiler.frontend.decorators.decorator_reader import DecoratorReader, FlowDecoratorReader
from flowc_compiler.frontend.pipelines.settings.layer_reader import (
    LayerArguments,
    SettingsLayer,
    add_up,
    checked,
    flag,
    read_layer,
)
from flowc_compiler.frontend.pipelines.settings.pod_settings import pod_specs
from flowc_compiler.frontend.pipelines.settings.settings_models import (
    PACKAGE_ARGUMENTS,
    DockerFields,
    ModelFields,
    OrchestratorFields,
    OwnFields,
    PodFields,
    ResourceSettingsFields,
    RetryFields,
    ScheduleFields,
    variables_spec,
)
from flowc_compiler.frontend.pipelines.settings.settings_tree import Leaf, Tree, span_of
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import (
    DOCKER,
    MODEL,
    ORCHESTRATOR,
    PIPELINE,
    POD,
    RESOURCES,
    SCHEDULE,
    STEP,
    Unread,
)
from flowc_compiler.frontend.spec_builder import Origin, SpecBuilder, asked_for, some_specs
from flowc_compiler.ir import (
    NO_FLOW_SPECS,
    CacheSpec,
    CatchSpec,
    ContainerSpec,
    DependencySpec,
    EnvironmentSpec,
    ExitHookSpec,
    FlowSpecs,
    HooksSpec,
    Placement,
    ScheduleSpec,
    SecretsSpec,
    StepSpecs,
    TimeoutSpec,
)
from flowc_compiler.source import Span
from flowc_compiler.syntax.modules import LocalModules

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator

STEP_HOOKS = ("on_start", "on_end", "on_failure", "on_success")
"""Functions around a step."""
_FIRST = "do it in a first step, and run the others after it with after=[...]"
STEP_ARGUMENTS = frozenset(OwnFields.model_fields) | {"env", "model", "resources", "retry", "settings"}
"""Arguments of a step that are expressed."""
PIPELINE_ARGUMENTS = (STEP_ARGUMENTS - {"catch", "timeout"}) | {"schedule"}
"""Arguments of a pipeline that are expressed: those of steps are what its steps have by default."""


def step_specs(
    layers: Sequence[SettingsLayer],
    sink: DiagnosticSink,
    attached: Sequence[CliDecorator] = (),
    modules: LocalModules | None = None,
    known: Mapping[str, str] | None = None,
    *,
    inherits_hooks: bool = True,
) -> StepSpecs:
    """The specs of a step. Of what several layers say the last counts; dicts are merged key by key, as in ZenML.

    Decorators of Metaflow's shape above the step's function, and `attached` ones of the command line, count more than
    what the pipeline says, and less than the arguments of the step. What is wrong is collected as FC401 to FC406, FC410
    and FC411. `known` has variables of flowc's own. `inherits_hooks` is whether the pipeline's hooks are the step's.
    """
    inherits_hooks = inherits_hooks and not _is_dynamic(layers)
    trees = [(layer, _with_hooks(layer, _read(layer, sink), sink, inherits=inherits_hooks)) for layer in layers]
    builder = SpecBuilder(sink)
    for source in _requests(add_up(trees), sink):
        builder.add(source)
    decorated = _decorated(layers, attached, modules, sink)
    if decorated:
        own = _requests(add_up(item for item in trees if item[0].of == "step"), DiagnosticSink())
        builder.add(*decorated, below=asked_for(own))
    if known:
        builder.add(some_specs(environment=EnvironmentSpec(variables=dict(known))))
    specs = builder.build()
    has_own = any(name in tree for layer, (tree, _) in trees if layer.of == "step" for name in STEP_HOOKS)
    if specs.command is not None and not has_own:  # a container's code calls no hooks, and ZenML ignores the pipeline's
        return specs.model_copy(update={"hooks": None})
    return specs


def _is_dynamic(layers: Iterable[SettingsLayer]) -> bool:
    """Whether the pipeline is one of ZenML's dynamic ones: its hooks are those of the run, and not of each step."""
    return any(layer.of == "pipeline" and flag(layer, "dynamic") is True for layer in layers)


def _with_hooks(layer: SettingsLayer, found: LayerArguments, sink: DiagnosticSink, *, inherits: bool) -> LayerArguments:
    """Arguments with the hooks that are the step's, those of its pipeline if it inherits them. Collects FC404."""
    kept = dict(found.tree)
    for name in STEP_HOOKS:
        item = kept.pop(name, None)
        if not isinstance(item, Leaf):
            continue
        value = item.value
        if layer.of == "step":
            if value is None or check_hook(value, layer.view, f"`{name}` of `@step`", "step", Origin(item.span, sink)):
                kept[name] = item
        elif inherits and isinstance(value, str):
            # One in the flow's file, whatever the step's file has of this name.
            kept[name] = item if "." in value else Leaf(f":{value}", item.span)
    return found._replace(tree=kept)


def _requests(arguments: LayerArguments, sink: DiagnosticSink) -> list[StepSpecs]:
    """The specs of arguments and settings, the weakest source first; problems are collected."""
    tree, spans = arguments
    settings = _branch(tree, "settings")
    own = checked(OwnFields, {name: tree[name] for name in tree if name in OwnFields.model_fields}, "`@step`", sink)
    own = own or OwnFields()
    found: list[StepSpecs] = []

    def read(model: type[Arguments], place: Tree, name: str, owner: str, unread: Unread | None = None) -> None:
        if name in place and (fields := checked(model, place[name], owner, sink, unread)) is not None:
            span = spans[name] if place is tree else span_of(place[name])
            found.append(fields.specs(Origin(span or span_of(tree), sink)))

    read(DockerFields, settings, "docker", "DockerSettings", DOCKER)
    found = [_packages_in_place(specs, _branch(settings, "docker")) for specs in found]
    read(ResourceSettingsFields, settings, "resources", "ResourceSettings", RESOURCES)
    if "orchestrator" in settings:
        found.append(_orchestrator(settings, tree, sink))
    read(ModelFields, tree, "model", "Model", MODEL)
    read(RetryFields, tree, "retry", "`retry`")
    read(ResourcesArguments, tree, "resources", "`resources`")
    found.append(_own(own, spans, sink))
    return found


def _packages_in_place(specs: StepSpecs, docker: Tree) -> StepSpecs:
    """With the packages at the argument that names them."""
    named = next((docker[name] for name in PACKAGE_ARGUMENTS if name in docker), None)
    if specs.dependencies is None or named is None:
        return specs
    dependencies = specs.dependencies.model_copy(update={"span": span_of(named) or specs.dependencies.span})
    return specs.model_copy(update={"dependencies": dependencies})


def _orchestrator(settings: Tree, tree: Tree, sink: DiagnosticSink) -> StepSpecs:
    whole = settings["orchestrator"]
    pod = _branch(settings, "orchestrator").get("pod_settings", {})
    orchestrator = checked(OrchestratorFields, whole, "KubernetesOrchestratorSettings", sink, ORCHESTRATOR)
    fields = checked(PodFields, pod, "KubernetesPodSettings", sink, POD)
    at = span_of(tree)
    return pod_specs(
        orchestrator or OrchestratorFields(),
        fields or PodFields(),
        Origin(span_of(whole) or at, sink),
        Origin(span_of(pod) or at, sink),
    )


def _own(own: OwnFields, spans: Mapping[str, Span], sink: DiagnosticSink) -> StepSpecs:
    """The specs of flowc's own arguments."""
    image, timeout, catch, secrets = (spans.get(name) for name in ("image", "timeout", "catch", "secrets"))
    environment = Origin(spans.get("environment"), sink)
    place = Origin(spans.get("node_selector", spans.get("tolerations")), sink)
    variable = own.catch if isinstance(own.catch, str) else None
    named = {name: value for name in STEP_HOOKS if (value := getattr(own, name)) is not None}
    hooks = next((spans[name] for name in named if name in spans), None)
    return some_specs(
        placement=Placement(
            span=place.span, node_selector=own.node_selector, tolerations=tolerations(own.tolerations, place)
        ),
        container=ContainerSpec(span=image, image=own.image),
        timeout=None if own.timeout is None else TimeoutSpec(span=timeout, seconds=int(own.timeout)),
        catch=CatchSpec(span=catch, variable=variable) if own.catch else None,
        environment=variables_spec(own.environment, environment),
        secrets=SecretsSpec(span=secrets, sources=tuple(map(named_secret, own.secrets))) if own.secrets else None,
        hooks=HooksSpec(span=hooks, **named) if named else None,
        cache=None if own.enable_cache is None else CacheSpec(span=spans.get("enable_cache"), enabled=own.enable_cache),
    )


def _branch(tree: Tree, name: str) -> Tree:
    found = tree.get(name, {})
    return {} if isinstance(found, Leaf) else found


def pipeline_specs(
    layers: Sequence[SettingsLayer], sink: DiagnosticSink
) -> tuple[FlowSpecs, tuple[DependencySpec, ...]]:
    """The specs of the flow that a pipeline is (its schedule, hooks, and decorators such as `@project` above it), and
    the packages that `@conda_base` and `@pypi_base` give to every step.
    """
    if not layers:
        return NO_FLOW_SPECS, ()
    read = [(layer, _read(layer, sink)) for layer in layers]
    tree = add_up(read).tree
    for layer, (own, _) in read:
        if layer.kind != "config_path" and "schedule" in own:
            tree["schedule"] = own["schedule"]  # a file's is only what nobody says in the code
    specs, base_packages = NO_FLOW_SPECS, tuple[DependencySpec, ...]()
    decorated = next((layer for layer in layers if layer.function is not None), None)
    if decorated is not None and decorated.function is not None:
        reader = FlowDecoratorReader(decorated.view, sink)
        reader.read(decorated.view, decorated.function, decorated.scope)
        specs, base_packages = reader.specs(), reader.base_packages()
    schedule = _schedule(tree.get("schedule"), sink) or specs.schedule
    hooks = (*specs.exit_hooks, *_exit_hooks(tree, layers, sink))
    return specs.model_copy(update={"schedule": schedule, "exit_hooks": hooks}), base_packages


def _read(layer: SettingsLayer, sink: DiagnosticSink) -> LayerArguments:
    """The arguments of one layer; `env` is short for `environment`."""
    arguments, unread = (STEP_ARGUMENTS, STEP) if layer.of == "step" else (PIPELINE_ARGUMENTS, PIPELINE)
    tree, spans = asked = read_layer(layer, arguments, unread, sink)
    if "env" in tree:
        if "environment" in tree:
            sink.error("FC405", "`env` and `environment` are one argument", spans["env"], help="keep one of them")
        tree["environment"], spans["environment"] = tree.pop("env"), spans.pop("env")
    return asked


def _decorated(
    layers: Sequence[SettingsLayer],
    attached: Sequence[CliDecorator],
    modules: LocalModules | None,
    sink: DiagnosticSink,
) -> list[StepSpecs]:
    """The specs of the other decorators above the step's function."""
    for layer in layers:
        if layer.of == "step" and layer.function is not None:
            return DecoratorReader(layer.view, sink, layer.scope, modules).requests(layer.function, attached)
    return []


def _exit_hooks(tree: Tree, layers: Sequence[SettingsLayer], sink: DiagnosticSink) -> tuple[ExitHookSpec, ...]:
    """The hooks of a dynamic pipeline, which run after the run; steps have those of another one (`step_specs`).

    A name that is not a function of the file is FC404.
    """
    hooks: list[ExitHookSpec] = []
    dynamic = _is_dynamic(layers)
    for name in STEP_HOOKS:
        leaf = tree.get(name)
        if not isinstance(leaf, Leaf) or leaf.value is None:
            continue
        origin = Origin(leaf.span, sink)
        if not check_hook(leaf.value, layers[0].view, f"`{name}` of `@pipeline`", "pipeline", origin) or not dynamic:
            continue
        if name == "on_start":
            sink.error("FC411", "flowc cannot express `on_start` of a dynamic pipeline", leaf.span, help=_FIRST)
            continue
        functions = (str(leaf.value),)
        success = functions if name != "on_failure" else ()
        error = functions if name != "on_success" else ()
        hooks.append(ExitHookSpec(span=leaf.span, on_success=success, on_error=error))
    return tuple(hooks)


def _schedule(tree: Tree | Leaf | None, sink: DiagnosticSink) -> ScheduleSpec | None:
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
    return schedule_spec((fields.cron_expression,), fields.timezone, "Schedule", Origin(span, sink))
