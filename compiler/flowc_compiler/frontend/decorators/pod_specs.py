"""`@resources`, `@kubernetes` and `@batch` to specs: what several of them count is combined by maximum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.frontend.decorators.arguments.compute_arguments import (
    BatchArguments,
    KubernetesArguments,
    ResourcesArguments,
)
from flowc_compiler.frontend.decorators.decorator_arguments import DecoratorUse
from flowc_compiler.ir import (
    AcceleratorSpec,
    BatchSpec,
    ContainerSpec,
    Placement,
    ResourceSpec,
    SecurityContext,
    StepSpecs,
    TmpfsSpec,
    Toleration,
)
from flowc_compiler.source import Span

Number = TypeVar("Number", int, float)

COMPUTE_POOL_LABEL = "outerbounds.co/compute-pool"
"""The node label of `compute_pool`, as in Metaflow."""
TMPFS_PATH = "/metaflow_temp"
"""Where a tmpfs is mounted by default, as in Metaflow."""
NEURON = "aws.amazon.com/neuron"
"""The extended resource of AWS Inferentia and Trainium chips."""
EFA = "vpc.amazonaws.com/efa"
"""The extended resource of elastic fabric adapters."""
_DEFAULT_MEMORY = 4096
"""Metaflow's default, of which a tmpfs gets half."""


