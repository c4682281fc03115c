"""What the layers of a step or of a pipeline ask for, as specs: the entry of `frontend.pipelines.settings`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.flow_decorators import FlowDecoratorReader
from flowc_compiler.frontend.decorators.step_decorators import DecoratorReader
from flowc_compiler.frontend.pipelines.settings.hooks_and_schedules import exit_hooks, schedule_spec
from flowc_compiler.frontend.pipelines.settings.layer_reader import LayerArguments, SettingsLayer, add_up, read_layer
from flowc_compiler.frontend.pipelines.settings.settings_models import OwnFields
from flowc_compiler.frontend.pipelines.settings.settings_specs import SpecBuilder
from flowc_compiler.frontend.pipelines.settings.unsupported_settings import PIPELINE, STEP
from flowc_compiler.ir import NO_FLOW_SPECS, NO_SPECS, DependencySpec, FlowSpecs, StepSpecs
from flowc_compiler.ir.specs import Spec

if TYPE_CHECKING:
    from flowc_compiler.frontend.decorators.cli_decorators import CliDecorator

STEP_ARGUMENTS = frozenset(OwnFields.model_fields) | {"env", "resources", "retry", "settings"}
"""Arguments of a step that are expressed."""
PIPELINE_ARGUMENTS = (STEP_ARGUMENTS - {"catch", "timeout"}) | {"on_end", "on_failure", "on_success", "schedule"}
"""Arguments of a pipeline that are expressed: those of steps are what its steps have by default."""


def step_specs(
    layers: Sequence[SettingsLayer], sink: DiagnosticSink, attached: Sequence[CliDecorator] = ()
) -> StepSpecs:
    """The specs of a step. Of what several layers say the last counts; dicts are merged key by key, as in ZenML.

    Decorators of Metaflow's shape above the step's function, and `attached` ones of the command line, count more than
    what the pipeline says, and less than the arguments of the step. What is wrong is collected as FC401 to FC406, FC410
    and FC411.
    """
    trees = [(layer, _read(layer, sink)) for layer in layers]
    asked = SpecBuilder(add_up(trees), sink).specs()
    decorated = _decorated(layers, attached, sink)
    if decorated == NO_SPECS:
        return asked
    own = SpecBuilder(add_up(item for item in trees if item[0].of == "step"), DiagnosticSink()).specs()
    updates: dict[str, Any] = {}
    for name in StepSpecs.model_fields:
        weak, strong = getattr(asked, name), getattr(decorated, name)
        if getattr(own, name) is not None:
            weak, strong = strong, weak
        updates[name] = _over(weak, strong)
    return StepSpecs.model_construct(**updates)


def pipeline_specs(
    layers: Sequence[SettingsLayer], sink: DiagnosticSink
) -> tuple[FlowSpecs, tuple[DependencySpec, ...]]:
    """The specs of the flow that a pipeline is (its schedule, hooks, and decorators such as `@project` above it), and
    the packages that `@conda_base` and `@pypi_base` give to every step.
    """
    if not layers:
        return NO_FLOW_SPECS, ()
    tree = add_up((layer, _read(layer, sink)) for layer in layers).tree
    specs, base_packages = NO_FLOW_SPECS, tuple[DependencySpec, ...]()
    decorated = next((layer for layer in layers if layer.function is not None), None)
    if decorated is not None and decorated.function is not None:
        reader = FlowDecoratorReader(decorated.view, sink)
        reader.read(decorated.view, decorated.function, decorated.scope)
        specs, base_packages = reader.specs(), reader.base_packages()
    schedule = schedule_spec(tree.get("schedule"), sink) or specs.schedule
    hooks = (*specs.exit_hooks, *exit_hooks(tree, layers[0].view, sink))
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


def _decorated(layers: Sequence[SettingsLayer], attached: Sequence[CliDecorator], sink: DiagnosticSink) -> StepSpecs:
    """The specs of the other decorators above the step's function."""
    for layer in layers:
        if layer.of == "step" and layer.function is not None:
            reader = DecoratorReader(layer.view, sink, layer.scope)
            return reader.read(layer.function, attached)
    return NO_SPECS


def _over(weak: object, strong: object) -> object:
    """A spec with fields of a weaker one where it has none of its own."""
    if not (isinstance(weak, Spec) and isinstance(strong, Spec)):
        return strong or weak
    fields = {name: getattr(strong, name) for name in type(strong).model_fields}
    return weak.model_copy(update={name: value for name, value in fields.items() if value not in (None, {}, ())})
