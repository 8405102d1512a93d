"""What every stage lives through: it is created, each service is released, rolled back and updated, all is deleted.

`standard` plays that on any templates; `update` answers what a change of the templates does to live traffic, before a
release, after it and in the middle of it, and when it fails at any of its writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cfngen.request import Request
from cfngen.semantics.parameters import matches
from cfngen.semantics.template import TemplateError
from cfngen.simulate import kept
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.files import Files
from cfngen.simulate.requests import near, of_rule
from cfngen.simulate.simulation import Disturbance, Simulation
from cfngen.simulate.watch import INSIDE, OUTSIDE, Table, everywhere
from cfngen.simulate.world import World

_PLACEHOLDERS = {
    "Number": "1",
    "CommaDelimitedList": "one,two",
    "List<AWS::EC2::Subnet::Id>": "subnet-1,subnet-2",
    "List<AWS::EC2::SecurityGroup::Id>": "sg-1",
    "AWS::EC2::VPC::Id": "vpc-1",
}
_TEXTS = (
    "shop.example.com",
    "arn:aws:acm:eu-west-1:123456789012:certificate/1",
    "arn:aws:codeconnections:eu-west-1:123456789012:connection/1",
    "arn:aws:iam::123456789012:policy/boundary",
    "arn:aws:kms:eu-west-1:123456789012:key/1",
    "203.0.113.0/24",
    "123456789012",
    "value",
    "1",
)


Owner = Callable[[Request], str | None]
"""Tells whose a request should be; nobody's is none."""


