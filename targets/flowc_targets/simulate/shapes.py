"""A small language for what a manifest may hold: shapes, which report what they do not know by its path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(Protocol):
    """Checks a value and adds what is wrong with it to `problems`."""

    def __call__(self, value: object, path: str, problems: list[str]) -> None:
        """`path` is the value's, as in `spec.templates[0].dag`."""
        ...


def text(value: object, path: str, problems: list[str]) -> None:
    """A string. A number or a boolean without quotes is none, and the API server refuses it, too."""
    if not isinstance(value, str):
        problems.append(f"{path}: is {_kind(value)}, not a string")


def number(value: object, path: str, problems: list[str]) -> None:
    """An integer."""
    if isinstance(value, bool) or not isinstance(value, int):
        problems.append(f"{path}: is {_kind(value)}, not an integer")


def boolean(value: object, path: str, problems: list[str]) -> None:
    """True or false."""
    if not isinstance(value, bool):
        problems.append(f"{path}: is {_kind(value)}, not a boolean")


def text_or_number(value: object, path: str, problems: list[str]) -> None:
    """Kubernetes' IntOrString."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        problems.append(f"{path}: is {_kind(value)}, not a string or an integer")


def scalar(value: object, path: str, problems: list[str]) -> None:
    """Argo's AnyString: a string, a number or a boolean."""
    if not isinstance(value, int | str | float):
        problems.append(f"{path}: is {_kind(value)}, not a string, a number or a boolean")


def anything(value: object, path: str, problems: list[str]) -> None:
    """Whatever a map or a list holds."""
    if not isinstance(value, dict | list):
        problems.append(f"{path}: is {_kind(value)}, not a map or a list")


def one_of(*choices: str) -> Shape:
    """One of some strings."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if value not in choices:
            problems.append(f"{path}: is {value!r}, not one of {', '.join(choices)}")

    return check


def listing(item: Shape) -> Shape:
    """A list."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, list):
            problems.append(f"{path}: is {_kind(value)}, not a list")
            return
        for index, one in enumerate(value):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
            item(one, f"{path}[{index}]", problems)  # pyright: ignore[reportUnknownArgumentType]

    return check


def mapping(item: Shape) -> Shape:
    """A map with keys of one's own."""

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            problems.append(f"{path}: is {_kind(value)}, not a map")
            return
        for key, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(key, str):
                problems.append(f"{path}: has the key {key!r}, which is no string")
            item(one, f"{path}.{key}", problems)  # pyright: ignore[reportUnknownArgumentType]

    return check


def record(
    known: Mapping[str, Shape], ignored: Mapping[str, Shape] | None = None, needs: tuple[str, ...] = ()
) -> Shape:
    """An object. `ignored` fields mean something to a cluster, and nothing here; they are checked all the same."""
    fields = {**known, **(ignored or {})}

    def check(value: object, path: str, problems: list[str]) -> None:
        if not isinstance(value, dict):
            problems.append(f"{path or 'the document'}: is {_kind(value)}, not a map")
            return
        for key, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            here = f"{path}.{key}" if path else str(key)  # pyright: ignore[reportUnknownArgumentType]
            if key in fields:
                fields[key](one, here, problems)  # pyright: ignore[reportUnknownArgumentType]
            else:
                problems.append(f"{here}: the simulator does not know this field")
        for key in needs:
            if key not in value:
                problems.append(f"{path}.{key}: is missing" if path else f"{key}: is missing")

    return check


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a map"
        case _:
            return f"a {type(value).__name__}"
