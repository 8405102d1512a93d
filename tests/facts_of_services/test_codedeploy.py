"""Facts of CodeDeploy: the frozen service, deployment groups, AppSpec, role (A3, A4, A5, A8)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import (
    AlarmName,
    AllAtOnce,
    App,
    Canary,
    DescriptionError,
    LedgerError,
    Linear,
    Release,
    Service,
    stage_files,
)
from cfngen.checks import CHECKS, Stage

from .conftest import INNOCENT, OF_A_SERVICE, OF_THE_REST, PLAIN, SMALL, Generated, Render, changed

WRITE_ONCE = ("ECS::Service", "ECS::TaskDefinition", "ElasticLoadBalancingV2::TargetGroup")
GROUP, CONFIG = "CodeDeploy::DeploymentGroup", "CodeDeploy::DeploymentConfig"


def group(given: Generated, service: str) -> dict[str, Any]:
    return given.only(f"service-{service}", GROUP)


def released(rendered: Render, release: Release) -> Generated:
    """The small application with another release of its service `plain`."""
    return rendered(changed(SMALL, "plain", release=release))


# Why the service and its first revision are written once (A3)


@pytest.mark.parametrize("option", INNOCENT)
def test_a3_3_no_option_touches_service_bootstrap_or_target_groups(
    option: str, generated: dict[str, Generated], after: Callable[[str], Generated]
) -> None:
    before = generated["dev"]
    assert after(option).texts != before.texts, "the option does nothing"
    for kind in WRITE_ONCE:
        old, new = (each.resolved("service-employee", kind) for each in (before, after(option)))
        assert old
        assert new == old


def test_a3_3_every_option_was_tried() -> None:
    born = {
        "name",
        "port",
        "health_path",
        "paths",
        "hosts",
        "allowed_addresses",
        "headers",
        "methods",
        "query",
        "internal",
        "protocol_version",
        "maintenance",
    }
    assert {each.name for each in fields(Service)} == born | {name.partition(".")[0] for name in OF_A_SERVICE}
    tried = {re.split(r"[.,]", name)[0] for name in OF_THE_REST}
    assert {each.name for each in fields(App)} == {"name", "stage", "maintenance", "services_per_cell"} | tried


def test_a3_3_requests_are_no_part_of_service_and_bootstrap(generated: dict[str, Generated], rendered: Render) -> None:
    before = generated["dev"]
    app = changed(before.app, "employee", paths=("/admin", "/admin/*", "/staff/*"), hosts=("a.example.com",))
    app = replace(app, balancer=replace(app.balancer, https=True))
    after = rendered(app, before.ledger)
    assert after.rules("employee") != before.rules("employee")
    for kind in WRITE_ONCE:
        assert after.resolved("service-employee", kind) == before.resolved("service-employee", kind)


def test_a3_3_desired_count_is_one_wherever_scaling_begins(stage: Generated, service: str) -> None:
    assert stage.only(f"service-{service}", "ECS::Service")["DesiredCount"] == 1
    assert "ScalableTarget" in stage.of(f"service-{service}", "ApplicationAutoScaling::ScalableTarget")


def test_a3_3_service_has_nothing_that_may_change(stage: Generated, service: str) -> None:
    made = stage.only(f"service-{service}", "ECS::Service")
    assert made["DeploymentController"] == {"Type": "CODE_DEPLOY"}
    assert made["TaskDefinition"] == stage.ref(f"service-{service}", "BootstrapTaskDefinition")
    # A2: these belong to the other controller, replace the service, or could never be changed again.
    for name in (
        "DeploymentConfiguration", "LaunchType", "PlatformVersion", "Role", "SchedulingStrategy", "ServiceName",
        "ServiceConnectConfiguration", "ServiceRegistries", "Tags", "AvailabilityZoneRebalancing", "VolumeConfigurations",
    ):  # fmt: skip
        assert name not in made


def test_a3_4_bootstrap_revision_stays_when_its_template_goes(stage: Generated, service: str) -> None:
    (made,) = stage.of(f"service-{service}", "ECS::TaskDefinition").values()
    assert made["DeletionPolicy"] == made["UpdateReplacePolicy"] == "Retain"
    # A retained revision must not name what is gone when the service is made again: a family, no position of its own.
    assert made["Properties"]["Family"] == stage.taskdef(service)["family"]


# Deployment groups (A4)


def test_a4_3_group_names_cluster_and_service_by_their_names(stage: Generated, service: str) -> None:
    assert group(stage, service)["ECSServices"] == [
        {
            "ClusterName": stage.ref("cluster", "Cluster"),
            "ServiceName": stage.ref(f"service-{service}", "Service", "Name"),
        }
    ]
    assert "ServiceName" not in stage.only(f"service-{service}", "ECS::Service")
    assert "ClusterName" not in stage.only("cluster", "ECS::Cluster")
    assert "DeploymentGroupName" not in group(stage, service)


def test_a4_4_one_pair_of_two_groups_by_name_and_one_listener_for_each_route(stage: Generated, service: str) -> None:
    (pair,) = group(stage, service)["LoadBalancerInfo"]["TargetGroupPairInfoList"]
    assert set(group(stage, service)["LoadBalancerInfo"]) == {"TargetGroupPairInfoList"}
    stack = f"service-{service}"
    names = [stage.ref(stack, f"{colour}TargetGroup", "TargetGroupName") for colour in ("Blue", "Green")]
    assert pair["TargetGroups"] == [{"Name": name} for name in names]
    assert names[0] != names[1]
    production = "HttpsListener" if stage.app.balancer.https else "HttpListener"
    assert pair["ProdTrafficRoute"] == {"ListenerArns": [stage.ref("cluster", production)]}
    assert pair["TestTrafficRoute"] == {"ListenerArns": [stage.ref("cluster", "TestListener")]}


@pytest.mark.parametrize("strategy", [AllAtOnce(), Canary(), Linear()])
def test_a4_5_every_release_is_blue_green_with_traffic_control(strategy: Any, rendered: Render) -> None:
    made = group(released(rendered, Release(strategy=strategy)), "plain")
    assert made["DeploymentStyle"] == {
        "DeploymentType": "BLUE_GREEN",
        "DeploymentOption": "WITH_TRAFFIC_CONTROL",
    }


def test_a4_6_without_a_gate_traffic_moves_at_once(rendered: Render) -> None:
    made = group(released(rendered, Release()), "plain")
    ready = made["BlueGreenDeploymentConfiguration"]["DeploymentReadyOption"]
    assert ready == {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0}


@pytest.mark.parametrize("minutes", [1, 60, 2880])
def test_a4_6_a_gate_stops_the_deployment_when_nobody_continues(minutes: int, rendered: Render) -> None:
    made = group(released(rendered, Release(continue_within_minutes=minutes)), "plain")
    ready = made["BlueGreenDeploymentConfiguration"]["DeploymentReadyOption"]
    assert ready == {"ActionOnTimeout": "STOP_DEPLOYMENT", "WaitTimeInMinutes": minutes}


@pytest.mark.parametrize("minutes", [0, -1, 2881])
def test_a4_6_a_gate_that_cannot_be_is_refused(minutes: int) -> None:
    with pytest.raises(DescriptionError, match="continue_within_minutes"):
        Release(continue_within_minutes=minutes)


@pytest.mark.parametrize("minutes", [1, 30, 2880])
def test_a4_7_blue_stays_for_the_wait_and_then_goes(minutes: int, rendered: Render) -> None:
    made = group(released(rendered, Release(termination_wait_minutes=minutes)), "plain")
    assert made["BlueGreenDeploymentConfiguration"]["TerminateBlueInstancesOnDeploymentSuccess"] == {
        "Action": "TERMINATE",
        "TerminationWaitTimeInMinutes": minutes,
    }


@pytest.mark.parametrize("minutes", [-1, 0, 2881])
def test_a4_7_a_wait_that_codedeploy_does_not_know_or_that_cuts_requests_is_refused(minutes: int) -> None:
    with pytest.raises(DescriptionError, match="termination_wait_minutes"):
        Release(termination_wait_minutes=minutes)


def test_a4_7_production_can_roll_back_longer_than_dev(generated: dict[str, Generated], service: str) -> None:
    waits = {
        stage: group(each, service)["BlueGreenDeploymentConfiguration"]["TerminateBlueInstancesOnDeploymentSuccess"]
        for stage, each in generated.items()
    }
    assert waits["dev"]["TerminationWaitTimeInMinutes"] == 5
    assert 30 <= waits["prod"]["TerminationWaitTimeInMinutes"] <= 60


def test_a4_8_nothing_provisions_a_green_fleet(stage: Generated, service: str) -> None:
    assert set(group(stage, service)["BlueGreenDeploymentConfiguration"]) == {
        "DeploymentReadyOption",
        "TerminateBlueInstancesOnDeploymentSuccess",
    }
    assert not any("GreenFleetProvisioningOption" in text for text in stage.texts.values())


def test_a4_9_failure_alarm_and_request_roll_back(stage: Generated, service: str) -> None:
    rollback = group(stage, service)["AutoRollbackConfiguration"]
    assert rollback["Enabled"] is True
    assert sorted(rollback["Events"]) == [
        "DEPLOYMENT_FAILURE",
        "DEPLOYMENT_STOP_ON_ALARM",
        "DEPLOYMENT_STOP_ON_REQUEST",
    ]


def test_a4_10_alarms_are_attached_by_name(stage: Generated, service: str) -> None:
    watched = group(stage, service)["AlarmConfiguration"]
    assert watched["Enabled"] is True
    assert watched["IgnorePollAlarmFailure"] is False
    alarms = stage.of(f"service-{service}", "CloudWatch::Alarm")
    names = [each["Name"] for each in watched["Alarms"]]
    assert len(names) == 3
    assert all(name in [stage.ref(f"service-{service}", alarm) for alarm in alarms] for name in names)


def test_a4_10_own_alarms_come_after_the_services_own_up_to_ten(rendered: Render) -> None:
    own = tuple(AlarmName(f"orders-{number}") for number in range(7))
    names = [each["Name"] for each in group(released(rendered, Release(alarms=own)), "plain")["AlarmConfiguration"]["Alarms"]]  # fmt: skip
    assert len(names) == 10
    assert names[3:] == [f"orders-{number}" for number in range(7)]
    with pytest.raises(DescriptionError, match="alarms"):
        Release(alarms=(*own, AlarmName("one-more")))


PREDEFINED: dict[str, AllAtOnce | Canary | Linear] = {
    "CodeDeployDefault.ECSAllAtOnce": AllAtOnce(),
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": Linear(percent=10, minutes=1),
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": Linear(percent=10, minutes=3),
    "CodeDeployDefault.ECSCanary10Percent5Minutes": Canary(percent=10, minutes=5),
    "CodeDeployDefault.ECSCanary10Percent15Minutes": Canary(percent=10, minutes=15),
}


@pytest.mark.parametrize("name", PREDEFINED)
def test_a4_13_predefined_configurations_are_called_as_codedeploy_calls_them(name: str, rendered: Render) -> None:
    made = released(rendered, Release(strategy=PREDEFINED[name]))
    assert group(made, "plain")["DeploymentConfigName"] == name
    assert not made.of("service-plain", CONFIG)


@given(
    st.builds(Canary, percent=st.integers(1, 99), minutes=st.integers(1, 2880))
    | st.builds(Linear, percent=st.integers(1, 99), minutes=st.integers(1, 29))
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_a4_13_any_other_strategy_is_an_unnamed_configuration_of_its_own(strategy: Canary | Linear) -> None:
    app = replace(SMALL, services=(replace(PLAIN, release=Release(strategy=strategy)),))
    made = Generated(app, stage_files(app))
    if strategy in PREDEFINED.values():
        return
    assert group(made, "plain")["DeploymentConfigName"] == made.ref("service-plain", "DeploymentConfig")
    kind = type(strategy).__name__
    assert made.only("service-plain", CONFIG) == {
        "ComputePlatform": "ECS",
        "TrafficRoutingConfig": {
            "Type": f"TimeBased{kind}",
            f"TimeBased{kind}": {f"{kind}Percentage": strategy.percent, f"{kind}Interval": strategy.minutes},
        },
    }


@pytest.mark.parametrize("strategy", [{"percent": 10, "minutes": 400}, {"percent": 1, "minutes": 30}])
def test_a4_15_traffic_that_would_move_for_more_than_two_days_is_refused(strategy: dict[str, int]) -> None:
    with pytest.raises(DescriptionError, match="minutes"):
        Linear(**strategy)


# The AppSpec (A5)


def test_a5_1_appspec_has_what_codedeploy_takes_and_no_more(stage: Generated, service: str) -> None:
    data = stage.appspec(service)
    assert set(data) == {"version", "Resources"}
    assert data["version"] == 0.0
    ((name, target),) = data["Resources"][0].items()
    assert (len(data["Resources"]), name, target["Type"]) == (1, "TargetService", "AWS::ECS::Service")
    properties = target["Properties"]
    assert set(properties) == {"TaskDefinition", "LoadBalancerInfo", "NetworkConfiguration", "CapacityProviderStrategy"}
    network = properties["NetworkConfiguration"]
    assert network == {
        "AwsvpcConfiguration": {
            "Subnets": ["subnet-1", "subnet-2"],
            "SecurityGroups": ["sg-1"],
            "AssignPublicIp": "DISABLED",
        }
    }


@pytest.mark.parametrize("port", [1024, 8080, 65535])
def test_a5_1_container_port_is_a_number_and_the_services_own(port: int, rendered: Render) -> None:
    given = rendered(changed(SMALL, "plain", port=port))
    assert given.target("plain")["LoadBalancerInfo"] == {"ContainerName": "plain", "ContainerPort": port}


def test_a5_1_build_fills_in_the_network_of_the_service(stage: Generated, service: str) -> None:
    variables = stage.build_variables(service)
    zones = range(1, stage.app.network.zones + 1)
    private = [stage.ref("network", f"PrivateSubnet{zone}") for zone in zones]
    assert stage.tree.resolve(f"service-{service}.yaml", variables["STACK_SUBNETS"]).parts == (",", *private)
    assert variables["STACK_SECURITY_GROUP"] == stage.ref(f"service-{service}", "SecurityGroup", "GroupId")
    used = set(re.findall(r"\$\{(\w+)\}", stage.texts[f"{service}/appspec.yaml"]))
    assert used == {"STACK_SUBNETS", "STACK_SECURITY_GROUP"}


def test_a5_2_task_definition_is_the_literal_that_the_action_replaces(stage: Generated, service: str) -> None:
    assert stage.target(service)["TaskDefinition"] == "<TASK_DEFINITION>"
    assert stage.texts[f"{service}/appspec.yaml"].count("<TASK_DEFINITION>") == 1


def test_a5_3_appspec_repeats_the_strategy_of_the_service(stage: Generated, service: str) -> None:
    made = stage.only(f"service-{service}", "ECS::Service")["CapacityProviderStrategy"]
    assert made
    assert stage.target(service)["CapacityProviderStrategy"] == made


def test_g5_3_the_first_task_never_runs_where_it_may_be_taken_away(rendered: Render) -> None:
    given = rendered(changed(SMALL, "plain", spot_percent=70))
    assert given.target("plain")["CapacityProviderStrategy"] == [
        {"CapacityProvider": "FARGATE", "Base": 1, "Weight": 30},
        {"CapacityProvider": "FARGATE_SPOT", "Base": 0, "Weight": 70},
    ]
    made = given.only("service-plain", "ECS::Service")
    assert made == rendered(SMALL).only("service-plain", "ECS::Service"), "it takes effect with a release"


def test_a5_5_no_hook_is_emitted(stage: Generated, service: str) -> None:
    assert "Hooks" not in stage.appspec(service)
    assert not stage.every("Lambda::Function")


def test_a5_9_a_release_is_a_canary_unless_said_otherwise(rendered: Render) -> None:
    assert group(rendered(SMALL), "plain")["DeploymentConfigName"] == "CodeDeployDefault.ECSCanary10Percent5Minutes"


def test_a5_9_coffee_never_moves_all_at_once_unseen(stage: Generated, service: str) -> None:
    made = group(stage, service)
    if made["DeploymentConfigName"] == "CodeDeployDefault.ECSAllAtOnce":
        ready = made["BlueGreenDeploymentConfiguration"]["DeploymentReadyOption"]
        assert ready["ActionOnTimeout"] == "STOP_DEPLOYMENT"
    else:
        assert made["DeploymentConfigName"].startswith("CodeDeployDefault.ECSCanary")


@pytest.mark.parametrize(
    ("release", "told"),
    [
        (Release(strategy=AllAtOnce()), True),
        (Release(strategy=AllAtOnce(), continue_within_minutes=5), False),
        (Release(), False),
    ],
)
def test_a5_9_all_at_once_that_nobody_sees_is_reported(release: Release, told: bool, rendered: Render) -> None:
    made = released(rendered, release)
    looked_at = Stage("small/dev", Path("small/dev"), made.texts, {})
    found = [each for check in CHECKS if "A5.9" in check.source for each in check.findings(looked_at)]
    assert bool(found) is told


# The role of CodeDeploy (A8)


ROLE_ACTIONS = {
    "ecs:DescribeServices", "ecs:CreateTaskSet", "ecs:UpdateServicePrimaryTaskSet", "ecs:DeleteTaskSet",
    "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeRules", "elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyRule",
    "cloudwatch:DescribeAlarms", "iam:PassRole",
}  # fmt: skip


def text_of(symbol: Any) -> str:
    """A resolved ``Sub`` as text, with what only the deployment knows in angle brackets."""
    return "".join(map(str, symbol.parts)) if hasattr(symbol, "parts") and symbol.kind == "text" else str(symbol)


def arn(service: str, resource: str) -> str:
    return f"arn:<pseudo AWS::Partition>:{service}:<pseudo AWS::Region>:<pseudo AWS::AccountId>:{resource}"


def test_a8_2_the_role_has_what_codedeploy_needs_and_nothing_of_the_managed_policy(
    stage: Generated, service: str
) -> None:
    stack = f"service-{service}"
    role = stage.resolved(stack, "IAM::Role")["DeployRole"]["Properties"]
    assert role.get("ManagedPolicyArns") is None
    assert group(stage, service)["ServiceRoleArn"] == stage.ref(stack, "DeployRole", "Arn")
    assert set(stage.actions(stack, "DeployRole")) == ROLE_ACTIONS


def test_a8_2_the_role_touches_its_own_service_only(stage: Generated, service: str) -> None:
    stack = f"service-{service}"
    actions = stage.actions(stack, "DeployRole")
    cluster, name = stage.ref("cluster", "Cluster"), stage.ref(stack, "Service", "Name")
    task_sets = arn("ecs", f"task-set/{cluster}/{name}/*")
    for action in ("DescribeServices", "CreateTaskSet", "UpdateServicePrimaryTaskSet", "DeleteTaskSet"):
        own, sets = actions[f"ecs:{action}"]
        assert own == stage.ref(stack, "Service")
        assert text_of(sets) == task_sets


def test_a8_2_the_role_sees_composite_alarms_too(stage: Generated, service: str) -> None:
    """The table says alarm:*, but CloudWatch shows composite alarms only to a permission on everything, and
    `Release.alarms` may name one; the reason stands beside the role.
    """
    assert stage.actions(f"service-{service}", "DeployRole")["cloudwatch:DescribeAlarms"] == ["*"]
    assert "composite" in stage.of(f"service-{service}", "IAM::Role")["DeployRole"]["Metadata"]["Wildcards"]


def test_a8_3_the_role_passes_both_roles_of_every_task_that_it_starts(stage: Generated, service: str) -> None:
    stack = f"service-{service}"
    (statement,) = [each for each in stage.statements(stack, "DeployRole") if "iam:PassRole" in each["Action"]]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    variables, first = stage.build_variables(service), stage.only(stack, "ECS::TaskDefinition")
    task = stage.taskdef(service)
    assert task["executionRoleArn"] == "${STACK_EXECUTION_ROLE_ARN}"
    assert task["taskRoleArn"] == "${STACK_TASK_ROLE_ARN}"
    wanted = [variables["STACK_EXECUTION_ROLE_ARN"], variables["STACK_TASK_ROLE_ARN"]]
    assert statement["Resource"] == wanted == [first["ExecutionRoleArn"], first["TaskRoleArn"]]
    assert wanted[0] != wanted[1]


def test_a8_4_codedeploy_assumes_the_role_for_groups_of_this_application_only(stage: Generated, service: str) -> None:
    role = stage.resolved(f"service-{service}", "IAM::Role")["DeployRole"]["Properties"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "codedeploy.amazonaws.com"}
    assert set(statement["Condition"]) == {"StringEquals", "ArnLike"}
    assert text_of(statement["Condition"]["StringEquals"]["aws:SourceAccount"]) == "<pseudo AWS::AccountId>"
    application = stage.ref("cluster", "DeployApplication")
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert text_of(source) == arn("codedeploy", f"deploymentgroup:{application}/*")
    assert group(stage, service)["ApplicationName"] == application


def test_a8_5_the_balancer_is_asked_at_large_and_changed_by_name(stage: Generated, service: str) -> None:
    actions = stage.actions(f"service-{service}", "DeployRole")
    for action in ("DescribeListeners", "DescribeRules", "DescribeTargetGroups"):
        assert actions[f"elasticloadbalancing:{action}"] == ["*"]
    # Its full name begins with app/, as the ARNs of its listeners and rules do after their kind.
    balancer = stage.ref("cluster", "LoadBalancer", "LoadBalancerFullName")
    for action in ("ModifyListener", "ModifyRule"):
        changed_by_name = [text_of(each) for each in actions[f"elasticloadbalancing:{action}"]]
        assert changed_by_name == [
            arn("elasticloadbalancing", f"listener/{balancer}/*"),
            arn("elasticloadbalancing", f"listener-rule/{balancer}/*"),
        ]


def test_a8_5_wildcards_are_explained_beside_the_role(stage: Generated, service: str) -> None:
    role = stage.of(f"service-{service}", "IAM::Role")["DeployRole"]
    assert "take no resource" in role["Metadata"]["Wildcards"]
    assert "*" in json.dumps(role["Properties"]["Policies"])


def test_a3_3_what_cannot_ride_with_a_release_is_refused_with_the_ways_out(
    generated: dict[str, Generated], rendered: Render
) -> None:
    before = generated["dev"]
    with pytest.raises(LedgerError) as refused:
        rendered(changed(before.app, "employee", port=9090, health_path="/admin/alive"), before.ledger)
    options = [each.option.rpartition(".")[2] for each in refused.value.problems]
    assert options == ["port", "health_path"]
    for each, born in zip(refused.value.problems, ("8080", "'/admin/health'"), strict=True):
        assert f"it was born with {born}" in each.fits
        assert "Ways out" in each.fits
