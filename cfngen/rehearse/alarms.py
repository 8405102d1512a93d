"""Alarms by what the traffic really does: the balancer's metrics go to CloudWatch, and alarms change their state by them.

A minute of CloudWatch lasts as long as a minute of every other wait; on a machine that has much else to do longer, and
never shorter, so that a minute is one in which something could be measured. Counts of requests, of failed ones and of targets
are the proxy's; response times are those that the load measured, without what the machine let the load itself wait.
"""

from __future__ import annotations

import collections
import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cfngen.rehearse import metrics, rates, rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.proxy import Proxy
from cfngen.rehearse.story import Request, Story

_NAMESPACE = "AWS/ApplicationELB"
_MEASURED = (
    "RequestCount",
    "HTTPCode_Target_5XX_Count",
    "TargetResponseTime",
    "HealthyHostCount",
    "UnHealthyHostCount",
)
_KEPT_MINUTES = 20
_MOST_LOOKS = 30
"""So many looks may fail one after the other: a proxy that answers none of them is gone."""
_MOST_VALUES = 150
"""PutMetricData takes no more values of one metric."""


class Alarms:
    """Measures, tells CloudWatch, and sets the states of the alarms that read nothing else than what is measured.

    `clock` tells seconds.
    """

    def __init__(
        self, account: Account, proxy: Proxy, story: Story, speed: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.account, self.proxy, self.story, self.clock = account, proxy, story, clock
        self.minute_seconds = rates.minute_seconds(speed)
        self._minutes: collections.deque[dict[tuple[str, str], list[float]]] = collections.deque(maxlen=_KEPT_MINUTES)
        self._counted: dict[tuple[str, str], int] = {}
        self._read: dict[Path, int] = {}
        self._states: dict[str, str] = {}
        self._over = threading.Event()
        self._passed = 0
        self._is_watching = False
        self._trouble: Exception | None = None
        self._alarms: list[Mapping[str, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Measure while the block lasts."""
        self._alarms = [each for each in self._defined() if self._is_measured(each)]
        self._count()
        self._is_watching = True
        thread = threading.Thread(target=self._watch, name="alarms", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join(self.minute_seconds + 5)
            self._is_watching = False

    def passed(self) -> float:
        """How many minutes are over, with what was measured in them; infinite before and after `watching`, for whom should one wait?

        Raises `RehearsalError` when measuring failed: no alarm can ring any more, so that nothing may pass by that.
        """
        if not self._is_watching:
            return math.inf
        if self._trouble:
            raise RehearsalError(_failed(self._trouble)) from self._trouble
        return self._passed

    def _defined(self) -> list[Mapping[str, Any]]:
        return list(self.account.all("cloudwatch", "describe_alarms", "MetricAlarms"))

    def _is_measured(self, alarm: Mapping[str, Any]) -> bool:
        for namespace, name, dimensions, _ in metrics.leaves(alarm):
            if namespace != _NAMESPACE or name not in _MEASURED or "TargetGroup" not in dimensions:
                self.story.not_played(f"alarms on {namespace} {name}: nothing measures it, so they keep their state")
                return False
        return True

    def _watch(self) -> None:
        begun, failed = self.clock(), 0
        try:
            while not self._over.wait(max(0.0, begun + self.minute_seconds - self.clock())):
                begun = self.clock()
                # A proxy that does not answer in time is asked again, and this minute lasts longer. At the end it is gone first.
                try:
                    self.minute()
                    failed = 0
                except OSError:
                    failed += 1
                    if failed >= _MOST_LOOKS:
                        raise
        except Exception as error:  # noqa: BLE001  (told by whoever waits for minutes, see `passed`)
            if not self._over.is_set():
                self._trouble = error
                self.story.tell("alarm", _failed(error))

    def minute(self) -> None:
        """A minute of CloudWatch is over: tell what was measured in it, then look at every alarm."""
        self._minutes.append(self._count())
        self._tell(self._minutes[-1])
        for alarm in self._alarms:
            self._judge(alarm)
        self._passed += 1

    def _judge(self, alarm: Mapping[str, Any]) -> None:
        name, minutes = str(alarm["AlarmName"]), self._period_minutes(alarm)
        periods = range(min(int(alarm["EvaluationPeriods"]), len(self._minutes) // minutes))
        try:
            values = [metrics.value(alarm, self._measured(minutes), ago) for ago in reversed(periods)]
            state, reason = metrics.state(alarm, values)
        except metrics.UnknownMathError as unknown:
            self.story.not_played(f"the alarm {name}: {unknown} is not computed, so it keeps its state")
            self._alarms = [each for each in self._alarms if each is not alarm]
            return
        if state == self._states.setdefault(name, "OK"):
            return
        self._states[name] = state
        client = self.account.client("cloudwatch")
        client.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)
        self.story.tell("alarm", f"{name} is in {state}: {reason}")

    @staticmethod
    def _period_minutes(alarm: Mapping[str, Any]) -> int:
        return max(1, *(period // 60 for *_, period in metrics.leaves(alarm)))

    def _measured(self, minutes: int) -> metrics.Measured:
        def of(name: str, dimensions: Mapping[str, str], ago: int) -> list[float]:
            last = len(self._minutes) - ago * minutes
            kept = list(self._minutes)[max(0, last - minutes) : last]
            return [value for each in kept for value in each.get((name, dimensions["TargetGroup"]), ())]

        return of

    def _count(self) -> dict[tuple[str, str], list[float]]:
        """What happened since the last look, by metric and target group."""
        found: dict[tuple[str, str], list[float]] = {}
        counts = self.proxy.counts()  # first: where it does not answer, no answer of the load is lost
        times = self._response_times()
        for arn, told in counts.items():
            group = arn.rpartition(":")[2]
            for name, count in (("RequestCount", told.requests), ("HTTPCode_Target_5XX_Count", told.failed)):
                new = count - self._counted.get((name, group), 0)
                self._counted[name, group] = count
                # A balancer tells of no requests by telling nothing.
                found |= {(name, group): [float(new)]} if new > 0 else {}
            found["HealthyHostCount", group] = [float(told.healthy)]
            found["UnHealthyHostCount", group] = [float(told.unhealthy)]
            if seconds := times.get(rules.name_of(self.proxy.groups[arn])):
                found["TargetResponseTime", group] = seconds
        return found

    def _response_times(self) -> dict[str, list[float]]:
        """Seconds of each answer since the last look, by backend, as the loads note them."""
        found: dict[str, list[float]] = collections.defaultdict(list)
        for file in list(self.story.loads):
            start = self._read.get(file, 0)
            try:
                with file.open("rb") as lines:
                    lines.seek(start)
                    whole = lines.read().rpartition(b"\n")  # a line that is half written is read the next time
            except OSError:
                continue
            self._read[file] = start + len(whole[0]) + len(whole[1])
            for line in whole[0].splitlines():
                each = Request(*json.loads(line))
                if each.status:
                    found[each.target.partition("/")[0]].append((each.milliseconds - each.late) / 1000)
        return found

    def _tell(self, minute: Mapping[tuple[str, str], list[float]]) -> None:
        balancers = {
            group["TargetGroupArn"].rpartition(":")[2]: arn.partition("loadbalancer/")[2]
            for group in (told.told for told in self.proxy.groups.values())
            for arn in group.get("LoadBalancerArns", ())[:1]
        }
        data = [
            {
                "MetricName": name,
                "Dimensions": [
                    {"Name": "TargetGroup", "Value": group},
                    {"Name": "LoadBalancer", "Value": balancers[group]},
                ],
                "Values": values[:_MOST_VALUES],
            }
            for (name, group), values in minute.items()
            if group in balancers
        ]
        if data:
            self.account.client("cloudwatch").put_metric_data(Namespace=_NAMESPACE, MetricData=data)


def _failed(trouble: Exception) -> str:
    return f"nothing is measured any more, so no alarm can ring: {type(trouble).__name__}: {trouble}"
