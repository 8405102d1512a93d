"""The resource types of the local AWS: what is made, changed, given back and refused, asked of the services' own calls.

One moto server serves all tests of a worker; each test has names of its own by the name of its stack.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfngen.local.provider import ACCOUNT, LocalProvider, Services
from cfngen.local.types import TYPES
from cfngen.local.types.entry import Context, Read, given
from cfngen.semantics.replacement import create_only
from cfngen.semantics.template import Template, TemplateError, read_template
from cfngen.semantics.update import Engine, Event, Outcome, RefusedError, Resource, StackState

TEMPLATES = Path(__file__).parent.parent / "templates" / "coffee"
REGION = "eu-west-1"
PSEUDO = {"AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com"}

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # else managed policies attach to nothing
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield f"http://localhost:{server.get_host_and_port()[1]}"
    server.stop()


@pytest.fixture(scope="session")
def services(endpoint: str) -> Services:
    return Services(endpoint, REGION)


@pytest.fixture(scope="session")
def provider(services: Services) -> LocalProvider:
    return LocalProvider(services)


@pytest.fixture(scope="session")
def certificate(services: Services) -> str:
    return str(services.call("acm", "RequestCertificate", {"DomainName": "coffee.example"})["CertificateArn"])


def engine(
    provider: LocalProvider, children: Mapping[str, Template] | None = None, events: list[Event] | None = None
) -> Engine:
    heard = events if events is not None else list[Event]()
    return Engine(provider, lambda url: (children or {})[url], PSEUDO, observe=heard.append)


def coffee(stage: str) -> dict[str, Template]:
    return {file.name: read_template(file.read_text()) for file in (TEMPLATES / stage).glob("*.yaml")}


def writes(events: list[Event]) -> list[Event]:
    return [each for each in events if each.resource.kind in TYPES]


def parameters(root: Template, certificate: str) -> dict[str, str]:
    known = {"CertificateArn": certificate, "SourceRepositoryName": "coffee"}
    return {name: value for name, value in known.items() if name in root.section("Parameters")}


class Deployed:
    """A stack that stands, and how it was made."""

    def __init__(self, provider: LocalProvider, body: Mapping[str, Any], name: str) -> None:
        self.provider = provider
        self.name = name
        self.stack = self._good(engine(provider).create(name, Template(body), {}))

    def _good(self, outcome: Outcome) -> StackState:
        assert outcome.is_good, outcome.reason
        assert not outcome.left
        assert outcome.stack
        return outcome.stack

    def update(self, body: Mapping[str, Any]) -> None:
        self.stack = self._good(engine(self.provider).update(self.stack, Template(body), {}))

    def told(self, name: str) -> set[str]:
        return told(self.provider, self.stack.resources[name])

    def delete(self) -> Outcome:
        return engine(self.provider).delete(self.stack)


# What of a property can be seen


def parsed(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def leaves(value: Any, *, keys: bool = False) -> Iterator[str]:
    """Every value in a value, as text; a document in a string is looked into. Tags may be keys of a map: `keys`."""
    value = parsed(value)
    if isinstance(value, Mapping):
        for key, part in value.items():
            if keys:
                yield key
            yield from leaves(part, keys=keys)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, keys=keys)
    elif isinstance(value, bool):
        yield str(value).lower()
    elif isinstance(value, (int, float)) or (isinstance(value, str) and value.replace(".", "", 1).isdigit()):
        yield f"{float(value):g}" if float(value) < 10**5 else str(int(float(value)))
    else:
        yield str(value)


def told(provider: LocalProvider, resource: Resource) -> set[str]:
    """What the services tell of a resource, and by which keys it was found."""
    found = set(leaves(provider.described(resource), keys=True))
    kind = TYPES[resource.kind]
    folded = replace(resource, properties=kind.folded(resource.properties)) if kind.folded else resource
    context = Context(provider.services, kind.service, folded)
    for read in kind.reads:
        if isinstance(read, Read):
            found |= set(leaves([given(value, context) for value in read.given.values()]))
    return found


def unseen(provider: LocalProvider, resource: Resource) -> list[str]:
    """What stands in a resource's properties and is told by no describe call."""
    kind, there = TYPES[resource.kind], told(provider, resource)
    properties = kind.folded(resource.properties) if kind.folded else resource.properties
    return [
        f"{resource.place}: {name}: {leaf}"
        for name, value in properties.items()
        if name not in kind.dropped and name not in kind.unseen
        for leaf in leaves(value)
        if leaf not in there
    ]


