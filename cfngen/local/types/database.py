"""RDS: instances, subnet groups, parameter groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.local.types.entry import (
    Body,
    Call,
    Context,
    Custom,
    Name,
    Part,
    Read,
    Type,
    arn,
    changed,
    physical,
    tags,
    update,
)
from cfngen.semantics.update import RefusedError


def tagged(kind: str) -> Part:
    """The tags of a kind of resource."""
    return tags("AddTagsToResource", "RemoveTagsFromResource", "ResourceName", arn("rds", kind + ":{}"))


def tags_told(kind: str) -> Read:
    """What tells them."""
    return Read("ListTagsForResource", {"ResourceName": arn("rds", kind + ":{}")})


def folded_secret(properties: Body) -> Body:
    """The key of the master's secret lies in an object in templates, and beside the rest in the API."""
    told = dict(properties)
    secret = told.pop("MasterUserSecret", {})
    return {**told, **({"MasterUserSecretKmsKeyId": secret["KmsKeyId"]} if "KmsKeyId" in secret else {})}


_NAMES = {"VPCSecurityGroups": "VpcSecurityGroupIds", "Port": "DBPortNumber"}

# Which properties ModifyDBInstance takes, and what says that one is gone where anything does.
_MODIFIED = (
    "AllocatedStorage",
    "ApplyImmediately",
    "AutoMinorVersionUpgrade",
    "BackupRetentionPeriod",
    "CACertificateIdentifier",
    "CopyTagsToSnapshot",
    "DBInstanceClass",
    "DBParameterGroupName",
    "DatabaseInsightsMode",
    "DeletionProtection",
    "EnableIAMDatabaseAuthentication",
    "EnablePerformanceInsights",
    "EngineVersion",
    "Iops",
    "ManageMasterUserPassword",
    "MasterUserPassword",
    "MasterUserSecretKmsKeyId",
    "MaxAllocatedStorage",
    "MonitoringInterval",
    "MonitoringRoleArn",
    "MultiAZ",
    "PerformanceInsightsKMSKeyId",
    "PerformanceInsightsRetentionPeriod",
    "Port",
    "PreferredBackupWindow",
    "PreferredMaintenanceWindow",
    "PromotionTier",
    "PubliclyAccessible",
    "StorageThroughput",
    "StorageType",
    "VPCSecurityGroups",
    "EngineLifecycleSupport",
)
_ABSENT = {
    "ApplyImmediately": False,
    "AutoMinorVersionUpgrade": True,
    "BackupRetentionPeriod": 1,
    "CopyTagsToSnapshot": False,
    "DatabaseInsightsMode": "standard",
    "DeletionProtection": False,
    "EnableIAMDatabaseAuthentication": False,
    "EnablePerformanceInsights": False,
    "MonitoringInterval": 0,
    "MultiAZ": False,
    "PubliclyAccessible": False,
}


def _modify(context: Context) -> None:
    """Only what changed is sent; whether a window or a restart is waited for is for the service to know."""
    call: dict[str, Any] = {}
    for name in changed(context.old, context.properties):
        if name in _MODIFIED:
            if name not in context.properties and name not in _ABSENT:
                raise RefusedError(f"AWS::RDS::DBInstance: no operation takes {name} away here")
            call[_NAMES.get(name, name)] = context.properties.get(name, _ABSENT.get(name))
    if "ApplyImmediately" in context.properties:
        call["ApplyImmediately"] = context.properties["ApplyImmediately"]
    context.call("rds", "ModifyDBInstance", DBInstanceIdentifier=context.physical, **call)


def log_exports(kind: str) -> Custom:
    """What switches the exports of logs on and off; `kind` is DBInstance or DBCluster."""

    def write(context: Context) -> None:
        old, new = (side.get("EnableCloudwatchLogsExports", []) for side in (context.old, context.properties))
        wanted = {
            "EnableLogTypes": [each for each in new if each not in old],
            "DisableLogTypes": [each for each in old if each not in new],
        }
        named = {f"{kind}Identifier": context.physical}
        context.call("rds", f"Modify{kind}", **named, CloudwatchLogsExportConfiguration=wanted)

    return write


