"""Where the value of a config comes from: what the user gives, a default path, or a default value."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, cast

from flowc_compiler.evaluate.literals import UnresolvedError
from flowc_compiler.filesystem import exists, read_file
from flowc_compiler.frontend.parameters.declaration_calls import Argument, CallReader
from flowc_compiler.syntax.import_root import is_readable, outside_help


@dataclass(frozen=True)
class GivenConfigs:
    """What the user gave for configs: name to the path of a file, and name to the text of a value."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    lenient: bool = False
    """Whether a flow without configs may pass over them: they are from the environment, as Metaflow has it."""
    kept: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """By name the `value`, or the `text` for a parser of the flow's own, that a resumed run had. They come first."""


NO_CONFIGS = GivenConfigs()
"""Nothing was given."""


class UnusableError(Exception):
    """A config has no value, and a diagnostic says why."""


@dataclass(frozen=True)
class Source:
    """The text of a config, and the path that it was read from; no text where nothing is given."""

    text: str | None
    origin: str = ""


class SourceFinder:
    """Finds the text of one config."""

    def __init__(self, reader: CallReader, name: str, call: ast.Call, folder: Path) -> None:
        self._reader = reader
        self._name = name
        self._call = call
        self._folder = folder

    def find(self, given: GivenConfigs, arguments: Mapping[str, Argument]) -> Source:
        """What the user gave, else the default. Raises UnusableError with FC301, FC306 or FC307 collected."""
        path, text = given.files.get(self._name), given.values.get(self._name)
        if path is not None and text is not None:
            self.fail(f"config `{self._name}` has both a file and a value", "give it `--config` or `--config-value`")
        if path is not None:
            return Source(self._read(path, [Path(path)]), path)
        if text is not None:
            return Source(text)
        default, value = present(arguments, "default"), present(arguments, "default_value")
        if default is not None and value is not None:
            self.fail(f"config `{self._name}` has a default and a default_value", "keep one of them", code="FC301")
        if default is not None:
            path = str(self._evaluated("default", default, (str,)))
            return Source(self._read(path, [Path(path), self._folder / path], named_by_flow=True), path)
        if value is not None:
            written = self._evaluated("default_value", value, (str, dict))
            return Source(written if isinstance(written, str) else json.dumps(written))
        return Source(None)

    def fail(self, message: str, help_text: str, node: ast.AST | None = None, code: str = "FC306") -> NoReturn:
        """Collect an error about the config. Raises UnusableError."""
        self._reader.report(message, node if node is not None else self._call, help_text, code)
        raise UnusableError

    def _evaluated(self, key: str, argument: Argument, kinds: tuple[type, ...]) -> object:
        try:
            value = self._reader.path(argument) if key == "default" else argument.evaluate(self._reader.scope)
        except UnresolvedError as error:
            if error.reported:
                raise UnusableError from None
            message = f"the {key} of config `{self._name}` is computed, and flowc executes nothing to compile a flow"
            way_out = f"write the value out, or give the config with `--config {self._name} PATH`"
            self.fail(message + error.because, error.help or way_out, error.node, "FC307")
        if not isinstance(value, kinds) or unportable(value):
            what = "a path" if key == "default" else "text or a mapping that fits into JSON"
            self.fail(f"the {key} of config `{self._name}` is not {what}", "correct it", argument.node, "FC301")
        return value

    def _read(self, path: str, places: list[Path], *, named_by_flow: bool = False) -> str:
        """The text of a file: of the first place where it is."""
        place = next((item for item in places if exists(item)), None)
        if place is None:
            where = " in the current folder" if len(places) == 1 else " in the current folder or next to the flow"
            where = "" if Path(path).is_absolute() else where
            message = f"there is no file `{path}`{where} for config `{self._name}`"
            self.fail(message, f"name it with `--config {self._name} PATH`")
        if named_by_flow and not is_readable(place, self._folder):
            message = f"the file `{path}` of config `{self._name}` is not in the flow's project"
            self.fail(message, f"{outside_help(path)}, or give it with `--config {self._name} {path}`")
        try:
            return read_file(place).decode()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            self.fail(f"the file `{path}` of config `{self._name}` cannot be read: {reason}", "check it")


def present(arguments: Mapping[str, Argument], key: str) -> Argument | None:
    """An argument, unless it is missing or the literal None."""
    argument = arguments.get(key)
    if argument is None or argument.known == (None,):
        return None
    return None if isinstance(argument.node, ast.Constant) and argument.node.value is None else argument


_MOST_BITS = 14_280
"""Of a whole number that Python writes out."""


def unportable(value: object) -> str:
    """The type of a part that cannot travel to a task; empty where all can."""
    match value:
        case int() if value.bit_length() > _MOST_BITS:
            return "number of more than 4300 digits"
        case None | str() | bool() | int() | float():
            return ""
        case dict():
            entries = cast("dict[object, object]", value)
            wrong = "tuple as a key" if any(isinstance(key, tuple) for key in entries) else ""
            parts = (part for entry in entries.items() for part in entry)
            return wrong or next((found for part in parts if (found := unportable(part))), "")
        case list() | tuple():
            items = cast("list[object]", value)
            return next((wrong for item in items if (wrong := unportable(item))), "")
        case _:
            return type(value).__name__


def tree(value: object) -> object:
    """A config's value with every mapping in it a ConfigTree."""
    from flowc_compiler.evaluate.values import ConfigTree

    match value:
        case dict():
            entries = cast("dict[str, object]", value)
            return ConfigTree({key: tree(item) for key, item in entries.items()})
        case list():
            return [tree(item) for item in cast("list[object]", value)]
        case _:
            return value
