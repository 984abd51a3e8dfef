"""Schedules: what Kubernetes reads, what systemd makes of it, and that both fire at the same times."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from podunit.kubernetes.cron import list_calendars, parse_schedule, parse_time_zone

needs_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")

_ELAPSE = re.compile(
    r"^ *(?:Next elapse|Iter\. #\d+|Iteration #\d+): \w{3} (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC$", re.M
)
_COUNT = 1000


def analyze(expressions: Iterable[str], base: datetime, count: int) -> list[list[datetime]]:
    """The times at which systemd would fire for each expression, after a moment."""
    command = ["systemd-analyze", "calendar", f"--iterations={count}", f"--base-time={base:%Y-%m-%d %H:%M:%S} UTC"]
    done = subprocess.run(
        [*command, *expressions], capture_output=True, text=True, check=True, env={"TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )
    blocks = done.stdout.strip().split("\n\n")
    return [[datetime.fromisoformat(found).replace(tzinfo=UTC) for found in _ELAPSE.findall(block)] for block in blocks]


def fire(schedule: str, zone: str | None, base: datetime, count: int) -> list[datetime]:
    """The first times at which a timer for the schedule would fire: at those of any of its expressions."""
    calendars = list_calendars(parse_schedule(schedule), zone)
    return [time for time, _ in groupby(islice(merge(*analyze(calendars, base, count)), count))]


@pytest.mark.parametrize(
    ("schedule", "zone", "expected"),
    [
        ("0 3 * * *", None, ["*-*-* 03:00:00"]),
        ("0 3 * * *", "Europe/Berlin", ["*-*-* 03:00:00 Europe/Berlin"]),
        ("  0   3 * * *\t", None, ["*-*-* 03:00:00"]),
        ("*/7 3-20/5 * jan MON", None, ["Mon *-01-* 03..18/5:00..56/7:00"]),
        ("5,1,3 08-10 1,2 2/3 *", None, ["*-02..11/3-01,02 08..10:01..05/2:00"]),
        ("0 9 * * MON-fri", None, ["Mon..Fri *-*-* 09:00:00"]),
        ("0 9 * * sun,Sat,4", None, ["Thu,Sat,Sun *-*-* 09:00:00"]),
        ("0 9 * * 0-2", None, ["Mon,Tue,Sun *-*-* 09:00:00"]),
        ("30 4 1,15 * 5", None, ["*-*-01,15 04:30:00", "Fri *-*-* 04:30:00"]),
        # A star in one day field, and both have to match; a star with a step is none.
        ("0 0 13 * ?", None, ["*-*-13 00:00:00"]),
        ("0 0 */1 * 5", None, ["Fri *-*-* 00:00:00"]),
        ("0 0 3,* * 5", None, ["Fri *-*-* 00:00:00"]),
        ("0 0 */2 * 5", None, ["*-*-01..31/2 00:00:00", "Fri *-*-* 00:00:00"]),
        ("0 0 13 * */3", None, ["*-*-13 00:00:00", "Wed,Sat,Sun *-*-* 00:00:00"]),
        # Restricted to all of them, so that every day is in one of the two.
        ("0 0 1-31 3 5", None, ["*-03-* 00:00:00"]),
        ("0 0 13 * 0-6", None, ["*-*-* 00:00:00"]),
        ("1,,2 0 * * *", None, ["*-*-* 00:01,02:00"]),
        ("+1 0 * * *", None, ["*-*-* 00:01:00"]),
        ("@yearly", None, ["*-01-01 00:00:00"]),
        ("@annually", None, ["*-01-01 00:00:00"]),
        ("@monthly", None, ["*-*-01 00:00:00"]),
        ("@weekly", None, ["Sun *-*-* 00:00:00"]),
        ("@daily", None, ["*-*-* 00:00:00"]),
        ("@midnight", "Asia/Tokyo", ["*-*-* 00:00:00 Asia/Tokyo"]),
        ("@hourly", None, ["*-*-* *:00:00"]),
        # In each hour: in UTC, if the zone differs by a constant part of an hour.
        ("*/5 * * * *", None, ["*-*-* *:00..55/5:00 UTC"]),
        ("* * * * *", None, ["*-*-* *:*:00 UTC"]),
        ("*/10 * * * *", None, ["*-*-* *:00..50/10:00"]),
        ("*/10 * * * *", "Europe/Berlin", ["*-*-* *:00..50/10:00 UTC"]),
        ("5 * * * *", "Australia/Adelaide", ["*-*-* *:35:00 UTC"]),
        ("5 * * * *", "Asia/Kathmandu", ["*-*-* *:20:00 UTC"]),
        ("5 * * * *", "Australia/Lord_Howe", ["*-*-* *:05:00 Australia/Lord_Howe"]),
        ("5 * * * 1", "Europe/Berlin", ["Mon *-*-* *:05:00 Europe/Berlin"]),
        ("5 * * 6 *", "Europe/Berlin", ["*-06-* *:05:00 Europe/Berlin"]),
    ],
)
def test_a_schedule_becomes_calendar_expressions(schedule: str, zone: str | None, expected: list[str]) -> None:
    assert list(list_calendars(parse_schedule(schedule), zone)) == expected


@pytest.mark.parametrize(
    ("schedule", "message", "hint"),
    [
        ("", "empty", "minute, hour, day of month, month, day of week"),
        ("* * * *", "4 fields, expected 5", "minute, hour"),
        ("0 * * * * *", "6 fields, expected 5", "minute, hour"),
        ("60 * * * *", "the minute '60' is not between 0 and 59", "the minute is 0 to 59"),
        ("0 0-24 * * *", "the hour '0-24' is not between 0 and 23", "the hour is"),
        ("0 0 0 * *", "the day of month '0' is not between 1 and 31", "the day of month is"),
        ("0 0 * 13 *", "the month '13' is not between 1 and 12", "1 to 12 or jan to dec"),
        ("0 0 * * 7", "the day of week '7' is not between 0 and 6", "Sunday is 0"),
        ("0 0 * * fri-mon", "the day of week 'fri-mon' begins after its end", "write two ranges, as 5-6,0-1"),
        ("0 0 * juli *", "the month 'juli' is not valid", "jan to dec"),
        ("0 0 mon * *", "the day of month 'mon' is not valid", "1 to 31"),
        ("*/0 * * * *", "the minute '*/0' has a step of 0", "the minute is"),
        ("*/x * * * *", "the minute '*/x' is not valid", "the minute is"),
        ("1/2/3 * * * *", "more than one '/'", "the minute is"),
        ("1-2-3 * * * *", "more than one '-'", "the minute is"),
        ("-1 * * * *", "the minute '-1' is not valid", "the minute is"),
        ("٣ * * * *", "is not valid", "the minute is"),
        (", * * * *", "this would never fire", "the minute is"),
        ("0 0 L * *", "the day of month 'L' is not valid", "the day of month is"),
        ("0 0 * * 5#2", "the day of week '5#2' is not valid", "the day of week is"),
        ("@reboot", "'@reboot' is not one of @yearly, ", "write five fields"),
        ("@every 1h30m", "'@every' counts from", "write five fields"),
        ("TZ=UTC 0 0 * * *", "a time zone has no place in a schedule", "spec.timeZone"),
        ("CRON_TZ=Asia/Tokyo @daily", "a time zone has no place in a schedule", "spec.timeZone"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_name_of_its_field(schedule: str, message: str, hint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        parse_schedule(schedule)
    assert hint in raised.value.args[1]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "Etc/GMT+5", "America/Argentina/Ushuaia"])
def test_a_time_zone_is_one_of_the_database(zone: str) -> None:
    assert parse_time_zone(zone) == zone


@pytest.mark.parametrize(
    "zone",
    ["", "Local", "local", "Europe", "Europe/Berlinn", "Europe//Berlin", "/UTC", "../UTC", "-x", "CET-1CEST", "a b"],
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        parse_time_zone(zone)


@pytest.mark.parametrize(
    ("schedule", "never"),
    [("0 0 30 2 *", True), ("0 0 31 2,4,6,9,11 *", True), ("0 0 29 2 *", False), ("0 0 30 2 1", False)],
)
def test_a_day_that_no_month_has_never_comes(schedule: str, never: bool) -> None:
    assert parse_schedule(schedule).never_comes == never


@dataclass(frozen=True)
class Written:
    """A field as Kubernetes reads it, and the same for the other library."""

    text: str
    other: str


_NAMES = {
    (1, 12): ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
    (0, 6): ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"),
}


def span(first: int, last: int, step: int) -> str:
    # For cronsim 3-3/2 is 3/2.
    return str(first) if first == last else f"{first}-{last}/{step}"


@st.composite
def items(draw: st.DrawFn, low: int, high: int) -> Written:
    """One item of a field. For cronsim it says in other words what robfig/cron reads in its own way."""
    first = draw(st.integers(low, high))
    last = draw(st.integers(first, high))
    step = draw(st.integers(1, high + 3))
    begin = str(first)
    if (low, high) in _NAMES and draw(st.booleans()):
        name = _NAMES[low, high][first - low]
        begin = name.lower() if draw(st.booleans()) else name
    match draw(st.sampled_from(["star", "stepped star", "value", "value and step", "range", "range and step"])):
        case "star":
            return Written(draw(st.sampled_from(["*", "?"])), "*")
        case "stepped star":
            # In Debian's cron any field that begins with a star is one; here one with a step of its own is not.
            return Written(f"*/{step}", "*" if step == 1 else span(low, high, step))
        case "value":
            return Written(begin, str(first))
        case "value and step":
            return Written(f"{begin}/{step}", span(first, high, step))
        case "range":
            return Written(f"{begin}-{last}", span(first, last, 1))
        case _:
            return Written(f"{begin}-{last}/{step}", span(first, last, step))


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> Written:
    some = draw(st.lists(items(low, high), min_size=1, max_size=3))
    # A star among others is one for Kubernetes wherever it stands; for cronsim only at the start of the field.
    some.sort(key=lambda item: item.other != "*")
    return Written(",".join(item.text for item in some), ",".join(item.other for item in some))


@st.composite
def schedules(draw: st.DrawFn) -> Written:
    every = [draw(fields(*bounds)) for bounds in ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))]
    return Written(" ".join(field.text for field in every), " ".join(field.other for field in every))


def fire_otherwise(schedule: str, base: datetime) -> list[datetime]:
    """The next times by cronsim, which does not know podunit; none for a day that never comes."""
    try:
        return list(islice(CronSim(schedule, base), _COUNT))
    except CronSimError:
        return []


@needs_analyze
@settings(max_examples=25, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(
    st.lists(schedules(), min_size=8, max_size=8),
    st.datetimes(datetime(2024, 1, 1), datetime(2040, 1, 1)).map(lambda base: base.replace(microsecond=0, tzinfo=UTC)),
)
def test_a_timer_fires_when_an_independent_cron_does(written: list[Written], base: datetime) -> None:
    calendars = [list_calendars(parse_schedule(schedule.text), "UTC") for schedule in written]
    found = iter(analyze((line for lines in calendars for line in lines), base, _COUNT))
    # systemd looks no further than 2199.
    end = datetime(2190, 1, 1, tzinfo=UTC)
    for schedule, lines in zip(written, calendars, strict=True):
        times = [time for time, _ in groupby(merge(*(next(found) for _ in lines)))][:_COUNT]
        expected = fire_otherwise(schedule.other, base)
        assert [time for time in times if time < end] == [time for time in expected if time < end], schedule


@needs_analyze
@pytest.mark.parametrize(
    ("schedule", "base", "expected"),
    [
        # Berlin goes from 02:00 to 03:00 on 29 March 2026: as in Kubernetes there is no 02:30 that day.
        ("30 2 * * *", "2026-03-28 12:00", ["03-30 00:30", "03-31 00:30"]),
        ("30 * * * *", "2026-03-29 00:00", ["03-29 00:30", "03-29 01:30", "03-29 02:30"]),
        # And from 03:00 to 02:00 on 25 October: Kubernetes would fire again at 01:30 UTC.
        ("30 2 * * *", "2026-10-24 12:00", ["10-25 00:30", "10-26 01:30"]),
        ("0 */2 * * *", "2026-10-24 21:00", ["10-24 22:00", "10-25 00:00", "10-25 03:00"]),
        # What fires in each hour is said in UTC, and fires in both of them, as in Kubernetes.
        ("30 * * * *", "2026-10-25 00:00", ["10-25 00:30", "10-25 01:30", "10-25 02:30"]),
        ("*/20 * * * *", "2026-10-25 00:30", ["10-25 00:40", "10-25 01:00", "10-25 01:20", "10-25 01:40"]),
    ],
)
def test_when_clocks_are_changed(schedule: str, base: str, expected: list[str]) -> None:
    begin = datetime.fromisoformat(base).replace(tzinfo=UTC)
    times = fire(schedule, "Europe/Berlin", begin, len(expected))
    assert [f"{time:%m-%d %H:%M}" for time in times] == expected


@needs_analyze
@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "Australia/Adelaide", "America/St_Johns", "Pacific/Chatham"])
def test_each_hour_is_the_same_in_utc_and_in_a_zone_with_a_part_of_an_hour(zone: str) -> None:
    begin = datetime(2026, 6, 1, tzinfo=UTC)
    (in_zone,) = analyze([f"*-*-* *:07,20:00 {zone}"], begin, 100)
    assert fire("7,20 * * * *", zone, begin, 100) == in_zone
    assert in_zone[2] - in_zone[0] == timedelta(hours=1)
