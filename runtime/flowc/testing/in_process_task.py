"""A task in this process: what came before it is written to a store as a run would, and the shim does the rest."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Tuple, Type, Union

from flowc import flowspec
from flowc.current import running
from flowc.errors import ApprovalError, FlowError, ParameterError
from flowc.flowspec import FlowSpec, attach, constants
from flowc.protocol import env_names
from flowc.protocol.encodings import plain_text
from flowc.protocol.plan import Plan
from flowc.shim.class_task import called, code_of, set_condition, step_of
from flowc.shim.mutations import change_class
from flowc.shim.task_facts import set_facts
from flowc.shim.task_identity import Task
from flowc.shim.task_results import manifest_head
from flowc.shim.task_state import TaskState
from flowc.store import artifacts, open_store
from flowc.store.approvals import Approval, this_person
from flowc.store.documents import wall_time
from flowc.store.run_layout import RunLayout, index_text
from flowc.testing.given_values import GivenValues
from flowc.testing.step_run import NOT_GIVEN, RUN_ID, StepResult, kept_surroundings, transition_of
from flowc.testing.tested_flow import UsageError, flow_class

if TYPE_CHECKING:
    from flowc.join_inputs import Inputs
    from flowc.protocol.plan import PlanStep
    from flowc.store.documents import Document
    from flowc.testing.step_run import Given
    from flowc.testing.tested_flow import NamedFlow
    from flowc_compiler.driver import Compilation


def run_in_process(tested: NamedFlow, compilation: Compilation, step: str, given: Given, folder: str) -> StepResult:
    """Run a step, with a folder as its store. Raises UsageError, and what the step raises."""
    from flowc.shim.loaded_plan import exchange_plan
    from flowc_targets.package.run_plan import build_plan

    data = build_plan(compilation.flow)
    plan = Plan(data)
    exchange_plan(plan)
    at = plan.step(step)
    if at.within is not None:
        called_flow = plan.calls[at.within]["flow"]
        raise UsageError(f"{step!r} is step {at.own!r} of flow {called_flow}, which {at.within!r} calls: test it there")
    at.timeout = None
    path = _index_path(plan, at, given)
    layout = RunLayout(open_store(folder), plan.flow, RUN_ID, remember=True)
    os.environ.update(at.env)
    os.environ.update(_variables(at))
    running.approval = _answer(at, given)
    if plan.pipeline:
        from flowc.testing.in_process_call import run_call

        with kept_surroundings():
            return run_call(tested, data, step, given, layout, path)
    task = _ClassTask(flow_class(tested, plan.flow), plan, at, given, layout, path)
    with kept_surroundings():
        return task.run()


def _answer(step: PlanStep, given: Given) -> Approval | None:
    """What a person has chosen. Raises UsageError for a step that asks nobody, and for one that has no answer."""
    if step.approval is None:
        if given.approval is not None:
            raise UsageError(f"step {step.name!r} has no @approval: nobody chooses {given.approval!r}")
        return None
    choices = ", ".join(step.approval.get("choices") or ())
    if given.approval is None:
        what = f"one of {choices}" if choices else "what that person writes"
        raise UsageError(f"step {step.name!r} asks a person: give {what} as approval=...")
    record: Dict[str, Any] = {"version": 1, "choice": given.approval, "by": this_person(), "note": "", "via": "test"}
    try:
        return Approval(step.approval, {**record, "time": wall_time()})
    except ApprovalError as error:
        raise UsageError(f"step {step.name!r}: {error}") from None


def _variables(step: PlanStep) -> Dict[str, str]:
    """The step's variables that this process has under other names."""
    found = {name: os.environ.get(source, default) for name, (source, default) in step.from_task.items()}
    return {name: value for name, value in found.items() if value is not None}


def _index_path(plan: Plan, step: PlanStep, given: Given) -> Tuple[int, ...]:
    """The index path of the task: what is not given is 0. Raises UsageError for a step that has fewer numbers."""
    depth = step.depth
    around = depth - step.loops
    if len(given.index) > depth:
        asked = index_text(given.index)
        raise UsageError(f"step {step.name!r} is in {around or 'no'} foreach, and has no index {asked}")
    if given.input is not NOT_GIVEN and not around:
        raise UsageError(f"step {step.name!r} is in no foreach, and has no input; {_artifacts_of(plan, step)}")
    if given.width is not None and not depth:
        raise UsageError(f"step {step.name!r} is in no foreach, and has no width")
    if given.outer and len(given.outer) != around - 1:
        raise UsageError(f"step {step.name!r} is in {around} foreach: `outer` has the items of {max(around - 1, 0)}")
    own = given.index if len(given.index) in (0, depth) or not step.loops else (*given.index, 0)
    path = (*(0 for _ in range(depth - len(own))), *own)
    if given.width is not None and around and path[around - 1] >= given.width:
        raise UsageError(f"index {path[around - 1]} is none of the {given.width} that `width` says there are")
    return path


