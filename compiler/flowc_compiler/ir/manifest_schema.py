"""What fields the objects of an engine have: whether a part of one, such as a patch, fits.

A table maps the name of a type to its fields, and each of these to a type: `string`, `integer`, `number`, `boolean`,
`quantity`, `int-or-string`, `any`, the values of an enum (`Always|Never`), the name of another type, and lists and maps
of these (`[Volume]`, `{string}`). What is required ends in `!`.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path_ = tuple[str | int, ...]
"""Keys and indices that lead to a value."""

TABLE = Path(__file__).with_name("pod_fields.json")
"""The types of a pod, as the client of Kubernetes for Python has them."""
_NUMBERS = {"integer": (int,), "number": (int, float), "boolean": (bool,), "string": (str,)}
_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_SHOWN_AS = {
    "PodPatch": "pod's patch",
    "PodMetadata": "metadata of a pod's patch",
    "WorkflowPatch": "patch of a Workflow",
}
_SHOWN = 12
"""How many of a type's fields a message lists."""
_LONGEST = 80
"""How many characters of a value a message has."""


class SchemaProblem(NamedTuple):
    """Something that does not fit."""

    path: Path_
    message: str
    help: str

    def text(self) -> str:
        """The message with where it is."""
        where = ".".join(part if isinstance(part, str) else _shown(part) for part in self.path)
        return f"{where}: {self.message}" if where else self.message


@cache
def read_table(path: Path) -> dict[str, dict[str, str]]:
    """A table of a file."""
    table: dict[str, dict[str, str]] = json.loads(path.read_text())
    return table


class ManifestSchema:
    """Types of several tables."""

    def __init__(self, *tables: Mapping[str, Mapping[str, str]]) -> None:
        self._types = {name: fields for table in tables for name, fields in table.items()}

    def problems(self, value: object, kind: str, path: Path_ = ()) -> Iterator[SchemaProblem]:
        """What of a value does not fit a type. A part of an object fits: nothing is missing in it.

        `None` fits any field, which it takes away. An object in a list without a name is a whole one.
        """
        kind = kind.rstrip("!")
        if value is None and path and isinstance(path[-1], str):
            return
        if kind.startswith("[") and kind.endswith("]"):
            yield from self._items(value, kind[1:-1], path)
        elif kind.startswith("{"):
            yield from self._entries(value, kind[1:-1], path)
        elif kind in self._types:
            yield from self._fields(value, kind, path)
        elif not _fits(value, kind):
            yield SchemaProblem(path, f"{_shown(value)} is not {_named(kind)}", "write it as Kubernetes does")

    def _items(self, value: object, kind: str, path: Path_) -> Iterator[SchemaProblem]:
        if not isinstance(value, list | tuple):
            yield SchemaProblem(path, "this is not a list", "write it in brackets: [...]")
            return
        for number, item in enumerate(cast("list[object]", value)):
            where = (*path, number)
            yield from self.problems(item, kind, where)
            fields = cast("dict[str, object]", item) if isinstance(item, dict) else None
            if fields is not None and "name" not in fields:
                needed = (name for name, of in self._types.get(kind, {}).items() if of.endswith("!"))
                for name in needed:
                    if fields.get(name) is None:
                        yield SchemaProblem(where, f"`{name}` is missing", f"a {kind} needs it")

    def _entries(self, value: object, kind: str, path: Path_) -> Iterator[SchemaProblem]:
        if not isinstance(value, dict):
            yield SchemaProblem(path, "this is not a map", "write names and values: {...}")
            return
        for name, item in cast("dict[str, object]", value).items():
            if isinstance(cast("object", name), str):
                yield from self.problems(item, kind, (*path, name))
            else:
                yield SchemaProblem((*path, name), "a name is a text here", "write it in quotes")

    def _fields(self, value: object, kind: str, path: Path_) -> Iterator[SchemaProblem]:
        if not isinstance(value, dict):
            yield SchemaProblem(path, f"this is not a {_SHOWN_AS.get(kind, kind)}", "write its fields: {...}")
            return
        known = self._types[kind]
        for name, item in cast("dict[str, object]", value).items():
            if name in known:
                yield from self.problems(item, known[name], (*path, name))
            else:
                yield SchemaProblem(
                    (*path, name), f"a {_SHOWN_AS.get(kind, kind)} has no such field", self._meant(name, kind)
                )

    def _meant(self, name: object, kind: str) -> str:
        """The help for an unknown field: one that is spelled alike, or where it is a field, or those that there are."""
        known = self._types[kind]
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name) if isinstance(name, str) else ""
        close = [camel] if camel in known else get_close_matches(camel, known, n=1)
        if close:
            return f"did you mean `{close[0]}`?"
        for field, inner in known.items():
            if camel in self._types.get(inner.rstrip("!"), {}):
                return f"did you mean `{field}.{camel}`?"
        some = list(known)[:_SHOWN]
        return f"it has {', '.join(some)}{' and others' if len(known) > len(some) else ''}"


