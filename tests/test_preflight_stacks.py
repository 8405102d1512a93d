"""P8 and P10 to P12: tags, ledgers and states of stacks, and what was not seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deployed_shop import (
    ADMIN,
    DENIED,
    MOVED,
    SHOP,
    TEST,
    WEB,
    asked,
    change_set,
    deployed,
    ids,
    parameter_of,
    the,
    with_resource,
    with_root,
)

from cfngen import stage_files
from cfngen.operate.state import Resource, Stack, Unread


def test_p8_tags_of_the_root() -> None:
    tagged = with_root(deployed(), tags={"Team": "a b"})
    found = the(asked(tagged), "P8")
    assert found.level == "warning"
    assert "--tags 'Team=a b'" in found.seen
    assert asked(replace(tagged, change_set=change_set(tags={"Team": "a b"}))).findings == ()
    for tags in ({}, {"Team": "b"}, {"Team": "a b", "Cost": "1"}):
        assert the(asked(replace(tagged, change_set=change_set(tags=tags))), "P8").level == "error"
    added = the(asked(replace(deployed(), change_set=change_set(tags={"Team": "a"}))), "P8")
    assert added.seen == "the stack has no tags, the change set Team=a"
    assert added.mend == ("aws cloudformation delete-change-set --change-set-name arn:root",)


def test_p10_a_deployed_rule_is_not_in_the_ledger(tmp_path: Path) -> None:
    """The folder is that of before the paths changed: a reverted commit, or another branch."""
    name = parameter_of(MOVED, "order-admin")
    answer = asked(deployed(MOVED, **{name: "green"}), tmp_path)
    found = [each for each in answer.findings if each.id == "P10"]
    assert [(each.level, each.place) for each in found] == [("error", "ServiceOrderAdmin"), ("error", "shop-dev")]
    assert "ProductionRule" in found[0].seen
    assert name in found[1].seen
    assert found[0].mend[0].startswith("git log --all --oneline -S ProductionRule")
    assert found[0].mend[0].endswith(f" -- {tmp_path.as_posix()}/dev/ledger.json")


def test_p10_a_ledger_that_was_lost_and_made_anew(tmp_path: Path) -> None:
    """The same rules under the same names, but the new ledger says that they were born blue."""
    fresh = stage_files(replace(SHOP, services=(WEB, replace(ADMIN, paths=("/admin", "/admin/*", "/office")))))
    known = deployed(fresh, **{parameter_of(MOVED, "order-admin"): "green"})
    assert [(each.id, each.place) for each in asked(known, tmp_path, fresh).findings] == [("P10", "shop-dev")]


def test_p10_other_resources_and_whole_stacks(tmp_path: Path) -> None:
    more = with_resource(deployed(), "Cluster", Resource("Extra", "x", "AWS::SNS::Topic"))
    found = the(asked(more, tmp_path), "P10")
    assert (found.level, found.place) == ("warning", "Cluster")
    unknown = Stack("arn:new", "shop-dev-New-1", "New", "UPDATE_COMPLETE", tuple(Resource(f"R{n}", f"r{n}", "AWS::SNS::Topic") for n in range(7)))  # fmt: skip
    found = the(asked(replace(deployed(), stacks=(*deployed().stacks, unknown)), tmp_path), "P10")
    assert found.seen.endswith("R0, R1, R2, R3, R4 and 2 more")


def test_p10_a_ledger_that_is_ahead_is_what_an_update_is_for(tmp_path: Path) -> None:
    assert "P10" not in ids(asked(deployed(), tmp_path, MOVED))


@pytest.mark.parametrize(
    ("status", "level", "word"),
    [
        ("ROLLBACK_COMPLETE", "error", "delete-stack --stack-name shop-dev"),
        ("UPDATE_ROLLBACK_FAILED", "error", "continue-update-rollback --stack-name shop-dev"),
        ("UPDATE_FAILED", "warning", "rollback-stack"),
        ("CREATE_IN_PROGRESS", "error", "wait stack-create-complete"),
        ("UPDATE_IN_PROGRESS", "error", "wait stack-update-complete"),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "error", "wait stack-rollback-complete"),
        ("DELETE_IN_PROGRESS", "error", "wait stack-delete-complete"),
        ("DELETE_FAILED", "error", "--deletion-mode FORCE_DELETE_STACK"),
        ("IMPORT_ROLLBACK_FAILED", "error", "describe-stack-events"),
    ],
)
def test_p11_the_stack_cannot_be_updated(status: str, level: str, word: str) -> None:
    found = the(asked(with_root(deployed(), status=status)), "P11")
    assert (found.level, found.place, found.seen) == (level, "shop-dev", f"it is in {status}")
    assert any(word in each for each in found.mend)


def test_p11_what_a_second_try_leaves_out() -> None:
    failed = with_root(
        with_resource(deployed(), "ServiceWeb", Resource("Broken", "x", "AWS::SNS::Topic", "UPDATE_FAILED")),
        status="UPDATE_ROLLBACK_FAILED",
    )
    assert the(asked(failed), "P11").mend[-1].endswith("--resources-to-skip shop-dev-ServiceWeb-1ABC.Broken")


@pytest.mark.parametrize(
    "status", ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"]
)
def test_p11_not_in_other_states(status: str) -> None:
    assert asked(with_root(deployed(), status=status)).findings == ()


def test_p11_a_nested_stack_is_mended_through_its_root() -> None:
    state = deployed()
    stacks = tuple(replace(each, status="UPDATE_ROLLBACK_FAILED") if each.path == "Watch" else each for each in state.stacks)  # fmt: skip
    found = the(asked(replace(state, stacks=stacks)), "P11")
    assert found.place == "Watch"
    assert [each.split()[2] for each in found.mend] == ["describe-stack-events"]


def test_p12_what_could_not_be_asked() -> None:
    answer = asked(replace(deployed(), unread=(DENIED,)))
    found = the(answer, "P12")
    assert found.seen == "AccessDenied; it takes the permission codedeploy:ListDeployments"
    slow = replace(DENIED, reason="Read timeout on endpoint URL")
    assert the(asked(replace(deployed(), unread=(slow,))), "P12").seen.endswith("; it was asked with codedeploy:ListDeployments")  # fmt: skip
    assert not answer.is_clear
    assert {row.deployment for row in answer.services} == {"not seen"}


def test_p12_what_is_gone() -> None:
    state = deployed()
    gone = replace(state, rules=tuple(each for each in state.rules if each.listener != TEST))
    assert {(each.id, each.level) for each in asked(gone).findings} == {("P12", "error")}
    unread = Unread("rules", "elasticloadbalancing:DescribeRules", "denied")
    assert [each.place for each in asked(replace(gone, unread=(unread,))).findings] == ["rules"]


@pytest.mark.parametrize(
    ("what", "blind"),
    [
        ("rules", {"rules": (), "listeners": ()}),
        ("target groups", {"target_groups": ()}),
        ("services", {"services": ()}),
        ("deployment groups", {"deployment_groups": ()}),
        ("alarms", {"alarms": ()}),
    ],
)
def test_p12_what_could_not_be_asked_is_not_taken_for_gone(tmp_path: Path, what: str, blind: dict[str, Any]) -> None:
    state = replace(deployed(), unread=(Unread(what, "some:Permission", "denied"),), **blind)
    assert ids(asked(state, tmp_path)) == ["P12"]
    told = asked(state, tmp_path, MOVED).asked
    assert [bool(each.value) for each in told] == [what in ("target groups", "alarms")]
