"""A deployed stage as data, quiet at first, and ways to disturb it: what the tests of `cfngen preflight` share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfngen import App, Balancer, Ledger, Service, stage_files, write
from cfngen.operate import saved
from cfngen.operate.finding import Finding
from cfngen.operate.folder import read_folder
from cfngen.operate.preflight import Answer, preflight
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

WEB = Service(name="web")
ADMIN = Service(name="order-admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
SHOP = App(name="shop", services=(WEB, ADMIN), balancer=Balancer(https=False))
FILES = stage_files(SHOP)
NAMES = {"web": "ServiceWeb", "order-admin": "ServiceOrderAdmin"}


def arn(kind: str, name: str) -> str:
    return f"arn:aws:elasticloadbalancing:eu-west-1:123456789012:{kind}/{name}"


def physical(stack: str, logical: str, kind: str) -> str:
    if kind == "AWS::ECS::Service":
        return f"arn:aws:ecs:eu-west-1:123456789012:service/shop/{stack}"
    if kind in ("AWS::ECS::Cluster", "AWS::CodeDeploy::Application"):
        return "shop"
    if kind == "AWS::CloudFormation::Stack":
        return stack_id(title(logical))
    return arn(kind.rpartition("::")[2], f"{stack}-{logical}") if "LoadBalancing" in kind else f"{stack}-{logical}"


def stack_id(name: str) -> str:
    return f"arn:aws:cloudformation:eu-west-1:123456789012:stack/{name}/1"


BALANCER = physical("cluster", "LoadBalancer", "AWS::ElasticLoadBalancingV2::LoadBalancer")
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


def change_set(*changes: Change, inside: str = "ServiceWeb", **told: Any) -> ChangeSet:
    """The root's change set, whose changes are inside one nested stack."""
    below = ChangeSet("arn:nested", "look", f"shop-dev-{inside}-1ABC", "CREATE_COMPLETE", {}, changes=changes)
    nested = Change("Modify", inside, "AWS::CloudFormation::Stack", change_set=below)
    return replace(ChangeSet("arn:root", "look", "shop-dev", "CREATE_COMPLETE", {}, changes=(nested,)), **told)


def rules_of(state: State, path: str, kind: str = "ProductionRule") -> list[str]:
    """The logical ids of a service's rules."""
    (stack,) = [each for each in state.stacks if each.path == path]
    return [each.logical_id for each in stack.of_type(RULE.type) if each.logical_id.startswith(kind)]


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


def moved(*services: Service) -> dict[str, str]:
    """The files after the paths of services changed."""
    return stage_files(replace(SHOP, services=services), Ledger.read(FILES["ledger.json"]))


def parameter_of(files: Mapping[str, str], service: str) -> str:
    ledger = Ledger.read(files["ledger.json"])
    (name,) = {each.colour for each in ledger.rules[service] if each.colour != "blue" and not each.retired}
    return name


DENIED = Unread("deployments", "codedeploy:ListDeployments", "AccessDenied")
MOVED = moved(WEB, replace(ADMIN, paths=("/admin", "/admin/*", "/office")))


def wrong_rule(state: State) -> State:
    """One production rule of two was written back by hand."""
    state = replace(state, rules=(*state.rules, Rule("arn:extra", PRODUCTION, 7, weights=weights("web", 100, 0))))
    return green(state, "web")


RULE = Change("Modify", "ProductionRule1", "AWS::ElasticLoadBalancingV2::ListenerRule")


def full() -> State:
    """A state with something of everything."""
    state = in_flight(with_root(green(deployed(), "web"), tags={"Team": "a"}), "web", "Ready")
    denied = Unread("alarms", "cloudwatch:DescribeAlarms", "denied")
    changes = change_set(replace(RULE, perhaps=("Properties.ListenerArn",)), tags={"Team": "a"})
    return replace(state, change_set=changes, unread=(denied,))


def settle(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make it the current folder, with the stage's files and a quiet state; no account anywhere."""
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(folder / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    write({folder / "dev": dict(FILES)})
    store(folder, deployed())
    return folder


def store(folder: Path, state: State) -> None:
    (folder / "state.json").write_text(saved.text(state), encoding="utf-8")


def account(url: str) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": url,
        "NO_PROXY": "127.0.0.1",
    }
