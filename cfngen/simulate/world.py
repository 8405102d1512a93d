"""What there is while a stage lives: listeners and rules, target groups, services with their task sets, deployments.

It is data with look-ups and nothing else; what changes it, and why, stands in the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cfngen.request import Request
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.metrics import MetricReader, alarms_of_rule


@dataclass
class Forward:
    """Where a rule or a listener sends requests: weights by target group. Without weights it answers by itself.

    `before` are the kinds of the actions that come first, such as ``authenticate-oidc``; `port` is where a redirect leads.
    """

    kind: str
    weights: dict[str, int] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    port: int = 0

    @property
    def groups(self) -> set[str]:
        return set(self.weights)

    @property
    def live(self) -> set[str]:
        """The groups that get requests."""
        return {group for group, weight in self.weights.items() if weight > 0}


@dataclass
class Listener:
    """A port of a balancer. `action` answers what no rule matches.

    One that `is_elsewhere` belongs to no template that is played; nothing is known of it but its ARN.
    """

    arn: str
    balancer: str
    port: int
    action: Forward
    protocol: str = "HTTP"
    is_elsewhere: bool = False

    @property
    def address(self) -> str:
        """Where users come in, in words."""
        return f"{self.protocol} on port {self.port} of {self.balancer}"


@dataclass
class Rule:
    """One listener rule."""

    arn: str
    listener: str
    priority: int
    conditions: list[Mapping[str, Any]]
    action: Forward
    takes: dict[Request, bool] = field(default_factory=dict, compare=False, repr=False)


def text(value: Any) -> str:
    """A property that has to be a text; raises `TypeError` for anything else."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


class ElsewhereError(Exception):
    """What happens depends on something that none of the templates makes; the message says on what."""


@dataclass
class TargetGroup:
    """A target group. `had_traffic` is the minute in which it last had weight.

    One that `is_elsewhere` belongs to no template that is played; who runs in it is not known.
    """

    arn: str
    name: str
    full_name: str
    port: int
    vpc: str = ""
    drain_seconds: int = 300
    had_traffic: float = -1e9
    is_elsewhere: bool = False


@dataclass
class TaskSet:
    """Tasks of one version of a service. The version of a bootstrap is ``v0``, its `revision` the one that is declared."""

    id: str
    version: str
    group: str
    running: int
    revision: str = ""
    image: str = ""
    is_healthy: bool = True


@dataclass
class Service:
    """An ECS service. `released` counts the deployments that succeeded.

    `label` is what people call it: its container's name, which every release shares (C2.4), or its place in the
    templates where containers of two services are called the same.
    """

    arn: str
    name: str
    label: str
    place: str
    cluster: str
    controller: str
    container: str
    port: int
    desired: int
    task_sets: list[TaskSet]
    primary: str
    minimum: int = 0
    maximum: int = 1_000_000
    released: int = 0

    def task_set(self, name: str) -> TaskSet:
        return next(each for each in self.task_sets if each.id == name)

    @property
    def live(self) -> TaskSet:
        """The primary task set."""
        return self.task_set(self.primary)


@dataclass
class DeploymentGroup:
    """A CodeDeploy deployment group, as its properties say."""

    id: str
    properties: Mapping[str, Any]


def alarm_names(group: DeploymentGroup) -> list[str]:
    """The alarms that a deployment group names and looks at (A4.10)."""
    told = group.properties.get("AlarmConfiguration", {})
    is_enabled = str(told.get("Enabled", "")).lower() == "true"
    return [str(each.get("Name")) for each in told.get("Alarms", ())] if is_enabled else []


