"""The migration of a service: its own new image, run once as a task, whose exit code decides."""

from __future__ import annotations

from typing import Any

from awacs import ecs as ecs_actions
from awacs import events as event_actions
from awacs import iam as iam_actions
from awacs import states as state_actions
from awacs.aws import ArnEquals, Statement
from troposphere import GetAtt, Sub, stepfunctions

from cfngen import placeholders
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn, from_this_account, pass_to, role, trust
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.service import ServiceOutputs

TASK_DEFINITION = "MIGRATION_TASK_DEFINITION"
"""The build's exported variable: the revision that it registered for this image."""


def machine(
    stack: Stack, common: Common, cluster: ClusterOutputs, network: NetworkOutputs, made: ServiceOutputs
) -> stepfunctions.StateMachine:
    """Runs the task in the service's own subnets and group, waits for its end and looks at its exit code."""
    family = placeholders.family(common.application, common.stage, made.name, placeholders.MIGRATION)
    in_cluster = ArnEquals("ecs:cluster", arn("ecs", "cluster/${Cluster}", Cluster=cluster.cluster))
    statements = [
        allow([ecs_actions.RunTask], arn("ecs", f"task-definition/{family}:*"), in_cluster),
        allow(
            [ecs_actions.DescribeTasks, ecs_actions.StopTask], arn("ecs", "task/${Cluster}/*", Cluster=cluster.cluster)
        ),
        allow([iam_actions.PassRole], [made.migration_role, made.task_role], pass_to("ecs-tasks")),
        # Step Functions hears of the task's end by a rule that it manages itself.
        allow(
            [event_actions.DescribeRule, event_actions.PutRule, event_actions.PutTargets],
            arn("events", "rule/StepFunctionsGetEventsForECSTaskRule"),
        ),
    ]
    made_role = role(
        stack, "MigrationRole", common, trust("states", from_this_account("states:stateMachine:*")), statements
    )
    return stack.add(
        stepfunctions.StateMachine(
            "Migration",
            StateMachineType="STANDARD",
            RoleArn=GetAtt(made_role, "Arn"),
            Definition=_definition(cluster, network, made),
        )
    )


def rights(made: stepfunctions.StateMachine) -> list[Statement]:
    """What a pipeline needs to run the machine and to see how it ends."""
    return [
        allow([state_actions.DescribeStateMachine, state_actions.StartExecution], made.ref()),
        allow([state_actions.DescribeExecution], arn("states", "execution:${Machine}:*", Machine=GetAtt(made, "Name"))),
    ]


def _definition(cluster: ClusterOutputs, network: NetworkOutputs, made: ServiceOutputs) -> dict[str, Any]:
    run = {
        "Type": "Task",
        "Resource": Sub("arn:${AWS::Partition}:states:::ecs:runTask.sync"),
        "TimeoutSeconds": 3600,
        "Arguments": {
            "Cluster": cluster.cluster,
            "TaskDefinition": "{% $states.input.taskDefinition %}",
            "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1}],
            "NetworkConfiguration": {
                "AwsvpcConfiguration": {
                    "AssignPublicIp": network.assign_public_ip,
                    "SecurityGroups": [made.security_group],
                    "Subnets": network.task_subnets,
                }
            },
        },
        "Output": {"exitCode": "{% $states.result.Containers[0].ExitCode %}"},
        "Next": "Judge",
    }
    judge = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input.exitCode = 0 %}", "Next": "Migrated"}],
        "Default": "NotMigrated",
    }
    failed = {
        "Type": "Fail",
        "Error": "MigrationFailed",
        "Cause": "The migration ended with another exit code than 0; its log says why, and nothing was released.",
    }
    return {
        "Comment": "Change the database before a release",
        "QueryLanguage": "JSONata",
        "StartAt": "Run",
        "States": {"Run": run, "Judge": judge, "Migrated": {"Type": "Succeed"}, "NotMigrated": failed},
    }
