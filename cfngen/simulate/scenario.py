"""What every stage lives through: it is created, each service is released, rolled back and updated, all is deleted.

`standard` plays that on any templates; `update` answers what a change of the templates does to live traffic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from cfngen.semantics.template import TemplateError
from cfngen.simulate.balancer import Request
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.simulation import Files, Simulation
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
    pattern = declared.get("AllowedPattern")
    for text in (_PLACEHOLDERS.get(kind, ""), *_TEXTS):
        if text and (not isinstance(pattern, str) or re.fullmatch(pattern, text)):
            return text
    raise TemplateError(f"the parameter {name} needs a value that matches {pattern}")


def requests(world: World) -> list[Request]:
    """Requests that show what the rules do: one for each of their conditions, and their neighbours."""
    found: dict[Request, None] = {Request("/"): None, Request("/elsewhere"): None}
    for rule in world.rules.values():
        values: dict[str, list[str]] = {}
        for condition in rule.conditions:
            told = next((each for key, each in condition.items() if key.endswith("Config")), condition)
            values[condition["Field"]] = list(told.get("Values", []))
        for path in values.get("path-pattern", ["/"]):
            for host in values.get("host-header", [Request.host]):
                for address in values.get("source-ip", [Request.address])[:1]:
                    for near in _near(path):
                        found[Request(near, _plain(host), address.partition("/")[0])] = None
    return list(found)


def _near(path: str) -> Iterator[str]:
    yield _plain(path)
    yield _plain(path.rstrip("*"))
    yield _plain(path.rstrip("*/")) + "istrator"


def _plain(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x") or "/"


def standard(
    files: Files,
    given: Mapping[str, str] | None = None,
    readings: Readings | None = None,
    *,
    then: Files | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Simulation:
    """Play the life of a stage; `then` are its files after a change. The result has its story and what hurt.

    Raises `TemplateError` for templates that CloudFormation refuses before it makes anything.
    """
    simulation = Simulation(readings)
    asked = given or {}
    simulation.deploy(files, parameters(files, asked), {})
    if simulation.stack is None:
        return simulation
    simulation.settle(simulation.look_around(requests(simulation.world)))
    for label in simulation.labels:
        tell(f"{label}: first release")
        _release(simulation, label, files)
    for label in simulation.labels:
        tell(f"{label}: a release that is rolled back at every step")
        _roll_back_everywhere(simulation, label, files)
    later = then or files
    tell("the stack is updated")
    _update(simulation, later, asked)
    for label in simulation.labels:
        tell(f"{label}: another release")
        _release(simulation, label, later)
    tell("the stack is updated again")
    _update(simulation, later, asked)
    tell("everything is deleted")
    simulation.delete(later)
    return simulation


def release_story(files: Files, given: Mapping[str, str] | None = None) -> Simulation:
    """The first release of every service, and a second one that is stopped once all traffic has moved."""
    simulation = Simulation()
    simulation.deploy(files, parameters(files, given or {}), {})
    if simulation.stack is None:
        return simulation
    simulation.settle(simulation.look_around(requests(simulation.world)))
    for label in simulation.labels:
        _release(simulation, label, files)
    for label in simulation.labels:
        if simulation.world.group_of(simulation.service(label)):
            deployment = simulation.release(label, files)
            while deployment.is_running and deployment.next_step != "Terminate":
                simulation.step(deployment)
            if deployment.is_running:
                simulation.stop(deployment)
    return simulation


def _release(simulation: Simulation, label: str, files: Files) -> None:
    if simulation.world.group_of(simulation.service(label)):
        simulation.finish(simulation.release(label, files))


def _roll_back_everywhere(simulation: Simulation, label: str, files: Files) -> None:
    if not simulation.world.group_of(simulation.service(label)):
        return
    reached, over = 0, False
    while not over:
        deployment = simulation.release(label, files)
        for _ in range(reached):
            if deployment.is_running and deployment.next_step != "Terminate":
                simulation.step(deployment)
        over = not deployment.is_running or deployment.next_step in ("Terminate", "")
        if deployment.is_running:
            simulation.stop(deployment)
        reached += 1


def _update(simulation: Simulation, files: Files, given: Mapping[str, str]) -> None:
    stack = simulation.stack
    kept = stack.parameters if stack else {}
    asked = {**live_colours(simulation, files, kept), **given}
    simulation.deploy(files, parameters(files, asked, kept))


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


def update(
    old: Files,
    new: Files,
    given: Mapping[str, str] | None = None,
    readings: Readings | None = None,
    *,
    releases: int = 1,
) -> Simulation:
    """What an update does to live traffic, after so many releases of every service: green serves after an odd number."""
    simulation = Simulation(readings)
    asked = given or {}
    simulation.deploy(old, parameters(old, asked), {})
    if simulation.stack is None:
        return simulation
    asked_for = [*requests(simulation.world), *requests(_deployed(new, asked).world)]
    simulation.settle(simulation.look_around(asked_for))
    for _ in range(releases):
        for label in simulation.labels:
            _release(simulation, label, old)
    _update(simulation, new, asked)
    simulation.settle(simulation.look_around(asked_for))
    for label in simulation.labels:
        _release(simulation, label, new)
    return simulation


def _deployed(files: Files, given: Mapping[str, str]) -> Simulation:
    """A stage of its own that was just created."""
    simulation = Simulation()
    simulation.deploy(files, parameters(files, given), {})
    return simulation
