"""What each step of a class flow does with artifacts: what it may set, what it deletes, reads and merges.

The front end computes this, and `passes.artifact_flow` solves it over the graph. What is not certain leads to silence:
`sets` has all that may be set, and `reads` only what is read before the step may have set it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, Protocol

from flowc_compiler.ir.type_model import Evident, Type
from flowc_compiler.source import SourceFile, Span


class Place(NamedTuple):
    """A node of a file."""

    source: SourceFile
    node: ast.AST

    @property
    def span(self) -> Span:
        """Where it is."""
        return self.source.node_span(self.node)


Use = Literal["self", "call", "foreach", "condition"]
"""How an artifact is read: as an attribute, perhaps one that is called, or by its name in `self.next`."""


class ArtifactRead(NamedTuple):
    """An artifact that is read through `self` before the step may have set it."""

    name: str
    place: Place
    how: Use = "self"
    merges: int = 0
    """How many calls of `merge_artifacts` stand before it."""
    deleted: bool = False
    """Whether the step itself has deleted it before."""
    inputs: str = ""
    """The parameter that has the inputs of a join there, for a read of `self.inputs`."""


class InputRead(NamedTuple):
    """An artifact that a join reads from one of its inputs."""

    name: str
    place: Place
    arm: str
    """The step that the input is named by; empty where it may be any."""


class Merge(NamedTuple):
    """A call of `merge_artifacts`."""

    place: Place
    include: tuple[str, ...] | None
    """The names; `None` where they are computed."""
    exclude: tuple[str, ...] | None
    own: frozenset[str]
    """What the join may have set before: it is not merged."""
    whole: bool
    """Whether it certainly merges all inputs, and its failure is not caught."""


class StepEffects:
    """What one step, or a function that gets the flow, does with artifacts."""

    __slots__ = (
        "after_delete", "arms", "deletes", "fan_out_place", "fans_out_over", "havoc", "inputs", "merges", "opaque",
        "reads", "returns", "sets", "stores", "sure", "uses", "values", "writes",
    )  # fmt: skip

    def __init__(self) -> None:
        self.sets: set[str] = set()
        """What it may set."""
        self.deletes: set[str] = set()
        """What it certainly deletes, and does not set again."""
        self.stores: Counter[str] = Counter()
        """How many assignments and deletions of each there are, and calls of functions that set it."""
        self.havoc = False
        """Whether it may set anything."""
        self.opaque = False
        """Whether nothing is known of it, such as of a step with a decorator that may replace it."""
        self.reads: dict[str, ArtifactRead] = {}
        """The first read of each artifact."""
        self.sure: dict[str, ArtifactRead] = {}
        """The first one that no condition stands around: if the step succeeds, this was read."""
        self.after_delete: dict[str, ArtifactRead] = {}
        """The first read of each that the function itself has deleted before."""
        self.inputs: list[InputRead] = []
        self.arms: list[tuple[str, Place]] = []
        """Each `inputs.name`."""
        self.merges: list[Merge] = []
        self.returns: list[Place] = []
        """Each `return` of the function itself."""
        self.writes: dict[str, Place] = {}
        """Assignments to parameters, configs and constants."""
        self.values: dict[str, ast.expr | None] = {}
        """The last value of what it sets, where it is certain; else `None`."""
        self.uses: set[str] = set()
        """What it may change in place: a list or dict that it reads for more than to show it."""
        self.fan_out_place: Place | None = None
        """Where `foreach=` or `condition=` names its variable."""
        self.fans_out_over: ast.AST | None = None
        """The value that the variable of `foreach=` certainly has, where the step sets it; or the method that it is."""


_NONE = StepEffects()


class TypeProblem(NamedTuple):
    """An operation of a step that certainly fails."""

    place: Place
    message: str
    wanted: str
    """The attribute that is missing; empty for other operations."""
    known: tuple[str, ...]
    """The attributes that there are."""


class StepTypes(NamedTuple):
    """What is known of the values in one step."""

    sets: Mapping[str, Evident]
    """What it sets, where that is known."""
    problems: tuple[TypeProblem, ...]


class TypeSource(Protocol):
    """What reads the types of values from the code of the steps."""

    def read(self, step: str, before: Mapping[str, Evident]) -> StepTypes:
        """What a step sets, by what it has when it begins: artifacts and parameters by name, `input`, and as
        `arm.name` what an input of a join has, with no arm for any of them."""
        ...

    def may_be_changed(self, name: str) -> bool:
        """Whether some code may change what is in a list or dict that is an artifact."""
        ...

    def has_no_items(self, of: Type) -> bool:
        """Whether objects of a class of the flow's files certainly cannot be iterated over."""
        ...


class FlowEffects(NamedTuple):
    """What the steps of a flow do, and what is known of its class."""

    steps: Mapping[str, StepEffects]
    known: frozenset[str]
    """What every task has: attributes of the class, and what FlowSpec has."""
    guarded: frozenset[str]
    """What the file asks for before it reads it, as with `hasattr`: it may be missing."""
    protected: Mapping[str, str]
    """Attribute to what it is: a parameter, a config or a constant, which no step can set."""
    silent: bool
    """Whether the file may look for any artifact before it reads it, or provide it in a way that is not followed."""
    types: TypeSource

    def of(self, step: str) -> StepEffects:
        """What a step does, by its name."""
        return self.steps.get(step, _NONE)


EffectsReader = Callable[[], FlowEffects | None]
"""Computes the effects when a pass asks for them; `None` where the file is nested too deeply."""
