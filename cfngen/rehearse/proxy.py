"""The load balancer: haproxy, with what is deployed, and what changes in it while it runs.

The account is written first, then the proxy follows what the account says: targets, weights.
"""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cfngen.rehearse import deployed, rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import TargetGroup
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room, answers
from cfngen.rehearse.ways import Seat, Ways


@dataclass(frozen=True)
class Health:
    """A target: whether it is healthy, how many requests it has in flight, what its last check said."""

    is_healthy: bool
    busy: int
    check: str


@dataclass(frozen=True)
class Counts:
    """What a target group's targets answered so far, failed ones among it, and how many of them are healthy or not.

    One for which somebody waits since its start is neither yet, and one that drains is neither any more.
    """

    requests: int
    failed: int
    healthy: int
    unhealthy: int


class Proxy:
    """The balancer at an address; ports are those of the listeners."""

    def __init__(self, room: Room, account: Account, address: str, certificate: Path, speed: float) -> None:
        self.room, self.account, self.address, self.certificate, self.speed = room, account, address, certificate, speed
        self.socket = room.path("proxy") / "admin.sock"
        self.groups: Mapping[str, TargetGroup] = {}
        self.seats: Sequence[Seat] = ()
        self._slots: dict[tuple[str, str], str] = {}
        self._awaited: set[tuple[str, str]] = set()
        self._drained: set[tuple[str, str]] = set()

    def open(self, there: Ways) -> None:
        """Listen for what is deployed, where each balancer is played."""
        self.groups = deployed.target_groups(self.account)
        self.seats, listeners = there.seats, there.listeners
        text = rules.configuration(
            listeners, self.groups, self.address, self.socket, self.certificate, self.speed
        )  # fmt: skip
        file = self.room.path("proxy") / "haproxy.cfg"
        file.write_text(text, encoding="utf-8")
        (self.room.logs / "haproxy.cfg").write_text(text, encoding="utf-8")
        self.room.run("proxy", [where("haproxy"), "-c", "-q", "-f", str(file)])
        words = [where("haproxy"), "-db", "-f", str(file)]
        self.room.start("proxy", words, lambda: all(answers(each.address, each.port) for each in listeners))

    def register(self, arn: str, address: str, port: int) -> None:
        """Put a target into its group; it gets requests once its health checks have passed."""
        group = self.groups[arn]
        target = {"Id": address, "Port": port}
        self.account.client("elbv2").register_targets(TargetGroupArn=arn, Targets=[target])
        taken = {slot for (each, _), slot in self._slots.items() if each == arn}
        slot = next((name for name in (f"s{n}" for n in range(1, rules.SLOTS + 1)) if name not in taken), "")
        if not slot:
            raise RehearsalError(f"{group.name}: more than {rules.SLOTS} targets are not played")
        self._awaited.add((arn, address))
        self._slots[arn, address] = slot
        for server in self._servers(arn, address):
            self._tell(f"set server {server} addr {address} port {port}")
            self._tell(f"set server {server} state ready")
        self._tell(f"set server {self._servers(arn, address)[0]} health down")

    def drain(self, arn: str, address: str) -> None:
        """Take a target out: no request begins there any more."""
        port = next((each["Target"]["Port"] for each in self._told(arn) if each["Target"]["Id"] == address), 0)
        target = {"Id": address, "Port": port}
        self.account.client("elbv2").deregister_targets(TargetGroupArn=arn, Targets=[target])
        self._drained.add((arn, address))
        for server in self._servers(arn, address):
            self._tell(f"set server {server} state drain")

    def forget(self, arn: str, address: str) -> None:
        """The target is gone."""
        for server in self._servers(arn, address):
            self._tell(f"set server {server} state maint")
        del self._slots[arn, address]
        self._awaited.discard((arn, address))
        self._drained.discard((arn, address))

    def health(self, arn: str, address: str) -> Health:
        """What the proxy knows of a target."""
        checked, opened = (self._row(server) for server in self._servers(arn, address))
        is_up = checked["status"].startswith("UP") and checked["check_status"].startswith("L7OK")
        busy = int(checked["scur"] or 0) + int(opened["scur"] or 0)
        if is_up:
            self._awaited.discard((arn, address))
        return Health(is_up, busy, f"{checked['check_status']} {checked['check_code']}".strip())

    def _row(self, server: str) -> Mapping[str, str]:
        backend, _, slot = server.partition("/")
        for row in csv.DictReader(io.StringIO(self._ask(f"show stat {backend} 4 -1").removeprefix("# "))):
            if row["svname"] == slot:
                return row
        raise RehearsalError(f"the proxy knows no target {server}")

    def counts(self) -> dict[str, Counts]:
        """What the proxy counted of each target group."""
        rows = list(csv.DictReader(io.StringIO(self._ask("show stat -1 4 -1").removeprefix("# "))))
        found = {}
        for arn, group in self.groups.items():
            own = [row for row in rows if row["pxname"] == rules.name_of(group)]
            every = [*own, *(row for row in rows if row["pxname"] == rules.open_name_of(group))]
            answered = sum(int(row[f"hrsp_{n}xx"] or 0) for row in every for n in range(1, 6))
            keys = {slot: key for key, slot in list(self._slots.items()) if key[0] == arn and key not in self._drained}
            used = {keys[row["svname"]]: row["status"].startswith("UP") for row in own if row["svname"] in keys}
            unhealthy = sum(not is_up and key not in self._awaited for key, is_up in used.items())
            failed = sum(int(row["hrsp_5xx"] or 0) for row in every)
            found[arn] = Counts(answered, failed, sum(used.values()), unhealthy)
        return found

    def tell(self, command: str) -> None:
        """A command of haproxy's admin socket; raises `RehearsalError` where it refuses."""
        self._tell(command)

    def follow(self, listener: str) -> None:
        """Set the weights of a listener's rules to what the account says."""
        for rule in self.account.client("elbv2").describe_rules(ListenerArn=listener)["Rules"]:
            for number, part in enumerate(rules.parts(rule)):
                self._tell(f"experimental-mode on; set var {rules.variable(rule, number)} int({part})")

    def where(self, header: str) -> tuple[str, str]:
        """The ARN of the target group that a response's header names, and the address of the target."""
        backend, _, slot = header.partition("/")
        for (arn, address), name in self._slots.items():
            if rules.name_of(self.groups[arn]) == backend and name == slot:
                return arn, address
        return "", ""

    def _told(self, arn: str) -> Sequence[Mapping[str, Any]]:
        told: Sequence[Mapping[str, Any]] = self.account.client("elbv2").describe_target_health(TargetGroupArn=arn)[
            "TargetHealthDescriptions"
        ]
        return told

    def _servers(self, arn: str, address: str) -> tuple[str, str]:
        """A target in the backend of its group, and in the one that no check closes."""
        group, slot = self.groups[arn], self._slots[arn, address]
        return f"{rules.name_of(group)}/{slot}", f"{rules.open_name_of(group)}/{slot}"

    def _tell(self, command: str) -> None:
        if said := self._ask(command).strip():
            self.room.log("proxy").open("a").write(f"{command}: {said}\n")
            if any(word in said for word in ("No such", "Unknown", "rror", "not ", "equire")):
                raise RehearsalError(f"haproxy: {command}: {said}")

    def _ask(self, command: str) -> str:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as admin:
            admin.settimeout(10)
            admin.connect(str(self.socket))
            admin.sendall(f"{command}\n".encode())
            said = b""
            while piece := admin.recv(1 << 16):
                said += piece
        return said.decode(errors="replace")
