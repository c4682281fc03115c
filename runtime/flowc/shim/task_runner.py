"""One task: read what came before, call the step, store what it set, and commit by writing the manifest last."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import MappingView
from functools import partial

from flowc.current import current, running, set_current
from flowc.errors import (
    FlowError,
    InvalidNextException,
    MissingInput,
    ParameterError,
    ProtocolError,
    UnpicklableArtifact,
    error_text,
)
from flowc.flowspec import artifacts_set, attach, check_names, constants, parameters
from flowc.protocol import TIMEOUT_GRACE_SECONDS, env_names
from flowc.protocol.container import OUTPUTS
from flowc.protocol.exit_codes import OK, exit_code_of
from flowc.shim.debugging import examine, guard_breakpoints
from flowc.shim.step_call import call_step, end_fork
from flowc.shim.task_identity import Task
from flowc.shim.task_state import TaskState, check_iteration
from flowc.shim.task_state import check as check_transition
from flowc.shim.user_code import load_module, run_flow
from flowc.store import artifacts, open_store
from flowc.store.run_layout import FAILED, VERSION, RunLayout, index_text, task_id, wall_time
from flowc.store.run_owner import this_owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Protocol

    from flowc.flowspec import FlowSpec
    from flowc.join_inputs import Inputs
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.gang import Gang
    from flowc.shim.trigger_events import Trigger
    from flowc.store import Store
    from flowc.store.artifacts import Ref
    from flowc.store.run_layout import Document, Path

    class Declared(Protocol):
        """A parameter of a class flow or a pipeline."""

        name: str

        def value(self, flow_name: str, /) -> Any:
            """The value for this run."""
            ...


MAX_NUM_SPLITS = 100_000
"""How many items are taken from what has no length."""


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
        if may_be_taken_over(step):
            from flowc.shim.takeover import take_over

            taken = take_over(layout, plan, step, task.path)
            if taken is not None:
                if step.container is not None:
                    from flowc.shim.container_step import leave_out

                    leave_out()
                write_outputs(plan, task, taken)
                return OK
        if step.cache is not None and problem is None:
            from flowc.shim.task_cache import say_cached, take_cached

            found = take_cached(state, task)
            if found is not None:
                say_cached(task, found)
                return OK
        if os.environ.get(env_names.CONTAINER_PART) != OUTPUTS:
            layout.begin(step.name, task.path, task.attempt, _attempt_record(step, task))
        record_flow(state)
        if step.lenient and _passed_over(state, task):
            return OK
        _raise_if(problem)
        if step.approval is not None:
            from flowc.shim.gate import passed

            running.approval = passed(layout, step, task.path)
        guard_breakpoints()
        _set_variables(plan, task)  # and once more after the user's file, which may set some
        if plan.pipeline:
            from flowc.shim.pipeline_task import execute

            execute(load, state, task)
            return OK
        return run_flow(plan, _arguments(task), run)
    except BaseException as error:  # CancelledError is not an Exception, nor are SystemExit and KeyboardInterrupt
        end_fork(task, error)
        return _failed(error, layout, plan, task)


def may_be_taken_over(step: PlanStep) -> bool:
    """Whether to look for the task's work in a run that this one resumes."""
    if not os.environ.get(env_names.ORIGIN_RUN_ID) or os.environ.get(env_names.REPLAYED):
        return False
    if step.container is None:
        return True
    from flowc.shim.container_step import may_be_taken_over

    return may_be_taken_over()


def _of_step(plan: Plan, task: Task, flow: FlowSpec) -> FlowSpec:
    """The flow object whose method a step is: the flow's own, or one of a flow that it calls."""
    within = plan.step(task.step).within
    if within is None:
        return flow
    from flowc.shim.called_flow import called_class

    return called_class(plan, within)()


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


def _attempt(flow: FlowSpec, state: TaskState, task: Task) -> int:
    """The task of a class flow, within the flow's file: what its main block catches there is not the step's failure."""
    try:
        _execute(flow, state, task)
    except BaseException as error:
        code = _failed(error, state.layout, state.plan, task)
        if not isinstance(error, ProtocolError):
            keep_failed(flow, state, task)
        return code
    end_checkpoints(committed=True)
    return OK


