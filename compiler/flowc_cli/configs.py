"""`--config` and `--config-value`: what the command line and the environment give for a flow's configs."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, cast

from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.driver import GivenConfigs

VARIABLES = {"files": "FLOW_CONFIG", "values": "FLOW_CONFIG_VALUE"}
"""The variables, without FLOWC_ or METAFLOW_ before them: JSON objects of names to paths, and to values."""


def given_configs(config: Sequence[str], config_value: Sequence[str], sink: DiagnosticSink) -> GivenConfigs:
    """What was given, by `NAME=PATH` and `NAME=VALUE`; else by the environment. Collects FC306."""
    given: dict[str, dict[str, str]] = {}
    lenient = True
    for key, option, items in (("files", "--config", config), ("values", "--config-value", config_value)):
        given[key] = _pairs(option, items, sink) if items else _from_environment(VARIABLES[key], sink)
        lenient = lenient and not items
    return GivenConfigs(given["files"], given["values"], lenient)


def _pairs(option: str, items: Sequence[str], sink: DiagnosticSink) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for item in items:
        name, separator, value = item.partition("=")
        if not separator:
            sink.error("FC306", f"`{option} {item}` has no value", None, help=f"write `{option} NAME=...`")
        elif name in pairs:
            sink.error("FC306", f"`{option} {name}` is given twice", None, help="keep one of them")
        pairs[name] = value
    return pairs


def _from_environment(suffix: str, sink: DiagnosticSink) -> dict[str, str]:
    """The pairs in a variable. Those that are no text are JSON."""
    variable = next((name for prefix in ("FLOWC_", "METAFLOW_") if os.environ.get(name := prefix + suffix)), None)
    if variable is None:
        return {}
    try:
        value: Any = json.loads(os.environ[variable])
    except ValueError:
        value = None
    if not isinstance(value, dict):
        sink.error("FC306", f"{variable} is not a JSON object", None, help='write {"config": "path"}')
        return {}
    items = cast("dict[str, object]", value)
    return {name: item if isinstance(item, str) else json.dumps(item) for name, item in items.items()}
