"""A CodeDeploy deployment of an ECS service, step by step: test traffic, the shift, the wait, the end, the way back.

A deployment is a list of named steps; `Deployment.step` plays the next one. What goes wrong in a step, and whoever stops
it, ends in the same way back (`roll_back`), if the deployment group wants that for such an event and the old task set is
still there; else everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cfngen.simulate.behaviour import behaviour
from cfngen.simulate.world import DeploymentGroup, Forward, Service, TargetGroup, TaskSet, World, alarm_names

State = Literal["InProgress", "Ready", "Succeeded", "Failed", "Stopped"]
HOOKS = ("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")
_NOT_BEHIND = (
    "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener"
)


ALL_AT_ONCE = "CodeDeployDefault.ECSAllAtOnce"
PREDEFINED: Mapping[str, Mapping[str, Any]] = {
    ALL_AT_ONCE: {},
    "CodeDeployDefault.ECSCanary10Percent5Minutes": {"TimeBasedCanary": {"CanaryPercentage": 10, "CanaryInterval": 5}},
    "CodeDeployDefault.ECSCanary10Percent15Minutes": {
        "TimeBasedCanary": {"CanaryPercentage": 10, "CanaryInterval": 15}
    },
    "CodeDeployDefault.ECSLinear10PercentEvery1Minutes": {
        "TimeBasedLinear": {"LinearPercentage": 10, "LinearInterval": 1}
    },
    "CodeDeployDefault.ECSLinear10PercentEvery3Minutes": {
        "TimeBasedLinear": {"LinearPercentage": 10, "LinearInterval": 3}
    },
}
"""The deployment configurations for ECS that everybody has, with their traffic routing (A4.13)."""
FAILURE, ALARM, REQUEST = "DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST"
"""What may end a deployment, as AutoRollbackConfiguration calls it."""


class DeploymentFailedError(Exception):
    """A step of a deployment went wrong; the message is in CodeDeploy's words where it has any.

    `is_expected` where whoever plays wanted it so: an alarm that rings, tasks that are sick, a failure that is given.
    """

    def __init__(self, message: str, event: str = FAILURE, *, is_expected: bool = False) -> None:
        super().__init__(message)
        self.event = event
        self.is_expected = is_expected


@dataclass(frozen=True)
class Revision:
    """What a pipeline hands to CodeDeploy: a version with its task definition and AppSpec, as far as they matter."""

    version: str
    container: str = ""
    port: int = 0
    image: str = "repository@sha256:digest"
    hooks: frozenset[str] = frozenset()


@dataclass
class Deployment:
    """One deployment.

    `is_expected` when it ended as whoever plays wanted. `shifts` are the percentages that green gets, each with the
    minutes until the next; `captured` are rules by listener, in the reading where they are looked up once; `before` are
    the actions that come before a forward, by rule, as they were at the start.
    """

    id: str
    world: World
    group: DeploymentGroup
    service: Service
    revision: Revision
    state: State = "InProgress"
    reason: str = ""
    done: list[str] = field(default_factory=list)
    blue: TaskSet | None = None
    green: TaskSet | None = None
    production: str = ""
    test: str = ""
    is_expected: bool = False
    shifts: tuple[tuple[int, float], ...] = ()
    captured: dict[str, list[str]] = field(default_factory=dict)
    before: dict[str, tuple[str, ...]] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)

    @property
    def is_running(self) -> bool:
        return self.state in ("InProgress", "Ready")

    @property
    def alarms(self) -> list[str]:
        """The alarms that it looks at (A4.10)."""
        return alarm_names(self.group)

    @property
    def can_go_back(self) -> bool:
        """Whether the old task set is still there."""
        return self.blue in self.service.task_sets

    @property
    def next_step(self) -> str:
        return self.left[0] if self.left and self.is_running else ""

    def step(self, failure: str = "") -> str:
        """Play the next step, or let it fail; return its name."""
        name = self.left.pop(0)
        self.state = "InProgress"
        try:
            check_undisturbed(name, failure)
            check_alarms(self)
            _STEPS[name.partition(" ")[0]](self, name)
        except DeploymentFailedError as failed:
            self.reason, self.is_expected = str(failed), failed.is_expected
            self._end("Stopped" if failed.event == ALARM else "Failed", failed.event)
            return name
        self.done.append(name)
        if self.left and self.left[0] == "Ready":
            self.state = "Ready"
        if not self.left:
            self.state = "Succeeded"
            self.service.released += 1
        return name

    def stop(self, reason: str = "stopped by a person") -> None:
        """Stop the deployment, and go back if its group wants that; raises `LookupError` when it is over already."""
        if not self.is_running:
            raise LookupError(f"{self.id} is over already: {self.state} (DeploymentAlreadyCompletedException)")
        self.reason, self.is_expected = reason, True
        self._end("Stopped", REQUEST)

    def _end(self, state: State, event: str) -> None:
        self.state = state
        if self.can_go_back and goes_back(self, event):
            roll_back(self)


def start(world: World, group: DeploymentGroup, revision: Revision) -> Deployment:
    """Create a deployment; it has failed already when a precondition does not hold."""
    service = world.service_of(group)
    if service is None:
        raise LookupError(f"deployment group {group.id} names a service that does not exist")
    made = Deployment(world.new_id("deployment"), world, group, service, revision)
    made.production = world.listener_of(group, "ProdTrafficRoute")
    made.test = world.listener_of(group, "TestTrafficRoute")
    made.blue = service.live
    world.deployments.append(made)
    world.flying.append(made)
    try:
        check_one_at_a_time(made)
        check_alarms(made)
        check_pair(made)
        check_agreement(made)
        check_primary(made)
    except DeploymentFailedError as failed:
        made.state, made.reason, made.is_expected = "Failed", str(failed), failed.is_expected
        return made
    made.shifts = tuple(shift(group, world))
    made.left = list(steps(made))
    made.before = {arn: action.before for arn, action in rules_of_pair(made, made.production)}
    if world.readings.rules_are_found == "at the start":
        made.captured = {
            listener: [arn for arn, _ in rules_of_pair(made, listener)] for listener in (made.production, made.test)
        }
    return made


@behaviour("A5.5", sure="documented")
def steps(deployment: Deployment) -> Iterator[str]:
    """Install, test traffic, the wait for a person, the shift in steps, the termination wait, the end of blue."""
    told = deployment.group.properties.get("BlueGreenDeploymentConfiguration", {})
    ready = told.get("DeploymentReadyOption", {})
    hooks = [hook for hook in HOOKS if hook in deployment.revision.hooks]
    yield from (hook for hook in hooks if hook == "BeforeInstall")
    yield "Install"
    yield from (hook for hook in hooks if hook == "AfterInstall")
    if deployment.test:
        yield "AllowTestTraffic"
    yield from (hook for hook in hooks if hook == "AfterAllowTestTraffic")
    if ready.get("ActionOnTimeout") == "STOP_DEPLOYMENT":
        yield "Ready"
    yield from (hook for hook in hooks if hook == "BeforeAllowTraffic")
    yield from (f"AllowTraffic {percent}" for percent, _ in deployment.shifts)
    yield from (hook for hook in hooks if hook == "AfterAllowTraffic")
    yield "TerminationWait"
    if told.get("TerminateBlueInstancesOnDeploymentSuccess", {}).get("Action", "TERMINATE") == "TERMINATE":
        yield "Terminate"


@behaviour("A4.13", sure="documented")
def shift(group: DeploymentGroup, world: World) -> list[tuple[int, float]]:
    """The percentages that green gets one after another, each with the minutes until the next."""
    name = config_name(group)
    routing = PREDEFINED[name] if name in PREDEFINED else world.deployment_configs[name]
    return steps_of(routing)


def steps_of(routing: Mapping[str, Any]) -> list[tuple[int, float]]:
    """The same of a traffic routing with CloudFormation's keys."""
    canary, linear = routing.get("TimeBasedCanary"), routing.get("TimeBasedLinear")
    if canary:
        return [(int(canary["CanaryPercentage"]), float(canary["CanaryInterval"])), (100, 0)]
    if linear:
        step, minutes = int(linear["LinearPercentage"]), float(linear["LinearInterval"])
        return [*((percent, minutes) for percent in range(step, 100, step)), (100, 0)]
    return [(100, 0)]


