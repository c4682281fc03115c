"""What the steps of a pipeline take, and from where, in words close to the pipeline's own source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from flowc_compiler.ir import Flow, Step, Value


def call_text(flow: Flow, step: Step) -> str:
    """The call that a step makes, such as `train(data=load, rate=0.1)`; empty for a step that makes none."""
    if step.call is None:
        return ""
    arguments = (f"{argument.name}={value_text(flow, argument.value)}" for argument in step.call.arguments)
    return f"{step.call.function}({', '.join(arguments)})"


def value_text(flow: Flow, value: Value) -> str:
    """A value: a result by the name of its step, an item as `each of` its list, all items as `all of`."""
    match value.kind:
        case "literal":
            return repr(value.value)
        case "output":
            text = value.step if value.name == "output" else f"{value.step}.{value.name}"
            return f"all of {text}" if value.levels else text
        case "item":
            return f"each of {fan_sources(flow, value.opener)[value.source]}"
        case "parameter":
            return value.name
        case "element":
            return f"{_operand(flow, value.value)}[{value.key!r}]"
        case "list" | "tuple" | "set" | "dict":
            return _collection(value.kind, value.keys, [value_text(flow, item) for item in value.values])
        case "chosen":
            return " or ".join(dict.fromkeys(_operand(flow, item) for item in value.values))
        case "each":
            return f"for each of {fan_text(flow, value.opener)}: {value_text(flow, value.value)}"
        case "operation":
            operands = [_operand(flow, item) for item in value.operands]
            return f"not {operands[0]}" if value.operator == "not" else f" {value.operator} ".join(operands)
        case _:
            assert_never(value.kind)


def fan_sources(flow: Flow, opener: str) -> list[str]:
    """The lists that a foreach goes over."""
    step = flow.by_name[opener]
    assert step.kind == "foreach"
    if step.fan is not None:
        return [value_text(flow, source) for source in step.fan.sources]
    return [opener if step.variable == "output" else f"{opener}.{step.variable}"]


def fan_text(flow: Flow, opener: str) -> str:
    """What a foreach of a pipeline goes over."""
    step = flow.by_name[opener]
    assert step.kind == "foreach"
    sources = fan_sources(flow, opener)
    if len(sources) == 1:
        return sources[0]
    return f"{'product' if step.fan is not None and step.fan.product else 'zip'}({', '.join(sources)})"


def case_texts(flow: Flow, step: Step) -> list[tuple[str, str]]:
    """The step and the test of each case of a pipeline's `if`, in order."""
    assert step.kind == "switch"
    tests = [f"if {value_text(flow, test)}" for test in step.tests]
    return list(zip((case.target for case in step.cases), [*tests, "else"], strict=True))


def real_targets(flow: Flow, name: str) -> list[str]:
    """The steps that do something which a way through a step leads to first: the step itself, or those behind it."""
    found: dict[str, None] = {}
    pending, seen = [name], {name}
    while pending:
        step = flow.by_name[pending.pop(0)]
        if not step.virtual:
            found[step.name] = None
            continue
        new = [target for target in step.targets if target not in seen]
        seen.update(new)
        pending += new
    return list(found)


def real_edges(flow: Flow, edges: Iterator[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Edges of the graph (from, to, label) with virtual steps taken out where that makes no more edges of them."""
    kept = dict.fromkeys(edges)
    into: dict[str, dict[tuple[str, str, str], None]] = {step.name: {} for step in flow.steps}
    out: dict[str, dict[tuple[str, str, str], None]] = {step.name: {} for step in flow.steps}
    for edge in kept:
        into[edge[1]][edge] = out[edge[0]][edge] = None
    for name in (step.name for step in flow.steps if step.virtual):
        before, behind = into[name], out[name]
        if len(before) * len(behind) > len(before) + len(behind):
            continue
        joined = [(a[0], b[1], a[2] or b[2]) for a in before for b in behind]
        for edge in (*before, *behind):
            del kept[edge], into[edge[1]][edge], out[edge[0]][edge]
        for edge in joined:
            kept[edge] = into[edge[1]][edge] = out[edge[0]][edge] = None
    return list(kept)


def _collection(kind: str, keys: tuple[object, ...], texts: list[str]) -> str:
    if kind == "dict":
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(keys, texts, strict=True)) + "}"
    if kind == "tuple":
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return f"[{', '.join(texts)}]" if kind == "list" else "{" + ", ".join(texts) + "}" if texts else "set()"


def _operand(flow: Flow, value: Value) -> str:
    """A value as a part of an expression."""
    text = value_text(flow, value)
    loose = value.kind in {"operation", "chosen", "item", "each"} or text.startswith("all of ")
    return f"({text})" if loose else text
