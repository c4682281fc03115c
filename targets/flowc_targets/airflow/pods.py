"""Specs to arguments of the KubernetesPodOperator, field by field."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never, cast

from pydantic import BaseModel

from flowc_targets.airflow.python_printer import Call
from flowc_targets.base.asked import config_map_names, extended, limits, requests, secret_names
from flowc_targets.kubernetes.affinity import step_affinity
from flowc_targets.kubernetes.gpu import step_gpu, step_selector, step_tolerations
from flowc_targets.kubernetes.volumes import step_volumes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, StepSpecs, Toleration
    from flowc_targets.airflow.options import AirflowOptions
    from flowc_targets.airflow.python_printer import Expression
    from flowc_targets.kubernetes.gpu import GpuPlacement
    from flowc_targets.kubernetes.volumes import StepVolume

_CLIENT = {"PodSecurity": "PodSecurityContext"}
"""Models that are called otherwise than the client's classes."""


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
        "schedule_timeout_seconds": options.schedule_timeout_seconds,
        "kubernetes_conn_id": options.kubernetes_conn_id,
        "config_file": options.config_file,
        "in_cluster": options.in_cluster,
    }
    return _given(given)


def node_seconds(specs: StepSpecs, options: AirflowOptions) -> int | None:
    """How long a step's pods wait for a node where that is not as for all pods."""
    if specs.accelerator is None or options.schedule_timeout_seconds is not None:
        return None
    return options.waits_for_node(gpu=True)


def pod_arguments(specs: StepSpecs, options: AirflowOptions, sink: DiagnosticSink) -> dict[str, Expression]:
    """What one step's pods have of their own."""
    container = specs.container
    gpu = step_gpu(specs, options, "airflow", sink)
    given: dict[str, Expression | None] = {
        "container_resources": _resources(specs, gpu),
        "node_selector": step_selector(specs, gpu),
        "tolerations": tuple(_toleration(item) for item in step_tolerations(specs, gpu)),
        "affinity": _client(step_affinity(specs, gpu)),
        "schedule_timeout_seconds": node_seconds(specs, options),
        "active_deadline_seconds": specs.timeout.seconds if specs.timeout else None,
    }
    if container is not None:
        given.update(_container(container, options))
    secrets, config_maps = secret_names(specs), config_map_names(specs)
    if secrets or config_maps:
        given["env_from"] = env_from(dict.fromkeys((*options.env_from_secrets, *secrets)), config_maps)
    volumes = step_volumes(specs)
    given["volumes"] = tuple(_volume(item) for item in volumes)
    given["volume_mounts"] = tuple(_mount(item) for item in volumes)
    return _given(given)


def pull_secrets(names: Iterable[str]) -> Expression:
    """Secrets for pulling images."""
    return tuple(Call("k8s.V1LocalObjectReference", kwargs={"name": name}) for name in names)


def env_from(secrets: Iterable[str], config_maps: Iterable[str] = ()) -> Expression:
    """ConfigMaps, then Secrets, whose keys become environment variables: of the same name the last one counts."""
    sources = (
        *(("config_map_ref", Call("k8s.V1ConfigMapEnvSource", kwargs={"name": name})) for name in config_maps),
        *(("secret_ref", Call("k8s.V1SecretEnvSource", kwargs={"name": name})) for name in secrets),
    )
    return tuple(Call("k8s.V1EnvFromSource", kwargs={name: source}) for name, source in sources)


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
        "container_security_context": _client(container.security_context),
        "security_context": _client(container.pod_security),
        "priority_class_name": container.priority_class,
        "schedulername": container.scheduler,
    }


def _ports(port: int | None) -> Expression | None:
    return None if port is None else (Call("k8s.V1ContainerPort", kwargs={"container_port": port}),)


def _client(value: BaseModel | None) -> Expression | None:
    """A value in Kubernetes' words as its client for Python has it, whose classes and fields are called alike."""
    if value is None:
        return None
    kwargs: dict[str, Expression] = {}
    for name in type(value).model_fields:
        item = getattr(value, name)
        if item is not None and item not in ((), {}):
            kwargs[name] = _member(item)
    return Call(f"k8s.V1{_CLIENT.get(type(value).__name__, type(value).__name__)}", kwargs=kwargs)


def _member(item: object) -> Expression:
    match item:
        case BaseModel():
            return _client(item)
        case tuple():
            return tuple(_member(part) for part in cast("tuple[object, ...]", item))
        case _:
            return cast("Expression", item)


def _resources(specs: StepSpecs, gpu: GpuPlacement | None) -> Expression | None:
    """Requests, so that a step may use more where there is more; GPUs and extended resources are limits, too."""
    asked: dict[str, Expression] = {**requests(specs), **extended(specs)}
    most: dict[str, Expression] = {**limits(specs), **extended(specs)}
    if gpu is not None:
        most[gpu.resource] = str(gpu.count)
    given = {"requests": asked, "limits": most}
    kwargs: dict[str, Expression] = {name: value for name, value in given.items() if value}
    return Call("k8s.V1ResourceRequirements", kwargs=kwargs) if kwargs else None


def _toleration(item: Toleration) -> Expression:
    return Call("k8s.V1Toleration", kwargs=item.model_dump(exclude_none=True))


def _volume(item: StepVolume) -> Expression:
    name, source = _source(item)
    return Call("k8s.V1Volume", kwargs={"name": item.name, name: source})


def _mount(item: StepVolume) -> Expression:
    return Call("k8s.V1VolumeMount", kwargs={"name": item.name, "mount_path": item.path})


def _source(item: StepVolume) -> tuple[str, Expression]:
    """The field of a volume that says where it comes from, and its value."""
    match item.kind:
        case "claim":
            claim = Call("k8s.V1PersistentVolumeClaimVolumeSource", kwargs={"claim_name": item.source})
            return "persistent_volume_claim", claim
        case "secret":
            return "secret", Call("k8s.V1SecretVolumeSource", kwargs={"secret_name": item.source})
        case "config_map":
            return "config_map", Call("k8s.V1ConfigMapVolumeSource", kwargs={"name": item.source})
        case "host":
            return "host_path", Call("k8s.V1HostPathVolumeSource", kwargs={"path": item.source})
        case "memory":
            memory = {"medium": "Memory", "size_limit": item.source}
            return "empty_dir", Call("k8s.V1EmptyDirVolumeSource", kwargs=memory)
        case "scratch":
            return "empty_dir", Call("k8s.V1EmptyDirVolumeSource")
        case _:
            assert_never(item.kind)


def _given(values: dict[str, Expression | None]) -> dict[str, Expression]:
    return {key: value for key, value in values.items() if value is not None and value not in ((), {})}
