"""Each container engine for real: what a task definition says is so in its containers, and nothing stays when it ends.

Run by `make test-integration` as root; it needs podman and Docker's daemon, and no image of anybody's.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse import bridges, definition, orphans, processes
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.engine import Engine, card
from cfngen.rehearse.engines import ENGINES
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room, room, wait

IMAGE = "cfngen-probe:1"
CONTAINER: dict[str, Any] = {
    "name": "web", "image": IMAGE, "user": "1000:1000", "readonlyRootFilesystem": True, "stopTimeout": 7,
    "entryPoint": ["/catatonit"], "command": ["-P"], "ulimits": [{"name": "nofile", "softLimit": 512, "hardLimit": 1024}],
    "linuxParameters": {"initProcessEnabled": False, "capabilities": {"drop": ["ALL"]}},
}  # fmt: skip
DEFINITION = {"family": "web", "cpu": "256", "memory": "128", "containerDefinitions": [CONTAINER]}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with room(tmp_path / "logs", print, is_large=True) as here:
        yield opened(request.param, here)
    assert left_of(here.folder) == []


def opened(name: str, here: Room) -> Engine:
    """An engine with an image in which a program waits for its end."""
    made = ENGINES[name](here, {"registry.example": "127.64.0.1"}, Authority(here.path("authority")).file)
    made.open()
    made.log_in("registry.example", "QVdTOnRva2Vu")
    image = here.folder / "probe.tar"
    with tarfile.open(image, "w") as packed:
        packed.add(Path(where("catatonit")).resolve(), "catatonit")
    made.call("import", str(image), IMAGE)
    return made


def left_of(folder: Path) -> list[str]:
    """What the machine still has of a rehearsal's folder."""
    told = [f"process {pid}" for pid in processes.of(folder)]
    told += [line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if folder.name in line]
    told += [
        each
        for kind in ("builds", "tasks")
        if Path(f"/sys/class/net/{(each := bridges.name_of(folder, kind))}").exists()
    ]
    told += [f"control group {each}" for each in Path("/sys/fs/cgroup").glob(f"*/{folder.name}")]
    for table in ("filter", "nat"):
        rules = subprocess.run([where("iptables-save"), "-t", table], capture_output=True, text=True, check=True)
        told += [line for line in rules.stdout.splitlines() if folder.name in line]
    return told + ([str(folder)] if folder.exists() else [])


def test_a_container_is_what_its_task_definition_says(engine: Engine) -> None:
    subnet = engine.network("tasks")
    address = f"{subnet.rpartition('.')[0]}.20"
    words = ["--name", "web-1", "--network", "tasks", *engine.at(address), *definition.said(DEFINITION, CONTAINER)]
    engine.call("run", "--detach", "--no-healthcheck", *words)
    found = engine.inspect("web-1")
    assert not definition.differs(found, DEFINITION, CONTAINER)
    status = Path(f"/proc/{found['State']['Pid']}/status").read_text(encoding="utf-8")
    limits = Path(f"/proc/{found['State']['Pid']}/limits").read_text(encoding="utf-8")
    assert "Uid:\t1000\t" in status
    assert "CapBnd:\t0000000000000000" in status
    assert next(line for line in limits.splitlines() if "open files" in line).split()[3:5] == ["512", "1024"]
    other = DEFINITION | {"memory": "64"}
    assert definition.differs(found, other, CONTAINER).startswith("memory in bytes")
    assert engine.state("web-1")["Running"]
    with pytest.raises(RehearsalError, match=r"no such container|No such container"):
        engine.state("nobody")
    engine.call("stop", "-t", "7", "web-1")
    state = engine.state("web-1")
    assert engine.inspect("web-1")["State"]["ExitCode"] == state["ExitCode"]
    assert (state["Running"], state["ExitCode"] in (0, 143)) == (False, True)
    engine.call("start", "web-1")
    cards = [each["NetworkSettings"]["Networks"]["tasks"]["MacAddress"] for each in (found, engine.inspect("web-1"))]
    assert cards == [card(address), card(address)]
    engine.call("stop", "-t", "7", "web-1")
    engine.call("run", "--detach", "--name", "left", "--entrypoint", "/catatonit", IMAGE, "-P")


@pytest.mark.parametrize(("name", "is_alone"), [("docker", False), ("docker", True), ("podman", False)])
def test_what_a_killed_rehearsal_left_of_its_engine_goes_with_the_next_one(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_alone: bool
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with subprocess.Popen(
        [sys.executable, __file__, name, str(tmp_path / "logs")], stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout
        folder, service = killed.stdout.readline().split()
        if is_alone:  # nobody is left who could be asked for the containers
            os.kill(int(service), signal.SIGKILL)
        killed.kill()
    assert left_of(Path(folder))
    said: list[str] = []
    orphans.end(said.append)
    wait(lambda: not left_of(Path(folder)), ", ".join(left_of(Path(folder))), 5)
    assert [folder in line for line in said] == [True]


def stay(name: str, logs: Path) -> None:
    """Be a rehearsal with a task that runs, until somebody ends it."""
    with room(logs, print) as here:
        made = opened(name, here)
        made.network("tasks")
        made.call("run", "--detach", "--name", "left", "--network", "tasks", "--entrypoint", "/catatonit", IMAGE, "-P")
        print(here.folder, made.pid, flush=True)  # noqa: T201  (to the test)
        time.sleep(600)


if __name__ == "__main__":
    stay(sys.argv[1], Path(sys.argv[2]))
