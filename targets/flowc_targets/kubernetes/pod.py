"""The pod of a step: built from its decorators, as one model for every engine on Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc_compiler.ir import Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from flowc_targets.kubernetes.gpu import device_tolerations, step_gpu
from flowc_targets.kubernetes.objects import (
    EMPTY,
    ConfigMapEnvSource,
    ConfigMapVolumeSource,
    ContainerPort,
    EmptyDirVolumeSource,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    HostPathVolumeSource,
    LocalObjectReference,
    ManifestObject,
    PersistentVolumeClaimVolumeSource,
    PodSecurityContext,
    ResourceRequirements,
    SecretEnvSource,
    SecretKeySelector,
    SecretVolumeSource,
    Volume,
    VolumeMount,
)
from flowc_targets.kubernetes.pod_security import step_pod_security, step_security

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import ContainerSpec, Flow, PodSecurity, ResourceSpec, SecurityContext, StepSpecs, Toleration
    from flowc_targets.base.options import TargetOptions
    from flowc_targets.kubernetes.gpu import GpuPlacement

SHARED_MEMORY = "/dev/shm"  # noqa: S108 (the pod's own)
SCRATCH = "/tmp"  # noqa: S108 (the pod's own)


class StepPod(ManifestObject):
    """The pod of a step, from its decorators; `None` and empty fields leave it to the target's options.

    The field names are those of `V1PodSpec` and `V1Container` in Kubernetes' client for Python. Of `image_pull_secrets`
    and `env_from`, a list that is not empty contains what the options name as well, since it replaces the default list.
    """

    image: str | None = None
    image_pull_policy: str | None = None
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()
    python: str | None = None
    """The interpreter to call in the image."""
    namespace: str | None = None
    service_account_name: str | None = None
    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY
    env: Mapping[str, str] = EMPTY
    """Variables by name, with their exact values: an engine escapes what Kubernetes or the engine would expand."""
    env_from: tuple[EnvFromSource, ...] = ()
    ports: tuple[ContainerPort, ...] = ()
    resources: ResourceRequirements | None = None
    security_context: SecurityContext | None = None
    """The container's."""
    pod_security_context: PodSecurity | PodSecurityContext | None = None
    node_selector: Mapping[str, str] = EMPTY
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None
    priority_class_name: str | None = None
    scheduler_name: str | None = None
    active_deadline_seconds: int | None = None
    volumes: tuple[Volume, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    patch: Mapping[str, Any] = EMPTY
    """A part of a pod to merge into this one: `metadata` and `spec`, in which the step's container is `main`."""


def step_pod(
    specs: StepSpecs, options: TargetOptions, target: str, sink: DiagnosticSink, qos: str = "burstable"
) -> StepPod:
    """The pod of a step. Collects FC501 for a type of GPUs that is not known.

    `qos` is for steps that do not name one themselves: `guaranteed` makes limits of the requests.
    """
    container, placement = specs.container, specs.placement
    gpu = step_gpu(specs, options, target, sink)
    mounted = step_volumes(specs)
    own_secrets = dict.fromkeys(container.image_pull_secrets) if container is not None else {}
    pull_secrets = dict.fromkeys((*options.image_pull_secrets, *own_secrets)) if own_secrets else ()
    return StepPod(
        image=container.image if container is not None else None,
        image_pull_policy=container.image_pull_policy if container is not None else None,
        image_pull_secrets=tuple(LocalObjectReference(name=name) for name in pull_secrets),
        python=container.executable if container is not None else None,
        namespace=container.namespace if container is not None else None,
        service_account_name=container.service_account if container is not None else None,
        labels=_over(options.labels, container.labels if container is not None else {}),
        annotations=_over(options.annotations, container.annotations if container is not None else {}),
        env=pod_variables(specs, options),
        env_from=step_env_from(specs, options),
        ports=_ports(container),
        resources=_resources(specs, gpu, qos),
        security_context=step_security(container, options),
        pod_security_context=step_pod_security(container, options),
        node_selector={**(gpu.selector if gpu else {}), **(placement.node_selector if placement else {})},
        tolerations=_tolerations(specs, gpu),
        affinity=step_affinity(specs, gpu),
        priority_class_name=container.priority_class if container is not None else None,
        scheduler_name=container.scheduler if container is not None else None,
        active_deadline_seconds=specs.timeout.seconds + options.timeout_grace if specs.timeout is not None else None,
        volumes=tuple(volume for volume, _ in mounted),
        volume_mounts=tuple(mount for _, mount in mounted),
        patch=container.patch if container is not None else {},
    )


def _over(common: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The labels or annotations of a step that has its own: with those of all pods, which they replace."""
    return {**common, **own} if own else {}


def pod_variables(specs: StepSpecs, options: TargetOptions) -> dict[str, str]:
    """The environment variables of a step, from `@environment` and from specs that need one."""
    container = specs.container
    variables = timeout_variables(specs, options)
    if container is not None and container.tmpfs is not None and container.tmpfs.tempdir:
        variables["TMPDIR"] = container.tmpfs.path
    if container is not None and container.hostname_resolution_timeout is not None:
        variables[env_names.GANG_TIMEOUT] = str(container.hostname_resolution_timeout)
    if specs.environment is not None:
        variables.update(specs.environment.known)
    if installs_packages(specs):
        variables[env_names.PACKAGES] = PACKAGES_FOLDER
    return variables


def installs_packages(specs: StepSpecs) -> bool:
    """Whether a pod installs packages when it starts."""
    return specs.dependencies is not None and specs.dependencies.lock is not None


def timeout_variables(specs: StepSpecs, options: TargetOptions) -> dict[str, str]:
    """What tells a step with `@timeout` its grace period, where that is not the default."""
    if specs.timeout is None or options.timeout_grace == TIMEOUT_GRACE_SECONDS:
        return {}
    return {env_names.TIMEOUT_GRACE: str(options.timeout_grace)}


def group_variables(options: TargetOptions) -> dict[str, str]:
    """The same for the pod of several steps, of which only some may have a timeout."""
    default = options.timeout_grace == TIMEOUT_GRACE_SECONDS
    return {} if default else {env_names.TIMEOUT_GRACE: str(options.timeout_grace)}


def secret_names(specs: StepSpecs) -> tuple[str, ...]:
    """The Kubernetes Secrets whose keys become environment variables, each once."""
    names = specs.container.secrets if specs.container is not None else ()
    sources = specs.secrets.sources if specs.secrets is not None else ()
    return tuple(dict.fromkeys((*names, *(source.id for source in sources if source.type == "kubernetes"))))


def env_from(secrets: Iterable[str], config_maps: Iterable[str] = ()) -> tuple[EnvFromSource, ...]:
    """ConfigMaps, then Secrets, whose keys become variables: of two with the same key, Kubernetes takes the last."""
    return (
        *(EnvFromSource(config_map_ref=ConfigMapEnvSource(name=name)) for name in dict.fromkeys(config_maps)),
        *(EnvFromSource(secret_ref=SecretEnvSource(name=name)) for name in dict.fromkeys(secrets)),
    )


def step_env_from(specs: StepSpecs, options: TargetOptions) -> tuple[EnvFromSource, ...]:
    """The ConfigMaps and Secrets of a step that names some, with those of all pods; else nothing."""
    secrets = secret_names(specs)
    config_maps = specs.container.config_maps if specs.container is not None else ()
    return env_from((*options.env_from_secrets, *secrets), config_maps) if secrets or config_maps else ()


def _ports(container: ContainerSpec | None) -> tuple[ContainerPort, ...]:
    if container is None or container.port is None:
        return ()
    return (ContainerPort(container_port=container.port),)


def _resources(specs: StepSpecs, gpu: GpuPlacement | None, qos: str) -> ResourceRequirements | None:
    """Requests only, as Metaflow does it, so that a step may use what its node has to spare.

    Kubernetes wants extended resources, GPUs among them, as limits; a request may be left out then.
    """
    spec = specs.resources
    extended = spec.extended if spec is not None else {}
    requests = {**_requested(spec), **extended}
    limits = {**_limits(specs, qos), **extended}
    if gpu is not None:
        limits[gpu.resource] = str(gpu.count)
    return ResourceRequirements(requests=requests, limits=limits) if requests or limits else None


def _requested(spec: ResourceSpec | None) -> dict[str, str]:
    return {} if spec is None else _quantities(spec.cpu, spec.memory_mb, spec.disk_mb)


def _limits(specs: StepSpecs, qos: str) -> dict[str, str]:
    """The limits that a step names; for the quality of service `guaranteed`, its requests as well."""
    spec, container = specs.resources, specs.container
    if spec is None:
        return {}
    named = _quantities(spec.cpu_limit, spec.memory_limit_mb, spec.disk_limit_mb)
    wanted = (container.qos if container is not None else None) or qos
    return {**_requested(spec), **named} if wanted == "guaranteed" else named


def _quantities(cpu: float | None, memory_mb: int | None, disk_mb: int | None) -> dict[str, str]:
    quantities: dict[str, str] = {}
    if cpu is not None:
        quantities["cpu"] = f"{cpu:g}"
    if memory_mb is not None:
        quantities["memory"] = f"{memory_mb}Mi"
    if disk_mb is not None:
        quantities["ephemeral-storage"] = f"{disk_mb}Mi"
    return quantities


def _tolerations(specs: StepSpecs, gpu: GpuPlacement | None) -> tuple[Toleration, ...]:
    """The step's tolerations, then those that its GPUs and other devices need, each once."""
    own = specs.placement.tolerations if specs.placement is not None else ()
    return tuple(dict.fromkeys((*own, *(gpu.tolerations if gpu is not None else ()), *device_tolerations(specs))))


def step_affinity(specs: StepSpecs, gpu: GpuPlacement | None) -> Affinity | None:
    """The affinity of a step's pod, with the labels of nodes that its GPUs require; `None` where it has none."""
    own = specs.placement.affinity if specs.placement is not None else None
    if gpu is None or not gpu.choices:
        return own
    required = tuple(
        NodeSelectorRequirement(key=label, operator="In", values=values) for label, values in gpu.choices.items()
    )
    return _with_requirements(own or Affinity(), required)


def _with_requirements(affinity: Affinity, added: tuple[NodeSelectorRequirement, ...]) -> Affinity:
    """Affinity with these requirements, too: Kubernetes wants one of the terms to hold, so each gets them all."""
    node = affinity.node_affinity or NodeAffinity()
    required = node.required_during_scheduling_ignored_during_execution
    terms = required.node_selector_terms if required is not None else (NodeSelectorTerm(),)
    both = tuple(term.model_copy(update={"match_expressions": (*term.match_expressions, *added)}) for term in terms)
    update = {"required_during_scheduling_ignored_during_execution": NodeSelector(node_selector_terms=both)}
    return affinity.model_copy(update={"node_affinity": node.model_copy(update=update)})


def step_volumes(specs: StepSpecs) -> list[tuple[Volume, VolumeMount]]:
    """The volumes of a step, each with its mount: claims, Secrets, ConfigMaps, folders of the node, memory.

    A container whose own file system is read-only gets an empty `/tmp`: Python needs one, and so does the shim.
    """
    container, resources = specs.container, specs.resources
    found = list(_named_volumes(container)) if container is not None else []
    if resources is not None and resources.shared_memory_mb is not None:
        found.append(_mounted(_in_memory("shm", resources.shared_memory_mb), SHARED_MEMORY))
    if container is not None and container.tmpfs is not None:
        found.append(_mounted(_in_memory("tmpfs", container.tmpfs.size_mb), container.tmpfs.path))
    if installs_packages(specs):
        found.append(_mounted(Volume(name="packages", empty_dir=EmptyDirVolumeSource()), PACKAGES_FOLDER))
    if _is_read_only(container) and not any(mount.mount_path.rstrip("/") == SCRATCH for _, mount in found):
        found.append(_mounted(Volume(name="tmp", empty_dir=EmptyDirVolumeSource()), SCRATCH))
    return found


def _named_volumes(container: ContainerSpec) -> Iterator[tuple[Volume, VolumeMount]]:
    for number, (claim, path) in enumerate(container.persistent_volume_claims.items()):
        source = PersistentVolumeClaimVolumeSource(claim_name=claim)
        yield _mounted(Volume(name=f"claim-{number}", persistent_volume_claim=source), path)
    for number, (secret, path) in enumerate(container.secret_volumes.items()):
        yield _mounted(Volume(name=f"secret-{number}", secret=SecretVolumeSource(secret_name=secret)), path)
    for number, (name, path) in enumerate(container.config_map_volumes.items()):
        yield _mounted(Volume(name=f"config-{number}", config_map=ConfigMapVolumeSource(name=name)), path)
    for number, (folder, path) in enumerate(container.host_volumes.items()):
        yield _mounted(Volume(name=f"host-{number}", host_path=HostPathVolumeSource(path=folder)), path)


def _in_memory(name: str, size_mb: int) -> Volume:
    return Volume(name=name, empty_dir=EmptyDirVolumeSource(medium="Memory", size_limit=f"{size_mb}Mi"))


def _mounted(volume: Volume, path: str) -> tuple[Volume, VolumeMount]:
    return volume, VolumeMount(name=volume.name, mount_path=path)


def _is_read_only(container: ContainerSpec | None) -> bool:
    security = container.security_context if container is not None else None
    return security is not None and bool(security.read_only_root_filesystem)


PACKAGES_FOLDER = "/flowc-packages"
"""Where a pod has the packages that it installs when it starts, in a volume of its own."""


def notice_secrets(flow: Flow) -> tuple[EnvVar, ...]:
    """The variables from Secrets of the pod that sends notifications. It doesn't wait for one that is missing."""
    found: dict[str, EnvVar] = {}
    for value in (value for spec in flow.specs.notifications for value in spec.secrets):
        if value.secret is not None and value.key is not None:
            source = SecretKeySelector(name=value.secret, key=value.key, optional=True)
            found[value.variable] = EnvVar(name=value.variable, value_from=EnvVarSource(secret_key_ref=source))
    return tuple(found.values())
