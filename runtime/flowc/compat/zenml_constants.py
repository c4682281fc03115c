"""What `zenml.constants` has beside text: the functions that read variables, and numbers."""

from __future__ import annotations

import json
import logging
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PAGINATION_STARTING_PAGE = 1
PAGE_SIZE_DEFAULT = 20
PAGE_SIZE_MAXIMUM = 10000
REMOTE_FS_PREFIX = ["gs://", "hdfs://", "s3://", "az://", "abfs://"]
STR_FIELD_MAX_LENGTH = 255
TEXT_FIELD_MAX_LENGTH = 65535


def is_true_string_value(value: Any) -> bool:
    """Whether a text says yes."""
    return value in ("1", "y", "yes", "True", "true")


def is_false_string_value(value: Any) -> bool:
    """Whether a text says no."""
    return value in ("0", "n", "no", "False", "false")


def handle_bool_env_var(var: str, default: bool = False) -> bool:
    """A variable as a truth value; the default where it is neither yes nor no."""
    value = os.getenv(var)
    return True if is_true_string_value(value) else False if is_false_string_value(value) else default


def handle_int_env_var(var: str, default: int = 0) -> int:
    """A variable as an integer; the default where it is none."""
    try:
        return int(os.getenv(var, ""))
    except ValueError:
        return default


def handle_positive_int_env_var(var: str, default: int) -> int:
    """A variable as an integer above 0; the default where it is none."""
    value = handle_int_env_var(var, default)
    return value if value > 0 else default


def handle_float_env_var(var: str, default: float = 0.0) -> float:
    """A variable as a number; the default where it is none."""
    try:
        return float(os.getenv(var, ""))
    except ValueError:
        return default


def handle_json_env_var(var: str, expected_type: Any, default: Any = None) -> Any:
    """A variable as JSON; the default, with a warning, where it is none of this type."""
    default = [] if default is None else default
    text = os.getenv(var)
    if not text:
        return default
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    else:
        if expected_type is None or isinstance(value, expected_type):
            return value
    logging.warning("the variable %s is not JSON of type %s: %r is used", var, expected_type, default)
    return default


def get_logging_level() -> Any:
    """The level that ZENML_LOGGING_VERBOSITY says, `INFO` by default. Raises KeyError for a name that is none."""
    from flowc.compat.zenml_enums import LoggingLevels

    return LoggingLevels[_verbosity().upper()]


def _verbosity() -> str:
    return os.getenv("ZENML_LOGGING_VERBOSITY", "DEBUG" if handle_bool_env_var("ZENML_DEBUG") else "INFO")


def __getattr__(name: str) -> Any:
    """What depends on variables."""
    if name == "IS_DEBUG_ENV":
        return handle_bool_env_var("ZENML_DEBUG")
    if name == "ZENML_LOGGING_VERBOSITY":
        return _verbosity().upper()
    raise AttributeError(name)
