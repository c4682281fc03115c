"""Executing a DAG template: executeDAG, executeDAGTask and assessDAGPhase of the controller's dag.go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.dag_results import dag_outputs, dag_phase, results, task_values
from flowc_targets.simulate.expression_parser import evaluate_when
from flowc_targets.simulate.problems import HeldError, NodeError, TooDeepError
from flowc_targets.simulate.substitution import as_text, replaced_json, to_json
from flowc_targets.simulate.workflow_nodes import FAILED, Call, Node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowc_targets.simulate.workflow_nodes import Node, NodeType, Phase
    from flowc_targets.simulate.workflow_run import Run
    from flowc_targets.simulate.workflow_spec import Template


class DagRun:
    """A DAG node under way. A task is looked at when the last of those before it is done."""

    def __init__(self, run: Run, node: Node, template: Template, raw: dict[str, Any], call: Call) -> None:
        """`raw` is the template, processed."""
        self.run = run
        self.node = node
        self.template = template
        self.depth = call.depth
        self.on_exit = call.on_exit
        self._raw = {item["name"]: item for item in raw["dag"]["tasks"]}
        self._groups: dict[str, Group] = {}
        self._held: dict[str, None] = {}
        self._open: dict[Node, list[str]] = {}
        """Nodes that are not fulfilled, and the tasks that they are of: more than one where ids collide."""
        self._active = 0
        run.boundaries[node.id] = self

    def start(self) -> None:
        """Begin with the tasks that depend on none."""
        self._visit(name for name, task in self.template.tasks.items() if not task.depends.names)
        self._finish()

    def ended(self, node: Node) -> None:
        """A task's node is fulfilled."""
        for name in self._open.pop(node, []):
            self._visit(self.template.tasks[name].dependents)
        self._finish()

    @property
    def is_full(self) -> bool:
        """Whether as many pods and DAGs run in it as the template's `parallelism` allows."""
        return 0 < self.template.parallelism <= self._active

    def count(self, node: Node, step: int) -> None:
        """A node in this DAG begins (1) or ends (-1). Retry nodes and groups do not count (node_counters.go)."""
        if node.type in {"Pod", "DAG"}:
            self._active += step

    def resume(self) -> None:
        """Go on with what was held."""
        held, self._held = list(self._held), {}
        for name in held:
            if name in self._groups:
                self._groups[name].fill()
            else:
                self._visit([name])
        self._finish()

    def hold(self, name: str) -> None:
        """A task waits for a `parallelism`."""
        self._held[name] = None
        self.run.held[self] = None

    def task_name(self, name: str) -> str:
        """The name of a task's node."""
        return f"{self.node.name}.{name}"

    def task_node(self, name: str) -> Node | None:
        """The node that the controller finds for a task."""
        return self.run.nodes.get(self.task_name(name))

    def new_node(self, name: str, kind: NodeType, phase: Phase, message: str = "") -> Node:
        """Make a node of a task that runs nothing itself."""
        task = self.template.tasks.get(name)
        call = Call(self.task_name(name), task.template if task is not None else "", {}, self, self.depth + 1)
        return self.run.new_node(call, kind, phase, message)

    def execute(self, name: str, template: str, arguments: dict[str, str], task: str) -> Node:
        """Execute a template for a task, or for one of a group. Raises HeldError."""
        full = self.task_name(name)
        call = Call(full, template, arguments, self, self.depth + 1, task=task, on_exit=self.on_exit)
        try:
            return self.run.execute(call)
        except NodeError as error:
            node = self.run.nodes.get(full)
            assert node is not None
            if not isinstance(error, TooDeepError):
                node.message = f"task '{full}' errored: {error}"
            return node

    def _visit(self, names: Iterable[str]) -> None:
        """Execute tasks, and at once those after them if they are done already."""
        waiting = list(names)
        while waiting:
            name = waiting.pop(0)
            if self._is_known(name) or not self._is_ready(name):
                continue
            node = self._execute_task(name)
            if node is None:
                self.hold(name)
            elif node.fulfilled:
                # Depth first, as the controller does it: the order of nodes depends on it.
                waiting = [*self.template.tasks[name].dependents, *waiting]
            elif node in self._open:  # two tasks whose ids collide share a node: both are done when it is
                self._open[node].append(name)
            else:
                self._open[node] = [name]
                node.watchers.append(self.ended)

    def _is_known(self, name: str) -> bool:
        node = self.task_node(name)
        return node is not None and node.name == self.task_name(name)

    def _is_ready(self, name: str) -> bool:
        nodes = (self.task_node(other) for other in self.template.tasks[name].depends.names)
        return all(node is not None and node.fulfilled for node in nodes)

    def _execute_task(self, name: str) -> Node | None:
        """The node of a task whose dependencies are done; `None` where it is held."""
        found = self.task_node(name)
        if found is not None:  # another node has the id: the controller takes it for this task's
            return found
        task = self.template.tasks[name]
        # Argo evaluates `depends` with `-` in names replaced, as an expression cannot have it (controller, dag.go).
        logic = task.depends
        known = {other.replace("-", "_"): self._results(other) for other in logic.names}
        if not logic.evaluate(known):
            return self._connected(
                name, self.new_node(name, "Skipped", "Omitted", "omitted: depends condition not met")
            )
        try:
            condition = self._resolved_when(name)
            proceeds = self._proceeds(condition, task.expands)
            if not proceeds and not task.expands:
                return self._skipped(name, f"when '{condition}' evaluated false")
            raw = self._resolved(name) if proceeds else {**self._raw[name], "when": condition}
            if task.expands:
                return self._expand(name, raw, proceeds)
        except NodeError as error:
            return self._connected(name, self.new_node(name, "Skipped", "Error", str(error)))
        self._connect(name, self.run.nodes.id_of(self.task_name(name)))
        try:
            return self.execute(name, task.template, arguments_of(raw), name)
        except HeldError:
            return None

    def _resolved_when(self, name: str) -> str | None:
        """The `when` of a task with its values; in a fan-out the tag `item` stays."""
        when = self._raw[name].get("when")
        if when is None or "{{" not in when:
            return when
        text = to_json(when)
        resolved: str = replaced_json(text, {**self.run.values, **task_values(self, text)}, _is_of_tasks)
        return resolved

    def _proceeds(self, condition: str | None, expands: bool) -> bool:
        """Whether a `when` holds. One that cannot be evaluated may contain `item`, which is not known yet."""
        try:
            return condition is None or evaluate_when(condition)
        except NodeError:
            if expands:
                return True
            raise

    def _resolved(self, name: str) -> dict[str, Any]:
        """A task with its values, except `item`."""
        text = to_json(self._raw[name])
        resolved: dict[str, Any] = replaced_json(text, {**self.run.values, **task_values(self, text)}, _is_of_tasks)
        return resolved

    def _expand(self, name: str, raw: dict[str, Any], proceeds: bool) -> Node:
        """The group of a fan-out. Where `when` does not hold, its count has not been looked at (dag.go, expandTask)."""
        try:
            items = expand_sequence(raw["withSequence"])
        except NodeError:
            if proceeds:
                raise
            items = []
        if not items:
            return self._skipped(name, "Skipped, empty params")
        node = self._connected(name, self.new_node(name, "TaskGroup", "Running"))
        self._groups[name] = Group(self, name, node, raw, items)
        self._groups[name].fill()
        return node

    def _skipped(self, name: str, why: str) -> Node:
        return self._connected(name, self.new_node(name, "Skipped", "Skipped", why))

    def _connected(self, name: str, node: Node) -> Node:
        self._connect(name, node.id)
        return node

    def _connect(self, name: str, node: str) -> None:
        """Make a task's node follow the ends of what it depends on, or else the DAG's own."""
        names = self.template.tasks[name].depends.names
        if not names:
            self.run.nodes.connect(self.node.id, node)
        for other in names:
            before = self.task_node(other)
            assert before is not None
            for parent in self.run.nodes.outbound(before):
                self.run.nodes.connect(parent, node)

    def _results(self, name: str) -> dict[str, bool]:
        node = self.task_node(name)
        assert node is not None
        return results(node, self)

    def _finish(self) -> None:
        """Give the DAG its last phase when nothing in it is under way."""
        if self._open or self._held or self.node.fulfilled:
            return
        phase = dag_phase(self)
        if phase is None:
            return
        leaves = (self.task_node(name) for name in self.template.leaves)
        self.node.outbound = tuple(id_ for leaf in leaves if leaf is not None for id_ in self.run.nodes.outbound(leaf))
        if phase in FAILED:
            self.run.mark(self.node, phase)
            return
        try:
            self.node.outputs = dag_outputs(self)
        except NodeError as error:
            self.run.mark(self.node, "Error", str(error))
            return
        self.run.mark(self.node, "Succeeded")


