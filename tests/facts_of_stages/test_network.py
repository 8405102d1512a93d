"""Facts about the network: J of domain-facts."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import AllAtOnce, App, CodeCommit, DescriptionError, Network, Pipeline, Release, Scaling, Service, Stack
from cfngen.stacks.network import network_stack

from .conftest import Rendered, render, text, walk

TIERS = ("Public", "Private", "Isolated")


def resources(network: Network) -> dict[str, dict[str, Any]]:
    """The resources of a network's template."""
    root = Stack("root")
    root.nest("network", network_stack, network)
    return root.templates()["network.yaml"]["Resources"]  # type: ignore[no-any-return]


def subnets(made: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {name: each["Properties"] for name, each in made.items() if each["Type"] == "AWS::EC2::Subnet"}


networks = st.builds(
    lambda base, prefix, block, zones: Network(
        cidr=str(list(ipaddress.ip_network(base).subnets(new_prefix=prefix))[: block + 1][-1]), zones=zones
    ),
    st.sampled_from(["10.0.0.0/12", "172.16.0.0/12", "192.168.0.0/16"]),
    st.integers(16, 20),
    st.integers(0, 15),
    st.integers(2, 3),
)


# J1, layout


def test_j1_1_the_vpc_resolves_names(stage: Rendered) -> None:
    vpc = stage.one("network.yaml/Vpc")
    assert (vpc["EnableDnsSupport"], vpc["EnableDnsHostnames"]) == (True, True)
    assert vpc["CidrBlock"] == stage.app.network.cidr


@pytest.mark.parametrize("cidr", ["10.0.0.0/15", "10.0.0.0/21", "8.8.0.0/16", "10.0.0.1/16", "fd00::/16", "ten"])
def test_j1_1_other_ranges_are_refused(cidr: str) -> None:
    with pytest.raises(DescriptionError, match="cidr"):
        Network(cidr=cidr)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(network=networks)
def test_j1_2_j1_4_each_subnet_has_the_block_of_its_tier_and_zone(network: Network) -> None:
    blocks = list(ipaddress.ip_network(network.cidr).subnets(prefixlen_diff=4))
    made = subnets(resources(network))
    assert set(made) == {f"{tier}Subnet{zone + 1}" for tier in TIERS for zone in range(network.zones)}
    for index, tier in enumerate(TIERS):
        for zone in range(network.zones):
            assert made[f"{tier}Subnet{zone + 1}"]["CidrBlock"] == str(blocks[index * 4 + zone])


@settings(max_examples=20, deadline=None, derandomize=True)
@given(network=networks, nat=st.sampled_from(["one", "one per zone"]))
def test_j1_2_j1_4_a_further_zone_moves_nothing(network: Network, nat: Any) -> None:
    two, three = (resources(replace(network, zones=zones, nat=nat)) for zones in (2, 3))
    changed = {name for name, each in two.items() if three[name] != each}
    assert changed == {"S3Endpoint"}  # it serves one more route table


def test_j1_3_each_tier_has_its_way_out(stage: Rendered) -> None:
    ways = {
        route["RouteTableId"]["Ref"]: (
            route["DestinationCidrBlock"],
            *(name for name in ("GatewayId", "NatGatewayId") if name in route.properties),
        )
        for route in stage.each("AWS::EC2::Route", "network.yaml")
    }
    tables = {
        each["SubnetId"]["Ref"]: each["RouteTableId"]["Ref"]
        for each in stage.each("AWS::EC2::SubnetRouteTableAssociation", "network.yaml")
    }
    expected = {"Public": ("0.0.0.0/0", "GatewayId"), "Private": ("0.0.0.0/0", "NatGatewayId"), "Isolated": None}
    for tier in TIERS:
        for zone in range(stage.app.network.zones):
            assert ways.get(tables[f"{tier}Subnet{zone + 1}"]) == expected[tier]


def test_j1_3_balancer_tasks_and_database_are_each_in_their_tier(stage: Rendered) -> None:
    def tier(file: str, value: Any) -> set[str]:
        return {one["Ref"].partition("Subnet")[0] for one in stage.real(file, value)[1]}

    [balancer] = stage.each("AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert tier(balancer.file, balancer["Subnets"]) == {"Public"}
    for service in stage.each("AWS::ECS::Service"):
        at = service["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert tier(service.file, at["Subnets"]) == {"Private"}
    assert tier("database.yaml", stage.one("database.yaml/SubnetGroup")["SubnetIds"]) == {"Isolated"}


def test_j1_4_blocks_are_written_out(stage: Rendered) -> None:
    assert "Fn::Cidr" not in json.dumps(stage.templates["network.yaml"])


def crowded(most: int, cidr: str) -> App:
    return App(
        name="shop",
        services=(
            Service(
                name="web",
                scaling=Scaling(maximum=most),
                release=Release(strategy=AllAtOnce(), continue_within_minutes=60),
            ),
        ),
        network=Network(cidr=cidr, zones=2, nat="one"),
        pipeline=Pipeline(source=CodeCommit()),
    )


def test_j1_5_tasks_of_both_colours_have_an_address(stage: Rendered) -> None:
    tasks = 2 * sum(service.scaling.maximum for service in stage.app.services)
    blocks = [
        ipaddress.ip_network(each["CidrBlock"]).num_addresses - 5
        for name, each in subnets(stage.templates["network.yaml"]["Resources"]).items()
        if name.startswith("Private")
    ]
    assert sum(blocks) > tasks
    assert render(crowded(200, "10.0.0.0/20"))


def test_j1_5_more_tasks_than_addresses_are_refused() -> None:
    """Two private subnets of 251 addresses each, and a thousand tasks while a release has both colours."""
    with pytest.raises(DescriptionError, match=r"cidr|maximum"):
        render(crowded(500, "10.0.0.0/20"))


def test_j1_6_zones_are_taken_in_the_accounts_order(stage: Rendered) -> None:
    for name, each in subnets(stage.templates["network.yaml"]["Resources"]).items():
        assert each["AvailabilityZone"] == {"Fn::Select": [int(name[-1]) - 1, {"Fn::GetAZs": ""}]}
    for zones in (1, 4):
        with pytest.raises(DescriptionError, match="zones"):
            Network(zones=zones)


def test_j1_8_no_subnet_gives_public_addresses(stage: Rendered) -> None:
    made = subnets(stage.templates["network.yaml"]["Resources"])
    assert {each["MapPublicIpOnLaunch"] for each in made.values()} == {False}


# J2, egress


@pytest.mark.parametrize(("nat", "gateways"), [("one", 1), ("one per zone", 3)])
def test_j2_1_j2_2_one_gateway_or_one_in_each_zone(nat: Any, gateways: int) -> None:
    made = resources(Network(zones=3, nat=nat))
    assert sum(each["Type"] == "AWS::EC2::NatGateway" for each in made.values()) == gateways
    for zone in (1, 2, 3):
        through = made[f"PrivateRoute{zone}"]["Properties"]["NatGatewayId"]["Ref"]
        assert through == f"NatGateway{zone if gateways == 3 else 1}"
        if gateways == 3:  # within its own zone
            assert made[through]["Properties"]["SubnetId"] == {"Ref": f"PublicSubnet{zone}"}


def test_j2_1_another_choice_is_refused_by_its_name() -> None:
    with pytest.raises(DescriptionError, match="nat"):
        Network(nat="some")  # type: ignore[arg-type]


def test_j2_2_dev_saves_and_prod_survives_a_zone(dev: Rendered, prod: Rendered) -> None:
    assert len(dev.each("AWS::EC2::NatGateway")) == 1
    assert len(prod.each("AWS::EC2::NatGateway")) == prod.app.network.zones


def test_j2_3_j2_4_gateways_are_zonal_and_public_for_life(stage: Rendered) -> None:
    for gateway in stage.each("AWS::EC2::NatGateway"):
        assert "AvailabilityMode" not in gateway.properties
        assert "ConnectivityType" not in gateway.properties
        assert "SubnetId" in gateway.properties


def test_j2_4_j2_5_another_choice_replaces_no_gateway() -> None:
    one, each_zone = (resources(Network(zones=3, nat=nat)) for nat in ("one", "one per zone"))  # type: ignore[arg-type]
    for name in ("NatGateway1", "NatAddress1", "PrivateRoute1"):
        assert one[name] == each_zone[name]


def test_j2_5_gateways_wait_for_the_internet_gateway(stage: Rendered) -> None:
    for kind in ("AWS::EC2::NatGateway", "AWS::EC2::EIP"):
        for each in stage.each(kind, "network.yaml"):
            assert each.body["DependsOn"] == "InternetGatewayAttachment"
    assert stage.one("network.yaml/PublicRoute").body["DependsOn"] == "InternetGatewayAttachment"


# J3, the endpoint of S3


def test_j3_2_j3_5_image_layers_come_through_the_gateway_endpoint(stage: Rendered) -> None:
    [endpoint] = stage.each("AWS::EC2::VPCEndpoint")
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert text(endpoint["ServiceName"]) == "com.amazonaws.${AWS::Region}.s3"
    assert endpoint["VpcId"] == {"Ref": "Vpc"}
    assert "PolicyDocument" not in endpoint.properties  # the default lets ECR's bucket through
    tables = {f"PrivateRouteTable{zone + 1}" for zone in range(stage.app.network.zones)}
    assert {one["Ref"] for one in endpoint["RouteTableIds"]} >= tables
    assert not {"PrivateDnsEnabled", "SecurityGroupIds", "SubnetIds"} & endpoint.properties.keys()


# J4, groups and logs


def test_j4_1_groups_have_constant_descriptions_and_no_names(stages: Mapping[str, Rendered]) -> None:
    told: dict[str, set[str]] = {}
    for made in stages.values():
        for group in made.each("AWS::EC2::SecurityGroup"):
            assert "GroupName" not in group.properties
            told.setdefault(group.place, set()).add(group["GroupDescription"])
    assert len(told) == 4
    assert all(len(descriptions) == 1 for descriptions in told.values())
    assert told["service-customer.yaml/SecurityGroup"] == told["service-employee.yaml/SecurityGroup"]


def test_j4_2_j4_4_groups_name_each_other_in_rules_of_their_own(stage: Rendered) -> None:
    for group in stage.each("AWS::EC2::SecurityGroup"):
        assert "SecurityGroupIngress" not in group.properties
        inline = [
            one
            for one in walk(group["SecurityGroupEgress"])
            if isinstance(one, dict) and {"Ref", "Fn::GetAtt"} & one.keys()
        ]
        assert not inline


def test_j4_3_every_way_out_is_closed_but_those_that_are_told(stage: Rendered) -> None:
    for group in stage.each("AWS::EC2::SecurityGroup"):
        [nowhere] = group["SecurityGroupEgress"]
        assert (nowhere["IpProtocol"], nowhere["CidrIp"]) == ("-1", "127.0.0.1/32")
    out: dict[str, set[tuple[Any, ...]]] = {}
    for rule in stage.each("AWS::EC2::SecurityGroupEgress"):
        to = rule.properties.get("CidrIp") or stage.names(rule.file, rule["DestinationSecurityGroupId"])
        out.setdefault(stage.names(rule.file, rule["GroupId"]), set()).add((to, rule["FromPort"], rule["ToPort"]))
    tasks = {
        f"service-{name}.yaml/SecurityGroup": {("0.0.0.0/0", 443, 443), ("database.yaml/SecurityGroup", 3306, 3306)}
        for name in ("customer", "employee")
    }
    assert out == {**tasks, "cluster.yaml/SecurityGroup": {(group, 8080, 8080) for group in tasks}}


def test_j4_3_nothing_uses_the_default_group(stage: Rendered) -> None:
    assert "DefaultSecurityGroup" not in json.dumps(stage.templates)
    assert instance_groups(stage) == [{"Fn::GetAtt": ["SecurityGroup", "GroupId"]}]


def instance_groups(made: Rendered) -> list[Any]:
    return list(made.one("database.yaml/Instance")["VPCSecurityGroups"])


def test_j4_6_flow_logs_go_to_the_log_bucket(stage: Rendered) -> None:
    [log] = stage.each("AWS::EC2::FlowLog")
    assert log["ResourceType"] == "VPC"
    assert log["ResourceId"] == {"Ref": "Vpc"}
    assert (log["TrafficType"], log["LogDestinationType"]) == ("ALL", "s3")
    assert log["MaxAggregationInterval"] in (60, 600)
    template, values = log["LogDestination"]["Fn::Sub"]
    assert template == "arn:${AWS::Partition}:s3:::${Bucket}/flow/"
    assert stage.names("network.yaml", values["Bucket"]) == "foundation.yaml/LogBucket"
    assert "DeliverLogsPermissionArn" not in log.properties


def test_j4_6_the_bucket_lets_the_flow_logs_in(stage: Rendered) -> None:
    policy = stage.one("foundation.yaml/LogBucketPolicy")["PolicyDocument"]["Statement"]
    allowed: dict[str, list[tuple[str, Any]]] = {}
    for statement in policy:
        if statement["Principal"] == {"Service": "delivery.logs.amazonaws.com"}:
            assert statement["Effect"] == "Allow"
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
            assert text(statement["Condition"]["ArnLike"]["aws:SourceArn"]) == (
                "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:*"
            )
            for action in statement["Action"]:
                allowed[action] = [text(one) for one in statement["Resource"]]
    bucket = text({"Fn::GetAtt": ["LogBucket", "Arn"]})
    assert allowed["s3:GetBucketAcl"] == allowed["s3:ListBucket"] == [bucket]
    [objects] = allowed["s3:PutObject"]
    assert objects in (
        "${LogBucket.Arn}/*/AWSLogs/${AWS::AccountId}/*",
        "${LogBucket.Arn}/flow/AWSLogs/${AWS::AccountId}/*",
    )
    assert set(allowed) == {"s3:GetBucketAcl", "s3:ListBucket", "s3:PutObject"}


def test_j4_8_only_services_with_a_database_reach_it(apps: Mapping[str, App]) -> None:
    quick = Release(strategy=AllAtOnce(), continue_within_minutes=60)
    third = Service(name="page", paths=("/page/*",), health_path="/page/health", release=quick)
    made = render(replace(apps["dev"], services=(*apps["dev"].services, third)))
    rules = [
        rule
        for rule in made.each("AWS::EC2::SecurityGroupIngress")
        if made.names(rule.file, rule["GroupId"]) == "database.yaml/SecurityGroup"
    ]
    assert {made.names(rule.file, rule["SourceSecurityGroupId"]) for rule in rules} == {
        f"service-{name}.yaml/SecurityGroup" for name in ("customer", "employee")
    }
    assert {(rule["IpProtocol"], rule["FromPort"], rule["ToPort"]) for rule in rules} == {("tcp", 3306, 3306)}
    assert not [rule for rule in rules if "CidrIp" in rule.properties]
    assert not [rule for rule in made.each("AWS::EC2::*", "service-page.yaml") if rule.name.startswith("Database")]


def test_j_the_ide_can_reach_systems_manager(apps: Mapping[str, App]) -> None:
    """It has no public address in a public subnet here (J1.8), so it needs one with a NAT gateway."""
    made = render(replace(apps["dev"], cloud9=True))
    [ide] = made.each("AWS::Cloud9::EnvironmentEC2")
    assert ide["ConnectionType"] == "CONNECT_SSM"
    chosen = ide["SubnetId"]
    assert set(chosen) == {"Fn::Select"}
    index, many = chosen["Fn::Select"]
    _, found = made.real(ide.file, many)
    assert found[index]["Ref"].startswith("PrivateSubnet")
