"""Specs to arguments of the KubernetesPodOperator, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowc_targets.airflow.python import Call
from flowc_targets.base.asked import extended, is_guaranteed, requests, secret_names
from flowc_targets.base.gpu import place_gpu

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, SecurityContext, StepSpecs, Toleration
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
        "container_resources": _resources(specs, gpu),
        "node_selector": selector,
        "tolerations": tuple(_toleration(item) for item in dict.fromkeys(tolerations)),
        "active_deadline_seconds": specs.timeout.seconds if specs.timeout else None,
    }
    if container is not None:
        given.update(_container(container, options))
    if names := secret_names(specs):
        given["env_from"] = env_from(dict.fromkeys((*options.env_from_secrets, *names)))
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
    pulling = dict.fromkeys((*options.image_pull_secrets, *container.image_pull_secrets))
    return {
        "image": container.image,
        "python": container.executable,
        "image_pull_policy": container.image_pull_policy,
        "image_pull_secrets": pull_secrets(pulling) if container.image_pull_secrets else None,
        "namespace": container.namespace,
        "service_account_name": container.service_account,
        "labels": container.labels,
        "annotations": container.annotations,
        "ports": _ports(container.port),
        "container_security_context": _security(container.security_context),
    }


def _ports(port: int | None) -> Expression | None:
    return None if port is None else (Call("k8s.V1ContainerPort", kwargs={"container_port": port}),)


def _security(context: SecurityContext | None) -> Expression | None:
    """The container's security context."""
    return None if context is None else Call("k8s.V1SecurityContext", kwargs=context.model_dump(exclude_none=True))


def _resources(specs: StepSpecs, gpu: GpuPlacement | None) -> Expression | None:
    """Requests, so that a step may use more where there is more; GPUs and extended resources are limits, too."""
    asked: dict[str, Expression] = {**requests(specs), **extended(specs)}
    limits: dict[str, Expression] = {**(requests(specs) if is_guaranteed(specs) else {}), **extended(specs)}
    if gpu is not None:
        limits[gpu.resource] = str(gpu.count)
    given = {"requests": asked, "limits": limits}
    kwargs: dict[str, Expression] = {name: value for name, value in given.items() if value}
    return Call("k8s.V1ResourceRequirements", kwargs=kwargs) if kwargs else None


def _toleration(item: Toleration) -> Expression:
    return Call("k8s.V1Toleration", kwargs=item.model_dump(exclude_none=True))


def _volumes(specs: StepSpecs) -> tuple[Expression, Expression]:
    """Claims, folders of the node, and memory."""
    volumes: list[Expression] = []
    mounts: list[Expression] = []

    def mount(name: str, path: str, source: dict[str, Expression]) -> None:
        volumes.append(Call("k8s.V1Volume", kwargs={"name": name, **source}))
        mounts.append(Call("k8s.V1VolumeMount", kwargs={"name": name, "mount_path": path}))

    container = specs.container
    for number, (claim, path) in enumerate((container.persistent_volume_claims if container else {}).items()):
        source = Call("k8s.V1PersistentVolumeClaimVolumeSource", kwargs={"claim_name": claim})
        mount(f"claim-{number}", path, {"persistent_volume_claim": source})
    for number, (folder, path) in enumerate((container.host_volumes if container else {}).items()):
        mount(f"host-{number}", path, {"host_path": Call("k8s.V1HostPathVolumeSource", kwargs={"path": folder})})
    if container is not None and container.tmpfs is not None:
        mount("tmpfs", container.tmpfs.path, {"empty_dir": _memory(container.tmpfs.size_mb)})
    shared = specs.resources.shared_memory_mb if specs.resources else None
    if shared is not None:
        mount("shared-memory", "/dev/shm", {"empty_dir": _memory(shared)})  # noqa: S108
    return tuple(volumes), tuple(mounts)


def _memory(megabytes: int) -> Expression:
    return Call("k8s.V1EmptyDirVolumeSource", kwargs={"medium": "Memory", "size_limit": f"{megabytes}Mi"})


def _given(values: dict[str, Expression | None]) -> dict[str, Expression]:
    return {key: value for key, value in values.items() if value is not None and value not in ((), {})}
