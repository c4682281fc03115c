"""The nodes of a run, under the ids that Argo gives them.

An id is the workflow's name and the 32-bit FNV-1a hash of the node's name (workflow_types.go, NodeID), and every lookup
by name goes by the id. So if the names of two nodes have the same hash, the controller takes the later one for the
existing one, and silently never creates it. `lost` has those.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowc_targets.simulate.dag_run import DagRun


Phase = Literal["Pending", "Running", "Succeeded", "Skipped", "Failed", "Error", "Omitted"]
NodeType = Literal["Pod", "DAG", "TaskGroup", "Retry", "Skipped", "Suspend"]

FULFILLED = frozenset({"Succeeded", "Skipped", "Failed", "Error", "Omitted"})
COMPLETED = frozenset({"Succeeded", "Failed", "Error"})
FAILED = frozenset({"Failed", "Error"})


@dataclass(slots=True, eq=False)
class Node:
    """wfv1.NodeStatus, with what the simulator needs beside it."""

    id: str
    name: str
    type: NodeType
    phase: Phase
    template: str
    boundary: str
    depth: int
    message: str = ""
    retried: bool = False
    outputs: dict[str, str] | None = None
    children: dict[str, None] = field(default_factory=dict[str, None])
    """Ids, in the order in which they came."""
    outbound: tuple[str, ...] = ()
    started: float = field(default_factory=time.time)
    """Seconds since the epoch."""
    running: float = 0.0
    """When a pod got its place; before that it was pending."""
    finished: float = 0.0
    watchers: list[Callable[[Node], None]] = field(default_factory=list["Callable[[Node], None]"])
    """Called when it is fulfilled."""

    @property
    def fulfilled(self) -> bool:
        """Whether it has its last phase."""
        return self.phase in FULFILLED


class Nodes:
    """All nodes of one Workflow."""

    def __init__(self, workflow: str) -> None:
        self.workflow = workflow
        self.by_id: dict[str, Node] = {}
        self.lost: dict[str, str] = {}
        """Names of nodes that were never created, and the name of the node that has their id."""

    def id_of(self, name: str) -> str:
        """The id for a node of this name."""
        return self.workflow if name == self.workflow else f"{self.workflow}-{fnv32a(name)}"

    def get(self, name: str) -> Node | None:
        """The node that Argo finds under a name: one that has its id."""
        found = self.by_id.get(self.id_of(name))
        if found is not None and found.name != name:
            self.lost.setdefault(name, found.name)
        return found

    def add(self, node: Node) -> None:
        """Add a node whose id is free."""
        assert node.id not in self.by_id, node.name
        if node.fulfilled:
            node.finished = node.started
        self.by_id[node.id] = node

    def connect(self, parent: str, child: str) -> None:
        """Make the node with the id `child` follow the node with the id `parent`."""
        self.by_id[parent].children[child] = None

    def outbound(self, node: Node) -> list[str]:
        """The ids that what follows a node is connected to (operator.go, getOutboundNodes)."""
        match node.type:
            case "Retry" if node.children:
                return [list(node.children)[-1]]
            case "TaskGroup" if not node.children:
                return [node.id]
            case "TaskGroup":
                return [found for child in node.children for found in self.outbound(self.by_id[child])]
            case "DAG" | "Retry":
                return [found for child in node.outbound for found in self.outbound(self.by_id[child])]
            case _:
                return [node.id]


def fnv32a(text: str) -> int:
    """Go's hash/fnv.New32a of a string."""
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


@dataclass(frozen=True, slots=True)
class Call:
    """A template to execute, as a node of this name."""

    name: str
    template: str
    arguments: Mapping[str, str]
    boundary: DagRun | None
    depth: int
    """How many calls of templates it is nested in."""
    task: str = ""
    """The name of the task that calls it, with the item; empty for the entrypoint."""
    on_exit: bool = False
    """Whether it is part of the exit handler."""
