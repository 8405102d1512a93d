"""Cells: services that one balancer does not carry live in further roots, each where it was born, for life."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from resolve import Rendering, differing, rendered

from cfngen import (
    App,
    Balancer,
    CodeCommit,
    Database,
    DescriptionError,
    Ledger,
    Network,
    OffHours,
    Pipeline,
    Plan,
    Queue,
    Redirect,
    Release,
    ScheduledTask,
    Service,
    SmokeTest,
    Stack,
    Worker,
    application_stack,
    plan,
    stage_files,
    tree_files,
    write,
)
from cfngen.checks import CHECKS, check, generated
from cfngen.checks.lint import LINT
from cfngen.generated import deploy_commands
from cfngen.semantics.document import read_yaml
from cfngen.spec.app_parts import SERVICES_OF_A_BALANCER
from cfngen.stack import FOR_CELLS

WEB = Service(name="web")
"""It has no hosts, so it lives in the first cell."""


def hosted(*names: str) -> tuple[Service, ...]:
    """Services that have a host each."""
    return tuple(Service(name=name, hosts=(f"{name}.example.com",)) for name in names)


def app(*services: Service, per_cell: int = 2, **options: Any) -> App:
    return App(name="shop", services=services, services_per_cell=per_cell, **options)


def cells(settled: Plan) -> dict[str, int]:
    return {service.name: settled.cells[service.name] for service in settled.services}


def full(*services: Service, tasks: tuple[ScheduledTask, ...] = ()) -> App:
    """With all that cells share: a database, a queue, pipelines, hours, names, a boundary."""
    names = tuple(service.name for service in services)
    return app(
        *services,
        workers=(Worker(name="mailer", queue=Queue(senders=names)),),
        scheduled_tasks=tasks,
        database=Database(writers=names, protected=False),
        balancer=Balancer(domain="www.example.com", aliases=("*.example.com",), deletion_protection=False),
        pipeline=Pipeline(source=CodeCommit(create=True)),
        off_hours=OffHours(),
        permissions_boundary=True,
    )


def test_one_service_more_than_a_balancer_carries_changes_nothing_that_exists() -> None:
    services = hosted(*(f"s{number:02}" for number in range(SERVICES_OF_A_BALANCER)))
    before = rendered(app(*services, per_cell=45))
    after = rendered(app(*services, *hosted("zz"), per_cell=45), before.ledger)
    assert not differing(before.tree, after.tree)
    assert {file: text for file, text in after.files.items() if file in before.files and file not in NEW} == {
        file: text for file, text in before.files.items() if file not in NEW
    }
    told = before.tree.outputs("shop.yaml")
    assert {name: value for name, value in after.tree.outputs("shop.yaml").items() if name in told} == told
    assert set(after.files) - set(before.files) == {
        *(f"cell-2/{name}.yaml" for name in ("shop", "cluster", "service-zz", "redirect", "watch")),
        *(f"zz/{name}" for name in ("appspec.yaml", "taskdef.json")),
    }


NEW = {"shop.yaml", "ledger.json"}
"""What gains something: outputs for the cell, what is remembered of it."""


def test_a_cell_has_all_that_its_services_need_of_the_first_and_no_more() -> None:
    done = rendered(full(WEB, *hosted("aa", "bb", "cc")))
    assert cells(done.settled) == {"aa": 1, "bb": 2, "cc": 2, "web": 1}
    told = told_by_the_first(done)
    asked = read_yaml(done.files["cell-2/shop.yaml"]).data["Parameters"]
    assert set(asked) - set(told) == {"CertificateArn"}
    assert set(told) <= set(asked)
    assert {told[name]["Description"] for name in told} == {FOR_CELLS}
    assert {"HostedZoneId", "PermissionsBoundaryArn", "QueueMailerUrl", "TestCidr"} <= set(told)


def told_by_the_first(done: Rendering) -> dict[str, Any]:
    outputs = read_yaml(done.files["shop.yaml"]).data["Outputs"]
    return {name: each for name, each in outputs.items() if each["Description"] == FOR_CELLS}


def test_no_name_is_had_by_two_cells() -> None:
    done = rendered(full(WEB, *hosted("aa", "bb", "cc", "dd", "ee")))
    named = [
        (each["Type"], repr(value))
        for tree in (done.tree, *done.cells.values())
        for each in tree.resources.values()
        for key, value in each.get("Properties", {}).items()
        if key in {"Name", "Family", "RepositoryName", "LogGroupName", "AlarmName", "BackupPlanName"}
        if not isinstance(value, dict)
    ]
    assert len(named) > 10
    assert len(named) == len(set(named))


def test_names_lead_to_the_balancer_of_those_who_have_them() -> None:
    balancer = Balancer(
        https=False, domain="www.example.com", aliases=("*.example.com", "bb.example.com", "shop.example.com")
    )
    done = rendered(app(WEB, *hosted("aa", "bb", "cc"), balancer=balancer))

    def names(tree: Any) -> set[str]:
        return {each["Properties"]["Name"] for each in tree.of_type("AWS::Route53::RecordSet").values()}

    assert names(done.tree) == {"www.example.com", "*.example.com", "shop.example.com"}
    assert names(done.cells[2]) == {"bb.example.com", "cc.example.com"}


def test_issued_certificates_are_for_the_names_of_each_balancer() -> None:
    balancer = Balancer(domain="www.example.com", aliases=("*.example.com", "bb.example.com"), request_certificate=True)
    done = rendered(app(WEB, *hosted("aa", "bb", "cc"), balancer=balancer))

    def names(tree: Any) -> set[str]:
        return {
            each["Properties"]["DomainName"] for each in tree.of_type("AWS::CertificateManager::Certificate").values()
        }

    assert names(done.tree) == {"www.example.com", "*.example.com"}
    assert names(done.cells[2]) == {"www.example.com", "*.example.com", "bb.example.com"}
    assert "CertificateArn" not in read_yaml(done.files["cell-2/shop.yaml"]).data["Parameters"]


def test_a_task_is_where_the_service_is_whose_image_it_runs() -> None:
    task = ScheduledTask(name="report", schedule="rate(1 day)", image_of="cc", command=("report",))
    done = rendered(full(WEB, *hosted("aa", "bb", "cc"), tasks=(task, replace(task, name="own", image_of=""))))
    assert "cell-2/scheduled-report.yaml" in done.files
    assert "scheduled-own.yaml" in done.files
    moved = full(WEB, *hosted("aa", "bb", "cc"), tasks=(replace(task, image_of="aa"),))
    with pytest.raises(DescriptionError, match="'aa', which is in cell 1; an image of cell 2, where the task was born"):
        plan(moved, Ledger.read(done.ledger))


Step = tuple[str, str, tuple[str, ...]]
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "remove"]),
        st.sampled_from("abcdefgh"),
        st.sampled_from([(), ("x.example.com",), ("*.example.com",), ("own",), ("own",), ("own",)]),
    ),
    max_size=14,
)


def changed(services: dict[str, Service], step: Step) -> dict[str, Service]:
    what, name, hosts = step
    others = {key: service for key, service in services.items() if key != name}
    if what == "remove":
        return others
    own = tuple(host.replace("own", f"{name}.example.org") for host in hosts)
    return {name: Service(name=name, hosts=own, paths=(f"/{name}/*",), health_path=f"/{name}/h"), **others}


@settings(
    max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(STEPS)
def test_no_service_ever_moves(steps: list[Step]) -> None:
    """Whatever comes, goes or changes its hosts, in whatever order; a step that cannot be is refused."""
    services: dict[str, Service] = {"web": WEB}
    ledger, homes = None, {"web": 1}
    for step in steps:
        wanted = changed(services, step)
        try:
            settled = plan(app(*wanted.values()), ledger)
        except DescriptionError:
            continue
        other = plan(app(*reversed(wanted.values())), ledger)
        assert cells(settled) == cells(other)
        homes = {**homes, **{name: cell for name, cell in cells(settled).items() if name not in homes}}
        assert cells(settled) == {name: homes[name] for name in wanted}
        assert all(homes[service.name] == 1 for service in wanted.values() if not service.hosts)
        by_host: dict[str, set[int]] = {}
        for service in wanted.values():
            for host in service.hosts:
                by_host.setdefault(host, set()).add(homes[service.name])
        assert all(len(found) == 1 for found in by_host.values())
        services, ledger = wanted, Ledger.read(settled.ledger.text())


def refusal(described: App, ledger: Ledger | None = None) -> str:
    with pytest.raises(DescriptionError) as refused:
        plan(described, ledger)
    return str(refused.value)


def test_what_has_to_stay_together_and_does_not_fit_is_refused_with_its_number() -> None:
    plain = tuple(Service(name=f"s{n}", paths=(f"/{n}/*",), health_path=f"/{n}/h") for n in range(46))
    told = refusal(app(*plain, per_cell=45))
    assert "46 of them in cell 1; at most 45 in a cell: services without hosts belong to the first cell" in told
    shared = tuple(replace(each, hosts=("shop.example.com",)) for each in plain[:3])
    assert "3 of them share hosts such as shop.example.com; at most 2 in a cell" in refusal(app(WEB, *shared))
    before = plan(app(WEB, *hosted("aa", "bb", "cc"))).ledger
    late = replace(plain[0], hosts=("cc.example.com",))
    assert "3 of them in cell 2; at most 2 in a cell: services whose hosts meet live in one cell" in refusal(
        app(WEB, *hosted("aa", "bb", "cc"), late), before
    )


@pytest.mark.parametrize(
    ("change", "balancer", "says"),
    [
        ({"hosts": ()}, Balancer(), "services without hosts belong to the first cell"),
        ({"hosts": ("*.example.com",)}, Balancer(), "services whose hosts meet live in one cell"),
        ({}, Balancer(domain="cc.example.com"), "the domain 'cc.example.com' leads to the first cell"),
        (
            {},
            Balancer(redirects=(Redirect(hosts=("cc.example.com",), to_host="x.example.com"),)),
            "the balancer of the first cell has the redirects",
        ),
    ],
)
def test_a_service_that_would_have_to_move_is_refused(change: dict[str, Any], balancer: Balancer, says: str) -> None:
    before = plan(app(WEB, *hosted("aa", "bb", "cc"))).ledger
    *others, last = hosted("aa", "bb", "cc")
    told = refusal(
        app(replace(WEB, paths=("/web/*",), health_path="/web/h"), *others, replace(last, **change), balancer=balancer),
        before,
    )
    assert says in told
    assert "'cc' in cell 2" in told


def test_ledgers_of_two_branches_that_put_one_host_into_two_cells_are_refused_with_the_way_out() -> None:
    base = plan(app(WEB, *hosted("aa", "bb", "cc"))).ledger
    one, other = (
        Service(name=name, hosts=("new.example.com",), paths=(f"/{name}/*",), health_path=f"/{name}/h")
        for name in ("dd", "ee")
    )
    left = json.loads(plan(app(WEB, *hosted("aa", "bb", "cc"), one), base).ledger.text())
    grown = plan(app(WEB, *hosted("aa", "bb", "cc", "xx", "yy")), base).ledger
    right = json.loads(plan(app(WEB, *hosted("aa", "bb", "cc", "xx", "yy"), other), grown).ledger.text())
    for part in ("births", "rules"):
        left[part] |= right[part]
    told = refusal(app(WEB, *hosted("aa", "bb", "cc", "xx", "yy"), one, other), Ledger.read(json.dumps(left)))
    assert "'dd' in cell 3, 'ee' in cell 4" in told
    assert "delete its birth and its rules from ledger.json" in told


def test_numbers_of_rules_are_each_balancers_own() -> None:
    services = tuple(Service(name=name, hosts=(f"{name}.example.com",)) for name in "abcd")
    settled = plan(app(*services, per_cell=1))
    assert {rule.priority for rules in settled.rules.values() for rule in rules} == {
        rule.priority for rule in settled.rules["a"]
    }


def test_a_tree_by_hand_without_its_cells_is_refused() -> None:
    settled = plan(app(WEB, *hosted("aa", "bb")))
    root = Stack("shop")
    application_stack(root, settled)
    with pytest.raises(DescriptionError, match=r"no cell-2; cells=cell_roots\(root, settled, shared\)"):
        tree_files(root, settled)


def test_the_printed_command_fills_every_parameter() -> None:
    done = rendered(full(WEB, *hosted("aa", "bb", "cc")))
    package, deploy = deploy_commands(done.app, Path("templates/shop/dev"), "cell-2", done.files["cell-2/shop.yaml"])
    assert shlex.split(package)[8] == "templates/shop/dev/cell-2/shop.yaml"
    own = re.search(r"--parameter-overrides (.*?)\$\(", deploy)
    assert own
    names = [word.partition("=")[0] for word in own[1].split()]
    assert f"Description=='{FOR_CELLS}'" in deploy
    asked = read_yaml(done.files["cell-2/shop.yaml"]).data["Parameters"]
    assert {*names, *told_by_the_first(done)} == {name for name, each in asked.items() if "Default" not in each}


def test_what_cells_have_agrees_with_itself(tmp_path: Path) -> None:
    test = Release(smoke_test=SmokeTest(path="/"))
    services = (replace(WEB, migrate=("migrate",)), *(replace(each, release=test) for each in hosted("aa", "bb", "cc")))
    write({tmp_path / "dev": stage_files(full(*services))})
    own = [each for each in CHECKS if each not in LINT]
    assert [str(found) for found in check(generated(tmp_path), own) if found.level != "info"] == []
    file = tmp_path / "dev/cell-2/service-bb.yaml"
    file.write_text(file.read_text().replace("Port: 8080", "Port: 8081"))
    assert any("cell-2/service-bb.yaml" in str(found) for found in check(generated(tmp_path), own))


DESCRIPTION = """\
name: shop
balancer: {https: false}
services_per_cell: 1
services:
  web: {}
  aa: {hosts: [aa.example.com]}
