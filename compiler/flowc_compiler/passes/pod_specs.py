"""The specs of a pod with several tasks: what its steps need together.

The algebra is that of Snakemake's group jobs: of tasks one after the other the pod needs the maximum of each resource
and the sum of the times, of tasks side by side the sum of each resource and the maximum of the times. A request that a
step does not make is none. A limit is one of the pod only where every task has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from flowc_compiler.ir import NO_SPECS, StepSpecs
from flowc_compiler.ir.base import LONGEST_SECONDS

if TYPE_CHECKING:
    from flowc_compiler.ir import AcceleratorSpec, Placement, ResourceSpec, SecretsSpec, TimeoutSpec

_REQUESTS = ("cpu", "memory_mb", "disk_mb", "shared_memory_mb")
_LIMITS = ("cpu_limit", "memory_limit_mb", "disk_limit_mb")

_Combine = Callable[[Iterable[Any]], Any]


def pod_specs(specs: StepSpecs, iterations: int | None = 1) -> StepSpecs:
    """The specs of a pod that runs one task of a step, or `iterations` of a loop; `None` for any number of them.

    The runner retries, catches and times each task, and sets its variables: of the pod is only what a task needs of it.
    """
    return NO_SPECS.model_copy(
        update={
            "resources": specs.resources,
            "accelerator": specs.accelerator,
            "placement": specs.placement,
            "container": specs.container,
            "command": specs.command,
            "dependencies": specs.dependencies,
            "batch": specs.batch,
            "airflow": specs.airflow,
            "secrets": _of_kubernetes(specs.secrets),
            "timeout": _whole_time(specs, iterations),
        }
    )


def in_series(pods: Sequence[StepSpecs]) -> StepSpecs:
    """The specs of a pod that runs the tasks of several one after the other."""
    return _together(pods, max, sum)


def side_by_side(pods: Sequence[StepSpecs]) -> StepSpecs:
    """The specs of a pod that runs the tasks of several at once."""
    return _together(pods, sum, max)


def one_of(pods: Sequence[StepSpecs]) -> StepSpecs:
    """The specs of a pod that runs the tasks of one of several."""
    return _together(pods, max, max)


def _together(pods: Sequence[StepSpecs], amount: _Combine, time: _Combine) -> StepSpecs:
    """The specs of one pod for all. Of what is not counted, the first that says something counts."""
    if len(pods) == 1:
        return pods[0]
    first: dict[str, object] = {}
    for pod in pods:
        for name in StepSpecs.model_fields:
            if name not in first and (value := getattr(pod, name)):
                first[name] = value
    first["resources"] = _resources([pod.resources for pod in pods], amount)
    first["accelerator"] = _accelerator([pod.accelerator for pod in pods], amount)
    first["placement"] = _placement([pod.placement for pod in pods])
    first["timeout"] = _timeout([pod.timeout for pod in pods], time)
    return NO_SPECS.model_copy(update=first)


def _resources(asked: Sequence[ResourceSpec | None], amount: _Combine) -> ResourceSpec | None:
    specs = [spec for spec in asked if spec is not None]
    if not specs:
        return None
    update: dict[str, Any] = {}
    for name in _REQUESTS:
        values = [value for spec in specs if (value := getattr(spec, name)) is not None]
        update[name] = amount(values) if values else None
    for name in _LIMITS:
        values = [getattr(spec, name) if spec is not None else None for spec in asked]
        update[name] = amount(values) if None not in values else None
    names = dict.fromkeys(name for spec in specs for name in spec.extended)
    update["extended"] = {
        name: _quantity([spec.extended[name] for spec in specs if name in spec.extended], amount) for name in names
    }
    return specs[0].model_copy(update=update)


def _quantity(texts: Sequence[str], amount: _Combine) -> str:
    """Several counts of an extended resource as one; Kubernetes takes whole numbers, and these may be any text."""
    try:
        return f"{amount([Decimal(text) for text in texts]):f}"
    except InvalidOperation:
        return texts[0]


def _accelerator(asked: Sequence[AcceleratorSpec | None], amount: _Combine) -> AcceleratorSpec | None:
    specs = [spec for spec in asked if spec is not None]
    if not specs:
        return None
    typed = next((spec for spec in specs if spec.type is not None), specs[0])
    return typed.model_copy(update={"count": amount(spec.count for spec in specs)})


def _placement(asked: Sequence[Placement | None]) -> Placement | None:
    """The nodes that any of several names: those that name some name the same."""
    specs = [spec for spec in asked if spec is not None]
    if not specs:
        return None
    fields = ("node_selector", "tolerations", "affinity")
    said = {name: next((value for spec in specs if (value := getattr(spec, name))), None) for name in fields}
    return specs[0].model_copy(update={name: value for name, value in said.items() if value})


def _timeout(asked: Sequence[TimeoutSpec | None], time: _Combine) -> TimeoutSpec | None:
    """A time for all, if each has one."""
    specs = [spec for spec in asked if spec is not None]
    if len(specs) < len(asked) or not specs:
        return None
    return specs[0].model_copy(update={"seconds": min(time(spec.seconds for spec in specs), LONGEST_SECONDS)})


def _whole_time(specs: StepSpecs, iterations: int | None) -> TimeoutSpec | None:
    """The most that a task takes with all of its attempts and the waits between them."""
    if specs.timeout is None or iterations is None:
        return None
    seconds: float = specs.timeout.seconds
    for attempt in range(specs.retry.limit if specs.retry is not None else 0):
        wait = specs.retry.wait_before(attempt + 1) if specs.retry is not None else 0.0
        seconds = min(seconds + wait + specs.timeout.seconds, LONGEST_SECONDS)
    whole = min(int(seconds * iterations), LONGEST_SECONDS)
    return specs.timeout.model_copy(update={"seconds": whole})


def _of_kubernetes(secrets: SecretsSpec | None) -> SecretsSpec | None:
    """The Secrets of the cluster, which the pod has; a task fetches the others itself."""
    sources = tuple(source for source in secrets.sources if source.type == "kubernetes") if secrets else ()
    return secrets.model_copy(update={"sources": sources}) if secrets is not None and sources else None
