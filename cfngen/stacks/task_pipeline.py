"""The pipeline of a worker, or of a scheduled task with an image of its own: source, build, approval, release."""

from __future__ import annotations

from cfngen.spec import Pipeline, ScheduledTask, Worker
from cfngen.stack import Stack
from cfngen.stacks import migration, promotion, release
from cfngen.stacks.any_pipeline import pipeline_of, source_rights
from cfngen.stacks.build_project import project
from cfngen.stacks.build_values import Borrower, borrowed_values, task_values
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.pipeline_actions import DEFINITIONS, approval, build, release_action, source, stage
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.scheduled import ScheduledOutputs
from cfngen.stacks.task import Access
from cfngen.stacks.worker import WorkerOutputs


def task_pipeline_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    made: WorkerOutputs | ScheduledOutputs,
    shared: PipelineOutputs,
    task: Worker | ScheduledTask,
    pipeline: Pipeline,
    files: str,
    access: Access | None = None,
    queues: tuple[QueueOutputs, ...] = (),
    borrowers: tuple[Borrower, ...] = (),
) -> None:
    """A pipeline that a change of the task's own folders starts, and no other change.

    `files` is the folder of the stage's generated files, `queues` are those that it may send to, `borrowers` are scheduled
    tasks that run its image and are released after it.
    """
    stack.describe(f"Pipeline of {task.name}: build, release, and what starts it")
    name = f"{common.name}-{task.name}"
    queue = made.queue if isinstance(made, WorkerOutputs) else None
    values = task_values(database, made, task, access, queues, queue) | borrowed_values(database, borrowers)
    buildspec = f"{files}/{task.name}/buildspec.yml"
    built = project(stack, common, foundation, made, task, pipeline, name, buildspec, dict(sorted(values.items())))
    worker = (task, made) if isinstance(task, Worker) and isinstance(made, WorkerOutputs) else None
    scheduled = [*([] if worker else [made]), *(each.made for each in borrowers)]
    machine = release.machine(stack, common, cluster, network, scheduled, worker)
    stages = [
        source(common, pipeline, shared, task),
        stage("Build", [build(built, (DEFINITIONS, *promotion.artifacts(pipeline)))]),
        *([stage("Approve", [approval(common, foundation, task)])] if pipeline.approval else []),
        stage("Deploy", [release_action("Deploy", machine)]),
        *promotion.stages(common, pipeline, shared, task),
    ]
    rights = [
        *source_rights(common, foundation, pipeline, shared, task, built),
        *migration.rights(machine),
        *promotion.rights(common, pipeline, shared, task),
    ]
    pipeline_of(stack, common, foundation, shared, task, pipeline, files, stages, rights)
