"""RDS: clusters, as Aurora has them, and their parameter groups."""

from __future__ import annotations

from typing import Any

from cfngen.local.types.database import deletion, folded_secret, log_exports, parameters, tagged, tags_told
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
            Part(log_exports("DBCluster"), ("EnableCloudwatchLogsExports",), whole=True, is_update=True),
            tagged("cluster"),
        ),
        delete=deletion("DBCluster"),
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
