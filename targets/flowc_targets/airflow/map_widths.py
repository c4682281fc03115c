"""How many items a foreach has, where that is known before a run: Airflow maps over no list that is too long."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from flowc_targets.base.parameter_defaults import literal_default

if TYPE_CHECKING:
    from flowc_compiler.diagnostics import DiagnosticSink
    from flowc_compiler.ir import Flow, ForeachStep, Step
    from flowc_compiler.ir.values import Value

AIRFLOWS_MOST = 1024
"""core.max_map_length, where nobody has set it."""

_WAY_OUT = (
    "let each item be several pieces of work, or raise core.max_map_length of Airflow "
    "(AIRFLOW__CORE__MAX_MAP_LENGTH), and tell flowc with --set max_map_length="
)


class Width(NamedTuple):
    """A number of items."""

    items: int
    certain: bool
    """Whether no run can have another: a parameter's default may be replaced."""


def check_widths(flow: Flow, most: int, target: str, sink: DiagnosticSink) -> None:
    """Report each foreach that has more items than Airflow maps over: an error, or a warning where a run may differ.

    The items of a foreach in another are mapped over together, so that their product counts.
    """
    for step in flow.steps:
        width = _in_all(flow, step)
        if width is None or width.items <= most:
            continue
        several = len(openers_around(flow, step)) > 0
        message = (
            f"`{step.name}` has {width.items:,} items{' in all' if several else ''}, and Airflow maps over {most:,}"
        )
        span, help_ = step.next_span or step.span, f"{_WAY_OUT}{width.items}"
        if width.certain:
            sink.unsupported("FC503", target, message, span, help=help_)
        else:
            sink.warning("FC503", f"{message} (target {target})", span, help=help_)


def _in_all(flow: Flow, step: Step) -> Width | None:
    """The items of a foreach, together for all items of those around it."""
    found = [_width(flow, each) for each in [step, *openers_around(flow, step)]]
    known = [width for width in found if width is not None]
    if len(known) < len(found):
        return None
    return Width(prod(width.items for width in known), all(width.certain for width in known))


def openers_around(flow: Flow, step: Step) -> list[Step]:
    """The openers of the foreach that a step stands in."""
    openers: list[Step] = []
    scope = flow.scope_by_id[step.scope]
    while scope.parent is not None:
        if scope.kind in {"foreach", "parallel"} and scope.opener is not None:
            openers.append(flow.by_name[scope.opener])
        scope = flow.scope_by_id[scope.parent]
    return openers


def _width(flow: Flow, step: Step) -> Width | None:
    match step.kind:
        case "parallel":
            return Width(step.num_parallel, certain=True) if step.num_parallel is not None else None
        case "foreach":
            return _fan_width(flow, step)
        case _:
            return None


def _fan_width(flow: Flow, step: ForeachStep) -> Width | None:
    """Of lists that are combined the product; of lists side by side that of any, since all have to be of one length."""
    if step.fan is None:
        return _default_width(flow, step.variable)
    found = [_value_width(flow, source) for source in step.fan.sources]
    known = [width for width in found if width is not None]
    if step.fan.product:
        certain = all(width.certain for width in known)
        return Width(prod(width.items for width in known), certain) if len(known) == len(found) else None
    return max(known, key=lambda width: width.certain, default=None)


def _value_width(flow: Flow, value: Value) -> Width | None:
    match value.kind:
        case "literal":
            items: object = value.value
            return Width(len(items), certain=True) if isinstance(items, list | tuple | range) else None  # pyright: ignore
        case "list" | "tuple":
            return Width(len(value.values), certain=True)
        case "parameter":
            return _default_width(flow, value.name)
        case _:
            return None


def _default_width(flow: Flow, name: str) -> Width | None:
    """The length of a parameter's default, where the name is one's and its default is a list."""
    parameter = next((item for item in flow.parameters if name in {item.name, item.attribute}), None)
    if parameter is None:
        return None
    default = literal_default(parameter)
    if default is None and parameter.type == "json" and isinstance(parameter.default, str):
        try:
            default = json.loads(parameter.default)
        except ValueError:
            return None
    return Width(len(default), certain=False) if isinstance(default, list | tuple) else None  # pyright: ignore
