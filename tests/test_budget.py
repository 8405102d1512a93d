"""A stage's budget counts what has the stage's tags, and may tell the alert topic, which is encrypted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from breaking import data_of

from cfngen import App, Service, stage_files
from cfngen.checks.stage import Stage
from cfngen.sources import WITHOUT_BUDGETS

SHOP = App(name="shop", stage="prod", services=(Service(name="web"),))
BOUGHT = replace(SHOP, monthly_budget_usd=500)
OWN = {
    "ArnLike": {"aws:SourceArn": {"Fn::Sub": "arn:${AWS::Partition}:budgets::${AWS::AccountId}:*"}},
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
}


def foundation(app: App) -> dict[str, Any]:
    resources = data_of(stage_files(app)["foundation.yaml"], "foundation.yaml")["Resources"]
    return {name: each["Properties"] | {"DependsOn": each.get("DependsOn")} for name, each in resources.items()}


def budgets_statement(document: dict[str, Any]) -> Any:
    return next(each for each in document["Statement"] if each["Sid"] == "Budgets")


def test_a_budget_counts_the_stage_and_tells_the_topic() -> None:
    made = foundation(BOUGHT)
    budget = made["Budget"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 500, "Unit": "USD"}
    counted = [each["Tags"] for each in budget["Budget"]["FilterExpression"]["And"]]
    assert counted == [{"Key": "Application", "Values": ["shop"]}, {"Key": "Stage", "Values": ["prod"]}]
    assert {each["Key"]: each["Value"] for each in budget["ResourceTags"]} == {"Application": "shop", "Stage": "prod"}
    told = budget["NotificationsWithSubscribers"]
    assert [(each["Notification"]["NotificationType"], each["Notification"]["Threshold"]) for each in told] == [
        ("ACTUAL", 80),
        ("ACTUAL", 100),
        ("FORECASTED", 100),
    ]
    assert {one["Address"]["Ref"] for each in told for one in each["Subscribers"]} == {"AlertTopic"}
    assert budget["DependsOn"] == ["AlertTopicPolicy"]


def test_only_the_accounts_own_budgets_may_tell() -> None:
    made = foundation(BOUGHT)
    told, used = (
        budgets_statement(made[name][document])
        for name, document in (("AlertTopicPolicy", "PolicyDocument"), ("Key", "KeyPolicy"))
    )
    assert (told["Action"], used["Action"]) == (["sns:Publish"], ["kms:Decrypt", "kms:GenerateDataKey"])
    for each in (told, used):
        assert each["Principal"] == {"Service": "budgets.amazonaws.com"}
        assert each["Condition"] == OWN


def test_without_a_budget_nobody_but_alarms_may_tell() -> None:
    assert "budgets" not in stage_files(SHOP)["foundation.yaml"].lower()


def test_another_amount_changes_the_amount_alone() -> None:
    one, other = (stage_files(replace(SHOP, monthly_budget_usd=usd)) for usd in (500, 900))
    assert {name for name in one if one[name] != other[name]} == {"foundation.yaml"}
    assert one["foundation.yaml"].replace("Amount: 500", "Amount: 900") == other["foundation.yaml"]


def test_regions_without_budgets_are_not_checked(tmp_path: Path) -> None:
    def regions(app: App) -> set[str]:
        return set(Stage("stage", tmp_path, stage_files(app), {}).regions)

    assert regions(SHOP) - regions(BOUGHT) == set(WITHOUT_BUDGETS) & regions(SHOP) != set()