def config_name(group: DeploymentGroup) -> str:
    """The deployment configuration of a group; without one everything moves at once."""
    return str(group.properties.get("DeploymentConfigName", ALL_AT_ONCE))


@behaviour("A5.6", sure="documented")
def check_undisturbed(step: str, failure: str) -> None:
    """A hook that fails, or says nothing for an hour, fails the deployment; so does a step of CodeDeploy's own."""
    if failure:
        raise DeploymentFailedError(f"{step}: {failure}", is_expected=True)


@behaviour("CD-UG deployment-groups", sure="documented")
def check_one_at_a_time(deployment: Deployment) -> None:
    """A deployment group runs one deployment at a time."""
    running = [each for each in deployment.world.in_flight(deployment.service) if each is not deployment]
    if running:
        raise DeploymentFailedError(
            f"The deployment group already has an active deployment {running[0].id} (DeploymentLimitExceeded)",
            is_expected=True,
        )


@behaviour("A4.10", sure="documented")
def check_alarms(deployment: Deployment) -> None:
    """A deployment ends as soon as one of its group's alarms rings, whether it started or is about to."""
    if ringing := sorted(deployment.world.ringing.intersection(deployment.alarms)):
        told = f"One or more alarms have been activated: {', '.join(ringing)}"
        raise DeploymentFailedError(told, ALARM, is_expected=True)


