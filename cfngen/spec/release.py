"""How a new version of a service takes over its traffic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cfngen.describe import Description, Finding
from cfngen.values import AlarmName

_TWO_DAYS = 2880  # in minutes
OWN_ALARMS = 3
"""Rollback alarms that every service has: errors, latency, unhealthy hosts."""


@dataclass(frozen=True, kw_only=True)
class AllAtOnce(Description):
    """All traffic moves in one step. Give `continue_within_minutes` too, or nobody sees green first (A5.9)."""


@dataclass(frozen=True, kw_only=True)
class Canary(Description):
    """First `percent` of the traffic, then after `minutes` the rest."""

    percent: int = 10
    minutes: int = 5

    def checks(self) -> Iterator[Finding]:
        yield from _step(self.percent, self.minutes)


@dataclass(frozen=True, kw_only=True)
class Linear(Description):
    """`percent` more of the traffic every `minutes`."""

    percent: int = 10
    minutes: int = 1

    def checks(self) -> Iterator[Finding]:
        yield from _step(self.percent, self.minutes)
        steps = -(-100 // self.percent) - 1 if 1 <= self.percent <= 99 else 0
        if steps * self.minutes > _TWO_DAYS:
            yield "minutes", f"at most {_TWO_DAYS // steps}, so that all {steps + 1} steps end within two days"  # A4.15


Strategy = AllAtOnce | Canary | Linear


@dataclass(frozen=True, kw_only=True)
class Release(Description):
    """Blue/green by CodeDeploy, rolled back on failure, on request and on alarm.

    `continue_within_minutes`: a person looks at green on the test listener and continues within this time;
    when it passes, the deployment stops. `termination_wait_minutes`: how long the old version stays, ready
    to take its traffic back at once. `alarms`: alarms of your own that roll a release back, by name.
    """

    strategy: Strategy = field(default_factory=Canary)
    continue_within_minutes: int | None = None
    termination_wait_minutes: int = 5
    alarms: tuple[AlarmName, ...] = ()

    def checks(self) -> Iterator[Finding]:
        if self.continue_within_minutes is not None and not 1 <= self.continue_within_minutes <= 2880:
            yield "continue_within_minutes", "1 to 2880 (two days), or None to go on by itself"
        if not 1 <= self.termination_wait_minutes <= 2880:
            # 0 would end blue while its last requests are still being drained (H4).
            yield "termination_wait_minutes", "1 to 2880 (two days)"
        if len(self.alarms) > 10 - OWN_ALARMS:
            yield (
                "alarms",
                f"at most {10 - OWN_ALARMS}, since CodeDeploy watches ten and {OWN_ALARMS} are the service's own",  # A4.10
            )


def _step(percent: int, minutes: int) -> Iterator[Finding]:
    if not 1 <= percent <= 99:
        yield "percent", "1 to 99"
    if not 1 <= minutes <= 2880:
        yield "minutes", "1 to 2880 (two days)"
