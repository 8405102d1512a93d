"""Resources of templates as the world has them: CloudFormation's side of the simulator, type by type.

Types that neither carry requests nor decide about them exist by name alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from cfngen.request import Request
from cfngen.semantics.replacement import NAMES
from cfngen.semantics.update import RefusedError, Resource
from cfngen.simulate import balancer, ecs, groups
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.metrics import MetricReader, check_metrics
from cfngen.simulate.plainly import plainly
from cfngen.simulate.requests import holds, of_rule
from cfngen.simulate.world import DeploymentGroup, ElsewhereError, Forward, Listener, Rule, TargetGroup, World, text

Properties = Mapping[str, Any]


class Resources:
    """A `cfngen.semantics.update.Provider` over a world. `before_write` is called first and may refuse."""

    def __init__(self, world: World, before_write: Callable[[str, Resource], None] = lambda *_: None) -> None:
        self.world = world
        self.before_write = before_write

    def create(self, resource: Resource) -> str:
        self.before_write("create", resource)
        name = _name(resource)
        check_name(self.world, name)
        physical = self.world.new_id(f"{_short(resource.kind)}:{resource.place}")
        make = _TYPES.get(resource.kind, _OTHER).create
        with _well_formed(resource):
            made = make(self.world, physical, resource.properties)
        if name:
            self.world.names[name] = made
        self._changed(resource, "created")
        return made

    def update(self, resource: Resource, old: Resource) -> None:
        self.before_write("update", resource)
        write = _TYPES.get(resource.kind, _OTHER).update
        with _well_formed(resource):
            write(self.world, resource.physical, old.properties, resource.properties)
        self._changed(resource, "written")

    def delete(self, resource: Resource) -> None:
        self.before_write("delete", resource)
        _TYPES.get(resource.kind, _OTHER).delete(self.world, resource.physical)
        name = _name(resource)
        if name and self.world.names.get(name) == resource.physical:
            del self.world.names[name]
        self._changed(resource, "deleted")

    def _changed(self, resource: Resource, what: str) -> None:
        self.world.structure += 1
        if resource.kind in _CARRYING:
            self.world.routing += 1
            self.world.changed(f"{resource.place} is {what}")

    def attribute(self, resource: Resource, name: str) -> Any:
        if name in _SAID.get(resource.kind, ()):
            return resource.properties.get(name)
        known = _TYPES.get(resource.kind, _OTHER).attributes
        made = self.reference(resource) if resource.kind in _REFERRED_BY_NAME else resource.physical
        return known[name](self.world, made) if name in known else f"{resource.physical}.{name}"

    def reference(self, resource: Resource) -> Any:
        name = NAMES[resource.kind] if resource.kind in _REFERRED_BY_NAME else ""
        return resource.properties.get(name, resource.physical)

    def dynamic(self, service: str, key: str) -> str:
        name = key.partition(":")[0]
        if name not in self.world.ssm:
            self.world.made_up.add(name)
        return self.world.ssm.get(name, f"{service}:{key}")


def _name(resource: Resource) -> tuple[str, str, str] | None:
    """The type, the scope and the name of what people named themselves."""
    name = resource.properties.get(NAMES.get(resource.kind, ""))
    scope = resource.properties.get(_SCOPES.get(resource.kind, ""), "")
    return (resource.kind, str(scope), name) if name and isinstance(name, str) else None


@behaviour("CFN-UG aws-properties-name", sure="documented")
def check_name(world: World, name: tuple[str, str, str] | None) -> None:
    """A name that people give belongs to one resource of its type; a second one under it is refused."""
    if name in world.names:
        kind, _, own = name
        raise RefusedError(f"{own} already exists: a name is one {_short(kind)}'s in an account (AlreadyExists)")


_SCOPES = {"AWS::ECS::Service": "Cluster", "AWS::CodeDeploy::DeploymentGroup": "ApplicationName"}
"""The property in which a name is unique, by types whose names are not an account's and region's."""


class MalformedError(Exception):
    """A resource cannot be played: its properties have a shape that its service cannot read, or lead elsewhere."""

    def __init__(self, resource: Resource, reason: str) -> None:
        super().__init__(reason)
        self.resource = resource


@contextmanager
def _well_formed(resource: Resource) -> Iterator[None]:
    """Types read properties as they should be; what they stumble over is told with its place."""
    try:
        yield
    except ElsewhereError as error:
        raise MalformedError(resource, str(error)) from error
    except KeyError as error:
        raise MalformedError(resource, f"the property {error} is missing") from error
    except (ArithmeticError, AttributeError, IndexError, TypeError, ValueError, re.error) as error:
        raise MalformedError(resource, f"a property has another form than the type wants: {plainly(error)}") from error


def _short(kind: str) -> str:
    return kind.rpartition("::")[2].lower()


def _create_other(world: World, physical: str, _: Properties) -> str:
    world.others[physical] = physical.partition(":")[0]
    return physical


def _delete_other(world: World, physical: str) -> None:
    world.others.pop(physical, None)


def _create_cluster(world: World, physical: str, properties: Properties) -> str:
    world.clusters[physical] = str(properties.get("ClusterName", physical))
    return physical


def _delete_cluster(world: World, physical: str) -> None:
    del world.clusters[physical]


def _in_one_part(physical: str) -> str:
    """A place and a number as ARNs of balancers have them, which templates take apart at their slashes."""
    place, _, number = physical.partition(":")[2].rpartition("-")
    return f"{place.replace('/', '.')}/{number}"


def _create_balancer(world: World, physical: str, properties: Properties) -> str:
    kind = str(properties.get("Type", "application"))
    arn = f"loadbalancer/{'net' if kind == 'network' else 'app'}/{_in_one_part(physical)}"
    world.balancers[arn] = kind
    if properties.get("Scheme") == "internal":
        world.internal_balancers.add(arn)
    return arn


def _delete_balancer(world: World, physical: str) -> None:
    for arn in [each.arn for each in world.listeners.values() if each.balancer == physical]:
        _delete_listener(world, arn)
    world.balancers.pop(physical, None)
    world.internal_balancers.discard(physical)


def _create_group(world: World, physical: str, properties: Properties) -> str:
    name = properties.get("Name", f"name:{physical}")
    port, vpc = int(properties.get("Port", 80)), str(properties.get("VpcId", ""))
    balancer.check_port_number(port)
    made = TargetGroup(physical, name, f"targetgroup/{physical}", port, vpc)
    world.groups[physical] = made
    _update_group(world, physical, {}, properties)
    return physical


def _update_group(world: World, physical: str, _: Properties, properties: Properties) -> None:
    told = {each["Key"]: each["Value"] for each in properties.get("TargetGroupAttributes", [])}
    world.groups[physical].drain_seconds = int(told.get("deregistration_delay.timeout_seconds", 300))  # H4


def _delete_group(world: World, physical: str) -> None:
    balancer.check_unused(world, physical)
    del world.groups[physical]


def _create_listener(world: World, physical: str, properties: Properties) -> str:
    of_balancer, action = text(properties["LoadBalancerArn"]), balancer.forward(properties["DefaultActions"])
    arn = f"listener/{world.balancer_name(of_balancer)}/{_in_one_part(physical).replace('/', '-')}"
    made = Listener(arn, of_balancer, int(properties["Port"]), action, str(properties.get("Protocol", "HTTP")))
    balancer.check_port(world, made)
    _check_action(world, made.balancer, made.action)
    world.listeners[arn] = made
    return arn


@behaviour("A6.12", sure="observed")
def update_listener(world: World, physical: str, _: Properties, properties: Properties) -> None:
    """Any change of a listener writes its declared default action, wherever the requests go now."""
    listener = world.listeners[physical]
    action = balancer.forward(properties["DefaultActions"])
    wanted = Listener(
        physical, listener.balancer, int(properties["Port"]), action, str(properties.get("Protocol", "HTTP"))
    )
    balancer.check_port(world, wanted)
    _check_action(world, listener.balancer, wanted.action)
    listener.port, listener.protocol, listener.action = wanted.port, wanted.protocol, wanted.action


def _delete_listener(world: World, physical: str) -> None:
    for arn in [rule.arn for rule in world.rules_of(physical)]:
        del world.rules[arn]
    del world.listeners[physical]


def _check_action(world: World, of_balancer: str, action: Forward) -> None:
    balancer.check_weights(action)
    balancer.check_groups(world, of_balancer, action)
    balancer.check_network(world, action)


def _rule(world: World, physical: str, properties: Properties) -> Rule:
    listener, conditions = text(properties["ListenerArn"]), list(properties["Conditions"])
    if not world.adopt(listener):
        raise RefusedError(f"Listener '{listener}' not found (ListenerNotFound)")
    for request in (Request("/"), *of_rule(conditions)):  # conditions that cannot be read are told here
        all(holds(each, request) for each in conditions)
    if not conditions:
        raise RefusedError("A condition must be specified (ValidationError)")
    action = balancer.forward(properties["Actions"])
    return Rule(physical, listener, int(properties["Priority"]), conditions, action)


def _create_rule(world: World, physical: str, properties: Properties) -> str:
    made = _rule(world, physical, properties)
    balancer.check_priority(world, made)
    balancer.check_limits(world, made)
    _check_action(world, world.listeners[made.listener].balancer, made.action)
    world.rules[physical] = made
    return physical


@behaviour("A6.12", sure="observed")
def update_rule(world: World, physical: str, _: Properties, properties: Properties) -> None:
    """Any change of a rule writes its declared actions, wherever the requests go now."""
    wanted = _rule(world, physical, properties)
    balancer.check_priority(world, wanted)
    balancer.check_limits(world, wanted)
    _check_action(world, world.listeners[wanted.listener].balancer, wanted.action)
    world.rules[physical] = wanted


def _delete_rule(world: World, physical: str) -> None:
    world.rules.pop(physical, None)  # a listener that went took it along


def _create_definition(world: World, physical: str, properties: Properties) -> str:
    world.task_definitions[physical] = properties
    return physical


@behaviour("A3.4", sure="documented")
def delete_definition(world: World, physical: str) -> None:
    """A revision that leaves the template is deregistered: nothing new starts on it."""
    world.inactive.add(physical)


def _create_service(world: World, physical: str, properties: Properties) -> str:
    world.services[physical] = ecs.create_service(world, _place(physical), physical, properties)
    return physical


def _place(physical: str) -> str:
    """Where a resource stands in the templates, which its id tells."""
    return physical.partition(":")[2].rpartition("-")[0]


def _update_service(world: World, physical: str, old: Properties, properties: Properties) -> None:
    ecs.check_update(world, world.services[physical], old, properties)
    service = world.services[physical]
    if service.controller == "ECS" and service.live.revision != properties["TaskDefinition"]:
        ecs.move(world, service, properties["TaskDefinition"])  # CloudFormation sends every property (A3.3)
    wanted = int(properties.get("DesiredCount", 1))
    if wanted != int(old.get("DesiredCount", 1)):
        ecs.scale(world, world.services[physical], wanted)


def _delete_service(world: World, physical: str) -> None:
    service = world.services.pop(physical)
    for deployment in world.in_flight(service):
        deployment.state, deployment.reason = "Failed", "the service was deleted"


def _create_deployment_group(world: World, physical: str, properties: Properties) -> str:
    if "ECSServices" not in properties:
        return _create_other(world, physical, properties)  # of functions or servers: it moves no request here
    made = DeploymentGroup(physical, properties)
    _check_deployment_group(world, made)
    world.deployment_groups[physical] = made
    return physical


def _check_deployment_group(world: World, group: DeploymentGroup) -> None:
    groups.check_form(group)
    groups.check_application(world, group)
    groups.check_service(world, group)
    groups.check_pair(world, group)
    groups.check_routes(world, group)
    groups.check_config(world, group)


def _update_deployment_group(world: World, physical: str, _: Properties, properties: Properties) -> None:
    if physical in world.others:
        return
    wanted = DeploymentGroup(physical, properties)
    _check_deployment_group(world, wanted)
    world.deployment_groups[physical] = wanted


def _delete_deployment_group(world: World, physical: str) -> None:
    if physical in world.others:
        _delete_other(world, physical)
        return
    for deployment in world.deployments:
        if deployment.group.id == physical and deployment.is_running:
            deployment.stop("its deployment group was deleted")
    del world.deployment_groups[physical]


def _create_config(world: World, physical: str, properties: Properties) -> str:
    name = str(properties.get("DeploymentConfigName", physical))
    world.deployment_configs[name] = properties.get("TrafficRoutingConfig", {})
    return name


@behaviour("A4.14", sure="documented")
def delete_config(world: World, physical: str) -> None:
    """A deployment configuration that a group uses cannot be deleted."""
    if any(each.properties.get("DeploymentConfigName") == physical for each in world.deployment_groups.values()):
        raise RefusedError(f"The deployment configuration {physical} is in use (DeploymentConfigInUseException)")
    del world.deployment_configs[physical]


def _create_target(world: World, physical: str, properties: Properties) -> str:
    _update_target(world, physical, {}, properties)
    return physical


def _update_target(world: World, physical: str, _: Properties, properties: Properties) -> None:
    wanted = str(properties["ResourceId"])
    service = next((each for each in world.services.values() if f"service/{each.cluster}/{each.name}" == wanted), None)
    least, most = int(properties["MinCapacity"]), int(properties["MaxCapacity"])
    if least > most:
        raise RefusedError("Maximum capacity cannot be less than minimum capacity (ValidationException)")
    if service is None and _is_of_ecs_here(world, wanted, str(properties.get("ServiceNamespace", ""))):
        raise RefusedError(f"ECS service doesn't exist: {wanted} (ValidationException)")
    world.scalable[physical] = properties
    if service is None:
        return  # it is of a table, a function, or a service of another stack
    ecs.limit(world, service, least, most)


def _is_of_ecs_here(world: World, wanted: str, namespace: str) -> bool:
    """Whether something is of a cluster or service that is made here, or calls itself one of ECS and has no such name."""
    ours = any(f"{wanted}/".startswith(f"service/{name}/") for name in world.clusters.values())
    ours = ours or any(wanted.endswith(f"/{each.name}") for each in world.services.values())
    return ours or (namespace == "ecs" and not wanted.startswith("service/"))


def _delete_target(world: World, physical: str) -> None:
    world.scalable.pop(physical, None)


def _create_reader(world: World, physical: str, properties: Properties) -> str:
    _update_reader(world, physical, {}, properties)
    return physical


def _update_reader(world: World, physical: str, _: Properties, properties: Properties) -> None:
    check_metrics(properties)
    world.metric_readers[physical] = MetricReader.of(properties)


def _create_alarm(world: World, physical: str, properties: Properties) -> str:
    _update_alarm(world, physical, {}, properties)
    return physical


def _update_alarm(world: World, physical: str, _: Properties, properties: Properties) -> None:
    check_metrics(properties)
    world.metric_readers[physical] = MetricReader.of(properties, is_alarm=True)


def _delete_reader(world: World, physical: str) -> None:
    del world.metric_readers[physical]
    world.ringing.discard(physical)


def _nothing(*_: Any) -> None:
    """Nothing that the world knows of changes."""


def _kept_in(name: str) -> _Type:
    """A type of which the world keeps the properties, and nothing else happens."""

    def create(world: World, physical: str, properties: Properties) -> str:
        getattr(world, name)[physical] = properties
        return physical

    def update(world: World, physical: str, _: Properties, properties: Properties) -> None:
        getattr(world, name)[physical] = properties

    def delete(world: World, physical: str) -> None:
        del getattr(world, name)[physical]

    return _Type(create, update, delete, {})


@dataclass(frozen=True)
class _Type:
    """How one type of resource lives."""

    create: Callable[[World, str, Properties], str]
    update: Callable[[World, str, Properties, Properties], None]
    delete: Callable[[World, str], None]
    attributes: Mapping[str, Callable[[World, str], Any]]


_REFERRED_BY_NAME = frozenset(
    (
        "AWS::ECS::Cluster",
        "AWS::CodeDeploy::Application",
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::CompositeAlarm",
    )
)
"""Types whose Ref is the name that people gave them; without one a name is made up."""
_SAID = {"AWS::SSM::Parameter": ("Type", "Value")}
"""Attributes that say what a property of the same name declares."""
_CARRYING = frozenset(
    (
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::ECS::Cluster",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    )
)
"""Types that carry requests or decide about them. Others change who answers by the tasks of a service at most, which
`ecs.scale` tells."""
_ALARM_ARN = {"Arn": lambda _, name: f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}"}
_OTHER = _Type(_create_other, _nothing, _delete_other, {})
_TYPES = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _Type(
        _create_balancer,
        _nothing,
        _delete_balancer,
        {
            "LoadBalancerArn": lambda _, physical: physical,
            "LoadBalancerFullName": lambda world, physical: world.balancer_name(physical),
        },
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": _Type(
        _create_group,
        _update_group,
        _delete_group,
        {
            "TargetGroupArn": lambda world, physical: world.groups[physical].arn,
            "TargetGroupName": lambda world, physical: world.groups[physical].name,
            "TargetGroupFullName": lambda world, physical: world.groups[physical].full_name,
        },
    ),
    "AWS::ElasticLoadBalancingV2::Listener": _Type(
        _create_listener, update_listener, _delete_listener, {"ListenerArn": lambda _, physical: physical}
    ),
    "AWS::ElasticLoadBalancingV2::ListenerRule": _Type(
        _create_rule, update_rule, _delete_rule, {"RuleArn": lambda _, physical: physical}
    ),
    "AWS::ECS::Cluster": _Type(
        _create_cluster, _nothing, _delete_cluster, {"Arn": lambda _, name: f"{ecs.CLUSTER_ARN}{name}"}
    ),
    "AWS::ECS::TaskDefinition": _Type(
        _create_definition, _nothing, delete_definition, {"TaskDefinitionArn": lambda _, physical: physical}
    ),
    "AWS::ECS::Service": _Type(
        _create_service,
        _update_service,
        _delete_service,
        {"Name": lambda world, physical: world.services[physical].name, "ServiceArn": lambda _, physical: physical},
    ),
    "AWS::CodeDeploy::DeploymentGroup": _Type(
        _create_deployment_group, _update_deployment_group, _delete_deployment_group, {}
    ),
    "AWS::CodeDeploy::DeploymentConfig": _Type(_create_config, _nothing, delete_config, {}),
    "AWS::ApplicationAutoScaling::ScalableTarget": _Type(_create_target, _update_target, _delete_target, {}),
    "AWS::ApplicationAutoScaling::ScalingPolicy": _Type(_create_reader, _update_reader, _delete_reader, {}),
    "AWS::CodePipeline::Pipeline": _kept_in("pipelines"),
    "AWS::Events::Rule": _kept_in("event_rules"),
    "AWS::StepFunctions::StateMachine": _kept_in("machines"),
    "AWS::CloudWatch::Alarm": _Type(_create_alarm, _update_alarm, _delete_reader, _ALARM_ARN),
    "AWS::CloudWatch::CompositeAlarm": replace(_kept_in("composites"), attributes=_ALARM_ARN),
}
