"""What generating costs, counted and never timed: memory by the resources that are alive, time by the calls that are made."""

from __future__ import annotations

import cProfile
import functools
import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from troposphere import AWSObject

from cfngen import App, Balancer, CodeCommit, Database, Pipeline, Service
from cfngen._quick import quick_objects
from cfngen.generated import Put, generated
from cfngen.ledger import FILE


def app(services: int, per_cell: int) -> App:
    names = [f"s{number:03}" for number in range(services)]
    return App(
        name="shop",
        services=tuple(Service(name=name, hosts=(f"{name}.example.com",)) for name in names),
        services_per_cell=per_cell,
        balancer=Balancer(https=False),
        database=Database(writers=tuple(names)),
        pipeline=Pipeline(source=CodeCommit(create=True)),
    )


def test_a_stage_of_any_size_has_the_resources_of_one_root_in_memory(tmp_path: Path) -> None:
    """And without the garbage collector, which `generate` turns off: a stage of one root, and then one of three."""
    found: list[int] = []

    def put(_folder: Path, name: str, _text: str) -> None:
        if name.endswith("cluster.yaml"):  # the stacks of that root are all there
            found.append(alive())

    with no_collection():
        before = alive()
        generated(tmp_path / "shop.yaml", [app(3, 3), app(9, 3)], tmp_path, put)
    one_root, first, second, third = (number - before for number in found)
    assert one_root == first > 50
    assert second == third < 1.1 * first
    assert alive() == before


@contextmanager
def no_collection() -> Iterator[None]:
    """As `generate` runs."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> int:
    return sum(isinstance(each, AWSObject) for each in gc.get_objects())


def test_a_further_service_costs_the_same_wherever_it_comes() -> None:
    """Calls, of Python and of C, for ten services more: after twenty, and after sixty, always in a cell of their own."""
    stage(2, 10)  # what is found out once, is
    early, late = (calls_of(number + 10, 10) - calls_of(number, 10) for number in (20, 60))
    assert 0.95 < late / early < 1.05
    assert late / 10 < 40_000


def test_what_a_stage_keeps_of_each_service_is_little() -> None:
    """Blocks of memory that are there when a stage's last file is handed on: of 40 services more than of 20, in cells."""
    stage(2, 10)
    few, many = blocks_of(20, 10), blocks_of(60, 10)
    assert (many - few) / 40 < 250


def stage(services: int, per_cell: int, put: Put = lambda *_: None) -> None:
    with quick_objects():
        generated(Path("shop.yaml"), [app(services, per_cell)], Path("nowhere"), put)


def calls_of(services: int, per_cell: int) -> int:
    forget()
    counts = cProfile.Profile()
    with no_collection():
        counts.runcall(stage, services, per_cell)
    return sum(each.callcount for each in counts.getstats())


def forget() -> None:
    """Else what others asked before would make a stage cheaper."""
    gc.unfreeze()  # as conftest froze what was imported, caches too
    every = [each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)]
    own = [each for each in every if str(each.__module__).startswith("cfngen.")]
    gc.freeze()
    assert len(own) > 10
    for each in own:
        each.cache_clear()
    re.purge()


def blocks_of(services: int, per_cell: int) -> int:
    found: list[int] = []

    def put(_folder: Path, name: str, _text: str) -> None:
        if name == FILE:
            found.append(sys.getallocatedblocks())

    with no_collection():
        before = sys.getallocatedblocks()
        stage(services, per_cell, put)
    return found[0] - before
