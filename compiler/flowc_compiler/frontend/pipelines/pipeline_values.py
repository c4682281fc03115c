"""What a pipeline's body deals with beside plain data: steps, pipelines, and results that exist when the flow runs."""

from __future__ import annotations

from dataclasses import dataclass

from flowc_compiler.evaluate.values import RuntimeValue
from flowc_compiler.frontend.pipelines.region_builder import MapBuilder
from flowc_compiler.frontend.pipelines.settings.layer_reader import SettingsLayer
from flowc_compiler.frontend.pipelines.types.type_model import Type
from flowc_compiler.ir.regions import Value
from flowc_compiler.syntax.modules import FunctionNode, ModuleView


@dataclass(eq=False)
class StepFunction:
    """A function with `@step`, or a copy of one that `.with_options(...)` made."""

    view: ModuleView
    """The file that it is defined in."""
    module: str | None
    """The dotted name of that file as tasks import it; `None` for the flow's own."""
    node: FunctionNode
    outputs: tuple[str, ...]
    """The names of its outputs; none when it returns nothing."""
    many: bool
    """Whether it returns a tuple with one value for each output."""
    layers: list[SettingsLayer]
    name: str
    """What its invocations are called by default: the function's name, or that of `@step(name=...)`."""

    @property
    def function(self) -> str:
        """The name of the function."""
        return self.node.name


@dataclass(eq=False)
class PipelineFunction:
    """A function with `@pipeline`, or a copy of one that `.with_options(...)` made."""

    view: ModuleView
    node: FunctionNode
    layers: list[SettingsLayer]
    defaults: dict[str, object]
    """Values of its parameters' defaults; `Unresolved` where one is not known."""

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.node.name


@dataclass(frozen=True, eq=False)
class Result(RuntimeValue):
    """An output of a step, an item, a parameter of the run, or a part of one of these."""

    value: Value
    type: Type | None = None
    """Its type where that is known; for a `MappedResult` see its item."""
    node: str | None = None
    """The step or switch that has to be done before it is there."""

    def __eq__(self, other: object) -> bool:
        """Whether both are the same value of the run."""
        return isinstance(other, Result) and self.value == other.value

    def __hash__(self) -> int:
        """By identity, as values of the IR may hold lists."""
        return id(self)


@dataclass(frozen=True, eq=False)
class StepOutputs(RuntimeValue):
    """What a call of a step gives that has no output, or several: unpacked or indexed, each is a result."""

    step: str
    """The name of the step."""
    names: tuple[str, ...]
    results: tuple[Result, ...]

    def __eq__(self, other: object) -> bool:
        """Whether both are of the same step."""
        return isinstance(other, StepOutputs) and self.step == other.step

    def __hash__(self) -> int:
        """By the name of the step."""
        return hash(self.step)


@dataclass(frozen=True, eq=False)
class MappedResult(RuntimeValue):
    """What a mapped call gives: one item for each that was mapped over. Passed to a step, it is a list."""

    map: MapBuilder
    item: object
    """What one run of the map's body gives, as it is seen there: a `Result`, another `MappedResult`, ..."""

    def __eq__(self, other: object) -> bool:
        """Whether both are the same items of the same map."""
        return isinstance(other, MappedResult) and self.map is other.map and self.item == other.item

    def __hash__(self) -> int:
        """By the map."""
        return id(self.map)


@dataclass(frozen=True, eq=False)
class Unmapped:
    """`unmapped(x)`: an argument of `.map` that every item gets whole."""

    value: object


@dataclass(frozen=True, eq=False)
class FunctionMethod:
    """`work.map`, `work.product`, `work.submit`, or a method of a result such as `result.load`."""

    owner: object
    name: str
