"""Alarms of tasks that no balancer asks anything: of workers and scheduled tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import Join, Sub, cloudwatch

from cfngen.stack import Stack
from cfngen.values import AlarmName, Text


def metric_alarm(
    name: str,
    description: str,
    metric: str,
    dimensions: Mapping[str, Any],
    *,
    above: float,
    statistic: str = "Maximum",
    period: int = 60,
    points: tuple[int, int] = (1, 1),
) -> cloudwatch.Alarm:
    """An alarm on one metric, ``Namespace/Part:Metric``; `points` are how many data points of how many have to be `above`."""
    namespace, _, name_of_metric = metric.partition(":")
    return cloudwatch.Alarm(
        name,
        AlarmDescription=description,
        Namespace=namespace,
        MetricName=name_of_metric,
        Dimensions=[cloudwatch.MetricDimension(Name=key, Value=value) for key, value in dimensions.items()],
        Statistic=statistic,
        Period=period,
        DatapointsToAlarm=points[0],
        EvaluationPeriods=points[1],
        ComparisonOperator="GreaterThanThreshold",
        Threshold=above,
        TreatMissingData="notBreaching",
    )


def dead_letters(description: str, queue: Text | Any) -> cloudwatch.Alarm:
    """Something is in a dead-letter queue; it rings until somebody took it out."""
    return metric_alarm(
        "DeadLettersAlarm",
        description,
        "AWS/SQS:ApproximateNumberOfMessagesVisible",
        {"QueueName": queue},
        above=0,
    )


def one_for_all(stack: Stack, name: str, alarms: list[cloudwatch.Alarm]) -> AlarmName:
    """Add alarms, and the one that speaks for them."""
    for alarm in alarms:
        stack.add(alarm)
    rule = Join(" OR ", [Sub(f'ALARM("${{{alarm.title}}}")') for alarm in alarms])
    made = stack.add(cloudwatch.CompositeAlarm("Alarm", AlarmDescription=f"{name} needs a look", AlarmRule=rule))
    return AlarmName(made.ref())
