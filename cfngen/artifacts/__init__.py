"""The files of a service that CodeBuild and CodeDeploy consume, as texts."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.artifacts.appspec import appspec
from cfngen.artifacts.buildspec import buildspec
from cfngen.artifacts.taskdef import migration_taskdef, task_taskdef, taskdef
from cfngen.plan import Plan
from cfngen.spec import ScheduledTask, Worker
from cfngen.stacks.background import access_of

BUILDSPEC, APPSPEC, TASKDEF, MIGRATION_TASKDEF = "buildspec.yml", "appspec.yaml", "taskdef.json", "migrate.taskdef.json"


def service_files(
    plan: Plan, source: str, buildspecs: str | None = None, command: str = "make templates"
) -> Iterator[tuple[str, str]]:
    """The files of every service, worker and scheduled task, one by one, each with its path below the stage's folder.

    `source` is the description's file, named in their first lines with the `command` that makes them again; `buildspecs` is a folder of the user's own
    buildspec templates, which win over the packaged one.
    """
    source, command = (
        "".join(char if char.isprintable() else " " for char in text) for text in (source, command)
    )  # a comment is one line
    app = plan.app
    for service in plan.services:
        folder, access = service.name, access_of(app, service)
        yield (
            f"{folder}/{APPSPEC}",
            appspec(service, source, command, has_public_tasks=app.network.has_public_tasks),
        )
        yield f"{folder}/{TASKDEF}", taskdef(app, service, access)
        if service.migrate:
            yield f"{folder}/{MIGRATION_TASKDEF}", migration_taskdef(app, service)
        if app.pipeline:
            yield f"{folder}/{BUILDSPEC}", buildspec(app, service, app.pipeline, source, buildspecs, command)
        yield from _lent(plan, folder)
    own: list[Worker | ScheduledTask] = [*app.workers]
    own += [each for each in app.scheduled_tasks if not each.image_of]
    for task in own:
        yield f"{task.name}/{TASKDEF}", task_taskdef(app, task, access_of(app, task))
        if app.pipeline:
            yield f"{task.name}/{BUILDSPEC}", buildspec(app, task, app.pipeline, source, buildspecs, command)
        yield from _lent(plan, task.name)


def _lent(plan: Plan, owner: str) -> Iterator[tuple[str, str]]:
    """Task definitions of scheduled tasks that run the image of a service or worker; its pipeline releases them too."""
    for each in plan.app.borrowers(owner):
        yield f"{owner}/{each.name}.{TASKDEF}", task_taskdef(plan.app, each, access_of(plan.app, each))
