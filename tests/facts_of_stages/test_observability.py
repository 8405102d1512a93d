"""Facts about alarms, logs and notices: L of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings

from cfngen import AlarmName, App, DescriptionError, OffHours, Release
from cfngen.simulate.pipelines import matches

from .conftest import MINUTES, Rendered, Resource, fires, render, text
from .test_database import last, off_hours, sleeper, times, with_database

SERVICES = ("customer", "employee")


def limit(alarm: Resource) -> tuple[str, float]:
    sign = {"GreaterThanThreshold": ">", "LessThanThreshold": "<"}[alarm["ComparisonOperator"]]
    return sign, alarm["Threshold"]


def metrics(alarm: Resource) -> set[tuple[str, str, int]]:
    """Name, statistic and period of what an alarm looks at."""
    if "MetricName" in alarm.properties:
        return {(alarm["MetricName"], alarm["Statistic"], alarm["Period"])}
    return {
        (each["MetricStat"]["Metric"]["MetricName"], each["MetricStat"]["Stat"], each["MetricStat"]["Period"])
        for each in alarm["Metrics"]
        if "MetricStat" in each
    }


def expression(alarm: Resource) -> str:
    [result] = [each["Expression"] for each in alarm["Metrics"] if each["ReturnData"]]
    return str(result)


def of_service(made: Rendered, service: str, name: str) -> Resource:
    return made.one(f"service-{service}.yaml/{name}")


# L1: alarms, row by row


def test_l1_balancer_errors_of_its_own_are_watched(stage: Rendered) -> None:
    """What the balancer answers itself, 502 to 504, is in no target group's 5xx."""
    found = [each for each in stage.each("AWS::CloudWatch::Alarm") if "HTTPCode_ELB_5XX_Count" in json.dumps(each.body)]
    assert len(found) == 1
    assert limit(found[0])[0] == ">"
    assert found[0]["TreatMissingData"] == "notBreaching"


def test_l1_service_5xx(stage: Rendered) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, "ErrorsAlarm")
        assert metrics(alarm) == {("HTTPCode_Target_5XX_Count", "Sum", 60), ("RequestCount", "Sum", 60)}
        sign, share = limit(alarm)
        assert sign == ">"
        assert 1 <= share <= 5
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 5)
        assert alarm["TreatMissingData"] == "notBreaching"


def test_l1_latency(stage: Rendered) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, "LatencyAlarm")
        # A few slow requests say nothing (L1.5).
        assert metrics(alarm) == {("TargetResponseTime", "p99", 60), ("RequestCount", "Sum", 60)}
        assert expression(alarm).startswith("IF(requests > 20, MAX(")
        assert limit(alarm)[0] == ">"
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 5)
        assert alarm["TreatMissingData"] == "notBreaching"


def test_l1_unhealthy(stage: Rendered) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, "UnhealthyAlarm")
        assert metrics(alarm) == {("UnHealthyHostCount", "Maximum", 60)}
        assert limit(alarm) == (">", 0)
        assert expression(alarm).startswith("MAX(")
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (5, 5)


def test_l1_no_healthy(stage: Rendered) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, "NobodyAlarm")
        assert metrics(alarm) == {("HealthyHostCount", "Minimum", 60)}
        assert limit(alarm) == ("<", 1)
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (2, 2)
        assert alarm["TreatMissingData"] == "breaching"


@pytest.mark.parametrize("name", ["CpuAlarm", "MemoryAlarm"])
def test_l1_cpu_and_memory(stage: Rendered, name: str) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, name)
        assert alarm["Namespace"] == "AWS/ECS"
        assert metrics(alarm) == {({"CpuAlarm": "CPU", "MemoryAlarm": "Memory"}[name] + "Utilization", "Average", 60)}
        assert {each["Name"] for each in alarm["Dimensions"]} == {"ClusterName", "ServiceName"}
        assert limit(alarm) == (">", 85)
        assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (10, 15)


GIB = 1024**3


