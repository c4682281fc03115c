"""What surrounds one task: whether it has to run at all, the record of its attempt, and the report of its failure.

Artifacts come first and the manifest last, by which an attempt is committed: `flowc.shim.class_task` and
`flowc.shim.pipeline_task`.
"""

from __future__ import annotations

import contextlib
import os
import sys

from flowc.current import running
from flowc.errors import ProtocolError, error_text
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.exit_codes import OK, exit_code_of
from flowc.shim.debugging import examine, guard_breakpoints
from flowc.shim.step_call import end_fork
from flowc.shim.task_facts import end_checkpoints, store_cards
from flowc.shim.task_results import keep_failed, write_outputs
from flowc.shim.task_state import TaskState
from flowc.shim.user_code import load_module, run_flow
from flowc.store import open_store
from flowc.store.documents import VERSION
from flowc.store.run_layout import RunLayout, index_text, task_id
from flowc.store.run_owner import this_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, List

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_identity import Task
    from flowc.store import Store
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path


def run_task(
    plan: Plan,
    task: Task,
    begun: Callable[[], object] = bool,
    problem: Exception | None = None,
    known: Callable[[Store], Store] | None = None,
) -> int:
    """Run one task and return the process's exit code. Errors are reported on stderr and in the attempt's folder.

    It executes the user's file, so what that raises is the task's failure, too. After that it calls `begun`. A
    `problem` from before is the failure of the attempt, which does not execute anything then. `known` makes the
    task's store one that knows more.
    """

    def load() -> Any:
        module = load_module(plan)
        _set_variables(plan, task)
        end_fork(task)
        begun()
        return module

    def run(flow: FlowSpec) -> int:
        _set_variables(plan, task)
        end_fork(task)
        begun()
        return _attempt(_of_step(plan, task, flow), state, task)

    layout: RunLayout | None = None
    running.trace = running.approval = None
    try:
        step = plan.step(task.step)
        if len(task.path) != step.depth:
            text = index_text(task.path)
            raise ProtocolError(f"step {step.name!r} has an index of {step.depth} numbers, and was given {text!r}")
        store = open_store(task.root)
        layout = RunLayout(store if known is None else known(store), plan.flow, task.run, remember=True)
        if task.log is not None:
            task.log.store = layout.store
        state = TaskState(layout, plan, step, task.path)
        if _is_done(state, task, cache=problem is None):
            return OK
        if step.container is None or not _is_after_container():
            layout.begin(step.name, task.path, task.attempt, attempt_record(step, task))
        record_flow(state)
        if step.lenient:
            from flowc.shim.failed_items import passed_over

            if passed_over(state, task):
                return OK
        if problem is not None:
            raise problem
        if step.approval is not None:
            from flowc.shim.gate import passed

            running.approval = passed(layout, step, task.path)
        guard_breakpoints()
        _set_variables(plan, task)  # and once more after the user's file, which may set some
        if plan.is_of_pipeline(step):
            from flowc.shim.pipeline_task import execute

            execute(load, state, task)
            return OK
        if plan.pipeline:  # a step of a class that a pipeline calls: no main block is about that
            from flowc.shim.called_flow import called_class

            load_module(plan)
            return run(called_class(plan, step.within or "")())
        return run_flow(plan, _arguments(task), run)
    except BaseException as error:  # CancelledError is not an Exception, nor are SystemExit and KeyboardInterrupt
        end_fork(task, error)
        return _failed(error, layout, plan, task)


def _is_done(state: TaskState, task: Task, *, cache: bool) -> bool:
    """Whether the run that this one resumes, or the cache, had the task's result, which is committed then."""
    step = state.step
    taken = taken_over(state.layout, state.plan, step, task.path)
    if taken is not None:
        if step.container is not None:
            from flowc.shim.container_step import leave_out

            leave_out()
        write_outputs(state.plan, task, taken)
        if task.outputs is not None and state.plan.deployed_call(task.step) is not None:
            from flowc.shim.called_run import write_parameters

            write_parameters(state, task, taken, resumes=True)
        return True
    if step.cache is None or not cache:
        return False
    from flowc.shim.task_cache import is_cached

    return is_cached(state, task)


def _is_after_container() -> bool:
    """Whether another process has begun the attempt, before the step's container in the same pod."""
    from flowc.protocol.container import OUTPUTS

    return os.environ.get(env_names.CONTAINER_PART) == OUTPUTS


