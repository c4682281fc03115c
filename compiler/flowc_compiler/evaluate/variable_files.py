"""Files of variables that the flow's code loads with python-dotenv's `load_dotenv()`, as far as compiling needs them.

What they hold counts with the user's leave only, as the environment does: a checkout elsewhere, and a pod, mostly have
no such file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from flowc_compiler.evaluate.assumptions import stripped
from flowc_compiler.evaluate.values import Foreign, Unresolved
from flowc_compiler.filesystem import is_file, read_file
from flowc_compiler.syntax.import_root import is_readable, project_folder

if TYPE_CHECKING:
    from flowc_compiler.evaluate.evaluation_state import CallArguments
    from flowc_compiler.evaluate.evaluator import Evaluator

NAME = ".env"
"""The file that `load_dotenv()` looks for."""
_LOADS = ("dotenv", "load_dotenv")
_HARMLESS = frozenset({"dotenv_values", "find_dotenv", "get_key"})
"""Functions that change no variable."""
_LINE = re.compile(r"[ \t]*(?:export[ \t]+)?'?([^\s=#']+)'?[ \t]*(?:=[ \t]*([^\r\n]*))?")
_QUOTED = {"'": re.compile(r"'((?:\\'|[^'])*)'"), '"': re.compile(r'"((?:\\"|[^"])*)"')}
_ESCAPED = {"'": re.compile(r"\\([\\'])"), '"': re.compile(r"\\([\\'\"abfnrtv])")}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_BYTES = 1 << 20


class LoadedFile(NamedTuple):
    """A file that a call of `load_dotenv` loads, if it is there."""

    path: Path | None
    """Where it was found."""
    values: Mapping[str, str | None]
    """Its variables; `None` for a value that only python-dotenv knows: of several lines, or with `${NAME}` in it."""
    overrides: bool = False
    """Whether it replaces variables that are set."""


class SetVariable(NamedTuple):
    """A variable that is set where the flow is compiled."""

    value: str | None
    """`None` where it is not known."""
    place: str = ""
    """The file that sets it; nothing for the environment."""


def find_variable(loaded: list[LoadedFile], name: str) -> SetVariable | None:
    """What a variable is after all files were loaded, as python-dotenv does it; `None` where nothing sets it."""
    found = SetVariable(os.environ[name]) if name in os.environ else None
    for file in loaded:
        if name in file.values and (found is None or file.overrides):
            found = SetVariable(file.values[name], file.path.name if file.path is not None else "")
    return found


def changes_nothing(callee: Foreign) -> bool:
    """Whether a call of python-dotenv's changes no variable."""
    return callee.path[:1] == ("dotenv",) and callee.path[-1] in _HARMLESS


def loaded_file(evaluator: Evaluator, callee: Foreign, arguments: CallArguments, *, open_: bool) -> LoadedFile | None:
    """The file that a call of `load_dotenv` loads; `None` where that is not known, and for other calls.

    Its parameters are those of https://github.com/theskumar/python-dotenv, `load_dotenv`.
    """
    if (callee.path[0], callee.path[-1]) != _LOADS or arguments.open or open_ or len(arguments.positional) > 4:
        return None
    names = ("dotenv_path", "stream", "verbose", "override")
    given = {**dict(zip(names, arguments.positional, strict=False)), **arguments.keywords}
    values = {name: stripped(item.value) for name, item in given.items()}
    overrides, stream = values.get("override", False), values.get("stream")
    if not isinstance(overrides, bool) or stream is not None or values.get("encoding", "utf-8") not in {"utf-8", None}:
        return None
    path = values.get("dotenv_path")
    here = evaluator.view.source.path.absolute().parent
    if path is None or (isinstance(path, Foreign) and path.path[-2:] == ("find_dotenv", "()")):
        places = _places_above(here)
    elif isinstance(path, Unresolved) or not isinstance(path, str | PurePath):
        return None
    else:
        places = [Path.cwd() / path, here / path]
    found = next((place for place in places if is_file(place) and is_readable(place, here)), None)
    return LoadedFile(found, _variables(found) if found is not None else {}, overrides)


def _places_above(folder: Path) -> list[Path]:
    """Where `find_dotenv()` looks, as far as the project goes."""
    project = project_folder(folder)
    chain = [folder, *folder.parents]
    return [place / NAME for place in chain if place.is_relative_to(project)] or [folder / NAME]


def _variables(path: Path) -> dict[str, str | None]:
    try:
        text = read_file(path, _BYTES).decode()
    except (OSError, ValueError):
        return {}
    found: dict[str, str | None] = {}
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None and match[2] is not None:
            found[match[1]] = _value(match[2].strip())
    return found


def _value(text: str) -> str | None:
    quote = text[:1]
    if quote in _QUOTED:
        match = _QUOTED[quote].match(text)
        if match is None:
            return None
        value = _ESCAPED[quote].sub(lambda found: _ESCAPES.get(found[1], found[1]), match[1])
    else:
        value = re.sub(r"\s+#.*", "", text).rstrip()
    return None if "${" in value else value
