"""What only the stacks know and a build fills into the files of tasks, by placeholder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from troposphere import Region

from cfngen import placeholders
from cfngen._frozen import dataclass
from cfngen.spec import ScheduledTask
from cfngen.spec.task import Task
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.scheduled import ScheduledOutputs
from cfngen.stacks.task import Access, TaskOutputs, all_secrets, secret_arn
from cfngen.values import Value


@dataclass(frozen=True)
class Borrower:
    """A scheduled task that runs another one's image, so that the other one's pipeline releases it."""

    task: ScheduledTask
    made: ScheduledOutputs
    access: Access | None
    queues: tuple[QueueOutputs, ...] = ()

    @property
    def name(self) -> str:
        """That of the task."""
        return self.task.name


def task_values(
    database: DatabaseOutputs | None,
    made: TaskOutputs,
    task: Task,
    access: Access | None,
    queues: Iterable[QueueOutputs] = (),
    queue: QueueOutputs | None = None,
) -> dict[str, Value | Any]:
    """Those of one task; `queue` is its own, `queues` are those that it may send to."""
    values: dict[str, Value | Any] = {
        placeholders.REGION: Region,
        placeholders.LOG_GROUP: made.log_group,
        placeholders.EXECUTION_ROLE_ARN: made.execution_role,
        placeholders.TASK_ROLE_ARN: made.task_role,
    }
    if database and access:
        if access == "reader" and database.reader_host:
            values[placeholders.DB_READER_HOST] = database.reader_host
        else:
            values[placeholders.DB_HOST] = database.host
        values[placeholders.DB_PORT] = database.port
        values[placeholders.DB_SECRET_ARN] = database.reader_secret if access == "reader" else database.writer_secret
    if queue:
        values[placeholders.QUEUE_URL] = queue.url
    values |= {placeholders.queue_url(each.name): each.url for each in queues}
    values |= {placeholders.variable(key): value for key, value in task.environment.items() if isinstance(value, Value)}
    values |= {
        placeholders.variable(key, each.name): value
        for each in task.containers
        for key, value in each.environment.items()
        if isinstance(value, Value)
    }
    values |= {placeholder: secret_arn(secret) for placeholder, secret in all_secrets(task)}
    return dict(sorted(values.items()))


def borrowed_values(database: DatabaseOutputs | None, borrowers: Iterable[Borrower]) -> dict[str, Value | Any]:
    """Those of scheduled tasks that the build of another one fills in too."""
    return {
        placeholders.of_task(placeholder, each.task.name): value
        for each in borrowers
        for placeholder, value in task_values(database, each.made, each.task, each.access, each.queues).items()
    }
