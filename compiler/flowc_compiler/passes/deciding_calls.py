"""The steps of a pipeline without whose results a map or a switch would fail."""

from __future__ import annotations

from collections.abc import Iterator

from flowc_compiler.ir import ChosenValue, ElementValue, Flow, OperationValue, OutputValue, Value
from flowc_compiler.ir.values import references
from flowc_compiler.passes.placement import WHY


def deciding_calls(flow: Flow) -> dict[str, str]:
    """The steps of a pipeline without whose results a map or a switch would fail, and why.

    A caught failure is `None`. A switch may well test for that first, as in `if result is None`: later tests are not
    evaluated then.
    """
    found: dict[str, str] = {}
    for step in flow.steps:
        if step.kind == "switch":
            found.update((name, WHY["switch"]) for name in _tested(step.tests[0]))
        elif step.kind == "foreach" and step.fan is not None:
            found.update((name, WHY["foreach"]) for source in step.fan.sources for name in _counted(source))
        elif step.kind == "foreach":
            found[step.name] = WHY["foreach"]
    return found


def _counted(source: Value) -> Iterator[str]:
    """The steps whose results say how many items there are."""
    pending = [source]
    while pending:
        match pending.pop():
            case OutputValue(step=name, levels=0):
                yield name
            case ElementValue(value=inner):
                yield from references(inner)
            case ChosenValue(values=values):
                pending += values
            case _:
                pass


def _tested(test: Value) -> Iterator[str]:
    """The steps whose results a test compares by size, or looks into: it raises where one is `None`."""
    pending = [(test, False)]
    while pending:
        value, needed = pending.pop()
        match value:
            case OutputValue(step=name, levels=0) if needed:
                yield name
            case ElementValue(value=inner):
                pending.append((inner, True))
            case ChosenValue(values=values):
                pending += ((inner, needed) for inner in values)
            case OperationValue(operator="and" | "or", operands=operands):
                pending.append((operands[0], False))  # it may guard the others
            case OperationValue(operator="in" | "not in", operands=(item, container)):
                pending += ((item, False), (container, True))
            case OperationValue(operator=operator, operands=operands):
                pending += ((inner, operator in {"<", "<=", ">", ">="}) for inner in operands)
            case _:
                pass
