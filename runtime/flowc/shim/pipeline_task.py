"""One task of a pipeline: look its arguments up, call the function, store what it returned, and go where the plan says.

A task inherits nothing: its manifest has its own outputs only.
"""

from __future__ import annotations

import sys
from functools import partial
from types import SimpleNamespace

from flowc.current import running
from flowc.errors import FlowError, ParameterError, PipelineError, ProtocolError, UnloadableArtifact
from flowc.flow_parameters import scheduled_default
from flowc.pipeline_calls import awaited
from flowc.protocol import env_names
from flowc.protocol.conversions import conversion
from flowc.shim.argument_values import Values, describe, user_object
from flowc.shim.join import step_tolerates
from flowc.shim.loaded_plan import given_text
from flowc.shim.read_trace import end_trace
from flowc.shim.step_call import call_step
from flowc.shim.step_parameters import defaults_of, plain, unwrapped
from flowc.shim.task_facts import end_checkpoints, set_facts, store_cards
from flowc.shim.task_inputs import chosen_anew, chosen_parameters
from flowc.shim.task_results import bounded, manifest_head, materialize_iterable, write_labelled_outputs
from flowc.store import artifacts
from flowc.type_conversion import convert

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Tuple

    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.documents import Document

    Returned = Dict[str, Any]
    """Outputs by name."""


def execute(load: Callable[[], Any], state: TaskState, task: Task) -> None:
    """Run one task and commit it. `load` imports the user's file, which a synthetic step does not need."""
    plan, step, layout = state.plan, state.step, state.layout
    values = Values(state)
    values.load = load
    declared = declared_parameters(plan, values, step)
    set_facts(plan, list(declared), task, lambda: _graph(state, load))
    state.parameters = _parameters(declared, state, task)
    if step_tolerates(state):
        _check_items(state)
    returned: Returned = {}
    caught: Dict[str, str] | None = None
    if step.cache is not None:
        from flowc.shim.task_cache import begin_cached

        begin_cached(state, task)
    if step.call is not None:
        returned, caught = _call(load, state, values, task)
    elif plan.deployed_call(step.within) is not None:
        _wait_for_run(load, state, task)
    trace = end_trace() if step.cache is not None else None
    values.own = returned
    manifest = {**manifest_head(state, task), **({"failed_items": state.failed} if state.failed else {})}
    if step.fan is not None:
        manifest["foreach"] = _with_code(load, lambda: _fan(state, values))
    elif step.foreach_var is not None:
        manifest["foreach"] = _items(state, returned, step.foreach_var)
    if step.kind == "switch":
        manifest["choice"] = _with_code(load, lambda: _choice(step, values))
    returned.update((name, saved.load()) for name, saved in running.saved.items())
    store = layout.store
    saved = {name: artifacts.save(store, plan.flow, name, value) for name, value in returned.items()}
    manifest["artifacts"] = {**state.inherited, **saved}
    if step.within is not None:
        from flowc.shim import called_flow

        manifest = called_flow.returned(state, manifest)
    if step.call is not None:
        manifest.update(_said())
    if caught is not None:
        manifest.update(caught=True, caught_failure=caught)
    if state.cache is not None and trace is not None:
        manifest["cache"] = state.cache.recorded(trace)
        state.cache.written = frozenset(saved)
    store_cards()
    write_labelled_outputs(state, task, manifest)
    layout.commit(step.name, task.path, task.attempt, manifest)
    end_checkpoints(committed=True)
    if state.cache is not None:
        state.cache.keep(manifest)


def _parameters(declared: Dict[str, RunParameter], state: TaskState, task: Task) -> Refs:
    """The parameters of the run, or of the called pipeline, for its first task, and for a step that is tried alone."""
    plan, step, layout = state.plan, state.step, state.layout
    around = plan.call_around(step)
    if around is not None:
        if step.name != around["start"]:
            return {}
        from flowc.shim.called_flow import begin

        return begin(declared, state, layout.manifest(step.within or "", task.path[: plan.base_depth(step)]))
    if step.name == plan.start:
        return chosen_parameters(declared, state, task)
    if plan.anew:
        return {**layout.manifest(plan.start, ())["parameters"], **chosen_anew(declared, state)}
    return {}


