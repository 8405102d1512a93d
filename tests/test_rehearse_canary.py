"""A canary over the API of the local AWS: its steps are those of the simulator, also when it is stopped in the first."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from rehearsed import deploy
from test_rehearse_released import SPEED, Balancer, Played, Tasks, weights

from cfngen import App, Canary, Network, Release, Service
from cfngen.disk import write
from cfngen.rehearse import deployed, parameters
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployment import Deployment
from cfngen.rehearse.player import Player
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import room
from cfngen.rehearse.story import Story
from cfngen.rehearse.twin import Twin
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
CANARY = Release(strategy=Canary(percent=10, minutes=5))
APP = App(
    name="desk",
    stage="prod",
    services=(
        Service(name="web", release=CANARY),
        Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin/health", release=CANARY),
    ),
    network=Network(nat="one"),
)


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("desk") / "prod"
    write({folder: stage_files(APP)})
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(folder, "desk.yaml", {}, account, authority, testers="127.0.1.0/24")
        deploy(account, folder, "desk.yaml", "desk-prod", given)
        services, tasks, balancer = deployed.services(account), Tasks(here), Balancer(account)
        twin = Twin(account, folder, "desk.yaml", given)
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
