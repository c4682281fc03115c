"""No field of any spec is dropped in silence: for each target it changes what is written, or is reported.

The fields are found in the models, so a field that is added and forgotten fails here.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import compile_file
from flowc_compiler.driver.compile import Compilation
from flowc_compiler.ir import (
    AttemptSpec,
    CatchSpec,
    ContainerSpec,
    DependencySpec,
    EventFilter,
    ExitHookSpec,
    Flow,
    FlowSpecs,
    ForeachOptions,
    LockedPackages,
    NotifySpec,
    ProjectSpec,
    ResourceSpec,
    ScheduleSpec,
    SecretSource,
    SecretsSpec,
    SecretValue,
    StepSpecs,
    Toleration,
    TriggerEvent,
    TriggerOnFinishSpec,
    TriggerSpec,
    UpstreamFlow,
)
from flowc_compiler.ir.kubernetes import LabelSelectorRequirement, NodeSelectorRequirement, SeccompProfile
from flowc_compiler.passes.gates import place_waits
from flowc_targets.airflow import TARGET as AIRFLOW
from flowc_targets.airflow.options import AirflowOptions
from flowc_targets.argo import TARGET as ARGO
from flowc_targets.argo.options import ArgoOptions
from flowc_targets.base.target import TargetOptions, emit_checked
from flowc_targets.local.run_report import unsupported_locally
from flowc_targets.package.code_package import local_plan
from flowc_targets.package.run_plan import build_plan

FLOW = """
from flowc import FlowSpec, step


class Plain(FlowSpec):
    @step
    def start(self):
        self.items = [1]
        self.next(self.item, foreach="items")

    @step
    def item(self):
        self.next(self.join)

    @step
    def join(self, inputs):
        self.next(self.end)

    @step
    def end(self):
        pass