def _wait_for_run(load: Callable[[], Any], state: TaskState, task: Task) -> None:
    """Take what the run of a deployed flow returns. The file of that is found from the user's own."""
    from flowc.shim.called_run import run_deployed

    state.inherited = dict(state.layout.manifest(state.step.within or "", task.path)["artifacts"])

    def code() -> None:
        load()
        run_deployed(state, task)

    call_step(SimpleNamespace(), code, state, task)


def _check_items(state: TaskState) -> None:
    """Note which items have failed of a foreach in which some may. Raises TooFewSucceeded."""
    from flowc.shim.failed_items import checked_inputs
    from flowc.shim.join import input_states

    opener = state.layout.manifest(state.step.closes or "", state.path)
    checked_inputs(state, input_states(state, opener["foreach"]["count"]))


def _with_code(load: Callable[[], Any], compute: Callable[[], Any]) -> Any:
    """What a step of flowc's own computes; with the user's code imported only where its values are of classes in it."""
    try:
        return compute()
    except UnloadableArtifact:
        load()
        return compute()


def _said() -> Document:
    """What the step has said of itself, and those of its parameters that are plain data."""
    said: Document = {"metadata": {**running.metadata, **_linked_model()}, "arguments": running.arguments}
    return {name: found for name, found in said.items() if found}


def _linked_model() -> Dict[str, Any]:
    """The model that the step has, with the version that it is."""
    import os

    if not os.environ.get(env_names.MODEL):
        return {}
    from flowc.compat.zenml_models import own_model

    model = own_model()
    return {"linked_model": {"name": model.model.name, "version": model.version}} if model is not None else {}


def _call(
    load: Callable[[], Any], state: TaskState, values: Values, task: Task
) -> Tuple[Returned, Dict[str, str] | None]:
    """The outputs of the step's function, and the failure that `@catch` took, if it did: they are `None` then."""

    step = state.step
    call = step.call
    assert call is not None
    function = call_of_nothing if step.container is not None else function_of(load(), call)
    given: Dict[str, Any] = call.get("arguments") or {}
    for value in given.values():
        values.require(value)
    beside = SimpleNamespace()  # for what `@catch` sets
    returned: Returned = {}

    def code() -> None:
        running.state, running.metadata, running.saved, running.arguments = state, {}, {}, {}
        arguments = {name: values.argument(name, value) for name, value in given.items()}
        own = {name: arguments[name] for name, value in given.items() if next(values.origins(value), None) is None}
        running.parameters = {**defaults_of(function, arguments), **own}
        running.arguments = plain(running.parameters)
        if step.hooks is None:
            return call_function(arguments)
        from flowc.shim.step_hooks import call_with_hooks

        last = task.attempt - task.first >= step.retries
        run = partial(call_function, arguments)
        call_with_hooks(step.hooks, function, load(), run, last=last)
        return None

    def call_function(arguments: Dict[str, Any]) -> None:
        if "pydantic" in sys.modules:
            _check_constraints(function, arguments, f"step {step.name!r}")
        if step.container is not None:
            from flowc.shim.container_step import run_container

            write = returned.__setitem__
            return run_container(step.container, task, step.env, arguments.__getitem__, write)
        return returned.update(_outputs(step, call, awaited(pass_arguments(function, arguments))))

    caught = call_step(beside, code, state, task)
    if caught is not None:
        return {**dict.fromkeys(call["outputs"]), **vars(beside)}, caught
    return {**vars(beside), **returned}, None


def call_of_nothing() -> None:
    """What a step with a container calls: its function has no code, and there may be none."""


def _check_constraints(function: Callable[..., Any], arguments: Dict[str, Any], what: str) -> None:
    """Check arguments against pydantic's constraints in annotations. Raises PipelineError."""
    from flowc.typed_values import check_constraints, resolved_annotation

    for name, value in arguments.items():
        try:
            check_constraints(resolved_annotation(function, name), value)
        except ValueError as error:
            raise PipelineError(f"{what}: the value of {name!r} is refused by its annotation: {error}") from error


