"""Redirects: what the balancer answers with another address, and never a loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from resolve import Rendering, differing, rendered

from cfngen import App, Balancer, DescriptionError, Redirect, Service
from cfngen.load import load
from cfngen.request import Request
from cfngen.routing import owner
from cfngen.simulate.requests import holds

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
SHOP = Service(name="shop")
ADMIN = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
PLAIN = App(name="shop", services=(SHOP, ADMIN))
WWW = Redirect(hosts=("www.example.com",), to_host="example.com")
OLD = Redirect(paths=("/old", "/old/*"), to_path="/new", status=302)
KEPT = Redirect(paths=("/2019/*", "/2020/*", "/2021/*", "/2022/*", "/2023/*", "/2024/*"), to_path="/archive/#{path}")


def sending(*redirects: Redirect, **options: Any) -> App:
    return replace(PLAIN, balancer=Balancer(redirects=redirects, **options))


def answer(step: Rendering, request: Request, listener: str) -> Any:
    """The service that answers, or where the client is sent."""
    rules = [
        each for each in step.tree.of_type(RULE).items() if each[1]["Properties"]["ListenerArn"].parts[1] == listener
    ]
    place, taken = next(
        (place, each["Properties"])
        for place, each in sorted(rules, key=lambda each: each[1]["Properties"]["Priority"])
        if all(holds(one, request) for one in each["Properties"]["Conditions"])
    )
    [action] = taken["Actions"]
    return action.get("RedirectConfig") or place.partition(".")[0]


@pytest.mark.parametrize(
    ("https", "listeners"), [(True, ("HttpsListener", "TestListener")), (False, ("HttpListener", "TestListener"))]
)
def test_clients_are_sent_on_and_all_others_see_their_service(https: bool, listeners: tuple[str, ...]) -> None:
    step = rendered(sending(WWW, OLD, KEPT, https=https))
    for listener in listeners:
        found = {
            path: answer(step, Request(path), listener)
            for path in ("/", "/old", "/old/x", "/older", "/2024/may", "/admin/old")
        }
        new = {"Host": "#{host}", "Path": "/new", "StatusCode": "HTTP_302"}
        assert found == {
            "/": "service-shop",
            "/old": new,
            "/old/x": new,
            "/older": "service-shop",
            "/2024/may": {"Host": "#{host}", "Path": "/archive/#{path}", "StatusCode": "HTTP_301"},
            "/admin/old": "service-admin",
        }
        apex = {"Host": "example.com", "Path": "/#{path}", "StatusCode": "HTTP_301"}
        assert answer(step, Request("/admin", host="www.example.com"), listener) == apex


def test_redirects_come_and_go_and_nothing_else_moves() -> None:
    before = rendered(sending(OLD))
    added = rendered(sending(WWW, OLD, KEPT), before.ledger)
    moved = differing(before.tree, added.tree)
    assert {place.rstrip("0123456789abcdef") for place in moved} == {
        "redirect.yaml/ProductionRedirect", "redirect.yaml/TestRedirect"
    }  # fmt: skip
    assert len(moved) == 2 * (1 + 2)
    more = rendered(sending(KEPT, WWW, replace(OLD, paths=("/old", "/old/*", "/older"))), added.ledger)
    assert len(differing(added.tree, more.tree)) == 2  # a rule for the new path on each listener
    gone = rendered(PLAIN, more.ledger)
    assert {place.partition("Redirect")[0] for place in differing(more.tree, gone.tree)} == {
        "redirect.yaml/Production", "redirect.yaml/Test"
    }  # fmt: skip
    again = rendered(sending(OLD), gone.ledger)
    rules = [set(step.tree.of_type(RULE, "redirect.yaml")) for step in (before, again)]
    assert not (rules[0] & rules[1]) - {"redirect.yaml/RedirectRule"}, "a rule came back under its old id"


def test_a_stage_without_https_has_its_redirects_only() -> None:
    assert "redirect.yaml" not in rendered(sending(https=False)).files
    assert set(rendered(sending(OLD, https=False)).tree.of_type(RULE, "redirect.yaml")) == {
        place for place in rendered(sending(OLD, https=False)).tree.resources if "redirect.yaml/" in place
    }


def test_nobody_owns_what_is_sent_on() -> None:
    owners = {path: owner(sending(OLD), Request(path, "x.example.com")) for path in ("/old", "/", "/admin")}
    assert owners == {"/old": None, "/": "shop", "/admin": "admin"}


@pytest.mark.parametrize(
    "redirects",
    [
        (Redirect(paths=("/old/*",), to_path="/old/new"),),
        (Redirect(paths=("/x/*",), to_path="/x/#{path}"),),
        (Redirect(hosts=("*.example.com",), to_host="www.example.com"),),
        (Redirect(paths=("/a",), to_path="/b"), Redirect(paths=("/b",), to_path="/a")),
    ],
)
def test_a_client_that_would_go_in_circles_is_refused(redirects: tuple[Redirect, ...]) -> None:
    with pytest.raises(DescriptionError, match="a client would go in circles") as refused:
        rendered(sending(*redirects))
    assert [each.option for each in refused.value.problems] == [
        f"App('shop').balancer.redirects[{index}]" for index in range(len(redirects))
    ]


CIRCLE = "redirects=(Redirect(paths=('/a',), to_path='/b'), Redirect(paths=('/b',), to_path='/a'))"
IN_YAML = "redirects: [{paths: [/a], to_path: /b}, {paths: [/b], to_path: /a}, {to_host: x}]"


@pytest.mark.parametrize(
    ("file", "text", "options"),
    [
        (
            "shop.py",
            f"from cfngen import *\napp = App(name='shop', services=(Service(name='web', cpu=1),), balancer=Balancer({CIRCLE}))\n",
            ["Service('web').cpu", "App('shop').balancer.redirects[0]", "App('shop').balancer.redirects[1]"],
        ),
        (
            "cfngen.yaml",
            f"name: shop\nservices: {{web: {{cpu: 1}}}}\nbalancer: {{request_certificate: true, {IN_YAML}}}\n",
            [
                "services.web.cpu",
                "balancer.request_certificate",
                "balancer.redirects[0]",
                "balancer.redirects[1]",
                "balancer.redirects[2].to_host",
            ],
        ),
        # Who has which requests is not known before this is mended.
        ("cfngen.yaml", f"name: shop\nservices: {{web: {{paths: [a]}}}}\nbalancer: {{{IN_YAML}}}\n", ["services.web.paths[0]", "balancer.redirects[2].to_host"]),
    ],
)  # fmt: skip
def test_circles_are_told_with_what_else_is_wrong(file: str, text: str, options: list[str], tmp_path: Path) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(DescriptionError) as refused:
        load(tmp_path / file)
    assert [each.option for each in refused.value.problems] == options


@pytest.mark.parametrize(
    "redirects",
    [
        (Redirect(paths=("/*",), hosts=("a.example.com",), to_path="/admin"),),  # /admin is asked of the same host
        (WWW, OLD),
        (Redirect(paths=("/a",), to_path="/b"), Redirect(paths=("/b",), to_path="/c")),
    ],
)
def test_a_chain_that_ends_is_none(redirects: tuple[Redirect, ...]) -> None:
    if redirects[0].hosts == ("a.example.com",):
        with pytest.raises(DescriptionError, match="in circles"):
            rendered(sending(*redirects))
        here = replace(ADMIN, hosts=("a.example.com",))
        rendered(replace(sending(*redirects), services=(SHOP, here)))
    else:
        rendered(sending(*redirects))


@pytest.mark.parametrize(
    ("redirects", "given"),
    [
        ((Redirect(to_path="/new"),), "the redirect to #{host}/new, 301 claims the same requests"),
        ((OLD, replace(OLD, to_path="/other")), "the redirect to #{host}/new, 302 claims the same requests"),
    ],
)
def test_two_that_want_a_request_alike_are_refused(redirects: tuple[Redirect, ...], given: str) -> None:
    with pytest.raises(DescriptionError, match=given):
        rendered(sending(*redirects))


def test_redirects_count_as_rules() -> None:
    paths = tuple(f"/p{number}" for number in range(5 * 47))
    rendered(sending(Redirect(paths=paths[: 5 * 47], to_path="/new")))
    with pytest.raises(DescriptionError, match="101 listener rules"):
        rendered(sending(Redirect(paths=(*paths, "/q", "/r"), to_path="/new")))
