"""A database that is there already: nothing of it is made, and services reach it as one of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from cfngen import App, Database, LedgerError, OffHours

from .conftest import Rendered, render


def existing(apps: Mapping[str, App], **options: Any) -> Rendered:
    made = Database(existing=True, name="coffee", readers=("customer",), writers=("employee",), **options)
    app = replace(apps["prod"], database=made, own_key_for=("logs", "images"))
    return render(replace(app, off_hours=OffHours()))


def parameters(made: Rendered) -> dict[str, Any]:
    return {name: each for name, each in made.templates["coffee.yaml"]["Parameters"].items() if "Database" in name}


def test_nothing_of_rds_is_made(apps: Mapping[str, App]) -> None:
    made = existing(apps)
    assert not made.each("AWS::RDS::*")
    assert not made.each("AWS::SecretsManager::*")
    assert "database.yaml" not in made.templates
    assert made.ledger.births["database"] == {"existing": True}


def test_the_root_asks_for_what_services_use_and_no_more(apps: Mapping[str, App]) -> None:
    secrets = {f"Database{who}SecretArn" for who in ("Master", "Reader", "Writer")}
    where = {"DatabaseHost", "DatabasePort", "DatabaseSecurityGroupId"}
    found = parameters(existing(apps))
    assert set(found) == secrets | where
    assert [name for name, each in found.items() if "Default" in each] == ["DatabasePort"]
    assert found["DatabasePort"]["Default"] == "3306"
    assert parameters(existing(apps, engine="postgres"))["DatabasePort"]["Default"] == "5432"
    more = parameters(existing(apps, secrets_have_key=True, reader_address=True))
    assert set(more) == secrets | where | {"DatabaseSecretsKeyArn", "DatabaseReaderHost"}
    services = tuple(replace(each, migrate=()) for each in apps["prod"].services)
    alone = render(replace(apps["prod"], database=Database(existing=True), own_key_for=(), services=services))
    assert not parameters(alone)  # nobody uses it


def test_each_service_opens_the_given_group_for_itself_on_the_given_port(apps: Mapping[str, App]) -> None:
    made = existing(apps)
    for name in ("customer", "employee"):
        rule = made.one(f"service-{name}.yaml/DatabaseIngress")
        assert made.real(rule.file, rule["GroupId"])[1] == {"Ref": "DatabaseSecurityGroupId"}
        assert made.real(rule.file, rule["FromPort"])[1] == {"Ref": "DatabasePort"}
        assert rule["FromPort"] == rule["ToPort"]


def test_each_role_reads_the_secrets_that_are_its_own_with_their_key(apps: Mapping[str, App]) -> None:
    made = existing(apps, secrets_have_key=True)
    read = {
        role.place: sorted(
            made.real(role.file, one)[1]["Ref"]
            for statement in role.statements
            if {"secretsmanager:GetSecretValue", "kms:Decrypt"} & set(statement["Action"])
            for one in statement["Resource"]
            if str(made.real(role.file, one)[1].get("Ref", "")).startswith("Database")
        )
        for role in made.each("AWS::IAM::Role")
    }
    assert {place: secrets for place, secrets in read.items() if secrets} == {
        "service-customer.yaml/ExecutionRole": ["DatabaseReaderSecretArn", "DatabaseSecretsKeyArn"],
        "service-employee.yaml/ExecutionRole": ["DatabaseSecretsKeyArn", "DatabaseWriterSecretArn"],
        "service-employee.yaml/MigrationExecutionRole": [
            "DatabaseMasterSecretArn",
            "DatabaseReaderSecretArn",
            "DatabaseSecretsKeyArn",
            "DatabaseWriterSecretArn",
        ],
    }


def test_a_stage_keeps_the_kind_of_database_that_it_was_born_with(apps: Mapping[str, App], prod: Rendered) -> None:
    made = existing(apps)
    with pytest.raises(LedgerError, match=r"database\.existing.*born with one that exists"):
        render(replace(made.app, database=apps["prod"].database), made.ledger)
    other = replace(apps["prod"], database=Database(existing=True), own_key_for=("logs", "images"))
    with pytest.raises(LedgerError, match=r"database\.existing.*born with one of its own"):
        render(other, prod.ledger)
