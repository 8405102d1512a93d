"""Maintenance pages: rules before a service's own that answer 503, and never a rule or a weight that changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from resolve import Rendering, differing, rendered

from cfngen import App, DescriptionError, Service
from cfngen.request import Request
from cfngen.routing import owner
from cfngen.simulate.requests import holds

RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
SHOP = Service(name="shop")
ADMIN = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health")
REPORTS = Service(name="reports", paths=("/admin/reports/*",), health_path="/admin/reports/health")
OPEN = App(name="shop", services=(SHOP, ADMIN, REPORTS))
PAGE = "<h1>Back at six</h1>"


def closing(*names: str, says: str | None = PAGE, app: App = OPEN) -> App:
    services = (replace(each, maintenance=says if each.name in names else None) for each in app.services)
    return replace(app, services=tuple(services))


def answers(step: Rendering, path: str, listener: str = "HttpsListener", host: str = Request.host) -> str:
    """The service that answers, or the status of a fixed response."""
    rules = [each["Properties"] for place, each in step.tree.of_type(RULE).items() if "Redirect" not in place]
    mine = sorted(
        (each for each in rules if each["ListenerArn"].parts[1] == listener), key=lambda each: each["Priority"]
    )
    asked = Request(path, host)
    taken = next(each for each in mine if all(holds(one, asked) for one in each["Conditions"]))
    [action] = taken["Actions"]
    if action["Type"] == "fixed-response":
        return str(action["FixedResponseConfig"]["StatusCode"])
    return str(action["ForwardConfig"]["TargetGroups"][0]["TargetGroupArn"].parts[0]).partition(".")[0]


def test_users_of_one_service_read_the_page_and_all_others_see_theirs() -> None:
    step = rendered(closing("admin"))
    seen = {path: answers(step, path) for path in ("/", "/admin", "/admin/users", "/admin/reports/1", "/administrator")}
    assert seen == {
        "/": "service-shop",
        "/admin": "503",
        "/admin/users": "503",
        "/admin/reports/1": "service-reports",
        "/administrator": "service-shop",
    }
    assert answers(step, "/admin", "TestListener") == "service-admin"


def test_a_whole_stage_closes_and_one_service_says_something_else() -> None:
    step = rendered(replace(closing("admin"), maintenance="Closed."))
    assert {answers(step, path) for path in ("/", "/admin", "/admin/reports/1")} == {"503"}
    pages = {
        place.partition(".")[0]: each["Properties"]["Actions"][0]["FixedResponseConfig"]
        for place, each in step.tree.of_type(RULE).items()
        if "Maintenance" in place
    }
    assert {name: (page["ContentType"], page["MessageBody"]) for name, page in pages.items()} == {
        "service-admin": ("text/html", PAGE),
        "service-reports": ("text/plain", "Closed."),
        "service-shop": ("text/plain", "Closed."),
    }


@pytest.mark.parametrize("released", [False, True])
def test_nothing_but_the_page_comes_and_goes(released: bool) -> None:
    before = rendered(OPEN)
    if released:
        before = rendered(replace(OPEN, services=(replace(SHOP, paths=("/*", "/x")), ADMIN, REPORTS)), before.ledger)
    closed = rendered(closing("shop", "admin", app=before.app), before.ledger)
    moved = differing(before.tree, closed.tree)
    assert {place.partition("/")[2][:15] for place in moved} == {"MaintenanceRule"}
    again = rendered(before.app, closed.ledger)
    assert differing(before.tree, again.tree) == set()
    assert again.settled.live_parameters == before.settled.live_parameters


def test_each_page_is_a_new_rule_with_a_number_of_its_own() -> None:
    """A rule is write-once, so another text, or a second time, is another rule."""
    seen: set[str] = set()
    numbers: set[int] = set()
    ledger: str | None = None
    for says in (PAGE, None, PAGE, "Soon.", None, PAGE):
        step = rendered(closing("admin", says=says), ledger)
        ledger = step.ledger
        rules = {place: each for place, each in step.tree.of_type(RULE).items() if "Maintenance" in place}
        assert len(rules) == (says is not None)
        assert not rules.keys() & seen
        assert not {each["Properties"]["Priority"] for each in rules.values()} & numbers
        seen |= rules.keys()
        numbers |= {each["Properties"]["Priority"] for each in rules.values()}
        assert answers(step, "/admin") == ("503" if says else "service-admin")
        assert answers(step, "/admin/reports/1") == "service-reports"


def test_a_service_that_comes_meanwhile_gets_its_requests() -> None:
    step = rendered(closing("shop", "admin"))
    more = Service(name="users", paths=("/admin/users/*",), health_path="/admin/users/health")
    after = rendered(replace(step.app, services=(*step.app.services, more)), step.ledger)
    assert (answers(after, "/admin/users/7"), answers(after, "/admin/7")) == ("service-users", "503")


def test_the_pages_of_many_paths_count_as_rules() -> None:
    paths = tuple(f"/p{number}" for number in range(5 * 33))
    wide = replace(SHOP, paths=paths, health_path="/p0")
    rendered(App(name="shop", services=(replace(wide, paths=paths[: 5 * 32], maintenance=PAGE),)))
    with pytest.raises(DescriptionError, match=r"at most 100 on one balancer.*; close fewer services at once"):
        rendered(App(name="shop", services=(replace(wide, paths=(*paths, "/q"), maintenance=PAGE),)))


@pytest.mark.parametrize(
    "asked",
    [
        {"paths": ("/*", "/shop", "/shop/*")},
        {"hosts": ("shop.example.com", "*.example.com")},
        {"hosts": ("*.example.com", "example.com"), "paths": ("/*", *(f"/part-{number}" for number in range(7)))},
    ],
    ids=["paths", "hosts", "several rules"],
)
def test_a_service_whose_own_patterns_overlap_closes_whole(asked: dict[str, tuple[str, ...]]) -> None:
    app = replace(OPEN, services=(replace(SHOP, **asked), ADMIN, REPORTS))
    step = rendered(closing("shop", app=app))
    hosts = ("shop.example.com", "other.example.com", "example.com")
    asked_for = [Request(path, host) for host in hosts for path in ("/", "/shop", "/part-3", "/shop/1")]
    its_own = [each for each in asked_for if owner(app, each) == "shop"]
    assert len(its_own) >= 4
    assert {answers(step, each.path, host=each.host) for each in its_own} == {"503"}
    assert {answers(step, each.path, "TestListener", each.host) for each in its_own} == {"service-shop"}


def test_nobody_owns_what_is_closed() -> None:
    app = closing("admin")
    owners = {path: owner(app, Request(path, "x.example.com")) for path in ("/admin", "/admin/reports/1", "/")}
    assert owners == {"/admin": None, "/admin/reports/1": "reports", "/": "shop"}


@pytest.mark.parametrize("text", ["", "x" * 1025, "ä" * 600])
@pytest.mark.parametrize("make", [lambda text: Service(name="a", maintenance=text), lambda text: replace(OPEN, maintenance=text)])  # fmt: skip
def test_what_a_balancer_cannot_say_is_refused(make: Any, text: str) -> None:
    with pytest.raises(DescriptionError, match=r"maintenance: .*at most 1024 bytes, or None"):
        make(text)
