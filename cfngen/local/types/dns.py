"""Route 53."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from cfngen.local.types.entry import Call, Context, Part, Read, Type, pairs, physical, property_
from cfngen.semantics.update import RefusedError

_RECORD = (
    "Name",
    "Type",
    "TTL",
    "ResourceRecords",
    "AliasTarget",
    "SetIdentifier",
    "Weight",
    "Region",
    "GeoLocation",
    "Failover",
    "MultiValueAnswer",
    "HealthCheckId",
)


def _zone(context: Context, told: Any) -> str:
    if "HostedZoneId" in told:
        return str(told["HostedZoneId"])
    wanted = told.get("HostedZoneName", "")
    found = context.call("route53", "ListHostedZonesByName", DNSName=wanted)["HostedZones"]
    for each in found:
        if each["Name"] == wanted:
            return str(each["Id"]).rpartition("/")[2]
    raise RefusedError(f"No hosted zones named {wanted} found")


def _change(context: Context, action: str, told: Any) -> None:
    record = {name: told[name] for name in _RECORD if name in told}
    if "ResourceRecords" in record:
        record["ResourceRecords"] = [{"Value": value} for value in record["ResourceRecords"]]
    if "AliasTarget" in record:
        record["AliasTarget"] = {"EvaluateTargetHealth": False, **record["AliasTarget"]}
    batch: dict[str, Any] = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    if "Comment" in told:
        batch["Comment"] = told["Comment"]
    context.call("route53", "ChangeResourceRecordSets", HostedZoneId=_zone(context, told), ChangeBatch=batch)


def _create(context: Context) -> str:
    _change(context, "CREATE", context.properties)
    return str(context.properties["Name"]).rstrip(".")


def _update(context: Context) -> None:
    _change(context, "UPSERT", context.properties)


def _delete(context: Context) -> None:
    _change(context, "DELETE", context.properties)


def _create_zone(context: Context) -> str:
    told = context.properties
    vpcs = told.get("VPCs", [])
    more: dict[str, Any] = {"VPC": vpcs[0]} if vpcs else {}
    comment = told.get("HostedZoneConfig", {}).get("Comment", "")
    config = {"Comment": comment, "PrivateZone": bool(vpcs)}
    made = context.call(
        "route53", "CreateHostedZone", Name=told["Name"], CallerReference=uuid4().hex, HostedZoneConfig=config, **more
    )
    identity = str(made["HostedZone"]["Id"]).rpartition("/")[2]
    for vpc in vpcs[1:]:
        context.call("route53", "AssociateVPCWithHostedZone", HostedZoneId=identity, VPC=vpc)
    return identity


def _write_vpcs(context: Context) -> None:
    old, new = context.old.get("VPCs", []), context.properties.get("VPCs", [])
    for operation, those in (
        ("AssociateVPCWithHostedZone", [each for each in new if each not in old]),
        ("DisassociateVPCFromHostedZone", [each for each in old if each not in new]),
    ):
        for vpc in those:
            context.call("route53", operation, HostedZoneId=context.physical, VPC=vpc)


def _write_zone_tags(context: Context) -> None:
    old, new = pairs(context.old.get("HostedZoneTags")), pairs(context.properties.get("HostedZoneTags"))
    told: dict[str, Any] = {"AddTags": [{"Key": key, "Value": value} for key, value in new.items()]} if new else {}
    gone = [key for key in old if key not in new]
    told |= {"RemoveTagKeys": gone} if gone else {}
    context.call("route53", "ChangeTagsForResource", ResourceType="hostedzone", ResourceId=context.physical, **told)


def _write_comment(context: Context) -> None:
    comment = context.properties.get("HostedZoneConfig", {}).get("Comment", "")
    context.call("route53", "UpdateHostedZoneComment", Id=context.physical, Comment=comment)


def _zone_told(context: Context) -> dict[str, Any]:
    told = context.call("route53", "GetHostedZone", Id=context.physical)
    name = told["HostedZone"]["Name"]
    return {
        "Name": name if context.properties["Name"].endswith(".") else name.rstrip("."),  # it is told with its last dot
        "HostedZoneConfig": told["HostedZone"].get("Config", {}),
        "VPCs": told.get("VPCs", []),
        "NameServers": told.get("DelegationSet", {}).get("NameServers", []),
    }


TYPES = {
    "AWS::Route53::HostedZone": Type(
        "route53",
        _create_zone,
        takes=("Name", "VPCs", "HostedZoneConfig"),
        parts=(
            Part(_write_vpcs, ("VPCs",), whole=True, is_update=True),
            Part(_write_comment, ("HostedZoneConfig",), whole=True, is_update=True),
            Part(_write_zone_tags, ("HostedZoneTags",), whole=True),
        ),
        delete=Call("DeleteHostedZone", given={"Id": physical}),
        reads=(
            _zone_told,
            Read(
                "ListTagsForResource",
                {"ResourceType": "hostedzone", "ResourceId": physical},
                "{HostedZoneTags: ResourceTagSet.Tags}",
            ),
        ),
        attributes={"Id": physical, "NameServers": "NameServers"},
    ),
    "AWS::Route53::RecordSet": Type(
        "route53",
        _create,
        takes=("HostedZoneId", "HostedZoneName", "Comment", *_RECORD),
        parts=(
            Part(
                _update,
                tuple(name for name in _RECORD if name not in ("Name", "Type", "SetIdentifier")),
                whole=True,
                is_update=True,
            ),
        ),
        delete=_delete,
        reads=(
            Read(
                "ListResourceRecordSets",
                {
                    "HostedZoneId": lambda context: _zone(context, context.properties),
                    "StartRecordName": property_("Name"),
                    "StartRecordType": property_("Type"),
                },
                "ResourceRecordSets[0]",
            ),
        ),
        unseen={
            "Comment": "is sent with the change, whose record nobody keeps",
            "HostedZoneId": "is the zone that the record is read from",
            "HostedZoneName": "is looked up, and the zone then known by its id",
        },
    ),
}
