"""What answers at the one port, asked by clients over HTTP: stand-ins, refusals that moto does not give, moto itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from moto.core import loaders
from moto.iam.models import iam_backends
from shells import reset

from cfngen.local.server import ACCOUNT, listening
from cfngen.local.target import Target, take_process
from cfngen.local.types.standins import ROOMS

REGION = "eu-west-1"

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


class Wire:
    """Clients of a target, and its log."""

    def __init__(self, url: str, log: list[str]) -> None:
        self.url = url
        self.log = log

    def __call__(self, service: str, region: str = REGION) -> Any:
        session = boto3.Session("test", "test", region_name=region)
        return session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    log: list[str] = []
    with listening() as (url, serve):
        take_process()
        made = Target(url, REGION, log=log.append)
        reset(made)
        serve(made)
        yield Wire(url, log)


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**given)
    told = error.value.response["Error"]
    return f"{told['Code']}: {told['Message']}"


def balanced(wire: Wire, name: str, controller: str, **more: Any) -> dict[str, Any]:
    """A service behind a balancer, by the services' own calls."""
    ec2, elb, ecs = wire("ec2"), wire("elbv2"), wire("ecs")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    firewall = ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"]
    balancer = elb.create_load_balancer(Name=name, Subnets=subnets[:2])["LoadBalancers"][0]["LoadBalancerArn"]
    of_group = {"Port": 80, "Protocol": "HTTP", "TargetType": "ip", "VpcId": vpc}
    groups = [
        elb.create_target_group(Name=f"{name}-{colour}", **of_group)["TargetGroups"][0]["TargetGroupArn"]
        for colour in ("blue", "green")
    ]
    to = [{"Type": "forward", "TargetGroupArn": groups[0]}]
    elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=to)
    ecs.create_cluster(clusterName=name)
    tasks = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
    for image in ("one", "two"):
        ecs.register_task_definition(family=name, containerDefinitions=[{"name": "web", "image": image}], **tasks)
    network = {"awsvpcConfiguration": {"subnets": subnets[:1], "securityGroups": [firewall]}}
    service = ecs.create_service(
        cluster=name,
        serviceName=name,
        taskDefinition=f"{name}:1",
        desiredCount=2,
        deploymentController={"type": controller},
        loadBalancers=[{"targetGroupArn": groups[0], "containerName": "web", "containerPort": 80}],
        networkConfiguration=network,
        **more,
    )["service"]
    return {"groups": groups, "service": service, "subnets": subnets, "firewall": firewall}


def test_codedeploy_answers_over_http(wire: Wire) -> None:
    balanced(wire, "deployed", "CODE_DEPLOY")
    deploy = wire("codedeploy")
    deploy.create_application(applicationName="shop", computePlatform="ECS", tags=[{"Key": "Stage", "Value": "dev"}])
    arn = f"arn:aws:codedeploy:{REGION}:123456789012:application:shop"
    assert deploy.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "Stage", "Value": "dev"}]
    group = {"applicationName": "shop", "deploymentGroupName": "web", "serviceRoleArn": "arn:aws:iam::1:role/r"}
    on = [{"clusterName": "deployed", "serviceName": "deployed"}]
    deploy.create_deployment_group(
        **group, ecsServices=on, deploymentConfigName="CodeDeployDefault.ECSCanary10Percent5Minutes"
    )
    deploy.update_deployment_group(
        applicationName="shop",
        currentDeploymentGroupName="web",
        alarmConfiguration={"enabled": True, "alarms": [{"name": "a"}]},
    )
    told = deploy.get_deployment_group(applicationName="shop", deploymentGroupName="web")["deploymentGroupInfo"]
    assert told["ecsServices"] == on
    assert told["alarmConfiguration"] == {"enabled": True, "alarms": [{"name": "a"}]}
    canary = deploy.get_deployment_config(deploymentConfigName=told["deploymentConfigName"])["deploymentConfigInfo"]
    assert canary["trafficRoutingConfig"]["timeBasedCanary"] == {"canaryPercentage": 10, "canaryInterval": 5}
    gone = refused(deploy.get_deployment_group, applicationName="shop", deploymentGroupName="no")
    assert gone == "DeploymentGroupDoesNotExistException: No Deployment Group found for name: no"
    # A deployment that nobody runs is not told as one that works.
    started = refused(deploy.create_deployment, applicationName="shop", deploymentGroupName="web")
    assert started.startswith("NotImplementedException: Nothing runs deployments here")
    deploy.delete_application(applicationName="shop")
    assert deploy.list_applications()["applications"] == []


