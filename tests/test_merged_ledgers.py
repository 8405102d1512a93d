"""Ledgers of two branches merge without a conflict that git could see; what comes of it is caught, and mended."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cfngen import App, Ledger, LedgerError, Service, plan
from cfngen.request import Request
from cfngen.routing import reached


def service(name: str, *paths: str) -> Service:
    return Service(name=name, paths=paths, health_path=paths[0].rstrip("*") + ("" if paths[0][-1] != "*" else "x"))


BASE = App(name="shop", services=(service("bb", "/bb"), service("mm", "/mm/*")))


def grown(text: str, *more: Service) -> str:
    return plan(replace(BASE, services=(*BASE.services, *more)), Ledger.read(text)).ledger.text()


def merged(one: str, other: str) -> str:
    """What git makes of two ledgers that each gained a service."""
    data: dict[str, Any] = json.loads(one)
    for part in ("births", "rules"):
        data[part] |= json.loads(other)[part]
    return json.dumps(data)


def test_two_rules_of_one_number_are_refused_with_the_way_out() -> None:
    base = plan(BASE).ledger.text()
    aa, zz = service("aa", "/aa"), service("zz", "/zz")
    text = merged(grown(base, aa), grown(base, zz))
    app = replace(BASE, services=(*BASE.services, aa, zz))
    with pytest.raises(LedgerError, match=r"priority \d+ on the (https|test) listener for 'aa' and 'zz'") as refusal:
        plan(app, Ledger.read(text))
    assert "delete the rules of the service that was never deployed" in str(refusal.value)
    data = json.loads(text)
    del data["rules"]["zz"]
    settled = plan(app, Ledger.read(json.dumps(data)))
    numbers = [(record.listener, record.priority) for records in settled.ledger.rules.values() for record in records]
    assert len(numbers) == len(set(numbers))


def test_rules_in_the_wrong_order_are_refused() -> None:
    base = plan(BASE).ledger.text()
    wide, exact = service("aa", "/aa/*"), service("zz", "/aa/special", "/z/*")
    one, other = json.loads(grown(base, wide)), json.loads(grown(base, exact))
    for record in other["rules"]["zz"]:
        record["priority"] = one["rules"]["aa"][0]["priority"] + 1
    with pytest.raises(LedgerError, match="'aa' and 'zz' on the https listener are in the wrong order"):
        plan(
            replace(BASE, services=(*BASE.services, wide, exact)),
            Ledger.read(merged(json.dumps(one), json.dumps(other))),
        )


PATHS = (*(f"/p{number}" for number in range(9)), "/h")


@pytest.mark.parametrize("more", ["/a0", "/p45", "/zz"])
def test_a_path_more_leaves_every_rule_as_it_is(more: str) -> None:
    before = plan(App(name="shop", services=(service("web", *PATHS),)))
    after = plan(App(name="shop", services=(service("web", *PATHS, more),)), before.ledger)
    assert set(before.rules["web"]) <= set(after.rules["web"])
    assert len(after.rules["web"]) == len(before.rules["web"]) + 2
    assert reached(after.rules["web"], "https", Request(more)) == "web"


def test_a_path_less_replaces_its_own_rule_only() -> None:
    before = plan(App(name="shop", services=(service("web", *PATHS),)))
    after = plan(App(name="shop", services=(service("web", *PATHS[:1], *PATHS[2:]),)), before.ledger)
    kept = set(before.rules["web"]) & set(after.rules["web"])
    assert len(kept) == len(before.rules["web"]) - 2
    assert reached(after.rules["web"], "https", Request(PATHS[1])) is None


def test_rules_of_like_precision_leave_room_for_one_between_them() -> None:
    between = App(
        name="shop", services=(service("bb", "/bb/*"), service("cc", "/cc/*"), service("zz", "/b*", "/cc/x/*"))
    )
    rules = [rule for each in plan(between).rules.values() for rule in each]
    for path, owner in (("/bb/1", "bb"), ("/bx", "zz"), ("/cc/1", "cc"), ("/cc/x/1", "zz")):
        assert reached(rules, "https", Request(path)) == owner
