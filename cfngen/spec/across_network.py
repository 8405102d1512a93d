"""Checks of the network and the balancers with what needs them."""

from __future__ import annotations

from collections.abc import Iterator

from cfngen.describe import Finding
from cfngen.spec.app_parts import AppParts


def wrong_network(app: AppParts) -> Iterator[Finding]:
    """What the network has no room or no way for, and what a balancer does not speak."""
    yield from _addresses(app)
    yield from _smoke_tests(app)
    yield from _without_internet(app)
    yield from _protocols(app)


def _addresses(app: AppParts) -> Iterator[Finding]:
    if app.network.existing:
        return
    block = 2 ** (32 - int(app.network.cidr.partition("/")[2]) - 4)
    room = app.network.zones * (block - 5) - 16  # what AWS keeps, and some for what else lives there (J1.5)
    room -= 8 * app.network.zones if app.has_internal_services else 0  # a balancer wants as many free (H21)
    tier = "public" if app.network.has_public_tasks else "private"
    needed = sum(2 * service.scaling.maximum for service in app.services)
    needed += sum(worker.scaling.maximum * worker.maximum_percent // 100 for worker in app.workers)
    needed += len(app.scheduled_tasks)
    if needed > room:
        yield (
            "network.cidr",
            f"a larger range, or less for scaling.maximum: at most {needed} tasks run while services are released, and the {tier} subnets have {max(room, 0)} addresses for them",
        )


def _smoke_tests(app: AppParts) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        place = f"services[{index}].release.smoke_test"
        if service.release.smoke_test is None:
            continue
        if service.internal:
            if app.network.nat in ("none", "public tasks") and "codedeploy" not in app.network.endpoints:
                yield (
                    place,
                    "None, or 'codedeploy' among the endpoints of the network: the function tells CodeDeploy how it went",
                )
        elif app.network.existing or app.network.nat in ("none", "public tasks"):
            why = "comes to the test listener by the addresses of NAT gateways, and this network tells of none"
            yield place, f"None, since the generated function {why}; give a hook of your own by hooks"
        if service.allowed_addresses:
            fits = "None, since the generated function comes from none of the service's allowed_addresses; give a hook of your own by hooks"
            yield place, fits
        if service.protocol_version != "HTTP1":
            yield place, "None, since the generated function speaks HTTP/1.1; give a hook of your own by hooks"
        if app.balancer_of(service).https and not app.smoke_test_host(service):
            why = "it checks the certificate, and there is no name to ask for: neither a host of the service nor the balancer's domain"
            fits = f"one with a host that the certificate is for, because {why}"
            yield place, fits


def _without_internet(app: AppParts) -> Iterator[Finding]:
    """What cannot work where no way leads to the internet."""
    if app.cloud9 and app.network.nat in ("none", "public tasks"):
        yield "cloud9", "False; without NAT the environment reaches neither Cloud9 nor a package"
    if app.network.nat != "none":
        return
    for option in ("services", "workers", "scheduled_tasks"):
        for index, task in enumerate(getattr(app, option)):
            for number, each in enumerate(task.containers):
                if each.image:
                    fits = f"{each.image!r}: a source instead, since without NAT no public registry is reached"
                    yield f"{option}[{index}].containers[{number}].image", fits


def _protocols(app: AppParts) -> Iterator[Finding]:
    for index, service in enumerate(app.services):
        if service.protocol_version != "HTTP1" and not app.balancer_of(service).https:
            which = "internal_balancer" if service.internal else "balancer"
            fits = f"HTTP1, or https in the {which}: only a listener of HTTPS speaks HTTP/2 with clients"
            yield f"services[{index}].protocol_version", fits
