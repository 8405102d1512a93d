"""Facts about when a database is backed up and maintained, and about its copies by AWS Backup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import App, BackupPlan, Database, OffHours

from .conftest import DAYS, MINUTES, Rendered, render

WEEK = (*DAYS[1:], DAYS[0])
BOTH = BackupPlan(weekly_days=40, monthly_days=400)


def with_database(app: App, **options: Any) -> App:
    assert app.database
    return replace(app, database=replace(app.database, **options))


def copied(apps: Mapping[str, App], stage: str, plan: BackupPlan = BOTH, **options: Any) -> Rendered:
    return render(with_database(apps[stage], backup_plan=plan, **options))


def rules(made: Rendered) -> dict[str, Any]:
    plan = made.one("database.yaml/BackupPlan")["BackupPlan"]
    return {each["RuleName"]: each for each in plan["BackupPlanRule"]}


def test_windows_are_said_as_rds_takes_them(apps: Mapping[str, App]) -> None:
    made = render(with_database(apps["prod"], backup_window="22:15-23:15", maintenance_window="Sat:23:30-Sun:01:00"))
    instance = made.one("database.yaml/Instance")
    assert instance["PreferredBackupWindow"] == "22:15-23:15"
    assert instance["PreferredMaintenanceWindow"] == "sat:23:30-sun:01:00"


def test_windows_of_ones_own_win_over_those_of_the_working_hours(apps: Mapping[str, App]) -> None:
    made = render(with_database(apps["dev"], backup_window="10:00-11:00", maintenance_window="wed:12:00-wed:13:00"))
    instance = made.one("database.yaml/Instance")
    assert instance["PreferredBackupWindow"] == "10:00-11:00"
    assert instance["PreferredMaintenanceWindow"] == "wed:12:00-wed:13:00"


def test_without_a_plan_nothing_of_aws_backup_is_there(stage: Rendered) -> None:
    assert not stage.each("AWS::Backup::*")
    assert not [one for role in stage.each("AWS::IAM::Role") for one in role.actions if one.startswith("backup:")]


def test_a_copy_of_each_week_and_one_of_each_month_are_kept_as_long_as_is_said(apps: Mapping[str, App]) -> None:
    found = rules(copied(apps, "prod"))
    assert {name: each["Lifecycle"] for name, each in found.items()} == {
        "weekly": {"DeleteAfterDays": 40},
        "monthly": {"DeleteAfterDays": 400},
    }
    assert re.fullmatch(r"cron\(\d+ \d+ \? \* SUN \*\)", found["weekly"]["ScheduleExpression"])
    assert re.fullmatch(r"cron\(\d+ \d+ \? \* SUN#1 \*\)", found["monthly"]["ScheduleExpression"])
    for each in found.values():
        assert each["TargetBackupVault"] == {"Ref": "BackupVault"}
        assert each["StartWindowMinutes"] >= 60  # the least that AWS Backup takes
        assert each["CompletionWindowMinutes"] >= each["StartWindowMinutes"] + 60
    for option, left in (("weekly_days", "monthly"), ("monthly_days", "weekly")):
        assert set(rules(copied(apps, "prod", replace(BOTH, **{option: None})))) == {left}


def test_the_plan_is_for_that_database_alone(apps: Mapping[str, App]) -> None:
    made = copied(apps, "prod")
    selection = made.one("database.yaml/BackupSelection")
    assert selection["BackupPlanId"] == {"Ref": "BackupPlan"}
    assert selection["BackupSelection"]["Resources"] == [{"Fn::GetAtt": ["Instance", "DBInstanceArn"]}]
    assert not {"ListOfTags", "Conditions", "NotResources"} & selection["BackupSelection"].keys()


def test_who_copies_may_copy_that_database_and_delete_its_own_snapshots_alone(apps: Mapping[str, App]) -> None:
    role = copied(apps, "prod").one("database.yaml/BackupRole")
    own = {"Fn::Sub": "arn:${AWS::Partition}:rds:${AWS::Region}:${AWS::AccountId}:snapshot:awsbackup:*"}
    instance = {"Fn::GetAtt": ["Instance", "DBInstanceArn"]}
    where = {action: each["Resource"] for each in role.statements for action in each["Action"]}
    assert where["rds:CreateDBSnapshot"] == [instance, own]
    assert where["rds:DeleteDBSnapshot"] == [own]
    everywhere = {action for action, resources in where.items() if "*" in resources}
    assert everywhere == {"rds:DescribeDBInstances", "rds:DescribeDBSnapshots", "tag:GetResources"}
    assert role.body["Metadata"]["Wildcards"]
    [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "backup.amazonaws.com"}
    assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_vault_has_the_databases_key_and_outlives_the_stage(apps: Mapping[str, App]) -> None:
    vault = copied(apps, "prod").one("database.yaml/BackupVault")  # its database has the application's key
    assert vault["EncryptionKeyArn"] == {"Ref": "FoundationKey"}
    assert (vault.body["DeletionPolicy"], vault.body["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    name, values = vault["BackupVaultName"]["Fn::Sub"]
    assert name == "coffee-prod-${Stack}"  # of the stack's id, so that a vault that was left is in nobody's way
    assert "AWS::StackId" in str(values)
    longest = f"{'a' * 24}-{'b' * 16}-12345678"
    assert len(longest) <= 50  # all that a vault's name may have
    dev = copied(apps, "dev")
    assert "EncryptionKeyArn" not in dev.one("database.yaml/BackupVault").properties
    assert not [one for one in dev.one("database.yaml/BackupRole").actions if one.startswith("kms:")]
    grant = next(
        each
        for each in copied(apps, "prod").one("database.yaml/BackupRole").statements
        if each["Action"] == ["kms:CreateGrant"]
    )
    assert grant["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_a_copy_that_fails_is_told(apps: Mapping[str, App]) -> None:
    made = copied(apps, "prod")
    rule = made.one("database.yaml/BackupFailureNotice")
    assert rule["EventPattern"]["source"] == ["aws.backup"]
    assert rule["EventPattern"]["detail"]["backupVaultName"] == [{"Ref": "BackupVault"}]
    assert {"FAILED", "EXPIRED", "ABORTED"} <= set(rule["EventPattern"]["detail"]["state"])
    assert made.real("database.yaml", rule["Targets"][0]["Arn"])[1] == {"Ref": "AlertTopic"}


def test_the_tags_of_the_stage_are_on_vault_and_plan(apps: Mapping[str, App]) -> None:
    made = copied(apps, "prod")
    for name, tags in (("BackupVault", "BackupVaultTags"), ("BackupPlan", "BackupPlanTags")):
        assert made.one(f"database.yaml/{name}")[tags].items() >= {"Application": "coffee", "Stage": "prod"}.items()


def minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def spans(made: Rendered) -> tuple[set[int], set[int], dict[str, set[int]]]:
    """The minutes of the week, in UTC, of the backups, the maintenance, and the copies with the time to begin in."""
    instance = made.one("database.yaml/Instance")
    first, last = (minute(part) for part in instance["PreferredBackupWindow"].split("-"))
    backups = {
        (day * MINUTES + first + number) % (7 * MINUTES)
        for day in range(7)
        for number in range((last - first) % MINUTES)
    }
    begin, end = (
        WEEK.index(part[:3].upper()) * MINUTES + minute(part[4:])
        for part in instance["PreferredMaintenanceWindow"].split("-")
    )
    maintenance = {(begin + number) % (7 * MINUTES) for number in range((end - begin) % (7 * MINUTES))}
    found = {}
    for name, each in rules(made).items():
        minutes, hours, _, _, day, _ = each["ScheduleExpression"].removeprefix("cron(").removesuffix(")").split(" ")
        start = WEEK.index(day.partition("#")[0]) * MINUTES + int(hours) * 60 + int(minutes)
        found[name] = {(start + number) % (7 * MINUTES) for number in range(each["StartWindowMinutes"])}
    return backups, maintenance, found


def _times(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


@settings(max_examples=30)
@given(st.integers(0, MINUTES - 1), st.integers(30, 300), st.integers(0, 7 * MINUTES - 1), st.integers(30, 600))
def test_no_copy_begins_while_rds_backs_up_or_maintains_or_in_the_hour_before(
    apps: Mapping[str, App], daily: int, long: int, weekly: int, longer: int
) -> None:
    """AWS Backup cannot copy RDS in the hour before its maintenance, nor in it, nor while it backs itself up."""
    backup = f"{_times(daily)}-{_times(daily + long)}"
    ends = (weekly, weekly + longer)
    maintenance = "-".join(f"{WEEK[each // MINUTES % 7].lower()}:{_times(each)}" for each in ends)
    every = {(each + number) % MINUTES for each in (daily,) for number in range(long)} & {
        (weekly + number) % MINUTES for number in range(longer)
    }
    if every:
        return  # refused: the two meet
    made = copied(apps, "prod", backup_window=backup, maintenance_window=maintenance)
    backups, maintained, found = spans(made)
    before = {(each - ahead) % (7 * MINUTES) for each in maintained for ahead in (0, 60)}
    for minutes in found.values():
        assert not minutes & backups
        assert not minutes & before
    assert not found["weekly"] & found["monthly"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Auckland"])
def test_a_stage_that_sleeps_is_copied_while_it_is_awake(apps: Mapping[str, App], zone: str) -> None:
    hours = OffHours(end="07:00", start="20:00", working_days=("TUE", "THU"), timezone=zone)
    made = render(replace(with_database(apps["dev"], backup_plan=BOTH), off_hours=hours))
    ahead = {
        "UTC": (0,),
        "Europe/Berlin": (60, 120),
        "America/Los_Angeles": (-480, -420),
        "Pacific/Auckland": (720, 780),
    }
    _, _, found = spans(made)
    for minutes in found.values():
        for offset in ahead[zone]:
            for each in minutes:
                day, time = divmod((each + offset) % (7 * MINUTES), MINUTES)
                assert (WEEK[day], 7 * 60 <= time < 20 * 60) == ("TUE", True)


def test_nothing_is_copied_without_being_asked() -> None:
    assert Database().backup_plan is None