def taken_over(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Document | None:
    """What the run that this one resumes has of a task, and is committed now; `None` where the task has to run."""
    if not os.environ.get(env_names.ORIGIN_RUN_ID) or os.environ.get(env_names.REPLAYED):
        return None
    if step.container is not None:
        from flowc.shim.container_step import may_be_taken_over

        if not may_be_taken_over():
            return None
    from flowc.shim.takeover import take_over

    return take_over(layout, plan, step, path)


def _of_step(plan: Plan, task: Task, flow: FlowSpec) -> FlowSpec:
    """The flow object whose method a step is: the flow's own, or one of a flow that it calls."""
    within = plan.step(task.step).within
    if plan.pipeline or within is None or plan.deployed_call(within) is not None:
        return flow
    from flowc.shim.called_flow import called_class

    return called_class(plan, within)()


def _set_variables(plan: Plan, task: Task) -> None:
    """Set the step's variables that the task's environment has under other names, or not at all."""
    for name, (source, default) in plan.steps[task.step].from_task.items():
        value = os.environ.get(source, default)
        if value is not None:
            os.environ[name] = value


def _arguments(task: Task) -> List[str]:
    """What Metaflow has on the command line of a task, as far as a main block looks at it."""
    options = ["--run-id", task.run, "--task-id", task_id(task.step, task.path), "--retry-count", str(task.attempt)]
    return ["step", task.step, *options]


def attempt_record(step: PlanStep, task: Task) -> Document:
    """What is known of an attempt that begins. It stays the only trace of one that is killed."""
    record: Document = {
        "version": VERSION,
        "started": task.started,
        **this_owner(),
        "last": task.attempt - task.first >= step.further,
    }
    if os.environ.get(env_names.ENGINE):
        record["engine"] = os.environ[env_names.ENGINE]
    if step.timeout is not None:
        grace = float(os.environ.get(env_names.TIMEOUT_GRACE) or TIMEOUT_GRACE_SECONDS)
        record.update(timeout=step.timeout, deadline=task.started + step.timeout + grace)
    return record


def _attempt(flow: FlowSpec, state: TaskState, task: Task) -> int:
    """The task of a class flow, within the flow's file: what its main block catches there is not the step's failure."""
    from flowc.shim.class_task import execute

    try:
        execute(flow, state, task)
    except BaseException as error:
        code = _failed(error, state.layout, state.plan, task)
        if not isinstance(error, ProtocolError):
            keep_failed(flow, state, task)
        return code
    end_checkpoints(committed=True)
    return OK


def _failed(error: BaseException, layout: RunLayout | None, plan: Plan, task: Task) -> int:
    """Report a failure; returns the exit code, which is OK for that of an item which may fail."""
    code = _report(error, layout, plan, task)
    step = plan.steps.get(task.step)
    if layout is None or step is None or not step.lenient:
        return code
    from flowc.shim.failed_items import tolerated

    try:
        return OK if tolerated(error, code, TaskState(layout, plan, step, task.path), task) else code
    except Exception as second:
        print(f"flowc: the failure could not be committed: {second}", file=sys.stderr)
        return code


def _report(error: BaseException, layout: RunLayout | None, plan: Plan, task: Task) -> int:
    try:
        from flowc.shim.failure_report import report_failure
        from flowc.shim.retry_decision import judged

        store_cards()
        end_checkpoints(committed=False)
        code = report_failure(error, layout, task, known=judged(error, plan, task.step))
        if os.environ.get(env_names.POST_MORTEM):
            examine(error)
        return code
    except BaseException as second:  # the step has broken what a report takes: imports, memory, open files
        return _report_plainly(error, second, layout, task)


def _report_plainly(error: BaseException, second: BaseException, layout: RunLayout | None, task: Task) -> int:
    """Report a failure with nothing but what is loaded already."""
    name, message = type(error).__name__, error_text(error)
    text = f"{name}: {message}\nflowc: no traceback: {type(second).__name__}: {error_text(second)}\n"
    with contextlib.suppress(BaseException):
        os.write(2, text.encode("utf-8", "backslashreplace"))
    if layout is not None:
        module = str(type(error).__module__)
        with contextlib.suppress(BaseException):
            layout.record_failure(task.step, task.path, task.attempt, name, message, text, module=module)
    return exit_code_of(error)


def record_flow(state: TaskState) -> None:
    """In the first task, write down the code, the graph, and the time that the run is scheduled for."""
    plan, step = state.plan, state.step
    if plan.is_first(step) and not (step.loops and state.path[-1]):
        record_first(state.layout, plan)


def record_first(layout: RunLayout, plan: Plan) -> None:
    """Write down the code, the graph, and the time that the run is scheduled for."""
    from flowc.shim.code_record import record_code
    from flowc.shim.graph_info import record_graph

    record_code(layout, plan)
    record_graph(layout, plan)
    if os.environ.get(env_names.SCHEDULED):
        record_schedule(layout, plan)


def record_schedule(layout: RunLayout, plan: Plan) -> None:
    """Write down the time that the run is scheduled for, if it is for one."""
    from flowc.protocol.scheduled import scheduled_time

    time = scheduled_time(os.environ)
    if time is not None:
        layout.keep_scheduled(time.isoformat(), str(plan.project.get("project_flow_name", plan.flow)))
