"""Metaflow's options before and behind the command of `python flow.py COMMAND`, as those of `flowc`, or as errors."""

from __future__ import annotations

import os
from collections.abc import Sequence

from flowc.protocol import env_names


class BadOption(Exception):  # noqa: N818 (an answer to the user, not a fault)
    """An option that flowc does not have; the message says what to do instead."""


_SILENT = frozenset({"--no-pylint", "--not-quiet"})
"""Flags that ask for what flowc does anyway."""

_ONLY = {
    "--datastore": ("local", "name the store by its URL, as in: run --root s3://bucket/prefix"),
    "--metadata": ("local", "flowc has no metadata service: runs are in the store"),
    "--environment": ("local", "@conda and @pypi say what an image must hold; flowc installs nothing"),
    "--event-logger": ("nullSidecarLogger", "flowc has no event logger"),
    "--monitor": ("nullSidecarMonitor", "flowc has no monitor"),
}
"""Options of which flowc knows one value, and why there is no other."""

_NEVER = {
    "--pylint": "flowc runs no pylint; it has checks of its own: check",
    "--quiet": "its own messages are on standard error: run 2>/dev/null",
    "--package-suffixes": "name the files to ship: compile --include '**/*.csv'",
    "--mode": "flowc has no spin",
    "--max-log-size": "logs are kept whole",
    "--runner-attribute-file": "use --run-id-file",
    "--coverage": "run the command under coverage: coverage run flow.py run",
    "--force-rebuild-environments": "flowc builds no environments",
}
"""Options that flowc does not have, and what to do instead."""

_PASSED = {"--branch": "--branch", "--datastore-root": "--root", "--with": "--with"}
"""Options before the command that belong to it."""

_TWO = {"--config", "--config-value"}
"""Options before the command with a name and a value."""


_BEHIND = {"--namespace", "--max-log-size", "--runner-attribute-file"}
"""Options behind the command that flowc's own command does not have. The others are its own, or parameters."""


def split(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The command, `None` where help is wanted, and what follows it. Raises BadOption.

    Sets FLOWC_NAMESPACE for `--namespace`: it is what tasks take the namespace from.
    """
    rest = list(arguments)
    passed: list[str] = []
    while rest and rest[0].startswith("-"):
        if rest[0] in {"-h", "--help"}:
            return None, []
        passed += _option(rest)
    if not rest:
        if passed:
            raise BadOption("options, and no command")
        return None, []
    command = rest.pop(0)
    behind: list[str] = []
    while rest:
        own = rest[0].partition("=")[0] in _BEHIND
        behind += _option(rest) if own else [rest.pop(0)]
    return command, [*passed, *behind]


def _option(rest: list[str]) -> list[str]:
    """Take one option and its value off the list; returns what to tell flowc."""
    item = rest.pop(0)
    name, separator, value = item.partition("=")

    def given() -> str:
        if separator:
            return value
        if not rest:
            raise BadOption(f"{name} needs a value")
        return rest.pop(0)

    if name == "--production":
        return [name]
    if name in _SILENT:
        return []
    if name in _NEVER:
        raise BadOption(f"flowc has no option {name}: {_NEVER[name]}")
    if name in _ONLY:
        only, why = _ONLY[name]
        if (got := given()) != only:
            raise BadOption(f"{name} {got} is not something that flowc does: {why}")
        return []
    if name == "--namespace":
        os.environ[env_names.NAMESPACE] = given()
        return []
    if name in _PASSED:
        return [_PASSED[name], given()]
    if name in _TWO:
        return [name, given(), given()]
    raise BadOption(f"there is no option {name} before the command")
