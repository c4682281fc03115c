"""Flow parameters as DAG params: with a type and a description, so that Airflow's form shows and checks them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from flowc.protocol.env_names import parameter_variable
from flowc_targets.airflow.dag_model import DagParam
from flowc_targets.base.parameter_defaults import description, literal_default

if TYPE_CHECKING:
    from flowc_compiler.ir import Parameter
    from flowc_targets.airflow.python_printer import Expression

_JSON_TYPES = ("string", "object", "array", "number", "boolean", "null")
_TYPES = {"str": "string", "int": "integer", "float": "number", "bool": "boolean"}


def dag_param(parameter: Parameter) -> DagParam:
    """One parameter. `null` stands for the default that the flow's class computes; a required one has none."""
    default = _expression(json.loads(json.dumps(literal_default(parameter))))
    needed = parameter.required and not parameter.has_default
    schema: dict[str, Expression] = {}
    if default is not None:
        schema["default"] = default
    elif not needed:
        schema["default"] = None
    if parameter.type == "json" or parameter.deferred_type:
        schema["type"] = _JSON_TYPES
    elif default is None and not needed:
        schema["type"] = ("null", _TYPES[parameter.type])
    else:
        schema["type"] = _TYPES[parameter.type]
    text = description(parameter)
    if text:
        schema["description"] = text
    variable = parameter_variable(parameter.name)
    return DagParam(key=parameter.name, variable=variable, schema=schema)


def _expression(value: object) -> Expression:
    """A JSON value as an expression: lists are tuples there."""
    if isinstance(value, list):
        return tuple(_expression(item) for item in cast("list[object]", value))
    if isinstance(value, dict):
        return {key: _expression(item) for key, item in cast("dict[str, object]", value).items()}
    assert value is None or isinstance(value, (str, int, float))
    return value
