"""CodeDeploy, played: deployments that the account's API was asked for, with real tasks and real traffic.

The steps are those of CodeDeploy's guide (A5.5), and each is reported to the account, which tells of it by AWS's own
operations; beside each the simulator plays the same one, and what both see must be the same. Waits are shorter than on AWS. What goes
wrong, rings or is stopped by a person ends in the way back.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfngen.rehearse import hooks, rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Service, task_definition
from cfngen.rehearse.deployment import Deployment, Live, Revision, Shift, shift
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.proxy import Proxy
from cfngen.rehearse.roots import Twins
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Task, Tasks
from cfngen.rehearse.twin import Twin
from cfngen.simulate.codedeploy import ALARM, FAILURE, HOOKS, REQUEST

_INSTALL_SECONDS, _LONGEST_SECONDS = 3600.0, 20.0
SHORTEST_SECONDS = 2.0
"""No wait is shorter, so that there is something to count."""
_PAUSE_SECONDS = 0.2
_LOOK_SECONDS = 0.4
"""So long a look at a target takes at most on a machine that has little to do; where each takes longer, so does the task."""
_WAIT_SECONDS = 0.5
"""How often it is asked in a wait whether an alarm rings, or a person says something."""
_CODES = {FAILURE: "HEALTH_CONSTRAINTS", ALARM: "ALARM_ACTIVE", REQUEST: "MANUAL_STOP"}


class DeploymentFailedError(RehearsalError):
    """A deployment did not succeed; `event` is why, as AutoRollbackConfiguration calls it."""

    def __init__(self, message: str, event: str = FAILURE, code: str = "", alarms: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.event = event
        self.code = code or _CODES[event]
        self.alarms = alarms


Watch = Callable[[Deployment, str], None]


@dataclass
class Deployer:
    """Starts services, and plays the deployments of them. `speed` is by how much waits are shorter than on AWS.

    `watch` is called at each step with its name: there acts look, and there people do what they do. `least_minutes` of AWS and
    `least_seconds` of this machine are the shortest bake; `minutes` tells how many of the first kind are over, with what
    was measured in them: a wait of so many lasts until they are. `shifts` are those of every deployment so far, `played`
    the deployments that are over.
    """

    account: Account
    proxy: Proxy
    tasks: Tasks
    story: Story
    speed: float
    twin: Twin | Twins
    live: dict[str, Live] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    played: list[Deployment] = field(default_factory=list)
    watch: Watch = lambda _, __: None
    least_seconds: float = SHORTEST_SECONDS
    least_minutes: float = 0.0
    minutes: Callable[[], float] = lambda: math.inf
    is_ending: Callable[[], bool] = lambda: False
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def birth(self, service: Service) -> None:
        """Start the revision that the stack brings, in the group that the service names."""
        tasks = self._start(service, service.task_definition, service.pair[0], [])
        self._wait_healthy(service.pair[0], tasks)
        self.live[service.group["deploymentGroupName"]] = Live(service, service.pair[0], tasks)

    def replace(self, live: Live) -> None:
        """Start tasks in the place of those that ended by themselves, as ECS does; returns when they are healthy."""
        for task in live.tasks:
            self.proxy.drain(live.group, task.address)
            self.proxy.forget(live.group, task.address)
        live.tasks = self._start(live.service, live.tasks[0].definition, live.group, [])
        self._wait_healthy(live.group, live.tasks)

    def play(self, identity: str) -> Deployment:
        """Play a deployment that was created, to its end, which may be the way back."""
        deployment = self._begin(identity)
        self.watch(deployment, "Created")
        names = list(deployment.steps())
        try:
            self._check_alarms(deployment)
            for name, following in zip(names, [*names[1:], ""], strict=True):
                self._play(deployment, name, following)
        except DeploymentFailedError as failed:
            self._back(deployment, failed)
        finally:
            self.played.append(deployment)
        self.watch(deployment, deployment.status)
        return deployment

    def _begin(self, identity: str) -> Deployment:
        told = self.account.client("codedeploy").get_deployment(deploymentId=identity)["deploymentInfo"]
        live = self.live[told["deploymentGroupName"]]
        service, text = live.service, told["revision"]["appSpecContent"]["content"]
        revision = Revision.of(text)
        definition = task_definition(self.account, revision.task_definition)
        flight = self.twin.begin(service, text, json.dumps(definition, default=str))
        if (revision.container, revision.port) != (service.container, service.port):
            raise RehearsalError(f"{service.short}: the AppSpec's container and port are not those of the service")
        green = next(arn for arn in service.pair if arn != live.group)
        primary = next(each["id"] for each in self._task_sets(service) if each["status"] == "PRIMARY")
        made = Deployment(
            identity, live, told, revision, flight, live.group, green, shift(self.account, service), [primary]
        )  # fmt: skip
        self.story.tell(service.short, f"deployment {identity} of {revision.task_definition.rpartition('/')[2]}")
        self._report(made, "InProgress")
        return made

    def _play(self, deployment: Deployment, name: str, following: str) -> None:
        """One step, and whatever a person says meanwhile."""
        deployment.step = name
        kind, _, percent = name.partition(" ")
        event = deployment.event
        if event and percent in ("", str(deployment.shifts[0][0])):
            self._event(deployment, event, "InProgress")
        after = "Ready" if following == "Ready" else "InProgress" if following else "Succeeded"
        if kind in HOOKS:
            self._hook(deployment, kind)
            self._done(deployment, name, after)
        elif kind == "Install":
            self._install(deployment)
            self._done(deployment, name, after)
            self._wait_healthy(deployment.green, deployment.made, deployment)
            self._ecs(deployment.service, "ReportTaskSet", taskSet=deployment.sets[1], running=len(deployment.made))
        elif kind == "AllowTestTraffic":
            self._weigh(deployment, deployment.service.test, {deployment.green: 100})
            self._done(deployment, name, after)
        elif kind == "Ready":
            self._wait_for_a_person(deployment)
            self._done(deployment, name, after)
        elif kind == "AllowTraffic":
            self._allow(deployment, int(percent), name, after)
        elif kind == "TerminationWait":
            self._done(deployment, name, after, is_terminating=True)
            self._wait(deployment, name, self._termination(deployment), self.least_seconds, "TERMINATION_WAIT")
            if not following:
                self._adopt(deployment)
        else:
            self._terminate(deployment)
            self._done(deployment, name, after)
        if event and percent in ("", "100"):
            self._event(deployment, event, "Succeeded")

    def _install(self, deployment: Deployment) -> None:
        service = deployment.service
        behind = {"targetGroupArn": deployment.green, "containerName": service.container, "containerPort": service.port}
        made = self._ecs(
            service, "CreateTaskSet", loadBalancers=[behind], taskDefinition=deployment.revision.task_definition,
            startedBy="CODE_DEPLOY", externalId=deployment.identity,
        )  # fmt: skip
        deployment.sets.append(made["taskSet"]["id"])
        self._start(service, deployment.revision.task_definition, deployment.green, deployment.made)

    def _allow(self, deployment: Deployment, percent: int, name: str, after: str) -> None:
        service, minutes = deployment.service, dict(deployment.shifts)[percent]
        if percent == 100:
            self._ecs(service, "UpdateServicePrimaryTaskSet", taskSet=deployment.sets[1])
        weights = {deployment.green: percent, deployment.blue: 100 - percent}
        self._weigh(deployment, service.production, weights)
        self.shifts.append(begun := Shift(percent, time.time(), service=service.short))
        try:
            self._done(deployment, name, after)
            self._wait(deployment, f"{percent} %", minutes, SHORTEST_SECONDS)
        finally:
            begun.end = time.time()

    def _wait_for_a_person(self, deployment: Deployment) -> None:
        """Until somebody continues it through the API; after the wait it is stopped (A4.6)."""
        minutes = float(deployment.options["deploymentReadyOption"].get("waitTimeInMinutes", 0))
        self._tell(deployment, "Ready")
        until = time.monotonic() + max(60 * minutes / self.speed, _LONGEST_SECONDS)
        while "READY_WAIT" not in self._heed(deployment)["continue"]:
            if time.monotonic() > until:
                raise DeploymentFailedError("nobody continued the deployment within its wait", REQUEST, "TIMEOUT")
            time.sleep(_PAUSE_SECONDS)

    def _hook(self, deployment: Deployment, name: str) -> None:
        """Run the function of a hook, which says itself how it ended; silence is a failure (A5.6)."""
        function = deployment.revision.hooks[name]
        begun = self.account.play("codedeploy", "BeginHook", deploymentId=deployment.identity)
        execution = begun["lifecycleEventHookExecutionId"]
        event = {"DeploymentId": deployment.identity, "LifecycleEventHookExecutionId": execution}
        log = hooks.run(
            self.tasks.room, self.account, function, event, self.proxy.seats, self.tasks.authority
        )  # fmt: skip
        status = self._said(deployment)["hooks"][execution]
        self._tell(deployment, f"{function} says {status or 'nothing'}", f"{name}: ")
        if status != "Succeeded":
            told = f"the hook {function} of {name} {'failed' if status else 'said nothing'}: {log.strip()[-200:]}"
            raise DeploymentFailedError(told, code="HOOK_EXECUTION_FAILURE")

    def _terminate(self, deployment: Deployment) -> None:
        self._tell(deployment, "Terminate")
        self._end(deployment.blue, deployment.live.tasks)
        self._ecs(deployment.service, "DeleteTaskSet", taskSet=deployment.sets[0])
        self._adopt(deployment)

    def _adopt(self, deployment: Deployment) -> None:
        deployment.live.group, deployment.live.tasks = deployment.green, deployment.made

    def _back(self, deployment: Deployment, failed: DeploymentFailedError) -> None:
        """The way back, where the group, or who stopped it, wants it for what happened."""
        self.story.tell(deployment.service.short, f"the deployment fails: {failed}")
        told, service = deployment.told.get("autoRollbackConfiguration", {}), deployment.service
        wanted = self._said(deployment)["rollback"] if failed.event == REQUEST else None
        if wanted is None:
            wanted = told.get("enabled") and failed.event in told.get("events", ())
        if deployment.event:
            self._event(deployment, deployment.event, "Failed", str(failed))
        if wanted and len(deployment.sets) > 1:
            for listener in filter(None, (service.production, service.test)):
                self._weigh(deployment, listener, {deployment.blue: 100})
            self._ecs(service, "UpdateServicePrimaryTaskSet", taskSet=deployment.sets[0])
            self._tell(deployment, "Rollback")
            self._end(deployment.green, deployment.made)
            self._ecs(service, "DeleteTaskSet", taskSet=deployment.sets[1])
        elif not wanted:
            self.story.tell(service.short, f"the group does not go back for {failed.event}: all stays as it is")
        status = "Failed" if failed.event == FAILURE else "Stopped"
        why = {"code": failed.code, "message": str(failed)[:500]}
        more: dict[str, Any] = (
            {"rollbackInfo": {"rollbackMessage": "traffic is with the original task set"}} if wanted else {}
        )
        self._report(deployment, status, errorInformation=why, **more)
        deployment.flight.fails(deployment.step or "the start", status, failed.event, failed.alarms)
        if not wanted:
            raise RehearsalError(f"{service.short}: the group does not go back for {failed.event}") from None

    # Tasks

    def _start(self, service: Service, arn: str, group: str, tasks: list[Task]) -> list[Task]:
        definition = task_definition(self.account, arn)
        for _ in range(max(1, service.desired)):
            task = self.tasks.start(service.short, definition)
            tasks.append(task)
            self.story.names[task.address] = f"{service.short} {arn.rpartition(':')[2]}"
            if other := self.tasks.check(task, definition):
                raise RehearsalError(f"{task.name} does not run as its task definition says: {other}")
            self.proxy.register(group, task.address, task.port)
        return tasks

    def _wait_healthy(self, group: str, tasks: Sequence[Task], deployment: Deployment | None = None) -> None:
        seconds = min(_INSTALL_SECONDS / self.speed, _LONGEST_SECONDS)
        until, looks = time.monotonic() + seconds, round(seconds / _LOOK_SECONDS)
        for task in tasks:
            while not (health := self.proxy.health(group, task.address)).is_healthy:
                looks -= 1
                if not self.tasks.runs(task):
                    last = self.tasks.log(task).strip().splitlines()[-1:]
                    raise DeploymentFailedError(f"{task.name} ended before it was healthy: {' '.join(last)[:200]}")
                if time.monotonic() > until and looks < 0:
                    raise DeploymentFailedError(f"{task.name} is not healthy after {seconds:.0f} s: {health.check}")
                if deployment:
                    self._heed(deployment)
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

    def _task_sets(self, service: Service) -> list[dict[str, Any]]:
        ecs = self.account.client("ecs")
        found = ecs.describe_services(cluster=service.cluster, services=[service.name])["services"]
        return list(found[0]["taskSets"])

    def _ecs(self, service: Service, operation: str, **more: Any) -> dict[str, Any]:
        """Tell the account what CodeDeploy does with the task sets of a service."""
        return self.account.play("ecs", operation, cluster=service.cluster, service=service.name, **more)

    # Traffic

    def _weigh(self, deployment: Deployment, listener: str, weights: Mapping[str, int]) -> None:
        """Write the weights of every rule of a listener that names one of the pair (A6.2), then let the proxy follow."""
        pair = deployment.service.pair
        with self._writing:
            self._write(listener, pair, weights)
            self.proxy.follow(listener)
        if listener == deployment.service.production:
            self._report(deployment, deployment.status, weights)
            named = {arn: self.story.called.get(rules.name_of(self.proxy.groups[arn]), "") for arn in pair}
            told = {named[arn]: weights.get(arn, 0) for arn in pair}
            self.story.weigh(named[pair[0]].rpartition(" ")[0], told)

    def _write(self, listener: str, pair: Sequence[str], weights: Mapping[str, int]) -> None:
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

    # What the account is told, and tells

    def _report(
        self, deployment: Deployment, status: str, weights: Mapping[str, int] | None = None, **more: Any
    ) -> None:  # fmt: skip
        deployment.status = status
        if weights is not None:
            parts = [weights.get(deployment.blue, 0), weights.get(deployment.green, 0)]
            labelled = zip(deployment.sets, ("Blue", "Green"), parts, strict=False)
            more["sets"] = {identity: [label, part] for identity, label, part in labelled}
        self.account.play("codedeploy", "ReportDeployment", deploymentId=deployment.identity, status=status, **more)

    def _event(self, deployment: Deployment, name: str, status: str, message: str = "") -> None:
        self.account.play(
            "codedeploy", "ReportEvent", deploymentId=deployment.identity, lifecycleEventName=name, status=status,
            message=message[:500],
        )  # fmt: skip

    def _done(self, deployment: Deployment, name: str, after: str, **more: Any) -> None:
        """A step's work is done: report it, let the simulator do the same, and let whoever watches look."""
        weights = {deployment.blue: 100} if name == "Install" else None
        self._report(deployment, after, weights, **more)
        deployment.flight.step(name, after)
        if name not in ("Ready", "Terminate", *HOOKS):
            self._tell(deployment, name)

    def _tell(self, deployment: Deployment, name: str, before: str = "") -> None:
        self.story.tell(deployment.service.short, f"{before}{name}")
        self.watch(deployment, name)

    def _said(self, deployment: Deployment) -> dict[str, Any]:
        """What people and hooks said through the API."""
        return self.account.play("codedeploy", "Wishes", deploymentId=deployment.identity)

    def _heed(self, deployment: Deployment) -> dict[str, Any]:
        """The same; raises `DeploymentFailedError` when somebody wants it to stop, or an alarm rings."""
        self._check_alarms(deployment)
        told = self._said(deployment)
        if told["stop"]:
            raise DeploymentFailedError("Deployment was stopped by a person", REQUEST)
        if self.is_ending():
            raise RehearsalError("the rehearsal ends")
        return told

    def _wait(
        self, deployment: Deployment, what: str, minutes: float, shortest: float, until_continued: str = ""
    ) -> None:
        """Minutes of AWS: so long as they last here, and until what happens in them was measured."""
        seconds = max(60 * minutes / self.speed, shortest)
        self.story.tell(deployment.service.short, f"{what}: {seconds:.1f} s")
        until, measured = time.monotonic() + seconds, self.minutes() + minutes
        while (left := until - time.monotonic()) > 0 or self.minutes() < measured:
            if until_continued in self._heed(deployment)["continue"]:
                return
            time.sleep(min(_WAIT_SECONDS, left) if left > 0 else _PAUSE_SECONDS)

    def ringing(self, service: Service) -> dict[str, str]:
        """The alarms of a service's deployment group that ring, each with its reason."""
        if not (names := service.alarms):
            return {}
        kinds = {"MetricAlarms": "MetricAlarm", "CompositeAlarms": "CompositeAlarm"}
        found = self.account.client("cloudwatch").describe_alarms(AlarmNames=names, AlarmTypes=list(kinds.values()))
        alarms = [each for kind in kinds for each in found.get(kind, ())]
        return {each["AlarmName"]: each.get("StateReason", "") for each in alarms if each["StateValue"] == "ALARM"}

    def _check_alarms(self, deployment: Deployment) -> None:
        if ringing := self.ringing(deployment.service):
            told = "; ".join(f"{name} ({reason})" if reason else name for name, reason in ringing.items())
            raise DeploymentFailedError(f"One or more alarms have been activated: {told}", ALARM, alarms=list(ringing))

    def _termination(self, deployment: Deployment) -> float:
        told = deployment.options.get("terminateBlueInstancesOnDeploymentSuccess", {})
        return max(float(told.get("terminationWaitTimeInMinutes", 0)), self.least_minutes)
