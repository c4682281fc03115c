"""Amounts as ZenML, Kubernetes and flowc write them: memory in MiB, CPU cores, seconds."""

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
_DURATION = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*(d|h|m|s))\s*", re.IGNORECASE)
_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def zenml_memory(value: object) -> object:
    """MiB, rounded up, of what ZenML writes: `4GB` are 4 * 10**9 bytes, `4GiB` are 4 * 2**30."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)([KMGTP]i?)?B", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is not an amount of memory: write a whole number and B, KB, MB, GB, KiB, MiB, ...")
    return math.ceil(int(match[1]) * _BYTES[match[2] or ""] / _MIB)


def memory(value: object) -> object:
    """MiB, rounded up, of a number of MiB or of a quantity with its unit: `16Gi` and `16GiB`, `16G` and `16GB`."""
    if isinstance(value, str) and not value.strip().isdigit():
        match = _QUANTITY.fullmatch(value)
        unit = match[2].removesuffix("B") if match is not None else ""
        if match is None or unit.capitalize() not in _BYTES or not unit:
            raise ValueError(f"{value!r} is not an amount of memory: write '16Gi', '16GB' or a number of MiB")
        return math.ceil(float(match[1]) * _BYTES[unit.capitalize()] / _MIB)
    number = float(value) if isinstance(value, str) else value
    if number is None or (isinstance(number, (int, float)) and not isinstance(number, bool) and math.isfinite(number)):
        return None if number is None else math.ceil(number)
    raise ValueError("an amount of memory is a number of MiB, or a text such as '16Gi'")


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