def _outputs(step: PlanStep, call: Dict[str, Any], result: Any) -> Returned:
    """What a function returned, as the outputs that its annotation names. Raises PipelineError."""
    names: List[str] = call["outputs"]
    function = f"step {step.name!r}: {call['function']}"
    if not call.get("many"):
        if names:
            return {names[0]: result}
        if result is None:
            return {}
        raise PipelineError(
            f"{function} has no output, and returned a {type(result).__name__}; annotate what it returns, "
            f"such as `-> {type(result).__name__}`, and compile the file again"
        )
    wanted = f"a tuple of {len(names)} outputs ({', '.join(names)})"
    if not isinstance(result, (tuple, list)):
        raise PipelineError(f"{function} has to return {wanted}, and returned a {type(result).__name__}")
    found: List[Any] = list(result)  # pyright: ignore[reportUnknownArgumentType]
    if len(found) != len(names):
        raise PipelineError(f"{function} has to return {wanted}, and returned {len(found)} values")
    return dict(zip(names, found))


def _items(state: TaskState, returned: Returned, variable: str) -> Document:
    """Store an output so that each of its items can be read alone."""
    what = f"step {state.step.name!r}: output {variable!r}, which is mapped over,"
    if variable not in returned:
        raise ProtocolError(f"{what} is not among its outputs; compile the file again")
    returned[variable] = _mapped(returned[variable], what)
    items = artifacts.save_items(state.layout.store, state.plan.flow, variable, bounded(returned[variable], what))
    return {"variable": variable, **items}


def _mapped(value: Any, what: str) -> Any:
    """What a map iterates over, so that it can be stored: as `for` would. Raises PipelineError for what is no list."""
    way_out = conversion(value)
    if way_out is not None:
        raise PipelineError(
            f"{what} is a {type(value).__name__}, and no list: write {way_out}, and return that; "
            "to pass it whole to every call, write `unmapped(...)` around it"
        )
    return materialize_iterable(value, what)


def _fan(state: TaskState, values: Values) -> Document:
    """Store the lists that are mapped over, unless they are the step's own output. Raises PipelineError."""
    step = state.step
    assert step.fan is not None
    sources: List[Any] = step.fan["sources"]
    product = bool(step.fan.get("product"))
    lists: List[Any] = []
    for source in sources:
        what = f"step {step.name!r}: {describe(source)}, which is mapped over,"
        lists.append(list(bounded(_mapped(values.named("what is mapped over", source), what), what)))
    counts = [len(found) for found in lists]
    if not product and len(set(counts)) > 1:
        lengths = ", ".join(f"{count} ({describe(source)})" for count, source in zip(counts, sources))
        raise PipelineError(f"step {step.name!r}: lists that are mapped over together are of one length, not {lengths}")
    count = 1
    for length in counts:
        count *= length
    store, flow = state.layout.store, state.plan.flow
    refs = [artifacts.save_items(store, flow, step.name, found) for found in lists]
    return {"count": count if product else counts[0], "fan": refs, "product": product}


def _choice(step: PlanStep, values: Values) -> str:
    """The case of the first test that holds, else the last."""
    for test, target in zip(step.tests, step.cases):
        if values.named("the condition", {"operation": "not", "of": [test]}) is False:
            return target
    return step.cases[-1]


def _graph(state: TaskState, load: Callable[[], Any]) -> Dict[str, Any]:
    from flowc.shim.graph_info import graph_info, pipeline_graph

    module = load()
    plan = state.plan
    return pipeline_graph(plan, module) if plan.pipeline else graph_info(plan, getattr(module, plan.class_name))


