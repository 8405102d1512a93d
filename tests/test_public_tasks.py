"""Tasks with public addresses: what goes where, and which way a stage may go from there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from resolve import Rendering, differing, rendered

from cfngen import (
    App,
    CodeCommit,
    Database,
    DescriptionError,
    LedgerError,
    Network,
    Pipeline,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    Worker,
    stage_files,
)

PUBLIC = App(
    name="shop",
    services=(Service(name="shop", migrate=("node", "migrate.js")),),
    workers=(Worker(name="jobs"),),
    scheduled_tasks=(ScheduledTask(name="night", schedule="rate(1 day)"),),
    database=Database(writers=("shop",)),
    pipeline=Pipeline(source=CodeCommit()),
    network=Network(nat="public tasks", zones=3),
)
BEHIND_NAT = replace(PUBLIC, network=Network(nat="one", zones=3))
LATER = Service(name="later", paths=("/later/*",), health_path="/later/health")
ECS_SERVICES = ("service-shop.yaml/Service", "worker-jobs.yaml/Service")


def subnets(step: Rendering) -> dict[str, tuple[str, list[str]]]:
    """By place, whether what runs there has a public address, and in which subnets it is."""
    return {place: found for place, each in step.tree.resources.items() for found in _of(each)}


def _of(node: Any) -> list[tuple[str, list[str]]]:
    if isinstance(node, dict):
        if "AssignPublicIp" in node:
            return [(node["AssignPublicIp"], [each.parts[1] for each in node["Subnets"]])]
        return [found for part in node.values() for found in _of(part)]
    return [found for part in node for found in _of(part)] if isinstance(node, list) else []


def released(step: Rendering) -> tuple[str, str]:
    """What the AppSpec and the build of the service say of its next tasks."""
    spec = stage_files(step.app, None, "services/shop.py")["shop/appspec.yaml"]
    build = step.tree.resources["pipeline-shop.yaml/BuildProject"]["Properties"]["Environment"]["EnvironmentVariables"]
    [where] = [each["Value"] for each in build if each["Name"] == "STACK_SUBNETS"]
    return spec.rpartition("AssignPublicIp: ")[2].split()[0], repr(where)


def test_every_kind_of_task_has_a_public_address_in_a_public_subnet() -> None:
    step = rendered(PUBLIC)
    everywhere = [f"PublicSubnet{zone}" for zone in (1, 2, 3)]
    found = subnets(step)
    assert {place.partition(".")[0] for place in found} == {
        "service-shop", "worker-jobs", "scheduled-night", "pipeline-shop", "pipeline-jobs"
    }  # fmt: skip
    for place, (address, where) in found.items():
        assert (address, where) == ("ENABLED", everywhere[:2] if place in ECS_SERVICES else everywhere), place
    address, where = released(step)
    assert address == "ENABLED"
    assert all(name in where for name in everywhere)
    assert "Private" not in where


def test_there_is_no_nat_and_layers_come_by_the_endpoint() -> None:
    tree = rendered(PUBLIC).tree
    assert not {each["Type"] for each in tree.resources.values()} & {"AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert list(tree.of_type("AWS::EC2::Route")) == ["network.yaml/PublicRoute"]
    tables = [each.parts[1] for each in tree.resources["network.yaml/S3Endpoint"]["Properties"]["RouteTableIds"]]
    assert "PublicRouteTable" in tables


def test_only_the_balancer_comes_in() -> None:
    ways = rendered(PUBLIC).tree.of_type("AWS::EC2::SecurityGroupIngress")
    own = {
        place: each["Properties"]
        for place, each in ways.items()
        if place.startswith(("service-", "worker-", "scheduled-"))
    }
    of_tasks = {place: each for place, each in own.items() if "Database" not in place}
    assert list(of_tasks) == ["service-shop.yaml/BalancerIngress"]
    assert "SourceSecurityGroupId" in of_tasks["service-shop.yaml/BalancerIngress"]


def test_a_stage_may_go_behind_nat_release_by_release() -> None:
    before = rendered(PUBLIC)
    after = rendered(replace(BEHIND_NAT, services=(*PUBLIC.services, LATER)), before.ledger)
    for place in ECS_SERVICES:
        assert before.tree.resources[place] == after.tree.resources[place]
    assert {place for place, each in before.tree.resources.items() if each["Type"] == "AWS::EC2::Subnet"} <= set(
        after.tree.resources
    )
    found = subnets(after)
    assert found["service-later.yaml/Service"] == ("DISABLED", ["PrivateSubnet1", "PrivateSubnet2"])
    assert all(where[0] == "DISABLED" for place, where in found.items() if place not in ECS_SERVICES)
    address, where = released(after)
    assert address == "DISABLED"
    assert "Public" not in where
    births = json.loads(after.ledger)["births"]
    assert [(births[f"service {name}"]["subnet_tier"], births[f"service {name}"]["public_address"]) for name in ("shop", "later")] == [
        ("public", True), ("private", False)
    ]  # fmt: skip


def test_a_zone_more_moves_no_birth() -> None:
    before = rendered(replace(PUBLIC, network=replace(PUBLIC.network, zones=2)))
    after = rendered(PUBLIC, before.ledger)
    assert not differing(before.tree, after.tree) & set(ECS_SERVICES)


def test_nobody_leaves_nat_for_public_addresses() -> None:
    before = rendered(BEHIND_NAT)
    with pytest.raises(
        LedgerError, match=r"jobs, night, shop were born in private subnets.*make a new stage"
    ) as refused:
        rendered(PUBLIC, before.ledger)
    assert [problem.option for problem in refused.value.problems] == ["App('shop').network.nat"]


def test_who_came_to_nat_does_not_go_back() -> None:
    behind = rendered(BEHIND_NAT, rendered(PUBLIC).ledger)
    with pytest.raises(LedgerError, match=r"tasks went to private subnets.*make a new stage"):
        rendered(PUBLIC, behind.ledger)


def test_what_needs_nat_is_refused() -> None:
    tested = Release(smoke_test=SmokeTest(path="/", host="shop.example.com"))
    with pytest.raises(DescriptionError) as refused:
        replace(PUBLIC, cloud9=True, services=(replace(PUBLIC.services[0], release=tested),))
    assert [problem.option.partition(".")[2] for problem in refused.value.problems] == [
        "services[0].release.smoke_test", "cloud9"
    ]  # fmt: skip
