"""What stands before moto: operations that it lacks, refusals that it does not give, values that it forgets.

Each is an operation of AWS's API, by service and name, that takes and gives what the API does; whoever serves them over
HTTP needs no more. All records are in memory.

- `_STANDINS`: moto has no such operation, or only one that does nothing with what it is told.
- `_GUARDS`: AWS refuses what moto does. The id of the fact stands beside.
- `_FORGOTTEN`: values that moto takes and does not tell; they are laid over its answers.
"""

from __future__ import annotations

import copy
import hashlib
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jmespath  # type: ignore[import-untyped]

Body = dict[str, Any]
Through = Callable[[str, str, Body], Body]  # service, operation, arguments: what moto answers
Handler = Callable[["Standins", Body, Through], Body]

_STANDINS: dict[tuple[str, str], Handler] = {}


class ApiError(Exception):
    """An operation is refused, in AWS's words and with its code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


def _stands_in(service: str, operation: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        _STANDINS[service, operation] = handler
        return handler

    return keep


@dataclass(frozen=True)
class _Forgotten:
    """Values that moto takes in `writes` and does not tell in `read`.

    `writes` are operations with the JMESPath, into arguments and answer, of the key; `items` is where `read` lists what
    has that key as `key`. `fields` are arguments, with their names in the answer.
    """

    service: str
    writes: Mapping[str, str]
    read: str
    items: str
    key: str
    fields: Mapping[str, str]


class Standins:
    """The records, of one account and region."""

    def __init__(self, account: str, region: str) -> None:
        self.account = account
        self.region = region
        self.records: dict[str, dict[str, Body]] = defaultdict(dict)
        self.tags: dict[str, dict[str, str]] = defaultdict(dict)
        self._count = 0
        self._lock = threading.RLock()

    def handles(self, service: str, operation: str) -> bool:
        """Whether an operation has to come here; every other one can go to moto at once."""
        return (service, operation) in _STANDINS or any(
            each.service == service and (operation in each.writes or operation == each.read) for each in _FORGOTTEN
        )

    def call(self, service: str, operation: str, arguments: Body, through: Through) -> Body:
        """Answer an operation; raises `ApiError`, or whatever `through` does."""
        if not self.handles(service, operation):
            return through(service, operation, arguments)
        with self._lock:
            handler = _STANDINS.get((service, operation))
            answer = handler(self, arguments, through) if handler else through(service, operation, arguments)
            for each in _FORGOTTEN:
                if each.service == service:
                    self._remember(each, operation, arguments, answer)
        return answer

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"

    def unique(self, of: str) -> str:
        """An id, the same in the same order of calls."""
        self._count += 1
        found = hashlib.sha256(f"{of} {self._count}".encode()).hexdigest()
        return "-".join((found[:8], found[8:12], found[12:16], found[16:20], found[20:32]))

    def find(self, kind: str, key: str, code: str, message: str = "") -> Body:
        """A record; raises `ApiError` when there is none."""
        if key not in self.records[kind]:
            raise ApiError(code, message or f"No {kind} found for name: {key}")
        return self.records[kind][key]

    def _remember(self, what: _Forgotten, operation: str, arguments: Body, answer: Body) -> None:
        kept = self.records[f"forgotten {what.service} {what.read}"]
        if operation in what.writes:
            key = jmespath.search(what.writes[operation], {**arguments, **answer})
            if key is not None:
                if operation.startswith("Create"):
                    kept.pop(key, None)
                known = kept.setdefault(key, {})
                known |= {
                    told: copy.deepcopy(arguments[name]) for name, told in what.fields.items() if name in arguments
                }
        if operation == what.read:
            for item in jmespath.search(what.items, answer) or []:
                item.update(copy.deepcopy(kept.get(item.get(what.key), {})))


def _listed(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: name, value: told} for name, told in tags.items()]


def _pairs(tags: Any) -> dict[str, str]:
    if isinstance(tags, Mapping):
        return dict(tags)
    return {each.get("Key", each.get("key")): each.get("Value", each.get("value", "")) for each in tags or []}


def _argument(arguments: Body, name: str) -> Any:
    return next((value for key, value in arguments.items() if key.lower() == name.lower()), None)


# Tags of what stands in, and of what moto cannot tag


def _tag_operations(
    service: str, is_map: bool, told: str = "Tags", mine: Callable[[str], bool] = lambda _: True
) -> None:
    """The three operations on tags; those on an ARN that is not `mine` go to moto."""

    def tag(self: Standins, arguments: Body, through: Through) -> Body:
        arn = _argument(arguments, "ResourceArn")
        if not mine(arn):
            return through(service, "TagResource", arguments)
        self.tags[arn] |= _pairs(_argument(arguments, "Tags"))
        return {}

    def untag(self: Standins, arguments: Body, through: Through) -> Body:
        arn = _argument(arguments, "ResourceArn")
        if not mine(arn):
            return through(service, "UntagResource", arguments)
        for key in _argument(arguments, "TagKeys"):
            self.tags[arn].pop(key, None)
        return {}

    def told_tags(self: Standins, arguments: Body, through: Through) -> Body:
        arn = _argument(arguments, "ResourceArn")
        if not mine(arn):
            return through(service, "ListTagsForResource", arguments)
        return {told: dict(self.tags[arn]) if is_map else _listed(self.tags[arn])}

    _stands_in(service, "TagResource")(tag)
    _stands_in(service, "UntagResource")(untag)
    _stands_in(service, "ListTagsForResource")(told_tags)


_tag_operations("application-autoscaling", is_map=True)
_tag_operations("cloud9", is_map=False)
_tag_operations("codecommit", is_map=True, told="tags")
_tag_operations("codeconnections", is_map=False)
_tag_operations("codedeploy", is_map=False)
# moto knows no tags of composite alarms, mute rules and dashboards.
_tag_operations(
    "cloudwatch", is_map=False, mine=lambda arn: ":alarm-mute-rule:" in arn or ":dashboard/" in arn or ":alarm:" in arn
)


# CodeDeploy


@_stands_in("codedeploy", "CreateApplication")
def _create_application(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["applicationName"]
    if name in self.records["application"]:
        raise ApiError("ApplicationAlreadyExistsException", f"Application already exists: {name}")
    made = {
        "applicationId": self.unique(name),
        "applicationName": name,
        "computePlatform": arguments.get("computePlatform", "Server"),
        "linkedToGitHub": False,
    }
    self.records["application"][name] = made
    self.tags[self.arn("codedeploy", f"application:{name}")] = _pairs(arguments.get("tags"))
    return {"applicationId": made["applicationId"]}


def _application(self: Standins, name: str) -> Body:
    return self.find("application", name, "ApplicationDoesNotExistException", f"No application found for name: {name}")


@_stands_in("codedeploy", "GetApplication")
def _get_application(self: Standins, arguments: Body, _: Through) -> Body:
    return {"application": _application(self, arguments["applicationName"])}


@_stands_in("codedeploy", "ListApplications")
def _list_applications(self: Standins, _: Body, __: Through) -> Body:
    return {"applications": sorted(self.records["application"])}


@_stands_in("codedeploy", "DeleteApplication")
def _delete_application(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["applicationName"]
    self.records["application"].pop(name, None)
    for key in [each for each in self.records["deployment group"] if each.startswith(f"{name}/")]:
        del self.records["deployment group"][key]
    return {}


@_stands_in("codedeploy", "CreateDeploymentGroup")
def _create_group(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    application = _application(self, told["applicationName"])
    name, tags = told["deploymentGroupName"], told.pop("tags", None)
    key = f"{application['applicationName']}/{name}"
    if key in self.records["deployment group"]:
        raise ApiError("DeploymentGroupAlreadyExistsException", f"Deployment group already exists: {name}")
    _check_group(self, application, told, through)
    found = {"deploymentConfigName": "CodeDeployDefault.OneAtATime", **told, "deploymentGroupId": self.unique(key)}
    self.records["deployment group"][key] = {**found, "computePlatform": application["computePlatform"]}
    self.tags[self.arn("codedeploy", f"deploymentgroup:{key}")] = _pairs(tags)
    return {"deploymentGroupId": found["deploymentGroupId"]}


def _check_group(self: Standins, application: Body, told: Body, through: Through) -> None:
    """What AWS looks up when a group of an ECS application is written (A4)."""
    name = told.get("deploymentConfigName")
    if name and not name.startswith("CodeDeployDefault.") and name not in self.records["deployment config"]:
        raise ApiError("DeploymentConfigDoesNotExistException", f"No deployment configuration found for name: {name}")
    if application["computePlatform"] != "ECS":
        return
    for each in told.get("ecsServices", []):
        found = through("ecs", "DescribeServices", {"cluster": each["clusterName"], "services": [each["serviceName"]]})
        service = next(iter(found["services"]), None)
        if service is None or service["status"] == "INACTIVE":
            raise ApiError("InvalidECSServiceException", f"The ECS service {each['serviceName']} does not exist")
        if service.get("deploymentController", {}).get("type") != "CODE_DEPLOY":
            raise ApiError(
                "InvalidECSServiceException",
                "The service deployment controller must be CODE_DEPLOY",
            )


def _group(self: Standins, application: str, name: str) -> Body:
    _application(self, application)
    message = f"No Deployment Group found for name: {name}"
    return self.find("deployment group", f"{application}/{name}", "DeploymentGroupDoesNotExistException", message)


@_stands_in("codedeploy", "UpdateDeploymentGroup")
def _update_group(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    application, name = told.pop("applicationName"), told.pop("currentDeploymentGroupName")
    group = _group(self, application, name)
    _check_group(self, _application(self, application), told, through)
    new = told.pop("newDeploymentGroupName", name)
    del self.records["deployment group"][f"{application}/{name}"]
    self.records["deployment group"][f"{application}/{new}"] = {**group, **told, "deploymentGroupName": new}
    return {"hooksNotCleanedUp": []}


@_stands_in("codedeploy", "GetDeploymentGroup")
def _get_group(self: Standins, arguments: Body, _: Through) -> Body:
    return {"deploymentGroupInfo": _group(self, arguments["applicationName"], arguments["deploymentGroupName"])}


@_stands_in("codedeploy", "BatchGetDeploymentGroups")
def _get_groups(self: Standins, arguments: Body, _: Through) -> Body:
    names = arguments["deploymentGroupNames"]
    return {"deploymentGroupsInfo": [_group(self, arguments["applicationName"], name) for name in names]}


@_stands_in("codedeploy", "ListDeploymentGroups")
def _list_groups(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["applicationName"]
    _application(self, name)
    found = [
        each["deploymentGroupName"]
        for each in self.records["deployment group"].values()
        if each["applicationName"] == name
    ]
    return {"applicationName": name, "deploymentGroups": sorted(found)}


@_stands_in("codedeploy", "DeleteDeploymentGroup")
def _delete_group(self: Standins, arguments: Body, _: Through) -> Body:
    _application(self, arguments["applicationName"])
    self.records["deployment group"].pop(f"{arguments['applicationName']}/{arguments['deploymentGroupName']}", None)
    return {"hooksNotCleanedUp": []}


def _linear(percentage: int, minutes: int) -> Body:
    return {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": percentage, "linearInterval": minutes}}


def _canary(percentage: int, minutes: int) -> Body:
    return {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": percentage, "canaryInterval": minutes}}


_ECS_CONFIGS: Mapping[str, Body] = {
    "CodeDeployDefault.ECSAllAtOnce": {"type": "AllAtOnce"},
    "CodeDeployDefault.ECSCanary10Percent5Minutes": _canary(10, 5),
    "CodeDeployDefault.ECSCanary10Percent15Minutes": _canary(10, 15),
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": _linear(10, 1),
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": _linear(10, 3),
}


@_stands_in("codedeploy", "CreateDeploymentConfig")
def _create_config(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["deploymentConfigName"]
    if name in self.records["deployment config"] or name in _ECS_CONFIGS:
        raise ApiError("DeploymentConfigAlreadyExistsException", f"Deployment configuration already exists: {name}")
    made = {"computePlatform": "Server", **arguments, "deploymentConfigId": self.unique(name)}
    self.records["deployment config"][name] = made
    return {"deploymentConfigId": made["deploymentConfigId"]}


@_stands_in("codedeploy", "GetDeploymentConfig")
def _get_config(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["deploymentConfigName"]
    if name in _ECS_CONFIGS:
        known = {"deploymentConfigName": name, "computePlatform": "ECS", "trafficRoutingConfig": _ECS_CONFIGS[name]}
        return {"deploymentConfigInfo": known}
    message = f"No deployment configuration found for name: {name}"
    return {
        "deploymentConfigInfo": self.find("deployment config", name, "DeploymentConfigDoesNotExistException", message)
    }


@_stands_in("codedeploy", "ListDeploymentConfigs")
def _list_configs(self: Standins, _: Body, __: Through) -> Body:
    return {"deploymentConfigsList": [*sorted(_ECS_CONFIGS), *sorted(self.records["deployment config"])]}


@_stands_in("codedeploy", "DeleteDeploymentConfig")
def _delete_config(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["deploymentConfigName"]
    users = [
        each["deploymentGroupName"]
        for each in self.records["deployment group"].values()
        if each["deploymentConfigName"] == name
    ]
    if users:
        raise ApiError(
            "DeploymentConfigInUseException", f"Deployment configuration {name} is in use by {', '.join(users)}"
        )
    self.records["deployment config"].pop(name, None)
    return {}


# CodeBuild: projects. Nothing runs a build, so none is said to have succeeded.


@_stands_in("codebuild", "CreateProject")
def _create_project(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["name"]
    if name in self.records["project"]:
        arn = self.arn("codebuild", f"project/{name}")
        raise ApiError("ResourceAlreadyExistsException", f"Project already exists: {arn}")
    defaults = {"cache": {"type": "NO_CACHE"}, "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480}
    made = {**defaults, **arguments, "arn": self.arn("codebuild", f"project/{name}")}
    self.records["project"][name] = made
    return {"project": made}


@_stands_in("codebuild", "UpdateProject")
def _update_project(self: Standins, arguments: Body, _: Through) -> Body:
    arn = self.arn("codebuild", f"project/{arguments['name']}")
    project = self.find("project", arguments["name"], "ResourceNotFoundException", f"Project cannot be found: {arn}")
    project |= arguments
    return {"project": project}


@_stands_in("codebuild", "BatchGetProjects")
def _get_projects(self: Standins, arguments: Body, _: Through) -> Body:
    there = self.records["project"]
    return {
        "projects": [there[name] for name in arguments["names"] if name in there],
        "projectsNotFound": [name for name in arguments["names"] if name not in there],
    }


@_stands_in("codebuild", "ListProjects")
def _list_projects(self: Standins, _: Body, __: Through) -> Body:
    return {"projects": sorted(self.records["project"])}


@_stands_in("codebuild", "DeleteProject")
def _delete_project(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["project"].pop(arguments["name"], None)
    return {}


# CodeCommit: repositories, of which moto lists and changes none


@_stands_in("codecommit", "CreateRepository")
def _create_repository(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    name, tags = told["repositoryName"], told.pop("tags", {})
    if name in self.records["repository"]:
        raise ApiError("RepositoryNameExistsException", f"Repository named {name} already exists")
    host = f"git-codecommit.{self.region}.amazonaws.com/v1/repos"
    self.records["repository"][name] = {
        **told,
        "accountId": self.account,
        "repositoryId": self.unique(name),
        "Arn": self.arn("codecommit", name),
        "cloneUrlHttp": f"https://{host}/{name}",
        "cloneUrlSsh": f"ssh://{host}/{name}",
    }
    self.tags[self.arn("codecommit", name)] = dict(tags)
    return {"repositoryMetadata": self.records["repository"][name]}


def _repository(self: Standins, name: str) -> Body:
    return self.find("repository", name, "RepositoryDoesNotExistException", f"{name} does not exist")


@_stands_in("codecommit", "GetRepository")
def _get_repository(self: Standins, arguments: Body, _: Through) -> Body:
    return {"repositoryMetadata": _repository(self, arguments["repositoryName"])}


@_stands_in("codecommit", "ListRepositories")
def _list_repositories(self: Standins, _: Body, __: Through) -> Body:
    there = self.records["repository"]
    return {
        "repositories": [
            {"repositoryName": name, "repositoryId": there[name]["repositoryId"]} for name in sorted(there)
        ]
    }


@_stands_in("codecommit", "UpdateRepositoryDescription")
def _describe_repository(self: Standins, arguments: Body, _: Through) -> Body:
    _repository(self, arguments["repositoryName"])["repositoryDescription"] = arguments.get("repositoryDescription", "")
    return {}


@_stands_in("codecommit", "UpdateRepositoryName")
def _rename_repository(self: Standins, arguments: Body, _: Through) -> Body:
    old, new = arguments["oldName"], arguments["newName"]
    if new in self.records["repository"]:
        raise ApiError("RepositoryNameExistsException", f"Repository named {new} already exists")
    told = _repository(self, old)
    urls = {key: told[key].removesuffix(old) + new for key in ("cloneUrlHttp", "cloneUrlSsh")}
    self.records["repository"][new] = {**told, **urls, "repositoryName": new, "Arn": self.arn("codecommit", new)}
    self.tags[self.arn("codecommit", new)] = self.tags.pop(self.arn("codecommit", old), {})
    del self.records["repository"][old]
    return {}


@_stands_in("codecommit", "DeleteRepository")
def _delete_repository(self: Standins, arguments: Body, _: Through) -> Body:
    gone = self.records["repository"].pop(arguments["repositoryName"], None)
    return {"repositoryId": gone["repositoryId"]} if gone else {}


# CodeConnections


@_stands_in("codeconnections", "CreateConnection")
def _create_connection(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    tags = told.pop("Tags", None)
    arn = self.arn("codeconnections", f"connection/{self.unique(told['ConnectionName'])}")
    self.records["connection"][arn] = {
        **told,
        "ConnectionArn": arn,
        "ConnectionStatus": "PENDING",
        "OwnerAccountId": self.account,
    }
    self.tags[arn] = _pairs(tags)
    return {"ConnectionArn": arn, "Tags": tags or []}


@_stands_in("codeconnections", "GetConnection")
def _get_connection(self: Standins, arguments: Body, _: Through) -> Body:
    arn = arguments["ConnectionArn"]
    return {"Connection": self.find("connection", arn, "ResourceNotFoundException", f"Connection not found: {arn}")}


@_stands_in("codeconnections", "ListConnections")
def _list_connections(self: Standins, _: Body, __: Through) -> Body:
    return {"Connections": list(self.records["connection"].values())}


@_stands_in("codeconnections", "DeleteConnection")
def _delete_connection(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["connection"].pop(arguments["ConnectionArn"], None)
    return {}


# Cloud9


@_stands_in("cloud9", "CreateEnvironmentEC2")
def _create_environment(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    tags = told.pop("tags", None)
    made = self.unique(told["name"]).replace("-", "")
    arn = self.arn("cloud9", f"environment:{made}")
    self.records["environment"][made] = {
        "id": made,
        "arn": arn,
        "type": "ec2",
        "connectionType": "CONNECT_SSH",
        "ownerArn": f"arn:aws:iam::{self.account}:root",
        "lifecycle": {"status": "CREATED"},
        "description": "",
        **{name: told[name] for name in ("name", "description", "connectionType", "ownerArn") if name in told},
    }
    self.tags[arn] = _pairs(tags)
    return {"environmentId": made}


def _environment(self: Standins, made: str) -> Body:
    return self.find("environment", made, "NotFoundException", f"Environment {made} not found.")


@_stands_in("cloud9", "DescribeEnvironments")
def _describe_environments(self: Standins, arguments: Body, _: Through) -> Body:
    return {"environments": [_environment(self, each) for each in arguments["environmentIds"]]}


@_stands_in("cloud9", "ListEnvironments")
def _list_environments(self: Standins, _: Body, __: Through) -> Body:
    return {"environmentIds": list(self.records["environment"])}


@_stands_in("cloud9", "UpdateEnvironment")
def _update_environment(self: Standins, arguments: Body, _: Through) -> Body:
    told: Body = {name: arguments[name] for name in ("name", "description") if name in arguments}
    _environment(self, arguments["environmentId"]).update(told)
    return {}


@_stands_in("cloud9", "DeleteEnvironment")
def _delete_environment(self: Standins, arguments: Body, _: Through) -> Body:
    _environment(self, arguments["environmentId"])
    del self.records["environment"][arguments["environmentId"]]
    return {}


# CloudWatch: composite alarms and mute rules


@_stands_in("cloudwatch", "PutCompositeAlarm")
def _put_composite(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    name, tags = told["AlarmName"], told.pop("Tags", None)
    for child in _children(told["AlarmRule"]):
        if child.startswith("arn:"):
            child = child.rpartition(":alarm:")[2]  # noqa: PLW2901
        there = through("cloudwatch", "DescribeAlarms", {"AlarmNames": [child]}).get("MetricAlarms")
        if not there and child not in self.records["composite alarm"]:
            raise ApiError(
                "ValidationError",
                f"Could not save the composite alarm as alarms [{child}] in the alarm rule do not exist",
            )
    arn = self.arn("cloudwatch", f"alarm:{name}")
    defaults = {"ActionsEnabled": True, "AlarmActions": [], "OKActions": [], "InsufficientDataActions": []}
    self.records["composite alarm"][name] = {**defaults, **told, "AlarmArn": arn, "StateValue": "INSUFFICIENT_DATA"}
    if tags:
        self.tags[arn] |= _pairs(tags)
    return {}


def _children(rule: str) -> list[str]:
    import re

    return [
        one or other
        for one, other in re.findall(r'(?:ALARM|OK|INSUFFICIENT_DATA)\(\s*(?:"([^"]+)"|([^")\s]+))\s*\)', rule)
    ]


@_stands_in("cloudwatch", "DescribeAlarms")
def _describe_alarms(self: Standins, arguments: Body, through: Through) -> Body:
    kinds, names, prefix = (arguments.get(each) for each in ("AlarmTypes", "AlarmNames", "AlarmNamePrefix"))
    found = {} if kinds == ["CompositeAlarm"] else through("cloudwatch", "DescribeAlarms", arguments)
    wanted = [
        each
        for name, each in self.records["composite alarm"].items()
        if (not names or name in names) and name.startswith(prefix or "")
    ]
    return {
        "MetricAlarms": [],
        **found,
        "CompositeAlarms": wanted if kinds is None or "CompositeAlarm" in kinds else [],
    }


@_stands_in("cloudwatch", "DeleteAlarms")
def _delete_alarms(self: Standins, arguments: Body, through: Through) -> Body:
    names = arguments["AlarmNames"]
    for name in names:
        users = [
            each
            for each, told in self.records["composite alarm"].items()
            if name in _children(told["AlarmRule"]) and each not in names
        ]
        if users:
            message = f"Cannot delete {name} as there are composite alarm(s) depending on it: {', '.join(users)}"
            raise ApiError("ValidationError", message)
    rest = [name for name in names if self.records["composite alarm"].pop(name, None) is None]
    for name in names:
        self.tags.pop(self.arn("cloudwatch", f"alarm:{name}"), None)
    return through("cloudwatch", "DeleteAlarms", {"AlarmNames": rest}) if rest else {}


@_stands_in("cloudwatch", "PutAlarmMuteRule")
def _put_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    told = dict(arguments)
    name, tags = told["Name"], told.pop("Tags", None)
    arn = self.arn("cloudwatch", f"alarm-mute-rule:{name}")
    kind = "ONE_TIME" if told["Rule"]["Schedule"]["Expression"].startswith("at(") else "RECURRING"
    self.records["mute rule"][name] = {**told, "AlarmMuteRuleArn": arn, "Status": "SCHEDULED", "MuteType": kind}
    if tags:
        self.tags[arn] |= _pairs(tags)
    return {}


@_stands_in("cloudwatch", "GetAlarmMuteRule")
def _get_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["AlarmMuteRuleName"]
    return self.find("mute rule", name, "ResourceNotFoundException", f"Alarm mute rule {name} does not exist")


@_stands_in("cloudwatch", "ListAlarmMuteRules")
def _list_mute_rules(self: Standins, _: Body, __: Through) -> Body:
    keys = ("AlarmMuteRuleArn", "Status", "MuteType", "ExpireDate")
    there = self.records["mute rule"].values()
    return {"AlarmMuteRuleSummaries": [{key: each[key] for key in keys if key in each} for each in there]}


@_stands_in("cloudwatch", "DeleteAlarmMuteRule")
def _delete_mute_rule(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["mute rule"].pop(arguments["AlarmMuteRuleName"], None)
    return {}


# Logs: keys of groups


@_stands_in("logs", "AssociateKmsKey")
def _associate_key(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["log key"][arguments["logGroupName"]] = {"kmsKeyId": arguments["kmsKeyId"]}
    return {}


@_stands_in("logs", "DisassociateKmsKey")
def _disassociate_key(self: Standins, arguments: Body, _: Through) -> Body:
    self.records["log key"].pop(arguments["logGroupName"], None)
    return {}


@_stands_in("logs", "DescribeLogGroups")
def _describe_log_groups(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("logs", "DescribeLogGroups", arguments)
    for each in answer["logGroups"]:
        each.update(self.records["log key"].get(each["logGroupName"], {}))
    return answer


@_stands_in("logs", "DeleteLogGroup")
def _delete_log_group(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("logs", "DeleteLogGroup", arguments)
    self.records["log key"].pop(arguments["logGroupName"], None)
    return answer


# Logs: moto writes a filter of a known name beside the one that is there


@_stands_in("logs", "PutMetricFilter")
def _put_filter(_: Standins, arguments: Body, through: Through) -> Body:
    where = {name: arguments[name] for name in ("logGroupName", "filterName")}
    asked = {"logGroupName": where["logGroupName"], "filterNamePrefix": where["filterName"]}
    there = through("logs", "DescribeMetricFilters", asked)["metricFilters"]
    if any(each["filterName"] == where["filterName"] for each in there):
        through("logs", "DeleteMetricFilter", where)
    return through("logs", "PutMetricFilter", arguments)


# EC2: moto keeps no description of a rule that names another group


@_stands_in("ec2", "AuthorizeSecurityGroupIngress")
def _authorize_ingress(self: Standins, arguments: Body, through: Through) -> Body:
    return _authorize(self, arguments, through("ec2", "AuthorizeSecurityGroupIngress", arguments))


@_stands_in("ec2", "AuthorizeSecurityGroupEgress")
def _authorize_egress(self: Standins, arguments: Body, through: Through) -> Body:
    return _authorize(self, arguments, through("ec2", "AuthorizeSecurityGroupEgress", arguments))


def _authorize(self: Standins, arguments: Body, answer: Body) -> Body:
    told = [
        each.get("Description")
        for permission in arguments.get("IpPermissions", [])
        for key in ("IpRanges", "Ipv6Ranges", "PrefixListIds", "UserIdGroupPairs")
        for each in permission.get(key, [])
    ]
    rules = answer.get("SecurityGroupRules", [])
    if len(told) == len(rules) == 1 and told[0]:
        self.records["rule description"][rules[0]["SecurityGroupRuleId"]] = {"Description": told[0]}
    return answer


@_stands_in("ec2", "ModifySecurityGroupRules")
def _modify_rules(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "ModifySecurityGroupRules", arguments)
    for each in arguments["SecurityGroupRules"]:
        told = {"Description": each["SecurityGroupRule"].get("Description", "")}
        self.records["rule description"][each["SecurityGroupRuleId"]] = told
    return answer


@_stands_in("ec2", "DescribeSecurityGroupRules")
def _describe_rules(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "DescribeSecurityGroupRules", arguments)
    for each in answer["SecurityGroupRules"]:
        each.update(self.records["rule description"].get(each["SecurityGroupRuleId"], {}))
    return answer


# EC2: moto takes the folder in a flow log's destination for a part of the bucket's name


@_stands_in("ec2", "CreateFlowLogs")
def _create_flow_logs(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    if "LogDestination" in told and told.get("LogDestinationType") == "s3":
        told["LogDestination"] = told["LogDestination"].partition("/")[0]
    answer = through("ec2", "CreateFlowLogs", told)
    kept: Body = {name: arguments[name] for name in ("LogDestination", "MaxAggregationInterval") if name in arguments}
    for each in answer["FlowLogIds"]:
        self.records["flow log"][each] = kept
    return answer


@_stands_in("ec2", "DescribeFlowLogs")
def _describe_flow_logs(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("ec2", "DescribeFlowLogs", arguments)
    for each in answer["FlowLogs"]:
        each.update(self.records["flow log"].get(each["FlowLogId"], {}))
    return answer


# EventBridge: changes of a bus


@_stands_in("events", "UpdateEventBus")
def _update_bus(_: Standins, arguments: Body, through: Through) -> Body:
    told = through("events", "DescribeEventBus", {"Name": arguments["Name"]})
    return {**told, **arguments}


# RDS: moto answers ModifyDBSubnetGroup and loses the group


@_stands_in("rds", "ModifyDBSubnetGroup")
def _modify_subnet_group(_: Standins, arguments: Body, through: Through) -> Body:
    name = arguments["DBSubnetGroupName"]
    there = through("rds", "DescribeDBSubnetGroups", {"DBSubnetGroupName": name})["DBSubnetGroups"][0]
    tags = through("rds", "ListTagsForResource", {"ResourceName": there["DBSubnetGroupArn"]})["TagList"]
    through("rds", "ModifyDBSubnetGroup", arguments)
    again = {"DBSubnetGroupDescription": there["DBSubnetGroupDescription"], **arguments, "Tags": tags}
    return through("rds", "CreateDBSubnetGroup", again)


@_stands_in("rds", "ResetDBParameterGroup")
def _reset_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    name = arguments["DBParameterGroupName"]
    through("rds", "DescribeDBParameterGroups", {"DBParameterGroupName": name})  # is it there?
    for each in arguments.get("Parameters", []):
        self.records[f"reset in {name}"][each["ParameterName"]] = {}
    return {"DBParameterGroupName": name}


@_stands_in("rds", "ModifyDBParameterGroup")
def _modify_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("rds", "ModifyDBParameterGroup", arguments)
    for each in arguments["Parameters"]:
        self.records[f"reset in {arguments['DBParameterGroupName']}"].pop(each["ParameterName"], None)
    return answer


@_stands_in("rds", "DescribeDBParameters")
def _describe_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("rds", "DescribeDBParameters", arguments)
    reset = self.records[f"reset in {arguments['DBParameterGroupName']}"]
    return {**answer, "Parameters": [each for each in answer["Parameters"] if each["ParameterName"] not in reset]}


@_stands_in("rds", "DeleteDBParameterGroup")
def _delete_parameters(self: Standins, arguments: Body, through: Through) -> Body:
    self.records.pop(f"reset in {arguments['DBParameterGroupName']}", None)
    return through("rds", "DeleteDBParameterGroup", arguments)


# Application Auto Scaling: moto gives a policy another ARN whenever it is written


def _policy_key(arguments: Body) -> str:
    return "|".join(arguments[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension", "PolicyName"))


@_stands_in("application-autoscaling", "PutScalingPolicy")
def _put_policy(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("application-autoscaling", "PutScalingPolicy", arguments)
    known = self.records["policy"].setdefault(_policy_key(arguments), {"PolicyARN": answer["PolicyARN"]})
    return {**answer, **known}


@_stands_in("application-autoscaling", "DescribeScalingPolicies")
def _describe_policies(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("application-autoscaling", "DescribeScalingPolicies", arguments)
    for each in answer["ScalingPolicies"]:
        each.update(self.records["policy"].get(_policy_key(each), {}))
    return answer


@_stands_in("application-autoscaling", "DeleteScalingPolicy")
def _delete_policy(self: Standins, arguments: Body, through: Through) -> Body:
    answer = through("application-autoscaling", "DeleteScalingPolicy", arguments)
    self.records["policy"].pop(_policy_key(arguments), None)
    return answer


# Guards: what AWS refuses and moto does


@_stands_in("ecs", "CreateService")
def _create_service(_: Standins, arguments: Body, through: Through) -> Body:
    """A target group that no listener and no rule sends to is refused (A6.10)."""
    for each in arguments.get("loadBalancers", []):
        arn = each.get("targetGroupArn")
        if arn and not _has_balancer(arn, through):
            message = f"The target group with targetGroupArn {arn} does not have an associated load balancer."
            raise ApiError("InvalidParameterException", message)
    return through("ecs", "CreateService", arguments)


def _has_balancer(arn: str, through: Through) -> bool:
    group = through("elbv2", "DescribeTargetGroups", {"TargetGroupArns": [arn]})["TargetGroups"][0]
    if group.get("LoadBalancerArns"):
        return True
    for balancer in through("elbv2", "DescribeLoadBalancers", {})["LoadBalancers"]:
        asked = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
        for listener in through("elbv2", "DescribeListeners", asked)["Listeners"]:
            rules = through("elbv2", "DescribeRules", {"ListenerArn": listener["ListenerArn"]})["Rules"]
            if arn in json.dumps([listener["DefaultActions"], [rule["Actions"] for rule in rules]]):
                return True
    return False


_BY_CODEDEPLOY = {
    "taskDefinition": "task definition",
    "networkConfiguration": "network parameters",
    "loadBalancers": "load balancers",
    "platformVersion": "platform version",
    "capacityProviderStrategy": "capacity provider strategy",
}


@_stands_in("ecs", "UpdateService")
def _update_service(self: Standins, arguments: Body, through: Through) -> Body:
    """Under CodeDeploy a service takes a few changes alone; what is told and is not live is refused (A2, A3.3)."""
    asked = {"cluster": arguments.get("cluster", "default"), "services": [arguments["service"]]}
    found = self.call("ecs", "DescribeServices", asked, through)["services"]
    if found and found[0].get("deploymentController", {}).get("type") == "CODE_DEPLOY":
        for name, words in _BY_CODEDEPLOY.items():
            if name in arguments and not _is_within(arguments[name], found[0].get(name)):
                message = (
                    f"Unable to update {words} on services with a CODE_DEPLOY deployment controller. "
                    "Use AWS CodeDeploy to trigger a new deployment."
                )
                raise ApiError("InvalidParameterException", message)
    return through("ecs", "UpdateService", arguments)


def _is_within(told: Any, live: Any) -> bool:
    """Whether everything that is told is live already."""
    if isinstance(told, Mapping):
        return isinstance(live, Mapping) and all(_is_within(value, live.get(key)) for key, value in told.items())
    if isinstance(told, list):
        return isinstance(live, list) and len(told) == len(live) and all(map(_is_within, told, live))
    return bool(told == live)


@_stands_in("elbv2", "DeleteLoadBalancer")
def _delete_balancer(_: Standins, arguments: Body, through: Through) -> Body:
    """Deletion protection protects (H11)."""
    arn = arguments["LoadBalancerArn"]
    told = through("elbv2", "DescribeLoadBalancerAttributes", {"LoadBalancerArn": arn})["Attributes"]
    if {"Key": "deletion_protection.enabled", "Value": "true"} in told:
        message = f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
        raise ApiError("OperationNotPermitted", message)
    return through("elbv2", "DeleteLoadBalancer", arguments)


# What moto takes and does not tell

_FORGOTTEN = (
    _Forgotten(
        "events",
        {"CreateEventBus": "Name", "UpdateEventBus": "Name"},
        "DescribeEventBus",
        "[@]",
        "Name",
        {name: name for name in ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")},
    ),
    _Forgotten(
        "rds",
        {"CreateDBInstance": "DBInstance.DBInstanceIdentifier", "ModifyDBInstance": "DBInstance.DBInstanceIdentifier"},
        "DescribeDBInstances",
        "DBInstances",
        "DBInstanceIdentifier",
        {
            name: name
            for name in (
                "AutoMinorVersionUpgrade",
                "BackupRetentionPeriod",
                "CACertificateIdentifier",
                "DatabaseInsightsMode",
                "EngineLifecycleSupport",
                "MonitoringInterval",
                "MonitoringRoleArn",
                "PerformanceInsightsRetentionPeriod",
                "StorageThroughput",
            )
        },
    ),
    _Forgotten(
        "ecs",
        {"CreateService": "service.serviceArn", "UpdateService": "service.serviceArn"},
        "DescribeServices",
        "services",
        "serviceArn",
        {
            name: name
            for name in (
                "availabilityZoneRebalancing",
                "capacityProviderStrategy",
                "deploymentConfiguration",
                "enableECSManagedTags",
                "enableExecuteCommand",
                "healthCheckGracePeriodSeconds",
                "loadBalancers",
                "networkConfiguration",
                "placementConstraints",
                "placementStrategy",
                "platformVersion",
                "propagateTags",
                "serviceRegistries",
            )
        },
    ),
)
