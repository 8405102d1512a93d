"""Tasks of several containers: their order, what they wait for, health checks, and how they end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse import definition, health, restarts, tasks
from cfngen.rehearse.engine import card
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.health import Watch
from cfngen.rehearse.room import room, wait


def container(name: str, *awaited: tuple[str, str], **more: Any) -> dict[str, Any]:
    waits = [{"containerName": on, "condition": condition} for on, condition in awaited]
    return {"name": name, "image": f"registry/{name}@sha256:1", "dependsOn": waits, **more}


def task(*containers: dict[str, Any]) -> dict[str, Any]:
    return {
        "family": "web",
        "taskDefinitionArn": "web:1",
        "cpu": "256",
        "memory": "512",
        "containerDefinitions": containers,
    }


INIT = container("init", essential=False)
SIDE = container("side", stopTimeout=7)
WEB = container("web", ("init", "SUCCESS"), ("side", "START"), portMappings=[{"containerPort": 8080}])


def test_containers_start_after_those_that_they_wait_for() -> None:
    assert [each["name"] for each in definition.containers(task(WEB, INIT, SIDE))] == ["init", "side", "web"]
    assert definition.main(task(INIT, SIDE, WEB)) is WEB
    with pytest.raises(RehearsalError, match="web: web wait for what never starts"):
        definition.containers(task(WEB | {"dependsOn": [{"containerName": "none", "condition": "START"}]}))


def test_open_files_are_at_most_those_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (100, 5000))
    told = {"ulimits": [{"name": "nofile", "softLimit": 4096, "hardLimit": 65535}]}
    assert definition.ulimits(told) == [("nofile", 4096, 5000), ("nproc", 8192, 8192)]
    assert definition.ulimits({}) == []


class Engine:
    """An engine in which containers run until they are told otherwise; `ends` are those that end by themselves, with their status."""

    def __init__(self, **ends: int) -> None:
        self.ends = ends
        self.states: dict[str, dict[str, Any]] = {}
        self.begun: list[str] = []
        self.told: list[tuple[str, ...]] = []
        self.well = True
        self.then: list[int] = []

    def call(self, *words: str, **_: Any) -> str:
        self.told.append(words)
        match words[0]:
            case "run":
                name = words[words.index("--name") + 1]
                self.begun.append(name)
                status = self.ends.get(name.rpartition("-")[2])
                self.states[name] = {"Running": status is None, "ExitCode": status or 0}
            case "start":
                self.states[words[1]] = {"Running": True, "ExitCode": 0}
            case "stop" | "kill":
                self.states[words[-1]] = {"Running": False, "ExitCode": 143 if words[0] == "stop" else 137}
            case "wait":
                name, status = words[-1], self.states[words[-1]]["ExitCode"]
                self.states[name] = {"Running": False, "ExitCode": self.then.pop(0) if self.then else status}
                return str(self.states[name]["ExitCode"])
            case "exec":
                if not self.well:
                    raise RehearsalError("exit status 1")
        return ""

    def at(self, address: str) -> list[str]:
        return ["--ip", address, "--mac-address", card(address)]

    def state(self, name: str) -> dict[str, Any]:
        return self.states[name]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_SHORTEST_SECONDS", 0.01)


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[tasks.Tasks, Engine]]:
    holder = tmp_path / "catatonit"
    holder.touch()
    monkeypatch.setattr(tasks, "where", lambda _: str(holder))
    engine = Engine(init=0)
    with room(tmp_path / "logs", print) as here:
        yield tasks.Tasks(here, engine, None, "n", "10.91.16.0/24", tmp_path, speed=1000), engine  # type: ignore[arg-type]


def test_a_task_of_several_containers_shares_the_network_of_one_that_does_nothing(
    played: tuple[tasks.Tasks, Engine],
) -> None:
    them, engine = played
    made = them.start("web", task(WEB, INIT, SIDE))
    assert engine.begun == ["web-1", "web-1-init", "web-1-side", "web-1-web"]
    assert all(
        "--network=container:web-1" in words for words in engine.told if words[0] == "run" and "web-1" not in words
    )
    holder = next(words for words in engine.told if words[0] == "run" and "web-1" in words)
    assert holder[holder.index("--mac-address") + 1] == "02:42:0a:5b:10:02"
    assert (made.port, made.image, them.runs(made)) == (8080, "registry/web@sha256:1", True)
    them.stop(made)
    assert them.stopped == {"web-1-web": True, "web-1-side": True}
    assert ("stop", "-t", "7", "web-1-side") in engine.told
    removed = [words[-1] for words in engine.told if words[0] == "rm"]
    assert removed == ["web-1-web", "web-1-side", "web-1-init", "web-1"]


def test_a_task_whose_init_container_fails_does_not_run(played: tuple[tasks.Tasks, Engine]) -> None:
    them, engine = played
    engine.ends = {"init": 3}
    made = them.start("web", task(WEB, INIT, SIDE))
    assert "web-1-web" not in engine.begun
    assert not them.runs(made)
    assert not any(engine.states[name]["Running"] for name in made.containers)


def test_a_task_ends_with_any_essential_container(played: tuple[tasks.Tasks, Engine]) -> None:
    them, engine = played
    made = them.start("web", task(WEB, INIT, SIDE))
    engine.states["web-1-side"] = {"Running": False, "ExitCode": 1}
    assert not them.runs(made)


AGAIN = {"restartPolicy": {"enabled": True, "ignoredExitCodes": [0, 3], "restartAttemptPeriod": 60}}


def test_a_container_with_a_restart_policy_is_started_again_in_its_task(
    played: tuple[tasks.Tasks, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    them, engine = played
    monkeypatch.setattr(restarts, "_LOOK_SECONDS", 60)
    made = them.start("web", task(container("web", ("side", "START")), SIDE | AGAIN))
    (side,) = (each for each in (them.restarts(name) for name in made.containers) if each)
    side.period = 0.0
    engine.states["web-1-side"] = {"Running": False, "ExitCode": 1}
    assert them.runs(made)
    assert (side.count, engine.states["web-1-side"]["Running"]) == (1, True)
    side.period = 60.0  # it ran for less
    assert not side.may
    engine.states["web-1-side"] = {"Running": False, "ExitCode": 1}
    assert not them.runs(made)
    assert (side.count, engine.told.count(("start", "web-1-side"))) == (1, 1)


@pytest.mark.parametrize("status", [0, 3])
def test_an_exit_code_that_its_policy_ignores_ends_a_container(
    played: tuple[tasks.Tasks, Engine], monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    them, engine = played
    monkeypatch.setattr(restarts, "_LOOK_SECONDS", 60)
    made = them.start("web", task(container("web", **AGAIN)))
    engine.states["web-1"] = {"Running": False, "ExitCode": status}
    assert not them.runs(made)
    assert ("start", "web-1") not in engine.told


def test_a_container_of_a_task_that_was_stopped_is_not_started_again(played: tuple[tasks.Tasks, Engine]) -> None:
    them, engine = played
    made = them.start("web", task(container("web", **AGAIN)))
    side = them.restarts("web-1")
    assert side
    side.period = 0.0
    them.stop(made)
    assert not side.runs()
    assert ("start", "web-1") not in engine.told


def test_a_container_that_runs_on_its_own_is_looked_after(
    played: tuple[tasks.Tasks, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    them, engine = played
    monkeypatch.setattr(restarts, "_LOOK_SECONDS", 0.01)
    made = them.start("web", task(container("web", **AGAIN)))
    side = them.restarts("web-1")
    assert side
    side.period = 0.0
    engine.states["web-1"] = {"Running": False, "ExitCode": 1}
    wait(lambda: ("start", "web-1") in engine.told, "the restart", 5)
    them.stop(made)


def test_a_task_that_is_run_to_its_end_ends_when_its_policy_lets_it(
    played: tuple[tasks.Tasks, Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    them, engine = played
    monkeypatch.setattr(restarts, "_PERIOD_SECONDS", 0)
    engine.then = [1, 0]
    policy = {"restartPolicy": {"enabled": True, "ignoredExitCodes": [0]}}
    assert them.run("sweep", task(container("web", **policy)))[0] == 0
    assert engine.told.count(("start", "sweep-1")) == 1


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("is_well", [True, False])
def test_a_task_is_started_when_its_health_checks_know(played: tuple[tasks.Tasks, Engine], *, is_well: bool) -> None:
    them, engine = played
    engine.well = is_well
    check = {"command": ["CMD", "curl", "-f", "localhost"], "retries": 2}
    made = them.start("web", task(container("web", ("side", "HEALTHY")), SIDE | {"healthCheck": check}))
    assert ("web-1-web" in engine.begun) is is_well
    assert them.runs(made) is is_well
    assert ("exec", "web-1-side", "curl", "-f", "localhost") in engine.told
    them.stop(made)


@pytest.mark.usefixtures("quick")
def test_failures_of_the_first_time_do_not_count() -> None:
    answers = iter([False] * 5 + [True] + [False] * 100)
    over = threading.Event()
    asked: list[list[str]] = []

    def ask(command: list[str], _: float) -> bool:
        asked.append(command)
        return next(answers)

    told = {"command": ["CMD-SHELL", "true || false"], "retries": 2, "startPeriod": 300, "interval": 5}
    watch = Watch(told, ask, 1000, over)
    assert watch.wait() == "HEALTHY"
    assert asked[0] == ["/bin/sh", "-c", "true || false"]
    while watch.status == "HEALTHY":
        pass
    assert watch.status == "UNHEALTHY"
    assert len(asked) >= 8
    over.set()
