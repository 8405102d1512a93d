"""Workers and scheduled tasks of a rehearsal: the deployed state machine releases them over the API of the local AWS; containers stand aside."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rehearsed import deploy
from test_rehearse_released import Task, Tasks

from cfngen import App, CodeCommit, Network, Pipeline, Queue, ScheduledTask, Service, Worker
from cfngen.disk import write
from cfngen.rehearse import background, parameters
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.fleet import Fleet
from cfngen.rehearse.pipeline import ActionFailedError, Execution
from cfngen.rehearse.room import room
from cfngen.rehearse.story import Story
from cfngen.render import stage_files

pytestmark = pytest.mark.filterwarnings("ignore")  # moto's
APP = App(
    name="shop", stage="dev", services=(Service(name="web"),), network=Network(nat="one"), pipeline=Pipeline(source=CodeCommit()),
    workers=(Worker(name="mailer", queue=Queue(receives=2)),),
    scheduled_tasks=(ScheduledTask(name="sweep", schedule="rate(1 day)", image_of="mailer", command=("sweep",)),),
)  # fmt: skip


class Crew(Tasks):
    """Tasks of which those stay whose image is not sick."""

    def start(self, label: str, definition: Any) -> Task:
        task = super().start(label, definition)
        if "sick" in definition["containerDefinitions"][0]["image"]:
            self.running.discard(task.name)
        return task


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("shop") / "dev"
    write({folder: stage_files(APP)})
    with room(tmp_path_factory.mktemp("logs"), print) as here:
        account = Account(here, "eu-west-1")
        authority = Authority(here.path("certificates"))
        given = parameters.made(folder, "shop.yaml", {}, account, authority, testers="127.0.1.0/24")
        deploy(account, folder, "shop.yaml", "shop-dev", given)
        made = Fleet(account, Crew(here), Story(lambda _: None), steady_seconds=0.1)  # type: ignore[arg-type]
        account.play("ecs", "TakeRollouts")
        made.birth(background.workers(account)[0])
        yield made


def release(fleet: Fleet, image: str, tmp_path: Path) -> str:
    """Give the deployed machine what a build made, and play the deployment that it begins."""
    (worker,), account = background.workers(fleet.account), fleet.account
    pipeline = background.pipeline_of(account, worker)
    assert pipeline is not None
    size = {"RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512"}
    container = {"Name": "mailer", "Image": image, "DockerLabels": {"keptAsItIs": "1"}}
    told = {
        name: {**size, "Family": f"shop-dev-{name.lower()}", "ContainerDefinitions": [container]}
        for name in ("Mailer", "Sweep")
    }
    (tmp_path / "release.json").write_text(json.dumps(told), encoding="utf-8")
    runner = SimpleNamespace(account=account, tasks=SimpleNamespace(speed=60), is_ending=lambda: False)
    execution: Any = Execution(runner, pipeline["name"], "1", tmp_path, artifacts={"Defs": tmp_path})  # type: ignore[arg-type]
    execution.heed = lambda: None
    over = threading.Event()

    def play() -> None:
        while not over.wait(0.05):
            for each in account.play("ecs", "TakeRollouts")["rollouts"]:
                fleet.play(each)

    thread = threading.Thread(target=play)
    thread.start()
    settings = {"StateMachineArn": background.machines(pipeline)[0], "InputType": "FilePath", "Input": "release.json"}
    try:
        return str(execution.invoke({"inputArtifacts": [{"name": "Defs"}]}, settings))
    finally:
        over.set()
        thread.join()


def live(fleet: Fleet) -> str:
    (worker,) = background.workers(fleet.account)
    return worker.task_definition


def test_what_no_balancer_asks_is_read_back(fleet: Fleet) -> None:
    (worker,), (sweep,) = background.workers(fleet.account), background.scheduled(fleet.account)
    assert (worker.short, worker.desired, sweep.expression, sweep.short(fleet.account)) == (
        "mailer",
        1,
        "rate(1 day)",
        "sweep",
    )
    url = next(each for each in fleet.account.client("sqs").list_queues()["QueueUrls"] if "Dead" not in each)
    queue = background.queue_of(
        fleet.account, {"containerDefinitions": [{"environment": [{"name": "QUEUE_URL", "value": url}]}]}
    )
    assert queue is not None
    background.hasten(fleet.account, 3)
    again = background.queue_of(
        fleet.account, {"containerDefinitions": [{"environment": [{"name": "QUEUE_URL", "value": url}]}]}
    )
    assert again is not None
    assert again.visibility_seconds == 20
    assert (queue.receives, queue.visibility_seconds, "Dead" in queue.dead_letters) == (2, 60, True)


def test_a_release_is_the_deployed_machines_and_one_whose_tasks_end_goes_back(fleet: Fleet, tmp_path: Path) -> None:
    first = live(fleet)
    assert (
        release(fleet, "mailer@sha256:1", tmp_path)
        == "Register → Move → Wait → Look → Judge → Register sweep → Released"
    )
    second, (crew,) = live(fleet), fleet.crews.values()
    assert (second != first, crew.revision, crew.released, len(crew.tasks)) == (True, second, 1, 1)
    told = fleet.account.client("ecs").describe_task_definition(taskDefinition=second)["taskDefinition"]
    assert told["containerDefinitions"][0]["dockerLabels"] == {"keptAsItIs": "1"}
    (sweep,) = background.scheduled(fleet.account)
    assert sweep.revision(fleet.account)["containerDefinitions"][0]["image"] == "mailer@sha256:1"
    tasks = list(crew.tasks)
    with pytest.raises(ActionFailedError, match="ended in ReleaseFailed"):
        release(fleet, "sick@sha256:2", tmp_path)
    assert (live(fleet), crew.revision, crew.tasks) == (second, second, tasks)
    assert fleet.runs(crew)
    ecs = fleet.account.client("ecs")
    deployments = ecs.describe_services(cluster=crew.worker.cluster, services=[crew.worker.name])["services"][0][
        "deployments"
    ]
    assert [(each["status"], each["rolloutState"]) for each in deployments] == [
        ("PRIMARY", "COMPLETED"),
        ("ACTIVE", "FAILED"),
    ]
