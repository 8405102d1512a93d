"""What every stage lives through: it is created, each service is released, rolled back and updated, all is deleted.

`standard` plays that on any templates; `update` answers what a change of the templates does to live traffic, before a
release, after it and in the middle of it, and when it fails at any of its writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from cfngen.semantics.parameters import matches
from cfngen.semantics.template import TemplateError
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.files import Files
from cfngen.simulate.requests import Request, near, of_rule
from cfngen.simulate.simulation import Disturbance, Simulation
from cfngen.simulate.watch import Table, everywhere
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
    "203.0.113.0/24",
    "value",
    "1",
)


@dataclass(frozen=True)
class Surroundings:
    """What the templates do not say themselves.

    `given` are parameters of the root, `ssm` what SSM parameters say, and `owner` tells whose a request should be, where
    a description knows that; else a request belongs to whoever gets it first.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    ssm: Mapping[str, str] = field(default_factory=dict)
    owner: Callable[[Request], str | None] | None = None

    def table(self, simulation: Simulation, asked: list[Request]) -> Table:
        """Whose the requests are."""
        if self.owner is None:
            return simulation.look_around(asked)
        owners = {request: self.owner(request) for request in asked}
        return everywhere({request: frozenset((name,)) for request, name in owners.items() if name})


Tell = Callable[[str], None]


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
    for label in _released(simulation):
        tell(f"{label}: first release")
        simulation.finish(simulation.release(label, files))
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
    for label in _released(simulation):
        simulation.finish(simulation.release(label, files))
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
    in_release_of: str = "",
    until: int = 0,
    fail_at: int | None = None,
) -> Simulation:
    """What an update does to live traffic, after so many releases of every service: green serves after an odd number.

    It may come while a service is being released, `until` so many steps of which are done; and it may fail at a write,
    and then comes again.
    """
    around = around or Surroundings()
    simulation = _created(old, around, readings)
    if simulation.stack is None:
        return simulation
    asked = [*requests(simulation.world), *requests(_created(new, around, None).world)]
    simulation.settle(around.table(simulation, asked))
    for _ in range(releases):
        for label in _released(simulation):
            simulation.finish(simulation.release(label, old))
    flying = simulation.release(in_release_of, old) if in_release_of else None
    for _ in range(until if flying else 0):
        if flying and flying.is_running:
            simulation.step(flying)
    if fail_at is not None:
        _update(simulation, new, around, Disturbance(fail_at))
    _update(simulation, new, around)
    if flying:
        simulation.finish(flying)
    simulation.settle(around.table(simulation, asked))
    for label in _released(simulation):
        simulation.finish(simulation.release(label, new))
    return simulation


def writes(old: Files, new: Files, around: Surroundings | None = None) -> int:
    """How many writes an update takes, beside its clean-up."""
    around = around or Surroundings()
    simulation = _created(old, around, None)
    counted = Disturbance()
    if simulation.stack is not None:
        _update(simulation, new, around, counted)
    return counted.writes


def steps(files: Files, around: Surroundings | None = None) -> dict[str, int]:
    """How many steps a release of each service has."""
    around = around or Surroundings()
    simulation = _created(files, around, None)
    return {label: len(simulation.finish(simulation.release(label, files)).done) for label in _released(simulation)}


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
        for deployment in flying:
            if deployment.is_running:
                simulation.step(deployment)


def _update(simulation: Simulation, files: Files, around: Surroundings, disturbance: Disturbance | None = None) -> None:
    stack = simulation.stack
    kept = stack.parameters if stack else {}
    asked = {**live_colours(simulation, files, kept), **around.given}
    simulation.deploy(files, parameters(files, asked, kept), disturbance=disturbance)
