"""`withSequence`: a TaskGroup node, and a node for each item (dag.go, expandTask; operator.go, expandSequence)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from flowc_targets.simulate.nodes import FAILED
from flowc_targets.simulate.problems import HeldError, NodeError
from flowc_targets.simulate.spec import as_text
from flowc_targets.simulate.substitute import replaced_json, to_json
from flowc_targets.simulate.when import holds

if TYPE_CHECKING:
    from flowc_targets.simulate.dag import DagRun
    from flowc_targets.simulate.nodes import Node, Phase


class Group:
    """One fan-out under way."""

    def __init__(self, dag: DagRun, name: str, node: Node, raw: dict[str, Any], items: list[str]) -> None:
        """`raw` is the task with all values but `item`."""
        self._dag = dag
        self._name = name
        self._node = node
        self._template: str = raw["template"]
        self._items = items
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
            run.nodes.connect(self._node.id, run.nodes.id_of(self._dag.task_name(name)))
            try:
                node = self._node_of(name, self._items[self._next])
            except HeldError:
                self._dag.hold(self._name)
                return
            self._next += 1
            if not node.fulfilled and node not in self._open:
                self._open.add(node)
                node.watchers.append(self)
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
            if not holds(when):
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
        return holds(raw.get("when", ""))
    except NodeError:
        return True


def _every(tag: str) -> bool:
    """No tag may be left."""
    del tag
    return True
