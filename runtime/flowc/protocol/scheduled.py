"""The time that a run is scheduled for, and texts that say it: `s3://bucket/day={scheduled:%F}/`.

Compilers look for such texts, and the shim fills them in when a task runs.
"""

from __future__ import annotations

import datetime as dt
import re

from flowc.protocol import env_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, Mapping, Optional

PLACE = re.compile(r"\{scheduled(?::([^{}]*))?\}")
"""What stands for the time, with its format."""


def mentions_scheduled(value: Any) -> bool:
    """Whether a value is a text with `{scheduled}` in it, or with `{scheduled:FORMAT}`."""
    return isinstance(value, str) and PLACE.search(value) is not None


def fill_scheduled(text: str, time: Optional[datetime]) -> str:
    """A text with the time in it: in ISO 8601, or in a format of `strftime`. Other braces stay as they are.

    Raises ValueError where the text needs a time and there is none.
    """

    def formatted(place: re.Match[str]) -> str:
        if time is None:
            raise ValueError(f"{place[0]} needs the time that the run is scheduled for, and this run has none")
        return time.strftime(place[1]) if place[1] else time.isoformat()

    return PLACE.sub(formatted, text)


def parse_time(text: str, timezone: Optional[str] = None) -> datetime:
    """A time in ISO 8601, in a time zone with an IANA name, which is UTC by default.

    One without an offset is a time of that zone; a date is its midnight. Raises ValueError.
    """

    time = read_iso(text)
    zone: Any = dt.timezone.utc
    if timezone and timezone != "UTC":
        from zoneinfo import ZoneInfo

        try:
            zone = ZoneInfo(timezone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"the time zone {timezone!r} is not known here: install tzdata") from None
    try:
        return time.replace(tzinfo=zone) if time.tzinfo is None else time.astimezone(zone)
    except OverflowError:
        raise ValueError(f"{text!r} is a time of no year from 1 to 9999 in {timezone or 'UTC'}") from None


def read_iso(text: str) -> datetime:
    """A time in ISO 8601, which may have no offset. Raises ValueError."""
    from datetime import datetime

    return datetime.fromisoformat(python_iso(text))


def python_iso(text: str) -> str:
    """A time in ISO 8601 as Python 3.9 reads it: with an offset instead of `Z`, and six digits of a second or none."""
    text = re.sub(r"[zZ]$", "+00:00", text)
    return re.sub(r"\.(\d+)", lambda found: f".{found[1][:6]:0<6}", text)


def scheduled_text(environment: Mapping[str, str]) -> str:
    """The time that a run's environment has, as its engine wrote it; empty where it has none."""
    text = environment.get(env_names.SCHEDULED, "")
    return "" if text.startswith("{{") else text


def scheduled_time(environment: Mapping[str, str]) -> Optional[datetime]:
    """The time that the run is scheduled for, in the time zone of its schedule. Raises ValueError."""
    text = scheduled_text(environment)
    return parse_time(text, environment.get(env_names.TIMEZONE)) if text else None
