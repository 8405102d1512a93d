"""The pictures and tables of docs/traffic.md, from the simulator itself: `python tests/pictures.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

from specimens import by_hand, files, properties

from cfngen import App, Balancer, Ledger, Service, stage_files
from cfngen.simulate import pipelines
from cfngen.simulate.behaviour import BEHAVIOURS
from cfngen.simulate.files import Files
from cfngen.simulate.picture import svg
from cfngen.simulate.scenario import parameters, requests, update
from cfngen.simulate.simulation import Simulation
from cfngen.simulate.watch import INVARIANTS

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures"
PAGE = ROOT / "docs" / "traffic.md"


assert pipelines  # whose rules of behaviour are known once it is imported


def _started(system: Files) -> Simulation:
    simulation = Simulation()
    simulation.deploy(system, parameters(system, {}), {})
    simulation.settle(simulation.look_around(requests(simulation.world)))
    return simulation


def release() -> str:
    simulation = _started(coffee := Files.of(ROOT / "templates" / "coffee" / "prod"))
    for _ in range(2):
        simulation.finish(simulation.release("customer", coffee))
    return svg(simulation, "customer", "Two releases of a service: ten percent first, then the rest")


def rollback() -> str:
    simulation = _started(coffee := Files.of(ROOT / "templates" / "coffee" / "prod"))
    simulation.finish(simulation.release("customer", coffee))
    deployment = simulation.release("customer", coffee)
    while deployment.next_step != "AllowTraffic 100":
        simulation.step(deployment)
    alarm = str(deployment.group.properties["AlarmConfiguration"]["Alarms"][0]["Name"])
    simulation.world.ringing.add(alarm)
    simulation.step(deployment)
    return svg(simulation, "customer", "An alarm rings while ten percent see the next version")


def hazard() -> str:
    simulation = _started(files(by_hand()))
    simulation.finish(simulation.release("admin"))
    edited = files(by_hand(), lambda body: properties(body, "AdminRule").update(Priority=99))
    simulation.deploy(edited, parameters(edited, {}), what="the rule is edited in the template")
    failed = simulation.release("admin")
    simulation.story.tell(f"the next release: {failed.state}", of_all=True)
    return svg(simulation, "admin", "A rule that says blue is edited after an odd number of releases")


def answer() -> str:
    web, admin = Service(name="web"), Service(name="admin", paths=("/admin",), health_path="/admin")
    app = App(name="shop", services=(web, admin), balancer=Balancer(https=False))
    before = stage_files(app)
    more = Service(name="admin", paths=("/admin", "/admin/*"), health_path="/admin")
    changed = App(name="shop", services=(web, more), balancer=Balancer(https=False))
    after = stage_files(changed, Ledger.read(before["ledger.json"]))
    return svg(
        update(Files(before), Files(after)),
        "admin",
        "The same change by cfngen: a new rule begins with the live colour",
    )


def page(text: str) -> str:
    """The page with its tables of invariants and rules of behaviour as the simulator has them today."""
    invariants = "".join(f"| {name} | {sentence} |\n" for name, sentence in INVARIANTS.items())
    by_sureness = sorted(BEHAVIOURS.values(), key=lambda each: (_SURE.index(each.sure), each.source, each.sentence))
    rules = "".join(f"| {each.sentence} | {each.source} | {each.sure} |\n" for each in by_sureness)
    text = _replaced(text, "| id | what must hold |\n|---|---|\n", invariants)
    return _replaced(text, "| rule | source | how sure |\n|---|---|---|\n", rules)


def _replaced(text: str, heading: str, rows: str) -> str:
    before, found, after = text.partition(heading)
    assert found, f"docs/traffic.md has no table {heading.splitlines()[0]}"
    return f"{before}{heading}{rows}\n{after.partition(chr(10) * 2)[2]}"


_SURE = ("documented", "observed", "believed")
PICTURES = {"release.svg": release, "rollback.svg": rollback, "hazard.svg": hazard, "answer.svg": answer}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
