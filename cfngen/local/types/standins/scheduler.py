"""EventBridge Scheduler: a group that is gone is told as such; moto breaks."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("scheduler")


@ROOM.operation("DeleteScheduleGroup")
def _delete_group(_: Standins, arguments: Body, through: Through) -> Body:
    through("scheduler", "GetScheduleGroup", {"Name": arguments["Name"]})
    return through("scheduler", "DeleteScheduleGroup", arguments)
