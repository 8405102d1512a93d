"""CodeDeploy's deployment groups: what CreateDeploymentGroup and UpdateDeploymentGroup refuse."""

from __future__ import annotations

from cfngen.semantics.update import RefusedError
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.codedeploy import ALL_AT_ONCE, PREDEFINED, config_name, shift
from cfngen.simulate.world import DeploymentGroup, ElsewhereError, World, text


@behaviour("CodeDeploy API CreateDeploymentGroup", sure="documented")
def check_application(world: World, group: DeploymentGroup) -> None:
    """A deployment group belongs to an application; one that is named and not made here may be made elsewhere."""
    name = str(group.properties.get("ApplicationName"))
    if name in world.everything() and world.others.get(name) != "application":
        raise RefusedError(f"No application found for name: {name} (ApplicationDoesNotExistException)")


@behaviour("A4.12", sure="documented")
def check_service(world: World, group: DeploymentGroup) -> None:
    """A deployment group names a service that exists and whose deployments are CodeDeploy's, and that no other has."""
    service = world.service_of(group)
    if service is None:
        _check_is_here(world, "service", (group.properties["ECSServices"] or [{}])[0].get("ServiceName"))
        raise RefusedError("The ECS service cannot be found for the deployment group (InvalidECSServiceException)")
    if service.controller != "CODE_DEPLOY":
        told = (
            f"Deployment group's ECS service {service.name} must be configured for a CODE_DEPLOY deployment controller."
        )
        raise RefusedError(f"{told} (InvalidECSServiceException)")
    if any(each.id != group.id and world.service_of(each) is service for each in world.deployment_groups.values()):
        told = f"The ECS service {service.name} is in another deployment group already"
        raise RefusedError(f"{told} (ECSServiceMappingLimitExceededException)")


@behaviour("A4.4", sure="documented")
def check_pair(world: World, group: DeploymentGroup) -> None:
    """A pair names two different target groups that exist."""
    if len({each.arn for each in world.pair(group)}) != 2:
        for each in world.pair_names(group):
            _check_is_here(world, "target group", each)
        told = "A target group pair needs two different target groups that exist"
        raise RefusedError(f"{told} (InvalidTargetGroupPairException)")


@behaviour("A6.9", sure="documented")
def check_routes(world: World, group: DeploymentGroup) -> None:
    """The listeners of both routes exist and are of one balancer."""
    production, test = world.listener_of(group, "ProdTrafficRoute"), world.listener_of(group, "TestTrafficRoute")
    for route, listener in (("ProdTrafficRoute", production), ("TestTrafficRoute", test)):
        if not world.adopt(text(listener)) and (listener or route == "ProdTrafficRoute"):
            raise RefusedError(f"The listener of {route} does not exist (InvalidLoadBalancerInfoException)")
    if not test or world.listeners[production].is_elsewhere or world.listeners[test].is_elsewhere:
        return
    if world.listeners[production].balancer != world.listeners[test].balancer:
        told = "The listeners of a deployment group must be of one load balancer"
        raise RefusedError(f"{told} (InvalidLoadBalancerInfoException)")


@behaviour("A4.13", sure="documented")
def check_config(world: World, group: DeploymentGroup) -> None:
    """A deployment configuration exists; behind a Network Load Balancer everything moves at once."""
    name = config_name(group)
    if name not in PREDEFINED and name not in world.deployment_configs:
        if not name.startswith("CodeDeployDefault."):
            _check_is_here(world, "deployment configuration", name)
        told = f"No deployment configuration found for name: {name}"
        raise RefusedError(f"{told} (DeploymentConfigDoesNotExistException)")
    routing = world.deployment_configs.get(name, PREDEFINED.get(name, {}))
    for kind, percentage in (("TimeBasedCanary", "CanaryPercentage"), ("TimeBasedLinear", "LinearPercentage")):
        if kind in routing and not 0 < int(routing[kind][percentage]) < 100:
            raise RefusedError(f"{percentage} is not between 1 and 99 (InvalidTrafficRoutingConfigurationException)")
    shift(group, world)
    listener = world.listeners[world.listener_of(group, "ProdTrafficRoute")]
    if world.balancers.get(listener.balancer) == "network" and routing.get("Type", name) not in (
        "AllAtOnce",
        ALL_AT_ONCE,
    ):
        told = "A Network Load Balancer supports a deployment configuration that moves everything at once only"
        raise RefusedError(f"{told} (InvalidLoadBalancerInfoException)")


def check_form(group: DeploymentGroup) -> None:
    """Read once what a deployment will read; a form that cannot be read raises what Python raises for it."""
    told = group.properties
    blue_green, back = told.get("BlueGreenDeploymentConfiguration", {}), told.get("AutoRollbackConfiguration", {})
    end = blue_green.get("TerminateBlueInstancesOnDeploymentSuccess", {})
    int(end.get("TerminationWaitTimeInMinutes", 0))
    alarms = told.get("AlarmConfiguration", {})
    texts = (
        blue_green.get("DeploymentReadyOption", {}).get("ActionOnTimeout", ""),
        end.get("Action", ""),
        *back.get("Events", ()),
        *(each.get("Name", "") for each in alarms.get("Alarms", ())),
    )
    for flag in (back.get("Enabled"), alarms.get("Enabled")):
        if flag not in (None, True, False, "true", "false"):
            raise TypeError(f"{flag!r} is neither true nor false")
    for each in texts:
        text(each)


def _check_is_here(world: World, what: str, name: object) -> None:
    """What a release moves is made by the templates; else there is nothing to play."""
    known = {each.name for each in world.services.values()} | {each.name for each in world.groups.values()}
    if name and name not in known | world.everything():
        raise ElsewhereError(
            f"no template here makes the {what} {name}; play those that make it together with this one"
        )
