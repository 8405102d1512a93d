"""P7: the colours that a change set, or the next deploy, gives to rules that are yet to be made."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from awscli.shorthand import ShorthandParser
from deployed_shop import (
    ADMIN,
    DENIED,
    FILES,
    MOVED,
    NAMES,
    RULE,
    SHOP,
    WEB,
    asked,
    change_set,
    deployed,
    green,
    in_flight,
    moved,
    parameter_of,
    shows,
    the,
)

from cfngen import Ledger, stage_files
from cfngen.operate.finding import Finding
from cfngen.operate.state import Change, State, Unread

NAME = parameter_of(MOVED, "order-admin")
KEPT = {"TestCidr": "203.0.113.0/24"}
NEW_RULES = [
    Change("Add", f"{'Test' if each.listener == 'test' else 'Production'}Rule{each.digest}", RULE.type)
    for each in Ledger.read(MOVED["ledger.json"]).rules["order-admin"]
    if each.colour == NAME
]
OLD_RULES = [
    Change("Remove", f"{'Test' if each.listener == 'test' else 'Production'}Rule{each.digest}", RULE.type)
    for each in Ledger.read(MOVED["ledger.json"]).rules["order-admin"]
    if each.retired
]


def looks(state: State, *changes: Change, **parameters: str) -> State:
    """Look at a change set of the second service's stack that gives these parameters."""
    made = change_set(*(changes or (*NEW_RULES, *OLD_RULES)), inside=NAMES["order-admin"])
    return replace(state, change_set=replace(made, parameters={**KEPT, **parameters}))


@pytest.mark.parametrize("with_folder", [True, False])
@pytest.mark.parametrize("value", ["blue", "green"])
@pytest.mark.parametrize("colour", ["blue", "green"])
def test_a_change_set_gives_the_colour_that_serves(tmp_path: Path, colour: str, value: str, with_folder: bool) -> None:
    state = green(deployed(), "order-admin") if colour == "green" else green(deployed(), "web")
    answer = asked(looks(state, **{NAME: value}), tmp_path if with_folder else None, MOVED)
    if value == colour:
        assert answer.findings == ()
        return
    found = the(answer, "P7")
    assert (found.level, found.place) == ("error", f"shop-dev/{NAME}")
    assert found.seen == f"the change set makes rules with {NAME}={value}, and {colour} serves"
    delete, make = found.mend
    assert delete == "aws cloudformation delete-change-set --change-set-name arn:root"
    assert make.startswith("aws cloudformation create-change-set --stack-name shop-dev ")
    assert make.endswith(f"--parameters ParameterKey={NAME},ParameterValue={colour} ParameterKey=TestCidr,UsePreviousValue=true")  # fmt: skip


def test_a_new_parameter_is_looked_at_though_nested_stacks_are_not() -> None:
    blind = change_set(changes=(Change("Modify", NAMES["order-admin"], "AWS::CloudFormation::Stack"),), parameters={NAME: "green"})  # fmt: skip
    found = [each for each in asked(replace(deployed(), change_set=blind)).findings if each.id == "P7"]
    assert [(each.level, each.place) for each in found] == [("error", f"shop-dev/{NAME}"), ("warning", "shop-dev")]


@pytest.mark.parametrize("value", ["blue", "green"])
def test_nobody_can_tell_while_a_deployment_is_in_flight(value: str) -> None:
    state = in_flight(deployed(), "order-admin")
    found = next(each for each in asked(looks(state, *NEW_RULES, **{NAME: value})).findings if each.id == "P7")
    assert "a deployment is in flight; ask again when it is over" in found.seen
    assert found.mend == ("aws cloudformation delete-change-set --change-set-name arn:root",)


def test_a_value_that_was_given_is_kept_whatever_serves_now(tmp_path: Path) -> None:
    """It is not the live colour after an odd number of releases, and that is right."""
    state = looks(green(deployed(MOVED, **{NAME: "blue"}), "order-admin"), replace(RULE, action="Add", logical_id="TestRule1"), **{NAME: "blue"})  # fmt: skip
    assert asked(state, tmp_path, MOVED).findings == ()


@pytest.mark.parametrize("serves", ["blue", "green"])
def test_a_value_that_was_given_does_not_change(tmp_path: Path, serves: str) -> None:
    state = deployed(MOVED, **{NAME: "blue"})
    state = green(state, "order-admin") if serves == "green" else state
    found = the(asked(looks(state, replace(RULE, action="Add", logical_id="TestRule1"), **{NAME: "green"}), tmp_path, MOVED), "P7")  # fmt: skip
    assert f"changes {NAME} from blue to green, which writes the rules" in found.seen
    assert f"ParameterKey={NAME},UsePreviousValue=true" in found.mend[1]


