"""`@resources`, `@kubernetes` and `@batch`."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from flowc_compiler.frontend.decorators.arguments.argument_types import (
    Arguments,
    Dicts,
    Gpu,
    Mebibytes,
    Names,
    Pairs,
    PositiveMebibytes,
    Texts,
)
from flowc_compiler.frontend.decorators.arguments.kubernetes_arguments import (
    AffinityArgument,
    ContainersArgument,
    NamedMounts,
    ObjectName,
    ObjectNames,
    PatchArgument,
    SecurityArgument,
    check_extended,
    check_path,
    tolerations,
)
from flowc_compiler.frontend.spec_builder import UNSAID, Origin, one_gpu_type, some_specs
from flowc_compiler.ir import (
    AcceleratorSpec,
    BatchSpec,
    ContainerSpec,
    Placement,
    ResourceSpec,
    SecurityContext,
    StepSpecs,
    TmpfsSpec,
)
from flowc_compiler.ir.base import is_image

COMPUTE_POOL_LABEL = "outerbounds.co/compute-pool"
"""The node label of `compute_pool`, as in Metaflow."""
NEURON = "aws.amazon.com/neuron"
"""The extended resource of AWS Inferentia and Trainium chips."""
EFA = "vpc.amazonaws.com/efa"
"""The extended resource of elastic fabric adapters."""
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9])?")
_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]")


def check_keys(texts: dict[str, str]) -> dict[str, str]:
    """Keys of labels or annotations. Raises ValueError."""
    for key in texts:
        if not _KEY.fullmatch(key):
            raise ValueError(
                f"{key!r} is not a valid key: letters, digits, -, _ and ., at most 63, with or without a prefix/"
            )
    return texts


def check_labels(labels: dict[str, str]) -> dict[str, str]:
    """Labels. Raises ValueError."""
    check_keys(labels)
    for value in labels.values():
        if not _LABEL.fullmatch(value):
            raise ValueError(
                f"{value!r} is not a label: letters, digits, -, _ and ., at most 63, a letter or digit at each end"
            )
    return labels


def _check_image(image: str | None) -> str | None:
    if image is not None and not is_image(image):
        raise ValueError(f"{image!r} is not an image: write 'python:3.11-slim' or 'registry.example/team/ml:1'")
    return image


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Image = Annotated[str | None, AfterValidator(_check_image)]
"""The name of an image."""
Labels = Annotated[Pairs, AfterValidator(check_labels)]
"""Labels of Kubernetes: of a pod, or of nodes that a pod selects."""
Annotations = Annotated[Pairs, AfterValidator(check_keys)]
"""Annotations of Kubernetes, whose values are any text."""


class ResourcesArguments(Arguments):
    """`@resources`, and `Resources(...)` of a pipeline's step."""

    cpu: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    gpu: Gpu = None
    memory: Mebibytes = None
    disk: Mebibytes = None
    shared_memory: Mebibytes = None

    def _specs(self, at: Origin, /) -> StepSpecs:
        return some_specs(resources=self._resources(at), accelerator=self._gpus(at))

    def _gpus(self, at: Origin) -> AcceleratorSpec | None:
        return None if self.gpu is None else AcceleratorSpec(span=at.span, count=self.gpu[0], type=self.gpu[1])

    def _resources(self, at: Origin, **more: Any) -> ResourceSpec:
        fields: dict[str, Any] = {
            "cpu": self.cpu,
            "memory_mb": self.memory,
            "disk_mb": self.disk,
            "shared_memory_mb": self.shared_memory,
        }
        return ResourceSpec(span=at.span, **fields | more)


class _PodArguments(ResourcesArguments):
    """What `@kubernetes` and `@batch` have in common."""

    image: Image = None
    use_tmpfs: bool | None = None
    tmpfs_tempdir: bool = True
    tmpfs_size: PositiveMebibytes = None
    tmpfs_path: Annotated[str | None, AfterValidator(lambda path: path if path is None else check_path(path))] = None
    executable: str | None = None

    def _container(self, at: Origin, **more: Any) -> ContainerSpec:
        """The arguments that a container's spec has by the same names, and more; with a tmpfs, as in Metaflow."""
        names = ContainerSpec.model_fields.keys() & type(self).model_fields.keys()
        fields: dict[str, Any] = {name: getattr(self, name) for name in names}
        tmpfs: TmpfsSpec | None = None
        if self.use_tmpfs or self.tmpfs_size:
            path = {} if self.tmpfs_path is None else {"path": self.tmpfs_path}
            tmpfs = TmpfsSpec(size_mb=self.tmpfs_size or UNSAID, tempdir=self.tmpfs_tempdir, **path)
        else:
            self._without_effect(at, ("tmpfs_path",), "without a tmpfs", "say use_tmpfs=True, or leave it out")
        fields |= {"span": at.span, "tmpfs": tmpfs, **more}
        return ContainerSpec(**fields)


