"""One scheduled task: what starts it, as whom it runs, where starts that failed wait, and who hears of it.

The schedule names the family of the task's revisions, not one of them, so that each run takes the newest; its pipeline, or
that of the one whose image it runs, registers one when a release is through. So no update of this stack, and no update
that is rolled back, leads to an older image: it never says which one.
"""

from __future__ import annotations

from typing import Any

from awacs import ecs as ecs_actions
from awacs import iam as iam_actions
from awacs import sqs as sqs_actions
from awacs.aws import ArnEquals, StringEquals
from troposphere import GetAtt, ec2, ecs, iam, scheduler, sqs

from cfngen import placeholders
from cfngen._frozen import dataclass
from cfngen.spec import ScheduledTask
from cfngen.stack import Stack
from cfngen.stacks import alarms
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn, from_this_account, given, log_group, pass_to, role, role_arn, trust
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs, let_call
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.notices import notice
from cfngen.stacks.queue import QueueOutputs, dead_letter_queue, sending
from cfngen.stacks.task import (
    Access,
    TaskOutputs,
    egress,
    first_revision,
    image_repository,
    roles,
    security_group,
)
from cfngen.values import AlarmName, Arn, RepositoryUri, SecurityGroupId, Text

_NOTHING = ["true"]
"""What runs before the first release: it ends at once, and well."""


@dataclass(frozen=True)
class ScheduledOutputs(TaskOutputs):
    """What a pipeline and a dashboard need of a scheduled task; `group` is that of its schedule."""

    group: Text
    dead_letters: Text
    alarm: AlarmName


def scheduled_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    task: ScheduledTask,
    bootstrap_image: str,
    owner: TaskOutputs | None = None,
    rights: tuple[QueueOutputs, ...] = (),
    access: Access | None = None,
    internal: InternalOutputs | None = None,
) -> ScheduledOutputs:
    """A scheduled task; `owner` is the one whose image it runs, `rights` are the queues that it may send to,
    `internal` is the balancer of the services that it calls.
    """
    stack.describe(f"Scheduled task {task.name}: schedule, roles, dead-letter queue, alarms")
    made = None if owner else image_repository(stack, common, foundation)
    repository = owner.repository_arn if owner else Arn(GetAtt("Repository", "Arn"))
    group = log_group(stack, "LogGroup", common, foundation.key)
    execution, own = roles(
        stack, common, foundation, database, task, repository, group, bootstrap_image, access, sending(rights)
    )
    tasks = security_group(stack, network, "A scheduled task")
    egress(stack, tasks, task, database if access else None)
    let_call(stack, tasks, task.name, internal)
    first = first_revision(stack, common, task.name, bootstrap_image, _NOTHING, execution, own, group)
    dead = dead_letter_queue(stack)
    schedules = stack.add(scheduler.ScheduleGroup("ScheduleGroup", Name=f"{common.name}-{task.name}"))
    starter = _starter(stack, common, cluster, task, dead, [GetAtt(execution, "Arn"), GetAtt(own, "Arn")])
    _schedule(stack, common, network, cluster, task, first, tasks, dead, starter, schedules)
    return ScheduledOutputs(
        name=task.name,
        repository=owner.repository if owner else RepositoryUri(GetAtt(made, "RepositoryUri")),
        repository_arn=repository,
        execution_role=role_arn(execution),
        task_role=role_arn(own),
        migration_role=None,
        log_group=Text(group.ref()),
        security_group=SecurityGroupId(GetAtt(tasks, "GroupId")),
        group=Text(schedules.ref()),
        dead_letters=Text(GetAtt(dead, "QueueName")),
        alarm=_alarms(stack, common, foundation, cluster, task, dead),
    )


def _family(common: Common, task: ScheduledTask) -> str:
    return placeholders.family(common.application, common.stage, task.name)


