"""A web ACL of rule groups that AWS keeps: what it looks for, what it does, what it logs; in the templates and the local AWS."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deployed_types import unseen
from resolve import Symbol, rendered
from shells import REGION, fresh
from test_local_everything import Deployment, resources

from cfngen import App, Balancer, Database, Ledger, ManagedRules, Service, stage_files
from cfngen.local.provider import LocalProvider
from cfngen.semantics.template import read_template

PLAIN = App(name="shop", services=(Service(name="shop"),))
CAPACITY = {  # WCU, of AWS's pages on managed rule groups; a rule that counts requests of an address takes 2
    "AWSManagedRulesAmazonIpReputationList": 25,
    "AWSManagedRulesCommonRuleSet": 700,
    "AWSManagedRulesKnownBadInputsRuleSet": 200,
    "AWSManagedRulesSQLiRuleSet": 200,
    "RequestsOfAnAddress": 2,
}


def guarded(app: App = PLAIN, **options: Any) -> App:
    return replace(app, balancer=Balancer(managed_rules=ManagedRules(**options)))


def rules(app: App) -> dict[str, Any]:
    [acl] = rendered(app).tree.of_type("AWS::WAFv2::WebACL").values()
    found = {each["Name"]: each for each in acl["Properties"]["Rules"]}
    assert len({each["Priority"] for each in found.values()}) == len(found)
    return found


def test_what_looks_at_requests_costs_no_more_than_its_base_price() -> None:
    without = rules(guarded())
    assert without.keys() == CAPACITY.keys() - {"AWSManagedRulesSQLiRuleSet", "RequestsOfAnAddress"}
    whole = rules(guarded(replace(PLAIN, database=Database()), requests_per_5_minutes=100))
    assert whole.keys() == CAPACITY.keys()
    assert sum(CAPACITY[name] for name in whole) <= 1500
    groups, limit = sum(CAPACITY[name] for name in without), CAPACITY["RequestsOfAnAddress"]
    page = " ".join((Path(__file__).parents[1] / "docs/traffic.md").read_text(encoding="utf-8").split())
    told = f"groups take {groups:,} WCU, {groups + CAPACITY['AWSManagedRulesSQLiRuleSet']:,} with a database, and the limit {limit};"
    assert told in page
    assert f"each rule and rule group ({len(without)} to {len(whole)} here)" in page
    assert all(whole[name]["Priority"] == each["Priority"] for name, each in without.items())


@pytest.mark.parametrize(
    ("action", "of_groups", "of_addresses"),
    [
        ("block", {"None": {}}, {"Block": {"CustomResponse": {"ResponseCode": 429}}}),
        ("count", {"Count": {}}, {"Count": {}}),
    ],
)
def test_all_of_it_blocks_or_counts(action: str, of_groups: Any, of_addresses: Any) -> None:
    limit, *groups = rules(guarded(action=action, requests_per_5_minutes=100)).values()
    assert limit["Action"] == of_addresses
    assert limit["Statement"]["RateBasedStatement"] == {
        "AggregateKeyType": "IP",
        "EvaluationWindowSec": 300,
        "Limit": 100,
    }
    assert [each["OverrideAction"] for each in groups] == [of_groups] * 3


def test_one_rule_counts_and_the_others_of_its_group_block() -> None:
    found = rules(guarded(counted_rules={"AWSManagedRulesCommonRuleSet": ("SizeRestrictions_BODY",)}))
    told = {
        name: each["Statement"]["ManagedRuleGroupStatement"].get("RuleActionOverrides", [])
        for name, each in found.items()
    }
    assert told.pop("AWSManagedRulesCommonRuleSet") == [{"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}]
    assert not any(told.values())


def test_the_log_keeps_for_some_time_and_not_who_somebody_is() -> None:
    tree = rendered(replace(guarded(), log_retention_days=90, own_key_for=("logs",))).tree
    group = tree.resources["web-acl.yaml/LogGroup"]["Properties"]
    assert group["RetentionInDays"] == 90
    assert group["KmsKeyId"].parts[:2] == ("foundation.yaml", "Key")
    assert str(group["LogGroupName"]).find("aws-waf-logs-") >= 0
    [logging] = tree.of_type("AWS::WAFv2::LoggingConfiguration").values()
    assert [each["SingleHeader"]["Name"] for each in logging["Properties"]["RedactedFields"]] == [
        "authorization",
        "cookie",
    ]
    assert logging["Properties"]["ResourceArn"] == Symbol.of("ref", "web-acl.yaml", "WebAcl", "Arn")


@pytest.mark.filterwarnings("ignore")  # moto's
def test_it_stands_locally_is_changed_and_goes() -> None:
    provider = fresh("http://localhost:1").region(REGION).front.api.provider
    assert isinstance(provider, LocalProvider)
    app = guarded(requests_per_5_minutes=100)
    deployment = Deployment(provider, stage_files(app, None, "services/shop.py"), "shop-dev", [])
    made = deployment.create("shop.yaml")
    assert made.stack, made.reason
    own = {each.kind.rpartition("::")[2]: each for each in resources(made.stack) if "WAFv2" in each.kind}
    assert own.keys() == {"LoggingConfiguration", "WebACL", "WebACLAssociation"}
    assert [line for each in own.values() for line in unseen(provider, each)] == []
    balancer = next(each.physical for each in resources(made.stack) if each.kind.endswith("LoadBalancer"))
    told = provider.services.call("wafv2", "GetWebACLForResource", {"ResourceArn": balancer})["WebACL"]
    assert own["WebACL"].physical.startswith(f"{told['Name']}|")

    after = stage_files(
        guarded(action="count", requests_per_5_minutes=50),
        Ledger.read(deployment.files["ledger.json"]),
        "services/shop.py",
    )
    deployment.files = after
    changed = deployment.engine.update(made.stack, read_template(after["shop.yaml"]), {})
    assert changed.stack, changed.reason
    told = provider.services.call("wafv2", "GetWebACLForResource", {"ResourceArn": balancer})["WebACL"]
    assert [each["Statement"]["RateBasedStatement"]["Limit"] for each in told["Rules"] if "Action" in each] == [50]
    for kind in ("LoggingConfiguration", "WebACLAssociation", "WebACL"):
        provider.delete(own[kind])
        assert not provider.is_there(own[kind]), kind


def acl(name: str) -> dict[str, Any]:
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name}
    told = {"Name": name, "Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "VisibilityConfig": seen}
    return {"Type": "AWS::WAFv2::WebACL", "Properties": told}


def association(of: Any) -> dict[str, Any]:
    told = {"ResourceArn": {"Ref": "Balancer"}, "WebACLArn": of}
    return {"Type": "AWS::WAFv2::WebACLAssociation", "Properties": told}


class Guard:
    """A balancer in a stack, with the user's web ACL or with one of a nested stack, as the stages of cfngen have them."""

    def __init__(self) -> None:
        region = fresh("http://localhost:1").region(REGION)
        self.api, self.call = region.front.api, region.services.call
        given = dict(acl("own")["Properties"])
        self.own = self.call("wafv2", "CreateWebACL", given)["Summary"]["ARN"]
        zones: dict[str, str] = {}
        for each in self.call("ec2", "DescribeSubnets", {})["Subnets"]:
            zones.setdefault(each["AvailabilityZone"], each["SubnetId"])
        told = {"Type": "application", "Subnets": sorted(zones.values())[:2]}
        self.balancer = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": told}
        self.child = {
            "Parameters": {"Balancer": {"Type": "String"}},
            "Resources": {"Acl": acl("made"), "Association": association({"Fn::GetAtt": ["Acl", "Arn"]})},
        }
        self.api.fetch = lambda _: json.dumps(self.child)

    def template(self, kind: str, *, fails: bool = False) -> str:
        told: dict[str, Any] = {"Balancer": self.balancer}
        if kind == "web_acl":
            told["Association"] = association(self.own)
        if kind == "managed_rules":
            given = {"TemplateURL": "child.yaml", "Parameters": {"Balancer": {"Ref": "Balancer"}}}
            told["Rules"] = {"Type": "AWS::CloudFormation::Stack", "Properties": given}
        if fails:
            after = [name for name in told if name != "Balancer"]
            told["Bad"] = {"Type": "AWS::SQS::Queue", "DependsOn": after, "Properties": {"QueueName": "not a name!"}}
        return json.dumps({"Resources": told})

    def update(self, kind: str, *, fails: bool = False) -> tuple[str, str]:
        """How it ended, and the name of the web ACL that the balancer has then."""
        self.api.call("UpdateStack", {"StackName": "shop", "TemplateBody": self.template(kind, fails=fails)})
        return self.seen()

    def seen(self) -> tuple[str, str]:
        status = self.api.call("DescribeStacks", {"StackName": "shop"})["Stacks"][0]["StackStatus"]
        [balancer] = self.call("elbv2", "DescribeLoadBalancers", {})["LoadBalancers"]
        there = self.call("wafv2", "GetWebACLForResource", {"ResourceArn": balancer["LoadBalancerArn"]})
        return status, (there.get("WebACL") or {}).get("Name", "")


