"""Values in each other's place."""

from dataclasses import dataclass

from troposphere import Ref

from cfngen import (
    Network,
    NetworkOutputs,
    SecurityGroupId,
    Stack,
    SubnetIds,
    Text,
    VpcId,
    network_stack,
)

root = Stack("shop")
network = root.nest("network", network_stack, Network())


@dataclass(frozen=True)
class PairOutputs:
    vpc: VpcId
    group: SecurityGroupId


def pair_stack(stack: Stack, vpc: VpcId, subnets: SubnetIds) -> PairOutputs:
    return PairOutputs(SecurityGroupId(Ref("Group")), vpc)  # E: "SecurityGroupId"; expected "VpcId" ;; "VpcId"; expected "SecurityGroupId"


root.nest("a", pair_stack, network.vpc, network.private_subnets)
root.nest("b", pair_stack, network.private_subnets, network.vpc)  # E: "SubnetIds"; expected "VpcId" ;; "VpcId"; expected "SubnetIds"
root.nest("c", pair_stack, subnets=network.vpc, vpc=network.vpc)  # E: "VpcId"; expected "SubnetIds"
root.nest(pair_stack, "d", network.vpc, network.private_subnets)  # E: expected "str" ;; expected "Callable[
NetworkOutputs(
    vpc=network.public_subnets,  # E: "SubnetIds"; expected "VpcId"
    public_subnets=Text("10.0.0.0/16"),  # E: "Text"; expected "SubnetIds"
    private_subnets=network.private_subnets,
    birth_subnets=network.private_subnets,
    isolated_subnets=network.isolated_subnets,
)
