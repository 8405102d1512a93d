"""CodeDeploy: applications, deployment groups and configurations, of which moto changes and deletes none; deployments by steps."""

from __future__ import annotations

from collections.abc import Mapping

from cfngen.local.types.standins.room import ApiError, Body, Room, Standins, Through, pairs

ROOM = Room("codedeploy")
ROOM.tags(is_map=False)


@ROOM.operation("CreateApplication")
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
    self.tags[self.arn("codedeploy", f"application:{name}")] = pairs(arguments.get("tags"))
    return {"applicationId": made["applicationId"]}


def _application(self: Standins, name: str) -> Body:
    return self.find("application", name, "ApplicationDoesNotExistException", f"No application found for name: {name}")


@ROOM.operation("GetApplication")
def _get_application(self: Standins, arguments: Body, _: Through) -> Body:
    return {"application": _application(self, arguments["applicationName"])}


@ROOM.operation("ListApplications")
def _list_applications(self: Standins, _: Body, __: Through) -> Body:
    return {"applications": sorted(self.records["application"])}


@ROOM.operation("DeleteApplication")
def _delete_application(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["applicationName"]
    self.records["application"].pop(name, None)
    for key in [each for each in self.records["deployment group"] if each.startswith(f"{name}/")]:
        del self.records["deployment group"][key]
    return {}


@ROOM.operation("CreateDeploymentGroup")
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
    self.tags[self.arn("codedeploy", f"deploymentgroup:{key}")] = pairs(tags)
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


@ROOM.operation("UpdateDeploymentGroup")
def _update_group(self: Standins, arguments: Body, through: Through) -> Body:
    told = dict(arguments)
    application, name = told.pop("applicationName"), told.pop("currentDeploymentGroupName")
    group = _group(self, application, name)
    _check_group(self, _application(self, application), told, through)
    new = told.pop("newDeploymentGroupName", name)
    del self.records["deployment group"][f"{application}/{name}"]
    self.records["deployment group"][f"{application}/{new}"] = {**group, **told, "deploymentGroupName": new}
    return {"hooksNotCleanedUp": []}


@ROOM.operation("GetDeploymentGroup")
def _get_group(self: Standins, arguments: Body, _: Through) -> Body:
    return {"deploymentGroupInfo": _group(self, arguments["applicationName"], arguments["deploymentGroupName"])}


@ROOM.operation("BatchGetDeploymentGroups")
def _get_groups(self: Standins, arguments: Body, _: Through) -> Body:
    names = arguments["deploymentGroupNames"]
    return {"deploymentGroupsInfo": [_group(self, arguments["applicationName"], name) for name in names]}


@ROOM.operation("ListDeploymentGroups")
def _list_groups(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["applicationName"]
    _application(self, name)
    found = [
        each["deploymentGroupName"]
        for each in self.records["deployment group"].values()
        if each["applicationName"] == name
    ]
    return {"applicationName": name, "deploymentGroups": sorted(found)}


@ROOM.operation("DeleteDeploymentGroup")
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


@ROOM.operation("CreateDeploymentConfig")
def _create_config(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["deploymentConfigName"]
    if name in self.records["deployment config"] or name in _ECS_CONFIGS:
        raise ApiError("DeploymentConfigAlreadyExistsException", f"Deployment configuration already exists: {name}")
    made = {"computePlatform": "Server", **arguments, "deploymentConfigId": self.unique(name)}
    self.records["deployment config"][name] = made
    return {"deploymentConfigId": made["deploymentConfigId"]}


@ROOM.operation("GetDeploymentConfig")
def _get_config(self: Standins, arguments: Body, _: Through) -> Body:
    name = arguments["deploymentConfigName"]
    if name in _ECS_CONFIGS:
        known = {"deploymentConfigName": name, "computePlatform": "ECS", "trafficRoutingConfig": _ECS_CONFIGS[name]}
        return {"deploymentConfigInfo": known}
    message = f"No deployment configuration found for name: {name}"
    return {
        "deploymentConfigInfo": self.find("deployment config", name, "DeploymentConfigDoesNotExistException", message)
    }


@ROOM.operation("ListDeploymentConfigs")
def _list_configs(self: Standins, _: Body, __: Through) -> Body:
    return {"deploymentConfigsList": [*sorted(_ECS_CONFIGS), *sorted(self.records["deployment config"])]}


@ROOM.operation("DeleteDeploymentConfig")
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
