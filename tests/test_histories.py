"""Thousands of histories: whatever happens, in whatever order, nobody is sent to an empty group.

Hypothesis draws events for a `Life`; a counterexample is shrunk and told as a story. `make simulate` plays more.
"""

from __future__ import annotations

import os

from histories import CHANGES, Life
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from cfngen.simulate.behaviour import every_reading

HISTORIES = int(os.environ.get("CFNGEN_HISTORIES", "400"))


class Histories(RuleBasedStateMachine):
    @initialize(readings=st.sampled_from(every_reading()))
    def begin(self, readings) -> None:
        note(f"readings: {readings}")
        self.life = Life(readings)
        self.life.deploy()

    @rule(
        changes=st.lists(st.sampled_from(sorted(CHANGES)), max_size=2).map(tuple),
        fail_at=st.none() | st.integers(0, 40),
        meanwhile=st.lists(st.integers(0, 20), max_size=3, unique=True).map(tuple),
        revert=st.booleans(),
    )
    def deploy(self, changes, fail_at, meanwhile, revert) -> None:
        self.life.deploy(changes, fail_at=fail_at, meanwhile=meanwhile, revert=revert)

    @precondition(lambda self: self.life.is_deployed)
    @rule(data=st.data())
    def release(self, data) -> None:
        self.life.release(data.draw(st.sampled_from(self.life.simulation.labels), label="service"))

    @precondition(lambda self: self.life.flying)
    @rule(data=st.data(), steps=st.integers(1, 12))
    def go_on(self, data, steps) -> None:
        deployment = data.draw(st.sampled_from(self.life.flying), label="deployment")
        for _ in range(steps):
            if deployment.is_running:
                self.life.simulation.step(deployment)

    @precondition(lambda self: self.life.flying)
    @rule(data=st.data(), how=st.sampled_from(("fail", "stop", "ring", "crash")))
    def go_wrong(self, data, how) -> None:
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
    def scale(self, data, tasks) -> None:
        self.life.simulation.scale(data.draw(st.sampled_from(self.life.simulation.labels), label="service"), tasks)

    @precondition(lambda self: self.life.is_deployed and not self.life.flying)
    @rule(data=st.data())
    def sleep(self, data) -> None:
        self.life.sleep(data.draw(st.sampled_from(self.life.simulation.labels), label="service"))

    @precondition(lambda self: self.life.is_deployed)
    @rule(again=st.booleans())
    def delete(self, again) -> None:
        self.life.delete()
        if again:
            self.life.deploy()

    @invariant()
    def nothing_hurts(self) -> None:
        if hasattr(self, "life") and self.life.simulation.hurts:
            told = "\n".join(map(str, self.life.simulation.hurts))
            story = "\n".join(self.life.simulation.story.lines())
            raise AssertionError(f"{told}\n\n{story}")


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=HISTORIES,
    stateful_step_count=20,
    deadline=None,
    derandomize="CFNGEN_HISTORIES" not in os.environ,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
)