def keep_failed(flow: FlowSpec, state: TaskState, task: Task) -> None:
    """Store what an attempt that failed had set, as far as it can be stored."""
    refs: Dict[str, Any] = {}
    try:
        for attribute, value in artifacts_set(flow):
            # Pickling calls code of the value, which may as well exit.
            with contextlib.suppress(UnpicklableArtifact, SystemExit, KeyboardInterrupt):
                refs[attribute] = _save(state, attribute, value)
        document = {**manifest_head(state, task), "artifacts": {**state.inherited, **refs}}
        state.layout.write_json(f"{state.layout.folder(task.step, task.path, task.attempt)}/{FAILED}", document)
    except Exception as error:
        print(f"flowc: what the attempt had set could not be stored: {error}", file=sys.stderr)


def _save(state: TaskState, attribute: str, value: Any) -> Ref:
    loaded = state.loaded.get(id(value))
    return artifacts.save(state.layout.store, state.plan.flow, attribute, value, loaded)


def _raise_if(problem: Exception | None) -> None:
    if problem is not None:
        raise problem


def _passed_over(state: TaskState, task: Task) -> bool:
    from flowc.shim.failed_items import passed_over

    return passed_over(state, task)


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
        record = {"version": VERSION, "type": name, "module": module, "message": message, "traceback": text}
        with contextlib.suppress(BaseException):
            folder = layout.folder(task.step, task.path, task.attempt)
            layout.write_json(f"{folder}/error.json", {**record, "created": wall_time()})
    return exit_code_of(error)


def set_condition(flow: FlowSpec, step: PlanStep) -> None:
    """Let a switch have what a person has chosen."""
    if running.approval is not None and step.condition is not None:
        setattr(flow, step.condition, running.approval.value)


def _attempt_record(step: PlanStep, task: Task) -> Document:
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


def _execute(flow: FlowSpec, state: TaskState, task: Task) -> None:
    plan, step, layout, cls = state.plan, state.step, state.layout, type(flow)
    if plan.parameter_changes is not None:
        from flowc.shim.mutations import change_class

        change_class(cls, plan.parameter_changes)
    declared = parameters(cls)
    set_facts(plan, list(declared), task, lambda: _graph(plan, cls))
    inputs = _inherit(plan, cls, state, task)
    attach(flow, state)
    set_condition(flow, step)
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


def _with_container(
    flow: FlowSpec, code: Callable[[], None], spec: Dict[str, Any], variables: Dict[str, str], task: Task
) -> Callable[[], None]:
    """Run the step's container, and then its code, which only says what follows."""
    from flowc.shim.container_step import run_container

    def run() -> None:
        run_container(spec, task, variables, partial(getattr, flow), partial(setattr, flow))
        code()

    return run


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
    constant = _constant_references(type(flow), state)  # before the step may change one in place
    caught = call_step(flow, code, state, task)
    if gang is not None and caught is not None:
        gang.hang_up()
    if gang is None or state.transition is not None:  # as in Metaflow, a member may return before `self.next`
        check_transition(step, state.transition)
    check_iteration(step, task.path, state.transition)
    # Values first, manifest last: until it is there, nobody sees anything of this attempt.
    manifest = _manifest(flow, constant, state, task)
    if caught is not None:
        manifest.update(caught=True, caught_failure=caught)
    return manifest


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


def _gang(plan: Plan, state: TaskState, task: Task) -> Gang | None:
    """The gang that the task is a member of."""
    if not any(plan.step(parent).kind == "parallel" for parent in state.step.parents):
        return None
    from flowc.shim.gang import gang_of

    return gang_of(state, task)


def _inherit(plan: Plan, cls: type[FlowSpec], state: TaskState, task: Task) -> Inputs[FlowSpec] | None:
    """Fill in what the task starts with; a join's inputs are returned."""
    step, layout, path = state.step, state.layout, state.path
    if step.name == plan.start and not (step.loops and path[-1]):
        state.parameters = chosen_parameters(parameters(cls), state, task)
        return None
    if step.kind == "join":
        return _inherit_join(cls, state)

    manifest = predecessor(layout, plan, step, path)
    if step.within is not None and plan.calls[step.within]["start"] == step.name and not (step.loops and path[-1]):
        from flowc.shim.called_flow import begin

        state.parameters = begin(parameters(cls), state, manifest)
        return None
    state.parameters = {**manifest["parameters"], **chosen_anew(parameters(cls), state)}
    state.inherited = dict(manifest["artifacts"])
    return None


