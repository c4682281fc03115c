"""What a step asks of the machine it runs on, and how it is to be retried, timed and configured."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from flowc_compiler.source import Span


class Spec(BaseModel):
    """The base of every spec: frozen, closed, and pointing at the decorator that it came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    span: Span | None = None


class ResourceSpec(Spec):
    """Compute for one task. Metaflow's defaults (1 CPU, 4096 MB) are not filled in: `None` is nothing asked for."""

    cpu: float | None = None
    """CPU cores."""
    memory_mb: int | None = None
    """Memory in MiB (Metaflow writes MB and means MiB)."""
    disk_mb: int | None = None
    """Ephemeral storage in MiB."""
    shared_memory_mb: int | None = None
    """Size of /dev/shm in MiB."""


class AcceleratorSpec(Spec):
    """GPUs for one task."""

    count: int
    vendor: str = "nvidia"
    """The vendor in the extended resource's name: `nvidia` is `nvidia.com/gpu`."""
    type: str | None = None
    """The GPU's type as the cluster labels it; a target turns it into a node selector."""

    @property
    def resource(self) -> str:
        """The Kubernetes extended resource."""
        return f"{self.vendor}.com/gpu"


class Toleration(BaseModel):
    """A Kubernetes toleration."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: int | None = None


class Placement(Spec):
    """Which nodes a task may run on."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()


class RetryPolicy(Spec):
    """`@retry`: `limit` further attempts after the first, `backoff_seconds` apart."""

    limit: int = 3
    backoff_seconds: float = 120.0


class TimeoutSpec(Spec):
    """`@timeout`: the most seconds that one attempt may run."""

    seconds: int


class EnvironmentSpec(Spec):
    """`@environment`: variables of the task's process."""

    variables: dict[str, str] = {}


class ContainerSpec(Spec):
    """`@kubernetes`: what is not resources or placement. `None` means that the target's option decides."""

    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    image_pull_secrets: tuple[str, ...] = ()
    service_account: str | None = None
    namespace: str | None = None
    secrets: tuple[str, ...] = ()
    """Kubernetes Secrets whose keys become environment variables."""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    persistent_volume_claims: dict[str, str] = {}
    """Claim name to mount path."""


class StepSpecs(BaseModel):
    """Everything that the decorators of one step ask for; a spec that was not given is `None`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resources: ResourceSpec | None = None
    accelerator: AcceleratorSpec | None = None
    placement: Placement | None = None
    retry: RetryPolicy | None = None
    timeout: TimeoutSpec | None = None
    environment: EnvironmentSpec | None = None
    container: ContainerSpec | None = None
