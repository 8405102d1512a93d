"""DNS names: a record stays where it stands, under the id that it has, and each name has a certificate that is for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from resolve import Rendering, Tree, differing, rendered, replaced

from cfngen import App, Balancer, DescriptionError, Ledger, Redirect, Service, plan

RECORD, CERTIFICATE = "AWS::Route53::RecordSet", "AWS::CertificateManager::Certificate"
WEB = Service(name="web")


def hosted(name: str, *hosts: str) -> Service:
    return Service(name=name, hosts=hosts or (f"{name}.example.com",))


def app(*services: Service, per_cell: int = 1, **options: Any) -> App:
    given_options = {"https": False, "domain": "www.example.com", **options}
    return App(name="shop", services=(WEB, *services), services_per_cell=per_cell, balancer=Balancer(**given_options))


def records(tree: Tree) -> dict[str, str]:
    """The logical id of each name's record."""
    return {
        each["Properties"]["Name"]: place.rpartition("/")[2]
        for place, each in tree.of_type(RECORD, "cluster.yaml").items()
    }


def refusal(described: App, ledger: str | None = None) -> str:
    with pytest.raises(DescriptionError) as refused:
        plan(described, Ledger.read(ledger) if ledger else None)
    return str(refused.value)


def test_the_record_of_an_alias_stays_where_it_stands_while_somebody_lives_there() -> None:
    aliases = ("aa.example.com", "bb.example.com")
    before = rendered(app(hosted("aa"), hosted("bb", "bb.example.com", "b2.example.com"), aliases=aliases))
    assert before.settled.names[3] == ("bb.example.com",)
    after = rendered(app(hosted("aa"), hosted("bb", "b2.example.com"), aliases=aliases), before.ledger)
    assert after.settled.names == before.settled.names
    emptied = rendered(app(hosted("aa"), aliases=aliases), after.ledger)
    assert emptied.settled.names == {1: ("www.example.com", "bb.example.com"), 2: ("aa.example.com",)}
    back = rendered(app(hosted("aa"), hosted("bb", "b2.example.com"), aliases=aliases), emptied.ledger)
    assert back.settled.names[1] == ("www.example.com", "bb.example.com"), "it moved, and stays there"


@pytest.mark.parametrize(
    ("services", "options", "option"),
    [
        ((hosted("aa"), hosted("bb", "b2.example.com", "x.example.com")), {}, "services[2].hosts"),
        ((hosted("aa"), hosted("bb", "b2.example.com", "aa.example.com")), {}, "services[2].hosts"),
        ((hosted("aa", "a2.example.com"), hosted("bb")), {"domain": "aa.example.com"}, "balancer.domain"),
        (
            (hosted("aa", "a2.example.com"), hosted("bb")),
            {"redirects": (Redirect(hosts=("aa.example.com",), to_host="www.example.com"),)},
            "balancer.redirects[0].hosts",
        ),
    ],
)
def test_a_name_is_not_wanted_elsewhere_while_its_record_stands(
    services: tuple[Service, ...], options: dict[str, Any], option: str
) -> None:
    aliases = ("aa.example.com", "x.example.com")
    before = rendered(app(hosted("aa"), hosted("bb", "b2.example.com"), aliases=aliases))
    assert before.settled.names[1] == ("www.example.com", "x.example.com")
    assert before.settled.names[2] == ("aa.example.com",)
    wanted = {"aliases": aliases, **options}
    wanted["aliases"] = tuple(each for each in wanted["aliases"] if each != wanted.get("domain"))
    if "aa.example.com" in services[1].hosts:
        services = (hosted("aa", "a2.example.com"), services[1])
    told = refusal(app(*services, **wanted), before.ledger)
    assert "while it does no other root can make it" in told
    assert option in told
    given_up = {**wanted, "aliases": ("y.example.com",)}
    given_up |= {"domain": "www.example.com", "redirects": ()}
    least = tuple(replace(each, hosts=(f"{each.name}-own.example.com",)) for each in services)
    between = rendered(app(*least, **given_up), before.ledger)
    assert rendered(app(*services, **wanted), between.ledger).settled.names


NAMES = ("a.example.com", "b.example.com", "c.d.example.com", "*.example.com", "*.d.example.com")
Version = tuple[str, frozenset[str], dict[str, tuple[str, ...]]]
VERSIONS: st.SearchStrategy[list[Version]] = st.lists(
    st.tuples(
        st.sampled_from(("www.example.com", "a.example.com", "b.example.com")),
        st.frozensets(st.sampled_from((*NAMES, "www.example.com"))),
        st.dictionaries(
            st.sampled_from("pqrs"), st.sampled_from([(each,) for each in NAMES] + [("own",)] * 4), max_size=3
        ),
    ),
    min_size=2,
    max_size=8,
)


