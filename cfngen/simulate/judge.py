"""Whether stages hold: each is played in every reading of what AWS leaves open, and what hurts is kept with its story."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cfngen.errors import DescriptionError, Problem, did_you_mean
from cfngen.semantics.template import TemplateError
from cfngen.simulate.abreast import Life, which_are_calm
from cfngen.simulate.behaviour import Readings, every_reading, one_at_a_time
from cfngen.simulate.files import Files
from cfngen.simulate.scenario import (
    Surroundings,
    Tell,
    failing_writes,
    other_colours,
    release_story,
    requests_of,
    standard,
    steps,
    update,
)
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.story import Story
from cfngen.simulate.watch import Hurt

MANY = 12
"""From so many services on lives are played by several processes: fewer are played before these have begun."""


@dataclass(frozen=True)
class Verdict:
    """What was played of one stage.

    `hurts` are each told once, with the simulation that shows it; `in_release` are those that an update shows only
    while a service is being released, which waiting avoids.
    """

    name: str
    played: int
    hurts: tuple[tuple[Simulation, Hurt], ...]
    story: Simulation
    in_release: tuple[tuple[Simulation, Hurt], ...] = ()

    @property
    def released(self) -> list[str]:
        """The services whose releases were played."""
        return sorted({each.service.label for each in self.story.world.deployments})

    @property
    def summary(self) -> str:
        """The verdict in a line."""
        said = (
            f"{_number(len(self.hurts), 'thing')} hurt{'s' * (len(self.hurts) == 1)}" if self.hurts else "nothing hurts"
        )
        if self.in_release:
            said += f"; {len(self.in_release)} more would in the middle of a release: deploy when none is in flight"
        told = f"{_told(self.story.story)}, {len(self.released)} of them released"
        return f"{self.name}: {told}; {_histories(self.played)} played; {said}"


def _told(story: Story) -> str:
    """How many services and workers there were; what never had traffic to give is a worker."""
    workers = len(story.workers)
    services = _number(len(story.services) - workers, "service")
    return f"{services} and {_number(workers, 'worker')}" if workers else services


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _histories(number: int) -> str:
    return "1 history" if number == 1 else f"{number} histories"


def stage_folders(place: Path, stage: str | None = None) -> list[Path]:
    """The stages below a folder: those with a ledger, else the folder itself; raises `DescriptionError` for none."""
    found = [each.parent for each in sorted(place.rglob("ledger.json"))] or [place]
    chosen = [each for each in found if stage in (None, each.resolve().name)]
    if not chosen:
        hint = did_you_mean(str(stage), {each.resolve().name for each in found})
        raise DescriptionError([Problem("--stage", repr(stage), f"no stage in {place}; {hint}")])
    return chosen


def readings_of(*, every: bool) -> list[Readings]:
    """Each deviation from what is believed alone, or all that can be true together."""
    return every_reading() if every else one_at_a_time()


def check_given(option: str, given: Iterable[str], played: Iterable[Files]) -> None:
    """Raise `DescriptionError` for the parameters that are given by an option and that no root asks for."""
    asked = {name for files in played for name in files.parameters()}
    if unknown := [name for name in given if name not in asked]:
        fits = "no root has such a parameter"
        raise DescriptionError(
            [Problem(option, repr(name), f"{fits}; {did_you_mean(name, asked)}") for name in unknown]
        )


def judge(name: str, files: Files, around: Surroundings, readings: Iterable[Readings], tell: Tell) -> Verdict:
    """Play a stage from its creation to its deletion.

    Raises `TemplateError` for templates that cannot be deployed, or in which no service is released.
    """
    played = _Played()
    lives = [_Told(f"{name}: {reading}", partial(standard, files, around, reading)) for reading in readings]
    played.play(lives, tell, abreast=_are_many(files))
    return _verdict(name, played, release_story(files, around))


def judge_update(
    name: str, old: Files, new: Files, around: Surroundings, readings: Sequence[Readings], tell: Tell
) -> Verdict:
    """Play an update before the first release, with green serving, and with blue serving again; with a failure at each
    write that carries traffic, rolled back and tried again; and at each step of a release.

    What fails or comes in the middle of a release is played as believed and in the readings of which it depends.
    Raises as `judge` does.
    """
    asked, turned = requests_of(old, new, around), other_colours(old, new, around)
    at_rest, in_release = _Played(), _Played()

    def life(told: str, reading: Readings, **how: int) -> _Told:
        return _Told(f"{name}: {told}", partial(update, old, new, around, reading, asked=asked, turned=turned, **how))

    tell(f"{name}: after 1 release")
    story = at_rest.add(update(old, new, around, readings[0], asked=asked, turned=turned, releases=1))
    lives = [
        life(f"after {_number(number, 'release')}, {reading}", reading, releases=number)
        for reading in readings
        for number in (0, 1, 2)
        if (reading, number) != (readings[0], 1)
    ]
    again = (False, True) if old.looks_up or new.looks_up else (False,)
    for reading in [Readings(dynamic_again=each, backwards=order) for each in again for order in (False, True)]:
        lives += [
            life(f"write {fail_at + 1} fails, {reading}", reading, fail_at=fail_at)
            for fail_at in failing_writes(old, new, around, reading, turned)
        ]
    length, are_many = steps(old, around), _are_many(new)
    at_rest.play(lives, tell, abreast=are_many)
    lives = [
        life(f"in the middle of a release, step {done + 1} of {length}, {reading}", reading, in_release=done)
        for reading in (Readings(), Readings(rules_are_found="at the start"))
        for done in range(length)
    ]
    in_release.play(lives, tell, abreast=are_many)
    return _verdict(name, at_rest, story, in_release)


def _are_many(files: Files) -> bool:
    return sum(text.count("AWS::ECS::Service") for text in files.texts.values()) >= MANY


class _Told(NamedTuple):
    """A life to be played, and what is said of it meanwhile."""

    name: str
    life: Life


class _Played:
    """What was played: how much, and what hurt with a simulation that shows it; the others are forgotten."""

    def __init__(self) -> None:
        self.number = 0
        self.hurts: dict[tuple[str, str], tuple[Simulation, Hurt]] = {}

    def play(self, lives: Sequence[_Told], tell: Tell, *, abreast: bool) -> None:
        """Play lives; `abreast` by several processes, unless the first shows that something hurts, as others would then."""
        first, others = lives[:1], lives[1:]
        for each in first:
            tell(each.name)
            hurts = self.add(each.life()).hurts
            abreast = abreast and not hurts
        known = which_are_calm([each.life for each in others]) if abreast else (False for _ in others)
        with closing(known):  # it has processes, also where a life cannot be played
            for is_calm, each in zip(known, others, strict=True):
                tell(each.name)
                if is_calm:
                    self.number += 1
                else:
                    self.add(each.life())

    def add(self, simulation: Simulation) -> Simulation:
        self.number += 1
        for each in simulation.hurts:
            self.hurts.setdefault((each.invariant, each.seen), (simulation, each))
        return simulation


def _verdict(name: str, at_rest: _Played, story: Simulation, in_release: _Played | None = None) -> Verdict:
    more = in_release or _Played()
    other = tuple(found for what, found in more.hurts.items() if what not in at_rest.hurts)
    verdict = Verdict(name, at_rest.number + more.number, tuple(at_rest.hurts.values()), story, other)
    if not verdict.released and not verdict.hurts:
        there = _number(len(story.story.services), "service")
        told = f"{there} in it, and no deployment group of CodeDeploy releases one of them: there is nothing to judge"
        raise TemplateError(told)
    return verdict
