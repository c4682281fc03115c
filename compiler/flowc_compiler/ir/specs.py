"""How a step runs: what it needs of a machine, and how it is retried, timed, gated and run many times.

`container_specs` has what is in the container that it runs in.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from flowc_compiler.ir.base import Model
from flowc_compiler.source import Span

if TYPE_CHECKING:
    from flowc_compiler.ir.kubernetes import Affinity, Toleration

SLICE = re.compile(
    r"(?:mig-|(?P<name>.+?)-(?:mig-)?)?(?P<partition>\d+g\.\d+gb(?:[.+-]\w+)*)", re.IGNORECASE | re.ASCII
)
"""A slice of a GPU (MIG), such as `a100-1g.5gb`, `a100-80gb-1g.10gb.me` or `1g.5gb` of any type."""


class Spec(Model):
    """The base of every spec, with the span of the decorator that it came from."""

    span: Span | None = None


class ResourceSpec(Spec):
    """Compute for one task. Metaflow's defaults (1 CPU, 4096 MB) are not filled in: `None` is no request."""

    cpu: float | None = None
    """CPU cores."""
    memory_mb: int | None = None
    """Memory in MiB (Metaflow writes MB and means MiB)."""
    disk_mb: int | None = None
    """Ephemeral storage in MiB."""
    cpu_limit: float | None = None
    """The most CPU cores, where that is not left to the node and to `qos`; so with the next two."""
    memory_limit_mb: int | None = None
    """The most memory in MiB: a task that takes more is killed."""
    disk_limit_mb: int | None = None
    """The most ephemeral storage in MiB: a pod that takes more is evicted."""
    shared_memory_mb: int | None = None
    """Size of /dev/shm in MiB."""
    extended: dict[str, str] = {}
    """Extended resources of Kubernetes, such as `aws.amazon.com/neuron`, and how many of each."""


class AcceleratorSpec(Spec):
    """GPUs for one task."""

    count: int
    vendor: str = "nvidia"
    """The vendor in the extended resource's name: `nvidia` is `nvidia.com/gpu`."""
    type: str | None = None
    """The GPU's type, and the slice of it (MIG), as in `a100-1g.5gb`; a target turns it into labels of nodes."""

    @property
    def resource(self) -> str:
        """The Kubernetes extended resource."""
        return f"{self.vendor}.com/gpu"

    @property
    def is_slice(self) -> bool:
        """Whether a slice of a GPU is requested, which may be another resource."""
        return self.type is not None and SLICE.fullmatch(self.type) is not None


class Placement(Spec):
    """Which nodes a task may run on."""

    node_selector: dict[str, str] = {}
    tolerations: tuple[Toleration, ...] = ()
    affinity: Affinity | None = None


class AttemptSpec(Model):
    """What one attempt of a step needs: of numbers instead of what the step needs, of nodes in addition to that."""

    cpu: float | None = None
    memory_mb: int | None = None
    disk_mb: int | None = None
    gpu: int | None = None
    node_selector: dict[str, str] | None = None
    tolerations: tuple[Toleration, ...] | None = None


class RetryPolicy(Spec):
    """`@retry`: `limit` further attempts after the first, `backoff_seconds` apart."""

    limit: int = 3
    backoff_seconds: float = 120.0
    backoff_factor: int = Field(default=1, ge=1)
    """By what each further wait is longer than the one before; Metaflow has only waits of one length."""
    max_wait_seconds: float | None = Field(default=None, gt=0)
    """The longest wait, where they grow."""
    on: tuple[Literal["lost", "oom", "timeout", "error"], ...] = ()
    """The kinds of failures that are followed by another attempt (`flowc.protocol.exit_codes`); all where none is
    named."""
    never: tuple[str, ...] = ()
    """Exception classes, by their names as the file has them, that no attempt follows."""
    attempts: tuple[AttemptSpec, ...] = ()
    """What the first attempt needs, and each one after it; the last holds for all that follow."""

    def wait_before(self, attempt: int) -> float:
        """The seconds before an attempt, of which 1 is the second."""
        most = float("inf") if self.max_wait_seconds is None else self.max_wait_seconds
        return min(self.backoff_seconds * float(self.backoff_factor) ** (attempt - 1), most)


class TimeoutSpec(Spec):
    """`@timeout`: the most seconds that one attempt may run."""

    seconds: int


class CatchSpec(Spec):
    """`@catch`: the task succeeds in any case; what went wrong is stored as an artifact."""

    variable: str | None = None
    """The artifact that gets the failure, or None where there was none."""
    print_exception: bool = True


class HooksSpec(Spec):
    """Functions that the task of a pipeline's step calls: names in the step's or flow's file, or import paths.

    `:name` is one in the flow's file.
    """

    on_start: str | None = None
    on_end: str | None = None
    on_failure: str | None = None
    """Called where no attempt follows."""
    on_success: str | None = None


class CardSpec(Spec):
    """`@card`: what a step shows by `current.card`, which is stored with its attempt and drawn in reports."""

    type: str = "default"
    id: str | None = None
    title: str | None = None
    customize: bool = False
    """Whether it is the one that `current.card` itself stands for."""
    refresh: float = 5
    """The seconds between two writes by `current.card.refresh()`."""


