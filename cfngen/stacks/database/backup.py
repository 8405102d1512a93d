"""Copies of a database by AWS Backup, in a vault that outlives the stage."""

from __future__ import annotations

from awacs import backup as backup_actions
from awacs import kms as kms_actions
from awacs import rds as rds_actions
from awacs import tag as tag_actions
from awacs.aws import Bool, Statement
from troposphere import GetAtt, Select, Split, StackId, Sub, backup

from cfngen.spec import BackupPlan
from cfngen.spec.windows import COPY_MINUTES, START_MINUTES, Span, Windows
from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, arn, from_this_account, given, only_kms_via, role, trust
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.notices import notice
from cfngen.values import Arn, KeyArn

_COMPLETION_MINUTES = 24 * 60
"""A first copy of much data takes long, and one that does not end in time is lost."""


def copies(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    database: Arn,
    windows: Windows,
    plan: BackupPlan,
    snapshots: tuple[str, str] = ("db", "snapshot"),
) -> None:
    """A vault, a plan and a selection of nothing but `database`, with a role that may copy that one alone.

    `snapshots` are the kinds of a database and of its snapshots in ARNs of RDS.
    """
    key = common.key_for("database", foundation.key)
    vault = stack.add(
        backup.BackupVault(
            "BackupVault",
            # With something in it a vault cannot be deleted, and what is in it is there for the day after.
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
            # A vault has to have a name, and one that a deleted stage left keeps its own.
            BackupVaultName=Sub(
                f"{common.name}-${{Stack}}", Stack=Select(0, Split("-", Select(2, Split("/", StackId))))
            ),
            **given(EncryptionKeyArn=key),
        )
    )
    rules = [
        _rule(vault, name, span, week, days)
        for name, span, week, days in (
            ("weekly", windows.copies[0], "", plan.weekly_days),
            ("monthly", windows.copies[1], "#1", plan.monthly_days),
        )
        if days is not None
    ]
    made = stack.add(
        backup.BackupPlan(
            "BackupPlan",
            BackupPlan=backup.BackupPlanResourceType(BackupPlanName=f"{common.name}-database", BackupPlanRule=rules),
        )
    )
    rights = list(_rights(vault, database, snapshots, key))
    reads = "rds:Describe* and tag:GetResources: AWS Backup asks for lists, which are of everything"
    copier = role(stack, "BackupRole", common, trust("backup", from_this_account()), rights, wildcards=reads)
    stack.add(
        backup.BackupSelection(
            "BackupSelection",
            BackupPlanId=made.ref(),
            BackupSelection=backup.BackupSelectionResourceType(
                SelectionName="database", IamRoleArn=GetAtt(copier, "Arn"), Resources=[database]
            ),
        )
    )
    notice(
        stack,
        "BackupFailure",
        common,
        foundation,
        description="A copy of the database failed",
        pattern={
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change"],
            "detail": {"state": ["ABORTED", "EXPIRED", "FAILED", "PARTIAL"], "backupVaultName": [vault.ref()]},
        },
        paths={"job": "$.detail.backupJobId", "state": "$.detail.state", "vault": "$.detail.backupVaultName"},
        message="The copy <job> of the database into the vault <vault> ended with <state>. RDS's own backups go on.",
    )


def _rule(vault: backup.BackupVault, name: str, span: Span, week: str, days: int) -> backup.BackupRuleResourceType:
    day, hour, minute = span.day_and_time
    return backup.BackupRuleResourceType(
        RuleName=name,
        TargetBackupVault=vault.ref(),
        ScheduleExpression=f"cron({minute} {hour} ? * {day}{week} *)",
        ScheduleExpressionTimezone="Etc/UTC",
        StartWindowMinutes=START_MINUTES,
        CompletionWindowMinutes=max(_COMPLETION_MINUTES, COPY_MINUTES),
        Lifecycle=backup.LifecycleResourceType(DeleteAfterDays=days),
    )


def _rights(vault: backup.BackupVault, database: Arn, kinds: tuple[str, str], key: KeyArn | None) -> list[Statement]:
    """What AWSBackupServiceRolePolicyForBackup has for RDS, for one database and for AWS Backup's own snapshots."""
    is_cluster = kinds[0] == "cluster"
    own = arn("rds", f"{kinds[1]}:awsbackup:*")
    if is_cluster:
        make = [rds_actions.CreateDBClusterSnapshot]
        drop = [rds_actions.DeleteDBClusterSnapshot, rds_actions.ModifyDBClusterSnapshotAttribute]
        see = [rds_actions.DescribeDBClusterSnapshots, rds_actions.DescribeDBClusters]
    else:
        make = [rds_actions.CreateDBSnapshot]
        drop = [rds_actions.DeleteDBSnapshot, rds_actions.ModifyDBSnapshotAttribute]
        see = [rds_actions.DescribeDBInstances, rds_actions.DescribeDBSnapshots]
    statements = [
        allow([*make, rds_actions.AddTagsToResource], [database, own]),
        allow([rds_actions.ListTagsForResource], [database, own]),
        allow(drop, own),
        allow([*see, tag_actions.GetResources], "*"),
        allow([backup_actions.DescribeBackupVault], GetAtt(vault, "BackupVaultArn")),
    ]
    if key:
        statements.append(allow([kms_actions.DescribeKey], key))
        statements.append(
            allow([kms_actions.CreateGrant], key, Bool("kms:GrantIsForAWSResource", "true"), only_kms_via("rds"))
        )
    return statements
