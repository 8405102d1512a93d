"""The act of restart policies: a container that is killed is started again in its task."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.rehearse.deployed import task_definition
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.rehearsal import Stage, pause
from cfngen.rehearse.restarts import policy_of
from cfngen.rehearse.room import wait
from cfngen.rehearse.tasks import Part, Task

_KILLED = 137
_SECONDS = 20.0
_STEADY_SECONDS = 2.0
"""So long, and the balancer has asked it again."""


def is_there(stage: Stage) -> bool:
    """Whether a container of a service or a worker, as it runs now, has a restart policy."""
    revisions = {task.definition for _, task, _ in _running(stage)}
    told = (task_definition(stage.account, each) for each in revisions)
    return any(policy_of(container) for each in told for container in each["containerDefinitions"])


def restarts(stage: Stage) -> None:
    """Each container with a restart policy is killed once, in one task of its service: the task stays and is well again."""
    seen: set[tuple[str, str]] = set()
    for short, task, group in _running(stage):
        for part in task.parts:
            name = str(part.told["name"])
            if policy_of(part.told) and (short, name) not in seen:
                seen.add((short, name))
                _kill(stage, f"{name} of {short}", task, part, group)


def _kill(stage: Stage, what: str, task: Task, part: Part, group: str) -> None:
    restart = stage.tasks.restarts(part.container)
    if restart is None or _KILLED in restart.ignored:
        stage.story.not_played(
            f"the restart of {what}: its policy ignores {_KILLED}, with which one that is killed ends"
        )
        return
    had = restart.count
    wait(lambda: restart.may, f"{what} runs long enough for its policy", restart.period + _SECONDS)
    stage.engine.call("kill", part.container)

    def is_well() -> bool:
        runs = stage.tasks.runs(task)
        return restart.count > had and runs and (not group or stage.proxy.health(group, task.address).is_healthy)

    told = ""
    try:
        wait(is_well, f"{what}, which was killed,", _SECONDS)
        # The balancer may not have noticed yet.
        pause(_STEADY_SECONDS)
        wait(is_well, f"{what}, which was started again,", _SECONDS)
    except RehearsalError as error:
        told = str(error)
    stage.story.check("restarts", f"{what} is killed, and started again in its task", told, passed=not told)


def _running(stage: Stage) -> Iterator[tuple[str, Task, str]]:
    """Service or worker, task, and the target group of one that a balancer asks."""
    for live in stage.deployer.live.values():
        yield from ((live.service.short, task, live.group) for task in live.tasks)
    for crew in stage.fleet.crews.values():
        yield from ((crew.worker.short, task, "") for task in crew.tasks)