def function_of(module: Any, call: Dict[str, Any]) -> Callable[..., Any]:
    """The function behind a name of the user's file, or of another local module. Raises ProtocolError."""
    found = module
    if call.get("module") is not None:
        found = __import__(call["module"], module.__dict__, None, ("",))
    for name in call["function"].split("."):
        found = getattr(found, name, None)
        if found is None:
            where = call.get("module") or module.__name__
            raise ProtocolError(f"{where} has no step {call['function']!r}; compile the file again")
    function = getattr(found, "entrypoint", found)  # of a step object
    if not callable(function):
        raise ProtocolError(f"{call['function']} is a {type(function).__name__}, no step; compile the file again")
    return function  # type: ignore[no-any-return]


def pass_arguments(function: Callable[..., Any], arguments: Dict[str, Any]) -> Any:
    """Call a function with arguments by name, also where it takes some by position only."""
    code = getattr(unwrapped(function), "__code__", None)
    first = code.co_varnames[: code.co_posonlyargcount] if code is not None else ()
    positional = [arguments.pop(name) for name in first if name in arguments]
    return function(*positional, **arguments)


class RunParameter:
    """An argument of the pipeline's function that may be chosen when a run starts."""

    kind = "Parameter"

    def __init__(self, entry: Dict[str, Any], values: Values | None = None) -> None:
        self.name: str = entry["name"]
        self._entry = entry
        self._values = values

    def written(self, value: Any) -> Any:
        """The value that the call of another flow has for it."""
        if "typed" not in self._entry or self._values is None or value is None:
            return float(value) if type(value) is int and self._entry.get("type") == "float" else value
        from flowc.typed_values import from_data, resolved_annotation

        module, name = self._entry["typed"]
        return from_data(resolved_annotation(user_object(self._values.load, module, name), self.name), value)

    def value(self, flow_name: str, *, given: bool = True) -> Any:
        """The value for this run, from the environment or the default. Only the first task asks.

        Nothing is `given` to a pipeline that another flow calls.
        """
        del flow_name
        text = given_text(self.name, self._entry) if given else None
        if "typed" in self._entry and self._values is not None:
            return self._typed(text, self._values)
        if text is not None:
            return convert(self.name, self._entry.get("type", "str"), text)
        if "computed" in self._entry and self._values is not None:
            found = self._computed(self._values)
            return float(found) if type(found) is int and self._entry.get("type") == "float" else found
        if "default" not in self._entry:
            raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")
        from flowc.shim.argument_values import literal

        return scheduled_default(self.name, literal(self._entry["default"]))

    def _computed(self, values: Values) -> Any:
        """The default that the function's own signature has, as this task's import of the file makes it."""
        import inspect

        function = user_object(values.load, *self._entry["computed"])
        return inspect.signature(function).parameters[self._entry["attribute"]].default

    def _typed(self, text: str | None, values: Values) -> Any:
        """The value as the annotation has it, of the text or the default."""
        from flowc.typed_values import check_constraints, from_data, from_text, resolved_annotation

        module, name = self._entry["typed"]
        function = user_object(values.load, module, name)
        try:
            kind = resolved_annotation(function, self.name)
            if text is not None:
                value = from_text(kind, text)
                check_constraints(kind, value)
                return value
            if "default" in self._entry:
                value = scheduled_default(self.name, values.value(self._entry["default"]))
                return None if value is None else from_data(kind, value)
            if "computed" in self._entry:
                return self._computed(values)
        except FlowError:
            raise
        except Exception as error:
            what = f"its default {self._entry.get('default')}" if text is None else repr(text[:200])
            raise ParameterError(f"parameter {self.name!r}: {what} is not a value of it: {error}") from error
        raise ParameterError(f"parameter {self.name!r} is required: give it as -p {self.name}=...")


def declared_parameters(
    plan: Plan, values: Values | None = None, step: PlanStep | None = None
) -> Dict[str, RunParameter]:
    """The parameters by the name of the argument, in the order of the file: of the pipeline that a step is of."""
    call = plan.call_around(step) if step is not None else None
    entries = plan.parameters if call is None else call["parameters"]
    return {entry["attribute"]: RunParameter(entry, values) for entry in entries}
