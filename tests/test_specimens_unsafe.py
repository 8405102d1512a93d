"""What makes releases safe and is missing, half there, or taken away by an update; and what looks so and is right."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from specimens import Body, Mistake, by_hand, edited, files, lived, lives, properties, told

from cfngen.simulate.behaviour import one_at_a_time
from cfngen.simulate.scenario import standard, update


def _alarm_a_colour(body: Body) -> None:
    """Admin's releases hear an alarm for each colour."""
    alarm = body["Resources"].pop("AdminAlarm")
    for colour in ("Blue", "Green"):
        own = body["Resources"][f"Admin{colour}Alarm"] = copy.deepcopy(alarm)
        metrics = own["Properties"]["Metrics"]
        metrics[:] = [{**each, "ReturnData": True} for each in metrics if each["Id"] == colour.lower()]
    _hears("AdminBlueAlarm", "AdminGreenAlarm")(body)


def _hears(*names: str) -> Mistake:
    def mistake(body: Body) -> None:
        properties(body, "AdminDeployment")["AlarmConfiguration"]["Alarms"] = [
            {"Name": {"Ref": each}} for each in names
        ]

    return mistake


def _composite(rule: Any) -> Mistake:
    def mistake(body: Body) -> None:
        kind = "AWS::CloudWatch::CompositeAlarm"
        body["Resources"]["Both"] = {"Type": kind, "Properties": {"AlarmName": "both", "AlarmRule": rule}}
        _hears("Both")(body)

    return mistake


def test_an_alarm_a_colour_needs_the_other_one_in_the_same_deployment_group() -> None:
    assert lived(_alarm_a_colour) == set()
    for heard in ("AdminBlueAlarm", "AdminGreenAlarm"):
        found = told(lives(_alarm_a_colour, _hears(heard)))
        assert any(each.startswith("T10 ") and f"{heard}-" in each for each in found), found


def test_alarms_a_colour_that_only_people_hear_may_be_two() -> None:
    def mistake(body: Body) -> None:
        _alarm_a_colour(body)
        body["Resources"]["AdminAlarm"] = by_hand()["Resources"]["AdminAlarm"]
        _hears("AdminAlarm")(body)

    assert lived(mistake) == set()


@pytest.mark.parametrize(
    "rule",
    [
        {"Fn::Sub": "ALARM(${AdminBlueAlarm}) OR ALARM('${AdminGreenAlarm}')"},
        {"Fn::Sub": 'ALARM("${AdminBlueAlarm.Arn}") OR NOT OK( "${AdminGreenAlarm}" )'},
    ],
)
def test_a_composite_alarm_hears_those_that_its_rule_names(rule: Any) -> None:
    assert lived(_alarm_a_colour, _composite(rule)) == set()
    half = {"Fn::Sub": "ALARM(${AdminBlueAlarm})"}
    found = told(lives(_alarm_a_colour, _composite(half)))
    assert any(each.startswith("T10 ") and "AdminBlueAlarm-" in each for each in found), found


@pytest.mark.parametrize("expression", ["FILL(blue, 0)", "MAX([blue, blue])"])
def test_a_metric_that_no_expression_uses_is_not_looked_at(expression: str) -> None:
    def mistake(body: Body) -> None:
        properties(body, "AdminAlarm")["Metrics"][0]["Expression"] = expression

    found = told(lives(mistake))
    assert any(each.startswith("T10 ") and "AdminAlarm-" in each for each in found), found


def test_a_metric_by_way_of_another_expression_is_looked_at() -> None:
    def mistake(body: Body) -> None:
        metrics = properties(body, "AdminAlarm")["Metrics"]
        metrics[0]["Expression"] = "one + FILL(green, 0)"
        metrics.append({"Id": "one", "Expression": "FILL(blue, 0)", "ReturnData": False})

    def all_of_them(body: Body) -> None:
        properties(body, "AdminAlarm")["Metrics"][0]["Expression"] = "MAX(METRICS())"

    assert lived(mistake) == set()
    assert lived(all_of_them) == set()


@pytest.mark.parametrize("name", ["Web", "Admin"])
def test_a_test_route_is_nobodys_production(name: str) -> None:
    def mistake(body: Body) -> None:
        pair = properties(body, f"{name}Deployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
        pair["TestTrafficRoute"] = copy.deepcopy(pair["ProdTrafficRoute"])

    for readings in one_at_a_time():
        found = told([standard(files(by_hand(), mistake), None, readings)])
        assert any(each.startswith("T12 ") and each.endswith("where users come in") for each in found), readings


def _without_group(body: Body) -> None:
    del body["Resources"]["AdminDeployment"]


def _without_test_route(body: Body) -> None:
    pair = properties(body, "AdminDeployment")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    del pair["TestTrafficRoute"]


@pytest.mark.parametrize(
    ("mistake", "seen"),
    [
        (_without_group, "T5 admin loses its deployment group: nothing releases it any more"),
        (edited("AdminDeployment", AlarmConfiguration={"Enabled": False}), "T5 admin loses its alarms: its next"),
        (
            edited("AdminDeployment", AutoRollbackConfiguration={"Enabled": False}),
            "T5 admin loses its way back after DEPLOYMENT_STOP_ON_REQUEST: such a release stays half done",
        ),
        (
            edited("AdminDeployment", AutoRollbackConfiguration={"Enabled": True, "Events": ["DEPLOYMENT_FAILURE"]}),
            "T5 admin loses its way back after DEPLOYMENT_STOP_ON_ALARM",
        ),
        (_without_test_route, "T5 admin loses its test listener: its next version is first seen by users"),
    ],
)
def test_what_an_update_takes_from_releases_is_told(mistake: Mistake, seen: str) -> None:
    found = told([update(files(by_hand()), files(by_hand(), mistake))])
    assert any(each.startswith(seen) for each in found), found


def test_a_service_that_goes_as_a_whole_loses_nothing() -> None:
    def gone(body: Body) -> None:
        for name in [each for each in body["Resources"] if each.startswith("Admin")]:
            del body["Resources"][name]

    found = told([update(files(by_hand()), files(by_hand(), gone))])
    assert not any("loses" in each for each in found), found


def _of_host(body: Body) -> None:
    """Testers come by a host of their own."""
    for name in ("WebTestRule", "AdminTestRule"):
        hosts = {"Field": "host-header", "HostHeaderConfig": {"Values": ["next.example.com"]}}
        properties(body, name)["Conditions"].append(hosts)


def test_a_test_listener_may_want_a_host_of_its_own() -> None:
    assert lived(_of_host) == set()

    def elsewhere(body: Body) -> None:
        _of_host(body)
        del body["Resources"]["AdminTestRule"]
        body["Resources"]["AdminService"]["DependsOn"] = ["AdminRule"]

    assert "T12" in lived(elsewhere)
