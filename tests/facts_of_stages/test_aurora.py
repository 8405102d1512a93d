"""Facts about Aurora Serverless v2: I1.8 to I1.10 and I2.4 of domain-facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cfngen import App, BackupPlan, Database, DescriptionError, LedgerError, OffHours, Serverless

from .conftest import Rendered, render

ENGINES = ("aurora-mysql", "aurora-postgresql")
PORTS = {"aurora-mysql": 3306, "aurora-postgresql": 5432}


def aurora(apps: Mapping[str, App], engine: str = "aurora-mysql", stage: str = "prod", **options: Any) -> Rendered:
    app = apps[stage]
    assert app.database
    made = Database(
        engine=engine,  # type: ignore[arg-type]
        name="coffee",
        readers=app.database.readers,
        writers=app.database.writers,
        **options,
    )
    return render(replace(app, database=made))


def instances(made: Rendered) -> list[Any]:
    return made.each("AWS::RDS::DBInstance")


@pytest.mark.parametrize("engine", ENGINES)
def test_i1_8_i2_4_a_cluster_is_born_encrypted_closed_and_in_a_full_version(
    apps: Mapping[str, App], engine: str
) -> None:
    made = aurora(apps, engine)
    cluster = made.one("database.yaml/Cluster")
    assert cluster["Engine"] == engine
    assert cluster["EngineVersion"].count(".") >= 1
    assert cluster["EngineVersion"] == made.ledger.births["database"]["engine_version"]
    assert cluster["StorageEncrypted"] is True
    assert cluster["KmsKeyId"] == cluster["MasterUserSecret"]["KmsKeyId"] == {"Ref": "FoundationKey"}
    assert cluster["ManageMasterUserPassword"] is True
    assert cluster["DeletionProtection"] is True
    assert cluster.body["DeletionPolicy"] == cluster.body["UpdateReplacePolicy"] == "Snapshot"
    assert cluster["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    assert not {"DBClusterIdentifier", "MasterUserPassword", "AvailabilityZones"} & cluster.properties.keys()
    group = made.one("database.yaml/ParameterGroup")
    assert group.type == "AWS::RDS::DBClusterParameterGroup"
    assert (
        group["Parameters"].items()
        >= {
            "aurora-mysql": {"require_secure_transport": "ON"},
            "aurora-postgresql": {"rds.force_ssl": "1"},
        }[engine].items()
    )
    assert made.names("database.yaml", cluster["DBClusterParameterGroupName"]) == group.place
    assert "storage_gib" not in made.ledger.births["database"]  # it grows by itself


def test_i1_10_the_capacity_is_the_clusters_and_instances_have_none(apps: Mapping[str, App]) -> None:
    made = aurora(apps, serverless=Serverless(minimum_acu=1.5, maximum_acu=32, reader_instances=2))
    capacity = made.one("database.yaml/Cluster")["ServerlessV2ScalingConfiguration"]
    assert capacity == {"MinCapacity": 1.5, "MaxCapacity": 32}
    assert {each.name for each in instances(made)} == {"Instance", "ReaderInstance1", "ReaderInstance2"}
    for each in instances(made):
        assert each["DBInstanceClass"] == "db.serverless"
        assert each["DBClusterIdentifier"] == {"Ref": "Cluster"}
        assert each["PubliclyAccessible"] is False
        assert each["AutoMinorVersionUpgrade"] is True
        assert each.body["DeletionPolicy"] == "Delete"  # the data are the cluster's
        assert not {"AllocatedStorage", "DBName", "MasterUsername", "BackupRetentionPeriod"} & each.properties.keys()


@pytest.mark.parametrize(
    ("least", "minutes", "told"),
    [(0, 5, {"SecondsUntilAutoPause": 300}), (0, 60, {"SecondsUntilAutoPause": 3600}), (0.5, 60, {})],
)
def test_i1_9_it_pauses_where_nothing_is_the_least(
    apps: Mapping[str, App], least: float, minutes: int, told: dict[str, int]
) -> None:
    made = aurora(apps, serverless=Serverless(minimum_acu=least, pause_after_minutes=minutes))
    capacity = made.one("database.yaml/Cluster")["ServerlessV2ScalingConfiguration"]
    assert capacity == {"MinCapacity": least, "MaxCapacity": 4, **told}


def test_instances_take_turns_in_the_first_two_zones_which_no_network_loses(apps: Mapping[str, App]) -> None:
    made = aurora(apps, serverless=Serverless(reader_instances=3))
    zones = {each.name: each["AvailabilityZone"]["Fn::Select"][0] for each in instances(made)}
    assert zones == {"Instance": 0, "ReaderInstance1": 1, "ReaderInstance2": 0, "ReaderInstance3": 1}
    tiers = {each.name: each["PromotionTier"] for each in instances(made)}
    assert tiers == {"Instance": 1, "ReaderInstance1": 1, "ReaderInstance2": 2, "ReaderInstance3": 2}


@pytest.mark.parametrize("engine", ENGINES)
def test_services_reach_it_on_its_port_and_readers_by_their_own_address(apps: Mapping[str, App], engine: str) -> None:
    made = aurora(apps, engine, serverless=Serverless(reader_instances=1))
    for name in ("customer", "employee"):
        rule = made.one(f"service-{name}.yaml/DatabaseIngress")
        assert (rule["FromPort"], rule["ToPort"]) == (PORTS[engine], PORTS[engine])
    reader = {each["name"]: each["value"] for each in containers(made, "customer/taskdef.json")[0]["environment"]}
    writer = {each["name"]: each["value"] for each in containers(made, "employee/taskdef.json")[0]["environment"]}
    migration = {
        each["name"]: each["value"] for each in containers(made, "employee/migrate.taskdef.json")[0]["environment"]
    }
    assert reader["DB_HOST"] == "${STACK_DB_READER_HOST}"
    assert writer["DB_HOST"] == migration["DB_HOST"] == "${STACK_DB_HOST}"
    assert address(made, "customer", "STACK_DB_READER_HOST") == {"Fn::GetAtt": ["Cluster", "ReadEndpoint.Address"]}
    assert address(made, "employee", "STACK_DB_HOST") == {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}


def test_without_readers_everybody_goes_to_the_writer(apps: Mapping[str, App]) -> None:
    made = aurora(apps)
    reader = {each["name"]: each["value"] for each in containers(made, "customer/taskdef.json")[0]["environment"]}
    assert reader["DB_HOST"] == "${STACK_DB_HOST}"
    assert address(made, "customer", "STACK_DB_HOST") == {"Fn::GetAtt": ["Cluster", "Endpoint.Address"]}


def containers(made: Rendered, file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(made.files[file])["containerDefinitions"]
    return found


def address(made: Rendered, service: str, variable: str) -> Any:
    """What the build of a service fills in for a placeholder, followed to where it comes from."""
    [project] = [each for each in made.each("AWS::CodeBuild::Project") if each.file == f"pipeline-{service}.yaml"]
    [value] = [each["Value"] for each in project["Environment"]["EnvironmentVariables"] if each["Name"] == variable]
    return made.real(project.file, value)[1]


def test_the_migration_alone_gets_the_clusters_master(apps: Mapping[str, App]) -> None:
    made = aurora(apps)
    master = {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}
    readers = {
        role.place
        for role in made.each("AWS::IAM::Role")
        for statement in role.statements
        if "secretsmanager:GetSecretValue" in statement["Action"]
        for one in statement["Resource"]
        if made.real(role.file, one)[1] == master
    }
    assert readers == {"service-employee.yaml/MigrationExecutionRole"}


def test_alarms_and_charts_are_of_the_cluster(apps: Mapping[str, App]) -> None:
    made = aurora(apps, serverless=Serverless(minimum_acu=1, maximum_acu=16))
    alarms = {
        each["MetricName"]: each
        for each in made.each("AWS::CloudWatch::Alarm")
        if each.properties.get("Namespace") == "AWS/RDS"
    }
    assert set(alarms) == {"ACUUtilization", "CPUUtilization", "FreeableMemory", "DatabaseConnections"}
    for each in alarms.values():
        assert each["Dimensions"] == [{"Name": "DBClusterIdentifier", "Value": {"Ref": "Cluster"}}]
        assert each["TreatMissingData"] == "notBreaching"
    assert alarms["ACUUtilization"]["Threshold"] == 90
    body = made.one("watch.yaml/Dashboard")["DashboardBody"]["Fn::Sub"][0]
    assert '"ServerlessDatabaseCapacity","DBClusterIdentifier","${Database}"' in body
    assert "DBInstanceIdentifier" not in body


@pytest.mark.parametrize(
    ("engine", "least", "most", "documented"),
    [
        ("aurora-postgresql", 0.5, 1, 189),
        ("aurora-postgresql", 1, 4, 823),
        ("aurora-postgresql", 0, 16, 2000),
        ("aurora-postgresql", 1, 16, 3360),
        ("aurora-postgresql", 1, 64, 5000),
        ("aurora-mysql", 1, 1, 90),
        ("aurora-mysql", 1, 8, 1000),
        ("aurora-mysql", 1, 16, 2000),
        ("aurora-mysql", 0, 64, 2000),
    ],
)
def test_connections_ring_before_they_run_out(
    apps: Mapping[str, App], engine: str, least: float, most: float, documented: int
) -> None:
    """`documented` is max_connections by Aurora's guide, which takes off some of the memory."""
    made = aurora(apps, engine, serverless=Serverless(minimum_acu=least, maximum_acu=most))
    threshold = made.one("database.yaml/ConnectionsAlarm")["Threshold"]
    assert documented * 0.4 <= threshold <= documented * 0.8


