"""Which requests reach which service: the rules of generated templates, played as a balancer plays them.

The oracle is written from the sentence "the most specific pattern wins" and shares no code with cfngen.
"""

from __future__ import annotations

import ipaddress
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from resolve import Rendering, rendered

from cfngen import (
    App,
    Balancer,
    DescriptionError,
    Ledger,
    Plan,
    Service,
    plan,
)
from cfngen.load import load
from cfngen.request import Request
from cfngen.routing import REDIRECT_PRIORITY, Rule, give_priority, reached

COFFEE = Path(__file__).parent.parent / "services" / "coffee.py"
INSIDE, OUTSIDE = "203.0.113.7", "192.0.2.1"
GUARDED = ("203.0.113.0/24",)
VALUES_OF_A_RULE, WILDCARDS_OF_A_RULE, RULES_OF_A_BALANCER = 5, 6, 100
"""A6.15."""


@cache
def pattern(text: str) -> re.Pattern[str]:
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char, re.escape(char)) for char in text), re.DOTALL)


def matches(patterns: Iterable[str], text: str) -> bool:
    return any(pattern(each).fullmatch(text) for each in patterns)


def precise(text: str) -> tuple[int, int]:
    """Nothing, then patterns by their letters, then exact texts by their length."""
    letters = len(text.replace("*", "").replace("?", ""))
    return (0, 0) if not text else (2, letters) if letters == len(text) else (1, letters)


def claims(app: App, request: Request) -> list[tuple[tuple[Any, ...], str]]:
    """How precisely each service claims a request, the best claim first."""
    found = []
    for service in app.services:
        if service.allowed_addresses and not _is_in(service.allowed_addresses, request.address):
            continue
        best = [
            (precise(host), precise(path), bool(service.allowed_addresses))
            for host in service.hosts or ("",)
            if not host or matches([host], request.host)
            for path in service.paths
            if matches([path], request.path)
        ]
        if best:
            found.append((max(best), service.name))
    return sorted(found, reverse=True)


def expected(app: App, request: Request) -> str | None:
    found = claims(app, request)
    return found[0][1] if found else None


def answering(rules: Iterable[Rule], listener: str, request: Request) -> str | None:
    """The service that a balancer picks: rules by number, each with all of its conditions."""
    for rule in sorted((each for each in rules if each.listener == listener), key=lambda each: each.priority):
        match = rule.match
        if (
            matches(match.paths, request.path)
            and (not match.hosts or matches(match.hosts, request.host))
            and (not match.addresses or _is_in(match.addresses, request.address))
        ):
            return match.claimant
    return None


def played(step: Rendering, listener: str, request: Request) -> str | None:
    """The same from the rules of the templates themselves."""
    rules = []
    for place, rule in step.tree.of_type("AWS::ElasticLoadBalancingV2::ListenerRule").items():
        properties = rule["Properties"]
        if properties["ListenerArn"].parts[1] == listener:
            rules.append((properties["Priority"], place, properties["Conditions"]))
    for _, place, conditions in sorted(rules):
        if all(_holds(condition, request) for condition in conditions):
            return place.removeprefix("service-").partition(".yaml")[0]
    return None


def _holds(condition: dict[str, Any], request: Request) -> bool:
    match condition:
        case {"Field": "path-pattern", "PathPatternConfig": {"Values": values}}:
            return matches(values, request.path)
        case {"Field": "host-header", "HostHeaderConfig": {"Values": values}}:
            return matches(values, request.host)
        case {"Field": "source-ip", "SourceIpConfig": {"Values": values}}:
            return _is_in(values, request.address)
    raise AssertionError(condition)


def _is_in(ranges: Iterable[str], source: str) -> bool:
    return any(ipaddress.ip_address(source) in ipaddress.ip_network(each) for each in ranges)


def every(settled: Plan) -> list[Rule]:
    return [rule for rules in settled.rules.values() for rule in rules]


# Random descriptions of routing: short texts over few letters, so that patterns overlap.

