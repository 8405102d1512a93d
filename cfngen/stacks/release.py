"""The release of what no balancer asks anything: a state machine that registers revisions, and moves a worker to its own.

The pipeline hands it the task definitions as its build filled them in, in the spelling of ECS's API for Step Functions. So
a revision exists only when the approval is given, what is released is what the build saw, and everything of a task moves
with it, not its image alone, as by CodePipeline's own deploy action for ECS, which copies the live revision (D4).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from awacs import ecs as ecs_actions
from awacs.aws import ArnEquals, Statement
from troposphere import GetAtt, Sub, stepfunctions

from cfngen.spec import Worker
from cfngen.stack import Stack, title
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn, from_this_account, role, trust
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.task import TaskOutputs, registering
from cfngen.stacks.worker import WorkerOutputs

_LOOK_EVERY_SECONDS = 15
_LONGEST_SECONDS = 2 * 3600
_AGAIN = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 3, "BackoffRate": 2}]


def key(name: str) -> str:
    """What the file of a release calls a task."""
    return title(name)


def machine(
    stack: Stack,
    common: Common,
    cluster: ClusterOutputs,
    network: NetworkOutputs,
    registered: Iterable[TaskOutputs],
    worker: tuple[Worker, WorkerOutputs] | None = None,
) -> stepfunctions.StateMachine:
    """Moves `worker` to its new revision and waits until it is there, then registers those of scheduled tasks."""
    scheduled = list(registered)
    every = [*([worker[1]] if worker else []), *scheduled]
    statements = registering([made for each in every for made in (each.execution_role, each.task_role)], "ecs-tasks")
    if worker:
        statements.append(_moving(cluster, worker[1]))
    made_role = role(
        stack,
        "ReleaseRole",
        common,
        trust("states", from_this_account("states:stateMachine:*")),
        statements,
        wildcards="ecs:RegisterTaskDefinition takes no resource",
    )
    return stack.add(
        stepfunctions.StateMachine(
            "Release",
            StateMachineType="STANDARD",
            RoleArn=GetAtt(made_role, "Arn"),
            Definition=_definition(cluster, network, scheduled, worker),
        )
    )


def _moving(cluster: ClusterOutputs, made: WorkerOutputs) -> Statement:
    service = arn("ecs", "service/${Cluster}/${Service}", Cluster=cluster.cluster, Service=made.ecs_service)
    in_cluster = ArnEquals("ecs:cluster", arn("ecs", "cluster/${Cluster}", Cluster=cluster.cluster))
    return allow([ecs_actions.DescribeServices, ecs_actions.UpdateService], service, in_cluster)


def _definition(
    cluster: ClusterOutputs,
    network: NetworkOutputs,
    scheduled: list[TaskOutputs],
    worker: tuple[Worker, WorkerOutputs] | None,
) -> dict[str, Any]:
    steps = [(f"Register {each.name}", key(each.name)) for each in sorted(scheduled, key=lambda each: each.name)]
    names = [name for name, _ in steps]
    states: dict[str, Any] = {}
    if worker:
        states |= _worker_states(cluster, network, *worker, after=[*names, "Released"][0])
    for (name, task), following in zip(steps, [*names, "Released"][1:], strict=True):
        states[name] = {**_register(task), "Output": "{% $states.input %}", "Next": following}
    states["Released"] = {"Type": "Succeed"}
    return {
        "Comment": "Release what a build made",
        "QueryLanguage": "JSONata",
        "StartAt": next(iter(states)),
        "TimeoutSeconds": _LONGEST_SECONDS,
        "States": states,
    }


def _register(task: str) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::aws-sdk:ecs:registerTaskDefinition"),
        "Arguments": f"{{% $states.input.{task} %}}",
        "Retry": _AGAIN,
    }


def _worker_states(
    cluster: ClusterOutputs, network: NetworkOutputs, worker: Worker, made: WorkerOutputs, after: str
) -> dict[str, Any]:
    register = {
        **_register(key(worker.name)),
        "Output": '{% $merge([$states.input, {"revision": $states.result.TaskDefinition.TaskDefinitionArn}]) %}',
        "Next": "Move",
    }
    move = {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::aws-sdk:ecs:updateService"),
        "Arguments": {
            "Cluster": cluster.cluster,
            "Service": made.ecs_service,
            "TaskDefinition": "{% $states.input.revision %}",
            "DeploymentConfiguration": {
                "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
                "MaximumPercent": worker.maximum_percent,
                "MinimumHealthyPercent": worker.minimum_healthy_percent,
            },
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "AssignPublicIp": network.assign_public_ip,
                    "SecurityGroups": [made.security_group],
                    "Subnets": network.task_subnets,
                }
            },
        },
        "Output": (
            '{% $merge([$states.input, {"deployment": $states.result.Service.Deployments[Status = "PRIMARY"].Id}]) %}'
        ),
        "Retry": _AGAIN,
        "Next": "Wait",
    }
    look = {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::aws-sdk:ecs:describeServices"),
        "Arguments": {"Cluster": cluster.cluster, "Services": [made.ecs_service]},
        # A deployment that another one took the place of is not listed any more.
        "Output": (
            '{% $merge([$states.input, {"state": $string($states.result.Services[0]'
            '.Deployments[Id = $states.input.deployment].RolloutState) & ""}]) %}'
        ),
        "Retry": _AGAIN,
        "Next": "Judge",
    }
    judge = {
        "Type": "Choice",
        "Choices": [
            {"Condition": '{% $states.input.state = "COMPLETED" %}', "Next": after},
            {"Condition": '{% $states.input.state = "IN_PROGRESS" %}', "Next": "Wait"},
        ],
        "Default": "NotReleased",
    }
    failed = {
        "Type": "Fail",
        "Error": "ReleaseFailed",
        "Cause": "New tasks did not start or did not stay, or another deployment came between. ECS went back to the version before; the events of the ECS service say why.",
    }
    return {
        "Register": register,
        "Move": move,
        "Wait": {"Type": "Wait", "Seconds": _LOOK_EVERY_SECONDS, "Next": "Look"},
        "Look": look,
        "Judge": judge,
        "NotReleased": failed,
    }
