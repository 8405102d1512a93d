"""The act of internal services: tasks ask them from within their own network, and only those get through that the balancer's group names."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping, Sequence

from cfngen.rehearse import deployed, rules
from cfngen.rehearse.deployed import Listener, Service
from cfngen.rehearse.images import told_by
from cfngen.rehearse.places import Place
from cfngen.rehearse.rehearsal import Stage, health_path
from cfngen.rehearse.room import environment
from cfngen.rehearse.site import visible
from cfngen.rehearse.story import Request
from cfngen.rehearse.tasks import Task

_SETTLED_SECONDS = 1.0
"""So long what was in flight may take when the traffic has moved."""
_TOLD = {0: "nobody answers", -1: "it does not know the name"}


def is_there(stage: Stage) -> bool:
    """Whether a service is behind an internal balancer."""
    return any(True for _ in _internal(stage))


def callers(stage: Stage) -> None:
    """Each internal service is asked by a task of each service and worker: it answers those whose group its balancer lets in, and nobody else."""
    tasks = dict(_tasks(stage))
    for service, listener in _internal(stage):
        place = Place.of(health_path(stage, service))
        for short, task in tasks.items():
            if short == service.short:
                continue
            may = bool(stage.groups.get(short, frozenset()) & set(listener.groups))
            status = _asked(stage, task, listener, place)
            what = f"{short} {'calls' if may else 'does not get through to'} {service.short} at {place.host}"
            told = _TOLD.get(status, f"HTTP {status}")
            stage.story.check("calls", what, told, passed=(status == 200) == may and status >= 0)


def order(stage: Stage) -> dict[str, set[str]]:
    """The pipelines of services that call internal ones, with those of what they call: of a service that users reach all that
    it may call, of another one what its task definition names.

    On AWS, too, these are released first, or the caller's alarms take its first release back. Of services that call each other one
    waits for the other.
    """
    if not is_there(stage):
        return {}
    reached = {each.short for each in visible(stage)}
    pipelines = {each.short: deployed.pipeline_of(stage.account, each) for each in stage.services}
    found: dict[str, set[str]] = {}
    for caller in stage.services:
        own = pipelines[caller.short]
        told = set() if caller.short in reached else told_by(stage.account, own, stage.source.folder)
        for callee, listener in _internal(stage):
            does = _calls(stage, caller, listener) if caller.short in reached else bool(told & _urls(callee, listener))
            name, other = str(own["name"]), str(pipelines[callee.short]["name"])
            if does and not _waits(other, name, found):
                found.setdefault(name, set()).add(other)
    return found


def _urls(service: Service, listener: Listener) -> set[str]:
    """By which addresses tasks call an internal service."""
    mine = [each for each in listener.rules if {arn for arn, _ in rules.targets_of(each)} & {*service.pair}]
    hosts = {host for each in mine for host in deployed.values(each, "host-header")}
    return {f"{listener.protocol.lower()}://{host}{port}" for host in hosts for port in ("", f":{listener.port}")}


def _waits(pipeline: str, other: str, found: Mapping[str, set[str]]) -> bool:
    """Whether a pipeline is another one, or waits for it already."""
    return pipeline == other or any(_waits(each, other, found) for each in found.get(pipeline, ()))


def without_early(stage: Stage, requests: Sequence[Request]) -> list[Request]:
    """The requests but for those to which callers answered 5xx before all that they may call was released for the first time.

    Until then stand-ins answer in the place of what is called, which know no more than a health path; so it is on AWS. What was
    never released excuses nobody, nor does a caller that does not answer at all.
    """
    first = {each.short: _released(stage, each) for each, _ in _internal(stage)}
    since = {short: at for short, at in first.items() if not math.isinf(at)}
    early = {
        path: max(
            since.get(callee.short, 0.0) for callee, listener in _internal(stage) if _calls(stage, service, listener)
        )
        for service in stage.services
        if any(_calls(stage, service, listener) for _, listener in _internal(stage))
        for path in stage.paths.get(service.short, ())
    }
    kept = [each for each in requests if not (each.status >= 500 and each.at < early.get(each.path, 0.0))]
    if left_out := len(requests) - len(kept):
        stage.story.wanted += left_out
        told = f"{left_out} requests of callers failed before what they call was released: not counted, stand-ins answered them"
        stage.story.tell("calls", told)
    return kept


def _calls(stage: Stage, service: Service, listener: Listener) -> bool:
    return service.production != listener.arn and bool(
        stage.groups.get(service.short, frozenset()) & set(listener.groups)
    )


def _released(stage: Stage, service: Service) -> float:
    """Since when a released version has all of a service's traffic."""
    found = (each.begin for each in stage.deployer.shifts if each.service == service.short and each.percent == 100)
    return min(found, default=math.inf) + _SETTLED_SECONDS


def _asked(stage: Stage, task: Task, listener: Listener, place: Place) -> int:
    process = str(stage.engine.inspect(task.containers[0])["State"]["Pid"])
    authority = str(stage.authority.file) if listener.protocol == "HTTPS" else ""
    asked = [process, authority, str(listener.port), place.host, place.path, place.well]
    words = [sys.executable, "-m", "cfngen.rehearse.inside", *asked]
    return int(stage.room.run("calls", words, environment()).strip())


def _internal(stage: Stage) -> Iterator[tuple[Service, Listener]]:
    for service in stage.services:
        listener = next(each for each in stage.listeners if each.arn == service.production)
        if listener.caller:
            yield service, listener


def _tasks(stage: Stage) -> Iterator[tuple[str, Task]]:
    """A task of each service and worker."""
    yield from ((each.service.short, each.tasks[0]) for each in stage.deployer.live.values() if each.tasks)
    yield from ((each.worker.short, each.tasks[0]) for each in stage.fleet.crews.values() if each.tasks)
