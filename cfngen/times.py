"""Times of day, time zones by the package `tzdata` alone, so that every machine agrees, and schedules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from cfngen._frozen import dataclass

_YEAR = 2026
"""The year whose clocks are asked; which one matters only where a country changes its rules."""


def clock(time: str) -> int:
    """Minutes since midnight of a time of day such as ``20:00``."""
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


@cache
def timezones() -> frozenset[str]:
    """Every name of the time zone database."""
    from importlib.resources import files

    return frozenset((files("tzdata") / "zones").read_text(encoding="utf-8").split())


def wrong_timezone(name: str) -> str:
    """What would fit in the place of a name that is no time zone's; empty when it is one."""
    if name in timezones():
        return ""
    from difflib import get_close_matches

    close = get_close_matches(name, sorted(timezones()), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else "a name of the time zone database, as in 'Europe/Berlin'"


@cache
def offsets(timezone: str) -> tuple[int, ...]:
    """The minutes by which a zone's clocks are ahead of UTC, each once, least first: in winter and in summer."""
    from datetime import datetime, timedelta
    from importlib.resources import files
    from zoneinfo import ZoneInfo

    with (files("tzdata") / "zoneinfo" / timezone).open("rb") as file:
        zone = ZoneInfo.from_file(file)
    days = (datetime(_YEAR, 1, 1, 12, tzinfo=zone) + timedelta(days=day) for day in range(366))
    found = {day.utcoffset() or timedelta() for day in days}
    return tuple(sorted(round(offset.total_seconds() / 60) for offset in found))


def change_minutes(timezone: str) -> int:
    """By how much a zone's clocks change in the course of a year."""
    return offsets(timezone)[-1] - offsets(timezone)[0]


@dataclass(frozen=True)
class _Field:
    """One field of a cron expression: its least and greatest value, names for values, and what else may stand there."""

    name: str
    least: int
    greatest: int
    names: tuple[str, ...] = ()
    alone: str = r"(?!)"
    signs: str = ", - * /"

    def wrong(self, text: str) -> str:
        """What would fit in place of a text; empty when it fits."""
        if re.fullmatch(self.alone, text, re.ASCII) or all(map(self._takes, text.split(","))):
            return ""
        names = f" or {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"{text!r} is no {self.name}: {self.least} to {self.greatest}{names}, and the signs {self.signs}"

    def _takes(self, part: str) -> bool:
        span, slash, step = part.partition("/")
        if slash and not (re.fullmatch(r"\d{1,4}", step, re.ASCII) and 1 <= int(step) <= self.greatest):
            return False
        values = [self._value(each) for each in span.split("-")]
        return span == "*" or (None not in values and len(values) <= 2 and self._is_in_order(values))

    def values(self, text: str) -> list[int]:
        """The values that a text which fits stands for, in order; all of them where it says a rule, as in ``LW``."""
        every = range(self.least, self.greatest + 1)
        if re.fullmatch(self.alone, text, re.ASCII):
            return list(every)
        return sorted({value for part in text.split(",") for value in self._span(part)})

    def _span(self, part: str) -> Iterator[int]:
        span, slash, step = part.partition("/")
        first, dash, last = ("", "", "") if span == "*" else span.partition("-")
        start, size = self._value(first) if first else self.least, self.greatest - self.least + 1
        until = self._value(last) if dash else self.greatest if slash or span == "*" else start
        length = ((until or 0) - (start or 0)) % size  # FRI-MON comes back to its end
        for value in range(0, length + 1, int(step) if slash else 1):
            yield self.least + ((start or 0) - self.least + value) % size

    def _value(self, text: str) -> int | None:
        if text in self.names:
            return self.least + self.names.index(text)
        is_value = re.fullmatch(r"\d{1,4}", text, re.ASCII) and self.least <= int(text) <= self.greatest
        return int(text) if is_value else None

    def _is_in_order(self, values: list[int | None]) -> bool:
        """Whether it is no span, or one that comes back to its end as all but years do, as in FRI-MON."""
        return self.name != "year" or len(values) == 1 or values == sorted(values, key=lambda value: value or 0)


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY = rf"([1-7]|{'|'.join(_DAYS)})"
_OF_A_MONTH, _OF_A_WEEK = 2, 4
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31, alone=r"\?|L|LW|([1-9]|[12]\d|3[01])W", signs=", - * / ? L W"),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 1, 7, _DAYS, alone=rf"\?|L|{_DAY}L|{_DAY}#[1-5]", signs=", - * / ? L #"),
    _Field("year", 1970, 2199),
)


def wrong_schedule(expression: str) -> str:
    """What would fit in the place of a schedule that Application Auto Scaling does not take; empty when it does."""
    match = re.fullmatch(r"(cron|rate|at)\((.+)\)", expression, re.ASCII)
    if not match:
        return "cron(...), rate(...) or at(...), as in 'cron(0 20 ? * MON-FRI *)'"
    return {"cron": _wrong_cron, "rate": _wrong_rate, "at": _wrong_moment}[match[1]](match[2])


def minutes_of_week(expression: str) -> list[int]:
    """Minutes since Monday 00:00, by the schedule's own clock, at which one that AWS takes may be due, in order.

    A rate counts from when it was made, so it may be due in any minute; so may a day of the month be any of the week's.
    """
    kind, _, text = expression.rstrip(")").partition("(")
    if kind == "rate":
        return list(range(7 * 24 * 60))
    if kind == "at":
        from datetime import datetime

        moment = datetime.fromisoformat(text)
        return [moment.weekday() * 24 * 60 + moment.hour * 60 + moment.minute]
    minutes, hours, _, _, days, _ = text.split(" ")
    named = re.fullmatch(rf"{_DAY}(L|#\d)|L", days, re.ASCII)
    days = (named[1] or "SAT") if named else days  # the last or the third of its kind is one of its kind
    return sorted(
        (day - 2) % 7 * 24 * 60 + hour * 60 + minute  # AWS begins weeks on Sunday
        for day in _FIELDS[_OF_A_WEEK].values(days)
        for hour in _FIELDS[1].values(hours)
        for minute in _FIELDS[0].values(minutes)
    )


def _wrong_cron(text: str) -> str:
    fields = text.split(" ")
    if len(fields) != len(_FIELDS):
        return "six fields with a space between: minutes, hours, day of the month, month, day of the week, year"
    if wrong := next(filter(None, (field.wrong(given) for field, given in zip(_FIELDS, fields, strict=True))), ""):
        return wrong
    if (fields[_OF_A_MONTH] == "?") is (fields[_OF_A_WEEK] == "?"):
        return "a question mark as the day of the month or as the day of the week, and the other one given"
    return ""


def _wrong_rate(text: str) -> str:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", text, re.ASCII)
    if not match or (match[1] == "1") is bool(match[3]):
        return "rate(1 minute) or rate(5 minutes), and likewise of hours and days"
    return ""


def _wrong_moment(text: str) -> str:
    from datetime import datetime

    try:
        is_moment = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text, re.ASCII) and datetime.fromisoformat(text)
    except ValueError:
        is_moment = None
    return "" if is_moment else "a moment that there is, as in 'at(2030-12-24T20:00:00)'; its zone is timezone"
