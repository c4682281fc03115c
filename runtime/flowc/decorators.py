"""Decorators of steps and of flows. The compiler reads them from the source; at run time they change nothing.

Each takes what Metaflow's takes, by keyword, and may stand without parentheses. `unpacked` takes what `**config` gives:
a class body has no values of configs, and the compiler has checked them.
"""

# ruff: noqa: ARG001 (arguments are named for editors and for messages about unknown ones)

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Protocol, Sequence, TypeVar, Union, overload

    from typing_extensions import Concatenate, ParamSpec

    from flowc.flowspec import FlowSpec
    from flowc.pipelines import StepFunction

    T = TypeVar("T")
    F = TypeVar("F", bound=FlowSpec)
    P = ParamSpec("P")
    R = TypeVar("R")

    class Decorator(Protocol):
        """What leaves the type of a step or flow as it is."""

        def __call__(self, target: T, /) -> T:
            """The target."""
            ...

    Count = Union[int, str, None]


if TYPE_CHECKING:

    @overload  # methods of class flows stay what they are
    def step(  # pyright: ignore[reportOverlappingOverload]
        function: Callable[Concatenate[F, P], R], /
    ) -> Callable[Concatenate[F, P], R]: ...

    @overload
    def step(function: Callable[P, R], /) -> StepFunction[P, R]: ...

    @overload
    def step(  # pyright: ignore[reportOverlappingOverload]
        *, start: bool = False, end: bool = False
    ) -> Decorator: ...

    @overload
    def step(**options: Any) -> Callable[[Callable[P, R]], StepFunction[P, R]]: ...


def step(function: Any = None, /, **options: Any) -> Any:
    """Mark a method as a step of the flow, or make a step of pipelines of a function.

    `@step(start=True)` and `@step(end=True)` mark the first and last step of a class flow. The other arguments are for
    functions: name, retry, resources, timeout, image, settings and more, all of which the compiler reads.
    """
    if function is None:
        return _with(options)
    if _is_function(function) or options.keys() - {"start", "end"}:
        from flowc.pipelines import step_function

        return step_function(function, options)
    function.is_step = True
    return function


def _with(options: Dict[str, Any]) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        return step(function, **options)

    return decorate


def _is_function(target: Any) -> bool:
    """Whether a function is outside of a class: a method has the name of its class before its own."""
    name: str | None = getattr(target, "__qualname__", None)
    above = "." if name is None else name.rpartition(".")[0]
    return not above or above.endswith("<locals>")


def _unchanged(target: T) -> T:
    return target


def _decorated(target: Any) -> Decorator:
    """What `@name` and `@name(...)` stand for: the decorated step or class itself, or what leaves it as it is."""
    decorated: Any = _unchanged if target is None else target
    return decorated  # type: ignore[no-any-return]


def resources(
    target: Any = None,
    *,
    cpu: float | str = 1,
    gpu: Count = None,
    disk: Count = None,
    memory: Count = 4096,
    shared_memory: Count = None,
    **unpacked: Any,
) -> Decorator:
    """Ask for CPU cores, GPUs, and memory, disk and /dev/shm in MB."""
    return _decorated(target)


def kubernetes(target: Any = None, **options: Any) -> Decorator:
    """Say how the step's pod is made: image, resources, placement, secrets, volumes."""
    return _decorated(target)


def batch(target: Any = None, **options: Any) -> Decorator:
    """As `kubernetes`, with the names of AWS Batch."""
    return _decorated(target)


def parallel(target: Any = None) -> Decorator:
    """Run the step as the members of a gang, which know each other: `current.parallel`."""
    return _decorated(target)


def pytorch_parallel(target: Any = None, *, master_port: Count = None, **unpacked: Any) -> Decorator:
    """Run the step as a gang with the variables that PyTorch and Lightning read."""
    return _decorated(target)


def torchrun(
    target: Any = None,
    *,
    master_port: Count = None,
    all_nodes_started_timeout: int | None = None,
    nproc_per_node: int | str = 1,
    **unpacked: Any,
) -> Decorator:
    """Run the step as a gang whose members start one torchrun together: `current.torch.run(entrypoint="train.py")`."""
    return _decorated(target)


def metaflow_ray(
    target: Any = None,
    *,
    main_port: Count = None,
    all_nodes_started_timeout: int | None = None,
    logging_level: str | None = None,
    log_style: str | None = None,
    enable_dashboard: bool = False,
    dashboard_port: int = 8265,
    **unpacked: Any,
) -> Decorator:
    """Run the step on a Ray cluster that the members of a gang are: the code runs in member 0, which has the head."""
    return _decorated(target)


ray_parallel, torchrun_parallel = metaflow_ray, torchrun
"""Their first names."""


