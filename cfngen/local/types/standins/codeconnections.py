"""CodeConnections: moto has none."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through, pairs

ROOM = Room("codeconnections")
ROOM.tags(is_map=False)


@ROOM.operation("CreateConnection")
def _create_connection(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    tags = told.pop("Tags", None)
    arn = self.arn("codeconnections", f"connection/{self.unique(told['ConnectionName'])}")
    self.records["connection"][arn] = {
        **told,
        "ConnectionArn": arn,
        "ConnectionStatus": "PENDING",
        "OwnerAccountId": self.account,
    }
    self.tags[arn] = pairs(tags)
    return {"ConnectionArn": arn, "Tags": tags or []}


@ROOM.operation("GetConnection")
def _get_connection(self: Standins, arguments: Body, _: Through) -> Body:
    arn = arguments["ConnectionArn"]
    return {"Connection": self.find("connection", arn, "ResourceNotFoundException", f"Connection not found: {arn}")}


@ROOM.operation("ListConnections")
def _list_connections(self: Standins, _: Body, __: Through) -> Body:
    return {"Connections": list(self.records["connection"].values())}


@ROOM.operation("DeleteConnection")
def _delete_connection(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["connection"].pop(arguments["ConnectionArn"], None)
    return {}
