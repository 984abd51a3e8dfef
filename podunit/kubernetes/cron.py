"""A CronJob's schedule and time zone, as Kubernetes reads them, and the OnCalendar= expressions that say the same.

In: the text of `schedule` and of `timeZone`. Out: a `Schedule`, its expressions (systemd.time(7)), or ValueError with a
sentence and a hint for the user. Knows no object of the API, and no unit.

The API reads schedules by github.com/robfig/cron/v3 (ParseStandard), whose rules these are: days of a week are 0 to 6,
`?` is `*` in every field, `N/S` goes on to the field's end. If both day fields are restricted, a day has to be in one
of them, otherwise in both. A field is restricted in which no item is `*`, `?` or one of these with step 1; so `*/2` is,
unlike in other crons.

When clocks are put forward, neither Kubernetes nor systemd fires at the times that do not exist. When they are put
back, Kubernetes fires at both times of one name; systemd fires at the first of them only, and passes over the whole
hour that comes again, even for `*:00..55/5`. So what is to fire in each hour of every day is said in UTC, wherever that
means the same times. The difference that remains: what names hours or days fires once in the hour that comes twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from podunit.record import record

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


@record
class _Field:
    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[int, ...]:
        return tuple(range(self.low, self.high + 1))

    @property
    def hint(self) -> str:
        words = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"the {self.name} is {self.low} to {self.high}{words}: *, */{2 + self.low}, a list, a range such as" + (
            f" {self.low + 1}-{self.low + 3}"
        )


_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MINUTE = _Field("minute", 0, 59)
_HOUR = _Field("hour", 0, 23)
_DAY = _Field("day of month", 1, 31)
_MONTH = _Field("month", 1, 12, _MONTHS)
_WEEKDAY = _Field("day of week", 0, 6, _WEEKDAYS)

_MACROS: Mapping[str, str] = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FORM = "write five fields: minute, hour, day of month, month, day of week, such as '*/5 * * * *'"
_ZONE_HINT = "write a name of the IANA database, such as Europe/Berlin or Etc/UTC"
_ZONE_PART = re.compile(r"(?!-)[A-Za-z0-9._+-]{1,14}")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# The offsets of time zones are looked at in these years: the same result on every machine, at any time.
_YEARS = range(2025, 2036)


@record
class Schedule:
    """When to fire: values of each field in order, Sunday 0; `either` day field is enough, or both have to match."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool

    @property
    def never_comes(self) -> bool:
        """Whether there is no such day, as 30 February."""
        return not self.either and all(day > _LONGEST[month - 1] for day in self.days for month in self.months)

    @property
    def is_hourly(self) -> bool:
        """Whether it fires in each hour of every day."""
        every = (self.days == _DAY.all, self.weekdays == _WEEKDAY.all)
        return self.hours == _HOUR.all and self.months == _MONTH.all and (any(every) if self.either else all(every))


def parse_schedule(text: str) -> Schedule:
    """The meaning of `schedule`."""
    if "TZ" in text:
        raise ValueError("a time zone has no place in a schedule", "name it in spec.timeZone")
    if text.startswith("@every"):
        raise ValueError(
            "'@every' counts from the moment when the object was created, which the unit files do not know",
            "write five fields, such as '*/5 * * * *' for every five minutes",
        )
    if text.startswith("@") and text not in _MACROS:
        raise ValueError(f"'{text[:60]}' is not one of {', '.join(_MACROS)}", _FORM)
    fields = _MACROS.get(text, text).split()
    if len(fields) != 5:
        raise ValueError(f"{len(fields)} fields, expected 5" if fields else "empty, expected five fields", _FORM)
    minutes, hours, days, months, weekdays = (
        _parse_field(words, field)
        for words, field in zip(fields, (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY), strict=True)
    )
    either = _is_restricted(fields[2]) and _is_restricted(fields[4])
    return Schedule(minutes, hours, days, months, weekdays, either)


def parse_time_zone(text: str) -> str:
    """The name of a time zone."""
    if text.lower() == "local":
        raise ValueError("'Local' is not a time zone of its own", "remove it, and the machine's time zone holds")
    if not all(_ZONE_PART.fullmatch(part) and part not in (".", "..") for part in text.split("/")):
        raise ValueError(f"'{text[:60]}' is not the name of a time zone", _ZONE_HINT)
    if _find_zone(text) is None:
        if _find_zone("UTC") is None:
            raise ValueError("no time zone is known here", "install the package tzdata")
        raise ValueError(f"there is no time zone '{text[:60]}'", _ZONE_HINT)
    return text