PATHS = st.text("ab/*?", max_size=5).map(lambda text: f"/{text}")
HOSTS = (
    "a.example.com",
    "b.example.com",
    "*.example.com",
    "*.a.example.com",
    "?.example.com",
    "*.com",
    "*?.*?.*.example.com",
)
NAMES = tuple("pqrstu")
REQUESTED_HOSTS = (
    "a.example.com",
    "b.example.com",
    "ab.example.com",
    "b.a.example.com",
    "x.a.b.c.example.com",
    "other.org",
)


@st.composite
def services(draw: st.DrawFn, known: Service | None, name: str) -> Service | None:
    """A new service, or the next version of a known one; `None` for what no description may say."""
    paths = draw(st.lists(PATHS, unique=True, min_size=1, max_size=draw(st.sampled_from((1, 2, 3, 8)))))
    health = paths[0].replace("*", "h").replace("?", "h")
    if known:  # keeps its health path, which it was born with, and the path that holds it
        paths, health = list(dict.fromkeys((known.paths[0], *paths))), known.health_path
    try:
        return Service(
            name=name,
            paths=tuple(paths),
            hosts=tuple(draw(st.lists(st.sampled_from(HOSTS), unique=True, max_size=2))) if draw(st.booleans()) else (),
            allowed_addresses=GUARDED if draw(st.integers(0, 3)) == 3 else (),
            health_path=health,
        )
    except DescriptionError:
        return None


@st.composite
def routings(draw: st.DrawFn) -> list[App]:
    """An application as its services come, go and change their claims; each version is tried against the last."""
    life: list[App] = []
    known: dict[str, Service] = {}
    for _ in range(draw(st.integers(2, 7))):
        name = draw(st.sampled_from(NAMES))
        if name in known and len(known) > 1 and draw(st.booleans()):
            del known[name]
        elif made := draw(services(known.get(name), name)):
            known[name] = made
        if known:
            life.append(App(name="shop", services=tuple(known.values()), balancer=Balancer(https=draw(st.booleans()))))
    return life


def accepted(life: Iterable[App]) -> Iterator[Plan]:
    """Each version that is accepted, after those before it; one that is not is left out."""
    ledger: str | None = None
    for app in life:
        try:
            settled = plan(app, Ledger.read(ledger) if ledger else None)
        except DescriptionError:
            continue
        ledger = settled.ledger.text()
        yield settled


def requests(app: App) -> list[Request]:
    """Requests that its patterns match, and their neighbours."""
    paths = {"/", "/a", "/ab/b"}
    for service in app.services:
        for path in service.paths:
            for star in ("", "a", "b/a", "h"):
                for mark in "ab":
                    paths.add(path.replace("*", star).replace("?", mark))
    return [
        Request(path, host, source)
        for host in REQUESTED_HOSTS
        for path in sorted(paths)
        for source in (INSIDE, OUTSIDE)
    ]


RANDOM = settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


@RANDOM
@given(routings())
def test_the_most_specific_pattern_wins(life: list[App]) -> None:
    for settled in accepted(life):
        rules, app = every(settled), settled.app
        production = "https" if app.balancer.https else "http"
        for request in requests(app):
            name = expected(app, request)
            assert answering(rules, production, request) == name, request
            assert answering(rules, "test", request) == name, request
            if request.address == INSIDE:
                assert reached(rules, "test", request) == name, request


@RANDOM
@given(routings())
def test_two_services_that_claim_a_request_alike_are_refused(life: list[App]) -> None:
    for app in life:
        tied = [
            request for request in requests(app) for first, second, *_ in [[*claims(app, request), None, None]]
            if first and second and first[0] == second[0]
        ]  # fmt: skip
        if tied:
            with pytest.raises(DescriptionError):
                plan(app)


@RANDOM
@given(routings())
def test_rules_stay_within_the_limits_of_a_balancer(life: list[App]) -> None:
    for settled in accepted(life):
        rules = every(settled)
        assert len({(rule.listener, rule.priority) for rule in rules}) == len(rules) <= RULES_OF_A_BALANCER
        for rule in rules:
            match = rule.match
            assert 1 <= rule.priority <= 50000
            assert len(match.paths) + len(match.hosts) + len(match.addresses) <= VALUES_OF_A_RULE
            wildcards = sum(text.count("*") + text.count("?") for text in (*match.paths, *match.hosts))
            assert wildcards <= WILDCARDS_OF_A_RULE, match
        for service in settled.app.services:
            for listener in {rule.listener for rule in rules}:
                own = [rule.match for rule in settled.rules[service.name] if rule.listener == listener]
                assert sorted(path for match in own for path in match.paths) == sorted(service.paths)


