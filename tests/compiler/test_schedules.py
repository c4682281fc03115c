"""Schedules: what a Quartz expression matches, minute by minute, and what its translation matches, are the same."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowc.protocol.scheduled import parse_time
from flowc_compiler.ir.schedules import ScheduleError, merged_crons, scheduled_times, to_crontab

MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
YEAR = [date(2027, 1, 1) + timedelta(days=number) for number in range(365 + 366 + 365)]
"""2027 to 2029, a leap year in the middle."""


def number(text: str, names: list[str], first: int) -> int:
    """A value of a field, by name or number."""
    return names.index(text) + first if text in names else int(text)


def quartz_matches(field: str, value: int, first: int, last: int, names: list[str]) -> bool:
    """Whether a Quartz field matches a value, straight from Quartz's documentation: no sets, no normal form."""
    if field in ("*", "?"):
        return True
    for item in field.split(","):
        span, _, step = item.partition("/")
        if span in ("", "*"):
            start, end = first, last
        elif "-" in span:
            start, end = (number(part, names, first) for part in span.split("-"))
        else:
            start = number(span, names, first)
            end = last if step else start
        position = start
        while True:
            if position == value:
                return True
            reached = [position + offset for offset in range(int(step or 1))]
            position += int(step or 1)
            if end in reached:
                break
            if position > last:
                if start <= end:
                    break
                position = first + (position - last - 1)
                if position > end:
                    break
    return False


def crontab_set(field: str, first: int, last: int) -> set[int]:
    """The values of a normalised crontab field: `*`, `*/n`, numbers and ranges."""
    if field == "*":
        return set(range(first, last + 1))
    if field.startswith("*/"):
        return set(range(first, last + 1, int(field[2:])))
    values: set[int] = set()
    for item in field.split(","):
        start, _, end = item.partition("-")
        values.update(range(int(start), int(end or start) + 1))
    return values


def crontab_days(day: str, month: str, weekday: str) -> set[date]:
    """The dates that a crontab matches, with crontab's rule for two restricted days."""
    days, months, weekdays = crontab_set(day, 1, 31), crontab_set(month, 1, 12), crontab_set(weekday, 0, 6)
    either = not day.startswith("*") and not weekday.startswith("*")
    found: set[date] = set()
    for item in YEAR:
        by_day, by_week = item.day in days, (item.weekday() + 1) % 7 in weekdays
        if item.month in months and (by_day or by_week if either else by_day and by_week):
            found.add(item)
    return found


def assert_same(expression: str) -> None:
    """Compare the two readings of an EventBridge expression at every minute of three years."""
    minute, hour, day, month, weekday, _ = expression.split()
    translated = to_crontab(expression).split()
    assert all(re.fullmatch(r"\*(/\d+)?|\d+(-\d+)?(,\d+(-\d+)?)*", field) for field in translated), translated
    minutes = {value for value in range(60) if quartz_matches(minute, value, 0, 59, [])}
    hours = {value for value in range(24) if quartz_matches(hour, value, 0, 23, [])}
    assert crontab_set(translated[0], 0, 59) == minutes
    assert crontab_set(translated[1], 0, 23) == hours
    dates = {
        item
        for item in YEAR
        if quartz_matches(day, item.day, 1, 31, [])
        and quartz_matches(month, item.month, 1, 12, MONTHS)
        and quartz_matches(weekday, (item.weekday() + 1) % 7 + 1, 1, 7, DAYS)
    }
    assert crontab_days(*translated[2:]) == dates


def items(first: int, last: int, names: list[str], *, over: bool = True) -> st.SearchStrategy[str]:
    """Fields of Quartz: values, ranges, some over the end, steps, and lists of them."""
    value = st.integers(first, last).map(str)
    if names:
        value = st.one_of(value, st.sampled_from(names))
    step = st.integers(1, last - first).map(str)
    spans = st.tuples(value, value).filter(
        lambda pair: over or number(pair[0], names, first) <= number(pair[1], names, first)
    )
    ranges = spans.map("-".join)
    stepped = st.tuples(st.one_of(value, ranges, st.just("*"), st.just("")), step).map("/".join)
    return st.lists(st.one_of(value, ranges, stepped), min_size=1, max_size=3).map(",".join)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.just("*"), items(0, 59, [])),
    st.one_of(st.just("*"), items(0, 23, [])),
    st.one_of(
        st.tuples(items(1, 31, []), st.just("?")),
        st.tuples(st.just("?"), items(1, 7, DAYS)),
        st.just(("*", "?")),
        st.just(("*", "*")),
    ),
    st.one_of(st.just("*"), items(1, 12, MONTHS)),
)
def test_random_expressions(minute: str, hour: str, days: tuple[str, str], month: str) -> None:
    assert_same(f"{minute} {hour} {days[0]} {month} {days[1]} *")


