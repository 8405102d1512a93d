"""The simulator notices nearly every single change of what carries traffic; what it does not notice has a reason.

A sample of each kind and file is played here, the same each time; `make mutants` plays all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest
from mutants import (
    PAGE,
    SHARE,
    Life,
    Mutant,
    coffee,
    is_killed,
    mutants,
    of_rules,
    sample,
    shop,
    told,
    update_of_a_shop,
)
from specimens import hurts

from cfngen.simulate.files import Files
from cfngen.simulate.scenario import parameters
from cfngen.simulate.simulation import Disturbance, Simulation

RULES = {
    r"^dependency: service-\w+.yaml: Resources/Service/DependsOn/\d: ": "one of the rules is enough to put the groups behind "
    "the balancer (A6.10); the others are there so that a service goes before its rules",
}
"""What a mutant of any rules may be that survives, with why. A reason fits what survives and nothing else."""
COFFEE = {
    **RULES,
    r": cluster.yaml: Resources/(Https|Test)Listener/Properties/Certificates/0": "TLS is not played; cfn-lint knows the types",
    r"^item: .*Rule\w+/Properties/Actions/0/ForwardConfig/TargetGroups/1: ": "the first shift writes both groups into a rule "
    "that names one (A6.4)",
    r"^priority: service-employee.yaml: .*Rule\w+/Properties/Priority: 49063 -> 1$": "the rules stand in the same order",
    r"^(path|priority|item): redirect.yaml: Resources/RedirectRule/Properties/(Priority|.*/Values/0): ": "port 80 sends everybody on by its default action, too; the "
    "rule is there for the update that switches HTTPS on",
    r"^number: .*/HttpListener/Properties/DefaultActions/0/RedirectConfig/Port: ": "and by that rule",
    r"^number: .*/HttpListener/Properties/Port: 80 -> 81$": "a stage that is new has no users who know another port",
    r"^number: .*/TestListener/Properties/Port: 8080 -> 8081$": "nor testers",
    r"/DeploymentGroup/Properties/ServiceRoleArn/": "rights are not played; the checks compare roles and their trust",
    r"^item: .*/Service/Properties/NetworkConfiguration/.*/SecurityGroups/0: ": "nor is who may connect to whom",
    r"^item: .*/Service/Properties/CapacityProviderStrategy/0: ": "without one the cluster's default holds",
    r"^boolean: .*/Service/Properties/EnableECSManagedTags: ": "tags carry no traffic",
    r"^health path: .*/(Blue|Green)TargetGroup/Properties/HealthCheckPath: ": "applications that answer wrongly are not played",
    r"^number: .*/(Blue|Green)TargetGroup/Properties/Port: 8080 -> 8081$": "tasks are registered with the port of their container",
    r"/(Blue|Green)TargetGroup/Properties/TargetGroupAttributes/0": "any delay below the termination wait drains, and so does "
    "the 300 seconds of those that name none",
    r"^number: .*/(DesiredCount: 1 -> 2|MinCapacity: 2 -> 3|MaxCapacity: 8 -> 9)$": "how many tasks are enough is the "
    "description's business",
    r"^number: .*/(DesiredCount: 1|MinCapacity: 2) -> 0$": "the other of the two keeps tasks running",
    r"^number: .*/(TerminationWaitTimeInMinutes|WaitTimeInMinutes): (\d+) -> (?!0)": "a minute more waits a minute longer",
    r"^item: .*/DeploymentGroup/Properties/AlarmConfiguration/Alarms/\d: ": "which alarms a deployment hears is the "
    "description's business",
    r"^boolean: .*/DeploymentGroup/Properties/AlarmConfiguration/": "as is whether it hears any",
    r"^item: .*/RequestScaling/.*/Metric/Dimensions/0: ": "RequestCountPerTarget is told by target group alone as well",
    r"^item: .*/(CpuAlarm|MemoryAlarm)/Properties/Dimensions/1: ": "CPU and memory are told of a whole cluster as well",
    r"^item: (watch|database).yaml: Resources/\w+Alarm/Properties/Dimensions/0: ": "no deployment hears these alarms",
}
"""What a mutant of coffee may be that survives."""
UPDATE = {
    **RULES,
    r"^(item|weight|reference): service-admin.yaml: Resources/TestRule\w+/Properties/Actions/0/ForwardConfig/TargetGroups/": "at "
    "rest nobody relies on the test listener; one of two test rules is enough to begin a release, which moves both (A6.8)",
    r"^weight: service-web.yaml: .*/TestRule\w+/.*/TargetGroups/1/Weight: 0 -> 100$": "and until then the one rule of web may "
    "show both groups",
    r"^priority: service-admin.yaml: Resources/TestRule\w+/Properties/Priority: 49127 -> 49062$": "it changes places with a rule "
    "of the same service",
}
"""What a mutant of an update may be that survives."""


@pytest.mark.parametrize(
    ("begin", "known", "share", "most", "number"),
    [(coffee, COFFEE, 0.6, 5, 100), (update_of_a_shop, UPDATE, 0.8, 7, 65)],
    ids=["coffee", "update"],
)
def test_every_survivor_is_known_and_nothing_that_is_killed(
    begin: Callable[[], Life], known: dict[str, str], share: float, most: int, number: int
) -> None:
    life, dead = begin(), dict[str, bool]()

    def killed(each: Mutant) -> bool:
        if str(each) not in dead:
            dead[str(each)] = is_killed(each, life)
        return dead[str(each)]

    every = list(mutants(life.files))
    chosen = sample(every if life.old is None else of_rules(every), most)
    survivors = [each for each in chosen if not killed(each)]
    unknown = [str(each) for each in survivors if not any(re.search(reason, str(each)) for reason in known)]
    assert not unknown
    wrongly = [str(each) for each in chosen if killed(each) and any(re.search(reason, str(each)) for reason in known)]
    assert not wrongly
    numbers, alive = (Counter(each.kind for each in those) for those in (chosen, survivors))
    assert numbers.total() > number
    assert 1 - len(survivors) / numbers.total() > share
    assert {kind for kind, number in numbers.items() if number == alive[kind]} <= {"dependency", "health path"}
    for reason in known:
        fitting = sorted(
            (each for each in every if re.search(reason, str(each))), key=lambda each: str(each) not in dead
        )
        assert any(not killed(each) for each in fitting), f"{reason}: all of them are killed now, say so"


def test_the_page_tells_the_share_of_the_mutants_that_there_are() -> None:
    """`make mutants` writes it; other templates have other mutants, so that a number which is old is seen."""
    page = PAGE.read_text(encoding="utf-8")
    (share, killed, of) = map(int, SHARE.findall(page)[0])
    assert of == len(list(mutants(coffee().files))) + len(list(of_rules(mutants(update_of_a_shop().files))))
    assert share == round(100 * killed / of)
    assert told(page, killed, of) == page
    assert "Of these changes 50 % are noticed (1 of 2)" in told(page, 1, 2)


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
