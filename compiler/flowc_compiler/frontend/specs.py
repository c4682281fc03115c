"""Decorator arguments to specs: `@resources` and `@kubernetes` are combined by maximum, as Metaflow does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.arguments import (
    EnvironmentArguments,
    KubernetesArguments,
    ResourcesArguments,
    RetryArguments,
    TimeoutArguments,
)
from flowc_compiler.ir import (
    AcceleratorSpec,
    ContainerSpec,
    EnvironmentSpec,
    Placement,
    ResourceSpec,
    RetryPolicy,
    StepSpecs,
    TimeoutSpec,
    Toleration,
)
from flowc_compiler.source import Span

Found = Mapping[str, tuple[BaseModel, Span]]
"""Decorator name to its arguments and its span."""

Number = TypeVar("Number", int, float)


def build_specs(found: Found, sink: DiagnosticSink) -> StepSpecs:
    """The specs that a step's decorators add up to; contradictions are collected as FC404."""
    if not found:
        return StepSpecs()
    placement, container = _kubernetes(found, sink)
    return StepSpecs(
        resources=_resources(found),
        accelerator=_accelerator(found, sink),
        placement=placement,
        container=container,
        retry=_retry(found),
        timeout=_timeout(found, sink),
        environment=_environment(found),
    )


def _compute(found: Found) -> list[tuple[ResourcesArguments, Span]]:
    return [(arguments, span) for arguments, span in found.values() if isinstance(arguments, ResourcesArguments)]


def _most(values: list[Number | None]) -> Number | None:
    return max((value for value in values if value is not None), default=None)


def _resources(found: Found) -> ResourceSpec | None:
    asked = _compute(found)
    items = [arguments for arguments, _ in asked]
    spec = ResourceSpec(
        cpu=_most([item.cpu for item in items]),
        memory_mb=_most([item.memory for item in items]),
        disk_mb=_most([item.disk for item in items]),
        shared_memory_mb=_most([item.shared_memory for item in items]),
    )
    return None if spec == ResourceSpec() else spec.model_copy(update={"span": asked[0][1]})


def _accelerator(found: Found, sink: DiagnosticSink) -> AcceleratorSpec | None:
    asked = [(arguments, span) for arguments, span in _compute(found) if arguments.gpu is not None]
    kubernetes = next((item for item, _ in found.values() if isinstance(item, KubernetesArguments)), None)
    types = {item.gpu[1] for item, _ in asked if item.gpu and item.gpu[1]}
    if kubernetes and kubernetes.gpu_type:
        types.add(kubernetes.gpu_type)
        where = found["kubernetes"][1]
        asked = asked or [(kubernetes.model_copy(update={"gpu": (1, None)}), where)]
    if not asked:
        return None
    span = asked[0][1]
    if len(types) > 1:
        sink.error("FC404", f"two GPU types are asked for: {', '.join(sorted(types))}", span, help="keep one")
    count = max(item.gpu[0] for item, _ in asked if item.gpu)
    if count == 0:
        return None
    vendor = kubernetes.gpu_vendor if kubernetes else "nvidia"
    return AcceleratorSpec(span=span, count=count, vendor=vendor, type=min(types, default=None))


def _kubernetes(found: Found, sink: DiagnosticSink) -> tuple[Placement | None, ContainerSpec | None]:
    if "kubernetes" not in found:
        return None, None
    arguments, span = found["kubernetes"]
    assert isinstance(arguments, KubernetesArguments)
    tolerations = _tolerations(arguments, span, sink)
    placement = Placement(span=span, node_selector=arguments.node_selector, tolerations=tolerations)
    fields = {name: getattr(arguments, name) for name in ContainerSpec.model_fields if name != "span"}
    container = ContainerSpec(span=span, **fields)
    return (
        placement if placement.node_selector or placement.tolerations else None,
        None if container == ContainerSpec(span=span) else container,
    )


_TOLERATION_FIELDS = {
    "key": "key",
    "operator": "operator",
    "value": "value",
    "effect": "effect",
    "tolerationSeconds": "toleration_seconds",
    "toleration_seconds": "toleration_seconds",
}


def _tolerations(arguments: KubernetesArguments, span: Span, sink: DiagnosticSink) -> tuple[Toleration, ...]:
    tolerations: list[Toleration] = []
    for item in arguments.tolerations:
        try:
            renamed = {_TOLERATION_FIELDS.get(key, key): value for key, value in item.items()}
            tolerations.append(Toleration.model_validate(renamed))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            sink.error(
                "FC404", f"a toleration's `{where}`: {problem['msg']}", span,
                help="a toleration has key, operator, value, effect and tolerationSeconds, as in Kubernetes",
            )  # fmt: skip
    return tuple(tolerations)


def _retry(found: Found) -> RetryPolicy | None:
    if "retry" not in found:
        return None
    arguments, span = found["retry"]
    assert isinstance(arguments, RetryArguments)
    return RetryPolicy(span=span, limit=arguments.times, backoff_seconds=arguments.minutes_between_retries * 60)


def _timeout(found: Found, sink: DiagnosticSink) -> TimeoutSpec | None:
    if "timeout" not in found:
        return None
    arguments, span = found["timeout"]
    assert isinstance(arguments, TimeoutArguments)
    seconds = arguments.seconds + 60 * arguments.minutes + 3600 * arguments.hours
    if seconds == 0:
        sink.error("FC404", "`@timeout` without a time", span, help="give seconds, minutes or hours")
        return None
    return TimeoutSpec(span=span, seconds=seconds)


def _environment(found: Found) -> EnvironmentSpec | None:
    if "environment" not in found:
        return None
    arguments, span = found["environment"]
    assert isinstance(arguments, EnvironmentArguments)
    return EnvironmentSpec(span=span, variables={key: str(value) for key, value in arguments.vars.items()})
