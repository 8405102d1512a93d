"""A round: one push, and everything that it starts, played side by side under one load; then what has to be so."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from cfngen.rehearse import deployed, pushes, rules
from cfngen.rehearse.callers import without_early
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.deployment import Deployment, Live
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.pipeline import OVER
from cfngen.rehearse.player import Outcome
from cfngen.rehearse.rehearsal import Stage, health_path, tester_sees
from cfngen.rehearse.story import Request, percentile, shares
from cfngen.rehearse.versions import Version

_FEWEST = 200
_AROUND_SECONDS = 1.5
_PAUSE_SECONDS = 0.3
_QUIET_MINUTES = 30
_LONGEST_SECONDS = 600.0
"""So long after these minutes should have been over it is waited for alarms at most, whatever was measured."""


@dataclass
class Round:
    """Watches deployments: what the test port shows, what people do at a step, and a load while one is in flight.

    `versions` are what is released, `requests` those of the load, `tester` statuses by service, `stops` the services whose next
    deployment a person stops when all of the traffic has moved.
    """

    stage: Stage
    versions: list[Version]
    requests: list[Request] = field(default_factory=list)
    tester: dict[str, tuple[int, int]] = field(default_factory=dict)
    stops: set[str] = field(default_factory=set)
    _flying: set[str] = field(default_factory=set)
    _load: ExitStack | None = None
    _found: list[list[Request]] = field(default_factory=list)
    _is_over: bool = False
    _until: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def watch(self, deployment: Deployment, step: str) -> None:
        """What is looked at, and done by people, at a step of a deployment."""
        stage, service = self.stage, deployment.service
        if step == "Created":
            self._begins(deployment)
        elif step == "AllowTestTraffic":
            self.tester[service.name] = tester_sees(stage, service, health_path(stage, service))
        elif step == "Ready":
            deploys = stage.account.client("codedeploy")
            deploys.continue_deployment(deploymentId=deployment.identity, deploymentWaitType="READY_WAIT")
            stage.story.tell(service.short, "a person continues the deployment")
        elif step == "AllowTraffic 100":
            self._at_full_traffic(deployment)
        elif step in OVER:
            self._ends(deployment.identity)

    def _at_full_traffic(self, deployment: Deployment) -> None:
        stage, service = self.stage, deployment.service
        if service.name in self.stops:
            deploys = stage.account.client("codedeploy")
            deploys.stop_deployment(deploymentId=deployment.identity, autoRollbackEnabled=True)
            stage.story.tell(service.short, "a person stops the deployment")
        for version in self.versions:
            if version.rings and version.service.name == service.name:
                client = stage.account.client("cloudwatch")
                client.set_alarm_state(AlarmName=version.rings, StateValue="ALARM", StateReason="rung by the rehearsal")

    def _begins(self, deployment: Deployment) -> None:
        with self._lock:
            if self._is_over:  # the rehearsal was interrupted
                return
            self._flying.add(deployment.identity)
            if is_first := self._load is None:
                self._load = ExitStack()
                self._found.append(self._load.enter_context(self.stage.load(f"{time.time_ns()}")))
            for version in self.versions:
                if version.crowd and version.service.name == deployment.service.name:
                    paths = self.stage.paths[version.service.short]
                    kept = math.ceil(version.crowd * version.crowd_seconds / len(paths) / 1.5)
                    crowd = self.stage.load(f"crowd-{time.time_ns()}", paths, kept, str(version.crowd_seconds))
                    self._found.append(self._load.enter_context(crowd))
        if is_first:
            time.sleep(_AROUND_SECONDS)

    def _ends(self, identity: str) -> None:
        """The load goes on for a while after the last deployment, for which nobody waits; a build is better off without it."""
        with self._lock:
            self._flying.discard(identity)
            self._until = time.monotonic() + _AROUND_SECONDS
        rest = threading.Timer(_AROUND_SECONDS, self._rest)
        rest.daemon = True
        rest.start()

    def _rest(self) -> None:
        with self._lock:
            if not self._flying and time.monotonic() >= self._until:
                self._close()

    def _close(self) -> None:
        if self._load is not None:
            self._load.close()
            self._load = None

    def end(self) -> None:
        """Nothing is watched any more; `requests` are all there."""
        time.sleep(max(0.0, self._until - time.monotonic()))
        with self._lock:
            self._is_over = True
            self._close()
            self.requests = [each for found in self._found for each in found]


Before = Mapping[str, tuple[str, list[str]]]
"""The target group and the tasks of each service."""


def standing(stage: Stage) -> Before:
    return {each.service.name: (each.group, [task.name for task in each.tasks]) for each in _live(stage)}


@dataclass(frozen=True)
class Push:
    """Versions of services that are pushed together; `message` says what they are."""

    message: str
    versions: Sequence[Version]


def play(stage: Stage, *pushed: Push, meanwhile: Callable[[Round], None] = lambda _: None) -> None:
    """Push one after the other without waiting, let everything be played that starts, and check what has to be so.

    Pushes that change the same services wait for each other. `meanwhile` is done while the pipelines run.
    """
    names = [{each.service.name for each in one.versions} for one in pushed]
    if len(set().union(*names)) < sum(map(len, names)):
        for one in pushed:
            play(stage, one, meanwhile=meanwhile if one is pushed[-1] else lambda _: None)
        return
    quiet(stage, [each.service for one in pushed for each in one.versions])
    before, had = standing(stage), len(stage.deployer.played)
    started: list[pushes.Started] = []
    every: list[tuple[Version, pushes.Started]] = []
    for one in pushed:
        mine = push(stage, one.versions, change(stage, one.versions, one.message), one.message)
        started += mine
        every += [(version, _of(stage, version, mine)) for version in _with_others(stage, one.versions, mine)]
    no = {execution.execution for version, execution in every if version.is_rejected}
    with seen(stage, [version for version, _ in every]) as seeing, approving(stage, {e.pipeline for e in started}, no):
        meanwhile(seeing)
        outcomes = dict(zip((each.execution for each in started), stage.player.outcomes(started), strict=True))
    for version, execution in every:
        done = [each for each in stage.deployer.played[had:] if each.told.get("description") == execution.described]
        judge(seeing, version, outcomes[execution.execution], done[0] if done else None, before[version.service.name])
    what = " and ".join(one.message for one in pushed)
    if not any(version.reason for version, _ in every):
        taken = {execution.execution for _, execution in every}
        for each in (each for each in started if each.execution not in taken):
            outcome = outcomes[each.execution]
            stage.story.check(what, f"{each.pipeline} succeeds", outcome.reason[:200], passed=outcome.is_good)
    if seeing.requests:
        check_traffic(stage, what, without_early(stage, seeing.requests))
    alone = {version.service.name for version, _ in every if not version.reason}
    after = standing(stage)
    if len(alone) < len(before):
        kept = all(after[name] == before[name] for name in before if name not in alone)
        stage.story.check(what, "tasks of all other services stay as they were", passed=kept)


def quiet(stage: Stage, services: Iterable[Service]) -> None:
    """Wait until no alarm of services rings from what was before, since CodeDeploy begins nothing under one that does.

    One that rings on is left to what comes next, which tells it.
    """
    begun, until = stage.deployer.minutes(), time.monotonic() + 60 * _QUIET_MINUTES / stage.wanted.speed
    told: set[str] = set()
    for service in services:
        while ringing := stage.deployer.ringing(service):
            is_long = stage.deployer.minutes() - begun > _QUIET_MINUTES or math.isinf(begun)
            if time.monotonic() > until and is_long:
                return
            if time.monotonic() > until + _LONGEST_SECONDS:
                stage.story.tell(service.short, f"waits no longer for {', '.join(ringing)}: minutes take too long")
                return
            for name in ringing.keys() - told:
                stage.story.tell(service.short, f"waits for {name} to be quiet again")
            told |= ringing.keys()
            time.sleep(_PAUSE_SECONDS)


def _with_others(stage: Stage, versions: Sequence[Version], started: Sequence[pushes.Started]) -> list[Version]:
    """The versions, and the services whose pipelines were started beside theirs, as they were."""
    names, own = {each.pipeline for each in started}, [each.service for each in versions]
    others = (each for each in stage.services if each not in own and _pipeline(stage, each) in names)
    return [*versions, *(Version(each, "as it was") for each in others)]


def _of(stage: Stage, version: Version, started: Sequence[pushes.Started]) -> pushes.Started:
    """The execution that a push started for a version; raises `RehearsalError` when there is none."""
    name = _pipeline(stage, version.service)
    found = next((each for each in started if each.pipeline == name), None)
    if found is None:
        raise RehearsalError(f"{version.what}: the push did not start {name}, so nothing of it can be released")
    return found


def change(stage: Stage, versions: Sequence[Version], message: str) -> str:
    """Commit versions; what was changed of these services before, and of no other, is as it was again."""
    mine = {each.service.short for each in versions}
    again = {name: stage.source.first(name) for name, service in stage.changed.items() if service in mine}
    for each in versions:
        again |= each.files
    kept = {name: service for name, service in stage.changed.items() if service not in mine}
    stage.changed = kept | {name: each.service.short for each in versions for name in each.files}
    return stage.source.change(again, message)


def restore(stage: Stage) -> None:
    """Commit the project as it was, so that whoever starts a pipeline by hand builds that."""
    if stage.changed:
        stage.source.change({name: stage.source.first(name) for name in stage.changed}, "as it was")
    stage.changed = {}


def direct(stage: Stage, seeing: Round, version: Version, revision: Mapping[str, Any]) -> Deployment:
    """Deploy a revision by CodeDeploy's API, as a person would, and wait for its end; a second one meanwhile is refused."""
    quiet(stage, [version.service])
    deploys, group = stage.account.client("codedeploy"), version.service.group
    asked = {key: group[key] for key in ("applicationName", "deploymentGroupName")} | {"revision": revision}
    made = deploys.create_deployment(**asked)["deploymentId"]
    refused = ""
    try:
        deploys.create_deployment(**asked)
    except deploys.exceptions.DeploymentLimitExceededException as error:
        refused = error.response["Error"]["Message"]
    what = "a second deployment of the group at once is refused"
    stage.story.check(version.what, what, refused, passed=bool(refused))
    before = standing(stage)[version.service.name]
    stage.player.status(made)
    deployment = next(each for each in stage.deployer.played if each.identity == made)
    judge(seeing, version, None, deployment, before)
    return deployment