@dataclass(frozen=True)
class Surroundings:
    """What the templates do not say themselves.

    `given` are parameters of the root, `given_new` those that only the templates of an update get, or get another value
    for. `ssm` is what SSM parameters say when the stage is born: those that are colours follow the releases of an update.
    `owner` tells whose a request should be, where a description knows that; else a request belongs to whoever gets it
    first. `owner_inside` tells the same of the internal balancer, where there is one.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    ssm: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None
    owner_inside: Owner | None = None
    given_new: Mapping[str, str] = field(default_factory=dict)

    @property
    def of_new(self) -> Surroundings:
        """The same for the templates of an update."""
        return replace(self, given={**self.given, **self.given_new})

    def table(self, simulation: Simulation, asked: Sequence[Request]) -> Table:
        """Whose the requests are."""
        if self.owner is None:
            return simulation.look_around(asked)
        if self.owner_inside is None:
            return everywhere(_owned(self.owner, asked))
        inside = everywhere(_owned(self.owner_inside, asked), INSIDE)
        return {**everywhere(_owned(self.owner, asked), OUTSIDE), **inside}


def _owned(owner: Owner, asked: Sequence[Request]) -> dict[Request, frozenset[str]]:
    owners = {request: owner(request) for request in asked}
    return {request: frozenset((name,)) for request, name in owners.items() if name}


Tell = Callable[[str], None]
CARRY_TRAFFIC = frozenset(
    (
        "AWS::CodeDeploy::DeploymentGroup",
        "AWS::ECS::Service",
        "AWS::ElasticLoadBalancingV2::Listener",
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
    )
)
MOST_FAILURES = 40
"""So many failures of one update are played, spread over it where there could be more."""


def parameters(files: Files, given: Mapping[str, str], kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """A value for every parameter of the root: given, kept, its default, the first that is allowed, or a made-up one."""
    found: dict[str, str] = {}
    for name, declared in files.parameters().items():
        if name in given:
            found[name] = given[name]
        elif kept is not None and name in kept:
            found[name] = kept[name]
        elif "Default" in declared:
            found[name] = str(declared["Default"])
        else:
            found[name] = _made_up(name, declared)
    return found


def _made_up(name: str, declared: Mapping[str, object]) -> str:
    allowed, kind = declared.get("AllowedValues"), str(declared.get("Type", "String"))
    if isinstance(allowed, list) and allowed:
        return str(allowed[0])
    pattern, least = declared.get("AllowedPattern"), str(declared.get("MinLength", "0"))
    long_enough = "value123" * (int(least) if least.isdecimal() else 0)
    number = str(declared.get("MinValue", _PLACEHOLDERS["Number"])) if kind == "Number" else ""
    for text in (number, _PLACEHOLDERS.get(kind, ""), *_TEXTS, long_enough[: int(least or 0)]):
        if text and matches(text, str(pattern) if pattern else None) and (number or len(text) >= int(least)):
            return text
    raise TemplateError(f"the parameter {name} needs a value that matches {pattern}")


def requests(world: World) -> list[Request]:
    """Requests that show what the rules do: one for each of their conditions, and their neighbours."""
    found: dict[Request, None] = {Request("/"): None, Request("/elsewhere"): None}
    for rule in world.rules.values():
        for request in of_rule(rule.conditions):
            found |= dict.fromkeys(near(request))
    return list(found)


def standard(
    files: Files,
    around: Surroundings | None = None,
    readings: Readings | None = None,
    *,
    then: Files | None = None,
    tell: Tell = lambda _: None,
) -> Simulation:
    """Play the life of a stage; `then` are its files after a change. The result has its story and what hurt.

    Raises `TemplateError` for templates that CloudFormation refuses before it makes anything.
    """
    around = around or Surroundings()
    simulation = _created(files, around, readings)
    if simulation.stack is None:
        return simulation
    simulation.settle(around.table(simulation, requests(simulation.world)))
    tell("the first release of every service")
    _release_all(simulation, files)
    for label in _released(simulation):
        tell(f"{label}: a release that is rolled back at every step")
        _roll_back_everywhere(simulation, label, files)
    later = then or files
    tell("the stack is updated")
    _update(simulation, later, around)
    tell("another release of every service, side by side, and the stack is updated at each step")
    _update_at_every_step(simulation, later, around)
    tell("everything is deleted")
    simulation.delete(later)
    return simulation


def release_story(files: Files, around: Surroundings | None = None) -> Simulation:
    """The first release of every service, and a second one that is stopped once all traffic has moved."""
    around = around or Surroundings()
    simulation = _created(files, around, None)
    if simulation.stack is None:
        return simulation
    simulation.settle(around.table(simulation, requests(simulation.world)))
    _release_all(simulation, files)
    for label in _released(simulation):
        _stop(simulation, _until(simulation, simulation.release(label, files), "Terminate"))
    return simulation


def update(
    old: Files,
    new: Files,
    around: Surroundings | None = None,
    readings: Readings | None = None,
    *,
    releases: int = 1,
    in_release: int | None = None,
    fail_at: int | None = None,
    asked: Sequence[Request] | None = None,
    turned: Mapping[str, str] | None = None,
) -> Simulation:
    """What an update does to live traffic, after so many releases of every service: green serves after an odd number.

    It may come while every service is being released, so many steps of which are done; and it may fail at a write,
    and then comes again. A colour in SSM is kept by somebody who hears of each release when it is over. `asked` are
    `requests_of` both and `turned` their `other_colours`, for callers that know them.
    """
    around = around or Surroundings()
    simulation = _created(old, around, readings)
    if simulation.stack is None:
        return simulation
    asked = requests_of(old, new, around) if asked is None else asked
    simulation.settle(around.table(simulation, asked))
    turned = other_colours(old, new, around) if turned is None else turned
    for number in range(1, releases + 1):
        _release_all(simulation, old)
        simulation.world.ssm = {**around.ssm, **(turned if number % 2 else {})}
    flying = [] if in_release is None else [simulation.release(label, old) for label in _released(simulation)]
    for _ in range(in_release or 0):
        _step(simulation, flying)
    if fail_at is not None:
        _update(simulation, new, around.of_new, Disturbance(fail_at))
    _update(simulation, new, around.of_new)
    for deployment in flying:
        simulation.finish(deployment)
    simulation.settle(around.table(simulation, asked))
    _release_all(simulation, new)
    return simulation


def requests_of(old: Files, new: Files, around: Surroundings) -> list[Request]:
    """Requests that show what the rules of both do."""
    both = (_created(files, of, None).world for files, of in ((old, around), (new, around.of_new)))
    return list(dict.fromkeys(request for world in both for request in requests(world)))


def other_colours(old: Files, new: Files, around: Surroundings) -> dict[str, str]:
    """What SSM says while the other colour serves, of those parameters that are colours in the old templates or the new."""

    def played(files: Files, of: Surroundings) -> Callable[[Mapping[str, str]], kept.Weights | None]:
        def play(ssm: Mapping[str, str]) -> kept.Weights | None:
            try:
                simulation = _created(files, replace(of, ssm=ssm), None)
            except TemplateError:
                return None
            return kept.weights(simulation.world) if simulation.stack else None

        return play

    of_old = kept.after_a_release(around.ssm, played(old, around))
    return of_old | kept.after_a_release(around.ssm, played(new, around.of_new))


def failing_writes(
    old: Files, new: Files, around: Surroundings, readings: Readings, turned: Mapping[str, str]
) -> list[int]:
    """The writes of an update at which a failure makes a difference to traffic, by number; at most `MOST_FAILURES`.

    What was written of listeners, rules, groups and services before a failure is what the rollback writes back: so it
    is played at each of these, at the one after it, and at the first and the last of all.
    """
    simulation, seen = _created(old, around, readings), Disturbance()
    simulation.world.ssm = {**around.ssm, **turned}
    if simulation.stack is not None:
        _update(simulation, new, around.of_new, seen)
    carrying = [number for number, kind in enumerate(seen.kinds) if kind in CARRY_TRAFFIC]
    last = seen.writes - 1
    every = sorted({0, last, *carrying, *(min(number + 1, last) for number in carrying)} if seen.kinds else ())
    return every if len(every) <= MOST_FAILURES else every[:: -(-len(every) // MOST_FAILURES)]


def steps(files: Files, around: Surroundings) -> int:
    """How many steps the longest release has."""
    simulation = _created(files, around, None)
    return max((len(each.done) for each in _release_all(simulation, files)), default=0)


def live_colours(simulation: Simulation, files: Files, kept: Mapping[str, str]) -> dict[str, str]:
    """The colours that serve now, for new parameters that ask for one as cfngen's do: ``<Service>Rule…Live``."""
    live = simulation.live_colours()
    found = {}
    for name in files.parameters():
        if name.endswith("Live") and name not in kept:
            for label, colour in live.items():
                if name.startswith(f"{''.join(word.capitalize() for word in re.split(r'[^A-Za-z0-9]+', label))}Rule"):
                    found[name] = colour
    return found