def arguments_of(raw: dict[str, Any]) -> dict[str, str]:
    """The arguments of a task by name."""
    return {item["name"]: as_text(item["value"]) for item in raw.get("arguments", {}).get("parameters", [])}


def _is_of_tasks(tag: str) -> bool:
    """Whether a tag has to be resolved before a task can run (dag.go, resolveDependencyReferences)."""
    return tag == "tasks" or tag.startswith("tasks.")


class Group:
    """One fan-out under way."""

    def __init__(self, dag: DagRun, name: str, node: Node, raw: dict[str, Any], items: list[str]) -> None:
        """`raw` is the task with all values but `item`."""
        self._dag = dag
        self._name = name
        self._node = node
        self._template: str = raw["template"]
        self._items = items
        # Only what may hold `item` is kept as text: it is substituted anew for each item.
        self._text = to_json({key: value for key, value in raw.items() if key in {"arguments", "when"}})
        self._values = {**dag.run.values}
        self._strict = _every if _proceeds(raw) else None
        self._next = 0
        self._open: set[Node] = set()

    def fill(self) -> None:
        """Make the nodes of all items that have none, as far as `parallelism` allows."""
        run = self._dag.run
        while self._next < len(self._items):
            name = f"{self._name}({self._next}:{self._items[self._next]})"
            # Connected before it is executed, as the controller does: a node that is held is a child already.
            run.nodes.connect(self._node.id, run.nodes.id_of(self._dag.task_name(name)))
            try:
                node = self._node_of(name, self._items[self._next])
            except HeldError:
                self._dag.hold(self._name)
                return
            self._next += 1
            if not node.fulfilled and node not in self._open:
                self._open.add(node)
                node.watchers.append(self.ended)
        self._finish()

    def ended(self, node: Node) -> None:
        """One of the nodes is fulfilled."""
        self._open.discard(node)
        self._finish()

    def _node_of(self, name: str, item: str) -> Node:
        found = self._dag.task_node(name)
        if found is not None:
            return found
        self._values["item"] = item
        try:
            raw: dict[str, Any] = replaced_json(self._text, self._values, self._strict)
            when = raw.get("when", "")
            if not evaluate_when(when):
                return self._dag.new_node(name, "Skipped", "Skipped", f"when '{when}' evaluated false")
        except NodeError as error:
            return self._dag.new_node(name, "Skipped", "Error", str(error))
        arguments = {entry["name"]: as_text(entry["value"]) for entry in raw.get("arguments", {}).get("parameters", [])}
        return self._dag.execute(name, self._template, arguments, name)

    def _finish(self) -> None:
        if self._open or self._next < len(self._items):
            return
        phase: Phase = "Succeeded"
        for id_ in self._node.children:
            child = self._dag.run.nodes.by_id[id_].phase
            if child in FAILED:
                phase = child
        self._dag.run.mark(self._node, phase)


def expand_sequence(sequence: dict[str, Any]) -> list[str]:
    """The items of a sequence, none for a count of 0. Raises NodeError."""
    start = _number(sequence.get("start", 0))
    if "end" in sequence:
        end = _number(sequence["end"])
    else:
        count = _number(sequence["count"])
        if count == 0:
            return []
        end = start + count - 1
    form = sequence.get("format", "%d")
    if not re.fullmatch(r"[^%]*%0?\d*[dxX][^%]*", form):
        raise NodeError(f"withSequence.format {form!r} is not simulated")
    numbers = range(start, end + 1) if start <= end else range(start, end - 1, -1)
    return [form % number for number in numbers]


def _number(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise NodeError(f'strconv.Atoi: parsing "{value}": invalid syntax') from None


def _proceeds(raw: dict[str, Any]) -> bool:
    """Whether the `when` of a task holds, or may hold for an item (operator.go, processItem)."""
    try:
        return evaluate_when(raw.get("when", ""))
    except NodeError:
        return True


def _every(tag: str) -> bool:
    """No tag may be left."""
    del tag
    return True
