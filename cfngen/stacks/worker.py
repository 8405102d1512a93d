"""One worker: its repository, roles, security group, first revision, ECS service, scaling and alarms.

Write-once, as under CodeDeploy: the ECS service and its first revision. CloudFormation sends every property of a service
that it updates (A3.3), the revision among them, so any change would put the worker back on its first revision. What may
change rides in taskdef.json and in the machine that releases it (`cfngen.stacks.release`).
"""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, cloudwatch, ec2, ecs
from troposphere import applicationautoscaling as aas

from cfngen._frozen import dataclass
from cfngen.spec import OffHours, Worker
from cfngen.stack import Stack
from cfngen.stacks import alarms, scaling
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, log_group, role_arn
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs, let_call
from cfngen.stacks.network import Birth, NetworkOutputs
from cfngen.stacks.queue import QueueOutputs, consuming, sending
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

_FOR_EVER = ["tail", "-f", "/dev/null"]
"""Waits for the first release and does nothing; both are in the bootstrap image."""


@dataclass(frozen=True)
class WorkerOutputs(TaskOutputs):
    """What a pipeline and a dashboard need of a worker."""

    ecs_service: Text
    alarm: AlarmName
    queue: QueueOutputs | None


def worker_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    worker: Worker,
    bootstrap_image: str,
    queue: QueueOutputs | None = None,
    rights: tuple[QueueOutputs, ...] = (),
    access: Access | None = None,
    off_hours: OffHours | None = None,
    internal: InternalOutputs | None = None,
    *,
    is_public: bool = False,
) -> WorkerOutputs:
    """A worker, born with a revision that only waits, with a public address or without. `queue` is its own, `rights` are those that it may send to,
    `internal` is the balancer of the services that it calls.
    """
    stack.describe(f"Worker {worker.name}: image repository, tasks, scaling, alarms")
    repository = image_repository(stack, common, foundation)
    group = log_group(stack, "LogGroup", common, foundation.key)
    execution, task = roles(
        stack,
        common,
        foundation,
        database,
        worker,
        repository,
        group,
        bootstrap_image,
        access,
        [*(consuming(queue) if queue else ()), *sending(rights)],
    )
    tasks = security_group(stack, network, "Tasks of a worker")
    egress(stack, tasks, worker, database if access else None)
    let_call(stack, tasks, worker.name, internal)
    first = first_revision(stack, common, worker.name, bootstrap_image, _FOR_EVER, execution, task, group)
    made = _ecs_service(stack, cluster, network.birth(is_public=is_public), first, tasks)
    _scale(stack, worker, cluster, made, queue, off_hours)
    return WorkerOutputs(
        name=worker.name,
        repository=RepositoryUri(GetAtt(repository, "RepositoryUri")),
        repository_arn=Arn(GetAtt(repository, "Arn")),
        execution_role=role_arn(execution),
        task_role=role_arn(task),
        migration_role=None,
        log_group=Text(group.ref()),
        security_group=SecurityGroupId(GetAtt(tasks, "GroupId")),
        ecs_service=Text(GetAtt(made, "Name")),
        alarm=_alarms(stack, worker, cluster, made, queue),
        queue=queue,
    )


def _ecs_service(
    stack: Stack, cluster: ClusterOutputs, birth: Birth, first: ecs.TaskDefinition, tasks: ec2.SecurityGroup
) -> ecs.Service:
    return stack.add(
        ecs.Service(
            "Service",
            Cluster=cluster.cluster,
            TaskDefinition=first.ref(),
            DeploymentController=ecs.DeploymentController(Type="ECS"),
            # Of the first deployment alone; each release brings its own.
            DeploymentConfiguration=ecs.DeploymentConfiguration(
                DeploymentCircuitBreaker=ecs.DeploymentCircuitBreaker(Enable=True, Rollback=True),
                MaximumPercent=200,
                MinimumHealthyPercent=100,
            ),
            CapacityProviderStrategy=[ecs.CapacityProviderStrategyItem(CapacityProvider="FARGATE", Base=0, Weight=1)],
            DesiredCount=1,  # where it begins; then Application Auto Scaling owns it (A3.3)
            EnableECSManagedTags=True,
            PropagateTags="TASK_DEFINITION",
            NetworkConfiguration=ecs.NetworkConfiguration(
                AwsvpcConfiguration=ecs.AwsvpcConfiguration(
                    AssignPublicIp=birth.assign_public_ip,
                    SecurityGroups=[GetAtt(tasks, "GroupId")],
                    Subnets=birth.subnets,
                )
            ),
        )
    )


def _scale(
    stack: Stack,
    worker: Worker,
    cluster: ClusterOutputs,
    made: ecs.Service,
    queue: QueueOutputs | None,
    off_hours: OffHours | None,
) -> None:
    target = scaling.limits(stack, worker.scaling, cluster, made, off_hours)
    scaling.follow_usage(stack, target, worker.scaling)
    if not worker.scaling.messages_per_task or queue is None:
        return
    scaling.follow(
        stack,
        target,
        "BacklogScaling",
        worker.scaling.messages_per_task,
        CustomizedMetricSpecification=_backlog(cluster, made, queue),
    )
    if worker.scaling.minimum == 0:
        _wake(stack, worker, cluster, made, queue, target)


