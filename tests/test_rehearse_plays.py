"""A system that is kept, and what a signal does to a rehearsal that is already ending."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from cfngen.cli import cli
from cfngen.rehearse import parts, plays
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.room import BUSY, room, wait
from cfngen.rehearse.servers import server_of
from cfngen.rehearse.site import Site
from cfngen.rehearse.story import Story


def test_a_kept_system_is_found_while_it_runs(tmp_path: Path) -> None:
    file = tmp_path / plays.KEPT
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        site = Site("app-dev", "127.0.0.1", f"http://127.0.0.1:{port}", {"shop": [f"http://127.0.0.1:{port}/"]})
        assert plays.running(file) is None
        with plays.kept(site, file):
            assert plays.running(file) == site
        assert not file.exists()
        file.write_text(f'{{"pid": {_gone()}, "site": {{}}}}', encoding="utf-8")
        assert plays.running(file) is None
    with plays.kept(site, file):
        assert plays.running(file) is None, "its balancer is gone"


def _gone() -> int:
    """The number of a process that has ended."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_waits_is_ended_by_a_signal(tmp_path: Path, number: int) -> None:
    told = []
    with room(tmp_path, told.append):
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), number))
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        plays.wait()
        told.append("ended")
    assert told == ["ended"]


def test_a_second_signal_does_not_stop_the_tidying(tmp_path: Path) -> None:
    done = []

    def twice() -> None:
        with room(tmp_path, print) as here:
            here.end.callback(done.append, "tidied")
            here.end.callback(signal.raise_signal, signal.SIGINT)
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGTERM)
                done.append("finished")

    with pytest.raises(KeyboardInterrupt):
        twice()
    assert done == ["finished", "tidied"]


def test_an_act_alone_wants_only_its_own_programs() -> None:
    programs = {act: {part.program for part in parts.needed(act, "podman")} for act in ("", *parts.ONLY)}
    assert programs["deploy"] == set()
    assert "haproxy" not in programs["build"]
    assert "chromium" not in programs["release"]
    assert programs["look"] == programs[""] > programs["run"] > programs["build"]


@pytest.mark.parametrize(
    ("database", "program"), [("aurora-mysql", "mariadbd"), ("postgres", "postgres"), ("aurora-postgresql", "postgres")]
)
def test_a_database_is_played_by_the_server_that_its_engine_needs_and_no_other(database: str, program: str) -> None:
    wanted, none = ({part.program for part in parts.needed("run", "podman", each)} for each in (database, ""))
    assert {program} == (wanted - none) & {"mariadbd", "postgres"}
    assert parts.needed("build", "podman", database) == parts.needed("build", "podman")
    assert database in server_of(database).plays


@pytest.mark.parametrize(
    ("raised", "told", "status"),
    [(RehearsalError("the proxy ended"), "the proxy ended", 1), (KeyboardInterrupt(), "interrupted", 130), (TypeError(), "TypeError", 1)],
)  # fmt: skip
def test_a_rehearsal_that_ends_early_did_not_pass_whatever_was_checked_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: BaseException, told: str, status: int
) -> None:
    def play(_: object, __: object, story: Story, *___: object, **____: object) -> None:
        story.check("birth", "one thing", passed=True)
        raise raised

    monkeypatch.setattr(plays, "play", play)
    monkeypatch.chdir(Path(__file__).parents[1])
    words = ["rehearse", "services/coffee.py", "--only", "deploy", "--logs", str(tmp_path), "--format", "json"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == status
    shown = json.loads(done.stdout)
    assert (shown["passed"], shown["error"], len(shown["checks"])) == (False, told, 1)
    assert (
        "failed"
        in (tmp_path / "coffee-dev" / "rehearsal.html").read_text(encoding="utf-8").partition("</title>")[0].lower()
    )


@pytest.mark.parametrize("keeps", [True, False])
def test_what_is_kept_after_a_failure_is_a_failure_still(monkeypatch: pytest.MonkeyPatch, *, keeps: bool) -> None:
    @contextmanager
    def stage(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(account=SimpleNamespace(environment={"AWS_ENDPOINT_URL": "http://localhost:1"}))

    def fail(*_: object) -> None:
        raise RehearsalError("the migration failed")

    kept: list[object] = []
    monkeypatch.setattr(plays, "stage", stage)
    monkeypatch.setattr(plays, "visited", lambda _: "the site")
    monkeypatch.setattr(plays.acts, "play", fail)
    story = Story(lambda _: None)
    with pytest.raises(RehearsalError, match="the migration failed"):
        plays.play(SimpleNamespace(), SimpleNamespace(), story, keep=kept.append if keeps else None)  # type: ignore[arg-type]
    assert kept == (["the site"] if keeps else [])
    assert not story.passed
    assert ("export AWS_ENDPOINT_URL=http://localhost:1" in " ".join(each.text for each in story.events)) is keeps


def test_a_thread_that_outlives_its_room_makes_nothing_of_it_anew(tmp_path: Path) -> None:
    with room(tmp_path / "logs", print) as here:
        assert here.path("engine/tmp") == here.folder / "engine/tmp"

        def sleep() -> None:
            with pytest.raises(RehearsalError):
                here.run("sleeper", ["sleep", "60"])

        sleeper = threading.Thread(target=sleep)
        sleeper.start()
        wait(lambda: bool(BUSY), "the sleeper", 10)
    sleeper.join(10)
    assert not sleeper.is_alive()
    for late in (
        lambda: here.path("engine/tmp"),
        lambda: here.run("late", ["true"]),
        lambda: here.start("late", ["true"], bool),
    ):
        with pytest.raises(RehearsalError, match="the rehearsal is over"):
            late()
    assert not here.folder.exists()
