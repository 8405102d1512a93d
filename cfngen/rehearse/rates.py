"""How often a load has to ask, so that alarms which want so many requests in a minute can ring in one that is played."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cfngen.rehearse import metrics
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.story import Story

MOST_CONNECTIONS = 64
_SHORTEST_SECONDS = 0.5
_ASKED = 6.5
"""So often a second a kept connection and its half of a fresh one ask, where each answer takes a tenth of one."""
_CROWD_RATE, _SPARE = 30, 1.5


def minute_seconds(speed: float) -> float:
    """How long a minute of CloudWatch lasts at least; no shorter one has anything to measure."""
    return max(60 / speed, _SHORTEST_SECONDS)


def crowd(alarm: Mapping[str, Any], speed: float) -> int:
    """How many requests a second a version needs for an alarm to ring: more than it wants in each minute, however short."""
    return math.ceil(max(_CROWD_RATE, _SPARE * metrics.least_requests(alarm)) / min(1.0, minute_seconds(speed)))


def connections(
    wanted: int, speed: float, services: Iterable[Service], paths: Mapping[str, Sequence[str]],
    alarms: Iterable[Mapping[str, Any]], story: Story,
) -> int:  # fmt: skip
    """How many connections are kept for each path: as many as are wanted, or more where a service's alarms could not ring."""
    least = {str(each["AlarmName"]): metrics.least_requests(each) for each in alarms}
    needed = wanted
    for service in services:
        requests = max((least.get(name, 0.0) for name in service.alarms), default=0.0)
        here = math.ceil(requests / (_ASKED * minute_seconds(speed) * max(1, len(paths.get(service.short, ())))))
        if here > MOST_CONNECTIONS:
            told = f"alarms of {service.short} under the usual load: they want more than {requests:g} requests a minute"
            story.not_played(told)
            here = MOST_CONNECTIONS
        needed = max(needed, here)
    return needed
