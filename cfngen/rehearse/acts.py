"""What is rehearsed, act by act, and what has to be so: births, releases, failures that go back, a negative control."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence

from cfngen.rehearse import deployed
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.looking import look
from cfngen.rehearse.rehearsal import Act, Stage, health_path, linked, own_paths, pause, tester_sees
from cfngen.rehearse.release import DeploymentFailedError, Live
from cfngen.rehearse.story import Request, percentile, shares

_LEAST_TOLERANCE, _FEWEST = 3.0, 200
_DEVIATIONS = 4
"""So many standard deviations of an honest draw are let pass: once in fifteen thousand steps more would be chance."""
_AROUND_SECONDS = 1.5


def births(stage: Stage) -> None:
    """Before any image was pushed each service answers its health path, and 404 elsewhere."""
    stage.paths = own_paths(stage)
    for service in stage.services:
        path = health_path(stage, service)
        status, group, _ = stage.ask(path)
        mine = group == service.pair[0]
        stage.story.check("birth", f"{path} reaches {service.short}", f"HTTP {status}", passed=status == 200 and mine)
        for page in [each for each in stage.paths[service.short] if each != path][:1]:
            status, _, _ = stage.ask(page)
            stage.story.check(
                "birth", f"{service.short} has no page yet", f"{page} HTTP {status}", passed=status == 404
            )


def first_releases(stage: Stage) -> None:
    """Every service in turn, from its source to its pages, under load; those that migrate before those that only read."""
    for service in sorted(stage.services, key=lambda each: not deployed.migrates(stage.account, each)):
        released(stage, service, "first release")
    for service in stage.services:
        stage.paths[service.short] = linked(stage, service)
        for path in stage.paths[service.short]:
            stage.story.check("pages", f"{path} of {service.short}", passed=stage.ask(path)[0] == 200)


def second_release(stage: Stage) -> None:
    """A second version of the last service only; the others stay as they are."""
    service = stage.services[-1]
    before = {each.service.name: [task.name for task in each.tasks] for each in stage.deployer.live.values()}
    change(stage, service, "", "second version")
    released(stage, service, "second version")
    after = {each.service.name: [task.name for task in each.tasks] for each in stage.deployer.live.values()}
    same = all(after[name] == names for name, names in before.items() if name != service.name)
    stage.story.check("release", f"only {service.short} has other tasks", passed=same and after != before)


def sick_version(stage: Stage) -> None:
    """A version that never answers its health path goes back without a failed request."""
    service = stage.services[0]
    change(stage, service, '\nENTRYPOINT []\nCMD ["sleep", "3600"]\n', "a version that never answers")
    goes_back(stage, service, "is not healthy")
    restore(stage, service)


def ringing_alarm(stage: Stage) -> None:
    """An alarm that rings after the traffic has moved takes it back without a failed request."""
    service = stage.services[0]
    told = service.group.get("alarmConfiguration", {}).get("alarms") or []
    if not told:
        stage.story.not_played(f"an alarm that stops a release: the group of {service.short} has none")
        return
    alarm, client = told[0]["name"], stage.account.client("cloudwatch")

    def ring(_: Live, step: str) -> None:
        if step == "AllowTraffic 100":
            client.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="rehearsal")

    change(stage, service, "", "a version under which an alarm rings")
    stage.deployer.watch = ring
    try:
        goes_back(stage, service, "alarms have been activated")
    finally:
        stage.deployer.watch = lambda _, __: None
        client.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="rehearsal")


def negative_control(stage: Stage) -> None:
    """A service whose tasks end without a shift must fail requests, so that the checks above can fail."""
    service = stage.services[-1]
    live = stage.deployer.live[service.group["deploymentGroupName"]]
    with stage.load("control") as requests:
        pause(1)
        for task in live.tasks:
            stage.tasks.kill(task)
        pause(2)
    failed = sum(each.failed for each in requests)
    stage.story.wanted += failed
    others = sum(each.failed for each in requests if each.path not in stage.paths[service.short])
    stage.story.check(
        "control",
        f"{service.short} killed without a shift fails requests",
        f"{failed} of {len(requests)}",
        passed=failed > 0,
    )
    stage.story.check("control", "the other services stay usable", f"{others} failed", passed=others == 0)
    stage.deployer.replace(live)
    status, group, _ = stage.ask(stage.paths[service.short][0])
    told = f"HTTP {status}"
    stage.story.check(
        "control", f"new tasks of {service.short} serve", told, passed=status == 200 and group == live.group
    )


def released(stage: Stage, service: Service, what: str) -> None:
    """Run a service's pipeline to its end under load, and look at what the load saw."""
    pipeline = deployed.pipeline_of(stage.account, service)
    begin = len(stage.deployer.shifts)
    seen: list[tuple[int, int]] = []

    def look(_: Live, step: str) -> None:
        if step == "AllowTestTraffic":
            seen.append(tester_sees(stage, service, health_path(stage, service)))

    stage.deployer.watch = look
    requests: list[Request] = []

    def deploy(revision: object) -> None:
        with stage.load(f"{service.short}-{time.time_ns()}") as found:
            pause(_AROUND_SECONDS)
            stage.deployer.deploy(revision)  # type: ignore[arg-type]
            pause(_AROUND_SECONDS)
        requests.extend(found)

    stage.runner.run(pipeline, deploy)
    stage.deployer.watch = lambda _, __: None
    check_traffic(stage, service, what, requests)
    for mine, other in seen:
        told = f"tester: HTTP {mine}, others: {other or 'refused'}"
        stage.story.check(what, "the test port shows green to the tester only", told, passed=mine == 200 and other == 0)
    check_shares(stage, service, requests, begin)
    live = stage.deployer.live[service.group["deploymentGroupName"]]
    wrong = [task.image for task in live.tasks if "@sha256:" not in task.image]
    stage.story.check(
        what, f"{service.short} runs by digest", live.tasks[0].image.partition("@")[2][:19], passed=not wrong
    )