class KubernetesArguments(_PodArguments):
    """`@kubernetes`; flowc's own are `gpu_type` and what stands at the end."""

    gpu_vendor: str = "nvidia"
    gpu_type: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: ObjectNames = ()
    service_account: ObjectName = None
    namespace: ObjectName = None
    secrets: ObjectNames = ()
    node_selector: Labels = Field(default_factory=dict)
    tolerations: Dicts = ()
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)
    persistent_volume_claims: NamedMounts = Field(default_factory=dict)
    port: Annotated[int | None, Field(ge=1, le=65535)] = None
    compute_pool: str | None = None
    hostname_resolution_timeout: Annotated[int | None, Field(gt=0)] = None
    qos: Annotated[Literal["burstable", "guaranteed"] | None, BeforeValidator(_lower)] = None
    extended_resources: Annotated[Texts, AfterValidator(check_extended)] = Field(default_factory=dict)
    security_context: SecurityArgument = None
    cpu_limit: Annotated[float | None, Field(gt=0, allow_inf_nan=False)] = None
    memory_limit: PositiveMebibytes = None
    disk_limit: PositiveMebibytes = None
    affinity: AffinityArgument = None
    priority_class: ObjectName = None
    scheduler: ObjectName = None
    config_maps: ObjectNames = ()
    secret_volumes: NamedMounts = Field(default_factory=dict)
    config_map_volumes: NamedMounts = Field(default_factory=dict)
    patch: PatchArgument = Field(default_factory=dict)
    init_containers: ContainersArgument = ()
    sidecars: ContainersArgument = ()

    def _whole_patch(self) -> dict[str, Any]:
        """The patch with the other containers: Kubernetes has sidecars among the init containers, which it restarts."""
        others = [*self.init_containers, *({**item, "restartPolicy": "Always"} for item in self.sidecars)]
        if not others:
            return self.patch
        spec: dict[str, Any] = self.patch.get("spec") or {}
        return {**self.patch, "spec": {**spec, "initContainers": [*(spec.get("initContainers") or ()), *others]}}

    def _check_others(self, at: Origin) -> None:
        """Collect FC404 for other containers that have one name, and sidecars that are to end by themselves."""
        names = [str(item.get("name")) for item in (*self.init_containers, *self.sidecars)]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            at.error("FC404", f"`@kubernetes` has two containers named `{name}`", help="give one of them another name")
        for item in self.sidecars:
            if item.get("restartPolicy", "Always") != "Always":
                message = f"the sidecar `{item.get('name')}` of `@kubernetes` has a restartPolicy, and sidecars go on"
                at.error("FC404", message, help="leave it out, or make it one of init_containers")

    def _specs(self, at: Origin, /) -> StepSpecs:
        self._check_others(at)
        pool = {COMPUTE_POOL_LABEL: self.compute_pool} if self.compute_pool else {}
        security = self.security_context
        return some_specs(
            resources=self._resources(
                at,
                extended=self.extended_resources,
                cpu_limit=self.cpu_limit,
                memory_limit_mb=self.memory_limit,
                disk_limit_mb=self.disk_limit,
            ),
            accelerator=self._accelerator(at),
            placement=Placement(
                span=at.span,
                node_selector={**self.node_selector, **pool},
                tolerations=tolerations(self.tolerations, at),
                affinity=self.affinity,
            ),
            container=self._container(
                at,
                security_context=security.container() if security else None,
                pod_security=security.pod() if security else None,
                patch=self._whole_patch(),
            ),
        )

    def _accelerator(self, at: Origin) -> AcceleratorSpec:
        count, kind = self.gpu or (UNSAID, None)
        kind = one_gpu_type([kind, self.gpu_type], at)
        return AcceleratorSpec(span=at.span, count=count, vendor=self.gpu_vendor, type=kind)


class BatchArguments(_PodArguments):
    """`@batch`: AWS Batch, of which most has an equal in Kubernetes."""

    queue: str | None = None
    iam_role: str | None = None
    execution_role: str | None = None
    max_swap: Mebibytes = None
    swappiness: Annotated[int | None, Field(ge=0, le=100)] = None
    aws_batch_tags: Texts = Field(default_factory=dict)
    inferentia: Annotated[int | None, Field(ge=0)] = None
    trainium: Annotated[int | None, Field(ge=0)] = None
    efa: Annotated[int | None, Field(ge=0)] = None
    ephemeral_storage: Annotated[int | None, Field(gt=0, description="GiB")] = None
    host_volumes: Names = ()
    efs_volumes: Names = ()
    log_driver: str | None = None
    log_options: Names = ()
    privileged: bool = False

    def _specs(self, at: Origin, /) -> StepSpecs:
        if self.inferentia is not None and self.trainium is not None:
            message = f"`inferentia` and `trainium` both count {NEURON}, which one step requests once"
            at.error("FC404", message, help="keep one of them")
        chips = self.inferentia if self.inferentia is not None else self.trainium
        extended = {NEURON: chips, EFA: self.efa}
        storage = [self.disk, self.ephemeral_storage and self.ephemeral_storage * 1024]
        volumes = (item.partition(":") for item in self.host_volumes)
        return some_specs(
            resources=self._resources(
                at,
                disk_mb=max((size for size in storage if size is not None), default=None),
                extended={name: str(count) for name, count in extended.items() if count},
            ),
            accelerator=self._gpus(at),
            container=self._container(
                at,
                host_volumes={path: mount or path for path, _, mount in volumes},
                security_context=SecurityContext(privileged=True) if self.privileged else None,
            ),
            batch=BatchSpec(
                **{name: getattr(self, name) for name in BatchSpec.model_fields if name in type(self).model_fields},
                span=at.span,
                max_swap_mb=self.max_swap,
                tags=self.aws_batch_tags,
            ),
        )
