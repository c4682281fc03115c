"""What arguments may be written as: amounts of memory, GPUs, names, maps."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_UNITS = {"": 1.0, "K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B?)\s*", re.IGNORECASE)


def _megabytes(value: object) -> object:
    """MiB from a number, a numeric string (Metaflow's), or a quantity such as `16Gi`."""
    if isinstance(value, str):
        match = _QUANTITY.fullmatch(value)
        if match is None:
            raise ValueError(f"{value!r} is not an amount of memory: write MiB as a number, or '16Gi'")
        return round(float(match[1]) * _UNITS[match[2].upper()])
    if isinstance(value, bool) or not isinstance(value, (int, float, type(None))):
        raise ValueError("an amount of memory is a number of MiB or a string such as '16Gi'")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("an amount of memory is a finite number")
    return value if value is None else round(value)


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


Megabytes = Annotated[Annotated[int, Field(ge=0)] | None, BeforeValidator(_megabytes)]
"""An amount of memory in MiB."""
SomeMegabytes = Annotated[Annotated[int, Field(gt=0)] | None, BeforeValidator(_megabytes)]
"""An amount of memory in MiB that is not nothing."""
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
