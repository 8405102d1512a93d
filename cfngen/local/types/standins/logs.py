"""CloudWatch Logs: moto forgets keys of groups, and writes a filter of a known name beside the one that is there."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("logs")


@ROOM.operation("AssociateKmsKey")
def _associate_key(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["log key"][arguments["logGroupName"]] = {"kmsKeyId": arguments["kmsKeyId"]}
    return {}


@ROOM.operation("DisassociateKmsKey")
def _disassociate_key(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["log key"].pop(arguments["logGroupName"], None)
    return {}


@ROOM.operation("DescribeLogGroups")
def _describe_log_groups(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("logs", "DescribeLogGroups", arguments)
    for each in answer["logGroups"]:
        each.update(self.records["log key"].get(each["logGroupName"], {}))
    return answer


@ROOM.operation("DeleteLogGroup")
def _delete_log_group(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("logs", "DeleteLogGroup", arguments)
    self.records["log key"].pop(arguments["logGroupName"], None)
    return answer


@ROOM.operation("PutMetricFilter")
def _put_filter(_: Standins, arguments: Body, through: Through) -> Body:
    where = {name: arguments[name] for name in ("logGroupName", "filterName")}
    asked = {"logGroupName": where["logGroupName"], "filterNamePrefix": where["filterName"]}
    there = through("logs", "DescribeMetricFilters", asked)["metricFilters"]
    if any(each["filterName"] == where["filterName"] for each in there):
        through("logs", "DeleteMetricFilter", where)
    return through("logs", "PutMetricFilter", arguments)
