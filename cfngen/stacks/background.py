"""What no balancer asks anything, in the tree of a stage: queues, workers, scheduled tasks, and the pipelines of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from cfngen._frozen import dataclass
from cfngen.cells import FIRST
from cfngen.plan import Plan
from cfngen.spec import App, ScheduledTask, Worker
from cfngen.spec.task import Task
from cfngen.stack import Stack
from cfngen.stacks.build_values import Borrower
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.queue import QueueOutputs, queue_stack
from cfngen.stacks.scheduled import ScheduledOutputs, scheduled_stack
from cfngen.stacks.service import ServiceOutputs
from cfngen.stacks.task import Access
from cfngen.stacks.task_pipeline import task_pipeline_stack
from cfngen.stacks.worker import WorkerOutputs, worker_stack


def access_of(app: App, task: Task) -> Access | None:
    """How a service, a worker or a scheduled task opens the database."""
    return app.database.access.get(task.name) if app.database else None


@dataclass(frozen=True)
class Ground:
    """The stacks that all tasks of a stage stand on."""

    common: Common
    foundation: FoundationOutputs
    network: NetworkOutputs
    database: DatabaseOutputs | None
    cluster: ClusterOutputs
    internal: InternalOutputs | None = None

    def for_callers(self, task: Task) -> InternalOutputs | None:
        """The internal balancer, for a task that calls services behind it."""
        return self.internal if task.calls else None


@dataclass(frozen=True)
class Background:
    """What was made, by name."""

    workers: Mapping[str, WorkerOutputs] = field(default_factory=dict)
    scheduled: Mapping[str, ScheduledOutputs] = field(default_factory=dict)


def queue_stacks(stack: Stack, app: App, common: Common, foundation: FoundationOutputs) -> dict[str, QueueOutputs]:
    """The queues of workers, by the worker's name."""
    return {
        worker.name: stack.nest(f"queue-{worker.name}", queue_stack, common, foundation, worker.name, worker.queue)
        for worker in sorted(app.workers, key=lambda each: each.name)
        if worker.queue
    }


def queues_for(app: App, made: Mapping[str, QueueOutputs], task: Task) -> tuple[QueueOutputs, ...]:
    """The queues that a task may send to."""
    return tuple(made[worker.name] for worker in app.queues_for(task.name))


def task_stacks(
    stack: Stack,
    plan: Plan,
    ground: Ground,
    queues: Mapping[str, QueueOutputs],
    services: Mapping[str, ServiceOutputs],
    cell: int = FIRST,
) -> Background:
    """The workers, then the scheduled tasks, some of which run the image of a service or worker.

    Workers are in the first cell, and a scheduled task is where the service is whose image it runs.
    """
    app = plan.app
    workers = {
        worker.name: stack.nest(
            f"worker-{worker.name}",
            worker_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            worker,
            plan.bootstrap_images[worker.name],
            queues.get(worker.name),
            queues_for(app, queues, worker),
            access_of(app, worker),
            app.off_hours,
            ground.for_callers(worker),
            is_public=worker.name in plan.public_births,
        )
        for worker in sorted(app.workers if cell == FIRST else (), key=lambda each: each.name)
    }
    scheduled = {
        task.name: stack.nest(
            f"scheduled-{task.name}",
            scheduled_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            app.whole(task),
            plan.bootstrap_images[task.name],
            {**services, **workers}.get(task.image_of),
            queues_for(app, queues, task),
            access_of(app, task),
            ground.for_callers(task),
        )
        for task in sorted(app.scheduled_tasks, key=lambda each: each.name)
        if plan.cells[task.name] == cell
    }
    return Background(workers, scheduled)


def borrowers(app: App, made: Background, queues: Mapping[str, QueueOutputs], owner: str) -> tuple[Borrower, ...]:
    """The scheduled tasks that the pipeline of a service or worker releases too."""
    return tuple(
        Borrower(app.whole(each), made.scheduled[each.name], access_of(app, each), queues_for(app, queues, each))
        for each in app.borrowers(owner)
    )


def pipeline_stacks(
    stack: Stack,
    app: App,
    ground: Ground,
    made: Background,
    queues: Mapping[str, QueueOutputs],
    shared: PipelineOutputs,
) -> None:
    """The pipelines of workers, and of scheduled tasks with an image of their own."""
    if app.pipeline is None:
        return
    own: list[Worker | ScheduledTask] = [*app.workers, *(each for each in app.scheduled_tasks if not each.image_of)]
    every: dict[str, WorkerOutputs | ScheduledOutputs] = {**made.workers, **made.scheduled}
    for task in sorted(own, key=lambda each: each.name):
        stack.nest(
            f"pipeline-{task.name}",
            task_pipeline_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            every[task.name],
            shared,
            task,
            app.pipeline,
            app.files,
            access_of(app, task),
            queues_for(app, queues, task),
            borrowers(app, made, queues, task.name),
        )
