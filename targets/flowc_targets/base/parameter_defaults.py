"""Defaults of parameters that an engine may show and pass: those that the shim reads back as the same value."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, cast

from flowc.protocol.scheduled import mentions_scheduled

if TYPE_CHECKING:
    from flowc_compiler.ir import Flow, Parameter


def literal_default(parameter: Parameter) -> object:
    """The default as JSON has it; `None` if only the flow's class or the code package has it.

    That is so for one that is computed, for the file of an IncludeFile, for `Parameter(type=str, default=5)`, which
    stays an int in Python, and for what JSON would change: tuples, keys that are no strings, infinity. It is also so
    where a variable of the task may give the value, and for a text with the time that a run is scheduled for.
    """
    value = parameter.default
    if mentions_scheduled(value):
        return None
    if parameter.dynamic_default or parameter.source == "file" or value is None:
        return None
    if parameter.envvar or parameter.counted or (parameter.flag is not None and parameter.type != "bool"):
        return None
    if parameter.takes_several:
        items = list(cast("list[object]", value)) if isinstance(value, list | tuple) else []
        return items if items and _is_json(items) and _all_fit(items, parameter.type) else None
    return value if _fits(value, parameter.type) else None


def takes_scheduled_time(flow: Flow) -> bool:
    """Whether a deployment of a flow has the time that each run is scheduled for."""
    mentioned = any(mentions_scheduled(parameter.default) for parameter in flow.run_parameters)
    return flow.specs.schedule is not None or mentioned


def _all_fit(items: list[object], kind: str) -> bool:
    return all(_fits(item, kind) for item in items)


def _fits(value: object, kind: str) -> bool:
    """Whether the shim reads the value's text as the same value."""
    fits = {
        "str": isinstance(value, str),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool) and _is_finite(value),
        "bool": isinstance(value, bool),
        "json": not isinstance(value, str) and _is_json(value),
    }
    return fits[kind]


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an int that no float holds
        return False


def choices(parameter: Parameter) -> tuple[str, ...]:
    """The texts that an engine's form may offer, and no other; none where case or several values make it wrong."""
    return () if parameter.any_case or parameter.takes_several or parameter.separator else parameter.choices


def description(parameter: Parameter) -> str:
    """What an engine shows about a parameter: its help, and for an IncludeFile which values it takes."""
    if parameter.takes_several:
        hint = "a JSON list"
        return f"{parameter.help} ({hint})" if parameter.help else hint
    if parameter.source == "value":
        return parameter.help
    hint = "a path in the container, or a URL of s3://, gs://, az://, https:// or data:"
    return f"{parameter.help} ({hint})" if parameter.help else hint


def _is_json(value: object) -> bool:
    try:
        return repr(json.loads(json.dumps(value, allow_nan=False))) == repr(value)
    except (TypeError, ValueError):
        return False
