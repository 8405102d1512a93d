"""Metrics that see both colours of a service, for alarms and scaling: after a release the one group is empty."""

from __future__ import annotations

from troposphere import GetAtt, cloudwatch
from troposphere import elasticloadbalancingv2 as elb

from cfngen.stacks.cluster import ClusterOutputs


def both(
    cluster: ClusterOutputs,
    blue: elb.TargetGroup,
    green: elb.TargetGroup,
    metric: str,
    statistic: str,
    prefix: str = "",
) -> list[cloudwatch.MetricDataQuery]:
    """One metric of the balancer for each colour, as ``<prefix>blue`` and ``<prefix>green``, to be used in an expression."""
    return [
        cloudwatch.MetricDataQuery(
            Id=f"{prefix}{colour}",
            ReturnData=False,
            MetricStat=cloudwatch.MetricStat(
                Metric=cloudwatch.Metric(
                    Namespace="AWS/ApplicationELB",
                    MetricName=metric,
                    Dimensions=[
                        cloudwatch.MetricDimension(Name="LoadBalancer", Value=cluster.load_balancer),
                        cloudwatch.MetricDimension(Name="TargetGroup", Value=GetAtt(group, "TargetGroupFullName")),
                    ],
                ),
                Period=60,
                Stat=statistic,
            ),
        )
        for colour, group in (("blue", blue), ("green", green))
    ]


def result(expression: str, label: str) -> cloudwatch.MetricDataQuery:
    """The expression whose value an alarm compares."""
    return cloudwatch.MetricDataQuery(Id="result", Expression=expression, Label=label, ReturnData=True)
