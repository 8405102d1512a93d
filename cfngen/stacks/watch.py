"""What a person looks at: one alarm that speaks for all, one dashboard, the notice of a failed deployment."""

from __future__ import annotations

import json
from typing import Any

from troposphere import Region, Sub, cloudwatch

from cfngen._frozen import dataclass
from cfngen.spec import OffHours
from cfngen.spec.windows import WEEK
from cfngen.stack import Stack, title
from cfngen.stacks.charts import chart, scheduled_row, worker_row
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, arn
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs
from cfngen.stacks.notices import notice
from cfngen.stacks.scheduled import ScheduledOutputs
from cfngen.stacks.service import ServiceOutputs
from cfngen.stacks.worker import WorkerOutputs
from cfngen.times import clock
from cfngen.values import AlarmName, Text

_SETTLING_MINUTES = 30  # after the morning's start, before alarms count again


@dataclass(frozen=True)
class WatchOutputs:
    """The alarm that pages somebody, and the dashboard's name."""

    alarm: AlarmName
    dashboard: Text


def watch_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    services: tuple[ServiceOutputs, ...],
    off_hours: OffHours | None = None,
    workers: tuple[WorkerOutputs, ...] = (),
    scheduled: tuple[ScheduledOutputs, ...] = (),
    internal: InternalOutputs | None = None,
    *,
    has_public_balancer: bool = True,
    cell: str = "",
) -> WatchOutputs:
    """Alarms of alarms, a row of charts for each service with both its colours, and a notice of failed deployments.

    `cell` is what is watched, where that is not the first: ``cell-2``.
    """
    every: list[ServiceOutputs | WorkerOutputs | ScheduledOutputs] = [*services, *workers, *scheduled]
    rule = _any(
        {
            **(
                {"LoadBalancer": _balancer_alarm(stack, "BalancerAlarm", "The load balancer", cluster)}
                if has_public_balancer
                else {}
            ),
            **_of_internal(stack, internal),
            **{title(each.name): each.alarm for each in every},
            **({"Database": database.alarm} if database and database.alarm else {}),
        }
    )
    alarm = stack.add(
        cloudwatch.CompositeAlarm(
            "Alarm",
            AlarmDescription=f"{_shown(common, cell)} needs a look",
            AlarmRule=rule,
            AlarmActions=[foundation.alerts],
            OKActions=[foundation.alerts],
        )
    )
    if off_hours:
        _mute(stack, f"{common.name}-{cell}".removesuffix("-"), alarm, off_hours)
    _failed_deployments(stack, common, foundation, cluster)
    if workers:
        _failed_releases(stack, common, foundation, workers, cluster)
    dashboard = stack.add(
        cloudwatch.Dashboard(
            "Dashboard",
            DashboardBody=_dashboard(_shown(common, cell), database, cluster, services, workers, scheduled, internal),
        )
    )
    return WatchOutputs(alarm=AlarmName(alarm.ref()), dashboard=Text(dashboard.ref()))


def _of_internal(stack: Stack, internal: InternalOutputs | None) -> dict[str, AlarmName]:
    if internal is None:
        return {}
    alarm = _balancer_alarm(stack, "InternalBalancerAlarm", "The internal load balancer", internal)
    return {"InternalLoadBalancer": alarm}


def _balancer_alarm(stack: Stack, name: str, what: str, balancer: ClusterOutputs | InternalOutputs) -> AlarmName:
    """What the balancer answers itself, 502 to 504, is in no target group's metrics; it rolls no release back."""
    alarm = cloudwatch.Alarm(
        name,
        AlarmDescription=f"{what} itself fails requests",
        Namespace="AWS/ApplicationELB",
        MetricName="HTTPCode_ELB_5XX_Count",
        Dimensions=[cloudwatch.MetricDimension(Name="LoadBalancer", Value=balancer.load_balancer)],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=5,
        DatapointsToAlarm=3,
        ComparisonOperator="GreaterThanThreshold",
        Threshold=5,
        TreatMissingData="notBreaching",
    )
    return AlarmName(stack.add(alarm).ref())


def _any(alarms: dict[str, AlarmName]) -> Sub:
    return Sub(" OR ".join(f'ALARM("${{{name}}}")' for name in alarms), alarms)


def _failed_deployments(stack: Stack, common: Common, foundation: FoundationOutputs, cluster: ClusterOutputs) -> None:
    notice(
        stack,
        "DeploymentFailure",
        common,
        foundation,
        description="A deployment failed or was stopped",
        pattern={
            "source": ["aws.codedeploy"],
            "detail-type": ["CodeDeploy Deployment State-change Notification"],
            "detail": {"state": ["FAILURE", "STOP"], "application": [cluster.deploy_application]},
        },
        paths={"deployment": "$.detail.deploymentId", "group": "$.detail.deploymentGroup", "state": "$.detail.state"},
        message="Deployment <deployment> of <group> ended with <state>. Traffic is back on the version before, unless a rollback of its own is told next.",
    )


def _failed_releases(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    workers: tuple[WorkerOutputs, ...],
    cluster: ClusterOutputs,
) -> None:
    services = [
        arn("ecs", "service/${Cluster}/${Service}", Cluster=cluster.cluster, Service=each.ecs_service)
        for each in workers
    ]
    notice(
        stack,
        "ReleaseFailure",
        common,
        foundation,
        description="The release of a worker failed",
        pattern={
            "source": ["aws.ecs"],
            "detail-type": ["ECS Deployment State Change"],
            "resources": services,
            "detail": {"eventName": ["SERVICE_DEPLOYMENT_FAILED"]},
        },
        paths={"worker": "$.resources[0]", "reason": "$.detail.reason"},
        message="A release of <worker> failed: <reason>. ECS goes back to the version before.",
    )


