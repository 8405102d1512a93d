"""CodeBuild: projects, and builds that a pipeline begins. Where nobody plays pipelines there is none, and none succeeded."""

from __future__ import annotations

import datetime as dt

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through

ROOM = Room("codebuild")
ROOM.refuses(
    ("RetryBuild", "StartBuild", "StartBuildBatch"),
    "Nothing runs builds here that no pipeline begins",
)


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


# Builds: CodePipeline begins them, whoever plays it reports their phases


def _build(self: Standins, name: str) -> Body:
    return self.find("build", name, "ResourceNotFoundException", f"Build {name} does not exist")


@ROOM.operation("BatchGetBuilds")
def _get_builds(self: Standins, arguments: Body, _: Through) -> Body:
    there = self.records["build"]
    return {
        "builds": [there[name] for name in arguments["ids"] if name in there],
        "buildsNotFound": [name for name in arguments["ids"] if name not in there],
    }


@ROOM.operation("ListBuilds")
def _list_builds(self: Standins, _: Body, __: Through) -> Body:
    return {"ids": [*reversed(self.records["build"])]}


@ROOM.operation("ListBuildsForProject")
def _list_builds_of(self: Standins, arguments: Body, _: Through) -> Body:
    """The newest first."""
    name = arguments["projectName"]
    if name not in self.records["project"]:
        arn = self.arn("codebuild", f"project/{name}")
        raise ApiError("ResourceNotFoundException", f"Project cannot be found: {arn}")
    return {"ids": [id_ for id_, each in reversed(self.records["build"].items()) if each["projectName"] == name]}


@ROOM.plays("BeginBuild")
def _begin_build(self: Standins, arguments: Body, _: Through) -> Body:
    """A pipeline starts a build of a project."""
    name = arguments["projectName"]
    arn = self.arn("codebuild", f"project/{name}")
    project = self.find("project", name, "ResourceNotFoundException", f"Project cannot be found: {arn}")
    number = 1 + sum(each["projectName"] == name for each in self.records["build"].values())
    made = f"{name}:{self.unique(f'build {name}')}"
    kept = ("source", "artifacts", "environment", "serviceRole", "timeoutInMinutes", "queuedTimeoutInMinutes", "cache")
    self.records["build"][made] = {
        **{key: project[key] for key in kept if key in project},
        "id": made,
        "arn": self.arn("codebuild", f"build/{made}"),
        "projectName": name,
        "buildNumber": number,
        "buildStatus": "IN_PROGRESS",
        "buildComplete": False,
        "currentPhase": "QUEUED",
        "startTime": dt.datetime.now(dt.UTC),
        "phases": [],
        "initiator": arguments["initiator"],
        "sourceVersion": arguments["sourceVersion"],
        "resolvedSourceVersion": arguments["sourceVersion"],
    }
    return {"id": made, "buildNumber": number}


@ROOM.plays("ReportBuild")
def _report_build(self: Standins, arguments: Body, _: Through) -> Body:
    """A build is over: `phases` are pairs of a name and a status; `reason` is why one failed."""
    build = _build(self, arguments["id"])
    end = dt.datetime.now(dt.UTC)
    build |= {"buildComplete": True, "currentPhase": "COMPLETED", "endTime": end}
    build["buildStatus"] = arguments["status"]
    build["exportedEnvironmentVariables"] = [
        {"name": key, "value": value} for key, value in arguments["exported"].items()
    ]
    for name, status in arguments["phases"]:
        phase: Body = {"phaseType": name.upper(), "phaseStatus": status}
        if status != "SUCCEEDED":
            phase["contexts"] = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": arguments["reason"]}]
        build["phases"].append(phase)
    build["phases"].append({"phaseType": "COMPLETED", "startTime": end})
    return {}
