"""What amounts may be written as: sizes in MiB, CPU cores, times in seconds."""

from __future__ import annotations

import math
import re
from datetime import timedelta

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


def seconds(value: object) -> object:
    """Seconds of a number of them, of a `timedelta`, or of a text such as `90s`, `30m` or `1h 30m`."""
    match value:
        case timedelta():
            return value.total_seconds()
        case str():
            parts = list(_DURATION.finditer(value))
            if not parts or "".join(part[0] for part in parts) != value:
                raise ValueError(f"{value!r} is not a time: write seconds as a number, or '90s', '30m', '1h 30m', '2d'")
            return sum(float(part[1]) * _SECONDS[part[2].lower()] for part in parts)
        case bool():
            raise ValueError("a time is a number of seconds, a timedelta or a text such as '30m'")
        case _:
            return value


def _quantity(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _BYTES:
        raise ValueError(f"{value!r} is not a quantity of Kubernetes, such as 500m, 2 or 16Gi")
    return float(match[1]) * _BYTES[match[2]]
