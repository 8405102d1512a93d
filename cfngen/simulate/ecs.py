"""ECS services under CodeDeploy: what may be created, updated and deleted, and how many tasks run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cfngen.semantics.update import RefusedError
from cfngen.simulate.balancer import is_behind_a_balancer
from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.world import ElsewhereError, Service, TaskSet, World

CLUSTER_ARN = "arn:aws:ecs:::cluster/"
"""What the ARN of a cluster that is made here begins with; the rest is its name."""
UPDATABLE = frozenset(
    (
        "DesiredCount",
        "DeploymentConfiguration",
        "HealthCheckGracePeriodSeconds",
        "PlacementConstraints",
        "PlacementStrategies",
        "EnableECSManagedTags",
        "PropagateTags",
        "Tags",
    )
)


def create_service(world: World, place: str, physical: str, properties: Mapping[str, Any]) -> Service:
    """Start a service with its first task set; `place` is where it stands in the templates."""
    definition = properties["TaskDefinition"]
    check_active(world, definition)
    known = _revision(world, definition)
    balancer = (properties.get("LoadBalancers") or [{}])[0]
    group = balancer.get("TargetGroupArn", "")
    check_group(world, group)
    container, port = balancer.get("ContainerName", ""), int(balancer.get("ContainerPort", 0))
    if known is not None:
        check_container(known, container, port)
    desired = int(properties.get("DesiredCount", 1))
    image = _image(known or {}, container)
    first = TaskSet(world.new_id("task-set"), "v0", group, desired, definition, image)
    name = str(properties.get("ServiceName", f"name:{physical}"))
    made = Service(
        arn=physical,
        name=name,
        label=_label(world, place, container or name),
        place=place,
        cluster=cluster_name(str(properties.get("Cluster", "default"))),
        controller=properties.get("DeploymentController", {}).get("Type", "ECS"),
        container=container,
        port=port,
        desired=desired,
        task_sets=[first],
        primary=first.id,
    )
    check_health(world, made, first)
    return made


def _revision(world: World, definition: str) -> Mapping[str, Any] | None:
    """What a revision says, which is given by its ARN, or as the last of its family; None for one from elsewhere."""
    of_family = [each for each in world.task_definitions.values() if each.get("Family") == definition]
    return world.task_definitions.get(definition, of_family[-1] if of_family else None)


def cluster_name(given: str) -> str:
    """The name of a cluster that is given by its name or its ARN."""
    return given.partition(":cluster/")[2] or given


def _label(world: World, place: str, name: str) -> str:
    """Two services whose containers are called the same are told apart by their places."""
    is_taken = any(each.label == name and each.place != place for each in world.services.values())
    return place.partition("/")[2] if is_taken else name


@behaviour("A3.4", sure="documented")
def check_active(world: World, definition: str) -> None:
    """A service starts only on an active revision; one that is not made here may be made elsewhere."""
    is_none_here = definition not in world.task_definitions and definition in world.everything()
    if not definition or is_none_here or definition in world.inactive:
        raise RefusedError(f"TaskDefinition is inactive or does not exist: {definition}")


@behaviour("A6.10", sure="observed")
def check_group(world: World, group: str) -> None:
    """A service cannot be created on a target group that belongs to no balancer."""
    if not group or is_behind_a_balancer(world, group):
        return
    if group not in world.everything():
        raise ElsewhereError(
            f"no template here has the target group {group} or a rule of it, so nobody knows who asks it"
        )
    raise RefusedError(f"The target group with targetGroupArn {group} does not have an associated load balancer.")


@behaviour("C2.4", sure="documented")
def check_container(definition: Mapping[str, Any], container: str, port: int) -> None:
    """The container and port that a service or an AppSpec names are those of its task definition."""
    for each in definition.get("ContainerDefinitions", []):
        ports = [int(mapping["ContainerPort"]) for mapping in each.get("PortMappings", [])]
        if each.get("Name") == container and port in ports:
            return
    if container:
        raise RefusedError(f"The container {container} does not exist in the task definition, or has no port {port}.")


@behaviour("C2.3", sure="documented")
def check_health(world: World, service: Service, tasks: TaskSet) -> None:
    """Tasks that do not answer the health check of their group never become steady, and CloudFormation gives up."""
    if tasks.group in world.groups and service.label in world.sick:
        raise RefusedError(f"Resource timed out waiting for completion: {service.label} never became steady.")


@behaviour("A2", sure="documented")
def check_update(world: World, service: Service, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Under CodeDeploy ECS takes an update of few fields only; task definition and network are CodeDeploy's."""
    if service.controller != "CODE_DEPLOY":
        return
    changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    if "TaskDefinition" in changed:
        raise RefusedError(
            "Unable to update task definition on services with a CODE_DEPLOY deployment controller. "
            "Use AWS CodeDeploy to trigger a new deployment. (InvalidParameterException)"
        )
    if other := [key for key in changed if key not in UPDATABLE]:
        raise RefusedError(f"Unable to update {', '.join(other)} on services with a CODE_DEPLOY deployment controller.")
    check_whole_update(world, service, new)


@behaviour("A3.3", sure="observed")
def check_whole_update(world: World, service: Service, new: Mapping[str, Any]) -> None:
    """CloudFormation sends every property, so an update is refused while another revision than the declared one is live."""
    if world.readings.service_update == "refused" and new["TaskDefinition"] != service.live.revision:
        raise RefusedError(
            "Unable to update task definition on services with a CODE_DEPLOY deployment controller. "
            "Use AWS CodeDeploy to trigger a new deployment. (InvalidParameterException)"
        )


@behaviour("B3.1", sure="documented")
def move(world: World, service: Service, revision: str) -> None:
    """Under the ECS controller UpdateService replaces the tasks by those of the revision that it names."""
    check_active(world, revision)
    service.live.revision = revision
    service.released += 1
    world.changed(f"{service.label} runs {revision}")


@behaviour("A8.1", sure="documented")
def scale(world: World, service: Service, wanted: int) -> None:
    """A new desired count holds for every task set of the service, within the limits of its scalable target."""
    service.desired = max(service.minimum, min(service.maximum, wanted))
    for tasks in service.task_sets:
        tasks.running = service.desired
    world.changed(f"{service.label} runs {service.desired} tasks a version")


@behaviour("Application Auto Scaling API RegisterScalableTarget", sure="documented")
def limit(world: World, service: Service, minimum: int, maximum: int) -> None:
    """New limits move a desired count that is outside of them."""
    service.minimum, service.maximum = minimum, maximum
    if not minimum <= service.desired <= maximum:
        scale(world, service, service.desired)


def _image(definition: Mapping[str, Any], container: str) -> str:
    found = [each for each in definition.get("ContainerDefinitions", []) if each.get("Name") == container]
    return str(found[0].get("Image", "")) if found else ""
