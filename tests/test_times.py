"""Time zones and schedules: what AWS takes is taken, anything else is answered with what would fit."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from cfngen import OffHours
from cfngen.times import change_minutes, clock, minutes_of_week, offsets, timezones, wrong_schedule, wrong_timezone

TAKEN = [
    "cron(0 20 ? * MON-FRI *)",
    "cron(0 12 ? * * *)",
    "cron(15 12 * * ? *)",
    "cron(0/10 * ? * MON-FRI *)",
    "cron(*/5 8-17 ? * MON,WED,FRI 2026-2030)",
    "cron(0,30 0,12 1,15 JAN-MAR,7 ? *)",
    "cron(0 8 L * ? *)",
    "cron(0 8 LW * ? *)",
    "cron(0 8 15W * ? *)",
    "cron(0 8 ? * L *)",
    "cron(0 8 ? * FRIL *)",
    "cron(0 8 ? * 6L *)",
    "cron(0 8 ? * 2#1 *)",
    "cron(0 8 ? * MON#5 2026/2)",
    "cron(0 22-6 ? * FRI-MON *)",
    "cron(0 8 1-31/2 */2 ? 1970,2199)",
    "rate(1 minute)",
    "rate(5 minutes)",
    "rate(1 hour)",
    "rate(24 hours)",
    "rate(1 day)",
    "rate(10 days)",
    "at(2030-01-01T00:00:00)",
    "at(2028-02-29T23:59:59)",
]
ONE_QUESTION = "a question mark as the day of the month or as the day of the week"
REFUSED = {
    "": "cron(...), rate(...) or at(...)",
    "cron()": "cron(...), rate(...) or at(...)",
    "0 20 ? * MON-FRI *": "cron(...), rate(...) or at(...)",
    "every(1 hour)": "cron(...), rate(...) or at(...)",
    "cron(0 20 ? * MON-FRI *) ": "cron(...), rate(...) or at(...)",
    "cron(0 20 * * *)": "six fields",
    "cron(0 20 ? * MON-FRI * *)": "six fields",
    "cron(0 20  ? * MON-FRI *)": "six fields",
    "cron(60 20 ? * MON-FRI *)": "'60' is no minute: 0 to 59, and the signs , - * /",
    "cron(0 24 ? * MON-FRI *)": "'24' is no hour: 0 to 23",
    "cron(-5 0 ? * MON *)": "'-5' is no minute",
    "cron(0/0 0 ? * MON *)": "'0/0' is no minute",
    "cron(*/60 0 ? * MON *)": "'*/60' is no minute",
    "cron(, 0 ? * MON *)": "',' is no minute",
    "cron(1-2-3 0 ? * MON *)": "'1-2-3' is no minute",
    "cron(? 0 ? * MON *)": "'?' is no minute",
    "cron(0 8 0 * ? *)": "'0' is no day of the month: 1 to 31, and the signs , - * / ? L W",
    "cron(0 8 32W * ? *)": "'32W' is no day of the month",
    "cron(0 8 1,L * ? *)": "'1,L' is no day of the month",
    "cron(0 8 MON * ? *)": "'MON' is no day of the month",
    "cron(0 8 1 13 ? *)": "'13' is no month: 1 to 12 or JAN to DEC",
    "cron(0 8 1 JUNE ? *)": "'JUNE' is no month",
    "cron(0 8 ? * 0 *)": "'0' is no day of the week: 1 to 7 or SUN to SAT",
    "cron(0 8 ? * Mon *)": "'Mon' is no day of the week",
    "cron(0 8 ? * 2#6 *)": "'2#6' is no day of the week",
    "cron(0 8 ? * MON,2#1 *)": "'MON,2#1' is no day of the week",
    "cron(0 8 ? * 3W *)": "'3W' is no day of the week",
    "cron(0 8 ? * MON 1969)": "'1969' is no year: 1970 to 2199",
    "cron(0 8 ? * MON 2030-2026)": "'2030-2026' is no year",
    "cron(0 8 * * * *)": ONE_QUESTION,
    "cron(0 8 1 * MON *)": ONE_QUESTION,
    "cron(0 8 ? * ? *)": ONE_QUESTION,
    "cron(٣ 8 ? * MON *)": "is no minute",
    "rate(0 minutes)": "rate(1 minute) or rate(5 minutes)",
    "rate(1 minutes)": "rate(1 minute) or rate(5 minutes)",
    "rate(5 minute)": "rate(1 minute) or rate(5 minutes)",
    "rate(-1 hours)": "rate(1 minute) or rate(5 minutes)",
    "rate(1.5 hours)": "rate(1 minute) or rate(5 minutes)",
    "rate(2 weeks)": "rate(1 minute) or rate(5 minutes)",
    "rate(01 hour)": "rate(1 minute) or rate(5 minutes)",
    "at(2030-02-30T00:00:00)": "a moment that there is",
    "at(2030-01-01T24:00:01)": "a moment that there is",
    "at(2030-01-01 00:00:00)": "a moment that there is",
    "at(2030-01-01T00:00)": "a moment that there is",
    "at(2030-01-01T00:00:00Z)": "a moment that there is",
}


@pytest.mark.parametrize("expression", TAKEN)
def test_a_schedule_that_aws_takes_is_taken(expression: str) -> None:
    assert wrong_schedule(expression) == ""


@pytest.mark.parametrize("expression", REFUSED)
def test_a_schedule_that_aws_refuses_is_told_with_what_fits(expression: str) -> None:
    assert REFUSED[expression] in wrong_schedule(expression)


def test_zones_are_those_of_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONTZPATH", "/nowhere")
    assert len(timezones()) > 400
    for name in ("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "EST5EDT", "GB-Eire"):
        assert wrong_timezone(name) == ""
        assert ZoneInfo(name).key == name


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", (0,)),
        ("Europe/Berlin", (60, 120)),
        ("America/New_York", (-300, -240)),
        ("Asia/Kolkata", (330,)),
        ("Pacific/Auckland", (720, 780)),
        ("Australia/Lord_Howe", (630, 660)),
        ("Africa/Casablanca", (0, 60)),
    ],
)
def test_clocks_are_known_in_winter_and_in_summer(zone: str, expected: tuple[int, ...]) -> None:
    assert offsets(zone) == expected
    assert change_minutes(zone) == expected[-1] - expected[0]


def test_every_zone_has_its_clocks() -> None:
    for zone in sorted(timezones()):
        assert all(-720 <= offset <= 840 for offset in offsets(zone)), zone
        assert change_minutes(zone) <= 120, zone


def test_a_time_of_day_is_minutes() -> None:
    assert (clock("00:00"), clock("07:05"), clock("23:59")) == (0, 425, 1439)


def week(*days: int, at: int = 0) -> list[int]:
    return [day * 24 * 60 + at for day in days]


@pytest.mark.parametrize(
    ("expression", "minutes"),
    [
        ("cron(0 3 * * ? *)", week(*range(7), at=180)),
        ("cron(0 8 ? * MON-FRI *)", week(*range(5), at=480)),
        ("cron(0 8 ? * 1,7 *)", week(5, 6, at=480)),
        ("cron(0 8 ? * FRI-MON *)", week(0, 4, 5, 6, at=480)),
        ("cron(0 8 ? * L *)", week(5, at=480)),
        ("cron(0 8 ? * 6L *)", week(4, at=480)),
        ("cron(0 8 ? * 2#1 *)", week(0, at=480)),
        ("cron(0 8 1 * ? *)", week(*range(7), at=480)),
        ("cron(*/30 22-1 ? * WED *)", [2 * 1440 + each for each in (0, 30, 60, 90, 1320, 1350, 1380, 1410)]),
        ("cron(0/20 9 ? * WED *)", [2 * 1440 + each for each in (540, 560, 580)]),
        ("at(2026-11-29T12:34:56)", week(6, at=754)),
    ],
)
def test_when_a_schedule_may_be_due(expression: str, minutes: list[int]) -> None:
    assert minutes_of_week(expression) == minutes


def test_a_rate_may_be_due_at_any_time() -> None:
    assert minutes_of_week("rate(12 hours)") == list(range(7 * 24 * 60))


@pytest.mark.parametrize("expression", TAKEN)
def test_whatever_is_taken_may_be_due_in_the_week(expression: str) -> None:
    found = minutes_of_week(expression)
    assert found
    assert found == sorted(set(found))
    assert 0 <= found[0] <= found[-1] < 7 * 24 * 60


BERLIN = OffHours(timezone="Europe/Berlin")


@pytest.mark.parametrize(
    ("hours", "schedule", "timezone", "asleep"),
    [
        (BERLIN, "cron(0 3 * * ? *)", "Europe/Berlin", (0, 180)),
        (BERLIN, "cron(0 7-19 ? * MON-FRI *)", "Europe/Berlin", None),
        (BERLIN, "cron(0 20 ? * MON-FRI *)", "Europe/Berlin", (0, 1200)),
        (BERLIN, "cron(59 19 ? * FRI *)", "Europe/Berlin", None),
        (BERLIN, "cron(0 12 ? * SAT *)", "Europe/Berlin", (5, 720)),
        (BERLIN, "cron(0 12 1 * ? *)", "Europe/Berlin", (5, 720)),
        (BERLIN, "cron(30 5 ? * MON *)", "UTC", (0, 330)),  # 06:30 in winter
        (BERLIN, "cron(0 6 ? * MON *)", "UTC", None),
        (BERLIN, "rate(1 hour)", "Europe/Berlin", (0, 0)),
        (OffHours(start="02:00", end="08:00"), "cron(30 1 ? * SAT *)", "UTC", None),  # Friday's night
        (OffHours(start="02:00", end="08:00"), "cron(30 1 ? * MON *)", "UTC", (0, 90)),
    ],
)
def test_a_schedule_is_due_while_a_stage_sleeps(
    hours: OffHours, schedule: str, timezone: str, asleep: tuple[int, int] | None
) -> None:
    found = hours.asleep_at(schedule, timezone)
    assert (found and divmod(found.start, 24 * 60)) == asleep
