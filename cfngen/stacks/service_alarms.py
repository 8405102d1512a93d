"""Alarms of a service. Each sees both colours, or after a release it would watch an empty group (L1.1)."""

from __future__ import annotations

from typing import Any

from troposphere import GetAtt, Join, Sub, cloudwatch, ecs
from troposphere import elasticloadbalancingv2 as elb

from cfngen._frozen import dataclass
from cfngen.spec import Service
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.metrics import both, result
from cfngen.values import AlarmName

_LEAST_REQUESTS = 20  # of a minute; fewer say nothing about a share (L1.5)


@dataclass(frozen=True)
class ServiceAlarms:
    """`rollback` are those that send a release back: of the service only, so that another service's trouble, or
    the balancer's own, never undoes a good release.
    """

    composite: AlarmName
    rollback: tuple[AlarmName, ...]


def add(
    stack: Stack,
    cluster: ClusterOutputs,
    service: Service,
    made: ecs.Service,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
) -> ServiceAlarms:
    """Add the alarms of a service and the one that speaks for them."""

    def colours(metric: str, statistic: str, prefix: str = "") -> list[cloudwatch.MetricDataQuery]:
        return both(cluster, blue, green, metric, statistic, prefix)

    share = f"IF(requests > {_LEAST_REQUESTS}, 100 * (FILL(eblue, 0) + FILL(egreen, 0)) / requests, 0)"
    requests = cloudwatch.MetricDataQuery(
        Id="requests", Expression="FILL(rblue, 0) + FILL(rgreen, 0)", ReturnData=False
    )
    errors = _math(
        "ErrorsAlarm",
        f"{service.name}: more than 5 % of the requests fail",
        [
            *colours("HTTPCode_Target_5XX_Count", "Sum", "e"),
            *colours("RequestCount", "Sum", "r"),
            requests,
            result(share, "failed requests in %"),
        ],
        (">", 5, 3, 5),
    )
    latency = _math(
        "LatencyAlarm",
        f"{service.name}: one request in a hundred takes longer than two seconds",
        [
            *colours("TargetResponseTime", "p99"),
            *colours("RequestCount", "Sum", "r"),
            requests,
            result(f"IF(requests > {_LEAST_REQUESTS}, MAX([FILL(blue, 0), FILL(green, 0)]), 0)", "p99 in seconds"),
        ],
        (">", 2, 3, 5),
    )
    unhealthy = _math(
        "UnhealthyAlarm",
        f"{service.name}: a task fails its health check",
        [*colours("UnHealthyHostCount", "Maximum"), result("MAX([FILL(blue, 0), FILL(green, 0)])", "unhealthy tasks")],
        (">", 0, 5, 5),
    )
    nobody = _math(
        "NobodyAlarm",
        f"{service.name}: no healthy task",
        [*colours("HealthyHostCount", "Minimum"), result("FILL(blue, 0) + FILL(green, 0)", "healthy tasks")],
        ("<", 1, 2, 2),
        missing="breaching",
    )
    usage = [_usage(service, cluster, made, metric) for metric in ("CPU", "Memory")]
    alarms = [stack.add(alarm) for alarm in (errors, latency, unhealthy, nobody, *usage)]
    rule = Join(" OR ", [Sub(f'ALARM("${{{alarm.title}}}")') for alarm in alarms])
    composite = stack.add(
        cloudwatch.CompositeAlarm("Alarm", AlarmDescription=f"{service.name} needs a look", AlarmRule=rule)
    )
    return ServiceAlarms(
        composite=AlarmName(composite.ref()),
        rollback=tuple(AlarmName(alarm.ref()) for alarm in (errors, latency, unhealthy)),
    )


def _math(
    name: str,
    description: str,
    queries: list[cloudwatch.MetricDataQuery],
    limit: tuple[str, int, int, int],
    missing: str = "notBreaching",
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        name, AlarmDescription=description, Metrics=queries, TreatMissingData=missing, **_limit(*limit)
    )


def _usage(service: Service, cluster: ClusterOutputs, made: ecs.Service, metric: str) -> cloudwatch.Alarm:
    dimensions = {"ClusterName": cluster.cluster, "ServiceName": GetAtt(made, "Name")}
    return cloudwatch.Alarm(
        f"{metric.capitalize()}Alarm",
        AlarmDescription=f"{service.name}: {metric} above 85 % for ten of fifteen minutes",
        Namespace="AWS/ECS",
        MetricName=f"{metric}Utilization",
        Dimensions=[cloudwatch.MetricDimension(Name=name, Value=value) for name, value in dimensions.items()],
        Statistic="Average",
        Period=60,
        TreatMissingData="notBreaching",
        **_limit(">", 85, 10, 15),
    )


def _limit(comparison: str, threshold: int, of: int, periods: int) -> dict[str, Any]:
    operator = "GreaterThanThreshold" if comparison == ">" else "LessThanThreshold"
    return {
        "ComparisonOperator": operator,
        "Threshold": threshold,
        "DatapointsToAlarm": of,
        "EvaluationPeriods": periods,
    }
