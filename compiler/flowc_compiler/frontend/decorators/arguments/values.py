"""What arguments may be written as: sizes, GPUs, names, maps."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from flowc_compiler.frontend.decorators.arguments.amounts import mebibytes


def _gpu(value: object) -> object:
    """(count, type) from `1`, `"1"`, `"a100:2"` or `"a100"`."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return None if value is None else (value, None)
    if isinstance(value, str) and value:
        kind, _, count = value.rpartition(":")
        if value.isdigit():
            return (int(value), None)
        return (int(count), kind) if kind and count.isdigit() else (1, value)
    raise ValueError("a GPU request is a whole number or a string such as 'a100:2'")


def _names(value: object) -> object:
    return [value] if isinstance(value, str) else () if value is None else value


def _mapping(value: object) -> object:
    """A dict, or Metaflow's `"key=value,key=value"`."""
    if value is None:
        return {}
    if isinstance(value, str):
        pairs = [item.partition("=") for item in value.split(",") if item]
        if any(not separator for _, separator, _ in pairs):
            raise ValueError("write a dict, or 'key=value,key=value'")
        return {key.strip(): text.strip() for key, _, text in pairs}
    return value


def _texts(value: object) -> object:
    """A dict whose values are texts: numbers are written out."""
    if not isinstance(value, dict):
        return {} if value is None else value
    items = cast("dict[object, object]", value)
    return {
        key: str(item) if isinstance(item, (int, float)) and not isinstance(item, bool) else item
        for key, item in items.items()
    }


def as_list(value: object) -> list[object] | None:
    """The items of a list or tuple; `None` for anything else."""
    return list(cast("list[object]", value)) if isinstance(value, (list, tuple)) else None


def as_dict(value: object) -> dict[str, Any] | None:
    """A dict whose keys are texts; `None` for anything else."""
    if not isinstance(value, dict):
        return None
    keys = cast("dict[object, Any]", value)
    return cast("dict[str, Any]", value) if all(isinstance(key, str) for key in keys) else None


def _none_is_empty(value: object) -> object:
    return {} if value is None else value


Mebibytes = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(mebibytes)]
"""A size in MiB."""
PositiveMebibytes = Annotated[Annotated[int, Field(gt=0)] | None, BeforeValidator(mebibytes)]
"""A size in MiB, more than nothing."""
Gpu = Annotated[tuple[Annotated[int, Field(ge=0)], str | None] | None, BeforeValidator(_gpu)]
"""How many GPUs, and of which type."""
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""One name, or several."""
Mapping = Annotated[dict[str, str], BeforeValidator(_mapping)]
"""Texts by text, also as `"key=value,key=value"`."""
Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
"""Texts by text; numbers are written out."""
Options = Annotated[dict[str, Any], BeforeValidator(_none_is_empty)]
"""Anything by text."""


class Arguments(BaseModel):
    """The base: unknown arguments are refused before validation, with the argument's own span."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    REFUSED: ClassVar[dict[str, str]] = {}
    """Arguments that flowc does not express yet, and what to do instead."""
