"""A stage of two roots in a rehearsal: deployed one after the other, each balancer at an address of its own, each root simulated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from cfngen import App, Balancer, Network, Service
from cfngen.disk import write
from cfngen.errors import DescriptionError
from cfngen.rehearse import deployed, places, roots, ways
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.room import room
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
APP = App(
    name="shop", stage="dev", services=(Service(name="web"), Service(name="aa", hosts=("aa.example.com",))), services_per_cell=1,
    balancer=Balancer(https=False), network=Network(nat="one"),
)  # fmt: skip


def test_a_parameter_that_no_root_has_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    write({folder: stage_files(APP)})
    account, authority = cast("Account", None), cast("Authority", None)
    with pytest.raises(DescriptionError, match=r"--parameter TestCdir: .*'TestCidr'"):
        roots.deploy(account, folder, "shop.yaml", "shop-dev", {"TestCdir": "a"}, authority, testers="127.0.1.0/24")


def test_each_root_is_deployed_played_and_simulated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "dev"
    write({folder: stage_files(APP)})
    asked: dict[str, dict[str, str]] = {}

    by_command_line = Account.deploy

    def deploy(account: Account, place: Path, root: str, stack: str, given: dict[str, str]) -> None:
        asked[stack] = given
        by_command_line(account, place, root, stack, given)

    monkeypatch.setattr(Account, "deploy", deploy)
    with room(tmp_path / "logs", print) as here:
        account, authority = Account(here, "eu-west-1"), Authority(here.path("certificates"))
        found = roots.deploy(account, folder, "shop.yaml", "shop-dev", {}, authority, testers="127.0.1.0/24")
        assert list(asked) == ["shop-dev", "shop-dev-cell-2"]
        assert asked["shop-dev-cell-2"]["TestCidr"] == asked["shop-dev"]["TestCidr"] == "127.0.1.0/24"
        assert asked["shop-dev-cell-2"]["NetworkVpc"].startswith("vpc-")

        there = ways.ways(account, "10.91.16.0/24", here.path("ways"))
        web, aa = deployed.services(account)
        owned = {each.short: places.own(there.listeners, each.production, each.pair)[0] for each in (web, aa)}
        assert str(owned["aa"]) == "aa.example.com/"
        production = [each for each in there.listeners if each.port == 80]
        assert ways.at(production, "aa.example.com").arn == aa.production
        assert ways.at(production, "").arn == web.production
        assert {each.address for each in production} == {each.address for each in there.seats}
        assert len(there.seats) == 2

        twins = roots.Twins(account, found, "shop.yaml")
        assert [each.simulation.labels for each in twins.twins] == [["web"], ["aa"]]
        definition = deployed.task_definition(account, aa.task_definition)
        appspec = (folder / "aa" / "appspec.yaml").read_text(encoding="utf-8")
        flight = twins.begin(aa, appspec.replace("<TASK_DEFINITION>", "a:2"), json.dumps(definition, default=str))
        assert flight.twin is twins.twins[1]
        assert not flight.differences
        assert not twins.hurts
        with pytest.raises(RehearsalError, match="nobody: no root"):
            twins.begin(type("Other", (), {"short": "nobody"})(), "", "")
