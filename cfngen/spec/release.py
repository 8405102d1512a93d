"""How a new version of a service takes over its traffic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.arns import FUNCTION, wrong_arn
from cfngen.describe import Description, Finding
from cfngen.values import AlarmName, FunctionArn

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


HookEvent = Literal["BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"]
"""What of a deployment a function may be called for (A5.5)."""
SMOKE_TEST: HookEvent = "AfterAllowTestTraffic"
"""When the next version is asked: it shows on the test listener, and nobody else sees it yet."""


@dataclass(frozen=True, kw_only=True)
class SmokeTest(Description):
    """A question that each new version must answer on the test listener before it takes traffic.

    A generated function of the stage asks for `path`, with its query if it has one, by the service's own rules; an
    answer with `status` and, if given, `contains` in its body is right. It asks again until the answer is right or
    `timeout_seconds` have passed; then the release fails and the old version goes on. `host` is the name to ask for, and
    what the certificate must be for: the service's first host or the balancer's domain, if nothing is said.
    """

    path: str
    status: int = 200
    contains: str = ""
    host: str = ""
    timeout_seconds: int = 60

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"/[!-~]{0,1023}", self.path, re.ASCII) or "#" in self.path:
            yield "path", "a path in ASCII, encoded where needed, with or without a query, as in '/suppliers?page=1'"
        if not 200 <= self.status <= 599:
            yield "status", "200 to 599"
        if len(self.contains.encode()) > 1024:
            yield "contains", "at most 1024 bytes"
        if self.host and not re.fullmatch(r"(?=.{1,128}$)([a-z0-9-]+\.)+[a-z]+", self.host, re.ASCII):
            yield "host", "a host name in lower case, without port, scheme or wildcard, as in 'shop.example.com'"
        if not 10 <= self.timeout_seconds <= 600:
            yield "timeout_seconds", "10 to 600"


@dataclass(frozen=True, kw_only=True)
class Release(Description):
    """Blue/green by CodeDeploy, rolled back on failure, on request and on alarm.

    `continue_within_minutes`: a person looks at green on the test listener and continues within this time;
    when it passes, the deployment stops. `termination_wait_minutes`: how long the old version stays, ready
    to take its traffic back at once. `alarms`: alarms of your own that roll a release back, by name.
    `smoke_test`: what each new version is asked before it takes traffic. `hooks`: Lambda functions of your own, by the
    event of the deployment at which they are called; each tells CodeDeploy ``Succeeded`` or ``Failed`` within an hour.
    """

    strategy: Strategy = field(default_factory=Canary)
    continue_within_minutes: int | None = None
    termination_wait_minutes: int = 5
    alarms: tuple[AlarmName, ...] = ()
    smoke_test: SmokeTest | None = None
    hooks: Mapping[HookEvent, FunctionArn] = field(default_factory=dict)

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

        for event, function in self.hooks.items():
            if fits := wrong_arn(function, FUNCTION):
                yield f"hooks[{event!r}]", f"{function.data!r:.80}: {fits}"
        for index, alarm in enumerate(self.alarms):
            if alarm.is_literal and str(alarm.data).startswith("arn:"):
                yield f"alarms[{index}]", f"{alarm.data!r:.80}: the alarm's name, which is the last part of its ARN"
        if self.smoke_test and SMOKE_TEST in self.hooks:
            yield (
                f"hooks[{SMOKE_TEST!r}]",
                "another event, since the smoke test is called at this one, or no smoke_test",
            )


def _step(percent: int, minutes: int) -> Iterator[Finding]:
    if not 1 <= percent <= 99:
        yield "percent", "1 to 99"
    if not 1 <= minutes <= 2880:
        yield "minutes", "1 to 2880 (two days)"
