"""Loads ask so often that alarms which want so many requests in a minute can ring, however short a minute is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from test_rehearse_alarms import alarm, query

from cfngen.rehearse import metrics, rates
from cfngen.rehearse.story import Story


def counting(least: int, condition: str = "requests") -> dict[str, Any]:
    return {
        "AlarmName": "errors",
        "Metrics": [
            query("e", "HTTPCode_Target_5XX_Count", "Sum"),
            query("r", "RequestCount", "Sum"),
            {"Id": "requests", "Expression": "FILL(r, 0)", "ReturnData": False},
            {"Id": "share", "Expression": f"IF({condition} > {least}, 100 * FILL(e, 0) / r, 0)", "ReturnData": True},
        ],
        **alarm(),
    }


@pytest.mark.parametrize(
    ("told", "least"),
    [
        (counting(20), 20),
        (counting(20, "r"), 20),
        (counting(20, "e"), 0),
        (counting(20, "nothing"), 0),
        (alarm(MetricName="RequestCount"), 0),
    ],
)
def test_what_an_alarm_wants_of_a_minute_is_read_from_its_expressions(told: dict[str, Any], least: float) -> None:
    assert metrics.least_requests(told) == least


@pytest.mark.parametrize(
    ("wanted", "speed", "pages", "least", "kept"),
    [
        (4, 60.0, 1, 20, 4),
        (1, 60.0, 1, 20, 4),
        (1, 60.0, 2, 20, 2),
        (1, 120.0, 1, 20, 7),
        (1, 600.0, 1, 20, 7),  # no minute is shorter than half a second
        (1, 10.0, 1, 20, 1),
        (1, 60.0, 0, 20, 4),
        (1, 60.0, 1, 0, 1),
        (1, 120.0, 1, 1000, 64),
    ],
)
def test_as_many_connections_are_kept_as_alarms_need(
    wanted: int, speed: float, pages: int, least: int, kept: int
) -> None:
    service: Any = SimpleNamespace(short="web", alarms=["errors", "elsewhere"])
    story = Story(lambda _: None)
    paths = {"web": ["/"] * pages}
    assert rates.connections(wanted, speed, [service], paths, [counting(least)], story) == kept
    told = ["alarms of web under the usual load: they want more than 1000 requests a minute"]
    assert story.unplayed == (told if least == 1000 else [])


@pytest.mark.parametrize(
    ("speed", "least", "asked"), [(60.0, 20, 30), (1.0, 20, 30), (120.0, 20, 60), (6000.0, 20, 60), (60.0, 100, 150)]
)
def test_a_crowd_asks_more_often_than_an_alarm_wants_in_each_minute(speed: float, least: int, asked: int) -> None:
    assert rates.crowd(counting(least), speed) == asked
    assert asked * rates.minute_seconds(speed) > least
