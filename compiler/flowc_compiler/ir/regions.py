"""The body of a pipeline before `lower_regions`: calls of steps, maps and switches, each in the region it stands in.

Names are unique in the whole flow, and values refer to nodes by name. A step of a class flow reads artifacts by name,
and has no values. A step of a pipeline calls a function, and each argument is a small tree of values, those that are
known and where the others come from, which the shim looks up when the task runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from flowc_compiler.ir.base import Model, Node
from flowc_compiler.ir.spec_sets import NO_SPECS, StepSpecs
from flowc_compiler.source import Span

OWN_TASKS = "flowc.compat.body_tasks"
"""The module with the functions of flowc's own tasks, which are made of what a pipeline's body does."""


class LiteralValue(Model):
    """A value that was known when the flow was compiled: plain data of Python's own types."""

    kind: Literal["literal"] = "literal"
    value: Any = None


class OutputValue(Model):
    """An output of another step."""

    kind: Literal["output"] = "output"
    step: str
    name: str = "output"
    levels: int = 0
    """How many foreach scopes lie around that step and not around the reader: so deep are the lists that it gets."""


class ItemValue(Model):
    """The task's own item of a foreach around it."""

    kind: Literal["item"] = "item"
    opener: str
    """The step that opened the foreach."""
    source: int = 0
    """Which of the lists that are mapped over together."""


class ParameterValue(Model):
    """A parameter of the run."""

    kind: Literal["parameter"] = "parameter"
    name: str


class ComputedValue(Model):
    """What a task computes with other values."""

    span: Span | None = None
    """Where it is written, for the message of an error; `None` for what cannot fail."""

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        data: dict[str, Any] = handler(self)
        return {key: item for key, item in data.items() if item or key not in {"span", "keywords"}}


class ElementValue(ComputedValue):
    """An entry of another value, `value[key]`."""

    kind: Literal["element"] = "element"
    value: Value
    key: str | int
    entries: int | None = None
    """How many there are in all, where the value is taken apart as in `first, second = value`."""


class CollectionValue(Model):
    """A list, tuple, set or dict of values."""

    kind: Literal["list", "tuple", "set", "dict"]
    keys: tuple[Any, ...] = ()
    """The keys of a dict, in order."""
    values: tuple[Value, ...] = ()


class ChosenValue(Model):
    """What an `if` left in a variable: one value for each arm, by the step that the switch leads to."""

    kind: Literal["chosen"] = "chosen"
    switch: str
    values: tuple[Value, ...]
    """In the order of the switch's cases."""


class EachValue(Model):
    """A list with one value for each item of a foreach, made of what the tasks of its body have."""

    kind: Literal["each"] = "each"
    opener: str
    """The step that opened the foreach, which the reader stands behind."""
    value: Value
    """As a task of the body sees it."""


class ObjectValue(Model):
    """An object of a class of the flow's files, which the task makes; or a member of an enumeration."""

    kind: Literal["object"] = "object"
    name: str
    """The name of the class in its module."""
    module: str | None = None
    """The dotted name of a local module; `None` for the flow's own file."""
    values: tuple[Value, ...] = ()
    keywords: tuple[str, ...] = ()
    """The names of the last values."""
    member: str | None = None


Operator = Literal[
    "==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not", "and", "or", "not",
    "+", "-", "*", "/", "//", "%", "**", "@", "<<", ">>", "&", "|", "^", "neg", "pos", "invert",
    "if", "getattr", "getitem", "slice", "format", "concat", "call", "method", "isinstance", "place",
]  # fmt: skip
"""Python's operators as they are written, and those that have operands of their own:

- `if`: a condition, the value where it holds, and the other one.
- `getattr`: a value, and a name. `getitem`: a value, and a key. `slice`: start, stop and step.
- `format`: a value, a conversion (`r`, `s`, `a` or nothing), and a format; `concat`: the parts of an f-string.
- `call`: the name of a builtin function, and its arguments. `method`: a value, a name, and the arguments.
- `isinstance`: a value, and the names of builtin types.
- `place`: a path, relative to the folder with the flow's file, and `str` or `Path`.
"""


class OperationValue(ComputedValue):
    """An operation on values that Python does in the task that needs its outcome."""

    kind: Literal["operation"] = "operation"
    operator: Operator
    operands: tuple[Value, ...]
    keywords: tuple[str, ...] = ()
    """Of a call: the names of its last arguments."""


Value = Annotated[
    LiteralValue
    | OutputValue
    | ItemValue
    | ParameterValue
    | ElementValue
    | CollectionValue
    | ChosenValue
    | OperationValue
    | EachValue
    | ObjectValue,
    Field(discriminator="kind"),
]
"""One value, by `kind`."""


class Argument(Model):
    """An argument of a call."""

    name: str
    value: Value


class Call(Model):
    """The function that a step of a pipeline calls."""

    function: str
    """Its name in its module; dotted for `module.function`."""
    module: str | None = None
    """The dotted name of a local module, relative to the flow's folder; `None` for the flow's own file."""
    arguments: tuple[Argument, ...] = ()
    outputs: tuple[str, ...] = ("output",)
    """The artifacts that the result is stored as."""
    many: bool = False
    """Whether the result is a tuple with one value for each output; else it is the one output."""