# The coffee application


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_coffee_stands_and_every_property_is_told(stage: str, endpoint: str, certificate: str) -> None:
    provider = LocalProvider(Services(endpoint, REGION), seed=stage)
    templates, events = coffee(stage), list[Event]()
    outcome = engine(provider, templates, events).create(
        f"coffee-{stage}", templates["coffee.yaml"], parameters(templates["coffee.yaml"], certificate)
    )
    assert outcome.status == "CREATE_COMPLETE", outcome.reason
    assert outcome.stack
    made = [each for each in outcome.stack.walk() if each.kind in TYPES]
    assert len(made) > 100
    assert [line for each in made for line in unseen(provider, each)] == []

    # Again, with nothing changed: nothing is written.
    events.clear()
    again = engine(provider, templates, events).update(outcome.stack, templates["coffee.yaml"], {})
    assert (again.status, writes(events)) == ("UPDATE_COMPLETE", [])

    if stage == "dev":
        fail_deep_inside(provider, templates, outcome.stack)

    # What protects itself stays; prod has a database and a balancer that do.
    events.clear()
    gone = engine(provider, templates, events).delete(outcome.stack)
    refused = {each.resource.kind: each.reason for each in writes(events) if each.reason}
    if stage == "prod":
        assert gone.status == "DELETE_FAILED"
        assert "deletion protection is enabled" in refused["AWS::ElasticLoadBalancingV2::LoadBalancer"]
        assert "Cannot delete protected DB Instance" in refused["AWS::RDS::DBInstance"]
        assert not any("coffee-prod" in each["DBInstanceIdentifier"] for each in snapshots(provider))
    else:
        assert gone.status == "DELETE_COMPLETE", refused
        retained = {each.resource.place for each in events if each.action == "retain"}
        assert {each.place for each in made if stands(provider, each)} == retained


def fail_deep_inside(provider: LocalProvider, templates: dict[str, Template], stack: StackState) -> None:
    """A child's resource cannot be made after others of the tree have changed: all have their old values again."""
    before = {each.place: timeless(told(provider, each)) for each in stack.walk() if each.kind in TYPES}

    def edited(file: str, edit: Any) -> Template:
        body = json.loads(json.dumps(templates[file].body))
        edit(body["Resources"])
        return Template(body)

    def network(resources: dict[str, Any]) -> None:
        resources["Vpc"]["Properties"]["Tags"] = tagged("changed")

    def service(resources: dict[str, Any]) -> None:
        resources["BlueTargetGroup"]["Properties"]["HealthCheckPath"] = "/changed"
        resources["LogGroup"]["Properties"]["RetentionInDays"] = 3
        resources["More"] = {"Type": "AWS::SQS::Queue"}

    def pipe(resources: dict[str, Any]) -> None:
        resources["Bad"] = {"Type": "AWS::Nobody::Knows", "DependsOn": "Pipeline"}

    changed = {
        **templates,
        "network.yaml": edited("network.yaml", network),
        "service-customer.yaml": edited("service-customer.yaml", service),
        "pipeline-customer.yaml": edited("pipeline-customer.yaml", pipe),
    }
    events: list[Event] = []
    outcome = engine(provider, changed, events).update(stack, templates["coffee.yaml"], {})
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert "AWS::Nobody::Knows is not supported" in outcome.reason
    written = {each.action for each in writes(events)}
    assert {"update", "create", "restore", "delete"} <= written
    after = {each.place: timeless(told(provider, each)) for each in stack.walk() if each.kind in TYPES}
    assert {place: before[place] ^ after[place] for place in before if before[place] != after[place]} == {}


def timeless(found: set[str]) -> set[str]:
    """What the services tell, without the times."""
    return {each for each in found if not re.match(r"\d{4}-\d\d-\d\d", each)}


def snapshots(provider: LocalProvider) -> list[dict[str, Any]]:
    """Those that somebody asked for."""
    return list(provider.services.call("rds", "DescribeDBSnapshots", {"SnapshotType": "manual"})["DBSnapshots"])


ENDED = {"INACTIVE", "deleted", "PendingDeletion", "DELETING"}
"""What a service says of something that it still lists, but that is gone."""


def stands(provider: LocalProvider, resource: Resource) -> bool:
    """Whether the service still has a resource, and does not say that it has ended."""
    if not provider.is_there(resource):
        return False
    if resource.kind.startswith(("AWS::ECS", "AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint", "AWS::KMS::Key")):
        first = provider.described(resource)[0]
        if resource.kind == "AWS::ECS::TaskDefinition":
            first = first["taskDefinition"]
        return not {first.get("status"), first.get("State"), first.get("KeyState")} & ENDED
    return True


# Every type that can change: what one property does, and what a rollback of all of it restores


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def att(name: str, attribute: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, attribute]}


def tagged(value: str) -> list[dict[str, str]]:
    return [{"Key": "Stage", "Value": value}]


