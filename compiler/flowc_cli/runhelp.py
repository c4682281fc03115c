"""The parts of `flowc` that need to see arguments before typer does: pairs of options, and the help of a flow's run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.core import TyperCommand, TyperGroup


def join_pairs(arguments: Sequence[str]) -> list[str]:
    """Command-line arguments with Metaflow's `--config NAME PATH` written as `--config NAME=PATH`.

    A `--config` with one argument stays: it may be a parameter of that name.
    """
    rest = list(arguments)
    joined: list[str] = []
    while rest:
        item = rest.pop(0)
        joined.append(item)
        if item not in {"--config", "--config-value"} or len(rest) < 2:
            continue
        name, value = rest[0], rest[1]
        plain = name.replace("-", "_").isidentifier() and not name.startswith("-")
        if plain and not value.startswith("--") and not value.endswith(".py"):
            joined.append(f"{name}={value}")
            del rest[:2]
    return joined


class Commands(TyperGroup):
    """The group of all commands, which takes `--config NAME PATH`, too."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, pairs joined."""
        return super().parse_args(ctx, join_pairs(args))


class RunCommand(TyperCommand):
    """`flowc run`: its help lists the parameters of the flow whose file is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments, and keep them for the help."""
        ctx.meta["flowc.arguments"] = list(args)
        return super().parse_args(ctx, args)

    def get_help(self, ctx: Any) -> str:
        """The help of the command, and that of the flow."""
        from flowc_cli.outline import parameters_of

        arguments: list[str] = ctx.meta.get("flowc.arguments", [])
        file = next((item for item in arguments if item.endswith(".py") and Path(item).is_file()), None)
        flow = _value_of("--flow", arguments)
        own = super().get_help(ctx)
        return own if file is None else f"{own}\n{parameters_of(file, flow)}".rstrip("\n")


def _value_of(option: str, arguments: list[str]) -> str | None:
    for position, item in enumerate(arguments):
        name, separator, value = item.partition("=")
        if name == option:
            return value if separator else next(iter(arguments[position + 1 :]), None)
    return None
