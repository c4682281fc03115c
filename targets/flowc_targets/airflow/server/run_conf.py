"""The params of a deployed DAG, and the values of a run, which Airflow checks against them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from flowc.errors import ParameterError
from flowc.type_conversion import convert
from flowc_targets.airflow.options import LONGEST_PARAMETER
from flowc_targets.base.engine import DeployedParameter, EngineError
from flowc_targets.base.json_parts import as_map, as_strings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from flowc_targets.airflow.server.connection import Json

_TYPES = {"integer": "int", "number": "float", "boolean": "bool"}


def parameters_of(dag: Json) -> tuple[DeployedParameter, ...]:
    """Return the params of a deployed DAG. A param without a value that may not be null is required."""
    found: list[DeployedParameter] = []
    for name, described in as_map(dag.get("params")).items():
        param = as_map(described)
        schema = as_map(param.get("schema"))
        required = param.get("value") is None and "null" not in _types(schema)
        found.append(DeployedParameter(name, required, tuple(as_strings(schema.get("enum")))))
    return tuple(found)


def conf_of(dag: Json, values: Mapping[str, str]) -> dict[str, object]:
    """Return the conf of a run. A text stays a text if the param accepts one: Airflow does not expand it.

    Raises EngineError: FC302 for a parameter that the DAG does not have, FC303 for a text that is not a value of its
    type, FC503 for one that is too long.
    """
    params = as_map(dag.get("params"))
    conf: dict[str, object] = {}
    for name, text in values.items():
        if name not in params:
            help_ = f"its params are {', '.join(params)}" if params else "the DAG has no params"
            raise EngineError("FC302", f"DAG {dag.get('dag_id')} has no param {name!r}", help_)
        if len(text.encode("utf-8", "surrogatepass")) > LONGEST_PARAMETER:
            message = f"the value of parameter {name!r} is longer than {LONGEST_PARAMETER:,} bytes"
            raise EngineError("FC503", message, "put it in the store and pass its URL")
        conf[name] = _value(name, text, _types(as_map(as_map(params[name]).get("schema"))))
    return conf


def _value(name: str, text: str, types: list[str]) -> object:
    kind = next((item for item in types if item != "null"), "string")
    if "string" in types or kind not in _TYPES:  # a param of any JSON takes its text, which the first task parses
        return text
    try:
        value: object = convert(name, _TYPES[kind], text)
    except ParameterError as error:
        raise EngineError("FC303", str(error), f"give a value of JSON's type {kind}") from None
    if isinstance(value, float) and not math.isfinite(value):
        message = f"parameter {name!r} cannot be {text}: Airflow keeps values as JSON, which does not have it"
        raise EngineError("FC303", message, "declare the parameter as a text, and convert it in the flow")
    return value


def _types(schema: Json) -> list[str]:
    kind = schema.get("type")
    return [kind] if isinstance(kind, str) else as_strings(kind)