def _artifacts_of(plan: Plan, step: PlanStep) -> str:
    how = "its arguments are given by `artifacts`" if plan.pipeline else "it reads `artifacts`"
    return f"{how}, and `inputs` are a join's" if step.kind != "join" else "it gets `inputs`"


class _StepState(TaskState):
    """A task for which a test says what it starts with."""

    __slots__ = ("given", "missing", "saved")

    def __init__(self, layout: RunLayout, plan: Plan, step: PlanStep, path: Tuple[int, ...], given: Given) -> None:
        super().__init__(layout, plan, step, path)
        self.given = given
        self.missing: Dict[str, str] = {}
        """Parameters without a value, and why."""
        self.saved: Dict[int, Dict[str, Any]] = {}
        """Level to the reference to the item there."""

    def parameter(self, attribute: str) -> Any:
        """A parameter's value. Raises ParameterError for one that has none."""
        if attribute in self.missing:
            raise ParameterError(f"{self.missing[attribute]} (a test gives it as parameters={{{attribute!r}: ...}})")
        return super().parameter(attribute)

    def frame(self, level: int) -> Tuple[int, Any]:
        """The width and the item of a foreach. Raises UsageError for an item that the test does not give."""
        number, innermost = self.path[level], level == len(self.step.foreach_path(self.path)) - 1
        width = self.given.width if innermost and self.given.width is not None else number + 1
        opener = self.plan.openers(self.step)[level]
        if level not in self.saved:
            if opener.foreach_var is None:
                return width, number
            how = "input=..." if innermost else "outer=[...]"
            what = f"step {self.step.name!r} no item of foreach={opener.foreach_var!r}"
            raise UsageError(f"the test gives {what}: run_step(..., {how})")
        return width, artifacts.load(self.layout.store, self.plan.flow, "input", self.saved[level])

    def _missing(self, name: str) -> str:
        if self.step.kind == "join":
            return super()._missing(name)
        known = ", ".join(self.inherited) or "none"
        what = f"step {self.step.name!r} has no artifact {name!r}"
        return f"{what}; the test gives {known}: run_step(..., artifacts={{...}})"


