"""Specs to arguments of the KubernetesPodOperator, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.python import Call
from flowc_targets.base.gpu import place_gpu

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, ResourceSpec, StepSpecs, Toleration
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python import Expression
    from flowc_targets.base.gpu import GpuPlacement


def pod_defaults(options: AirflowOptions) -> dict[str, Expression]:
    """What all pods share: entries of `default_args`."""
    given: dict[str, Expression | None] = {
        "image": options.image,
        "image_pull_policy": options.image_pull_policy,
        "image_pull_secrets": pull_secrets(options.image_pull_secrets),
        "namespace": options.namespace,
        "service_account_name": options.service_account,
        "env_from": env_from(options.env_from_secrets),
        # The spec holds the code package; a failed pod would print all of it into its log.
        "log_pod_spec_on_failure": False,
        "startup_timeout_seconds": options.startup_timeout_seconds,
        "kubernetes_conn_id": options.kubernetes_conn_id,
        "config_file": options.config_file,
        "in_cluster": options.in_cluster,
    }
    return _given(given)


def pod_arguments(specs: StepSpecs, options: AirflowOptions, sink: DiagnosticSink) -> dict[str, Expression]:
    """What one step's pods have of their own."""
    container, placement = specs.container, specs.placement
    gpu = place_gpu(specs.accelerator, options, "airflow", sink) if specs.accelerator is not None else None
    selector = {**(gpu.selector if gpu else {}), **(placement.node_selector if placement else {})}
    tolerations = (*(placement.tolerations if placement else ()), *(gpu.tolerations if gpu else ()))
    given: dict[str, Expression | None] = {
        "container_resources": _resources(specs.resources, gpu),
        "node_selector": selector,
        "tolerations": tuple(_toleration(item) for item in dict.fromkeys(tolerations)),
        "active_deadline_seconds": specs.timeout.seconds if specs.timeout else None,
    }
    if container is not None:
        given.update(_container(container, options))
    volumes, mounts = _volumes(specs)
    given["volumes"] = volumes
    given["volume_mounts"] = mounts
    return _given(given)


def pull_secrets(names: Iterable[str]) -> Expression:
    """Secrets for pulling images."""
    return tuple(Call("k8s.V1LocalObjectReference", kwargs={"name": name}) for name in names)


def env_from(secrets: Iterable[str]) -> Expression:
    """Secrets whose keys become environment variables."""
    references = (Call("k8s.V1SecretEnvSource", kwargs={"name": name}) for name in secrets)
    return tuple(Call("k8s.V1EnvFromSource", kwargs={"secret_ref": item}) for item in references)


def _container(container: ContainerSpec, options: AirflowOptions) -> dict[str, Expression | None]:
    """What replaces a default of the DAG contains it, where it is a list."""
    secrets = dict.fromkeys((*options.env_from_secrets, *container.secrets))
    pulling = dict.fromkeys((*options.image_pull_secrets, *container.image_pull_secrets))
    return {
        "image": container.image,
        "image_pull_policy": container.image_pull_policy,
        "image_pull_secrets": pull_secrets(pulling) if container.image_pull_secrets else None,
        "namespace": container.namespace,
        "service_account_name": container.service_account,
        "env_from": env_from(secrets) if container.secrets else None,
        "labels": container.labels,
        "annotations": container.annotations,
    }


def _resources(spec: ResourceSpec | None, gpu: GpuPlacement | None) -> Expression | None:
    """Requests, so that a step may use more where there is more; GPUs can only be limits."""
    requests: dict[str, Expression] = {}
    if spec is not None and spec.cpu is not None:
        requests["cpu"] = f"{spec.cpu:g}"
    if spec is not None and spec.memory_mb is not None:
        requests["memory"] = f"{spec.memory_mb}Mi"
    if spec is not None and spec.disk_mb is not None:
        requests["ephemeral-storage"] = f"{spec.disk_mb}Mi"
    kwargs: dict[str, Expression] = {"requests": requests} if requests else {}
    if gpu is not None:
        kwargs["limits"] = {gpu.resource: str(gpu.count)}
    return Call("k8s.V1ResourceRequirements", kwargs=kwargs) if kwargs else None


def _toleration(item: Toleration) -> Expression:
    return Call("k8s.V1Toleration", kwargs=item.model_dump(exclude_none=True))


def _volumes(specs: StepSpecs) -> tuple[Expression, Expression]:
    """Claims, and memory for /dev/shm."""
    volumes: list[Expression] = []
    mounts: list[Expression] = []

    def mount(name: str, path: str, source: dict[str, Expression]) -> None:
        volumes.append(Call("k8s.V1Volume", kwargs={"name": name, **source}))
        mounts.append(Call("k8s.V1VolumeMount", kwargs={"name": name, "mount_path": path}))

    claims = specs.container.persistent_volume_claims if specs.container else {}
    for number, (claim, path) in enumerate(claims.items()):
        source = Call("k8s.V1PersistentVolumeClaimVolumeSource", kwargs={"claim_name": claim})
        mount(f"claim-{number}", path, {"persistent_volume_claim": source})
    shared = specs.resources.shared_memory_mb if specs.resources else None
    if shared is not None:
        source = Call("k8s.V1EmptyDirVolumeSource", kwargs={"medium": "Memory", "size_limit": f"{shared}Mi"})
        mount("shared-memory", "/dev/shm", {"empty_dir": source})  # noqa: S108
    return tuple(volumes), tuple(mounts)


def _given(values: dict[str, Expression | None]) -> dict[str, Expression]:
    return {key: value for key, value in values.items() if value is not None and value not in ((), {})}
