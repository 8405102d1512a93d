"""What `cfngen generate` says of newcomers that take requests, or a database's place: nothing else tells before it is deployed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

Notes = Callable[..., list[str]]
HEAD = "name: shop\nbalancer: {https: false}\n"
WEB = "web: {}"
ADMIN = "{paths: [/admin, /admin/*], health_path: /admin/health}"
UNTIL = "get 503 and then 404 until its first release"


@pytest.fixture
def notes(cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """Generate one description after the other in the same folder; the notes of the last."""
    monkeypatch.chdir(tmp_path)

    def generate(*descriptions: str) -> list[str]:
        told = ""
        for text in descriptions:
            Path("cfngen.yaml").write_text(HEAD + text)
            done = cfngen("generate")
            assert done.status == 0, done.err
            told = done.err
        return [line.removeprefix("note: shop dev: ") for line in told.splitlines() if "note: shop" in line]

    return generate


def _services(*services: str) -> str:
    return f"services: {{{', '.join(services)}}}\n"


def test_a_newcomer_before_a_service_that_is_there(notes: Notes) -> None:
    reports = "reports: {paths: [/admin/reports/*], health_path: /admin/reports/health}"
    [told] = notes(_services(WEB, f"admin: {ADMIN}"), _services(WEB, f"admin: {ADMIN}", reports))
    assert told.startswith("reports is new and comes before admin, web at /admin/reports/*: these requests " + UNTIL)
    assert "give reports a path of its own, release it, and give it these then" in told


def test_another_name_is_another_service(notes: Notes) -> None:
    [told] = notes(_services(WEB, f"admin: {ADMIN}"), _services(WEB, f"backend: {ADMIN}"))
    assert told.startswith("admin goes and backend, which is new, takes those paths: another name is another service")
    assert UNTIL in told


def test_what_another_name_takes_from_others_is_told_too(notes: Notes) -> None:
    more = "backend: {paths: [/admin, /admin/*, /reports/*], health_path: /admin/health}"
    first, second = notes(_services(WEB, f"admin: {ADMIN}"), _services(WEB, more))
    assert first.startswith("admin goes and backend, which is new, takes those paths: ")
    assert second.startswith("backend is new and comes before web at /reports/*: ")


def test_one_that_comes_back_is_new_again(notes: Notes) -> None:
    both = _services(WEB, f"admin: {ADMIN}")
    [told] = notes(both, _services(WEB), both)
    assert told.startswith("admin is new and comes before web at /admin, /admin/*")


MANY = "many: {paths: [/a, /b, /c, /d, /e/*], health_path: /a}"


def test_of_many_paths_some_are_named(notes: Notes) -> None:
    [told] = notes(_services(WEB), _services(WEB, MANY))
    assert "many is new and comes before web at /a, /b, /c and 2 more: " in told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(_services(f"admin: {ADMIN}"), _services(f"admin: {ADMIN}", WEB), id="it comes after all others"),
        pytest.param(
            _services("web: {hosts: [a.example.com]}"),
            _services("web: {hosts: [a.example.com]}", "other: {hosts: [b.example.com]}"),
            id="it has a host of its own",
        ),
        pytest.param(_services(WEB), _services(WEB, "stock: {internal: true}"), id="it is behind another balancer"),
        pytest.param(_services(WEB, f"admin: {ADMIN}"), _services(WEB), id="one goes and nobody comes"),
        pytest.param(
            _services(WEB),
            _services("shop: {paths: [/shop/*], health_path: /shop/h}"),
            id="one goes and one with few of its paths comes",
        ),
        pytest.param(_services(WEB), _services("web: {cpu: 512, memory_mib: 1024}"), id="nobody comes or goes"),
        pytest.param("", _services(WEB, f"admin: {ADMIN}"), id="the stage is new"),
    ],
)
def test_who_takes_nothing_is_not_told(notes: Notes, before: str, after: str) -> None:
    assert notes(*filter(None, (before, after))) == []


API = "api: {paths: [/api/*], health_path: /api/health}"


@pytest.mark.parametrize(
    ("other", "is_told"),
    [
        ("web: {hosts: [www.example.com, example.com]}", True),
        ("web: {hosts: [example.com, www.example.com], paths: [/a*], health_path: /a}", True),
        ("web: {hosts: [example.com, www.example.com], paths: [/api/v1/*], health_path: /api/v1/h}", False),
        ("web: {hosts: [example.com], headers: {x-beta: ['1']}}", False),
        ("web: {hosts: [example.com], methods: [GET]}", False),
        ("web: {}", False),
    ],
)
def test_a_path_without_a_host_behind_a_host(notes: Notes, other: str, is_told: bool) -> None:
    told = "api names no host, and a host comes before a path: at example.com, www.example.com its requests go to the service that names it. If they should not, give both the same hosts"
    assert notes(_services(other, API)) == ([told] if is_told else [])


def test_paths_behind_hosts_are_told_in_one_line_and_once(notes: Notes) -> None:
    def all_of(number: int, *more: str) -> str:
        paths = (f"s{each}: {{paths: [/s{each}/*], health_path: /s{each}/h}}" for each in range(number))
        return _services("admin: {hosts: [admin.example.com]}", WEB, *paths, *more)

    told = "{} no host, and a host comes before a path: at {} {} requests go to the service that names it. If they should not, give {} the same hosts"
    first = told.format("s0, s1, s2 and 3 more name", "admin.example.com", "their", "all")
    assert notes(all_of(6)) == [first]
    assert notes(all_of(6)) == []
    *_, last = notes(all_of(7))
    assert last == told.format("s6 names", "admin.example.com", "its", "both")
    wide = "more: {hosts: [more.example.com], paths: [/s1*], health_path: /s1h}"
    assert notes(all_of(7, wide))[-1] == told.format("s1 names", "more.example.com", "its", "both")


def test_what_takes_the_rest_is_meant_to(notes: Notes) -> None:
    assert notes(_services("web: {}", "admin: {hosts: [admin.example.com]}")) == []


def test_a_database_that_comes_back_is_empty(notes: Notes) -> None:
    without = _services(WEB)
    with_it = f"{without}database: {{name: shop, writers: [web], protected: false}}\n"
    assert notes(without, with_it) == []
    assert notes(with_it) == []
    [told] = notes(without, with_it)
    assert told.startswith("the database was away; if that was deployed it comes back empty")


CALLING = _services("web: {calls: [stock]}", "stock: {internal: true}")


@pytest.mark.parametrize(
    ("before", "what", "option"),
    [
        (_services(WEB) + "database: {name: shop, writers: [web]}\n", "the database", "protected"),
        (
            _services(WEB)
            + "database: {engine: aurora-mysql, name: shop, serverless: {minimum_acu: 1, maximum_acu: 2}}\n",
            "the database",
            "protected",
        ),
        (CALLING, "the internal balancer", "deletion_protection"),
    ],
    ids=["an instance", "a cluster", "a balancer"],
)
def test_what_is_protected_stays_when_it_goes(notes: Notes, before: str, what: str, option: str) -> None:
    [told] = notes(before, _services(WEB))
    assert told.startswith(f"{what} goes and is protected from deletion, so it would stay: running, paid for")
    assert (
        f"Put it back, switch off {option} of the {what.rsplit(maxsplit=1)[-1]}, generate and deploy, and take it out then"
        in told
    )


def test_what_is_not_protected_goes_without_a_word(notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.HEAD", HEAD.replace("https: false", "https: false, deletion_protection: false"))
    assert notes(CALLING, _services(WEB)) == []
