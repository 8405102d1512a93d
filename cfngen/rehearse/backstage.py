"""The acts of what no balancer asks anything: workers with their queues, and scheduled tasks."""

from __future__ import annotations

import time
from typing import Any

from cfngen.rehearse import background, pushes, rounds
from cfngen.rehearse.background import Queue
from cfngen.rehearse.deployed import task_definition
from cfngen.rehearse.fleet import Crew
from cfngen.rehearse.images import images_in, own_images
from cfngen.rehearse.rehearsal import Stage

_NOT_UNDERSTOOD = '{"rehearsal": "a message that nobody understands"}'
_QUEUE_SECONDS = 60.0
"""Beside the times for which a message is hidden."""
_PAUSE_SECONDS = 0.5


def is_there(stage: Stage) -> bool:
    """Whether the stage has a worker or a scheduled task."""
    return bool(stage.fleet.crews or background.scheduled(stage.account))


def work(stage: Stage) -> None:
    """Each worker runs what was released, and takes messages from its queue; each scheduled task runs once, to its end."""
    for crew in stage.fleet.crews.values():
        _released(stage, crew)
        if queue := background.queue_of(stage.account, task_definition(stage.account, crew.revision)):
            _takes(stage, crew, queue)
        stage.story.not_played(f"scaling of {crew.worker.short}: it has as many tasks as its service was born with")
    for each in background.scheduled(stage.account):
        definition, short = each.revision(stage.account), each.short(stage.account)
        code, log = stage.tasks.run(short, definition)
        last = " ".join(log.strip().splitlines()[-1:])[:200]
        what = f"{short} runs once, as {each.expression} would start it, and ends with 0"
        revision = str(definition["taskDefinitionArn"]).rpartition("/")[2]
        stage.story.check("scheduled", what, f"{revision} ended with {code}: {last}", passed=code == 0)
        stage.story.not_played(f"the times of {short}: it was started once, by its schedule's target")


def _released(stage: Stage, crew: Crew) -> None:
    worker = crew.worker
    if not background.pipeline_of(stage.account, worker):
        stage.story.not_played(f"releases of {worker.short}: no pipeline moves it")
        return
    told = stage.account.client("ecs").describe_services(cluster=worker.cluster, services=[worker.name])["services"][0]
    live, wrong = told["taskDefinition"], [each.image for each in crew.tasks if "@sha256:" not in each.image]
    is_so = crew.released > 0 and live == crew.revision and stage.fleet.runs(crew) and not wrong
    what = f"{worker.short} was moved to its revision by the deployed state machine, stays, and runs by digest"
    stage.story.check("worker", what, f"{live.rpartition('/')[2]}, {len(crew.tasks)} task", passed=is_so)


def _takes(stage: Stage, crew: Crew, queue: Queue) -> None:
    """A message that the worker cannot know is deleted by it, or comes back as often as the queue says and is put aside."""
    if not crew.tasks:
        stage.story.not_played(f"the queue of {crew.worker.short}: no task of it is wanted, so nobody takes a message")
        return
    sqs, before = stage.account.client("sqs"), _count(stage, queue.dead_letters)
    more: dict[str, Any] = {"MessageGroupId": "rehearsal"} if queue.is_fifo else {}
    sqs.send_message(QueueUrl=queue.url, MessageBody=_NOT_UNDERSTOOD, **more)
    until = time.monotonic() + _QUEUE_SECONDS + queue.visibility_seconds * max(1, queue.receives)
    while _count(stage, queue.url) and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    put_aside = _count(stage, queue.dead_letters) > before
    told = f"it came back {queue.receives} times and lies in the dead-letter queue" if put_aside else "it was deleted"
    is_over = _count(stage, queue.url) == 0
    what = f"{crew.worker.short} takes a message that nobody understands from its queue"
    stage.story.check("queue", what, told if is_over else "it is still there", passed=is_over)


def _count(stage: Stage, url: str) -> int:
    """Messages that wait, and those that somebody has taken."""
    if not url:
        return 0
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    told = stage.account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def sick_worker(stage: Stage) -> None:
    """A version of the first worker that ends at once: its release fails, and ECS goes back to the tasks before."""
    services = {
        each.dockerfile for one in stage.services for each in images_in(stage.account, one, stage.source.folder)
    }
    for crew in stage.fleet.crews.values():
        pipeline = background.pipeline_of(stage.account, crew.worker)
        built = own_images(stage.account, pipeline, stage.source.folder) if pipeline else []
        if not pipeline or not crew.tasks or not built or built[0].dockerfile in services:
            continue
        name, file = str(pipeline["name"]), built[0].dockerfile
        before, tasks = crew.revision, [each.name for each in crew.tasks]
        what = f"a version of {crew.worker.short} that ends at once"
        commit = stage.source.change({file: f'{stage.source.first(file)}\nENTRYPOINT ["/bin/false"]\n'}, what)
        push, stage.pushed = pushes.pushed(stage.room, stage.source.folder, stage.pushed, commit), commit
        started = pushes.starts(stage.account, push)
        with rounds.approving(stage, {each.pipeline for each in started}):
            outcomes = {each.pipeline: each for each in stage.player.outcomes(started)}
        stage.source.change({file: stage.source.first(file)}, "as it was")
        reason = outcomes[name].reason if name in outcomes else "the push started no release of it"
        told = stage.account.client("ecs").describe_services(cluster=crew.worker.cluster, services=[crew.worker.name])
        live = told["services"][0]["taskDefinition"]
        stage.story.check("worker", f"the release of {what} fails", reason[:200], passed="ReleaseFailed" in reason)
        same = live == crew.revision == before and stage.fleet.runs(crew) and tasks == [e.name for e in crew.tasks]
        stage.story.check(
            "worker", f"the old tasks of {crew.worker.short} work on", live.rpartition("/")[2], passed=same
        )
        return
    if stage.fleet.crews:
        stage.story.not_played("a worker's version that ends at once: no worker has tasks and an image of its own")
