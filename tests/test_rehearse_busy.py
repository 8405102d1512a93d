"""A rehearsal on a machine that has much else to do: it takes longer, and says nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError
from test_rehearse_alarms import GROUP, CloudWatch, alarm, query

from cfngen.rehearse import alarms as alarms_module
from cfngen.rehearse import rounds, rules
from cfngen.rehearse.alarms import Alarms
from cfngen.rehearse.deployed import TargetGroup
from cfngen.rehearse.deployment import Shift
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.load import Lateness, Load
from cfngen.rehearse.proxy import Counts, Proxy
from cfngen.rehearse.story import Request, Story


class Clock:
    """Tells the seconds that a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_load_knows_how_long_the_machine_let_it_wait() -> None:
    clock = Clock()
    late = Lateness(clock)
    for sleep in (0.0, 0.005, 0.0):  # who wakes up so late does so on any machine
        clock.now += late.sleeps() + sleep
    assert late.longest(0.0) == pytest.approx(0.0)
    clock.now += late.sleeps() + 0.81
    # An answer may be read before the sleeper wakes up.
    assert late.longest(0.0) == pytest.approx(0.8)
    clock.now += late.sleeps() + 0.11
    late.sleeps()
    since = clock.now
    assert late.longest(0.0) == pytest.approx(0.8)
    assert late.longest(since - 0.01) == pytest.approx(0.1)
    assert late.longest(since) == 0.0
    for _ in range(450):
        clock.now += late.sleeps()
    assert len(late._late) == 1  # what no request can have seen is forgotten


def test_a_machine_that_is_a_little_late_all_along_makes_no_slow_service_fast() -> None:
    clock = Clock()
    late, began = Lateness(clock), clock.now
    while clock.now < began + 3.2:
        clock.now += late.sleeps() + 0.05
    assert late.longest(began) == pytest.approx(0.04)


