"""Decorators of steps and of flows. The compiler reads them from the source; at run time they change nothing.

Each takes what Metaflow's takes, by keyword, and may stand without parentheses; `decorators.pyi` has the signatures.
Here any option is taken, as `**config` may give it: a class body has no values of configs, and the compiler checks all.
"""

# ruff: noqa: ARG001 (what is given is there for the compiler)

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict


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


def _unchanged(target: Any) -> Any:
    return target


def _decorated(target: Any) -> Any:
    """What `@name` and `@name(...)` stand for: the decorated step or class itself, or what leaves it as it is."""
    return _unchanged if target is None else target


def resources(target: Any = None, **options: Any) -> Any:
    """Ask for `cpu` cores, `gpu`s, and `memory`, `disk` and /dev/shm (`shared_memory`) in MB."""
    return _decorated(target)


def kubernetes(target: Any = None, **options: Any) -> Any:
    """Say how the step's pod is made: image, resources, placement, secrets, volumes."""
    return _decorated(target)


def batch(target: Any = None, **options: Any) -> Any:
    """As `kubernetes`, with the names of AWS Batch."""
    return _decorated(target)


def parallel(target: Any = None) -> Any:
    """Run the step as the members of a gang, which know each other: `current.parallel`."""
    return _decorated(target)


def pytorch_parallel(target: Any = None, **options: Any) -> Any:
    """Run the step as a gang with the variables that PyTorch and Lightning read: `master_port`."""
    return _decorated(target)


def torchrun(target: Any = None, **options: Any) -> Any:
    """Run the step as a gang whose members start one torchrun together: `current.torch.run(entrypoint="train.py")`.

    master_port, all_nodes_started_timeout, nproc_per_node.
    """
    return _decorated(target)


def metaflow_ray(target: Any = None, **options: Any) -> Any:
    """Run the step on a Ray cluster that the members of a gang are: the code runs in member 0, which has the head.

    main_port, all_nodes_started_timeout, logging_level, log_style, enable_dashboard, dashboard_port.
    """
    return _decorated(target)


ray_parallel, torchrun_parallel = metaflow_ray, torchrun
"""Their first names."""


def foreach_options(target: Any = None, **options: Any) -> Any:
    """Say how the items of the foreach that the step opens are run: `parallelism` is the most at a time.

    A pod works on `items_per_task` of them, `workers` at a time, each as a task of its own; by default on one.
    Airflow shows each item by its `label`: True is its text, and a name what it has under that.
    `min_success` is the share of the items that have to succeed.
    """
    return _decorated(target)


def fuse(target: Any = None, **options: Any) -> Any:
    """Run the step in the pod of what comes before it, or with `disabled` never, whatever the command line says."""
    return _decorated(target)


def call_flow(flow: Any = None, **options: Any) -> Any:
    """Run another flow when the step is done, and only then what follows the step; see docs/calling-flows.md.

    Its parameters get `params`, which are values, and `artifacts`, which are names of the caller's; the caller gets the
    artifacts that `returns` names. Its steps become steps of the caller, or with `deployed` it is a run of its own.
    In a pipeline's body, which is compiled and never run, it gives what the flow returns.
    """
    del options
    return _decorated(flow if hasattr(flow, "__code__") else None)


def airflow_options(target: Any = None, **options: Any) -> Any:
    """Say how Airflow treats the step's tasks: pool, queue, priority_weight, owner, callbacks and more."""
    return _decorated(target)


def wait_for(url: Any = None, **options: Any) -> Any:
    """Let the step, or the first step of the flow, wait for an object, a file, an HTTP address or another `flow`'s run.

    It is looked for `every` so many seconds; after `timeout` the task fails. An address has to answer with `status`.
    A run of the flow counts that began at most `within` before. Times are in seconds, or texts such as `"2h"`.
    """
    return _decorated(None if isinstance(url, str) else url)


def approval(target: Any = None, **options: Any) -> Any:
    """Let the step wait for a person who chooses. `self.<condition>` of its switch, and `current.approval`, say what.

    That person reads `message`, and chooses one of `choices`, or writes any text where there are none.
    After `timeout`, in seconds or as `"2d"`, the choice is `default`; without that, the task fails.
    """
    return _decorated(target)


def airflow_s3_key_sensor(target: Any = None, **options: Any) -> Any:
    """Wait for objects before the flow's first step, on every engine: bucket_key, bucket_name, timeout and more."""
    return _decorated(target)


def airflow_external_task_sensor(target: Any = None, **options: Any) -> Any:
    """Wait for a run of another flow before the first step, on every engine: external_dag_id, timeout and more."""
    return _decorated(target)


