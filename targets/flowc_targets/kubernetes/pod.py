"""The pod of a step: built from its decorators, as one model for every engine on Kubernetes."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from flowc.errors import StoreError
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.store import split_url
from flowc.store.s3_settings import encryption_problem
from flowc_compiler.ir import Affinity, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm
from flowc_compiler.ir.manifest_schema import CODE_FOLDER
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
    from flowc_compiler.ir import (
        ContainerSpec,
        Flow,
        PodSecurity,
        ResourceSpec,
        SecurityContext,
        Step,
        StepSpecs,
        Toleration,
    )
    from flowc_compiler.source import Span
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
        env_from=_step_env_from(specs, options),
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
    if _installs(specs):
        variables[env_names.PACKAGES] = PACKAGES_FOLDER
    return variables


def _installs(specs: StepSpecs) -> bool:
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


def _step_env_from(specs: StepSpecs, options: TargetOptions) -> tuple[EnvFromSource, ...]:
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
    if _installs(specs):
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
VALUE_BYTES = 100_000
"""The longest value of a variable: Linux takes 128 KiB of name, value and what separates them (MAX_ARG_STRLEN)."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII)
_NAME_LENGTH = 253
_VARIABLE = re.compile(r"(?!\.\.)(?!\.$)[A-Za-z_.-][A-Za-z0-9_.-]*", re.ASCII)
"""IsEnvVarName in Kubernetes' apimachinery (validation.go), which every release applies: `.` and `..` are not names."""


