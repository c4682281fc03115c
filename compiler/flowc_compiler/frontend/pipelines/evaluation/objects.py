"""What expressions in a pipeline's body evaluate to, beside Python's own plain data.

What is known when the flow is compiled is a plain Python value: numbers, strings, and lists, tuples, sets and dicts,
which may hold the objects of this module. What a step returns is not known; it is a `Result`, which says where it comes
from.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from flowc_compiler.frontend.pipelines.graph import MapCall
from flowc_compiler.frontend.pipelines.settings.settings_layer import SettingsLayer
from flowc_compiler.frontend.pipelines.types.type_model import Type
from flowc_compiler.ir.values import Value
from flowc_compiler.syntax.modules import ModuleView

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Environment = dict[str, object]
"""The names of one function's body, and what they stand for."""


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

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.node.name


@dataclass(eq=False)
class HelperFunction:
    """A plain function of the flow's files, or a lambda: calls of it are evaluated in place."""

    view: ModuleView
    node: FunctionNode | ast.Lambda
    closure: tuple[Environment, ...] = ()
    """The names of the functions around it, innermost first; none for a function of a module."""
    defaults: dict[str, object] = field(default_factory=dict[str, object])
    """Values of its parameters' defaults that were evaluated when it was defined, in a function."""

    @property
    def name(self) -> str:
        """The name of the function."""
        return "<lambda>" if isinstance(self.node, ast.Lambda) else self.node.name


@dataclass(frozen=True, eq=False)
class Builtin:
    """A function of Python's that is called on known values, such as `len` or `"a,b".split`."""

    name: str
    function: Callable[..., object]


@dataclass(frozen=True, eq=False)
class BoundMethod:
    """A method of one of this module's objects, such as `work.map` or `result.load`."""

    owner: object
    name: str


@dataclass(frozen=True, eq=False)
class Result:
    """A value that is not known before the run: an output of a step, an item, a parameter of the run, or a part."""

    value: Value
    type: Type | None = None
    """Its type where that is told; for a `MappedResult` see its item."""
    node: str | None = None
    """The step or switch that has to be done before it is there."""


@dataclass(frozen=True, eq=False)
class StepOutputs:
    """What a call of a step gives that has no output, or several: unpacked or indexed, each is a result."""

    step: str
    """The name of the step."""
    names: tuple[str, ...]
    results: tuple[Result, ...]


@dataclass(frozen=True, eq=False)
class MappedResult:
    """What a mapped call gives: one item for each that was mapped over. Passed to a step, it is a list."""

    map: MapCall
    item: object
    """What one run of the map's body gives, as it is seen there: a `Result`, another `MappedResult`, ..."""


@dataclass(frozen=True, eq=False)
class Unmapped:
    """`unmapped(x)`: an argument of `.map` that every item gets whole."""

    value: object


class OneShot(list[object]):
    """What a generator, `zip`, `map` and the like give: it can be gone over once."""

    spent = False


@dataclass(frozen=True, eq=False)
class Unusable:
    """What a name stands for that cannot be read any more, and why."""

    message: str
    """Empty where there is a diagnostic already."""
    help: str = ""
