"""Durations as Argo writes them: a number of seconds, or Go's `1h30m`."""

from __future__ import annotations

import re

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: str | int) -> float:
    """The seconds of a duration (utils.go, ParseStringToDuration). Raises ValueError."""
    value = str(text).strip()
    if re.fullmatch(r"[+-]?\d+", value):
        return float(value)
    sign = -1.0 if value.startswith("-") else 1.0
    rest = value.lstrip("+-")
    parts = list(_PART.finditer(rest))
    if not parts or "".join(part.group() for part in parts) != rest:
        raise ValueError(f"unable to parse {text!r} as a duration")
    return sign * sum(float(part.group(1)) * _UNITS[part.group(2)] for part in parts)
