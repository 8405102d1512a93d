"""CodeBuild: projects. Nothing runs a build here, so none is said to have succeeded."""

from __future__ import annotations

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("codebuild")
ROOM.refuses(("RetryBuild", "StartBuild", "StartBuildBatch"), "Nothing runs builds here, so none can be started")


@ROOM.operation("CreateProject")
def _create_project(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["name"]
    if name in self.records["project"]:
        arn = self.arn("codebuild", f"project/{name}")
        raise ApiError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
    defaults = {"cache": {"type": "NO_CACHE"}, "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480}
    made = {**defaults, **arguments, "arn": self.arn("codebuild", f"project/{name}")}
    self.records["project"][name] = made
    return {"project": made}


@ROOM.operation("UpdateProject")
def _update_project(self: Standins, arguments: Body, _: Through) -> Body:
    arn = self.arn("codebuild", f"project/{arguments['name']}")
    project = self.find("project", arguments["name"], "ResourceNotFoundException", f"Project cannot be found: {arn}")
    project |= arguments
    return {"project": project}


@ROOM.operation("BatchGetProjects")
def _get_projects(self: Standins, arguments: Body, _: Through) -> Body:
    there = self.records["project"]
    return {
        "projects": [there[name] for name in arguments["names"] if name in there],
        "projectsNotFound": [name for name in arguments["names"] if name not in there],
    }


@ROOM.operation("ListProjects")
def _list_projects(self: Standins, _: Body, __: Through) -> Body:
    return {"projects": sorted(self.records["project"])}


@ROOM.operation("DeleteProject")
def _delete_project(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["project"].pop(arguments["name"], None)
    return {}
