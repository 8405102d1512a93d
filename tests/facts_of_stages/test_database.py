"""Facts about the database, its secrets and its sleep: I of domain-facts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cfngen import (
    AllAtOnce,
    App,
    CodeCommit,
    Database,
    DescriptionError,
    LedgerError,
    Network,
    OffHours,
    Pipeline,
    Release,
    Service,
)

from .conftest import DAYS, MINUTES, Rendered, fires, render, text, walk


def instance(made: Rendered) -> Any:
    return made.one("database.yaml/Instance")


def with_database(app: App, **options: Any) -> App:
    assert app.database
    return replace(app, database=replace(app.database, **options))


# I1, engine and versions


def test_i1_1_i1_2_the_engine_is_mysql_8_4_in_a_full_minor(stage: Rendered) -> None:
    made = instance(stage)
    assert made["Engine"] == "mysql"
    assert re.fullmatch(r"8\.4\.\d+", made["EngineVersion"])
    assert made["EngineVersion"] in [f"8.4.{minor}" for minor in range(3, 10)]  # what the linter knows
    assert stage.one("database.yaml/ParameterGroup")["Family"] == "mysql8.4"


@pytest.mark.parametrize(
    ("engine", "version", "family", "tls", "port", "master", "logs"),
    [
        ("mariadb", r"11\.8\.\d+", "mariadb11.8", "require_secure_transport", 3306, "admin", ["error", "slowquery"]),
        ("postgres", r"17\.\d+", "postgres17", "rds.force_ssl", 5432, "postgres", ["postgresql", "upgrade"]),
    ],
)
def test_i1_other_engines_differ_where_rds_wants_it(
    apps: Mapping[str, App], engine: str, version: str, family: str, tls: str, port: int, master: str, logs: list[str]
) -> None:
    stage = render(with_database(apps["dev"], engine=engine))
    made, group = instance(stage), stage.one("database.yaml/ParameterGroup")
    assert re.fullmatch(version, made["EngineVersion"])
    assert (made["Engine"], made["MasterUsername"], made["EnableCloudwatchLogsExports"]) == (engine, master, logs)
    assert (group["Family"], group["Parameters"][tls]) == (family, "1")
    assert ("EngineLifecycleSupport" in made.properties) == (engine == "postgres")  # RDS knows none for MariaDB
    assert made["EnablePerformanceInsights"] is (engine == "postgres")  # of a db.t4g.micro
    for name in ("customer", "employee"):
        for rule in ("DatabaseEgress", "DatabaseIngress"):
            opened = stage.one(f"service-{name}.yaml/{rule}")
            assert (opened["FromPort"], opened["ToPort"]) == (port, port)
    [alarm] = [
        each
        for each in stage.each("AWS::CloudWatch::Alarm")
        if each.properties.get("MetricName") == "DatabaseConnections"
    ]
    assert alarm["Threshold"] == (1024**3 // (9531392 if engine == "postgres" else 12582880)) * 60 // 100


def test_i1_another_engine_would_be_another_database(apps: Mapping[str, App], prod: Rendered) -> None:
    for engine in ("mariadb", "postgres"):
        with pytest.raises(LedgerError, match=r"database\.engine.*born with 'mysql'"):
            render(with_database(apps["prod"], engine=engine), prod.ledger)


def test_i1_3_a_live_minor_moves_but_the_template_never_goes_back(apps: Mapping[str, App], prod: Rendered) -> None:
    assert instance(prod)["AutoMinorVersionUpgrade"] is True
    births = {**prod.ledger.births, "database": {**prod.ledger.births["database"], "engine_version": "8.4.5"}}
    again = render(apps["prod"], replace(prod.ledger, births=births))
    assert instance(again)["EngineVersion"] == "8.4.5"  # what it was born with, not what is new
    assert again.ledger.births["database"]["engine_version"] == "8.4.5"


def test_i1_4_nothing_is_paid_after_the_end_of_support(stage: Rendered) -> None:
    assert instance(stage)["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"


def test_i1_5_users_log_in_with_the_default_plugin(stage: Rendered) -> None:
    parameters = stage.one("database.yaml/ParameterGroup")["Parameters"]
    assert not [name for name in parameters if "authentication" in name]


def test_i1_6_plain_connections_are_refused(stage: Rendered) -> None:
    group = stage.one("database.yaml/ParameterGroup")
    assert group["Parameters"]["require_secure_transport"] == "1"
    assert stage.names("database.yaml", instance(stage)["DBParameterGroupName"]) == group.place


def test_i1_7_the_certificate_authority_is_the_current_default(stage: Rendered) -> None:
    assert "CACertificateIdentifier" not in instance(stage).properties


def test_i2_4_an_instance_is_of_no_cluster(stage: Rendered) -> None:
    assert not stage.each("AWS::RDS::DBCluster")
    assert "DBClusterIdentifier" not in instance(stage).properties


# I2, properties and traps


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"name": "tea"}, "database.name"), ({}, "own_key_for")],
    ids=["name", "key"],
)
def test_i2_1_what_would_replace_the_database_is_refused(
    apps: Mapping[str, App], prod: Rendered, changes: dict[str, Any], told: str
) -> None:
    app = with_database(apps["prod"], **changes)
    if not changes:
        app = replace(app, own_key_for=("logs",))
    with pytest.raises(LedgerError, match=re.escape(told)):
        render(app, prod.ledger)


CHANGES: dict[str, Any] = {
    "instance_class": "db.r7g.xlarge",
    "storage_gib": 200,
    "storage_ceiling_gib": 900,
    "multi_az": False,
    "backup_days": 3,
    "protected": False,
    "readers": (),
    "writers": ("customer", "employee"),
}


@pytest.mark.parametrize("option", CHANGES)
def test_i2_1_i2_2_options_change_nothing_that_replaces(apps: Mapping[str, App], prod: Rendered, option: str) -> None:
    readers = {"readers": ()} if option == "writers" else {}
    after = render(with_database(apps["prod"], **{option: CHANGES[option], **readers}), prod.ledger)
    frozen = (
        "DBInstanceIdentifier",
        "DBName",
        "DBSubnetGroupName",
        "DBClusterIdentifier",
        "KmsKeyId",
        "StorageEncrypted",
        "MasterUsername",
        "CharacterSetName",
        "Timezone",
        "Engine",
        "EngineVersion",
        "AvailabilityZone",
        "DBSnapshotIdentifier",
        "SourceDBInstanceIdentifier",
        "StorageType",
        "DBParameterGroupName",
    )
    for name in frozen:
        assert instance(after).properties.get(name) == instance(prod).properties.get(name), name


def test_i2_3_i2_7_it_is_born_empty_and_has_no_replicas(stage: Rendered) -> None:
    [made] = stage.each("AWS::RDS::DBInstance")
    assert not [name for name in made.properties if "Snapshot" in name and name != "CopyTagsToSnapshot"]
    assert not [name for name in made.properties if name.startswith("Source")]


def test_i2_5_the_data_outlive_every_mistake(stages: Mapping[str, Rendered]) -> None:
    for made in stages.values():
        assert instance(made).body["DeletionPolicy"] == instance(made).body["UpdateReplacePolicy"] == "Snapshot"
    assert instance(stages["prod"])["DeletionProtection"] is True
    assert instance(stages["dev"])["DeletionProtection"] is False
    assert Database().protected


def test_i2_6_rds_keeps_the_masters_password(stages: Mapping[str, Rendered]) -> None:
    for made in stages.values():
        assert instance(made)["ManageMasterUserPassword"] is True
        assert "MasterUserPassword" not in instance(made).properties
        output = made.templates["database.yaml"]["Outputs"]["MasterSecret"]["Value"]
        assert output == {"Fn::GetAtt": ["Instance", "MasterUserSecret.SecretArn"]}
        parameters = [name for template in made.templates.values() for name in template.get("Parameters", {})]
        assert not [name for name in parameters if "password" in name.lower()]
    key = {"Ref": "FoundationKey"}
    assert instance(stages["prod"])["MasterUserSecret"] == {"KmsKeyId": key}
    assert "MasterUserSecret" not in instance(stages["dev"]).properties


def test_i2_6_the_masters_secret_opens_for_the_migration_alone(stage: Rendered) -> None:
    readers = {
        role.place
        for role in stage.each("AWS::IAM::Role")
        for statement in role.statements
        if "secretsmanager:GetSecretValue" in statement["Action"]
        for one in statement["Resource"]
        if stage.real(role.file, one)[1] == {"Fn::GetAtt": ["Instance", "MasterUserSecret.SecretArn"]}
    }
    assert readers == {"service-employee.yaml/MigrationExecutionRole"}


def test_i2_8_users_have_generated_secrets_of_their_own(stage: Rendered) -> None:
    secrets = stage.each("AWS::SecretsManager::Secret")
    assert {each.name for each in secrets} == {"ReaderSecret", "WriterSecret"}
    for secret in secrets:
        made = secret["GenerateSecretString"]
        assert json.loads(made["SecretStringTemplate"]) == {"username": secret.name.removesuffix("Secret").lower()}
        assert made["GenerateStringKey"] == "password"
        assert made["PasswordLength"] >= 32
        assert "SecretString" not in secret.properties
        assert "Name" not in secret.properties
        own = "database" in stage.app.own_key_for
        assert secret.properties.get("KmsKeyId") == ({"Ref": "FoundationKey"} if own else None)
        kept = stage.app.database is not None and stage.app.database.protected
        assert secret.body["DeletionPolicy"] == ("RetainExceptOnCreate" if kept else "Delete")
        assert secret.body["UpdateReplacePolicy"] == ("Retain" if kept else "Delete")
    # A hosted rotation would want a transform and a Lambda.
    assert not stage.each("AWS::SecretsManager::RotationSchedule")
    assert not [name for name, template in stage.templates.items() if "Transform" in template]


def test_i2_9_users_log_in_by_password_and_tls(stage: Rendered) -> None:
    assert not instance(stage).properties.get("EnableIAMDatabaseAuthentication")
    assert not [one for role in stage.each("AWS::IAM::Role") for one in role.actions if one.startswith("rds-db:")]


def test_i2_10_gp3_brings_its_own_throughput(stage: Rendered) -> None:
    assert instance(stage)["StorageType"] == "gp3"
    assert not {"Iops", "StorageThroughput"} & instance(stage).properties.keys()


@pytest.mark.parametrize(
    ("storage", "ceiling", "fits"), [(20, 22, True), (20, 21, False), (100, 110, True), (100, 109, False)]
)
def test_i2_11_storage_has_a_tenth_to_grow(storage: int, ceiling: int, fits: bool) -> None:
    if fits:
        assert Database(storage_gib=storage, storage_ceiling_gib=ceiling).storage_ceiling_gib == ceiling
        return
    with pytest.raises(DescriptionError, match="storage_ceiling_gib"):
        Database(storage_gib=storage, storage_ceiling_gib=ceiling)


def test_i2_11_storage_grows_by_itself(stage: Rendered) -> None:
    made, database = instance(stage), stage.app.database
    assert database
    assert (int(made["AllocatedStorage"]), made["MaxAllocatedStorage"]) == (
        database.storage_gib,
        database.storage_ceiling_gib,
    )


def test_i2_12_only_prod_pays_for_a_standby(dev: Rendered, prod: Rendered) -> None:
    assert (instance(dev)["MultiAZ"], instance(prod)["MultiAZ"]) == (False, True)


def test_i2_13_instances_are_graviton(stage: Rendered) -> None:
    assert re.fullmatch(r"db\.(t4g|[mr][678]g)\.\w+", instance(stage)["DBInstanceClass"])


def test_i2_14_backups_are_always_on(dev: Rendered, prod: Rendered) -> None:
    assert instance(dev)["BackupRetentionPeriod"] == 7
    assert 14 <= instance(prod)["BackupRetentionPeriod"] <= 35
    for made in (dev, prod):
        assert instance(made)["CopyTagsToSnapshot"] is True
    assert instance(prod)["DeleteAutomatedBackups"] is False
    for days in (0, 36):
        with pytest.raises(DescriptionError, match="backup_days"):
            Database(backup_days=days)


@pytest.mark.parametrize(
    ("size", "held"),
    [("db.t4g.micro", False), ("db.t4g.small", False), ("db.t4g.medium", True), ("db.m7g.large", True)],
)
def test_i2_15_insights_are_free_and_where_the_class_holds_them(apps: Mapping[str, App], size: str, held: bool) -> None:
    made = instance(render(with_database(apps["dev"], instance_class=size)))
    assert made["DatabaseInsightsMode"] == "standard"
    assert made["EnablePerformanceInsights"] is held
    assert "PerformanceInsightsRetentionPeriod" not in made.properties


def test_i2_16_enhanced_monitoring_is_wholly_off(stage: Rendered) -> None:
    assert not {"MonitoringInterval", "MonitoringRoleArn"} & instance(stage).properties.keys()


def test_i2_17_errors_and_slow_queries_reach_cloudwatch(stage: Rendered) -> None:
    assert instance(stage)["EnableCloudwatchLogsExports"] == ["error", "slowquery"]
    parameters = stage.one("database.yaml/ParameterGroup")["Parameters"]
    assert parameters["slow_query_log"] == "1"
    # RDS's default is a table: it would fill the storage, and nothing would be published.
    assert parameters.get("log_output") == "FILE"


def test_i2_17_the_instance_has_no_name(stage: Rendered) -> None:
    assert "DBInstanceIdentifier" not in instance(stage).properties


def test_i2_18_the_subnets_are_the_isolated_ones(stage: Rendered) -> None:
    group = stage.one("database.yaml/SubnetGroup")
    assert "DBSubnetGroupName" not in group.properties
    _, subnets = stage.real("database.yaml", group["SubnetIds"])
    assert [one["Ref"] for one in subnets] == [f"IsolatedSubnet{zone + 1}" for zone in range(stage.app.network.zones)]
    assert len(subnets) >= 2


def test_i2_19_the_parameter_group_is_constant_but_for_its_parameters(stages: Mapping[str, Rendered]) -> None:
    groups = [made.one("database.yaml/ParameterGroup") for made in stages.values()]
    assert len({(group["Description"], group["Family"]) for group in groups}) == 1
    assert not [group for group in groups if "DBParameterGroupName" in group.properties]


def test_i2_20_no_major_upgrade_happens_by_itself(stage: Rendered) -> None:
    assert not instance(stage).properties.get("AllowMajorVersionUpgrade")


def test_i2_21_the_database_is_not_public(stage: Rendered) -> None:
    assert instance(stage)["PubliclyAccessible"] is False


def test_i2_22_changes_wait_for_the_window_where_data_matter(dev: Rendered, prod: Rendered) -> None:
    assert (instance(dev)["ApplyImmediately"], instance(prod)["ApplyImmediately"]) == (True, False)


def test_i_the_storage_is_encrypted_with_the_right_key(stages: Mapping[str, Rendered]) -> None:
    for made in stages.values():
        assert instance(made)["StorageEncrypted"] is True
    assert instance(stages["prod"])["KmsKeyId"] == {"Ref": "FoundationKey"}
    assert "KmsKeyId" not in instance(stages["dev"]).properties


# I3.3, sleeping


def test_i3_3_schedules_call_rds_with_a_role_that_may(dev: Rendered, prod: Rendered) -> None:
    assert not prod.each("AWS::Scheduler::Schedule")
    schedules = {each.name: each for each in dev.each("AWS::Scheduler::Schedule")}
    assert set(schedules) == {"StopSchedule", "StartSchedule"}
    for name, schedule in schedules.items():
        call = f"{name.removesuffix('Schedule').lower()}DBInstance"
        target = schedule["Target"]
        assert text(target["Arn"]) == f"arn:${{AWS::Partition}}:scheduler:::aws-sdk:rds:{call}"
        assert json.loads(text(target["Input"])) == {"DbInstanceIdentifier": "${Instance}"}
        assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
        assert schedule["ScheduleExpressionTimezone"] == "Europe/Berlin"
        assert "Name" not in schedule.properties
        role = dev.one(dev.names(schedule.file, target["RoleArn"]))
        assert role.actions == {"rds:StopDBInstance", "rds:StartDBInstance"}
        [there] = role.allowing(f"rds:{call[0].upper()}{call[1:]}")["Resource"]
        assert text(there) == "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:db:${Instance}"
        assert there["Fn::Sub"][1] == {"Instance": {"Ref": "Instance"}}


def sleeper(off_hours: OffHours) -> Rendered:
    """A small stage that sleeps."""
    web = Service(name="web", release=Release(strategy=AllAtOnce(), continue_within_minutes=60))
    return render(
        App(
            name="shop",
            services=(web,),
            network=Network(nat="one"),
            database=Database(readers=("web",)),
            pipeline=Pipeline(source=CodeCommit()),
            off_hours=off_hours,
        )
    )


def times(made: Rendered) -> dict[str, list[int]]:
    """When tasks go and come, and when the database stops and starts, over three weeks from a Sunday on."""
    [target] = made.each("AWS::ApplicationAutoScaling::ScalableTarget")
    actions = {
        bool(each["ScalableTargetAction"]["MaxCapacity"]): each["Schedule"] for each in target["ScheduledActions"]
    }
    schedules = {each.name: each["ScheduleExpression"] for each in made.each("AWS::Scheduler::Schedule")}
    return {
        "tasks go": fires(actions[False], weeks=3),
        "tasks come": fires(actions[True], weeks=3),
        "database stops": fires(schedules["StopSchedule"], weeks=3),
        "database starts": fires(schedules["StartSchedule"], weeks=3),
    }


def last(events: list[int], at: int) -> int:
    return max((event for event in events if event <= at), default=-1)


def clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


@st.composite
def off_hours(draw: st.DrawFn) -> OffHours:
    end = draw(st.integers(0, MINUTES - 1) | st.sampled_from([0, 5, 19, 20, 21, 7 * 60, 1439]))
    awake = draw(st.integers(90, 1320) | st.sampled_from([90, 13 * 60, 1320]))
    days = draw(st.sets(st.sampled_from(DAYS), min_size=1))
    return OffHours(end=clock(end), start=clock((end + awake) % MINUTES), working_days=tuple(sorted(days)))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(off_hours=off_hours())
@example(off_hours=OffHours(end="00:10", start="20:00"))
@example(off_hours=OffHours(end="05:00", start="01:00"))
def test_i3_3_the_database_is_there_before_and_after_the_tasks(off_hours: OffHours) -> None:
    when = times(sleeper(off_hours))
    week = range(7 * MINUTES, 14 * MINUTES)
    for minute in sorted({each for events in when.values() for each in events if each in week}):
        has_tasks = last(when["tasks come"], minute) > last(when["tasks go"], minute)
        has_database = last(when["database starts"], minute) > last(when["database stops"], minute)
        assert has_database or not has_tasks, f"no database at {minute} of {off_hours}"
    for come in when["tasks come"]:
        if come in week:
            start = last(when["database starts"], come)
            assert come - start >= 20, f"the database has {come - start} minutes to start for {off_hours}"
    # It costs nothing while the stage sleeps, but for the minutes around.
    for go in when["tasks go"]:
        back = min((come for come in when["tasks come"] if come > go), default=go)
        if go in week and back - go > 120:
            middle = (go + back) // 2
            assert last(when["database stops"], middle) > last(when["database starts"], middle), off_hours


def test_i3_3_a_sleeping_database_is_stopped_every_day(dev: Rendered) -> None:
    """AWS starts a stopped database after seven days."""
    stops = fires(dev.one("database.yaml/StopSchedule")["ScheduleExpression"])
    assert [later - sooner for sooner, later in pairwise(stops)] == [MINUTES] * 13


def test_i3_3_the_coffee_stage_sleeps_at_night_and_over_the_weekend(dev: Rendered) -> None:
    starts = fires(dev.one("database.yaml/StartSchedule")["ScheduleExpression"], weeks=1)
    assert [(DAYS[at // MINUTES], clock(at % MINUTES)) for at in starts] == [
        (day, "06:40") for day in ("MON", "TUE", "WED", "THU", "FRI")
    ]
    stops = fires(dev.one("database.yaml/StopSchedule")["ScheduleExpression"], weeks=1)
    assert {clock(at % MINUTES) for at in stops} == {"20:10"}


def windows(made: Rendered, week: datetime) -> dict[str, list[tuple[datetime, datetime]]]:
    """The windows for backup and maintenance in the week that begins on a Monday, in UTC."""
    [database] = made.each("AWS::RDS::DBInstance")
    daily = re.fullmatch(r"(\d\d:\d\d)-(\d\d:\d\d)", database["PreferredBackupWindow"])
    weekly = re.fullmatch(r"(\w{3}):(\d\d:\d\d)-(\w{3}):(\d\d:\d\d)", database["PreferredMaintenanceWindow"])
    assert daily
    assert weekly

    def moment(day: int, time: str) -> datetime:
        return week + timedelta(days=day, hours=int(time[:2]), minutes=int(time[3:]))

    def window(start: datetime, end: datetime, cycle: timedelta) -> tuple[datetime, datetime]:
        return start, end if end > start else end + cycle

    days = {day.lower(): number for number, day in enumerate((*DAYS[1:], DAYS[0]))}
    return {
        "backup": [window(moment(day, daily[1]), moment(day, daily[2]), timedelta(days=1)) for day in range(7)],
        "maintenance": [
            window(moment(days[weekly[1]], weekly[2]), moment(days[weekly[3]], weekly[4]), timedelta(days=7))
        ],
    }


ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Africa/Casablanca",  # back by an hour in Ramadan
    "Australia/Lord_Howe",  # half an hour
    "Antarctica/Troll",  # two hours
)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("end", "start", "days"),
    [
        ("07:00", "20:00", ("MON", "TUE", "WED", "THU", "FRI")),
        ("00:10", "04:00", ("SUN",)),
        ("16:00", "19:30", ("WED", "SAT")),
        ("22:00", "06:00", ("SUN", "FRI")),
    ],
)
def test_a_database_that_sleeps_is_backed_up_and_maintained_while_it_is_awake(
    zone: str, end: str, start: str, days: tuple[str, ...]
) -> None:
    made = sleeper(OffHours(start=start, end=end, working_days=days, timezone=zone))
    here, awake = ZoneInfo(zone), timedelta(minutes=(minutes_of(start) - minutes_of(end)) % MINUTES)
    for number in range(52):
        found = windows(made, datetime(2026, 1, 5, tzinfo=UTC) + timedelta(weeks=number))
        for kind, both in found.items():
            for begin, finish in both:
                assert timedelta(minutes=30) <= finish - begin <= timedelta(hours=2), kind
                local = begin.astimezone(here).replace(tzinfo=None)
                woken = local.replace(hour=int(end[:2]), minute=int(end[3:]))
                woken -= timedelta(days=1) if woken > local else timedelta()
                assert local + (finish - begin) <= woken + awake, f"{kind} at {local} in {zone}"
                if kind == "maintenance":
                    assert (*DAYS[1:], DAYS[0])[woken.weekday()] in days, f"{local} in {zone}"
        [(begin, finish)] = found["maintenance"]
        for backup_begin, backup_finish in found["backup"]:
            assert backup_finish < begin or finish < backup_begin, "they may not overlap"


def test_a_database_that_never_sleeps_has_the_windows_that_rds_chooses(prod: Rendered) -> None:
    assert not {"PreferredBackupWindow", "PreferredMaintenanceWindow"} & instance(prod).properties.keys()


def minutes_of(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])


def test_i3_1_there_is_no_proxy(stage: Rendered) -> None:
    assert not stage.each("AWS::RDS::DBProxy*")
    assert not [one for one in walk(stage.templates["database.yaml"]) if one == "rds.amazonaws.com"]
