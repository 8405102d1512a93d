"""Requests by header, method and query, and services with more hosts and addresses than a rule can hold: the rules of templates, played by the simulator's oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from resolve import Rendering, rendered

from cfngen import App, DescriptionError, Service, plan
from cfngen.request import Request
from cfngen.routing import owner
from cfngen.simulate.requests import holds, values_of

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
LISTENERS = ("HttpsListener", "TestListener")
SHOP = Service(name="shop")
BETA = Service(name="beta", headers={"X-Version": ("beta", "next-*")})


def rules(step: Rendering, listener: str) -> Iterator[tuple[int, str, list[dict[str, Any]]]]:
    for place, rule in step.tree.of_type(RULE).items():
        told = rule["Properties"]
        if place != "redirect.yaml/RedirectRule" and told["ListenerArn"].parts[1] == listener:
            yield told["Priority"], place.removeprefix("service-").partition(".yaml")[0], told["Conditions"]


def answers(step: Rendering, request: Request) -> str | None:
    """Who answers, on both listeners."""
    found = {
        next((name for _, name, asked in sorted(rules(step, each)) if all(holds(one, request) for one in asked)), None)
        for each in LISTENERS
    }
    assert len(found) == 1
    return found.pop()


def app(*services: Service) -> App:
    return App(name="shop", services=services)


def sent(value: str, name: str = "x-version", **more: str) -> Request:
    return Request(more.get("path", "/cart"), headers=((name, value),))


def test_a_header_leads_to_a_service_beside_the_one_with_the_same_paths() -> None:
    for order in ((SHOP, BETA), (BETA, SHOP)):
        step = rendered(app(*order))
        asked = {"beta": "beta", "BETA": "beta", "next-7": "beta", "next": "shop", "1": "shop"}
        assert {value: answers(step, sent(value)) for value in asked} == asked
        assert answers(step, sent("beta", "x-other")) == "shop"
        assert answers(step, Request("/health")) == "shop"
        assert answers(step, sent("beta", path="/health")) == "beta"


def test_each_header_has_to_be_there() -> None:
    both = replace(BETA, headers={"X-Version": ("beta",), "X-Tenant": ("a", "b")})
    step = rendered(app(SHOP, both))
    version, tenant = ("X-Version", "beta"), ("x-tenant", "B")
    assert answers(step, Request("/", headers=(version, tenant))) == "beta"
    assert answers(step, Request("/", headers=(version,))) == answers(step, Request("/", headers=(tenant,))) == "shop"


def test_more_headers_are_more_specific() -> None:
    both = Service(name="both", headers={"X-Version": ("beta",), "X-Tenant": ("a",)})
    step = rendered(app(SHOP, BETA, both))
    version, tenant = ("X-Version", "beta"), ("X-Tenant", "a")
    assert answers(step, Request("/", headers=(version, tenant))) == "both"
    assert answers(step, Request("/", headers=(version,))) == "beta"


def test_services_of_tenants_share_no_request() -> None:
    tenants = [Service(name=name, headers={"X-Tenant": (name,)}) for name in ("ann", "bob", "eve")]
    step = rendered(app(*tenants))
    assert [answers(step, sent(name, "x-tenant")) for name in ("ann", "BOB", "eve", "joe")] == [
        "ann",
        "bob",
        "eve",
        None,
    ]


def test_a_method_leads_to_a_service_beside_the_one_with_the_same_paths() -> None:
    reading = Service(name="reader", paths=("/items/*",), methods=("GET", "HEAD"), health_path="/items/health")
    writing = Service(name="writer", paths=("/items/*",), methods=("POST", "PUT"), health_path="/items/alive")
    step = rendered(app(SHOP, reading, writing))
    asked = {"GET": "reader", "HEAD": "reader", "POST": "writer", "PUT": "writer", "DELETE": "shop"}
    assert {method: answers(step, Request("/items/7", method=method)) for method in asked} == asked
    assert answers(step, Request("/carts", method="POST")) == "shop"


def test_each_key_of_the_query_has_to_be_there_with_one_of_its_values() -> None:
    both = Service(name="beta", query={"version": ("beta", "next-*"), "tenant": ("a",)})
    step = rendered(app(SHOP, both))
    tenant = ("tenant", "a")
    for value, name in (("beta", "beta"), ("BETA", "beta"), ("next-7", "beta"), ("next", "shop"), ("", "shop")):
        assert answers(step, Request("/cart", query=(tenant, ("Version", value)))) == name, value
    assert answers(step, Request("/cart", query=(("version", "beta"),))) == "shop"
    assert answers(step, Request("/cart", query=(("other", "1"), tenant, ("version", "beta")))) == "beta"


def test_what_asks_for_more_comes_first() -> None:
    posts = Service(name="posts", methods=("POST",))
    betas = Service(name="betas", methods=("POST",), query={"version": ("beta",)})
    step = rendered(app(SHOP, posts, betas))
    beta = (("version", "beta"),)
    assert answers(step, Request("/", method="POST", query=beta)) == "betas"
    assert answers(step, Request("/", method="POST")) == "posts"
    assert answers(step, Request("/", query=beta)) == "shop"


def test_the_owner_of_a_request_is_who_the_rules_lead_to() -> None:
    """Without a look at rules; the simulator holds both against each other."""
    posts = Service(name="posts", methods=("POST",), query={"version": ("beta", "2")})
    step = rendered(app(SHOP, posts))
    for method in ("GET", "POST"):
        for query in ((), (("version", "2"),), (("version", "3"),)):
            found = owner(step.app, Request("/", method=method, query=query))
            assert found == answers(step, Request("/", method=method, query=query)), (method, query)


def test_many_values_are_shared_out_between_rules() -> None:
    """Seven methods and six values, of which a rule takes three together, beside a path."""
    methods = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
    wide = replace(SHOP, methods=methods, query={"v": tuple("123456")})
    step = rendered(app(wide))
    told = list(rules(step, "HttpsListener"))
    assert all(sum(len(values_of(each)) for each in asked) <= 5 for _, _, asked in told)
    for method in methods:
        for value in "123456":
            assert answers(step, Request("/x", method=method, query=(("v", value),))) == "shop"
    assert answers(step, Request("/x", method="TRACE", query=(("v", "1"),))) is None
    assert answers(step, Request("/x", query=(("v", "7"),))) is None


@pytest.mark.parametrize(
    "other",
    [
        {"query": {"v": ("1",)}},
        {"methods": ("GET",)},
        {"headers": {"x-version": ("BETA",)}},
        {"headers": {"X-Version": ("next-?",)}},
        {"headers": {"X-Tenant": ("a",)}},
        {"allowed_addresses": ("203.0.113.0/24",)},
    ],
)
def test_two_services_that_a_request_could_fulfil_alike_are_refused(other: dict[str, Any]) -> None:
    with pytest.raises(DescriptionError, match="claims the same requests with the same precision"):
        plan(app(SHOP, BETA, Service(name="other", **other)))


@pytest.mark.parametrize("count", [4, 5, 12, 40])
def test_any_number_of_addresses_is_let_through_and_no_other(count: int) -> None:
    inside = [f"203.0.113.{number}" for number in range(count)]
    guarded = Service(
        name="admin",
        paths=("/admin", "/admin/*"),
        health_path="/admin/health",
        allowed_addresses=tuple(f"{each}/32" for each in inside),
    )
    step = rendered(app(SHOP, guarded))
    for address in (*inside, "203.0.113.99"):
        name = "admin" if address in inside else "shop"
        for path in ("/admin", "/admin/users"):
            assert answers(step, Request(path, address=address)) == name, address
    assert answers(step, Request("/", address=inside[0])) == "shop"


def test_many_hosts_and_addresses_are_shared_out_between_rules() -> None:
    hosts = [f"h{number}.example.com" for number in range(7)]
    wide = replace(SHOP, hosts=tuple(hosts), allowed_addresses=tuple(f"198.51.100.{n}/32" for n in range(5)))
    step = rendered(app(wide))
    # Two hosts and an address, or the other way round, beside two paths.
    assert len(list(rules(step, "HttpsListener"))) == 4 * 5
    for host in hosts:
        assert answers(step, Request("/x", host=host, address="198.51.100.4")) == "shop"
    assert answers(step, Request("/x", host="h8.example.com", address="198.51.100.4")) is None
    assert answers(step, Request("/x", host=hosts[0], address="198.51.100.5")) is None


def test_the_page_counts_rules_as_they_are_made() -> None:
    """12 addresses and two paths are four rules on each listener, 7 hosts with one path three (docs/traffic.md)."""
    addresses = tuple(f"203.0.113.{number}/32" for number in range(12))
    guarded = replace(SHOP, paths=("/admin", "/admin/*"), health_path="/admin/health", allowed_addresses=addresses)
    wide = replace(SHOP, hosts=tuple(f"h{number}.example.com" for number in range(7)))
    for service, count in ((guarded, 4), (wide, 3)):
        step = rendered(app(service))
        assert {listener: len(list(rules(step, listener))) for listener in ("HttpsListener", "TestListener")} == dict.fromkeys(("HttpsListener", "TestListener"), count)  # fmt: skip


def test_a_path_more_replaces_no_rule_of_a_service_with_many_hosts() -> None:
    wide = replace(SHOP, hosts=tuple(f"h{number}.example.com" for number in range(7)))
    before = rendered(app(wide))
    for paths in (("/*", "/cart/*"), ("/*", "/cart/*", "/a", "/b", "/c", "/d")):
        after = rendered(app(replace(wide, paths=paths)), before.ledger)
        kept = before.tree.of_type(RULE)
        assert {place: each for place, each in after.tree.of_type(RULE).items() if place in kept} == kept
        assert answers(after, Request("/cart/1", host="h6.example.com")) == "shop"
        before = after


def test_a_hundred_rules_are_all_that_there_are() -> None:
    wide = replace(SHOP, hosts=tuple(f"h{number}.example.com" for number in range(148)))
    with pytest.raises(DescriptionError, match="101 listener rules; at most 100 on one balancer"):
        plan(app(wide))
    assert plan(app(replace(wide, hosts=wide.hosts[:147])))


def test_a_rule_by_header_is_replaced_like_any_other() -> None:
    before = rendered(app(SHOP, BETA))
    after = rendered(app(SHOP, replace(BETA, headers={"X-Version": ("beta",)})), before.ledger)
    gone, came = (
        set(one.tree.of_type(RULE)) - set(other.tree.of_type(RULE)) for one, other in ((before, after), (after, before))
    )
    assert len(gone) == len(came) == 2
    assert {place.partition("/")[0] for place in gone | came} == {"service-beta.yaml"}
    assert [name for name, _ in after.settled.live_parameters if name.startswith("BetaRule")]