def _shown(value: object) -> str:
    """A value as Python writes it. Python refuses to write integers of thousands of digits."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return "this value"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _is_data(value: object) -> bool:
    """Whether JSON can have it, and Kubernetes: no sets, dates, infinite numbers or integers above 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return False
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


def _fits(value: object, kind: str) -> bool:
    if not _is_data(value):
        return False
    if kind in _NUMBERS:
        return isinstance(value, _NUMBERS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    match kind:
        case "quantity":
            text = isinstance(value, str) and _QUANTITY.fullmatch(value) is not None
            return text or (isinstance(value, int | float) and not isinstance(value, bool))
        case "int-or-string":
            return isinstance(value, int | str) and not isinstance(value, bool)
        case _ if "|" in kind:
            return value in kind.split("|")
        case _:
            return True


def _named(kind: str) -> str:
    if "|" in kind:
        return f"one of {', '.join(kind.split('|'))}"
    return _NAMES.get(kind, f"a {kind}")


_NAMES = {
    "quantity": "a quantity, such as 500m or 2Gi",
    "int-or-string": "a whole number or a text",
    "integer": "a whole number",
    "boolean": "True or False",
    "string": "a text",
    "any": "a value of JSON",
}
_LABELED: dict[str, str] = dict.fromkeys(("labels", "annotations"), "{string}")
_PATCH = {"PodPatch": {"metadata": "PodMetadata", "spec": "PodSpec"}, "PodMetadata": _LABELED}
MAIN = "main"
"""The container of a step in a patch, whatever an engine calls it."""
CODE_VOLUME, CODE_FOLDER = "flowc", "/flowc"
"""The volume of flowc's package, and where pods have it."""
_AIRFLOW_MAIN = "base"
"""What Airflow calls the container of a step."""
_OWN = ("command", "args")
"""What of that container is flowc's: without it, no step runs."""


@cache
def _pods() -> ManifestSchema:
    return ManifestSchema(read_table(TABLE), _PATCH)


def pod_patch_problems(patch: object) -> list[SchemaProblem]:
    """What of a patch does not fit a pod, or would keep the step from running."""
    found = list(_pods().problems(patch, "PodPatch"))
    if not isinstance(patch, dict):
        return found
    spec = cast("dict[str, object]", patch).get("spec")
    spec = cast("dict[str, object]", spec) if isinstance(spec, dict) else {}
    for number, container in _numbered(spec.get("containers")):
        where: Path_ = ("spec", "containers", number)
        name = container.get("name")
        if name in (None, _AIRFLOW_MAIN):
            message = "a container needs its name" if name is None else f"`{name}` is Airflow's name of the step's own"
            if name is not None or not any(item.path == where for item in found):
                found.append(SchemaProblem(where, message, f"the step's own is `{MAIN}`"))
        if name == MAIN:
            found += main_container_problems(container, where)
    return [*found, *volume_problems(spec.get("volumes"), ("spec", "volumes"))]


def main_container_problems(container: Mapping[str, object], where: Path_) -> list[SchemaProblem]:
    """What of a patch of the step's container would keep flowc from starting it."""
    help_ = "leave it out; `executable` names another Python"
    found = [
        SchemaProblem((*where, key), f"`{key}` is what flowc starts the step with", help_)
        for key in _OWN
        if key in container
    ]
    for number, mount in _numbered(container.get("volumeMounts")):
        if f"{str(mount.get('mountPath')).rstrip('/')}/".startswith(f"{CODE_FOLDER}/"):
            place = (*where, "volumeMounts", number)
            found.append(SchemaProblem(place, f"{CODE_FOLDER} is where flowc's package is", "choose another folder"))
    return found


def _numbered(items: object) -> Iterator[tuple[int, dict[str, object]]]:
    """The objects of a list, with their places in it. What is none is reported by its type."""
    for number, item in enumerate(cast("list[object]", items) if isinstance(items, list | tuple) else ()):
        if isinstance(item, dict):
            yield number, cast("dict[str, object]", item)


def volume_problems(volumes: object, where: Path_) -> list[SchemaProblem]:
    """A volume that would take the place of flowc's package."""
    message, help_ = f"the volume `{CODE_VOLUME}` has flowc's package", "give it another name"
    own = (number for number, volume in _numbered(volumes) if volume.get("name") == CODE_VOLUME)
    return [SchemaProblem((*where, number), message, help_) for number in own]
