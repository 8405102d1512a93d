"""Where a request goes, and from whom: a path, where the rules want it also a host and an address of the client.

Every address can be a client's: who connects from an address that the balancer knows says by the PROXY protocol whose connection it is, and the balancer
takes it for that. So rules and security groups are tried from the addresses that they name, and nothing of the machine changes.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import ssl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cfngen.rehearse import rules
from cfngen.rehearse.deployed import Listener, values
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.rules import TELLER
from cfngen.request import Request
from cfngen.simulate.requests import holds, plain

_TEXT = re.compile(r"(?:grpc:(?P<well>[\d,-]+) )?(?P<host>[^/ ]*)(?P<path>/\S*)(?: from (?P<address>\S+))?")
_OUTSIDERS = ("127.0.0.1", "192.0.2.1", "2001:db8:ffff::1")


@dataclass(frozen=True)
class Place:
    """What is asked: `host` is empty where any will do, so is `address`, the client's.

    Of a call of gRPC `well` are the statuses with which it ends well, as a matcher has them.
    """

    path: str
    host: str = ""
    address: str = ""
    well: str = ""

    @classmethod
    def of(cls, text: str) -> Place:
        """A place as it is written: ``/path``, ``host/path``, ``host/path from 203.0.113.7``, and as a call ``grpc:0 host/path``."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r}: a path, as in '/', 'desk.example.com/' or '/office from 203.0.113.7'")
        return cls(match["path"], match["host"], match["address"] or "", match["well"] or "")

    def __str__(self) -> str:
        call = f"grpc:{self.well} " if self.well else ""
        return f"{call}{self.host}{self.path}{f' from {self.address}' if self.address else ''}"

    def told(self, port: int) -> bytes:
        """The line with which a connection from `TELLER` begins; empty for one from this machine's own address."""
        if not self.address:
            return b""
        kind, other = ("TCP6", "::1") if ":" in self.address else ("TCP4", "127.0.0.1")
        return f"PROXY {kind} {self.address} {other} 50000 {port}\r\n".encode()

    def at(self, path: str) -> Place:
        """Another path of the same host, asked by the same client."""
        return replace(self, path=path)

    def by(self, address: str) -> Place:
        """The same, asked by another client."""
        return replace(self, address=address)


class Connection(http.client.HTTPConnection):
    """A connection to the balancer by the client that a place names, over TLS where there is a context."""

    def __init__(self, host: str, port: int, place: Place, context: ssl.SSLContext | None, seconds: float = 10) -> None:
        super().__init__(host, port, timeout=seconds, source_address=(TELLER, 0) if place.address else None)
        self.place, self.context = place, context

    def connect(self) -> None:
        super().connect()
        self.sock.sendall(self.place.told(self.port))
        if self.context:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)


def own(listeners: Iterable[Listener], production: str, pair: Iterable[str]) -> list[Place]:
    """Places that the rules of a listener give to a service's pair of target groups, one or more for each rule.

    Raises `RehearsalError` for a service that is reached by headers alone, which no visitor sends.
    """
    groups, mine = set(pair), [each for each in listeners if each.arn == production]
    found = [place for listener in mine for place in _owned(listener, groups)]
    taken = [rule for each in mine for rule in each.rules if {arn for arn, _ in rules.targets_of(rule)} & groups]
    if taken and not found and all(values(rule, "http-header") for rule in taken):
        name = next(
            each["HttpHeaderConfig"]["HttpHeaderName"]
            for each in taken[0]["Conditions"]
            if each["Field"] == "http-header"
        )
        raise RehearsalError(f"a service that is reached by the header {name} alone is not played by the rehearsal")
    return found


def reaches(listener: Listener, place: Place) -> Mapping[str, Any]:
    """The rule that takes a request; the default one where no other does."""
    asked = Request(place.path, place.host or TELLER, place.address or "127.0.0.1")
    return next(rule for rule in listener.rules if all(holds(each, asked) for each in rule["Conditions"]))


def addresses(rule: Mapping[str, Any]) -> list[str]:
    """The ranges of clients that a rule takes; none where it asks for no address."""
    return values(rule, "source-ip")


def _owned(listener: Listener, pair: set[str]) -> Iterator[Place]:
    for rule in listener.rules:
        if not {arn for arn, _ in rules.targets_of(rule)} & pair:
            continue
        hosts, allowed = values(rule, "host-header") or [""], addresses(rule)
        for pattern in values(rule, "path-pattern") or ["/*"]:
            # What a pattern begins with is a page sooner than what stands for any text.
            for path in dict.fromkeys((plain(pattern.replace("*", "")), plain(pattern))):
                place = Place(
                    path, plain(hosts[0]) if hosts[0] else "", client(allowed) if allowed else listener.caller
                )
                if reaches(listener, place) is rule:
                    yield place
                    break


def client(ranges: Sequence[str]) -> str:
    """An address of one of these ranges; empty where this machine's own is one."""
    networks = [ipaddress.ip_network(each) for each in ranges]
    if any(ipaddress.ip_address("127.0.0.1") in each for each in networks):
        return ""
    return str(next(iter(networks[0].hosts()), networks[0][0])) if networks else ""


def common(one: Iterable[str], other: Iterable[str]) -> list[str]:
    """The ranges that lie in some range of both."""
    pairs = [(ipaddress.ip_network(each), ipaddress.ip_network(its)) for each in one for its in other]
    meeting = [(mine, its) for mine, its in pairs if mine.version == its.version and mine.overlaps(its)]
    return [str(max(mine, its, key=lambda each: each.prefixlen)) for mine, its in meeting]


def as_tester(listener: Listener, place: Place) -> Place:
    """The same, asked by whom the rule takes and the port lets in; where that is nobody, by whom the port lets in.

    A place of an internal listener is asked by its caller already.
    """
    if listener.caller:
        return place.by(listener.caller)
    allowed = common(addresses(reaches(listener, place)), listener.sources)
    return place.by(client(allowed or listener.sources))


def outsider(ranges: Sequence[str]) -> str | None:
    """An address of none of these ranges, empty where this machine's own is one; `None` where there is none."""
    networks = [ipaddress.ip_network(each) for each in ranges]
    for address in _OUTSIDERS:
        if not any(ipaddress.ip_address(address) in each for each in networks):
            return "" if address == _OUTSIDERS[0] else address
    return None
