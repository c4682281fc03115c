"""The options that every target understands, from `[tool.flowc]`, `[tool.flowc.<target>]` and the command line."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.encodings import tag_problem
from flowc_compiler.ir import Toleration


class GpuProfile(BaseModel):
    """`[tool.flowc.gpu.<type>]`: how this cluster labels, taints and counts one type of GPU."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    selector: dict[str, str | tuple[str, ...]] = {}
    """Node labels of the nodes that have it; of several values one must match."""
    tolerations: tuple[Toleration, ...] = ()
    """For the taints of those nodes, beside the one named like the GPU's resource."""
    resource: str | None = None
    """The extended resource that counts it, such as `nvidia.com/mig-1g.5gb`; by default `<vendor>.com/gpu`."""


class TargetOptions(BaseModel):
    """Options common to all targets. A target adds its own in a subclass, named by its `options_model`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    root: str | None = Field(
        default=None, description="URL of the artifact store: s3://, gs://, az://, file:// or a path"
    )
    image: str = Field(default="python:3.11-slim", description="image of steps that name none; any with Python 3.9+")
    images: str | None = Field(
        default=None, description="images.json of `flowc image`: the images of steps that need packages"
    )
    image_pull_policy: str | None = Field(default=None, pattern="^(Always|IfNotPresent|Never)$")
    image_pull_secrets: tuple[str, ...] = ()
    namespace: str | None = Field(default=None, description="Kubernetes namespace")
    service_account: str | None = Field(default=None, description="Kubernetes service account of the pods")
    env: dict[str, str] = Field(default={}, description="environment variables of every task")
    env_from_secrets: tuple[str, ...] = Field(
        default=(), description="Secrets whose keys are in the environment of every task"
    )
    include: tuple[str, ...] = Field(
        default=(), description="files, folders and globs from the flow's folder that tasks get beside its code"
    )
    timeout_grace: int = Field(
        default=TIMEOUT_GRACE_SECONDS,
        ge=1,
        description="how many seconds a pod may live beyond its @timeout, when TimeoutException ends the step: its "
        "time begins with the pull of its image",
    )
    python: str = Field(default="python3", description="the Python to call in the image")
    tags: tuple[str, ...] = Field(default=(), description="tags of the runs")
    sse: str | None = Field(
        default=None, description="how S3 encrypts what the runs write: AES256, aws:kms or aws:kms:dsse"
    )
    kms_key: str | None = Field(default=None, description="the KMS key to encrypt with, by ARN, id or alias")
    gpu: dict[str, GpuProfile] = Field(default={}, description="GPU types of this cluster, by the name that steps use")
    gpu_cloud: Literal["gke", "eks", "eks-auto", "karpenter", "aks", "gfd"] = Field(
        default="gke", description="whose labels the built-in GPU types have; gfd is NVIDIA's GPU feature discovery"
    )

    @field_validator("tags")
    @classmethod
    def _check_tags(cls, tags: tuple[str, ...]) -> tuple[str, ...]:
        problem = next((problem for tag in tags if (problem := tag_problem(tag)) is not None), None)
        if problem is not None:
            raise ValueError(problem)
        return tags

    @property
    def store_env(self) -> dict[str, str]:
        """Variables of every task that say how its store is used, beside the root."""
        variables = {env_names.S3_SSE: self.sse, env_names.S3_KMS_KEY: self.kms_key}
        return {name: value for name, value in variables.items() if value}

    @property
    def in_pods(self) -> bool:
        """Whether tasks run in containers, which have images."""
        return True
