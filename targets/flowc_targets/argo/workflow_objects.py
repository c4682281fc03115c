"""The objects of Argo Workflows that flowc writes, with only the fields that it uses.

A field's name is the manifest's in snake case: see `to_manifest` of flowc_targets.kubernetes.objects.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from flowc_compiler.ir import Affinity, PodSecurity, Toleration
    from flowc_targets.kubernetes.objects import Container, LocalObjectReference, ObjectMeta, Volume


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFrom:
    """Where an output parameter is read from."""

    path: str
    default: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter: an argument, an input or an output."""

    name: str
    value: str | None = None
    description: str | None = None
    value_from: ValueFrom | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """The `parameters` of arguments, inputs and outputs."""

    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """withSequence."""

    count: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DagTask:
    """One task of a DAG template."""

    name: str
    template: str
    depends: str | None = None
    arguments: Parameters | None = None
    when: str | None = None
    with_sequence: Sequence | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dag:
    """A DAG template's tasks."""

    tasks: tuple[DagTask, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """The wait between attempts; `factor` makes each longer than the one before."""

    duration: str
    factor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryStrategy:
    """How a leaf is retried. The policy is always explicit, since its default has changed between releases."""

    limit: str
    retry_policy: Literal["Always"] = "Always"
    expression: str | None = None
    backoff: Backoff | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """A pause."""

    duration: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A leaf (`container`), a `dag` or a pause."""

    name: str
    parallelism: int | None = None
    metadata: ObjectMeta | None = None
    inputs: Parameters | None = None
    outputs: Parameters | None = None
    dag: Dag | None = None
    retry_strategy: RetryStrategy | None = None
    active_deadline_seconds: int | None = None
    service_account_name: str | None = None
    node_selector: dict[str, str] = field(default_factory=dict[str, str])
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None
    priority_class_name: str | None = None
    scheduler_name: str | None = None
    security_context: PodSecurity | None = None
    container: Container | None = None
    suspend: Suspend | None = None
    volumes: tuple[Volume, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGC:
    """When finished pods are deleted."""

    strategy: str
    delete_delay_duration: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TTLStrategy:
    """When finished Workflows are deleted."""

    seconds_after_completion: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowSpec:
    """The spec of a Workflow and of a WorkflowTemplate."""

    entrypoint: str
    on_exit: str | None = None
    arguments: Parameters | None = None
    service_account_name: str | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    parallelism: int | None = None
    pod_gc: PodGC | None = None
    pod_metadata: ObjectMeta | None = None
    workflow_metadata: ObjectMeta | None = None
    ttl_strategy: TTLStrategy | None = None
    volumes: tuple[Volume, ...] = ()
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workflow:
    """A Workflow or a WorkflowTemplate."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Workflow", "WorkflowTemplate"]
    metadata: ObjectMeta
    spec: WorkflowSpec
