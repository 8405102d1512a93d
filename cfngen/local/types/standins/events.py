"""EventBridge: moto changes no bus, and forgets much of it."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("events")


@ROOM.operation("UpdateEventBus")
def _update_bus(_: Standins, arguments: Body, through: Through) -> Body:
    told = through("events", "DescribeEventBus", {"Name": arguments["Name"]})
    return {**told, **arguments}


ROOM.forgets(
    {"CreateEventBus": "Name", "UpdateEventBus": "Name"},
    "DescribeEventBus",
    "[@]",
    "Name",
    ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"),
)
