"""RDS: clusters, as Aurora has them, and their parameter groups."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.database import folded_secret, parameters, tagged, tags_told
from cfngen.local.types.entry import Call, Context, Name, Part, Read, Type, arn, changed, physical
from cfngen.semantics.update import RefusedError

_MODIFIED = (
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CopyTagsToSnapshot",
    "DBClusterParameterGroupName",
    "DatabaseInsightsMode",
    "DeletionProtection",
    "EnableIAMDatabaseAuthentication",
    "EngineVersion",
    "ManageMasterUserPassword",
    "MasterUserPassword",
    "MasterUserSecretKmsKeyId",
    "Port",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "ServerlessV2ScalingConfiguration",
    "StorageType",
    "VpcSecurityGroupIds",
)
"""Which properties ModifyDBCluster takes."""
_ABSENT = {
    "BackupRetentionPeriod": 1,
    "CopyTagsToSnapshot": False,
    "DeletionProtection": False,
    "EnableIAMDatabaseAuthentication": False,
}


def _modify(context: Context) -> None:
    """Only what changed is sent, to be done at once: a template of a cluster has no word for later."""
    call: dict[str, Any] = {}
    for name in changed(context.old, context.properties):
        if name in _MODIFIED:
            if name not in context.properties and name not in _ABSENT:
                raise RefusedError(f"AWS::RDS::DBCluster: no operation takes {name} away here")
            call[name] = context.properties.get(name, _ABSENT.get(name))
    context.call("rds", "ModifyDBCluster", DBClusterIdentifier=context.physical, ApplyImmediately=True, **call)


def _log_exports(context: Context) -> None:
    old, new = (side.get("EnableCloudwatchLogsExports", []) for side in (context.old, context.properties))
    wanted = {
        "EnableLogTypes": [each for each in new if each not in old],
        "DisableLogTypes": [each for each in old if each not in new],
    }
    context.call(
        "rds", "ModifyDBCluster", DBClusterIdentifier=context.physical, CloudwatchLogsExportConfiguration=wanted
    )


def _delete(context: Context) -> None:
    """A DeletionPolicy of Snapshot keeps a last snapshot, named as CloudFormation names it."""
    asked: dict[str, Any] = {"SkipFinalSnapshot": True}
    if context.resource.deletion_policy == "Snapshot":
        name = f"{context.physical}-snapshot-{context.resource.name.lower()}"[:255]
        asked = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": name}
    if "DeleteAutomatedBackups" in context.properties:
        asked["DeleteAutomatedBackups"] = context.properties["DeleteAutomatedBackups"]
    context.call("rds", "DeleteDBCluster", DBClusterIdentifier=context.physical, **asked)


TYPES = {
    "AWS::RDS::DBClusterParameterGroup": Type(
        "rds",
        Call("CreateDBClusterParameterGroup", names={"Family": "DBParameterGroupFamily"}),
        "DBClusterParameterGroup.DBClusterParameterGroupName",
        Name("DBClusterParameterGroupName", 255, is_lower=True),
        parts=(Part(parameters("DBClusterParameterGroup"), ("Parameters",), whole=True), tagged("cluster-pg")),
        delete=Call("DeleteDBClusterParameterGroup", given={"DBClusterParameterGroupName": physical}),
        reads=(
            Read(
                "DescribeDBClusterParameterGroups",
                {"DBClusterParameterGroupName": physical},
                "DBClusterParameterGroups[0]",
            ),
            Read("DescribeDBClusterParameters", {"DBClusterParameterGroupName": physical, "Source": "user"}),
            tags_told("cluster-pg"),
        ),
        attributes={"DBClusterParameterGroupName": physical},
    ),
    "AWS::RDS::DBCluster": Type(
        "rds",
        Call("CreateDBCluster"),
        "DBCluster.DBClusterIdentifier",
        Name("DBClusterIdentifier", 63, is_lower=True),
        folded=folded_secret,
        parts=(
            Part(_modify, _MODIFIED, whole=True, is_update=True),
            Part(_log_exports, ("EnableCloudwatchLogsExports",), whole=True, is_update=True),
            tagged("cluster"),
        ),
        delete=_delete,
        reads=(
            Read("DescribeDBClusters", {"DBClusterIdentifier": physical}, "DBClusters[0]"),
            tags_told("cluster"),
        ),
        attributes={
            "DBClusterArn": arn("rds", "cluster:{}"),
            "DBClusterResourceId": "DbClusterResourceId",
            "Endpoint.Address": "Endpoint",
            "Endpoint.Port": "to_string(Port)",
            "MasterUserSecret.SecretArn": "MasterUserSecret.SecretArn",
            "ReadEndpoint.Address": "ReaderEndpoint",
        },
        dropped={"DeleteAutomatedBackups": "is sent when the cluster is deleted"},
    ),
}
