"""What must hold when nothing is going on: each look gives what is wrong, as an invariant's id and what was seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from cfngen.request import Request
from cfngen.simulate.balancer import answering, takes
from cfngen.simulate.metrics import MetricReader
from cfngen.simulate.requests import every_kind
from cfngen.simulate.world import Forward, Listener, Rule, Service, TargetGroup, World, alarm_names

Seen = Iterator[tuple[str, str]]


def of_all(world: World, production: Iterable[str]) -> Seen:
    """What changes only when something is made, changed or removed."""
    yield from _unreached(world, production)
    yield from _without_data(world)
    yield from _unknown_alarms(world)
    yield from _unmoved_test(world)
    yield from _tested_on_users(world)


def of(world: World, service: Service, production: Iterable[str]) -> Seen:
    """What a service that is not being released must be like."""
    yield from _disagreements(world, service, production)
    yield from _untouched_test(world, service)
    yield from world.once_made(f"blind {service.arn} {service.live.group}", lambda: list(_blind(world, service)))
    yield from _moving_images(service)


def _unreached(world: World, production: Iterable[str]) -> Seen:
    """Rules that others take everything from; a rule by regular expressions is not asked."""
    for listener in production:
        for rule in world.rules_of(listener):
            answers = {each: answering(world, listener, each) for each in every_kind(rule.conditions)}
            if answers and rule not in answers.values() and not _is_closed(rule, answers):
                by = sorted({each.arn for each in answers.values()})
                yield "T13", f"{rule.arn} answers nothing: {', '.join(by)} comes first"


def _is_closed(rule: Rule, answers: Mapping[Request, Rule | Listener]) -> bool:
    """Whether a maintenance page stands before a rule: one that asks for the same and sends nobody on."""
    before = [each for request, each in answers.items() if takes(rule, request)]
    return bool(before) and all(
        isinstance(each, Rule) and each.conditions == rule.conditions and not each.action.weights for each in before
    )


def _unknown_alarms(world: World) -> Seen:
    """Alarms that a deployment group names and nobody made; a name that is not from these templates may be elsewhere."""
    for group in world.deployment_groups.values():
        names = alarm_names(group)
        if len(set(names)) < len(names):
            yield "T10", f"{group.id} names an alarm twice"
        for name in sorted(set(names)):
            if world.is_made_here(name) and name not in world.metric_readers and name not in world.composites:
                yield "T10", f"{group.id} looks at {name}, which is no alarm"


def _disagreements(world: World, service: Service, production: Iterable[str]) -> Seen:
    if not service.desired or world.group_of(service) is None:
        return
    for arn, action in _rules_of(world, service, production):
        if action.live != {service.live.group}:
            told = f"its primary is in {service.live.group}"
            yield "T4", f"{arn} sends {service.label} to {sorted(action.live)}, {told}"


def _rules_of(world: World, service: Service, production: Iterable[str]) -> list[tuple[str, Forward]]:
    """The production actions that name a group of a service."""

    def by_service() -> dict[str, list[tuple[str, Forward]]]:
        owners = world.owners()
        found: dict[str, list[tuple[str, Forward]]] = {}
        for listener in production:
            for arn, action in world.forwards(listener):
                for owner in {owners[group].arn for group in action.weights if group in owners}:
                    found.setdefault(owner, []).append((arn, action))
        return found

    known: dict[str, list[tuple[str, Forward]]] = world.once("production rules", by_service)
    return known.get(service.arn, [])


def _untouched_test(world: World, service: Service) -> Seen:
    group = world.group_of(service)
    listener = world.listener_of(group, "TestTrafficRoute") if group else ""
    if group is None or not listener or any(each.service is service for each in world.deployments):
        return
    pair = {each.arn for each in world.pair(group)}
    for arn, action in world.forwards(listener):
        # Tutorials begin with the other group, in which nothing runs, and their releases work (A6.7).
        if action.groups & pair and not (len(action.live) == 1 and action.live <= pair):
            yield "T12", f"{arn} shows {sorted(action.live)} before anything was released"


def _unmoved_test(world: World) -> Seen:
    """Rules of a test listener that the deployments of their service do not know, and so leave where they are."""
    owners = world.owners()
    for listener in sorted(world.test_listeners()):
        for arn, action in world.forwards(listener):
            for service in {owners[name].label: owners[name] for name in action.groups if name in owners}.values():
                group = world.group_of(service)
                if group and world.listener_of(group, "TestTrafficRoute") != listener:
                    yield "T12", f"{arn} shows {service.label}, whose deployments have another test listener or none"


def _tested_on_users(world: World) -> Seen:
    """Deployment groups that show their next version on a listener by which users come in."""
    groups = world.deployment_groups.values()
    production = {world.listener_of(each, "ProdTrafficRoute") for each in groups}
    for group in groups:
        if (listener := world.listener_of(group, "TestTrafficRoute")) in production and listener:
            yield "T12", f"{group.id} shows its next version on {listener}, where users come in"


Safeguards = Mapping[str, frozenset[str]]


def safeguards(world: World) -> Safeguards:
    """What makes the releases of each service safe, by the service's ARN."""
    found: dict[str, frozenset[str]] = {}
    for service in world.services.values():
        if group := world.group_of(service):
            has = {"deployment group", *(["alarms"] if alarm_names(group) else [])}
            has |= {"test listener"} if world.listener_of(group, "TestTrafficRoute") else set()
            back = group.properties.get("AutoRollbackConfiguration", {})
            has |= {f"way back after {event}" for event in back.get("Events", ()) if back.get("Enabled")}
            found[service.arn] = frozenset(has)
    return found


