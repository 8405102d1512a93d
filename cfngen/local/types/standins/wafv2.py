"""AWS WAF: moto lets a resource have several web ACLs at once, and deletes one that a resource has."""

from __future__ import annotations

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("wafv2")
_KIND = "web ACL of a resource"


@ROOM.operation("AssociateWebACL")
def _associate(self: Standins, arguments: Body, through: Through) -> Body:
    """A resource has one web ACL at most: the new one takes the other's place."""
    through("wafv2", "AssociateWebACL", arguments)  # refuses a web ACL that is not there
    resource = {"ResourceArn": arguments["ResourceArn"]}
    while through("wafv2", "GetWebACLForResource", resource).get("WebACL"):
        through("wafv2", "DisassociateWebACL", resource)
    self.records[_KIND][arguments["ResourceArn"]] = dict(arguments)
    return through("wafv2", "AssociateWebACL", arguments)


@ROOM.operation("DisassociateWebACL")
def _disassociate(self: Standins, arguments: Body, through: Through) -> Body:
    self.records[_KIND].pop(arguments["ResourceArn"], None)
    return through("wafv2", "DisassociateWebACL", arguments)


@ROOM.operation("DeleteWebACL")
def _delete(self: Standins, arguments: Body, through: Through) -> Body:
    named = {name: arguments[name] for name in ("Name", "Id", "Scope")}
    arn = through("wafv2", "GetWebACL", named)["WebACL"]["ARN"]
    if any(each["WebACLArn"] == arn for each in self.records[_KIND].values()):
        message = "AWS WAF couldn't perform the operation because your resource is being used by another resource or it's associated with another resource."
        raise ApiError("WAFAssociatedItemException", message)
    return through("wafv2", "DeleteWebACL", arguments)
