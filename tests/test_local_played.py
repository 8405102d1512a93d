"""Pipelines, builds and deployments that somebody plays: what AWS's own operations tell of them over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from shells import reset

from cfngen.local.server import listening
from cfngen.local.target import PLAY_PATH, Target, take_process

REGION = "eu-west-1"
APPSPEC = """
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: web:2
        LoadBalancerInfo: {ContainerName: web, ContainerPort: 80}
Hooks:
  - AfterAllowTestTraffic: look
"""
GROUP = {"applicationName": "shop", "deploymentGroupName": "web"}

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's and werkzeug's


class Played:
    """Clients of a target, and whoever plays AWS's machinery there."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __call__(self, service: str) -> Any:
        session = boto3.Session("test", "test", region_name=REGION)
        return session.client(service, endpoint_url=self.url, config=Config(retries={"total_max_attempts": 1}))

    def play(self, of: str, operation: str, **arguments: Any) -> dict[str, Any]:
        told = {"region": REGION, "service": of, "operation": operation, "arguments": arguments}
        asked = urllib.request.Request(f"{self.url}{PLAY_PATH}", json.dumps(told).encode())  # noqa: S310  (loopback)
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    with listening() as (url, serve):
        take_process()
        made = Target(url, REGION)
        serve(made)
        yield made


@pytest.fixture
def aws(target: Target) -> Played:
    """An account in which nothing is, and nobody plays anything."""
    reset(target)
    target.forget()
    return Played(target.url)


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**given)
    return str(error.value.response["Error"]["Code"])


def service(aws: Played) -> str:
    """A service under CodeDeploy with two target groups; gives the ARN of the second."""
    ec2, elb, ecs, deploy = aws("ec2"), aws("elbv2"), aws("ecs"), aws("codedeploy")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnets = [each["SubnetId"] for each in ec2.describe_subnets()["Subnets"]]
    balancer = elb.create_load_balancer(Name="web", Subnets=subnets[:2])["LoadBalancers"][0]["LoadBalancerArn"]
    told = {"Port": 80, "Protocol": "HTTP", "TargetType": "ip", "VpcId": vpc}
    blue, green = (
        elb.create_target_group(Name=name, **told)["TargetGroups"][0]["TargetGroupArn"] for name in ("blue", "green")
    )
    listeners = [
        elb.create_listener(
            LoadBalancerArn=balancer,
            Port=port,
            Protocol="HTTP",
            DefaultActions=[{"Type": "forward", "TargetGroupArn": blue}],
        )["Listeners"][0]["ListenerArn"]
        for port in (80, 8080)
    ]
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "x", "memory": 128}])
    ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web",
        desiredCount=2,
        deploymentController={"type": "CODE_DEPLOY"},
        loadBalancers=[{"targetGroupArn": blue, "containerName": "web", "containerPort": 80}],
    )
    deploy.create_application(applicationName="shop", computePlatform="ECS")
    deploy.create_deployment_group(
        **GROUP,
        serviceRoleArn="arn:aws:iam::1:role/r",
        ecsServices=[{"clusterName": "shop", "serviceName": "web"}],
        loadBalancerInfo={
            "targetGroupPairInfoList": [
                {
                    "targetGroups": [{"name": "blue"}, {"name": "green"}],
                    "prodTrafficRoute": {"listenerArns": listeners[:1]},
                    "testTrafficRoute": {"listenerArns": listeners[1:]},
                }
            ]
        },
        blueGreenDeploymentConfiguration={"deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT"}},
    )
    return str(green)


TOKEN, OTHER = "t", "u"
REVISION = {"revisionType": "AppSpecContent", "appSpecContent": {"content": APPSPEC}}


