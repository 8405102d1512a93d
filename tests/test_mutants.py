"""The simulator notices nearly every single change of what carries traffic; what it does not notice has a reason.

A sample of each kind and file is played here, the same each time; `make mutants` plays all.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest
from mutants import Life, coffee, is_killed, mutants, of_rules, report, sample, shop, update_of_a_shop
from specimens import hurts

from cfngen.simulate.files import Files
from cfngen.simulate.scenario import parameters
from cfngen.simulate.simulation import Disturbance, Simulation

RULES = {
    r"^dependency: .*/Service/DependsOn/": "one of the rules is enough to put the groups behind the balancer (A6.10); the "
    "others are there so that a service goes before its rules",
    r"^item: .*/TargetGroups/[01]: ": "the first shift writes both groups into a rule that names one (A6.4)",
    r"^priority: .*Rule.* -> (1|49062)$": "the rules stand in the same order, or change places with one of other paths",
}
"""What a mutant of any rules may be that survives, with why."""
COFFEE = {
    **RULES,
    r"Listener/Properties/Certificates/0": "TLS is not played; cfn-lint knows the types",
    r"^(path|item|priority): redirect.yaml: ": "port 80 sends everybody on by its default action, too; the rule is there for "
    "the update that switches HTTPS on",
    r"/HttpListener/Properties/DefaultActions/": "and by that rule",
    r"/HttpListener/Properties/Port: ": "the port by which users come in is nobody's but theirs",
    r"/TestListener/Properties/Port: ": "as is that of testers",
    r"/DeploymentGroup/Properties/ServiceRoleArn/": "rights are not played; the checks compare roles and their trust",
    r"/SecurityGroups/0: ": "nor is who may connect to whom",
    r"/CapacityProviderStrategy/0: ": "without one the cluster's default holds",
    r"/EnableECSManagedTags: ": "tags carry no traffic",
    r"/HealthCheckPath: ": "applications that answer wrongly are not played",
    r"/(Blue|Green)TargetGroup/Properties/Port: ": "tasks are registered with the port of their container",
    r"/TargetGroupAttributes/0": "any delay below the termination wait drains, and so does the 300 seconds of those that name none",
    r"/(DesiredCount|MinCapacity|MaxCapacity): ": "how many tasks are enough is the description's business; none is sleep",
    r"/(TerminationWaitTimeInMinutes|WaitTimeInMinutes): (\d+) -> (?!0)": "a minute more waits a minute longer",
    r"/AlarmConfiguration/": "which alarms a deployment hears is the description's business, or none",
    r"/RequestScaling/.*/Dimensions/0: ": "RequestCountPerTarget is told by target group alone as well",
    r"^item: .*/(CpuAlarm|MemoryAlarm)/Properties/Dimensions/1: ": "CPU and memory are told of a whole cluster as well",
    r"^item: (watch|database).yaml: .*Alarm/Properties/Dimensions/0: ": "no deployment hears these alarms",
}
"""What a mutant of coffee may be that survives."""
UPDATE = {
    **RULES,
    r"/TestRule\w+/Properties/Actions/": "at rest nobody relies on the test listener; the next release moves it (A6.8)",
}
"""What a mutant of an update may be that survives."""


@pytest.mark.parametrize(
    ("life", "known", "share"), [(coffee(), COFFEE, 0.65), (update_of_a_shop(), UPDATE, 0.8)], ids=["coffee", "update"]
)
def test_every_survivor_is_known(life: Life, known: dict[str, str], share: float) -> None:
    every = mutants(life.files)
    chosen = sample(every if life.old is None else of_rules(every), 10)
    numbers, survivors = report(life, chosen)
    unknown = [str(each) for each in survivors if not any(re.search(reason, str(each)) for reason in known)]
    assert not unknown
    assert numbers.total() > 90
    assert 1 - len(survivors) / numbers.total() > share
    alive = Counter(each.kind for each in survivors)
    assert {kind for kind, number in numbers.items() if number == alive[kind]} <= {"dependency", "health path"}


def test_no_reason_is_given_for_what_is_killed() -> None:
    for life, known in ((coffee(), COFFEE), (update_of_a_shop(), UPDATE)):
        for reason in known:
            fitting = (each for each in mutants(life.files) if re.search(reason, str(each)))
            assert any(not is_killed(each, life) for each in fitting), f"{reason}: all of them are killed now, say so"


def test_a_template_without_a_mutation_lives() -> None:
    for life in (coffee(), update_of_a_shop()):
        assert hurts(life.play(life.files)) == set()


def _updated() -> tuple[Simulation, Files]:
    """A shop whose new rules have got the colour that served, green; blue serves since."""
    before, after = shop()
    simulation = Simulation()
    simulation.deploy(before, parameters(before, {}), {})
    simulation.finish(simulation.release("admin", before))
    assert simulation.deploy(after, _anew(simulation, after)).is_good
    simulation.settle(update_of_a_shop().around.table(simulation, []))
    simulation.finish(simulation.release("admin", after))
    assert simulation.hurts == []
    return simulation, after


def _anew(simulation: Simulation, files: Files) -> dict[str, str]:
    """What a deployer gives who looks which colour serves and passes that each time."""
    live = simulation.live_colours()["admin"]
    return {name: live for name in files.parameters() if name.endswith("Live")}


def test_a_colour_that_is_given_anew_writes_rules_that_nobody_changed() -> None:
    """It is right at rest, and wrong in the middle of a canary and when an update fails: the README says "give it once"."""
    simulation, files = _updated()
    assert simulation.deploy(files, _anew(simulation, files)).is_good
    assert hurts([simulation]) == set()
    assert _in_a_canary(given=True) == {"T3"}
    assert _rolled_back(given=True) >= {"T1", "T2"}
    assert _in_a_canary(given=False) == set()
    assert _rolled_back(given=False) == set()


def _in_a_canary(*, given: bool) -> set[str]:
    simulation, files = _updated()
    deployment = simulation.release("admin", files)
    while deployment.next_step != "AllowTraffic 100":
        simulation.step(deployment)
    simulation.deploy(files, _anew(simulation, files) if given else {})
    return hurts([simulation])


def _rolled_back(*, given: bool) -> set[str]:
    simulation, files = _updated()
    simulation.deploy(files, _anew(simulation, files) if given else {}, disturbance=Disturbance(fail_at=1))
    return hurts([simulation])
