"""Schedules: Metaflow's cron expressions as the five fields of Argo and Airflow, and time zones.

Metaflow's `cron` is that of Amazon EventBridge, a form of Quartz: minute, hour, day of month, month, day of week, year,
where 1 is Sunday and one of the two days is `?`. Seven fields are Quartz with seconds in front. Five fields are a
crontab line, where 0 is Sunday. What comes out has numbers, `*`, `*/n`, ranges and lists only, and 0 is Sunday, so that
crontab, Argo (robfig/cron) and Airflow (croniter) read it alike.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flowc.protocol.scheduled import PLACE
from flowc_compiler.diagnostics import DiagnosticSink
from flowc_compiler.source import Span


class ScheduleError(ValueError):
    """The expression is wrong, or says what five fields cannot; the message says which, and is for the user."""


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: its name in messages, its range, and names for its values."""

    title: str
    first: int
    last: int
    names: dict[str, int]

    @property
    def everything(self) -> frozenset[int]:
        return frozenset(range(self.first, self.last + 1))


_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTE = _Field("minute", 0, 59, {})
_HOUR = _Field("hour", 0, 23, {})
_DAY = _Field("day of month", 1, 31, {})
_MONTH = _Field("month", 1, 12, _MONTHS)
_QUARTZ_WEEKDAY = _Field("day of week", 1, 7, {name: number for number, name in enumerate(_DAYS, 1)})
_CRONTAB_WEEKDAY = _Field("day of week", 0, 6, {name: number for number, name in enumerate(_DAYS)})
_WEEK = frozenset(range(7))
_LENGTHS = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
"""The days of months that have fewer than 31."""

_LONGEST_NUMBER = 9
"""Digits of a number that is read: all that count have fewer."""
_ITEM = re.compile(r"(?:(?P<star>\*)|(?P<start>\w+)(?:-(?P<end>\w+))?)?(?:/(?P<step>\d+))?")


def to_crontab(expression: str) -> str:
    """The five fields of an expression of five, six or seven. Raises ScheduleError."""
    fields = expression.upper().split()
    match len(fields):
        case 5:
            minute, hour, day, month, weekday = fields
            return _crontab(minute, hour, day, month, weekday)
        case 6:
            _check_year(fields[5])
        case 7:
            if fields[0] != "0":
                raise ScheduleError(f"the seconds are {fields[0]}, and cron knows minutes only: write 0")
            _check_year(fields[6])
            fields = fields[1:]
        case count:
            raise ScheduleError(f"it has {count} fields, and a schedule has 5, 6 (with the year) or 7 (and seconds)")
    minute, hour, day, month, weekday = fields[:5]
    return _quartz(minute, hour, day, month, weekday)


