"""A network and a database that were there before the stage: the rehearsal makes them up where the root asks for them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cfngen import App, CodeCommit, Database, Network, Pipeline, Service
from cfngen.disk import write
from cfngen.rehearse import deployed, existing, parameters
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.room import room
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


def test_what_the_account_has_before_is_made_up_and_found_again(tmp_path: Path) -> None:
    database = Database(
        existing=True, engine="postgres", name="shop", reader_address=True, secrets_have_key=True,
        readers=("reports",), writers=("shop",),
    )  # fmt: skip
    shop = Service(name="shop", migrate=("node", "migrate.js"))
    reports = Service(name="reports", paths=("/reports/*",), health_path="/reports/health")
    app = App(
        name="mall",
        stage="live",
        services=(shop, reports),
        network=Network(existing=True),
        database=database,
        pipeline=Pipeline(source=CodeCommit()),
    )
    folder = tmp_path / "live"
    write({folder: stage_files(app)})
    with room(tmp_path / "logs", print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(folder, "mall.yaml", {}, account, authority, testers="127.0.1.0/24")
        account.deploy(folder, "mall.yaml", "mall-live", given)
        assert [each.short for each in deployed.services(account)] == ["reports", "shop"]
        assert deployed.database(account) is None
        found = existing.database(folder, "mall.yaml", given)
        assert found is not None
        assert (found.engine, found.port, found.name) == ("postgres", 5432, "shop")
        assert [each.endswith("database.rehearsal.example.com") for each in found.hosts] == [True, True]
        users = [
            json.loads(account.secret("", each))["username"] for each in (found.master, found.reader, found.writer)
        ]
        assert len(set(users)) == 3
        balancer = account.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
        assert balancer["VpcId"] == given["VpcId"]
