"""A network that several stages have: one makes it and tells where it is, the others are told, and change nothing of it."""

from __future__ import annotations

from troposphere import Select

from cfngen.stack import FOR_STAGES, Stack
from cfngen.stacks.network import NetworkOutputs
from cfngen.values import SubnetIds, VpcId


def existing_network(*, with_database: bool) -> NetworkOutputs:
    """Root parameters for a VPC and its subnets; `with_database` asks for those of the database too.

    A service is born in the first two private subnets and its definition never changes (A2), so these two have to stay
    the first: what comes later in the list may change with any update.
    """
    private = SubnetIds.parameter(
        "PrivateSubnetIds",
        Description=(
            "Subnets of the tasks, in two zones or more, with a way to the internet. The first two stay the first for "
            "life; add further ones behind them"
        ),
    )
    isolated = SubnetIds.parameter(
        "DatabaseSubnetIds",
        Description="Subnets of the database, in two zones or more; a way to the internet is no use",
    )
    return NetworkOutputs(
        vpc=VpcId.parameter(
            "VpcId", Description="The VPC of all these subnets, with DNS support and DNS host names on"
        ),
        public_subnets=SubnetIds.parameter(
            "PublicSubnetIds",
            Description="Subnets of the load balancer, in two zones or more, with an internet gateway",
        ),
        private_subnets=private,
        birth_subnets=SubnetIds([Select(0, private), Select(1, private)]),
        isolated_subnets=isolated if with_database else private,
    )


def show_network(stack: Stack, network: NetworkOutputs) -> None:
    """Tell other stages of a network, by outputs that are called like their parameters."""
    stack.output("VpcId", network.vpc, FOR_STAGES)
    stack.output("PublicSubnetIds", network.public_subnets, FOR_STAGES)
    stack.output("PrivateSubnetIds", network.private_subnets, FOR_STAGES)
    stack.output("DatabaseSubnetIds", network.isolated_subnets, FOR_STAGES)
