"""What arguments may be written as: sizes in MiB, times in seconds, GPUs, names, maps."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from flowc_compiler.frontend.spec_builder import Origin
from flowc_compiler.ir import NO_SPECS, StepSpecs

if TYPE_CHECKING:
    from flowc_compiler.syntax.modules import ModuleView

_MIB = 1024**2
_POWERS = "KMGTPE"
_BYTES: dict[str, float] = {
    "": 1,
    "m": 1e-3,
    "k": 1000,
    **{unit: 1000 ** (power + 1) for power, unit in enumerate(_POWERS)},
    **{f"{unit}i": 1024 ** (power + 1) for power, unit in enumerate(_POWERS)},
}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)\s*")
_SIZE = re.compile(r"\s*(\d+(?:\.\d*)?(?:e[+-]?\d+)?)\s*((?:[KMGTPE]i?)?B|[KMGTPE]i?|)\s*", re.IGNORECASE)
_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*(d|h|m|s))\s*", re.IGNORECASE)
_GPU_TYPE = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.+]*[A-Za-z0-9])?", re.ASCII)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def mebibytes(value: object) -> object:
    """A size in MiB, rounded up; `None` stays `None`. Raises ValueError.

    The one grammar for sizes: a number, or text of one, is MiB; `G` and `GB` are 10**9 bytes, `Gi` and `GiB` are 2**30,
    and likewise K, M, T, P and E, in either case; `B` is one byte.
    """
    if value is None or type(value) is int:
        return value
    if isinstance(value, str):
        match = _SIZE.fullmatch(value)
        if match is None:
            raise ValueError(f"{value!r} is not a size: write '16Gi', '16GB' or a number of MiB")
        number, unit = float(match[1]), match[2].upper().removesuffix("B").replace("I", "i")
        number *= _BYTES[unit] / _MIB if match[2] else 1
    elif isinstance(value, float):
        number = value
    else:
        raise ValueError("a size is a number of MiB, or a text such as '16Gi'")
    if not math.isfinite(number):
        raise ValueError("a size is a finite number")
    return math.ceil(number)


def kubernetes_memory(value: object) -> int:
    """MiB, rounded up, of a quantity of Kubernetes: a number is one of bytes. Raises ValueError."""
    return math.ceil(_quantity(value) / _MIB)


def kubernetes_cpu(value: object) -> float:
    """Cores of a quantity of Kubernetes: `500m` is a half. Raises ValueError."""
    return _quantity(value)


def duration(text: str) -> float:
    """Seconds of a text such as `90s`, `30m`, `7d` or `1h 30m`: the one grammar for times. Raises ValueError."""
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        raise ValueError(f"{text!r} is not a time: write seconds as a number, or '90s', '30m', '1h 30m', '2d'")
    return sum(float(part[1]) * _SECONDS[part[2].lower()] for part in parts)


def seconds(value: object) -> object:
    """Seconds of a number of them, of a `timedelta`, or of a text of a time. Raises ValueError."""
    match value:
        case timedelta():
            return value.total_seconds()
        case str():
            return duration(value)
        case bool():
            raise ValueError("a time is a number of seconds, a timedelta or a text such as '30m'")
        case _:
            return value


def _quantity(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ValueError("a quantity is a number that a float holds") from None
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES:
        raise ValueError(f"{value!r} is not a quantity of Kubernetes, such as 500m, 2 or 16Gi")
    return float(match[1]) * _BYTES[match[2]]


def _gpu(value: object) -> object:
    """(count, type) from `1`, `"1"`, `"a100:2"` or `"a100"`. Raises ValueError, for a part of a GPU too."""
    if value is None:
        return None
    text = value.strip() if isinstance(value, str) else str(value) if type(value) in (int, float) else ""
    kind, colon, count = text.rpartition(":") if ":" in text else ("", "", text)
    try:
        number = float(count)
    except ValueError:
        if not colon and _GPU_TYPE.fullmatch(text):
            return (1, text)
        raise ValueError("a GPU request is a whole number or a string such as 'a100:2'") from None
    if not number.is_integer() or number < 0:  # neither nan nor inf is an integer
        raise ValueError(f"{value!r} is not a number of GPUs: they are whole; a part of one is a slice, 'a100-1g.5gb'")
    if colon and not _GPU_TYPE.fullmatch(kind):
        raise ValueError(f"{kind!r} is not a type of GPUs: write 'a100:2'")
    return (int(number), kind if kind and number else None)


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


def _none_is_nothing(value: object) -> object:
    return () if value is None else value


_MOST_MEBIBYTES = 2**43
"""Of which Kubernetes counts the bytes in 63 bits."""
Mebibytes = Annotated[Annotated[int, Field(ge=0, lt=_MOST_MEBIBYTES)] | None, BeforeValidator(mebibytes)]
"""A size in MiB."""
PositiveMebibytes = Annotated[Annotated[int, Field(gt=0, lt=_MOST_MEBIBYTES)] | None, BeforeValidator(mebibytes)]
"""A size in MiB, more than nothing."""
Gpu = Annotated[tuple[Annotated[int, Field(ge=0)], str | None] | None, BeforeValidator(_gpu)]
"""How many GPUs, and of which type."""
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""One name, or several."""
Pairs = Annotated[dict[str, str], BeforeValidator(_mapping)]
"""Texts by text, also as `"key=value,key=value"`."""
Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
"""Texts by text; numbers are written out."""
Strings = Annotated[tuple[str, ...], BeforeValidator(_none_is_nothing)]
"""A list of texts."""
Dicts = Annotated[tuple[dict[str, Any], ...], BeforeValidator(_none_is_nothing)]
"""A list of dicts."""
Options = Annotated[dict[str, Any], BeforeValidator(_none_is_empty)]
"""Anything by text."""


class Arguments(BaseModel):
    """The base: unknown arguments are refused before validation, with the argument's own span."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    POSITIONAL: ClassVar[str | None] = None
    """The argument that may be given without its name."""

    def specs(self, origin: Origin) -> StepSpecs:
        """The requests of these arguments, as a part of a step's specs for `SpecBuilder`. Collects FC404 and FC409."""
        return self._specs(origin)

    def _specs(self, _at: Origin, /) -> StepSpecs:
        return NO_SPECS

    def _without_effect(self, at: Origin, names: Iterable[str], why: str, help: str) -> None:
        """Warn (FC410) of those of some arguments that ask for something and do nothing; `why` ends the message."""
        for name in names:
            if getattr(self, name) and getattr(self, name) != type(self).model_fields[name].default:
                at.sink.warning("FC410", f"`{name}` does nothing {why}", at.span, help=help)

    def flow_specs(self, _at: Origin, _main: ModuleView, /) -> Mapping[str, object]:
        """The requests of the flow's decorator, by their names in `FlowSpecs`; `main` is the flow's own file."""
        return {}
