"""AWS WAF before the balancer: rule groups that AWS keeps, a limit for each address, and a log of what they find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from troposphere import GetAtt, Sub, wafv2

from cfngen.spec.managed_rules import RULE_GROUPS, ManagedRules
from cfngen.stack import Stack
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, arn, given, log_group
from cfngen.stacks.foundation import FoundationOutputs

_ABOUT_SQL = "AWSManagedRulesSQLiRuleSet"
_SECONDS = 300
_REDACTED = ("authorization", "cookie")
"""Headers by which a reader of the log could be somebody else."""


def web_acl_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    cluster: ClusterOutputs,
    rules: ManagedRules,
    *,
    with_database: bool,
) -> None:
    """Requests are looked at before they reach the balancer."""
    acl = stack.add(
        wafv2.WebACL(
            "WebAcl",
            Scope="REGIONAL",
            DefaultAction=wafv2.DefaultAction(Allow=wafv2.AllowAction()),
            Rules=[*_limit(rules), *_groups(rules, with_database=with_database)],
            # Metrics are told apart by this name alone, whichever stage or cell they are of.
            VisibilityConfig=_seen(Sub("${AWS::StackName}")),
        )
    )
    balancer = arn("elasticloadbalancing", "loadbalancer/${Balancer}", Balancer=cluster.load_balancer)
    stack.add(wafv2.WebACLAssociation("WebAclAssociation", ResourceArn=balancer, WebACLArn=GetAtt(acl, "Arn")))
    group = log_group(stack, "LogGroup", common, foundation.key)
    group.LogGroupName = Sub(
        "aws-waf-logs-${AWS::StackName}"
    )  # so WAF wants it to begin; the stack's name is never used again
    stack.add(
        wafv2.LoggingConfiguration(
            "LoggingConfiguration",
            ResourceArn=GetAtt(acl, "Arn"),
            LogDestinationConfigs=[arn("logs", "log-group:${Group}", Group=group.ref())],
            RedactedFields=[
                wafv2.LoggingConfigurationFieldToMatch(SingleHeader=wafv2.SingleHeader(Name=name)) for name in _REDACTED
            ],
        )
    )


def _groups(rules: ManagedRules, *, with_database: bool) -> Iterator[wafv2.WebACLRule]:
    """Each keeps its priority, whichever others there are."""
    for index, name in enumerate(RULE_GROUPS):
        if name == _ABOUT_SQL and not with_database:
            continue
        counted = [
            wafv2.RuleActionOverride(Name=rule, ActionToUse=wafv2.RuleAction(Count=wafv2.CountAction()))
            for rule in sorted(rules.counted_rules.get(name, ()))
        ]
        group = wafv2.ManagedRuleGroupStatement(
            VendorName="AWS", Name=name, **given(RuleActionOverrides=counted or None)
        )
        override: dict[str, Any] = {"Count": {}} if rules.action == "count" else {"None": {}}
        yield wafv2.WebACLRule(
            Name=name,
            Priority=10 * (index + 2),
            OverrideAction=wafv2.OverrideAction(**override),
            Statement=wafv2.Statement(ManagedRuleGroupStatement=group),
            VisibilityConfig=_seen(name),
        )


def _limit(rules: ManagedRules) -> Iterator[wafv2.WebACLRule]:
    if rules.requests_per_5_minutes is None:
        return
    too_many = wafv2.BlockAction(CustomResponse=wafv2.CustomResponse(ResponseCode=429))
    counted = wafv2.RuleAction(Count=wafv2.CountAction())
    yield wafv2.WebACLRule(
        Name="RequestsOfAnAddress",
        Priority=10,
        Action=counted if rules.action == "count" else wafv2.RuleAction(Block=too_many),
        Statement=wafv2.Statement(
            RateBasedStatement=wafv2.RateBasedStatement(
                AggregateKeyType="IP", EvaluationWindowSec=_SECONDS, Limit=rules.requests_per_5_minutes
            )
        ),
        VisibilityConfig=_seen("RequestsOfAnAddress"),
    )


def _seen(name: str | Sub) -> wafv2.VisibilityConfig:
    """By metrics and the log; samples would show the headers that the log leaves out."""
    return wafv2.VisibilityConfig(CloudWatchMetricsEnabled=True, MetricName=name, SampledRequestsEnabled=False)