def test_codebuild_codecommit_and_the_others_answer_over_http(wire: Wire) -> None:
    build = wire("codebuild")
    build.create_project(
        name="web",
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/build",
    )
    assert build.batch_get_projects(names=["web", "no"])["projectsNotFound"] == ["no"]
    assert refused(build.start_build, projectName="web").startswith("NotImplementedException: Nothing runs builds")
    commit = wire("codecommit")
    commit.create_repository(repositoryName="shop", tags={"Stage": "dev"})
    assert [each["repositoryName"] for each in commit.list_repositories()["repositories"]] == ["shop"]
    assert "RepositoryDoesNotExistException" in refused(commit.get_repository, repositoryName="no")
    connections = wire("codeconnections")
    arn = connections.create_connection(ConnectionName="c", ProviderType="GitHub")["ConnectionArn"]
    assert connections.get_connection(ConnectionArn=arn)["Connection"]["ConnectionStatus"] == "PENDING"
    made = wire("cloud9").create_environment_ec2(name="ide", instanceType="t3.small", imageId="amazonlinux-2023-x86_64")
    told = wire("cloud9").describe_environments(environmentIds=[made["environmentId"]])["environments"]
    assert told[0]["name"] == "ide"


def test_alarms_on_alarms_answer_over_http(wire: Wire) -> None:
    alarms = wire("cloudwatch")
    metric = {"MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Statistic": "Sum"}
    alarms.put_metric_alarm(AlarmName="one", ComparisonOperator="GreaterThanThreshold", Threshold=1.0, **metric)
    alarms.put_composite_alarm(AlarmName="all", AlarmRule='ALARM("one")')
    told = alarms.describe_alarms(AlarmNames=["one", "all"], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    assert [each["AlarmName"] for each in told["MetricAlarms"] + told["CompositeAlarms"]] == ["one", "all"]
    assert "Cannot delete one as there are composite alarm(s) depending on it" in refused(
        alarms.delete_alarms, AlarmNames=["one"]
    )
    alarms.delete_alarms(AlarmNames=["one", "all"])


def test_a_service_under_codedeploy_takes_what_aws_takes(wire: Wire) -> None:
    """A2, A3.3."""
    made = balanced(wire, "guarded", "CODE_DEPLOY")
    ecs = wire("ecs")
    where = {"cluster": "guarded", "service": "guarded"}
    other = {"awsvpcConfiguration": {"subnets": made["subnets"][1:2], "securityGroups": [made["firewall"]]}}
    to_green = [{"targetGroupArn": made["groups"][1], "containerName": "web", "containerPort": 80}]
    for words, change in {
        "task definition": {"taskDefinition": "guarded:2"},
        "network parameters": {"networkConfiguration": other},
        "load balancers": {"loadBalancers": to_green},
        "platform version": {"platformVersion": "1.3.0"},
    }.items():
        told = refused(ecs.update_service, **where, **change)
        assert told == (
            f"InvalidParameterException: Unable to update {words} on services with a CODE_DEPLOY deployment controller. "
            "Use AWS CodeDeploy to trigger a new deployment."
        )
    ecs.update_service(**where, desiredCount=3, healthCheckGracePeriodSeconds=30)
    [service] = ecs.describe_services(cluster="guarded", services=["guarded"])["services"]
    assert (service["desiredCount"], service["healthCheckGracePeriodSeconds"]) == (3, 30)
    assert service["taskDefinition"].endswith("guarded:1")


def test_services_are_stable(wire: Wire) -> None:
    balanced(wire, "stable", "ECS")
    ecs = wire("ecs")
    ecs.update_service(cluster="stable", service="stable", taskDefinition="stable:2", desiredCount=4)
    ecs.get_waiter("services_stable").wait(
        cluster="stable", services=["stable"], WaiterConfig={"Delay": 1, "MaxAttempts": 1}
    )
    [service] = ecs.describe_services(cluster="stable", services=["stable"])["services"]
    assert (service["runningCount"], service["pendingCount"]) == (4, 0)
    assert service["deployments"][0]["rolloutState"] == "COMPLETED"
    ecs.delete_service(cluster="stable", service="stable", force=True)
    [gone] = ecs.describe_services(cluster="stable", services=["stable"])["services"]
    assert (gone["status"], gone["runningCount"]) == ("INACTIVE", 0)
    assert ecs.list_services(cluster="stable")["serviceArns"] == []
    ecs.delete_cluster(cluster="stable")
    assert not any(arn.endswith("/stable") for arn in ecs.list_clusters()["clusterArns"])


def test_two_ports_of_one_address_are_two_targets(wire: Wire) -> None:
    group = balanced(wire, "ports", "ECS")["groups"][0]
    elb = wire("elbv2")

    def ports() -> list[int]:
        told = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return [each["Target"]["Port"] for each in told]

    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1", "Port": 81}, {"Id": "10.0.0.1"}])
    assert ports() == [81, 80]
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1", "Port": 81}])
    assert ports() == [80]
    [told] = elb.describe_target_health(TargetGroupArn=group, Targets=[{"Id": "10.0.0.9"}])["TargetHealthDescriptions"]
    assert told["TargetHealth"]["State"] == "unused"
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.0.0.1"}])
    assert ports() == []


def test_the_balancer_refuses_what_aws_refuses(wire: Wire) -> None:
    made = balanced(wire, "refusing", "ECS")
    ecs, elb = wire("ecs"), wire("elbv2")
    unused = [{"targetGroupArn": made["groups"][1], "containerName": "web", "containerPort": 80}]
    given = {"cluster": "refusing", "serviceName": "more", "taskDefinition": "refusing:1", "loadBalancers": unused}
    assert "does not have an associated load balancer" in refused(ecs.create_service, **given)  # A6.10
    [balancer] = elb.describe_load_balancers(Names=["refusing"])["LoadBalancers"]
    arn = balancer["LoadBalancerArn"]
    protected = [{"Key": "deletion_protection.enabled", "Value": "true"}]
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=protected)
    assert refused(elb.delete_load_balancer, LoadBalancerArn=arn).startswith("OperationNotPermitted:")  # H11