def _pipeline(stage: Stage, service: Service) -> str:
    return str(deployed.pipeline_of(stage.account, service)["name"])


def push(stage: Stage, versions: Sequence[Version], commit: str, message: str) -> list[pushes.Started]:
    """Push what was committed; the deployed rules have to start the pipelines of these versions."""
    told = pushes.pushed(stage.room, stage.source.folder, stage.pushed, commit)
    is_first, stage.pushed = not stage.pushed, commit
    stage.story.tell("source", f"{message}: commit {commit[:12]} is pushed")
    started = pushes.starts(stage.account, told)
    names = sorted(each.pipeline for each in started)
    wanted = {_pipeline(stage, each.service) for each in versions}
    # Services may share a folder; nobody's pipeline starts twice.
    is_so = wanted <= set(names) and len(set(names)) == len(names)
    by = ", ".join(f"{each.pipeline} by {each.by}" for each in started)
    what = "the first push starts every pipeline" if is_first else "the push starts the pipelines of what it changes"
    stage.story.check("source", what, by, passed=is_so)
    return started


@contextmanager
def seen(stage: Stage, versions: Sequence[Version]) -> Iterator[Round]:
    """While the block lasts deployments are watched, each of them under load."""
    stage.deployer.least_minutes = max((each.least_minutes for each in versions), default=0.0)
    made = Round(stage, list(versions))
    stage.deployer.watch = made.watch
    try:
        yield made
    finally:
        stage.deployer.watch, stage.deployer.least_minutes = (lambda _, __: None), 0.0
        made.end()


