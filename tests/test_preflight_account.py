"""`cfngen preflight` asks an account: moto's services on this machine, and stubs for what moto does not have."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from conftest import Run
from deployed_shop import account, settle
from moto.server import ThreadedMotoServer
from stubbed import Client, Stubbed

from cfngen.errors import CfngenError
from cfngen.operate import saved
from cfngen.operate.preflight import preflight
from cfngen.operate.read import read
from cfngen.operate.state import DeploymentGroup


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return settle(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    yield f"http://127.0.0.1:{made.get_host_and_port()[1]}"
    made.stop()


ONE_TASK = {"family": "web", "containerDefinitions": [{"name": "web", "image": "x", "memory": 128}]}
EMPTY = json.dumps({"Parameters": {"TestCidr": {"Type": "String"}}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}})


@pytest.fixture
def live_account(shop: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name, value in account(server).items():
        monkeypatch.setenv(name, value)
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(boto3.client(service))
        return made[-1]

    yield client
    for each in made:
        each.close()


def made_by_hand(client: Client) -> dict[str, Any]:
    """A balancer, two listeners, rules with green live, a service with a task set, alarms, a deployment group."""
    ec2, elb, ecs = client("ec2"), client("elbv2"), client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]  # fmt: skip
    balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    production, test = (
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=nothing)["Listeners"][0]["ListenerArn"]
        for port in (80, 8080)
    )  # fmt: skip
    blue, green = (
        elb.create_target_group(Name=f"web-{colour}", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        for colour in ("blue", "green")
    )  # fmt: skip
    pair = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}]
    rules = [
        elb.create_rule(
            ListenerArn=listener,
            Priority=7,
            Conditions=[
                {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}},
                {"Field": "host-header", "Values": ["shop.example.com"]},
            ],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": pair}}],
        )["Rules"][0]["RuleArn"]
        for listener in (production, test)
    ]
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(**ONE_TASK)
    balanced = [{"targetGroupArn": green, "containerName": "web", "containerPort": 80}]
    service = ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        deploymentController={"type": "EXTERNAL"},
        loadBalancers=balanced,
    )["service"]["serviceArn"]
    ecs.create_task_set(cluster="shop", service="web", taskDefinition="web", loadBalancers=balanced)
    for name in ("ErrorsAlarm", "LatencyAlarm"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=name, Namespace="x", MetricName="x", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    client("cloudwatch").set_alarm_state(AlarmName="ErrorsAlarm", StateValue="ALARM", StateReason="x")
    deploy = client("codedeploy")
    deploy.create_application(applicationName="shop", computePlatform="ECS")
    route = {"prodTrafficRoute": {"listenerArns": [production]}, "testTrafficRoute": {"listenerArns": [test]}}
    names = {"targetGroups": [{"name": "web-blue"}, {"name": "web-green"}]}
    deploy.create_deployment_group(
        applicationName="shop",
        deploymentGroupName="web",
        serviceRoleArn="arn:aws:iam::123456789012:role/x",
        ecsServices=[{"clusterName": "shop", "serviceName": "web"}],
        loadBalancerInfo={"targetGroupPairInfoList": [route | names]},
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    )
    client("cloudformation").create_stack(
        StackName="shop-dev",
        TemplateBody=EMPTY,
        Parameters=[{"ParameterKey": "TestCidr", "ParameterValue": "203.0.113.0/24"}],
        Tags=[{"Key": "Team", "Value": "a"}],
    )
    resources = {
        "LoadBalancer": (balancer, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        "BlueTargetGroup": (blue, "AWS::ElasticLoadBalancingV2::TargetGroup"),
        "GreenTargetGroup": (green, "AWS::ElasticLoadBalancingV2::TargetGroup"),
        "ProductionRule1": (rules[0], "AWS::ElasticLoadBalancingV2::ListenerRule"),
        "TestRule1": (rules[1], "AWS::ElasticLoadBalancingV2::ListenerRule"),
        "Cluster": ("shop", "AWS::ECS::Cluster"),
        "Service": (service, "AWS::ECS::Service"),
        "DeployApplication": ("shop", "AWS::CodeDeploy::Application"),
        "DeploymentGroup": ("web", "AWS::CodeDeploy::DeploymentGroup"),
    }
    return {"production": production, "test": test, "blue": blue, "green": green, "balancer": balancer, "resources": resources}  # fmt: skip


def stubs(client: Client, resources: Mapping[str, tuple[str, str]], denied: str = "") -> Client:
    """moto makes no CodeDeploy resources in stacks, keeps no alarms of a deployment group and no primary task set."""

    def listed(**_: Any) -> Any:
        rows = [
            {"LogicalResourceId": name, "PhysicalResourceId": made, "ResourceType": kind, "ResourceStatus": "CREATE_COMPLETE"}
            for name, (made, kind) in resources.items()
        ]  # fmt: skip
        return {"StackResourceSummaries": [*rows, rows[0] | {"ResourceStatus": "DELETE_COMPLETE"}]}

    def group(**given: Any) -> Any:
        told = client("codedeploy").get_deployment_group(**given)
        alarms = [{"name": "ErrorsAlarm"}, {"name": "LatencyAlarm"}]
        told["deploymentGroupInfo"]["alarmConfiguration"] = {"enabled": True, "alarms": alarms}
        return told

    def services(**given: Any) -> Any:
        told = client("ecs").describe_services(**given)
        for service in told["services"]:
            service["taskSets"] = [each | {"status": "PRIMARY", "runningCount": 1} for each in service["taskSets"]]
        return told

    def refused(**_: Any) -> Any:
        raise client("codedeploy").exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListDeployments")  # fmt: skip

    def health(**given: Any) -> Any:
        assert given["TargetGroupArn"] in {made for made, _ in resources.values()}
        is_green = given["TargetGroupArn"] == resources["GreenTargetGroup"][0]
        states = ["healthy", "unhealthy"] if is_green else []
        return {"TargetHealthDescriptions": [{"TargetHealth": {"State": each}} for each in states]}

    answers: dict[str, dict[str, Any]] = {
        "elbv2": {"describe_target_health": health},
        "cloudformation": {"list_stack_resources": listed},
        "codedeploy": {"get_deployment_group": group, **({denied: refused} if denied else {})},
        "ecs": {"describe_services": services},
    }
    return lambda service: Stubbed(client(service), answers.get(service, {}))


def test_an_account_is_read(live_account: Client, shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_by_hand(live_account)
    client = stubs(live_account, made["resources"])
    state = read("shop-dev", client=client)

    assert state.unread == ()
    assert (state.root.name, state.root.status, state.account, state.region) == ("shop-dev", "CREATE_COMPLETE", "123456789012", "eu-west-1")  # fmt: skip
    assert (state.root.tags, state.root.parameters) == ({"Team": "a"}, {"TestCidr": "203.0.113.0/24"})
    assert len(state.root.resources) == len(made["resources"])
    assert {each.arn: each.port for each in state.listeners} == {made["production"]: 80, made["test"]: 8080}
    assert [(each.listener, each.priority, each.kind, each.weights) for each in state.rules] == [
        (each.arn, 7, "forward", {made["blue"]: 0, made["green"]: 100}) for each in state.listeners
    ]
    assert {(each.hosts, each.paths) for each in state.rules} == {(("shop.example.com",), ("/*",))}
    assert [each.health for each in state.target_groups if each.arn == made["green"]] == [
        {"healthy": 1, "unhealthy": 1}
    ]
    assert {each.arn: each.balancers for each in state.target_groups} == {made["blue"]: (made["balancer"],), made["green"]: (made["balancer"],)}  # fmt: skip
    (service,) = state.services
    assert (service.name, service.cluster, service.container, service.desired) == ("web", "shop", "web", 1)
    assert [(each.status, each.target_group, each.running) for each in service.task_sets] == [("PRIMARY", made["green"], 1)]  # fmt: skip
    (deployment_group,) = state.deployment_groups
    assert deployment_group == DeploymentGroup(
        "web", "shop", "shop", "web", ("web-blue", "web-green"), (made["production"],), (made["test"],),
        ("ErrorsAlarm", "LatencyAlarm"), rollback_events=("DEPLOYMENT_FAILURE",),
    )  # fmt: skip
    assert {each.name: each.state for each in state.alarms}["ErrorsAlarm"] == "ALARM"
    assert state.deployments == ()
    answer = preflight(state)
    assert [(row.service, row.live, row.tasks) for row in answer.services] == [("web", "green", "blue 0 green 1")]
    assert [(each.id, each.level) for each in answer.findings] == [
        ("P2", "warning"), ("P6", "error"), ("P6", "warning"), ("P8", "warning"),
    ]  # fmt: skip

    # A deployment that waits.
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}
    deploy = live_account("codedeploy")
    name = deploy.create_deployment(applicationName="shop", deploymentGroupName="web", revision=revision)[
        "deploymentId"
    ]
    assert [(each.id, each.deployment_group) for each in read("shop-dev", client=client).deployments] == [(name, "web")]

    # Nobody may ask CodeDeploy: the rest is told, and that something is missing.
    partial = read("shop-dev", client=stubs(live_account, made["resources"], denied="list_deployments"))
    assert [(each.what, each.permission) for each in partial.unread] == [("deployments", "codedeploy:ListDeployments")]
    assert [each.id for each in preflight(partial).findings] == ["P2", "P6", "P6", "P8", "P12"]

    # The command, with boto3's own clients: moto's stack has none of this, so there is no service.
    done = cfngen("preflight", "--stack", "shop-dev", "--save", "seen.json")
    assert (done.status, saved.load(shop / "seen.json").root.name) == (1, "shop-dev")
    assert "error: " not in done.err

    # A change set, and one that is not there.
    live_account("cloudformation").create_change_set(
        StackName="shop-dev", ChangeSetName="look", TemplateBody=EMPTY.replace("SNS::Topic", "SQS::Queue"),
        Parameters=[{"ParameterKey": "TestCidr", "ParameterValue": "x"}],
    )  # fmt: skip
    seen = read("shop-dev", "look", client).change_set
    assert seen is not None
    assert (seen.name, seen.status) == ("look", "CREATE_COMPLETE")
    with pytest.raises(CfngenError, match=r"--change-set other: .* aws cloudformation list-change-sets"):
        read("shop-dev", "other", client)
    with pytest.raises(CfngenError, match="--stack is the name"):
        read("another", client=client)