def _inherit_join(cls: type[FlowSpec], state: TaskState) -> Inputs[FlowSpec]:
    """A join starts with parameters only. They come from the opener, which is there even when there are no inputs."""
    from flowc.shim.join import join_inputs

    step = state.step
    opener = state.layout.manifest(step.closes or "", state.path)
    state.parameters = {**opener["parameters"], **chosen_anew(parameters(cls), state)}
    count = 0
    if step.closes_kind != "branch":
        count = opener["foreach"]["count"]
        artifacts.check_items(
            state.layout.store, state.plan.flow, opener["foreach"].get("variable", ""), opener["foreach"]
        )
    return join_inputs(cls, state, count)


def chosen_anew(declared: Mapping[str, Declared], state: TaskState) -> Dict[str, Any]:
    """The parameters, as references, that a step which is tried alone does not have of the run before it."""
    chosen = {attribute: parameter for attribute, parameter in declared.items() if attribute in state.plan.anew}
    return {attribute: _save_parameter(attribute, parameter, state) for attribute, parameter in chosen.items()}


def _save_parameter(attribute: str, parameter: Declared, state: TaskState) -> Ref:
    value = parameter.value(state.plan.flow)
    try:
        return artifacts.save(state.layout.store, state.plan.flow, attribute, value)
    except FlowError as error:
        raise ParameterError(f"parameter {parameter.name!r}: {error}") from error


def chosen_parameters(declared: Mapping[str, Declared], state: TaskState, task: Task) -> Dict[str, Any]:
    """The run's parameters, as references. Computed once a run: a retry and a resumed run have the same."""
    # Defaults may be functions, such as of the time: a retry must not choose anew.
    again = task.attempt or os.environ.get(env_names.ORIGIN_RUN_ID)
    kept = (state.layout.kept_parameters() if again else None) or {}
    chosen: Dict[str, Any] = {}
    for attribute, parameter in declared.items():
        chosen[attribute] = kept[attribute] if attribute in kept else _save_parameter(attribute, parameter, state)
    if chosen != kept:
        state.layout.keep_parameters(chosen)
    return chosen


def _manifest(flow: FlowSpec, constant: Dict[str, Any], state: TaskState, task: Task) -> Document:
    """Store the artifacts and return the manifest, which the caller writes."""
    step = state.step
    manifest = manifest_head(state, task)
    transition = state.transition
    if step.foreach_var is not None:
        manifest["foreach"] = _save_items(flow, state)
    elif transition is not None and transition.num_parallel is not None:
        manifest["foreach"] = {"count": transition.num_parallel}
    elif transition is not None and transition.choice is not None:
        manifest["choice"] = transition.choice
    check_names(flow)
    refs = {**constant, **state.inherited}
    written = dict(state.inherited) if step.kind == "join" else {}
    for attribute, value in artifacts_set(flow):
        refs[attribute] = written[attribute] = _save(state, attribute, value)
    manifest["artifacts"] = refs
    if state.failed:
        manifest["failed_items"] = state.failed
    if step.within is not None:
        from flowc.shim.called_flow import returned

        manifest = returned(state, manifest)
    if state.cache is not None:
        from flowc.shim.task_cache import trace_end

        trace_end(state, manifest, {**constant, **written})
    store_cards()
    write_outputs(state.plan, task, manifest)
    if task.outputs is not None and step.depth:
        from flowc.shim.item_label import labelled, write_label

        write_label(task, labelled(state), lambda: flow.input)
    return manifest


def manifest_head(state: TaskState, task: Task) -> Document:
    """What a manifest begins with: which attempt it is of, when, and the run's parameters."""
    return {
        "version": VERSION,
        "flow": state.plan.flow,
        "run": task.run,
        "step": state.step.name,
        "index": index_text(task.path),
        "attempt": task.attempt,
        "started": task.started,
        "created": wall_time(),
        "parameters": state.parameters,
        **({"approval": running.approval.record} if running.approval is not None else {}),
    }


