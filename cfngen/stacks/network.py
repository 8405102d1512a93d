"""A VPC with public, private and isolated subnets in two or three availability zones."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from troposphere import GetAtt, GetAZs, Select, Sub, Tags, ec2

from cfngen._frozen import dataclass
from cfngen.errors import WiringError
from cfngen.spec import Network
from cfngen.stack import Stack
from cfngen.values import BucketName, SubnetIds, Text, VpcId

_BLOCKS_OF_A_TIER = 4  # so that a further zone moves no subnet of another tier (J1.4)
_TIERS = ("public", "private", "isolated")
_GATEWAYS = {"one": 1, "one per zone": None, "none": 0, "public tasks": 0}
"""How many of the public subnets have a NAT gateway; `None` means all."""


@dataclass(frozen=True)
class Birth:
    """Where a task was born, as its ECS service says it for life."""

    assign_public_ip: str
    subnets: SubnetIds


@dataclass(frozen=True)
class NetworkOutputs:
    """`birth_subnets` are the first two private ones: a service is born in them and its definition never changes,
    while its tasks follow `task_subnets` release by release. `public_birth_subnets` are the first two public ones, where any
    task was born with a public address.
    """

    vpc: VpcId
    public_subnets: SubnetIds
    private_subnets: SubnetIds
    birth_subnets: SubnetIds
    isolated_subnets: SubnetIds
    addresses: tuple[Text, ...] = ()
    has_public_tasks: bool = False
    public_birth_subnets: SubnetIds | None = None

    @property
    def task_subnets(self) -> SubnetIds:
        """Where tasks run from their next release on."""
        return self.public_subnets if self.has_public_tasks else self.private_subnets

    @property
    def assign_public_ip(self) -> str:
        """Whether they have public addresses, as ECS says it."""
        return "ENABLED" if self.has_public_tasks else "DISABLED"

    def birth(self, *, is_public: bool) -> Birth:
        """Where a task was born. Raises `WiringError` where there is no such place."""
        subnets = self.public_birth_subnets if is_public else self.birth_subnets
        if subnets is None:
            raise WiringError(
                "this network has no public subnets for tasks; give network_stack(has_public_births=True)"
            )
        return Birth("ENABLED" if is_public else "DISABLED", subnets)


def network_stack(
    stack: Stack,
    network: Network,
    logs: BucketName | None = None,
    *,
    shows_addresses: bool = False,
    endpoints: tuple[str, ...] = (),
    has_public_births: bool = False,
) -> NetworkOutputs:
    """A VPC whose private subnets reach the internet by NAT; its flow logs go to the bucket `logs`.

    `shows_addresses` returns the addresses by which they do. `has_public_births` tells that tasks were born in public subnets. `endpoints` are the services of AWS that they reach without NAT.
    """
    vpc = stack.add(
        ec2.VPC(
            "Vpc",
            CidrBlock=network.cidr,
            EnableDnsSupport=True,
            EnableDnsHostnames=True,
            Tags=Tags(Name=Sub("${AWS::StackName}")),
        )
    )
    gateway = stack.add(ec2.InternetGateway("InternetGateway"))
    attachment = stack.add(
        ec2.VPCGatewayAttachment("InternetGatewayAttachment", VpcId=vpc.ref(), InternetGatewayId=gateway.ref())
    )
    subnets = {tier: _subnets(stack, network, vpc, tier) for tier in _TIERS}
    public_table = _route_public(stack, vpc, gateway, attachment, subnets["public"])
    private_tables = _route_private(stack, network, vpc, attachment, subnets)
    isolated_table = _route_isolated(stack, vpc, subnets["isolated"])
    public_tables = [public_table] if network.has_public_tasks else []
    _s3_endpoint(stack, vpc, [*private_tables, isolated_table, *public_tables])
    if endpoints:
        _interface_endpoints(stack, network, vpc, subnets["private"], endpoints)
    if logs:
        _flow_log(stack, vpc, logs)
    return NetworkOutputs(
        vpc=VpcId(vpc.ref()),
        public_subnets=SubnetIds(each.ref() for each in subnets["public"]),
        private_subnets=SubnetIds(each.ref() for each in subnets["private"]),
        birth_subnets=SubnetIds(each.ref() for each in subnets["private"][:2]),
        isolated_subnets=SubnetIds(each.ref() for each in subnets["isolated"]),
        addresses=tuple(_addresses(stack, network)) if shows_addresses else (),
        has_public_tasks=network.has_public_tasks,
        public_birth_subnets=SubnetIds(each.ref() for each in subnets["public"][:2]) if has_public_births else None,
    )


def _subnets(stack: Stack, network: Network, vpc: ec2.VPC, tier: str) -> list[ec2.Subnet]:
    blocks = list(ipaddress.IPv4Network(network.cidr).subnets(prefixlen_diff=4))
    first = _TIERS.index(tier) * _BLOCKS_OF_A_TIER
    return [
        stack.add(
            ec2.Subnet(
                f"{tier.capitalize()}Subnet{zone + 1}",
                VpcId=vpc.ref(),
                AvailabilityZone=Select(zone, GetAZs("")),
                CidrBlock=str(blocks[first + zone]),
                MapPublicIpOnLaunch=False,
                Tags=Tags(Name=f"{tier}-{zone + 1}"),
            )
        )
        for zone in range(network.zones)
    ]


def _route_public(
    stack: Stack,
    vpc: ec2.VPC,
    gateway: ec2.InternetGateway,
    attachment: ec2.VPCGatewayAttachment,
    subnets: list[ec2.Subnet],
) -> ec2.RouteTable:
    table = stack.add(ec2.RouteTable("PublicRouteTable", VpcId=vpc.ref(), Tags=Tags(Name="public")))
    stack.add(
        ec2.Route(
            "PublicRoute",
            DependsOn=attachment.title,
            RouteTableId=table.ref(),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=gateway.ref(),
        )
    )
    _associate(stack, table, subnets)
    return table


def _route_private(
    stack: Stack,
    network: Network,
    vpc: ec2.VPC,
    attachment: ec2.VPCGatewayAttachment,
    subnets: dict[str, list[ec2.Subnet]],
) -> list[ec2.RouteTable]:
    gateways = [
        _nat(stack, zone + 1, subnet, attachment)
        for zone, subnet in enumerate(subnets["public"][: _GATEWAYS[network.nat]])
    ]
    tables = []
    for zone, subnet in enumerate(subnets["private"]):
        table = stack.add(
            ec2.RouteTable(f"PrivateRouteTable{zone + 1}", VpcId=vpc.ref(), Tags=Tags(Name=f"private-{zone + 1}"))
        )
        if gateways:
            stack.add(
                ec2.Route(
                    f"PrivateRoute{zone + 1}",
                    RouteTableId=table.ref(),
                    DestinationCidrBlock="0.0.0.0/0",
                    NatGatewayId=gateways[min(zone, len(gateways) - 1)].ref(),
                )
            )
        _associate(stack, table, [subnet])
        tables.append(table)
    return tables


def _nat(stack: Stack, zone: int, subnet: ec2.Subnet, attachment: ec2.VPCGatewayAttachment) -> ec2.NatGateway:
    address = stack.add(ec2.EIP(f"NatAddress{zone}", DependsOn=attachment.title, Domain="vpc"))
    return stack.add(
        ec2.NatGateway(
            f"NatGateway{zone}",
            DependsOn=attachment.title,
            AllocationId=GetAtt(address, "AllocationId"),
            SubnetId=subnet.ref(),
            Tags=Tags(Name=f"nat-{zone}"),
        )
    )


def _addresses(stack: Stack, network: Network) -> Iterator[Text]:
    for zone in range(1 if network.nat == "one" else network.zones):
        yield Text(stack.find(ec2.EIP, f"NatAddress{zone + 1}").ref())


def _route_isolated(stack: Stack, vpc: ec2.VPC, subnets: list[ec2.Subnet]) -> ec2.RouteTable:
    """A table without a way out, so that the main table never decides."""
    table = stack.add(ec2.RouteTable("IsolatedRouteTable", VpcId=vpc.ref(), Tags=Tags(Name="isolated")))
    _associate(stack, table, subnets)
    return table


def _associate(stack: Stack, table: ec2.RouteTable, subnets: list[ec2.Subnet]) -> None:
    for subnet in subnets:
        stack.add(
            ec2.SubnetRouteTableAssociation(
                f"{subnet.title}RouteTableAssociation", RouteTableId=table.ref(), SubnetId=subnet.ref()
            )
        )


def _s3_endpoint(stack: Stack, vpc: ec2.VPC, tables: list[ec2.RouteTable]) -> None:
    """Image layers come from S3; by the gateway endpoint they cost nothing and spare the NAT gateway."""
    stack.add(
        ec2.VPCEndpoint(
            "S3Endpoint",
            VpcId=vpc.ref(),
            VpcEndpointType="Gateway",
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[table.ref() for table in tables],
        )
    )


def _interface_endpoints(
    stack: Stack, network: Network, vpc: ec2.VPC, subnets: list[ec2.Subnet], services: tuple[str, ...]
) -> None:
    """The services of AWS by addresses of the network's own, under their usual names (J3.1)."""
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    from_inside = ec2.SecurityGroupRule(
        IpProtocol="tcp", FromPort=443, ToPort=443, CidrIp=network.cidr, Description="from the network"
    )
    group = stack.add(
        ec2.SecurityGroup(
            "EndpointSecurityGroup",
            GroupDescription="Endpoints of AWS services",
            VpcId=vpc.ref(),
            SecurityGroupIngress=[from_inside],
            SecurityGroupEgress=[nowhere],
        )
    )
    for service in sorted(services):
        stack.add(
            ec2.VPCEndpoint(
                f"{''.join(part.capitalize() for part in re.split('[.-]', service))}Endpoint",
                VpcId=vpc.ref(),
                VpcEndpointType="Interface",
                ServiceName=Sub(f"com.amazonaws.${{AWS::Region}}.{service}"),
                PrivateDnsEnabled=True,
                SubnetIds=[subnet.ref() for subnet in subnets],
                SecurityGroupIds=[GetAtt(group, "GroupId")],
            )
        )


def _flow_log(stack: Stack, vpc: ec2.VPC, logs: BucketName) -> None:
    stack.add(
        ec2.FlowLog(
            "FlowLog",
            ResourceId=vpc.ref(),
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="s3",
            LogDestination=Sub("arn:${AWS::Partition}:s3:::${Bucket}/flow/", Bucket=logs),
            MaxAggregationInterval=600,
        )
    )