"""

ROOT = {"root": "s3://bucket/prefix"}
TARGETS: dict[str, tuple[Any, TargetOptions]] = {
    "argo": (ARGO, ArgoOptions.model_validate(ROOT)),
    "argo-template": (ARGO, ArgoOptions.model_validate({**ROOT, "kind": "template"})),
    "airflow": (AIRFLOW, AirflowOptions.model_validate(ROOT)),
    "airflow-local": (AIRFLOW, AirflowOptions.model_validate({**ROOT, "operator": "local"})),
}

SMALLEST: dict[type[BaseModel], dict[str, Any]] = {
    SecretsSpec: {"sources": (SecretSource(type="kubernetes", id="secret"),)},
    SecretSource: {"type": "aws-secrets-manager", "id": "id"},
    LockedPackages: {"name": "0" * 12, "files": {"requirements.txt": ""}, "oldest_python": "3.11"},
    DependencySpec: {"manager": "pypi", "packages": {"numpy": "1.26"}},
    ScheduleSpec: {"crons": ("0 0 * * *",), "original": ("daily",)},
    ProjectSpec: {"name": "project"},
    EventFilter: {"field": "shop", "comparator": "=", "values": ("north",)},
    TriggerEvent: {"name": "event"},
    TriggerSpec: {"events": (TriggerEvent(name="event"),)},
    UpstreamFlow: {"name": "Upstream"},
    ForeachOptions: {"items_per_task": 2},
    TriggerOnFinishSpec: {"flows": (UpstreamFlow(name="Upstream"),)},
    ExitHookSpec: {"on_success": ("hook",)},
    NotifySpec: {"on": ("error",), "slack": SecretValue(variable="SLACK")},
    SecretValue: {"variable": "OTHER", "secret": "team", "key": "url"},
    Toleration: {"key": "taint", "effect": "NoExecute"},
    NodeSelectorRequirement: {"key": "label", "operator": "In", "values": ("a",)},
    LabelSelectorRequirement: {"key": "label", "operator": "In", "values": ("a",)},
    SeccompProfile: {"type": "Localhost", "localhost_profile": "one.json"},
}
"""What makes the smallest sensible value of a model, where its defaults do not."""

OTHERWISE: dict[tuple[type[BaseModel], str], dict[str, Any]] = {
    (ForeachOptions, "min_success"): {"min_success": 0.5},
    (NodeSelectorRequirement, "operator"): {"operator": "NotIn"},
    (LabelSelectorRequirement, "operator"): {"operator": "NotIn"},
    (SeccompProfile, "type"): {"type": "Unconfined", "localhost_profile": None},
}
"""Another value of a field, where not every value goes with the smallest ones of the others."""

NOT_THE_TARGETS = {
    "called": "a pass puts the steps of the called flow in before a target sees the flow",
    "checkpoint": "read by the shim, from the plan in the code package",
    "cards": "read by the shim, from the plan in the code package",
    "parallel": "an IR of a gang is what the targets lower or refuse, by the step's kind",
    "schedule.original": "what the file says, for people; `crons` is the same in other words",
    "catch.print_exception": "read by the shim, from the plan in the code package",
    "catch.variable": "read by the shim, from the plan in the code package",
}
"""Fields that no target has to do anything for, and why."""

NOT_LOCALLY = {
    "resources": "the step has this machine",
    "accelerator": "the step has this machine",
    "placement": "the step has this machine",
    "container": "the step is a process of this machine; what it would read from volumes and Secrets is reported",
    "batch": "the step has this machine",
    "fuse.disabled": "the step has a process of its own",
    "locks": "the engine's own: it takes the locks of a task before that begins",
    "retry.backoff_seconds": "the engine's own: it waits",
    "retry.backoff_factor": "the engine's own: it waits",
    "retry.max_wait_seconds": "the engine's own: it waits",
    **{f"retry.attempts.{field}": "the step has this machine" for field in AttemptSpec.model_fields},
    "dependencies.disabled": "with packages that are not to be had there is nothing to leave out",
    "airflow.owner": "Airflow shows it",
    "airflow.pool": "of Airflow's scheduler",
    "airflow.priority_weight": "of Airflow's scheduler",
    "airflow.queue": "of Airflow's executor",
    "airflow.executor_config": "of Airflow's executor",
    "airflow.deferrable": "what waits for the pod; the step is a process of this machine",
    "airflow.inlets": "Airflow keeps them with the task, which does not read them",
    "airflow.outlets": "what other DAGs wait for",
}
"""Specs and fields that the shim does not get in a local run, and why."""

CONTEXT: dict[str, dict[str, Any]] = {
    "cache.secrets": {"secrets": SecretsSpec(sources=(SecretSource(type="kubernetes", id="keys"),))},
    "container.qos": {"resources": ResourceSpec(cpu=2)},
    "trigger.events.namespaced": {"project": ProjectSpec(name="project")},
}
"""What else a step has to ask for, so that a field means something."""

TEXTS = {"timezone": "Europe/Berlin", "path": "/elsewhere", "python": "3.12", "cron": "0 5 * * *", "name": "other"}
"""Values for text fields of which not every text is right."""


def sample(annotation: Any, name: str) -> Any:
    """Some value of a type that is not the default."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return sample(arguments[0], name)
    if type(None) in arguments or origin is UnionType:
        return sample(next(item for item in arguments if item is not type(None)), name)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return build(annotation)
    if origin is tuple:
        return (sample(arguments[0], name),)
    if origin is dict:
        return {"metadata": {"labels": {"alpha": "7"}}} if name == "patch" else {"alpha": "7"}
    if annotation is bool:
        return True
    if annotation in (int, float):
        return 7
    if annotation is str:
        return TEXTS.get(name, "text")
    return arguments[-1]  # a Literal


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a model, whose annotations are text until the model is built."""
    model.model_rebuild()
    return model.model_fields


def build(model: type[BaseModel], **update: Any) -> BaseModel:
    """A small value of a model, and one of its fields as wanted."""
    fields = dict(SMALLEST.get(model, {}))
    for name, field in fields_of(model).items():
        if field.is_required() and name not in fields:
            fields[name] = sample(field.annotation, name)
    return model.model_validate({**fields, **update})


def flipped(model: type[BaseModel], name: str) -> Any:
    """A value of a field that is not the one of `build`."""
    here = getattr(build(model), name)
    field = fields_of(model)[name]
    value = not here if isinstance(here, bool) else sample(field.annotation, name)
    choices = [item for item in get_args(field.annotation) if isinstance(item, str)]
    if value == here and choices:
        return next(item for item in choices if item != here)
    if value != here:
        return value
    if isinstance(value, tuple):
        return ()
    return value + 1 if isinstance(value, int) else f"{value}-2" if isinstance(value, str) else value


def nested(annotation: Any) -> type[BaseModel] | None:
    """The model in `Model | None` and `tuple[Model, ...]`."""
    for item in (annotation, *get_args(annotation)):
        if isinstance(item, type) and issubclass(item, BaseModel):
            return item
    return None


def variants(model: type[BaseModel], path: str) -> Iterator[tuple[str, BaseModel, BaseModel]]:
    """For each field, at any depth: its path, the model without it, and the model with it."""
    for name, field in fields_of(model).items():
        if name == "span":
            continue
        place = f"{path}.{name}" if path else name
        inner = nested(field.annotation)
        if inner is not None and field.is_required() and get_origin(field.annotation) is not tuple:
            pass  # it is there in any case, and its fields come below
        elif inner is None or build(inner) != inner.model_construct():  # a model of defaults asks for nothing
            update = OTHERWISE.get((model, name)) or {name: flipped(model, name)}
            yield place, build(model), build(model, **update)
        if inner is not None:
            several = get_origin(field.annotation) is tuple
            for deeper, without, having in variants(inner, place):
                context = CONTEXT.get(deeper, {}) if not path else {}
                values = [(item,) if several else item for item in (without, having)]
                yield deeper, build(model, **context, **{name: values[0]}), build(model, **context, **{name: values[1]})


def cases(model: type[BaseModel]) -> list[tuple[str, BaseModel, BaseModel]]:
    return [
        case
        for case in variants(model, "")
        if not any(case[0] == known or case[0].startswith(f"{known}.") for known in NOT_THE_TARGETS)
    ]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Compilation:
    path = tmp_path_factory.mktemp("specs") / "plain_flow.py"
    path.write_text(FLOW)
    return compile_file(path)


def with_specs(flow: Flow, specs: BaseModel) -> Flow:
    """The flow with specs of its own or of its first step."""
    if isinstance(specs, FlowSpecs):
        return place_waits(flow.model_copy(update={"specs": specs}))
    first = flow.steps[0].model_copy(update={"specs": specs})
    return flow.model_copy(update={"steps": (first, *flow.steps[1:])})


def emitted(compilation: Compilation, target: str, specs: BaseModel) -> tuple[str, frozenset[str]]:
    """What a target writes for the flow with specs of its own or of its first step, and what it reports."""
    flow = with_specs(compilation.flow, specs)
    sink = DiagnosticSink()
    emitter, options = TARGETS[target]
    files = emit_checked(emitter, flow, compilation.source, options, sink)
    text = files[0].text if files and not sink.failed else ""
    return text, frozenset(f"{item.severity} {item.code} {item.message}" for item in sink.diagnostics)


def dropped(compilation: Compilation, model: type[BaseModel], target: str, within: str = "") -> list[str]:
    """The fields, those of one spec or all, that change neither what a target writes nor what it reports."""
    seen: dict[str, tuple[str, frozenset[str]]] = {}

    def written(specs: BaseModel) -> tuple[str, frozenset[str]]:
        """What is emitted. Many fields are compared with the same specs without them."""
        key = specs.model_dump_json()
        if key not in seen:
            seen[key] = emitted(compilation, target, specs)
        return seen[key]

    nothing = written(model())
    found: list[str] = []
    for path, without, having in cases(model):
        if not path.startswith(within):
            continue
        before, after = written(without), written(having)
        reported_as_a_whole = bool(before[1] - nothing[1])
        if before == after and not reported_as_a_whole:
            found.append(path)
    return found


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("model", [StepSpecs, FlowSpecs])
def test_every_field_is_written_or_reported(plain: Compilation, model: type[BaseModel], target: str) -> None:
    assert not dropped(plain, model, target)


def test_the_walk_sees_every_spec() -> None:
    paths = {path for path, _, _ in cases(StepSpecs)} | {path for path, _, _ in cases(FlowSpecs)}
    for wanted in (
        "container.security_context.run_as_user", "container.tmpfs.size_mb", "placement.tolerations.effect",
        "secrets.sources.role", "batch.queue", "dependencies.python", "schedule.timezone", "trigger.events.parameters",
        "trigger_on_finish.flows.branch", "exit_hooks.on_error", "resources.extended", "retry.backoff_seconds",
        "resources.cpu_limit", "container.secret_volumes", "container.priority_class",
        "container.security_context.capabilities.drop", "container.pod_security.supplemental_groups",
        "placement.affinity.node_affinity.required_during_scheduling_ignored_during_execution"
        ".node_selector_terms.match_expressions.values",
        "placement.affinity.pod_anti_affinity.preferred_during_scheduling_ignored_during_execution"
        ".pod_affinity_term.label_selector.match_labels",
    ):  # fmt: skip
        assert wanted in paths
    assert len(paths) > 130


def test_a_forgotten_field_is_found(plain: Compilation, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk is worth something: with a part of a target undone, it names the fields."""
    from flowc_targets.kubernetes import pod

    monkeypatch.setattr(pod, "step_volumes", lambda specs: [])  # pyright: ignore
    assert dropped(plain, StepSpecs, "argo") == [
        "resources.shared_memory_mb", "container.persistent_volume_claims", "container.secret_volumes",
        "container.config_map_volumes", "container.host_volumes", "container.tmpfs.size_mb",
    ]  # fmt: skip


