"""The IR: a flow as a table of steps, and the tree of scopes that they stand in.

A step's `kind` says what its `self.next` does, except for a join, which says what it takes in. A scope is a region with
one way in and one way out: the whole flow, the body of a foreach, one arm of a branch. A target lowers scopes.

A class flow and a function pipeline of one shape have the same steps and scopes. A step of a pipeline says in `call`
what it runs; where no call of the user's opens or joins what has to be opened or joined, flowc puts a step in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from flowc_compiler.ir.base import Model, Node
from flowc_compiler.ir.spec_sets import NO_FLOW_SPECS, NO_SPECS, FlowSpecs, StepSpecs
from flowc_compiler.source import Span

if TYPE_CHECKING:
    from flowc_compiler.ir.called_flows import CalledFlow, FlowCall
    from flowc_compiler.ir.container_specs import DependencySpec
    from flowc_compiler.ir.pod_groups import PodGroup
    from flowc_compiler.ir.regions import Call, Fan, Region, Value

SCHEMA_VERSION: Literal[1] = 1
"""Raised by one when a reader of the old JSON could misread the new."""

ROOT_SCOPE = "root"


class StepWrapper(Model):
    """A decorator of the user's own around a step: one that stands above it, or one that a mutator has added."""

    own: int | None = None
    """The number of one above the step, from the innermost."""
    module: str | None = None
    """The module of one that was added; `None` for the flow's file."""
    name: str = ""
    arguments: dict[str, Any] = {}


class ParameterChanges(Model):
    """What mutators have made of the parameters of a class, which a task's class is given, too."""

    added: dict[str, dict[str, Any]] = {}
    """The arguments of each, by attribute; `class` is Parameter or IncludeFile."""
    removed: tuple[str, ...] = ()
    """Attributes."""


class StepBase(Node):
    """What every kind of step has."""

    name: str
    doc: str = ""
    """The docstring, dedented."""
    specs: StepSpecs = NO_SPECS
    next_span: Span | None = None
    """Where its `self.next(...)` stands; `None` on the end step."""
    scope: str = ROOT_SCOPE
    """The innermost scope that it stands in. An opener and its join stand outside of the scopes between them."""
    parents: tuple[str, ...] = ()
    """The other steps that lead here, in the order of the file."""
    call: Call | None = None
    """What a step of a pipeline runs. `None` in a class flow, and where flowc put the step in: it runs nothing then."""
    within: str | None = None
    """The step that calls the flow that this step is of, where it is not the flow's own."""
    virtual: bool = False
    """Whether the step is there for the graph's shape only: it has no task, and is done when its parents are."""
    wrappers: tuple[StepWrapper, ...] | None = None
    """What runs around the step, the innermost first, where mutators have changed what stands above it."""


class LinearStep(StepBase):
    """A step with one successor, or none (the end)."""

    kind: Literal["linear"] = "linear"
    target: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The steps that follow."""
        return () if self.target is None else (self.target,)


class BranchStep(StepBase):
    """`self.next(self.a, self.b)`: every target runs."""

    kind: Literal["branch"] = "branch"
    targets: tuple[str, ...]


class ForeachStep(StepBase):
    """`self.next(self.body, foreach='items')`: the target runs once for every item."""

    kind: Literal["foreach"] = "foreach"
    variable: str
    target: str
    fan: Fan | None = None
    """What is mapped over if that is not an artifact of the step itself: of other steps, or computed from its own."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The first step of the body."""
        return (self.target,)


class ParallelStep(StepBase):
    """`self.next(self.train, num_parallel=n)`: the target runs as a gang of `num_parallel` members."""

    kind: Literal["parallel"] = "parallel"
    target: str
    num_parallel: int | None = None
    """The width where it is a literal; `None` where it is known at run time only."""

    @property
    def targets(self) -> tuple[str, ...]:
        """The step that the members run."""
        return (self.target,)


class SwitchCase(Model):
    """One case of a switch: the value of the artifact, and the step that it leads to."""

    value: bool | int | float | str
    target: str


class SwitchStep(StepBase):
    """`self.next({...}, condition='var')`: one target runs, chosen by the value of an artifact."""

    kind: Literal["switch"] = "switch"
    variable: str
    cases: tuple[SwitchCase, ...]
    """In the order of the file."""
    tests: tuple[Value, ...] = ()
    """In a pipeline: the first test that holds chooses the case of its number, and none the last case."""

    @property
    def recursive(self) -> bool:
        """Whether a case leads back to the step itself: then each iteration is a task of its own."""
        return any(case.target == self.name for case in self.cases)

    @property
    def decides(self) -> bool:
        """Whether the steps behind it depend on its choice: a recursive one may have one way on only."""
        return not (self.recursive and len(self.targets) == 1)

    @property
    def targets(self) -> tuple[str, ...]:
        """Every other step that may follow, each once, in the order of the file."""
        return tuple(dict.fromkeys(case.target for case in self.cases if case.target != self.name))


