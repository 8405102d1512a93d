"""`cfngen preflight`: what it finds in what was seen of a stage, how it reads that, and what it says."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import jmespath
import pytest
from conftest import Result, Run
from moto.server import ThreadedMotoServer

from cfngen import App, Balancer, Ledger, Service, stage_files, write
from cfngen.errors import CfngenError, DescriptionError
from cfngen.operate import saved
from cfngen.operate.finding import MEANINGS, Finding
from cfngen.operate.folder import read_folder
from cfngen.operate.preflight import Answer, preflight
from cfngen.operate.read import PERMISSIONS, read
from cfngen.operate.state import (
    Alarm,
    Change,
    ChangeSet,
    Deployment,
    DeploymentGroup,
    Listener,
    Resource,
    Rule,
    Stack,
    State,
    TargetGroup,
    TaskSet,
    Unread,
)
from cfngen.operate.state import Service as EcsService
from cfngen.stack import title

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")

WEB = Service(name="web")
ADMIN = Service(name="order-admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
SHOP = App(name="shop", services=(WEB, ADMIN), balancer=Balancer(https=False))
FILES = stage_files(SHOP)
NAMES = {"web": "ServiceWeb", "order-admin": "ServiceOrderAdmin"}
BALANCER = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/shop/1"


def arn(kind: str, name: str) -> str:
    return f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{kind}/{name}"


def physical(stack: str, logical: str, kind: str) -> str:
    if kind == "AWS::ECS::Service":
        return f"arn:aws:ecs:eu-west-1:123456789012:service/shop/{stack}"
    if kind == "AWS::CloudFormation::Stack":
        return stack_id(title(logical))
    return arn(kind.rpartition("::")[2], f"{stack}-{logical}") if "LoadBalancing" in kind else f"{stack}-{logical}"


def stack_id(name: str) -> str:
    return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"


PRODUCTION, TEST = (physical("cluster", name, "AWS::ElasticLoadBalancingV2::Listener") for name in ("HttpListener", "TestListener"))  # fmt: skip


def group(service: str, colour: str) -> str:
    return physical(f"service-{service}", f"{colour}TargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup")


def weights(service: str, blue: int, green: int) -> dict[str, int]:
    return {group(service, "Blue"): blue, group(service, "Green"): green}


def deployed(files: Mapping[str, str] = FILES, **parameters: str) -> State:
    """A stage as its ledger says, released an even number of times: blue serves, and nothing is going on."""
    ledger = Ledger.read(files["ledger.json"])
    by_stack: dict[str, list[Resource]] = {}
    for line in ledger.resources:
        place, kind = line.split()
        stack, logical = place.split("/")
        made = Resource(logical, physical(stack, logical, kind), kind, "UPDATE_COMPLETE")
        by_stack.setdefault(stack, []).append(made)
    stacks = [
        Stack(
            id=stack_id("shop-dev" if name == "shop" else title(name)),
            name="shop-dev" if name == "shop" else f"shop-dev-{title(name)}-1ABC",
            path="" if name == "shop" else title(name),
            status="UPDATE_COMPLETE",
            resources=tuple(resources),
            parameters={"TestCidr": "203.0.113.0/24", **parameters} if name == "shop" else {},
        )
        for name, resources in by_stack.items()
    ]
    names = [name for name in NAMES if f"service-{name}" in by_stack]
    return State(
        stacks=tuple(sorted(stacks, key=lambda each: each.path)),
        account="123456789012",
        region="eu-west-1",
        listeners=(Listener(PRODUCTION, BALANCER, 80), Listener(TEST, BALANCER, 8080)),
        rules=tuple(
            Rule(
                each.physical_id,
                TEST if each.logical_id.startswith("Test") else PRODUCTION,
                100 + number,
                weights=weights(name, 100, 0),
            )
            for name in names
            for number, each in enumerate(by_stack[f"service-{name}"])
            if each.type.endswith("ListenerRule")
        ),
        target_groups=tuple(
            TargetGroup(group(name, colour), f"{name}-{colour}", (BALANCER,))
            for name in names
            for colour in ("Blue", "Green")
        ),
        services=tuple(
            EcsService(
                physical(f"service-{name}", "Service", "AWS::ECS::Service"),
                f"service-{name}",
                "shop",
                name,
                2,
                (TaskSet("ecs-svc/1", "PRIMARY", group(name, "Blue"), 2),),
            )
            for name in names
        ),
        deployment_groups=tuple(
            DeploymentGroup(
                f"service-{name}-DeploymentGroup",
                "shop",
                "shop",
                f"service-{name}",
                (f"{name}-Blue", f"{name}-Green"),
                (PRODUCTION,),
                (TEST,),
                (f"{name}-ErrorsAlarm", f"{name}-LatencyAlarm"),
            )
            for name in names
        ),
        alarms=tuple(Alarm(f"{name}-{kind}Alarm", "OK") for name in names for kind in ("Errors", "Latency")),
    )


def shows(state: State, service: str, blue: int, green: int, *, listener: str = "", rules: int = 99) -> State:
    """Write weights into the service's first rules, of one listener or of both."""
    changed: list[Rule] = []
    for each in state.rules:
        is_its = group(service, "Blue") in each.weights and listener in ("", each.listener) and rules > 0
        rules -= is_its
        changed.append(replace(each, weights=weights(service, blue, green)) if is_its else each)
    return replace(state, rules=tuple(changed))