class Fan(Model):
    """What a foreach maps over that no step returns as one list: several lists together, or one that is known."""

    sources: tuple[Value, ...]
    product: bool = False
    """Every combination of the sources' items, the last source's fastest; otherwise they are of one length."""


def parts(value: Value) -> Iterator[Value]:
    """A value and every value in it, in order."""
    pending = [value]
    while pending:
        found = pending.pop()
        yield found
        pending.extend(reversed(inner_values(found)))


def inner_values(value: Value) -> tuple[Value, ...]:
    """The values directly in a value, in order."""
    match value:
        case ElementValue(value=inner) | EachValue(value=inner):
            return (inner,)
        case CollectionValue(values=inner) | ChosenValue(values=inner) | ObjectValue(values=inner):
            return inner
        case OperationValue(operands=inner):
            return inner
        case _:
            return ()


def rebuilt(value: Value, change: Callable[[Value], Value]) -> Value:
    """A value with what `change` makes of the values directly in it."""
    match value:
        case ElementValue(value=inner) | EachValue(value=inner):
            return value.model_copy(update={"value": change(inner)})
        case CollectionValue(values=inner) | ChosenValue(values=inner) | ObjectValue(values=inner):
            return value.model_copy(update={"values": tuple(map(change, inner))})
        case OperationValue(operands=inner):
            return value.model_copy(update={"operands": tuple(map(change, inner))})
        case _:
            return value


def renamed(value: Value, name: Callable[[str], str]) -> Value:
    """A value that refers to steps by the names that `name` has for them."""
    value = rebuilt(value, lambda inner: renamed(inner, name))
    match value:
        case OutputValue(step=step):
            return value.model_copy(update={"step": name(step)})
        case ItemValue(opener=opener) | EachValue(opener=opener):
            return value.model_copy(update={"opener": name(opener)})
        case ChosenValue(switch=switch):
            return value.model_copy(update={"switch": name(switch)})
        case _:
            return value


def value_key(value: Value) -> tuple[str, ...]:
    """What two values share that are the same wherever they are written: all of them but their spans."""
    found: list[str] = []
    for part in parts(value):
        inner = inner_values(part)
        own = {name: item for name, item in part if name not in _OF_PLACES and not (inner and name in _OF_PARTS)}
        found.append(f"{len(inner)} {own!r}")
    return tuple(found)


_OF_PLACES = frozenset({"span"})
_OF_PARTS = frozenset({"value", "values", "operands"})


def references(value: Value) -> Iterator[str]:
    """The names of the nodes that a value comes from."""
    for part in parts(value):
        match part:
            case OutputValue(step=name) | ChosenValue(switch=name) | EachValue(opener=name):
                yield name
            case _:
                pass


class RegionNodeBase(Node):
    """What every node of a region has."""

    name: str
    after: tuple[str, ...] = ()
    """Names of nodes that have to be done before, beside those whose values this node uses."""


class StepCall(RegionNodeBase):
    """One call of a step; `span` is the call's."""

    kind: Literal["step"] = "step"
    call: Call
    specs: StepSpecs = NO_SPECS
    doc: str = ""


class MapCall(RegionNodeBase):
    """A region that runs once for each item: `work.map(items)` and what follows it item by item."""

    kind: Literal["map"] = "map"
    sources: tuple[Value, ...]
    body: Region
    product: bool = False


class SwitchCall(RegionNodeBase):
    """An `if` on the result of a step: the arm of the first test that holds runs, or else the last one."""

    kind: Literal["switch"] = "switch"
    tests: tuple[Value, ...]
    arms: tuple[Region, ...]
    """One more than there are tests; an arm may be empty."""


RegionNode: TypeAlias = Annotated[StepCall | MapCall | SwitchCall, Field(discriminator="kind")]
"""One node of a region, by `kind`."""


class Region(Model):
    """Nodes that run equally often: the whole pipeline, the body of a map, or an arm of a switch."""

    nodes: tuple[RegionNode, ...] = ()
    """In the order in which they were called."""


def regions_of(node: StepCall | MapCall | SwitchCall) -> tuple[Region, ...]:
    """The regions inside of a node."""
    match node:
        case StepCall():
            return ()
        case MapCall(body=body):
            return (body,)
        case SwitchCall(arms=arms):
            return arms


def values_of(node: StepCall | MapCall | SwitchCall) -> tuple[Value, ...]:
    """The values that a node uses itself; those of the nodes inside of it are left out."""
    match node:
        case StepCall(call=call):
            return tuple(argument.value for argument in call.arguments)
        case MapCall(sources=sources):
            return sources
        case SwitchCall(tests=tests):
            return tests


def step_calls(region: Region) -> Iterator[StepCall]:
    """Every call of a step in a region, however deep, in the order of the calls."""
    pending = [*reversed(region.nodes)]
    while pending:
        node = pending.pop()
        if isinstance(node, StepCall):
            yield node
        for inner in reversed(regions_of(node)):
            pending.extend(reversed(inner.nodes))
