"""What a rehearsal that was killed leaves behind, and that the next one ends it: processes and folder, but nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cfngen.rehearse import orphans
from cfngen.rehearse.room import room, wait

REHEARSAL = """\
import pathlib, sys, time
from cfngen.rehearse.room import room
with room(pathlib.Path(sys.argv[1]), print) as here:
    server = here.start("server", [sys.executable, "-c", "import time; time.sleep(300)", str(here.folder / "server")], lambda: True)
    build = here.start("build", ["sleep", "300"], lambda: True, {"HOME": str(here.path("home")), "PATH": "/bin:/usr/bin"})
    print(here.folder, server.pid, build.pid, flush=True)
    time.sleep(300)
"""


@pytest.fixture(autouse=True)
def _own_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield
    monkeypatch.undo()


def is_there(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False


def test_what_a_killed_rehearsal_left_is_ended_and_told(tmp_path: Path) -> None:
    words = [sys.executable, "-c", REHEARSAL, str(tmp_path / "logs")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        folder, *pids = process.stdout.readline().split()
        said: list[str] = []
        orphans.end(said.append)
        assert not said, "one that lives is left alone"
        process.kill()
    assert all(is_there(int(pid)) for pid in pids)
    orphans.end(said.append)
    wait(lambda: not any(is_there(int(pid)) for pid in pids), "the end of the orphans", 10)
    assert not Path(folder).exists()
    assert said == [f"a rehearsal that was killed (pid {process.pid}) left 2 processes and {folder}: they are gone now"]


def test_a_shell_that_only_knows_the_folder_stays(tmp_path: Path) -> None:
    with room(tmp_path / "logs", print) as here:
        (here.folder / "owner").write_text("1 0\n", encoding="utf-8")
        known = os.environ | {"DOCKER_HOST": f"unix://{here.folder}/engine/docker.sock"}
        with subprocess.Popen(["sleep", "60"], env=known) as shell:
            told: list[str] = []
            orphans.end(told.append)
            assert not here.folder.exists()
            assert [" left 0 processes " in each for each in told] == [True]
            assert shell.poll() is None
            shell.send_signal(signal.SIGTERM)
