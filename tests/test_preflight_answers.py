"""How `cfngen preflight` reads what an account answers: trees, change sets, denials, and answers of several pages."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from deployed_shop import BALANCER, stack_id
from stubbed import Client, Stubbed

from cfngen.errors import CfngenError
from cfngen.operate.preflight import preflight
from cfngen.operate.read import IN_FLIGHT, read
from cfngen.operate.state import Change, Rule


def test_a_change_set_is_read_with_its_nested_ones() -> None:
    def described(**given: Any) -> Any:
        name = given["ChangeSetName"]
        rule = {
            "Action": "Modify", "LogicalResourceId": "ProductionRule1", "ResourceType": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "PhysicalResourceId": "arn:rule", "Replacement": "Conditional",
            "Details": [
                {"Target": {"Attribute": "Properties", "Name": "ListenerArn"}, "Evaluation": "Dynamic"},
                {"Target": {"Attribute": "Tags"}, "Evaluation": "Static"},
            ],
        }  # fmt: skip
        nested = {"Action": "Modify", "LogicalResourceId": "ServiceWeb", "ResourceType": "AWS::CloudFormation::Stack", "ChangeSetId": "arn:nested"}  # fmt: skip
        return {
            "ChangeSetId": "arn:root" if name == "look" else name,
            "ChangeSetName": name, "StackName": "shop-dev", "Status": "CREATE_COMPLETE",
            "DeploymentMode": "REVERT_DRIFT", "Tags": [{"Key": "aws:x", "Value": "y"}],
            "Changes": [{"ResourceChange": nested if name == "look" else rule}],
        }  # fmt: skip

    stack = {"StackId": stack_id("shop-dev"), "StackName": "shop-dev", "StackStatus": "UPDATE_COMPLETE"}
    answers = {
        "describe_stacks": lambda **_: {"Stacks": [stack]},
        "list_stack_resources": lambda **_: {"StackResourceSummaries": []},
        "describe_change_set": described,
    }
    seen = read("shop-dev", "look", lambda _: Stubbed(None, answers)).change_set
    assert seen is not None
    assert (seen.id, seen.deployment_mode, seen.tags) == ("arn:root", "REVERT_DRIFT", {})
    assert seen.changes[0].change_set is not None
    assert seen.changes[0].change_set.changes == (
        Change(
            "Modify", "ProductionRule1", "AWS::ElasticLoadBalancingV2::ListenerRule", "arn:rule", "Conditional",
            ("Tags",), ("Properties.ListenerArn",),
        ),
    )  # fmt: skip


def test_the_tree_of_stacks_is_walked() -> None:
    """Nested stacks by their paths; a deployment group in whichever application; a rule that forwards to one group."""

    class DeploymentGroupDoesNotExistException(Exception):  # noqa: N818  (its name in boto3)
        pass

    below = {"shop-dev": ["Service"], stack_id("Service"): ["Deeper"], stack_id("Deeper"): []}

    def listed(**given: Any) -> Any:
        nested = [(name, stack_id(name), "AWS::CloudFormation::Stack") for name in below[given["StackName"]]]
        own = [
            ("Other", "other", "AWS::CodeDeploy::Application"),
            ("Application", "shop", "AWS::CodeDeploy::Application"),
            ("DeploymentGroup", "web", "AWS::CodeDeploy::DeploymentGroup"),
            ("Composed", "shop|api", "AWS::CodeDeploy::DeploymentGroup"),
            ("Gone", "gone", "AWS::CodeDeploy::DeploymentGroup"),
            ("Balancer", BALANCER, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
            ("Service", "arn:aws:ecs:eu-west-1:123456789012:service/old", "AWS::ECS::Service"),
            ("Unmade", "", "AWS::ECS::Service"),
        ]  # fmt: skip
        rows = nested or own
        return {"StackResourceSummaries": [dict(zip(("LogicalResourceId", "PhysicalResourceId", "ResourceType"), row, strict=True)) for row in rows]}  # fmt: skip

    def described(**given: Any) -> Any:
        status = {"StackStatus": "UPDATE_COMPLETE", "Parameters": [{"ParameterKey": "A", "ParameterValue": "b"}]}
        return {"Stacks": [{"StackId": given["StackName"], "StackName": given["StackName"], **status}]}

    def found(**given: Any) -> Any:
        if given["applicationName"] == "other" or given["deploymentGroupName"] == "gone":
            raise DeploymentGroupDoesNotExistException
        return {"deploymentGroupInfo": given}

    def rules(**_: Any) -> Any:
        forward = [{"Type": "forward", "TargetGroupArn": "arn:only"}]
        first = {"RuleArn": "arn:rule", "Priority": "3", "Actions": forward}
        return {"Rules": [first, {"RuleArn": "arn:default", "Priority": "default", "IsDefault": True}]}

    def services(**given: Any) -> Any:
        told = {
            "serviceArn": given["services"][0],
            "serviceName": "old",
            "clusterArn": f"arn:cluster/{given['cluster']}",
        }
        behind = {"loadBalancers": [{"targetGroupArn": "arn:only", "containerName": "old"}]}
        gone = {**told, "serviceArn": "arn:gone", "status": "INACTIVE"}
        return {"services": [{**told, "taskSets": [{"id": "1", "status": "PRIMARY", **behind}]}, gone]}

    answers = {
        "describe_stacks": described, "list_stack_resources": listed, "get_deployment_group": found,
        "exceptions": type("", (), {"DeploymentGroupDoesNotExistException": DeploymentGroupDoesNotExistException}),
        "describe_listeners": lambda **_: {"Listeners": [{"ListenerArn": "arn:listener", "Port": 80}]},
        "describe_rules": rules, "describe_services": services, "list_deployments": lambda **_: {"deployments": []},
    }  # fmt: skip
    state = read("shop-dev", client=lambda _: Stubbed(None, answers))
    assert [(each.path, each.parameters) for each in state.stacks] == [("", {"A": "b"}), ("Service", {}), ("Service/Deeper", {})]  # fmt: skip
    assert [(each.application, each.name) for each in state.deployment_groups] == [("shop", "web"), ("shop", "api")]
    assert state.rules == (Rule("arn:rule", "arn:listener", 3, "forward", {"arn:only": 1}),)
    assert [(each.cluster, each.container) for each in state.services] == [("default", "old")]
    gone = [each.place for each in preflight(state).findings if each.id == "P12"]
    assert gone == ["Service/Deeper/Gone"]


def test_credentials_that_are_not_accepted() -> None:
    def expired(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}, "DescribeStacks")

    with pytest.raises(CfngenError, match=r"does not accept the credentials \(The token has expired\); give them by"):
        read("shop-dev", client=lambda _: Stubbed(None, {"describe_stacks": expired}))


# What is denied


def denied(operation: str) -> Callable[..., Any]:
    def refused(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "not authorized"}}, operation)

    return refused


STACK = {"StackId": stack_id("shop-dev"), "StackName": "shop-dev", "StackStatus": "UPDATE_COMPLETE"}


def small(**answers: Any) -> Client:
    """A root with one nested stack, in which there is nothing."""
    nested = {"LogicalResourceId": "Watch", "PhysicalResourceId": stack_id("Watch"), "ResourceType": "AWS::CloudFormation::Stack"}  # fmt: skip
    told = {
        "describe_stacks": lambda **given: {"Stacks": [STACK | {"StackId": given["StackName"], "Parameters": [{"ParameterKey": "TestCidr", "ParameterValue": "x"}]}]},
        "list_stack_resources": lambda **given: {"StackResourceSummaries": [nested] if given["StackName"] == "shop-dev" else []},
    }  # fmt: skip
    return lambda _: Stubbed(None, {**told, **answers})


def test_a_root_that_nobody_may_see() -> None:
    for name, operation in (("describe_stacks", "DescribeStacks"), ("list_stack_resources", "ListStackResources")):
        with pytest.raises(CfngenError, match="without cloudformation:DescribeStacks and cloudformation:ListStackResources of the root there is no answer"):  # fmt: skip
            read("shop-dev", client=small(**{name: denied(operation)}))


def test_a_nested_stack_that_nobody_may_see() -> None:
    def described(**given: Any) -> Any:
        return {"Stacks": [STACK]} if given["StackName"] == "shop-dev" else denied("DescribeStacks")()

    state = read("shop-dev", client=small(describe_stacks=described))
    assert [each.path for each in state.stacks] == [""]
    (found,) = preflight(state).findings
    assert (found.id, found.level, found.place) == ("P12", "warning", "stacks")
    assert found.seen.endswith("not authorized; it takes the permission cloudformation:DescribeStacks, cloudformation:ListStackResources")  # fmt: skip


def test_a_change_set_that_nobody_may_see() -> None:
    state = read("shop-dev", "look", small(describe_change_set=denied("DescribeChangeSet")))
    assert state.change_set is None
    assert [(each.id, each.place) for each in preflight(state).findings] == [("P12", "change sets")]


def test_a_nested_change_set_that_nobody_may_see() -> None:
    change = {"Action": "Modify", "LogicalResourceId": "Watch", "ResourceType": "AWS::CloudFormation::Stack", "ChangeSetId": "arn:nested"}  # fmt: skip

    def described(**given: Any) -> Any:
        if given["ChangeSetName"] == "arn:nested":
            denied("DescribeChangeSet")()
        told = {"ChangeSetId": "arn:root", "ChangeSetName": "look", "Status": "CREATE_COMPLETE"}
        return told | {"Changes": [{"ResourceChange": change}]}

    state = read("shop-dev", "look", small(describe_change_set=described))
    assert [(each.id, each.place) for each in preflight(state).findings] == [("P12", "change sets")]


def test_parameters_that_keep_their_value() -> None:
    """They may be told without it."""
    given = [{"ParameterKey": "TestCidr", "UsePreviousValue": True}, {"ParameterKey": "New", "ParameterValue": "y"}]
    told = {"ChangeSetId": "arn:root", "ChangeSetName": "look", "Status": "FAILED", "StatusReason": "no\n  way", "Parameters": given}  # fmt: skip
    seen = read("shop-dev", "look", small(describe_change_set=lambda **_: told)).change_set
    assert seen is not None
    assert (seen.parameters, seen.reason) == ({"TestCidr": "x", "New": "y"}, "no way")


# Answers of several pages


def stubbers(names: Iterable[str]) -> dict[str, Stubber]:
    """Real clients that ask nobody."""
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-west-1"}
    made = {name: Stubber(boto3.client(name, **keys)) for name in names}
    for each in made.values():
        each.activate()
    return made


def test_every_page_is_read() -> None:
    """With botocore's own paginators, which check that an answer is one that AWS could give."""
    stub = stubbers(["cloudformation", "cloudwatch", "codedeploy", "ecs", "elbv2"])
    services = [f"arn:aws:ecs:eu-west-1:123456789012:service/shop/{number}" for number in range(12)]
    rows = [
        ("Balancer", BALANCER, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        ("First", "arn:group/1", "AWS::ElasticLoadBalancingV2::TargetGroup"),
        ("Second", "arn:group/2", "AWS::ElasticLoadBalancingV2::TargetGroup"),
        ("DeploymentGroup", "shop|web", "AWS::CodeDeploy::DeploymentGroup"),
        *((f"Service{number}", name, "AWS::ECS::Service") for number, name in enumerate(services)),
    ]
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    same = {"LastUpdatedTimestamp": now, "ResourceStatus": "CREATE_COMPLETE"}
    resources = [dict(zip(("LogicalResourceId", "PhysicalResourceId", "ResourceType"), row, strict=True)) | same for row in rows]  # fmt: skip

    def pages(service: str, operation: str, key: str, given: Mapping[str, Any], tokens: tuple[str, str], *answers: list[Any], **more: Any) -> None:  # fmt: skip
        sent, told = tokens
        for number, items in enumerate(answers):
            ask = {**given, **({sent: f"page{number}"} if number else {})}
            following = {told: f"page{number + 1}"} if number + 1 < len(answers) else {}
            stub[service].add_response(operation, {key: items, **more, **following}, ask)

    stub["cloudformation"].add_response("describe_stacks", {"Stacks": [STACK | {"CreationTime": now}]}, {"StackName": "shop-dev"})  # fmt: skip
    pages("cloudformation", "list_stack_resources", "StackResourceSummaries", {"StackName": "shop-dev"}, ("NextToken", "NextToken"), resources[:5], resources[5:])  # fmt: skip
    alarms = {"enabled": True, "alarms": [{"name": "one"}, {"name": "two"}]}
    info = {"applicationName": "shop", "deploymentGroupName": "web", "alarmConfiguration": alarms}
    stub["codedeploy"].add_response("get_deployment_group", {"deploymentGroupInfo": info})
    group = ({"applicationName": "shop", "deploymentGroupName": "web", "includeOnlyStatuses": list(IN_FLIGHT)}, ("nextToken", "nextToken"))  # fmt: skip
    pages("codedeploy", "list_deployments", "deployments", *group, ["d-1"], ["d-2"])
    both = [{"deploymentId": name, "status": "InProgress"} for name in ("d-1", "d-2")]
    stub["codedeploy"].add_response("batch_get_deployments", {"deploymentsInfo": both}, {"deploymentIds": ["d-1", "d-2"]})  # fmt: skip
    groups = [{"TargetGroupArn": f"arn:group/{number}", "TargetGroupName": f"g{number}"} for number in (1, 2)]
    marks = ("Marker", "NextMarker")
    pages("elbv2", "describe_target_groups", "TargetGroups", {}, marks, groups[:1], groups[1:])
    for each in groups:
        targets = [{"TargetHealth": {"State": "healthy"}}, {"Target": {"Id": "10.0.0.1"}}]
        stub["elbv2"].add_response("describe_target_health", {"TargetHealthDescriptions": targets}, {"TargetGroupArn": each["TargetGroupArn"]})  # fmt: skip
    ports = [{"ListenerArn": f"arn:listener/{port}", "Port": port} for port in (80, 443)]
    pages("elbv2", "describe_listeners", "Listeners", {"LoadBalancerArn": BALANCER}, marks, ports[:1], ports[1:])
    for port in (80, 443):
        rules = [{"RuleArn": f"arn:rule/{port}/{number}", "Priority": str(number)} for number in (1, 2, 3)]
        pages("elbv2", "describe_rules", "Rules", {"ListenerArn": f"arn:listener/{port}"}, marks, rules[:1], rules[1:2], rules[2:])  # fmt: skip
    for few in (services[:10], services[10:]):
        told = [{"serviceArn": each, "serviceName": each[-1], "clusterArn": "arn:cluster/shop"} for each in few]
        stub["ecs"].add_response("describe_services", {"services": told}, {"cluster": "shop", "services": few})
    states = [{"AlarmName": name, "StateValue": "OK"} for name in ("one", "two")]
    wanted = {"AlarmNames": ["one", "two"], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"]}
    pages("cloudwatch", "describe_alarms", "MetricAlarms", wanted, ("NextToken", "NextToken"), states[:1], states[1:])
    changes = [{"Type": "Resource", "ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": "AWS::SNS::Topic"}} for name in ("A", "B")]  # fmt: skip
    pages(
        "cloudformation", "describe_change_set", "Changes", {"ChangeSetName": "look", "StackName": "shop-dev"},
        ("NextToken", "NextToken"), changes[:1], changes[1:], ChangeSetId="arn:aws:cloudformation:look", ChangeSetName="look", Status="CREATE_COMPLETE",
    )  # fmt: skip

    state = read("shop-dev", "look", lambda name: stub[name].client)

    for each in stub.values():
        each.assert_no_pending_responses()
    assert state.unread == ()
    assert len(state.root.resources) == len(rows)
    assert [each.name for each in state.target_groups] == ["g1", "g2"]
    assert {tuple(each.health.items()) for each in state.target_groups} == {(("healthy", 1), ("unknown", 1))}
    assert [(each.port) for each in state.listeners] == [80, 443]
    assert [each.priority for each in state.rules] == [1, 2, 3, 1, 2, 3]
    assert len(state.services) == len(services)
    assert [each.id for each in state.deployments] == ["d-1", "d-2"]
    assert [each.name for each in state.alarms] == ["one", "two"]
    assert state.change_set is not None
    assert [each.logical_id for each in state.change_set.changes] == ["A", "B"]
