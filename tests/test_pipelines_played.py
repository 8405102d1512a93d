"""What a push starts and what a pipeline does, as it is deployed: the right service's pipeline, in the right order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cfngen import S3, App, Connection, stage_files
from cfngen.load import load
from cfngen.simulate.files import Files
from cfngen.simulate.pipelines import Difference, push, run, upload
from cfngen.simulate.scenario import parameters, requests
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.world import World

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
    dev = next(app for app in load(ROOT / "services" / "coffee.py") if app.stage == "dev")
    assert dev.pipeline
    source = Connection(repository="acme/coffee", branch="main")
    files = Files(stage_files(replace(dev, pipeline=replace(dev.pipeline, source=source))))
    world = deployed(files).world
    assert push(world, "main", changed("services/employee/app.js")) == ["coffee-dev-employee"]
    assert push(world, "main", changed("services/coffee.py")) == []


@pytest.mark.parametrize("create", [False, True])
def test_an_object_starts_the_pipeline_of_its_service(*, create: bool) -> None:
    files = Files(stage_files(uploaded(S3(create=create))))
    world = deployed(files).world
    [bucket] = {str(told["S3Bucket"]) for told in sources(world)}
    assert upload(world, bucket, "coffee/dev/customer.zip") == ["coffee-dev-customer"]
    assert upload(world, bucket, "coffee/dev/employee.zip") == ["coffee-dev-employee"]
    assert upload(world, bucket, "coffee/prod/employee.zip") == []
    assert upload(world, "another", "coffee/dev/employee.zip") == []
    assert push(world, "main", changed("services/employee/app.js")) == []
    assert {(told["S3ObjectKey"], told["PollForSourceChanges"]) for told in sources(world)} == {
        ("coffee/dev/customer.zip", "false"),
        ("coffee/dev/employee.zip", "false"),
    }


def uploaded(source: S3) -> App:
    dev = next(app for app in load(ROOT / "services" / "coffee.py") if app.stage == "dev")
    assert dev.pipeline
    return replace(dev, pipeline=replace(dev.pipeline, source=source))


def sources(world: World) -> list[dict[str, Any]]:
    return [made["Stages"][0]["Actions"][0]["Configuration"] for made in world.pipelines.values()]


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
