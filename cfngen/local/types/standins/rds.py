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


def _stand_in(kind: str, reads: str) -> None:
    """Groups of parameters, of instances or of clusters: a parameter that was reset is told no more."""
    key = f"{kind}Name"

    def records(self: Standins, arguments: Body) -> Body:
        return self.records[f"reset in {kind} {arguments[key]}"]

    @ROOM.operation(f"Reset{kind}")
    def _reset(self: Standins, arguments: Body, through: Through) -> Body:
        through("rds", f"Describe{kind}s", {key: arguments[key]})  # is it there?
        for each in arguments.get("Parameters", []):
            records(self, arguments)[each["ParameterName"]] = {}
        return {key: arguments[key]}

    @ROOM.operation(f"Modify{kind}")
    def _modify(self: Standins, arguments: Body, through: Through) -> Body:
        answer = through("rds", f"Modify{kind}", arguments)
        for each in arguments["Parameters"]:
            records(self, arguments).pop(each["ParameterName"], None)
        return answer

    @ROOM.operation(reads)
    def _describe(self: Standins, arguments: Body, through: Through) -> Body:
        answer = through("rds", reads, arguments)
        reset = records(self, arguments)
        return {**answer, "Parameters": [each for each in answer["Parameters"] if each["ParameterName"] not in reset]}

    @ROOM.operation(f"Delete{kind}")
    def _delete(self: Standins, arguments: Body, through: Through) -> Body:
        records(self, arguments).clear()
        return through("rds", f"Delete{kind}", arguments)


_stand_in("DBParameterGroup", "DescribeDBParameters")
_stand_in("DBClusterParameterGroup", "DescribeDBClusterParameters")


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
        "PromotionTier",
        "PerformanceInsightsRetentionPeriod",
        "StorageThroughput",
    ),
)
ROOM.forgets(
    {"CreateDBCluster": "DBCluster.DBClusterIdentifier", "ModifyDBCluster": "DBCluster.DBClusterIdentifier"},
    "DescribeDBClusters",
    "DBClusters",
    "DBClusterIdentifier",
    ("DatabaseInsightsMode", "EngineLifecycleSupport", "ServerlessV2ScalingConfiguration"),
)
