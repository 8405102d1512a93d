"""P7 and P9: what a change set would do to what serves."""

from __future__ import annotations

from dataclasses import replace

import pytest
from deployed_shop import RULE, asked, change_set, deployed, the

from cfngen.operate.state import Change

SERVICE = Change("Modify", "Service", "AWS::ECS::Service")
BOOTSTRAP = Change("Modify", "BootstrapTaskDefinition", "AWS::ECS::TaskDefinition", replacement="True")
TARGETS = Change("Modify", "BlueTargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup")


@pytest.mark.parametrize(
    ("change", "level", "seen"),
    [
        (replace(RULE, attributes=("Properties.Actions",)), "error", "would modify this AWS::ElasticLoadBalancingV2::ListenerRule, by Properties.Actions"),
        (replace(RULE, replacement="True"), "error", "would replace"),
        (replace(RULE, replacement="True", perhaps=("Properties.ListenerArn",)), "error", "would replace"),
        (replace(RULE, replacement="Conditional", perhaps=("Properties.ListenerArn",)), "warning", "might replace"),
        (replace(RULE, replacement="Conditional"), "warning", "might replace"),
        (replace(RULE, replacement="Conditional", attributes=("Properties.Actions",)), "error", "would modify and might replace"),
        (replace(RULE, attributes=("Tags",)), "error", "by Tags"),
        (replace(SERVICE, replacement="False"), "error", "would modify this AWS::ECS::Service"),
        (replace(SERVICE, replacement="False", perhaps=("Properties.Cluster",)), "warning", "might modify"),
        (BOOTSTRAP, "error", "would replace this AWS::ECS::TaskDefinition"),
        (replace(TARGETS, action="Dynamic"), "warning", "might modify"),
        (replace(TARGETS, replacement="True"), "error", "would replace"),
    ],
)  # fmt: skip
def test_p7_the_change_set_touches_what_is_written_once(change: Change, level: str, seen: str) -> None:
    found = the(asked(replace(deployed(), change_set=change_set(change))), "P7")
    assert (found.level, found.place) == (level, f"ServiceWeb/{change.logical_id}")
    assert seen in found.seen
    assert found.mend[0].startswith("aws cloudformation describe-change-set --change-set-name arn:nested ")
    # Change sets of nested stacks are deleted with the root's (K2.1).
    deletes = ["aws cloudformation delete-change-set --change-set-name arn:root"] if level == "error" else []
    assert list(found.mend[1:]) == deletes


@pytest.mark.parametrize(
    "change",
    [
        replace(RULE, action="Add"),
        Change("Modify", "MigrationTaskDefinition", "AWS::ECS::TaskDefinition", replacement="True"),
        Change("Modify", "ScalableTarget", "AWS::ApplicationAutoScaling::ScalableTarget"),
    ],
)
def test_p7_other_changes_are_fine(change: Change) -> None:
    assert asked(replace(deployed(), change_set=change_set(change))).findings == ()


def test_p7_nested_stacks_that_were_not_looked_into() -> None:
    blind = change_set(changes=(Change("Modify", "ServiceWeb", "AWS::CloudFormation::Stack"),))
    found = the(asked(replace(deployed(), change_set=blind)), "P7")
    assert found.level == "warning"
    assert "inside ServiceWeb is not known" in found.seen
    assert "--include-nested-stacks" in found.mend[1]
    assert "ParameterKey=TestCidr,UsePreviousValue=true" in found.mend[1]
    added = change_set(changes=(Change("Add", "ServiceNew", "AWS::CloudFormation::Stack"),))
    assert asked(replace(deployed(), change_set=added)).findings == ()


def test_p7_a_change_set_that_is_not_ready() -> None:
    made = the(asked(replace(deployed(), change_set=change_set(status="CREATE_IN_PROGRESS"))), "P7")
    assert made.mend == ("aws cloudformation wait change-set-create-complete --change-set-name arn:root",)
    failed = the(asked(replace(deployed(), change_set=change_set(status="FAILED", reason="no such bucket"))), "P7")
    assert "no such bucket" in failed.seen
    empty = change_set(status="FAILED", reason="The submitted information didn't contain changes. Submit different ...")
    assert asked(replace(deployed(), change_set=empty)).findings == ()


def test_p9_drift_is_reverted() -> None:
    state = replace(deployed(), change_set=change_set(deployment_mode="REVERT_DRIFT"))
    assert [(each.id, each.level) for each in asked(state).findings] == [("P9", "error")]
    assert asked(replace(deployed(), change_set=change_set())).findings == ()


@pytest.mark.parametrize(
    ("had", "wanted", "is_told"),
    [
        ("subnet-1,subnet-2", "subnet-1,subnet-2,subnet-3", False),
        ("subnet-1,subnet-2,subnet-3", "subnet-1, subnet-2", False),
        ("subnet-1,subnet-2", "subnet-2,subnet-1", True),
        ("subnet-1,subnet-2,subnet-3", "subnet-1,subnet-3", True),
        ("", "subnet-1,subnet-2", False),
    ],
)
def test_p7_services_keep_the_subnets_of_their_birth(had: str, wanted: str, is_told: bool) -> None:
    state = deployed(**({"PrivateSubnetIds": had} if had else {}))
    planned = change_set(parameters={"PrivateSubnetIds": wanted})
    found = [each for each in asked(replace(state, change_set=planned)).findings if each.id == "P7"]
    assert [each.level for each in found] == (["error"] if is_told else [])
    if is_told:
        assert "services were born in these two" in found[0].seen
    apart = replace(planned, parameters={**planned.parameters, "BirthSubnetIds": "subnet-1,subnet-2"})
    assert asked(replace(state, change_set=apart)).findings == ()
