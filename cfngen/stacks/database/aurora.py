"""A cluster of Aurora Serverless v2."""

from __future__ import annotations

from troposphere import GetAtt, GetAZs, Select, rds
from troposphere.validators import double

from cfngen.stack import Stack
from cfngen.stacks.common import given
from cfngen.stacks.database import alarms
from cfngen.stacks.database.parts import DatabaseOutputs, Wanted, secret, security_group, subnet_group
from cfngen.values import Arn, SecretArn, SecurityGroupId, Text

_INSIGHTS_ACU = 2
"""The least capacity with which Aurora's guide would have Performance Insights."""
_TAKES_OVER, _FOLLOWS = 1, 2
"""Promotion tiers: what is in the first two has the writer's capacity, whatever it does; the others have their own."""


class _Capacity(rds.ServerlessV2ScalingConfiguration):
    """troposphere does not know a least capacity of 0 (I1.9)."""

    props = {**rds.ServerlessV2ScalingConfiguration.props, "MinCapacity": (double, True), "MaxCapacity": (double, True)}  # noqa: RUF012


def cluster(stack: Stack, wanted: Wanted) -> DatabaseOutputs:
    """A cluster with one instance that writes and as many more as the description says."""
    group = security_group(stack, wanted)
    made = _cluster(stack, wanted, SecurityGroupId(GetAtt(group, "GroupId")))
    _instances(stack, wanted, made)
    if wanted.off_hours:
        from cfngen.stacks.database.sleep import CLUSTER, sleep

        sleep(stack, wanted.common, CLUSTER, made, wanted.off_hours)
    if wanted.database.backup_plan and (windows := wanted.windows):
        from cfngen.stacks.database.backup import copies

        arn = Arn(GetAtt(made, "DBClusterArn"))
        plan = wanted.database.backup_plan
        copies(stack, wanted.common, wanted.foundation, arn, windows, plan, ("cluster", "cluster-snapshot"))
    watched = alarms.Watched("DBClusterIdentifier", Text(made.ref()))
    return DatabaseOutputs(
        host=Text(GetAtt(made, "Endpoint.Address")),
        port=Text(GetAtt(made, "Endpoint.Port")),
        instance=None,
        security_group=SecurityGroupId(GetAtt(group, "GroupId")),
        master_secret=SecretArn(GetAtt(made, "MasterUserSecret.SecretArn")),
        reader_secret=secret(stack, wanted, "reader"),
        writer_secret=secret(stack, wanted, "writer"),
        alarm=alarms.composite(stack, alarms.of_cluster(wanted.database, watched)),
        engine_port=wanted.engine.port,
        cluster=Text(made.ref()),
        reader_host=Text(GetAtt(made, "ReadEndpoint.Address")) if wanted.database.has_reader_address else None,
    )


def _cluster(stack: Stack, wanted: Wanted, group: SecurityGroupId) -> rds.DBCluster:
    engine, database, capacity = wanted.engine, wanted.database, wanted.database.serverless
    subnets = subnet_group(stack, wanted)
    # A cluster's group holds what parameters of instances begin with, too.
    parameters = stack.add(
        rds.DBClusterParameterGroup(
            "ParameterGroup",
            Description=f"{engine.says} with TLS required",
            Family=engine.family,
            Parameters=dict(engine.parameters),
        )
    )
    pause = capacity.pause_after_minutes * 60 if capacity.minimum_acu == 0 else None
    return stack.add(
        rds.DBCluster(
            "Cluster",
            # Either way the data are kept; the snapshot is the last one (I2.5).
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Snapshot",
            Engine=database.engine,
            EngineVersion=wanted.engine_version,
            **given(EngineLifecycleSupport=engine.lifecycle),
            DatabaseName=database.name,
            ServerlessV2ScalingConfiguration=_Capacity(
                MinCapacity=capacity.minimum_acu,
                MaxCapacity=capacity.maximum_acu,
                **given(SecondsUntilAutoPause=pause),
            ),
            StorageEncrypted=True,
            **given(KmsKeyId=wanted.key),
            **wanted.master,
            DBSubnetGroupName=subnets.ref(),
            VpcSecurityGroupIds=[group],
            DBClusterParameterGroupName=parameters.ref(),
            BackupRetentionPeriod=database.backup_days,
            **wanted.told_windows,
            CopyTagsToSnapshot=True,
            DeleteAutomatedBackups=not database.protected,
            DeletionProtection=database.protected,
            EnableCloudwatchLogsExports=list(engine.logs),
        )
    )


def _instances(stack: Stack, wanted: Wanted, cluster: rds.DBCluster) -> None:
    """Aurora says which of them writes. They take turns in the first two zones, which a network never loses; in one that
    is given, zones are Aurora's choice.
    """
    insights = wanted.database.serverless.minimum_acu >= _INSIGHTS_ACU
    names = [
        "Instance",
        *(f"ReaderInstance{number + 1}" for number in range(wanted.database.serverless.reader_instances)),
    ]
    for index, name in enumerate(names):
        stack.add(
            rds.DBInstance(
                name,
                # The data are the cluster's.
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
                DBClusterIdentifier=cluster.ref(),
                Engine=wanted.database.engine,
                DBInstanceClass="db.serverless",
                **given(AvailabilityZone=Select(index % 2, GetAZs("")) if wanted.in_own_network else None),
                # Beside the cluster's: without one RDS draws it, perhaps for hours in which the cluster is stopped.
                **given(PreferredMaintenanceWindow=str(windows.maintenance) if (windows := wanted.windows) else None),
                PromotionTier=_TAKES_OVER if index <= 1 else _FOLLOWS,
                PubliclyAccessible=False,
                AutoMinorVersionUpgrade=True,
                EnablePerformanceInsights=insights,
            )
        )