def _constant_references(cls: type[FlowSpec], state: TaskState) -> Dict[str, Any]:
    """Class constants as artifacts, for readers of the run. Tasks need none of these: they have the class."""
    refs: Dict[str, Any] = {}
    for name, value in constants(cls).items():
        try:
            refs[name] = artifacts.save(state.layout.store, state.plan.flow, name, value)
        except FlowError:
            continue
    return refs


def _save_items(flow: FlowSpec, state: TaskState) -> Dict[str, Any]:
    """Store the items of the foreach that the step opens."""
    variable = state.step.foreach_var or ""
    try:
        items = getattr(flow, variable)
    except AttributeError as error:
        raise InvalidNextException(f"step {state.step.name!r}: foreach={variable!r}: {error}") from None
    what = f"step {state.step.name!r}: foreach={variable!r}"
    taken = materialize_iterable(items, what)
    if taken is not items:
        setattr(flow, variable, taken)  # so that the artifact is what the children got
    if isinstance(taken, dict):
        by_number: Any = taken  # pyright: ignore[reportUnknownVariableType] # as in Metaflow, which looks items up by their number
        numbers = range(len(by_number))
        taken = [by_number[index] for index in numbers] if all(index in by_number for index in numbers) else by_number
    refs = artifacts.save_items(state.layout.store, state.plan.flow, variable, bounded(taken, what))
    return {"variable": variable, **refs}


def materialize_iterable(items: Any, what: str) -> Any:
    """The items of a foreach as they can be stored: iterators and views of dicts as lists, the rest as it is.

    `what` names it in the error. Raises InvalidNextException.
    """
    try:
        iterator: Any = iter(items)
    except TypeError:
        raise InvalidNextException(f"{what} is of type {type(items).__name__}, which cannot be iterated over") from None
    if iterator is items:
        return list(bounded(iterator, what))
    return list(iterator) if isinstance(items, (MappingView, memoryview)) else items


def bounded(items: Iterable[Any], what: str) -> Iterable[Any]:
    """The items, of which there may be no end if they have no length. Raises InvalidNextException at the limit."""
    return items if hasattr(items, "__len__") else _bounded(items, what)


def _bounded(items: Iterable[Any], what: str) -> Iterator[Any]:
    limit = int(os.environ.get(env_names.MAX_NUM_SPLITS) or MAX_NUM_SPLITS)
    for count, item in enumerate(items):
        if count >= limit:
            raise InvalidNextException(
                f"{what} is a {type(items).__name__} with more than {limit} items, or without an end; if that many are "
                f"right, raise the limit: --max-num-splits of flowc run, {env_names.MAX_NUM_SPLITS} in pods"
            )
        yield item


def write_outputs(plan: Plan, task: Task, manifest: Document) -> None:
    """Write what the engine needs: the number of items, or the choice of a switch and the iteration that follows.

    Where an engine runs batches of items, it needs the number of these.
    """
    if task.outputs is None:
        return
    if "foreach" in manifest:
        write_output(task.outputs, "count", str(plan.fan_out(task.step, manifest["foreach"]["count"])))
    if "choice" in manifest:
        write_output(task.outputs, "choice", manifest["choice"])
        if manifest["choice"] == task.step:
            write_output(task.outputs, "next", index_text((*task.path[:-1], task.path[-1] + 1)))


def write_output(folder: str, name: str, text: str) -> None:
    """Write a file that the engine reads. Raises ProtocolError."""
    try:
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="ascii") as file:
            file.write(text)
    except OSError as error:
        raise ProtocolError(f"cannot write the output {name!r} to {folder}: {error}") from error