def _backlog(cluster: ClusterOutputs, made: ecs.Service, queue: QueueOutputs) -> aas.CustomizedMetricSpecification:
    """Messages to one running task. Those that are being worked on count too, or the last task would be ended over them."""
    queries = [
        aas.TargetTrackingMetricDataQuery(
            Id=name,
            ReturnData=False,
            MetricStat=aas.TargetTrackingMetricStat(
                Stat=statistic,
                Metric=aas.TargetTrackingMetric(
                    Namespace=namespace,
                    MetricName=metric,
                    Dimensions=[
                        aas.TargetTrackingMetricDimension(Name=key, Value=value) for key, value in dimensions.items()
                    ],
                ),
            ),
        )
        for name, namespace, metric, statistic, dimensions in _counted(cluster, made, queue)
    ]
    total = aas.TargetTrackingMetricDataQuery(
        Id="backlog",
        Expression="(FILL(waiting, 0) + FILL(working, 0)) / IF(FILL(tasks, 1) > 1, tasks, 1)",
        Label="messages to one task",
        ReturnData=True,
    )
    return aas.CustomizedMetricSpecification(Metrics=[*queries, total])


def _counted(
    cluster: ClusterOutputs, made: ecs.Service, queue: QueueOutputs
) -> list[tuple[str, str, str, str, dict[str, Any]]]:
    of_queue: dict[str, Any] = {"QueueName": queue.queue_name}
    of_service = {"ClusterName": cluster.cluster, "ServiceName": GetAtt(made, "Name")}
    return [
        ("waiting", "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Sum", of_queue),
        ("working", "AWS/SQS", "ApproximateNumberOfMessagesNotVisible", "Sum", of_queue),
        ("tasks", "ECS/ContainerInsights", "RunningTaskCount", "Average", of_service),
    ]


def _wake(
    stack: Stack,
    worker: Worker,
    cluster: ClusterOutputs,
    made: ecs.Service,
    queue: QueueOutputs,
    target: aas.ScalableTarget,
) -> None:
    """Start the first task: a target that is tracked multiplies the tasks that there are, and none stays none."""
    policy = stack.add(
        aas.ScalingPolicy(
            "WakeUp",
            PolicyName="WakeUp",
            PolicyType="StepScaling",
            ScalingTargetId=target.ref(),
            StepScalingPolicyConfiguration=aas.StepScalingPolicyConfiguration(
                AdjustmentType="ChangeInCapacity",
                Cooldown=300,
                StepAdjustments=[aas.StepAdjustment(MetricIntervalLowerBound=0, ScalingAdjustment=1)],
            ),
        )
    )
    queries = [
        cloudwatch.MetricDataQuery(
            Id=name,
            ReturnData=False,
            MetricStat=cloudwatch.MetricStat(
                Stat=statistic,
                Period=60,
                Metric=cloudwatch.Metric(
                    Namespace=namespace,
                    MetricName=metric,
                    Dimensions=[cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()],
                ),
            ),
        )
        for name, namespace, metric, statistic, dimensions in _counted(cluster, made, queue)
        if name != "working"
    ]
    asleep = cloudwatch.MetricDataQuery(
        Id="asleep",
        Expression="IF(FILL(tasks, 0) < 1, FILL(waiting, 0), 0)",
        Label="messages that wait for no task",
        ReturnData=True,
    )
    stack.add(
        cloudwatch.Alarm(
            "AsleepAlarm",
            AlarmDescription=f"{worker.name}: a message waits and no task runs; the first one is started",
            Metrics=[*queries, asleep],
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            Threshold=1,
            EvaluationPeriods=1,
            TreatMissingData="notBreaching",
            AlarmActions=[policy.ref()],
        )
    )


def _alarms(
    stack: Stack, worker: Worker, cluster: ClusterOutputs, made: ecs.Service, queue: QueueOutputs | None
) -> AlarmName:
    of_service = {"ClusterName": cluster.cluster, "ServiceName": GetAtt(made, "Name")}
    found = [
        alarms.metric_alarm(
            f"{metric.capitalize()}Alarm",
            f"{worker.name}: {metric} above 85 % for ten of fifteen minutes",
            f"AWS/ECS:{metric}Utilization",
            of_service,
            above=85,
            statistic="Average",
            points=(10, 15),
        )
        for metric in ("CPU", "Memory")
    ]
    if min(worker.scaling.minimum, *(each.minimum for each in worker.scaling.schedule), 1):
        found.append(_nobody(worker, of_service))
    if worker.queue and queue:
        age = worker.queue.oldest_message_minutes
        found += [
            alarms.metric_alarm(
                "OldestMessageAlarm",
                f"{worker.name}: a message waits longer than {age} minutes",
                "AWS/SQS:ApproximateAgeOfOldestMessage",
                {"QueueName": queue.queue_name},
                above=age * 60,
                points=(3, 5),
            ),
            alarms.dead_letters(
                f"{worker.name}: a message could not be worked on and is in the dead-letter queue", queue.dead_letters
            ),
        ]
    return alarms.one_for_all(stack, worker.name, found)


def _nobody(worker: Worker, of_service: dict[str, Any]) -> cloudwatch.Alarm:
    alarm = alarms.metric_alarm(
        "NobodyAlarm",
        f"{worker.name}: no task runs",
        "ECS/ContainerInsights:RunningTaskCount",
        of_service,
        above=1,
        statistic="Minimum",
        points=(5, 5),
    )
    alarm.ComparisonOperator, alarm.TreatMissingData = "LessThanThreshold", "breaching"
    return alarm
