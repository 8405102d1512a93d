"""What a push starts and what a pipeline does, as it is deployed: the right service's pipeline, in the right order."""

from __future__ import annotations

from pathlib import Path

import pytest

from cfngen import Connection, stage_files
from cfngen.load import load
from cfngen.simulate.files import Files
from cfngen.simulate.pipelines import Difference, push, run
from cfngen.simulate.scenario import parameters, requests
from cfngen.simulate.simulation import Simulation

ROOT = Path(__file__).parent.parent
DEV, PROD = (Files.of(ROOT / "templates" / "coffee" / stage) for stage in ("dev", "prod"))


def deployed(files: Files) -> Simulation:
    simulation = Simulation()
    assert simulation.deploy(files, parameters(files, {}), {}).is_good
    simulation.settle(simulation.look_around(requests(simulation.world)))
    return simulation


def changed(*paths: str) -> list[Difference]:
    return [Difference(path, path) for path in paths]


@pytest.mark.parametrize(
    ("paths", "services"),
    [
        (["services/customer/app.js"], ["customer"]),
        (["services/employee/views/list.html", "README.md"], ["employee"]),
        (["services/customer/app.js", "services/employee/app.js"], ["customer", "employee"]),
        (["templates/coffee/dev/employee/taskdef.json"], ["employee"]),
        (["templates/coffee/dev/network.yaml", "services/coffee.py"], []),
        ([f"docs/{number}.md" for number in range(250)] + ["services/customer/app.js"], ["customer"]),
    ],
)
def test_a_push_starts_the_pipelines_of_the_services_that_it_changed(paths: list[str], services: list[str]) -> None:
    world = deployed(DEV).world
    assert push(world, "dev", changed(*paths)) == [f"coffee-dev-{each}" for each in services]
    assert push(world, "other", changed(*paths)) == []


def test_the_first_push_of_a_branch_starts_every_pipeline() -> None:
    assert push(deployed(DEV).world, "dev", [], new_branch=True) == ["coffee-dev-customer", "coffee-dev-employee"]


def test_a_connection_starts_by_path_as_well() -> None:
    from dataclasses import replace

    dev = next(app for app in load(ROOT / "services" / "coffee.py") if app.stage == "dev")
    assert dev.pipeline
    source = Connection(repository="acme/coffee", branch="main")
    files = Files(stage_files(replace(dev, pipeline=replace(dev.pipeline, source=source))))
    world = deployed(files).world
    assert push(world, "main", changed("services/employee/app.js")) == ["coffee-dev-employee"]
    assert push(world, "main", changed("services/coffee.py")) == []


def test_a_pipeline_releases_its_service() -> None:
    simulation = deployed(PROD)
    execution = run(simulation, "coffee-prod-employee", PROD)
    assert execution.done == ["Source", "Build", "Approve", "Migrate", "Deploy"]
    assert execution.deployment is not None
    simulation.finish(execution.deployment)
    assert execution.deployment.state == "Succeeded"
    assert execution.deployment.service.label == "employee"
    assert simulation.hurts == []


def test_a_migration_that_fails_releases_nothing() -> None:
    simulation = deployed(PROD)
    execution = run(simulation, "coffee-prod-employee", PROD, exit_code=1)
    assert (execution.done, execution.failed) == (["Source", "Build", "Approve"], "MigrationFailed")
    assert execution.deployment is None
    assert not simulation.world.deployments


def test_what_is_rejected_neither_migrates_nor_releases() -> None:
    execution = run(deployed(PROD), "coffee-prod-employee", PROD, approved=False)
    assert (execution.done, execution.failed) == (["Source", "Build"], "Approve: rejected")


def test_the_other_services_of_two_releases_at_once_stay() -> None:
    simulation = deployed(PROD)
    flying = [run(simulation, f"coffee-prod-{name}", PROD).deployment for name in ("customer", "employee")]
    while any(each and each.is_running for each in flying):
        for each in flying:
            if each and each.is_running:
                simulation.step(each)
    assert simulation.hurts == []
    assert {each.state for each in flying if each} == {"Succeeded"}
