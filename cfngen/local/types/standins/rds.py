"""RDS: moto answers ModifyDBSubnetGroup and loses the group, resets no parameters, and forgets settings of instances."""

from __future__ import annotations

from cfngen.local.types.standins.room import Body, Room, Standins, Through

ROOM = Room("rds")


@ROOM.operation("ModifyDBSubnetGroup")
def _modify_subnet_group(_: Standins, arguments: Body, through: Through) -> Body:
    name = arguments["DBSubnetGroupName"]
    there = through("rds", "DescribeDBSubnetGroups", {"DBSubnetGroupName": name})["DBSubnetGroups"][0]
    tags = through("rds", "ListTagsForResource", {"ResourceName": there["DBSubnetGroupArn"]})["TagList"]
    through("rds", "ModifyDBSubnetGroup", arguments)
    again = {"DBSubnetGroupDescription": there["DBSubnetGroupDescription"], **arguments, "Tags": tags}
    return through("rds", "CreateDBSubnetGroup", again)


@ROOM.operation("ResetDBParameterGroup")
def _reset_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    name = arguments["DBParameterGroupName"]
    through("rds", "DescribeDBParameterGroups", {"DBParameterGroupName": name})  # is it there?
    for each in arguments.get("Parameters", []):
        self.records[f"reset in {name}"][each["ParameterName"]] = {}
    return {"DBParameterGroupName": name}


@ROOM.operation("ModifyDBParameterGroup")
def _modify_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("rds", "ModifyDBParameterGroup", arguments)
    for each in arguments["Parameters"]:
        self.records[f"reset in {arguments['DBParameterGroupName']}"].pop(each["ParameterName"], None)
    return answer


@ROOM.operation("DescribeDBParameters")
def _describe_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("rds", "DescribeDBParameters", arguments)
    reset = self.records[f"reset in {arguments['DBParameterGroupName']}"]
    return {**answer, "Parameters": [each for each in answer["Parameters"] if each["ParameterName"] not in reset]}


@ROOM.operation("DeleteDBParameterGroup")
def _delete_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    self.records.pop(f"reset in {arguments['DBParameterGroupName']}", None)
    return through("rds", "DeleteDBParameterGroup", arguments)


ROOM.forgets(
    {"CreateDBInstance": "DBInstance.DBInstanceIdentifier", "ModifyDBInstance": "DBInstance.DBInstanceIdentifier"},
    "DescribeDBInstances",
    "DBInstances",
    "DBInstanceIdentifier",
    (
        "AutoMinorVersionUpgrade",
        "BackupRetentionPeriod",
        "CACertificateIdentifier",
        "DatabaseInsightsMode",
        "EngineLifecycleSupport",
        "MonitoringInterval",
        "MonitoringRoleArn",
        "PerformanceInsightsRetentionPeriod",
        "StorageThroughput",
    ),
)
