"""Internal services: their balancer, who reaches it, how callers find them, and what stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import Golden
from resolve import STACK, Rendering, differing, rendered

from cfngen import (
    App,
    Balancer,
    CodeCommit,
    DescriptionError,
    InternalBalancer,
    LedgerError,
    Pipeline,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    Worker,
    write,
)
from cfngen.generated import generated
from cfngen.operate.folder import read_folder
from cfngen.request import Request
from cfngen.routing import owner
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import Surroundings, standard, update

WEB = Service(name="web", calls=("stock",))
STOCK = Service(name="stock", internal=True, release=Release(smoke_test=SmokeTest(path="/items")))
PRICES = Service(name="prices", internal=True)
SHOP = App(
    name="shop",
    services=(WEB, STOCK, PRICES),
    workers=(Worker(name="mailer", calls=("prices", "stock")), Worker(name="packer")),
    scheduled_tasks=(ScheduledTask(name="report", schedule="rate(1 day)", calls=("prices",)),),
    balancer=Balancer(domain="shop.example.com"),
    pipeline=Pipeline(source=CodeCommit()),
)
SMALL = App(name="shop", services=(WEB, replace(STOCK, release=Release())))
INSIDE = tuple(Request(path, "stock.shop-dev.internal", "10.0.0.9") for path in ("/", "/v2/x"))
SECURE = replace(SHOP, internal_balancer=InternalBalancer(domain="shop.corp.example.com", https=True))


def of(step: Rendering, file: str, name: str) -> dict[str, Any]:
    properties: dict[str, Any] = step.tree.bodies[file]["Resources"][name]["Properties"]
    return properties


@cache
def shop() -> Rendering:
    return rendered(SHOP)


def urls(step: Rendering, task: str) -> dict[str, str]:
    body = json.loads(step.files[f"{task}/taskdef.json"])
    told = {each["name"]: each["value"] for each in body["containerDefinitions"][0]["environment"]}
    return {name: value for name, value in told.items() if name.endswith("_URL")}


def test_a_stage_without_internal_services_has_none_of_it() -> None:
    plain = replace(SHOP, services=(Service(name="web"),), workers=(), scheduled_tasks=())
    before, after = rendered(plain), shop()
    assert "internal" not in before.ledger + "".join(before.files.values())
    moved = {place for place in differing(before.tree, after.tree) if place in before.tree.resources}
    # The way to the balancer is new beside what the service has; alarm and dashboard tell more.
    assert {place.partition("/")[0] for place in moved} <= {"watch.yaml", "pipeline.yaml", "network.yaml"} | {
        "pipeline-web.yaml"
    }
    assert not [place for place in moved if place.startswith(("network.yaml/V", "service-"))]


def test_internal_services_are_behind_a_balancer_of_their_own_in_private_subnets() -> None:
    step = shop()
    balancer = of(step, "internal.yaml", "LoadBalancer")
    assert balancer["Scheme"] == "internal"
    assert balancer["Subnets"] == {"Ref": "NetworkPrivateSubnets"}
    for name in ("HttpListener", "TestListener"):
        (action,) = of(step, "internal.yaml", name)["DefaultActions"]
        assert action["FixedResponseConfig"]["StatusCode"] == "404"
    rules = step.tree.of_type("AWS::ElasticLoadBalancingV2::ListenerRule")
    here = {place.partition("/")[0]: {str(rule["Properties"]["ListenerArn"]) for p, rule in rules.items() if p.partition("/")[0] == place.partition("/")[0]} for place in rules}  # fmt: skip
    assert here["service-stock.yaml"] == here["service-prices.yaml"]
    assert here["service-stock.yaml"].isdisjoint(here["service-web.yaml"])
    assert all("internal.yaml" in each for each in here["service-stock.yaml"])
    route = of(step, "service-stock.yaml", "DeploymentGroup")["LoadBalancerInfo"]["TargetGroupPairInfoList"][0]
    assert route["ProdTrafficRoute"] == {"ListenerArns": [{"Ref": "InternalProductionListener"}]}
    assert route["TestTrafficRoute"] == {"ListenerArns": [{"Ref": "InternalTestListener"}]}
    assert "${InternalBalancer}" in str(of(step, "watch.yaml", "Dashboard"))
    assert "InternalLoadBalancer" in str(of(step, "watch.yaml", "Alarm")["AlarmRule"])


def test_callers_find_services_by_their_names_in_the_private_zone() -> None:
    stock, prices = "http://stock.shop-dev.internal", "http://prices.shop-dev.internal"
    assert urls(shop(), "web") == {"STOCK_URL": stock}
    assert urls(shop(), "mailer") == {"PRICES_URL": prices, "STOCK_URL": stock}
    assert urls(shop(), "report") == {"PRICES_URL": prices}
    assert urls(shop(), "packer") == urls(shop(), "stock") == {}
    step = shop()
    zone = of(step, "internal.yaml", "HostedZone")
    assert (zone["Name"], zone["VPCs"][0]["VPCId"]) == ("shop-dev.internal", {"Ref": "NetworkVpc"})
    records = step.tree.of_type("AWS::Route53::RecordSet")
    inside = {each["Properties"]["Name"] for place, each in records.items() if place.startswith("internal.yaml")}
    assert inside == {"shop-dev.internal", "*.shop-dev.internal"}
    assert owner(SHOP, Request("/a", "stock.shop-dev.internal"), internal=True) == "stock"
    assert owner(SHOP, Request("/a", "stock.shop-dev.internal")) == "web"
    assert owner(SHOP, Request("/a", "elsewhere.shop-dev.internal"), internal=True) is None


def test_https_inside_needs_a_certificate_and_says_so_to_callers() -> None:
    step = rendered(SECURE)
    assert urls(step, "web") == {"STOCK_URL": "https://stock.shop.corp.example.com"}
    assert "Default" not in step.tree.bodies[step.tree.root]["Parameters"]["InternalCertificateArn"]
    assert {of(step, "internal.yaml", name)["Protocol"] for name in ("HttpsListener", "TestListener")} == {"HTTPS"}
    assert "HttpListener" not in step.tree.bodies["internal.yaml"]["Resources"]
    grpc = replace(PRICES, protocol_version="GRPC", health_path="/grpc.health.v1.Health/Check")
    assert rendered(replace(SECURE, services=(WEB, STOCK, grpc)))


def test_only_who_calls_reaches_the_balancer_and_no_stack_waits_for_a_later_one() -> None:
    step = shop()
    ports = {
        f"{file}/{name}": (each["Properties"]["FromPort"], "SourceSecurityGroupId" in each["Properties"])
        for file, body in step.tree.bodies.items()
        for name, each in body["Resources"].items()
        if each["Type"] == "AWS::EC2::SecurityGroupIngress"
        if file == "internal.yaml" or each["Properties"]["GroupId"] == {"Ref": "InternalSecurityGroup"}
    }
    assert ports == {
        "scheduled-report.yaml/InternalIngress": (80, True),
        "service-stock.yaml/InternalTestIngress": (8080, True),
        "service-web.yaml/InternalIngress": (80, True),
        "worker-mailer.yaml/InternalIngress": (80, True),
    }
    for file in ("service-web", "worker-mailer", "scheduled-report"):
        out = of(step, f"{file}.yaml", "InternalEgress")
        assert (out["DestinationSecurityGroupId"], out["ToPort"]) == ({"Ref": "InternalSecurityGroup"}, 80)
    ranges = replace(
        SHOP, internal_balancer=InternalBalancer(addresses=("10.9.0.0/16",), test_addresses=("10.8.0.0/16",))
    )
    internal = rendered(ranges).tree.bodies["internal.yaml"]["Resources"]
    assert {
        (each["Properties"]["CidrIp"], each["Properties"]["FromPort"])
        for each in internal.values()
        if each["Type"] == "AWS::EC2::SecurityGroupIngress"
    } == {("10.9.0.0/16", 80), ("10.8.0.0/16", 8080)}
    nested = [name for name, each in step.tree.bodies[step.tree.root]["Resources"].items() if each["Type"] == STACK]
    assert nested.index("Cluster") < nested.index("Internal") < nested.index("ServiceStock")


def test_the_smoke_test_asks_the_internal_test_listener_by_the_name_that_callers_use() -> None:
    step = shop()
    variables = of(step, "service-stock.yaml", "SmokeTest")["Environment"]["Variables"]
    assert variables["HOST"] == "stock.shop-dev.internal"
    assert variables["ADDRESS"] == {"Ref": "InternalAddress"}
    assert (variables["SCHEME"], variables["PORT"]) == ("http", "8080")


@pytest.mark.parametrize(
    ("option", "changed"),
    [
        ("services[1].internal", replace(SHOP, services=(replace(WEB, calls=()), replace(STOCK, internal=False, paths=("/s/*",), health_path="/health", release=Release()), PRICES), workers=(), scheduled_tasks=())),
        ("internal_balancer.domain", replace(SHOP, internal_balancer=InternalBalancer(domain="other.internal"))),
        ("internal_balancer.https", replace(SHOP, internal_balancer=InternalBalancer(https=True))),
    ],
)  # fmt: skip
def test_what_callers_know_and_target_groups_hang_on_stays_for_life(option: str, changed: App) -> None:
    before = shop()
    with pytest.raises(LedgerError) as refused:
        rendered(changed, before.ledger)
    assert any(problem.option.endswith(option) for problem in refused.value.problems)


def test_releases_and_updates_hurt_nobody_at_either_balancer() -> None:
    """As `cfngen simulate` asks: each request at the balancer whose service it is; the same rules at one listener hurt."""

    def at(*, internal: bool) -> Callable[[Request], str | None]:
        return lambda asked: owner(SMALL, asked, internal=internal)

    around = Surroundings(owner=at(internal=False), owner_inside=at(internal=True))
    files = Files(rendered(SMALL).files)
    played = standard(files, around)
    assert {each.service.label for each in played.world.deployments} == {"stock", "web"}
    assert played.hurts == []
    mixed = standard(files, replace(around, owner_inside=at(internal=False)))
    assert {each.invariant for each in mixed.hurts} >= {"T2"}


@pytest.mark.parametrize("releases", [1, 2])
def test_a_changed_rule_of_an_internal_service_sends_nobody_to_an_empty_group(releases: int) -> None:
    before = rendered(SMALL)
    narrower = replace(SMALL.services[1], paths=("/*", "/v2/*"), allowed_addresses=("10.0.0.0/16",))
    later = rendered(replace(SMALL, services=(WEB, narrower)), before.ledger)
    around = Surroundings(owner=lambda _: None, owner_inside=lambda asked: asked.host.partition(".")[0])
    played = update(Files(before.files), Files(later.files), around, releases=releases, asked=INSIDE)
    assert {each.service.label for each in played.world.deployments} == {"stock", "web"}
    assert played.hurts == []


def test_the_templates_of_a_small_stage(golden: Golden) -> None:
    files = rendered(SMALL).files
    golden("internal", {name: files[name] for name in ("internal.yaml", "service-stock.yaml", "ledger.json")})


def test_a_change_of_deployed_rules_asks_for_the_live_colour_of_an_internal_service_too(tmp_path: Path) -> None:
    """What `cfngen preflight` reads of a folder knows the rules of both balancers by what they begin with."""
    before = rendered(SMALL)
    later = replace(SMALL, services=(WEB, replace(SMALL.services[1], paths=("/*", "/v2"))))
    after = rendered(later, before.ledger)
    write({tmp_path / "dev": dict(after.files)})
    folder = read_folder(tmp_path / "dev")
    rules = after.tree.of_type("AWS::ElasticLoadBalancingV2::ListenerRule", "service-stock.yaml")
    told = {folder.begins("ServiceStock", place.partition("/")[2]) for place in rules}
    assert "blue" in told
    assert {name for name in told if name != "blue"} == set(folder.required) - {"CertificateArn"}
    assert len(told) == 2


def test_a_stage_whose_services_are_all_internal_has_no_way_in_from_the_internet_until_it_asks_for_one() -> None:
    alone = App(name="tool", services=(STOCK,), pipeline=Pipeline(source=CodeCommit()))
    step = rendered(alone)
    balancers = step.tree.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer")
    assert [each["Properties"]["Scheme"] for each in balancers.values()] == ["internal"]
    root = step.tree.bodies[step.tree.root]
    assert not {"CertificateArn", "HostedZoneId", "TestCidr"} & set(root["Parameters"])
    assert "Url" not in root["Outputs"]
    assert "0.0.0.0/0" not in str(step.tree.of_type("AWS::EC2::SecurityGroupIngress"))
    assert standard(Files(step.files)).hurts == []
    both = rendered(replace(alone, services=(STOCK, Service(name="web"))), step.ledger)
    assert "cluster.yaml/LoadBalancer" in both.tree.resources
    watch = {"watch.yaml/Alarm", "watch.yaml/Dashboard"}
    kept = {place for place in differing(step.tree, both.tree) if place in step.tree.resources}
    assert {place for place in kept if place.startswith(("service-", "internal", "cluster"))} == set()
    assert kept >= watch
    again = rendered(alone, both.ledger)
    assert "cluster.yaml/LoadBalancer" in again.tree.resources, "who is there is not deleted over an option"


def test_numbers_are_counted_on_each_balancer_by_itself() -> None:
    """Paths that would clash on one balancer do not on two, and a hundred rules are a hundred of each."""
    many = tuple(f"/p{number}/*" for number in range(95))
    inside = Service(name="inside", internal=True, hosts=("shop-dev.internal",), paths=(*many, "/*"))
    outside = Service(name="outside", hosts=("shop-dev.internal",), paths=(*many, "/*"))
    step = rendered(App(name="shop", services=(inside, outside)))
    taken = [
        (record["listener"], record["priority"])
        for records in json.loads(step.ledger)["rules"].values()
        for record in records
    ]
    assert len(set(taken)) == len(taken)
    assert {listener for listener, _ in taken} == {"https", "test", "internal-http", "internal-test"}
    with pytest.raises(DescriptionError, match="at most 100 on one balancer"):
        rendered(
            App(name="shop", services=(replace(inside, paths=(*many, *(f"/q{n}/*" for n in range(160)))), outside))
        )


def test_a_page_for_users_of_the_whole_application_is_none_for_callers() -> None:
    step = rendered(replace(SHOP, maintenance="Back at six."))
    pages = [place for place in step.tree.resources if "/MaintenanceRule" in place]
    assert pages
    assert {place.partition("/")[0] for place in pages} == {"service-web.yaml"}
    closed = rendered(replace(SHOP, services=(WEB, replace(STOCK, maintenance="Counting."), PRICES)))
    assert [place for place in closed.tree.resources if place.startswith("service-stock.yaml/MaintenanceRule")]


def test_more_callers_than_a_security_group_has_rules_for_are_told(tmp_path: Path) -> None:
    def notes_of(app: App) -> list[str]:
        return generated(Path("services/shop.py"), [app], tmp_path, lambda *_: None)

    ranges = tuple(f"10.0.{number}.0/24" for number in range(60))
    app = replace(SMALL, internal_balancer=InternalBalancer(addresses=ranges))
    assert [note for note in notes_of(app) if note.startswith("shop dev: 61 where 60 is the limit of inbound rules")]
    fewer = replace(app, services=(replace(WEB, calls=()), app.services[1]))
    assert not any("inbound rules" in note for note in notes_of(fewer))
