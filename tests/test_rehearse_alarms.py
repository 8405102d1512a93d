"""Alarms of the rehearsal: CloudWatch's arithmetic, and states by what is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cfngen.rehearse import metrics
from cfngen.rehearse.alarms import Alarms
from cfngen.rehearse.proxy import Counts
from cfngen.rehearse.story import Story


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("FILL(a, 0) + FILL(b, 0)", 4.0),
        ("IF(a > 3, 100 * FILL(b, 0) / a, 7)", 0.0),
        ("IF(a > 4, 1, -2)", -2.0),
        ("MAX([FILL(b, 0), a])", 4.0),
        ("SUM([a, b, 1])", 5.0),
        ("a + b", None),
        ("a / 0", None),
        ("IF(b > 1, 1, 2)", None),
    ],
)
def test_metric_math_gives_what_cloudwatch_gives(expression: str, value: float | None) -> None:
    assert metrics.evaluate(expression, {"a": 4.0, "b": None}) == value


@pytest.mark.parametrize("expression", ["RATE(a)", "a if a else 0", "__import__('os')", "a +", "MAX(a)", "c"])
def test_what_is_not_computed_is_refused(expression: str) -> None:
    with pytest.raises(metrics.UnknownMathError):
        metrics.evaluate(expression, {"a": 4.0})


def test_statistics_are_those_of_cloudwatch() -> None:
    values = [float(each) for each in range(1, 101)]
    found = {name: metrics.statistic(values, name) for name in ("Sum", "Average", "Maximum", "Minimum", "SampleCount", "p99", "p50")}  # fmt: skip
    assert found == {"Sum": 5050, "Average": 50.5, "Maximum": 100, "Minimum": 1, "SampleCount": 100, "p99": 100, "p50": 51}  # fmt: skip
    assert metrics.statistic([], "Maximum") is None
    with pytest.raises(metrics.UnknownMathError):
        metrics.statistic(values, "tm90")


def alarm(**more: Any) -> dict[str, Any]:
    return {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 2.0, "EvaluationPeriods": 3, **more}


@pytest.mark.parametrize(
    ("told", "values", "state"),
    [
        (alarm(DatapointsToAlarm=2), [3, 1, 3], "ALARM"),
        (alarm(DatapointsToAlarm=2), [3, 1, 2], "OK"),
        (alarm(), [3, 3], "OK"),
        (alarm(), [3, 3, 3], "ALARM"),
        (alarm(DatapointsToAlarm=1), [3, 1, 1, 1], "OK"),
        (alarm(TreatMissingData="breaching"), [None, None, None], "ALARM"),
        (alarm(TreatMissingData="notBreaching"), [None, None, None], "OK"),
        (alarm(ComparisonOperator="LessThanThreshold"), [1, 0, 1], "ALARM"),
    ],
)
def test_an_alarm_rings_by_the_datapoints_that_it_wants(
    told: Mapping[str, Any], values: list[float | None], state: str
) -> None:
    assert metrics.state(told, values)[0] == state


GROUP = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/blue/1"


class CloudWatch:
    """What is told to CloudWatch."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str]] = []
        self.data: list[Mapping[str, Any]] = []

    def set_alarm_state(self, **told: str) -> None:
        self.states.append((told["AlarmName"], told["StateValue"]))

    def put_metric_data(self, **told: Any) -> None:
        self.data += told["MetricData"]


def query(identity: str, name: str, stat: str) -> dict[str, Any]:
    dimensions = [{"Name": "TargetGroup", "Value": GROUP.rpartition(":")[2]}]
    metric = {"Namespace": "AWS/ApplicationELB", "MetricName": name, "Dimensions": dimensions}
    return {"Id": identity, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}}


def test_states_follow_what_the_proxy_counts_and_the_load_measures(tmp_path: Path) -> None:
    watch, counts = CloudWatch(), Counts(0, 0, 1, 0)
    failing = {
        "AlarmName": "errors",
        "Metrics": [
            query("e", "HTTPCode_Target_5XX_Count", "Sum"),
            query("r", "RequestCount", "Sum"),
            {"Id": "share", "Expression": "IF(r > 20, 100 * FILL(e, 0) / r, 0)", "ReturnData": True},
        ],
        **alarm(Threshold=5.0, DatapointsToAlarm=2),
    }
    slow = {
        "AlarmName": "latency",
        "Metrics": [{**query("t", "TargetResponseTime", "p99"), "ReturnData": True}],
        **alarm(TreatMissingData="notBreaching", DatapointsToAlarm=1),
    }
    other = {"AlarmName": "cpu", "Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Period": 60, **alarm()}
    account = SimpleNamespace(client=lambda _: watch, all=lambda *_: [failing, slow, other])
    told = SimpleNamespace(told={"TargetGroupArn": GROUP, "LoadBalancerArns": ["a:loadbalancer/app/b/1"]}, name="blue")
    proxy = SimpleNamespace(groups={GROUP: told}, counts=lambda: {GROUP: counts})
    story, load = Story(lambda _: None), tmp_path / "load.jsonl"
    story.loads.append(load)
    alarms = Alarms(account, proxy, story, 0.001)  # type: ignore[arg-type]
    with alarms.watching():
        for failed in (0, 10, 20):
            counts = Counts(counts.requests + 100, failed, 1, 0)
            alarms.minute()
        assert watch.states == [("errors", "ALARM")]
        load.write_text(json.dumps([0, "/", "kept", 200, "tg-blue/s1", 2500.0]) + "\n")
        alarms.minute()
        assert watch.states[1:] == [("latency", "ALARM")]
        for _ in range(3):
            counts = Counts(counts.requests + 100, 20, 1, 0)
            alarms.minute()
    assert watch.states[2:] in ([("errors", "OK"), ("latency", "OK")], [("latency", "OK"), ("errors", "OK")])
    seen = {each["MetricName"] for each in watch.data}
    assert seen == {"RequestCount", "HTTPCode_Target_5XX_Count", "TargetResponseTime", "HealthyHostCount", "UnHealthyHostCount"}  # fmt: skip
    assert story.unplayed == ["alarms on AWS/ECS CPUUtilization: nothing measures it, so they keep their state"]
