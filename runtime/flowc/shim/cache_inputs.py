"""What a task would read, as values to compare: looked up before it runs, without any code of the user's.

A value is compared by what it is the same by, its hash; nothing is loaded.
"""

from __future__ import annotations

import hashlib
import json
import os

from flowc.current import user_of
from flowc.protocol import env_names
from flowc.protocol.scheduled import scheduled_text
from flowc.shim.argument_values import Values
from flowc.store import artifacts
from flowc.store.run_layout import task_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping

    from flowc.protocol.plan import Plan
    from flowc.shim.argument_values import Value
    from flowc.shim.task_identity import Task
    from flowc.shim.task_state import InputState, TaskState


class UnknownReadError(Exception):
    """A read whose value is not known here: an entry of another release, or of other code."""


class CacheInputs:
    """The values of a task's reads. Its state has what it starts from."""

    def __init__(self, state: TaskState, task: Task, environment: Mapping[str, str] | None = None) -> None:
        self._state = state
        self._task = task
        self._environment = os.environ if environment is None else environment
        self._began_with = dict(state.inherited)
        self._known: Dict[str, str] = {}
        self._arguments: Values | None = None

    @property
    def inherited(self) -> Dict[str, Any]:
        """The artifacts that the task starts with, as references."""
        return self._began_with

    def digests(self, shape: List[List[Any]]) -> List[str]:
        """A short digest of the value of each read. Raises UnknownReadError, and what reading manifests does."""
        return [self._digest(read) for read in shape]

    def _digest(self, read: List[Any]) -> str:
        key = json.dumps(read)
        if key not in self._known:
            self._known[key] = digest_of(self._value(read))
        return self._known[key]

    def _value(self, read: List[Any]) -> Any:
        """What is compared of a read: plain JSON."""
        kind, *rest = read
        try:
            look = getattr(self, f"_{kind.replace(' ', '_')}_read")
            return look(*rest)
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise UnknownReadError(f"{read}: {error}") from error

    def _artifact_read(self, name: str) -> str | None:
        return artifacts.identity(self._began_with.get(name))

    def _parameter_read(self, name: str) -> str | None:
        return artifacts.identity(self._state.parameters.get(name))

    def _index_read(self, level: int) -> int:
        return self._state.path[level]

    def _width_read(self, level: int) -> int:
        width: int = self._foreach(self._state, level)["count"]
        return width

    def _item_read(self, level: int) -> Any:
        return self._item(self._state, level)

    def _input_item_read(self, number: int, level: int) -> Any:
        return self._item(self._inputs()[number], level)

    def _input_width_read(self, number: int, level: int) -> Any:
        return self._foreach(self._inputs()[number], level)["count"]

    def _fact_read(self, name: str) -> Any:
        return current_fact(self._state.plan, self._task, name, self._environment)

    def _join_read(self) -> List[Any]:
        """How many inputs a join has, and which steps they are of."""
        names = [each.step.name for each in self._inputs()]
        return [len(names), sorted(set(names)) if len(set(names)) < 2 else names]

    def _inputs_read(self, name: str, which: List[int] | None) -> List[str | None]:
        inputs = self._inputs()
        return [
            artifacts.identity(inputs[number].references().get(name))
            for number in (range(len(inputs)) if which is None else which)
        ]

    def _merge_read(self, left_out: List[str], include: List[str], which: List[int] | None) -> List[Any]:
        inputs = self._inputs()
        out, only = frozenset(left_out), frozenset(include)
        return [
            sorted(
                [name, artifacts.identity(ref)]
                for name, ref in inputs[number].references().items()
                if name not in out and (not only or name in only)
            )
            for number in (range(len(inputs)) if which is None else which)
        ]

    def _run_read(self) -> Dict[str, Any]:
        """What all steps before the task's have left: a step of a pipeline may look at its own run."""
        plan, layout = self._state.plan, self._state.layout
        names: Dict[str, None] = {}
        waiting = list(self._state.step.parents)
        while waiting:
            name = waiting.pop()
            if name not in names:
                names[name] = None
                waiting += plan.step(name).parents
        found: Dict[str, Any] = {}
        for name in sorted(names):
            for path, attempt in layout.latest_of_step(name).items():
                manifest = layout.manifest(name, path, attempt)
                refs = {each: artifacts.identity(ref) for each, ref in manifest["artifacts"].items()}
                found[task_id(name, path)] = [refs, manifest.get("metadata"), manifest.get("arguments")]
        return found

    def _code_read(self, name: str) -> List[Any]:
        """What can be reached of the flow's own code from a part of it, which some value is an object of."""
        units = self._state.plan.code_units
        reached, waiting = {name: units[name]}, [name]
        while waiting:
            for other in reached[waiting.pop()][1]:
                if other not in reached:
                    reached[other] = units[other]
                    waiting.append(other)
        return sorted([own, *order] for own, _, *order in reached.values())

    def _argument_read(self, name: str) -> Any:
        call = self._state.step.call or {}
        return self._tree(call["arguments"][name])

    def _fan_read(self) -> Any:
        fan = self._state.step.fan or {}
        return [self._tree(source) for source in fan["sources"]]

    def _tests_read(self) -> Any:
        return [self._tree(test) for test in self._state.step.tests]

    def _inputs(self) -> List[InputState]:
        if self._state.inputs is None:
            raise LookupError("no inputs")
        return self._state.inputs

    def _foreach(self, state: TaskState, level: int) -> Dict[str, Any]:
        opener = state.plan.openers(state.step)[level]
        found: Dict[str, Any] = self._state.layout.manifest(opener.name, state.path[:level])["foreach"]
        return found

    def _item(self, state: TaskState, level: int) -> Any:
        opener = state.plan.openers(state.step)[level]
        if opener.foreach_var is None:
            return state.path[level]
        layout = self._state.layout
        ref = self._foreach(state, level)
        return artifacts.item_identity(layout.store, layout.flow, opener.foreach_var, ref, state.path[level])

    def _tree(self, value: Value) -> Any:
        if self._arguments is None:
            self._arguments = _Identities(self._state)
        return self._arguments.value(value)


