"""P1 to P6: what is wrong with one service, and what is not."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from deployed_shop import (
    PRODUCTION,
    TEST,
    asked,
    deployed,
    green,
    group,
    ids,
    in_flight,
    runs,
    shows,
    the,
    weights,
    wrong_rule,
)

from cfngen.operate.state import Alarm, Rule, State, TaskSet, Unread


def test_p1_rules_disagree() -> None:
    state = shows(wrong_rule(deployed()), "web", 100, 0, rules=1)
    found = the(asked(state), "P1")
    assert (found.level, found.place) == ("error", "ServiceWeb")
    assert "says blue 100 green 0" in found.seen
    assert "arn:extra says blue 0 green 100" in found.seen
    (mend,) = found.mend
    words = shlex.split(mend)
    assert words[:4] == ["aws", "elbv2", "modify-rule", "--rule-arn"]
    (action,) = json.loads(words[6])
    assert action["ForwardConfig"]["TargetGroups"] == [
        {"TargetGroupArn": group("web", "Green"), "Weight": 100},
        {"TargetGroupArn": group("web", "Blue"), "Weight": 0},
    ]


def test_p1_a_rule_is_split_and_nothing_moves_it() -> None:
    assert "P1" in ids(asked(shows(deployed(), "web", 90, 10)))


def test_p1_not_while_a_deployment_moves_them() -> None:
    state = in_flight(shows(deployed(), "web", 90, 10), "web")
    state = runs(
        state,
        "web",
        TaskSet("ecs-svc/1", "PRIMARY", group("web", "Blue"), 2),
        TaskSet("ecs-svc/2", "ACTIVE", group("web", "Green"), 2),
    )
    answer = asked(state)
    assert ids(answer) == ["P5"]
    assert answer.services[1].live == "unclear"
    assert "P1" not in ids(asked(wrong_rule(deployed())))


def test_p1_test_rules_disagree() -> None:
    """A service with two: one says blue, the other green, or one says both."""
    state = deployed()
    more = replace(state, rules=(*state.rules, Rule("arn:more", TEST, 7, weights=weights("web", 0, 100))))
    found = the(asked(more), "P1")
    assert (found.level, found.place) == ("warning", "ServiceWeb")
    assert "on the test listener arn:more says blue 0 green 100; ServiceWeb/TestRule" in found.seen
    (mend,) = found.mend
    assert mend.startswith("aws elbv2 modify-rule --rule-arn arn:more ")
    assert f'{{"TargetGroupArn":"{group("web", "Blue")}","Weight":100}}' in mend
    assert the(asked(shows(deployed(), "web", 50, 50, listener=TEST)), "P1").level == "warning"
    assert the(asked(shows(deployed(), "web", 0, 0, listener=TEST)), "P1").level == "warning"
    assert ids(asked(in_flight(more, "web"))) == ["P5"]


def test_p2_weight_without_tasks() -> None:
    answer = asked(shows(green(deployed(), "web"), "web", 100, 0))
    found = the(answer, "P2")
    assert "gives 100 to blue, where no task runs" in found.seen
    assert all("modify-rule" in each for each in found.mend)
    assert len(found.mend) == 1  # the test listener is nobody's production
    assert ids(answer) == ["P2", "P3"]


def test_p2_no_tasks_at_all_shows_why() -> None:
    state = runs(deployed(), "web", TaskSet("ecs-svc/1", "PRIMARY", group("web", "Blue"), 0))
    found = the(asked(state), "P2")
    assert found.mend[0].startswith("aws ecs describe-services --cluster shop --services service-web ")


def test_p2_also_while_a_deployment_runs() -> None:
    assert ids(asked(in_flight(shows(deployed(), "web", 0, 100), "web"))) == ["P2", "P5"]


def _health(state: State, colour: str, **health: int) -> State:
    """The targets of a group of web."""
    told = (replace(each, health=health) if each.arn == group("web", colour) else each for each in state.target_groups)
    return replace(state, target_groups=tuple(told))


@pytest.mark.parametrize(
    ("health", "level"), [({"healthy": 1, "unhealthy": 1}, "warning"), ({"unhealthy": 2}, "error")]
)
def test_p2_targets_that_do_not_answer_their_health_check(health: dict[str, int], level: str) -> None:
    found = the(asked(_health(deployed(), "Blue", **health)), "P2")
    assert (found.level, found.place) == (level, "ServiceWeb")
    assert f"{health['unhealthy']} of 2 targets in blue are unhealthy" in found.seen
    assert found.mend[0] == f"aws elbv2 describe-target-health --target-group-arn {group('web', 'Blue')}"


def test_p2_targets_without_requests_may_be_in_any_state() -> None:
    for state in (
        _health(deployed(), "Green", unhealthy=2),
        _health(deployed(), "Blue", healthy=1, draining=2, initial=1),
    ):
        assert asked(state).findings == ()


def _by_hand(**told: Any) -> State:
    """A rule that somebody made, before the two of the shop, which take /admin and everything."""
    state = deployed()
    first = min(each.priority for each in state.rules)
    own = {"Admin": ("/admin", "/admin/*"), "Web": ("/*",)}
    patterns = {each.arn: next(own[name] for name in own if name in each.arn.title()) for each in state.rules}
    rules = [replace(each, paths=patterns[each.arn]) for each in state.rules]
    made = replace(Rule("arn:rule/hand", PRODUCTION, first - 1, "fixed-response"), **told)
    return replace(state, rules=(*rules, made))


def test_p2_a_rule_of_no_stack_comes_first() -> None:
    found = [each for each in asked(_by_hand(paths=("/admin/x*",))).findings if each.id == "P2"]
    assert {(each.level, each.place) for each in found} == {("warning", "ServiceOrderAdmin"), ("warning", "ServiceWeb")}
    assert all("on port 80 (/admin/x*: fixed-response) is of no stack of this stage" in each.seen for each in found)
    assert found[0].mend == (
        "aws elbv2 describe-rules --rule-arns arn:rule/hand",
        "aws elbv2 delete-rule --rule-arn arn:rule/hand",
    )


@pytest.mark.parametrize(
    ("told", "services"),
    [
        ({"paths": ("/shop/*",)}, ["ServiceWeb"]),
        ({"paths": ("/?dmin",)}, ["ServiceOrderAdmin", "ServiceWeb"]),
        ({"paths": ("/*/x",)}, ["ServiceOrderAdmin", "ServiceWeb"]),
        ({"hosts": ("next.example.com",)}, ["ServiceOrderAdmin", "ServiceWeb"]),
        ({"priority": 5000}, []),
        ({"listener": TEST}, []),
        (
            {"weights": {"arn:group/other": 100}, "kind": "forward", "paths": ("/admin",)},
            ["ServiceOrderAdmin", "ServiceWeb"],
        ),
    ],
)
def test_p2_a_rule_of_no_stack_hurts_those_whose_requests_it_may_take(
    told: dict[str, Any], services: list[str]
) -> None:
    assert [each.place for each in asked(_by_hand(**told)).findings] == services


def test_p2_hosts_tell_rules_apart() -> None:
    state = _by_hand(hosts=("Other.example.com",))
    apart = tuple(
        replace(each, hosts=("shop.example.com",)) if each.arn != "arn:rule/hand" else each for each in state.rules
    )
    assert asked(replace(state, rules=apart)).findings == ()
    wild = tuple(
        replace(each, hosts=("*.EXAMPLE.com",)) if each.arn != "arn:rule/hand" else each for each in state.rules
    )
    assert ids(asked(replace(state, rules=wild))) == ["P2", "P2"]


def test_p3_the_primary_is_not_behind_production() -> None:
    state = runs(
        deployed(),
        "web",
        TaskSet("ecs-svc/2", "PRIMARY", group("web", "Green"), 2),
        TaskSet("ecs-svc/1", "ACTIVE", group("web", "Blue"), 2),
    )
    answer = asked(state)
    assert ids(answer) == ["P3"]
    assert "the primary task set ecs-svc/2 is in green" in the(answer, "P3").seen
    assert f'{{"TargetGroupArn":"{group("web", "Green")}","Weight":100}}' in the(answer, "P3").mend[0]


def test_p3_nothing_of_another_target_group_is_written() -> None:
    state = runs(deployed(), "web", TaskSet("ecs-svc/9", "PRIMARY", "arn:another", 2))
    found = the(asked(state), "P3")
    assert "is in arn:another" in found.seen
    assert not any("modify-rule" in each for each in found.mend)
    assert "no primary task set" in the(asked(runs(deployed(), "web")), "P3").seen


def test_p3_a_default_action_counts() -> None:
    """Not as cfngen makes it, but CodeDeploy moves it all the same (A6.2)."""
    state = deployed()
    listeners = (replace(state.listeners[0], kind="forward", default=weights("web", 100, 0)), state.listeners[1])
    rules = tuple(each for each in state.rules if group("web", "Blue") not in each.weights or each.listener == TEST)
    state = replace(green(replace(state, listeners=listeners), "web"), rules=rules)
    found = the(asked(state), "P3")
    assert "the default action of port 80 says blue 100 green 0" in found.seen
    assert found.mend[0].startswith(f"aws elbv2 modify-listener --listener-arn {PRODUCTION} --default-actions ")


def test_p4_a_target_group_hangs_on_nothing() -> None:
    state = deployed()
    groups = tuple(
        replace(each, balancers=()) if each.arn == group("web", "Green") else each for each in state.target_groups
    )
    only = {group("web", "Blue"): 100}
    rules = tuple(replace(each, weights=only) if group("web", "Blue") in each.weights else each for each in state.rules)
    found = the(asked(replace(state, target_groups=groups, rules=rules)), "P4")
    assert (found.level, found.place) == ("warning", "ServiceWeb/GreenTargetGroup")
    assert "belongs to no balancer" in found.seen
    assert len(found.mend) == 2  # production and test
    assert f'{{"TargetGroupArn":"{group("web", "Green")}","Weight":0}}' in found.mend[0]


def test_p4_is_an_error_of_the_group_that_serves() -> None:
    state = deployed()
    rules = tuple(each for each in state.rules if group("web", "Blue") not in each.weights)
    found = [each for each in asked(replace(state, rules=rules)).findings if each.id == "P4"]
    assert [(each.level, each.place) for each in found] == [
        ("error", "ServiceWeb/BlueTargetGroup"),
        ("warning", "ServiceWeb/GreenTargetGroup"),
    ]
    assert "no rule of the service names it" in found[0].seen


@pytest.mark.parametrize(
    ("status", "is_terminating", "waits"),
    [("Ready", False, "READY_WAIT"), ("InProgress", True, "TERMINATION_WAIT"), ("Queued", False, "")],
)
def test_p5_a_deployment_is_in_flight(status: str, is_terminating: bool, waits: str) -> None:
    found = the(asked(in_flight(deployed(), "web", status, is_terminating=is_terminating)), "P5")
    assert found.level == "error"
    assert f"d-ABC123 is {status}" in found.seen
    assert found.mend[0].startswith("aws deploy get-deployment --deployment-id d-ABC123 ")
    assert found.mend[-1] == "aws deploy stop-deployment --deployment-id d-ABC123 --auto-rollback-enabled"
    go_on = [f"aws deploy continue-deployment --deployment-id d-ABC123 --deployment-wait-type {waits}"] if waits else []
    assert list(found.mend[1:-1]) == go_on


def test_p5_of_one_service_is_not_the_other_ones() -> None:
    answer = asked(in_flight(deployed(), "web"))
    assert [row.deployment for row in answer.services] == ["none", "d-ABC123 InProgress"]


def test_p6_an_alarm_rings() -> None:
    state = replace(deployed(), alarms=(Alarm("web-ErrorsAlarm", "ALARM"), *deployed().alarms[1:]))
    found = the(asked(state), "P6")
    assert (found.level, found.place) == ("error", "ServiceWeb")
    assert found.seen.startswith("web-ErrorsAlarm rings")
    named = "--application-name shop --current-deployment-group-name service-web-DeploymentGroup"
    query = "--query deploymentGroupInfo.alarmConfiguration --output json"
    assert found.mend == (
        "mkdir -p build",
        f"aws deploy get-deployment-group {named.replace('--current-', '--')} {query} > build/alarms.json",
        f"aws deploy update-deployment-group {named} --alarm-configuration enabled=false",
        f"aws deploy update-deployment-group {named} --alarm-configuration file://build/alarms.json",
    )


def test_p6_other_alarms_do_not_matter() -> None:
    assert asked(replace(deployed(), alarms=(*deployed().alarms, Alarm("another", "ALARM")))).findings == ()


def test_p6_an_alarm_without_data_is_a_note() -> None:
    """It stops nothing until it has some."""
    answer = asked(replace(deployed(), alarms=(Alarm("web-ErrorsAlarm", "INSUFFICIENT_DATA"), *deployed().alarms[1:])))
    found = the(answer, "P6")
    assert (found.level, found.place) == ("info", "ServiceWeb")
    assert found.seen == "web-ErrorsAlarm has no data, and stops no release until it has (L1.5)"
    assert found.mend[0].startswith("aws cloudwatch describe-alarms --alarm-names web-ErrorsAlarm ")
    assert answer.is_clear


@pytest.mark.parametrize("enabled", [True, False])
def test_p6_a_group_that_names_no_alarm_hears_none(enabled: bool) -> None:
    first, *others = deployed().deployment_groups
    silent = replace(first, alarms=(), alarms_enabled=enabled)
    found = the(asked(replace(deployed(), deployment_groups=(silent, *others))), "P6")
    assert (found.level, found.place) == ("warning", "ServiceWeb")
    assert "names no alarm: a release goes on whatever users get" in found.seen


def test_p6_a_group_that_does_not_go_back_by_itself() -> None:
    first, *others = deployed().deployment_groups
    stays = replace(first, rollback_events=("DEPLOYMENT_FAILURE",))
    found = the(asked(replace(deployed(), deployment_groups=(stays, *others))), "P6")
    assert (found.level, found.place) == ("warning", "ServiceWeb")
    assert found.seen.endswith("does not go back by itself after DEPLOYMENT_STOP_ON_ALARM, DEPLOYMENT_STOP_ON_REQUEST")
    (mend,) = found.mend
    events = "DEPLOYMENT_FAILURE,DEPLOYMENT_STOP_ON_ALARM,DEPLOYMENT_STOP_ON_REQUEST"
    assert mend.endswith(f"--auto-rollback-configuration enabled=true,events={events}")


def test_p6_an_alarm_that_is_gone_stops_releases_too() -> None:
    state = replace(deployed(), alarms=deployed().alarms[1:])
    assert [(each.id, each.level) for each in asked(state).findings] == [("P6", "warning")]
    denied = Unread("alarms", "cloudwatch:DescribeAlarms", "denied")
    assert ids(asked(replace(deployed(), alarms=(), unread=(denied,)))) == ["P12"]


def test_p6_alarms_that_are_switched_off_are_a_note() -> None:
    first, *others = deployed().deployment_groups
    ringing = tuple(replace(each, state="ALARM") for each in deployed().alarms if each.name.startswith("web"))
    answer = asked(
        replace(
            deployed(),
            deployment_groups=(replace(first, alarms_enabled=False), *others),
            alarms=(*ringing, *deployed().alarms[2:]),
        )
    )
    assert [(each.id, each.level) for each in answer.findings] == [("P6", "info")]
    assert answer.is_clear
    assert json.loads(shlex.split(answer.findings[0].mend[0])[-1])["alarms"][0] == {"name": "web-ErrorsAlarm"}