def list_calendars(schedule: Schedule, time_zone: str | None) -> tuple[str, ...]:
    """Expressions for OnCalendar=, whose times together are those of the schedule."""
    minutes, zone = schedule.minutes, time_zone
    if schedule.is_hourly:
        shift = _find_shift(minutes, time_zone)
        if shift is not None:
            minutes, zone = tuple(sorted((minute - shift) % 60 for minute in minutes)), "UTC"
    time = f"{_component(schedule.hours, _HOUR)}:{_component(minutes, _MINUTE)}:00{f' {zone}' if zone else ''}"
    month = _component(schedule.months, _MONTH)
    by_day = f"*-{month}-{_component(schedule.days, _DAY)} {time}"
    by_weekday = "" if schedule.weekdays == _WEEKDAY.all else f"{_list_weekdays(schedule.weekdays)} "
    if not schedule.either:
        return (f"{by_weekday}{by_day}",)
    if schedule.days == _DAY.all or not by_weekday:
        return (f"*-{month}-* {time}",)
    return (by_day, f"{by_weekday}*-{month}-* {time}")


def _parse_field(words: str, field: _Field) -> tuple[int, ...]:
    values = {value for item in words.split(",") if item for value in _parse_item(item, field)}
    if not values:
        raise ValueError(f"the {field.name} '{words[:60]}' is empty: this would never fire", field.hint)
    return tuple(sorted(values))


def _parse_item(item: str, field: _Field) -> range:
    span, *steps = item.split("/")
    ends = span.split("-")
    shown = f"the {field.name} '{item[:60]}'"
    if len(steps) > 1 or len(ends) > 2:
        raise ValueError(f"{shown} has more than one '{'/' if len(steps) > 1 else '-'}'", field.hint)
    if ends[0] in ("*", "?"):
        low, high = field.low, field.high
    else:
        low = _parse_value(ends[0], shown, field)
        high = _parse_value(ends[-1], shown, field)
        if steps and len(ends) == 1:
            high = field.high
    step = _parse_number(steps[0], shown, field) if steps else 1
    for value in (low, high):
        if not field.low <= value <= field.high:
            hint = "Sunday is 0" if field is _WEEKDAY and value == 7 else field.hint
            raise ValueError(f"{shown} is not between {field.low} and {field.high}", hint)
    if low > high:
        raise ValueError(f"{shown} begins after its end", f"write two ranges, as {low}-{field.high},{field.low}-{high}")
    if step == 0:
        raise ValueError(f"{shown} has a step of 0", field.hint)
    return range(low, high + 1, step)


def _parse_value(word: str, shown: str, field: _Field) -> int:
    if word.lower() in field.names:
        return field.names.index(word.lower()) + field.low
    return _parse_number(word, shown, field)


def _parse_number(word: str, shown: str, field: _Field) -> int:
    if not re.fullmatch(r"\+?[0-9]{1,18}", word):
        raise ValueError(f"{shown} is not valid", field.hint)
    return int(word)


def _is_restricted(words: str) -> bool:
    for item in words.split(","):
        span, _, step = item.partition("/")
        if span.partition("-")[0] in ("*", "?") and (not step or int(step) == 1):
            return False
    return True


def _component(values: tuple[int, ...], field: _Field) -> str:
    """Values of a field as systemd.time(7) writes them: `*`, `00..45/15`, `08..17`, `01,15`."""
    if values == field.all:
        return "*"
    steps = {after - before for before, after in pairwise(values)}
    if len(values) > 2 and len(steps) == 1 and (step := steps.pop()) > 1:
        # Never without an end: systemd takes 23:63 of `*:00/7` for 00:03, and passes over 00:00 (issue 40260).
        return f"{values[0]:02}..{values[-1]:02}/{step}"
    return ",".join(f"{low:02}..{high:02}" if high - low > 1 else _both(low, high) for low, high in _list_runs(values))


def _both(low: int, high: int) -> str:
    return f"{low:02}" if low == high else f"{low:02},{high:02}"


def _list_runs(values: Iterable[int]) -> list[tuple[int, int]]:
    """Values that follow each other, as first and last."""
    runs: list[tuple[int, int]] = []
    for value in values:
        if runs and runs[-1][1] == value - 1:
            runs[-1] = (runs[-1][0], value)
        else:
            runs.append((value, value))
    return runs


def _list_weekdays(values: Collection[int]) -> str:
    # A week of systemd begins on Monday, and a range does not go beyond its end.
    runs = _list_runs(sorted((value - 1) % 7 for value in values))
    names = [name.capitalize() for name in (*_WEEKDAYS[1:], _WEEKDAYS[0])]
    return ",".join(
        f"{names[low]}..{names[high]}" if high - low > 1 else ",".join(names[low : high + 1]) for low, high in runs
    )


def _find_zone(name: str) -> ZoneInfo | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 4 ms that only a CronJob has to pay

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _find_shift(minutes: tuple[int, ...], time_zone: str | None) -> int | None:
    """By how many minutes UTC's are behind those of a zone, always; None if that varies, or is not known."""
    if time_zone is None:
        # Whatever the machine's zone is, it differs from UTC by quarters of an hour.
        return 0 if {(minute + 15) % 60 for minute in minutes} == set(minutes) else None
    from datetime import UTC, datetime, timedelta
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(time_zone)
    shifts = {
        (datetime(year, month, day, tzinfo=UTC).astimezone(zone).utcoffset() or timedelta())
        // timedelta(minutes=1)
        % 60
        for year in _YEARS
        for month in range(1, 13)
        for day in (1, 15)
    }
    return shifts.pop() if len(shifts) == 1 else None
