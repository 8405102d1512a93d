"""Times of day, time zones and what their clocks show, the same on every machine: from the package `tzdata` alone."""

from __future__ import annotations

from functools import cache

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