def of_database(made: Rendered, name: str) -> Resource:
    alarm = made.one(f"database.yaml/{name}")
    assert alarm["Namespace"] == "AWS/RDS"
    assert alarm["Dimensions"] == [{"Name": "DBInstanceIdentifier", "Value": {"Ref": "Instance"}}]
    assert alarm["Period"] == 300
    assert alarm["TreatMissingData"] == "notBreaching"  # a sleeping database has no metrics
    return alarm


def test_l1_db_cpu(stage: Rendered) -> None:
    alarm = of_database(stage, "CpuAlarm")
    assert metrics(alarm) == {("CPUUtilization", "Average", 300)}
    assert limit(alarm) == (">", 80)


def test_l1_db_storage_and_l1_4_its_threshold_is_in_bytes_of_the_first_storage(stage: Rendered) -> None:
    alarm, database = of_database(stage, "StorageAlarm"), stage.app.database
    assert database
    assert metrics(alarm) == {("FreeStorageSpace", "Minimum", 300)}
    assert limit(alarm) == ("<", database.storage_gib * GIB * 15 // 100)


@pytest.mark.parametrize(
    ("size", "memory"), [("db.t4g.micro", 1), ("db.t4g.medium", 4), ("db.m7g.large", 8), ("db.r7g.xlarge", 32)]
)
def test_l1_db_memory(apps: Mapping[str, App], size: str, memory: int) -> None:
    alarm = of_database(render(with_database(apps["dev"], instance_class=size)), "MemoryAlarm")
    assert metrics(alarm) == {("FreeableMemory", "Minimum", 300)}
    sign, threshold = limit(alarm)
    assert sign == "<"
    assert memory * GIB * 0.04 < threshold <= memory * GIB * 0.1


# What MySQL says of itself by default: DBInstanceClassMemory leaves out what the machine keeps for itself.
MAX_CONNECTIONS = {"db.t4g.micro": 66, "db.t4g.small": 150, "db.t4g.medium": 312, "db.m7g.large": 648}


@pytest.mark.parametrize("size", MAX_CONNECTIONS)
def test_l1_db_connections_alarm_before_there_are_no_more(apps: Mapping[str, App], size: str) -> None:
    alarm = of_database(render(with_database(apps["dev"], instance_class=size)), "ConnectionsAlarm")
    assert metrics(alarm) == {("DatabaseConnections", "Maximum", 300)}
    sign, threshold = limit(alarm)
    assert sign == ">"
    assert MAX_CONNECTIONS[size] * 0.5 <= threshold <= MAX_CONNECTIONS[size] * 0.9


def test_l1_db_credits_are_of_burstable_classes(apps: Mapping[str, App], dev: Rendered) -> None:
    alarm = of_database(dev, "CreditsAlarm")
    # An unlimited class starts at a balance of zero and goes on without credits; what it is billed for is what counts.
    assert metrics(alarm) == {("CPUSurplusCreditsCharged", "Sum", 300)}
    assert limit(alarm) == (">", 0)
    steady = render(with_database(apps["dev"], instance_class="db.m7g.large"))
    assert "database.yaml/CreditsAlarm" not in steady.resources


def test_l1_failed_builds_are_told_by_their_pipeline(stage: Rendered) -> None:
    """In place of an alarm on AWS/CodeBuild FailedBuilds: a build runs in a pipeline only, whose failure is told."""
    assert "pipeline.yaml/PipelineFailureNotice" in stage.resources


def test_l1_1_alarms_of_a_service_see_both_colours(stage: Rendered) -> None:
    for service in SERVICES:
        for name in ("ErrorsAlarm", "LatencyAlarm", "UnhealthyAlarm", "NobodyAlarm"):
            alarm = of_service(stage, service, name)
            assert not {"MetricName", "Namespace", "Statistic", "Dimensions", "Period"} & alarm.properties.keys()
            seen: dict[str, set[str]] = {}
            for each in alarm["Metrics"]:
                if "MetricStat" in each:
                    metric = each["MetricStat"]["Metric"]
                    assert {one["Name"] for one in metric["Dimensions"]} == {"LoadBalancer", "TargetGroup"}
                    group = next(one["Value"] for one in metric["Dimensions"] if one["Name"] == "TargetGroup")
                    seen.setdefault(metric["MetricName"], set()).add(group["Fn::GetAtt"][0])
                    assert each["ReturnData"] is False
            assert seen
            assert all(groups == {"BlueTargetGroup", "GreenTargetGroup"} for groups in seen.values()), name


def test_l1_2_alarms_have_no_names(stage: Rendered) -> None:
    alarms = [*stage.each("AWS::CloudWatch::Alarm"), *stage.each("AWS::CloudWatch::CompositeAlarm")]
    assert len(alarms) > 15
    assert not [each.place for each in alarms if "AlarmName" in each.properties]


def test_l1_3_one_alarm_speaks_for_all(stage: Rendered) -> None:
    def below(file: str, name: str) -> set[str]:
        alarm = stage.one(f"{file}/{name}")
        if alarm.type == "AWS::CloudWatch::Alarm":
            return {alarm.place}
        rule = alarm["AlarmRule"]
        if "Fn::Sub" in rule:
            assert re.fullmatch(r'ALARM\("\$\{\w+\}"\)( OR ALARM\("\$\{\w+\}"\))*', text(rule))
            return {stage.names(file, value) for value in rule["Fn::Sub"][1].values()}
        word, parts = rule["Fn::Join"]
        assert word == " OR "
        found = [re.fullmatch(r'ALARM\("\$\{(\w+)\}"\)', text(part)) for part in parts]
        return {f"{file}/{match[1]}" for match in found if match}

    top = below("watch.yaml", "Alarm")
    assert top >= {"database.yaml/Alarm", *(f"service-{name}.yaml/Alarm" for name in SERVICES)}
    spoken_for = {each for one in top for each in below(*one.split("/"))}
    # A metric alarm that nobody speaks for is seen by nobody, unless it tells the topic itself.
    for alarm in stage.each("AWS::CloudWatch::Alarm"):
        assert alarm.place in spoken_for or alarm.properties.get("AlarmActions"), alarm.place


def test_l1_3_only_the_top_alarm_pages(stage: Rendered) -> None:
    paging = [
        each
        for kind in ("Alarm", "CompositeAlarm")
        for each in stage.each(f"AWS::CloudWatch::{kind}")
        if each.properties.get("AlarmActions")
    ]
    assert [each.place for each in paging] == ["watch.yaml/Alarm"]
    for which in ("AlarmActions", "OKActions"):
        assert [stage.names("watch.yaml", one) for one in paging[0][which]] == ["foundation.yaml/AlertTopic"]


def test_l1_3_rollback_alarms_are_of_their_service(apps: Mapping[str, App], stage: Rendered) -> None:
    for service in SERVICES:
        watched = of_service(stage, service, "DeploymentGroup")["AlarmConfiguration"]["Alarms"]
        assert [each["Name"] for each in watched] == [
            {"Ref": f"{name}Alarm"} for name in ("Errors", "Latency", "Unhealthy")
        ]
    own = Release(alarms=(AlarmName("the-shop-of-ours"),))
    first, *others = apps["prod"].services
    made = render(replace(apps["prod"], services=(replace(first, release=own), *others)))
    assert {"Name": "the-shop-of-ours"} in of_service(made, first.name, "DeploymentGroup")["AlarmConfiguration"][
        "Alarms"
    ]


def test_l1_5_a_few_requests_say_nothing(stage: Rendered) -> None:
    for service in SERVICES:
        alarm = of_service(stage, service, "ErrorsAlarm")
        assert re.match(r"IF\(requests > 20, 100 \* .* / requests, 0\)$", expression(alarm))
        [total] = [each["Expression"] for each in alarm["Metrics"] if each["Id"] == "requests"]
        assert total == "FILL(rblue, 0) + FILL(rgreen, 0)"


def test_l1_6_container_insights_is_said(stage: Rendered) -> None:
    [cluster] = stage.each("AWS::ECS::Cluster")
    [setting] = cluster["ClusterSettings"]
    assert setting["Name"] == "containerInsights"
    assert setting["Value"] in ("disabled", "enabled", "enhanced")
    # No alarm, scaling policy or chart reads its metrics, which are paid for.
    assert "ECS/ContainerInsights" not in json.dumps(stage.templates)


# Muting


def test_mute_rules_silence_the_one_alarm_that_pages(dev: Rendered, prod: Rendered) -> None:
    assert not prod.each("AWS::CloudWatch::AlarmMuteRule")
    rules = dev.each("AWS::CloudWatch::AlarmMuteRule")
    assert rules
    for rule in rules:
        assert rule["MuteTargets"] == {"AlarmNames": [{"Ref": "Alarm"}]}
        schedule = rule["Rule"]["Schedule"]
        assert schedule["Timezone"] == "Europe/Berlin"
        assert re.fullmatch(r"cron\(\d+ \d+ \* \* [A-Z,*]+\)", schedule["Expression"])  # five fields
        assert 1 <= lasts(schedule["Duration"]) <= 15 * MINUTES
        assert len(rule["Name"]) <= 255
    assert len({rule["Name"] for rule in rules}) == len(rules)


def lasts(duration: str) -> int:
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?", duration)
    assert match, duration
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return days * MINUTES + hours * 60 + minutes


def muted(made: Rendered) -> list[tuple[int, int]]:
    return [
        (start, start + lasts(rule["Rule"]["Schedule"]["Duration"]))
        for rule in made.each("AWS::CloudWatch::AlarmMuteRule")
        for start in fires(rule["Rule"]["Schedule"]["Expression"], weeks=3)
    ]


@settings(max_examples=30, deadline=None, derandomize=True)
@given(off_hours=off_hours())
@example(off_hours=OffHours(end="05:00", start="01:00", working_days=("MON", "SAT")))
def test_mutes_last_just_until_the_stage_is_back(off_hours: OffHours) -> None:
    made = sleeper(off_hours)
    when, windows = times(made), muted(made)
    changes = {*when["tasks come"], *when["tasks go"], *(end for window in windows for end in window)}
    moments = {moment + late for moment in changes for late in (-1, 0, 1, 29, 30)}
    for minute in sorted(moments & set(range(8 * MINUTES, 15 * MINUTES))):
        came, went = last(when["tasks come"], minute), last(when["tasks go"], minute)
        silent = any(start <= minute < end for start, end in windows)
        settled = came > went and minute - came >= 30
        assert silent != settled, f"minute {minute} of {off_hours}"


def test_the_coffee_stage_is_silent_at_night_and_over_the_weekend(dev: Rendered) -> None:
    windows = muted(dev)

    def silent(day: int, hour: int, minute: int = 0) -> bool:
        at = 7 * MINUTES + day * MINUTES + hour * 60 + minute
        return any(start <= at < end for start, end in windows)

    monday, friday, saturday, sunday = 1, 5, 6, 7
    assert not silent(friday, 19, 59)
    assert silent(friday, 20)
    assert silent(saturday, 12)
    assert silent(sunday, 23, 59)
    assert silent(monday, 7, 29)
    assert not silent(monday, 7, 30)


# L2: logs, dashboard, notices

RETENTION = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def test_l2_1_logs_are_kept_as_long_as_the_stage_says(stage: Rendered, apps: Mapping[str, App]) -> None:
    groups = stage.each("AWS::Logs::LogGroup")
    assert len(groups) == 2 * len(SERVICES)
    for group in groups:
        assert group["RetentionInDays"] == stage.app.log_retention_days
        assert "LogGroupName" not in group.properties
    for days in RETENTION:
        assert replace(apps["dev"], log_retention_days=days)
    for days in (0, 2, 31, 4000):
        with pytest.raises(DescriptionError, match="log_retention_days"):
            replace(apps["dev"], log_retention_days=days)


def covers(statement: Mapping[str, Any], action: str) -> bool:
    return any(re.fullmatch(one.replace("*", ".*"), action) for one in statement["Action"])


def test_l2_2_logs_may_use_the_key(stages: Mapping[str, Rendered]) -> None:
    for made in stages.values():
        [statement] = [
            each
            for each in made.one("foundation.yaml/Key")["KeyPolicy"]["Statement"]
            if text(each["Principal"].get("Service")) == "logs.${AWS::Region}.${AWS::URLSuffix}"
        ]
        # Encrypt, Decrypt, ReEncrypt*, GenerateDataKey* and Describe*, as the guide lists them.
        for action in (
            "Encrypt",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "DescribeKey",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
        ):
            assert covers(statement, f"kms:{action}"), action
        condition = statement["Condition"]["ArnLike"]["kms:EncryptionContext:aws:logs:arn"]
        assert text(condition) == "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
        own = "logs" in made.app.own_key_for
        for group in made.each("AWS::Logs::LogGroup"):
            if own:
                assert made.names(group.file, group["KmsKeyId"]) == "foundation.yaml/Key"
            assert ("KmsKeyId" in group.properties) == own


def test_l2_4_l2_6_l2_7_l2_11_what_is_not_made(stage: Rendered) -> None:
    kinds = {each.type for each in stage.resources.values()}
    assert not {kind for kind in kinds if kind.startswith(("AWS::Lambda", "AWS::SQS", "AWS::XRay", "AWS::Synthetics"))}
    assert "AWS::Logs::MetricFilter" not in kinds
    assert not [one for role in stage.each("AWS::IAM::Role") for one in role.actions if one.startswith("xray:")]


def test_l2_5_the_dashboard_is_json_once_its_names_are_known(stage: Rendered) -> None:
    dashboard = stage.one("watch.yaml/Dashboard")
    template, values = dashboard["DashboardBody"]["Fn::Sub"]
    used = set(re.findall(r"\$\{(\w+)\}", template))
    assert used == set(values)
    body = json.loads(re.sub(r"\$\{(\w+)\}", r"\1", template))
    widgets = body["widgets"]
    assert len(widgets) <= 500
    assert sum(len(each["properties"].get("metrics", ())) for each in widgets) <= 2500
    assert {each["properties"]["region"] for each in widgets if each["type"] == "metric"} == {"Region"}
    assert "DashboardName" not in dashboard.properties
    assert "Fn::ToJsonString" not in json.dumps(dashboard.body)
    for each in widgets:  # within the grid, and none over another
        assert each["x"] + each["width"] <= 24
    cells = [
        (x, y) for w in widgets for x in range(w["x"], w["x"] + w["width"]) for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))