@behaviour("A4.4", sure="documented")
def check_pair(deployment: Deployment) -> None:
    """A pair is two different groups that exist, and the primary task set is in one of them."""
    world, pair = deployment.world, deployment.world.pair(deployment.group)
    arns = [group.arn for group in pair]
    if len(set(arns)) != 2:
        raise DeploymentFailedError("The deployment group needs two different target groups that exist")
    if deployment.service.live.group not in arns:
        raise DeploymentFailedError(_NOT_BEHIND)
    never = deployment.service.released == 0
    if never and world.readings.pair_order == "primary first" and arns[0] != deployment.service.live.group:
        raise DeploymentFailedError(_NOT_BEHIND)


@behaviour("A6.3", sure="observed")
def check_agreement(deployment: Deployment) -> None:
    """Rules of a pair that disagree with each other fail the deployment."""
    seen = {frozenset(action.live) for _, action in rules_of_pair(deployment, deployment.production)}
    if len(seen) > 1:
        raise DeploymentFailedError("The rules of the production listener disagree about the group that serves")


@behaviour("A6.6", sure="documented")
def check_primary(deployment: Deployment) -> None:
    """The production listener, and in one reading the test listener, must forward to the primary task set's group."""
    world, primary = deployment.world, deployment.service.live.group
    listeners = [deployment.production]
    if world.readings.test_must_match and deployment.test and deployment.service.released:  # the first works (A6.7)
        listeners.append(deployment.test)
    for listener in listeners:
        if not any(primary in action.live for _, action in rules_of_pair(deployment, listener)):
            raise DeploymentFailedError(_NOT_BEHIND)


@behaviour("A6.2", sure="observed")
def rules_of_pair(deployment: Deployment, listener: str) -> list[tuple[str, Forward]]:
    """On a listener CodeDeploy looks at every action, the default too, that names one of the pair's groups."""
    world = deployment.world
    pair = {group.arn for group in world.pair(deployment.group)}
    known = deployment.captured.get(listener)
    return [
        (arn, action)
        for arn, action in world.forwards(listener)
        if (action.groups & pair if known is None else arn in known)
    ]


def _move(deployment: Deployment, listener: str, weights: Mapping[str, int], what: str) -> None:
    """Write one rule after the other; everybody may look in between."""
    world, known = deployment.world, deployment.captured.get(listener)
    found = rules_of_pair(deployment, listener)
    if not found or (known is not None and len(found) < len(known)):
        told = "The ELB could not be updated: a rule that it needs is not there (RuleNotFound)"
        # A rule that went meanwhile is the doing of whoever updated the stack; the deployment goes back.
        raise DeploymentFailedError(told, is_expected=bool(found))
    for _, action in found if world.readings.moved_rules == "every one" else found[:1]:
        write_weights(deployment, action, weights)
        for group in action.live:
            world.groups[group].had_traffic = world.clock
        world.changed(what)


@behaviour("A6.4", sure="observed")
def write_weights(deployment: Deployment, action: Forward, weights: Mapping[str, int]) -> None:
    """A shift writes the weights of both groups; an idle group stays with 0, or in the other reading is taken out."""
    world = deployment.world
    kept = dict(weights)
    if world.readings.idle_group == "taken out":
        kept = {group: weight for group, weight in weights.items() if weight}
    for group in action.live:
        if group in world.groups:
            world.groups[group].had_traffic = world.clock
    action.weights = kept


def _other(deployment: Deployment) -> TargetGroup:
    blue = deployment.service.live.group
    return next(group for group in deployment.world.pair(deployment.group) if group.arn != blue)


@behaviour("A4.15", sure="documented")
def install(deployment: Deployment, _: str) -> None:
    """Green starts in the group that the primary is not in, with as many tasks, and has an hour to become healthy."""
    service, revision, world = deployment.service, deployment.revision, deployment.world
    container, port = revision.container or service.container, revision.port or service.port
    if (container, port) != (service.container, service.port):
        raise DeploymentFailedError(f"The container {container} with port {port} is not in the service's load balancer")
    group = _other(deployment)
    if world.tasks_in(group.arn):
        raise DeploymentFailedError(f"Target group {group.name} has targets of another task set")
    name = f"{service.name}:{revision.version}"
    deployment.green = TaskSet(
        world.new_id("task-set"), revision.version, group.arn, service.desired, name, revision.image
    )
    service.task_sets.append(deployment.green)
    world.clock += 3
    world.changed(f"{service.label}: {revision.version} starts")


def _healthy(deployment: Deployment) -> TaskSet:
    assert deployment.green is not None  # made by Install
    if not deployment.green.is_healthy:
        raise DeploymentFailedError("The replacement task set is not healthy", is_expected=True)
    return deployment.green