class _ClassTask:
    """A task of a class flow."""

    def __init__(
        self,
        cls: Type[FlowSpec],
        plan: Plan,
        step: PlanStep,
        given: Given,
        layout: RunLayout,
        path: Tuple[int, ...],
    ) -> None:
        self.cls = cls
        self.plan = plan
        self.step = step
        self.given = given
        self.layout = layout
        self.task = Task(step.name, path, given.attempt)
        self.state = _StepState(layout, plan, step, path, given)
        self.values = GivenValues(layout.store, plan.flow)

    def run(self) -> StepResult:
        """Run it."""
        plan, step, state, layout = self.plan, self.step, self.state, self.layout
        if plan.parameter_changes is not None:
            change_class(self.cls, plan.parameter_changes)
        declared = flowspec.parameters(self.cls)
        set_facts(plan, list(declared), self.task, self._graph)
        self._set_parameters()
        self._set_items()
        self._set_gang()
        inputs = self._inherit()
        flow = _new(self.cls)
        attach(flow, state)
        set_condition(flow, step)
        method = step_of(flow, step.name)
        assert method is not None
        code = partial(self._call, flow, code_of(plan, flow, method, inputs, step))
        manifest = called(flow, code, state, self.task)
        layout.commit(step.name, state.path, self.task.attempt, manifest)
        refs: Dict[str, Any] = manifest["artifacts"]
        found = {name: self._load(name, ref) for name, ref in refs.items() if name not in constants(self.cls)}
        foreach: Dict[str, Any] = manifest.get("foreach") or {}
        items: List[Any] = []
        if foreach and step.foreach_var is not None:
            items = [self._item(foreach, number) for number in range(foreach["count"])]
        following = transition_of(manifest, step, list(step.leads), items)
        return StepResult(found, following, bool(manifest.get("caught")), given_input=self.given.input)

    def _call(self, flow: FlowSpec, code: Callable[[], None]) -> None:
        try:
            code()
        finally:
            self.values.forget_unchanged(vars(flow))

    def _load(self, name: str, ref: Any) -> Any:
        return artifacts.load(self.layout.store, self.plan.flow, name, ref)

    def _item(self, foreach: Any, number: int) -> Any:
        return artifacts.load_item(self.layout.store, self.plan.flow, self.step.foreach_var or "", foreach, number)

    def _graph(self) -> Dict[str, Any]:
        from flowc.shim.graph_info import graph_info

        return graph_info(self.plan, self.cls)

    def _set_parameters(self) -> None:
        """Save the given parameters, and the defaults of others. Raises UsageError for unknown ones."""
        declared = flowspec.parameters(self.cls)
        names = {attribute: item.name for attribute, item in declared.items() if item.kind != "Config"}
        given = by_attribute(self.given.parameters, names, self.plan)
        for attribute, parameter in declared.items():
            try:
                value = (
                    _converted(parameter, given[attribute]) if attribute in given else parameter.value(self.plan.flow)
                )
            except FlowError as error:
                if attribute in given:
                    raise
                self.state.missing[attribute] = str(error)
                continue
            self.state.parameters[attribute] = self.values.save(attribute, value)

    def _set_items(self) -> None:
        """Save the items of the foreach scopes around the task."""
        around = len(self.step.foreach_path(self.state.path))
        items = dict(enumerate(self.given.outer))
        if self.given.input is not NOT_GIVEN:
            items[around - 1] = self.given.input
        self.state.saved = {level: self.values.save("input", item) for level, item in items.items()}
        self.values.shared.pop("input", None)

    def _set_gang(self) -> None:
        """Let a member of a gang know which one it is; the others are not there."""
        if not any(self.plan.step(parent).kind == "parallel" for parent in self.step.parents):
            return
        from flowc.shim.gang import Parallel, announce, control_task

        number = self.state.path[-1]
        width = max(self.given.width or 0, number + 1)
        announce(Parallel("127.0.0.1", width, number, control_task(self.task)), _free_port())

    def _inherit(self) -> Inputs[FlowSpec] | None:
        """Give the task its artifacts; a join's inputs are returned. Raises UsageError."""
        if self.step.kind == "join":
            from flowc.shim.join import join_inputs

            if self.given.artifacts:
                given = ", ".join(self.given.artifacts)
                raise UsageError(f"step {self.step.name!r} is a join, which inherits nothing: give {given} by `inputs`")
            return join_inputs(self.cls, self.state, self._commit_inputs())
        if self.given.inputs is not None:
            raise UsageError(f"step {self.step.name!r} is no join: give what it inherits as artifacts={{...}}")
        names = [name for name in self.given.artifacts if name in constants(self.cls)]
        if names:
            raise UsageError(
                f"{names[0]!r} is a constant of {self.plan.flow}, no artifact: monkeypatch.setattr({self.plan.flow}, "
                f"{names[0]!r}, ...) changes it"
            )
        self._check_names()
        self.state.inherited = self.values.save_all(dict(self.given.artifacts))
        return None

    def _check_names(self) -> None:
        """Raises UsageError for artifacts that no flow has under these names."""
        parameters = flowspec.parameters(self.cls)
        for name in self.given.artifacts:
            if name in parameters:
                raise UsageError(f"{name!r} is a parameter: give it as parameters={{{name!r}: ...}}")
            if hasattr(FlowSpec, name) or name in self.plan.steps:
                raise UsageError(f"{name!r} is a method of {self.plan.flow}, no artifact")
            if not name.isidentifier():
                raise UsageError(f"{name!r} is not the name of an artifact")

    def _commit_inputs(self) -> int:
        """Commit a task for each input of a join; returns how many there are."""
        inputs, step, path = self.given.inputs, self.step, self.state.path
        if inputs is None:
            raise UsageError(f"step {step.name!r} is a join: give inputs=[{{...}}, ...], the artifacts of each")
        if step.closes_kind != "branch":
            if isinstance(inputs, Mapping):
                raise UsageError(
                    f"step {step.name!r} joins a foreach: give `inputs` as a list, in the order of the items"
                )
            self._commit_opener(inputs)
            for number, item in enumerate(inputs):
                self._commit(step.arms[0][0], (*path, number), item)
            return len(inputs)
        self._commit_arms(inputs)
        return len(step.arms)

    def _commit_arms(self, inputs: Any) -> None:
        """Commit the last task of each arm of a branch. Raises UsageError for unknown and for missing ones."""
        step, path = self.step, self.state.path
        arms = [ends[0] for ends in step.arms]
        names = {name: ends[0] for ends in step.arms for name in ends}
        if isinstance(inputs, Mapping):
            chosen: Dict[str, Any] = {**inputs}
        elif len(inputs) == len(step.arms):
            chosen = dict(zip(arms, inputs))
        else:
            raise UsageError(f"step {step.name!r} joins {', '.join(arms)}: give {len(arms)} inputs, not {len(inputs)}")
        unknown = [name for name in chosen if name not in names]
        missing = [first for first in arms if not any(names.get(name) == first for name in chosen)]
        if unknown or missing:
            problem = f"no input {unknown[0]!r}" if unknown else f"no input of {missing[0]!r} from the test"
            raise UsageError(f"step {step.name!r} has {problem}: it joins {', '.join(arms)}")
        for name, each in chosen.items():
            self._commit(name, path, each)

    def _commit_opener(self, inputs: Any) -> None:
        """Commit the step that has opened the foreach, with the items of results that have some."""
        opener = self.plan.step(self.step.closes or "")
        if opener.foreach_var is None:
            return
        given = [one.given_input if isinstance(one, StepResult) else NOT_GIVEN for one in inputs]
        items = [_NoItem() if item is NOT_GIVEN else item for item in given]
        refs = artifacts.save_items(self.layout.store, self.plan.flow, opener.foreach_var, items)
        document = self._document(opener.name, self.state.path, {})
        self.layout.commit(
            opener.name, self.state.path, 0, {**document, "foreach": {"variable": opener.foreach_var, **refs}}
        )

    def _commit(self, name: str, path: Tuple[int, ...], given: Any) -> None:
        values: Any = given.artifacts if isinstance(given, StepResult) else given
        if not isinstance(values, Mapping):
            raise UsageError(f"an input is a dict of artifacts or a StepResult, not a {type(values).__name__}")
        document = self._document(name, path, self.values.save_all({**values}))
        self.layout.commit(name, path, 0, document)

    def _document(self, name: str, path: Tuple[int, ...], refs: Dict[str, Any]) -> Document:
        head = manifest_head(self.state, self.task)
        return {**head, "step": name, "index": index_text(path), "attempt": 0, "artifacts": refs}


