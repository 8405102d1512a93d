"""Mutants of generated templates: one thing changed at a time, and what notices it.

`python tests/mutants.py [FOLDER]` prints how many of each kind the simulator kills, and every survivor. Without a folder
it writes the share into docs/traffic.md.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfngen import App, Balancer, Canary, Ledger, Release, Service, stage_files
from cfngen.load import load
from cfngen.request import Request
from cfngen.routing import owner
from cfngen.semantics.template import TemplateError
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import Surroundings, parameters, requests, standard, update
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.watch import Table, everywhere

ROOT = Path(__file__).parent.parent
COFFEE = ROOT / "templates" / "coffee" / "prod"
CARRIES_TRAFFIC = (
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::ListenerRule",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::ECS::Service",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::Alarm",
)
"""Types whose properties decide where requests go, or who looks at them."""
NUMBERS = frozenset(
    (
        "ContainerPort",
        "DesiredCount",
        "MaxCapacity",
        "MinCapacity",
        "Port",
        "TerminationWaitTimeInMinutes",
        "Value",
        "WaitTimeInMinutes",
    )
)
"""Numbers that decide about traffic. Thresholds, periods and cooldowns are a matter of judgement: none of them is wrong."""
READINGS = (Readings(), Readings(backwards=True, test_must_match=True), Readings(pair_order="primary first"))


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it was and what it is now, and of which kind it is."""

    file: str
    path: tuple[Any, ...]
    was: Any
    now: Any
    kind: str

    def __str__(self) -> str:
        place = "/".join(map(str, self.path))
        return f"{self.kind}: {self.file}: {place}: {json.dumps(self.was)} -> {json.dumps(self.now)}"

    def files(self, files: Files) -> Files:
        """The templates with this change in them."""
        body = copy.deepcopy(dict(files.templates[self.file].body))
        at: Any = body
        for step in self.path[:-1]:
            at = at[step]
        if self.now is None:
            del at[self.path[-1]]
        else:
            at[self.path[-1]] = self.now
        return Files({**files.texts, self.file: json.dumps(body)})


def mutants(files: Files) -> Iterator[Mutant]:
    """Every mutant of the templates."""
    priorities = frozenset(
        int(each["Properties"]["Priority"])
        for template in files.templates.values()
        for each in template.resources.values()
        if "Priority" in each.get("Properties", {})
    )
    for file, template in sorted(files.templates.items()):
        known = _Known(_alike(template.body), priorities)
        for name, resource in template.resources.items():
            kind = resource["Type"]
            if kind in CARRIES_TRAFFIC or (file == files.root and name.startswith("Service")):
                found = _of(file, ("Resources", name, "Properties"), resource["Properties"], known)
                yield from (each for each in found if "Tags" not in each.path)
            after = resource.get("DependsOn", [])
            for index, _ in enumerate(after if kind in CARRIES_TRAFFIC and isinstance(after, list) else ()):
                yield Mutant(file, ("Resources", name, "DependsOn", index), after[index], None, "dependency")
        for colour, weights in template.section("Mappings").get("Weights", {}).items():
            for key, weight in weights.items():
                yield Mutant(file, ("Mappings", "Weights", colour, key), weight, 100 - weight, "weight")


@dataclass(frozen=True)
class _Known:
    """What can stand for each other: names of resources and parameters of one type in a template, and all priorities."""

    alike: Mapping[str, list[str]]
    priorities: frozenset[int]


def _alike(body: Mapping[str, Any]) -> dict[str, list[str]]:
    by_type: dict[str, list[str]] = {}
    for section in ("Resources", "Parameters"):
        for name, each in body.get(section, {}).items():
            by_type.setdefault(each["Type"], []).append(name)
    return {name: [other for other in names if other != name] for names in by_type.values() for name in names}


def _of(file: str, path: tuple[Any, ...], node: Any, known: _Known) -> Iterator[Mutant]:
    match node:
        case {"Ref": str(name)}:
            for other in known.alike.get(name, [])[:2]:
                yield Mutant(file, (*path, "Ref"), name, other, "reference")
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            for other in known.alike.get(name, [])[:2]:
                yield Mutant(file, (*path, "Fn::GetAtt"), [name, attribute], [other, attribute], "reference")
        case {"Fn::FindInMap": [_, _, "Blue" | "Green" as key]}:
            other = "Green" if key == "Blue" else "Blue"
            yield Mutant(file, (*path, "Fn::FindInMap", 2), key, other, "weight")
        case dict():
            for key, part in node.items():
                yield from _of(file, (*path, key), part, known)
        case list():
            for index, part in enumerate(node):
                yield Mutant(file, (*path, index), part, None, "item")
                yield from _of(file, (*path, index), part, known)
        case _:
            yield from (Mutant(file, path, node, now, kind) for now, kind in _values(path, node, known))


def _values(path: tuple[Any, ...], node: Any, known: _Known) -> Iterator[tuple[Any, str]]:
    """What else a plain value could be, each with the kind of the change."""
    key = path[-1]
    if isinstance(node, bool):
        yield not node, "boolean"
    elif key == "Weight" and "ForwardConfig" in path:
        yield 100 - node, "weight"
    elif key == "Priority":
        first, last = min(known.priorities), max(known.priorities)
        others = (*known.priorities, *(() if node == first else (first - 1,)), *(() if node == last else (last + 1,)))
        yield from ((each, "priority") for each in sorted({*others} - {node, 0}))
    elif "Conditions" in path and "Values" in path:
        yield from ((other, "path") for other in ("/admin/*", "/x*", f"{node}y") if other != node)
    elif key == "HealthCheckPath":
        yield "/elsewhere", "health path"
    elif key in NUMBERS and str(node).isdecimal():
        yield from ((type(node)(each), "number") for each in (0, int(node) + 1) if each != int(node))