def test_everybody_is_of_one_account_whose_managed_policies_are_made_once(wire: Wire) -> None:
    iam = wire("iam")
    iam.create_user(UserName="ada")
    key = iam.create_access_key(UserName="ada")["AccessKey"]
    known = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION)
    for session in (known, boto3.Session("anybody", "test", region_name=REGION)):
        queues = session.client("sqs", endpoint_url=wire.url)
        assert f"/{ACCOUNT}/" in queues.create_queue(QueueName="one")["QueueUrl"]
    assert iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")["Policy"]["IsAttachable"]
    assert [partition for account in iam_backends.values() for partition in account] == ["aws"]


def test_what_sessions_read_they_share_but_for_what_moto_writes_into(wire: Wire) -> None:
    assert wire.url
    first, second = (Loader().load_service_model("s3", "service-2") for _ in range(2))
    assert first["shapes"] is second["shapes"]
    assert loaders.create_loader().load_service_model("s3", "service-2")["shapes"] is not first["shapes"]


def test_a_target_changes_nothing_for_others_in_its_process() -> None:
    code = """\
import os
from botocore.loaders import Loader
from moto.core import loaders, responses
from cfngen.local.target import Target, take_process

def of_the_process():
    names = getattr(responses, "method_names_from_class", None)
    return dict(os.environ), Loader.FILE_LOADER_CLASS, loaders.Loader.FILE_LOADER_CLASS, names

before = of_the_process()
Target("http://localhost:1", "eu-west-1", "seed").region("eu-west-1")
print(of_the_process() == before)
del responses.method_names_from_class
take_process()
print([one == other for one, other in zip(of_the_process(), before)])
"""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MOTO_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=plain, capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.stdout, done.stderr) == ("True\n[False, False, True, False]\n", "")


def test_a_region_that_is_none_leaves_nothing(wire: Wire) -> None:
    body = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    lost = wire("cloudformation", "mars")
    told = refused(lost.create_stack, StackName="far", TemplateBody=body)
    assert told == "UnrecognizedClientException: 'mars' is no region that CloudFormation has, such as eu-west-1"
    assert "'mars'" in refused(lost.describe_stacks)


def test_what_a_stack_makes_is_told_over_http(wire: Wire) -> None:
    body = {
        "Resources": {
            "Source": {"Type": "AWS::CodeCommit::Repository", "Properties": {"RepositoryName": "stacked"}},
            "Deploy": {"Type": "AWS::CodeDeploy::Application", "Properties": {"ComputePlatform": "ECS"}},
        }
    }
    stacks = wire("cloudformation")
    stacks.create_stack(StackName="wired", TemplateBody=json.dumps(body))
    assert wire("codecommit").get_repository(repositoryName="stacked")
    [application] = wire("codedeploy").list_applications()["applications"]
    assert application.startswith("wired-Deploy-")
    assert wire("codedeploy", "us-east-1").list_applications()["applications"] == []
    stacks.delete_stack(StackName="wired")
    assert wire("codedeploy").list_applications()["applications"] == []


def test_the_log_says_service_operation_status_and_time(wire: Wire) -> None:
    wire.log.clear()
    wire("sqs").create_queue(QueueName="logged")
    wire("s3").create_bucket(Bucket="logged", CreateBucketConfiguration={"LocationConstraint": REGION})
    wire("lambda").list_functions()
    refused(wire("codecommit").get_repository, repositoryName="no")
    refused(wire("cloudformation").describe_stacks, StackName="no")
    told = [line.rsplit(" ", 2) for line in wire.log]
    assert [each[0] for each in told] == [
        "sqs CreateQueue 200",
        "s3 PUT /logged 200",
        "lambda ListFunctions 200",
        "codecommit GetRepository 400",
        "cloudformation DescribeStacks 400",
    ]
    assert all(each[1].isdigit() and each[2] == "ms" for each in told)


def test_a_defect_is_told_as_one(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROOMS["codebuild"].operations, "ListProjects", lambda *_: 1 // 0)
    assert refused(wire("codebuild").list_projects).startswith("InternalFailure: ListProjects met an internal error")
    assert any("ZeroDivisionError" in line for line in wire.log)
