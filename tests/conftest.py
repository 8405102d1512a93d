"""What several tests share: expected texts in files, and the command line in this process."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

from cfngen.__main__ import main

settings.register_profile("cfngen", deadline=None, derandomize=True)
settings.load_profile("cfngen")

# A sixth of the time went to looking, among all that is loaded and stays, for circles that nobody refers to; a tenth still, to
# looking every second among what came last.
gc.set_threshold(20_000, 200, 100)

GOLDEN = Path(__file__).parent / "golden"
Golden = Callable[[str, str | Mapping[str, str]], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden", action="store_true", help="rewrite the expected texts in tests/golden/")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors, since some tests wait for programs that they started."""
    return (os.process_cpu_count() if hasattr(os, "process_cpu_count") else os.cpu_count() or 1) + 1


def pytest_collection_finish() -> None:
    gc.freeze()


SLOWEST = (
    "test_write_once",
    "test_local_command",
    "test_local_cli",
    "test_deploy_parts",
    "test_rehearse_released",
    "test_rehearse_acts",
    "test_deploy",
    "test_mutants",
    "test_cells_deployed",
    "test_routing",
    "test_specimens_right",
    "test_checks",
    "test_coffee",
    "test_local_options",
    "test_rehearse_deployed",
    "test_buildspec",
    "test_zoo",
    "test_specimens",
    "test_rehearse_canary",
    "test_rehearse_workers",
    "test_specimens_damaged",
    "test_local_played",
    "test_checks_command",
    "test_balancer",
    "test_simulate",
    "test_scaffold",
    "test_cli",
    "test_histories",
)
"""The files that take longest, as `pytest --durations=0` tells."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slowest files come first, so that no worker has one to go on with when the others have ended.

    A file is one worker's: its tests share what takes seconds to set up.
    """
    place = {name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: place.get(item.path.stem, len(place)))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a file of tests/golden/, or several with all of a folder there; --golden rewrites it."""

    def compare(name: str, given: str | Mapping[str, str]) -> None:
        place = GOLDEN / name
        texts = {place: given} if isinstance(given, str) else {place / file: text for file, text in given.items()}
        if request.config.getoption("--golden"):
            shutil.rmtree(place, ignore_errors=True)  # a file that is no longer made goes
            for file, text in texts.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        there = [place, *place.rglob("*")]
        expected = {file: file.read_text(encoding="utf-8") for file in there if file.is_file()}
        assert texts == expected, "when every difference is wanted and can be explained: make golden"

    return compare


@pytest.fixture(scope="session", autouse=True)
def _what_is_always_the_same_is_read_once() -> Iterator[None]:
    """botocore looks for its models and reads them, megabytes, for every session anew; here hundreds of them come and go."""
    import boto3
    import botocore.session
    from botocore.loaders import Loader

    class Once(Loader):  # type: ignore[misc]
        search_paths = property(lambda self: [*self._search_paths])  # boto3 adds its folder for every session

    @cache
    def create_loader(data_path: str | None = None) -> Loader:
        own = data_path.split(os.pathsep) if data_path else []  # the AWS command line has some
        return Once([*own, str(Path(boto3.__file__).parent / "data")])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", create_loader)
        # More than a thousand images for each region, and nobody starts any.
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        yield


@dataclass(frozen=True)
class Result:
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def coffee() -> dict[str, str]:
    """The files of coffee's dev stage, to be broken."""
    from breaking import stage_of_coffee

    return dict(stage_of_coffee("dev"))


@pytest.fixture
def cfngen(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line as its entry point does."""

    def run(*arguments: object) -> Result:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["cfngen", *map(str, arguments)])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        said = capsys.readouterr()
        return Result(status, said.out, said.err)

    return run