@RANDOM
@given(routings())
def test_a_health_path_reaches_its_own_service(life: list[App]) -> None:
    for settled in accepted(life):
        app = settled.app
        for service in app.services:
            for host in service.hosts or ("any.host",):
                request = Request(service.health_path, host.replace("*", "x").replace("?", "x"))
                for listener in ("https" if app.balancer.https else "http", "test"):
                    assert answering(every(settled), listener, request) == service.name


@settings(RANDOM, max_examples=6, phases=(Phase.explicit, Phase.generate))
@given(routings())
def test_templates_say_what_was_planned(life: list[App]) -> None:
    step, ledger = None, None
    for settled in accepted(life):
        step = rendered(settled.app, ledger)
        ledger = step.ledger
    assume(step)
    app = step.app
    for request in requests(app):
        for listener in ("HttpsListener" if app.balancer.https else "HttpListener", "TestListener"):
            assert played(step, listener, request) == expected(app, request), request


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_coffee(stage: str) -> None:
    (app,) = [each for each in load(COFFEE) if each.stage == stage]
    step = rendered(app)
    for listener in ("HttpsListener" if app.balancer.https else "HttpListener", "TestListener"):
        for path, name in {
            "/": "customer",
            "/suppliers": "customer",
            "/health": "customer",
            "/administrator": "customer",
            "/Admin": "customer",
            "/admin": "employee",
            "/admin/": "employee",
            "/admin/suppliers": "employee",
            "/admin/health": "employee",
        }.items():
            assert played(step, listener, Request(path, "shop.example.com")) == name, (listener, path)


def test_an_address_guards_a_service_on_both_listeners() -> None:
    (app, _) = load(COFFEE)
    customer, employee = app.services
    step = rendered(replace(app, services=(customer, replace(employee, allowed_addresses=GUARDED))))
    for listener in ("HttpListener", "TestListener"):
        assert played(step, listener, Request("/admin/suppliers", "any.host", INSIDE)) == "employee"
        assert played(step, listener, Request("/admin/suppliers", "any.host", OUTSIDE)) == "customer"
        assert played(step, listener, Request("/suppliers", "any.host", OUTSIDE)) == "customer"


def test_nobody_answers_what_no_service_claims() -> None:
    step = rendered(App(name="shop", services=(Service(name="a", paths=("/a",), health_path="/a"),)))
    assert played(step, "HttpsListener", Request("/b", "any.host")) is None
    default = step.tree.resources["cluster.yaml/HttpsListener"]["Properties"]["DefaultActions"]
    assert [each["FixedResponseConfig"]["StatusCode"] for each in default] == ["404"]


def service(name: str, **options: Any) -> Service:
    return Service(name=name, health_path=options["paths"][0].replace("*", "h").replace("?", "h"), **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"paths": ("/a/*",)}, {"paths": ("/a/*",)}),
        ({"paths": ("/a/*",)}, {"paths": ("/*/a",)}),
        ({"paths": ("/a?",)}, {"paths": ("/?a",)}),
        ({"paths": ("/a/*", "/b")}, {"paths": ("/c", "/b")}),
        ({"paths": ("/a",), "hosts": ("*.x.com",)}, {"paths": ("/a",), "hosts": ("y.*.com",)}),
        ({"paths": ("/a*", "/b")}, {"paths": ("/ab*", "/b*")}),  # one before, one after
        ({"paths": ("/a",), "allowed_addresses": GUARDED}, {"paths": ("/a",), "allowed_addresses": ("10.0.0.0/8",)}),
    ],
)
def test_conflicts_are_refused(one: dict[str, Any], other: dict[str, Any]) -> None:
    for first, second in ((one, other), (other, one)):
        app = App(name="shop", services=(service("p", **first), service("q", **second)))
        with pytest.raises(DescriptionError, match=r"Service\('q'\)\.paths") as refusal:
            plan(app)
        assert "'p'" in str(refusal.value)


