"""When a stage sleeps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.windows import WEEK, Span
from cfngen.times import change_minutes, clock, minutes_of_week, offsets, wrong_timezone

_TIME = r"([01]\d|2[0-3]):[0-5]\d"
WINDOWS_MINUTES = 90
"""A window for the backup, one for the maintenance, and as much between them; RDS wants half an hour of each."""


@dataclass(frozen=True, kw_only=True)
class OffHours(Description):
    """When a stage sleeps: no tasks, database stopped, alarms muted; all is back, in order, by `end`.

    `start` and `end` are times of day as ``20:00``, `working_days` those on which it wakes.
    """

    start: str = "20:00"
    end: str = "07:00"
    working_days: tuple[str, ...] = ("MON", "TUE", "WED", "THU", "FRI")
    timezone: str = "UTC"

    @property
    def days(self) -> str:
        """The working days as a cron expression lists them."""
        return ",".join(day for day in WEEK if day in self.working_days)

    @property
    def evenings(self) -> str:
        """The days before the working days, likewise."""
        return ",".join(day for index, day in enumerate(WEEK) if WEEK[(index + 1) % 7] in self.working_days)

    @property
    def awake(self) -> int:
        """The first minute of the week, in UTC, from which on the stage is awake, in winter and in summer."""
        day = next(index for index, name in enumerate(WEEK) if name in self.working_days)
        return day * 24 * 60 + clock(self.end) - offsets(self.timezone)[0]

    def is_awake(self, span: Span) -> bool:
        """Whether the stage is awake all through a span, in winter and in summer; a daily one only on working days."""
        return all(self.is_awake_here(replace(span, start=span.start + offset)) for offset in offsets(self.timezone))

    def is_awake_here(self, span: Span) -> bool:
        """Whether the stage is awake all through a span that is said by the clock of its own `timezone`."""
        since = (span.start - clock(self.end)) % (24 * 60)
        is_day = span.daily or WEEK[(span.start - since) // (24 * 60) % 7] in self.working_days
        return is_day and since + span.minutes <= (clock(self.start) - clock(self.end)) % (24 * 60)

    def asleep_at(self, schedule: str, timezone: str) -> Span | None:
        """The first minute of the week, by the schedule's own clock, at which it may be due while the stage sleeps."""
        for minute in minutes_of_week(schedule):
            here = Span(minute, 1)
            if timezone == self.timezone:
                is_awake = self.is_awake_here(here)
            else:
                is_awake = all(self.is_awake(Span(minute - offset, 1)) for offset in offsets(timezone))
            if not is_awake:
                return here
        return None

    def checks(self) -> Iterator[Finding]:
        for option in ("start", "end"):
            if not re.fullmatch(_TIME, getattr(self, option), re.ASCII):
                yield option, "a time of day, as in '20:00'"
        if unknown := [day for day in self.working_days if day not in WEEK]:
            yield "working_days", f"{unknown[0]!r}: days are {', '.join(WEEK)}"
        if not self.working_days:
            yield "working_days", "at least one"
        if fits := wrong_timezone(self.timezone):
            yield "timezone", fits
        elif all(re.fullmatch(_TIME, text, re.ASCII) for text in (self.start, self.end)):
            least = WINDOWS_MINUTES + change_minutes(self.timezone)  # by clocks that change, what is left is less
            if not least <= (clock(self.start) - clock(self.end)) % 1440 <= 1320:
                fits = f"at least {least} minutes after end, in which a database is backed up and maintained, and two hours before it"
                yield "start", fits