class Longer(ContainerSpec):
    """A spec with one field more than any target knows."""

    forgotten: str | None = None


class WithLonger(StepSpecs):
    """The specs of a step with it."""

    container: Longer | None = None  # pyright: ignore[reportIncompatibleVariableOverride]


@pytest.mark.parametrize("target", [name for name in TARGETS if name != "airflow-local"])
def test_a_new_field_has_to_reach_each_target(plain: Compilation, target: str) -> None:
    assert dropped(plain, WithLonger, target, "container.") == ["container.forgotten"]


def test_local_runs_heed_a_spec_or_say_what_they_leave_out(plain: Compilation) -> None:
    """Each field is in the plan that the shim reads, or its spec is reported, or here is why not."""
    nothing = unsupported_locally(plain.flow)
    silent: set[str] = set()
    for path, without, having in cases(StepSpecs):
        before, after = with_specs(plain.flow, without), with_specs(plain.flow, having)
        plans = [local_plan(flow, plain.source) for flow in (before, after)]
        if plans[0] == plans[1] and unsupported_locally(after) == nothing:
            silent.add(path)
    explained = {path: path if path in NOT_LOCALLY else path.split(".")[0] for path in silent}
    assert set(explained.values()) == NOT_LOCALLY.keys()


def test_what_the_shim_reads_is_in_the_plan(plain: Compilation) -> None:
    """The fields that are left out above as the shim's are in the plan, as they are."""
    catch = CatchSpec(variable="failure", print_exception=False)
    first = plain.flow.steps[0].model_copy(update={"specs": StepSpecs(catch=catch)})
    plan = build_plan(plain.flow.model_copy(update={"steps": (first, *plain.flow.steps[1:])}))
    assert plan["steps"]["start"]["catch"] == {"var": "failure", "print_exception": False}