@pytest.mark.parametrize("least", [0, 0.5, 2, 8])
def test_insights_are_on_where_the_capacity_holds_them(apps: Mapping[str, App], least: float) -> None:
    made = aurora(apps, serverless=Serverless(minimum_acu=least, maximum_acu=16))
    assert [each["EnablePerformanceInsights"] for each in instances(made)] == [least >= 2]


def test_off_hours_stop_the_cluster(apps: Mapping[str, App]) -> None:
    app = apps["prod"]
    assert app.database
    made = render(replace(app, database=Database(engine="aurora-mysql", writers=("employee",)), off_hours=OffHours()))
    for name, action in (("StopSchedule", "stopDBCluster"), ("StartSchedule", "startDBCluster")):
        target = made.one(f"database.yaml/{name}")["Target"]
        assert target["Arn"]["Fn::Sub"].endswith(f":aws-sdk:rds:{action}")
        assert target["Input"] == {"Fn::Sub": '{"DbClusterIdentifier": "${Cluster}"}'}
    [statement] = made.one("database.yaml/SleepRole").statements
    assert statement["Action"] == ["rds:StopDBCluster", "rds:StartDBCluster"]
    text, values = statement["Resource"][0]["Fn::Sub"]
    assert text.endswith(":cluster:${Cluster}")
    assert values == {"Cluster": {"Ref": "Cluster"}}
    cluster = made.one("database.yaml/Cluster")
    assert {"PreferredBackupWindow", "PreferredMaintenanceWindow"} <= cluster.properties.keys()
    window = cluster["PreferredMaintenanceWindow"]
    assert {each["PreferredMaintenanceWindow"] for each in made.each("AWS::RDS::DBInstance")} == {window}


