"""A stage's monthly budget: what of its costs is counted, and who may tell of it by the alert topic."""

from __future__ import annotations

from awacs import kms as kms_actions
from awacs import sns as sns_actions
from awacs.aws import Allow, ArnLike, Condition, Principal, Statement, StringEquals
from troposphere import AccountId, Sub, budgets, sns

from cfngen.stack import Stack
from cfngen.stacks.common import Common

_TOLD = (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
"""At which percentages it is told. Constant, because another list replaces the budget."""


def budget(stack: Stack, common: Common, topic: sns.Topic, policy: sns.TopicPolicy, monthly_usd: int) -> None:
    """A budget of what carries the stage's tags; those count in costs once they are activated (docs/budget.md)."""
    tags = {"Application": common.application, "Stage": common.stage}
    every = [budgets.Expression(Tags=budgets.TagValues(Key=key, Values=[value])) for key, value in tags.items()]
    stack.add(
        budgets.Budget(
            "Budget",
            DependsOn=[policy.title],  # Budgets asks whether it may publish (budgets-sns-policy)
            Budget=budgets.BudgetData(
                BudgetType="COST",
                TimeUnit="MONTHLY",
                BudgetLimit=budgets.Spend(Amount=monthly_usd, Unit="USD"),
                FilterExpression=budgets.Expression(And=every),
                Metrics=["UnblendedCost"],
            ),
            NotificationsWithSubscribers=[
                budgets.NotificationWithSubscribers(
                    Notification=budgets.Notification(
                        NotificationType=kind,
                        ComparisonOperator="GREATER_THAN",
                        Threshold=percent,
                        ThresholdType="PERCENTAGE",
                    ),
                    Subscribers=[budgets.Subscriber(SubscriptionType="SNS", Address=topic.ref())],
                )
                for kind, percent in _TOLD
            ],
        )
    )


def may_publish(topic: sns.Topic) -> Statement:
    """Of the topic's policy: the account's own budgets may tell."""
    return Statement(
        Sid="Budgets",
        Effect=Allow,
        Principal=Principal("Service", "budgets.amazonaws.com"),
        Action=[sns_actions.Publish],
        Resource=[topic.ref()],
        Condition=_own_budgets(),
    )


def may_encrypt() -> Statement:
    """Of the key's policy: what they tell is encrypted on its way."""
    return Statement(
        Sid="Budgets",
        Effect=Allow,
        Principal=Principal("Service", "budgets.amazonaws.com"),
        Action=[kms_actions.Decrypt, kms_actions.GenerateDataKey],
        Resource=["*"],
        Condition=_own_budgets(),
    )


def _own_budgets() -> Condition:
    source = Sub("arn:${AWS::Partition}:budgets::${AWS::AccountId}:*")
    return Condition([ArnLike("aws:SourceArn", source), StringEquals("aws:SourceAccount", AccountId)])