_WITHOUT = {
    "deployment group": "nothing releases it any more",
    "alarms": "its next release goes on whatever users get",
    "test listener": "its next version is first seen by users",
}
_HALF_DONE = "such a release stays half done"


def dropped(before: Safeguards, world: World) -> Seen:
    """What an update took from services that are still there."""
    now = safeguards(world)
    for arn, had in before.items():
        if arn in world.services:
            lost = sorted(had - now.get(arn, frozenset()))
            for what in ["deployment group"] if "deployment group" in lost else lost:
                yield "T5", f"{world.services[arn].label} loses its {what}: {_WITHOUT.get(what, _HALF_DONE)}"


def _blind(world: World, service: Service) -> Seen:
    """Alarms and policies that look at the other group of a pair alone, and have none beside them for the live one."""
    group = world.group_of(service)
    pair, live = world.pair(group) if group else [], service.live.group
    readers = {name: reader for each in pair for name, reader in world.readers_of(each)}
    looks = {name: {each.arn for each in pair if each.full_name in reader.text} for name, reader in readers.items()}
    heard = world.alarms_of(group) if group else set()
    attached = {name for name, each in readers.items() if each.is_alarm and not heard.isdisjoint((name, each.name))}
    for name, reader in readers.items():
        metrics = _metrics(reader, pair)
        # What a release hears needs a twin that it hears too; people hear all alarms, and policies are no alarms.
        alike = (
            attached if name in attached else [each for each in readers if readers[each].is_alarm == reader.is_alarm]
        )
        twins = {metric for each in alike if looks[each] == {live} for metric in _metrics(readers[each], pair)}
        if live not in looks[name] and not set(metrics) <= twins:
            yield "T10", f"{name} looks at {sorted(looks[name])} and {service.label} serves from {live}"
        for metric, looked in sorted(metrics.items()):
            if len(looks[name]) > 1 and looked and live not in looked:
                yield "T10", f"{metric} of {name} looks at {sorted(looked)}, not at {live}"


def _metrics(reader: MetricReader, pair: Sequence[TargetGroup]) -> dict[str, set[str]]:
    """The metrics by which a reader looks at groups of a pair, each with the groups; one without a name for a label."""
    found: dict[str, set[str]] = {}
    for metric, dimensions in reader.metrics:
        for each in pair:
            if dimensions.get("TargetGroup") == each.full_name:
                found.setdefault(metric, set()).add(each.arn)
    return found or {"": set()}


def _without_data(world: World) -> Seen:
    """Alarms and policies whose dimensions no metric has."""
    for name, reader in world.metric_readers.items():
        for metric, dimensions in reader.metrics:
            if wrong := next(filter(None, (look(world, metric, dimensions) for look in _DIMENSIONS)), ""):
                yield "T10", f"{metric} of {name} has no data: {wrong}"


def _wrong_balancer(world: World, metric: str, dimensions: Mapping[str, str]) -> str:
    told = dimensions.get("LoadBalancer")
    if "TargetGroup" in dimensions and not told and metric not in ("", "RequestCountPerTarget"):
        return "a target group's metrics name its balancer, too"  # ELB-AG load-balancer-cloudwatch-metrics
    if told and told not in map(world.balancer_name, world.balancers) and world.is_made_here(told):
        return f"{told} is no balancer"
    group = world.group(dimensions.get("TargetGroup", ""))
    # A group is behind none while a reading takes the idle one out of its rules.
    balancer = world.balancer_of(group.arn) if group else ""
    if told and balancer in world.balancers and told != world.balancer_name(balancer):
        return f"{told} is not the group's balancer"
    return ""


def _wrong_cluster(world: World, _: str, dimensions: Mapping[str, str]) -> str:
    service = next((each for each in world.services.values() if each.name == dimensions.get("ServiceName")), None)
    if service and dimensions.get("ClusterName") != service.cluster:
        return f"{service.label} is not in the cluster {dimensions.get('ClusterName')}"
    return ""


_DIMENSIONS: tuple[Callable[[World, str, Mapping[str, str]], str], ...] = (_wrong_balancer, _wrong_cluster)


def _moving_images(service: Service) -> Seen:
    for tasks in service.task_sets:
        name, _, tag = tasks.image.rpartition("/")[2].partition(":")
        if tasks.image and "@" not in name and tag in ("", "latest"):
            yield "T11", f"{service.label} {tasks.version} runs {tasks.image}, whatever that is when a task starts"