def test_a_deployment_is_told_step_by_step_as_whoever_plays_it_reports_it(aws: Played) -> None:
    green, deploy, ecs = service(aws), aws("codedeploy"), aws("ecs")
    assert refused(deploy.create_deployment, **GROUP, revision=REVISION) == "NotImplementedException"
    assert aws.play("codedeploy", "TakeDeployments") == {"deployments": []}

    assert refused(deploy.create_deployment, **GROUP, revision={}) == "InvalidRevisionException"
    made = deploy.create_deployment(**GROUP, revision=REVISION)["deploymentId"]
    assert refused(deploy.create_deployment, **GROUP, revision=REVISION) == "DeploymentLimitExceededException"
    assert aws.play("codedeploy", "TakeDeployments") == {"deployments": [made]}
    assert aws.play("codedeploy", "TakeDeployments") == {"deployments": []}
    told = deploy.get_deployment(deploymentId=made)["deploymentInfo"]
    assert (told["status"], told["creator"], told["computePlatform"]) == ("Created", "user", "ECS")
    (target,) = deploy.list_deployment_targets(deploymentId=made)["targetIds"]
    assert target == "shop:web"

    def events() -> dict[str, str]:
        found = deploy.get_deployment_target(deploymentId=made, targetId=target)["deploymentTarget"]["ecsTarget"]
        return {each["lifecycleEventName"]: each["status"] for each in found["lifecycleEvents"]}

    names = ["Install", "AllowTestTraffic", "AfterAllowTestTraffic", "AllowTraffic"]
    assert events() == dict.fromkeys(names, "Pending")
    (blue,) = ecs.describe_services(cluster="shop", services=["web"])["services"][0]["taskSets"]
    assert (blue["status"], blue["runningCount"]) == ("PRIMARY", 2)
    behind = [{"targetGroupArn": green, "containerName": "web", "containerPort": 80}]
    place = {"cluster": "shop", "service": "web"}
    new = aws.play(
        "ecs", "CreateTaskSet", **place, taskDefinition="web:2", loadBalancers=behind, startedBy="CODE_DEPLOY",
        externalId=made,
    )["taskSet"]["id"]  # fmt: skip
    aws.play("codedeploy", "ReportEvent", deploymentId=made, lifecycleEventName="Install", status="InProgress")
    sets = {blue["id"]: ["Blue", 100.0], new: ["Green", 0.0]}
    aws.play("codedeploy", "ReportDeployment", deploymentId=made, status="InProgress", sets=sets)
    aws.play("ecs", "ReportTaskSet", **place, taskSet=new, running=1)
    told = deploy.get_deployment_target(deploymentId=made, targetId=target)["deploymentTarget"]["ecsTarget"]
    assert [
        (each["taskSetLabel"], each["status"], each["runningCount"], each["trafficWeight"], each["targetGroup"]["name"])
        for each in told["taskSetsInfo"]
    ] == [("Blue", "PRIMARY", 2, 100.0, "blue"), ("Green", "ACTIVE", 1, 0.0, "green")]
    assert events()["Install"] == "InProgress"
    counts = ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    assert (counts["runningCount"], counts["pendingCount"]) == (3, 1)
    aws.play("ecs", "UpdateServicePrimaryTaskSet", **place, taskSet=new)
    aws.play("ecs", "DeleteTaskSet", **place, taskSet=blue["id"])
    (last,) = ecs.describe_task_sets(**place)["taskSets"]
    assert (last["id"], last["status"], last["taskDefinition"]) == (new, "PRIMARY", "web:2")
    aws.play("codedeploy", "ReportDeployment", deploymentId=made, status="Succeeded")
    assert deploy.list_deployments(**GROUP, includeOnlyStatuses=["Succeeded"])["deployments"] == [made]
    assert refused(deploy.stop_deployment, deploymentId=made) == "DeploymentAlreadyCompletedException"


def test_people_and_hooks_have_their_say_when_they_are_asked_only(aws: Played) -> None:
    service(aws)
    deploy = aws("codedeploy")
    aws.play("codedeploy", "TakeDeployments")
    made = deploy.create_deployment(**GROUP, revision=REVISION)["deploymentId"]
    waiting = {"deploymentId": made, "deploymentWaitType": "READY_WAIT"}
    assert refused(deploy.continue_deployment, **waiting) == "DeploymentIsNotInReadyStateException"
    aws.play("codedeploy", "ReportDeployment", deploymentId=made, status="Ready")
    deploy.continue_deployment(**waiting)
    hook = aws.play("codedeploy", "BeginHook", deploymentId=made)["lifecycleEventHookExecutionId"]
    says = {"deploymentId": made, "lifecycleEventHookExecutionId": hook}
    put = deploy.put_lifecycle_event_hook_execution_status
    other = {**says, "lifecycleEventHookExecutionId": "other"}
    assert refused(put, **other, status="Succeeded") == "InvalidLifecycleEventHookExecutionIdException"
    put(**says, status="Failed")
    assert refused(put, **says, status="Succeeded") == "LifecycleEventAlreadyCompletedException"
    assert deploy.stop_deployment(deploymentId=made, autoRollbackEnabled=True)["status"] == "Pending"
    assert aws.play("codedeploy", "Wishes", deploymentId=made) == {
        "stop": True, "rollback": True, "continue": ["READY_WAIT"], "hooks": {hook: "Failed"},
    }  # fmt: skip
    why = {"code": "MANUAL_STOP", "message": "stopped by a person"}
    aws.play("codedeploy", "ReportDeployment", deploymentId=made, status="Stopped", errorInformation=why)
    told = deploy.get_deployment(deploymentId=made)["deploymentInfo"]
    assert (told["status"], told["errorInformation"]["code"], "completeTime" in told) == (
        "Stopped",
        "MANUAL_STOP",
        True,
    )


def pipeline(aws: Played) -> None:
    def action(name: str, category: str, provider: str) -> dict[str, Any]:
        kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
        return {"name": name, "actionTypeId": kind}

    stages = [
        {"name": "Source", "actions": [action("Source", "Source", "CodeCommit")]},
        {"name": "Approve", "actions": [action("Approve", "Approval", "Manual")]},
    ]
    role = "arn:aws:iam::123456789012:role/pipeline"
    aws("iam").create_role(
        RoleName="pipeline",
        AssumeRolePolicyDocument=json.dumps(
            {"Statement": [{"Effect": "Allow", "Principal": {"Service": "codepipeline.amazonaws.com"}}]}
        ),
    )
    told = {"name": "web", "roleArn": role, "artifactStore": {"type": "S3", "location": "artifacts"}, "stages": stages}
    aws("codepipeline").create_pipeline(pipeline=told)


