"""Thousands of histories: whatever happens, in whatever order, nobody is sent to an empty group.

Hypothesis draws events for a `Life`; a counterexample is shrunk and told as a story. `make simulate` plays more.
Generating what is deployed takes longest, so most histories follow one of a few plots, whose descriptions are generated
once; the others draw every description afresh.
"""

from __future__ import annotations

import os
import random
from typing import Any

import pytest
from histories import CHANGES, Life
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cfngen.simulate.behaviour import Readings, every_reading

TIMES = int(os.environ.get("CFNGEN_HISTORIES", "1"))
"""How often as many histories as in CI, each time other ones."""


def plot(number: int) -> list[tuple[str, ...]]:
    """What changes from deployment to deployment."""
    chance = random.Random(number)  # noqa: S311  (no secret)
    return [tuple(chance.sample(sorted(CHANGES), chance.choice((0, 1, 1, 2)))) for _ in range(5)]


class Events(RuleBasedStateMachine):
    """What happens to a stage beside deployments of its stacks."""

    life: Life

    @initialize(readings=st.sampled_from(every_reading()))
    def begin(self, readings: Readings) -> None:
        note(f"readings: {readings}")
        self.life = Life(readings)
        self.life.deploy()

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        self.life.release(data.draw(st.sampled_from(self.life.simulation.labels), label="service"))

    @precondition(lambda self: self.life.flying)
    @rule(data=st.data(), steps=st.integers(1, 12))
    def go_on(self, data: st.DataObject, steps: int) -> None:
        deployment = data.draw(st.sampled_from(self.life.flying), label="deployment")
        for _ in range(steps):
            if deployment.is_running:
                self.life.simulation.step(deployment)

    @precondition(lambda self: self.life.flying)
    @rule(data=st.data(), how=st.sampled_from(("fail", "stop", "ring", "crash")))
    def go_wrong(self, data: st.DataObject, how: str) -> None:
        deployment = data.draw(st.sampled_from(self.life.flying), label="deployment")
        match how:
            case "fail":
                self.life.simulation.step(deployment, "a hook failed")
            case "stop":
                self.life.simulation.stop(deployment)
            case "ring":
                self.life.ring(deployment)
            case "crash":
                self.life.crash(deployment)

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data(), tasks=st.integers(1, 8))
    def scale(self, data: st.DataObject, tasks: int) -> None:
        self.life.simulation.scale(data.draw(st.sampled_from(self.life.simulation.labels), label="service"), tasks)

    @precondition(lambda self: self.life.is_deployed and not self.life.flying)
    @rule(data=st.data())
    def sleep(self, data: st.DataObject) -> None:
        self.life.sleep(data.draw(st.sampled_from(self.life.simulation.labels), label="service"))

    @precondition(lambda self: self.life.is_deployed)
    @rule(again=st.booleans())
    def delete(self, again: bool) -> None:
        self.life.delete()
        if again:
            self.life.deploy()

    @invariant()
    def nothing_hurts(self) -> None:
        if hasattr(self, "life") and self.life.simulation.hurts:
            told = "\n".join(map(str, self.life.simulation.hurts))
            story = "\n".join(self.life.simulation.story.lines())
            raise AssertionError(f"{told}\n\n{story}")


_DISTURBED: dict[str, Any] = {
    "fail_at": st.none() | st.integers(0, 40),
    "meanwhile": st.lists(st.integers(0, 20), max_size=3, unique=True).map(tuple),
    "revert": st.booleans(),
}


class Free(Events):
    """Every description is drawn."""

    @rule(changes=st.lists(st.sampled_from(sorted(CHANGES)), max_size=2).map(tuple), **_DISTURBED)
    def deploy(self, changes: tuple[str, ...], **disturbed: Any) -> None:
        self.life.deploy(changes, **disturbed)


PLOTS = 10


class Plotted(Events):
    """The descriptions follow a plot, one of the ten of a part."""

    part = 0

    @initialize(number=st.integers(0, PLOTS - 1))
    def choose(self, number: int) -> None:
        self.plot = plot(self.part * PLOTS + number)

    @rule(**_DISTURBED)
    def deploy(self, **disturbed: Any) -> None:
        self.life.deploy(self.plot.pop(0) if self.plot else (), **disturbed)


def play(machine: type[Events], histories: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=histories * TIMES,
            stateful_step_count=20,
            deadline=None,
            derandomize=TIMES == 1,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )


def test_histories_of_drawn_descriptions() -> None:
    play(Free, 120)


@pytest.mark.parametrize("part", range(4))
def test_histories_of_plots(part: int) -> None:
    play(type(f"Plotted{part}", (Plotted,), {"part": part}), 450)
