"""Where a browser finds what was deployed: the addresses that each service answers, told as data.

A site is written as JSON, so that a browser can look at it from a process of its own, and later again while it is kept.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse import rules
from cfngen.rehearse.certificates import pin
from cfngen.rehearse.deployed import Listener, Service
from cfngen.rehearse.rehearsal import Stage

_USUAL_PORTS = {"HTTP": 80, "HTTPS": 443}


@dataclass(frozen=True)
class Site:
    """The addresses of a stage that runs.

    `services` has for each service the URLs with which a visitor begins, `owners` the service of each backend that a
    response names; `hosts` are names that lead to `address`; `pins` the keys of certificates that are trusted.
    """

    name: str
    address: str
    origin: str
    services: Mapping[str, Sequence[str]]
    owners: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    pins: tuple[str, ...] = ()

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


def site_of(stage: Stage) -> Site:
    """The site of a stage, by the rules of its production listeners."""
    address = stage.proxy.address
    services = {each.short: list(_urls(stage.listeners, each, address)) for each in stage.services}
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
    return Site(stage.wanted.stack, address, "/".join(own.split("/")[:3]), services, owners, hosts, pins)


def _urls(listeners: Sequence[Listener], service: Service, address: str) -> Iterator[str]:
    """A URL for each host and path that leads to a service on its production listener, each once."""
    seen = set()
    for listener in (each for each in listeners if each.arn == service.production):
        scheme = listener.protocol.lower()
        port = "" if _USUAL_PORTS.get(listener.protocol) == listener.port else f":{listener.port}"
        for rule in listener.rules:
            if not {arn for arn, _ in rules.targets_of(rule)} & set(service.pair) or not _is_open(rule):
                continue
            for host in [_example(each) for each in _values(rule, "HostHeaderConfig")] or [address]:
                for path in _paths(_values(rule, "PathPatternConfig") or ["/"]):
                    url = f"{scheme}://{host}{port}{path}"
                    if url not in seen:
                        seen.add(url)
                        yield url


def _is_open(rule: Mapping[str, Any]) -> bool:
    """Whether a browser's plain GET can meet the conditions of a rule."""
    for condition in rule["Conditions"]:
        methods = condition.get("HttpRequestMethodConfig", {}).get("Values")
        if methods and "GET" not in methods:
            return False
        if condition["Field"] in ("http-header", "query-string"):
            return False
    return True


def _values(rule: Mapping[str, Any], kind: str) -> list[str]:
    return [value for condition in rule["Conditions"] for value in condition.get(kind, {}).get("Values", ())]


def _paths(patterns: Sequence[str]) -> Iterator[str]:
    """Paths that patterns take; of `/admin` and `/admin/*` the first alone."""
    for pattern in patterns:
        if not (pattern.endswith("/*") and pattern.removesuffix("/*") in patterns):
            yield re.sub(r"[*?]", "", pattern) or "/"


def _example(host: str) -> str:
    return host.replace("*", "www").replace("?", "x")


def _host(url: str) -> str:
    return url.split("/")[2].partition(":")[0]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