def check_kubernetes_options(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    """Collect FC505 for a root that no pod could open, and for names that Kubernetes refuses everywhere."""
    _check_root(options, target, sink)
    if not options.in_pods:
        return
    if not options.image or re.search(r"\s", options.image):
        message = f"option image of target {target}: {options.image!r} is not an image"
        sink.error("FC505", message, None, help="write 'python:3.11-slim' or 'registry.example/team/ml:1'")
    _check_metadata(options, target, sink)
    for option, name in _object_names(options):
        if not (_NAME.fullmatch(name) and len(name) <= _NAME_LENGTH):
            message = f"option {option} of target {target}: {name!r} is not a valid name in Kubernetes"
            sink.error(
                "FC505", message, None, help=f"it has lowercase letters, digits, - and ., at most {_NAME_LENGTH}"
            )


def _check_metadata(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    if not (options.labels or options.annotations):
        return
    from flowc_compiler.frontend.decorators.arguments.compute_arguments import check_keys, check_labels

    for option, check in (("labels", check_labels), ("annotations", check_keys)):
        try:
            check(getattr(options, option))
        except ValueError as error:
            sink.error("FC505", f"option {option} of target {target}: {error}", None, help="write another one")


def _check_root(options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    root = options.root or ""
    try:
        scheme = split_url(root)[0] if "://" in root else ""
    except StoreError as error:
        help_ = "use s3://, gs:// or az://, or file:/// of a volume that all tasks mount"
        message = f"option root of target {target}: {str(error).partition(';')[0]}"
        sink.error("FC505", message, None, help=help_)
        return
    if root and not scheme and not root.startswith("/") and options.in_pods:
        sink.error(
            "FC505",
            f"option root of target {target}: {root!r} is a folder of this machine, and each pod would have its own",
            None, help="use s3://, gs:// or az://, or the path of a volume that all pods mount",
        )  # fmt: skip
    problem = encryption_problem(options.sse or "", options.kms_key or "")
    if problem is None and root and not scheme.startswith("s3") and options.store_env:
        problem = f"they are about s3://, and the root is {root!r}"
    if problem is not None:
        message = f"options sse and kms_key of target {target}: {problem}"
        sink.error("FC505", message, None, help="write sse=aws:kms and kms_key=KEY, or leave them out")


def _object_names(options: TargetOptions) -> Iterator[tuple[str, str]]:
    """The names of Kubernetes objects among the options, each with its option."""
    for option in ("namespace", "service_account"):
        name = getattr(options, option)
        if name is not None:
            yield option, name
    for option in ("env_from_secrets", "image_pull_secrets"):
        for name in getattr(options, option):
            yield option, name


def check_environment(flow: Flow, options: TargetOptions, target: str, sink: DiagnosticSink) -> None:
    """Report variables, of `@environment` and of the option `env`, that a container cannot have."""
    _warn_of_secrets(options, sink)
    if not options.in_pods:
        return
    for name, value in options.env.items():
        if (problem := _variable_problem(name, value)) is not None:
            sink.error("FC505", f"option env: variable {name!r} {problem[1]}", None, help="change it")
    _warn_of_missing_secrets(flow, options, sink)
    for step in flow.steps:
        environment = step.specs.environment
        if environment is None:
            continue
        for name, value in environment.known.items():
            if (problem := _variable_problem(name, value)) is not None:
                code, text = problem
                message = f"variable {name!r} of step {step.name!r} {text}"
                sink.unsupported(code, target, message, environment.span, help="change it, or read it from a file")


def _warn_of_secrets(options: TargetOptions, sink: DiagnosticSink) -> None:
    """FC412 for secrets among the variables of the command line; those of decorators have it already."""
    if not options.env:
        return
    from flowc_compiler.evaluate.environment_reads import PLAIN_VALUE_HELP, is_plain_secret

    names = [name for name, value in options.env.items() if is_plain_secret(name, value)]
    if names:
        what = f"option env: the value{'s' if len(names) > 1 else ''} of {', '.join(names)}"
        sink.warning("FC412", f"{what}: plain text in the compiled files", None, help=PLAIN_VALUE_HELP)


def _warn_of_missing_secrets(flow: Flow, options: TargetOptions, sink: DiagnosticSink) -> None:
    """FC119 for secrets that the pods of a flow read from their environment, and that nothing puts there."""
    if options.env_from_secrets:
        return
    needed: dict[str, Span | None] = {}
    for step in flow.steps:
        environment = step.specs.environment
        found = environment.from_task.values() if environment is not None else ()
        # Every task executes the file, which fails without a required one; another one, only its own step needs.
        needs = [item for item in found if item.required or not _step_env_from(step.specs, options)]
        for source in (item.source for item in needs if item.default is None or item.source in os.environ):
            if source not in options.env:
                needed.setdefault(source, environment.span if environment is not None else None)
    if not needed or all(_step_env_from(step.specs, options) or step.virtual for step in flow.steps):
        return
    names = ", ".join(needed)
    message = f"the pods need {names} in their environment: flowc compiles no secrets"
    help_text = f"give them a Kubernetes Secret that has {names}: `--env-from-secret NAME`"
    sink.warning("FC119", message, next(iter(needed.values())), help=help_text)


def _variable_problem(name: str, value: str) -> tuple[str, str] | None:
    """The code and the reason why a container cannot have a variable; `None` where it can."""
    if not _VARIABLE.fullmatch(name):
        return "FC501", "has a name that Kubernetes refuses: use letters, digits, `_`, `-` and `.`, and no digit first"
    if "\0" in value:
        return "FC501", "holds a NUL character"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "FC501", "holds half of a surrogate pair, which is not text"
    return ("FC503", f"is longer than {VALUE_BYTES:,} bytes") if size > VALUE_BYTES else None


def check_mounts(step: Step, target: str, sink: DiagnosticSink) -> None:
    """Report a volume that is mounted where the code package is, or what the pod installs."""
    container = step.specs.container
    taken = {CODE_FOLDER: "its code is"} | ({PACKAGES_FOLDER: "its packages are"} if _installs(step.specs) else {})
    for volume, mount in step_volumes(step.specs):
        path = f"{mount.mount_path.rstrip('/')}/"
        what = next((what for folder, what in taken.items() if path.startswith(f"{folder}/")), None)
        if container is not None and what is not None and volume.name != "packages":
            message = f"step {step.name!r} mounts a volume at {mount.mount_path}, where {what}"
            sink.unsupported("FC501", target, message, container.span, help="choose another folder")


def check_exit_hooks(flow: Flow, target: str, sink: DiagnosticSink) -> None:
    """Report options of `@exit_hook` other than its image, and `@notify` of a deadline that there is not."""
    for spec in flow.specs.exit_hooks:
        others = sorted(set(spec.options) - {"image"})
        if others or not isinstance(spec.options.get("image", ""), str):
            sink.unsupported(
                "FC501", target, f"options of `@exit_hook`: {', '.join(others or ['image'])}", spec.span,
                help="give options={'image': '...'}, or none",
            )  # fmt: skip
    late = next((spec for spec in flow.specs.notifications if "late" in spec.on), None)
    if late is not None and flow.specs.deadline is None:
        message = f"`late` of `@notify` does nothing: the flow has no deadline (target {target})"
        sink.warning("FC410", message, late.span, help="add @deadline(hours=6), or compile with --workflow-timeout")


def notice_secrets(flow: Flow) -> tuple[EnvVar, ...]:
    """The variables from Secrets of the pod that sends notifications. It doesn't wait for one that is missing."""
    found: dict[str, EnvVar] = {}
    for value in (value for spec in flow.specs.notifications for value in spec.secrets):
        if value.secret is not None and value.key is not None:
            source = SecretKeySelector(name=value.secret, key=value.key, optional=True)
            found[value.variable] = EnvVar(name=value.variable, value_from=EnvVarSource(secret_key_ref=source))
    return tuple(found.values())
