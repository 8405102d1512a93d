"""A whole stage: the tree of its stacks, from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cfngen.cells import FIRST, folder
from cfngen.plan import Plan
from cfngen.sources import S3, CodeCommit, Connection, Promotion, PromotionTarget
from cfngen.spec import App, Pipeline
from cfngen.stack import FOR_STAGES, Stack
from cfngen.stacks.background import Background, Ground, pipeline_stacks, queue_stacks, task_stacks
from cfngen.stacks.cell import ARN, Shared, cell_stack, certificate, pipelines, service_stacks, show, web_acl
from cfngen.stacks.cluster import ClusterOutputs, bare_cluster_stack, cluster_stack
from cfngen.stacks.common import Common, tag
from cfngen.stacks.database import database_stack, existing_database
from cfngen.stacks.existing import existing_network, show_network
from cfngen.stacks.foundation import FoundationOutputs, foundation_stack
from cfngen.stacks.internal import InternalOutputs, internal_stack
from cfngen.stacks.network import NetworkOutputs, network_stack
from cfngen.stacks.pipeline import PipelineOutputs, pipeline_stack
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.service import ServiceOutputs
from cfngen.stacks.watch import watch_stack
from cfngen.values import Arn, BucketName, CertificateArn, HostedZoneId, KeyArn, PolicyArn, Text


def application_stack(stack: Stack, plan: Plan, network: NetworkOutputs | None = None) -> Shared:
    """Nest every stack of a stage's first root. `network` is one that exists; without it the stage makes its own.

    Returns what further cells need of it; see `cell_roots`.
    """
    app = plan.app
    stack.describe(f"{app.name} {app.stage}: the root; deploy this one, it brings the others")
    boundary = (
        PolicyArn.parameter(
            "PermissionsBoundaryArn", Description="Policy that bounds every role", AllowedPattern=ARN % "iam"
        )
        if app.permissions_boundary
        else None
    )
    common = Common.of(app, boundary, _promotion_account(app))
    source = app.pipeline.source if app.pipeline else None
    promoting = source.stage if isinstance(source, Promotion) and source.other_account else None
    foundation = stack.nest("foundation", foundation_stack, common, app.alarm_email, app.monthly_budget_usd, promoting)
    if app.network.existing:
        network = network or existing_network(with_database=bool(app.database and not app.database.existing))
    zone, testers = _balancer_parameters(app, network)
    in_own_network = network is None
    network = network or stack.nest(
        "network",
        network_stack,
        app.network,
        foundation.logs,
        shows_addresses=app.has_smoke_tests,
        endpoints=app.endpoints,
        has_public_births=bool(plan.public_births),
    )
    if app.cloud9:
        from cfngen.stacks.ide import ide_stack

        stack.nest("ide", ide_stack, common, network)
    database = (
        stack.nest(
            "database",
            database_stack,
            common,
            foundation,
            network,
            app.database,
            plan.engine_version,
            app.off_hours,
            in_own_network=in_own_network,
        )
        if app.database and not app.database.existing
        else existing_database(app.database)
        if app.database
        else None
    )
    cluster, internal = _balancers(stack, plan, foundation, network, zone, testers)
    web_acl(stack, app, common, foundation, cluster)
    ground = Ground(common, foundation, network, database, cluster, internal)
    queues = queue_stacks(stack, app, common, foundation)
    made = service_stacks(stack, plan, FIRST, app.balancer, ground, queues)
    background = task_stacks(stack, plan, ground, queues, made)
    shared = _pipelines(stack, plan, ground, made, background, queues)
    watch = stack.nest(
        "watch",
        watch_stack,
        common,
        foundation,
        database,
        cluster,
        tuple(made.values()),
        app.off_hours,
        tuple(background.workers.values()),
        tuple(background.scheduled.values()),
        internal,
        has_public_balancer=plan.has_public_balancer,
    )
    if plan.has_public_balancer:
        _show_addresses(stack, app, cluster)
    if app.network.shared:
        show_network(stack, network)
    _show(stack, app, foundation, shared)
    stack.output("Dashboard", watch.dashboard, "The CloudWatch dashboard")
    tag(stack, {"Application": app.name, "Stage": app.stage, **app.tags})
    return Shared(common, foundation, network, database, internal, queues, shared, zone, testers)


def cell_roots(root: Stack, plan: Plan, shared: Shared) -> Iterator[tuple[int, Stack]]:
    """The root of each further cell, made when it is asked for and gone when the next one is: all of them at once would
    need much memory.

    `root` is the first, and `shared` what `application_stack` returned for it.
    """
    for cell in plan.further_cells:
        stack = Stack(root.name, folder(cell))
        cell_stack(stack, plan, cell, root.hand_over(shared, stack))
        yield cell, stack
        stack.let_go()


def _balancer_parameters(app: App, network: NetworkOutputs | None) -> tuple[HostedZoneId | None, Text | None]:
    zone = HostedZoneId.parameter("HostedZoneId", Description=f"Route 53 zone of {app.balancer.domain}")
    # Without the parameter only the network's own addresses, and from inside nobody comes by them: the balancer's
    # name leads to its public side, so this is nobody until the deployer says who.
    default = {} if network else {"Default": app.network.cidr}
    testers = Text.parameter(
        "TestCidr",
        Description="Addresses that may see the next version on the test port, such as your own: 203.0.113.7/32",
        AllowedPattern=r"[\d.]+/\d+",
        **default,
    )
    return zone if app.balancer.domain else None, None if app.balancer.test_addresses else testers


def _balancers(
    stack: Stack,
    plan: Plan,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    zone: HostedZoneId | None,
    testers: Text | None,
) -> tuple[ClusterOutputs, InternalOutputs | None]:
    """The cluster with the balancer of users, and the internal one; or the cluster with the internal one alone."""
    if plan.has_public_balancer:
        balancer = plan.app.balancer
        asked, names = certificate(balancer), plan.names[FIRST]
        cluster = stack.nest(
            "cluster", cluster_stack, foundation, network, balancer, asked, zone, testers, names, plan.domain
        )
        return cluster, _internal(stack, plan.app, foundation, network)
    bare = stack.nest("cluster", bare_cluster_stack)
    internal = _internal(stack, plan.app, foundation, network)
    if internal is None:
        raise ValueError("a stage has services, and each of them a balancer")
    return internal.behind(bare), internal


def _internal(stack: Stack, app: App, foundation: FoundationOutputs, network: NetworkOutputs) -> InternalOutputs | None:
    if not app.has_internal_services:
        return None
    certificate = CertificateArn.parameter(
        "InternalCertificateArn",
        Description=f"ACM certificate for *.{app.internal_domain}, in this region",
        AllowedPattern=ARN % "acm",
    )
    return stack.nest(
        "internal",
        internal_stack,
        foundation,
        network,
        app.balancer,
        app.internal_balancer,
        app.internal_domain,
        certificate if app.internal_balancer.https else None,
    )


def _pipelines(
    stack: Stack,
    plan: Plan,
    ground: Ground,
    made: Mapping[str, ServiceOutputs],
    background: Background,
    queues: Mapping[str, QueueOutputs],
) -> PipelineOutputs | None:
    pipeline = plan.app.pipeline
    if pipeline is None:
        return None
    repository = connection = bucket = None
    if isinstance(pipeline.source, Connection):
        connection = Arn.parameter(
            "SourceConnectionArn",
            Description="CodeConnections connection to the source's provider",
            AllowedPattern=ARN % "code(star-)?connections",
        )
    elif isinstance(pipeline.source, S3):
        bucket = BucketName.parameter(
            "SourceBucketName",
            Description="Bucket with the source: it keeps versions and tells EventBridge of its objects",
            AllowedPattern=r"[a-z0-9.-]{3,63}",
        )
    elif isinstance(pipeline.source, CodeCommit) and not pipeline.source.create:
        repository = Text.parameter(
            "SourceRepositoryName", Description="CodeCommit repository with the source", AllowedPattern=r"[\w.-]{1,100}"
        )
    shared = stack.nest(
        "pipeline",
        pipeline_stack,
        ground.common,
        ground.foundation,
        pipeline,
        repository,
        connection,
        bucket,
        _promotion(pipeline),
    )
    pipelines(stack, plan, FIRST, pipeline, ground, made, background, queues, shared)
    pipeline_stacks(stack, plan.app, ground, background, queues, shared)
    return shared


def _promotion_account(app: App) -> Text | None:
    sides = (app.pipeline.source, app.pipeline.promotes_to) if app.pipeline else ()
    other = next((each for each in sides if isinstance(each, Promotion | PromotionTarget) and each.other_account), None)
    if other is None:
        return None
    told = f"Account of the stage {other.stage}, which promotes to this one or is promoted to"
    return Text.parameter("PromotionAccountId", Description=told, AllowedPattern=r"\d{12}")


def _promotion(pipeline: Pipeline) -> tuple[BucketName, KeyArn] | None:
    if pipeline.promotes_to is None:
        return None
    told = f"output of that name of the stage {pipeline.promotes_to.stage}, which this one promotes to"
    bucket = BucketName.parameter(
        "PromotionBucketName", Description=f"Bucket: {told}", AllowedPattern=r"[a-z0-9.-]{3,63}"
    )
    key = KeyArn.parameter("PromotionKeyArn", Description=f"The bucket's key: {told}", AllowedPattern=ARN % "kms")
    return bucket, key


def _show_addresses(stack: Stack, app: App, cluster: ClusterOutputs) -> None:
    # No certificate is for a balancer's own name.
    by_name = "; a DNS name of the certificate must point at this address, and users come by that name"
    show(stack, app.balancer, cluster, by_name if app.balancer.https else "")


def _show(stack: Stack, app: App, foundation: FoundationOutputs, shared: PipelineOutputs | None) -> None:
    stack.output("AlertTopic", foundation.alerts, "Where alarms and notices go; subscribe to it")
    if shared and shared.clone_url:
        stack.output("CloneUrl", shared.clone_url, "The source's repository")
    source = app.pipeline.source if app.pipeline else None
    if shared and shared.bucket and isinstance(source, S3) and source.create:
        stack.output("SourceBucketName", shared.bucket, "Where a service's source goes, as a zip file by its name")
    if shared and shared.bucket and shared.key and isinstance(source, Promotion):
        stack.output("PromotionBucketName", shared.bucket, FOR_STAGES)
        stack.output("PromotionKeyArn", shared.key, FOR_STAGES)
    if shared and shared.repository and shared.clone_url:
        stack.output("SourceRepositoryName", shared.repository, FOR_STAGES)
