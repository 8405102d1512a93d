"""Stack functions to try stacks with: a queue, a reader of it, subnets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, ec2, sqs

from cfngen import (
    Stack,
)
from cfngen.values import SubnetIds, Text, VpcId


@dataclass(frozen=True)
class QueueOutputs:
    url: Text
    arn: Text


def queue_stack(stack: Stack, days: int = 4) -> QueueOutputs:
    """Letters that wait."""
    queue = stack.add(sqs.Queue("Letters", MessageRetentionPeriod=days * 86400))
    return QueueOutputs(url=Text(queue.ref()), arn=Text(GetAtt(queue, "Arn")))


def reader_stack(stack: Stack, url: object, name: str = "Reader") -> None:
    stack.add(sqs.Queue(name, QueueName=url))


@dataclass(frozen=True)
class SubnetsOutputs:
    vpc: VpcId
    subnets: SubnetIds


def subnets_stack(stack: Stack, count: int) -> SubnetsOutputs:
    vpc = stack.add(ec2.VPC("Vpc"))
    made = [stack.add(ec2.Subnet(f"Subnet{index}", VpcId=vpc.ref())) for index in range(count)]
    return SubnetsOutputs(VpcId(vpc.ref()), SubnetIds(each.ref() for each in made))


def parameters_for(template: dict[str, Any], child: str) -> dict[str, Any]:
    found: dict[str, Any] = template["Resources"][child]["Properties"].get("Parameters", {})
    return found
