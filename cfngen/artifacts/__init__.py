"""The files of a service that CodeBuild and CodeDeploy consume, as texts."""

from __future__ import annotations

from cfngen.artifacts.appspec import appspec
from cfngen.artifacts.buildspec import buildspec
from cfngen.artifacts.taskdef import migration_taskdef, task_taskdef, taskdef
from cfngen.plan import Plan
from cfngen.spec import ScheduledTask, Worker
from cfngen.stacks.background import access_of

BUILDSPEC, APPSPEC, TASKDEF, MIGRATION_TASKDEF = "buildspec.yml", "appspec.yaml", "taskdef.json", "migrate.taskdef.json"


def service_files(
    plan: Plan, source: str, buildspecs: str | None = None, command: str = "make templates"
) -> dict[str, str]:
    """The files of every service, worker and scheduled task, by path below the stage's folder.

    `source` is the description's file, named in their first lines with the `command` that makes them again; `buildspecs` is a folder of the user's own
    buildspec templates, which win over the packaged one.
    """
    source, command = (
        "".join(char if char.isprintable() else " " for char in text) for text in (source, command)
    )  # a comment is one line
    files: dict[str, str] = {}
    for service in plan.services:
        folder, access = service.name, access_of(plan.app, service)
        files[f"{folder}/{APPSPEC}"] = appspec(
            service, source, command, has_public_tasks=plan.app.network.has_public_tasks
        )
        files[f"{folder}/{TASKDEF}"] = taskdef(plan.app, service, access)
        if service.migrate:
            files[f"{folder}/{MIGRATION_TASKDEF}"] = migration_taskdef(plan.app, service)
        if plan.app.pipeline:
            files[f"{folder}/{BUILDSPEC}"] = buildspec(
                plan.app, service, plan.app.pipeline, source, buildspecs, command
            )
        files |= _lent(plan, service.name)
    own: list[Worker | ScheduledTask] = [*plan.app.workers]
    own += [each for each in plan.app.scheduled_tasks if not each.image_of]
    for task in own:
        files[f"{task.name}/{TASKDEF}"] = task_taskdef(plan.app, task, access_of(plan.app, task))
        if plan.app.pipeline:
            files[f"{task.name}/{BUILDSPEC}"] = buildspec(
                plan.app, task, plan.app.pipeline, source, buildspecs, command
            )
        files |= _lent(plan, task.name)
    return files


def _lent(plan: Plan, owner: str) -> dict[str, str]:
    """Task definitions of scheduled tasks that run the image of a service or worker; its pipeline releases them too."""
    return {
        f"{owner}/{each.name}.{TASKDEF}": task_taskdef(plan.app, each, access_of(plan.app, each))
        for each in plan.app.borrowers(owner)
    }
