"""A worker: tasks that no balancer asks anything, with a queue or without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.queue import Queue
from cfngen.spec.service import ScheduledScaling
from cfngen.spec.task import Task


@dataclass(frozen=True, kw_only=True)
class WorkerScaling(Description):
    """How many tasks of a worker run: between `minimum` and `maximum`, following each target that is set.

    `messages_per_task` are those that wait for a task or are being worked on by it; it needs a queue. With it, and only
    with it, `minimum` may be 0: the first message then starts a task, which takes some minutes, and the last one that is
    done ends it.
    """

    minimum: int = 1
    maximum: int = 4
    cpu_percent: int | None = 60
    memory_percent: int | None = None
    messages_per_task: int | None = None
    schedule: tuple[ScheduledScaling, ...] = ()

    def checks(self) -> Iterator[Finding]:
        least = 0 if self.messages_per_task else 1
        if not least <= self.minimum <= self.maximum or not 1 <= self.maximum <= 500:
            yield (
                "minimum",
                "1 up to maximum, which may be 500 at most; 0 only with messages_per_task, and a schedule may go to 0",
            )
        for option in ("cpu_percent", "memory_percent"):
            percent = getattr(self, option)
            if percent is not None and not 10 <= percent <= 95:
                yield option, "10 to 95, or None"
        if self.messages_per_task is not None and not 1 <= self.messages_per_task <= 1_000_000:
            yield "messages_per_task", "messages of the queue to one task, 1 to 1000000, or None"
        names = [each.name for each in self.schedule]
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield "schedule", f"two schedules of the name {name!r}"


@dataclass(frozen=True, kw_only=True)
class Worker(Task):
    """One worker: tasks that run all the time and that nobody calls. Its container and those beside it are described as a service's.

    A release replaces its tasks one after the other, under a circuit breaker: where new tasks do not start or do not stay,
    ECS goes back to the version before. While it runs, never fewer than `minimum_healthy_percent` and never more than
    `maximum_percent` of the wanted tasks are there; 0 and 100 end the old task before the new one starts, for work that
    must not be done by two at once.
    `command` runs in place of the image's own, for a worker that is built from a service's folder; each builds its own image.
    `source` is the folder with the Dockerfile (``services/<name>`` by default), `shared` are further folders whose change
    releases the worker, `build_context` what `docker build` sees (the source folder).
    The container runs as `user` on a read-only root; `writable_paths` are empty folders it may write to:
    one that is not root only where its Dockerfile gives the folder to that user and declares it as VOLUME.
    `egress_ports` are the TCP ports it may call anywhere, 443 among them; its database is reached besides.
    `calls` are the internal services that it calls, each of which it finds in a variable, as ``INVENTORY_URL`` for ``inventory``.
    `containers` run beside it in each task; `depends_on` says which of them it waits for, and for what.
    `health_check` lets ECS ask the container from inside; without one a task counts as well as long as it runs.
    With a `restart_policy` it is started again where it ends, in the same task.
    `open_files` is how many files and connections it may hold open, 65535 if nothing is said.
    `ephemeral_storage_gib` is the disk of a task, up to 200.
    `statements` and `policies` are what its tasks may do with AWS, beside consuming its `queue`: by themselves nothing.
    """

    command: tuple[str, ...] = ()
    queue: Queue | None = None
    scaling: WorkerScaling = field(default_factory=WorkerScaling)
    minimum_healthy_percent: int = 100
    maximum_percent: int = 200

    def checks(self) -> Iterator[Finding]:
        yield from super().checks()
        if "" in self.command:
            yield "command", "a command and its arguments, none of them empty"
        if not 0 <= self.minimum_healthy_percent <= 100:
            yield "minimum_healthy_percent", "0 to 100"
        if not 100 <= self.maximum_percent <= 200:
            yield "maximum_percent", "100 to 200"
        if self.minimum_healthy_percent == 100 == self.maximum_percent:
            yield "maximum_percent", "more than 100, or less than that for minimum_healthy_percent; else no task can go"
        if self.scaling.messages_per_task and self.queue is None:
            yield "scaling.messages_per_task", "needs a queue, whose messages are counted"
