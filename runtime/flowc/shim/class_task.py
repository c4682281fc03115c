"""One task of a class flow: give the flow object what the task starts from, call the step's method, and commit."""

from __future__ import annotations

import sys
from functools import partial

from flowc.current import running
from flowc.errors import ProtocolError
from flowc.flowspec import attach, parameters
from flowc.shim.step_call import call_step
from flowc.shim.task_facts import set_facts
from flowc.shim.task_inputs import inherit
from flowc.shim.task_results import class_manifest, constant_references
from flowc.shim.task_state import check as check_transition
from flowc.shim.task_state import check_iteration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict

    from flowc.flowspec import FlowSpec
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.gang import Gang
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.documents import Document


def execute(flow: FlowSpec, state: TaskState, task: Task) -> None:
    """Run one task and commit it."""
    plan, step, layout, cls = state.plan, state.step, state.layout, type(flow)
    if plan.parameter_changes is not None:
        from flowc.shim.mutations import change_class

        change_class(cls, plan.parameter_changes)
    declared = parameters(cls)
    set_facts(plan, list(declared), task, lambda: _graph(plan, cls))
    inputs = inherit(plan, cls, state, task)
    attach(flow, state)
    set_condition(flow, step)
    if plan.deployed_call(step.within) is not None:
        from flowc.shim.called_run import run_deployed

        _run_alone(flow, partial(run_deployed, state, task), state, task)
        return
    method = step_of(flow, step.own)
    if method is None:
        raise ProtocolError(f"class {cls.__name__} has no step {step.own!r}; compile the file again")
    gang = _gang(plan, state, task)
    decided = gang.meet() if gang is not None else None
    if decided is not None:
        layout.commit(step.name, task.path, task.attempt, decided)
        return
    code = code_of(plan, flow, method, inputs, step)
    if step.container is not None:
        code = _with_container(flow, code, step.container, step.env, task)
    if gang is None:
        _run_alone(flow, code, state, task)
        return
    # A fallback of @catch calls no code.
    manifest = gang.finished_before(task.first + step.retries) if step.catch is not None else None
    gang.commit(manifest or called(flow, gang.around(code, step), state, task, gang))


def _graph(plan: Plan, cls: type[FlowSpec]) -> Dict[str, Any]:
    from flowc.shim.graph_info import graph_info, pipeline_graph

    module = sys.modules.get(plan.module)
    if plan.pipeline:
        return pipeline_graph(plan, module)
    return graph_info(plan, getattr(module, plan.class_name, cls) if plan.calls else cls)


def set_condition(flow: FlowSpec, step: PlanStep) -> None:
    """Let a switch have what a person has chosen."""
    if running.approval is not None and step.condition is not None:
        setattr(flow, step.condition, running.approval.value)


def step_of(flow: FlowSpec, name: str) -> Callable[..., Any] | None:
    """A step's method, whatever its decorators made of it: an object that can be called, but not bound, gets `self`."""
    method: Callable[..., Any] | None = getattr(flow, name, None)
    made: object = next((vars(cls)[name] for cls in type(flow).__mro__ if name in vars(cls)), None)
    return method if method is None or hasattr(type(made), "__get__") else partial(method, flow)


def code_of(plan: Plan, flow: FlowSpec, method: Callable[..., Any], inputs: Any, step: PlanStep) -> Callable[[], None]:
    """What calls a step's method, within the decorators of the user's own that run around it."""
    code = method if inputs is None else partial(method, inputs)
    if step.wrappers is None and not getattr(method, "wrappers", None):
        return code
    from flowc.shim.wrapped_step import call_wrapped, wrappers_of

    return partial(call_wrapped, flow, code, inputs, wrappers_of(plan, method, step))


def _with_container(
    flow: FlowSpec, code: Callable[[], None], spec: Dict[str, Any], variables: Dict[str, str], task: Task
) -> Callable[[], None]:
    """Run the step's container, and then its code, which only says what follows."""
    from flowc.shim.container_step import run_container

    def run() -> None:
        run_container(spec, task, variables, partial(getattr, flow), partial(setattr, flow))
        code()

    return run


def _gang(plan: Plan, state: TaskState, task: Task) -> Gang | None:
    """The gang that the task is a member of."""
    if not any(plan.step(parent).kind == "parallel" for parent in state.step.parents):
        return None
    from flowc.shim.gang import gang_of

    return gang_of(state, task)


def _run_alone(flow: FlowSpec, code: Callable[[], None], state: TaskState, task: Task) -> None:
    """Run a task that is no member of a gang, unless the cache has its result."""
    layout = state.layout
    if state.step.cache is None:
        layout.commit(task.step, task.path, task.attempt, called(flow, code, state, task))
        return
    from flowc.shim.task_cache import begin_cached

    if begin_cached(state, task):
        return
    manifest = called(flow, code, state, task)
    layout.commit(task.step, task.path, task.attempt, manifest)
    if state.cache is not None:
        state.cache.keep(manifest)


def called(
    flow: FlowSpec, code: Callable[[], None], state: TaskState, task: Task, gang: Gang | None = None
) -> Document:
    """Call the step's code, and store what it set; returns the manifest, which the caller writes."""
    step = state.step
    constant = constant_references(type(flow), state)  # before the step may change one in place
    caught = call_step(flow, code, state, task)
    if gang is not None and caught is not None:
        gang.hang_up()
    if gang is None or state.transition is not None:  # as in Metaflow, a member may return before `self.next`
        check_transition(step, state.transition)
    check_iteration(step, task.path, state.transition)
    # Values first, manifest last: until it is there, nobody sees anything of this attempt.
    manifest = class_manifest(flow, constant, state, task)
    if caught is not None:
        manifest.update(caught=True, caught_failure=caught)
    return manifest