def parameters(kind: str) -> Custom:
    """What writes the parameters of a group of that kind."""

    def write(context: Context) -> None:
        """A parameter that is gone gets its default again. Static ones want a restart, which CloudFormation never makes (I2.19)."""
        old, new = (side.get("Parameters", {}) for side in (context.old, context.properties))
        named = {f"{kind}Name": context.physical}
        gone = [{"ParameterName": name, "ApplyMethod": "pending-reboot"} for name in old if name not in new]
        if gone:
            context.call("rds", f"Reset{kind}", **named, Parameters=gone)
        told = [_parameter(name, value) for name, value in new.items() if old.get(name) != value]
        if told:
            context.call("rds", f"Modify{kind}", **named, Parameters=told)

    return write


def _parameter(name: str, value: Any) -> Mapping[str, Any]:
    return {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "pending-reboot"}


def deletion(kind: str) -> Custom:
    """What deletes an instance or a cluster; a DeletionPolicy of Snapshot keeps a last snapshot, named as CloudFormation names it."""

    def delete(context: Context) -> None:
        asked: dict[str, Any] = {"SkipFinalSnapshot": True}
        if context.resource.deletion_policy == "Snapshot":
            name = f"{context.physical}-snapshot-{context.resource.name.lower()}"[:255]
            asked = {"SkipFinalSnapshot": False, "FinalDBSnapshotIdentifier": name}
        if "DeleteAutomatedBackups" in context.properties:
            asked["DeleteAutomatedBackups"] = context.properties["DeleteAutomatedBackups"]
        context.call("rds", f"Delete{kind}", **{f"{kind}Identifier": context.physical}, **asked)

    return delete


TYPES = {
    "AWS::RDS::DBSubnetGroup": Type(
        "rds",
        Call("CreateDBSubnetGroup"),
        "DBSubnetGroup.DBSubnetGroupName",
        Name("DBSubnetGroupName", 255, is_lower=True),
        parts=(
            update(
                "ModifyDBSubnetGroup", "DBSubnetGroupDescription", "SubnetIds", given={"DBSubnetGroupName": physical}
            ),
            tagged("subgrp"),
        ),
        delete=Call("DeleteDBSubnetGroup", given={"DBSubnetGroupName": physical}),
        reads=(
            Read("DescribeDBSubnetGroups", {"DBSubnetGroupName": physical}, "DBSubnetGroups[0]"),
            tags_told("subgrp"),
        ),
        attributes={"DBSubnetGroupArn": arn("rds", "subgrp:{}")},
    ),
    "AWS::RDS::DBParameterGroup": Type(
        "rds",
        Call("CreateDBParameterGroup", names={"Family": "DBParameterGroupFamily"}),
        "DBParameterGroup.DBParameterGroupName",
        Name("DBParameterGroupName", 255, is_lower=True),
        parts=(Part(parameters("DBParameterGroup"), ("Parameters",), whole=True), tagged("pg")),
        delete=Call("DeleteDBParameterGroup", given={"DBParameterGroupName": physical}),
        reads=(
            Read("DescribeDBParameterGroups", {"DBParameterGroupName": physical}, "DBParameterGroups[0]"),
            Read("DescribeDBParameters", {"DBParameterGroupName": physical, "Source": "user"}),
            tags_told("pg"),
        ),
        attributes={"DBParameterGroupArn": arn("rds", "pg:{}"), "DBParameterGroupName": physical},
    ),
    "AWS::RDS::DBInstance": Type(
        "rds",
        Call("CreateDBInstance", names={"VPCSecurityGroups": "VpcSecurityGroupIds"}),
        "DBInstance.DBInstanceIdentifier",
        Name("DBInstanceIdentifier", 63, is_lower=True),
        folded=folded_secret,
        parts=(
            Part(_modify, _MODIFIED, whole=True, is_update=True),
            Part(log_exports("DBInstance"), ("EnableCloudwatchLogsExports",), whole=True, is_update=True),
            tagged("db"),
        ),
        delete=deletion("DBInstance"),
        reads=(
            Read("DescribeDBInstances", {"DBInstanceIdentifier": physical}, "DBInstances[0]"),
            tags_told("db"),
        ),
        attributes={
            "Endpoint.Address": "Endpoint.Address",
            "Endpoint.Port": "to_string(Endpoint.Port)",
            "DBInstanceArn": "DBInstanceArn",
            "DbiResourceId": "DbiResourceId",
            "MasterUserSecret.SecretArn": "MasterUserSecret.SecretArn",
        },
        dropped={
            "ApplyImmediately": "says how changes are made, is sent with them, and is kept nowhere",
            "DeleteAutomatedBackups": "is sent when the instance is deleted",
        },
    ),
}