@behaviour("A6.8", sure="observed")
def allow_test_traffic(deployment: Deployment, _: str) -> None:
    """The test listener shows green before production does."""
    green = _healthy(deployment)
    assert deployment.blue is not None  # set by start
    weights = {deployment.blue.group: 0, green.group: 100}
    if list(rules_of_pair(deployment, deployment.test)):
        _move(deployment, deployment.test, weights, f"{deployment.service.label}: test traffic to {green.version}")
    deployment.world.clock += 1


@behaviour("A4.6", sure="documented")
def wait_for_a_person(deployment: Deployment, _: str) -> None:
    """A deployment that waits goes on when a person says so, and stops when the time passes."""
    _healthy(deployment)
    deployment.world.clock += 10


@behaviour("CD-UG deployment-steps-ecs", sure="documented")
def allow_traffic(deployment: Deployment, name: str) -> None:
    """Production moves step by step; with the last one green is the primary task set."""
    check_steady(deployment)
    green, percent, world = _healthy(deployment), int(name.split()[1]), deployment.world
    assert deployment.blue is not None  # set by start
    weights = {deployment.blue.group: 100 - percent, green.group: percent}
    _move(deployment, deployment.production, weights, f"{deployment.service.label}: {percent} % to {green.version}")
    if percent == 100:
        deployment.service.primary = green.id
    world.clock += dict(deployment.shifts)[percent]


def hook(deployment: Deployment, _: str) -> None:
    """A hook runs and succeeds; one that fails is a failure given to `step`."""
    if deployment.green is not None:
        _healthy(deployment)
    deployment.world.clock += 1


@behaviour("A8.1", sure="documented")
def check_steady(deployment: Deployment) -> None:
    """While the number of tasks is being changed no traffic is shifted, and after five minutes the deployment fails."""
    if deployment.service.arn in deployment.world.scaling:
        deployment.world.clock += 5
        raise DeploymentFailedError("The service is being scaled; traffic cannot be shifted", is_expected=True)


@behaviour("A4.7", sure="documented")
def wait_for_termination(deployment: Deployment, _: str) -> None:
    """Blue stays for the termination wait, ready to take its traffic back at once."""
    _healthy(deployment)
    told = deployment.group.properties.get("BlueGreenDeploymentConfiguration", {})
    wait = told.get("TerminateBlueInstancesOnDeploymentSuccess", {}).get("TerminationWaitTimeInMinutes", 0)
    deployment.world.clock += int(wait)


@behaviour("A4.7", sure="documented")
def terminate(deployment: Deployment, _: str) -> None:
    """At the end blue's tasks go, and there is no way back any more."""
    world, service, blue = deployment.world, deployment.service, deployment.blue
    assert blue is not None  # set by start
    service.task_sets.remove(blue)
    if world.readings.test_after == "old" and deployment.test:
        assert deployment.green is not None  # made by Install
        _move(
            deployment,
            deployment.test,
            {blue.group: 100, deployment.green.group: 0},
            f"{service.label}: test listener as before",
        )
    world.changed(f"{service.label}: {blue.version} ends")


@behaviour("A4.9", sure="documented")
def goes_back(deployment: Deployment, event: str) -> bool:
    """A deployment that fails, is stopped or hears an alarm goes back only if its group says so for that event."""
    told = deployment.group.properties.get("AutoRollbackConfiguration", {})
    return bool(told.get("Enabled")) and event in told.get("Events", ())


@behaviour("A5.8", sure="documented")
def roll_back(deployment: Deployment) -> None:
    """The way back: production and test to the old group, which is primary again; green goes."""
    world, service, blue, green = deployment.world, deployment.service, deployment.blue, deployment.green
    assert blue is not None  # there is a way back only with it
    if green is None:
        return
    weights = {blue.group: 100, green.group: 0}
    for listener in (deployment.production, deployment.test):
        for _, action in rules_of_pair(deployment, listener) if listener else ():
            if action.live != {blue.group}:
                write_weights(deployment, action, weights)
                lose_other_actions(action)
                world.changed(f"{service.label}: back to {blue.version}")
    service.primary = blue.id
    service.task_sets.remove(green)
    world.changed(f"{service.label}: {green.version} ends")


@behaviour("A6.5", sure="observed")
def lose_other_actions(action: Forward) -> None:
    """The way back writes the forward alone: an action before it, such as authentication, is lost."""
    action.before = ()


_STEPS = {
    "Install": install,
    "AllowTestTraffic": allow_test_traffic,
    "Ready": wait_for_a_person,
    "AllowTraffic": allow_traffic,
    "TerminationWait": wait_for_termination,
    "Terminate": terminate,
    **dict.fromkeys(HOOKS, hook),
}
