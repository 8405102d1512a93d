"""More than a hundred histories: whatever happens, in whatever order, nobody is sent to an empty group.

Hypothesis draws events for a `Life`; a counterexample is shrunk and told as a story. `make simulate` plays more.
Generating what is deployed takes longest, so most histories follow one of a few plots, whose descriptions are generated
once; the others draw every description afresh.
"""

from __future__ import annotations

import os
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from histories import CHANGES, ROUTING, SHOP, Life, begin
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


@cache
def plot(number: int) -> tuple[tuple[str, ...], ...]:
    """What changes from deployment to deployment: nothing for once, else something that makes a difference."""
    chance = random.Random(number)  # noqa: S311  (no secret)
    app, found = SHOP, []
    for _ in range(6):
        chosen = []
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            able = [name for name, change in CHANGES.items() if (then := change(app)) != app and then.services]
            chosen.append(chance.choice([*able, *(name for name in able if name in ROUTING for _ in range(2))]))
            app = CHANGES[chosen[-1]](app)
        found.append(tuple(chosen))
    return tuple(found)


class Events(RuleBasedStateMachine):
    """What happens to a stage beside deployments of its stacks."""

    life: Life

    @initialize(readings=st.sampled_from(every_reading()))
    def begin(self, readings: Readings) -> None:
        note(f"readings: {readings}")
        self.life = begin(readings)

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

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data(), times=st.integers(1, 2))
    def release_to_the_end(self, data: st.DataObject, times: int) -> None:
        name = data.draw(st.sampled_from(self.life.simulation.labels), label="service")
        for _ in range(times):
            self.life.release(name)
            for deployment in [each for each in self.life.flying if each.service.label == name]:
                self.life.simulation.finish(deployment)

    @precondition(lambda self: self.life.flying)
    @rule(data=st.data(), how=st.sampled_from(("fail", "stop", "ring", "crash", "scale")))
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
            case "scale":
                self.life.scaled_meanwhile(deployment, data.draw(st.integers(1, 8), label="tasks"))

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data(), tasks=st.integers(1, 8))
    def scale(self, data: st.DataObject, tasks: int) -> None:
        self.life.simulation.scale(data.draw(st.sampled_from(self.life.simulation.labels), label="service"), tasks)

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data())
    def sleep(self, data: st.DataObject) -> None:
        self.life.sleep(data.draw(st.sampled_from(self.life.simulation.labels), label="service"))

    @precondition(lambda self: self.life.is_deployed)
    @rule(
        what=st.sampled_from(("nothing", "nothing", "copy", "delete", "delete and deploy")),
        stop_first=st.booleans(),
        how=st.sampled_from(("beside", "elsewhere", "as another stage")),
    )
    def end(self, what: str, stop_first: bool, how: str) -> None:
        """Rarely: most histories should go on with what they have."""
        if what == "copy":
            self.life.copy(how)
        elif what != "nothing":
            self.life.delete(stop_first=stop_first)
            if what == "delete and deploy":
                self.life.deploy()

    @invariant()
    def nothing_hurts(self) -> None:
        if hasattr(self, "life") and self.life.simulation.hurts:
            told = "\n".join(map(str, self.life.simulation.hurts))
            story = "\n".join(self.life.simulation.story.lines())
            raise AssertionError(f"{told}\n\n{story}")


_PARTS = tuple(number / 16 for number in range(16))
_DISTURBED: dict[str, Any] = {
    "fail_at": st.sampled_from((None, None, None, *_PARTS)),
    "meanwhile": st.lists(st.sampled_from(_PARTS), max_size=5, unique=True).map(tuple),
    "revert": st.sampled_from((False, False, False, True)),
    "sick": st.sampled_from((False, False, False, True)),
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
        self.plot = list(plot(self.part * PLOTS + number))

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


DRAWN, OF_PLOTS, PARTS = 20, 60, 2


def test_histories_of_drawn_descriptions() -> None:
    play(Free, DRAWN)


@pytest.mark.parametrize("part", range(PARTS))
def test_histories_of_plots(part: int) -> None:
    play(type(f"Plotted{part}", (Plotted,), {"part": part}), OF_PLOTS)


FIRST = {
    "admin has its first paths": "admin takes /manage too",
    "web for every host": "web by host",
    "admin for everybody": "admin for the office",
    "reports goes": "reports comes",
    "office goes": "office comes",
    "admin comes": "admin goes",
}
"""What comes before a change that takes something back."""


@pytest.mark.parametrize(("number", "name"), list(enumerate(CHANGES)), ids=CHANGES)
def test_each_change_is_played(number: int, name: str) -> None:
    """Once failing half-way and once to the end, with releases before, meanwhile and after: drawn histories leave some out."""
    life = begin(every_reading()[number * 37 % len(every_reading())])
    life.deploy((FIRST[name],) if name in FIRST else ())
    before = life.app
    release_all(life)
    for share in (0.5, None):
        life.deploy((name,), fail_at=share, meanwhile=(0.25, 0.75))
    for each in life.flying:
        life.simulation.finish(each)
    release_all(life)
    assert life.simulation.hurts == []
    assert (life.deployed != before) == (name != "nothing")


def release_all(life: Life) -> None:
    for each in life.simulation.labels:
        life.simulation.finish(life.simulation.release(each, life.files))


def test_pages_tell_how_many_they_are() -> None:
    root, number = Path(__file__).parents[1], DRAWN + PARTS * OF_PLOTS + len(CHANGES)
    assert f"plays {number} histories" in (root / "docs/traffic.md").read_text(encoding="utf-8")
    assert f"({number} histories," in (root / "docs/proof.md").read_text(encoding="utf-8")
    assert "$(or $(TIMES),20) $(BIN)/pytest" in (root / "Makefile").read_text(encoding="utf-8"), "twenty times as many"