class CheckpointSpec(Spec):
    """`@checkpoint`: `current.checkpoint` saves what the next attempt goes on from."""

    load_policy: Literal["fresh", "eager", "none"] = "fresh"
    """Which checkpoint an attempt begins with: of this task, else of the newest run that has one, or none."""
    keep: Literal["all", "latest", "none"] = "all"
    """Which checkpoints stay when the task has committed."""
    temp_dir_root: str | None = None
    """The folder for `current.checkpoint.directory`."""


class BatchSpec(Spec):
    """What `@batch` says about AWS Batch alone; the rest of it is resources, GPUs and the container."""

    queue: str | None = None
    iam_role: str | None = None
    execution_role: str | None = None
    max_swap_mb: int | None = None
    swappiness: int | None = None
    tags: dict[str, str] = {}
    log_driver: str | None = None
    log_options: tuple[str, ...] = ()
    efs_volumes: tuple[str, ...] = ()
    """`file-system-id` or `file-system-id:path` each."""


class ParallelSpec(Spec):
    """`@parallel` and the decorators that build on it: the step runs as a gang, whose members know each other."""

    decorator: str = "parallel"
    """The decorator as it is written."""
    framework: Literal["pytorch", "torchrun", "ray", "unknown"] | None = None
    """What the shim prepares around the step's code; `unknown` stands for a decorator that was reported."""
    port: int | None = None
    """The port of member 0; the shim takes a free one by default."""
    timeout: int | None = None
    """Seconds that the members may take to find each other."""
    options: dict[str, int | str] = {}
    """What the framework is started with."""


class ForeachOptions(Spec):
    """`@foreach_options`, flowc's own: how the items of the foreach that the step opens are run."""

    parallelism: int | None = Field(default=None, ge=1)
    """The most items at a time."""
    items_per_task: int | None = Field(default=None, ge=1)
    """How many items a pod works on, each of them as a task of its own."""
    workers: int | None = Field(default=None, ge=1)
    """The most tasks of such a pod at a time; one where it is not given."""
    min_success: float | None = Field(default=None, ge=0, le=1)
    """The share of the items that has to succeed; all of them, and at the first failure, where it is not given."""
    label: bool | str | None = None
    """What an engine may show of an item: True is its text, and a name what it has under that."""


class CacheSpec(Spec):
    """`@cache`, flowc's own: a task is taken from the cache where its code, environment and inputs are as before."""

    enabled: bool = True
    ttl: float | None = Field(default=None, gt=0)
    """Seconds after which a result is too old."""
    version: str | None = None
    """A text of the flow's own that counts like code."""
    ignore: tuple[str, ...] = ()
    """Names of artifacts, parameters, arguments, variables and `current.` facts that do not count."""
    secrets: bool | None = None
    """Also where the step has secrets."""


class AirflowSpec(Spec):
    """`@airflow_options`, flowc's own: how Airflow treats the step's tasks. `None` leaves it to the DAG's default."""

    owner: str | None = None
    pool: str | None = None
    priority_weight: int | None = None
    queue: str | None = None
    """The queue of the executor's workers."""
    executor_config: dict[str, Any] = {}
    deferrable: bool | None = None
    """Whether the triggerer waits for the pod, and not a worker."""
    inlets: tuple[str, ...] = ()
    """Names of assets that the step reads."""
    outlets: tuple[str, ...] = ()
    """Names of assets that it updates."""
    callbacks: dict[str, str] = {}
    """The dotted names of functions that Airflow calls, by argument, such as `on_failure_callback`."""


class WaitSpec(Spec):
    """`@wait_for`, flowc's own: the step begins once this is there. One of `url` and `flow` is given."""

    url: str | None = None
    """An object (`s3://`, `gs://`, `az://`), a file, anything below that where it ends in `/`; or an HTTP address."""
    pattern: bool = False
    """Whether `*`, `?` and `[...]` in the URL stand for other characters."""
    status: tuple[int, ...] = (200,)
    """The HTTP statuses that count."""
    flow: str | None = None
    """A flow, of which a run in the same store has to succeed."""
    within: float = 86400
    """How many seconds before the wait began such a run may have begun."""
    every: float = Field(default=60, gt=0)
    """Seconds between two looks."""
    timeout: float = Field(default=86400, gt=0)
    """Seconds after which the task fails."""


class ApprovalSpec(Spec):
    """`@approval`, flowc's own: the step begins once a person has chosen."""

    choices: tuple[str, ...] = ()
    """What there is to choose; without any, the person writes a text."""
    kind: Literal["text", "bool", "int", "float", "list", "dict"] = "text"
    """What a text stands for that is not one of the choices; all but `text` are JSON."""
    message: str = ""
    """What the person is asked."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds after which `default` is chosen, or the task fails where there is none."""
    default: str | None = None


class LoopSpec(Spec):
    """`@loop`, flowc's own: how often a recursive switch runs at most."""

    max_iterations: int = Field(ge=1)


class FuseSpec(Spec):
    """`@fuse`, flowc's own: the step runs in the pod of what comes before it."""

    disabled: bool = False
    """Whether it never does, whatever the command line says."""


class LockSpec(Spec):
    """`@concurrency("name", limit=2)`: a lock that so many tasks, or runs, may hold at a time, of all flows."""

    name: str
    limit: int = Field(default=1, ge=1)
