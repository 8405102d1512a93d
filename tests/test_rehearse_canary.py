"""Coffee's production over the API of the local AWS: a canary's steps are those of the simulator, also when it is stopped in the first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from test_rehearse_released import SPEED, Balancer, Played, Tasks, weights

from cfngen.rehearse import deployed, parameters
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployment import Deployment
from cfngen.rehearse.player import Player
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import room
from cfngen.rehearse.story import Story
from cfngen.rehearse.twin import Twin

FOLDER = Path(__file__).parents[1] / "templates" / "coffee" / "prod"
pytestmark = pytest.mark.filterwarnings("ignore")  # moto's


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(FOLDER, "coffee.yaml", {}, account, authority, testers="127.0.1.0/24")
        account.deploy(FOLDER, "coffee.yaml", "coffee-prod", given)
        services, tasks, balancer = deployed.services(account), Tasks(here), Balancer(account)
        twin = Twin(account, FOLDER, "coffee.yaml", given)
        deployer = Deployer(account, balancer, tasks, Story(lambda _: None), SPEED, twin)  # type: ignore[arg-type]
        for service in services:
            deployer.birth(service)
        player = Player(account, SimpleNamespace(run=lambda _, __: None, is_ending=None), deployer)  # type: ignore[arg-type]
        with player.playing():
            yield Played(account, services, deployer, player, balancer, tasks)


def test_ten_percent_come_first(production: Played) -> None:
    service, seen = production.services[0], []

    def watch(deployment: Deployment, step: str) -> None:
        if step.startswith("AllowTraffic"):
            seen.append((step, weights(production, service)[deployment.green]))

    done = production.release(service, watch)
    assert (done.status, done.flight.differences) == ("Succeeded", [])
    assert seen == [("AllowTraffic 10", 10), ("AllowTraffic 100", 100)]
    assert production.deployer.twin.simulation.hurts == []


def test_who_stops_a_canary_takes_its_ten_percent_back(production: Played) -> None:
    service = production.services[1]

    def watch(deployment: Deployment, step: str) -> None:
        if step == "AllowTraffic 10":
            production.account.client("codedeploy").stop_deployment(deploymentId=deployment.identity)

    done = production.release(service, watch)
    assert (done.status, done.flight.differences) == ("Stopped", [])
    assert weights(production, service) == {done.blue: 100, done.green: 0}
    assert {each.name for each in done.made}.isdisjoint(production.tasks.running)