def runs(state: State, service: str, *task_sets: TaskSet, desired: int = 2) -> State:
    """Give the service these task sets."""
    return replace(
        state,
        services=tuple(
            replace(each, task_sets=task_sets, desired=desired) if each.container == service else each
            for each in state.services
        ),
    )


def green(state: State, service: str) -> State:
    """Release the service once more: green serves."""
    moved = shows(state, service, 0, 100)
    return runs(moved, service, TaskSet("ecs-svc/2", "PRIMARY", group(service, "Green"), 2))


def in_flight(state: State, service: str, status: str = "InProgress", *, is_terminating: bool = False) -> State:
    made = Deployment("d-ABC123", "shop", f"service-{service}-DeploymentGroup", status, is_terminating)
    return replace(state, deployments=(made,))


def with_root(state: State, **changes: Any) -> State:
    return replace(state, stacks=tuple(each if each.path else replace(each, **changes) for each in state.stacks))


def with_resource(state: State, path: str, resource: Resource) -> State:
    stacks = (replace(each, resources=(*each.resources, resource)) if each.path == path else each for each in state.stacks)  # fmt: skip
    return replace(state, stacks=tuple(stacks))


def change_set(*changes: Change, **told: Any) -> ChangeSet:
    """The root's change set, whose changes are inside the stack of the first service."""
    inside = ChangeSet("arn:nested", "look", "shop-dev-ServiceWeb-1ABC", "CREATE_COMPLETE", changes=changes)
    nested = Change("Modify", "ServiceWeb", "AWS::CloudFormation::Stack", change_set=inside)
    return replace(ChangeSet("arn:root", "look", "shop-dev", "CREATE_COMPLETE", changes=(nested,)), **told)


def asked(state: State, tmp_path: Path | None = None, files: Mapping[str, str] = FILES) -> Answer:
    if tmp_path is None:
        return preflight(state)
    write({tmp_path / "dev": dict(files)})
    return preflight(state, read_folder(tmp_path / "dev"))


def ids(answer: Answer) -> list[str]:
    return [each.id for each in answer.findings]


def the(answer: Answer, name: str) -> Finding:
    (found,) = [each for each in answer.findings if each.id == name]
    return found


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


def moved(*services: Service) -> dict[str, str]:
    """The files after the paths of services changed."""
    return stage_files(replace(SHOP, services=services), Ledger.read(FILES["ledger.json"]))


def parameter_of(files: Mapping[str, str], service: str) -> str:
    ledger = Ledger.read(files["ledger.json"])
    (name,) = {each.colour for each in ledger.rules[service] if each.colour != "blue" and not each.retired}
    return name


DENIED = Unread("deployments", "codedeploy:ListDeployments", "AccessDenied")
MOVED = moved(WEB, replace(ADMIN, paths=("/admin", "/admin/*", "/office")))


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


# Findings, each with what it looks like and what it does not take offence at


def wrong_rule(state: State) -> State:
    """One production rule of two was written back by hand."""
    state = replace(state, rules=(*state.rules, Rule("arn:extra", PRODUCTION, 7, weights=weights("web", 100, 0))))
    return green(state, "web")


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


def test_p6_other_states_and_other_alarms_do_not_matter() -> None:
    quiet = tuple(replace(each, state="INSUFFICIENT_DATA") for each in deployed().alarms)
    assert asked(replace(deployed(), alarms=(*quiet, Alarm("another", "ALARM")))).findings == ()


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


RULE = Change("Modify", "ProductionRule1", "AWS::ElasticLoadBalancingV2::ListenerRule")
SERVICE = Change("Modify", "Service", "AWS::ECS::Service")
BOOTSTRAP = Change("Modify", "BootstrapTaskDefinition", "AWS::ECS::TaskDefinition", replacement="True")
TARGETS = Change("Modify", "BlueTargetGroup", "AWS::ElasticLoadBalancingV2::TargetGroup")


