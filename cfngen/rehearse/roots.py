"""Further roots of a stage: each [cell](limits.md) is deployed after the first root, which tells its parameters, and is played along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfngen.errors import DescriptionError, Problem, did_you_mean
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parameters import made
from cfngen.rehearse.twin import Flight, Twin
from cfngen.semantics.document import yaml_data
from cfngen.simulate.watch import Hurt


@dataclass(frozen=True)
class Root:
    """A root that is deployed: the folder of its templates, and its parameters."""

    folder: Path
    parameters: Mapping[str, str]


def deploy(
    account: Account,
    folder: Path,
    root: str,
    stack: str,
    given: Mapping[str, str],
    authority: Authority,
    *,
    testers: str,
) -> list[Root]:
    """Deploy the first root of a stage's folder, then each further cell in it; what they are given stands for all of them."""
    cells = further(folder)
    asked = {place: _parameters(place / root) for place in (folder, *cells)}
    known = {name for names in asked.values() for name in names}
    if unknown := [name for name in given if name not in known]:
        told = ((name, f"the root has no such parameter; {did_you_mean(name, sorted(known))}") for name in unknown)
        raise DescriptionError([Problem(f"--parameter {name}", "", fits) for name, fits in told])
    found: list[Root] = []
    for place in (folder, *cells):
        name = stack if place == folder else f"{stack}-{place.name}"
        handed = {} if place == folder else _outputs(account, stack)
        own = {key: value for key, value in (handed | dict(given)).items() if key in asked[place]}
        values = made(place, root, own, account, authority, testers=testers)
        account.deploy(place, root, name, values)
        found.append(Root(place, values))
    return found


def further(folder: Path) -> list[Path]:
    """The folders of further cells in a stage's, in their order."""
    found = [each for each in folder.glob("cell-*") if each.name.removeprefix("cell-").isdigit() and each.is_dir()]
    return sorted(found, key=lambda each: int(each.name.removeprefix("cell-")))


class Twins:
    """The simulated roots of a stage, each a world of its own."""

    def __init__(self, account: Account, roots: Iterable[Root], root: str) -> None:
        self.twins: Sequence[Twin] = [Twin(account, each.folder, root, each.parameters) for each in roots]

    def begin(self, service: Service, appspec: str, definition: str) -> Flight:
        """A deployment of that AppSpec and task definition starts in the root of its service."""
        for twin in self.twins:
            if service.short in twin.simulation.labels:
                return twin.begin(service, appspec, definition)
        raise RehearsalError(f"{service.short}: no root of the stage has a service of that name")

    @property
    def hurts(self) -> list[Hurt]:
        """What the simulator saw in any root that hurts."""
        return [each for twin in self.twins for each in twin.simulation.hurts]


def _parameters(file: Path) -> set[str]:
    return set(yaml_data(file.read_text(encoding="utf-8")).get("Parameters") or {})


def _outputs(account: Account, stack: str) -> dict[str, str]:
    told: dict[str, Any] = account.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    return {each["OutputKey"]: each["OutputValue"] for each in told.get("Outputs") or ()}
