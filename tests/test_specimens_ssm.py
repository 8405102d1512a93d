"""A colour that is kept in SSM and read by the templates: why it is wrong sooner or later, in whichever reading.

It is not known whether CloudFormation resolves a dynamic reference again at an update that leaves its text as it is, and in
a rollback. Each answer has a mistake of its own, which the other has not.
"""

from __future__ import annotations

from typing import Any

import pytest
from specimens import Mistake, by_hand, by_parameter, by_reference, deployed, edited, files, hurts

from cfngen.semantics.update import Outcome
from cfngen.simulate.behaviour import Readings
from cfngen.simulate.codedeploy import Deployment
from cfngen.simulate.scenario import parameters
from cfngen.simulate.simulation import Disturbance, Simulation

ONCE, AGAIN = Readings(), Readings(dynamic_again=True)


def _stored(colour: str) -> dict[str, str]:
    blue = colour == "blue"
    return {"admin-colour": colour, "admin-blue": str(100 * blue), "admin-green": str(100 * (not blue))}


def _until(step: str, mistake: Mistake, readings: Readings) -> tuple[Simulation, Deployment]:
    """Admin is being released, up to a step; whoever keeps the colour in SSM hears of it only after the end."""
    simulation = deployed(mistake, readings=readings, ssm=_stored("blue"))
    deployment = simulation.release("admin")
    while deployment.next_step != step:
        simulation.step(deployment)
    return simulation, deployment


EDITS = (edited("AdminRule", Priority=99), edited("AdminAlarm", Threshold=1))
"""Two writes: the alarm's is the second, or the first in the other order."""


def _edit(simulation: Simulation, mistake: Mistake, *edits: Mistake, disturbance: Disturbance | None = None) -> Outcome:
    edit = files(by_hand(), mistake, *(edits or EDITS))
    return simulation.deploy(edit, parameters(edit, {}), disturbance=disturbance)


MISTAKES = pytest.mark.parametrize("mistake", [by_parameter, by_reference])


@MISTAKES
@pytest.mark.parametrize("again", [True, False], ids=["resolved again", "resolved once"])
def test_a_colour_in_ssm_is_wrong_until_the_success_is_told(mistake: Mistake, again: bool) -> None:
    """CodeDeploy tells of a success after the termination wait, up to two days late; an edit until then is wrong."""
    simulation, _ = _until("Terminate", mistake, Readings(dynamic_again=again))
    _edit(simulation, mistake)
    assert "T3" in hurts([simulation])


@MISTAKES
def test_a_colour_in_ssm_hurts_in_the_middle_of_a_canary(mistake: Mistake) -> None:
    simulation, _ = _until("AllowTraffic 100", mistake, Readings())
    _edit(simulation, mistake)
    assert "T3" in hurts([simulation])


@MISTAKES
def test_a_colour_in_ssm_hurts_when_an_update_is_rolled_back(mistake: Mistake) -> None:
    """The rollback writes the values of the update before, from before the release."""
    simulation, deployment = _until("Terminate", mistake, Readings())
    simulation.finish(deployment)
    simulation.world.ssm = _stored("green")
    _edit(simulation, mistake, disturbance=Disturbance(fail_at=1))
    assert hurts([simulation]) >= {"T1", "T2"}


def test_two_weights_read_one_after_the_other_do_not_fit_together() -> None:
    """The colour changes between the two reads of one write: both groups get everything, or nothing."""

    class Moving(dict[str, str]):
        """Changes after the first read."""

        def get(self, key: str, default: Any = None) -> Any:
            value = super().get(key, default)
            self.update(_stored("green"))
            return value

    simulation = deployed(by_reference, ssm=_stored("blue"))
    simulation.world.ssm = Moving(_stored("blue"))
    _edit(simulation, by_reference)
    assert "T2" in hurts([simulation])


def _second_canary(readings: Readings) -> Simulation:
    """Green serves, blue gets ten percent, and SSM has just heard that green serves."""
    simulation, deployment = _until("Terminate", by_reference, readings)
    simulation.finish(deployment)
    second = simulation.release("admin")
    while second.next_step != "AllowTraffic 100":
        simulation.step(second)
    simulation.world.ssm = _stored("green")
    return simulation


def test_references_that_are_resolved_at_every_update_end_a_canary() -> None:
    """Nobody touched the rule. Its reference says something else than when it was made, so that it is written."""
    again, once = _second_canary(AGAIN), _second_canary(ONCE)
    alarm = edited("AdminAlarm", Threshold=1)
    assert _edit(again, by_reference, alarm).is_good
    assert _edit(once, by_reference, alarm).is_good
    assert hurts([again]) == {"T3"}
    assert hurts([once]) == set()


@pytest.mark.parametrize(("readings", "hurt"), [(ONCE, {"T1", "T2", "T4"}), (AGAIN, set())], ids=["once", "again"])
def test_references_that_are_resolved_once_are_rolled_back_to_the_colour_of_before(
    readings: Readings, hurt: set[str]
) -> None:
    """SSM is right, and so is what the update writes; the rollback writes what was resolved before the release."""
    simulation, deployment = _until("Terminate", by_reference, readings)
    simulation.finish(deployment)
    simulation.world.ssm = _stored("green")
    outcome = _edit(simulation, by_reference, disturbance=Disturbance(fail_at=1))
    assert outcome.status == "UPDATE_ROLLBACK_COMPLETE"
    assert hurts([simulation]) == hurt


@pytest.mark.parametrize(("readings", "hurt"), [(AGAIN, {"T1", "T2", "T4"}), (ONCE, set())], ids=["again", "once"])
def test_references_that_a_rollback_resolves_again_say_what_ssm_says_then(readings: Readings, hurt: set[str]) -> None:
    """Blue serves. Between the write and its rollback somebody sets the colour, early: the old text has a new value."""
    simulation = deployed(by_reference, readings=readings, ssm=_stored("blue"))
    early = Disturbance(fail_at=1, meanwhile={1: lambda: simulation.world.ssm.update(_stored("green"))})
    assert _edit(simulation, by_reference, disturbance=early).status == "UPDATE_ROLLBACK_COMPLETE"
    assert hurts([simulation]) == hurt
