"""Tasks of a flow that a step calls: its class, its parameters, and what its end hands back to the caller.

A called flow has a namespace of its own. Its first task takes parameters from the manifest of the calling task, by
reference; the manifest of its last one has the caller's parameters and artifacts, and those that the call returns.
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
    from typing import Any, Dict

    from flowc.flow_parameters import Declaration
    from flowc.protocol.plan import Plan
    from flowc.shim.task_state import Refs, TaskState
    from flowc.store.documents import Document


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


def begin(declared: Dict[str, Declaration], state: TaskState, caller: Document) -> Refs:
    """The parameters of a called flow, from the manifest of the calling task. Raises MissingInput and FlowError."""
    call = state.plan.calls[state.step.within or ""]
    there: Refs = {**caller["artifacts"], **caller["parameters"]}
    found: Refs = {}
    for attribute, parameter in declared.items():
        name = call["artifacts"].get(attribute)
        if name is not None:
            if name not in there:
                step = state.step.within
                raise MissingInput(f"step {step!r} has no artifact {name!r}, which flow {call['flow']} gets from it")
            found[attribute] = there[name]
        else:
            given = attribute in call["params"]
            value = literal(call["params"][attribute]) if given else parameter.value(call["flow"], given=False)
            found[attribute] = artifacts.save(state.layout.store, state.plan.flow, attribute, value)
    return found


def returned(state: TaskState, manifest: Document) -> Document:
    """What the last task of a called flow commits: the caller goes on from its manifest. Raises MissingInput."""
    plan, within = state.plan, state.step.within
    while within is not None and plan.calls[within]["end"] == state.step.name:
        call, opener = plan.calls[within], plan.step(within)
        own: Refs = {**manifest["artifacts"], **manifest["parameters"]}
        missing = [name for name in call["returns"].values() if name not in own]
        if missing:
            raise MissingInput(f"flow {call['flow']} has not set {missing[0]!r}, which step {within!r} returns")
        path = state.step.foreach_path(state.path)
        caller = state.layout.manifest(opener.name, path)
        back = {name: own[inner] for name, inner in call["returns"].items()}
        manifest.update(parameters=caller["parameters"], artifacts={**caller["artifacts"], **back})
        within = opener.within
    return manifest
