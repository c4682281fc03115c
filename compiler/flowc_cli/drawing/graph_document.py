"""The graph of a flow as data: nodes, edges, scopes, specs and artifacts. `flowc graph --format json` prints it.

docs/graph.md describes it. Steps of a pipeline that only hold its graph together are left out where that makes no more
edges; those that stay are `virtual`.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from flowc_compiler.diagnostics.terminal_text import visible_json
from flowc_compiler.ir.base import Model

VERSION: Literal[1] = 1
"""Raised by one when a reader of the old form could misread the new."""

NodeKind = Literal["linear", "branch", "foreach", "parallel", "switch", "join"]
ScopeKind = Literal["foreach", "branch", "switch", "parallel"]


class Fact(Model):
    """One thing that a spec says, in words: `GPU`, `2 × a100`."""

    name: str
    text: str


class GraphNode(Model):
    """One step."""

    id: str
    """The name of the step."""
    kind: NodeKind
    scope: str | None = None
    """The innermost scope that it stands in; `None` for the flow itself."""
    virtual: bool = False
    """Whether it has no task: it only holds the graph of a pipeline together."""
    doc: str = ""
    file: str = ""
    """The file that it is written in, and the line there."""
    line: int = 0
    call: str = ""
    """What a step of a pipeline runs, such as `train(data=load, rate=0.1)`."""
    way_on: str = ""
    """How it leads on, if not plainly: `foreach items`, `switch on kind`, `gang of 4`."""
    gang: bool = False
    """Whether it runs as a gang, whose members know each other."""
    members: int | None = None
    """The number of members of the gang, where it is known."""
    facts: tuple[Fact, ...] = ()
    """What its decorators say, in words."""
    specs: dict[str, Any] = Field(default_factory=dict[str, Any])
    """The specs of the IR that are given; of variables and secrets the names only."""
    sets: tuple[str, ...] | None = None
    """The artifacts that it may set; `None` where they were not asked for, or are not known."""
    reads: tuple[str, ...] | None = None
    """The artifacts of other steps that it may read; in a pipeline `step` or `step.output`."""
    types: dict[str, str] = Field(default_factory=dict[str, str])
    """The types of what it sets, where they are evident: `list[int]`."""
    unused: bool = False
    """Whether no step takes its result, nor does the pipeline return it: it costs a pod for its effects alone."""


class GraphEdge(Model):
    """An edge from one step to the next."""

    source: str
    target: str
    cases: tuple[str, ...] = ()
    """Of a switch: the values that lead here, or in a pipeline the test."""
    loop: bool = False
    """Whether the switch leads back to itself."""
    artifacts: tuple[str, ...] | None = None
    """What crosses here and is read behind; `None` where that was not asked for."""
    types: dict[str, str] = Field(default_factory=dict[str, str])
    """The types of artifacts that cross, where they are evident."""
    unknown: bool = False
    """Whether more may cross: a step cannot be followed."""

    def typed(self) -> list[str]:
        """What crosses, each with its type where that is evident: `items: list[int]`."""
        return [f"{name}: {self.types[name]}" if name in self.types else name for name in self.artifacts or ()]


class GraphScope(Model):
    """The body of a foreach or a gang, or an arm of a branch or a switch."""

    id: str
    kind: ScopeKind
    parent: str | None = None
    title: str = ""
    opener: str | None = None
    closer: str | None = None
    nodes: tuple[str, ...] = ()
    """The steps that stand directly in it."""


class GraphPod(Model):
    """What becomes a pod: a step with all of its tasks one by one, or a group of steps."""

    name: str
    """The name of the first step."""
    kind: Literal["task", "fused", "batch"]
    """One task, all tasks of several steps, or the tasks of some items of a foreach."""
    steps: tuple[str, ...]
    opener: str | None = None
    """Of a batch, the step that opens the foreach."""
    items_per_task: int | None = None
    workers: int = 1
    """The most tasks at a time."""
    facts: tuple[Fact, ...] = ()
    """What the pod has, in words."""


class ExitHooks(Model):
    """Functions that are called when a run has ended."""

    on_success: tuple[str, ...] = ()
    on_error: tuple[str, ...] = ()


class GraphDocument(Model):
    """A graph as data."""

    version: Literal[1] = VERSION
    flow: str
    doc: str = ""
    file: str
    frontend: Literal["class", "pipeline"]
    start: str
    end: str
    nodes: tuple[GraphNode, ...]
    """In topological order."""
    edges: tuple[GraphEdge, ...]
    scopes: tuple[GraphScope, ...] = ()
    """Parents first."""
    exit_hooks: ExitHooks = ExitHooks.model_construct()
    pods: tuple[GraphPod, ...] | None = None
    """What becomes a pod; `None` where that was not asked for."""


def json_text(document: GraphDocument) -> str:
    """The JSON of a graph."""
    left_out = {"pods"} if document.pods is None else None
    data = document.model_dump(mode="json", exclude=left_out)
    return visible_json(json.dumps(data, indent=2, ensure_ascii=False)) + "\n"
