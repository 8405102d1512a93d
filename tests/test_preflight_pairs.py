"""P13: a deployment group that does not fit its service."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from deployed_shop import PRODUCTION, TEST, asked, deployed, group, ids, in_flight, the, weights, with_resource

from cfngen.operate.state import Listener, Resource, Rule, State, Unread

HTTPS = "arn:https"


def of_web(state: State, **changes: Any) -> State:
    """Change the deployment group of the service web."""
    groups = (replace(each, **changes) if each.service == "service-web" else each for each in state.deployment_groups)
    return replace(state, deployment_groups=tuple(groups))


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("web-Blue", "web-Blue"), "web-Blue (blue), web-Blue (blue)"),
        (("web-Green",), "web-Green (green)"),
        (("web-Blue", "order-admin-Green"), "web-Blue (blue), order-admin-Green (ServiceOrderAdmin/GreenTargetGroup)"),
        (("web-Blue", "web-Teal"), "web-Blue (blue), web-Teal (of no stack of this stage)"),
        ((), "no target group"),
    ],
)
def test_a_pair_is_the_two_groups_of_its_service(names: tuple[str, ...], told: str) -> None:
    found = the(asked(of_web(deployed(), target_groups=names)), "P13")
    assert (found.level, found.place) == ("error", "ServiceWeb/DeploymentGroup")
    assert found.seen == f"the pair of deployment group service-web-DeploymentGroup is {told}; it would be web-Blue and web-Green"  # fmt: skip
    words = shlex.split(found.mend[0])
    assert words[:3] == ["aws", "deploy", "update-deployment-group"]
    assert json.loads(words[-1]) == {
        "targetGroupPairInfoList": [
            {
                "prodTrafficRoute": {"listenerArns": [PRODUCTION]},
                "targetGroups": [{"name": "web-Blue"}, {"name": "web-Green"}],
                "testTrafficRoute": {"listenerArns": [TEST]},
            }
        ]
    }


def test_the_order_of_a_pair_does_not_matter() -> None:
    assert asked(of_web(deployed(), target_groups=("web-Green", "web-Blue"))).findings == ()


def test_a_pair_whose_groups_were_not_seen_is_not_judged() -> None:
    unread = Unread("target groups", "elasticloadbalancing:DescribeTargetGroups", "denied")
    assert ids(asked(replace(deployed(), target_groups=(), unread=(unread,)))) == ["P12"]


def test_a_pair_is_looked_at_while_a_deployment_runs() -> None:
    assert ids(asked(in_flight(of_web(deployed(), target_groups=("web-Blue",)), "web"))) == ["P5", "P13"]


def test_a_pair_that_no_rule_names() -> None:
    """P4 tells it of both groups, and P3 that nothing is behind production."""
    state = deployed()
    rules = tuple(each for each in state.rules if group("web", "Blue") not in each.weights)
    found = {each.id for each in asked(replace(state, rules=rules)).findings}
    assert found == {"P3", "P4", "P12"}


def test_no_production_listener() -> None:
    found = the(asked(of_web(deployed(), production_listeners=())), "P13")
    assert "names no production listener" in found.seen
    assert json.loads(shlex.split(found.mend[0])[-1])["targetGroupPairInfoList"][0]["prodTrafficRoute"]["listenerArns"] == [PRODUCTION]  # fmt: skip


def test_a_listener_that_is_gone() -> None:
    answer = asked(of_web(deployed(), test_listeners=("arn:gone",)))
    assert "names arn:gone, which is no listener of this stage" in the(answer, "P13").seen
    unread = Unread("rules", "elasticloadbalancing:DescribeListeners", "denied")
    blind = replace(deployed(), rules=(), listeners=(), unread=(unread,))
    assert "P13" not in ids(asked(blind))


def test_a_rule_that_no_release_moves() -> None:
    """The rules of port 80 stayed when the deployment group went over to HTTPS."""
    state = replace(deployed(), listeners=(*deployed().listeners, Listener(HTTPS, "arn:balancer", 443)))
    state = replace(state, rules=(*state.rules, Rule("arn:secure", HTTPS, 7, weights=weights("web", 100, 0))))
    found = the(asked(of_web(state, production_listeners=(HTTPS,))), "P13")
    assert "stands on port 80, which deployment group service-web-DeploymentGroup does not move" in found.seen
    assert found.mend[0].startswith("aws cloudformation detect-stack-drift ")  # nobody can say which listener is right
    unused = replace(state, rules=(*state.rules[:-1], Rule("arn:secure", HTTPS, 7, weights=weights("web", 0, 0))))
    assert "P13" not in ids(asked(unused))


def test_a_deployment_group_of_another_service() -> None:
    found = the(asked(of_web(deployed(), service="other")), "P13")
    assert found.place == "ServiceWeb"
    assert found.seen == "no deployment group releases the service service-web; service-web-DeploymentGroup of its stack releases other in shop"  # fmt: skip


def test_a_deployment_group_that_is_gone_is_told_once() -> None:
    state = deployed()
    first, *others = state.deployment_groups
    assert first.service == "service-web"
    assert ids(asked(replace(state, deployment_groups=tuple(others)))) == ["P12"]


def test_a_service_that_nothing_releases() -> None:
    state = deployed()
    stacks = tuple(
        replace(each, resources=tuple(made for made in each.resources if "DeploymentGroup" not in made.logical_id)) if each.path == "ServiceWeb" else each
        for each in state.stacks
    )  # fmt: skip
    groups = tuple(each for each in state.deployment_groups if each.service != "service-web")
    found = the(asked(replace(state, stacks=stacks, deployment_groups=groups)), "P13")
    assert found.seen == "no deployment group releases the service service-web"


def test_a_spare_target_group_is_nobodys_business() -> None:
    assert asked(with_resource(deployed(), "Watch", Resource("Spare", "x", "AWS::SNS::Topic"))).findings == ()