@pytest.mark.parametrize("change", [*NEW_RULES, *(replace(each, action="Modify", replacement="True") for each in NEW_RULES)])  # fmt: skip
def test_a_kept_value_makes_another_rule(tmp_path: Path, change: Change) -> None:
    """A rule was deleted by hand, say, and comes back with the value of long ago."""
    state = green(deployed(MOVED, **{NAME: "blue"}), "order-admin")
    found = [each for each in asked(looks(state, change, **{NAME: "blue"}), tmp_path, MOVED).findings if NAME in each.place]  # fmt: skip
    assert [(each.id, each.level) for each in found] == [("P7", "error")]
    assert found[0].seen == f"the change set makes rules with {NAME}=blue, and green serves"
    assert f"ParameterKey={NAME},ParameterValue=green" in found[0].mend[1]
    blue = looks(deployed(MOVED, **{NAME: "blue"}), change, **{NAME: "blue"})
    assert [each for each in asked(blue, tmp_path, MOVED).findings if NAME in each.place] == []


def test_a_service_that_is_not_there_is_born_blue(tmp_path: Path) -> None:
    files = stage_files(SHOP, Ledger.read(moved(WEB)["ledger.json"]))
    state = deployed()
    alone = replace(state, stacks=tuple(each for each in state.stacks if each.path != NAMES["order-admin"]))
    added = Change("Add", NAMES["order-admin"], "AWS::CloudFormation::Stack")
    name = parameter_of(files, "order-admin")

    def found(value: str) -> list[Finding]:
        made = change_set(changes=(added,), parameters={**KEPT, name: value})
        return [each for each in asked(replace(alone, change_set=made), tmp_path, files).findings if each.id == "P7"]

    assert found("blue") == []
    assert found("green")[0].seen.endswith("and blue is what a new service is born with")


def test_a_parameter_of_a_service_that_goes() -> None:
    removed = Change("Remove", NAMES["order-admin"], "AWS::CloudFormation::Stack")
    made = change_set(changes=(removed,), parameters={NAME: "green"})
    assert [each.level for each in asked(replace(deployed(), change_set=made)).findings] == ["warning"]


@pytest.mark.parametrize("with_folder", [True, False])
def test_rules_that_ask_for_nothing_begin_with_blue(tmp_path: Path, with_folder: bool) -> None:
    """The ledger was lost and made anew: the rules are those of a new service."""
    fresh = stage_files(replace(SHOP, services=(WEB, replace(ADMIN, paths=("/admin", "/admin/*", "/office")))))
    added = [
        Change("Add", f"ProductionRule{each.digest}", RULE.type)
        for each in Ledger.read(fresh["ledger.json"]).rules["order-admin"]
        if each.listener == "http"
    ]
    state = looks(green(deployed(), "order-admin"), *added)
    found = [each for each in asked(state, tmp_path if with_folder else None, fresh).findings if each.id == "P7"]
    assert [(each.level, each.place) for each in found] == [("error", f"{NAMES['order-admin']}/{each.logical_id}") for each in added]  # fmt: skip
    assert "begins with blue, while green serves order-admin" in found[0].seen
    assert "P7" not in {each.id for each in asked(looks(deployed(), *added), None).findings}


# What the next deploy would keep


def test_a_kept_value_of_a_rule_that_is_yet_to_be_made(tmp_path: Path) -> None:
    """An update failed, and was not rolled back: the root has the parameter, the stack below not the rules."""
    state = deployed(FILES, **{NAME: "blue"})
    assert asked(state, tmp_path, MOVED).asked == ()
    answer = asked(green(state, "order-admin"), tmp_path, MOVED)
    assert answer.overrides == f"--parameter-overrides {NAME}=green"
    found = the(answer, "P7")
    assert (found.level, found.place) == ("error", "shop-dev")
    assert f"the deployed root keeps {NAME}=blue, with which " in found.seen
    assert found.seen.endswith(" would be made, and green serves")
    assert found.mend[0].endswith(f"--capabilities CAPABILITY_IAM --parameter-overrides {NAME}=green")


def test_a_kept_value_while_nobody_can_tell(tmp_path: Path) -> None:
    state = shows(deployed(FILES, **{NAME: "blue"}), "order-admin", 50, 50)
    answer = asked(state, tmp_path, MOVED)
    assert answer.overrides == ""
    found = the(answer, "P7")
    assert "what serves nobody can tell" in found.seen
    assert found.mend == ()


def test_a_service_whose_stack_could_not_be_asked_is_not_new(tmp_path: Path) -> None:
    unread = Unread("stacks", "cloudformation:DescribeStacks", "denied")
    state = deployed(FILES)
    state = replace(state, stacks=tuple(each for each in state.stacks if each.path != NAMES["order-admin"]))
    (wanted,) = asked(replace(state, unread=(unread,)), tmp_path, MOVED).asked
    assert (wanted.value, wanted.reason) == ("", "not every nested stack could be asked")
    kept = replace(state, unread=(unread, DENIED), stacks=tuple(each if each.path else replace(each, parameters={**KEPT, NAME: "blue"}) for each in state.stacks))  # fmt: skip
    assert "P7" not in {each.id for each in asked(kept, tmp_path, MOVED).findings}


@pytest.mark.parametrize("value", ["a,b", 'say "x"', "a=b", "[x]", "back\\slash", "it's", "plain", ""])
def test_other_values_are_given_again_as_they_were(value: str) -> None:
    state = looks(deployed(), **{NAME: "green", "Note": value})
    words = shlex.split(the(asked(state), "P7").mend[1])
    told = [ShorthandParser().parse(word) for word in words[words.index("--parameters") + 1 :]]
    assert {"ParameterKey": "Note", "ParameterValue": value} in told
