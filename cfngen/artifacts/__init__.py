"""The files of a service that CodeBuild and CodeDeploy consume, as texts."""

from __future__ import annotations

from cfngen.artifacts.appspec import appspec
from cfngen.artifacts.buildspec import buildspec
from cfngen.artifacts.taskdef import migration_taskdef, taskdef
from cfngen.plan import Plan
from cfngen.stacks.application import access_of

BUILDSPEC, APPSPEC, TASKDEF, MIGRATION_TASKDEF = "buildspec.yml", "appspec.yaml", "taskdef.json", "migrate.taskdef.json"


def service_files(
    plan: Plan, source: str, buildspecs: str | None = None, command: str = "make templates"
) -> dict[str, str]:
    """Every service's files, by path below the stage's folder.

    `source` is the description's file, named in their first lines with the `command` that makes them again; `buildspecs` is a folder of the user's own
    buildspec templates, which win over the packaged one.
    """
    source, command = (
        "".join(char if char.isprintable() else " " for char in text) for text in (source, command)
    )  # a comment is one line
    files: dict[str, str] = {}
    for service in plan.services:
        folder, access = service.name, access_of(plan.app, service)
        files[f"{folder}/{APPSPEC}"] = appspec(service, source, command)
        files[f"{folder}/{TASKDEF}"] = taskdef(plan.app, service, access)
        if service.migrate:
            files[f"{folder}/{MIGRATION_TASKDEF}"] = migration_taskdef(plan.app, service)
        if plan.app.pipeline:
            files[f"{folder}/{BUILDSPEC}"] = buildspec(
                plan.app, service, plan.app.pipeline, source, buildspecs, command
            )
    return files
