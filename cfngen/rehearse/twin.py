"""The same stage in `cfngen.simulate`: each step of a real deployment is played there too, and what is seen must be the same.

What is compared is read back from the account: the weights of the rules on both listeners, the task sets with the
primary one, the status of the deployment.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfngen.rehearse import rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Service
from cfngen.semantics.template import TemplateError
from cfngen.simulate import codedeploy
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.files import Files
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.watch import Hurt

_COLOURS = ("blue", "green")


@dataclass(frozen=True)
class Seen:
    """A service at one moment. `production` and `test` are the parts that each colour gets by the rules of a listener, in
    percent, one for each rule; `task_sets` are the colours with a star at the primary one.
    """

    production: tuple[str, ...]
    test: tuple[str, ...]
    task_sets: tuple[str, ...]
    status: str

    def differs(self, other: Seen) -> str:
        """In what they differ, in words; empty when in nothing."""
        found = []
        for name in ("status", "production", "test", "task_sets"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                found.append(f"{name.replace('_', ' ')}: {_text(mine)}, simulated {_text(theirs)}")
        return "; ".join(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ", ".join(value) or "none"


@dataclass
class Flight:
    """A deployment beside its simulation; `differences` are what was not the same, by step."""

    twin: Twin
    service: Service
    simulated: Deployment
    steps: int = 0
    differences: list[str] = field(default_factory=list)

    def step(self, name: str, status: str) -> None:
        """The real deployment has done a step, and is in that status."""
        with self.twin.lock:
            wanted = self.simulated.next_step
            if wanted != name:
                self.differences.append(f"{name}: simulated is {wanted or self.simulated.state}")
                return
            self.twin.simulation.step(self.simulated)
        self.compare(name, status)

    def fails(self, name: str, status: str, event: str, alarms: Iterable[str] = ()) -> None:
        """The real deployment failed in a step, because of `event`, and has gone back if it wanted to."""
        with self.twin.lock:
            deployment, world = self.simulated, self.twin.simulation.world
            if event == codedeploy.REQUEST:
                self.twin.simulation.stop(deployment)
            elif event == codedeploy.ALARM:
                at = [self.service.alarms.index(each) for each in alarms]  # the simulated group has them in this order
                world.ringing |= {deployment.alarms[number] for number in at}
                self.twin.simulation.step(deployment)
                world.ringing -= {deployment.alarms[number] for number in at}
            elif deployment.green is not None and name == "Install":
                deployment.green.is_healthy = False
                self.twin.simulation.step(deployment)
            else:
                self.twin.simulation.step(deployment, "fails as it did")
        self.compare(f"{name} fails", status)

    def compare(self, name: str, status: str) -> None:
        """Look at the account and at the simulated world."""
        self.steps += 1
        real = seen(self.twin.account, self.service, status)
        with self.twin.lock:
            simulated = self.twin.seen(self.service, self.simulated.state)
        if told := real.differs(simulated):
            self.differences.append(f"{name}: {told}")


class Twin:
    """The simulated stage. Deployments of several services are played in one world, so it is used by one at a time."""

    def __init__(self, account: Account, folder: Path, root: str, parameters: Mapping[str, str]) -> None:
        self.account = account
        self.lock = threading.RLock()
        self.files = Files.of(folder / root)
        self.simulation = Simulation()
        # What nobody gives is not looked at by a rule or a weight.
        asked = self.files.parameters()
        given = {key: "given" for key, told in asked.items() if "Default" not in told} | dict(parameters)
        outcome = self.simulation.deploy(self.files, given, {})
        if not outcome.is_good:
            raise TemplateError(f"cfngen simulate does not deploy it: {outcome.reason}")
        self.born = {each.label: each.live.group for each in self.simulation.world.services.values()}

    @property
    def hurts(self) -> list[Hurt]:
        """What the simulator saw that hurts."""
        return self.simulation.hurts

    def begin(self, service: Service, appspec: str, definition: str) -> Flight:
        """A deployment of that AppSpec and task definition starts."""
        texts = {
            **self.files.texts,
            f"{service.short}/appspec.yaml": appspec,
            f"{service.short}/taskdef.json": definition,
        }
        with self.lock:
            made = self.simulation.release(service.short, replace(self.files, texts=texts))
        flight = Flight(self, service, made)
        if not made.is_running:
            flight.differences.append(f"the start: simulated {made.state}, {made.reason}")
        return flight

    def seen(self, service: Service, status: str) -> Seen:
        """A service in the simulated world."""
        world = self.simulation.world
        simulated = self.simulation.service(service.short)
        group = world.group_of(simulated)
        assert group is not None  # it was released by it
        pair = [each.arn for each in world.pair(group)]
        pair.sort(key=lambda arn: arn != self.born[service.short])
        named = dict(zip(pair, _COLOURS, strict=True))
        weights = []
        for route in ("ProdTrafficRoute", "TestTrafficRoute"):
            listener = world.listener_of(group, route)
            found = [action.weights for _, action in world.forwards(listener) if action.groups & {*pair}]
            weights.append(tuple(sorted(_shares(each, named) for each in found)))
        sets = tuple(
            sorted(f"{named[each.group]}{'*' if each is simulated.live else ''}" for each in simulated.task_sets)
        )
        return Seen(weights[0], weights[1], sets, status)


def seen(account: Account, service: Service, status: str) -> Seen:
    """A service as the account tells it."""
    named = dict(zip(service.pair, _COLOURS, strict=True))
    weights = []
    for listener in (service.production, service.test):
        told = account.client("elbv2").describe_rules(ListenerArn=listener)["Rules"] if listener else []
        found = [dict(rules.targets_of(rule)) for rule in told]
        weights.append(tuple(sorted(_shares(each, named) for each in found if each.keys() & named.keys())))
    told = account.client("ecs").describe_services(cluster=service.cluster, services=[service.name])["services"][0]
    sets = tuple(
        sorted(
            f"{named[each['loadBalancers'][0]['targetGroupArn']]}{'*' if each['status'] == 'PRIMARY' else ''}"
            for each in told["taskSets"]
        )
    )
    return Seen(weights[0], weights[1], sets, status)


def _shares(weights: Mapping[str, int], named: Mapping[str, str]) -> str:
    """The parts that each colour gets of a forward, in percent."""
    total = sum(weights.values())
    found = sorted((named.get(arn, "another"), weight) for arn, weight in weights.items() if weight)
    return " ".join(f"{name} {100 * weight // total}" for name, weight in found) or "nobody"
