"""Route 53."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Context, Part, Read, Type, property_
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


TYPES = {
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
