"""What the steps of a pipeline take, and from where, in words close to the pipeline's own source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, assert_never

from flowc_compiler.ir import Flow, LiteralValue, OperationValue, OutputValue, Step, Value
from flowc_compiler.ir.regions import parts


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
        case "object":
            parts = [value_text(flow, item) for item in value.values]
            first = len(parts) - len(value.keywords)
            named = [f"{name}={part}" for name, part in zip(value.keywords, parts[first:], strict=True)]
            inside = ", ".join([*parts[:first], *named])
            return f"{value.name}({inside})" if value.member is None else f"{value.name}.{value.member}"
        case "operation":
            return _operation(flow, value)
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


Results = Mapping[str, Sequence[tuple[str, str]]]
"""The results that each step takes, as step and output."""


def results_read(flow: Flow) -> Results:
    """The results that each step of a pipeline takes; none in a class flow."""
    found: dict[str, list[tuple[str, str]]] = {}
    for step in flow.steps if flow.frontend == "pipeline" else ():
        taken = (part for value in _values(step) for part in parts(value) if isinstance(part, OutputValue))
        found[step.name] = list(dict.fromkeys((part.step, part.name) for part in taken))
    return found


def unused_results(flow: Flow) -> frozenset[str]:
    """The steps of a pipeline that return what no step takes, and what the pipeline does not return."""
    used = {source for results in results_read(flow).values() for source, _ in results} | set(flow.returned)
    calling = (step for step in flow.steps if step.call is not None and step.call.outputs)
    return frozenset(step.name for step in calling if step.name not in used)


def _values(step: Step) -> Iterator[Value]:
    """Everything that a step of a pipeline takes."""
    if step.call is not None:
        yield from (argument.value for argument in step.call.arguments)
    if step.kind == "switch":
        yield from step.tests
    if step.kind == "foreach":
        yield from step.fan.sources if step.fan is not None else [OutputValue(step=step.name, name=step.variable)]


def _collection(kind: str, keys: tuple[object, ...], texts: list[str]) -> str:
    if kind == "dict":
        return "{" + ", ".join(f"{key!r}: {text}" for key, text in zip(keys, texts, strict=True)) + "}"
    if kind == "tuple":
        return f"({', '.join(texts)}{',' if len(texts) == 1 else ''})"
    return f"[{', '.join(texts)}]" if kind == "list" else "{" + ", ".join(texts) + "}" if texts else "set()"


_TIGHT = frozenset({"getattr", "getitem", "call", "method", "isinstance", "format", "concat", "slice"})
_PREFIXES = {"not": "not ", "neg": "-", "pos": "+", "invert": "~"}


def _operation(flow: Flow, value: OperationValue) -> str:
    """An operation as Python has it, or nearly so."""
    name, of = value.operator, value.operands
    if name in {"format", "concat"}:
        return f"f{_f_string(flow, value)!r}"
    operands = [_operand(flow, item) for item in of]
    if name in _PREFIXES:
        return f"{_PREFIXES[name]}{operands[0]}"
    match name:
        case "if":
            return f"{operands[1]} if {operands[0]} else {operands[2]}"
        case "getattr":
            return f"{operands[0]}.{_literal(of[1])}"
        case "getitem":
            return f"{operands[0]}[{value_text(flow, of[1])}]"
        case "slice":
            texts = ["" if _literal(item) is None else value_text(flow, item) for item in of]
            return ":".join(texts if texts[2] else texts[:2])
        case "call":
            return f"{_literal(of[0])}({_given(flow, value, 1)})"
        case "method":
            return f"{operands[0]}.{_literal(of[1])}({_given(flow, value, 2)})"
        case "place":
            path = f"Path(__file__).parent / {_literal(of[0])!r}"
            return f"str({path})" if _literal(of[1]) == "str" else path
        case "isinstance":
            return f"isinstance({value_text(flow, of[0])}, {' | '.join(map(str, _literal(of[1]) or ()))})"
        case _:
            return f" {name} ".join(operands)


def _given(flow: Flow, value: OperationValue, first: int) -> str:
    """The arguments of a call."""
    texts = [value_text(flow, item) for item in value.operands[first:]]
    plain = len(texts) - len(value.keywords)
    named = (f"{name}={text}" for name, text in zip(value.keywords, texts[plain:], strict=True))
    return ", ".join([*texts[:plain], *named])


def _f_string(flow: Flow, value: Value) -> str:
    """The content of an f-string."""
    if not isinstance(value, OperationValue) or value.operator not in {"format", "concat"}:
        return str(_literal(value)).replace("{", "{{").replace("}", "}}")
    if value.operator == "concat":
        return "".join(_f_string(flow, item) for item in value.operands)
    inner, conversion, spec = value.operands
    mark = f"!{_literal(conversion)}" if _literal(conversion) else ""
    form = _f_string(flow, spec)
    return f"{{{value_text(flow, inner)}{mark}{f':{form}' if form else ''}}}"


def _literal(value: Value) -> Any:
    return value.value if isinstance(value, LiteralValue) else None


def _operand(flow: Flow, value: Value) -> str:
    """A value as a part of an expression."""
    text = value_text(flow, value)
    loose = value.kind in {"operation", "chosen", "item", "each"} or text.startswith("all of ")
    if isinstance(value, OperationValue) and value.operator in _TIGHT:
        loose = False
    return f"({text})" if loose else text