def _quartz(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """Quartz knows one of day of month and day of week at a time: the other is `?`, or `*`, which says as much."""
    if day not in ("*", "?") and weekday not in ("*", "?"):
        raise ScheduleError("both a day of month and a day of week are given: write ? for the one that does not matter")
    if day == "?" and weekday == "?":
        raise ScheduleError("both the day of month and the day of week are ?: write * for one of them")
    weekday = "7" if weekday == "L" else weekday
    days = _values(day, _DAY)
    weekdays = frozenset(value - 1 for value in _values(weekday, _QUARTZ_WEEKDAY))
    return _join(minute, hour, days, month, weekdays)


def _crontab(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """A crontab line. Of a day of month and a day of week that are both restricted, either is enough."""
    days, weekdays = _values(day, _DAY), _values(_sundays(weekday), _CRONTAB_WEEKDAY)
    free = ("*", "?", "*/1")
    either = day not in free and weekday not in free
    if either and (days == _DAY.everything or weekdays == _WEEK):
        days, weekdays = _DAY.everything, _WEEK
    return _join(minute, hour, days, month, weekdays)


def _sundays(weekday: str) -> str:
    """Crontab's other number for Sunday, 7, as 0."""
    items = (re.sub(r"^(0|SUN)-7\b", "0-6", item) for item in weekday.split(","))
    return ",".join(re.sub(r"(^|-)7\b", r"\g<1>0", item) for item in items)


def _join(minute: str, hour: str, days: frozenset[int], month: str, weekdays: frozenset[int]) -> str:
    both = days != _DAY.everything and weekdays != _WEEK
    if weekdays == _WEEK and min(days) > max(_LENGTHS.get(number, 31) for number in _values(month, _MONTH)):
        raise ScheduleError("none of its months has such a day, so that it would never run")
    return " ".join(
        (
            _text(_values(minute, _MINUTE), _MINUTE),
            _text(_values(hour, _HOUR), _HOUR),
            _text(days, _DAY, steps=not both),
            _text(_values(month, _MONTH), _MONTH),
            _text(weekdays, _CRONTAB_WEEKDAY, steps=False),
        )
    )


def _check_year(year: str) -> None:
    if year in ("*", "*/1"):
        return
    if re.fullmatch(r"[\d,/*-]*\d{4}[\d,/*-]*", year):
        raise ScheduleError(f"the year is {year}, and cron knows no years: write * and stop the schedule by hand")
    raise ScheduleError(
        f"the last of six fields is the year, and {year} is not: they are minute, hour, day of month, month, day of "
        "week and year, without seconds"
    )


def _values(text: str, field: _Field) -> frozenset[int]:
    """The values that a field matches."""
    if text == "?":
        if field.title.startswith("day"):
            return field.everything
        raise ScheduleError(f"the {field.title} is ?, which is for days only: write *")
    return frozenset(value for item in text.split(",") for value in _item(item, field))


def _item(item: str, field: _Field) -> range | list[int]:
    """The values of `*`, `a`, `a-b`, each of them with `/n` or without. A range may go over the end: `22-2`."""
    _refuse_special(item, field)
    match = _ITEM.fullmatch(item)
    if match is None or not item:
        raise ScheduleError(f"{item!r} is not a {field.title}")
    step = int((match["step"] or "1")[:_LONGEST_NUMBER])
    if step == 0:
        raise ScheduleError(f"{item!r} has a step of 0")
    if match["start"] is None:
        return range(field.first, field.last + 1, step)
    start = _value(match["start"], field)
    if match["end"] is None:
        return range(start, (field.last if match["step"] else start) + 1, step)
    end = _value(match["end"], field)
    width = field.last - field.first + 1
    length = (end - start) % width + 1
    return [field.first + (start - field.first + offset) % width for offset in range(0, length, step)]


def _refuse_special(item: str, field: _Field) -> None:
    """What Quartz can say and crontab cannot."""
    if not field.title.startswith("day"):
        return
    if "#" in item:
        raise ScheduleError(f"{item} is one certain weekday of the month, which cron cannot say")
    if "W" in item and "WED" not in item:
        raise ScheduleError(f"{item} is the weekday nearest to a day, which cron cannot say")
    if re.fullmatch(r"L(-\d+)?", item):
        raise ScheduleError(f"{item} counts from the last day of the month, which cron cannot say")
    if re.fullmatch(r"\w+L", item):
        raise ScheduleError(f"{item} is the last such weekday of the month, which cron cannot say")


def _value(text: str, field: _Field) -> int:
    if text in field.names:
        return field.names[text]
    if not text.isdecimal() or len(text) > _LONGEST_NUMBER:
        raise ScheduleError(f"{text!r} is not a {field.title}")
    number = int(text)
    if not field.first <= number <= field.last:
        raise ScheduleError(f"{number} is not a {field.title}: those go from {field.first} to {field.last}")
    return number


def _text(values: frozenset[int], field: _Field, *, steps: bool = True) -> str:
    """The shortest of `*`, `*/n`, and a list of numbers and ranges."""
    if values == field.everything:
        return "*"
    ordered = sorted(values)
    step = ordered[1] - ordered[0] if len(ordered) > 2 else 0
    if steps and step > 1 and values == frozenset(range(field.first, field.last + 1, step)):
        return f"*/{step}"
    runs: list[list[int]] = []
    for value in ordered:
        if runs and runs[-1][-1] == value - 1:
            runs[-1].append(value)
        else:
            runs.append([value])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def merged_crons(crons: Sequence[str]) -> tuple[str, ...]:
    """The same times in fewer expressions: those that differ in one field are one, `0 5,17 * * *`.

    Not in a day field where the other one is restricted, too: either day is enough there.
    """
    if len(crons) == 1:
        return tuple(crons)
    found: list[list[frozenset[int]]] = []
    for cron in crons:
        fields = _fields(cron)
        for other in found:
            differing = [place for place in range(5) if other[place] != fields[place]]
            if len(differing) == 1 and not (differing[0] in _DAYS_OF and _restricted(other, _DAYS_OF[differing[0]])):
                other[differing[0]] |= fields[differing[0]]
                break
        else:
            found.append(fields)
    texts = tuple(_join_values(fields) for fields in found)
    return texts if len(texts) == len(crons) else merged_crons(texts)


def scheduled_times(crons: Sequence[str], timezone: str | None, start: datetime, end: datetime) -> Iterator[datetime]:
    """The times of crons of five fields from `start` to `end`, both of them included, in the time zone.

    A time that daylight saving skips is none; one that comes twice counts once, or twice where it is of every hour.
    """
    from datetime import UTC, timedelta
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(timezone) if timezone not in (None, "UTC") else UTC
    found = [_fields(cron) for cron in crons]
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    while day <= last:
        times: set[datetime] = set()
        for fields in found:
            if not _has_day(fields, day):
                continue
            folds = (0, 1) if len(fields[1]) == 24 else (0,)
            for hour, minute, fold in itertools.product(fields[1], fields[0], folds):
                local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone, fold=fold)
                if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                    times.add(local.astimezone(UTC))
        yield from (time.astimezone(zone) for time in sorted(times) if start <= time <= end)
        day += timedelta(days=1)


_FIELDS = (_MINUTE, _HOUR, _DAY, _MONTH, _CRONTAB_WEEKDAY)
_DAYS_OF = {2: 4, 4: 2}
"""The place of each of the two day fields, and that of the other."""


def _fields(cron: str) -> list[frozenset[int]]:
    """The values of each field of a cron that `to_crontab` has made."""
    return [_values(text, field) for text, field in zip(cron.split(), _FIELDS, strict=True)]


def _join_values(fields: Sequence[frozenset[int]]) -> str:
    minute, hour, days, month, weekdays = fields
    return _join(_text(minute, _MINUTE), _text(hour, _HOUR), days, _text(month, _MONTH), weekdays)


def _restricted(fields: Sequence[frozenset[int]], place: int) -> bool:
    return fields[place] != _FIELDS[place].everything


def _has_day(fields: Sequence[frozenset[int]], day: date) -> bool:
    """Whether a day fits: of a day of month and a day of week that are both restricted, either is enough."""
    by_month, by_week = day.day in fields[2], day.isoweekday() % 7 in fields[4]
    both = _restricted(fields, 2) and _restricted(fields, 4)
    return day.month in fields[3] and (by_month or by_week if both else by_month and by_week)


_CODE = re.compile(r"%(?:[-_0^#]?[EO]?([a-zA-Z%])|.?)", re.DOTALL)
_CODES = frozenset("aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZ%f")
"""Codes of `strftime` in Python, and those that its libraries add on Linux."""


def time_format_problem(text: str) -> str:
    """What `strftime` would leave as it is in the formats of `{scheduled:FORMAT}` in a text; empty for nothing."""
    for place in PLACE.finditer(text):
        codes = list(_CODE.finditer(place[1] or ""))
        wrong = next((code[0] for code in codes if code[1] not in _CODES), None)
        if wrong is not None:
            return f"`{place[0]}` has `{wrong}`, which is no code of `strftime`"
        if place[1] and not codes:
            return f"`{place[0]}` has no code of `strftime`, and so no time in it"
    return ""


TIME_FORMAT_HELP = "`{scheduled:%F}` is the day as 2026-01-31, `%H` the hour, `%M` the minute; `%%` stands for `%`"


def check_timezone(timezone: str | None, owner: str, span: Span | None, sink: DiagnosticSink) -> None:
    """Collect FC404 for what is not a time zone, where this machine knows them."""
    from zoneinfo import ZoneInfo

    if timezone is None:
        return
    try:
        ZoneInfo("UTC")
    except KeyError:  # this machine knows no time zones
        return
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        message = f"`timezone` of {owner}: {timezone!r} is not a time zone"
        sink.error("FC404", message, span, help="use an IANA name, such as Europe/Berlin or America/New_York")
