"""What a step of a pipeline calls, and with which values, as the plan has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowc.protocol.plan import StepEntry
    from flowc_compiler.ir import Call, Flow, Step, Value

Json = dict[str, Any]


def called(flow: Flow, step: Step) -> StepEntry:
    """What a step calls, fans out over and chooses by; empty for a step of a class flow."""
    entry: StepEntry = {}
    if step.call is not None:
        entry["call"] = _call(flow, step.call)
    if step.virtual:
        entry["virtual"] = True
    if step.kind == "foreach" and step.fan is not None:
        sources = [planned(flow, source) for source in step.fan.sources]
        entry["fan"] = {"sources": sources, "product": step.fan.product}
    if step.kind == "switch" and step.tests:
        entry["tests"] = [planned(flow, test) for test in step.tests]
        entry["cases"] = [case.target for case in step.cases]
    return entry


def _call(flow: Flow, call: Call) -> Json:
    return {
        "function": call.function,
        "module": call.module,
        "arguments": {argument.name: planned(flow, argument.value) for argument in call.arguments},
        "outputs": list(call.outputs),
        "many": call.many,
    }


def planned(flow: Flow, value: Value) -> Json:
    """A value as JSON."""
    match value.kind:
        case "literal":
            return literal(value.value)
        case "output":
            return {"output": [value.step, value.name], "levels": value.levels}
        case "item":
            return {"item": value.opener, "source": value.source}
        case "parameter":
            return {"parameter": value.name}
        case "element":
            whole = {"element": planned(flow, value.value), "key": value.key}
            return whole if value.entries is None else {**whole, "entries": value.entries}
        case "dict":
            entries = zip(value.keys, value.values, strict=True)
            return {"dict": [[literal(key), planned(flow, entry)] for key, entry in entries]}
        case "list" | "tuple" | "set":
            return {value.kind: [planned(flow, entry) for entry in value.values]}
        case "chosen":
            switch = flow.by_name[value.switch]
            assert switch.kind == "switch"
            cases = zip(switch.cases, value.values, strict=True)
            return {"chosen": value.switch, "cases": [[case.target, planned(flow, entry)] for case, entry in cases]}
        case "each":
            return {"each": value.opener, "value": planned(flow, value.value)}
        case "operation":
            return {"operation": value.operator, "of": [planned(flow, operand) for operand in value.operands]}


def literal(value: object) -> Json:
    """A known value; as the text of a Python literal where JSON would change it."""
    return {"literal": value} if survives_json(value) else {"python": _text(value)}


def _text(value: Any) -> str:
    """The `repr` of plain data; of sets in an order that is the same each time."""
    kind: str = type(value).__name__
    if kind == "dict":
        return f"{{{', '.join(f'{_text(key)}: {_text(item)}' for key, item in value.items())}}}"
    if kind not in {"set", "frozenset", "list", "tuple"} or not value:
        return repr(value)
    items = [_text(item) for item in value]
    if kind == "list":
        return f"[{', '.join(items)}]"
    if kind == "tuple":
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    return f"{{{', '.join(sorted(items))}}}" if kind == "set" else f"frozenset({{{', '.join(sorted(items))}}})"


def survives_json(value: object) -> bool:
    """Whether a value that goes through JSON is the same again."""
    try:
        return repr(json.loads(json.dumps(value, allow_nan=False))) == repr(value)
    except (TypeError, ValueError):
        return False