def goes_back(stage: Stage, service: Service, reason: str) -> None:
    """Run a pipeline whose deployment has to fail for this reason, under load, and see that nobody noticed."""
    live = stage.deployer.live[service.group["deploymentGroupName"]]
    before = (live.group, [task.name for task in live.tasks])
    requests: list[Request] = []
    told = ""

    def deploy(revision: object) -> None:
        try:
            with stage.load(f"{service.short}-{time.time_ns()}") as found:
                pause(_AROUND_SECONDS)
                try:
                    stage.deployer.deploy(revision)  # type: ignore[arg-type]
                finally:
                    pause(_AROUND_SECONDS)
        finally:
            requests.extend(found)

    try:
        stage.runner.run(deployed.pipeline_of(stage.account, service), deploy)
    except DeploymentFailedError as failed:
        told = str(failed)
    stage.story.check("rollback", f"the release of {service.short} fails", told[:120], passed=reason in told)
    same = before == (live.group, [task.name for task in live.tasks])
    answers = {group for path in stage.paths[service.short] for _, group, _ in [stage.ask(path)]}
    stage.story.check("rollback", f"the old tasks of {service.short} serve", passed=same and answers == {live.group})
    check_traffic(stage, service, "rollback", requests)


def check_traffic(stage: Stage, service: Service, what: str, requests: Sequence[Request]) -> None:
    """No request of the load failed."""
    failed = [each for each in requests if each.failed]
    kinds = {kind: sum(each.kind == kind for each in requests) for kind in ("kept", "fresh")}
    told = f"{len(failed)} of {len(requests)} failed, {kinds['kept']} kept and {kinds['fresh']} fresh, "
    told += f"p50 {percentile(requests, 50):.0f} ms, p99 {percentile(requests, 99):.0f} ms"
    if failed:
        first = failed[0]
        told += f"; the first: {first.path} {first.kind} HTTP {first.status} {first.target}"
    stage.story.check(
        what,
        f"zero failed requests while {service.short} is released",
        told,
        passed=not failed and len(requests) > _FEWEST,
    )


def check_shares(stage: Stage, service: Service, requests: Sequence[Request], begin: int) -> None:
    """At each step of the shift green answers the part that the weights say."""
    green = stage.group_name(stage.deployer.live[service.group["deploymentGroupName"]].group)
    for step in stage.deployer.shifts[begin:]:
        mine = [
            each
            for each in requests
            if each.path in stage.paths[service.short] and step.begin + 0.1 < each.at < step.end
        ]
        seen = shares(mine, stage.named).get(green, 0.0)
        told = f"{seen} % of {len(mine)}"
        stage.story.check(
            "weights",
            f"{green} gets {step.percent} %",
            told,
            passed=bool(mine) and abs(seen - step.percent) <= tolerance(step.percent, len(mine)),
        )


def tolerance(percent: float, requests: int) -> float:
    """By how many points the part of so many requests may differ from its weight, since each is drawn by itself."""
    part = percent / 100
    return max(_LEAST_TOLERANCE, 100 * _DEVIATIONS * math.sqrt(part * (1 - part) / max(requests, 1)))


def change(stage: Stage, service: Service, more: str, message: str) -> None:
    """Commit another version of a service: a label that its image has, and more lines for its Dockerfile."""
    name = stage.image_of(service).dockerfile
    label = f'\nLABEL rehearsal="{message} {time.time_ns()}"\n'
    commit = stage.source.change({name: stage.source.first(name) + label + more}, message)
    stage.story.tell("source", f"{service.short}: {message}, commit {commit[:12]}")


def restore(stage: Stage, service: Service) -> None:
    """Commit the Dockerfile of the project again."""
    name = stage.image_of(service).dockerfile
    stage.source.change({name: stage.source.first(name)}, "as it was")


ACTS = (births, first_releases, second_release, sick_version, ringing_alarm, look, negative_control)


def play(stage: Stage, acts: Iterable[Act] = ACTS) -> None:
    """Acts, one after the other; raises `RehearsalError` for one that cannot go on."""
    for act in acts:
        with stage.story.timed(act.__name__.replace("_", " ")):
            act(stage)
    stage.story.judge()