def cache(target: Any = None, **options: Any) -> Any:
    """Take a task from the cache where its code, its environment and what it read are as they were.

    A result is too old after `ttl`, in seconds or as `"12h"`; `version` counts like code; the names in `ignore` do
    not count. Further options are `secrets` and `enabled`.
    """
    return _decorated(target)


def loop(target: Any = None, **options: Any) -> Any:
    """Bound a step that goes on with itself: `max_iterations` is the most times that it may run in a row."""
    return _decorated(target)


def retry(target: Any = None, **options: Any) -> Any:
    """Try a failed task again, `times` times at most, with `minutes_between_retries`."""
    return _decorated(target)


def catch(target: Any = None, **options: Any) -> Any:
    """Let the task succeed whatever happens, with the failure, or None, as the artifact `var`; print_exception."""
    return _decorated(target)


def checkpoint(target: Any = None, **options: Any) -> Any:
    """Let the step save what its next attempt goes on from, by `current.checkpoint`.

    By its `load_policy`, an attempt begins with the newest checkpoint of its task (`fresh`), else with that of another
    run (`eager`), or with `none`; its files are below `temp_dir_root`. `keep` says which of them stay when the task is
    done: `all`, the `latest`, or `none`.
    """
    return _decorated(target)


def timeout(target: Any = None, **options: Any) -> Any:
    """Fail an attempt that runs longer than the sum of `seconds`, `minutes` and `hours`."""
    return _decorated(target)


def environment(target: Any = None, **options: Any) -> Any:
    """Set environment variables of the task: `vars`."""
    return _decorated(target)


def secrets(target: Any = None, **options: Any) -> Any:
    """Set environment variables of the task from secrets: sources, role, allow_override."""
    return _decorated(target)


def container(target: Any = None, **options: Any) -> Any:
    """Run a command in a container of any image instead of Python: image, command, args, env, inputs, outputs.

    `inputs` and `outputs` say in which file an artifact is; the words of the command and the variables of `env` may
    have `{inputs.name}`, `{outputs.name}` and `{values.name}` in them.
    """
    return _decorated(target)


def conda(target: Any = None, **options: Any) -> Any:
    """Name packages of Conda that the step needs: packages, libraries, python, disabled."""
    return _decorated(target)


def pypi(target: Any = None, **options: Any) -> Any:
    """Name packages of PyPI that the step needs: packages, python, disabled."""
    return _decorated(target)


def card(target: Any = None, **options: Any) -> Any:
    """A card, which the step fills by `current.card`, and reports draw: type, id, options, timeout."""
    return _decorated(target)


def gpu_profile(target: Any = None, **options: Any) -> Any:
    """Watch the GPUs of a step, which flowc does not do: include_artifacts, artifact_prefix, interval."""
    return _decorated(target)


def conda_base(target: Any = None, **options: Any) -> Any:
    """`conda` for every step of the flow."""
    return _decorated(target)


def pypi_base(target: Any = None, **options: Any) -> Any:
    """`pypi` for every step of the flow."""
    return _decorated(target)


def project(target: Any = None, **options: Any) -> Any:
    """Make the flow part of a project, with a branch of its own for each user and test: name, branch, production."""
    return _decorated(target)


def schedule(target: Any = None, **options: Any) -> Any:
    """Say when the deployed flow runs: cron, weekly, daily, hourly, timezone.

    It may be given several times, and `cron` may be several.
    """
    return _decorated(target)


def trigger(target: Any = None, **options: Any) -> Any:
    """Name the events that start the deployed flow: event, events, options."""
    return _decorated(target)


def trigger_on_finish(target: Any = None, **options: Any) -> Any:
    """Name the flows whose success starts the deployed flow: flow, flows, options."""
    return _decorated(target)


def exit_hook(target: Any = None, **options: Any) -> Any:
    """Name functions to call when a run has ended: on_success, on_error, options."""
    return _decorated(target)


def concurrency(name: Any = None, **options: Any) -> Any:
    """Let at most `limit` tasks of all flows hold the lock `name` at a time; of a flow, its runs.

    With `runs`, at most so many runs of a deployed flow are under way, and a further one is put into a `queue`, is to
    `replace` the one before, or is to `skip`, as `policy` says.
    """
    return _decorated(None if name is None or isinstance(name, str) else name)


def deadline(target: Any = None, **options: Any) -> Any:
    """End a run that takes longer than the sum of `seconds`, `minutes`, `hours` and `days`."""
    return _decorated(target)


def notify(target: Any = None, **options: Any) -> Any:
    """Tell people how a run has ended: with an "error", with "success", or "late", by its deadline.

    `on` says which of these; slack, webhook, pagerduty, incident_io with alert_source, and email with smtp say how.
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