"""


def test_generate_tells_of_a_new_root_once_and_simulate_plays_each(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("cfngen.yaml").write_text(DESCRIPTION)
    first, again = cfngen("generate"), cfngen("generate")
    assert "shop dev: cell-2 is a new root of its own" in first.err
    assert "services without hosts (web) answer at the first cell's balancer alone" in first.err
    assert "cell-2" not in again.err
    played = cfngen("simulate")
    assert [line.partition(";")[0] for line in played.err.splitlines() if "released" in line] == [
        "templates/shop/dev: 1 service, 1 of them released",
        "templates/shop/dev/cell-2: 1 service, 1 of them released",
    ]
    assert played.status == 0
    Path("cfngen.yaml").write_text(DESCRIPTION.rpartition("  aa")[0])
    gone = cfngen("generate")
    assert "no service lives in cell-2 any more; delete its stack, shop-dev-cell-2" in gone.err
    assert not Path("templates/shop/dev/cell-2").exists()


def test_generate_says_what_the_others_of_several_new_roots_ask_for_besides(
    cfngen: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "secrets: {KEY: {Secret: {arn: {parameter: KeyArn}}}}"
    more = f"  bb: {{hosts: [bb.example.com], {secret}}}\n  cc: {{hosts: [cc.example.com]}}\n"
    Path("cfngen.yaml").write_text(DESCRIPTION + more)
    told = cfngen("generate").err
    assert "cell-2 is a new root" in told
    assert "(and cell-3, cell-4 likewise, by their names; cell-3 asks for KeyArn, too)" in told
    assert "KeyArn=" not in told


def test_a_network_that_exists_reaches_cells_through_the_first() -> None:
    done = rendered(app(WEB, *hosted("aa", "bb"), network=Network(existing=True)))
    assert {"VpcId", "PrivateSubnetIds", "PublicSubnetIds", "NetworkBirthSubnets", "TestCidr"} & set(
        told_by_the_first(done)
    ) >= {"VpcId", "PublicSubnetIds"}
