"""ECS's own deployments of workers, played: new tasks beside the old ones, and a circuit breaker that goes back (ECS guide, rolling updates).

A deployment is through when as many new tasks as are wanted have run for a while. One that ends before counts as failed and is started
again; after so many the breaker ends the deployment, and goes back where it says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.background import Worker
from cfngen.rehearse.deployed import task_definition
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.story import Story
from cfngen.rehearse.tasks import Task, Tasks

_STEADY_SECONDS = 3.0
"""So long a new task has to run before it counts as one that stays."""
_FEWEST_FAILURES = 3
"""The breaker's threshold is half of the tasks that are wanted, and at least this (ECS guide, circuit breaker)."""
_PAUSE_SECONDS = 0.3


@dataclass
class Crew:
    """A worker as it runs."""

    worker: Worker
    revision: str
    tasks: list[Task] = field(default_factory=list)
    released: int = 0


@dataclass
class Fleet:
    """The workers of a stage, by the ARN of their ECS service. A new task that runs for `steady_seconds` stays."""

    account: Account
    tasks: Tasks
    story: Story
    crews: dict[str, Crew] = field(default_factory=dict)
    steady_seconds: float = _STEADY_SECONDS
    is_ending: Callable[[], bool] = lambda: False

    def birth(self, worker: Worker) -> None:
        """Start the revision that the stack brings."""
        crew = Crew(worker, worker.task_definition)
        self.crews[worker.arn] = crew
        crew.tasks, failed = self._started(crew, worker.task_definition, worker.desired)
        if failed:
            raise RehearsalError(f"{worker.short}: the first revision does not stay")

    def play(self, told: Mapping[str, Any]) -> str:
        """Play a deployment that an update of the service began; returns what became of it."""
        crew, revision = self.crews[told["serviceArn"]], str(told["taskDefinition"])
        configuration, short = told["configuration"], crew.worker.short
        wanted = self._wanted(crew.worker)
        breaker = configuration.get("deploymentCircuitBreaker") or {}
        self.story.tell(short, f"ECS deploys {revision.rpartition('/')[2]}: {wanted} task")
        before, old = crew.revision, crew.tasks
        if int(configuration.get("maximumPercent", 200)) <= 100:
            self._end(old)
            old = []
        new, failures = self._started(crew, revision, wanted)
        if failures and breaker.get("enable"):
            back = before if breaker.get("rollback") else ""
            why = f"(service {crew.worker.name}) deployment failed: tasks failed to start."
            is_current = self._report(told, "FAILED", 0, failed=failures, reason=why, back=back)
            self.story.tell(
                short, f"{failures} tasks did not stay; {'back to the version before' if back else 'nothing runs'}"
            )
            if is_current and back and not old:
                crew.tasks, _ = self._started(crew, before, wanted)
            return "FAILED"
        if not self._report(told, "COMPLETED", len(new), reason="ECS deployment completed."):
            self._end(new)
            return "superseded"
        crew.revision, crew.tasks, crew.released = revision, new, crew.released + 1
        self._end(old)
        self.story.tell(short, f"{len(new)} new task stays, the old ones ended")
        return "COMPLETED"

    def runs(self, crew: Crew) -> bool:
        """Whether each of its tasks runs."""
        return all(self.tasks.runs(each) for each in crew.tasks)

    def _wanted(self, worker: Worker) -> int:
        told = self.account.client("ecs").describe_services(cluster=worker.cluster, services=[worker.name])["services"]
        return int(told[0]["desiredCount"])

    def _started(self, crew: Crew, revision: str, wanted: int) -> tuple[list[Task], int]:
        """Tasks of a revision that stay; where too many did not, none, and how many that were."""
        definition, most, failures = task_definition(self.account, revision), max(_FEWEST_FAILURES, -(-wanted // 2)), 0
        staying: list[Task] = []
        while len(staying) < wanted:
            task = self.tasks.start(crew.worker.short, definition)
            self.story.names[task.address] = f"{crew.worker.short} {revision.rpartition(':')[2]}"
            if self._stays(task):
                if other := self.tasks.check(task, definition):
                    raise RehearsalError(f"{task.name} does not run as its task definition says: {other}")
                staying.append(task)
                continue
            failures += 1
            last = " ".join(self.tasks.log(task).strip().splitlines()[-1:])
            self.story.tell(crew.worker.short, f"{task.name} ended by itself: {last[:200] or 'it says nothing'}")
            self.tasks.stop(task)
            if failures >= most:
                self._end(staying)
                return [], failures
        return staying, 0

    def _stays(self, task: Task) -> bool:
        until = time.monotonic() + self.steady_seconds
        while self.tasks.runs(task):
            if self.is_ending():
                raise RehearsalError("the rehearsal ends")
            if time.monotonic() > until:
                return True
            time.sleep(_PAUSE_SECONDS)
        return False

    def _end(self, tasks: Sequence[Task]) -> None:
        for each in tasks:
            self.tasks.stop(each)

    def _report(self, told: Mapping[str, Any], state: str, running: int, **more: Any) -> bool:
        answer = self.account.play(
            "ecs", "ReportRollout", serviceArn=told["serviceArn"], id=told["id"], state=state, running=running, **more
        )
        return bool(answer["isCurrent"])
