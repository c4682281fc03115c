"""The options of commands as their modules declare them: what settings, the JSON schema and completion go by."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from typer.models import OptionInfo

from flowc_cli.app import command_module

Kind = Literal["flag", "integer", "number", "text"]
NEVER_SET = {
    "push": "it lets a project upload to a store of its choice",
    "allow_read": "it lets a project read what is not its own",
    "allow_large": "it lets a project take any time and memory",
    "env_at_compile": "it lets a project read variables of the environment: [tool.flowc] has it, without secrets",
    "check_server": "it lets a project send this user's token to a server of its choice",
}
"""Options that say whom the user trusts, which no checkout may say for itself, and why."""


@dataclass(frozen=True)
class OptionDeclaration:
    """An option of a command."""

    name: str
    """In settings."""
    parameter: str
    """Of the command's function."""
    flags: tuple[str, ...]
    kind: Kind
    many: bool
    choices: tuple[str, ...]
    metavar: str
    """What stands for its value in the help, such as PATH and NAME=PATH: those are paths."""
    help: str
    default: object
    minimum: float | None
    variables: tuple[str, ...]
    """The variables of the environment that set it."""

    @property
    def pairs(self) -> bool:
        """Whether its values have names, so that settings have them as a table."""
        return "=" in self.metavar

    @property
    def is_path(self) -> bool:
        """Whether its value is a path of this machine."""
        return self.metavar.rpartition("=")[2] in {"PATH", "FOLDER"}


@cache
def options_of(command: str) -> Mapping[str, OptionDeclaration]:
    """The options of a command that settings may have, by their names there. Imports its module."""
    module = command_module(command)
    found = _declared(module.app.registered_commands[0].callback)
    return {name: option for name, option in found.items() if name not in {"schema", "stdio"}}


def _declared(function: Callable[..., Any]) -> dict[str, OptionDeclaration]:
    hints = typing.get_type_hints(function, include_extras=True)
    defaults = inspect.signature(function).parameters
    options: dict[str, OptionDeclaration] = {}
    for parameter, hint in hints.items():
        annotated: tuple[Any, ...] = typing.get_args(hint) if typing.get_origin(hint) is typing.Annotated else ()
        info = next((item for item in annotated[1:] if isinstance(item, OptionInfo)), None)
        if info is not None and not info.hidden:
            default = defaults[parameter].default
            needed = default is inspect.Parameter.empty
            option = _declaration(parameter, annotated[0], info, None if needed else default)
            options[option.name] = option
    return options


def _declaration(parameter: str, annotation: Any, info: OptionInfo, default: object) -> OptionDeclaration:
    declared = (info.default, *(info.param_decls or ()))  # the first one is where an older style has the default
    given = tuple(item for item in declared if isinstance(item, str) and item.startswith("-"))
    flags = given or (f"--{parameter.replace('_', '-')}",)
    if not any(item.startswith("--") for item in flags):
        flags = (*flags, f"--{parameter.replace('_', '-')}")
    name = next(item for item in flags if item.startswith("--"))[2:].replace("-", "_")
    inner = [item for item in typing.get_args(annotation) if item is not type(None)]
    is_union = typing.get_origin(annotation) in {typing.Union, types.UnionType}
    value: Any = inner[0] if is_union else annotation
    many = typing.get_origin(value) is list
    value = typing.get_args(value)[0] if many else value
    choices = tuple(map(str, typing.get_args(value))) if typing.get_origin(value) is Literal else ()
    kinds: dict[object, Kind] = {bool: "flag", int: "integer", float: "number"}
    variables = (info.envvar,) if isinstance(info.envvar, str) else tuple(info.envvar or ())
    return OptionDeclaration(
        name, parameter, flags, kinds.get(value, "text"), many, choices, info.metavar or "", info.help or "",
        default, info.min, variables,
    )  # fmt: skip
