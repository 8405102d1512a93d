"""When a database is backed up, maintained and copied: spans of UTC, which do not meet."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.times import clock

WEEK = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
LEAST_MINUTES = 30
"""The least that RDS takes, and what it takes by itself."""
START_MINUTES, COPY_MINUTES = 60, 120
"""AWS Backup begins a copy within the first; until the second has passed nothing else is planned."""
_DAY, _WEEK = 24 * 60, 7 * 24 * 60
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_BACKUP = re.compile(rf"({_TIME})-({_TIME})", re.ASCII)
_MAINTENANCE = re.compile(rf"({'|'.join(WEEK)}):({_TIME})-({'|'.join(WEEK)}):({_TIME})", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """`minutes` from `start` on, in minutes since Monday 00:00 UTC; `daily` ones come again each day."""

    start: int
    minutes: int
    daily: bool = False

    @property
    def end(self) -> int:
        return self.start + self.minutes

    def meets(self, other: Span) -> bool:
        """Whether the two have a minute in common, in any week."""
        cycle = _DAY if self.daily or other.daily else _WEEK
        return (other.start - self.start) % cycle < self.minutes or (self.start - other.start) % cycle < other.minutes

    @property
    def day_and_time(self) -> tuple[str, int, int]:
        """Where it begins: day, hour and minute."""
        return _moment(self.start)

    def __str__(self) -> str:
        """As RDS writes it."""
        (day, hour, minute), (last, until, past) = _moment(self.start), _moment(self.end)
        if self.daily:
            return f"{hour:02}:{minute:02}-{until:02}:{past:02}"
        return f"{day.lower()}:{hour:02}:{minute:02}-{last.lower()}:{until:02}:{past:02}"


@dataclass(frozen=True)
class Windows:
    """A daily span for the backup and a weekly one for the maintenance."""

    backup: Span
    maintenance: Span

    @property
    def copies(self) -> tuple[Span, Span]:
        """When AWS Backup may copy, for the week and for the month: after the maintenance, since RDS is not copied in
        the hour before it or while it is at work, and clear of the backup.
        """
        week = self._clear(self.maintenance.end + START_MINUTES)
        return week, self._clear(week.end)

    def _clear(self, start: int) -> Span:
        copy = Span(start, COPY_MINUTES)
        if copy.meets(self.backup):
            copy = Span(start + (self.backup.end - start) % _DAY, COPY_MINUTES)
        return copy


def backup_span(text: str) -> Span | None:
    """A daily window as RDS writes it; `None` for anything else."""
    match = _BACKUP.fullmatch(text)
    return Span(clock(match[1]), (clock(match[2]) - clock(match[1])) % _DAY, daily=True) if match else None


def maintenance_span(text: str) -> Span | None:
    """A weekly window, likewise."""
    match = _MAINTENANCE.fullmatch(text)
    if not match:
        return None
    start, end = (WEEK.index(match[day].upper()) * _DAY + clock(match[day + 1]) for day in (1, 3))
    return Span(start, (end - start) % _WEEK)


def given(backup: str, maintenance: str) -> Windows | None:
    """The windows that a description gives, if both are sound."""
    daily, weekly = backup_span(backup), maintenance_span(maintenance)
    return Windows(daily, weekly) if daily and weekly else None


def calm() -> Windows:
    """Where nobody says otherwise: at night in UTC, the maintenance on Sundays."""
    return Windows(Span(3 * 60, LEAST_MINUTES, daily=True), Span(6 * _DAY + 4 * 60, LEAST_MINUTES))


def from_then_on(moment: int) -> Windows:
    """Both in the ninety minutes from a moment of the week, the backup first, and as much between them."""
    return Windows(
        Span(moment % _DAY, LEAST_MINUTES, daily=True), Span((moment + 2 * LEAST_MINUTES) % _WEEK, LEAST_MINUTES)
    )


def wrong(backup: str, maintenance: str) -> Iterator[tuple[str, str]]:
    """What is wrong with windows that are given, by option."""
    daily, weekly = (
        span if span and LEAST_MINUTES <= span.minutes <= _DAY - 2 * LEAST_MINUTES else None
        for span in (backup_span(backup), maintenance_span(maintenance))
    )
    if backup and daily is None:
        yield "backup_window", f"{LEAST_MINUTES} minutes to 23 hours of each day in UTC, as in '03:00-03:30'"
    if maintenance and weekly is None:
        yield (
            "maintenance_window",
            f"{LEAST_MINUTES} minutes to 23 hours of each week in UTC, as in 'sun:04:00-sun:04:30'",
        )
    if backup and not maintenance:
        yield "maintenance_window", "a window, too, since backup_window is given and the two may not meet"
    if maintenance and not backup:
        yield "backup_window", "a window, too, since maintenance_window is given and the two may not meet"
    if daily and weekly and daily.meets(weekly):
        yield "maintenance_window", f"a time that does not meet backup_window, {backup!r}"


def _moment(minute: int) -> tuple[str, int, int]:
    day, rest = divmod(minute % _WEEK, _DAY)
    return WEEK[day], rest // 60, rest % 60