def _created(files: Files, around: Surroundings, readings: Readings | None) -> Simulation:
    simulation = Simulation(readings)
    simulation.world.ssm = dict(around.ssm)
    simulation.deploy(files, parameters(files, around.given), {})
    return simulation


def _released(simulation: Simulation) -> list[str]:
    """The services that CodeDeploy releases."""
    return [label for label in simulation.labels if simulation.world.group_of(simulation.service(label))]


def _release_all(simulation: Simulation, files: Files) -> list[Deployment]:
    """One release of each service after the other."""
    return [simulation.finish(simulation.release(label, files)) for label in _released(simulation)]


def _until(simulation: Simulation, deployment: Deployment, step: str) -> Deployment:
    while deployment.is_running and deployment.next_step != step:
        simulation.step(deployment)
    return deployment


def _stop(simulation: Simulation, deployment: Deployment) -> None:
    if deployment.is_running:
        simulation.stop(deployment)


def _roll_back_everywhere(simulation: Simulation, label: str, files: Files) -> None:
    """A release that somebody stops before each of its steps, and one that fails at each, until blue's tasks end."""
    reached, over = 0, False
    while not over:
        for end in (_stop, _fail, _ring):
            deployment = simulation.release(label, files)
            for _ in range(reached):
                if deployment.is_running and deployment.next_step != "Terminate":
                    simulation.step(deployment)
            over = not deployment.is_running or deployment.next_step == "Terminate"
            end(simulation, deployment)
        reached += 1


def _fail(simulation: Simulation, deployment: Deployment) -> None:
    if deployment.is_running:
        simulation.step(deployment, "it fails (played)")


def _ring(simulation: Simulation, deployment: Deployment) -> None:
    """An alarm that the deployment looks at rings; where it looks at none, nothing happens and it is stopped."""
    ringing = simulation.world.ringing
    ringing |= set(deployment.alarms)
    if ringing and deployment.is_running:
        simulation.step(deployment)
    ringing.clear()
    _stop(simulation, deployment)


def _update_at_every_step(simulation: Simulation, files: Files, around: Surroundings) -> None:
    flying = [simulation.release(label, files) for label in _released(simulation)]
    while any(each.is_running for each in flying):
        _update(simulation, files, around)
        _step(simulation, flying)


def _step(simulation: Simulation, flying: Iterable[Deployment]) -> None:
    for deployment in flying:
        if deployment.is_running:
            simulation.step(deployment)


def _update(simulation: Simulation, files: Files, around: Surroundings, disturbance: Disturbance | None = None) -> None:
    stack = simulation.stack
    kept = stack.parameters if stack else {}
    asked = {**live_colours(simulation, files, kept), **around.given}
    simulation.deploy(files, parameters(files, asked, kept), disturbance=disturbance)
