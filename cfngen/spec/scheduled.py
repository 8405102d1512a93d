"""A scheduled task: one that starts at given times, does its work and ends."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen._frozen import dataclass
from cfngen.describe import Finding
from cfngen.spec.container import restarts
from cfngen.spec.task import Task
from cfngen.times import wrong_schedule, wrong_timezone


@dataclass(frozen=True, kw_only=True)
class ScheduledTask(Task):
    """One task that EventBridge Scheduler starts at each time of its `schedule`, a cron, rate or at expression, in `timezone`.

    `image_of` is the service or worker whose image it runs, by another `command`: it then has that one's variables and
    secrets too, its own win, and each release of that one is one of this task. Without it a pipeline of its own builds
    its image from `source` (``services/<name>`` by default), and `command` may stay empty.
    A start that AWS refuses is tried again `retries` times within `give_up_after_minutes`, then it is a message in the
    task's dead-letter queue and an alarm. A task that started and ended with another code than 0 is told by mail and
    alarm, and is not started again before its next time. `flexible_minutes` lets AWS choose the moment within that time
    after each one that is due.
    Nothing keeps a run from starting while the one before is still at work, and now and then one time starts two: the
    command must bear both.
    Off-hours of the stage stop no schedule: `cfngen generate` notes a task that may find its database stopped.
    The database is reached where the task's own name is among its readers or writers.
    `shared` are further folders whose change releases the task, `build_context` what `docker build` sees (the source folder).
    The container runs as `user` on a read-only root; `writable_paths` are empty folders it may write to:
    one that is not root only where its Dockerfile gives the folder to that user and declares it as VOLUME.
    `egress_ports` are the TCP ports it may call anywhere, 443 among them; its database is reached besides.
    `calls` are the internal services that it calls, each of which it finds in a variable, as ``INVENTORY_URL`` for ``inventory``.
    `containers` run beside it; `depends_on` says which of them it waits for, and for what.
    `health_check` lets ECS ask the container from inside.
    With a `restart_policy` it is started again where it ends, in the same task.
    `open_files` is how many files and connections it may hold open, 65535 if nothing is said.
    `ephemeral_storage_gib` is its disk, up to 200.
    `statements` and `policies` are what it may do with AWS: by themselves nothing.
    """

    schedule: str
    timezone: str = "UTC"
    command: tuple[str, ...] = ()
    image_of: str = ""
    retries: int = 3
    give_up_after_minutes: int = 60
    flexible_minutes: int | None = None

    def checks(self) -> Iterator[Finding]:
        yield from super().checks()
        if fits := wrong_schedule(self.schedule):
            yield "schedule", fits
        if fits := wrong_timezone(self.timezone):
            yield "timezone", fits
        if "" in self.command:
            yield "command", "a command and its arguments, none of them empty"
        yield from self._image()
        if restarts(self.restart_policy):
            yield "restart_policy.ignored_exit_codes", "0 among them, or a run that has done its work is started again"
        if not 0 <= self.retries <= 185:
            yield "retries", "0 to 185"
        if not 1 <= self.give_up_after_minutes <= 1440:
            yield "give_up_after_minutes", "1 to 1440 (a day)"
        if self.flexible_minutes is not None and not 1 <= self.flexible_minutes <= 1440:
            yield "flexible_minutes", "1 to 1440 (a day), or None to start on time"

    def _image(self) -> Iterator[Finding]:
        if not self.image_of:
            return
        if not self.command:
            yield "command", f"what to run, since without one it would be a second {self.image_of!r}"
        for option in ("source", "shared", "build_context", "test_command"):
            if getattr(self, option):
                yield option, f"nothing, since its image is that of {self.image_of!r}"
        if self.built_containers:
            yield "containers", f"none with a source, since the pipeline of {self.image_of!r} builds the image"
