"""What generating costs, counted and never timed: memory by the resources that are alive, time by the calls that are made."""

from __future__ import annotations

import gc
from pathlib import Path

from troposphere import AWSObject

from cfngen import App, Balancer, Service
from cfngen.generated import generated


def app(services: int, per_cell: int) -> App:
    names = [f"s{number:03}" for number in range(services)]
    return App(
        name="shop",
        services=tuple(Service(name=name, hosts=(f"{name}.example.com",)) for name in names),
        services_per_cell=per_cell,
        balancer=Balancer(https=False),
    )


def test_a_stage_of_any_size_has_the_resources_of_one_root_in_memory(tmp_path: Path) -> None:
    """And without the garbage collector, which `generate` turns off: a stage of one root, and then one of three."""
    found: list[int] = []

    def put(_folder: Path, name: str, _text: str) -> None:
        if name.endswith("cluster.yaml"):  # the stacks of that root are all there
            found.append(alive())

    gc.collect()
    before = alive()
    gc.disable()
    try:
        generated(tmp_path / "shop.yaml", [app(3, 3), app(9, 3)], tmp_path, put)
    finally:
        gc.enable()
    one_root, first, second, third = (number - before for number in found)
    assert one_root == first > 50
    assert second == third < 1.1 * first
    assert alive() == before


def alive() -> int:
    return sum(isinstance(each, AWSObject) for each in gc.get_objects())