@contextmanager
def approving(stage: Stage, pipelines: set[str], rejected: Collection[str] = ()) -> Iterator[None]:
    """A person who approves whatever waits for an approval, while the block lasts, but for the executions that are `rejected`."""
    client, over = stage.account.client("codepipeline"), threading.Event()
    asking = {name for name in pipelines if deployed.asks(client.get_pipeline(name=name)["pipeline"])}

    def approve() -> None:
        while asking and not over.wait(_PAUSE_SECONDS):
            for execution, asked in _waiting(client, asking):
                result = {"status": "Approved", "summary": "a person of the rehearsal says yes"}
                if execution in rejected:
                    result = {"status": "Rejected", "summary": "a person of the rehearsal says no"}
                with suppress(client.exceptions.ApprovalAlreadyCompletedException):
                    client.put_approval_result(**asked, result=result)

    thread = threading.Thread(target=approve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)


def _waiting(client: Any, pipelines: set[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The approvals for which somebody is asked, as GetPipelineState tells them, each with its execution."""
    for name in pipelines:
        for each in client.get_pipeline_state(name=name)["stageStates"]:
            for action in each["actionStates"]:
                last = action.get("latestExecution", {})
                if last.get("token") and last["status"] == "InProgress":
                    place = {"stageName": each["stageName"], "actionName": action["actionName"]}
                    execution = each["latestExecution"]["pipelineExecutionId"]
                    yield execution, {"pipelineName": name, **place, "token": last["token"]}


def judge(
    seeing: Round, version: Version, outcome: Outcome | None, deployment: Deployment | None,
    before: tuple[str, list[str]],
) -> None:  # fmt: skip
    """What has to be so after a version was released, or went back."""
    stage, service = seeing.stage, version.service
    live = next(each for each in _live(stage) if each.service.name == service.name)
    check = stage.story.check
    if version.reason:
        told = outcome.reason if outcome else (deployment.status if deployment else "")
        if outcome:
            passed = version.reason in told
            check(version.what, f"the release of {service.short} fails", told[:200], passed=passed)
        same = before == (live.group, [task.name for task in live.tasks])
        answers = {group for path in stage.paths[service.short] for _, group, _ in [stage.ask(path)]}
        check(version.what, f"the old tasks of {service.short} serve", passed=same and answers == {live.group})
    else:
        check(version.what, f"{service.short} is released", outcome.reason if outcome else "", passed=bool(outcome and outcome.is_good))  # fmt: skip
    if (deployment is None) != (version.event == ""):
        what = f"no deployment of {service.short} begins" if not version.event else f"{service.short} is deployed"
        check(version.what, what, passed=False)
        return
    if deployment is None:
        check(version.what, f"nothing of {service.short} moved: no deployment began", passed=True)
        return
    check_deployment(seeing, version, deployment, live)


def check_deployment(seeing: Round, version: Version, deployment: Deployment, live: Live) -> None:
    """A deployment ended as it had to, as its simulation did, and the account tells the same."""
    stage, service, check = seeing.stage, version.service, seeing.stage.story.check
    told = stage.account.client("codedeploy").get_deployment(deploymentId=deployment.identity)["deploymentInfo"]
    why = told.get("errorInformation", {})
    check(
        version.what,
        f"CodeDeploy tells of {deployment.identity}: {version.event}",
        f"{told['status']} {why.get('code', '')}",
        passed=told["status"] == version.event,
    )
    flight = deployment.flight
    check(
        "simulator",
        f"{flight.steps} steps of {service.short} are as cfngen simulate has them",
        "; ".join(flight.differences),
        passed=not flight.differences and flight.steps > 0,
    )
    if service.name in seeing.tester:
        mine, other = seeing.tester[service.name]
        said = f"tester: HTTP {mine}, others: {other or 'refused'}"
        is_right = mine == 200 and other == 0
        check(version.what, "the test port shows green to the tester only", said, passed=is_right)
    if not version.reason:
        check_shares(stage, service, seeing.requests, deployment)
        wrong = [task.image for task in live.tasks if "@sha256:" not in task.image]
        digest = live.tasks[0].image.partition("@")[2][:19]
        check(version.what, f"{service.short} runs by digest", digest, passed=not wrong)
    for event in version.hooks:
        _check_hook(seeing, version, deployment, event)


def _check_hook(seeing: Round, version: Version, deployment: Deployment, event: str) -> None:
    deploys = seeing.stage.account.client("codedeploy")
    (target,) = deploys.list_deployment_targets(deploymentId=deployment.identity)["targetIds"]
    told = deploys.get_deployment_target(deploymentId=deployment.identity, targetId=target)["deploymentTarget"]
    found = {each["lifecycleEventName"]: each["status"] for each in told["ecsTarget"]["lifecycleEvents"]}
    wanted = "Failed" if version.reason else "Succeeded"
    seeing.stage.story.check(version.what, f"the hook {event} ran", found[event], passed=found[event] == wanted)


def check_traffic(stage: Stage, what: str, requests: Sequence[Request]) -> None:
    """No request of the load failed."""
    failed = [each for each in requests if each.failed]
    kinds = {kind: sum(each.kind == kind for each in requests) for kind in ("kept", "fresh")}
    told = f"{len(failed)} of {len(requests)} failed, {kinds['kept']} kept and {kinds['fresh']} fresh, "
    told += f"p50 {percentile(requests, 50):.0f} ms, p99 {percentile(requests, 99):.0f} ms"
    if failed:
        first = failed[0]
        told += f"; the first: {first.path} {first.kind} HTTP {first.status} {first.target}"
    stage.story.check(what, "zero failed requests", told, passed=not failed and len(requests) > _FEWEST)


def check_shares(stage: Stage, service: Service, requests: Sequence[Request], deployment: Deployment) -> None:
    """At each step of the shift green answers the part that the weights say."""
    green = stage.group_name(deployment.green)
    begin = deployment.began
    for step in [each for each in stage.deployer.shifts if each.service == service.short and each.begin >= begin]:
        mine = [
            each
            for each in requests
            if each.path in stage.paths[service.short] and step.begin + 0.1 < each.at < step.end
        ]
        part = shares(mine, stage.named).get(green, 0.0)
        told = f"{part} % of {len(mine)}"
        is_near = abs(part - step.percent) <= rules.tolerance(step.percent, len(mine))
        is_right = bool(mine) and is_near and rules.may_be_chance(part, step.percent, len(mine))
        if is_right and 0 < step.percent < 100 and part in (0.0, 100.0):
            few = f"{step.percent} % of {service.short}: {len(mine)} requests are too few to tell it from {part:g} %"
            stage.story.not_played(few)
        stage.story.check("weights", f"{green} gets {step.percent} %", told, passed=is_right)


def _live(stage: Stage) -> list[Live]:
    return list(stage.deployer.live.values())