def policy(service: str, action: str = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Principal": {"Service": f"{service}.amazonaws.com"}, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


def allowed(action: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def forward(blue: int) -> list[dict[str, Any]]:
    groups = [{"TargetGroupArn": ref("Blue"), "Weight": blue}, {"TargetGroupArn": ref("Green"), "Weight": 100 - blue}]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


def subnet(number: int) -> dict[str, Any]:
    block, zone = f"10.1.{number}.0/24", f"{REGION}{'ab'[number]}"
    return {"VpcId": ref("Vpc"), "CidrBlock": block, "AvailabilityZone": zone, "MapPublicIpOnLaunch": False}


def group(**more: Any) -> dict[str, Any]:
    return {"VpcId": ref("Vpc"), "Port": 80, "Protocol": "HTTP", "TargetType": "ip", **more}


def pipeline(repository: str) -> list[dict[str, Any]]:
    def action(category: str, provider: str, configuration: dict[str, Any], **more: Any) -> dict[str, Any]:
        kind = {"Category": category, "Owner": "AWS", "Provider": provider, "Version": "1"}
        return {"Name": category, "ActionTypeId": kind, "Configuration": configuration, **more}

    source = action(
        "Source", "CodeCommit", {"RepositoryName": repository, "BranchName": "main"}, OutputArtifacts=[{"Name": "S"}]
    )
    build = action("Build", "CodeBuild", {"ProjectName": ref("Project")}, InputArtifacts=[{"Name": "S"}])
    return [{"Name": "Source", "Actions": [source]}, {"Name": "Build", "Actions": [build]}]


ZOO: Mapping[str, tuple[str, dict[str, Any]]] = {
    "Vpc": ("EC2::VPC", {"CidrBlock": "10.1.0.0/16", "EnableDnsHostnames": False, "Tags": tagged("one")}),
    "SubnetA": ("EC2::Subnet", subnet(0)),
    "SubnetB": ("EC2::Subnet", subnet(1)),
    "Gateway": ("EC2::InternetGateway", {"Tags": tagged("one")}),
    "Attachment": ("EC2::VPCGatewayAttachment", {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")}),
    "Address": ("EC2::EIP", {"Domain": "vpc", "Tags": tagged("one")}),
    "Nat": (
        "EC2::NatGateway",
        {"AllocationId": att("Address", "AllocationId"), "SubnetId": ref("SubnetA"), "Tags": tagged("one")},
    ),
    "Table": ("EC2::RouteTable", {"VpcId": ref("Vpc"), "Tags": tagged("one")}),
    "OtherTable": ("EC2::RouteTable", {"VpcId": ref("Vpc")}),
    "Route": (
        "EC2::Route",
        {"RouteTableId": ref("Table"), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": ref("Gateway")},
    ),
    "Association": ("EC2::SubnetRouteTableAssociation", {"RouteTableId": ref("Table"), "SubnetId": ref("SubnetA")}),
    "Endpoint": (
        "EC2::VPCEndpoint",
        {
            "VpcId": ref("Vpc"),
            "ServiceName": f"com.amazonaws.{REGION}.s3",
            "VpcEndpointType": "Gateway",
            "RouteTableIds": [ref("Table")],
        },
    ),
    "FlowLog": (
        "EC2::FlowLog",
        {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": att("Bucket", "Arn"),
            "Tags": tagged("one"),
        },
    ),
    "Group": (
        "EC2::SecurityGroup",
        {
            "GroupDescription": "g",
            "VpcId": ref("Vpc"),
            "SecurityGroupEgress": [{"IpProtocol": "-1", "CidrIp": "127.0.0.1/32", "Description": "nowhere"}],
        },
    ),
    "Ingress": (
        "EC2::SecurityGroupIngress",
        {
            "GroupId": ref("Group"),
            "IpProtocol": "tcp",
            "FromPort": 80,
            "ToPort": 80,
            "CidrIp": "0.0.0.0/0",
            "Description": "all",
        },
    ),
    "Egress": (
        "EC2::SecurityGroupEgress",
        {
            "GroupId": ref("Group"),
            "IpProtocol": "tcp",
            "FromPort": 81,
            "ToPort": 81,
            "DestinationSecurityGroupId": ref("Group"),
            "Description": "own",
        },
    ),
    "Balancer": (
        "ElasticLoadBalancingV2::LoadBalancer",
        {
            "Subnets": [ref("SubnetA"), ref("SubnetB")],
            "SecurityGroups": [ref("Group")],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "61"}],
        },
    ),
    "Blue": (
        "ElasticLoadBalancingV2::TargetGroup",
        group(
            HealthCheckPath="/one",
            TargetGroupAttributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "31"}],
        ),
    ),
    "Green": ("ElasticLoadBalancingV2::TargetGroup", group()),
    "Listener": (
        "ElasticLoadBalancingV2::Listener",
        {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
        },
    ),
    "Rule": (
        "ElasticLoadBalancingV2::ListenerRule",
        {
            "ListenerArn": ref("Listener"),
            "Priority": 17,
            "Conditions": [{"Field": "path-pattern", "Values": ["/one"]}],
            "Actions": forward(91),
        },
    ),
    "Cluster": (
        "ECS::Cluster",
        {
            "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}],
            "CapacityProviders": ["FARGATE"],
            "Tags": tagged("one"),
        },
    ),
    "Tasks": (
        "ECS::TaskDefinition",
        {
            "Family": "zoo",
            "RequiresCompatibilities": ["FARGATE"],
            "NetworkMode": "awsvpc",
            "Cpu": "256",
            "Memory": "512",
            "ContainerDefinitions": [{"Name": "web", "Image": "web:1", "PortMappings": [{"ContainerPort": 80}]}],
            "Tags": tagged("one"),
        },
    ),
    "Service": (
        "ECS::Service",
        {
            "Cluster": ref("Cluster"),
            "TaskDefinition": ref("Tasks"),
            "DesiredCount": 1,
            "DeploymentController": {"Type": "CODE_DEPLOY"},
            "HealthCheckGracePeriodSeconds": 61,
            "LoadBalancers": [{"ContainerName": "web", "ContainerPort": 80, "TargetGroupArn": ref("Blue")}],
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {"Subnets": [ref("SubnetA")], "SecurityGroups": [ref("Group")]}
            },
        },
    ),
    "Scaled": (
        "ApplicationAutoScaling::ScalableTarget",
        {
            "ServiceNamespace": "ecs",
            "ScalableDimension": "ecs:service:DesiredCount",
            "ResourceId": {"Fn::Join": ["/", ["service", ref("Cluster"), att("Service", "Name")]]},
            "MinCapacity": 2,
            "MaxCapacity": 7,
            "ScheduledActions": [
                {
                    "ScheduledActionName": "night",
                    "Schedule": "cron(0 1 * * ? *)",
                    "ScalableTargetAction": {"MinCapacity": 1},
                }
            ],
        },
    ),
    "Scaling": (
        "ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyName": "cpu",
            "PolicyType": "TargetTrackingScaling",
            "ScalingTargetId": ref("Scaled"),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": 61,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        },
    ),
    "Deploy": ("CodeDeploy::Application", {"ComputePlatform": "ECS", "Tags": tagged("one")}),
    "DeployConfig": (
        "CodeDeploy::DeploymentConfig",
        {
            "ComputePlatform": "ECS",
            "TrafficRoutingConfig": {
                "Type": "TimeBasedLinear",
                "TimeBasedLinear": {"LinearPercentage": 20, "LinearInterval": 2},
            },
        },
    ),
    "DeployGroup": (
        "CodeDeploy::DeploymentGroup",
        {
            "ApplicationName": ref("Deploy"),
            "ServiceRoleArn": att("Role", "Arn"),
            "DeploymentConfigName": ref("DeployConfig"),
            "DeploymentStyle": {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"},
            "ECSServices": [{"ClusterName": ref("Cluster"), "ServiceName": att("Service", "Name")}],
        },
    ),
    "Role": (
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": policy("codepipeline"),
            "Description": "one",
            "ManagedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
            "Policies": [{"PolicyName": "p", "PolicyDocument": allowed("s3:GetObject")}],
            "Tags": tagged("one"),
        },
    ),
    "Policy": (
        "IAM::Policy",
        {"PolicyName": "apart", "PolicyDocument": allowed("s3:PutObject"), "Roles": [ref("Role")]},
    ),
    "Managed": ("IAM::ManagedPolicy", {"PolicyDocument": allowed("s3:ListBucket"), "Roles": [ref("Role")]}),
    "Key": (
        "KMS::Key",
        {
            "KeyPolicy": policy("logs", "kms:*", Resource="*"),
            "Description": "one",
            "EnableKeyRotation": True,
            "PendingWindowInDays": 7,
            "Tags": tagged("one"),
        },
    ),
    "Alias": ("KMS::Alias", {"AliasName": "alias/zoo", "TargetKeyId": ref("Key")}),
    "OtherKey": ("KMS::Key", {"KeyPolicy": policy("logs", "kms:*", Resource="*")}),
    "Bucket": (
        "S3::Bucket",
        {
            "VersioningConfiguration": {"Status": "Enabled"},
            "LifecycleConfiguration": {"Rules": [{"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 31}]},
            "Tags": tagged("one"),
        },
    ),
    "BucketPolicy": (
        "S3::BucketPolicy",
        {
            "Bucket": ref("Bucket"),
            "PolicyDocument": policy("delivery.logs", "s3:GetBucketAcl", Resource=att("Bucket", "Arn")),
        },
    ),
    "Topic": ("SNS::Topic", {"DisplayName": "one", "Tags": tagged("one")}),
    "TopicPolicy": (
        "SNS::TopicPolicy",
        {"Topics": [ref("Topic")], "PolicyDocument": policy("events", "sns:Publish", Resource=ref("Topic"))},
    ),
    "Subscription": (
        "SNS::Subscription",
        {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": att("Queue", "Arn"), "RawMessageDelivery": True},
    ),
    "Queue": ("SQS::Queue", {"VisibilityTimeout": 31, "Tags": tagged("one")}),
    "QueuePolicy": (
        "SQS::QueuePolicy",
        {"Queues": [ref("Queue")], "PolicyDocument": policy("sns", "sqs:SendMessage", Resource=att("Queue", "Arn"))},
    ),
    "Secret": (
        "SecretsManager::Secret",
        {
            "Description": "one",
            "GenerateSecretString": {"SecretStringTemplate": '{"username": "u"}', "GenerateStringKey": "password"},
            "Tags": tagged("one"),
        },
    ),
    "Parameter": ("SSM::Parameter", {"Name": "/zoo", "Type": "String", "Value": "one", "Tags": {"Stage": "one"}}),
    "Repository": (
        "ECR::Repository",
        {"ImageTagMutability": "IMMUTABLE", "ImageScanningConfiguration": {"ScanOnPush": True}, "Tags": tagged("one")},
    ),
    "Logs": ("Logs::LogGroup", {"RetentionInDays": 30, "KmsKeyId": att("Key", "Arn"), "Tags": tagged("one")}),
    "Filter": (
        "Logs::MetricFilter",
        {
            "LogGroupName": ref("Logs"),
            "FilterPattern": "one",
            "MetricTransformations": [{"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}],
        },
    ),
    "Alarm": (
        "CloudWatch::Alarm",
        {
            "Namespace": "AWS/RDS",
            "MetricName": "CPUUtilization",
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 3,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 81,
            "Tags": tagged("one"),
        },
    ),
    "Composite": (
        "CloudWatch::CompositeAlarm",
        {"AlarmRule": {"Fn::Sub": 'ALARM("${Alarm}")'}, "AlarmDescription": "one", "Tags": tagged("one")},
    ),
    "Mute": (
        "CloudWatch::AlarmMuteRule",
        {
            "Rule": {"Schedule": {"Expression": "cron(0 1 * * *)", "Duration": "PT1H"}},
            "MuteTargets": {"AlarmNames": [ref("Composite")]},
            "Description": "one",
            "Tags": tagged("one"),
        },
    ),
    "Dashboard": (
        "CloudWatch::Dashboard",
        {"DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "one"}}]}', "Tags": tagged("one")},
    ),
    "Bus": ("Events::EventBus", {"Name": "zoo", "Description": "one", "Tags": tagged("one")}),
    "Event": (
        "Events::Rule",
        {
            "EventPattern": {"source": ["one"]},
            "Description": "one",
            "Targets": [{"Id": "t", "Arn": ref("Topic")}],
            "Tags": tagged("one"),
        },
    ),
    "Schedule": (
        "Scheduler::Schedule",
        {
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": "rate(1 hour)",
            "Target": {"Arn": ref("Topic"), "RoleArn": att("Role", "Arn")},
        },
    ),
    "Machine": (
        "StepFunctions::StateMachine",
        {
            "RoleArn": att("Role", "Arn"),
            "Definition": {"Comment": "one", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}},
            "Tags": tagged("one"),
        },
    ),
    "Function": (
        "Lambda::Function",
        {
            "Code": {"ZipFile": "def handler(*_): pass"},
            "Handler": "index.handler",
            "Runtime": "python3.12",
            "Role": att("Role", "Arn"),
            "MemorySize": 129,
            "Environment": {"Variables": {"A": "one"}},
            "Tags": tagged("one"),
        },
    ),
    "Permission": (
        "Lambda::Permission",
        {
            "FunctionName": ref("Function"),
            "Action": "lambda:InvokeFunction",
            "Principal": "events.amazonaws.com",
            "SourceArn": att("Event", "Arn"),
        },
    ),
    "Mapping": (
        "Lambda::EventSourceMapping",
        {"FunctionName": ref("Function"), "EventSourceArn": att("Queue", "Arn"), "BatchSize": 5},
    ),
    "Release": ("Lambda::Version", {"FunctionName": ref("Function"), "Description": "one"}),
    "Live": (
        "Lambda::Alias",
        {
            "FunctionName": ref("Function"),
            "Name": "live",
            "FunctionVersion": att("Release", "Version"),
            "Description": "one",
        },
    ),
    "Url": (
        "Lambda::Url",
        {"TargetFunctionArn": att("Function", "Arn"), "AuthType": "AWS_IAM", "Cors": {"MaxAge": 61}},
    ),
    "Source": (
        "CodeCommit::Repository",
        {"RepositoryName": "zoo", "RepositoryDescription": "one", "Tags": tagged("one")},
    ),
    "Project": (
        "CodeBuild::Project",
        {
            "ServiceRole": att("Role", "Arn"),
            "Source": {"Type": "CODEPIPELINE"},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "Environment": {"Type": "LINUX_CONTAINER", "Image": "i", "ComputeType": "BUILD_GENERAL1_SMALL"},
            "Description": "one",
            "Tags": tagged("one"),
        },
    ),
    "Pipeline": (
        "CodePipeline::Pipeline",
        {
            "RoleArn": att("Role", "Arn"),
            "ArtifactStore": {"Type": "S3", "Location": ref("Bucket")},
            "Stages": pipeline("one"),
            "Tags": tagged("one"),
        },
    ),
    "Connection": (
        "CodeConnections::Connection",
        {"ConnectionName": "zoo", "ProviderType": "GitHub", "Tags": tagged("one")},
    ),
    "Ide": (
        "Cloud9::EnvironmentEC2",
        {"Name": "one", "InstanceType": "t3.small", "ImageId": "amazonlinux-2023-x86_64", "Tags": tagged("one")},
    ),
    "Subnets": (
        "RDS::DBSubnetGroup",
        {"DBSubnetGroupDescription": "one", "SubnetIds": [ref("SubnetA"), ref("SubnetB")], "Tags": tagged("one")},
    ),
    "Parameters": (
        "RDS::DBParameterGroup",
        {"Description": "one", "Family": "mysql8.4", "Parameters": {"long_query_time": "1"}, "Tags": tagged("one")},
    ),
    "Database": (
        "RDS::DBInstance",
        {
            "Engine": "mysql",
            "EngineVersion": "8.4.8",
            "DBInstanceClass": "db.t4g.micro",
            "AllocatedStorage": "20",
            "MasterUsername": "admin",
            "ManageMasterUserPassword": True,
            "DBSubnetGroupName": ref("Subnets"),
            "DBParameterGroupName": ref("Parameters"),
            "BackupRetentionPeriod": 3,
            "VPCSecurityGroups": [ref("Group")],
            "Tags": tagged("one"),
        },
    ),
    "Record": (
        "Route53::RecordSet",
        {
            "HostedZoneName": "zoo.example.",
            "Name": "www.zoo.example.",
            "Type": "A",
            "TTL": "61",
            "ResourceRecords": ["192.0.2.1"],
        },
    ),
    "Handle": ("CloudFormation::WaitConditionHandle", {}),
}

CHANGES: Mapping[str, Mapping[str, Any]] = {
    "Vpc": {"EnableDnsHostnames": True, "Tags": tagged("two")},
    "SubnetA": {"MapPublicIpOnLaunch": True, "Tags": tagged("two")},
    "Gateway": {"Tags": tagged("two")},
    "Address": {"Tags": tagged("two")},
    "Nat": {"Tags": tagged("two")},
    "Table": {"Tags": tagged("two")},
    "Endpoint": {"RouteTableIds": [ref("OtherTable")], "Tags": tagged("two")},
    "FlowLog": {"Tags": tagged("two")},
    "Group": {
        "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"}],
        "Tags": tagged("two"),
    },
    "Ingress": {"Description": "everybody"},
    "Egress": {"Description": "ourselves"},
    "Balancer": {
        "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "62"}],
        "Tags": tagged("two"),
    },
    "Blue": {
        "HealthCheckPath": "/two",
        "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "32"}],
    },
    "Green": {"HealthCheckPath": "/added", "Tags": tagged("two")},
    "Listener": {
        "Port": 81,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "410"}}],
        "Tags": tagged("two"),
    },
    "Rule": {"Priority": 18, "Conditions": [{"Field": "path-pattern", "Values": ["/two"]}], "Actions": forward(92)},
    "Cluster": {
        "ClusterSettings": [{"Name": "containerInsights", "Value": "enhanced"}],
        "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "Tags": tagged("two"),
    },
    "Tasks": {"Tags": tagged("two")},
    "Service": {"DesiredCount": 3, "HealthCheckGracePeriodSeconds": 62, "Tags": tagged("two")},
    "Scaled": {
        "MaxCapacity": 9,
        "ScheduledActions": [
            {"ScheduledActionName": "day", "Schedule": "cron(0 2 * * ? *)", "ScalableTargetAction": {"MinCapacity": 3}}
        ],
        "Tags": tagged("two"),
    },
    "Scaling": {
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 62,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageMemoryUtilization"},
        }
    },
    "Deploy": {"Tags": tagged("two")},
    "DeployGroup": {
        "DeploymentConfigName": "CodeDeployDefault.ECSAllAtOnce",
        "AlarmConfiguration": {"Enabled": True, "Alarms": [{"Name": ref("Alarm")}]},
        "Tags": tagged("two"),
    },
    "Role": {
        "AssumeRolePolicyDocument": policy("ec2"),
        "Description": "two",
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
        "Policies": [{"PolicyName": "q", "PolicyDocument": allowed("s3:GetBucketAcl")}],
        "Tags": tagged("two"),
        "MaxSessionDuration": 7200,
    },
    "Policy": {"PolicyDocument": allowed("s3:DeleteObject")},
    "Managed": {"PolicyDocument": allowed("s3:ListAllMyBuckets")},
    "Key": {
        "KeyPolicy": policy("logs", "kms:Decrypt", Resource="*"),
        "Description": "two",
        "EnableKeyRotation": False,
        "Tags": tagged("two"),
    },
    "Alias": {"TargetKeyId": ref("OtherKey")},
    "Bucket": {
        "VersioningConfiguration": {"Status": "Suspended"},
        "LifecycleConfiguration": {
            "Rules": [{"Id": "Expire", "Status": "Enabled", "ExpirationInDays": 32, "Prefix": "a/"}]
        },
        "CorsConfiguration": {"CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 33}]},
        "Tags": tagged("two"),
    },
    "BucketPolicy": {"PolicyDocument": policy("delivery.logs", "s3:ListBucket", Resource=att("Bucket", "Arn"))},
    "Topic": {
        "DisplayName": "two",
        "KmsMasterKeyId": ref("Key"),
        "Tags": tagged("two"),
        "Subscription": [{"Protocol": "email", "Endpoint": "a@example.com"}],
    },
    "TopicPolicy": {"PolicyDocument": policy("cloudwatch", "sns:Publish", Resource=ref("Topic"))},
    "Subscription": {"RawMessageDelivery": False},
    "Queue": {"VisibilityTimeout": 32, "DelaySeconds": 5, "Tags": tagged("two")},
    "QueuePolicy": {"PolicyDocument": policy("events", "sqs:SendMessage", Resource=att("Queue", "Arn"))},
    "Secret": {"Description": "two", "KmsKeyId": ref("Key"), "Tags": tagged("two")},
    "Parameter": {"Value": "two", "Description": "d", "Tags": {"Stage": "two"}},
    "Repository": {
        "ImageTagMutability": "MUTABLE",
        "ImageScanningConfiguration": {"ScanOnPush": False},
        "LifecyclePolicy": {
            "LifecyclePolicyText": '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 7}, "action": {"type": "expire"}}]}'
        },
        "Tags": tagged("two"),
    },
    "Logs": {"RetentionInDays": 60, "KmsKeyId": att("OtherKey", "Arn"), "Tags": tagged("two")},
    "Filter": {"FilterPattern": "two"},
    "Alarm": {"Threshold": 82, "AlarmDescription": "two", "Tags": tagged("two")},
    "Composite": {"AlarmDescription": "two", "AlarmActions": [ref("Topic")], "Tags": tagged("two")},
    "Mute": {
        "Description": "two",
        "Rule": {"Schedule": {"Expression": "cron(0 2 * * *)", "Duration": "PT2H"}},
        "Tags": tagged("two"),
    },
    "Dashboard": {
        "DashboardBody": '{"widgets": [{"type": "text", "properties": {"markdown": "two"}}]}',
        "Tags": tagged("two"),
    },
    "Bus": {"Description": "two", "Tags": tagged("two")},
    "Event": {
        "EventPattern": {"source": ["two"]},
        "Description": "two",
        "State": "DISABLED",
        "Targets": [{"Id": "u", "Arn": ref("Topic")}],
        "Tags": tagged("two"),
    },
    "Schedule": {"ScheduleExpression": "rate(2 hours)", "State": "DISABLED", "Description": "two"},
    "Machine": {
        "Definition": {"Comment": "two", "StartAt": "S", "States": {"S": {"Type": "Succeed"}}},
        "Tags": tagged("two"),
    },
    "Live": {"Description": "two", "FunctionVersion": "$LATEST"},
    "Url": {"AuthType": "NONE", "Cors": {"MaxAge": 62}},
    "Mapping": {"BatchSize": 7},
    "Function": {"MemorySize": 256, "Timeout": 9, "Environment": {"Variables": {"A": "two"}}, "Tags": tagged("two")},
    "Source": {"RepositoryName": "zoo-two", "RepositoryDescription": "two", "Tags": tagged("two")},
    "Project": {"Description": "two", "TimeoutInMinutes": 31, "Tags": tagged("two")},
    "Pipeline": {"Stages": pipeline("two"), "ExecutionMode": "QUEUED", "Tags": tagged("two")},
    "Connection": {"Tags": tagged("two")},
    "Ide": {"Name": "two", "Description": "two", "Tags": tagged("two")},
    "Subnets": {"DBSubnetGroupDescription": "two", "Tags": tagged("two")},
    "Parameters": {"Parameters": {"long_query_time": "2", "slow_query_log": "1"}, "Tags": tagged("two")},
    "Database": {
        "DBInstanceClass": "db.t4g.small",
        "AllocatedStorage": "30",
        "BackupRetentionPeriod": 4,
        "MultiAZ": True,
        "EnableCloudwatchLogsExports": ["error"],
        "Tags": tagged("two"),
    },
    "Record": {"TTL": "62", "ResourceRecords": ["192.0.2.2"]},
}


def zoo(changes: Mapping[str, Mapping[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    resources = {
        name: {"Type": f"AWS::{kind}", "Properties": {**properties, **(changes or {}).get(name, {})}}
        for name, (kind, properties) in ZOO.items()
    }
    resources["Rule"]["DependsOn"] = "Attachment"
    resources["Service"]["DependsOn"] = "Rule"
    return {"Resources": {**resources, **more}}


def test_each_property_moves_alone_and_a_rollback_restores_all(endpoint: str) -> None:
    provider = LocalProvider(Services(endpoint, REGION))
    provider.services.call("route53", "CreateHostedZone", {"Name": "zoo.example.", "CallerReference": "zoo"})
    deployed = Deployed(provider, zoo(), "zoo")
    before = deployed.stack
    assert {each.kind for each in before.walk()} >= {kind for kind in TYPES if kind != "AWS::Scheduler::ScheduleGroup"}
    assert [line for each in before.walk() for line in unseen(provider, each)] == []

    for resource in before.walk():
        for attribute in TYPES[resource.kind].attributes:
            assert provider.attribute(resource, attribute) is not None

    # One property of each resource at a time, and back.
    wrong = []
    for nth in range(max(map(len, CHANGES.values()))):
        changes = {name: dict([[*told.items()][nth]]) for name, told in CHANGES.items() if nth < len(told)}
        events: list[Event] = []
        outcome = engine(provider, events=events).update(deployed.stack, Template(zoo(changes)), {})
        assert outcome.stack, outcome.reason
        assert (outcome.status, outcome.left) == ("UPDATE_COMPLETE", ()), outcome.reason
        moved = {each.resource.name: each.action for each in events}
        wrong += [f"{name}: {moved.get(name)} for {changes[name]}" for name in changes if moved.get(name) != "update"]
        wrong += [line for name in changes for line in unseen(provider, outcome.stack.resources[name])]
        back = engine(provider).update(outcome.stack, Template(zoo()), {})
        assert back.stack, back.reason
        assert (back.status, back.left) == ("UPDATE_COMPLETE", ()), back.reason
        wrong += [f"back: {line}" for name in changes for line in unseen(provider, back.stack.resources[name])]
        deployed.stack = back.stack
    assert not wrong, "\n".join(wrong)

    # All of it at once, and then a resource that cannot be made.
    bad = {"Type": "AWS::SNS::Topic", "Properties": {"Colour": "green"}, "DependsOn": [*ZOO]}
    failed = engine(provider).update(deployed.stack, Template(zoo(CHANGES, Bad=bad)), {})
    assert failed.status == "UPDATE_ROLLBACK_COMPLETE", failed.reason
    assert failed.left == ()
    assert "extraneous key [Colour] is not permitted" in failed.reason
    assert [line for each in deployed.stack.walk() for line in unseen(provider, each)] == []

    made = list(deployed.stack.walk())
    gone = deployed.delete()
    assert gone.status == "DELETE_COMPLETE", gone.reason
    assert [each.place for each in made if stands(provider, each)] == []


# What is refused, and in which words


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


def balanced(**more: Any) -> dict[str, Any]:
    """A balancer with a service behind it, in words of the zoo."""
    names: tuple[str, ...] = (
        "Vpc",
        "SubnetA",
        "SubnetB",
        "Gateway",
        "Attachment",
        "Group",
        "Balancer",
        "Blue",
        "Green",
    )
    names += ("Listener", "Rule", "Cluster", "Tasks", "Service")
    resources = {**{name: zoo()["Resources"][name] for name in names}, **more}
    return {"Resources": {name: each for name, each in resources.items() if each}}


def with_properties(name: str, **changes: Any) -> dict[str, Any]:
    there = zoo()["Resources"][name]
    return {**there, "Properties": {**there["Properties"], **changes}}


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


# Replacement, names, values


def test_a_create_only_property_replaces(provider: LocalProvider) -> None:
    def body(description: str) -> dict[str, Any]:
        group_ = {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": description, "VpcId": ref("Vpc")},
        }
        return {"Resources": {"Vpc": zoo()["Resources"]["Vpc"], "Group": group_}}

    deployed = Deployed(provider, body("one"), "replaced")
    first = deployed.stack.resources["Group"]
    deployed.update(body("two"))
    second = deployed.stack.resources["Group"]
    assert first.physical != second.physical
    assert not stands(provider, first)
    assert "two" in deployed.told("Group")
    assert ("GroupDescription",) in create_only(second.kind)


def test_names_are_of_stack_and_logical_id_and_always_the_same(services: Services, provider: LocalProvider) -> None:
    def named(seed: str, kind: str, place: str) -> str:
        made = LocalProvider(services, seed)
        resource = Resource(place, kind)
        return str(made._named(resource, TYPES[kind]).properties[TYPES[kind].name.prop])  # type: ignore[union-attr]

    queue = named("", "AWS::SQS::Queue", "shop/Web/Jobs")
    assert queue.startswith("shop-Web-Jobs-")
    assert queue == named("", "AWS::SQS::Queue", "shop/Web/Jobs") != named("x", "AWS::SQS::Queue", "shop/Web/Jobs")
    balancer = named("", "AWS::ElasticLoadBalancingV2::LoadBalancer", "a-long-application-name/Cluster/LoadBalancer")
    assert len(balancer) == 32
    assert named("", "AWS::S3::Bucket", "shop/Logs").islower()
    # What is cut must not leave two hyphens, which balancers and target groups refuse.
    group = named("", "AWS::ElasticLoadBalancingV2::TargetGroup", "shop-dev/ServiceAlpha/BlueTargetGroup")
    assert "--" not in group


def test_dynamic_references(provider: LocalProvider) -> None:
    provider.services.call("ssm", "PutParameter", {"Name": "/plain", "Value": "p", "Type": "String"})
    provider.services.call("ssm", "PutParameter", {"Name": "/kept", "Value": "k", "Type": "SecureString"})
    secret = {"Name": "db", "SecretString": json.dumps({"user": "u", "port": 3306})}
    arn = provider.services.call("secretsmanager", "CreateSecret", secret)["ARN"]
    assert provider.dynamic("ssm", "/plain") == "p"
    assert provider.dynamic("ssm", "/plain:1") == "p"
    assert provider.dynamic("ssm-secure", "/kept") == "k"
    assert provider.dynamic("secretsmanager", "db:SecretString:user") == "u"
    assert provider.dynamic("secretsmanager", f"{arn}:SecretString:port::") == "3306"
    assert json.loads(provider.dynamic("secretsmanager", arn)) == {"user": "u", "port": 3306}
    for service, key in (("ssm", "/no"), ("secretsmanager", "db:SecretString:no"), ("kms", "x")):
        with pytest.raises(TemplateError):
            provider.dynamic(service, key)


def test_attributes_that_nobody_has(provider: LocalProvider) -> None:
    with pytest.raises(TemplateError, match="Requested attribute Colour does not exist in schema for AWS::SNS::Topic"):
        provider.attribute(Resource("s/R", "AWS::SNS::Topic", "arn"), "Colour")
