"""`cfngen preflight`: which colour is live, and what the next deploy must be given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from deployed_shop import (
    ADMIN,
    DENIED,
    FILES,
    MOVED,
    NAMES,
    SHOP,
    TEST,
    WEB,
    asked,
    deployed,
    green,
    group,
    ids,
    in_flight,
    moved,
    parameter_of,
    runs,
    shows,
)

from cfngen import Balancer, Ledger, stage_files
from cfngen.operate.state import State, TaskSet, Unread

# What is live


def test_a_quiet_stage_has_no_findings(tmp_path: Path) -> None:
    answer = asked(deployed(), tmp_path)
    assert answer.findings == ()
    assert answer.is_clear
    assert answer.overrides == ""
    assert answer.given == []
    assert answer.table[1:] == [
        ("order-admin", "blue", "blue 100 green 0", "blue 100 green 0", "blue 2 green 0", "none"),
        ("web", "blue", "blue 100 green 0", "blue 100 green 0", "blue 2 green 0", "none"),
    ]


def test_after_an_odd_number_of_releases_green_is_live(tmp_path: Path) -> None:
    answer = asked(green(deployed(), "order-admin"), tmp_path)
    assert answer.findings == ()
    assert [(row.service, row.live, row.tasks) for row in answer.services] == [
        ("order-admin", "green", "blue 0 green 2"),
        ("web", "blue", "blue 2 green 0"),
    ]


def test_a_rule_may_have_lost_the_idle_group() -> None:
    """In one reading of A6.4 CodeDeploy takes it out; the group then is on no listener, which it puts right itself."""
    state = green(deployed(), "web")
    only = {group("web", "Green"): 1}
    state = replace(state, rules=tuple(replace(each, weights=only) if group("web", "Green") in each.weights else each for each in state.rules))  # fmt: skip
    answer = asked(state)
    assert answer.services[1].live == "green"
    assert [(each.id, each.level) for each in answer.findings] == [("P4", "warning")]


def test_the_test_listener_may_show_either_colour() -> None:
    answer = asked(shows(deployed(), "web", 0, 100, listener=TEST))
    assert answer.findings == ()
    assert answer.services[1].test == "blue 0 green 100"


def test_a_stage_that_sleeps_has_no_findings() -> None:
    state = runs(deployed(), "web", TaskSet("ecs-svc/1", "PRIMARY", group("web", "Blue"), 0), desired=0)
    answer = asked(state)
    assert answer.findings == ()
    assert answer.services[1].tasks == "blue 0 green 0 (asleep)"


def test_listeners_are_told_apart_without_deployment_groups() -> None:
    """Whoever may not ask CodeDeploy still learns the live colour, by the names of the rules."""
    denied = Unread("deployment groups", "codedeploy:GetDeploymentGroup", "denied")
    state = shows(green(deployed(), "web"), "web", 100, 0, listener=TEST)
    answer = asked(replace(state, deployment_groups=(), unread=(denied,)))
    assert (answer.services[1].live, answer.services[1].test) == ("green", "blue 100 green 0")
    assert answer.services[1].deployment == "not seen"
    assert ids(answer) == ["P12"]


# What the next deploy must be given


# What the next deploy must be given


@pytest.mark.parametrize("colour", ["blue", "green"])
def test_the_live_colour_of_new_rules_is_ready_to_be_given(tmp_path: Path, colour: str) -> None:
    state = green(deployed(), "order-admin") if colour == "green" else green(deployed(), "web")
    answer = asked(state, tmp_path, MOVED)
    assert answer.overrides == f"--parameter-overrides {parameter_of(MOVED, 'order-admin')}={colour}"
    assert answer.given[-1].strip() == answer.overrides
    assert answer.findings == ()


def test_several_services_are_asked_for_at_once(tmp_path: Path) -> None:
    files = moved(replace(WEB, hosts=("shop.example.com",)), replace(ADMIN, hosts=("shop.example.com",)))
    answer = asked(green(deployed(), "order-admin"), tmp_path, files)
    wanted = [f"{parameter_of(files, name)}={colour}" for name, colour in (("order-admin", "green"), ("web", "blue"))]
    assert answer.overrides == f"--parameter-overrides {' '.join(wanted)}"


def test_a_colour_that_was_given_is_not_asked_for_again(tmp_path: Path) -> None:
    state = deployed(MOVED, **{parameter_of(MOVED, "order-admin"): "green"})
    answer = asked(state, tmp_path, MOVED)
    assert answer.asked == ()
    assert answer.findings == ()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda state: in_flight(state, "order-admin"), "a deployment is in flight"),
        (lambda state: shows(state, "order-admin", 50, 50), "do not say one colour"),
        (lambda state: replace(state, unread=(DENIED,)), "could not be asked"),
        (lambda state: shows(state, "order-admin", 0, 100), "do not say where its tasks serve"),
    ],
)
def test_a_colour_that_nobody_can_tell_is_not_told(
    tmp_path: Path, change: Callable[[State], State], reason: str
) -> None:
    answer = asked(change(deployed()), tmp_path, MOVED)
    (wanted,) = answer.asked
    assert (wanted.value, answer.overrides) == ("", "")
    assert reason in wanted.reason
    assert reason in answer.given[-1]


def test_a_service_that_is_not_deployed_begins_with_blue(tmp_path: Path) -> None:
    """It was removed, and the removal deployed; now it comes back, with rules that ask."""
    removed = moved(WEB)
    files = stage_files(SHOP, Ledger.read(removed["ledger.json"]))
    state = deployed()
    alone = replace(state, stacks=tuple(each for each in state.stacks if each.path != NAMES["order-admin"]))
    assert asked(alone, tmp_path, files).overrides == f"--parameter-overrides {parameter_of(files, 'order-admin')}=blue"


def test_other_parameters_without_a_default_are_named(tmp_path: Path) -> None:
    secure = stage_files(replace(SHOP, balancer=Balancer()), Ledger.read(FILES["ledger.json"]))
    answer = asked(deployed(), tmp_path, secure)
    assert answer.others == ("CertificateArn",)
    assert "  CertificateArn: a value of your own" in answer.given
