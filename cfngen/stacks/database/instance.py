"""An RDS instance."""

from __future__ import annotations

from troposphere import GetAtt, rds

from cfngen.stack import Stack
from cfngen.stacks.common import given
from cfngen.stacks.database import alarms
from cfngen.stacks.database.parts import DatabaseOutputs, Wanted, secret, security_group, subnet_group
from cfngen.values import Arn, SecretArn, SecurityGroupId, Text


def instance(stack: Stack, wanted: Wanted) -> DatabaseOutputs:
    """One instance, with a standby where the description says so."""
    group = security_group(stack, wanted)
    made = _instance(stack, wanted, SecurityGroupId(GetAtt(group, "GroupId")))
    if wanted.off_hours:
        from cfngen.stacks.database.sleep import INSTANCE, sleep

        sleep(stack, wanted.common, INSTANCE, made, wanted.off_hours)
    if wanted.database.backup_plan and (windows := wanted.windows):
        from cfngen.stacks.database.backup import copies

        arn = Arn(GetAtt(made, "DBInstanceArn"))
        copies(stack, wanted.common, wanted.foundation, arn, windows, wanted.database.backup_plan)
    watched = alarms.Watched("DBInstanceIdentifier", Text(made.ref()))
    return DatabaseOutputs(
        host=Text(GetAtt(made, "Endpoint.Address")),
        port=Text(GetAtt(made, "Endpoint.Port")),
        instance=Text(made.ref()),
        security_group=SecurityGroupId(GetAtt(group, "GroupId")),
        master_secret=SecretArn(GetAtt(made, "MasterUserSecret.SecretArn")),
        reader_secret=secret(stack, wanted, "reader"),
        writer_secret=secret(stack, wanted, "writer"),
        alarm=alarms.composite(stack, alarms.of_instance(wanted.database, watched)),
        engine_port=wanted.engine.port,
    )


def _instance(stack: Stack, wanted: Wanted, group: SecurityGroupId) -> rds.DBInstance:
    engine, database = wanted.engine, wanted.database
    subnets = subnet_group(stack, wanted)
    parameters = stack.add(
        rds.DBParameterGroup(
            "ParameterGroup",
            Description=f"{engine.says} with TLS required",
            Family=engine.family,
            Parameters=dict(engine.parameters),
        )
    )
    # The smallest burstable classes cannot hold Performance Insights (I2.15).
    insights = engine.observes_all or not database.instance_class.endswith((".micro", ".small"))
    return stack.add(
        rds.DBInstance(
            "Instance",
            # Either way the data are kept; the snapshot is the last one (I2.5).
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Snapshot",
            Engine=database.engine,
            EngineVersion=wanted.engine_version,
            **given(EngineLifecycleSupport=engine.lifecycle),
            AutoMinorVersionUpgrade=True,
            DBName=database.name,
            DBInstanceClass=database.instance_class,
            AllocatedStorage=str(database.storage_gib),
            MaxAllocatedStorage=database.storage_ceiling_gib,
            StorageType="gp3",
            StorageEncrypted=True,
            **given(KmsKeyId=wanted.key),
            **wanted.master,
            MultiAZ=database.multi_az,
            DBSubnetGroupName=subnets.ref(),
            VPCSecurityGroups=[group],
            PubliclyAccessible=False,
            DBParameterGroupName=parameters.ref(),
            BackupRetentionPeriod=database.backup_days,
            **wanted.told_windows,
            CopyTagsToSnapshot=True,
            DeleteAutomatedBackups=not database.protected,
            DeletionProtection=database.protected,
            # A guarded database changes in its maintenance window, another one at once (I2.22).
            ApplyImmediately=not database.protected,
            DatabaseInsightsMode="standard",
            EnablePerformanceInsights=insights,
            EnableCloudwatchLogsExports=list(engine.logs),
        )
    )
