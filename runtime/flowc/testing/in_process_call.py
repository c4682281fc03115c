"""A task of a pipeline in this process: what the test gives takes the place of what other steps would return."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Tuple

from flowc.protocol.plan import Plan
from flowc.shim.pipeline_task import declared_parameters, execute, function_of
from flowc.shim.task_identity import Task
from flowc.shim.task_results import manifest_head
from flowc.shim.task_state import TaskState
from flowc.store import artifacts
from flowc.testing.given_values import GivenValues
from flowc.testing.in_process_task import by_attribute
from flowc.testing.step_run import NOT_GIVEN, StepResult, Transition, transition_of
from flowc.testing.tested_flow import UsageError

if TYPE_CHECKING:
    from flowc.protocol.plan import PlanStep
    from flowc.store.documents import Document
    from flowc.store.run_layout import RunLayout
    from flowc.testing.step_run import Given
    from flowc.testing.tested_flow import NamedFlow

_GIVEN = "given by the test"
"""A step of the plan whose outputs are what the test gives."""


def run_call(
    tested: NamedFlow, data: Dict[str, Any], step: str, given: Given, layout: RunLayout, path: Tuple[int, ...]
) -> StepResult:
    """Run a step's function with the given arguments. Raises UsageError, and what the function raises."""
    if given.input is not NOT_GIVEN or given.inputs is not None or given.outer:
        raise UsageError(f"step {step!r} of a pipeline has arguments: give them by `artifacts`, one item of a map, too")
    call = _Call(tested, data, step, given, layout, path)
    call.prepare()
    return call.run()


