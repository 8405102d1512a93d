"""Mutants of generated templates: one reference, weight or dependency changed at a time, and what notices it.

`python tests/mutants.py [FOLDER]` prints how many the simulator kills, and every survivor.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfngen.semantics.template import TemplateError
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import standard

COFFEE = Path(__file__).parent.parent / "templates" / "coffee" / "prod"
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
READINGS = (Readings(), Readings(backwards=True, test_must_match=True), Readings(pair_order="primary first"))


@dataclass(frozen=True)
class Mutant:
    """One change: where, what it was and what it is now."""

    file: str
    path: tuple[Any, ...]
    was: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.file}: {'/'.join(map(str, self.path))}: {json.dumps(self.was)} -> {json.dumps(self.now)}"

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


def mutants(files: Files, chosen: tuple[str, ...]) -> Iterator[Mutant]:
    """Every mutant of some of the templates."""
    for file in chosen:
        template = files.templates[file]
        for name, resource in template.resources.items():
            kind = resource["Type"]
            if kind in CARRIES_TRAFFIC or (file == files.root and name.startswith("Service")):
                found = _of(file, ("Resources", name, "Properties"), resource["Properties"], _names(template.body))
                yield from (each for each in found if "Tags" not in each.path)
            after = resource.get("DependsOn", [])
            for index, _ in enumerate(after if kind in CARRIES_TRAFFIC and isinstance(after, list) else ()):
                yield Mutant(file, ("Resources", name, "DependsOn", index), after[index], None)


def _names(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names that can stand for each other: resources of one type, and parameters of one type."""
    alike: dict[str, list[str]] = {}
    for section in ("Resources", "Parameters"):
        for name, each in body.get(section, {}).items():
            alike.setdefault(each["Type"], []).append(name)
    return {name: [other for other in names if other != name] for names in alike.values() for name in names}


def _of(file: str, path: tuple[Any, ...], node: Any, alike: Mapping[str, list[str]]) -> Iterator[Mutant]:
    match node:
        case {"Ref": str(name)}:
            yield from (Mutant(file, (*path, "Ref"), name, other) for other in alike.get(name, [])[:2])
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            for other in alike.get(name, [])[:2]:
                yield Mutant(file, (*path, "Fn::GetAtt"), [name, attribute], [other, attribute])
        case dict():
            for key, part in node.items():
                if key == "Weight" and isinstance(part, int) and "ForwardConfig" in path:
                    yield Mutant(file, (*path, key), part, 100 - part)
                else:
                    yield from _of(file, (*path, key), part, alike)
        case list():
            for index, part in enumerate(node):
                yield from _of(file, (*path, index), part, alike)


def is_killed(mutant: Mutant, files: Files) -> bool:
    """Whether a standard life of the mutant hurts, in one of the readings, or cannot even begin."""
    changed = mutant.files(files)
    try:
        return any(standard(changed, None, readings).hurts for readings in READINGS)
    except (TemplateError, LookupError):
        return True


def report(files: Files, chosen: tuple[str, ...]) -> tuple[int, list[Mutant]]:
    """How many mutants there are, and which survive."""
    every = list(mutants(files, chosen))
    return len(every), [each for each in every if not is_killed(each, files)]


if __name__ == "__main__":
    given = Files.of(Path(sys.argv[1])) if len(sys.argv) > 1 else Files.of(COFFEE)
    number, survivors = report(given, tuple(sorted(given.templates)))
    for survivor in survivors:
        print(survivor)  # noqa: T201
    print(f"{number - len(survivors)} of {number} mutants are killed ({1 - len(survivors) / number:.0%})")  # noqa: T201