@pytest.mark.parametrize("pair", list(itertools.product(range(1, 8), repeat=2)))
def test_every_range_of_weekdays(pair: tuple[int, int]) -> None:
    first, last = pair
    assert_same(f"0 0 ? * {first}-{last} *")
    assert_same(f"0 0 ? * {DAYS[first - 1]}-{DAYS[last - 1]} *")
    assert to_crontab(f"0 0 ? * {first}-{last} *") == to_crontab(f"0 0 ? * {DAYS[first - 1]}-{DAYS[last - 1]} *")


@pytest.mark.parametrize("pair", list(itertools.product(range(1, 13), repeat=2)))
def test_every_range_of_months(pair: tuple[int, int]) -> None:
    first, last = pair
    assert_same(f"30 6 ? {MONTHS[first - 1]}-{MONTHS[last - 1]} ? *".replace("? ?", "? *").replace("6 ?", "6 *", 1))


def test_every_step() -> None:
    for step in range(1, 60):
        assert_same(f"0/{step} * * * ? *")
        assert_same(f"*/{step} * * * ? *")
        assert_same(f"{step}/{step} * * * ? *")
    for step in range(1, 24):
        assert_same(f"0 {step}/{step} * * ? *")
        assert_same(f"0 22-4/{step} * * ? *")
    for step in range(1, 31):
        assert_same(f"0 0 {step}/{step} * ? *")
    for step in range(1, 7):
        assert_same(f"0 0 ? * {step}/{step} *")
        assert_same(f"0 0 ? * 5-3/{step} *")


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("0 0 ? * SUN *", "0 0 * * 0"),  # @schedule(weekly=True)
        ("0 * * * ? *", "0 * * * *"),  # hourly
        ("0 0 * * ? *", "0 0 * * *"),  # daily
        ("0 10 * * ? *", "0 10 * * *"),  # the example of Metaflow's documentation
        ("0/15 9-17 ? * MON-FRI *", "*/15 9-17 * * 1-5"),
        ("0 0 ? * 1 *", "0 0 * * 0"),  # 1 is Sunday
        ("0 0 ? * 7 *", "0 0 * * 6"),
        ("0 0 ? * L *", "0 0 * * 6"),  # the last day of the week
        ("0 0 ? * 1-7 *", "0 0 * * *"),  # everything is not a restriction, which would be joined by "or"
        ("0 0 1-31 * ? *", "0 0 * * *"),
        ("0 0 ? * wed *", "0 0 * * 3"),
        ("0 0 * * * *", "0 0 * * *"),
        ("0 0 * * MON *", "0 0 * * 1"),
        ("0 0 29 FEB ? *", "0 0 29 2 *"),
        ("0 0 0 * * ? *", "0 0 * * *"),  # seven fields: seconds in front
        ("0 30 9 ? * 2-6 *", "30 9 * * 1-5"),
        ("/5 * * * ? *", "*/5 * * * *"),
        # crontab's own five fields, with 0 for Sunday, or 7
        ("0 0 * * 0", "0 0 * * 0"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 1-7", "0 0 * * *"),
        ("0 0 * * 0-7", "0 0 * * *"),
        ("0 0 * * 5-7/2", "0 0 * * 0,5"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * SUN", "0 0 * * 0"),
        ("*/10 * * * *", "*/10 * * * *"),
        ("0 0 13 * 5", "0 0 13 * 5"),  # either is enough
        ("0 0 13 * 0-6", "0 0 * * *"),
        ("0 0 */10 * 5", "0 0 1,11,21,31 * 5"),
    ],
)
def test_translation(expression: str, wanted: str) -> None:
    assert to_crontab(expression) == wanted


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 0 L * ? *", "last day of the month"),
        ("0 0 L-3 * ? *", "last day of the month"),
        ("0 0 LW * ? *", "nearest"),
        ("0 0 15W * ? *", "nearest"),
        ("0 0 ? * 6L *", "last such weekday"),
        ("0 0 ? * FRIL *", "last such weekday"),
        ("0 0 ? * 6#3 *", "one certain weekday"),
        ("0 0 1 * MON *", "both a day of month and a day of week"),
        ("0 0 ? * ? *", "both the day of month and the day of week are ?"),
        ("0 0 1 1 ? 2027", "years"),
        ("0 0 1 1 ? 2027-2030", "years"),
        ("0 0 12 * * ?", "without seconds"),
        ("0 0 12 ? * MON", "without seconds"),
        ("30 0 0 * * ? *", "seconds"),
        ("0/10 0 0 * * ? *", "seconds"),
        ("? 0 * * ? *", "for days only"),
        ("60 0 * * ? *", "from 0 to 59"),
        ("0 24 * * ? *", "from 0 to 23"),
        ("0 0 0 * ? *", "from 1 to 31"),
        ("0 0 * 13 ? *", "from 1 to 12"),
        ("0 0 ? * 0 *", "from 1 to 7"),
        ("0 0 ? * 8 *", "from 1 to 7"),
        ("*/0 * * * ? *", "step of 0"),
        ("a * * * ? *", "not a minute"),
        ("1,,2 * * * ? *", "not a minute"),
        ("-5 * * * ? *", "not a minute"),
        ("0 0 ? * MOON *", "not a day of week"),
        ("* * * *", "4 fields"),
        ("@daily", "1 fields"),
        ("rate(5 minutes)", "2 fields"),
        ("", "0 fields"),
        ("0 0 31 2 *", "none of its months has such a day, so that it would never run"),
        ("0 0 31 APR,JUN ? *", "none of its months has such a day"),
    ],
)
def test_what_cron_cannot_say(expression: str, reason: str) -> None:
    with pytest.raises(ScheduleError, match=re.escape(reason)):
        to_crontab(expression)