@pytest.mark.parametrize(
    ("p", "q", "answers"),
    [
        ({"paths": ("/a/*",)}, {"paths": ("/*",)}, {"any.host/a/x": "p", "any.host/a": "q"}),
        ({"paths": ("/ab",)}, {"paths": ("/a*",)}, {"any.host/ab": "p", "any.host/abc": "q"}),
        (
            {"paths": ("/p", "/a/*"), "allowed_addresses": GUARDED},
            {"paths": ("/q", "/a/*")},
            {"any.host/a/x": "p"},
        ),
        (
            {"paths": ("/*",), "hosts": ("a.x.com",)},
            {"paths": ("/long/and/exact",), "hosts": ("*.x.com",)},
            {"a.x.com/long/and/exact": "p", "b.x.com/long/and/exact": "q"},
        ),
        (
            {"paths": ("/*",), "hosts": ("*.b.x.com",)},
            {"paths": ("/exact", "/*"), "hosts": ("*.x.com",)},
            {"a.b.x.com/exact": "p", "b.x.com/exact": "q"},
        ),
    ],
)
def test_what_overlaps_in_a_clear_order_is_accepted(p: Any, q: Any, answers: dict[str, str]) -> None:
    for both in ((service("p", **p), service("q", **q)), (service("q", **q), service("p", **p))):
        settled = grown(both)
        for place, name in answers.items():
            host, _, path = place.partition("/")
            assert answering(every(settled), "test", Request(f"/{path}", host)) == name
            assert answering(every(settled), "https", Request(f"/{path}", host)) == name
            if "allowed_addresses" in p:
                assert answering(every(settled), "https", Request(f"/{path}", host, OUTSIDE)) == "q"


@pytest.mark.parametrize(
    ("paths", "health"),
    [(("/a/*",), "/b/health"), (("/*",), "/q/health"), (("/a",), "/a/")],
)
def test_a_health_path_that_reaches_somebody_else_is_refused(paths: tuple[str, ...], health: str) -> None:
    other = Service(name="q", paths=("/q/*",), health_path="/q/health")
    with pytest.raises(DescriptionError, match=r"services\[0\]\.health_path"):
        plan(App(name="shop", services=(Service(name="p", paths=paths, health_path=health), other)))


def test_the_order_of_hosts_decides_nothing() -> None:
    taking = Service(name="q", hosts=("b.example.com",), paths=("/health",))
    outcomes = set()
    for hosts in (("a.example.com", "b.example.com"), ("b.example.com", "a.example.com")):
        try:
            plan(App(name="shop", services=(Service(name="p", hosts=hosts), taking)))
        except DescriptionError as error:
            outcomes.add(str(error.problems[0].fits))
        else:
            outcomes.add("accepted")
    assert len(outcomes) == 1, outcomes


# Room for what comes.


def sibling(index: int, shape: str) -> Service:
    name = f"s{index:02}"
    paths = {
        "siblings": (f"/{name}", f"/{name}/*"),
        "nested": ("/" + "/".join(["deep"] * (index % 9)) + f"/{name}", f"{'/deep' * (index % 9)}/{name}/*"),
        "chain": (f"/{'x' * index}*",) if index else ("/*",),
        "two places": (f"/{name}/*", f"/shared/{'y' * (index % 20)}{name}/*"),
    }[shape]
    return Service(name=name, paths=paths, health_path=f"{paths[-1].replace('*', '')}_")


def grown(every_service: Iterable[Service]) -> Plan:
    """The plan after services came one by one."""
    settled: Plan | None = None
    here: list[Service] = []
    for each in every_service:
        here.append(each)
        settled = plan(App(name="shop", services=tuple(here)), settled.ledger if settled else None)
    assert settled is not None
    return settled


