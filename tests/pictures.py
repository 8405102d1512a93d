"""The pictures of docs/traffic.md, from the simulator's own tables: `python tests/pictures.py` writes them anew."""

from __future__ import annotations

from pathlib import Path

from specimens import by_hand, files, properties

from cfngen import App, Balancer, Ledger, Service, stage_files
from cfngen.simulate.picture import svg
from cfngen.simulate.scenario import parameters, requests, update
from cfngen.simulate.simulation import Files, Simulation

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "pictures"


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


PICTURES = {"release.svg": release, "rollback.svg": rollback, "hazard.svg": hazard, "answer.svg": answer}

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (FOLDER / name).write_text(draw(), encoding="utf-8")
