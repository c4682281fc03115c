"""Defaults that are functions: called when a run starts, with what Metaflow passes to deploy-time functions."""

from __future__ import annotations

import os
import sys
from collections import namedtuple

from flowc.errors import ParameterError
from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_STORES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "azure", "azure": "azure", "abfs": "azure"}


ParameterContext = namedtuple(  # pyright: ignore[reportUntypedNamedTuple]
    "ParameterContext", ("flow_name", "user_name", "parameter_name", "logger", "ds_type", "configs")
)
"""The argument of a default that is a function, with Metaflow's fields."""


def call_default(function: Any, flow_name: str, parameter: str) -> Any:
    """The result of the function. Raises ParameterError when it raises."""
    try:
        return function(*[_context(flow_name, parameter), False][: _arity(function)])
    except Exception as error:
        raise ParameterError(
            f"the default of parameter {parameter!r} raised {type(error).__name__}: {error}"
        ) from error


def _context(flow_name: str, parameter: str) -> ParameterContext:
    from flowc.current import current
    from flowc.flow_configs import ConfigValue, config_values

    store = _STORES.get(os.environ.get(env_names.ROOT, "").partition("://")[0], "local")
    return ParameterContext(flow_name, current.username, parameter, _log, store, ConfigValue(config_values()))


def _arity(function: Any) -> int:
    """How many arguments to pass: the context, and `deploy_time` to a function that requires two."""
    from inspect import Parameter, signature

    try:
        declared = list(signature(function).parameters.values())
    except (TypeError, ValueError):
        return 1
    if any(item.kind is Parameter.VAR_POSITIONAL for item in declared):
        return 1
    positional = [
        item for item in declared if item.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = [item for item in positional if item.default is Parameter.empty]
    return min(2, max(len(required), min(1, len(positional))))


def _log(message: object = "", *_: Any, **__: Any) -> None:
    """What such a function may call to say something to the user."""
    print(message, file=sys.stderr)
