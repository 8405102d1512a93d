"""One cell: a balancer, its services and what belongs to them alone. The first shares its root with what all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from troposphere import Sub
from troposphere.cloudformation import Stack as NestedStack

from cfngen._frozen import dataclass
from cfngen.cells import FIRST, folder
from cfngen.plan import Plan
from cfngen.spec import App, Balancer, Pipeline, Service
from cfngen.stack import Stack, title
from cfngen.stacks.background import (
    Background,
    Ground,
    access_of,
    borrowers,
    queues_for,
    task_stacks,
)
from cfngen.stacks.cluster import ClusterOutputs, cluster_stack
from cfngen.stacks.common import Common, tag
from cfngen.stacks.database import DatabaseOutputs
from cfngen.stacks.foundation import FoundationOutputs
from cfngen.stacks.internal import InternalOutputs
from cfngen.stacks.network import NetworkOutputs
from cfngen.stacks.pipeline import PipelineOutputs
from cfngen.stacks.queue import QueueOutputs
from cfngen.stacks.redirect import redirect_stack
from cfngen.stacks.service import ServiceOutputs, service_stack
from cfngen.stacks.service_pipeline import service_pipeline_stack
from cfngen.stacks.watch import watch_stack
from cfngen.values import CertificateArn, Colour, HostedZoneId, Text

ARN = r"arn:[\w-]+:%s:.+"
"""The pattern of the ARNs of a service of AWS."""


@dataclass(frozen=True)
class Shared:
    """What the first root has for all cells, as it sees it."""

    common: Common
    foundation: FoundationOutputs
    network: NetworkOutputs
    database: DatabaseOutputs | None
    internal: InternalOutputs | None
    queues: Mapping[str, QueueOutputs]
    pipeline: PipelineOutputs | None
    hosted_zone: HostedZoneId | None
    testers: Text | None


def cell_stack(stack: Stack, plan: Plan, cell: int, shared: Shared) -> None:
    """Nest every stack of a further cell in a root of its own. `shared` is what the first root handed over to it."""
    app = plan.app
    stack.describe(
        f"{app.name} {app.stage}: the root of {folder(cell)}; deploy it after the first, which tells its parameters"
    )
    names = plan.names.get(cell, ())
    zone = shared.hosted_zone if names or app.balancer.request_certificate else None
    cluster = stack.nest(
        "cluster",
        cluster_stack,
        shared.foundation,
        shared.network,
        app.balancer,
        certificate(app.balancer),
        zone,
        shared.testers,
        names,
        plan.domain,
    )
    balancer = replace(app.balancer, domain=None, aliases=(), request_certificate=False)  # as its services see it
    web_acl(stack, app, shared.common, shared.foundation, cluster)
    ground = Ground(shared.common, shared.foundation, shared.network, shared.database, cluster, shared.internal)
    made = service_stacks(stack, plan, cell, balancer, ground, shared.queues)
    background = task_stacks(stack, plan, ground, shared.queues, made, cell)
    if app.pipeline and shared.pipeline:
        pipelines(stack, plan, cell, app.pipeline, ground, made, background, shared.queues, shared.pipeline)
    watch = stack.nest(
        "watch",
        watch_stack,
        shared.common,
        shared.foundation,
        None,
        cluster,
        tuple(made.values()),
        app.off_hours,
        (),
        tuple(background.scheduled.values()),
        cell=folder(cell),
    )
    show(stack, balancer, cluster, "; the DNS names of its services' hosts must point at this address")
    stack.output("Dashboard", watch.dashboard, "The CloudWatch dashboard")
    tag(stack, {"Application": app.name, "Stage": app.stage, **app.tags})


def certificate(balancer: Balancer) -> CertificateArn | None:
    """The root parameter for the certificate of the listeners; each cell's may be for other names."""
    if not balancer.https or balancer.request_certificate:
        return None
    return CertificateArn.parameter(
        "CertificateArn", Description="ACM certificate of the listeners, in this region", AllowedPattern=ARN % "acm"
    )


def service_stacks(
    stack: Stack, plan: Plan, cell: int, balancer: Balancer, ground: Ground, queues: Mapping[str, QueueOutputs]
) -> dict[str, ServiceOutputs]:
    """The services of a cell, by name, and the way from port 80 to them."""
    made = {
        service.name: stack.nest(
            f"service-{service.name}",
            service_stack,
            ground.common,
            ground.foundation,
            ground.network,
            ground.database,
            ground.cluster,
            plan.app.internal_balancer if service.internal else balancer,
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
        for service in plan.services_of(cell)
    }
    redirects = plan.redirects if cell == FIRST else ()
    if plan.has_public_balancer and (balancer.https or redirects):
        stack.nest("redirect", redirect_stack, ground.cluster, redirects)
        stack.find(NestedStack, "Redirect").DependsOn = [
            title(f"service-{service.name}") for service in plan.services_of(cell) if not service.internal
        ]
    return made


def web_acl(stack: Stack, app: App, common: Common, foundation: FoundationOutputs, cluster: ClusterOutputs) -> None:
    """The managed rules in front of a balancer, where the description has some."""
    if rules := app.balancer.managed_rules:
        from cfngen.stacks.web_acl import web_acl_stack

        with_database = app.database is not None
        stack.nest("web-acl", web_acl_stack, common, foundation, cluster, rules, with_database=with_database)


def pipelines(
    stack: Stack,
    plan: Plan,
    cell: int,
    pipeline: Pipeline,
    ground: Ground,
    made: Mapping[str, ServiceOutputs],
    background: Background,
    queues: Mapping[str, QueueOutputs],
    shared: PipelineOutputs,
) -> None:
    """The pipelines of a cell's services."""
    for service in plan.services_of(cell):
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


def show(stack: Stack, balancer: Balancer, cluster: ClusterOutputs, by_name: str = "") -> None:
    """Outputs of a root that say where its balancer is; `by_name` follows where no domain leads there."""
    scheme = "https" if balancer.https else "http"
    if domain := balancer.domain:
        url, test_url = Text(f"{scheme}://{domain}"), Text(f"{scheme}://{domain}:{balancer.test_port}")
    else:
        url = Text(Sub(f"{scheme}://${{Address}}", Address=cluster.address))
        test_url = Text(Sub(f"{scheme}://${{Address}}:{balancer.test_port}", Address=cluster.address))
    stack.output("Url", url, f"What users reach{'' if domain else by_name}")
    stack.output("TestUrl", test_url, "Where the next version shows before it takes traffic")


def _with_hosts(app: App, service: Service) -> Service:
    """A service with the hosts that its rules ask for."""
    return replace(service, hosts=app.hosts_of(service)) if service.internal else service


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
