"""What the local AWS and its services refuse, and in which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from deployed_types import Deployed, engine, snapshots
from zoo import att, balanced, policy, ref, with_properties, zoo

from cfngen.local.provider import LocalProvider, Services
from cfngen.semantics.template import Template
from cfngen.semantics.update import Event, Outcome, RefusedError, Resource

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


def refused(
    provider: LocalProvider, kind: str, properties: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> str:
    resource = Resource("s/R", kind, "known" if old else "", properties, properties)
    try:
        if old is None:
            provider.create(resource)
        else:
            provider.update(resource, replace(resource, properties=old))
    except RefusedError as error:
        return str(error)
    return "nothing was refused"


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("AWS::EC2::NetworkAcl", {}, "AWS::EC2::NetworkAcl is not supported by the local AWS"),
        (
            "AWS::SNS::Topic",
            {"Colour": 1},
            "failed for resource R with message: [#: extraneous key [Colour] is not permitted]",
        ),
        ("AWS::SNS::Subscription", {"Protocol": "sqs"}, "#: required key [TopicArn] not found"),
        (
            "AWS::SNS::Topic",
            {"DataProtectionPolicy": {}},
            "AWS::SNS::Topic: property DataProtectionPolicy has no place",
        ),
        (
            "AWS::EC2::VPC",
            {"CidrBlock": "10.0.0.0/16", "VpcEncryptionControl": {"Mod": "monitor"}},
            "VpcEncryptionControl",
        ),
        ("AWS::Logs::LogGroup", {"FieldIndexPolicies": []}, "FieldIndexPolicies has no place in logs CreateLogGroup"),
        (
            "AWS::ECS::Cluster",
            {"ClusterSettings": [{"Nam": "x"}]},
            "ClusterSettings[0].Nam has no place in ecs CreateCluster",
        ),
        ("AWS::Logs::LogGroup", {"RetentionInDays": "soon"}, "RetentionInDays: expected a number, found 'soon'"),
        (
            "AWS::EC2::VPC",
            {"CidrBlock": "10.0.0.0/8"},
            "(Service: ec2; Status Code: 400; Error Code: InvalidVpc.Range)",
        ),
        (
            "AWS::EC2::SecurityGroup",
            {"GroupDescription": "g", "SecurityGroupIngress": [{"IpProtocol": "tcp", "Colour": 1}]},
            "Colour of a rule has no place",
        ),
    ],
)
def test_what_has_no_place_is_refused_by_name(
    provider: LocalProvider, kind: str, properties: dict[str, Any], words: str
) -> None:
    assert words in refused(provider, kind, properties)


@pytest.mark.parametrize(
    ("kind", "old", "new", "words"),
    [
        (
            "AWS::EC2::VPC",
            {"CidrBlock": "10.0.0.0/16"},
            {"CidrBlock": "10.0.0.0/16", "InstanceTenancy": "dedicated"},
            "InstanceTenancy",
        ),
        ("AWS::RDS::DBInstance", {"Engine": "mysql"}, {"Engine": "mariadb"}, "no operation changes Engine here"),
        (
            "AWS::RDS::DBInstance",
            {"Engine": "mysql", "MaxAllocatedStorage": 500},
            {"Engine": "mysql"},
            "no operation takes MaxAllocatedStorage away here",
        ),
    ],
)
def test_what_no_operation_changes_is_refused_by_name(
    provider: LocalProvider, kind: str, old: dict[str, Any], new: dict[str, Any], words: str
) -> None:
    assert words in refused(provider, kind, new, old)


def test_a_service_under_codedeploy_takes_few_changes(provider: LocalProvider) -> None:
    deployed = Deployed(provider, balanced(), "balanced")

    def outcome(service: dict[str, Any], **more: Any) -> Outcome:
        return engine(provider).update(deployed.stack, Template(balanced(Service=service, **more)), {})

    # A new revision of the task definition, another subnet, another target group: CodeDeploy's business (A2).
    revision = outcome(with_properties("Service"), Tasks=with_properties("Tasks", Cpu="512", Memory="1024"))
    assert revision.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "Unable to update task definition on services with a CODE_DEPLOY deployment controller" in revision.reason
    network = {"AwsvpcConfiguration": {"Subnets": [ref("SubnetB")], "SecurityGroups": [ref("Group")]}}
    assert (
        "Unable to update network parameters"
        in outcome(with_properties("Service", NetworkConfiguration=network)).reason
    )
    green = [{"ContainerName": "web", "ContainerPort": 80, "TargetGroupArn": ref("Green")}]
    assert "Unable to update load balancers" in outcome(with_properties("Service", LoadBalancers=green)).reason
    assert outcome(with_properties("Service", DesiredCount=2)).status == "UPDATE_COMPLETE"

    # After a release the live task definition is another one, and no change of the service is taken (A3.3).
    live = deployed.stack.resources["Service"]
    released = provider.create(
        Resource(
            "s/Released", "AWS::ECS::TaskDefinition", "", {**deployed.stack.resources["Tasks"].properties, "Cpu": "512"}
        )
    )
    arguments = {"cluster": live.properties["Cluster"], "service": live.physical, "taskDefinition": released}
    provider.services.through("ecs", "UpdateService", arguments)
    failed = outcome(with_properties("Service", DesiredCount=5))
    assert failed.status == "UPDATE_ROLLBACK_FAILED"
    assert "Unable to update task definition" in failed.reason


def test_what_the_balancer_refuses(provider: LocalProvider) -> None:
    # A target group that no listener sends to (A6.10).
    alone = engine(provider).create(
        "alone", Template(balanced(Rule=None, Service={**with_properties("Service"), "DependsOn": []})), {}
    )
    assert alone.status == "ROLLBACK_COMPLETE"
    assert "does not have an associated load balancer" in alone.reason
    assert alone.left == ()

    # A priority that another rule has.
    again = {**with_properties("Rule"), "DependsOn": "Rule"}
    twice = engine(provider).create("twice", Template(balanced(Again=again, Service=None)), {})
    assert "Error Code: PriorityInUse" in twice.reason
    assert twice.left == ()


def test_a_bucket_with_something_in_it_stays(provider: LocalProvider) -> None:
    body = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}
    deployed = Deployed(provider, body, "full")
    bucket = deployed.stack.resources["Bucket"].physical
    provider.services.call("s3", "PutObject", {"Bucket": bucket, "Key": "k", "Body": b"v"})
    events: list[Event] = []
    outcome = engine(provider, events=events).delete(deployed.stack)
    assert outcome.status == "DELETE_FAILED"
    assert "BucketNotEmpty" in events[0].reason


def test_a_database_leaves_a_last_snapshot(provider: LocalProvider) -> None:
    properties = {
        "Engine": "mysql",
        "DBInstanceClass": "db.t4g.micro",
        "AllocatedStorage": "20",
        "MasterUsername": "admin",
    }
    body = {"Type": "AWS::RDS::DBInstance", "Properties": {**properties, "ManageMasterUserPassword": True}}
    deployed = Deployed(provider, {"Resources": {"Db": {**body, "DeletionPolicy": "Snapshot"}}}, "snapped")
    instance = deployed.stack.resources["Db"]
    assert deployed.delete().is_good
    assert [each["DBInstanceIdentifier"] for each in snapshots(provider)].count(instance.physical) == 1
    assert not provider.is_there(instance)


def test_ordered_queues_and_functions_of_node(provider: LocalProvider) -> None:
    code = {"ZipFile": "exports.handler = async () => 1"}
    function = {"Code": code, "Handler": "index.handler", "Runtime": "nodejs22.x", "Role": att("Role", "Arn")}
    body = {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"FifoQueue": True}},
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": policy("lambda")}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    deployed = Deployed(provider, {"Resources": body}, "ordered")
    assert deployed.stack.resources["Queue"].physical.endswith(".fifo")
    assert deployed.stack.resources["Topic"].physical.endswith(".fifo")
    assert deployed.delete().is_good


def test_a_deployment_group_wants_a_service_of_codedeploy(provider: LocalProvider) -> None:
    names = ("Deploy", "Role", "DeployGroup")
    resources = {name: zoo()["Resources"][name] for name in names}
    resources["DeployGroup"] = with_properties(
        "DeployGroup",
        ECSServices=[{"ClusterName": "no", "ServiceName": "no"}],
        DeploymentConfigName="CodeDeployDefault.ECSAllAtOnce",
    )
    outcome = engine(provider).create("lonely", Template({"Resources": resources}), {})
    assert outcome.status == "ROLLBACK_COMPLETE"
    assert "ClusterNotFoundException" in outcome.reason or "InvalidECSServiceException" in outcome.reason


def test_a_group_of_schedules_that_is_gone_is_told_as_such(services: Services, provider: LocalProvider) -> None:
    services.call("scheduler", "CreateScheduleGroup", {"Name": "nightly"})
    group = Resource("s/Group", "AWS::Scheduler::ScheduleGroup", "nightly")
    provider.delete(group)
    provider.delete(group)
    assert not provider.is_there(group)