def foreach_options(
    target: Any = None,
    *,
    parallelism: int | None = None,
    items_per_task: int | None = None,
    workers: int | None = None,
    label: bool | str | None = None,
    min_success: float | None = None,
    **unpacked: Any,
) -> Decorator:
    """Say how the items of the foreach that the step opens are run: `parallelism` is the most at a time.

    A pod works on `items_per_task` of them, `workers` at a time, each as a task of its own; by default on one.
    Airflow shows each item by its `label`: True is its text, and a name what it has under that.
    """
    return _decorated(target)


def fuse(target: Any = None, *, disabled: bool = False, **unpacked: Any) -> Decorator:
    """Run the step in the pod of what comes before it, or with `disabled` never, whatever the command line says."""
    return _decorated(target)


def call_flow(
    flow: Any = None,
    *,
    params: Dict[str, Any] | None = None,
    artifacts: Dict[str, str] | Sequence[str] = (),
    returns: Dict[str, str] | Sequence[str] = (),
    deployed: bool = False,
    **unpacked: Any,
) -> Decorator:
    """Run another flow when the step is done, and only then what follows the step; see docs/calling-flows.md.

    Its parameters get `params`, which are values, and `artifacts`, which are names of the caller's; the caller gets the
    artifacts that `returns` names. Its steps become steps of the caller, or with `deployed` it is a run of its own.
    """
    return _decorated(None if isinstance(flow, type) else flow)


def airflow_options(target: Any = None, **options: Any) -> Decorator:
    """Say how Airflow treats the step's tasks: pool, queue, priority_weight, owner, callbacks and more."""
    return _decorated(target)


def wait_for(
    url: Any = None,
    *,
    flow: str | None = None,
    every: float | str = 60,
    timeout: float | str = 86400,
    status: int | Sequence[int] = 200,
    within: float | str = 86400,
    **unpacked: Any,
) -> Any:
    """Let the step, or the first step of the flow, wait for an object, a file, an HTTP address or another flow's run.

    It is looked for `every` so many seconds; after `timeout` the task fails. A run of the flow counts that began at
    most `within` before. Times are in seconds, or texts such as `"2h"`.
    """
    return _decorated(None if isinstance(url, str) else url)


def approval(
    target: Any = None,
    *,
    choices: Sequence[str] = (),
    message: str = "",
    timeout: float | str | None = None,
    default: str | None = None,
    **unpacked: Any,
) -> Decorator:
    """Let the step wait for a person who chooses. `self.<condition>` of its switch, and `current.approval`, say what.

    After `timeout`, in seconds or as `"2d"`, the choice is `default`; without that, the task fails.
    """
    return _decorated(target)


def airflow_s3_key_sensor(target: Any = None, **options: Any) -> Decorator:
    """Wait for objects before the flow's first step, on every engine: bucket_key, bucket_name, timeout and more."""
    return _decorated(target)


def airflow_external_task_sensor(target: Any = None, **options: Any) -> Decorator:
    """Wait for a run of another flow before the first step, on every engine: external_dag_id, timeout and more."""
    return _decorated(target)


def cache(
    target: Any = None,
    *,
    ttl: float | str | None = None,
    version: str | float = "",
    ignore: Sequence[str] = (),
    secrets: bool = False,
    enabled: bool = True,
    **unpacked: Any,
) -> Decorator:
    """Take a task from the cache where its code, its environment and what it read are as they were.

    A result is too old after `ttl`, in seconds or as `"12h"`; `version` counts like code; the names in `ignore` do
    not count.
    """
    return _decorated(target)


def loop(target: Any = None, *, max_iterations: int | None = None, **unpacked: Any) -> Decorator:
    """Bound a step that goes on with itself: the most times that it may run in a row."""
    return _decorated(target)


def retry(target: Any = None, *, times: int = 3, minutes_between_retries: float = 2, **unpacked: Any) -> Decorator:
    """Try a failed task again, `times` times at most."""
    return _decorated(target)


def catch(target: Any = None, *, var: str | None = None, print_exception: bool = True, **unpacked: Any) -> Decorator:
    """Let the task succeed whatever happens, with the failure, or None, as the artifact `var`."""
    return _decorated(target)


def checkpoint(
    target: Any = None,
    *,
    load_policy: str = "fresh",
    temp_dir_root: str | None = None,
    keep: str = "all",
    **unpacked: Any,
) -> Decorator:
    """Let the step save what its next attempt goes on from, by `current.checkpoint`.

    An attempt begins with the newest checkpoint of its task (`fresh`), else with that of another run (`eager`), or with
    `none`. `keep` says which of them stay when the task is done: `all`, the `latest`, or `none`.
    """
    return _decorated(target)


def timeout(target: Any = None, *, seconds: int = 0, minutes: int = 0, hours: int = 0, **unpacked: Any) -> Decorator:
    """Fail an attempt that runs longer than the sum of these."""
    return _decorated(target)


def environment(target: Any = None, *, vars: Dict[str, Any] | None = None, **unpacked: Any) -> Decorator:
    """Set environment variables of the task."""
    return _decorated(target)


