"""Which colour of each service is live: its rules, target groups and tasks, brought together.

A colour is told by the logical id of the target group in the service's own stack, BlueTargetGroup or GreenTargetGroup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cfngen.operate.finding import command
from cfngen.operate.state import (
    ECS_SERVICE,
    LISTENER_RULE,
    TARGET_GROUP,
    Deployment,
    DeploymentGroup,
    Service,
    Stack,
    State,
    TaskSet,
)


@dataclass(frozen=True)
class Forward:
    """A rule or a listener's default action that names one of the service's target groups."""

    place: str
    arn: str
    listener: str
    kind: str
    weights: Mapping[str, int]
    is_default: bool = False

    @property
    def live(self) -> frozenset[str]:
        """The target groups that get requests."""
        return frozenset(group for group, weight in self.weights.items() if weight > 0)

    def give(self, live: str, idle: str) -> str:
        """The command that gives all weight to one group, and keeps the other with none (A6.4)."""
        return self._written({live: 100, idle: 0})

    def name(self, group: str) -> str:
        """The command that names one more group, without weight."""
        return self._written({**self.weights, group: 0})

    def _written(self, weights: Mapping[str, int]) -> str:
        groups = [{"TargetGroupArn": arn, "Weight": weight} for arn, weight in weights.items()]
        action = json.dumps([{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}], separators=(",", ":"))
        if self.is_default:
            return command("aws", "elbv2", "modify-listener", "--listener-arn", self.arn, "--default-actions", action)
        return command("aws", "elbv2", "modify-rule", "--rule-arn", self.arn, "--actions", action)


@dataclass(frozen=True)
class Live:
    """One service as it serves. `production` and `test` are what sends requests to its pair of target groups."""

    name: str
    stack: Stack
    blue: str
    green: str
    service: Service | None = None
    group: DeploymentGroup | None = None
    deployments: tuple[Deployment, ...] = ()
    production: tuple[Forward, ...] = ()
    test: tuple[Forward, ...] = ()

    @property
    def pair(self) -> Mapping[str, str]:
        """Target group ARN to colour."""
        return {self.blue: "blue", self.green: "green"}

    @property
    def colour(self) -> str:
        """The live one, ``blue`` or ``green``; empty when the production rules do not agree on one."""
        seen = {each.live for each in self.production}
        if len(seen) != 1:
            return ""
        (groups,) = seen
        return self.pair.get(next(iter(groups)), "") if len(groups) == 1 else ""

    @property
    def is_asleep(self) -> bool:
        """Whether it has no tasks because nobody wants any, as at night."""
        return self.service is not None and self.service.desired == 0

    @property
    def primary(self) -> TaskSet | None:
        """The task set that serves, as far as it was seen."""
        return self.service.primary if self.service else None

    def told(self, forward: Forward) -> str:
        """A rule's weights in words: ``blue 100 green 0``."""
        return weights(forward, self.pair)

    def named(self, group: str) -> str:
        """A target group in words: its colour, or its ARN when it is another's."""
        return self.pair.get(group, group)

    def other(self, group: str) -> str:
        """The other target group of the pair."""
        return self.green if group == self.blue else self.blue

    def restored(self, forwards: Iterable[Forward] = ()) -> tuple[str, ...]:
        """The commands that point production, or other rules, at the tasks that serve; none when those are not plain."""
        primary = self.primary
        if not primary or primary.target_group not in self.pair or not primary.running:
            return ()
        idle = self.other(primary.target_group)
        right = frozenset({primary.target_group})
        return tuple(
            each.give(primary.target_group, idle)
            for each in forwards or self.production
            if each.live != right and each.kind == "forward" and each.weights.keys() <= self.pair.keys()
        )


def services(state: State) -> tuple[Live, ...]:
    """Every service that is released blue/green, by name."""
    found = (_live(state, stack) for stack in state.stacks)
    return tuple(sorted((each for each in found if each), key=lambda each: (each.name, each.stack.path)))


def weights(forward: Forward, pair: Mapping[str, str]) -> str:
    """Weights in words, the pair's first."""
    told = {**dict.fromkeys(pair, 0), **forward.weights}
    return " ".join(f"{pair.get(group, group)} {weight}" for group, weight in told.items())


def _live(state: State, stack: Stack) -> Live | None:
    blue, green = (stack.physical(f"{colour}TargetGroup", TARGET_GROUP) for colour in ("Blue", "Green"))
    arn = next((each.physical_id for each in stack.of_type(ECS_SERVICE)), "")
    if not blue or not green or not arn:
        return None
    service = state.service(arn)
    group = state.group_of(service) if service else None
    forwards = list(_forwards(state, stack, {blue, green}))
    testing = _test_listeners(group, stack, state)
    return Live(
        name=(service.container if service else "") or stack.path.rpartition("/")[2] or stack.name,
        stack=stack,
        blue=blue,
        green=green,
        service=service,
        group=group,
        deployments=state.deployments_of(group) if group else (),
        production=tuple(each for each in forwards if each.listener not in testing),
        test=tuple(each for each in forwards if each.listener in testing),
    )


def _forwards(state: State, stack: Stack, pair: set[str]) -> Iterator[Forward]:
    names = {each.physical_id: each.logical_id for each in stack.of_type(LISTENER_RULE)}
    for rule in sorted(state.rules, key=lambda each: (each.listener, each.priority, each.arn)):
        if pair & rule.weights.keys():
            place = f"{stack.shown}/{names[rule.arn]}" if rule.arn in names else rule.arn
            yield Forward(place, rule.arn, rule.listener, rule.kind, rule.weights)
    for listener in state.listeners:
        if pair & listener.default.keys():
            place = f"the default action of port {listener.port}"
            yield Forward(place, listener.arn, listener.arn, listener.kind, listener.default, is_default=True)


def _test_listeners(group: DeploymentGroup | None, stack: Stack, state: State) -> set[str]:
    """Those of the deployment group; when that was not seen, those that carry the stack's test rules."""
    if group:
        return set(group.test_listeners) - set(group.production_listeners)
    mine = {each.physical_id for each in stack.of_type(LISTENER_RULE) if each.logical_id.startswith("TestRule")}
    return {each.listener for each in state.rules if each.arn in mine}


def in_words(live: Live, forwards: Iterable[Forward]) -> str:
    """What several rules say, together when they agree."""
    seen = list(dict.fromkeys(live.told(each) for each in forwards))
    return " or ".join(seen) if seen else "nothing"