class JoinStep(StepBase):
    """A step that takes `inputs`: the fan-in of the branch, foreach or gang that `closes` names."""

    kind: Literal["join"] = "join"
    target: str | None = None
    closes: str = ""
    """The step that opened what this one joins; filled in by the scopes pass.

    In a pipeline arms may depend on each other, so that several steps join a branch: it is the nearest step that every
    way here goes through then, and its arms have no scopes of their own.
    """
    arms: tuple[tuple[str, ...], ...] = ()
    """The parents by the arm of the branch that they end, in the order of its targets; one group for a foreach or gang.

    Of a group exactly one step runs: a switch in the arm may lead here by several ways. Filled in by the scopes pass.
    """

    @property
    def targets(self) -> tuple[str, ...]:
        """The steps that follow."""
        return () if self.target is None else (self.target,)


Step = Annotated[
    LinearStep | BranchStep | ForeachStep | ParallelStep | SwitchStep | JoinStep, Field(discriminator="kind")
]
"""One step of a flow, by `kind`."""


class Scope(Model):
    """A region of the flow. `opener` leads into it, `closer` ends it.

    Both stand in the parent scope, except for a switch whose arms lead on to different joins or to the join of a split
    further out: then `closer` is `None`. An arm of a switch is every step that runs only if that arm's first step did;
    a step that several arms lead to, but not all, begins an arm of its own.
    """

    id: str
    """`root`, the opener's name for a foreach body or a gang, `opener/first-step` for an arm of a branch or switch."""
    kind: Literal["root", "foreach", "branch", "switch", "parallel"]
    parent: str | None = None
    opener: str | None = None
    closer: str | None = None
    steps: tuple[str, ...] = ()
    """The steps that stand directly in it, in topological order."""


class Parameter(Node):
    """A `Parameter` or an `IncludeFile` of the flow."""

    attribute: str
    """The name of the class attribute, as steps read it."""
    name: str
    """The name on the command line."""
    source: Literal["value", "file"] = "value"
    """`file` for an IncludeFile: what is given is a path or a URL, and steps read the content."""
    type: Literal["str", "int", "float", "bool", "json"] = "str"
    deferred_type: bool = False
    """The type is that of a default which is not known before the run starts; `str` stands in for it."""
    default: Any = None
    """The default where it is known; a path for an IncludeFile."""
    given: str | None = None
    """The text of a value that replaced the file's own default when the flow was compiled."""
    has_default: bool = False
    """Whether there is a default other than `None`."""
    required: bool = False
    dynamic_default: bool = False
    """The default is not known: the shim evaluates it when the run starts."""
    help: str = ""
    show_default: bool = True
    separator: str | None = None
    converter: str = ""
    """What the first task makes of the text: the name of a class or a function; empty for plain types."""
    module: str | None = None
    """Of a pipeline's parameter: the dotted name of the local module with the pipeline; `None` for the flow's file."""
    choices: tuple[str, ...] = ()
    """The texts that it takes, where only some are allowed."""
    any_case: bool = False
    """Whether upper and lower case are the same for `choices`."""
    minimum: float | None = None
    maximum: float | None = None
    clamp: bool = False
    """Whether a number outside of the range becomes the nearest one in it."""
    multiple: bool = False
    """It takes any number of values: as one text, a JSON list."""
    nargs: int = 1
    """How many values it takes together: as one text, a JSON list or words."""
    flag: str | None = None
    """The text that `--name` without a value stands for."""
    counted: bool = False
    """`--name` without a value counts one more."""
    envvar: tuple[str, ...] = ()
    """Variables that the command line and the first task read, where no value is given."""
    metavar: str = ""
    hidden: bool = False
    """Whether the help leaves it out."""
    fixed: bool = False
    """A parameter of a pipeline that shapes its graph: `default` is the value that it was compiled with."""

    @property
    def takes_several(self) -> bool:
        """Whether its value is a tuple of several that are given."""
        return self.multiple or self.nargs != 1


class Config(Node):
    """A `Config` of the flow, with the value that it had when the flow was compiled."""

    attribute: str
    name: str
    """The name for `--config` and `config_expr`."""
    value: Any = None
    """The value; `None` where none was given, and where the flow's own function parses it."""
    text: str | None = None
    """The text that the flow's own function parses in each task; `None` for a value that is known."""
    plain: bool = False
    """Whether steps read the bare value, not one whose entries are attributes."""
    origin: str = ""
    """Where the value is from: a path, or nothing for one that was written out."""
    required: bool = False
    help: str = ""


