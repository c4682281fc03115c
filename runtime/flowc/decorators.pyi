# The signatures of decorators for editors and type checkers: what the compiler takes, and no more. At run time they
# change nothing, and take all that `**config` may stand for.

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar, overload

from typing_extensions import Concatenate, ParamSpec

from flowc.flowspec import FlowSpec
from flowc.pipelines import StepFunction

_F = TypeVar("_F", bound=FlowSpec)
_P = ParamSpec("_P")
_R = TypeVar("_R")
_Step = TypeVar("_Step", bound=Callable[..., Any])
_Flow = TypeVar("_Flow", bound=FlowSpec)
_Kind = Literal["lost", "oom", "timeout", "error"]

class StepDecorator(Protocol):
    """What leaves the type of a step as it is."""

    def __call__(self, step: _Step, /) -> _Step: ...

class FlowDecorator(Protocol):
    """What leaves the class of a flow as it is."""

    def __call__(self, flow: type[_Flow], /) -> type[_Flow]: ...

class Decorator(Protocol):
    """What leaves a step or the class of a flow as it is."""

    @overload
    def __call__(self, flow: type[_Flow], /) -> type[_Flow]: ...
    @overload
    def __call__(self, step: _Step, /) -> _Step: ...

_T = TypeVar("_T")
_Listed = list[_T] | tuple[_T, ...]
_Gpu = int | float | str | None
_Size = int | float | str | None
_Names = str | Sequence[str] | None
_Pairs = Mapping[str, str] | str | None
_Texts = Mapping[str, str | int | float] | None
_Secret = str | Mapping[str, Any]
_Hook = Callable[..., Any] | str
_EventParameters = Mapping[str, str] | Sequence[str | tuple[str, str] | list[str]]
_EventValue = str | int | float | list[str] | list[int] | list[float] | Mapping[str, str | int | float]
_EventFilter = Mapping[str, _EventValue] | dict[str, _EventValue]
_Event = str | Mapping[str, str | _EventParameters | _EventFilter] | Callable[..., str]
_Upstream = str | Mapping[str, str]
_Outcome = Literal["error", "success", "late"]