@pytest.mark.filterwarnings("ignore")  # moto's
def test_from_one_kind_of_web_acl_to_the_other_by_one_update() -> None:
    """What docs/traffic.md says: the new one stays, and a rollback leaves the balancer with none."""
    guard = Guard()
    guard.api.call("CreateStack", {"StackName": "shop", "TemplateBody": guard.template("web_acl")})
    assert guard.seen() == ("CREATE_COMPLETE", "own")
    assert guard.update("managed_rules") == ("UPDATE_COMPLETE", "made")
    assert guard.update("web_acl") == ("UPDATE_COMPLETE", "own")
    assert [each["Name"] for each in guard.call("wafv2", "ListWebACLs", {"Scope": "REGIONAL"})["WebACLs"]] == ["own"]
    assert guard.update("managed_rules", fails=True) == ("UPDATE_ROLLBACK_COMPLETE", "")
    assert guard.update("managed_rules") == ("UPDATE_COMPLETE", "made")
    assert guard.update("web_acl", fails=True) == ("UPDATE_ROLLBACK_COMPLETE", "")

    # By two updates there is none in between, and a rollback restores what was.
    assert guard.update("web_acl") == ("UPDATE_COMPLETE", "own")
    assert guard.update("neither") == ("UPDATE_COMPLETE", "")
    assert guard.update("managed_rules", fails=True) == ("UPDATE_ROLLBACK_COMPLETE", "")
    assert guard.update("managed_rules") == ("UPDATE_COMPLETE", "made")
