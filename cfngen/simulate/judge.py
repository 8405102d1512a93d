"""Whether stages hold: each is played in every reading of what AWS leaves open, and what hurts is kept with its story."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cfngen.semantics.template import TemplateError
from cfngen.simulate.behaviour import Readings, every_reading, one_at_a_time
from cfngen.simulate.scenario import release_story, standard, update
from cfngen.simulate.simulation import Files, Simulation
from cfngen.simulate.watch import Hurt

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """What was played of one stage. `hurts` are each told once, with the simulation that shows it."""

    name: str
    played: int
    hurts: tuple[tuple[Simulation, Hurt], ...]
    story: Simulation

    @property
    def summary(self) -> str:
        """The verdict in a line."""
        services = len(self.story.story.services)
        said = f"{len(self.hurts)} things hurt" if self.hurts else "nothing hurts"
        return f"{self.name}: {services} services, {self.played} lives played; {said}"


def stage_folders(place: Path, stage: str | None = None) -> list[Path]:
    """The stages below a folder: those with a ledger, else the folder itself; raises `TemplateError` for none."""
    found = [each.parent for each in sorted(place.rglob("ledger.json"))] or [place]
    chosen = [each for each in found if stage in (None, each.resolve().name)]
    if not chosen:
        names = ", ".join(sorted({each.resolve().name for each in found}))
        raise TemplateError(f"--stage: {stage!r}; no stage in {place}; there are {names}")
    return chosen


def readings_of(*, every: bool) -> list[Readings]:
    """Each deviation from what is believed alone, or all that can be true together."""
    return every_reading() if every else one_at_a_time()


def judge(name: str, files: Files, readings: Iterable[Readings], tell: Tell) -> Verdict:
    """Play a stage from its creation to its deletion; raises `TemplateError` for templates that cannot be deployed."""
    simulations = []
    for reading in readings:
        tell(f"{name}: {reading}")
        simulations.append(standard(files, {}, reading))
    return Verdict(name, len(simulations), _hurts(simulations), release_story(files))


def judge_update(name: str, old: Files, new: Files, readings: Iterable[Readings], tell: Tell) -> Verdict:
    """Play an update before the first release, with green serving, and with blue serving again."""
    simulations = []
    for reading in readings:
        tell(f"{name}: {reading}")
        simulations += [update(old, new, {}, reading, releases=number) for number in (0, 1, 2)]
    return Verdict(name, len(simulations), _hurts(simulations), simulations[1])


def _hurts(simulations: Iterable[Simulation]) -> tuple[tuple[Simulation, Hurt], ...]:
    found: dict[tuple[str, str], tuple[Simulation, Hurt]] = {}
    for simulation in simulations:
        for each in simulation.hurts:
            found.setdefault((each.invariant, each.seen), (simulation, each))
    return tuple(found.values())