def _mute(stack: Stack, name: str, alarm: cloudwatch.CompositeAlarm, off_hours: OffHours) -> None:
    """Alarms go on, nobody is paged: from each evening until the stage is back, over weekends too."""
    for minutes, days in sorted(_sleeps(off_hours).items()):
        start = clock(off_hours.start)
        stack.add(
            cloudwatch.AlarmMuteRule(
                f"OffHours{minutes}Minutes",
                Name=f"{name}-off-hours-{minutes}",
                Description="The stage sleeps",
                MuteTargets=cloudwatch.MuteTargets(AlarmNames=[alarm.ref()]),
                Rule=cloudwatch.Rule(
                    Schedule=cloudwatch.Schedule(
                        Expression=f"cron({start % 60} {start // 60} * * {','.join(days)})",
                        Duration=f"PT{minutes}M",
                        Timezone=off_hours.timezone,
                    )
                ),
            )
        )


def _sleeps(off_hours: OffHours) -> dict[int, list[str]]:
    """For each length of a sleep in minutes, the days on whose evening one of that length begins."""
    lengths: dict[int, list[str]] = {}
    start, end = clock(off_hours.start), clock(off_hours.end)
    for index, day in enumerate(WEEK):
        same_day = end > start and day in off_hours.working_days
        ahead = 0 if same_day else next(n for n in range(1, 8) if WEEK[(index + n) % 7] in off_hours.working_days)
        lengths.setdefault(ahead * 1440 + end - start + _SETTLING_MINUTES, []).append(day)
    return lengths


def _shown(common: Common, cell: str) -> str:
    return f"{common.application} {common.stage} {cell}".rstrip()


def _dashboard(
    name: str,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    services: tuple[ServiceOutputs, ...],
    workers: tuple[WorkerOutputs, ...],
    scheduled: tuple[ScheduledOutputs, ...],
    internal: InternalOutputs | None,
) -> Sub:
    """The body as JSON; what only the deployment knows is filled in by Sub, for no transform is used (L2.5)."""
    users = {} if all(each.is_internal for each in services) else {"Balancer": cluster.load_balancer}
    known: dict[str, Any] = {"Region": Region, **users, "Cluster": cluster.cluster}
    widgets: list[dict[str, Any]] = [
        {
            "type": "text",
            "x": 0,
            "y": 0,
            "width": 24,
            "height": 1,
            "properties": {"markdown": f"# {name}"},
        }
    ]
    for row, service in enumerate(services):
        key = f"S{row}"
        known |= {f"{key}Blue": service.blue, f"{key}Green": service.green, f"{key}Service": service.ecs_service}
        if service.is_internal and internal:
            known["InternalBalancer"] = internal.load_balancer
        balancer = "InternalBalancer" if service.is_internal else "Balancer"
        widgets += _service_row(service.name, key, 1 + row * 6, balancer)
    y = 1 + len(services) * 6
    for number, worker in enumerate(workers):
        widgets += worker_row(worker, f"W{number}", y, known)
        y += 6
    for number, task in enumerate(scheduled):
        widgets += scheduled_row(task, f"T{number}", y, known)
        y += 6
    if database and (watched := database.instance or database.cluster):
        known["Database"] = watched
        widgets += _database_row(y, is_cluster=database.instance is None)
    lines = ",\n".join(json.dumps(widget, separators=(",", ":")) for widget in widgets)
    return Sub(f'{{"widgets":[\n{lines}\n]}}', known)


def _service_row(name: str, key: str, y: int, balancer: str) -> list[dict[str, Any]]:
    def colours(metric: str, statistic: str) -> list[list[Any]]:
        return [
            [
                "AWS/ApplicationELB",
                metric,
                "LoadBalancer",
                f"${{{balancer}}}",
                "TargetGroup",
                f"${{{key}{colour}}}",
                {"label": colour.lower(), "stat": statistic, "color": shade},
            ]
            for colour, shade in (("Blue", "#1f77b4"), ("Green", "#2ca02c"))
        ]

    usage = [
        [
            "AWS/ECS",
            f"{metric}Utilization",
            "ClusterName",
            "${Cluster}",
            "ServiceName",
            f"${{{key}Service}}",
            {"label": metric},
        ]
        for metric in ("CPU", "Memory")
    ]
    return [
        chart(f"{name}: requests", colours("RequestCount", "Sum"), 0, y),
        chart(f"{name}: failed requests", colours("HTTPCode_Target_5XX_Count", "Sum"), 5, y),
        chart(f"{name}: latency p99", colours("TargetResponseTime", "p99"), 10, y),
        chart(f"{name}: healthy tasks", colours("HealthyHostCount", "Minimum"), 15, y),
        chart(f"{name}: CPU and memory %", usage, 20, y, width=4),
    ]


def _database_row(y: int, *, is_cluster: bool) -> list[dict[str, Any]]:
    of_a_cluster = (
        ("capacity in ACU", "ServerlessDatabaseCapacity"),
        ("connections", "DatabaseConnections"),
        ("storage", "VolumeBytesUsed"),
        ("capacity used %", "ACUUtilization"),
    )
    of_an_instance = (
        ("CPU %", "CPUUtilization"),
        ("connections", "DatabaseConnections"),
        ("free storage", "FreeStorageSpace"),
        ("free memory", "FreeableMemory"),
    )
    dimension = "DBClusterIdentifier" if is_cluster else "DBInstanceIdentifier"
    return [
        chart(f"database: {label}", [["AWS/RDS", metric, dimension, "${Database}"]], index * 6, y, width=6)
        for index, (label, metric) in enumerate(of_a_cluster if is_cluster else of_an_instance)
    ]
