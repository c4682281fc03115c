"""The objects of Argo Workflows that flowc writes, with only the fields that it uses.

A field's name is the manifest's in snake case: see `to_manifest` of flowc_targets.kubernetes.objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from flowc_targets.kubernetes.objects import EMPTY, ManifestObject

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_compiler.ir import Affinity, PodSecurity, Toleration
    from flowc_targets.argo.argo_expressions import Depends, Value, When
    from flowc_targets.kubernetes.objects import (
        ConfigMapKeySelector,
        Container,
        LocalObjectReference,
        ObjectMeta,
        PodSecurityContext,
        Volume,
        VolumeMount,
    )

ENTRYPOINT = "main"
"""The template of the whole flow."""


class ValueFrom(ManifestObject):
    """Where an output parameter comes from, such as a pod's file, and its value where nothing came from there."""

    path: str | None = None
    default: str
    supplied: Mapping[str, str] | None = None
    """Given and empty where whoever releases a pause supplies the value."""


class Parameter(ManifestObject):
    """A parameter: an argument, an input or an output."""

    name: str
    value: Value | None = None
    default: str | None = None
    description: str | None = None
    value_from: ValueFrom | None = None
    enum: tuple[str, ...] | None = None


class ContinueOn(ManifestObject):
    """Ends of a task that do not fail its DAG, where nothing in that has `depends`."""

    error: bool = True
    failed: bool = True


class DagTask(ManifestObject):
    """One task of a DAG template; with `with_sequence`, one for each number below that."""

    NESTED: ClassVar = {"arguments": "parameters", "with_sequence": "count"}

    name: str
    template: str
    depends: Depends | None = None
    arguments: tuple[Parameter, ...] = ()
    when: When | None = None
    with_sequence: Value | None = None
    continue_on: ContinueOn | None = None


class Mutex(ManifestObject):
    """A lock with one place, by its name in the namespace."""

    name: str


class SemaphoreRef(ManifestObject):
    """A lock whose number of places a ConfigMap has."""

    config_map_key_ref: ConfigMapKeySelector


class Synchronization(ManifestObject):
    """The locks of a template or of a Workflow. Argo 3.5 has one of each kind, 4.0 and later lists; 3.6 takes both."""

    mutex: Mutex | None = None
    semaphore: SemaphoreRef | None = None
    mutexes: tuple[Mutex, ...] = ()
    semaphores: tuple[SemaphoreRef, ...] = ()


class Backoff(ManifestObject):
    """The wait between attempts; `factor` makes each longer than the one before, up to `cap` (Argo 3.7)."""

    duration: str
    factor: str | None = None
    cap: str | None = None


class RetryStrategy(ManifestObject):
    """How a pod is retried. The policy is always explicit, since its default has changed between releases."""

    limit: str
    retry_policy: Literal["Always"] = "Always"
    expression: str | None = None
    backoff: Backoff | None = None


class ContainerSet(ManifestObject):
    """Containers of one pod, each of which may wait for others."""

    containers: tuple[Container, ...]
    volume_mounts: tuple[VolumeMount, ...] = ()


class Template(ManifestObject):
    """A pod (`container` or `container_set`), a `dag`, or a pause, which may end by itself after a duration."""

    NESTED: ClassVar = {"inputs": "parameters", "outputs": "parameters", "dag": "tasks"}

    name: str
    parallelism: int | None = None
    metadata: ObjectMeta | None = None
    inputs: tuple[Parameter, ...] = ()
    outputs: tuple[Parameter, ...] = ()
    dag: tuple[DagTask, ...] = ()
    synchronization: Synchronization | None = None
    retry_strategy: RetryStrategy | None = None
    active_deadline_seconds: int | None = None
    service_account_name: str | None = None
    node_selector: Mapping[str, str] = EMPTY
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None
    priority_class_name: str | None = None
    scheduler_name: str | None = None
    security_context: PodSecurity | PodSecurityContext | None = None
    init_containers: tuple[Container, ...] = ()
    container: Container | None = None
    container_set: ContainerSet | None = None
    suspend: Mapping[str, str] | None = None
    volumes: tuple[Volume, ...] = ()


class PodGC(ManifestObject):
    """When finished pods are deleted."""

    strategy: str
    delete_delay_duration: str | None = None


class WorkflowSpec(ManifestObject):
    """The spec of a Workflow and of a WorkflowTemplate; `ttl_strategy` is in seconds after the end."""

    NESTED: ClassVar = {"arguments": "parameters", "ttl_strategy": "secondsAfterCompletion"}

    entrypoint: str
    on_exit: str | None = None
    active_deadline_seconds: int | None = None
    priority: int | None = None
    synchronization: Synchronization | None = None
    arguments: tuple[Parameter, ...] = ()
    service_account_name: str | None = None
    security_context: PodSecurityContext | None = None
    pod_spec_patch: str | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    parallelism: int | None = None
    pod_gc: PodGC | None = None
    pod_metadata: ObjectMeta | None = None
    workflow_metadata: ObjectMeta | None = None
    ttl_strategy: int | None = None
    volumes: tuple[Volume, ...] = ()
    templates: tuple[Template, ...]


class Workflow(ManifestObject):
    """A Workflow or a WorkflowTemplate."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["Workflow", "WorkflowTemplate"]
    metadata: ObjectMeta
    spec: WorkflowSpec


class TemplateRef(ManifestObject):
    """The spec of a Workflow that is made of a WorkflowTemplate."""

    NESTED: ClassVar = {"arguments": "parameters"}

    arguments: tuple[Parameter, ...] = ()
    workflow_template_ref: LocalObjectReference


class CronSpec(ManifestObject):
    """CronWorkflowSpec. Argo 3.5 has `schedule`, 4.0 and later `schedules`; 3.6 and 3.7 take either, not both."""

    schedule: str | None = None
    schedules: tuple[str, ...] = ()
    timezone: str
    concurrency_policy: str | None = None
    starting_deadline_seconds: int | None = None
    successful_jobs_history_limit: int | None = None
    failed_jobs_history_limit: int | None = None
    suspend: bool | None = None
    workflow_metadata: ObjectMeta | None = None
    workflow_spec: WorkflowSpec | TemplateRef


class CronWorkflow(ManifestObject):
    """A CronWorkflow."""

    api_version: Literal["argoproj.io/v1alpha1"] = "argoproj.io/v1alpha1"
    kind: Literal["CronWorkflow"] = "CronWorkflow"
    metadata: ObjectMeta
    spec: CronSpec