def test_copies_are_of_the_cluster(apps: Mapping[str, App]) -> None:
    made = aurora(apps, backup_plan=BackupPlan())
    cluster = {"Fn::GetAtt": ["Cluster", "DBClusterArn"]}
    assert made.one("database.yaml/BackupSelection")["BackupSelection"]["Resources"] == [cluster]
    where = {
        action: each["Resource"]
        for each in made.one("database.yaml/BackupRole").statements
        for action in each["Action"]
    }
    assert cluster in where["rds:CreateDBClusterSnapshot"]
    assert where["rds:DeleteDBClusterSnapshot"][0]["Fn::Sub"].endswith(":cluster-snapshot:awsbackup:*")
    assert not {"rds:CreateDBSnapshot", "rds:DeleteDBSnapshot"} & where.keys()


@pytest.mark.parametrize("other", ["mysql", "postgres", "aurora-postgresql"])
def test_another_engine_would_be_another_database(apps: Mapping[str, App], other: str) -> None:
    made = aurora(apps)
    assert made.app.database
    changed = replace(made.app, database=replace(made.app.database, engine=other))
    with pytest.raises(LedgerError, match=r"database\.engine.*born with 'aurora-mysql'"):
        render(changed, made.ledger)


def test_more_capacity_and_readers_change_nothing_that_is_there(apps: Mapping[str, App]) -> None:
    before = aurora(apps)
    assert before.app.database
    more = Serverless(minimum_acu=2, maximum_acu=64, reader_instances=2)
    after = render(replace(before.app, database=replace(before.app.database, serverless=more)), before.ledger)
    for name in ("DatabaseName", "Engine", "EngineVersion", "DBSubnetGroupName", "KmsKeyId", "StorageEncrypted"):
        assert after.one("database.yaml/Cluster")[name] == before.one("database.yaml/Cluster")[name]
    for name in ("AvailabilityZone", "DBClusterIdentifier", "Engine", "DBInstanceClass"):
        assert after.one("database.yaml/Instance")[name] == before.one("database.yaml/Instance")[name]


def test_what_aurora_has_no_use_for_is_refused() -> None:
    with pytest.raises(DescriptionError, match=r"multi_az.*nothing, with aurora-mysql"):
        Database(engine="aurora-mysql", multi_az=True)
