"""Which steps may run in one pod: what has to be equal, and what one step leaves to the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from flowc_compiler.ir import ContainerSpec, Placement

if TYPE_CHECKING:
    from flowc_compiler.ir import StepSpecs

_CONTAINER = "another container (`@container`)"
_NO_CONTAINER = ContainerSpec()
_NO_PLACEMENT = Placement()


class _Aspect(NamedTuple):
    """A part of what a step says of its pod."""

    words: str
    """What the other step has, behind "it has"."""
    of: Callable[[StepSpecs], Any]


def _in_container(words: str, *fields: str) -> _Aspect:
    def of(specs: StepSpecs) -> Any:
        container = specs.container or _NO_CONTAINER
        return tuple(getattr(container, field) for field in fields)

    return _Aspect(words, of)


def _in_placement(words: str, field: str) -> _Aspect:
    def of(specs: StepSpecs) -> Any:
        return getattr(specs.placement or _NO_PLACEMENT, field)

    return _Aspect(words, of)


def _secrets(specs: StepSpecs) -> Any:
    """The Secrets that are in a pod's environment: no other step is to see them."""
    sources = specs.secrets.sources if specs.secrets is not None else ()
    named = (source.id for source in sources if source.type == "kubernetes")
    return frozenset((*(specs.container.secrets if specs.container is not None else ()), *named))


def _packages(specs: StepSpecs) -> Any:
    spec = specs.dependencies
    return spec.model_copy(update={"span": None}) if spec is not None and spec.needed else None


def _gpus(specs: StepSpecs) -> Any:
    gpus = specs.accelerator
    return (gpus.vendor, gpus.type, gpus.count) if gpus is not None else None


def _kind_of_gpus(specs: StepSpecs) -> Any:
    found = _gpus(specs)
    return found[:2] if found is not None else None


def _devices(specs: StepSpecs) -> Any:
    return frozenset(specs.resources.extended) if specs.resources is not None else frozenset[str]()


def _airflow(specs: StepSpecs) -> Any:
    return specs.airflow.model_copy(update={"span": None}) if specs.airflow is not None else None


_EQUAL = (
    _in_container("another image", "image"),
    _in_container("another Python", "executable"),
    _Aspect("other packages", _packages),
    _Aspect("other Secrets", _secrets),
    _in_container("other ConfigMaps", "config_maps"),
    _in_container("another service account", "service_account"),
    _in_container("another namespace", "namespace"),
    _in_container("another security context", "security_context", "pod_security"),
    _in_container(
        "other volumes", "persistent_volume_claims", "secret_volumes", "config_map_volumes", "host_volumes", "tmpfs"
    ),
    _in_container("another priority class", "priority_class"),
    _in_container("another scheduler", "scheduler"),
    _in_container("another quality of service", "qos"),
    _in_container("other labels", "labels"),
    _in_container("other annotations", "annotations"),
    _in_container("another patch of its pod", "patch"),
    _in_container("other ways to pull its image", "image_pull_policy", "image_pull_secrets"),
    _in_container("another port", "port"),
    _Aspect("other options of Airflow", _airflow),
)
"""What has to be equal whoever wants the steps in one pod."""
_PLACES = (
    _in_placement("another node selector", "node_selector"),
    _in_placement("other tolerations", "tolerations"),
    _in_placement("another affinity", "affinity"),
    _Aspect("other extended resources", _devices),
)
_NOT_SAID: tuple[object, ...] = (None, (), {}, frozenset[str]())


def has_own_attempts(specs: StepSpecs) -> bool:
    """Whether attempts of a step differ in what they need of a pod: a pod of several tasks is one for all attempts."""
    return specs.retry is not None and len(specs.retry.attempts) > 1


def difference(one: StepSpecs, other: StepSpecs) -> str | None:
    """Why the tasks of two steps are not put into one pod unless their flow says so: what the other has, in words."""
    if one.command is not None or other.command is not None:
        return _CONTAINER
    if one is other:
        return None
    aspects = (*_EQUAL, *_PLACES, _Aspect("other GPUs", _gpus))
    return next((aspect.words for aspect in aspects if aspect.of(one) != aspect.of(other)), None)


def conflict(pod: StepSpecs, step: StepSpecs) -> str | None:
    """Why a step cannot run in a pod at all: what the step has, in words.

    A step that says nothing of nodes and GPUs goes where the others go.
    """
    if step.command is not None or pod.command is not None:
        return _CONTAINER
    for aspect in _EQUAL:
        if aspect.of(pod) != aspect.of(step):
            return aspect.words
    for aspect in (*_PLACES, _Aspect("GPUs of another type", _kind_of_gpus)):
        wanted, has = aspect.of(step), aspect.of(pod)
        if wanted != has and wanted not in _NOT_SAID and has not in _NOT_SAID:
            return aspect.words
    return None
