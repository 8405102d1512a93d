"""Checks of services, workers and scheduled tasks together: their names, and whom they know of each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cfngen.describe import Finding
from cfngen.errors import did_you_mean
from cfngen.sources import Connection
from cfngen.spec.app_parts import SERVICES_OF_A_BALANCER, AppParts
from cfngen.spec.internal import InternalBalancer, call_variable, wrong_calls, wrong_hosts
from cfngen.spec.queue import url_variable
from cfngen.spec.service import Service
from cfngen.spec.worker import Worker

PATHS_OF_A_TRIGGER = 8


def wrong_tasks(app: AppParts) -> Iterator[Finding]:
    """What does not fit between the tasks of an application."""
    yield from _names(app)
    yield from _internal(app)
    yield from _queues(app)
    yield from _borrowed(app)
    yield from _triggers(app)


def _names(app: AppParts) -> Iterator[Finding]:
    if not app.services:
        yield "services", "at least one"
    if (number := sum(service.internal for service in app.services)) > SERVICES_OF_A_BALANCER:
        fits = f"{number} of them internal; the internal balancer carries {SERVICES_OF_A_BALANCER}. Way out: divide the application; its parts can share a VPC, by network.shared and network.existing"
        yield "services", fits  # A6.14
    placed = app.placed_tasks
    names = [task.name for _, task in placed]
    spelt = {name: "".join(part.capitalize() for part in name.split("-")) for name in names}
    for index, (place, task) in enumerate(placed):
        if re.fullmatch(r"cell-\d+", task.name):
            yield (
                f"{place}.name",
                f"another name; {task.name!r} is the folder of a further cell, which a stage of many services has",
            )
        elif task.name in names[:index]:
            yield f"{place}.name", f"another name; {task.name!r} is taken"
        elif twins := [other for other in names[:index] if spelt[other] == spelt[task.name]]:
            yield (
                f"{place}.name",
                f"another name; {task.name!r} and {twins[0]!r} would both be {spelt[task.name]} in a template",  # P12
            )


def _internal(app: AppParts) -> Iterator[Finding]:
    placed, services = app.placed_tasks, {service.name: service for service in app.services}
    internal = [(place, task) for place, task in placed if isinstance(task, Service) and task.internal]
    called = {name for _, task in placed for name in task.calls}
    if app.internal_balancer != InternalBalancer() and not internal:
        fits = "nothing, or a service with internal=True, since without one there is no internal balancer"
        yield "internal_balancer", fits
    yield from wrong_calls(placed, services)
    yield from wrong_hosts(internal, app.internal_domain, called)
    for place, task in placed:
        queues = {url_variable(worker.name) for worker in app.queues_for(task.name)}
        queues |= {"QUEUE_URL"} if isinstance(task, Worker) and task.queue else set()
        if both := sorted(queues & set(map(call_variable, task.calls))):
            fits = f"none whose address would stand in {both[0]}, where a queue stands; give the service or the worker another name"
            yield f"{place}.calls", fits


def _queues(app: AppParts) -> Iterator[Finding]:
    names = [task.name for _, task in app.placed_tasks]
    for index, worker in enumerate(app.workers):
        for sender in worker.queue.senders if worker.queue else ():
            if sender not in names:
                fits = f"{sender!r} is no service, worker or scheduled task; {did_you_mean(sender, names)}"
                yield f"workers[{index}].queue.senders", fits


def _borrowed(app: AppParts) -> Iterator[Finding]:
    lenders = [task.name for task in (*app.services, *app.workers)]
    for index, task in enumerate(app.scheduled_tasks):
        if task.image_of and task.image_of not in lenders:
            fits = f"{task.image_of!r} is no service or worker; {did_you_mean(task.image_of, lenders)}"
            yield f"scheduled_tasks[{index}].image_of", fits


def _triggers(app: AppParts) -> Iterator[Finding]:
    if app.pipeline is None or not isinstance(app.pipeline.source, Connection):
        return
    for place, task in app.placed_tasks:
        room = PATHS_OF_A_TRIGGER - 2 - len(task.built_containers)  # its source and its generated files are two more
        if len(task.shared) > room:
            yield (
                f"{place}.shared",
                f"at most {room} folders, since a trigger of CodePipeline takes {PATHS_OF_A_TRIGGER} paths",  # D1.7
            )
