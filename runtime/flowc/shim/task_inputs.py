"""What a task starts from: the task that led to it, or those that it joins, and the run's parameters."""

from __future__ import annotations

import os

from flowc.errors import FlowError, MissingInput, ParameterError
from flowc.flowspec import parameters
from flowc.protocol import env_names
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Protocol

    from flowc.flowspec import FlowSpec
    from flowc.join_inputs import Inputs
    from flowc.protocol.plan import Plan, PlanStep
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import TaskState
    from flowc.store.artifacts import Ref
    from flowc.store.documents import Document
    from flowc.store.run_layout import Path, RunLayout

    class Declared(Protocol):
        """A parameter of a class flow or a pipeline."""

        name: str

        def value(self, flow_name: str, /) -> Any:
            """The value for this run."""
            ...


def inherit(plan: Plan, cls: type[FlowSpec], state: TaskState, task: Task) -> Inputs[FlowSpec] | None:
    """Fill in what the task starts with; a join's inputs are returned."""
    step, layout, path = state.step, state.layout, state.path
    if step.name == plan.start and not (step.loops and path[-1]):
        state.parameters = chosen_parameters(parameters(cls), state, task)
        return None
    if step.kind == "join":
        return _inherit_join(cls, state)

    manifest = predecessor(layout, plan, step, path)
    if (
        step.within is not None
        and plan.calls[step.within]["start"] == step.name
        and plan.deployed_call(step.within) is None
        and not (step.loops and path[-1])
    ):
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
