"""The pipeline of one service: source, build, approval, migration, deployment, and what starts it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from awacs import codedeploy as deploy_actions
from awacs.aws import Statement
from troposphere import codepipeline

from cfngen import placeholders
from cfngen.spec import Pipeline, Service
from cfngen.stack import Stack
from cfngen.stacks import migration, promotion, release
from cfngen.stacks.any_pipeline import pipeline_of, source_rights
from cfngen.stacks.build_project import project
from cfngen.stacks.build_values import Borrower, borrowed_values, task_values
from cfngen.stacks.cluster import ClusterOutputs
from cfngen.stacks.common import Common, allow, arn
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.pipeline_actions import (
    DEFINITIONS,
    IMAGE,
    action,
    approval,
    build,
    image_artifact,
    release_action,
    source,
    stage,
)
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.service import ServiceOutputs
from cfngen.stacks.task import Access, registering
from cfngen.values import Value


def service_pipeline_stack(
    stack: Stack,
    common: Common,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    cluster: ClusterOutputs,
    made: ServiceOutputs,
    shared: PipelineOutputs,
    service: Service,
    pipeline: Pipeline,
    files: str,
    access: Access | None = None,
    queues: tuple[QueueOutputs, ...] = (),
    borrowers: tuple[Borrower, ...] = (),
) -> None:
    """A pipeline that a change of the service's own folders starts, and no other change.

    `queues` are those that it may send to, `borrowers` scheduled tasks that run its image, released after it.

    `files` is the folder of the stage's generated files, from the source's root.
    """
    stack.describe(f"Pipeline of {service.name}: build, pipeline, and what starts it")
    name = f"{common.name}-{service.name}"
    values = stack_values(network, database, made, service, access, queues) | borrowed_values(database, borrowers)
    built = project(
        stack, common, foundation, made, service, pipeline, name, f"{files}/{service.name}/buildspec.yml", values
    )
    machine = migration.machine(stack, common, cluster, network, made) if service.migrate else None
    lent = release.machine(stack, common, cluster, network, [each.made for each in borrowers]) if borrowers else None
    outputs = (
        IMAGE,
        DEFINITIONS,
        *(image_artifact(each.name) for each in service.built_containers),
        *promotion.artifacts(pipeline),
    )
    stages = [
        source(common, pipeline, shared, service),
        stage("Build", [build(built, outputs)]),
        *([stage("Approve", [approval(common, foundation, service)])] if pipeline.approval else []),
        *([stage("Migrate", [_migrate(machine)])] if machine else []),
        stage("Deploy", [_deploy(cluster, made, service)]),
        *([stage("Schedule", [release_action("Schedule", lent)])] if lent else []),
        *promotion.stages(common, pipeline, shared, service),
    ]
    rights = [
        *source_rights(common, foundation, pipeline, shared, service, built),
        *_deploy_rights(cluster, made),
        *(migration.rights(machine) if machine else []),
        *(migration.rights(lent) if lent else []),
        *promotion.rights(common, pipeline, shared, service),
    ]
    pipeline_of(
        stack,
        common,
        foundation,
        shared,
        service,
        pipeline,
        files,
        stages,
        rights,
        wildcards="ecs:RegisterTaskDefinition takes no resource",
    )


def stack_values(
    network: NetworkOutputs,
    database: DatabaseOutputs | None,
    made: ServiceOutputs,
    service: Service,
    access: Access | None,
    queues: tuple[QueueOutputs, ...] = (),
) -> dict[str, Value | Any]:
    """What the build fills into the service's files, by placeholder."""
    values = task_values(database, made, service, access, queues)
    values |= {
        placeholders.SUBNETS: network.task_subnets.text,
        placeholders.SECURITY_GROUP: made.security_group,
    }
    values |= {placeholders.hook(event): function for event, function in made.hooks.items()}
    if database and service.migrate:
        values |= {placeholders.DB_HOST: database.host, placeholders.DB_PORT: database.port}
    if database and made.migration_role:
        values |= {
            placeholders.MIGRATION_EXECUTION_ROLE_ARN: made.migration_role,
            placeholders.DB_MASTER_SECRET_ARN: database.master_secret,
            placeholders.DB_READER_SECRET_ARN: database.reader_secret,
            placeholders.DB_WRITER_SECRET_ARN: database.writer_secret,
        }
    return dict(sorted(values.items()))


def _deploy_rights(cluster: ClusterOutputs, made: ServiceOutputs) -> Iterator[Statement]:
    names = {"Application": cluster.deploy_application, "Group": made.deployment_group}
    yield allow(
        [deploy_actions.CreateDeployment, deploy_actions.GetDeployment],
        arn("codedeploy", "deploymentgroup:${Application}/${Group}", **names),
    )
    application = arn("codedeploy", "application:${Application}", Application=cluster.deploy_application)
    yield allow(
        [
            deploy_actions.GetApplication,
            deploy_actions.GetApplicationRevision,
            deploy_actions.RegisterApplicationRevision,
        ],
        application,
    )
    yield allow([deploy_actions.GetDeploymentConfig], arn("codedeploy", "deploymentconfig:*"))
    yield from registering([made.execution_role, made.task_role], "ecs", "ecs-tasks")


def _migrate(machine: Any) -> codepipeline.Actions:
    task = f'{{"taskDefinition": "#{{Build.{migration.TASK_DEFINITION}}}"}}'
    return action(
        "Migrate", "Invoke", "StepFunctions", {"StateMachineArn": machine.ref(), "InputType": "Literal", "Input": task}
    )


def _deploy(cluster: ClusterOutputs, made: ServiceOutputs, service: Service) -> codepipeline.Actions:
    configuration = {
        "ApplicationName": cluster.deploy_application,
        "DeploymentGroupName": made.deployment_group,
        "TaskDefinitionTemplateArtifact": DEFINITIONS,
        "TaskDefinitionTemplatePath": "taskdef.json",
        "AppSpecTemplateArtifact": DEFINITIONS,
        "AppSpecTemplatePath": "appspec.yaml",
        "Image1ArtifactName": IMAGE,
        "Image1ContainerName": placeholders.IMAGE1,
    }
    beside = service.built_containers
    for number, each in enumerate(beside, 2):
        configuration[f"Image{number}ArtifactName"] = image_artifact(each.name)
        configuration[f"Image{number}ContainerName"] = placeholders.image_of(each.name)
    inputs = (DEFINITIONS, IMAGE, *(image_artifact(each.name) for each in beside))
    return action("Deploy", "Deploy", "CodeDeployToECS", configuration, inputs=inputs)