def test_a_crowd_asks_as_often_in_each_second_however_slow_the_answers_are(tmp_path: Path) -> None:
    """With pauses all visitors of a slow service ask at once, and for seconds nobody does."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.3)
                writer.write(b"HTTP/1.1 200 X\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def play() -> list[Request]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        file = tmp_path / "crowd.jsonl"
        with file.open("w", encoding="utf-8") as out:
            port = server.sockets[0].getsockname()[1]
            load = Load("127.0.0.1", port, "", 20, "0.5", out)
            asyncio.get_running_loop().call_later(1.1, lambda: seen.append(file.stat().st_size))
            await load.run(["/"], 1.5)
        server.close()
        return Story(lambda _: None).read(file)

    seen: list[int] = []
    found = asyncio.run(play())
    assert all(each.status == 200 for each in found)
    assert seen[0] > 0  # who looks at it while it lasts sees what was measured a moment ago
    first = sorted(each.at for each in found)[:30]
    assert first[-1] - first[0] > 0.4  # on a machine that stands still longer, and never at once
    assert 45 < len(found) < 100  # none asks more often than once in half a second


SLOW = {
    "AlarmName": "latency",
    "Metrics": [{**query("t", "TargetResponseTime", "p99"), "ReturnData": True}],
    **alarm(Threshold=2.0, TreatMissingData="notBreaching", DatapointsToAlarm=3, EvaluationPeriods=5),
}


def alarms_of(tmp_path: Path, *defined: dict[str, Any], clock: Clock | None = None) -> tuple[Alarms, CloudWatch, Path]:
    watch, story, load = CloudWatch(), Story(lambda _: None), tmp_path / "load.jsonl"
    story.loads.append(load)
    load.touch()
    account = SimpleNamespace(client=lambda _: watch, all=lambda *_: list(defined))
    told = SimpleNamespace(told={"TargetGroupArn": GROUP}, name="blue")
    proxy = SimpleNamespace(groups={GROUP: told}, counts=lambda: {GROUP: Counts(0, 0, 1, 0)})
    return Alarms(account, proxy, story, 60, clock or Clock()), watch, load  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("milliseconds", "late", "states"),
    [
        (3500.0, 3300.0, []),  # a machine that stands still answers nobody
        (3500.0, 900.0, [("latency", "ALARM")]),  # a slow version is slow on a busy machine, too
        (3500.0, 0.0, [("latency", "ALARM")]),
    ],
)
def test_a_latency_alarm_hears_of_what_the_service_takes_and_not_of_what_the_machine_does(
    tmp_path: Path, milliseconds: float, late: float, states: list[tuple[str, str]]
) -> None:
    alarms, watch, load = alarms_of(tmp_path, SLOW)
    alarms._alarms = [SLOW]
    for _ in range(5):
        with load.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps([0, "/", "kept", 200, "tg-blue/s1", milliseconds, late]) + "\n")
        alarms.minute()
    assert watch.states == states


class Waits:
    """The end of a watch that comes after so many looks; each takes as long as is said, and what it was asked to wait."""

    def __init__(self, clock: Clock, takes: list[float]) -> None:
        self.clock, self.takes, self.asked = clock, takes, [float("nan")] * 0

    def wait(self, seconds: float) -> bool:
        self.asked.append(round(seconds, 3))
        self.clock.now += seconds
        return len(self.asked) > len(self.takes)

    def is_set(self) -> bool:
        return False


def test_no_minute_is_shorter_than_a_minute_however_long_the_look_before_it_took(tmp_path: Path) -> None:
    clock = Clock()
    alarms, _, _ = alarms_of(tmp_path, clock=clock)
    waits = Waits(clock, [0.1, 5.0, 0.1])
    looked: list[float] = []

    def minute() -> None:
        looked.append(clock.now)
        clock.now += waits.takes[len(looked) - 1]

    alarms._over, alarms.minute = waits, minute  # type: ignore[assignment, method-assign]
    alarms._watch()
    assert waits.asked == [1.0, 0.9, 0.0, 0.9]
    assert [round(b - a, 3) for a, b in pairwise(looked)] == [1.0, 5.0]


def test_a_balancer_that_does_not_answer_in_time_is_asked_again_and_no_answer_is_lost(tmp_path: Path) -> None:
    alarms, watch, load = alarms_of(tmp_path, SLOW)
    proxy: Any = alarms.proxy
    counts, answers = proxy.counts, iter([TimeoutError("busy"), None])

    def slow() -> dict[str, Counts]:
        if trouble := next(answers):
            raise trouble
        return dict(counts())

    proxy.counts = slow
    load.write_text(json.dumps([0, "/", "kept", 200, "tg-blue/s1", 5000.0, 0]) + "\n", encoding="utf-8")
    waits = Waits(alarms.clock, [0.0, 0.0])  # type: ignore[arg-type]
    alarms._over = waits  # type: ignore[assignment]
    alarms._is_watching = True
    seen: list[float] = []
    minute = alarms.minute

    def watched() -> None:
        try:
            minute()
        finally:
            seen.append(alarms.passed())

    alarms.minute = watched  # type: ignore[method-assign]
    alarms._watch()
    assert seen == [0, 1]
    assert any(each["MetricName"] == "TargetResponseTime" for each in watch.data) is False  # no balancer is told
    assert alarms._minutes[-1]["TargetResponseTime", GROUP.rpartition(":")[2]] == [5.0]


def test_who_waits_for_minutes_hears_when_nothing_is_measured_any_more(tmp_path: Path) -> None:
    alarms, watch, _ = alarms_of(tmp_path, SLOW)
    said: list[str] = []
    alarms.story.say = lambda event: said.append(event.text)

    def refuse(**_: str) -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    watch.put_metric_data = refuse  # type: ignore[assignment]
    balanced = {"TargetGroupArn": GROUP, "LoadBalancerArns": ["a:loadbalancer/app/b/1"]}
    alarms.proxy.groups[GROUP] = SimpleNamespace(told=balanced, name="blue")  # type: ignore[assignment]
    assert alarms.passed() == float("inf")  # nobody measures yet, so nobody waits for it
    alarms.minute_seconds = 0.0
    with alarms.watching():
        until = time.monotonic() + 20
        while not said and time.monotonic() < until:
            time.sleep(0.01)
        with pytest.raises(RehearsalError, match="no alarm can ring: EndpointConnectionError"):
            alarms.passed()
    assert alarms.passed() == float("inf")
    assert len(said) == 1


@pytest.mark.parametrize(("failing", "looks"), [(range(1000), alarms_module._MOST_LOOKS), (range(1, 1000, 2), 100)])
def test_a_balancer_that_is_gone_ends_the_watch_and_one_that_answers_now_and_then_does_not(
    tmp_path: Path, failing: range, looks: int
) -> None:
    alarms, _, _ = alarms_of(tmp_path)
    asked: list[int] = []

    def counts() -> dict[str, Counts]:
        asked.append(len(asked))
        if asked[-1] in failing:
            raise ConnectionRefusedError("nobody is there")
        return {}

    alarms.proxy.counts = counts  # type: ignore[method-assign]
    alarms._over = Waits(alarms.clock, [0.0] * 100)  # type: ignore[arg-type, assignment]
    alarms._is_watching = True
    alarms._watch()
    assert len(asked) == looks
    if looks == alarms_module._MOST_LOOKS:
        with pytest.raises(RehearsalError, match="ConnectionRefusedError: nobody is there"):
            alarms.passed()
    else:
        assert alarms.passed() == looks / 2


class Admin(Proxy):
    """haproxy's answers, as a test says."""

    def __init__(self) -> None:
        targets = SimpleNamespace(
            register_targets=lambda **_: None,
            deregister_targets=lambda **_: None,
            describe_target_health=lambda **_: {"TargetHealthDescriptions": []},
        )
        account = SimpleNamespace(client=lambda _: targets)
        room = SimpleNamespace(path=lambda _: Path())
        super().__init__(room, account, "127.0.0.1", Path(), 60)  # type: ignore[arg-type]
        self.groups = {"blue": TargetGroup("blue", {"TargetGroupName": "blue"}, {})}
        self.status = "DOWN"

    def _ask(self, command: str) -> str:
        if not command.startswith("show stat"):
            return ""
        names = ["pxname", "svname", "status", "check_status", "check_code", "scur"]
        names += [f"hrsp_{n}xx" for n in range(1, 6)]
        row = ["s1", self.status, "L7OK" if self.status == "UP" else "L7TOUT", "", "0", "", "3", "", "", "1"]
        rows = [[rules.name_of(self.groups["blue"]), *row], [rules.open_name_of(self.groups["blue"]), *row]]
        return f"# {','.join(names)}\n" + "".join(f"{','.join(each)}\n" for each in rows)


