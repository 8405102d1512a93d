"""A blue/green deployment by CodeDeploy's steps, with real tasks and real traffic; times are shorter than on AWS.

The steps are those of `cfngen.simulate`: green is installed and becomes healthy, the test listener shows it, the
production listener moves to it in the strategy's steps, blue waits and ends. What goes wrong ends in the way back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfngen.rehearse import rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Service, task_definition
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.pipeline import Revision
from cfngen.rehearse.proxy import Proxy
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Task, Tasks
from cfngen.simulate.codedeploy import PREDEFINED

_INSTALL_SECONDS, _LONGEST_SECONDS, _SHORTEST_SECONDS = 3600.0, 20.0, 2.0
_PAUSE_SECONDS = 0.2


class DeploymentFailedError(RehearsalError):
    """A deployment did not succeed; `event` is why, as AutoRollbackConfiguration calls it."""

    def __init__(self, message: str, event: str = "DEPLOYMENT_FAILURE") -> None:
        super().__init__(message)
        self.event = event


@dataclass
class Live:
    """A service as it runs: the task set that is primary, and its tasks."""

    service: Service
    group: str
    tasks: list[Task]


@dataclass
class Shift:
    """A part of the traffic of a service went to green from a time on, until another."""

    percent: int
    begin: float
    end: float = 0.0


@dataclass
class Deployer:
    """Starts services, and deploys revisions to them. `speed` is by how much waits are shorter than on AWS.

    `watch` is called at each step with its name: where hooks of the rehearsal look, or let an alarm ring.
    """

    account: Account
    proxy: Proxy
    tasks: Tasks
    story: Story
    speed: float
    live: dict[str, Live] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    watch: Callable[[Live, str], None] = lambda _, __: None
    begun: dict[str, list[Task]] = field(default_factory=dict)

    def birth(self, service: Service) -> None:
        """Start the revision that the stack brings, in the group that the service names."""
        tasks = self._start(service, service.task_definition, service.pair[0])
        self._wait_healthy(service.pair[0], tasks)
        self.live[service.group["deploymentGroupName"]] = Live(service, service.pair[0], tasks)

    def replace(self, live: Live) -> None:
        """Start tasks in the place of those that ended by themselves, as ECS does; returns when they are healthy."""
        for task in live.tasks:
            self.proxy.drain(live.group, task.address)
            self.proxy.forget(live.group, task.address)
        live.tasks = self._start(live.service, live.tasks[0].definition, live.group)
        self._wait_healthy(live.group, live.tasks)

    def deploy(self, revision: Revision) -> None:
        """Play a deployment; raises `DeploymentFailedError` when it fails, after the way back."""
        live = self.live[revision.group]
        service = live.service
        if (revision.container, revision.port) != (service.container, service.port):
            raise RehearsalError(f"{service.short}: the AppSpec's container and port are not those of the service")
        if revision.hooks:
            raise RehearsalError(f"{service.short}: hooks of an AppSpec are functions, which are not played")
        blue, green = live.group, next(arn for arn in service.pair if arn != live.group)
        try:
            self._check_alarms(service)
            made = self._install(live, revision, green)
            self._test_traffic(live, green)
            self._shift(live, blue, green)
            self._wait(service, "TerminationWait", self._termination(service))
        except DeploymentFailedError as failed:
            self._back(live, blue, green, failed)
            raise
        self._step(live, "Terminate")
        self._end(blue, live.tasks)
        live.group, live.tasks = green, made

    def _install(self, live: Live, revision: Revision, green: str) -> list[Task]:
        self._step(live, "Install")
        made = self._start(live.service, revision.task_definition, green)
        self._wait_healthy(green, made)
        return made

    def _test_traffic(self, live: Live, green: str) -> None:
        service = live.service
        if service.test:
            self._weigh(service.test, service.pair, {green: 100})
            self._step(live, "AllowTestTraffic")
        ready = service.group["blueGreenDeploymentConfiguration"].get("deploymentReadyOption", {})
        if ready.get("actionOnTimeout") == "STOP_DEPLOYMENT":
            self._step(live, "Ready")
            self.story.not_played("the wait for a person's continue: the rehearsal continues after its own look")

    def _shift(self, live: Live, blue: str, green: str) -> None:
        service = live.service
        for percent, minutes in shift(self.account, service):
            self._weigh(service.production, service.pair, {green: percent, blue: 100 - percent})
            self.shifts.append(Shift(percent, time.time()))
            self._step(live, f"AllowTraffic {percent}")
            self._wait(service, f"{percent} %", max(minutes * 60 / self.speed, _SHORTEST_SECONDS))
            self.shifts[-1].end = time.time()

    def _back(self, live: Live, blue: str, green: str, failed: DeploymentFailedError) -> None:
        """The way back, where the group wants it for what happened."""
        told = live.service.group.get("autoRollbackConfiguration", {})
        self.story.tell(live.service.short, f"the deployment fails: {failed}")
        if not told.get("enabled") or failed.event not in told.get("events", ()):
            raise RehearsalError(f"{live.service.short}: the group does not go back for {failed.event}") from None
        for listener in filter(None, (live.service.production, live.service.test)):
            self._weigh(listener, live.service.pair, {blue: 100})
        self._step(live, "Rollback")
        self._end(green, self.begun.pop(green, []))

    def _start(self, service: Service, arn: str, group: str) -> list[Task]:
        definition = task_definition(self.account, arn)
        tasks: list[Task] = []
        self.begun[group] = tasks
        for _ in range(max(1, service.desired)):
            task = self.tasks.start(service.short, definition)
            tasks.append(task)
            self.story.names[task.address] = f"{service.short} {arn.rpartition(':')[2]}"
            if other := self.tasks.check(task, definition):
                raise RehearsalError(f"{task.name} does not run as its task definition says: {other}")
            self.proxy.register(group, task.address, task.port)
        return tasks

    def _wait_healthy(self, group: str, tasks: Sequence[Task]) -> None:
        seconds = min(_INSTALL_SECONDS / self.speed, _LONGEST_SECONDS)
        until = time.monotonic() + seconds
        for task in tasks:
            while not (health := self.proxy.health(group, task.address)).is_healthy:
                if not self.tasks.runs(task):
                    last = self.tasks.log(task).strip().splitlines()[-1:]
                    raise DeploymentFailedError(f"{task.name} ended before it was healthy: {' '.join(last)[:200]}")
                if time.monotonic() > until:
                    raise DeploymentFailedError(f"{task.name} is not healthy after {seconds:.0f} s: {health.check}")
                time.sleep(_PAUSE_SECONDS)

    def _end(self, group: str, tasks: Sequence[Task]) -> None:
        """Deregister, wait until nothing is in flight or the delay is over, then stop."""
        for task in tasks:
            self.proxy.drain(group, task.address)
        until = time.monotonic() + self.proxy.groups[group].drain_seconds / self.speed
        while time.monotonic() < until or any(self.proxy.health(group, task.address).busy for task in tasks):
            if time.monotonic() > until + self.proxy.groups[group].drain_seconds:
                break
            time.sleep(_PAUSE_SECONDS)
        for task in tasks:
            self.tasks.stop(task)
            self.proxy.forget(group, task.address)

    def _weigh(self, listener: str, pair: Sequence[str], weights: Mapping[str, int]) -> None:
        """Write the weights of every rule of a listener that names one of the pair (A6.2), then let the proxy follow."""
        balancing = self.account.client("elbv2")
        for rule in balancing.describe_rules(ListenerArn=listener)["Rules"]:
            if not {arn for arn, _ in rules.targets_of(rule)} & set(pair):
                continue
            groups = [{"TargetGroupArn": arn, "Weight": weights.get(arn, 0)} for arn in pair]
            last = max(each.get("Order", 0) for each in rule["Actions"])
            before = [each for each in rule["Actions"] if each.get("Order", 0) < last]
            action: dict[str, Any] = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
            if before:
                action["Order"] = last
            if rule["IsDefault"]:
                balancing.modify_listener(ListenerArn=listener, DefaultActions=[*before, action])
            else:
                balancing.modify_rule(RuleArn=rule["RuleArn"], Actions=[*before, action])
        self.proxy.follow(listener)
        named = {arn: self.story.called.get(rules.name_of(self.proxy.groups[arn]), "") for arn in pair}
        if any(listener == each.service.production for each in self.live.values()):
            self.story.weigh(named[pair[0]].rpartition(" ")[0], {named[arn]: weights.get(arn, 0) for arn in pair})

    def _step(self, live: Live, name: str) -> None:
        self.story.tell(live.service.short, name)
        self.watch(live, name)

    def _wait(self, service: Service, what: str, seconds: float) -> None:
        self.story.tell(service.short, f"{what}: {seconds:.1f} s")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._check_alarms(service)
            time.sleep(_PAUSE_SECONDS)

    def _check_alarms(self, service: Service) -> None:
        told = service.group.get("alarmConfiguration", {})
        names = [each["name"] for each in told.get("alarms", ())] if told.get("enabled") else []
        if not names:
            return
        kinds = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}
        found = self.account.client("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=list(kinds.values()))
        alarms = [each for kind in kinds for each in found.get(kind, ())]
        ringing = [each["AlarmName"] for each in alarms if each["StateValue"] == "ALARM"]
        if ringing:
            said = f"One or more alarms have been activated: {', '.join(ringing)}"
            raise DeploymentFailedError(said, "DEPLOYMENT_STOP_ON_ALARM")

    def _termination(self, service: Service) -> float:
        told = service.group["blueGreenDeploymentConfiguration"].get("terminateBlueInstancesOnDeploymentSuccess", {})
        minutes = float(told.get("terminationWaitTimeInMinutes", 0))
        return max(60 * minutes / self.speed, _SHORTEST_SECONDS)


def shift(account: Account, service: Service) -> list[tuple[int, float]]:
    """The percentages that green gets one after another, each with the minutes until the next (A4.13)."""
    name = service.group["deploymentConfigName"]
    if name in PREDEFINED:
        routing = PREDEFINED[name]
        canary, linear = routing.get("TimeBasedCanary", {}), routing.get("TimeBasedLinear", {})
        steps = (canary.get("CanaryPercentage"), canary.get("CanaryInterval"))
        every = (linear.get("LinearPercentage"), linear.get("LinearInterval"))
    else:
        client = account.client("codedeploy")
        told = client.get_deployment_config(deploymentConfigName=name)["deploymentConfigInfo"]["trafficRoutingConfig"]
        canary, linear = told.get("timeBasedCanary", {}), told.get("timeBasedLinear", {})
        steps = (canary.get("canaryPercentage"), canary.get("canaryInterval"))
        every = (linear.get("linearPercentage"), linear.get("linearInterval"))
    if steps[0]:
        return [(int(steps[0]), float(steps[1])), (100, 0)]
    if every[0]:
        return [*((percent, float(every[1])) for percent in range(int(every[0]), 100, int(every[0]))), (100, 0)]
    return [(100, 0)]