class _NoItem:
    """An item that the test does not give: a step that reads it fails."""

    def __reduce__(self) -> Tuple[Any, ...]:
        return _no_item, ()


def _no_item() -> None:
    raise UsageError("the test gives no items; those of results of run_step(..., input=...) are known")


def _free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def by_attribute(given: Mapping[str, Any], names: Mapping[str, str], plan: Plan) -> Dict[str, Any]:
    """Values by attribute; `names` has the name of each parameter by its attribute. Raises UsageError."""
    attributes = {**{name: attribute for attribute, name in names.items()}, **{name: name for name in names}}
    unknown = [name for name in given if name not in attributes]
    if unknown:
        known = f"it has {', '.join(names)}" if names else "it has none"
        raise UsageError(f"{plan.flow} has no parameter {unknown[0]!r}; {known}")
    return {attributes[name]: value for name, value in given.items()}


def _converted(parameter: Any, value: Any) -> Any:
    """A parameter's value: a text as the command line takes it, anything else as it is."""
    if not isinstance(value, str) or parameter.kind != "Parameter":
        return value
    variable = env_names.parameter_variable(parameter.name)
    os.environ[variable] = plain_text(value)
    try:
        return parameter.value("")
    finally:
        del os.environ[variable]


def _new(cls: Type[FlowSpec]) -> FlowSpec:
    """A flow object, with what `__init__` sets before it would run the task, as in a task."""
    if cls.__init__ is FlowSpec.__init__:
        return cls.__new__(cls)

    def stop(flow: FlowSpec) -> None:
        raise _InitializedError(flow)

    flowspec.program = stop
    try:
        return cls()
    except _InitializedError as done:
        return done.flow
    except TypeError:  # its main block knows its arguments
        flow: Union[FlowSpec, None] = None
        with contextlib.suppress(TypeError):
            flow = cls(use_cli=False)
        return flow if flow is not None else cls.__new__(cls)
    finally:
        flowspec.program = None


class _InitializedError(BaseException):
    """An `__init__` has come to where the task begins."""

    def __init__(self, flow: FlowSpec) -> None:
        super().__init__()
        self.flow = flow