class _Identities(Values):
    """The values of a plan by what they are the same by."""

    def value(self, value: Value) -> Any:
        """A value as plain JSON: hashes in place of what is stored."""
        if "output" in value:
            step, base = self._place(value)
            if step is self._state.step:
                return "own"  # the task's own output is what the cache has
            return self._outputs.identities(step, value["output"][1], base, value.get("levels", 0))
        if "item" in value:
            return self._item_identity(value)
        if "parameter" in value:
            return artifacts.identity(self._parameters().get(value["parameter"]))
        if "stored" in value:
            return artifacts.identity(value["stored"])
        if "chosen" in value:
            return self.value(self._chosen(value))
        if "each" in value:
            return self._for_each(value, self.value)
        if "element" in value:
            return [self.value(value["element"]), str(value["key"])]
        for kind in ("list", "tuple", "set"):
            if kind in value:
                return [kind, [self.value(part) for part in value[kind]]]
        if "dict" in value:
            return [[json.dumps(key), self.value(part)] for key, part in value["dict"]]
        parts = [self.value(part) for part in value.get("of", ())]
        # What is done with them, or a literal: the plan's, but a switch may have chosen it.
        return [json.dumps({name: item for name, item in value.items() if name not in ("at", "of")}), parts]

    def _item_identity(self, value: Value) -> str:
        name = value["item"]
        state, level = self._state, self._state.plan.step(name).depth
        foreach = state.layout.manifest(name, self._path[:level])["foreach"]
        index, ref = self._path[level], foreach
        if "fan" in foreach:
            refs, source = foreach["fan"], value.get("source", 0)
            ref = refs[source]
            if foreach.get("product"):
                for other in reversed(refs[source + 1 :]):
                    index //= other["count"]
                index %= ref["count"]
        return artifacts.item_identity(state.layout.store, state.layout.flow, name, ref, index)


def part_of_code(plan: Plan, name: str) -> str | None:
    """The part of the flow's own code that has a class or function; `None` for one of an installed module."""
    if name in plan.code_units:
        return name
    around = name.rpartition(".")[0]
    if not around:
        return None
    return f"{around}: all" if f"{around}: all" in plan.code_units else part_of_code(plan, around)


def digest_of(value: Any) -> str:
    """A digest of plain JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def current_fact(plan: Plan, task: Task, name: str, environment: Mapping[str, str]) -> Any:
    """A fact of `current`, as `flowc.shim.task_facts.set_facts` sets it. Raises KeyError."""
    if name in plan.project:
        return plan.project[name]
    identifier = task_id(task.step, task.path)
    user = environment.get(env_names.NAMESPACE)
    facts: Dict[str, Any] = {
        "run_id": task.run,
        "task_id": identifier,
        "pathspec": f"{plan.flow}/{task.run}/{task.step}/{identifier}",
        "retry_count": task.attempt,
        "step_name": task.step,
        "parameter_names": [entry["attribute"] for entry in plan.parameters],
        "origin_run_id": environment.get(env_names.ORIGIN_RUN_ID) or None,
        "tags": sorted(task.tags),
        "trigger": environment.get(env_names.TRIGGER) or None,
        "scheduled_time": scheduled_text(environment) or None,
        "username": user_of(environment),
        "namespace": user or user_of(environment),
        **dict.fromkeys(("project_name", "branch_name", "project_flow_name", "is_user_branch", "is_production")),
    }
    return facts[name]


def shown_read(read: List[Any]) -> str:
    """A read in words."""
    kind, *rest = read
    if kind == "inputs":
        name, which = rest
        where = "all inputs" if which is None else f"input {', '.join(map(str, which))}"
        return f"artifact {name!r} of {where}"
    if kind == "merge":
        return "the artifacts that merge_artifacts merges"
    if kind in ("item", "index", "width"):
        words = {"item": "the item", "index": "the number of the item", "width": "the number of items"}
        return f"{words[kind]} of the foreach" + (f" at level {rest[0]}" if rest[0] else "")
    if kind.startswith("input "):
        return f"{kind[6:]} of input {rest[0]}"
    if kind == "fact":
        return f"current.{rest[0]}"
    if kind == "code":
        return f"the code of {rest[0]}"
    words = {
        "run": "what the steps before it have left",
        "join": "the number of inputs",
        "fan": "what is mapped over",
        "tests": "what the condition reads",
    }
    return words[kind] if kind in words else f"{kind} {rest[0]!r}"
