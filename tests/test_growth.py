"""Growth changes nothing that exists: a further service, zone or option leaves every other resource as it was.

Resources are compared with parameters resolved through the tree (statement 6), files byte by byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from resolve import STACK, Rendering, differing, rendered
from strategies import apps, service_options, with_service, without

from cfngen import (
    AlarmName,
    App,
    Arn,
    Balancer,
    CodeCommit,
    Connection,
    Container,
    Database,
    KeyArn,
    Network,
    OffHours,
    Pipeline,
    PolicyArn,
    Release,
    Secret,
    SecretArn,
    Service,
    SmokeTest,
    SsmParameter,
    Statement,
    Text,
    stage_files,
    title,
)
from cfngen.describe import Description

RANDOM = settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),  # whole applications take minutes to shrink
)

SEQUENCES = {"migrate", "command"}
"""Options whose order means something; that of every other one does not."""


Arrange = Callable[[list[Any]], list[Any]]


def reordered(arrange: Arrange, item: Any) -> Any:
    """The same description, with everything that is a set or a mapping in another order."""
    match item:
        case Description():
            changes = {
                each.name: reordered(arrange, getattr(item, each.name))
                for each in fields(item)
                if each.name not in SEQUENCES
            }
            return replace(item, **changes)
        case tuple():
            return tuple(arrange([reordered(arrange, each) for each in item]))
        case Mapping():
            return {key: reordered(arrange, item[key]) for key in arrange(list(item))}
    return item


@st.composite
def twins(draw: st.DrawFn) -> tuple[App, App]:
    app = draw(apps())
    return app, reordered(lambda items: draw(st.permutations(items)), app)


@st.composite
def growths(draw: st.DrawFn) -> tuple[App, App, str]:
    """An application without and with one of its services."""
    larger = draw(apps())
    name = draw(st.sampled_from([service.name for service in larger.services]))
    smaller = without(larger, name)
    assume(smaller != larger)
    # The first behind a balancer brings it: tests/test_internal.py.
    assume(smaller.has_internal_services == larger.has_internal_services)
    assume(smaller.asks_for_public_balancer == larger.asks_for_public_balancer)
    return smaller, larger, name


@st.composite
def changes_of_a_service(draw: st.DrawFn) -> tuple[App, App, str]:
    """An application before and after a change of one service, with another service beside it."""
    app = draw(apps())
    name = draw(st.sampled_from([service.name for service in app.services]))
    options = service_options(name)
    changed = app
    for option in draw(
        st.lists(
            st.sampled_from(sorted(options.keys() - {"port", "health_path", "protocol_version", "internal"})),
            min_size=1,
            max_size=3,
        )
    ):
        changed = with_service(changed, name, draw(options[option]))
    assume(changed != app and len(app.services) > 1)
    # The first smoke test of a stage, and the last, lets the network's addresses in at the test port.
    assume(changed.has_smoke_tests == app.has_smoke_tests)
    return app, changed, name


@RANDOM
@given(twins())
def test_no_order_changes_a_byte(pair: tuple[App, App]) -> None:
    one, other = pair
    assert stage_files(one) == stage_files(other)


BUCKET = "arn:${AWS::Partition}:s3:::"
OF_MANY = Service(
    name="front",
    paths=("/*", "/b"),
    hosts=("shop.example.com", "*.example.com"),
    allowed_addresses=("203.0.113.0/24", "198.51.100.7/32"),
    shared=("lib", "common"),
    build_context=".",
    writable_paths=("/var/b", "/run/a"),
    egress_ports=(5671, 443),
    environment={"TOPIC": Text.parameter("Topic"), "LEVEL": "info"},
    secrets={
        "MAIL": SsmParameter(name="/shop/mail", encrypted_with=KeyArn.parameter("MailKey")),
        "CARD": SsmParameter(name="/shop/card", encrypted_with=KeyArn.parameter("CardKey")),
        "TOKEN": Secret(arn=SecretArn.parameter("TokenArn")),
        "CODE": Secret(arn=SecretArn.parameter("CodeArn")),
    },
    release=Release(alarms=(AlarmName.parameter("SalesAlarm"), AlarmName("stock"), AlarmName("errors"))),
    containers=(
        Container(name="worker", source="services/worker", essential=False, depends_on={"first": "SUCCESS"}),
        Container(name="first", command=("true",), essential=False, writable_paths=("/c/b", "/c/a")),
    ),
    depends_on={"worker": "START", "first": "SUCCESS"},
    statements=(
        Statement(actions=("sqs:ListQueues",), resources=("*",), reason="the queues are many"),
        Statement(actions=("s3:ListAllMyBuckets",), resources=("*",), reason="it takes no resource"),
        Statement(
            actions=("s3:PutObject", "s3:GetObject"),
            resources=(Arn.parameter("Pictures"), f"{BUCKET}z/*", Arn.parameter("Books"), f"{BUCKET}a/*"),
        ),
    ),
    policies=("CloudWatchReadOnlyAccess", PolicyArn.parameter("OwnPolicy"), "AmazonS3ReadOnlyAccess"),
)


def test_several_of_everything_the_other_way_round_are_the_same_bytes() -> None:
    app = replace(WHOLE, services=(OF_MANY, *WHOLE.services[1:]), tags={"Team": "shop", "CostCentre": "7"})
    other = reordered(lambda items: items[::-1], app)
    assert stage_files(app) == stage_files(other)


@RANDOM
@given(growths())
def test_a_service_more_or_less_changes_its_own_and_what_watches_all(growth: tuple[App, App, str]) -> None:
    smaller, larger, name = growth
    before = rendered(smaller)
    after = rendered(larger, before.ledger)
    again = rendered(smaller, after.ledger)
    for one, other in ((before, after), (after, again)):
        others = {place for place in differing(one.tree, other.tree) if not _belongs(place, name)}
        assert others == {"watch.yaml/Alarm", "watch.yaml/Dashboard"}
        _check_root(one, other, name)
        changed = {
            file for file in one.files.keys() | other.files.keys() if one.files.get(file) != other.files.get(file)
        }
        beside = {file for file in changed if not _belongs(file.replace(".yaml", ".yaml/"), name)}
        assert beside == {"ledger.json", "watch.yaml", one.tree.root}
        _check_ledger(one.ledger, other.ledger, name)
    assert not differing(before.tree, again.tree)


@RANDOM
@given(changes_of_a_service())
def test_an_option_of_a_service_changes_no_other_service(change: tuple[App, App, str]) -> None:
    app, changed, name = change
    before = rendered(app)
    after = rendered(changed, before.ledger)
    assert {place for place in differing(before.tree, after.tree) if not _belongs(place, name)} == set()
    _check_ledger(before.ledger, after.ledger, name)
    files = {
        file for file in before.files.keys() | after.files.keys() if before.files.get(file) != after.files.get(file)
    }
    beside = {file for file in files if not _belongs(file.replace(".yaml", ".yaml/"), name)}
    assert beside <= {"ledger.json", before.tree.root}


def _belongs(place: str, name: str) -> bool:
    return place.startswith((f"service-{name}.yaml/", f"pipeline-{name}.yaml/", f"{name}/"))


def _check_root(one: Rendering, other: Rendering, name: str) -> None:
    """Only the stacks of the service come or go, only what watches all is wired anew, and the redirect waits for all."""
    old, new = (each.tree.bodies[each.tree.root]["Resources"] for each in (one, other))
    stacks = {title("service", name), title("pipeline", name), "Watch", "Redirect"}
    assert {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)} <= stacks
    assert all(each["Type"] == STACK for each in (*old.values(), *new.values()))


def _check_ledger(one: str, other: str, name: str) -> None:
    """Nothing is forgotten, and nothing said anew of anybody else."""
    old, new = json.loads(one), json.loads(other)
    assert set(old["resources"]) <= set(new["resources"])
    assert all(
        _belongs(line.replace("/", ".yaml/", 1), name) or line.endswith(STACK)
        for line in set(new["resources"]) - set(old["resources"])
    )
    for part, own in (("births", f"service {name}"), ("rules", name)):
        assert {key: each for key, each in old[part].items() if key != own} == {
            key: each for key, each in new[part].items() if key != own
        }


WHOLE = App(
    name="shop",
    services=(
        Service(name="front", paths=("/*",)),
        Service(name="back", paths=("/back/*",), health_path="/back/health", migrate=("node", "migrate.js")),
    ),
    network=Network(zones=2),
    database=Database(readers=("front",), writers=("back",)),
    balancer=Balancer(),
    pipeline=Pipeline(source=CodeCommit(create=True)),
    own_key_for=("logs", "artifacts", "images", "database"),
    off_hours=OffHours(),
    cloud9=True,
)
OF_A_ZONE = {
    *(f"{tier}Subnet3" for tier in ("Public", "Private", "Isolated")),
    *(f"{tier}Subnet3RouteTableAssociation" for tier in ("Public", "Private", "Isolated")),
    "PrivateRouteTable3",
    "PrivateRoute3",
}


@pytest.mark.parametrize("nat", ["one", "one per zone"])
def test_a_further_zone_moves_no_subnet(nat: Any) -> None:
    before = rendered(replace(WHOLE, network=Network(zones=2, nat=nat)))
    after = rendered(replace(WHOLE, network=Network(zones=3, nat=nat)), before.ledger)
    added = OF_A_ZONE | ({"NatGateway3", "NatAddress3"} if nat == "one per zone" else set())
    assert after.tree.resources.keys() - before.tree.resources.keys() == {f"network.yaml/{name}" for name in added}
    assert before.tree.resources.keys() <= after.tree.resources.keys()
    assert differing(before.tree, after.tree) & before.tree.resources.keys() == {
        "cluster.yaml/LoadBalancer",  # reaches into the new zone
        "database.yaml/SubnetGroup",  # so does the database's failover
        "network.yaml/S3Endpoint",  # the new zone's table
        "pipeline-back.yaml/BuildProject",  # the next release's tasks may run there,
        "pipeline-back.yaml/Migration",  # and migrations
        "pipeline-front.yaml/BuildProject",
    }
    blocks = [
        each["Properties"]["CidrBlock"] for each in after.tree.of_type("AWS::EC2::Subnet", "network.yaml").values()
    ]
    assert len(set(blocks)) == len(blocks) == 9


OUTSIDE_OF_SERVICES = [
    {"alarm_email": "shop@example.com"},
    {"cloud9": False},
    {"network": Network(zones=3)},
    {"network": Network(nat="one")},
    {"balancer": Balancer(domain="shop.example.com")},
    {"balancer": Balancer(test_port=9000)},
    {"balancer": Balancer(test_addresses=("192.0.2.0/24",))},
    {"balancer": Balancer(access_logs=False, deletion_protection=False)},
    {"database": replace(WHOLE.database, instance_class="db.m7g.large", storage_gib=50, multi_az=True)},
    {"database": replace(WHOLE.database, backup_days=30, protected=False)},
    {"pipeline": Pipeline(source=Connection(repository="acme/shop"))},
    {"pipeline": Pipeline(source=CodeCommit(branch="dev"), approval=True, test_command="make", scan_threshold="NONE")},
    {"own_key_for": ("logs", "images", "database")},
]


@pytest.mark.parametrize("changes", OUTSIDE_OF_SERVICES, ids=lambda each: str(each)[:50])
def test_an_option_outside_of_services_changes_nothing_of_a_service(changes: dict[str, Any]) -> None:
    before = rendered(WHOLE)
    after = rendered(replace(WHOLE, **changes), before.ledger)
    changed = differing(before.tree, after.tree)
    assert changed
    assert not {place for place in changed if place.startswith("service-")}
    assert before.settled.ledger.rules == after.settled.ledger.rules
    births = after.settled.ledger.births
    assert {key: births[key] for key in births if key.startswith("service")} == {
        key: each for key, each in before.settled.ledger.births.items() if key.startswith("service")
    }


def test_the_first_smoke_test_of_a_stage_opens_the_test_port_to_it_and_changes_nothing_else_of_others() -> None:
    app = App(
        name="shop",
        balancer=Balancer(domain="shop.example.com"),
        services=(Service(name="web"), Service(name="api", paths=("/api/*",), health_path="/api/health")),
    )
    asked = replace(app.service("web"), release=Release(smoke_test=SmokeTest(path="/items")))
    before = rendered(app)
    after = rendered(replace(app, services=(asked, app.service("api"))), before.ledger)
    places = {place for place in differing(before.tree, after.tree) if not _belongs(place, "web")}
    assert places == {"cluster.yaml/SmokeTestIngress1", "cluster.yaml/SmokeTestIngress2"}