def test_l2_5_the_dashboard_shows_both_colours_of_each_service(stage: Rendered) -> None:
    template, values = stage.one("watch.yaml/Dashboard")["DashboardBody"]["Fn::Sub"]
    real = {key: stage.real("watch.yaml", value) for key, value in values.items()}
    body = json.loads(template)
    for service in SERVICES:
        titles = {each["properties"]["title"]: each for each in body["widgets"] if each["type"] == "metric"}
        for word in ("requests", "failed requests", "latency p99", "healthy tasks"):
            shown = [metric[5].strip("${}") for metric in titles[f"{service}: {word}"]["properties"]["metrics"]]
            assert [real[key] for key in shown] == [
                (f"service-{service}.yaml", {"Fn::GetAtt": [f"{colour}TargetGroup", "TargetGroupFullName"]})
                for colour in ("Blue", "Green")
            ]


def test_l2_8_alarms_may_publish(stage: Rendered) -> None:
    policy = stage.one("foundation.yaml/AlertTopicPolicy")
    [statement] = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Allow"]
    assert statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert statement["Action"] == ["sns:Publish"]
    assert statement["Resource"] == policy["Topics"] == [{"Ref": "AlertTopic"}]
    arn = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert text(arn) == "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}


def notices(made: Rendered) -> list[Resource]:
    return [each for each in made.each("AWS::Events::Rule") if each.name.endswith("Notice")]


