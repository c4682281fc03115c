"""What values refer to, and the same values with their references settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowc_compiler.frontend.pipelines.graph import MapCall, Node, StepCall
from flowc_compiler.ir import (
    ChosenValue,
    CollectionValue,
    EachValue,
    ElementValue,
    ItemValue,
    OperationValue,
    OutputValue,
    ParameterValue,
    Value,
)


def parts(value: Value) -> Iterator[Value]:
    """A value and every value in it."""
    pending = [value]
    while pending:
        found = pending.pop()
        yield found
        match found:
            case ElementValue(value=inner) | EachValue(value=inner):
                pending.append(inner)
            case CollectionValue(values=inner) | ChosenValue(values=inner) | OperationValue(operands=inner):
                pending.extend(reversed(inner))
            case _:
                pass


def own_values(node: Node) -> tuple[Value, ...]:
    """The values that a node needs itself, those of the nodes inside of it left out."""
    match node:
        case StepCall(call=call):
            return tuple(argument.value for argument in call.arguments)
        case MapCall(sources=sources):
            return sources
        case _:
            return node.tests


def names_in(value: Value) -> Iterator[str]:
    """The nodes that a value refers to."""
    for part in parts(value):
        match part:
            case OutputValue(step=name) | ItemValue(opener=name) | ChosenValue(switch=name) | EachValue(opener=name):
                yield name
            case _:
                pass


def has_parameter(value: Value) -> bool:
    """Whether a parameter of the run is in a value."""
    return any(isinstance(part, ParameterValue) for part in parts(value))


def settled(
    value: Value, names: dict[str, str], around: tuple[str, ...], maps: Callable[[str], tuple[str, ...]]
) -> Value:
    """A value with nodes by the names of their steps (`names` has those that differ), and outputs with their levels.

    `around` are the maps that the reader stands in, and `maps` tells those around a node, the outermost first.
    """

    def levels(step: str) -> int:
        inside = maps(step)
        shared = 0
        while shared < min(len(inside), len(around)) and inside[shared] == around[shared]:
            shared += 1
        return len(inside) - shared

    def settle(part: Value) -> Value:
        match part:
            case OutputValue(step=step):
                return part.model_copy(update={"step": names.get(step, step), "levels": levels(step)})
            case ItemValue(opener=opener):
                return part.model_copy(update={"opener": names.get(opener, opener)})
            case EachValue(opener=opener, value=inner):
                within = settled(inner, names, (*maps(opener), opener), maps)
                return part.model_copy(update={"opener": names.get(opener, opener), "value": within})
            case ElementValue(value=inner):
                return part.model_copy(update={"value": settle(inner)})
            case CollectionValue(values=inner):
                return part.model_copy(update={"values": tuple(settle(item) for item in inner)})
            case ChosenValue(switch=switch, values=inner):
                chosen = {"switch": names.get(switch, switch), "values": tuple(settle(item) for item in inner)}
                return part.model_copy(update=chosen)
            case OperationValue(operands=inner):
                return part.model_copy(update={"operands": tuple(settle(item) for item in inner)})
            case _:
                return part

    return settle(value)
