"""Checks of tasks with the database: who may use it, and which variables that takes."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.describe import Finding
from cfngen.errors import did_you_mean
from cfngen.spec.app_parts import AppParts
from cfngen.spec.internal import call_variable
from cfngen.spec.queue import url_variable
from cfngen.spec.scheduled import ScheduledTask
from cfngen.spec.service import Service
from cfngen.spec.task import Task
from cfngen.spec.worker import Worker


def wrong_access(app: AppParts) -> Iterator[Finding]:
    """What does not fit between tasks, the variables that cfngen gives them, and the database."""
    yield from _access(app)
    yield from _access_of_containers(app)
    yield from _database_key(app)


def _access(app: AppParts) -> Iterator[Finding]:
    names = [task.name for _, task in app.placed_tasks]
    for option in ("readers", "writers"):
        for name in getattr(app.database, option, ()):
            if name not in names:
                yield (
                    f"database.{option}",
                    f"{name!r} is no service, worker or scheduled task; {did_you_mean(name, names)}",
                )
    for index, service in enumerate(app.services):
        if service.migrate and app.database is None:
            yield f"services[{index}].migrate", "needs a database in the application"
        if service.migrate and app.pipeline is None:
            yield f"services[{index}].migrate", "needs a pipeline in the application, which runs it"
    for place, task in app.placed_tasks:
        if given := _own_variables(app, task) & {*task.environment, *task.secrets}:
            option = "secrets" if min(given) in task.secrets else "environment"
            what = _whose(min(given))
            yield (
                f"{place}.{option}[{min(given)!r}]",
                f"another name; {what} are given to the {_KINDS[type(task)]} by cfngen",
            )


def _access_of_containers(app: AppParts) -> Iterator[Finding]:
    users = (*app.database.readers, *app.database.writers) if app.database else ()
    placed = [
        (f"{place}.containers[{number}]", task.name, each)
        for place, task in app.placed_tasks
        for number, each in enumerate(task.containers)
        if each.database
    ]
    for place, name, each in placed:
        if name not in users:
            yield f"{place}.database", f"False, or {name!r} among the readers or writers of a database"
        for given in sorted(_LOGIN & {*each.environment, *each.secrets}):
            option = "secrets" if given in each.secrets else "environment"
            fits = "another name; the database's address and user are given to the container by cfngen"
            yield f"{place}.{option}[{given!r}]", fits


_ADDRESS = {"DB_HOST", "DB_PORT", "DB_NAME"}
_LOGIN = {*_ADDRESS, "DB_USER", "DB_PASSWORD"}


def _database_key(app: AppParts) -> Iterator[Finding]:
    if app.database and app.database.existing and "database" in app.own_key_for:
        fits = "nothing about 'database', since one that exists has the key that it has; secrets_have_key says that its secrets have one"
        yield "own_key_for", fits


def _whose(variable: str) -> str:
    if variable.startswith("DB_") and not variable.endswith("_URL"):
        return "the database's address and user"
    return "queues" if variable.endswith("QUEUE_URL") else "the addresses of services that are called"


_KINDS: dict[type, str] = {Service: "service", Worker: "worker", ScheduledTask: "scheduled task"}


def _own_variables(app: AppParts, task: Task) -> set[str]:
    """The variables that cfngen gives to a task."""
    users = (*app.database.readers, *app.database.writers) if app.database else ()
    migrates = isinstance(task, Service) and bool(task.migrate)
    own = set(_ADDRESS) if task.name in users or migrates else set()
    own |= _LOGIN if task.name in users else set()
    own |= {f"DB_{who}_{what}" for who in ("ADMIN", "READER", "WRITER") for what in ("USER", "PASSWORD") if migrates}
    own |= {url_variable(worker.name) for worker in app.queues_for(task.name)} | set(map(call_variable, task.calls))
    return own | ({"QUEUE_URL"} if isinstance(task, Worker) and task.queue else set())
