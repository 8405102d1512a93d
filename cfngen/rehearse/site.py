"""Where a browser finds what was deployed: the addresses that each service answers, told as data.

A site is written as JSON, so that a browser can look at it from a process of its own, and later again while it is kept.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse import places, rules
from cfngen.rehearse.certificates import pin
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.grpc import VERSION
from cfngen.rehearse.places import Place
from cfngen.rehearse.rehearsal import Stage

_USUAL_PORTS = {"HTTP": 80, "HTTPS": 443}


@dataclass(frozen=True)
class Site:
    """The addresses of a stage that runs.

    `services` has for each service the URLs with which a visitor begins, `owners` the service of each backend that a
    response names; `hosts` are names that lead to `address`, or, of further cells, to where `elsewhere` says; `pins` are the keys of
    certificates that are trusted.
    """

    name: str
    address: str
    origin: str
    services: Mapping[str, Sequence[str]]
    owners: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)

    @property
    def origins(self) -> set[str]:
        """Scheme, host and port of every address with which a visitor begins."""
        return {"/".join(url.split("/")[:3]) for urls in self.services.values() for url in urls}

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Site:
        return cls.of(json.loads(file.read_text(encoding="utf-8")))

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Site:
        """A site as `asdict` and JSON tell it."""
        return cls(**{**told, "hosts": tuple(told["hosts"]), "pins": tuple(told["pins"])})


def visible(stage: Stage) -> list[Service]:
    """The services that people may visit: those that are behind no internal balancer, and not of gRPC."""
    inside = {each.arn for each in stage.listeners if each.caller}
    called = {arn for arn, group in stage.proxy.groups.items() if group.told.get("ProtocolVersion") == VERSION}
    return [each for each in stage.services if each.production not in inside and each.pair[0] not in called]


def visitor_of(stage: Stage) -> str:
    """The address of a client to whom most is shown: one that a rule asks for; empty where this machine's own will do."""
    found = (place.address for each in visible(stage) for place in _places(stage, each))
    return next((address for address in found if address), "")


def site_of(stage: Stage, address: str = "", visitor: str = "") -> Site:
    """The site of a stage, by the rules of its production listeners, for a visitor who comes from an address.

    `address` is where this visitor finds the balancer; its own, where nothing else is said.
    """
    address = address or stage.proxy.address
    services = {each.short: list(_urls(stage, each, address, visitor)) for each in visible(stage)}
    origins = [url for urls in services.values() for url in urls]
    hosts = tuple(sorted({host for url in origins if not _is_address(host := _host(url))}))
    own = next((url for url in origins if _host(url) == address), origins[0] if origins else f"http://{address}/")
    owners = {
        rules.name_of(stage.proxy.groups[arn]): each.short
        for each in stage.services
        for arn in each.pair
        if arn in stage.proxy.groups
    }
    secure = any(url.startswith("https:") for url in origins)
    pins = (pin(stage.proxy.certificate),) if secure else ()
    places_of = {each.arn: each.address for each in stage.listeners if each.address not in ("", stage.proxy.address)}
    elsewhere = {
        _host(url): places_of[each.production]
        for each in visible(stage)
        if each.production in places_of
        for url in services[each.short]
    }
    origin = "/".join(own.split("/")[:3])
    return Site(stage.wanted.stack, address, origin, services, owners, hosts, pins, elsewhere)


def _urls(stage: Stage, service: Service, address: str, visitor: str) -> Iterator[str]:
    """A URL for each place of a service that is open to a visitor."""
    listener = next(each for each in stage.listeners if each.arn == service.production)
    port = "" if _USUAL_PORTS.get(listener.protocol) == listener.port else f":{listener.port}"
    found = dict.fromkeys(
        f"{listener.protocol.lower()}://{place.host or address}{port}{place.path}"
        for place in _places(stage, service)
        if place.address in ("", visitor)
    )
    # /admin and /admin/ are one page to people, and two patterns to a rule.
    yield from (url for url in found if not (url.endswith("/") and url[:-1] in found))


def _places(stage: Stage, service: Service) -> list[Place]:
    return places.own(stage.listeners, service.production, service.pair)


def _host(url: str) -> str:
    return url.split("/")[2].partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