def test_an_execution_is_told_by_its_stages_and_an_approval_wants_its_token(aws: Played) -> None:
    pipeline(aws)
    client = aws("codepipeline")
    assert refused(client.start_pipeline_execution, name="web") == "NotImplementedException"
    aws.play("codepipeline", "TakeExecutions")
    run = client.start_pipeline_execution(name="web")["pipelineExecutionId"]
    taken = aws.play("codepipeline", "TakeExecutions")["executions"]
    assert taken == [{"pipelineName": "web", "pipelineExecutionId": run}]

    def act(**told: Any) -> dict[str, Any]:
        return aws.play("codepipeline", "ReportAction", pipelineExecutionId=run, **told)

    source = act(stageName="Source", actionName="Source", status="InProgress", input={})["actionExecutionId"]
    act(actionExecutionId=source, status="Succeeded", summary="commit 1")
    asked = {"stageName": "Approve", "actionName": "Approve"}
    waits = act(**asked, status="InProgress", input={}, token=TOKEN)["actionExecutionId"]
    first, second = client.get_pipeline_state(name="web")["stageStates"]
    assert (first["latestExecution"]["status"], second["latestExecution"]["status"]) == ("Succeeded", "InProgress")
    assert second["actionStates"][0]["latestExecution"]["token"] == TOKEN
    says = {"pipelineName": "web", **asked, "result": {"status": "Rejected", "summary": "not today"}}
    assert refused(client.put_approval_result, **says, token=OTHER) == "InvalidApprovalTokenException"
    client.put_approval_result(**says, token=TOKEN)
    assert refused(client.put_approval_result, **says, token=TOKEN) == "ApprovalAlreadyCompletedException"
    assert act(actionExecutionId=waits, status="InProgress")["result"]["status"] == "Rejected"
    act(actionExecutionId=waits, status="Failed", errorDetails={"code": "Rejected", "message": "not today"})
    aws.play("codepipeline", "ReportExecution", pipelineExecutionId=run, status="Failed")
    (told,) = client.list_pipeline_executions(pipelineName="web")["pipelineExecutionSummaries"]
    assert (told["status"], told["trigger"]["triggerType"]) == ("Failed", "StartPipelineExecution")
    details = client.list_action_executions(pipelineName="web")["actionExecutionDetails"]
    assert [(each["actionName"], each["status"]) for each in details] == [
        ("Approve", "Failed"),
        ("Source", "Succeeded"),
    ]
    states = client.get_pipeline_state(name="web")["stageStates"]
    assert [each["latestExecution"]["status"] for each in states] == ["Succeeded", "Failed"]


def test_builds_and_executions_of_machines_are_told_as_they_ended(aws: Played) -> None:
    build = aws("codebuild")
    build.create_project(
        name="web",
        source={"type": "CODEPIPELINE"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole="arn:aws:iam::123456789012:role/build",
    )
    made = aws.play(
        "codebuild", "BeginBuild", projectName="web", initiator="codepipeline/web", sourceVersion="1" * 40
    )  # fmt: skip
    assert made["buildNumber"] == 1
    assert build.batch_get_builds(ids=[made["id"]])["builds"][0]["buildStatus"] == "IN_PROGRESS"
    aws.play(
        "codebuild", "ReportBuild", id=made["id"], phases=[["install", "SUCCEEDED"], ["build", "FAILED"]],
        status="FAILED", reason="exit status 1", exported={"TAG": "1"},
    )  # fmt: skip
    (told,) = build.batch_get_builds(ids=build.list_builds_for_project(projectName="web")["ids"])["builds"]
    assert (told["buildStatus"], told["buildComplete"], told["initiator"]) == ("FAILED", True, "codepipeline/web")
    assert [(each["phaseType"], each.get("phaseStatus")) for each in told["phases"]] == [
        ("INSTALL", "SUCCEEDED"),
        ("BUILD", "FAILED"),
        ("COMPLETED", None),
    ]
    states = aws("stepfunctions")
    definition = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
    role = "arn:aws:iam::123456789012:role/machine"
    arn = states.create_state_machine(name="m", definition=definition, roleArn=role)["stateMachineArn"]
    assert refused(states.start_execution, stateMachineArn=arn) == "NotImplementedException"
    run = aws.play("stepfunctions", "BeginExecution", stateMachineArn=arn, input="{}")["executionArn"]
    assert states.describe_execution(executionArn=run)["status"] == "RUNNING"
    aws.play("stepfunctions", "EndExecution", executionArn=run, error="MigrationFailed", visited=[["End", "Succeed"]])
    assert states.list_executions(stateMachineArn=arn)["executions"][0]["status"] == "FAILED"
    history = [each["type"] for each in states.get_execution_history(executionArn=run)["events"]]
    assert history == ["ExecutionStarted", "SucceedStateEntered", "ExecutionFailed"]


def test_what_nobody_plays_is_refused(aws: Played) -> None:
    with pytest.raises(urllib.error.HTTPError):
        aws.play("codedeploy", "CreateDeployment", **GROUP)