def set_facts(plan: Plan, names: List[str], task: Task, graph: Callable[[], Dict[str, Any]]) -> None:
    """Fill `current`: `names` are the parameters; `graph` makes the graph when it is first read."""
    identifier = task_id(task.step, task.path)
    user = os.environ.get(env_names.NAMESPACE) or (f"user:{current.username}" if current.username else None)
    gangs: Dict[str, Any] = {}
    if plan.gangs:
        from flowc.shim.gang import ALONE

        gangs = {"parallel": ALONE}
    running.cards = running.checkpoints = running.notice = None
    saves = {"checkpoint": lambda: _checkpoints(plan, task)} if plan.step(task.step).checkpoint is not None else {}
    set_current(
        {
            **gangs,
            "flow_name": plan.flow,
            "run_id": task.run,
            "step_name": task.step,
            "task_id": identifier,
            "retry_count": task.attempt,
            "pathspec": f"{plan.flow}/{task.run}/{task.step}/{identifier}",
            "origin_run_id": os.environ.get(env_names.ORIGIN_RUN_ID) or None,
            "namespace": user,
            "tags": set(task.tags),
            "parameter_names": names,
            **plan.project,
        },
        {
            "graph": graph,
            "card": lambda: _cards(plan, task),
            "failed_items": lambda: _failed_items(plan, task),
            "spot_termination_notice": _watched_notice,
            **saves,
            **({"approval": lambda: running.approval} if running.approval is not None else {}),
            **({"trigger": _trigger} if os.environ.get(env_names.TRIGGER) else {}),
            **({"scheduled_time": _scheduled_time} if os.environ.get(env_names.SCHEDULED) else {}),
        },
    )


def _trigger() -> Trigger | None:
    from flowc.shim.trigger_events import trigger_of_run

    return trigger_of_run()


def _scheduled_time() -> datetime | None:
    from flowc.protocol.scheduled import scheduled_time

    return scheduled_time(os.environ)


def _graph(plan: Plan, cls: type[FlowSpec]) -> Dict[str, Any]:
    from flowc.shim.graph_info import graph_info

    return graph_info(plan, cls)


def _cards(plan: Plan, task: Task) -> Any:
    from flowc.shim.task_cards import CardStore

    layout = RunLayout(open_store(task.root), plan.flow, task.run)
    folder = layout.folder(task.step, task.path, task.attempt)
    running.cards = CardStore(layout, folder, plan.step(task.step).cards)
    return running.cards.cards


def _checkpoints(plan: Plan, task: Task) -> Any:
    from flowc.shim.checkpoints import Checkpoints

    layout = RunLayout(open_store(task.root), plan.flow, task.run)
    running.checkpoints = Checkpoints(layout, plan.step(task.step), task)
    return running.checkpoints


def _failed_items(plan: Plan, task: Task) -> Any:
    from flowc.shim.failed_items import items_before

    return items_before(RunLayout(open_store(task.root), plan.flow, task.run), plan, task.path)


def _watched_notice() -> str:
    from flowc.shim.spot_notice import watch

    running.notice = watch()
    return running.notice


def end_checkpoints(*, committed: bool) -> None:
    """Remove what the task's checkpoints have on this machine, and those that its step does not keep."""
    if running.checkpoints is not None:
        with contextlib.suppress(FlowError, OSError):
            running.checkpoints.end(committed=committed)


def store_cards() -> None:
    """Write the cards that the task has filled, if it has."""
    if running.cards is not None:
        running.cards.write()


def predecessor(layout: RunLayout, plan: Plan, step: PlanStep, path: Path) -> Document:
    """The manifest of the task that led to this one, which is not a join. Raises MissingInput.

    Where arms of a switch come together there are several parents, of which one ran: it is the one that is committed
    and, when it is a switch itself, has chosen this step.
    """
    if step.loops:
        if path[-1]:
            return layout.manifest(step.name, (*path[:-1], path[-1] - 1))
        path = path[:-1]

    def look() -> Document | None:
        for name in step.parents:
            parent = plan.step(name)
            manifest = _committed(layout, parent, plan.parent_path(parent, path), single=len(step.parents) == 1)
            if manifest is not None and manifest.get("choice", step.name) == step.name:
                return manifest
        return None

    found = layout.store.found_at_last(look, lambda manifest: manifest is not None)
    if found is not None:
        return found
    task = task_id(step.name, path)
    raise MissingInput(f"none of {', '.join(step.parents)} has led to task {task} of run {layout.flow}/{layout.run}")


def _committed(layout: RunLayout, parent: PlanStep, path: Path, *, single: bool) -> Document | None:
    """The manifest of a parent; one that is missing is an error where it is the only parent."""
    if parent.loops:
        last = layout.latest_iteration(parent.name, path)
        if last is not None:
            return layout.manifest(parent.name, (*path, last))
    elif single:
        return layout.manifest(parent.name, path)
    else:
        attempt = layout.latest(parent.name, path)
        if attempt is not None:
            return layout.manifest(parent.name, path, attempt)
    return None
