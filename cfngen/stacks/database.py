"""The database, its secrets and its alarms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from awacs import rds as rds_actions
from troposphere import GetAtt, Join, Sub, cloudwatch, ec2, rds, scheduler, secretsmanager

from cfngen.spec import Database, OffHours
from cfngen.spec.application import WEEK
from cfngen.stack import Stack
from cfngen.stacks.common import Common, allow, arn, from_this_account, given, role, trust
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.times import clock, offsets
from cfngen.values import AlarmName, SecretArn, SecurityGroupId, Text

_GIB = 1024**3
_FILED = {"slow_query_log": "1", "long_query_time": "1", "log_output": "FILE"}
"""RDS would write slow queries into a table, which fills the storage and is published nowhere."""
STOP_MINUTES_AFTER_TASKS, START_MINUTES_BEFORE_TASKS = 10, 20
_WINDOW_MINUTES = 30  # the least that RDS takes, and what it takes by itself


@dataclass(frozen=True)
class Engine:
    """What differs between engines. `bytes_a_connection` is what RDS makes max_connections of.

    `ends_on_time`: RDS knows extended support of it, which is off (I1.4). `observes_all`: Performance Insights go with
    its smallest classes, too (I2.15). `master` is the first user; PostgreSQL keeps the name admin for itself.
    """

    says: str
    family: str
    port: int
    parameters: Mapping[str, str]
    logs: tuple[str, ...]
    bytes_a_connection: int
    master: str = "admin"
    ends_on_time: bool = True
    observes_all: bool = False


ENGINES = {
    "mysql": Engine(
        says="MySQL 8.4",
        family="mysql8.4",
        port=3306,
        parameters={"require_secure_transport": "1", **_FILED},
        logs=("error", "slowquery"),
        bytes_a_connection=12582880,
    ),
    "mariadb": Engine(
        says="MariaDB 11.8",
        family="mariadb11.8",
        port=3306,
        parameters={"require_secure_transport": "1", **_FILED},
        logs=("error", "slowquery"),
        bytes_a_connection=12582880,
        ends_on_time=False,
    ),
    "postgres": Engine(
        says="PostgreSQL 17",
        family="postgres17",
        port=5432,
        parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
        logs=("postgresql", "upgrade"),
        bytes_a_connection=9531392,
        master="postgres",
        observes_all=True,
    ),
}


@dataclass(frozen=True)
class DatabaseOutputs:
    """Where the database is, who may come in, and which secret opens it as whom."""

    host: Text
    port: Text
    instance: Text
    security_group: SecurityGroupId
    master_secret: SecretArn
    reader_secret: SecretArn
    writer_secret: SecretArn
    alarm: AlarmName
    engine_port: int = ENGINES["mysql"].port


def database_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: Database,
    engine_version: str,
    off_hours: OffHours | None = None,
) -> DatabaseOutputs:
    """An encrypted database in the isolated subnets, reached by TLS alone."""
    group = _security_group(stack, network)
    instance = _instance(stack, common, foundation, network, database, engine_version, group, off_hours)
    if off_hours:
        _sleep(stack, common, instance, off_hours)
    return DatabaseOutputs(
        host=Text(GetAtt(instance, "Endpoint.Address")),
        port=Text(GetAtt(instance, "Endpoint.Port")),
        instance=Text(instance.ref()),
        security_group=SecurityGroupId(GetAtt(group, "GroupId")),
        master_secret=SecretArn(GetAtt(instance, "MasterUserSecret.SecretArn")),
        reader_secret=_secret(stack, common, foundation, database, "reader"),
        writer_secret=_secret(stack, common, foundation, database, "writer"),
        alarm=_alarms(stack, database, instance),
        engine_port=ENGINES[database.engine].port,
    )


def _security_group(stack: Stack, network: NetworkOutputs) -> ec2.SecurityGroup:
    # Who may come in stands with who comes: each service adds its own rule. The way out to nowhere closes the
    # group, which would else allow every way out (J4.3); constant, so that it never clashes with other rules (J4.4).
    nowhere = ec2.SecurityGroupRule(IpProtocol="-1", CidrIp="127.0.0.1/32", Description="nowhere")
    return stack.add(
        ec2.SecurityGroup(
            "SecurityGroup", GroupDescription="Database", VpcId=network.vpc, SecurityGroupEgress=[nowhere]
        )
    )


def _instance(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: Database,
    engine_version: str,
    group: ec2.SecurityGroup,
    off_hours: OffHours | None,
) -> rds.DBInstance:
    engine = ENGINES[database.engine]
    subnets = stack.add(
        rds.DBSubnetGroup(
            "SubnetGroup", DBSubnetGroupDescription="Isolated subnets", SubnetIds=network.isolated_subnets
        )
    )
    parameters = stack.add(
        rds.DBParameterGroup(
            "ParameterGroup",
            Description=f"{engine.says} with TLS required",
            Family=engine.family,
            Parameters=dict(engine.parameters),
        )
    )
    key = common.key_for("database", foundation.key)
    # The smallest burstable classes cannot hold Performance Insights (I2.15).
    insights = engine.observes_all or not database.instance_class.endswith((".micro", ".small"))
    return stack.add(
        rds.DBInstance(
            "Instance",
            # Either way the data are kept; the snapshot is the last one (I2.5).
            DeletionPolicy="Snapshot",
            UpdateReplacePolicy="Snapshot",
            Engine=database.engine,
            EngineVersion=engine_version,
            # I1.4: no surcharge after the end of support
            **given(
                EngineLifecycleSupport="open-source-rds-extended-support-disabled" if engine.ends_on_time else None
            ),
            AutoMinorVersionUpgrade=True,
            DBName=database.name,
            DBInstanceClass=database.instance_class,
            AllocatedStorage=str(database.storage_gib),
            MaxAllocatedStorage=database.storage_ceiling_gib,
            StorageType="gp3",
            StorageEncrypted=True,
            **given(KmsKeyId=key),
            MasterUsername=engine.master,
            ManageMasterUserPassword=True,
            **given(MasterUserSecret=rds.MasterUserSecret(KmsKeyId=key) if key else None),
            MultiAZ=database.multi_az,
            DBSubnetGroupName=subnets.ref(),
            VPCSecurityGroups=[GetAtt(group, "GroupId")],
            PubliclyAccessible=False,
            DBParameterGroupName=parameters.ref(),
            BackupRetentionPeriod=database.backup_days,
            **(_windows(off_hours) if off_hours else {}),
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


def _windows(off_hours: OffHours) -> dict[str, Any]:
    """When a database that sleeps is backed up and maintained; by itself RDS takes windows of the night, in which it
    is stopped. They are in UTC and stay there, so they lie in the hours that are working hours in winter and in
    summer: the backup first, and the maintenance early, so that it has the day.
    """
    day = next(index for index, name in enumerate(WEEK) if name in off_hours.working_days)
    awake = day * 24 * 60 + clock(off_hours.end) - offsets(off_hours.timezone)[0]
    backup, maintenance = _window(awake), _window(awake + 2 * _WINDOW_MINUTES)
    return {
        "PreferredBackupWindow": "-".join(time for _, time in backup),
        "PreferredMaintenanceWindow": "-".join(f"{weekday}:{time}" for weekday, time in maintenance),
    }


def _window(start: int) -> list[tuple[str, str]]:
    """The weekday and the time at which a window begins and ends; `start` in minutes since the week began."""
    moments = (divmod(minute % (7 * 24 * 60), 24 * 60) for minute in (start, start + _WINDOW_MINUTES))
    return [(WEEK[day].lower(), f"{minute // 60:02}:{minute % 60:02}") for day, minute in moments]


def _secret(stack: Stack, common: Common, foundation: FoundationOutputs, database: Database, user: str) -> SecretArn:
    key = common.key_for("database", foundation.key)
    made = stack.add(
        secretsmanager.Secret(
            f"{user.capitalize()}Secret",
            DeletionPolicy="RetainExceptOnCreate" if database.protected else "Delete",
            UpdateReplacePolicy="Retain" if database.protected else "Delete",
            Description=f"The {user} of the application's database; the migration makes the user with this password",
            GenerateSecretString=secretsmanager.GenerateSecretString(
                SecretStringTemplate=f'{{"username": "{user}"}}',
                GenerateStringKey="password",
                PasswordLength=32,
                ExcludePunctuation=True,
            ),
            **given(KmsKeyId=key),
        )
    )
    return SecretArn(made.ref())


def _sleep(stack: Stack, common: Common, instance: rds.DBInstance, off_hours: OffHours) -> None:
    """Stop after the tasks have gone, start before they come. The stop is daily, since AWS starts a stopped database
    after seven days (I3.3).
    """
    made = role(
        stack,
        "SleepRole",
        common,
        trust("scheduler", from_this_account()),
        [
            allow(
                [rds_actions.StopDBInstance, rds_actions.StartDBInstance],
                arn("rds", "db:${Instance}", Instance=instance.ref()),
            )
        ],
    )
    stop = clock(off_hours.start) + STOP_MINUTES_AFTER_TASKS
    start = clock(off_hours.end) - START_MINUTES_BEFORE_TASKS
    # A start before midnight belongs to the evening before a working day.
    mornings = off_hours.days if start >= 0 else off_hours.evenings
    for name, action, minutes, days in (
        ("Stop", "stopDBInstance", stop, "*"),
        ("Start", "startDBInstance", start, mornings),
    ):
        time = minutes % (24 * 60)
        stack.add(
            scheduler.Schedule(
                f"{name}Schedule",
                ScheduleExpression=f"cron({time % 60} {time // 60} ? * {days} *)",
                ScheduleExpressionTimezone=off_hours.timezone,
                FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
                Target=scheduler.Target(
                    Arn=Sub(f"arn:${{AWS::Partition}}:scheduler:::aws-sdk:rds:{action}"),
                    RoleArn=GetAtt(made, "Arn"),
                    Input=Sub('{"DbInstanceIdentifier": "${Instance}"}'),
                    # A stop that is tried again all night would meet the database after it was started.
                    RetryPolicy=scheduler.RetryPolicy(MaximumRetryAttempts=3, MaximumEventAgeInSeconds=600),
                ),
            )
        )


def _alarms(stack: Stack, database: Database, instance: rds.DBInstance) -> AlarmName:
    alarms = [stack.add(alarm) for alarm in _each_alarm(database, instance)]
    rule = Join(" OR ", [Sub(f'ALARM("${{{alarm.title}}}")') for alarm in alarms])
    return AlarmName(
        stack.add(
            cloudwatch.CompositeAlarm("Alarm", AlarmDescription="The database needs a look", AlarmRule=rule)
        ).ref()
    )


def _each_alarm(database: Database, instance: rds.DBInstance) -> Iterator[cloudwatch.Alarm]:
    memory = (database.memory_gib or 1) * _GIB
    yield _alarm(instance, "CpuAlarm", "CPU above 80 % for a quarter of an hour", "CPUUtilization", "Average", ">", 80)
    yield _alarm(
        instance,
        "StorageAlarm",
        "less than 15 % of the first storage is free",
        "FreeStorageSpace",
        "Minimum",
        "<",
        database.storage_gib * _GIB * 15 // 100,
    )
    yield _alarm(
        instance,
        "MemoryAlarm",
        "less than 5 % of the memory is free",
        "FreeableMemory",
        "Minimum",
        "<",
        memory * 5 // 100,
    )
    # RDS makes max_connections of what memory it leaves to the database, divided by a number of its engine; that is
    # less than the class has, by a quarter with the smallest. Three fifths of the whole warn in time with every class.
    connections = memory // ENGINES[database.engine].bytes_a_connection
    connections = min(connections, 5000) * 60 // 100 if database.engine == "postgres" else connections * 60 // 100
    yield _alarm(
        instance, "ConnectionsAlarm", "the connections run out", "DatabaseConnections", "Maximum", ">", connections
    )
    if database.is_burstable:
        # These classes go on without credits and are billed for it, and a new one has none: so it is the bill that counts.
        told = "more CPU is used than the class earns, which is charged"
        yield _alarm(instance, "CreditsAlarm", told, "CPUSurplusCreditsCharged", "Sum", ">", 0)


def _alarm(
    instance: rds.DBInstance, name: str, description: str, metric: str, statistic: str, comparison: str, threshold: int
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        name,
        AlarmDescription=f"Database: {description}",
        Namespace="AWS/RDS",
        MetricName=metric,
        Dimensions=[cloudwatch.MetricDimension(Name="DBInstanceIdentifier", Value=instance.ref())],
        Statistic=statistic,
        Period=300,
        EvaluationPeriods=3,
        ComparisonOperator="GreaterThanThreshold" if comparison == ">" else "LessThanThreshold",
        Threshold=threshold,
        TreatMissingData="notBreaching",  # a stopped database has no metrics
    )