@dataclass
class World:
    """Everything. `task_definitions` are revisions, `inactive` those that are deregistered; `metric_readers` are alarms
    and scaling policies.

    `flying` are the deployments that were under way when somebody last looked; ask `in_flight`. `sick` are labels of services whose first tasks never become healthy, `scaling` ARNs of services whose number of
    tasks is being changed. `balancers` are kinds by ARN, ``application`` or ``network``, `clusters` are names by id. `ssm`
    are parameters that dynamic references read, `made_up` those that were read and that nobody gave a value; `names`
    are physical ids by type, scope and name;
    `changed` is called after every single write, so that nobody can look away between two of them.
    """

    readings: Readings = field(default_factory=Readings)
    balancers: dict[str, str] = field(default_factory=dict)
    internal_balancers: set[str] = field(default_factory=set)
    clusters: dict[str, str] = field(default_factory=dict)
    listeners: dict[str, Listener] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    groups: dict[str, TargetGroup] = field(default_factory=dict)
    task_definitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    inactive: set[str] = field(default_factory=set)
    services: dict[str, Service] = field(default_factory=dict)
    deployment_groups: dict[str, DeploymentGroup] = field(default_factory=dict)
    deployment_configs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    deployments: list[Any] = field(default_factory=list)
    flying: list[Any] = field(default_factory=list)
    metric_readers: dict[str, MetricReader] = field(default_factory=dict)
    composites: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    ringing: set[str] = field(default_factory=set)
    sick: set[str] = field(default_factory=set)
    scaling: set[str] = field(default_factory=set)
    scalable: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    pipelines: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    event_rules: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    machines: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    ssm: dict[str, str] = field(default_factory=dict)
    made_up: set[str] = field(default_factory=set)
    names: dict[tuple[str, str, str], str] = field(default_factory=dict)
    clock: float = 0.0
    changed: Callable[[str], None] = lambda _: None
    structure: int = 0
    """How often something was made, changed or removed."""
    routing: int = 0
    """How often something was that carries requests or decides about them; weights and tasks do not count."""
    _known: dict[str, tuple[int, Any]] = field(default_factory=dict)
    _looked: dict[str, tuple[int, Any]] = field(default_factory=dict)
    _readers: tuple[int, dict[str, list[tuple[str, MetricReader]]]] = field(default_factory=lambda: (-1, {}))
    _count: int = 0

    def new_id(self, what: str) -> str:
        """An id that nothing else has, the same in every run."""
        self._count += 1
        return f"{what}-{self._count}"

    def everything(self) -> set[str]:
        """The physical ids of all that exists; a revision that is deregistered does not."""
        definitions = self.task_definitions.keys() - self.inactive
        listeners = {arn for arn, each in self.listeners.items() if not each.is_elsewhere}
        groups = {arn for arn, each in self.groups.items() if not each.is_elsewhere}
        parts = (self.balancers, self.clusters, listeners, self.rules, groups, definitions, self.services)
        more = (self.deployment_groups, self.deployment_configs, self.metric_readers, self.scalable, self.others)
        return set().union(*parts, *more, self.composites, self.pipelines, self.event_rules, self.machines)

    def is_made_here(self, name: str) -> bool:
        """Whether a name, or what follows its kind, is that of something in the templates."""
        return not {name, name.partition("/")[2]}.isdisjoint(self.everything())

    def balancer_name(self, balancer: str) -> str:
        """A balancer's name as metrics know it: the end of its ARN, of which there are three parts."""
        return balancer.rpartition("loadbalancer/")[2]

    def is_internal(self, listener: str) -> bool:
        """Whether a listener is one of a balancer of scheme internal."""
        return self.listeners[listener].balancer in self.internal_balancers

    def balancer_of(self, group: str) -> str:
        """The balancer of a target group; empty while it is behind none."""
        found = (
            each.balancer
            for each in self.listeners.values()
            if any(group in a.groups for _, a in self.forwards(each.arn))
        )
        return next(found, "")

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What `make` gives for the routing as it is, computed again only when that has changed."""
        known = self._known.get(name)
        if known is None or known[0] != self.routing:
            known = self._known[name] = (self.routing, make())
        return known[1]

    def once_made(self, name: str, make: Callable[[], Any]) -> Any:
        """The same for what is made as it is, whatever the weights and tasks."""
        known = self._looked.get(name)
        if known is None or known[0] != self.structure:
            known = self._looked[name] = (self.structure, make())
        return known[1]

    def group(self, name: str) -> TargetGroup | None:
        """A target group by ARN, name or full name."""
        by_name: dict[str, TargetGroup] = self.once(
            "groups", lambda: {key: g for g in self.groups.values() for key in (g.arn, g.name, g.full_name)}
        )
        return by_name.get(name)

    def rules_of(self, listener: str) -> list[Rule]:
        """The rules of a listener, as it tries them."""
        found: dict[str, list[Rule]] = self.once("rules", self._rules_by_listener)
        return found.get(listener, [])

    def _rules_by_listener(self) -> dict[str, list[Rule]]:
        found: dict[str, list[Rule]] = {}
        for rule in sorted(self.rules.values(), key=lambda each: each.priority):
            found.setdefault(rule.listener, []).append(rule)
        return found

    def forwards(self, listener: str) -> Iterator[tuple[str, Forward]]:
        """Every action of a listener, its default last, with a name for it."""
        for rule in self.rules_of(listener):
            yield rule.arn, rule.action
        if listener in self.listeners:
            yield listener, self.listeners[listener].action

    def adopt(self, listener: str) -> bool:
        """Whether an unknown name may be a listener from elsewhere, which is then there; what was made here is none."""
        if listener in self.listeners:
            return True
        if not listener or listener in self.everything():
            return False
        self.listeners[listener] = Listener(
            listener, f"balancer of {listener}", 443, Forward("fixed-response"), "HTTPS", is_elsewhere=True
        )
        self.routing += 1
        return True

    def adopt_group(self, name: str) -> bool:
        """Whether an unknown name may be a target group from elsewhere, as for `adopt`."""
        if name in self.groups:
            return True
        if not name or name in self.everything():
            return False
        full = name.rpartition(":")[2]
        own = full.split("/")[1] if full.startswith("targetgroup/") else name
        self.groups[name] = TargetGroup(name, own, full, 0, is_elsewhere=True)
        self.structure += 1
        self.routing += 1
        return True

    def tasks_in(self, group: str) -> list[TaskSet]:
        """The task sets whose tasks are targets of a group."""
        return [each for service in self.services.values() for each in service.task_sets if each.group == group]

    def service_named(self, cluster: str, name: str) -> Service | None:
        by_name: dict[tuple[str, str], Service] = self.once(
            "services", lambda: {(each.cluster, each.name): each for each in self.services.values()}
        )
        return by_name.get((cluster, name))

    def pair(self, group: DeploymentGroup) -> list[TargetGroup]:
        """The two target groups of a deployment group, those that there are."""
        return [found for name in self.pair_names(group) if (found := self.group(name))]

    def pair_names(self, group: DeploymentGroup) -> list[str]:
        """What a deployment group calls the two groups of its pair."""
        pairs = group.properties.get("LoadBalancerInfo", {}).get("TargetGroupPairInfoList", [{}])
        return [each.get("Name", "") for each in pairs[0].get("TargetGroups", [])]

    def listener_of(self, group: DeploymentGroup, route: str) -> str:
        """The listener of a route, ``ProdTrafficRoute`` or ``TestTrafficRoute``; empty when there is none."""
        pairs = group.properties.get("LoadBalancerInfo", {}).get("TargetGroupPairInfoList", [{}])
        arns = pairs[0].get(route, {}).get("ListenerArns", [])
        return arns[0] if arns else ""

    def service_of(self, group: DeploymentGroup) -> Service | None:
        named = (group.properties.get("ECSServices") or [{}])[0]
        return self.service_named(named.get("ClusterName", ""), named.get("ServiceName", ""))

    def group_of(self, service: Service) -> DeploymentGroup | None:
        """The deployment group that releases a service."""
        by_service: dict[str, DeploymentGroup] = self.once(
            "deployment groups",
            lambda: {found.arn: each for each in self.deployment_groups.values() if (found := self.service_of(each))},
        )
        return by_service.get(service.arn)

    def owners(self) -> Mapping[str, Service]:
        """Whose a target group is: by its pair, else by the tasks that are in it."""
        by_tasks = {tasks.group: service for service in self.services.values() for tasks in service.task_sets}
        by_pair: dict[str, Service] = self.once(
            "owners",
            lambda: {
                group.arn: service
                for each in self.deployment_groups.values()
                if (service := self.service_of(each))
                for group in self.pair(each)
            },
        )
        return {**by_tasks, **by_pair}

    def alarms_of(self, group: DeploymentGroup) -> set[str]:
        """The names of the alarms that a deployment group hears, by composite alarms too."""
        found: set[str] = set()
        new = set(alarm_names(group))
        while new:
            found |= new
            rules = [
                str(each.get("AlarmRule", ""))
                for physical, each in self.composites.items()
                if not new.isdisjoint((physical, str(each.get("AlarmName", physical))))
            ]
            new = set().union(*map(alarms_of_rule, rules)) - found
        return found

    def readers_of(self, group: TargetGroup) -> list[tuple[str, MetricReader]]:
        """The alarms and policies that name a group."""
        structure, found = self._readers
        if structure != self.structure:
            found = {}
            self._readers = self.structure, found
        if group.arn not in found:
            found[group.arn] = [each for each in self.metric_readers.items() if group.full_name in each[1].text]
        return found[group.arn]

    def test_listeners(self) -> set[str]:
        """Listeners that show the next version, which are nobody's production."""
        found: set[str] = self.once("test listeners", self._test_listeners)
        return found

    def _test_listeners(self) -> set[str]:
        test = {self.listener_of(each, "TestTrafficRoute") for each in self.deployment_groups.values()}
        production = {self.listener_of(each, "ProdTrafficRoute") for each in self.deployment_groups.values()}
        return test - production - {""}

    def tested_by(self) -> Mapping[str, frozenset[str]]:
        """For each test listener the labels of the services that show their next version there."""
        found: dict[str, frozenset[str]] = self.once("tested by", self._tested_by)
        return found

    def _tested_by(self) -> dict[str, frozenset[str]]:
        found: dict[str, frozenset[str]] = dict.fromkeys(sorted(self.test_listeners()), frozenset())
        for group in self.deployment_groups.values():
            listener, service = self.listener_of(group, "TestTrafficRoute"), self.service_of(group)
            if listener in found and service:
                found[listener] |= {service.label}
        return found

    def in_flight(self, service: Service | None = None) -> list[Any]:
        """Deployments that are not over, of one service or of all."""
        self.flying = [each for each in self.flying if each.is_running]
        return [each for each in self.flying if service in (None, each.service)]
