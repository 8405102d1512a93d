"""The ledger: what it keeps, that its text is stable, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cfngen import (
    App,
    Balancer,
    Database,
    DescriptionError,
    Ledger,
    LedgerError,
    Network,
    Pipeline,
    Service,
    plan,
    stage_files,
)
from cfngen.ledger import RuleRecord
from cfngen.sources import CodeCommit

words = st.text("abcXYZ09 '\"\\é🎉\n", min_size=1, max_size=8)
scalars = words | st.integers() | st.booleans() | st.none()
ids = st.text("abcXYZ09", min_size=1, max_size=8)
records = st.builds(
    RuleRecord,
    digest=ids,
    listener=st.sampled_from(("http", "https", "test")),
    priority=st.integers(1, 50000),
    content=words,
    colour=st.just("blue") | ids,
    retired=st.booleans(),
)
released = st.dictionaries(
    st.from_regex(r"[a-z]{1,4}/[A-Z][A-Za-z0-9]{0,4}", fullmatch=True),
    st.from_regex(r"AWS::[A-Z]{2}::[A-Z]{2}", fullmatch=True),
)
ledgers = st.builds(
    lambda births, rules, resources: Ledger(births, rules).with_resources(resources),
    st.dictionaries(words, st.dictionaries(words, scalars, max_size=4), max_size=4),
    st.dictionaries(words, st.lists(records, max_size=4).map(tuple), max_size=4),
    released,
)

SHOP = App(
    name="shop",
    services=(
        Service(name="shop"),
        Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health"),
    ),
    database=Database(name="shop"),
)


# Its text


@given(ledgers)
@settings(max_examples=100)
def test_a_ledger_reads_back_as_it_was_written(ledger: Ledger) -> None:
    assert Ledger.read(ledger.text()) == ledger
    assert Ledger.read(ledger.text()).text() == ledger.text()


@given(ledgers, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_text_does_not_depend_on_the_order_in_which_things_came(ledger: Ledger, random: Any) -> None:
    def shuffled(mapping: Any) -> dict[str, Any]:
        items = list(mapping.items())
        random.shuffle(items)
        return dict(items)

    births = shuffled({name: shuffled(birth) for name, birth in ledger.births.items()})
    other = Ledger(births, shuffled(ledger.rules))
    for line in shuffled(dict(line.split(" ") for line in ledger.resources)).items():
        other = other.with_resources(dict([line]))
    assert other.text() == ledger.text()


def test_whole_text() -> None:
    ledger = (
        Ledger()
        .with_birth("service shop", {"port": 8080, "health_path": "/health"})
        .with_rules(
            "shop",
            [
                RuleRecord("11", "http", 7, "11", retired=True),
                RuleRecord("22", "http", 9, "33", ("/*",), "ShopRule44Live"),
            ],
        )
        .with_resources({"network/Vpc": "AWS::EC2::VPC", "cluster/Cluster": "AWS::ECS::Cluster"})
    )
    assert (
        ledger.text()
        == """\
{
  "format": 1,
  "births": {
    "service shop": {
      "health_path": "/health",
      "port": 8080
    }
  },
  "rules": {
    "shop": [
      {
        "digest": "11",
        "listener": "http",
        "priority": 7,
        "content": "11",
        "paths": [],
        "colour": "blue",
        "retired": true
      },
      {
        "digest": "22",
        "listener": "http",
        "priority": 9,
        "content": "33",
        "paths": [
          "/*"
        ],
        "colour": "ShopRule44Live"
      }
    ]
  },
  "resources": [
    "cluster/Cluster AWS::ECS::Cluster",
    "network/Vpc AWS::EC2::VPC"
  ]
}
"""
    )


# What it keeps


def test_a_birth_keeps_what_it_has_and_gains_what_is_new() -> None:
    ledger = Ledger().with_birth("a", {"port": 80}).with_birth("a", {"port": 81, "tier": "private"})
    assert ledger.births == {"a": {"port": 80, "tier": "private"}}


def test_a_ledger_is_extended_by_copies() -> None:
    first = Ledger()
    first.with_birth("a", {"port": 80}).with_rules("a", []).with_resources({"a/B": "C"})
    assert first == Ledger()


def test_released_ids_stay_when_their_resource_is_gone() -> None:
    ledger = Ledger().with_resources({"a/B": "C"}).with_resources({"a/D": "E"})
    assert ledger.resources == ("a/B C", "a/D E")


def test_a_second_plan_changes_nothing() -> None:
    first = plan(SHOP)
    assert plan(SHOP, first.ledger) == first
    files = stage_files(SHOP)
    assert stage_files(SHOP, Ledger.read(files["ledger.json"])) == files


def test_rules_and_births_stay_when_services_come_and_go() -> None:
    old = plan(SHOP).ledger
    newcomer = Service(name="blog", paths=("/blog", "/blog/*"), health_path="/blog/health")
    more = plan(replace(SHOP, services=(newcomer, *SHOP.services)), old).ledger
    assert {name: more.rules[name] for name in old.rules} == old.rules
    assert {name: more.births[name] for name in old.births} == old.births
    fewer = plan(replace(SHOP, services=SHOP.services[:1]), more).ledger
    again = plan(replace(SHOP, services=(newcomer, *SHOP.services)), fewer)
    assert again.ledger.births == more.births
    numbers = [(record.listener, record.priority) for records in again.ledger.rules.values() for record in records]
    assert len(numbers) == len(set(numbers))


def test_a_new_default_does_not_touch_what_was_born_with_another() -> None:
    born = plan(SHOP).ledger.births
    old = Ledger(
        {
            **born,
            "service shop": {**born["service shop"], "bootstrap_image": "old"},
            "database": {**born["database"], "engine_version": "8.4.1"},
        }
    )
    settled = plan(SHOP, old)
    assert settled.bootstrap_images["shop"] == "old"
    assert settled.bootstrap_images["admin"] != "old"
    assert settled.engine_version == "8.4.1"


def test_a_changed_rule_retires_the_old_one_and_takes_a_number_of_its_own() -> None:
    old = plan(SHOP)
    guarded = replace(SHOP, services=(SHOP.services[0], replace(SHOP.services[1], allowed_addresses=("10.0.0.0/8",))))
    new = plan(guarded, old.ledger)
    before, after = old.ledger.rules["admin"], new.ledger.rules["admin"]
    assert after[: len(before)] == tuple(replace(record, retired=True) for record in before)
    assert not {record.priority for record in before} & {record.priority for record in after[len(before) :]}
    assert [name for name, _ in new.live_parameters] == sorted({record.colour for record in after[len(before) :]})
    back = plan(SHOP, new.ledger).ledger.rules["admin"]
    digests = [(record.listener, record.digest) for record in back]
    assert len(set(digests)) == len(digests) == 3 * len(before)


# What it refuses


def _changed(**changes: Any) -> Callable[[], object]:
    """The shop with an option changed after its first release."""

    def refused() -> object:
        ledger = Ledger.read(stage_files(SHOP)["ledger.json"])
        of_service = {key: value for key, value in changes.items() if key in ("port", "health_path")}
        others = {key: value for key, value in changes.items() if key not in of_service}
        services = (replace(SHOP.services[0], **of_service), *SHOP.services[1:])
        return stage_files(replace(SHOP, services=services, **others), ledger)

    return refused


def _own_key_no_more() -> object:
    ledger = Ledger.read(stage_files(replace(SHOP, own_key_for=("images", "logs")))["ledger.json"])
    return plan(replace(SHOP, own_key_for=("logs",)), ledger)


def _retyped() -> object:
    ledger = Ledger().with_resources({"network/Vpc": "AWS::EC2::Subnet", "network/FlowLog": "AWS::EC2::VPC"})
    return stage_files(SHOP, ledger)


def _no_room() -> object:
    taken = [RuleRecord(f"{number}", "https", number, f"{number}", retired=True) for number in range(1, 50001)]
    return plan(SHOP, Ledger().with_rules("gone", taken))


def _less_storage(*sizes: int) -> Callable[[], object]:
    """The shop with one size of its database after the other."""

    def refused() -> object:
        ledger = None
        for size in sizes:
            database = Database(name="shop", storage_gib=size, storage_ceiling_gib=900)
            ledger = Ledger.read(stage_files(replace(SHOP, database=database), ledger)["ledger.json"])
            # A change meanwhile, and a stage without its database, forget nothing.
            for other in (replace(SHOP, database=replace(database, backup_days=9)), replace(SHOP, database=None)):
                ledger = Ledger.read(stage_files(other, ledger)["ledger.json"])
        return ledger

    return refused


def _too_many_rules_at_once() -> object:
    services = tuple(
        Service(name=f"s{number}", paths=(f"/s{number}/*",), health_path=f"/s{number}/health") for number in range(40)
    )
    plain = App(name="shop", services=services, balancer=Balancer(https=False))
    return plan(replace(plain, balancer=Balancer()), plan(plain).ledger)


def _fewer_zones() -> object:
    three = replace(SHOP, network=Network(zones=3))
    return plan(SHOP, Ledger.read(stage_files(three)["ledger.json"]))


ALWAYS_REFUSED: dict[str, tuple[Callable[[], object], list[str], str]] = {
    "port": (_changed(port=9090), ["App('shop').services[0].port"], "it was born with 8080 and keeps it"),
    "health path": (_changed(health_path="/up"), ["App('shop').services[0].health_path"], "it was born with '/health'"),
    "image key": (
        _changed(own_key_for=("images",)),
        ["App('shop').own_key_for", "App('shop').own_key_for"],
        "would be without its images. Ways out: leave 'images' out of own_key_for; make a new stage beside this one; or,",
    ),
    "image key no more": (
        _own_key_no_more,
        ["App('shop').own_key_for", "App('shop').own_key_for"],
        "Ways out: leave 'images' in own_key_for; make a new stage beside this one; or,",
    ),
    "storage": (
        _less_storage(100, 99),
        ["App('shop').database.storage_gib"],
        "99; it was 100 before, and the storage of a database never shrinks: the update would fail. Ways out: keep 100;",
    ),
    "storage that grew": (
        _less_storage(20, 50, 50, 200, 50),
        ["App('shop').database.storage_gib"],
        "50; it was 200 before",
    ),
    "another application": (_changed(name="store"), ["App('store').name"], "ledger.json belongs to 'shop'"),
    "another stage": (_changed(stage="prod"), ["App('shop').stage"], "ledger.json belongs to 'dev'"),
    "network": (_changed(network=Network(cidr="10.1.0.0/16")), ["App('shop').network.cidr"], "born with '10.0.0.0/16'"),
    "zones": (_fewer_zones, ["App('shop').network.zones"], "3: tasks and the database may live in any of them"),
    "schema": (_changed(database=Database(name="store")), ["App('shop').database.name"], "was born with 'shop'"),
    "database key": (_changed(own_key_for=("database",)), ["App('shop').own_key_for"], "was born with 'aws'"),
    "everything at once": (
        _changed(port=1234, health_path="/up", network=Network(cidr="10.1.0.0/16"), database=Database(name="store")),
        [
            "App('shop').services[0].port",
            "App('shop').services[0].health_path",
            "App('shop').network.cidr",
            "App('shop').database.name",
        ],
        "Ways out: keep 8080; change over, deploying each step: add a second service",
    ),
    "types of ids": (
        _retyped,
        ["resource network/FlowLog", "resource network/Vpc"],
        "was AWS::EC2::Subnet, would become AWS::EC2::VPC; a logical id keeps its type for ever",
    ),
    "no room": (_no_room, ["Service('admin').paths"], "no priority is left"),
}


@pytest.mark.parametrize(("refused", "options", "says"), ALWAYS_REFUSED.values(), ids=ALWAYS_REFUSED)
def test_what_would_break_a_promise_is_refused(refused: Callable[[], object], options: list[str], says: str) -> None:
    with pytest.raises(LedgerError) as caught:
        refused()
    assert [problem.option for problem in caught.value.problems] == options
    # Options are told with the user's line, ids with the file that remembers them.
    files = {Path(problem.file).name for problem in caught.value.problems}
    assert files == {"ledger.json" if options[0].startswith("resource") else "test_ledger.py"}
    assert says in str(caught.value)


@pytest.mark.parametrize("name", ["port", "health path", "image key", "network", "zones"])
def test_who_never_deployed_may_begin_again(name: str) -> None:
    with pytest.raises(LedgerError, match=r"or, if this stage was never deployed, delete ledger.json and generate"):
        ALWAYS_REFUSED[name][0]()


@pytest.mark.parametrize(
    "change",
    [
        {"balancer": Balancer(https=False)},
        {"database": None},
        {"network": Network(zones=3)},
        {"pipeline": Pipeline(source=CodeCommit())},
        {"own_key_for": ("logs", "artifacts")},
        {"services": SHOP.services[1:]},
        {"tags": {"Team": "blue"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_changes_are_not_refused(change: dict[str, Any]) -> None:
    ledger = Ledger.read(stage_files(SHOP)["ledger.json"])
    extended = Ledger.read(stage_files(replace(SHOP, **change), ledger)["ledger.json"])
    assert set(ledger.resources) <= set(extended.resources)
    assert {name: extended.births[name] for name in ledger.births} == ledger.births


def _text(**parts: object) -> str:
    return json.dumps({"format": 1, "births": {}, "rules": {}, "resources": [], **parts})


RECORD = {"digest": "a", "listener": "http", "priority": 1, "content": "a"}
UNREADABLE = {
    "nothing": "",
    "no JSON": "{",
    "a merge conflict": "<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n",
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "an empty object": "{}",
    "no births": '{"format": 1, "rules": {}, "resources": []}',
    "no rules": '{"format": 1, "births": {}, "resources": []}',
    "no resources": '{"format": 1, "births": {}, "rules": {}}',
    "births are a list": _text(births=[]),
    "a birth is a number": _text(births={"network": 5}),
    "a birth is a list": _text(births={"network": []}),
    "a stage without a name": _text(births={"stage": {"application": "shop"}}),
    "an empty stage": _text(births={"stage": {}}),
    "a stage of numbers": _text(births={"stage": {"application": 1, "name": "dev"}}),
    "an image that is a number": _text(births={"service shop": {"bootstrap_image": 7}}),
    "an image that is null": _text(births={"service shop": {"bootstrap_image": None}}),
    "an image that UTF-8 cannot write": _text(births={"service shop": {"bootstrap_image": "\ud800"}}),
    "a port that is a text": _text(births={"service shop": {"port": "8080"}}),
    "a port that is true": _text(births={"service shop": {"port": True}}),
    "a range that is a list": _text(births={"network": {"cidr": ["10.0.0.0/16"]}}),
    "a version that is a number": _text(births={"database": {"engine_version": 8.4}}),
    "a storage that is a text": _text(births={"database": {"storage_gib": "20"}}),
    "something deep": _text(births={"other": {"key": [[[[]]]]}}),
    "something very deep": _text(births={"other": {"key": 5}}).replace("5", "[" * 900 + "]" * 900),
    "something deeper still": _text(births={"other": {"key": 5}}).replace("5", "[" * 99999 + "]" * 99999),
    "a fraction": _text(births={"other": {"key": 0.5}}),
    "a number of any length": _text(births={"other": {"key": 5}}).replace("5", "5" * 5000),
    "a digest that is no part of a name": _text(rules={"shop": [{**RECORD, "digest": "a-b"}]}),
    "an empty digest": _text(rules={"shop": [{**RECORD, "digest": ""}]}),
    "a colour that is no name": _text(rules={"shop": [{**RECORD, "colour": "light blue"}]}),
    "rules are a list": _text(rules=[]),
    "records are an object": _text(rules={"shop": {}}),
    "a record is a text": _text(rules={"shop": ["a"]}),
    "a record is not whole": _text(rules={"shop": [{"digest": "a"}]}),
    "a record has more": _text(rules={"shop": [{**RECORD, "more": 1}]}),
    "a priority is a text": _text(rules={"shop": [{**RECORD, "priority": "1"}]}),
    "a priority is true": _text(rules={"shop": [{**RECORD, "priority": True}]}),
    "a digest is a number": _text(rules={"shop": [{**RECORD, "digest": 1}]}),
    "a colour is null": _text(rules={"shop": [{**RECORD, "colour": None}]}),
    "retired is a text": _text(rules={"shop": [{**RECORD, "retired": "no"}]}),
    "resources are a text": _text(resources="network/Vpc AWS::EC2::VPC"),
    "resources are an object": _text(resources={}),
    "a resource is a number": _text(resources=[1]),
    "a resource has no type": _text(resources=["network/Vpc"]),
}


@pytest.mark.parametrize(
    ("path", "new"),
    [
        (("/*",), {"port": 9090, "health_path": "/new/health"}),
        (("/admin", "/admin/*"), {"health_path": "/new/up"}),
        (("/a/*", "/b/*"), {"port": 1024, "health_path": "/new/a/b"}),
    ],
)
def test_the_way_out_of_a_birth_can_be_followed(path: tuple[str, ...], new: dict[str, Any]) -> None:
    """Step by step as the error says, each one settled with the ledger of the one before."""
    old = Service(name="old", paths=path, health_path=path[-1].replace("*", "health"))
    rest = Service(name="rest", hosts=("rest.example.com",))
    second = Service(name="second", source=old.source_folder, paths=("/new/*",), **new)
    steps = [
        (old,),
        (old, second),  # ... and release it
        (
            replace(old, paths=(old.health_path,)),
            replace(second, paths=(*path, *second.paths)),
        ),
        (replace(second, paths=(*path, *second.paths)),),
        (replace(second, paths=(*path, *second.paths)), rest),
    ]
    ledger: Ledger | None = None
    for services in steps:
        files = stage_files(App(name="shop", services=services), ledger)
        ledger = Ledger.read(files["ledger.json"])


def test_births_of_an_earlier_version_gain_what_they_lack() -> None:
    older = _text(
        births={"service shop": {"port": 8080}, "database": {"name": "shop"}, "network": {}, "other": {"a": 1}}
    )
    births = plan(SHOP, Ledger.read(older)).ledger.births
    assert {**plan(SHOP).ledger.births, "other": {"a": 1}} == births


def test_too_many_rules_at_once_are_told_with_what_can_be_done() -> None:
    with pytest.raises(DescriptionError) as caught:
        _too_many_rules_at_once()
    (problem,) = caught.value.problems
    assert problem.given == "81 listener rules, and 40 that stay until the update is over"
    assert problem.fits.endswith(
        "AWS can raise this quota, but cfngen keeps to its default; name fewer paths, or change fewer rules in one update"
    )


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_refused_before_it_does_harm(text: str) -> None:
    with pytest.raises(LedgerError, match="restore it from version control") as caught:
        Ledger.read(text, "templates/shop/dev/ledger.json")
    (problem,) = caught.value.problems
    assert str(problem).startswith("templates/shop/dev/ledger.json: ledger: it cannot be read")
    assert "\n" not in str(problem)
    assert len(str(problem)) < 400


@pytest.mark.parametrize("number", [0, 2, "1", None, True])
def test_a_format_of_another_version_is_refused(number: object) -> None:
    with pytest.raises(LedgerError) as caught:
        Ledger.read(_text(format=number), "a/ledger.json")
    assert str(caught.value) == (
        f"a/ledger.json: format: {number!r}; this cfngen reads format 1; use the version that wrote the file"
    )


def test_the_ledgers_of_this_project_are_read() -> None:
    files = sorted((Path(__file__).parent.parent / "templates").rglob("ledger.json"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert Ledger.read(text).text() == text
