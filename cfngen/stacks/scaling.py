"""How many tasks of a service run: one owner of the desired count (B5.9), several targets to follow."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Join, ecs
from troposphere import applicationautoscaling as aas
from troposphere import elasticloadbalancingv2 as elb

from cfngen.spec import OffHours, Scaling, WorkerScaling
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.times import clock


def scale(
    stack: Stack,
    scaling: Scaling,
    cluster: ClusterOutputs,
    service: ecs.Service,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
    off_hours: OffHours | None,
) -> None:
    """Register the service with Application Auto Scaling, and follow each target that is set."""
    target = limits(stack, scaling, cluster, service, off_hours)
    follow_usage(stack, target, scaling)
    if scaling.requests_per_minute:
        # The predefined metric names one target group, which is empty after every other release (B5.3, B5.4).
        follow(
            stack,
            target,
            "RequestScaling",
            scaling.requests_per_minute,
            CustomizedMetricSpecification=_requests(cluster, blue, green),
        )


def limits(
    stack: Stack,
    scaling: Scaling | WorkerScaling,
    cluster: ClusterOutputs,
    service: ecs.Service,
    off_hours: OffHours | None,
) -> aas.ScalableTarget:
    """Register an ECS service: how many tasks of it there may be, and when others."""
    return stack.add(
        aas.ScalableTarget(
            "ScalableTarget",
            ServiceNamespace="ecs",
            ScalableDimension="ecs:service:DesiredCount",
            ResourceId=Join("/", ["service", cluster.cluster, GetAtt(service, "Name")]),
            MinCapacity=scaling.minimum,
            MaxCapacity=scaling.maximum,
            ScheduledActions=_scheduled(scaling, off_hours),
        )
    )


def follow_usage(stack: Stack, target: aas.ScalableTarget, scaling: Scaling | WorkerScaling) -> None:
    """Follow the CPU and memory of the tasks, where the description says so."""
    if scaling.cpu_percent:
        follow(
            stack,
            target,
            "CpuScaling",
            scaling.cpu_percent,
            PredefinedMetricSpecification=_predefined("ECSServiceAverageCPUUtilization"),
        )
    if scaling.memory_percent:
        follow(
            stack,
            target,
            "MemoryScaling",
            scaling.memory_percent,
            PredefinedMetricSpecification=_predefined("ECSServiceAverageMemoryUtilization"),
        )


def _scheduled(scaling: Scaling | WorkerScaling, off_hours: OffHours | None) -> list[aas.ScheduledAction]:
    actions = [
        _action(each.name, each.schedule, each.timezone, each.minimum, each.maximum)
        for each in sorted(scaling.schedule, key=lambda s: s.name)
    ]
    if off_hours:
        evening, morning = clock(off_hours.start), clock(off_hours.end)
        actions += [
            _action(
                "off-hours-end",
                f"cron({morning % 60} {morning // 60} ? * {off_hours.days} *)",
                off_hours.timezone,
                scaling.minimum,
                scaling.maximum,
            ),
            _action("off-hours-start", f"cron({evening % 60} {evening // 60} ? * * *)", off_hours.timezone, 0, 0),
        ]
    return actions


def _action(name: str, schedule: str, timezone: str, minimum: int, maximum: int) -> aas.ScheduledAction:
    limits = aas.ScalableTargetAction(MinCapacity=minimum, MaxCapacity=maximum)
    return aas.ScheduledAction(
        ScheduledActionName=name, Schedule=schedule, Timezone=timezone, ScalableTargetAction=limits
    )


def _predefined(metric: str) -> aas.PredefinedMetricSpecification:
    return aas.PredefinedMetricSpecification(PredefinedMetricType=metric)


def _requests(
    cluster: ClusterOutputs, blue: elb.TargetGroup, green: elb.TargetGroup
) -> aas.CustomizedMetricSpecification:
    queries = [
        aas.TargetTrackingMetricDataQuery(
            Id=colour,
            ReturnData=False,
            MetricStat=aas.TargetTrackingMetricStat(
                Stat="Sum",
                Metric=aas.TargetTrackingMetric(
                    Namespace="AWS/ApplicationELB",
                    MetricName="RequestCountPerTarget",
                    Dimensions=[
                        aas.TargetTrackingMetricDimension(Name="LoadBalancer", Value=cluster.load_balancer),
                        aas.TargetTrackingMetricDimension(
                            Name="TargetGroup", Value=GetAtt(group, "TargetGroupFullName")
                        ),
                    ],
                ),
            ),
        )
        for colour, group in (("blue", blue), ("green", green))
    ]
    total = aas.TargetTrackingMetricDataQuery(
        Id="total", Expression="FILL(blue, 0) + FILL(green, 0)", Label="requests to one task", ReturnData=True
    )
    return aas.CustomizedMetricSpecification(Metrics=[*queries, total])


def follow(stack: Stack, target: aas.ScalableTarget, name: str, value: int, **metric: Any) -> None:
    """Keep a metric at a value by more or fewer tasks."""
    stack.add(
        aas.ScalingPolicy(
            name,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            ScalingTargetId=target.ref(),
            TargetTrackingScalingPolicyConfiguration=aas.TargetTrackingScalingPolicyConfiguration(
                TargetValue=value, ScaleOutCooldown=60, ScaleInCooldown=300, **metric
            ),
        )
    )