@overload  # methods of class flows stay what they are
def step(  # pyright: ignore[reportOverlappingOverload]
    function: Callable[Concatenate[_F, _P], _R], /
) -> Callable[Concatenate[_F, _P], _R]: ...
@overload
def step(function: Callable[_P, _R], /) -> StepFunction[_P, _R]: ...
@overload
def step(  # pyright: ignore[reportOverlappingOverload]
    *, start: bool = False, end: bool = False
) -> StepDecorator: ...
@overload
def step(**options: Any) -> Callable[[Callable[_P, _R]], StepFunction[_P, _R]]: ...
@overload
def resources(step: _Step, /) -> _Step: ...
@overload
def resources(
    *,
    cpu: float | str | None = None,
    gpu: _Gpu = None,
    memory: _Size = None,
    disk: _Size = None,
    shared_memory: _Size = None,
) -> StepDecorator: ...
@overload
def kubernetes(step: _Step, /) -> _Step: ...
@overload
def kubernetes(
    *,
    cpu: float | str | None = None,
    gpu: _Gpu = None,
    memory: _Size = None,
    disk: _Size = None,
    shared_memory: _Size = None,
    image: str | None = None,
    use_tmpfs: bool | None = None,
    tmpfs_tempdir: bool = True,
    tmpfs_size: _Size = None,
    tmpfs_path: str | None = None,
    executable: str | None = None,
    gpu_vendor: str = "nvidia",
    gpu_type: str | None = None,
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None,
    image_pull_secrets: _Names = (),
    service_account: str | None = None,
    namespace: str | None = None,
    secrets: _Names = (),
    node_selector: _Pairs = None,
    tolerations: Sequence[Mapping[str, Any]] | None = (),
    labels: _Pairs = None,
    annotations: _Pairs = None,
    persistent_volume_claims: _Pairs = None,
    port: int | None = None,
    compute_pool: str | None = None,
    hostname_resolution_timeout: int | None = None,
    qos: Literal["burstable", "guaranteed", "Burstable", "Guaranteed"] | None = None,
    extended_resources: _Texts = None,
    security_context: Mapping[str, Any] | None = None,
    cpu_limit: float | str | None = None,
    memory_limit: _Size = None,
    disk_limit: _Size = None,
    affinity: Mapping[str, Any] | None = None,
    priority_class: str | None = None,
    scheduler: str | None = None,
    config_maps: _Names = (),
    secret_volumes: _Pairs = None,
    config_map_volumes: _Pairs = None,
    patch: Mapping[str, Any] | None = None,
    init_containers: Sequence[Mapping[str, Any]] = (),
    sidecars: Sequence[Mapping[str, Any]] = (),
) -> StepDecorator: ...
@overload
def batch(step: _Step, /) -> _Step: ...
@overload
def batch(
    *,
    cpu: float | str | None = None,
    gpu: _Gpu = None,
    memory: _Size = None,
    disk: _Size = None,
    shared_memory: _Size = None,
    image: str | None = None,
    use_tmpfs: bool | None = None,
    tmpfs_tempdir: bool = True,
    tmpfs_size: _Size = None,
    tmpfs_path: str | None = None,
    executable: str | None = None,
    queue: str | None = None,
    iam_role: str | None = None,
    execution_role: str | None = None,
    max_swap: _Size = None,
    swappiness: int | None = None,
    aws_batch_tags: _Texts = None,
    inferentia: int | None = None,
    trainium: int | None = None,
    efa: int | None = None,
    ephemeral_storage: int | None = None,
    host_volumes: _Names = (),
    efs_volumes: _Names = (),
    log_driver: str | None = None,
    log_options: _Names = (),
    privileged: bool = False,
) -> StepDecorator: ...
@overload
def parallel(step: _Step, /) -> _Step: ...
@overload
def parallel() -> StepDecorator: ...
@overload
def pytorch_parallel(step: _Step, /) -> _Step: ...
@overload
def pytorch_parallel(*, master_port: int | None = None) -> StepDecorator: ...
@overload
def torchrun(step: _Step, /) -> _Step: ...
@overload
def torchrun(
    *,
    master_port: int | None = None,
    all_nodes_started_timeout: int | None = None,
    nproc_per_node: int | Literal["auto", "cpu", "gpu"] = 1,
) -> StepDecorator: ...
@overload
def metaflow_ray(step: _Step, /) -> _Step: ...
@overload
def metaflow_ray(
    *,
    main_port: int | None = None,
    all_nodes_started_timeout: int | None = None,
    worker_polling_freq: float = 10,
    heartbeat_timeout: int = 600,
    unreachable_timeout: int = 600,
    enable_worker_logs: bool = False,
    logging_level: str | None = None,
    log_style: Literal["pretty", "record", "auto"] | None = None,
    enable_dashboard: bool = False,
    dashboard_port: int = 8265,
) -> StepDecorator: ...

ray_parallel = metaflow_ray
torchrun_parallel = torchrun

