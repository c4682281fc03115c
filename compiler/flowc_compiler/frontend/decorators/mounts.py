"""Where the volumes of a step are mounted: each at a folder of its own, as Kubernetes wants it."""

from __future__ import annotations

from collections import Counter

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.ir import ContainerSpec, StepSpecs

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