def _starter(
    stack: Stack, common: Common, cluster: ClusterOutputs, task: ScheduledTask, dead: sqs.Queue, roles: list[Any]
) -> iam.Role:
    """As whom Scheduler starts this one task, in this one cluster."""
    family = _family(common, task)
    in_cluster = ArnEquals("ecs:cluster", arn("ecs", "cluster/${Cluster}", Cluster=cluster.cluster))
    return role(
        stack,
        "ScheduleRole",
        common,
        # Scheduler tells the group of a schedule, never the schedule (Scheduler guide, confused deputy).
        trust("scheduler", from_this_account(f"scheduler:schedule-group/{common.name}-{task.name}")),
        [
            allow(
                [ecs_actions.RunTask],
                [arn("ecs", f"task-definition/{family}"), arn("ecs", f"task-definition/{family}:*")],
                in_cluster,
            ),
            # The tags of the revision go over to the task, which is a right of its own (ECS guide, tagging at creation).
            allow(
                [ecs_actions.TagResource],
                arn("ecs", "task/${Cluster}/*", Cluster=cluster.cluster),
                StringEquals("ecs:CreateAction", "RunTask"),
            ),
            allow([iam_actions.PassRole], roles, pass_to("ecs-tasks")),
            allow([sqs_actions.SendMessage], GetAtt(dead, "Arn")),
        ],
    )


def _schedule(
    stack: Stack,
    common: Common,
    network: NetworkOutputs,
    cluster: ClusterOutputs,
    task: ScheduledTask,
    first: ecs.TaskDefinition,
    tasks: ec2.SecurityGroup,
    dead: sqs.Queue,
    starter: iam.Role,
    group: scheduler.ScheduleGroup,
) -> None:
    flexible = task.flexible_minutes
    target = scheduler.Target(
        Arn=arn("ecs", "cluster/${Cluster}", Cluster=cluster.cluster),
        RoleArn=GetAtt(starter, "Arn"),
        DeadLetterConfig=scheduler.DeadLetterConfig(Arn=GetAtt(dead, "Arn")),
        RetryPolicy=scheduler.RetryPolicy(
            MaximumRetryAttempts=task.retries, MaximumEventAgeInSeconds=task.give_up_after_minutes * 60
        ),
        EcsParameters=scheduler.EcsParameters(
            TaskDefinitionArn=arn("ecs", f"task-definition/{_family(common, task)}"),
            TaskCount=1,
            CapacityProviderStrategy=[
                scheduler.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=0, Weight=1)
            ],
            EnableECSManagedTags=True,
            PropagateTags="TASK_DEFINITION",
            NetworkConfiguration=scheduler.NetworkConfiguration(
                AwsvpcConfiguration=scheduler.AwsVpcConfiguration(
                    AssignPublicIp=network.assign_public_ip,
                    SecurityGroups=[GetAtt(tasks, "GroupId")],
                    Subnets=network.task_subnets,
                )
            ),
        ),
    )
    stack.add(
        scheduler.Schedule(
            "Schedule",
            DependsOn=[first.title],  # a family without a revision could not be started
            Description=f"Starts {task.name}",
            GroupName=group.ref(),
            ScheduleExpression=task.schedule,
            ScheduleExpressionTimezone=task.timezone,
            FlexibleTimeWindow=scheduler.FlexibleTimeWindow(
                Mode="FLEXIBLE" if flexible else "OFF", **given(MaximumWindowInMinutes=flexible)
            ),
            State="ENABLED",
            Target=target,
        )
    )


def _alarms(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    cluster: ClusterOutputs,
    task: ScheduledTask,
    dead: sqs.Queue,
) -> AlarmName:
    """A run that failed is told at once, in a sentence, and as an alarm by the number of events that the notice matched."""
    rule = notice(
        stack,
        "FailedRun",
        common,
        foundation,
        description=f"A run of {task.name} failed",
        pattern={
            "source": ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            "detail": {
                "clusterArn": [arn("ecs", "cluster/${Cluster}", Cluster=cluster.cluster)],
                "group": [f"family:{_family(common, task)}"],
                "lastStatus": ["STOPPED"],
                "$or": [
                    {"containers": {"exitCode": [{"anything-but": [0]}]}},
                    {"stopCode": ["TaskFailedToStart"]},
                ],
            },
        },
        paths={"task": "$.detail.taskArn", "reason": "$.detail.stoppedReason"},
        message=f"{task.name} of {common.application} {common.stage} did not end well: <reason> (<task>). Its log says why; it starts again at its next time.",
    )
    failed = alarms.metric_alarm(
        "FailedRunAlarm",
        f"{task.name}: a run failed",
        "AWS/Events:TriggeredRules",
        {"RuleName": rule.ref()},
        above=0,
        statistic="Sum",
        period=300,
    )
    unstarted = alarms.dead_letters(
        f"{task.name}: it could not be started, and the start is in the dead-letter queue", GetAtt(dead, "QueueName")
    )
    return alarms.one_for_all(stack, task.name, [failed, unstarted])