def test_a_target_for_which_somebody_waits_is_not_unhealthy_yet_and_one_that_drains_not_any_more() -> None:
    proxy = Admin()

    def hosts() -> tuple[int, int]:
        told = proxy.counts()["blue"]
        return told.healthy, told.unhealthy

    proxy.register("blue", "10.0.0.2", 8080)
    assert hosts() == (0, 0)
    assert not proxy.health("blue", "10.0.0.2").is_healthy
    assert hosts() == (0, 0)
    proxy.status = "UP"
    assert proxy.health("blue", "10.0.0.2").is_healthy
    assert hosts() == (1, 0)
    proxy.status = "DOWN"
    assert hosts() == (0, 1)
    proxy.status = "DRAIN"
    proxy.drain("blue", "10.0.0.2")
    assert hosts() == (0, 0)
    proxy.forget("blue", "10.0.0.2")
    assert hosts() == (0, 0)
    proxy.register("blue", "10.0.0.2", 8080)
    assert hosts() == (0, 0)
    assert proxy.counts()["blue"].requests == 8


def test_a_check_may_take_as_long_as_the_deployed_one_and_a_second_to_connect() -> None:
    told = {
        "TargetGroupName": "blue", "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 15, "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3,
    }  # fmt: skip
    groups = {"blue": TargetGroup("blue", told, {})}
    text = rules.configuration([], groups, "127.70.0.1", Path("s"), Path("c.pem"), 60)
    assert "check inter 1000ms fastinter 250ms downinter 250ms fall 3 rise 2" in text
    assert "timeout check 5000ms" in text


def staged(ringing: Iterator[dict[str, str]], minutes: Any) -> tuple[Any, list[str]]:
    said: list[str] = []
    story = Story(lambda event: said.append(event.text))
    deployer = SimpleNamespace(ringing=lambda _: next(ringing), minutes=minutes)
    return SimpleNamespace(deployer=deployer, story=story, wanted=SimpleNamespace(speed=6000.0)), said


def test_the_next_deployment_waits_until_the_alarms_of_the_one_before_are_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rounds, "_PAUSE_SECONDS", 0.0)
    stage, said = staged(iter([{"slow": "it was"}, {"slow": "it was"}, {}, {}]), lambda: 0.0)
    services: list[Any] = [SimpleNamespace(short="customer"), SimpleNamespace(short="employee")]
    rounds.quiet(stage, services)
    assert said == ["waits for slow to be quiet again"]


def test_an_alarm_that_rings_on_is_left_to_the_deployment_which_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_PAUSE_SECONDS", 0.01)
    asked = iter(range(10_000))
    stage, said = staged(({"slow": "it is"} for _ in range(10_000)), lambda: float(next(asked)))
    rounds.quiet(stage, [SimpleNamespace(short="customer")])  # type: ignore[list-item]
    assert said == ["waits for slow to be quiet again"]
    assert next(asked) > rounds._QUIET_MINUTES


def test_minutes_that_never_pass_are_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(rounds, "_LONGEST_SECONDS", 0.1)
    stage, said = staged(({"slow": "it is"} for _ in range(1000)), lambda: 0.0)
    rounds.quiet(stage, [SimpleNamespace(short="customer")])  # type: ignore[list-item]
    assert said == ["waits for slow to be quiet again", "waits no longer for slow: minutes take too long"]


@pytest.mark.parametrize(
    ("percent", "green", "of", "passed", "told"),
    [
        (10, 0, 85, False, 0),  # within the tolerance, and no chance
        (10, 0, 40, True, 1),
        (10, 2, 40, True, 0),
        (10, 9, 85, True, 0),
        (90, 85, 85, False, 0),
        (90, 40, 40, True, 1),
        (100, 85, 85, True, 0),
        (0, 0, 85, True, 0),
        (10, 0, 0, False, 0),
    ],
)
def test_a_step_of_which_green_gets_nothing_is_right_only_where_that_may_be_chance(
    percent: int, green: int, of: int, passed: bool, told: int
) -> None:
    requests = [Request(5.0, "/", "kept", 200, "green" if n < green else "blue", 1.0) for n in range(of)]
    stage: Any = SimpleNamespace(
        deployer=SimpleNamespace(shifts=[Shift(percent, 1.0, 9.0, "web")]), group_name=str, named=str,
        paths={"web": ["/"]}, story=Story(lambda _: None),
    )  # fmt: skip
    service, deployment = SimpleNamespace(short="web"), SimpleNamespace(green="green", began=0.0)
    rounds.check_shares(stage, service, requests, deployment)  # type: ignore[arg-type]
    assert [each.passed for each in stage.story.checks] == [passed]
    assert len(stage.story.unplayed) == told
