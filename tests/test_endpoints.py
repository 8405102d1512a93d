"""A stage without NAT: interface endpoints instead, and a bootstrap image of the account's own registry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from resolve import Rendering, rendered

from cfngen import (
    App,
    Container,
    Database,
    DescriptionError,
    Network,
    Queue,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    SsmParameter,
    Worker,
)

IMAGE = "tools/bootstrap:node-22"
OPEN = App(name="shop", services=(Service(name="shop"),))
CLOSED = replace(OPEN, network=Network(nat="none", bootstrap_image=IMAGE, zones=3))
ALWAYS = {"ecr.api", "ecr.dkr", "logs"}


def endpoints(step: Rendering) -> dict[str, dict[str, Any]]:
    """The interface endpoints by service."""
    found = [each["Properties"] for each in step.tree.of_type("AWS::EC2::VPCEndpoint").values()]
    return {
        repr(each["ServiceName"]).partition("com.amazonaws.")[2].partition(".")[2].strip("'>)]"): each
        for each in found
        if each["VpcEndpointType"] == "Interface"
    }


def test_every_private_subnet_has_the_endpoints_and_no_way_out() -> None:
    step = rendered(CLOSED)
    made = endpoints(step)
    assert len(made) == len(ALWAYS)
    for each in made.values():
        assert each["PrivateDnsEnabled"] is True
        assert [subnet.parts[1] for subnet in each["SubnetIds"]] == [f"PrivateSubnet{zone}" for zone in (1, 2, 3)]
        assert [group.parts[1] for group in each["SecurityGroupIds"]] == ["EndpointSecurityGroup"]
    kinds = {each["Type"] for each in step.tree.resources.values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::EIP"}
    assert list(step.tree.of_type("AWS::EC2::Route")) == ["network.yaml/PublicRoute"]
    [group] = [each for place, each in step.tree.resources.items() if place == "network.yaml/EndpointSecurityGroup"]
    [way_in] = group["Properties"]["SecurityGroupIngress"]
    assert (way_in["FromPort"], way_in["ToPort"], way_in["CidrIp"]) == (443, 443, "10.0.0.0/16")


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({}, set()),
        ({"database": Database(writers=("shop",))}, {"secretsmanager"}),
        ({"services": (Service(name="shop", secrets={"A": SsmParameter(name="/a")}),)}, {"ssm"}),
        ({"workers": (Worker(name="jobs", queue=Queue()),)}, {"sqs"}),
        ({"network": Network(nat="none", bootstrap_image=IMAGE, endpoints=("sts", "logs"))}, {"sts"}),
    ],
)
def test_there_is_an_endpoint_for_what_tasks_need(changes: dict[str, Any], more: set[str]) -> None:
    names = {
        place.partition("/")[2] for place in rendered(replace(CLOSED, **changes)).tree.of_type("AWS::EC2::VPCEndpoint")
    }
    wanted = {"".join(part.capitalize() for part in name.split(".")) for name in ALWAYS | more}
    assert names == {f"{each}Endpoint" for each in wanted} | {"S3Endpoint"}


def test_endpoints_may_stand_beside_nat() -> None:
    step = rendered(replace(OPEN, network=Network(endpoints=("sts",))))
    assert set(step.tree.of_type("AWS::EC2::VPCEndpoint")) == {"network.yaml/S3Endpoint", "network.yaml/StsEndpoint"}
    assert step.tree.of_type("AWS::EC2::NatGateway")


def test_first_tasks_of_every_kind_run_the_accounts_own_image_and_may_pull_it() -> None:
    app = replace(
        CLOSED,
        workers=(Worker(name="jobs"),),
        scheduled_tasks=(ScheduledTask(name="night", schedule="rate(1 day)", command=("true",)),),
    )
    step = rendered(app)
    for name in ("service-shop", "worker-jobs", "scheduled-night"):
        first = step.tree.resources[f"{name}.yaml/BootstrapTaskDefinition"]["Properties"]["ContainerDefinitions"][0]
        assert f"/{IMAGE}" in repr(first["Image"])
        assert "dkr.ecr" in repr(first["Image"])
        [policy] = step.tree.resources[f"{name}.yaml/ExecutionRole"]["Properties"]["Policies"]
        pulling = [each for each in policy["PolicyDocument"]["Statement"] if "ecr:BatchGetImage" in each["Action"]]
        assert any(":repository/tools/bootstrap" in repr(each["Resource"]) for each in pulling)
    assert "123456789012" not in "".join(step.files.values())


def test_a_service_keeps_the_image_of_its_birth() -> None:
    later = Service(name="later", paths=("/later/*",), health_path="/later/health")
    before = rendered(OPEN)
    after = rendered(
        replace(CLOSED, network=replace(CLOSED.network, zones=2), services=(*OPEN.services, later)), before.ledger
    )
    assert after.settled.bootstrap_images == {
        "shop": "public.ecr.aws/docker/library/node:22-alpine",
        "later": f"ecr:{IMAGE}",
    }
    place = "service-shop.yaml/BootstrapTaskDefinition"
    assert before.tree.resources[place] == after.tree.resources[place]


def test_without_nat_and_image_the_error_says_how_to_make_one() -> None:
    with pytest.raises(DescriptionError, match=r"aws ecr create-repository.*imagetools create") as refused:
        Network(nat="none")
    assert [problem.option for problem in refused.value.problems] == ["Network.bootstrap_image"]


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"bootstrap_image": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1"}, "bootstrap_image"),
        ({"bootstrap_image": "bootstrap"}, "bootstrap_image"),
        ({"nat": "none", "bootstrap_image": IMAGE, "endpoints": ("STS",)}, "endpoints[0]"),
        ({"nat": "none", "bootstrap_image": IMAGE, "endpoints": ("sts", "sts")}, "endpoints[1]"),
        ({"nat": "none", "bootstrap_image": IMAGE, "endpoints": ("s3",)}, "endpoints[0]"),
    ],
)
def test_what_makes_no_sense_is_refused(options: dict[str, Any], option: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        Network(**options)
    assert [problem.option for problem in refused.value.problems] == [f"Network.{option}"]


def test_what_needs_the_internet_is_refused() -> None:
    beside = Container(name="proxy", image=f"public.ecr.aws/nginx/nginx:1.29@sha256:{'a' * 64}")
    tested = Release(smoke_test=SmokeTest(path="/", host="shop.example.com"))
    with pytest.raises(DescriptionError) as refused:
        replace(CLOSED, cloud9=True, services=(Service(name="shop", containers=(beside,), release=tested),))
    assert [problem.option.partition(".")[2] for problem in refused.value.problems] == [
        "services[0].release.smoke_test",
        "cloud9",
        "services[0].containers[0].image",
    ]
