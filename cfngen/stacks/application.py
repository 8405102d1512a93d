"""A whole stage: the tree of its stacks, from left to right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from troposphere import Sub
from troposphere.cloudformation import Stack as NestedStack

from cfngen.plan import Plan
from cfngen.sources import S3, Connection
from cfngen.spec import App, Service
from cfngen.stack import FOR_STAGES, Stack, title
from cfngen.stacks.background import (
    Background,
    Ground,
    access_of,
    borrowers,
    pipeline_stacks,
    queue_stacks,
    queues_for,
    task_stacks,
)
from cfngen.stacks.cluster import ClusterOutputs, bare_cluster_stack, cluster_stack
from cfngen.stacks.common import Common, tag
from cfngen.stacks.database import database_stack, existing_database
from cfngen.stacks.existing import existing_network, show_network
from cfngen.stacks.foundation import FoundationOutputs, foundation_stack
from cfngen.stacks.ide import ide_stack
from cfngen.stacks.internal import InternalOutputs, internal_stack
from cfngen.stacks.network import NetworkOutputs, network_stack
from cfngen.stacks.pipeline import PipelineOutputs, pipeline_stack
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.redirect import redirect_stack
from cfngen.stacks.service import ServiceOutputs, service_stack
from cfngen.stacks.service_pipeline import service_pipeline_stack
from cfngen.stacks.watch import watch_stack
from cfngen.stacks.web_acl import web_acl_stack
from cfngen.values import Arn, BucketName, CertificateArn, Colour, HostedZoneId, PolicyArn, Text

_ARN = r"arn:[\w-]+:%s:.+"


def application_stack(stack: Stack, plan: Plan, network: NetworkOutputs | None = None) -> None:
    """Nest every stack of a stage. `network` is one that exists; without it the stage makes its own."""
    app = plan.app
    stack.describe(f"{app.name} {app.stage}: the root; deploy this one, it brings the others")
    boundary = (
        PolicyArn.parameter(
            "PermissionsBoundaryArn", Description="Policy that bounds every role", AllowedPattern=_ARN % "iam"
        )
        if app.permissions_boundary
        else None
    )
    common = Common.of(app, boundary)
    foundation = stack.nest("foundation", foundation_stack, common, app.alarm_email, app.monthly_budget_usd)
    if app.network.existing:
        network = network or existing_network(with_database=bool(app.database and not app.database.existing))
    balancer = _balancer_parameters(app, network)
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
    cluster, internal = _balancers(stack, plan, foundation, network, balancer)
    if rules := app.balancer.managed_rules:
        database_too = app.database is not None
        stack.nest("web-acl", web_acl_stack, common, foundation, cluster, rules, with_database=database_too)
    ground = Ground(common, foundation, network, database, cluster, internal)
    queues = queue_stacks(stack, app, common, foundation)
    made = _services(stack, plan, ground, queues)
    if plan.has_public_balancer and (app.balancer.https or plan.redirects):
        stack.nest("redirect", redirect_stack, cluster, plan.redirects)
        stack.find(NestedStack, "Redirect").DependsOn = [
            title(f"service-{service.name}") for service in plan.services if not service.internal
        ]
    background = task_stacks(stack, plan, ground, queues, made)
    shared = _pipelines(stack, plan, ground, made, background, queues)
    watch = stack.nest(
        "watch",
        watch_stack,
        common,
        foundation,
        database,
        cluster,
        tuple(made[service.name] for service in plan.services),
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


def _balancer_parameters(
    app: App, network: NetworkOutputs | None
) -> tuple[CertificateArn | None, HostedZoneId | None, Text | None]:
    certificate = CertificateArn.parameter(
        "CertificateArn", Description="ACM certificate of the listeners, in this region", AllowedPattern=_ARN % "acm"
    )
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
    return (
        certificate if app.balancer.https and not app.balancer.request_certificate else None,
        zone if app.balancer.domain else None,
        None if app.balancer.test_addresses else testers,
    )


def _services(
    stack: Stack,
    plan: Plan,
    ground: Ground,
    queues: Mapping[str, QueueOutputs],
) -> dict[str, ServiceOutputs]:
    return {
        service.name: stack.nest(
            f"service-{service.name}",
            service_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            plan.app.balancer_of(service),
            _with_hosts(plan.app, service),
            plan.rules[service.name],
            plan.bootstrap_images[service.name],
            _live(plan, service),
            access_of(plan.app, service),
            plan.app.off_hours,
            queues_for(plan.app, queues, service),
            ground.internal if service.internal else ground.for_callers(service),
            is_public=service.name in plan.public_births,
        )
        for service in plan.services
    }


def _with_hosts(app: App, service: Service) -> Service:
    """A service with the hosts that its rules ask for."""
    return replace(service, hosts=app.hosts_of(service)) if service.internal else service


def _balancers(
    stack: Stack,
    plan: Plan,
    foundation: FoundationOutputs,
    network: NetworkOutputs,
    parameters: tuple[CertificateArn | None, HostedZoneId | None, Text | None],
) -> tuple[ClusterOutputs, InternalOutputs | None]:
    """The cluster with the balancer of users, and the internal one; or the cluster with the internal one alone."""
    if plan.has_public_balancer:
        cluster = stack.nest("cluster", cluster_stack, foundation, network, plan.app.balancer, *parameters)
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
        AllowedPattern=_ARN % "acm",
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


def _live(plan: Plan, service: Service) -> Mapping[str, Colour]:
    """The colours of rules that replace others: parameters without default, so that nobody deploys them unasked."""
    description = (
        f"The colour that serves {service.name} now: blue or green; blue if it is not deployed yet. "
        "The target group with all the weight in the service's production rule says it. Give it once and never change it."
    )
    return {
        name: Colour.parameter(name, Description=description, AllowedValues=["blue", "green"])
        for name, owner in plan.live_parameters
        if owner == service.name
    }


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
            AllowedPattern=_ARN % "code(star-)?connections",
        )
    elif isinstance(pipeline.source, S3):
        bucket = BucketName.parameter(
            "SourceBucketName",
            Description="Bucket with the source: it keeps versions and tells EventBridge of its objects",
            AllowedPattern=r"[a-z0-9.-]{3,63}",
        )
    elif not pipeline.source.create:
        repository = Text.parameter(
            "SourceRepositoryName", Description="CodeCommit repository with the source", AllowedPattern=r"[\w.-]{1,100}"
        )
    shared = stack.nest(
        "pipeline", pipeline_stack, ground.common, ground.foundation, pipeline, repository, connection, bucket
    )
    for service in plan.services:
        stack.nest(
            f"pipeline-{service.name}",
            service_pipeline_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            made[service.name],
            shared,
            service,
            pipeline,
            plan.app.files,
            access_of(plan.app, service),
            queues_for(plan.app, queues, service),
            borrowers(plan.app, background, queues, service.name),
        )
    pipeline_stacks(stack, plan.app, ground, background, queues, shared)
    return shared


def _show_addresses(stack: Stack, app: App, cluster: ClusterOutputs) -> None:
    scheme = "https" if app.balancer.https else "http"
    if domain := app.balancer.domain:
        url, test_url = Text(f"{scheme}://{domain}"), Text(f"{scheme}://{domain}:{app.balancer.test_port}")
    else:
        url = Text(Sub(f"{scheme}://${{Address}}", Address=cluster.address))
        test_url = Text(Sub(f"{scheme}://${{Address}}:{app.balancer.test_port}", Address=cluster.address))
    # No certificate is for a balancer's own name.
    by_name = "; a DNS name of the certificate must point at this address, and users come by that name"
    stack.output("Url", url, f"What users reach{by_name if app.balancer.https and not app.balancer.domain else ''}")
    stack.output("TestUrl", test_url, "Where the next version shows before it takes traffic")


def _show(stack: Stack, app: App, foundation: FoundationOutputs, shared: PipelineOutputs | None) -> None:
    stack.output("AlertTopic", foundation.alerts, "Where alarms and notices go; subscribe to it")
    if shared and shared.clone_url:
        stack.output("CloneUrl", shared.clone_url, "The source's repository")
    source = app.pipeline.source if app.pipeline else None
    if shared and shared.bucket and isinstance(source, S3) and source.create:
        stack.output("SourceBucketName", shared.bucket, "Where a service's source goes, as a zip file by its name")
    if shared and shared.repository and shared.clone_url:
        stack.output("SourceRepositoryName", shared.repository, FOR_STAGES)