@pytest.mark.parametrize(
    ("change", "level", "seen"),
    [
        (replace(RULE, attributes=("Properties.Actions",)), "error", "would modify this AWS::ElasticLoadBalancingV2::ListenerRule, by Properties.Actions"),
        (replace(RULE, replacement="True"), "error", "would replace"),
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
        replace(RULE, action="Remove"),
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


def test_p9_drift_is_reverted() -> None:
    state = replace(deployed(), change_set=change_set(deployment_mode="REVERT_DRIFT"))
    assert [(each.id, each.level) for each in asked(state).findings] == [("P9", "error")]
    assert asked(replace(deployed(), change_set=change_set())).findings == ()


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
    assert not answer.is_clear
    assert {row.deployment for row in answer.services} == {"not seen"}


def test_p12_what_is_gone() -> None:
    state = deployed()
    gone = replace(state, rules=tuple(each for each in state.rules if each.listener != TEST))
    assert {(each.id, each.level) for each in asked(gone).findings} == {("P12", "error")}
    unread = Unread("rules", "elasticloadbalancing:DescribeRules", "denied")
    assert [each.place for each in asked(replace(gone, unread=(unread,))).findings] == ["rules"]


# Every command that is told


def test_every_finding_is_told_on_the_page() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| P")]
    assert rows == list(MEANINGS)


def test_every_permission_is_told_on_the_page() -> None:
    assert [each for each in PERMISSIONS if f'"{each}"' not in PAGE] == []


OPTIONS = textwrap.dedent("""
    import json, sys
    from awscli.clidriver import create_clidriver
    driver, known = create_clidriver(), {}
    for service, operation, waiter in json.loads(sys.argv[1]):
        command = driver._get_command_table()[service]
        table = command._get_command_table() if hasattr(command, "_get_command_table") else command.subcommand_table
        found = table[operation].subcommand_table[waiter] if operation == "wait" else table[operation]
        known[f"{service} {operation} {waiter}"] = list(found.arg_table)
    print(json.dumps(known))
""")


def test_every_command_is_one_that_the_aws_command_line_takes(tmp_path: Path) -> None:
    ringing = tuple(replace(each, state="ALARM") for each in deployed().alarms)
    changes = change_set(replace(RULE, replacement="True"), tags={"a": "b"}, deployment_mode="REVERT_DRIFT")
    blind = change_set(changes=(Change("Modify", "ServiceWeb", "AWS::CloudFormation::Stack"),))
    states = [
        shows(green(deployed(), "web"), "web", 100, 0),
        runs(deployed(), "web"),
        in_flight(deployed(), "web", "Ready"),
        replace(deployed(), alarms=ringing, rules=()),
        replace(deployed(), change_set=changes),
        replace(deployed(), change_set=blind),
        with_root(deployed(), tags={"a": "b"}),
        *(
            with_root(deployed(), status=status)
            for status in ("ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_IN_PROGRESS", "DELETE_FAILED")
        ),
    ]  # fmt: skip
    lines = {line for state in states for each in asked(state, tmp_path).findings for line in each.mend}
    calls = [words[1:] for line in sorted(lines) if (words := shlex.split(line.partition(" > ")[0]))[0] == "aws"]
    assert len({tuple(words[:2]) for words in calls}) >= 15
    named = [(words[0], words[1], words[2] if words[1] == "wait" else "") for words in calls]
    asked_for = json.dumps(sorted(set(named)))
    done = subprocess.run([sys.executable, "-c", OPTIONS, asked_for], capture_output=True, text=True, check=True)
    known = json.loads(done.stdout)
    for words, name in zip(calls, named, strict=True):
        options = {each.removeprefix("--") for each in words if each.startswith("--")}
        assert options <= {*known[" ".join(name)], "query", "output"}, words
        if "--query" in words:
            jmespath.compile(words[words.index("--query") + 1])


# The JSON form


def full() -> State:
    """A state with something of everything."""
    state = in_flight(with_root(green(deployed(), "web"), tags={"Team": "a"}), "web", "Ready")
    denied = Unread("alarms", "cloudwatch:DescribeAlarms", "denied")
    changes = change_set(replace(RULE, perhaps=("Properties.ListenerArn",)), tags={"Team": "a"})
    return replace(state, change_set=changes, unread=(denied,))


def test_a_state_is_read_as_it_was_written() -> None:
    for state in (full(), deployed()):
        assert saved.parse(saved.text(state), "state.json") == state
        assert preflight(saved.parse(saved.text(state), "state.json")) == preflight(state)


def changed(*path: str | int, to: Any = ...) -> str:
    """The text of a state with something else, or nothing, in one place."""
    data = json.loads(saved.text(full()))
    *way, last = path
    inside = data
    for step in way:
        inside = inside[step]
    if to is ...:
        del inside[last]
    else:
        inside[last] = to
    return json.dumps(data)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "state.json: state: it is no JSON"),
        ("[]", "state.json: state: []; an object"),
        (changed("format", to=2), "state.json: format: 2; this cfngen reads format 1"),
        (changed("format", to=True), "state.json: format: true;"),
        (changed("format"), "state.json: format: null;"),
        (changed("stacks"), "state.json: stacks: it is missing"),
        (changed("stacks", to=[]), "state.json: stacks: exactly one root"),
        (changed("rules", 1, "priority", to="7"), 'state.json: rules[1].priority: "7"; a whole number'),
        (changed("rules", 1, "priority", to=True), "state.json: rules[1].priority: true; a whole number"),
        (changed("rules", 0, "weights", to={"arn:x": "all"}), "state.json: rules[0].weights['arn:x']: \"all\";"),
        (changed("rules", 0, "weight", to=1), "state.json: rules[0].weight: 1; no such key; did you mean 'weights'?"),
        (changed("services", 0, "task_sets", 0, "id"), "state.json: services[0].task_sets[0].id: it is missing"),
        (changed("services", 0, "task_sets", to={}), "state.json: services[0].task_sets: {}; a list"),
        (changed("deployment_groups", 0, "alarms_enabled", to=0), "alarms_enabled: 0; true or false"),
        (changed("change_set", "changes", 0, "change_set", "id", to=1), "change_set.changes[0].change_set.id: 1; a text"),
        (changed("alarms", 0, to="ALARM"), 'alarms[0]: "ALARM"; an object'),
        (changed("region", to=None), "state.json: region: a text"),
    ],
)  # fmt: skip
def test_what_is_no_state_is_refused_with_its_place(text: str, told: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        saved.parse(text, "state.json")
    assert told in str(refused.value)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    data = json.loads(changed("rules", 0, "arn", to=1)) | {"alarm": [], "account": 7}
    with pytest.raises(DescriptionError) as refused:
        saved.parse(json.dumps(data), "state.json")
    assert [each.option for each in refused.value.problems] == ["alarm", "account", "rules[0].arn"]


# The command


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stage's folder and a quiet state beside it, in the current folder; no account anywhere."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    write({tmp_path / "dev": dict(FILES)})
    store(tmp_path, deployed())
    return tmp_path


def store(folder: Path, state: State) -> None:
    (folder / "state.json").write_text(saved.text(state), encoding="utf-8")


def test_a_quiet_stage_ends_with_zero(shop: Path, cfngen: Run) -> None:
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert done == Result(
        0,
        textwrap.dedent("""\
            shop-dev: UPDATE_COMPLETE (account 123456789012, eu-west-1)

            service      live  production        test              tasks           deployment
            order-admin  blue  blue 100 green 0  blue 100 green 0  blue 2 green 0  none
            web          blue  blue 100 green 0  blue 100 green 0  blue 2 green 0  none
            """),
        "shop-dev; errors: 0, warnings: 0, notes: 0\n",
    )


def test_findings_are_told_with_their_mends_and_end_with_one(shop: Path, cfngen: Run) -> None:
    store(shop, in_flight(green(deployed(), "order-admin"), "web", "Ready"))
    write({shop / "dev": MOVED})
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert done.status == 1
    assert done.err == "shop-dev; errors: 1, warnings: 0, notes: 0\n"
    name = parameter_of(MOVED, "order-admin")
    assert done.out.partition("\n\nthe next")[2] == textwrap.dedent(f"""\
         deploy must be given
          --parameter-overrides {name}=green

        ServiceWeb: error P5 {MEANINGS["P5"]}
          seen: deployment d-ABC123 is Ready: it waits for somebody to continue it
          mend: aws deploy get-deployment --deployment-id d-ABC123 --query 'deploymentInfo.[status,deploymentOverview,errorInformation.message]'
                aws deploy continue-deployment --deployment-id d-ABC123 --deployment-wait-type READY_WAIT
                aws deploy stop-deployment --deployment-id d-ABC123 --auto-rollback-enabled
        """)


def test_the_answer_for_programs(shop: Path, cfngen: Run) -> None:
    store(shop, in_flight(deployed(), "web"))
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json", "--format", "json")
    assert done.status == 1
    data = json.loads(done.out)
    assert data.keys() == {"stack", "status", "account", "region", "services", "asked", "others", "overrides", "findings"}  # fmt: skip
    (finding,) = data["findings"]
    assert finding.keys() == {"id", "level", "sentence", "place", "seen", "mend"}
    assert data["services"][0]["live"] == "blue"


def test_the_folder_is_optional(shop: Path, cfngen: Run) -> None:
    store(shop, deployed(MOVED, Old="x"))
    assert cfngen("preflight", "--stack", "shop-dev", "--state", "state.json").status == 0
    assert cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json").status == 1


def test_what_was_seen_is_saved(shop: Path, cfngen: Run) -> None:
    done = cfngen("preflight", "--stack", "shop-dev", "--state", "state.json", "--save", "build/seen.json")
    assert done.status == 0
    assert (shop / "build/seen.json").read_bytes() == (shop / "state.json").read_bytes()
    (shop / "file").write_text("")
    done = cfngen("preflight", "--stack", "shop-dev", "--state", "state.json", "--save", "file/seen.json")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: file/seen.json: cannot be written")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--stack", "other", "--state", "state.json"), "--stack: 'other'; the state in state.json is that of 'shop-dev'"),
        (("--stack", "shop-dev", "--state", "state.json", "--change-set", "x"), "--change-set: 'x'; the state in state.json holds no change set"),
        (("--stack", "shop-dev", "--state", "none.json"), "none.json: cannot be read: No such file"),
        (("dev/web", "--stack", "shop-dev", "--state", "state.json"), "ledger.json: cannot be read: No such file"),
        (("--stack", "shop-dev", "--state", "dev/ledger.json"), "dev/ledger.json: "),
        (("--stack", "shop-dev"), "there are no AWS credentials; give them by AWS_PROFILE"),
        ((), "Missing option '--stack'"),
    ],
)  # fmt: skip
def test_wrong_input_ends_with_two(shop: Path, cfngen: Run, arguments: tuple[str, ...], told: str) -> None:
    done = cfngen("preflight", *arguments)
    assert (done.status, done.out) == (2, "")
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_root_template_that_is_none(shop: Path, cfngen: Run) -> None:
    (shop / "dev/shop.yaml").write_text("a: [", encoding="utf-8")
    done = cfngen("preflight", "dev", "--stack", "shop-dev", "--state", "state.json")
    assert (done.status, done.out) == (2, "")
    assert "dev/shop.yaml:2: template:" in done.err