def times(crons: list[str], start: str, end: str, timezone: str | None = None) -> list[str]:
    """The times of crons, as ISO 8601 has them."""
    span = (parse_time(text, timezone) for text in (start, end))
    return [time.isoformat() for time in scheduled_times(crons, timezone, *span)]


@pytest.mark.parametrize(
    ("crons", "merged"),
    [
        (["0 5 * * *"], ["0 5 * * *"]),
        (["0 5 * * *", "0 17 * * *"], ["0 5,17 * * *"]),
        (["0 5 * * *", "30 17 * * *"], ["0 5 * * *", "30 17 * * *"]),
        (["0 5 * * *", "0 17 * * *", "0 1 * * *", "30 * * * *"], ["0 1,5,17 * * *", "30 * * * *"]),
        (["0 5 1-15 * *", "0 5 16-31 * *"], ["0 5 * * *"]),
        (["0 5 1-15 * 1", "0 5 16-31 * 1"], ["0 5 1-15 * 1", "0 5 16-31 * 1"]),
        (["0 5 1 * *", "0 5 1 * 1"], ["0 5 1 * *", "0 5 1 * 1"]),
    ],
)
def test_crons_that_are_one(crons: list[str], merged: list[str]) -> None:
    assert list(merged_crons(crons)) == merged
    whole = ("2027-01-01", "2027-03-01")
    assert times(merged, *whole) == times(crons, *whole)


@settings(deadline=None, max_examples=50)
@given(cron=st.sampled_from(["*/20 3 * * *", "0 0 29 2 *", "5 4 13 * 5", "0 */6 1,15 3-5 *", "59 23 * * 0,6"]))
def test_times_are_those_that_the_fields_match(cron: str) -> None:
    """Minute by minute, where no daylight saving is."""
    minute, hour, day, month, weekday = cron.split()
    expected = [
        f"{one.isoformat()}T{hours:02}:{minutes:02}:00+00:00"
        for one in YEAR[:800]
        if one.month in crontab_set(month, 1, 12) and day_matches(day, weekday, one)
        for hours in sorted(crontab_set(hour, 0, 23))
        for minutes in sorted(crontab_set(minute, 0, 59))
    ]
    end = YEAR[799].isoformat() + "T23:59:00"
    assert times([cron], YEAR[0].isoformat(), end) == expected


def day_matches(day: str, weekday: str, one: date) -> bool:
    """As crontab has it: of two restricted fields either is enough."""
    by_month, by_week = one.day in crontab_set(day, 1, 31), one.isoweekday() % 7 in crontab_set(weekday, 0, 6)
    return (by_month or by_week) if "*" not in (day, weekday) else (by_month and by_week)


def test_times_and_daylight_saving() -> None:
    """In Berlin 02:00 to 03:00 is not there on 2026-03-28, and is twice on 2026-10-25."""
    zone = "Europe/Berlin"
    daily = times(["30 2 * * *"], "2026-03-28", "2026-03-30T23:59", zone)
    assert daily == ["2026-03-28T02:30:00+01:00", "2026-03-30T02:30:00+02:00"]
    assert times(["30 2 * * *"], "2026-10-25", "2026-10-25T23:59", zone) == ["2026-10-25T02:30:00+02:00"]
    hourly = times(["0 * * * *"], "2026-10-25T01:30", "2026-10-25T03:30", zone)
    assert hourly == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"]


def test_both_ends_of_a_span_count_and_times_once() -> None:
    crons = ["0 */12 * * *", "0 0 * * *"]
    assert times(crons, "2026-01-01", "2026-01-02") == [
        "2026-01-01T00:00:00+00:00", "2026-01-01T12:00:00+00:00", "2026-01-02T00:00:00+00:00",
    ]  # fmt: skip
