"""EC2: networks, routes, addresses, security groups, flow logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.types.entry import Body, Call, Context, Name, Part, Read, Type, changed, physical, property_, tags
from cfngen.semantics.update import RefusedError

TAGS = tags("CreateTags", "DeleteTags", "Resources", [physical], "ec2")


def _flag(operation: str, key: str, *names: str) -> tuple[Part, ...]:
    """Attributes that take one call each, with the value in an object."""
    return tuple(
        Part(
            Call(
                operation,
                (name,),
                {name: f"{name}.Value"},
                given={key: physical},
                absent={name: name == "EnableDnsSupport"},
            )
        )
        for name in names
    )


def _default_group(context: Context) -> str:
    filters = [
        {"Name": "vpc-id", "Values": [context.physical]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    return str(context.call("ec2", "DescribeSecurityGroups", Filters=filters)["SecurityGroups"][0]["GroupId"])


def _vpc_attribute(name: str) -> Read:
    return Read(
        "DescribeVpcAttribute",
        {"VpcId": physical, "Attribute": name},
        f"{{{name[0].upper()}{name[1:]}: {name[0].upper()}{name[1:]}.Value}}",
    )


def _flow_log(_: Context, answer: Body) -> str:
    """What cannot be logged is told in an answer that is good otherwise."""
    for each in answer.get("Unsuccessful", []):
        raise RefusedError(f"{each['Error']['Message']} (Service: Ec2; Error Code: {each['Error']['Code']})")
    return str(answer["FlowLogIds"][0])


# Security groups


_RANGES = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}
_RULE = ("IpProtocol", "FromPort", "ToPort", "Description", "SourceSecurityGroupOwnerId", *_RANGES)


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of a template as EC2 has it. Raises `RefusedError` for a key that has no place in it."""
    if unknown := [key for key in rule if key not in _RULE]:
        raise RefusedError(f"AWS::EC2::SecurityGroup: {', '.join(unknown)} of a rule has no place in IpPermissions")
    found: dict[str, Any] = {key: rule[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in rule}
    for key, (ranges, inner) in _RANGES.items():
        if key in rule:
            more = {"Description": rule["Description"]} if "Description" in rule else {}
            owner = {"UserId": rule["SourceSecurityGroupOwnerId"]} if "SourceSecurityGroupOwnerId" in rule else {}
            found[ranges] = [{inner: rule[key], **more, **owner}]
    return found


def _rules(name: str, grant: str, revoke: str) -> Part:
    def write(context: Context) -> None:
        old, new = context.old.get(name, []), context.properties.get(name, [])
        is_new = not context.old
        if is_new and name == "SecurityGroupEgress":
            # A group is born with a rule that lets everything out; a template that tells rules does not want it.
            everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
            context.call("ec2", revoke, GroupId=context.physical, IpPermissions=everything)
        for each in old:
            if each not in new:
                context.call("ec2", revoke, GroupId=context.physical, IpPermissions=[permission(each)])
        for each in new:
            if each not in old:
                context.call("ec2", grant, GroupId=context.physical, IpPermissions=[permission(each)])

    return Part(write, (name,), whole=True)


def _single_rule(way: str) -> Type:
    grant, revoke = f"AuthorizeSecurityGroup{way}", f"RevokeSecurityGroup{way}"
    names = ("GroupId", *_RULE)

    def create(context: Context) -> str:
        rule = {key: value for key, value in context.properties.items() if key != "GroupId"}
        told = context.call("ec2", grant, GroupId=context.properties["GroupId"], IpPermissions=[permission(rule)])
        return str(told["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def describe(context: Context) -> None:
        changed_rule = {
            "SecurityGroupRuleId": context.physical,
            "SecurityGroupRule": {
                key: value
                for key, value in (
                    ("IpProtocol", context.properties["IpProtocol"]),
                    ("FromPort", context.properties.get("FromPort")),
                    ("ToPort", context.properties.get("ToPort")),
                    ("CidrIpv4", context.properties.get("CidrIp")),
                    ("CidrIpv6", context.properties.get("CidrIpv6")),
                    (
                        "PrefixListId",
                        context.properties.get("SourcePrefixListId" if way == "Ingress" else "DestinationPrefixListId"),
                    ),
                    (
                        "ReferencedGroupId",
                        context.properties.get(
                            "SourceSecurityGroupId" if way == "Ingress" else "DestinationSecurityGroupId"
                        ),
                    ),
                    ("Description", context.properties.get("Description", "")),
                )
                if value is not None
            },
        }
        context.call(
            "ec2", "ModifySecurityGroupRules", GroupId=context.properties["GroupId"], SecurityGroupRules=[changed_rule]
        )

    return Type(
        "ec2",
        create,
        takes=names,
        parts=(Part(describe, ("Description",), whole=True, is_update=True),),
        delete=Call(revoke, given={"GroupId": property_("GroupId"), "SecurityGroupRuleIds": [physical]}),
        reads=(Read("DescribeSecurityGroupRules", {"SecurityGroupRuleIds": [physical]}, "SecurityGroupRules[0]"),),
        attributes={"Id": physical},
    )


# Endpoints


def _modify_endpoint(context: Context) -> None:
    """Lists are told as what comes and what goes."""
    call: dict[str, Any] = {}
    for name in changed(context.old, context.properties):
        if name in ("RouteTableIds", "SubnetIds", "SecurityGroupIds"):
            old, new = context.old.get(name, []), context.properties.get(name, [])
            call[f"Add{name}"] = [each for each in new if each not in old]
            call[f"Remove{name}"] = [each for each in old if each not in new]
        elif name == "PolicyDocument" and name not in context.properties:
            call["ResetPolicy"] = True
        elif name in ("PolicyDocument", "PrivateDnsEnabled", "IpAddressType") and name in context.properties:
            call[name] = context.properties[name]
        elif name != "Tags":
            raise RefusedError(f"AWS::EC2::VPCEndpoint: no operation takes {name} away here")
    call = {name: value for name, value in call.items() if value != []}
    context.call("ec2", "ModifyVpcEndpoint", VpcEndpointId=context.physical, **call)


def _target(context: Context) -> Mapping[str, Any]:
    keys = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return {key: context.properties[key] for key in keys if key in context.properties}


_ROUTE_TARGETS = (
    "GatewayId",
    "NatGatewayId",
    "InstanceId",
    "NetworkInterfaceId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
    "EgressOnlyInternetGatewayId",
    "VpcEndpointId",
)


def _replace_route(context: Context) -> None:
    given = {name: context.properties[name] for name in _ROUTE_TARGETS if name in context.properties}
    table = context.properties["RouteTableId"]
    context.call("ec2", "ReplaceRoute", RouteTableId=table, **_target(context), **given)


def _delete_route(context: Context) -> None:
    context.call("ec2", "DeleteRoute", RouteTableId=context.properties["RouteTableId"], **_target(context))


def _route_id(context: Context, _: Body) -> str:
    return f"{context.properties['RouteTableId']}|{next(iter(_target(context).values()))}"


def _allocation(context: Context) -> str:
    return str(context.call("ec2", "DescribeAddresses", PublicIps=[context.physical])["Addresses"][0]["AllocationId"])


TYPES = {
    "AWS::EC2::VPC": Type(
        "ec2",
        Call("CreateVpc"),
        "Vpc.VpcId",
        parts=(*_flag("ModifyVpcAttribute", "VpcId", "EnableDnsSupport", "EnableDnsHostnames"), TAGS),
        delete=Call("DeleteVpc", given={"VpcId": physical}),
        reads=(
            Read("DescribeVpcs", {"VpcIds": [physical]}, "Vpcs[0]"),
            _vpc_attribute("enableDnsSupport"),
            _vpc_attribute("enableDnsHostnames"),
        ),
        attributes={
            "VpcId": "VpcId",
            "CidrBlock": "CidrBlock",
            "CidrBlockAssociations": "CidrBlockAssociationSet[].AssociationId",
            "DefaultSecurityGroup": _default_group,
        },
    ),
    "AWS::EC2::Subnet": Type(
        "ec2",
        Call("CreateSubnet"),
        "Subnet.SubnetId",
        parts=(
            Part(
                Call(
                    "ModifySubnetAttribute",
                    ("MapPublicIpOnLaunch",),
                    {"MapPublicIpOnLaunch": "MapPublicIpOnLaunch.Value"},
                    given={"SubnetId": physical},
                    absent={"MapPublicIpOnLaunch": False},
                )
            ),
            TAGS,
        ),
        delete=Call("DeleteSubnet", given={"SubnetId": physical}),
        reads=(Read("DescribeSubnets", {"SubnetIds": [physical]}, "Subnets[0]"),),
        attributes={
            "SubnetId": "SubnetId",
            "AvailabilityZone": "AvailabilityZone",
            "VpcId": "VpcId",
            "CidrBlock": "CidrBlock",
        },
    ),
    "AWS::EC2::InternetGateway": Type(
        "ec2",
        Call("CreateInternetGateway"),
        "InternetGateway.InternetGatewayId",
        parts=(TAGS,),
        delete=Call("DeleteInternetGateway", given={"InternetGatewayId": physical}),
        reads=(Read("DescribeInternetGateways", {"InternetGatewayIds": [physical]}, "InternetGateways[0]"),),
        attributes={"InternetGatewayId": "InternetGatewayId"},
    ),
    "AWS::EC2::VPCGatewayAttachment": Type(
        "ec2",
        Call("AttachInternetGateway"),
        lambda context, _: f"IGW|{context.properties['VpcId']}",
        delete=Call("DetachInternetGateway", ("InternetGatewayId", "VpcId")),
        reads=(
            Read(
                "DescribeInternetGateways",
                {"InternetGatewayIds": [property_("InternetGatewayId")]},
                "InternetGateways[0].{InternetGatewayId: InternetGatewayId, VpcId: Attachments[0].VpcId}",
            ),
        ),
        attributes={"AttachmentType": lambda _: "IGW"},
    ),
    "AWS::EC2::RouteTable": Type(
        "ec2",
        Call("CreateRouteTable"),
        "RouteTable.RouteTableId",
        parts=(TAGS,),
        delete=Call("DeleteRouteTable", given={"RouteTableId": physical}),
        reads=(Read("DescribeRouteTables", {"RouteTableIds": [physical]}, "RouteTables[0]"),),
        attributes={"RouteTableId": "RouteTableId"},
    ),
    "AWS::EC2::Route": Type(
        "ec2",
        Call("CreateRoute"),
        _route_id,
        parts=(Part(_replace_route, _ROUTE_TARGETS, whole=True, is_update=True),),
        delete=_delete_route,
        reads=(Read("DescribeRouteTables", {"RouteTableIds": [property_("RouteTableId")]}, "RouteTables[0]"),),
        attributes={"CidrBlock": property_("DestinationCidrBlock")},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Type(
        "ec2",
        Call("AssociateRouteTable"),
        "AssociationId",
        delete=Call("DisassociateRouteTable", given={"AssociationId": physical}),
        reads=(
            Read(
                "DescribeRouteTables",
                {"Filters": [{"Name": "association.route-table-association-id", "Values": [physical]}]},
                "RouteTables[0].Associations",
            ),
        ),
        attributes={"Id": physical},
    ),
    "AWS::EC2::EIP": Type(
        "ec2",
        Call("AllocateAddress"),
        "PublicIp",
        parts=(tags("CreateTags", "DeleteTags", "Resources", [_allocation], "ec2"),),
        delete=Call("ReleaseAddress", given={"AllocationId": _allocation}),
        reads=(Read("DescribeAddresses", {"PublicIps": [physical]}, "Addresses[0]"),),
        attributes={"PublicIp": "PublicIp", "AllocationId": "AllocationId"},
    ),
    "AWS::EC2::NatGateway": Type(
        "ec2",
        Call("CreateNatGateway"),
        "NatGateway.NatGatewayId",
        parts=(TAGS,),
        delete=Call("DeleteNatGateway", given={"NatGatewayId": physical}),
        reads=(Read("DescribeNatGateways", {"NatGatewayIds": [physical]}, "NatGateways[0]"),),
        attributes={"NatGatewayId": "NatGatewayId"},
    ),
    "AWS::EC2::VPCEndpoint": Type(
        "ec2",
        Call("CreateVpcEndpoint"),
        "VpcEndpoint.VpcEndpointId",
        parts=(
            Part(
                _modify_endpoint,
                (
                    "RouteTableIds",
                    "SubnetIds",
                    "SecurityGroupIds",
                    "PolicyDocument",
                    "PrivateDnsEnabled",
                    "IpAddressType",
                ),
                whole=True,
                is_update=True,
            ),
            TAGS,
        ),
        delete=Call("DeleteVpcEndpoints", given={"VpcEndpointIds": [physical]}),
        reads=(Read("DescribeVpcEndpoints", {"VpcEndpointIds": [physical]}, "VpcEndpoints[0]"),),
        attributes={
            "Id": "VpcEndpointId",
            "CreationTimestamp": "CreationTimestamp",
            "DnsEntries": "DnsEntries[].join(':', [HostedZoneId, DnsName])",
            "NetworkInterfaceIds": "NetworkInterfaceIds",
        },
    ),
    "AWS::EC2::FlowLog": Type(
        "ec2",
        Call("CreateFlowLogs", names={"ResourceId": "ResourceIds"}),
        _flow_log,
        parts=(TAGS,),
        delete=Call("DeleteFlowLogs", given={"FlowLogIds": [physical]}),
        reads=(Read("DescribeFlowLogs", {"FlowLogIds": [physical]}, "FlowLogs[0]"),),
        attributes={"Id": "FlowLogId"},
        unseen={"ResourceType": "is told by the id of what is logged"},
    ),
    "AWS::EC2::SecurityGroup": Type(
        "ec2",
        Call("CreateSecurityGroup", names={"GroupDescription": "Description"}),
        "GroupId",
        Name("GroupName", 255),
        parts=(
            _rules("SecurityGroupIngress", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress"),
            _rules("SecurityGroupEgress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress"),
            TAGS,
        ),
        delete=Call("DeleteSecurityGroup", given={"GroupId": physical}),
        reads=(Read("DescribeSecurityGroups", {"GroupIds": [physical]}, "SecurityGroups[0]"),),
        attributes={"GroupId": "GroupId", "Id": "GroupId", "VpcId": "VpcId"},
    ),
    "AWS::EC2::SecurityGroupIngress": _single_rule("Ingress"),
    "AWS::EC2::SecurityGroupEgress": _single_rule("Egress"),
}