@dataclass(frozen=True)
class Described(Surroundings):
    """What the descriptions say of requests, those too that only the templates without a mutation would show.

    Before an update, requests are left out that it is meant to move.
    """

    app: App | None = None
    before: App | None = None
    asked: tuple[Request, ...] = ()

    def table(self, simulation: Simulation, asked: list[Request]) -> Table:
        is_before = simulation.after == "the stack is created"
        apps = [each for each in (self.app, self.before if is_before else self.app) if each]
        owners = {request: {owner(app, request) for app in apps} for request in (*asked, *self.asked)}
        alone = {request: found.pop() for request, found in owners.items() if len(found) == 1}
        return everywhere({request: frozenset((name,)) for request, name in alone.items() if name})


@dataclass(frozen=True)
class Life:
    """Templates that live, with what is known of them; where they are an update, `old` are those before it."""

    files: Files
    around: Surroundings = field(default_factory=Surroundings)
    old: Files | None = None

    @classmethod
    def of(cls, files: Files, app: App, old: Files | None = None, before: App | None = None) -> Life:
        """Those of a description, which knows whose each request is."""
        simulation = Simulation()
        simulation.deploy(files, parameters(files, {}), {})
        return cls(files, Described(app=app, before=before or app, asked=tuple(requests(simulation.world))), old)

    def play(self, files: Files) -> Iterator[Simulation]:
        """A standard life in some of the readings; of an update, with blue serving, with green, and failing at the end."""
        if self.old is None:
            yield from (standard(files, self.around, each) for each in READINGS)
            return
        for each in READINGS:
            yield from (update(self.old, files, self.around, each, releases=number) for number in (1, 2))


def is_killed(mutant: Mutant, life: Life) -> bool:
    """Whether a life of the mutant hurts, or cannot even begin."""
    changed = mutant.files(life.files)
    try:
        return any(each.hurts for each in life.play(changed))
    except (TemplateError, LookupError):
        return True


def of_rules(every: Iterable[Mutant]) -> Iterator[Mutant]:
    """Those of rules, of who waits for them, and of what they are given: what an update of paths writes."""
    for each in every:
        if each.kind == "dependency" or "Mappings" in each.path or any("Rule" in str(step) for step in each.path):
            yield each


def sample(every: Iterable[Mutant], most: int) -> list[Mutant]:
    """At most so many of each kind and file, spread evenly; the same ones each time."""
    groups: dict[tuple[str, str], list[Mutant]] = {}
    for each in every:
        groups.setdefault((each.kind, each.file), []).append(each)
    chosen = []
    for found in groups.values():
        step = max(1.0, len(found) / most)
        chosen += [found[int(index * step)] for index in range(min(most, len(found)))]
    return chosen


def coffee() -> Life:
    """Coffee's production as it is generated."""
    app = load(ROOT / "services" / "coffee.py")
    return Life.of(Files.of(COFFEE), next(each for each in app if each.stage == "prod"))


CANARY = Release(strategy=Canary(percent=10, minutes=5))
BEFORE = App(
    name="shop",
    services=(Service(name="web"), Service(name="admin", paths=("/admin",), health_path="/admin", release=CANARY)),
    balancer=Balancer(https=False),
)
AFTER = replace(BEFORE, services=(BEFORE.services[0], replace(BEFORE.services[1], paths=("/admin", "/admin/*"))))


def shop() -> tuple[Files, Files]:
    """A shop, and the same with one path more, whose new rules ask for the colour that serves."""
    old = stage_files(BEFORE)
    return Files(old), Files(stage_files(AFTER, Ledger.read(old["ledger.json"])))


def update_of_a_shop() -> Life:
    """The update from the one to the other."""
    old, new = shop()
    return Life.of(new, AFTER, old, BEFORE)


def report(life: Life, every: Iterable[Mutant]) -> tuple[Counter[str], list[Mutant]]:
    """How many mutants there are of each kind, and which survive."""
    chosen = list(every)
    return Counter(each.kind for each in chosen), [each for each in chosen if not is_killed(each, life)]


PAGE = ROOT / "docs" / "traffic.md"
SHARE = re.compile(r"Of these changes (\d+) % are noticed \((\d+) of (\d+)\)")
"""What the page says of the mutants that are killed."""


def told(page: str, killed: int, of: int) -> str:
    """The page with the share that is so."""
    changed, places = SHARE.subn(
        f"Of these changes {killed / of:.0%} are noticed ({killed} of {of})".replace("%", " %"), page
    )
    if places != 1:
        raise LookupError(f"{PAGE}: says {places} times how many changes are noticed")
    return changed


def _tell(say: Callable[[str], None]) -> None:
    lives = [coffee(), update_of_a_shop()] if len(sys.argv) == 1 else [Life(Files.of(Path(sys.argv[1])))]
    killed = of = 0
    for life in lives:
        every = mutants(life.files)
        numbers, survivors = report(life, every if life.old is None else of_rules(every))
        for survivor in survivors:
            say(str(survivor))
        alive = Counter(each.kind for each in survivors)
        for kind, number in sorted(numbers.items()):
            say(f"{number - alive[kind]} of {number} mutants of the kind {kind} are killed")
        say(f"{numbers.total() - len(survivors)} of {numbers.total()} ({1 - len(survivors) / numbers.total():.0%})")
        killed, of = killed + numbers.total() - len(survivors), of + numbers.total()
    if len(sys.argv) == 1:
        PAGE.write_text(told(PAGE.read_text(encoding="utf-8"), killed, of), encoding="utf-8")
        say(f"{PAGE}: {killed} of {of}")


if __name__ == "__main__":
    _tell(print)
