"""A Cloud9 environment, for accounts that used Cloud9 before it closed to new customers (O1)."""

from __future__ import annotations

from troposphere import Select, cloud9

from cfngen.stack import Stack
from cfngen.stacks.common import Common
from cfngen.stacks.network import NetworkOutputs


def ide_stack(stack: Stack, common: Common, network: NetworkOutputs) -> None:
    """An IDE in the network's first private subnet, reached by Systems Manager; it stops when nobody uses it."""
    stack.add(
        cloud9.EnvironmentEC2(
            "Environment",
            Metadata={
                "cfn-lint": {"config": {"ignore_checks": ["W3697"]}},
                "Deprecated": "AWS takes no new customers for Cloud9; the description asks for it, for an account that has it",
            },
            Description=f"IDE of {common.application}",
            ImageId="amazonlinux-2023-x86_64",
            InstanceType="t3.small",
            ConnectionType="CONNECT_SSM",
            AutomaticStopTimeMinutes=30,
            SubnetId=Select(0, network.private_subnets),
        )
    )
