"""Tasks of a flow that a step calls: its class, its parameters, and what its end hands back to the caller.

A called flow has a namespace of its own. Its first task takes parameters from the manifest of the calling task, by
reference; the manifest of its last one has the caller's parameters and artifacts, and those that the call returns. A
pipeline has values in place of artifacts: its last task stores them.
"""

from __future__ import annotations

import sys
from importlib import import_module

from flowc.errors import MissingInput, ProtocolError
from flowc.flowspec import FlowSpec
from flowc.shim.argument_values import literal
from flowc.store import artifacts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Dict, Mapping, Protocol

    from flowc.protocol.plan import Plan
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.documents import Document

    class Declared(Protocol):
        """A parameter of a class flow or a pipeline."""

        def value(self, flow_name: str, /, *, given: bool = True) -> Any:
            """The value for this run, or by default."""
            ...

        def written(self, value: Any, /) -> Any:
            """The value that the caller's file has for it."""
            ...


def called_class(plan: Plan, within: str) -> type[FlowSpec]:
    """The class of the flow that a step calls. Raises ProtocolError, and what its module raises."""
    call = plan.calls[within]
    module = module_of(plan, call)
    cls = getattr(module, call["flow"], None)
    if not (isinstance(cls, type) and issubclass(cls, FlowSpec)):
        raise ProtocolError(f"{module.__name__} has no flow {call['flow']!r}; compile the file again")
    return cls


def module_of(plan: Plan, call: Dict[str, Any]) -> ModuleType:
    """The module with the class of a called flow. Raises what it raises."""
    return sys.modules[plan.module] if call["module"] is None else import_module(call["module"])


def begin(declared: Mapping[str, Declared], state: TaskState, caller: Document) -> Refs:
    """The parameters of a called flow, from the manifest of the calling task. Raises MissingInput and FlowError."""
    call = state.plan.calls[state.step.within or ""]
    there: Refs = {**caller["parameters"], **caller["artifacts"]}
    found: Refs = {}
    for attribute, parameter in declared.items():
        name = call["artifacts"].get(attribute)
        if name is not None:
            if name not in there:
                step = state.step.within
                raise MissingInput(f"step {step!r} has no artifact {name!r}, which flow {call['flow']} gets from it")
            found[attribute] = there[name]
        else:
            given = call["params"].get(attribute)
            value = parameter.value(call["flow"], given=False) if given is None else parameter.written(literal(given))
            found[attribute] = artifacts.save(state.layout.store, state.plan.flow, attribute, value)
    return found


def returned(state: TaskState, manifest: Document) -> Document:
    """What the last task of a called flow commits: the caller goes on from its manifest. Raises MissingInput."""
    plan, within = state.plan, state.step.within
    while within is not None and plan.calls[within]["end"] == state.step.name:
        call, opener = plan.calls[within], plan.step(within)
        own: Refs = {**manifest["artifacts"], **manifest["parameters"]}
        if call.get("pipeline") and "deployed" not in call:
            own = _results(state, call, manifest["artifacts"])
        missing = [name for name in call["returns"].values() if name not in own]
        if missing:
            raise MissingInput(f"flow {call['flow']} has not set {missing[0]!r}, which step {within!r} returns")
        path = state.path[: plan.base_depth(state.step)]
        caller = state.layout.manifest(opener.name, path)
        back = {name: own[inner] for name, inner in call["returns"].items()}
        manifest.update(parameters=caller["parameters"], artifacts={**caller["artifacts"], **back})
        within = opener.within
    return manifest


def _results(state: TaskState, call: Dict[str, Any], own: Refs) -> Refs:
    """What a pipeline returns, of whose last task `own` are the outputs: by reference where it is an output."""
    from flowc.shim.argument_values import Values
    from flowc.shim.user_code import load_module

    plan, layout = state.plan, state.layout
    values = Values(state)
    values.load = lambda: sys.modules.get(plan.module) or load_module(plan)
    values.own = _Loaded(state, own)
    found: Refs = {}
    for name, value in call["results"].items():
        if "output" in value and not value["levels"]:
            step, output = plan.step(value["output"][0]), value["output"][1]
            there = own if step is state.step else layout.manifest(step.name, state.path[: step.depth])["artifacts"]
            found[name] = there[output]
        else:
            found[name] = artifacts.save(layout.store, plan.flow, name, values.named(f"the result {name!r}", value))
    return found


class _Loaded(dict[str, object]):
    """Values of references, each loaded when it is asked for."""

    def __init__(self, state: TaskState, refs: Refs) -> None:
        super().__init__()
        self._state, self._refs = state, refs

    def __missing__(self, name: str) -> Any:
        return artifacts.load(self._state.layout.store, self._state.plan.flow, name, self._refs[name])
