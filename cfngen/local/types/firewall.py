"""AWS WAF: web ACLs, what they look at, where they log."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, arguments, physical, property_, tags

_RULES = (
    "AssociationConfig",
    "CaptchaConfig",
    "ChallengeConfig",
    "CustomResponseBodies",
    "DataProtectionConfig",
    "DefaultAction",
    "Description",
    "Rules",
    "TokenDomains",
    "VisibilityConfig",
)
_LOGGING = ("LogDestinationConfigs", "LoggingFilter", "RedactedFields", "ResourceArn")


def _own(context: Context) -> dict[str, str]:
    """What names a web ACL in calls; its id here is the three of them."""
    name, id_, scope = context.physical.split("|")
    return {"Name": name, "Id": id_, "Scope": scope}


def _web_acl(context: Context) -> Any:
    return context.call("wafv2", "GetWebACL", **_own(context))["WebACL"]


def _update(context: Context) -> None:
    told = arguments(context, "wafv2", Call("UpdateWebACL"), _RULES)
    token = context.call("wafv2", "GetWebACL", **_own(context))["LockToken"]
    context.api.call("wafv2", "UpdateWebACL", {**told, **_own(context), "LockToken": token})


def _delete(context: Context) -> None:
    token = context.call("wafv2", "GetWebACL", **_own(context))["LockToken"]
    context.call("wafv2", "DeleteWebACL", **_own(context), LockToken=token)


def _disassociate(context: Context) -> None:
    """As the handler that AWS publishes does: a web ACL that has taken the place of this one stays."""
    resource = {"ResourceArn": context.properties["ResourceArn"]}
    there = context.call("wafv2", "GetWebACLForResource", **resource).get("WebACL") or {}
    if there.get("ARN") == context.properties["WebACLArn"]:
        context.call("wafv2", "DisassociateWebACL", **resource)


def _arn(context: Context) -> str:
    return str(_web_acl(context)["ARN"])


_put = Call("PutLoggingConfiguration", _LOGGING, {name: f"LoggingConfiguration.{name}" for name in _LOGGING})

TYPES = {
    "AWS::WAFv2::LoggingConfiguration": Type(
        "wafv2",
        _put,
        lambda context, _: str(context.properties["ResourceArn"]),
        parts=(Part(_put, whole=True, is_update=True),),
        delete=Call("DeleteLoggingConfiguration", ("ResourceArn",)),
        reads=(Read("GetLoggingConfiguration", {"ResourceArn": physical}, "LoggingConfiguration"),),
    ),
    "AWS::WAFv2::WebACL": Type(
        "wafv2",
        Call("CreateWebACL"),
        lambda context, answer: "|".join(
            (answer["Summary"]["Name"], answer["Summary"]["Id"], str(context.properties["Scope"]))
        ),
        Name("Name", 128),
        parts=(
            Part(_update, _RULES, whole=True, is_update=True),
            tags("TagResource", "UntagResource", "ResourceARN", _arn),
        ),
        delete=_delete,
        reads=(
            _web_acl,
            Read("ListTagsForResource", {"ResourceARN": _arn}, "TagInfoForResource.{Tags: TagList}"),
        ),
        attributes={"Arn": "ARN", "Capacity": "Capacity", "Id": "Id", "LabelNamespace": "LabelNamespace"},
        unseen={"Scope": "is a part of its id, and told by no call"},
    ),
    "AWS::WAFv2::WebACLAssociation": Type(
        "wafv2",
        Call("AssociateWebACL"),
        lambda context, _: f"{context.properties['WebACLArn']}|{context.properties['ResourceArn']}|REGIONAL",
        delete=_disassociate,
        reads=(Read("GetWebACLForResource", {"ResourceArn": property_("ResourceArn")}, "WebACL.{WebACLArn: ARN}"),),
        unseen={"ResourceArn": "is what the web ACL is read of"},
    ),
}