def secrets(
    target: Any = None,
    *,
    sources: Sequence[Any] = (),
    role: str | None = None,
    allow_override: bool = False,
    **unpacked: Any,
) -> Decorator:
    """Set environment variables of the task from secrets."""
    return _decorated(target)


def container(
    target: Any = None,
    *,
    image: str = "",
    command: Sequence[str] = (),
    args: Sequence[str] = (),
    env: Dict[str, str] | None = None,
    inputs: Dict[str, str] | None = None,
    outputs: Dict[str, str] | None = None,
    **unpacked: Any,
) -> Decorator:
    """Run a command in a container of any image instead of Python.

    `inputs` and `outputs` say in which file an artifact is; the words of the command and the variables of `env` may
    have `{inputs.name}`, `{outputs.name}` and `{values.name}` in them.
    """
    return _decorated(target)


def conda(target: Any = None, **options: Any) -> Decorator:
    """Name packages of Conda that the step needs: packages, libraries, python, disabled."""
    return _decorated(target)


def pypi(target: Any = None, **options: Any) -> Decorator:
    """Name packages of PyPI that the step needs: packages, python, disabled."""
    return _decorated(target)


def card(target: Any = None, **options: Any) -> Decorator:
    """A card, which the step fills by `current.card`, and reports draw: type, id, options, timeout."""
    return _decorated(target)


def gpu_profile(target: Any = None, **options: Any) -> Decorator:
    """Watch the GPUs of a step, which flowc does not do: include_artifacts, artifact_prefix, interval."""
    return _decorated(target)


def conda_base(target: Any = None, **options: Any) -> Decorator:
    """`conda` for every step of the flow."""
    return _decorated(target)


def pypi_base(target: Any = None, **options: Any) -> Decorator:
    """`pypi` for every step of the flow."""
    return _decorated(target)


def project(
    target: Any = None, *, name: Any = None, branch: str | None = None, production: bool = False, **unpacked: Any
) -> Decorator:
    """Make the flow part of a project, with a branch of its own for each user and test."""
    return _decorated(target)


def schedule(
    target: Any = None,
    *,
    cron: str | Sequence[str] | None = None,
    weekly: bool = False,
    daily: bool = True,
    hourly: bool = False,
    timezone: str | None = None,
    **unpacked: Any,
) -> Decorator:
    """Say when the deployed flow runs. It may be given several times, and `cron` may be several."""
    return _decorated(target)


def trigger(
    target: Any = None, *, event: Any = None, events: Any = (), options: Any = None, **unpacked: Any
) -> Decorator:
    """Name the events that start the deployed flow."""
    return _decorated(target)


def trigger_on_finish(
    target: Any = None, *, flow: Any = None, flows: Any = (), options: Any = None, **unpacked: Any
) -> Decorator:
    """Name the flows whose success starts the deployed flow."""
    return _decorated(target)


def exit_hook(
    target: Any = None, *, on_success: Any = (), on_error: Any = (), options: Any = None, **unpacked: Any
) -> Decorator:
    """Name functions to call when a run has ended."""
    return _decorated(target)


def concurrency(
    name: Any = None,
    *,
    limit: int = 1,
    runs: int | None = None,
    policy: str = "queue",
    **unpacked: Any,
) -> Decorator:
    """Let at most `limit` tasks of all flows hold the lock `name` at a time; of a flow, its runs.

    With `runs`, at most so many runs of a deployed flow are under way, and a further one is put into a `queue`, is to
    `replace` the one before, or is to `skip`.
    """
    return _decorated(None if name is None or isinstance(name, str) else name)


def deadline(
    target: Any = None,
    *,
    seconds: float = 0,
    minutes: float = 0,
    hours: float = 0,
    days: float = 0,
    **unpacked: Any,
) -> Decorator:
    """End a run that takes longer than the sum of these."""
    return _decorated(target)


def notify(
    target: Any = None,
    *,
    on: str | Sequence[str] = "error",
    slack: str | None = None,
    webhook: str | None = None,
    pagerduty: str | None = None,
    incident_io: str | None = None,
    alert_source: str | None = None,
    email: str | Sequence[str] = (),
    smtp: str | None = None,
    **unpacked: Any,
) -> Decorator:
    """Tell people how a run has ended: with an "error", with "success", or "late", by its deadline.

    Secrets are given by name: `NAME` is a variable of the environment, and `secret/key` a key of a Kubernetes Secret.
    """
    return _decorated(target)


def namespaced_event_name(name: str) -> Callable[..., str]:
    """The name of an event within the project and branch; what a decorator says with it, the compiler reads."""

    def resolve(*context: Any) -> str:
        del context
        from flowc.current import current

        parts = ("mfns", current.get("project_name"), current.get("branch_name"), name)
        return ".".join(part for part in parts if part)

    return resolve
