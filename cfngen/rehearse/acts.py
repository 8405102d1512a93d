"""What is rehearsed, act by act, and what has to be so: births, releases, failures that go back, a negative control."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from cfngen.rehearse import again, backstage, callers, deployed, promotions, rounds
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.looking import look
from cfngen.rehearse.parts import where
from cfngen.rehearse.rehearsal import Act, Stage, health_path, linked, own_paths, pause
from cfngen.rehearse.room import environment
from cfngen.rehearse.rounds import Push
from cfngen.rehearse.site import visible
from cfngen.rehearse.versions import Version, asks_first, good, hooked, rejected, ringing, sick, unmigratable, with_hook

_CONTROL_SECONDS = 4.0
"""The balancer tries a target that is gone for a second or two before it says so."""


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
    """The first push starts every pipeline, and the services are released at once, from their source to their pages.

    Those that call internal services wait for these.
    """
    stage.player.after = callers.order(stage)
    for caller, others in stage.player.after.items():
        stage.story.tell("calls", f"{caller} waits until {', '.join(sorted(others))} released what it calls")
    rounds.play(stage, Push("first release", [Version(each, "first release") for each in stage.services]))
    # Data pages answer only now: the service that migrates need not be the first.
    for service in stage.services:
        stage.paths[service.short] = linked(stage, service)
        for path in stage.paths[service.short]:
            stage.story.check("pages", f"{path} of {service.short}", passed=stage.ask(path)[0] == 200)
    cli_tells(stage, stage.services[0])


def second_release(stage: Stage) -> None:
    """A second version of the last service only, with hooks that look at it. Beside it, by a push of its own, a version of the
    first that never answers its health path, which goes back.
    """
    service, what = stage.services[-1], "second version"
    version = hooked(stage, service, what)
    if version is None:
        stage.story.not_played(f"hooks: no AppSpec of {service.short} stands beside its buildspec")
    wrong = sick(stage, stage.services[0])
    rounds.play(stage, Push(what, [version or good(stage, service, what)]), Push("sick version", [wrong]))


def ringing_alarm(stage: Stage) -> None:
    """An alarm that rings after the traffic has moved takes it back. Beside it, by a push of its own, a version whose migration
    fails does not even begin, and somebody deploys the last service again by CodeDeploy's API: a hook finds it wrong, then a
    person stops it, and both times it goes back. Where a pipeline asks a person, the answer is no for once.
    """
    slow = ringing(stage, _visited(stage))
    migrating = next(filter(None, (unmigratable(stage, each) for each in reversed(stage.services))), None)
    other = stage.services[-1]
    if slow is None:
        stage.story.not_played(f"an alarm that stops a release: the group of {_visited(stage).short} has none")
    taken = {each.service.name for each in (slow, migrating) if each}
    asked = sorted(stage.services, key=lambda each: each.name in taken)
    refused = next(filter(None, (rejected(stage, each) for each in asked)), None)
    wrong = [Push(each.what, [each]) for each in (refused, migrating, slow) if each]
    is_beside = slow is not None and slow.service.name != other.name
    if is_beside:
        rounds.play(stage, *wrong, meanwhile=lambda seeing: by_hand(stage, seeing, other))
    elif wrong:
        rounds.play(stage, *wrong)
    if slow and slow.rings:
        client = stage.account.client("cloudwatch")
        client.set_alarm_state(AlarmName=slow.rings, StateValue="OK", StateReason="it is over")
    if not is_beside:
        with rounds.seen(stage, []) as seeing:
            by_hand(stage, seeing, other)
        rounds.check_traffic(stage, "deployed by hand", seeing.requests)


def _visited(stage: Stage) -> Service:
    """The first service that is asked for more than its health path, at which a slow version is not slow; else the first.

    One whose own hooks would find it slow before anybody else does comes last.
    """
    asked = [each for each in stage.services if set(stage.paths[each.short]) - {health_path(stage, each)}]
    return min(asked or stage.services, key=lambda each: asks_first(stage, each))


def by_hand(stage: Stage, seeing: rounds.Round, service: Service) -> None:
    """Deploy what a service runs again, twice: once with a hook that finds it wrong, once so that a person stops it."""
    done = [each for each in stage.deployer.played if each.service.name == service.name and each.status == "Succeeded"]
    if not done:
        raise RehearsalError(f"{service.short} was never released, so nobody can deploy it again")
    revision = done[-1].told["revision"]
    rounds.direct(stage, seeing, *with_hook(stage, service, revision))
    seeing.stops.add(service.name)
    stopped = Version(service, "a deployment that a person stops", reason="stopped", event="Stopped")
    rounds.direct(stage, seeing, stopped, revision)
    seeing.stops.discard(service.name)


def cli_tells(stage: Stage, service: Service) -> None:
    """Whoever asks with the AWS command line is told what was really done."""
    pipeline = deployed.pipeline_of(stage.account, service)["name"]
    last = next(each for each in reversed(stage.deployer.played) if each.service.name == service.name)
    talks = environment(**stage.account.environment)
    asked = {
        "codepipeline get-pipeline-state": ["--name", pipeline, "--query", "stageStates[].latestExecution.status"],
        "deploy get-deployment": ["--deployment-id", last.identity, "--query", "deploymentInfo.[status]"],
    }
    for words, more in asked.items():
        told = stage.room.run("aws", [where("aws"), *words.split(), *more, "--output", "text"], talks).split()
        stage.story.check("aws", f"aws {words}", " ".join(told), passed=bool(told) and {*told} == {"Succeeded"})


def negative_control(stage: Stage) -> None:
    """A service whose tasks end without a shift must fail requests, so that the checks above can fail."""
    service = (visible(stage) or stage.services)[-1]  # behind others nobody fails with it
    live = stage.deployer.live[service.group["deploymentGroupName"]]
    with stage.load("control") as requests:
        pause(1)
        for task in live.tasks:
            stage.tasks.kill(task)
        pause(_CONTROL_SECONDS)
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


def simulated(stage: Stage) -> None:
    """Whatever was released and went back, the simulator that played along saw nobody hurt."""
    hurts = stage.deployer.twin.hurts
    told = "; ".join(f"{each.invariant} {each.after}: {each.seen}" for each in hurts[:3])
    count = len(stage.deployer.played)
    stage.story.check("simulator", f"{count} deployments beside each other hurt nobody", told, passed=not hurts)


ACTS = (
    births,
    callers.callers,
    first_releases,
    backstage.work,
    second_release,
    ringing_alarm,
    backstage.sick_worker,
    promotions.promotions,
    again.restarts,
    simulated,
    look,
    negative_control,
)
_ONLY_WHERE: Mapping[Act, Callable[[Stage], bool]] = {
    callers.callers: callers.is_there,
    backstage.work: backstage.is_there,
    backstage.sick_worker: backstage.is_there,
    promotions.promotions: promotions.is_there,
    again.restarts: again.is_there,
}
"""Acts that are left out where there is nothing of theirs."""


def play(stage: Stage, acts: Iterable[Act] = ACTS) -> None:
    """Acts, one after the other; raises `RehearsalError` for one that cannot go on."""
    for act in acts:
        is_there = _ONLY_WHERE.get(act)
        if is_there and not is_there(stage):
            continue
        with stage.story.timed(act.__name__.replace("_", " ")):
            act(stage)
    # Only now: a push of what was restored would release every service that it touches again.
    rounds.restore(stage)
    if stopped := stage.tasks.stopped:
        killed = [name for name, by_itself in stopped.items() if not by_itself]
        told = f"{', '.join(killed)} had to be killed" if killed else f"{len(stopped)} tasks"
        stage.story.check("stop", "tasks end by themselves within their stop timeout", told, passed=not killed)
    stage.story.judge()