def test_l2_9_rules_reach_the_topic_by_a_role(stage: Rendered) -> None:
    """EventBridge takes no conditions in a topic's policy, so the topic does not know it."""
    assert "events.amazonaws.com" not in json.dumps(stage.one("foundation.yaml/AlertTopicPolicy").body)
    assert {each.place for each in notices(stage)} == {
        "pipeline.yaml/PipelineFailureNotice",
        "watch.yaml/DeploymentFailureNotice",
    }
    for rule in notices(stage):
        [target] = rule["Targets"]
        assert stage.names(rule.file, target["Arn"]) == "foundation.yaml/AlertTopic"
        role = stage.one(stage.names(rule.file, target["RoleArn"]))
        assert [stage.names(role.file, one) for one in role.allowing("sns:Publish")["Resource"]] == [
            "foundation.yaml/AlertTopic"
        ]
        assert role.actions == {"sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"}


def test_l2_10_whoever_publishes_may_use_the_topics_key(stage: Rendered) -> None:
    topic = stage.one("foundation.yaml/AlertTopic")
    assert topic["KmsMasterKeyId"] == {"Fn::GetAtt": ["Key", "Arn"]}  # AWS's own key would keep services out
    [alarms] = [
        each
        for each in stage.one("foundation.yaml/Key")["KeyPolicy"]["Statement"]
        if each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    ]
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        assert covers(alarms, action)
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    for rule in notices(stage):
        role = stage.one(stage.names(rule.file, rule["Targets"][0]["RoleArn"]))
        by_key = role.allowing("kms:GenerateDataKey")
        assert set(by_key["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
        assert [stage.names(role.file, one) for one in by_key["Resource"]] == ["foundation.yaml/Key"]
        assert by_key["Condition"] == {"StringLike": {"kms:ViaService": ["sns.*.amazonaws.com"]}}


def test_l2_10_only_tls_publishes(stage: Rendered) -> None:
    denied = [
        each
        for each in stage.one("foundation.yaml/AlertTopicPolicy")["PolicyDocument"]["Statement"]
        if each["Effect"] == "Deny"
    ]
    assert [(each["Principal"], each["Action"], each["Condition"]) for each in denied] == [
        ("*", ["sns:Publish"], {"Bool": {"aws:SecureTransport": False}})
    ]


def test_l2_12_failed_and_stopped_deployments_are_told(stage: Rendered) -> None:
    def event(state: str, application: str = "ours") -> dict[str, Any]:
        detail = {"state": state, "application": application, "deploymentId": "d-1", "deploymentGroup": "g"}
        return {
            "source": "aws.codedeploy",
            "detail-type": "CodeDeploy Deployment State-change Notification",
            "detail": detail,
        }

    rule = stage.one("watch.yaml/DeploymentFailureNotice")
    [application] = rule["EventPattern"]["detail"]["application"]
    assert stage.names("watch.yaml", application) == "cluster.yaml/DeployApplication"
    detail = {**rule["EventPattern"]["detail"], "application": ["ours"]}
    pattern = {**rule["EventPattern"], "detail": detail}
    assert matches(pattern, event("FAILURE"))
    assert matches(pattern, event("STOP"))
    for state in ("START", "READY", "SUCCESS"):
        assert not matches(pattern, event(state))
    assert not matches(pattern, event("FAILURE", "another"))
    paths = rule["Targets"][0]["InputTransformer"]["InputPathsMap"]
    assert {path.removeprefix("$.detail.") for path in paths.values()} <= event("x")["detail"].keys()


def test_an_address_given_is_subscribed(apps: Mapping[str, App], prod: Rendered) -> None:
    assert not prod.each("AWS::SNS::Subscription")
    [made] = render(replace(apps["prod"], alarm_email="coffee@example.com")).each("AWS::SNS::Subscription")
    assert (made["Protocol"], made["Endpoint"]) == ("email", "coffee@example.com")
    assert made["TopicArn"] == {"Ref": "AlertTopic"}