@pytest.mark.parametrize("order", ["alphabetical", "random"])
@pytest.mark.parametrize("shape", ["siblings", "nested", "chain", "two places"])
def test_there_is_room_for_45_services(shape: str, order: str) -> None:
    each = [sibling(index, shape) for index in range(44)]
    front = Service(name="front", paths=("/*",)) if shape != "chain" else sibling(44, shape)
    everybody = [front, *each]
    if order == "random":
        random.Random(45).shuffle(everybody)  # noqa: S311
    settled = grown(everybody)
    assert len(settled.app.services) == 45
    for one in everybody:
        assert reached(every(settled), "https", Request(one.health_path, "any.host")) == one.name


def test_a_rule_finds_a_number_between_two_of_which_one_was_pushed() -> None:
    """The number of a rule that an overlap pushes out of its band leaves room on both sides."""
    reports = Service(name="reports", paths=("/r/*", "/admin/reports/*"), health_path="/r/health")
    admin = Service(name="admin", paths=("/admin/*",), health_path="/admin/health")
    editor = Service(name="editor", paths=("/admin/*/edit",), health_path="/admin/x/edit")
    settled = grown((admin, reports, editor))
    for path, name in {
        "/admin/reports/edit": "reports",
        "/admin/users/edit": "editor",
        "/admin/users": "admin",
        "/r/edit": "reports",
    }.items():
        assert reached(every(settled), "test", Request(path, "any.host")) == name


def test_changes_without_end_use_up_no_room() -> None:
    """Numbers are never given twice; a band that is full goes on beside it, in order."""
    ledger: Ledger | None = None
    wild = Service(name="wild", paths=("/*",))
    for turn in range(200):
        exact = Service(
            name="exact", paths=("/exact/*",), health_path="/exact/health", allowed_addresses=GUARDED * (turn % 2)
        )
        settled = plan(App(name="shop", services=(wild, exact)), ledger)
        ledger = settled.ledger
        assert reached(every(settled), "https", Request("/exact/1", "any.host")) == "exact"
    assert len({(rule.listener, rule.priority) for rule in ledger.rules["exact"]}) == len(ledger.rules["exact"]) == 400


def many(rules: int, prefix: str = "p") -> App:
    """An application with so many rules on each of its two listeners; each service has five at most."""
    counts = [5] * (rules // 5) + ([rules % 5] if rules % 5 else [])
    services = [
        Service(
            name=f"s{index}",
            paths=tuple(f"/s{index}/{prefix}{number}" for number in range(count * VALUES_OF_A_RULE)),
            health_path=f"/s{index}/{prefix}0",
        )
        for index, count in enumerate(counts)
    ]
    return App(name="shop", services=tuple(services))


def test_a_balancer_has_a_hundred_rules() -> None:
    plain = Balancer(https=False)
    settled = plan(replace(many(50), balancer=plain))
    assert len(every(settled)) == RULES_OF_A_BALANCER
    with pytest.raises(DescriptionError, match="102 listener rules; at most 100") as refusal:
        plan(replace(many(51), balancer=plain))
    assert refusal.value.problems[0].option.endswith("services")


def test_the_redirect_of_port_80_is_a_rule_too() -> None:
    assert len(every(plan(many(49)))) == RULES_OF_A_BALANCER - 2
    with pytest.raises(DescriptionError, match="101 listener rules; at most 100"):
        plan(many(50))


def test_no_service_gets_the_number_of_the_redirect() -> None:
    exact = Service(name="exact", hosts=("shop.example.com",), paths=("/" + "x" * 127,), health_path="/" + "x" * 127)
    first = plan(App(name="shop", services=(exact,)))
    assert min(rule.priority for rule in every(first)) > REDIRECT_PRIORITY
    crowded = give_priority(every(first)[0].match, [], range(2, 50001))
    assert crowded is None


def test_old_and_new_rules_count_together() -> None:
    """A rule is made before the one that it replaces goes, so both stand on the balancer for a time (A6.15)."""
    first, second = many(30), many(30, "q")
    kept = tuple(replace(service, health_path=old.health_path, paths=(old.health_path, *service.paths[1:]))
                 for service, old in zip(second.services, first.services, strict=True))  # fmt: skip
    before = plan(first)
    with pytest.raises(DescriptionError, match="at most 100"):
        plan(replace(first, services=kept), before.ledger)
