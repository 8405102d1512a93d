"""P7: what a change set takes away, and what it does to that which all services stand on."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace

import pytest
from deployed_shop import (
    PRODUCTION,
    TEST,
    asked,
    change_set,
    deployed,
    green,
    group,
    in_flight,
    rules_of,
    runs,
    the,
    weights,
    with_resource,
)

from cfngen.operate.finding import Finding
from cfngen.operate.state import Change, Resource, Rule, Stack, State, TargetGroup, TaskSet, Unread

ELB, ECS, DEPLOY = "AWS::ElasticLoadBalancingV2::", "AWS::ECS::", "AWS::CodeDeploy::"
(RULE_OF_WEB,) = rules_of(deployed(), "ServiceWeb")
(TEST_RULE_OF_WEB,) = rules_of(deployed(), "ServiceWeb", "TestRule")
REMOVED_RULE = Change("Remove", RULE_OF_WEB, f"{ELB}ListenerRule")
ADDED_RULE = Change("Add", "ProductionRule01234567", f"{ELB}ListenerRule")
GROUP = Change("Modify", "DeploymentGroup", f"{DEPLOY}DeploymentGroup")


def found(state: State, *changes: Change, inside: str = "ServiceWeb") -> list[Finding]:
    return [each for each in asked(replace(state, change_set=change_set(*changes, inside=inside))).findings if each.id == "P7"]  # fmt: skip


def levels(state: State, *changes: Change, inside: str = "ServiceWeb") -> list[str]:
    return [each.level for each in found(state, *changes, inside=inside)]


def busy() -> State:
    return in_flight(deployed(), "web")


# What a service owns


def test_the_last_production_rule_must_not_go() -> None:
    (one,) = found(deployed(), REMOVED_RULE)
    assert (one.level, one.place) == ("error", f"ServiceWeb/{RULE_OF_WEB}")
    assert "removes the last production rule of web" in one.seen
    assert one.mend == ("aws cloudformation delete-change-set --change-set-name arn:root",)


def test_a_rule_goes_when_another_takes_its_place() -> None:
    assert found(deployed(), ADDED_RULE, REMOVED_RULE) == []
    test_rule = replace(ADDED_RULE, logical_id="TestRule01234567")
    assert levels(deployed(), test_rule, REMOVED_RULE) == ["error"]  # that is not its place


def test_a_rule_goes_without_another_while_others_stay() -> None:
    state = deployed()
    more = replace(state, rules=(*state.rules, Rule("arn:more", PRODUCTION, 7, weights=weights("web", 100, 0))))
    (one,) = found(more, REMOVED_RULE)
    assert one.level == "warning"
    assert "requests that it matched go elsewhere" in one.seen


def test_no_rule_goes_while_a_deployment_moves_them() -> None:
    (one,) = found(busy(), ADDED_RULE, REMOVED_RULE)
    assert one.level == "error"
    assert "while deployment d-ABC123 moves the rules of web" in one.seen


def test_the_last_test_rule() -> None:
    removed = replace(REMOVED_RULE, logical_id=TEST_RULE_OF_WEB)
    assert levels(deployed(), removed) == ["warning"]
    assert found(deployed(), removed, replace(ADDED_RULE, logical_id="TestRule01234567")) == []
    more = Rule("arn:more", TEST, 7, weights=weights("web", 100, 0))
    assert found(replace(deployed(), rules=(*deployed().rules, more)), removed) == []


def test_a_rule_of_nobody() -> None:
    """Such as the redirect to HTTPS."""
    redirect = Change("Remove", "RedirectRule", f"{ELB}ListenerRule")
    (one,) = found(deployed(), redirect, inside="Redirect")
    assert one.level == "warning"
    assert "what it answered is answered otherwise" in one.seen
    assert found(deployed(), redirect, replace(redirect, action="Add", logical_id="Other"), inside="Redirect") == []


@pytest.mark.parametrize(("colour", "told"), [("Blue", "removes blue of web, which serves"), ("Green", "the other one of the pair")])  # fmt: skip
def test_no_target_group_of_a_pair_goes(colour: str, told: str) -> None:
    (one,) = found(deployed(), Change("Remove", f"{colour}TargetGroup", f"{ELB}TargetGroup"))
    assert one.level == "error"
    assert told in one.seen


def test_a_target_group_of_nobody_may_go() -> None:
    assert found(deployed(), Change("Remove", "Spare", f"{ELB}TargetGroup")) == []


def test_a_target_group_beside_the_pair_with_weight() -> None:
    spare = Resource("Spare", "arn:spare", f"{ELB}TargetGroup")
    state = with_resource(deployed(), "ServiceWeb", spare)
    rules = (replace(each, weights={**each.weights, "arn:spare": 5}) if group("web", "Blue") in each.weights else each for each in state.rules)  # fmt: skip
    (one,) = found(replace(state, rules=tuple(rules), target_groups=(*state.target_groups, TargetGroup("arn:spare", "spare"))), Change("Remove", "Spare", f"{ELB}TargetGroup"))  # fmt: skip
    assert one.level == "error"
    assert "to which rules of web give weight" in one.seen


def test_an_ecs_service_does_not_go_alone() -> None:
    removed = Change("Remove", "Service", f"{ECS}Service")
    (one,) = found(deployed(), removed)
    assert one.level == "error"
    assert "with 2 running tasks" in one.seen
    asleep = runs(deployed(), "web", TaskSet("ecs-svc/1", "PRIMARY", group("web", "Blue"), 0), desired=0)
    assert levels(asleep, removed) == ["warning"]
    unseen = replace(deployed(), services=(), unread=(Unread("services", "ecs:DescribeServices", "denied"),))
    assert levels(unseen, removed) == ["error"]


INFO = ("Properties.LoadBalancerInfo",)


@pytest.mark.parametrize(
    ("change", "quiet", "in_release"),
    [
        (replace(GROUP, attributes=("Properties.AlarmConfiguration",)), "", "error"),
        (replace(GROUP, perhaps=INFO), "", "warning"),
        (replace(GROUP, attributes=INFO), "warning", "error"),
        (replace(GROUP, attributes=("Properties.ECSServices",)), "error", "error"),
        (replace(GROUP, attributes=("Properties.DeploymentGroupName",), replacement="True"), "error", "error"),
        (replace(GROUP, perhaps=("Properties.ApplicationName",), replacement="Conditional"), "warning", "warning"),
        (replace(GROUP, action="Remove"), "warning", "error"),
    ],
)
def test_a_deployment_group_changes_between_releases(change: Change, quiet: str, in_release: str) -> None:
    assert levels(deployed(), change) == ([quiet] if quiet else [])
    assert levels(busy(), change) == [in_release]


def test_a_deployment_group_gets_other_listeners_together_with_rules() -> None:
    """As when HTTPS is added (H10)."""
    assert found(deployed(), replace(GROUP, attributes=INFO), ADDED_RULE) == []


# What all services stand on

LISTENER = Change("Modify", "HttpListener", f"{ELB}Listener")
TEST_LISTENER = replace(LISTENER, logical_id="TestListener")
BALANCER = Change("Modify", "LoadBalancer", f"{ELB}LoadBalancer")
CLUSTER = Change("Modify", "Cluster", f"{ECS}Cluster")
APPLICATION = Change("Modify", "DeployApplication", f"{DEPLOY}Application")
IDLE_TIMEOUT = ("Properties.LoadBalancerAttributes",)


@pytest.mark.parametrize(
    ("change", "level", "told"),
    [
        (replace(LISTENER, attributes=("Properties.Certificates",)), "", ""),
        (replace(LISTENER, perhaps=("Properties.SslPolicy",)), "", ""),
        (replace(LISTENER, attributes=("Properties.DefaultActions",)), "info", "port 80 answers when no rule matches"),
        (replace(LISTENER, attributes=("Properties.Port",)), "error", "users of order-admin, web who call port 80"),
        (replace(TEST_LISTENER, attributes=("Properties.Port",)), "warning", "port or protocol of port 8080"),
        (replace(LISTENER, attributes=("Properties.LoadBalancerArn",), replacement="True"), "error", "would replace this listener"),
        (replace(LISTENER, perhaps=("Properties.LoadBalancerArn",), replacement="Conditional"), "warning", "might replace"),
        (replace(LISTENER, action="Remove"), "error", "on which rules of order-admin, web stand: port 80 is closed"),
        (replace(LISTENER, logical_id="Unknown", attributes=("Tags",)), "warning", "was not seen"),
        (replace(BALANCER, attributes=IDLE_TIMEOUT), "", ""),
        (replace(BALANCER, attributes=("Properties.Scheme",), replacement="True"), "error", "would replace this load balancer"),
        (replace(BALANCER, perhaps=("Properties.Subnets",), replacement="Conditional"), "warning", "might replace"),
        (replace(BALANCER, action="Remove"), "error", "on which order-admin, web runs"),
        (replace(CLUSTER, attributes=("Properties.ClusterSettings",)), "", ""),
        (replace(CLUSTER, replacement="True"), "error", "would replace this ECS cluster"),
        (replace(CLUSTER, action="Remove"), "error", "on which order-admin, web runs"),
        (replace(APPLICATION, attributes=("Properties.Tags",)), "", ""),
        (replace(APPLICATION, replacement="True"), "error", "its deployment groups go with it"),
        (replace(APPLICATION, action="Remove"), "error", "on which order-admin, web runs"),
    ],
)  # fmt: skip
def test_what_all_services_stand_on(change: Change, level: str, told: str) -> None:
    seen = found(deployed(), change, inside="Cluster")
    assert [each.level for each in seen] == ([level] if level else [])
    assert all(told in each.seen for each in seen)


def test_a_listener_that_forwards_by_default_is_written_back() -> None:
    """Not as cfngen makes it: any change writes the default action (A6.12)."""
    state = green(deployed(), "web")
    first, *others = state.listeners
    state = replace(state, listeners=(replace(first, kind="forward", default=weights("web", 0, 100)), *others))
    (one,) = found(state, replace(LISTENER, attributes=("Properties.Certificates",)), inside="Cluster")
    assert one.level == "error"
    assert "forwards to target groups of web, back to the template's colour" in one.seen
    assert levels(state, replace(LISTENER, perhaps=("Properties.Certificates",)), inside="Cluster") == ["warning"]


def test_a_listener_goes_when_its_rules_go() -> None:
    """As when HTTPS is switched off: the rules move to another port."""
    state = deployed()
    removed = [
        Change("Remove", rule, f"{ELB}ListenerRule") for path in ("ServiceWeb", "ServiceOrderAdmin") for rule in rules_of(state, path)
    ]  # fmt: skip
    trees = [change_set(*removed, ADDED_RULE, inside=path).changes for path in ("ServiceWeb", "ServiceOrderAdmin")]
    cluster = change_set(replace(LISTENER, action="Remove"), inside="Cluster").changes
    whole = change_set(changes=tuple(each for tree in (*trees, cluster) for each in tree))
    seen = [each for each in asked(replace(state, change_set=whole)).findings if each.place == "Cluster/HttpListener"]
    assert [each.level for each in seen] == ["warning"]


# Whole stacks

STACK = "AWS::CloudFormation::Stack"


def whole(state: State, *paths: str) -> list[Finding]:
    changes = tuple(Change("Remove", path, STACK) for path in paths)
    return list(asked(replace(state, change_set=change_set(changes=changes))).findings)


def test_a_service_that_goes_on_purpose() -> None:
    (one,) = whole(deployed(), "ServiceWeb")
    assert (one.id, one.level, one.place) == ("P7", "warning", "shop-dev/ServiceWeb")
    assert one.seen == "the change set removes this stack with the service web: 2 rules, both target groups, 2 running tasks, its deployment group"  # fmt: skip
    inside = change_set(REMOVED_RULE).changes[0]
    told_apart = change_set(changes=(replace(inside, action="Remove"),))
    assert asked(replace(deployed(), change_set=told_apart)).findings == (one,)


def test_a_service_does_not_go_while_it_is_released() -> None:
    one = next(each for each in whole(busy(), "ServiceWeb") if each.id == "P7")
    assert one.level == "error"
    assert "d-ABC123 of web is in flight" in one.seen
    assert [each.level for each in whole(busy(), "ServiceOrderAdmin") if each.id == "P7"] == ["warning"]


def test_the_ground_does_not_go_below_services() -> None:
    (one,) = whole(deployed(), "Cluster")
    assert one.level == "error"
    for part in ("HttpListener", "LoadBalancer", "Cluster", "DeployApplication"):
        assert f"{part}: the change set removes this" in one.seen


def test_everything_goes_at_once() -> None:
    seen = whole(deployed(), "Cluster", "ServiceWeb", "ServiceOrderAdmin")
    assert [each.level for each in seen] == ["info", "warning", "warning"]


def test_a_stack_without_traffic_is_a_note() -> None:
    (one,) = whole(deployed(), "Watch")
    assert one.level == "info"
    assert "removes this stack with" in one.seen


def test_what_is_below_a_stack_that_goes() -> None:
    state = deployed()
    moved = tuple(replace(each, path=f"Team/{each.path}") if each.path.startswith("Service") else each for each in state.stacks)  # fmt: skip
    team = Stack("arn:team", "shop-dev-Team", "Team", "UPDATE_COMPLETE", (Resource("ServiceWeb", "arn:web", STACK),))
    (one,) = whole(replace(state, stacks=(*moved, team)), "Team")
    assert one.level == "warning"
    assert "the service order-admin: " in one.seen
    assert "the service web: " in one.seen


@pytest.mark.parametrize("state", [deployed, busy])
def test_every_mend_is_a_command(state: Callable[[], State]) -> None:
    for one in (*found(state(), REMOVED_RULE), *whole(state(), "Cluster")):
        assert all(shlex.split(line)[0] == "aws" for line in one.mend)


def test_what_is_added_has_nothing_to_lose() -> None:
    for change in (LISTENER, BALANCER, CLUSTER, APPLICATION, GROUP):
        assert found(busy(), replace(change, action="Add"), inside="ServiceWeb") == []
    assert the(asked(replace(deployed(), change_set=change_set(changes=(Change("Dynamic", "ServiceWeb", STACK),)))), "P7").level == "warning"  # fmt: skip