def test_without_a_region(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "there is no AWS region; give one by AWS_DEFAULT_REGION" in done.err


def test_an_account_that_does_not_answer(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        for name, value in account(f"http://127.0.0.1:{taken.getsockname()[1]}").items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setattr("time.sleep", lambda _: None)
        done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "AWS cannot be asked: Could not connect" in done.err


def test_without_boto3_the_way_to_it_is_told(shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cfngen.operate.read", raising=False)
    monkeypatch.setitem(sys.modules, "boto3", None)
    done = cfngen("preflight", "--stack", "shop-dev")
    assert (done.status, done.out) == (2, "")
    assert "preflight needs boto3" in done.err
    assert "pip install 'cfngen[deploy]'" in done.err
    assert cfngen("preflight", "--stack", "shop-dev", "--state", "state.json").status == 0


# An account: moto's services on this machine


def account(url: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": url,
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    made = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    made.start()
    yield f"http://127.0.0.1:{made.get_host_and_port()[1]}"
    made.stop()


Client = Callable[[str], Any]


class Stubbed:
    """A client with some operations answered by the test, which moto does not have or has otherwise."""

    def __init__(self, real: Any, answers: Mapping[str, Any]) -> None:
        self._real = real
        self._answers = answers

    def __getattr__(self, name: str) -> Any:
        return self._answers.get(name) or getattr(self._real, name)

    def get_paginator(self, name: str) -> Any:
        if name in self._answers:
            return Pages(self._answers[name])
        return self._real.get_paginator(name)


class Pages:
    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer

    def paginate(self, **given: Any) -> list[Any]:
        return [self._answer(**given)]


ONE_TASK = {"family": "web", "containerDefinitions": [{"name": "web", "image": "x", "memory": 128}]}
EMPTY = json.dumps({"Parameters": {"TestCidr": {"Type": "String"}}, "Resources": {"T": {"Type": "AWS::SNS::Topic"}}})


@pytest.fixture
def live_account(shop: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name, value in account(server).items():
        monkeypatch.setenv(name, value)
    made: list[Any] = []

    def client(service: str) -> Any:
        made.append(boto3.client(service))
        return made[-1]

    yield client
    for each in made:
        each.close()


def made_by_hand(client: Client) -> dict[str, Any]:
    """A balancer, two listeners, rules with green live, a service with a task set, alarms, a deployment group."""
    ec2, elb, ecs = client("ec2"), client("elbv2"), client("ecs")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone=f"eu-west-1{zone}")["Subnet"]["SubnetId"]
        for n, zone in enumerate("ab")
    ]  # fmt: skip
    balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    production, test = (
        elb.create_listener(LoadBalancerArn=balancer, Protocol="HTTP", Port=port, DefaultActions=nothing)["Listeners"][0]["ListenerArn"]
        for port in (80, 8080)
    )  # fmt: skip
    blue, green = (
        elb.create_target_group(Name=f"web-{colour}", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
        for colour in ("blue", "green")
    )  # fmt: skip
    pair = [{"TargetGroupArn": blue, "Weight": 0}, {"TargetGroupArn": green, "Weight": 100}]
    rules = [
        elb.create_rule(
            ListenerArn=listener,
            Priority=7,
            Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
            Actions=[{"Type": "forward", "ForwardConfig": {"TargetGroups": pair}}],
        )["Rules"][0]["RuleArn"]
        for listener in (production, test)
    ]
    ecs.create_cluster(clusterName="shop")
    ecs.register_task_definition(**ONE_TASK)
    balanced = [{"targetGroupArn": green, "containerName": "web", "containerPort": 80}]
    service = ecs.create_service(
        cluster="shop",
        serviceName="web",
        taskDefinition="web",
        desiredCount=1,
        deploymentController={"type": "EXTERNAL"},
        loadBalancers=balanced,
    )["service"]["serviceArn"]
    ecs.create_task_set(cluster="shop", service="web", taskDefinition="web", loadBalancers=balanced)
    for name in ("ErrorsAlarm", "LatencyAlarm"):
        client("cloudwatch").put_metric_alarm(
            AlarmName=name, Namespace="x", MetricName="x", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    client("cloudwatch").set_alarm_state(AlarmName="ErrorsAlarm", StateValue="ALARM", StateReason="x")
    deploy = client("codedeploy")
    deploy.create_application(applicationName="shop", computePlatform="ECS")
    route = {"prodTrafficRoute": {"listenerArns": [production]}, "testTrafficRoute": {"listenerArns": [test]}}
    names = {"targetGroups": [{"name": "web-blue"}, {"name": "web-green"}]}
    deploy.create_deployment_group(
        applicationName="shop",
        deploymentGroupName="web",
        serviceRoleArn="arn:aws:iam::123456789012:role/x",
        ecsServices=[{"clusterName": "shop", "serviceName": "web"}],
        loadBalancerInfo={"targetGroupPairInfoList": [route | names]},
    )
    client("cloudformation").create_stack(
        StackName="shop-dev",
        TemplateBody=EMPTY,
        Parameters=[{"ParameterKey": "TestCidr", "ParameterValue": "203.0.113.0/24"}],
        Tags=[{"Key": "Team", "Value": "a"}],
    )
    resources = {
        "LoadBalancer": (balancer, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
        "BlueTargetGroup": (blue, "AWS::ElasticLoadBalancingV2::TargetGroup"),
        "GreenTargetGroup": (green, "AWS::ElasticLoadBalancingV2::TargetGroup"),
        "ProductionRule1": (rules[0], "AWS::ElasticLoadBalancingV2::ListenerRule"),
        "TestRule1": (rules[1], "AWS::ElasticLoadBalancingV2::ListenerRule"),
        "Cluster": ("shop", "AWS::ECS::Cluster"),
        "Service": (service, "AWS::ECS::Service"),
        "DeployApplication": ("shop", "AWS::CodeDeploy::Application"),
        "DeploymentGroup": ("web", "AWS::CodeDeploy::DeploymentGroup"),
    }
    return {"production": production, "test": test, "blue": blue, "green": green, "balancer": balancer, "resources": resources}  # fmt: skip


def stubs(client: Client, resources: Mapping[str, tuple[str, str]], denied: str = "") -> Client:
    """moto makes no CodeDeploy resources in stacks, keeps no alarms of a deployment group and no primary task set."""

    def listed(**_: Any) -> Any:
        rows = [
            {"LogicalResourceId": name, "PhysicalResourceId": made, "ResourceType": kind, "ResourceStatus": "CREATE_COMPLETE"}
            for name, (made, kind) in resources.items()
        ]  # fmt: skip
        return {"StackResourceSummaries": [*rows, rows[0] | {"ResourceStatus": "DELETE_COMPLETE"}]}

    def group(**given: Any) -> Any:
        told = client("codedeploy").get_deployment_group(**given)
        alarms = [{"name": "ErrorsAlarm"}, {"name": "LatencyAlarm"}]
        told["deploymentGroupInfo"]["alarmConfiguration"] = {"enabled": True, "alarms": alarms}
        return told

    def services(**given: Any) -> Any:
        told = client("ecs").describe_services(**given)
        for service in told["services"]:
            service["taskSets"] = [each | {"status": "PRIMARY", "runningCount": 1} for each in service["taskSets"]]
        return told

    def refused(**_: Any) -> Any:
        raise client("codedeploy").exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "ListDeployments")  # fmt: skip

    answers: dict[str, dict[str, Any]] = {
        "cloudformation": {"list_stack_resources": listed},
        "codedeploy": {"get_deployment_group": group, **({denied: refused} if denied else {})},
        "ecs": {"describe_services": services},
    }
    return lambda service: Stubbed(client(service), answers.get(service, {}))


def test_an_account_is_read(live_account: Client, shop: Path, cfngen: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    made = made_by_hand(live_account)
    client = stubs(live_account, made["resources"])
    state = read("shop-dev", client=client)

    assert state.unread == ()
    assert (state.root.name, state.root.status, state.account, state.region) == ("shop-dev", "CREATE_COMPLETE", "123456789012", "eu-west-1")  # fmt: skip
    assert (state.root.tags, state.root.parameters) == ({"Team": "a"}, {"TestCidr": "203.0.113.0/24"})
    assert len(state.root.resources) == len(made["resources"])
    assert {each.arn: each.port for each in state.listeners} == {made["production"]: 80, made["test"]: 8080}
    assert [(each.listener, each.priority, each.kind, each.weights) for each in state.rules] == [
        (each.arn, 7, "forward", {made["blue"]: 0, made["green"]: 100}) for each in state.listeners
    ]
    assert {each.arn: each.balancers for each in state.target_groups} == {made["blue"]: (made["balancer"],), made["green"]: (made["balancer"],)}  # fmt: skip
    (service,) = state.services
    assert (service.name, service.cluster, service.container, service.desired) == ("web", "shop", "web", 1)
    assert [(each.status, each.target_group, each.running) for each in service.task_sets] == [("PRIMARY", made["green"], 1)]  # fmt: skip
    (deployment_group,) = state.deployment_groups
    assert deployment_group == DeploymentGroup(
        "web", "shop", "shop", "web", ("web-blue", "web-green"), (made["production"],), (made["test"],),
        ("ErrorsAlarm", "LatencyAlarm"),
    )  # fmt: skip
    assert {each.name: each.state for each in state.alarms}["ErrorsAlarm"] == "ALARM"
    assert state.deployments == ()
    answer = preflight(state)
    assert [(row.service, row.live, row.tasks) for row in answer.services] == [("web", "green", "blue 0 green 1")]
    assert [(each.id, each.level) for each in answer.findings] == [("P6", "error"), ("P8", "warning")]

    # A deployment that waits.
    revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}
    deploy = live_account("codedeploy")
    name = deploy.create_deployment(applicationName="shop", deploymentGroupName="web", revision=revision)[
        "deploymentId"
    ]
    assert [(each.id, each.deployment_group) for each in read("shop-dev", client=client).deployments] == [(name, "web")]

    # Nobody may ask CodeDeploy: the rest is told, and that something is missing.
    partial = read("shop-dev", client=stubs(live_account, made["resources"], denied="list_deployments"))
    assert [(each.what, each.permission) for each in partial.unread] == [("deployments", "codedeploy:ListDeployments")]
    assert [each.id for each in preflight(partial).findings] == ["P6", "P8", "P12"]

    # The command, with boto3's own clients: moto's stack has none of this, so there is no service.
    done = cfngen("preflight", "--stack", "shop-dev", "--save", "seen.json")
    assert (done.status, saved.load(shop / "seen.json").root.name) == (1, "shop-dev")
    assert "error: " not in done.err

    # A change set, and one that is not there.
    live_account("cloudformation").create_change_set(
        StackName="shop-dev", ChangeSetName="look", TemplateBody=EMPTY.replace("SNS::Topic", "SQS::Queue"),
        Parameters=[{"ParameterKey": "TestCidr", "ParameterValue": "x"}],
    )  # fmt: skip
    seen = read("shop-dev", "look", client).change_set
    assert seen is not None
    assert (seen.name, seen.status) == ("look", "CREATE_COMPLETE")
    with pytest.raises(CfngenError, match=r"--change-set other: .* aws cloudformation list-change-sets"):
        read("shop-dev", "other", client)
    with pytest.raises(CfngenError, match="--stack is the name"):
        read("another", client=client)


def test_a_change_set_is_read_with_its_nested_ones() -> None:
    def described(**given: Any) -> Any:
        name = given["ChangeSetName"]
        rule = {
            "Action": "Modify", "LogicalResourceId": "ProductionRule1", "ResourceType": "AWS::ElasticLoadBalancingV2::ListenerRule",
            "PhysicalResourceId": "arn:rule", "Replacement": "Conditional",
            "Details": [
                {"Target": {"Attribute": "Properties", "Name": "ListenerArn"}, "Evaluation": "Dynamic"},
                {"Target": {"Attribute": "Tags"}, "Evaluation": "Static"},
            ],
        }  # fmt: skip
        nested = {"Action": "Modify", "LogicalResourceId": "ServiceWeb", "ResourceType": "AWS::CloudFormation::Stack", "ChangeSetId": "arn:nested"}  # fmt: skip
        return {
            "ChangeSetId": "arn:root" if name == "look" else name,
            "ChangeSetName": name, "StackName": "shop-dev", "Status": "CREATE_COMPLETE",
            "DeploymentMode": "REVERT_DRIFT", "Tags": [{"Key": "aws:x", "Value": "y"}],
            "Changes": [{"ResourceChange": nested if name == "look" else rule}],
        }  # fmt: skip

    stack = {"StackId": stack_id("shop-dev"), "StackName": "shop-dev", "StackStatus": "UPDATE_COMPLETE"}
    answers = {
        "describe_stacks": lambda **_: {"Stacks": [stack]},
        "list_stack_resources": lambda **_: {"StackResourceSummaries": []},
        "describe_change_set": described,
    }
    seen = read("shop-dev", "look", lambda _: Stubbed(None, answers)).change_set
    assert seen is not None
    assert (seen.id, seen.deployment_mode, seen.tags) == ("arn:root", "REVERT_DRIFT", {})
    assert seen.changes[0].change_set is not None
    assert seen.changes[0].change_set.changes == (
        Change(
            "Modify", "ProductionRule1", "AWS::ElasticLoadBalancingV2::ListenerRule", "arn:rule", "Conditional",
            ("Tags",), ("Properties.ListenerArn",),
        ),
    )  # fmt: skip


def test_the_tree_of_stacks_is_walked() -> None:
    """Nested stacks by their paths; a deployment group in whichever application; a rule that forwards to one group."""

    class DeploymentGroupDoesNotExistException(Exception):  # noqa: N818  (its name in boto3)
        pass

    below = {"shop-dev": ["Service"], stack_id("Service"): ["Deeper"], stack_id("Deeper"): []}

    def listed(**given: Any) -> Any:
        nested = [(name, stack_id(name), "AWS::CloudFormation::Stack") for name in below[given["StackName"]]]
        own = [
            ("Other", "other", "AWS::CodeDeploy::Application"),
            ("Application", "shop", "AWS::CodeDeploy::Application"),
            ("DeploymentGroup", "web", "AWS::CodeDeploy::DeploymentGroup"),
            ("Composed", "shop|api", "AWS::CodeDeploy::DeploymentGroup"),
            ("Gone", "gone", "AWS::CodeDeploy::DeploymentGroup"),
            ("Balancer", BALANCER, "AWS::ElasticLoadBalancingV2::LoadBalancer"),
            ("Service", "arn:aws:ecs:eu-west-1:123456789012:service/old", "AWS::ECS::Service"),
            ("Unmade", "", "AWS::ECS::Service"),
        ]  # fmt: skip
        rows = nested or own
        return {"StackResourceSummaries": [dict(zip(("LogicalResourceId", "PhysicalResourceId", "ResourceType"), row, strict=True)) for row in rows]}  # fmt: skip

    def described(**given: Any) -> Any:
        status = {"StackStatus": "UPDATE_COMPLETE", "Parameters": [{"ParameterKey": "A", "ParameterValue": "b"}]}
        return {"Stacks": [{"StackId": given["StackName"], "StackName": given["StackName"], **status}]}

    def found(**given: Any) -> Any:
        if given["applicationName"] == "other" or given["deploymentGroupName"] == "gone":
            raise DeploymentGroupDoesNotExistException
        return {"deploymentGroupInfo": given}

    def rules(**_: Any) -> Any:
        forward = [{"Type": "forward", "TargetGroupArn": "arn:only"}]
        first = {"RuleArn": "arn:rule", "Priority": "3", "Actions": forward}
        return {"Rules": [first, {"RuleArn": "arn:default", "Priority": "default", "IsDefault": True}]}

    def services(**given: Any) -> Any:
        told = {
            "serviceArn": given["services"][0],
            "serviceName": "old",
            "clusterArn": f"arn:cluster/{given['cluster']}",
        }
        behind = {"loadBalancers": [{"targetGroupArn": "arn:only", "containerName": "old"}]}
        gone = {**told, "serviceArn": "arn:gone", "status": "INACTIVE"}
        return {"services": [{**told, "taskSets": [{"id": "1", "status": "PRIMARY", **behind}]}, gone]}

    answers = {
        "describe_stacks": described, "list_stack_resources": listed, "get_deployment_group": found,
        "exceptions": type("", (), {"DeploymentGroupDoesNotExistException": DeploymentGroupDoesNotExistException}),
        "describe_listeners": lambda **_: {"Listeners": [{"ListenerArn": "arn:listener", "Port": 80}]},
        "describe_rules": rules, "describe_services": services, "list_deployments": lambda **_: {"deployments": []},
    }  # fmt: skip
    state = read("shop-dev", client=lambda _: Stubbed(None, answers))
    assert [(each.path, each.parameters) for each in state.stacks] == [("", {"A": "b"}), ("Service", {}), ("Service/Deeper", {})]  # fmt: skip
    assert [(each.application, each.name) for each in state.deployment_groups] == [("shop", "web"), ("shop", "api")]
    assert state.rules == (Rule("arn:rule", "arn:listener", 3, "forward", {"arn:only": 1}),)
    assert [(each.cluster, each.container) for each in state.services] == [("default", "old")]
    gone = [each.place for each in preflight(state).findings if each.id == "P12"]
    assert gone == ["Service/Deeper/Gone"]


def test_credentials_that_are_not_accepted() -> None:
    from botocore.exceptions import ClientError

    def expired(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ExpiredToken", "Message": "The token has expired"}}, "DescribeStacks")

    with pytest.raises(CfngenError, match=r"does not accept the credentials \(The token has expired\); give them by"):
        read("shop-dev", client=lambda _: Stubbed(None, {"describe_stacks": expired}))
