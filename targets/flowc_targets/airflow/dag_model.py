"""A DAG file as data: what lowering makes of the IR, and what the printer writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from flowc_targets.airflow.python_printer import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTask:
    """A task that runs one step."""

    variable: str
    task_id: str
    """The step's name: the operator tells the shim its own task id."""
    options: dict[str, Expression] = field(default_factory=dict[str, "Expression"])
    """Arguments of the operator, where they differ from the DAG's `default_args`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyTask:
    """A task that runs nothing: what a virtual step is. Airflow's scheduler marks it as done by itself."""

    variable: str
    task_id: str
    options: dict[str, Expression] = field(default_factory=dict[str, "Expression"])
    """Arguments of the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookTask:
    """A task that calls a function of the flow when the run has ended."""

    variable: str
    task_id: str
    function: str
    trigger_rule: str | None
    image: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthTask:
    """The task that turns the counts of a foreach into the list of index paths that its groups are mapped over."""

    variable: str
    task_id: str
    opener: str
    """The id of the task that publishes the count."""
    outer: str | None
    """The variable of the WidthTask of the foreach around it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedGroup:
    """The body of a foreach, or a segment of it: a task group that runs once for every index path."""

    variable: str
    function: str
    group_id: str
    doc: str
    width: str
    """The variable of the WidthTask."""
    body: Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What follows a task: variables of the same block."""

    source: str
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Tasks and groups in topological order, and the edges between them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def has_option(self, name: str) -> bool:
        """Whether a task in it, or in a group in it, has that argument."""
        bodies = (node.body for node in self.nodes if isinstance(node, MappedGroup))
        own = any(isinstance(node, StepTask | EmptyTask) and name in node.options for node in self.nodes)
        return own or any(body.has_option(name) for body in bodies)

    @property
    def has_empty(self) -> bool:
        """Whether a task in it, or in a group in it, runs nothing."""
        bodies = (node.body for node in self.nodes if isinstance(node, MappedGroup))
        return any(isinstance(node, EmptyTask) for node in self.nodes) or any(body.has_empty for body in bodies)


Node = StepTask | EmptyTask | HookTask | WidthTask | MappedGroup
"""What a block is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagParam:
    """A parameter of the flow as Airflow's form shows it."""

    key: str
    variable: str
    """The environment variable that brings it to the start step."""
    schema: dict[str, Expression]
    """Arguments of `Param`; without `default` a run must give a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DagFile:
    """One DAG file."""

    operator: Literal["kubernetes", "local"]
    version: str
    source: str
    flow: str
    source_hash: str
    code_hash: str
    start: str
    root: str
    tags: tuple[str, ...]
    env: dict[str, str]
    """Variables of every task."""
    python: str | None
    params: tuple[DagParam, ...]
    dag: dict[str, Expression]
    """Arguments of `@dag`, but for `params`."""
    shared: dict[str, Expression]
    """Values that several tasks have in common, by the names that stand in their place."""
    body: Block
    code: bytes
    config_map: str | None
    """The name of the ConfigMap that has the code; `None` where it is in the file."""

    @property
    def printable_source(self) -> str:
        """The name of the source for a comment."""
        return "".join(character if character.isprintable() else "?" for character in self.source)

    @property
    def has_outputs(self) -> bool:
        """Whether a task tells the scheduler a count or a choice."""
        return self.body.has_option("callbacks")

    @property
    def has_switch(self) -> bool:
        """Whether a task runs only where a switch has chosen it."""
        return self.body.has_option("when")

    @property
    def has_loop(self) -> bool:
        """Whether a step has a task for each iteration."""
        return self.body.has_option("iteration")

    @property
    def has_assets(self) -> bool:
        """Whether the file names assets: what its DAG waits for, or tells of."""
        return self.body.has_option("outlets") or isinstance(self.dag.get("schedule"), tuple)

    @property
    def has_hooks(self) -> bool:
        """Whether something is called when a run has ended."""
        return any(isinstance(node, HookTask) for node in self.body.nodes)

    @property
    def has_foreach(self) -> bool:
        """Whether the file needs the task that publishes indices."""
        return any(isinstance(node, WidthTask) for node in self.body.nodes)