class Flow(Node):
    """A whole flow."""

    schema_version: Literal[1] = SCHEMA_VERSION
    name: str
    doc: str = ""
    file: str
    """The file as the user named it."""
    source_hash: str = ""
    """SHA-256 of the source text, hexadecimal."""
    frontend: Literal["class", "pipeline"] = "class"
    start: str = "start"
    end: str = "end"
    parameters: tuple[Parameter, ...] = ()
    configs: tuple[Config, ...] = ()
    constants: tuple[str, ...] = ()
    """Names of class attributes that are neither steps nor parameters: artifacts that every task can read."""
    specs: FlowSpecs = NO_FLOW_SPECS
    """The specs from the decorators of the class."""
    steps: tuple[Step, ...] = ()
    """In the order of the file; in topological order after the scopes pass."""
    scopes: tuple[Scope, ...] = ()
    """The root first, parents before children; empty before the scopes pass."""
    calls: tuple[FlowCall, ...] = ()
    """The calls of other flows, whose steps are among the flow's own, inner ones after those around them."""
    pod_groups: tuple[PodGroup, ...] = ()
    """Steps whose tasks share a pod, in the order of their first steps; any other task has a pod of its own."""
    base_packages: SkipJsonSchema[tuple[DependencySpec, ...]] = Field(default=(), exclude=True)
    """What `@conda_base` and `@pypi_base` give to every step, before `add_base_packages`; empty afterwards."""
    parameter_changes: ParameterChanges | None = None
    """What mutators have made of the parameters that the class has."""
    effects: SkipJsonSchema[Any] = Field(default=None, exclude=True)
    """An `artifact_effects.EffectsReader` for what the steps of a class flow do; `None` after the passes."""
    called: SkipJsonSchema[Any] = Field(default=None, exclude=True)
    """The flows that steps call, by the step, before `inline_calls`; `None` afterwards."""
    complete: SkipJsonSchema[bool] = Field(default=True, exclude=True)
    """Whether the front end knows all of it. With errors it may lead to what is no step, or lack calls: only editors
    look at it then."""
    returned: SkipJsonSchema[tuple[str, ...]] = Field(default=(), exclude=True)
    """The steps of a pipeline whose results it returns; all of them where code may look for results by itself."""
    results: SkipJsonSchema[Any] = Field(default=None, exclude=True)
    """What a pipeline returns that another flow calls: values by name."""
    body: SkipJsonSchema[Region | None] = Field(default=None, exclude=True)
    """The calls of a pipeline, in place of steps, before `lower_regions`; `None` afterwards and for class flows."""

    def calling(self) -> Iterator[tuple[str, CalledFlow]]:
        """The steps that call other flows, by name; before `lower_regions` the nodes of a pipeline's body."""
        if self.body is None:
            yield from ((step.name, step.specs.called) for step in self.steps if step.specs.called is not None)
            return
        from flowc_compiler.ir.regions import step_calls

        for call in step_calls(self.body):
            if call.specs.called is not None:
                yield call.name, call.specs.called

    def is_of_pipeline(self, step: Step) -> bool:
        """Whether a step is of a pipeline, the flow or one that it calls. What waits for a run is the caller's."""
        call = self.call_of[step.within] if step.within is not None else None
        if call is None:
            return self.frontend == "pipeline"
        return self.is_of_pipeline(self.by_name[call.step]) if call.deployed is not None else call.pipeline

    @cached_property
    def call_of(self) -> dict[str, FlowCall]:
        """The calls of other flows, by the calling step."""
        return {call.step: call for call in self.calls}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, as pydantic's, without the look-up tables that were cached on the original."""
        copy = super().model_copy(update=update, deep=deep)
        for name in ("by_name", "scope_by_id", "foreach_depths", "group_of", "call_of"):
            vars(copy).pop(name, None)
        return copy

    @cached_property
    def by_name(self) -> dict[str, Step]:
        """Steps by name."""
        return {step.name: step for step in self.steps}

    @property
    def run_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that a run can be given: all but those of a pipeline that shape its graph."""
        return tuple(parameter for parameter in self.parameters if not parameter.fixed)

    @cached_property
    def scope_by_id(self) -> dict[str, Scope]:
        """Scopes by id."""
        return {scope.id: scope for scope in self.scopes}

    @cached_property
    def group_of(self) -> dict[str, PodGroup]:
        """The group of each step that is in one."""
        return {step: group for group in self.pod_groups for step in group.steps}

    @cached_property
    def foreach_depths(self) -> dict[str, int]:
        """Scope id to the number of foreach (and gang) scopes around its steps: the length of their index path."""
        depths: dict[str, int] = {}
        for scope in self.scopes:
            above = depths[scope.parent] if scope.parent is not None else 0
            depths[scope.id] = above + (scope.kind in {"foreach", "parallel"})
        return depths

    def depth(self, step: Step) -> int:
        """The length of the step's index path: one number for each foreach around it, and one for its iterations."""
        return self.foreach_depths[step.scope] + (step.kind == "switch" and step.recursive)

    def foreach_scope(self, step: Step) -> Scope:
        """The innermost foreach, gang or root scope around a step: what a target lowers to one template or group."""
        scope = self.scope_by_id[step.scope]
        while scope.kind not in {"root", "foreach", "parallel"}:
            assert scope.parent is not None
            scope = self.scope_by_id[scope.parent]
        return scope

    def body_of(self, opener: str) -> Scope:
        """The scope of the foreach or gang that a step opens."""
        return self.scope_by_id[opener]
