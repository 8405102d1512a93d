"""The act of restart policies, with containers that stand aside."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from cfngen.rehearse import again
from cfngen.rehearse.restarts import Restart, policy_of
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Part, Task

POLICY = {"enabled": True, "restartAttemptPeriod": 60}


class Engine:
    """Kills and starts; `comes_back` is whether the container is then well."""

    def __init__(self, *, comes_back: bool) -> None:
        self.comes_back, self.state = comes_back, {"Running": True, "ExitCode": 0}

    def call(self, *words: str) -> None:
        assert words == ("kill", "web-1")
        self.state = {"Running": False, "ExitCode": 137}

    def start(self) -> None:
        self.state = {"Running": True, "ExitCode": 0}


def stage_of(engine: Engine, policy: dict[str, Any]) -> Any:
    told = {"name": "web", "restartPolicy": policy}
    task = Task("web-1", "10.0.0.2", 80, "web:1", "i", 30, (), [Part("web-1", True, 30, told)])
    restart = Restart(policy, lambda: engine.state, engine.start, 1e9, threading.Event())
    has = restart if policy_of(told) else None
    client = SimpleNamespace(describe_task_definition=lambda **_: {"taskDefinition": {"containerDefinitions": [told]}})
    live = SimpleNamespace(service=SimpleNamespace(short="web"), tasks=[task, task], group="blue")
    return SimpleNamespace(
        account=SimpleNamespace(client=lambda _: client),
        deployer=SimpleNamespace(live={"web": live}),
        fleet=SimpleNamespace(crews={}),
        tasks=SimpleNamespace(restarts=lambda _: has, runs=lambda _: restart.runs()),
        proxy=SimpleNamespace(health=lambda *_: SimpleNamespace(is_healthy=engine.comes_back)),
        engine=engine,
        story=Story(lambda _: None),
    )


@pytest.mark.parametrize("comes_back", [True, False])
def test_one_container_of_a_policy_is_killed_and_has_to_come_back(
    monkeypatch: pytest.MonkeyPatch, *, comes_back: bool
) -> None:
    monkeypatch.setattr(again, "_SECONDS", 0.2)
    monkeypatch.setattr(again, "_STEADY_SECONDS", 0)
    stage = stage_of(Engine(comes_back=comes_back), POLICY)
    assert again.is_there(stage)
    again.restarts(stage)
    assert [(each.what, each.passed) for each in stage.story.checks] == [
        ("web of web is killed, and started again in its task", comes_back)
    ]


def test_a_policy_that_ignores_a_kill_is_told_as_not_played() -> None:
    stage = stage_of(Engine(comes_back=True), POLICY | {"ignoredExitCodes": [137]})
    again.restarts(stage)
    assert stage.story.unplayed == [
        "the restart of web of web: its policy ignores 137, with which one that is killed ends"
    ]


def test_without_a_policy_nobody_is_killed() -> None:
    assert not again.is_there(stage_of(Engine(comes_back=True), POLICY | {"enabled": False}))