@overload
def foreach_options(
    *,
    items_per_task: int,
    workers: int | None = None,
    parallelism: int | None = None,
    label: bool | str | None = None,
    min_success: float | None = None,
) -> StepDecorator: ...
@overload
def foreach_options(
    *, parallelism: int, label: bool | str | None = None, min_success: float | None = None
) -> StepDecorator: ...
@overload
def foreach_options(
    *, label: bool | str, parallelism: int | None = None, min_success: float | None = None
) -> StepDecorator: ...
@overload
def foreach_options(
    *, min_success: float, parallelism: int | None = None, label: bool | str | None = None
) -> StepDecorator: ...
def airflow_options(
    *,
    owner: str | None = None,
    pool: str | None = None,
    priority_weight: int | None = None,
    queue: str | None = None,
    executor_config: Mapping[str, Any] = ...,
    deferrable: bool | None = None,
    inlets: Sequence[str] = (),
    outlets: Sequence[str] = (),
    on_execute_callback: str | None = None,
    on_failure_callback: str | None = None,
    on_retry_callback: str | None = None,
    on_skipped_callback: str | None = None,
    on_success_callback: str | None = None,
) -> StepDecorator: ...
def loop(*, max_iterations: int) -> StepDecorator: ...
@overload
def wait_for(
    url: str,
    *,
    every: float | str = 60,
    timeout: float | str = 86400,
    status: int | Sequence[int] = 200,
) -> Decorator: ...
@overload
def wait_for(
    *, flow: str, every: float | str = 60, timeout: float | str = 86400, within: float | str = 86400
) -> Decorator: ...
def approval(
    *,
    choices: Sequence[str],
    message: str = "",
    timeout: float | str | None = None,
    default: str | None = None,
) -> StepDecorator: ...
def airflow_s3_key_sensor(
    *,
    bucket_key: str | Sequence[str],
    bucket_name: str | None = None,
    wildcard_match: bool = False,
    timeout: float = 3600,
    poke_interval: float = 60,
    **options: Any,
) -> FlowDecorator: ...
def airflow_external_task_sensor(
    *, external_dag_id: str, timeout: float = 3600, poke_interval: float = 60, **options: Any
) -> FlowDecorator: ...
@overload
def fuse(step: _Step, /) -> _Step: ...
@overload
def fuse(*, disabled: bool = False) -> StepDecorator: ...
@overload
def call_flow(
    flow: Callable[..., Any],
    *,
    params: Mapping[str, Any] = ...,
    returns: str | tuple[str, ...],
    deployed: bool = False,
    id: str | None = None,
    after: Any = None,
) -> Any: ...
@overload
def call_flow(
    flow: Callable[..., Any],
    *,
    params: Mapping[str, Any] = ...,
    artifacts: Mapping[str, str] | Sequence[str] = ...,
    returns: Mapping[str, str] | Sequence[str] = ...,
    deployed: bool = False,
    id: str | None = None,
    after: Any = None,
) -> StepDecorator: ...
@overload
def cache(step: _Step, /) -> _Step: ...
@overload
def cache(
    *,
    ttl: float | str | None = None,
    version: str | float = "",
    ignore: str | Sequence[str] = (),
    secrets: bool = False,
    enabled: bool = True,
) -> StepDecorator: ...
@overload
def retry(step: _Step, /) -> _Step: ...
@overload
def retry(
    *,
    times: int = 3,
    minutes_between_retries: float = 2,
    on: Sequence[_Kind] | _Kind = (),
    never: Sequence[type[BaseException] | str] | type[BaseException] | str = (),
    backoff: float | str | None = None,
    factor: int = 1,
    max_wait: float | str | None = None,
    cpu: Sequence[float] = (),
    memory: Sequence[int | str] = (),
    disk: Sequence[int | str] = (),
    gpu: Sequence[int] = (),
    node_selector: Sequence[Mapping[str, str]] = (),
    tolerations: Sequence[Sequence[Mapping[str, object]]] = (),
) -> StepDecorator: ...
@overload
def catch(step: _Step, /) -> _Step: ...
@overload
def catch(*, var: str | None = None, print_exception: bool = True) -> StepDecorator: ...
@overload
def checkpoint(step: _Step, /) -> _Step: ...
@overload
def checkpoint(
    *,
    load_policy: Literal["fresh", "eager", "none"] = "fresh",
    temp_dir_root: str | None = None,
    keep: Literal["all", "latest", "none"] = "all",
) -> StepDecorator: ...
@overload
def timeout(*, seconds: int, minutes: int = 0, hours: int = 0) -> StepDecorator: ...
@overload
def timeout(*, minutes: int, seconds: int = 0, hours: int = 0) -> StepDecorator: ...
@overload
def timeout(*, hours: int, seconds: int = 0, minutes: int = 0) -> StepDecorator: ...
@overload
def environment(step: _Step, /) -> _Step: ...
@overload
def environment(*, vars: Mapping[str, str | float | bool] = ...) -> StepDecorator: ...
@overload
def secrets(step: _Step, /) -> _Step: ...
@overload
def secrets(
    *, sources: _Listed[_Secret] | list[str] | list[dict[str, Any]] = (), role: str | None = None,
    allow_override: bool = False,
) -> StepDecorator: ...  # fmt: skip
def container(
    *,
    image: str,
    command: Sequence[str],
    args: Sequence[str] = (),
    env: Mapping[str, str | float] | None = None,
    inputs: Mapping[str, str] | None = None,
    outputs: Mapping[str, str] | None = None,
) -> StepDecorator: ...
@overload
def conda(step: _Step, /) -> _Step: ...
@overload
def conda(
    *,
    packages: _Texts = None,
    libraries: _Texts = None,
    python: str | float | None = None,
    disabled: bool | None = None,
) -> StepDecorator: ...
@overload
def pypi(step: _Step, /) -> _Step: ...
@overload
def pypi(
    *, packages: _Texts = None, python: str | float | None = None, disabled: bool | None = None
) -> StepDecorator: ...
@overload
def card(step: _Step, /) -> _Step: ...
@overload
def card(
    *,
    type: str = "default",
    id: str | None = None,
    options: Mapping[str, Any] | None = None,
    timeout: int = 45,
    scope: str = "task",
    rank: str | None = None,
    save_errors: bool = True,
    customize: bool = False,
    refresh_interval: float = 5,
) -> StepDecorator: ...
@overload
def gpu_profile(step: _Step, /) -> _Step: ...
@overload
def gpu_profile(
    *, include_artifacts: bool = True, artifact_prefix: str = "gpu_profile_", interval: float = 1
) -> StepDecorator: ...
@overload
def conda_base(flow: type[_Flow], /) -> type[_Flow]: ...
@overload
def conda_base(
    *,
    packages: _Texts = None,
    libraries: _Texts = None,
    python: str | float | None = None,
    disabled: bool | None = None,
) -> FlowDecorator: ...
@overload
def pypi_base(flow: type[_Flow], /) -> type[_Flow]: ...
@overload
def pypi_base(
    *, packages: _Texts = None, python: str | float | None = None, disabled: bool | None = None
) -> FlowDecorator: ...
def project(*, name: str, branch: str | None = None, production: bool | None = None) -> FlowDecorator: ...
@overload
def schedule(flow: type[_Flow], /) -> type[_Flow]: ...
@overload
def schedule(
    *,
    cron: str | Sequence[str] | None = None,
    weekly: bool = False,
    daily: bool = True,
    hourly: bool = False,
    timezone: str | None = None,
) -> FlowDecorator: ...
@overload
def trigger(*, event: _Event, options: Mapping[str, Any] | None = None) -> FlowDecorator: ...
@overload
def trigger(*, events: _Listed[_Event] | list[str], options: Mapping[str, Any] | None = None) -> FlowDecorator: ...
@overload
def trigger_on_finish(*, flow: _Upstream, options: Mapping[str, Any] | None = None) -> FlowDecorator: ...
@overload
def trigger_on_finish(
    *, flows: _Listed[_Upstream] | list[str], options: Mapping[str, Any] | None = None
) -> FlowDecorator: ...
@overload
def exit_hook(
    *, on_success: _Listed[_Hook], on_error: _Listed[_Hook] = (), options: Mapping[str, Any] | None = None
) -> FlowDecorator: ...
@overload
def exit_hook(
    *, on_error: _Listed[_Hook], on_success: _Listed[_Hook] = (), options: Mapping[str, Any] | None = None
) -> FlowDecorator: ...
@overload
def concurrency(name: str, /, *, limit: int = 1) -> Decorator: ...
@overload
def concurrency(*, name: str, limit: int = 1) -> Decorator: ...
@overload
def concurrency(*, runs: int, policy: Literal["queue", "replace", "skip"] = "queue") -> Decorator: ...
def deadline(*, seconds: float = 0, minutes: float = 0, hours: float = 0, days: float = 0) -> Decorator: ...
def notify(
    *,
    on: _Outcome | Sequence[_Outcome] = "error",
    slack: str | None = None,
    webhook: str | None = None,
    pagerduty: str | None = None,
    incident_io: str | None = None,
    alert_source: str | None = None,
    email: str | Sequence[str] = (),
    smtp: str | None = None,
) -> Decorator: ...
def namespaced_event_name(name: str) -> Callable[..., str]: ...