class _Call:
    """The task of a step."""

    def __init__(
        self,
        tested: NamedFlow,
        data: Dict[str, Any],
        step: str,
        given: Given,
        layout: RunLayout,
        path: Tuple[int, ...],
    ) -> None:
        self.module = tested.module()
        self.data = data
        self.name = step
        self.given = given
        self.layout = layout
        self.path = path
        self.plan = Plan(data)
        self.task = Task(step, path, given.attempt)
        self.values = GivenValues(layout.store, self.plan.flow)
        self.refs: Dict[str, Any] = {}

    def prepare(self) -> None:
        """Put the test's values into the plan. Raises UsageError for what is unknown, and for what is missing."""
        entry: Dict[str, Any] = self.data["steps"][self.name]
        self._set_parameters()
        self._set_arguments(entry["call"])
        for name in ("call", "fan", "tests"):
            if entry.get(name):
                entry[name] = _replaced(entry[name], self.refs)
        if entry.get("fan") and list(_required(entry["fan"]["sources"], self.name)):
            entry.update(fan=None, kind="linear")  # it is mapped over with what the test does not have
        if list(_required(entry.get("tests") or [], self.name)):
            entry.update(tests=[], kind="linear")
        self.data["steps"][_GIVEN] = {"kind": "linear", "parents": [], "next": [], "depth": 0, "virtual": True}
        self.data["parameters"] = []
        self.plan = Plan(self.data)
        self.plan.step(self.name).timeout = None
        head = manifest_head(self._state(), self.task)
        document: Document = {**head, "step": _GIVEN, "index": "-", "attempt": 0, "artifacts": self.refs}
        self.layout.commit(_GIVEN, (), 0, document)

    def run(self) -> StepResult:
        """Run it."""
        step = self.plan.step(self.name)
        execute(lambda: self.module, self._state(), self.task)
        manifest = self.layout.manifest(self.name, self.path, self.task.attempt)
        store, flow = self.layout.store, self.plan.flow
        found = {name: artifacts.load(store, flow, name, ref) for name, ref in manifest["artifacts"].items()}
        following = self._transition(manifest, step)
        metadata: Dict[str, Any] = manifest.get("metadata") or {}
        return StepResult(found, following, bool(manifest.get("caught")), metadata)

    def _state(self) -> TaskState:
        return TaskState(self.layout, self.plan, self.plan.step(self.name), self.path)

    def _set_parameters(self) -> None:
        """Save the pipeline's parameters, as far as they have values."""
        from flowc.errors import FlowError
        from flowc.shim.argument_values import Values

        values = Values(self._state())
        values.load = lambda: self.module
        declared = declared_parameters(self.plan, values)
        given = by_attribute(self.given.parameters, {name: item.name for name, item in declared.items()}, self.plan)
        for name, parameter in declared.items():
            try:
                value = given[name] if name in given else parameter.value(self.plan.flow)
            except FlowError:
                continue
            self.refs[f"parameter {name}"] = self.values.save(name, value)

    def _set_arguments(self, call: Dict[str, Any]) -> None:
        arguments: Dict[str, Any] = call.setdefault("arguments", {})
        function = function_of(self.module, call)
        known = inspect.signature(function).parameters
        takes_any = any(item.kind is item.VAR_KEYWORD for item in known.values())
        for name, value in self.given.artifacts.items():
            if name not in known and not takes_any:
                raise UsageError(f"step {self.name!r} has no argument {name!r}; it has {', '.join(known) or 'none'}")
            self.refs[f"argument {name}"] = self.values.save(name, value)
            arguments[name] = {"output": [_GIVEN, f"argument {name}"], "levels": 0}
        for name, value in arguments.items():
            for what in _required(_replaced(value, self.refs), ""):
                raise UsageError(
                    f"argument {name!r} of step {self.name!r} comes from {what}: give it, as in "
                    f"run_step(..., artifacts={{{name!r}: ...}})"
                )

    def _transition(self, manifest: Document, step: PlanStep) -> Transition | None:
        following = list(self._with_tasks(step.next))
        foreach: Dict[str, Any] = manifest.get("foreach") or {}
        items: List[Any] = []
        if foreach and not foreach.get("product"):
            lists = [self._items(ref) for ref in foreach.get("fan", [foreach])]
            items = lists[0] if len(lists) == 1 else list(zip(*lists))
        found = transition_of(manifest, step, following, items)
        if found is not None and found.choice is not None:
            return Transition(list(self._with_tasks([found.choice])), choice=found.choice)
        return found if following else None

    def _items(self, ref: Any) -> List[Any]:
        store, flow = self.layout.store, self.plan.flow
        return [artifacts.load_item(store, flow, self.name, ref, number) for number in range(ref["count"])]

    def _with_tasks(self, names: List[str]) -> Iterator[str]:
        """The steps of these names that have tasks; for others those that come next to them."""
        for name in names:
            step = self.plan.step(name)
            if step.synthetic:
                yield from self._with_tasks(step.next)
            else:
                yield name


def _replaced(value: Any, refs: Dict[str, Any]) -> Any:
    """A value of the plan, with the parameters that the test has in their places."""
    if isinstance(value, list):
        return [_replaced(item, refs) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(value, dict) or "literal" in value or "python" in value:
        return value  # pyright: ignore[reportUnknownVariableType]
    name = f"parameter {value.get('parameter')}"  # pyright: ignore[reportUnknownMemberType]
    if "parameter" in value and name in refs:
        return {"output": [_GIVEN, name], "levels": 0}
    entries: Dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    return {key: _replaced(item, refs) for key, item in entries.items()}


def _required(value: Any, own: str) -> Iterator[str]:
    """What a value of the plan needs that only a run has: outputs of other steps than `own`, items and parameters."""
    if isinstance(value, list):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            yield from _required(item, own)
    if not isinstance(value, dict) or "literal" in value or "python" in value:
        return
    entries: Dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
    if "output" in entries:
        if entries["output"][0] not in (_GIVEN, own):
            yield f"step {entries['output'][0]!r}"
    elif "item" in entries:
        yield f"an item of step {entries['item']!r}"
    elif "parameter" in entries:
        yield f"parameter {entries['parameter']!r}, which has no value"
    elif "chosen" in entries:
        yield f"the steps that {entries['chosen']!r} chooses from"
    else:
        for item in entries.values():
            yield from _required(item, own)