def described(version: Version) -> App:
    domain, aliases, services = version
    own = tuple(
        Service(
            name=name,
            hosts=tuple(host.replace("own", f"{name}.example.org") for host in hosts),
            paths=(f"/{name}/*",),
            health_path=f"/{name}/h",
        )
        for name, hosts in services.items()
    )
    return app(*own, domain=domain, aliases=tuple(sorted(aliases - {domain})))


@settings(
    max_examples=70, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(VERSIONS)
def test_no_name_ever_moves_to_another_root_while_its_own_is_there(versions: list[Version]) -> None:
    """Whatever becomes of domain, aliases and hosts; what cannot be is refused."""
    before = None
    for version in versions:
        try:
            settled = plan(described(version), before and Ledger.read(before.ledger.text()))
        except DescriptionError:
            continue
        names = [name for each in settled.names.values() for name in each]
        assert len(names) == len(set(names))
        assert {settled.app.balancer.domain, *settled.app.balancer.aliases} <= set(names)
        if before:
            assert settled.domain == before.domain
            was = {name: cell for cell, each in before.names.items() for name in each}
            used = {1, *settled.further_cells}
            moved = {name for cell, each in settled.names.items() for name in each if was.get(name, cell) != cell}
            assert not {name for name in moved if was[name] in used}
        before = settled


def test_a_domain_is_renamed_and_swapped_without_a_second_record_for_a_name() -> None:
    first = rendered(app(aliases=("b.example.com",), https=True, request_certificate=True))
    assert records(first.tree)["www.example.com"] == "Alias"
    swapped = rendered(
        app(domain="b.example.com", aliases=("www.example.com",), https=True, request_certificate=True), first.ledger
    )
    assert records(swapped.tree) == records(first.tree)
    assert not {place for place in differing(first.tree, swapped.tree) if place.startswith("cluster.yaml/")}
    third = rendered(app(domain="c.example.com", https=True, request_certificate=True), swapped.ledger)
    assert set(records(third.tree)) == {"c.example.com"}
    assert "Alias" not in records(third.tree).values()
    back = rendered(app(https=True, request_certificate=True), third.ledger)
    assert records(back.tree) == {"www.example.com": "Alias"}
    for old, new in ((first, swapped), (swapped, third), (third, back)):
        assert not [each for each in replaced(old.tree, new.tree) if "Alias" in each[0]]


def test_a_ledger_of_before_knows_no_birth_and_its_templates_stay() -> None:
    made = rendered(app(aliases=("b.example.com",)))
    known = Ledger.read(made.ledger)
    old = replace(known, births={name: each for name, each in known.births.items() if name != "balancer"})
    again = rendered(app(aliases=("b.example.com",)), old.text())
    assert again.files == made.files


def certificates(tree: Tree) -> set[str]:
    return {each["Properties"]["DomainName"] for each in tree.of_type(CERTIFICATE).values()}


def issuing(*hosts: str, aliases: tuple[str, ...] = ("*.example.com",)) -> App:
    return app(hosted("aa", *hosts), aliases=aliases, https=True, request_certificate=True)


def test_a_wildcard_certificate_is_for_exactly_one_label() -> None:
    def of_cell(done: Rendering) -> set[str]:
        return certificates(done.cells[2]) - {"www.example.com"}

    assert of_cell(rendered(issuing("aa.example.com"))) == {"*.example.com"}
    assert of_cell(rendered(issuing("a.b.example.com"))) == {"a.b.example.com"}
    assert of_cell(rendered(issuing("a.b.example.com", "c.b.example.com", aliases=("*.example.com", "*.b.example.com")))) == {"*.b.example.com"}  # fmt: skip


def test_more_certificates_than_a_balancer_takes_are_refused() -> None:
    deep = tuple(f"h{number}.b.example.com" for number in range(26))
    assert "26 certificates; at most 25 certificates beside the first" in refusal(issuing(*deep))
    long = f"{'a' * 60}.b.example.com"
    assert "at most 64 characters, since ACM issues a certificate for it" in refusal(issuing(long))


def test_a_service_that_comes_back_finds_no_place_in_a_cell_that_was_filled() -> None:
    two = {"per_cell": 2}
    before = rendered(app(hosted("aa"), hosted("bb"), hosted("cc"), **two))
    filled = rendered(app(hosted("aa"), hosted("bb"), hosted("dd"), **two), before.ledger)
    assert filled.settled.cells["dd"] == before.settled.cells["cc"] == 2
    told = refusal(app(hosted("aa"), hosted("bb"), hosted("cc"), hosted("dd"), **two), filled.ledger)
    assert "services[3].name: 'cc'; at most 2 in a cell: 'cc' was born in cell 2, and 3 would be there" in told
    smaller = rendered(app(hosted("aa"), hosted("bb"), hosted("dd"), per_cell=1), filled.ledger)
    assert smaller.settled.cells == filled.settled.cells, "who lives there may stay"