def resources(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> ResourceSpec | None:
    """CPU, memory, disk and what else is counted; a limit below what is asked for is FC404."""
    asked = _compute(found)
    items = [arguments for arguments, _ in asked]
    pod = next((item for item in items if isinstance(item, KubernetesArguments)), None)
    spec = ResourceSpec(
        cpu=_most([item.cpu for item in items]),
        memory_mb=_most([item.memory for item in items]),
        disk_mb=_most([_disk(item) for item in items]),
        shared_memory_mb=_most([item.shared_memory for item in items]),
        extended=_extended(items),
        cpu_limit=pod.cpu_limit if pod else None,
        memory_limit_mb=pod.memory_limit if pod else None,
        disk_limit_mb=pod.disk_limit if pod else None,
    )
    if spec == ResourceSpec():
        return None
    if pod is not None:
        check_limits(spec, pod.qos, next(span for item, span in asked if item is pod), sink)
    return spec.model_copy(update={"span": asked[0][1]})


def check_limits(spec: ResourceSpec, qos: str | None, span: Span | None, sink: DiagnosticSink) -> None:
    """Collect FC404 for limits that Kubernetes refuses, and FC406 for those that `qos="guaranteed"` contradicts."""
    for name, asked, limit in (
        ("cpu", spec.cpu, spec.cpu_limit),
        ("memory", spec.memory_mb, spec.memory_limit_mb),
        ("disk", spec.disk_mb, spec.disk_limit_mb),
    ):
        if asked is None or limit is None or asked == limit:
            continue
        if limit < asked:
            sink.error(
                "FC404", f"the limit of {name}, {limit:g}, is below the request, {asked:g}", span,
                help=f"raise `{name}_limit`, or lower the request",
            )  # fmt: skip
        elif qos == "guaranteed":
            sink.error(
                "FC406", f"`qos` sets the limit of {name} to its request, and `{name}_limit` sets another", span,
                help=f"leave one of `qos` and `{name}_limit` out",
            )  # fmt: skip


def accelerator(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> AcceleratorSpec | None:
    """GPUs; two types of them are FC404."""
    asked = [(arguments, span) for arguments, span in _compute(found) if arguments.gpu is not None]
    kubernetes = next((item for item, _ in _compute(found) if isinstance(item, KubernetesArguments)), None)
    types = {item.gpu[1] for item, _ in asked if item.gpu and item.gpu[1]}
    if kubernetes and kubernetes.gpu_type:
        types.add(kubernetes.gpu_type)
        where = next(span for item, span in _compute(found) if item is kubernetes)
        asked = asked or [(kubernetes.model_copy(update={"gpu": (1, None)}), where)]
    if not asked:
        return None
    span = asked[0][1]
    if len(types) > 1:
        sink.error("FC404", f"the step names two GPU types: {', '.join(sorted(types))}", span, help="keep one")
    count = max(item.gpu[0] for item, _ in asked if item.gpu)
    if count == 0:
        return None
    vendor = kubernetes.gpu_vendor if kubernetes else "nvidia"
    return AcceleratorSpec(span=span, count=count, vendor=vendor, type=min(types, default=None))


def placement(found: tuple[DecoratorUse, ...], sink: DiagnosticSink) -> Placement | None:
    """Node selector, tolerations and affinity; a toleration that is none is FC404."""
    for given in found:
        if isinstance(given.arguments, KubernetesArguments):
            arguments, span = given.arguments, given.span
            pool = {COMPUTE_POOL_LABEL: arguments.compute_pool} if arguments.compute_pool else {}
            selector = {**arguments.node_selector, **pool}
            spec = Placement(
                span=span,
                node_selector=selector,
                tolerations=tolerations(arguments.tolerations, span, sink),
                affinity=arguments.affinity,
            )
            return None if spec == Placement(span=span) else spec
    return None


def container(found: tuple[DecoratorUse, ...]) -> ContainerSpec | None:
    """How the pod is made, but for its resources and its place."""
    memory = _most([item.memory for item, _ in _compute(found)])
    for given in found:
        match given.arguments:
            case KubernetesArguments() as arguments:
                spec = _kubernetes(arguments, memory, given.span)
            case BatchArguments() as arguments:
                spec = _batch_container(arguments, memory, given.span)
            case _:
                continue
        return None if spec == ContainerSpec(span=given.span) else spec
    return None


def batch(found: tuple[DecoratorUse, ...]) -> BatchSpec | None:
    """What has no equal outside of AWS Batch."""
    for given in found:
        if isinstance(given.arguments, BatchArguments):
            arguments = given.arguments
            spec = BatchSpec(
                span=given.span,
                queue=arguments.queue,
                iam_role=arguments.iam_role,
                execution_role=arguments.execution_role,
                max_swap_mb=arguments.max_swap,
                swappiness=arguments.swappiness,
                tags=arguments.aws_batch_tags,
                log_driver=arguments.log_driver,
                log_options=arguments.log_options,
                efs_volumes=arguments.efs_volumes,
            )
            return None if spec == BatchSpec(span=given.span) else spec
    return None


def _compute(found: tuple[DecoratorUse, ...]) -> list[tuple[ResourcesArguments, Span]]:
    return [(given.arguments, given.span) for given in found if isinstance(given.arguments, ResourcesArguments)]


def _most(values: list[Number | None]) -> Number | None:
    return max((value for value in values if value is not None), default=None)


def _disk(item: ResourcesArguments) -> int | None:
    """MiB; `ephemeral_storage` of `@batch` is in GiB."""
    storage = item.ephemeral_storage if isinstance(item, BatchArguments) else None
    return _most([item.disk, storage * 1024 if storage is not None else None])


def _extended(items: list[ResourcesArguments]) -> dict[str, str]:
    extended: dict[str, str] = {}
    for item in items:
        match item:
            case KubernetesArguments():
                extended.update(item.extended_resources)
            case BatchArguments():
                chips = item.inferentia if item.inferentia is not None else item.trainium
                extended.update({NEURON: str(chips)} if chips else {})
                extended.update({EFA: str(item.efa)} if item.efa else {})
            case _:
                pass
    return extended


def _kubernetes(arguments: KubernetesArguments, memory: int | None, span: Span) -> ContainerSpec:
    same = (
        "image", "image_pull_policy", "image_pull_secrets", "service_account", "namespace", "secrets", "labels",
        "annotations", "persistent_volume_claims", "port", "qos", "executable", "hostname_resolution_timeout",
        "config_maps", "secret_volumes", "config_map_volumes", "priority_class", "scheduler",
    )  # fmt: skip
    security = arguments.security_context
    return ContainerSpec(
        span=span,
        tmpfs=_tmpfs(arguments, memory),
        security_context=security.container() if security else None,
        pod_security=security.pod() if security else None,
        **{name: getattr(arguments, name) for name in same},
    )


def _batch_container(arguments: BatchArguments, memory: int | None, span: Span) -> ContainerSpec:
    volumes: dict[str, str] = {}
    for item in arguments.host_volumes:
        path, _, mount = item.partition(":")
        volumes[path] = mount or path
    return ContainerSpec(
        span=span,
        image=arguments.image,
        executable=arguments.executable,
        host_volumes=volumes,
        tmpfs=_tmpfs(arguments, memory),
        security_context=SecurityContext(privileged=True) if arguments.privileged else None,
    )


def _tmpfs(arguments: KubernetesArguments | BatchArguments, memory: int | None) -> TmpfsSpec | None:
    """`use_tmpfs` or a size asks for a tmpfs; by default it has half of the memory."""
    if not arguments.use_tmpfs and not arguments.tmpfs_size:
        return None
    size = arguments.tmpfs_size or (memory or _DEFAULT_MEMORY) // 2
    return TmpfsSpec(size_mb=size, path=arguments.tmpfs_path or TMPFS_PATH, tempdir=arguments.tmpfs_tempdir)


_TOLERATION_FIELDS = {
    "key": "key",
    "operator": "operator",
    "value": "value",
    "effect": "effect",
    "tolerationSeconds": "toleration_seconds",
    "toleration_seconds": "toleration_seconds",
}


def tolerations(items: Sequence[Mapping[str, object]], span: Span, sink: DiagnosticSink) -> tuple[Toleration, ...]:
    """Tolerations as Kubernetes has them, or its client for Python; what is none is FC404."""
    found: list[Toleration] = []
    for item in items:
        try:
            renamed = {_TOLERATION_FIELDS.get(key, key): value for key, value in item.items()}
            found.append(Toleration.model_validate(renamed))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(str(part) for part in problem["loc"])
            sink.error(
                "FC404", f"a toleration's `{where}`: {problem['msg']}", span,
                help="a toleration has key, operator, value, effect and tolerationSeconds, as in Kubernetes",
            )  # fmt: skip
    return tuple(found)


SHARED_MEMORY = "/dev/shm"  # noqa: S108 (the pod's own)


def check_mounts(specs: StepSpecs, sink: DiagnosticSink) -> None:
    """Collect FC406 for two volumes at one folder, which Kubernetes refuses when the pod is made."""
    container = specs.container
    if container is None:
        return
    paths = _paths(container)
    if specs.resources is not None and specs.resources.shared_memory_mb is not None:
        paths.append(SHARED_MEMORY)
    for path, times in Counter(path.rstrip("/") for path in paths).items():
        if times > 1:
            sink.error(
                "FC406", f"{times} volumes are mounted at {path or '/'}", container.span,
                help="give each of them a folder of its own",
            )  # fmt: skip


def _paths(container: ContainerSpec) -> list[str]:
    mounted = (
        container.persistent_volume_claims,
        container.secret_volumes,
        container.config_map_volumes,
        container.host_volumes,
    )
    paths = [path for mounts in mounted for path in mounts.values()]
    return paths if container.tmpfs is None else [*paths, container.tmpfs.path]
