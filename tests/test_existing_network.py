"""A stage in a VPC that the account has already: told by parameters, and nothing of it changed."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import jmespath
import pytest
from resolve import Symbol, differing, rendered

from cfngen import App, Database, DescriptionError, LedgerError, Network, Release, Service, SmokeTest
from cfngen.generated import _newly_shared
from cfngen.stack import FOR_STAGES

OWN = App(name="shop", services=(Service(name="shop"),))
APP = replace(OWN, network=Network(existing=True))
NETWORK = {"VpcId", "PublicSubnetIds", "PrivateSubnetIds"}


def test_the_root_asks_where_it_is_and_nothing_of_it_is_made() -> None:
    step = rendered(APP)
    declared = step.tree.bodies[step.tree.root]["Parameters"]
    assert declared.keys() == {*NETWORK, "CertificateArn", "TestCidr"}
    assert declared["VpcId"]["Type"] == "AWS::EC2::VPC::Id"
    assert all("Default" not in each for each in declared.values())
    kinds = {each["Type"].removeprefix("AWS::EC2::") for each in step.tree.resources.values()}
    assert {kind for kind in kinds if "::" not in kind} == {
        "SecurityGroup",
        "SecurityGroupIngress",
        "SecurityGroupEgress",
    }


def test_everything_stands_where_the_parameters_say() -> None:
    resources = rendered(replace(APP, database=Database(writers=("shop",)))).tree.resources
    names = ("PublicSubnetIds", "DatabaseSubnetIds")
    told = {name: [Symbol.of("split", ",", Symbol.of("parameter", name))] for name in names}
    assert resources["cluster.yaml/LoadBalancer"]["Properties"]["Subnets"] == told["PublicSubnetIds"]
    assert resources["service-shop.yaml/BlueTargetGroup"]["Properties"]["VpcId"] == Symbol.of("parameter", "VpcId")
    assert resources["database.yaml/SubnetGroup"]["Properties"]["SubnetIds"] == told["DatabaseSubnetIds"]


def test_a_subnet_more_changes_no_service() -> None:
    """A service is born in the first two; only what comes behind them may change."""
    subnets = rendered(APP).tree.resources["service-shop.yaml/Service"]["Properties"]["NetworkConfiguration"][
        "AwsvpcConfiguration"
    ]["Subnets"]
    private = Symbol.of("split", ",", Symbol.of("parameter", "PrivateSubnetIds"))
    assert subnets == [Symbol.of("select", index, private) for index in (0, 1)]


@pytest.mark.parametrize(("before", "after"), [(OWN, APP), (APP, OWN)])
def test_a_stage_stays_where_it_was_born(before: App, after: App) -> None:
    with pytest.raises(LedgerError, match="make a new stage beside this one") as refused:
        rendered(after, rendered(before).ledger)
    assert [problem.option.partition(".")[2].partition(".")[0] for problem in refused.value.problems] == ["network"]


def test_a_ledger_of_an_earlier_version_is_that_of_an_own_network() -> None:
    ledger = rendered(OWN).ledger
    assert '"existing"' not in ledger
    rendered(OWN, ledger)


def test_options_of_a_network_that_is_made_do_not_go_with_it() -> None:
    with pytest.raises(DescriptionError, match="a VPC that exists is as it is") as refused:
        Network(existing=True, zones=3, nat="one", cidr="10.1.0.0/16")
    assert len(refused.value.problems) == 3


def test_a_smoke_test_would_come_by_addresses_that_nobody_knows() -> None:
    tested = replace(APP.services[0], release=Release(smoke_test=SmokeTest(path="/", host="shop.example.com")))
    with pytest.raises(DescriptionError, match="addresses of NAT gateways"):
        replace(APP, services=(tested,))


def test_a_stage_that_shares_its_network_tells_others_all_that_they_ask() -> None:
    sharing = rendered(replace(OWN, network=Network(shared=True)))
    asking = rendered(replace(APP, stage="beside", database=Database(writers=("shop",))))
    told = sharing.tree.bodies[sharing.tree.root]["Outputs"]
    asked = {
        name: each for name, each in asking.tree.bodies[asking.tree.root]["Parameters"].items() if "Default" not in each
    }
    assert {*NETWORK, "DatabaseSubnetIds"} == asked.keys() & told.keys()
    assert {told[name]["Description"] for name in asked.keys() & told.keys()} == {FOR_STAGES}
    plain = rendered(OWN)
    assert not differing(plain.tree, sharing.tree)
    assert plain.tree.bodies[plain.tree.root]["Outputs"].items() <= told.items()


@pytest.mark.filterwarnings("ignore")  # moto's
def test_the_command_that_is_told_fills_the_parameters(tmp_path: Path) -> None:
    """The AWS command line itself reads the outputs of a stack, as the note of `cfngen generate` says."""
    app = replace(OWN, network=Network(shared=True))
    [note] = _newly_shared(app, tmp_path)
    command = note.partition("$(")[2].removesuffix(")")
    outputs = [
        {"OutputKey": name, "OutputValue": value, "Description": said}
        for name, value, said in (
            ("VpcId", "vpc-1", FOR_STAGES), ("Url", "https://a", "What users reach"), ("PublicSubnetIds", "subnet-1,subnet-2", FOR_STAGES)
        )
    ]  # fmt: skip
    query = shlex.split(command)[-1]
    assert jmespath.search(query, {"Stacks": [{"Outputs": outputs}]}) == [
        "VpcId=vpc-1", "PublicSubnetIds=subnet-1,subnet-2"
    ]  # fmt: skip
    assert shlex.split(command)[:5] == ["aws", "cloudformation", "describe-stacks", "--stack-name", "shop-dev"]
    (tmp_path / "shop.yaml").write_text(rendered(app).files["shop.yaml"], encoding="utf-8")
    assert _newly_shared(app, tmp_path) == []
