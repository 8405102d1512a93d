"""Who plays AWS's machinery while a stage runs: takes what was started through the API, and runs it in the background.

Executions of one pipeline run one after the other; those of several, and deployments, run at once, as on AWS. Whoever
starts one, an act or a person with the AWS command line, gets it played.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.fleet import Fleet
from cfngen.rehearse.pipeline import ActionFailedError, Runner
from cfngen.rehearse.pushes import Started
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import end_busy

_PAUSE_SECONDS = 0.2
_LONGEST_SECONDS = 900.0
_START_SECONDS = 5.0
"""How long a pipeline that others wait for may take to be started."""
_END_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """How an execution of a pipeline ended; `reason` is empty where it succeeded."""

    pipeline: str
    reason: str

    @property
    def is_good(self) -> bool:
        return not self.reason


class Player:
    """Takes executions and deployments from the account; `trouble` is what went wrong with the rehearsal itself."""

    def __init__(self, account: Account, runner: Runner, deployer: Deployer, fleet: Fleet | None = None) -> None:
        self.account, self.runner, self.deployer, self.fleet = account, runner, deployer, fleet
        self.trouble: list[Exception] = []
        self.after: Mapping[str, Collection[str]] = {}
        """Pipelines that run nothing before these others have run once."""
        self.deployments: dict[str, str] = {}
        """The status in which deployments ended, by id."""
        self._outcomes: dict[str, Outcome] = {}
        self._pipelines: dict[str, queue.Queue[str]] = {}
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        runner.is_ending = deployer.is_ending = self._over.is_set
        if fleet:
            fleet.is_ending = self._over.is_set

    @contextmanager
    def playing(self) -> Iterator[None]:
        """Play while the block lasts; at its end whatever still runs is ended."""
        self._take_new()  # from now on the account knows that somebody plays
        self._begin("player", self._take)
        try:
            yield
        finally:
            self._over.set()
            end_busy()
            until = time.monotonic() + _END_SECONDS
            for thread in self._threads:
                thread.join(max(0.0, until - time.monotonic()))

    def outcomes(self, started: Iterable[Started]) -> list[Outcome]:
        """Wait until executions are over; raises what went wrong with the rehearsal itself."""
        wanted = list(started)
        self._wait(lambda: all(each.execution in self._outcomes for each in wanted))
        return [self._outcomes[each.execution] for each in wanted]

    def status(self, deployment: str) -> str:
        """Wait until a deployment is over; returns its status."""
        self._wait(lambda: deployment in self.deployments)
        return self.deployments[deployment]

    def _wait(self, ready: Callable[[], bool]) -> None:
        until = time.monotonic() + _LONGEST_SECONDS
        while not ready():
            if self.trouble:
                raise self.trouble[0]
            if time.monotonic() > until:
                raise RehearsalError(f"what was started is not over after {_LONGEST_SECONDS:.0f} s")
            time.sleep(_PAUSE_SECONDS)
        if self.trouble:
            raise self.trouble[0]

    def _take(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            self._take_new()

    def _take_new(self) -> None:
        for each in self.account.play("codepipeline", "TakeExecutions")["executions"]:
            name = each["pipelineName"]
            if name not in self._pipelines:
                self._pipelines[name] = queue.Queue()
                self._begin(name, partial(self._run, name))
            self._pipelines[name].put(each["pipelineExecutionId"])
        for identity in self.account.play("codedeploy", "TakeDeployments")["deployments"]:
            self._begin(identity, partial(self._deploy, identity))
        for rollout in self.account.play("ecs", "TakeRollouts")["rollouts"] if self.fleet else ():
            self._begin(rollout["id"], partial(self._roll_out, rollout))

    def _run(self, pipeline: str) -> None:
        while not self._over.is_set():
            try:
                identity = self._pipelines[pipeline].get(timeout=_PAUSE_SECONDS)
            except queue.Empty:
                continue
            self._wait_for_others(pipeline)
            try:
                self.runner.run(pipeline, identity)
            except ActionFailedError as failed:
                self._outcomes[identity] = Outcome(pipeline, str(failed))
            else:
                self._outcomes[identity] = Outcome(pipeline, "")

    def _wait_for_others(self, pipeline: str) -> None:
        begin = time.monotonic()

        def is_awaited(other: str) -> bool:
            is_taken = other in self._pipelines or time.monotonic() - begin < _START_SECONDS
            return is_taken and all(each.pipeline != other for each in list(self._outcomes.values()))

        while any(is_awaited(each) for each in self.after.get(pipeline, ())) and not self._over.wait(_PAUSE_SECONDS):
            pass

    def _deploy(self, identity: str) -> None:
        self.deployments[identity] = self.deployer.play(identity).status

    def _roll_out(self, rollout: dict[str, Any]) -> None:
        assert self.fleet is not None  # it took the rollout
        self.fleet.play(rollout)

    def _begin(self, name: str, does: Callable[[], None]) -> None:
        def guarded() -> None:
            try:
                does()
            except Exception as error:  # noqa: BLE001  (told by whoever waits, in the main thread)
                if not self._over.is_set():
                    self.trouble.append(error)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()
