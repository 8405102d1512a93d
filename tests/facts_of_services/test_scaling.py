"""Facts of scaling during blue/green: what is followed, and who owns the desired count (B5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cfngen import DescriptionError, OffHours, Scaling, ScheduledScaling

from .conftest import SMALL, Generated, Render, changed

TARGET, POLICY = (f"ApplicationAutoScaling::{kind}" for kind in ("ScalableTarget", "ScalingPolicy"))
EVERYTHING = Scaling(minimum=2, maximum=8, cpu_percent=60, memory_percent=70, requests_per_minute=3000)


@pytest.fixture(scope="session")
def scaled(rendered: Render) -> Generated:
    """The small application, whose service `plain` follows all there is."""
    return rendered(changed(SMALL, "plain", scaling=EVERYTHING))


def policies(given: Generated, service: str) -> dict[str, dict[str, Any]]:
    """What each policy of a service follows."""
    made = given.resolved(f"service-{service}", POLICY)
    return {name: each["Properties"]["TargetTrackingScalingPolicyConfiguration"] for name, each in made.items()}


def test_b5_3_the_predefined_request_metric_is_never_used(stage: Generated, scaled: Generated) -> None:
    for given in (stage, scaled):
        assert given.every(POLICY)
        for text in given.texts.values():
            assert "ALBRequestCountPerTarget" not in text
            assert "ResourceLabel" not in text
    predefined = [each["PredefinedMetricSpecification"]["PredefinedMetricType"] for each in policies(scaled, "plain").values() if "PredefinedMetricSpecification" in each]  # fmt: skip
    assert sorted(predefined) == ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"]


def test_b5_4_requests_are_those_of_both_colours(scaled: Generated) -> None:
    followed = policies(scaled, "plain")["RequestScaling"]
    assert set(followed) == {"TargetValue", "ScaleOutCooldown", "ScaleInCooldown", "CustomizedMetricSpecification"}
    assert followed["TargetValue"] == 3000
    specification = followed["CustomizedMetricSpecification"]
    # With Metrics, none of the fields of a single metric may stand there.
    assert set(specification) == {"Metrics"}
    *colours, total = specification["Metrics"]
    assert [each["Id"] for each in colours] == ["blue", "green"]
    for each in colours:
        assert each["ReturnData"] is False
        assert each["MetricStat"]["Stat"] == "Sum"
        assert each["MetricStat"]["Metric"]["Namespace"] == "AWS/ApplicationELB"
        assert each["MetricStat"]["Metric"]["MetricName"] == "RequestCountPerTarget"
    assert (total["Expression"], total["ReturnData"]) == ("FILL(blue, 0) + FILL(green, 0)", True)
    assert "MetricStat" not in total


def test_b5_5_dimensions_are_full_names(scaled: Generated) -> None:
    balancer = scaled.ref("cluster", "LoadBalancer", "LoadBalancerFullName")
    *colours, _ = policies(scaled, "plain")["RequestScaling"]["CustomizedMetricSpecification"]["Metrics"]
    for each, colour in zip(colours, ("Blue", "Green"), strict=True):
        group = scaled.ref("service-plain", f"{colour}TargetGroup", "TargetGroupFullName")
        assert {own["Name"]: own["Value"] for own in each["MetricStat"]["Metric"]["Dimensions"]} == {
            "LoadBalancer": balancer,
            "TargetGroup": group,
        }


def test_b5_6_the_target_is_the_desired_count_of_the_service(stage: Generated, service: str) -> None:
    stack = f"service-{service}"
    made = stage.only(stack, TARGET)
    assert made["ServiceNamespace"] == "ecs"
    assert made["ScalableDimension"] == "ecs:service:DesiredCount"
    cluster, name = stage.ref("cluster", "Cluster"), stage.ref(stack, "Service", "Name")
    assert made["ResourceId"].parts == ("/", "service", cluster, name)
    assert "RoleARN" not in made
    scaling = stage.app.service(service).scaling
    assert (made["MinCapacity"], made["MaxCapacity"]) == (scaling.minimum, scaling.maximum)


def test_b5_6_every_policy_belongs_to_that_target(scaled: Generated) -> None:
    made = scaled.resolved("service-plain", POLICY)
    assert set(made) == {"CpuScaling", "MemoryScaling", "RequestScaling"}
    for name, each in made.items():
        properties = each["Properties"]
        assert properties["ScalingTargetId"] == scaled.ref("service-plain", "ScalableTarget")
        assert properties["PolicyType"] == "TargetTrackingScaling"
        assert properties["PolicyName"] == name
        # The ids of the target stand in ScalingTargetId; both together are refused.
        assert not {"ResourceId", "ScalableDimension", "ServiceNamespace"} & set(properties)
    assert policies(scaled, "plain")["MemoryScaling"]["TargetValue"] == 70


@pytest.mark.parametrize(("name", "option"), [("CpuScaling", "cpu_percent"), ("MemoryScaling", "memory_percent"), ("RequestScaling", "requests_per_minute")])  # fmt: skip
def test_b5_6_what_has_no_target_has_no_policy(name: str, option: str, rendered: Render) -> None:
    without: dict[str, Any] = {option: None}
    made = rendered(changed(SMALL, "plain", scaling=replace(EVERYTHING, **without)))
    assert set(policies(made, "plain")) == {"CpuScaling", "MemoryScaling", "RequestScaling"} - {name}


def test_b5_8_a_stage_sleeps_and_wakes_by_scheduled_actions(generated: dict[str, Generated], service: str) -> None:
    made = generated["dev"].only(f"service-{service}", TARGET)
    scaling = generated["dev"].app.service(service).scaling
    found = {
        each["ScheduledActionName"]: (each["Schedule"], each["Timezone"], each["ScalableTargetAction"])
        for each in made["ScheduledActions"]
    }
    awake = {"MinCapacity": scaling.minimum, "MaxCapacity": scaling.maximum}
    assert found == {
        "off-hours-start": ("cron(0 20 ? * * *)", "Europe/Berlin", {"MinCapacity": 0, "MaxCapacity": 0}),
        "off-hours-end": ("cron(0 7 ? * MON,TUE,WED,THU,FRI *)", "Europe/Berlin", awake),
    }
    assert generated["prod"].only(f"service-{service}", TARGET)["ScheduledActions"] == []


def test_b5_8_two_actions_of_one_name_are_refused() -> None:
    """The later would silently take the place of the other: the stage would never sleep, or never wake."""
    own = ScheduledScaling(name="off-hours-start", schedule="cron(0 1 ? * * *)", minimum=0, maximum=1)
    app = changed(SMALL, "plain", scaling=Scaling(schedule=(own,)))
    with pytest.raises(DescriptionError, match="off-hours-start"):
        replace(app, off_hours=OffHours())
