"""A container engine of the rehearsal's own, behind Docker's API: what podman and Docker's daemon have in common.

It has storage, settings and host names of its own, so nothing of the machine's own containers is seen or touched. Host
names of registries lead to loopback, in a view of the file system that only the engine has.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from cfngen.rehearse import processes
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room
from cfngen.rehearse.sockets import Connection

PROCESSES = 8192
"""How many processes and threads a container may have; an engine's own default is more than a machine may give."""
OPEN_FILES = 8192
"""How many open files; the default is above what a machine without CAP_SYS_RESOURCE allows."""
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_TRIES = 3
_STATE_SECONDS = 60.0
_SUBNET = "10.91.{}.0/24"


def card(address: str) -> str:
    """A hardware address by an IP address, as Docker made them up to version 27."""
    return "02:42:" + ":".join(f"{part:02x}" for part in ipaddress.ip_address(address).packed)


class Engine(ABC):
    """An engine, in a room; `socket` is where Docker's command line finds it once it is open."""

    name: ClassVar[str]
    run_words: ClassVar[tuple[str, ...]] = ()
    """What `run` is told for a task in this engine alone."""

    def __init__(self, room: Room, hosts: Mapping[str, str], authority: Path) -> None:
        self.room = room
        self.folder = room.path("engine")
        self.socket = self.folder / "docker.sock"
        self.pid = 0
        own = Path("/etc/hosts").read_text(encoding="utf-8")
        named = "".join(f"{address} {host}\n" for host, address in hosts.items())
        (self.folder / "hosts").write_text(own + named, encoding="utf-8")
        known = Path(os.environ.get("SSL_CERT_FILE", AUTHORITIES))
        trusted = known.read_text(encoding="utf-8") if known.exists() else ""
        (self.folder / "trusted.pem").write_text(trusted + authority.read_text(encoding="utf-8"), encoding="utf-8")
        self._prepare()

    def open(self) -> None:
        """Start the service that Docker's command line talks to; at the end all containers of ours go."""
        self.room.end.callback(processes.end, self.folder)
        words, given = self._service()
        process = self.room.start("engine", words, self.is_ready, given)
        self.pid = process.pid
        self.room.end.callback(self._clear)

    @property
    def docker(self) -> dict[str, str]:
        """What leads Docker's command line here."""
        return {"DOCKER_HOST": f"unix://{self.socket}", "DOCKER_CONFIG": str(self.room.path("docker"))}

    def log_in(self, host: str, token: str) -> None:
        """Let tasks have the images of a registry, by the token of GetAuthorizationToken."""
        told = json.dumps({"auths": {host: {"auth": token}}})
        self._login().write_text(told, encoding="utf-8")

    def call(self, *words: str, seconds: float = 120) -> str:
        """Run the engine's own command line; returns what it printed. Raises `RehearsalError` when it fails."""
        first, *rest = words
        own = self.run_words if first == "run" else ()
        before, given = self._client()
        return self.room.run(self.name, [*before, first, *own, *rest], given, seconds)

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine tells of a container."""
        found: list[dict[str, Any]] = json.loads(self.call("inspect", container))
        return found[0]

    def state(self, container: str) -> dict[str, Any]:
        """How a container is, `Running` and `ExitCode` among it, by Docker's API: a command line takes much longer, and who waits asks often."""
        asked = Connection(self.socket, _STATE_SECONDS)
        try:
            asked.request("GET", f"/containers/{container}/json")
            answer = asked.getresponse()
            told = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise RehearsalError(f"{self.name}: {container}: {error}") from None
        finally:
            asked.close()
        if answer.status != 200:
            raise RehearsalError(f"{self.name}: {container}: {told.get('message', answer.status)}")
        found: dict[str, Any] = told["State"]
        return found

    def network(self, name: str) -> str:
        """A network of our own, from which tasks reach the outside as by a NAT gateway; returns its subnet."""
        subnet = next(subnets())
        self._make_network(name, subnet)
        self.room.end.callback(self._forget_network, name)
        return subnet

    def at(self, address: str) -> list[str]:
        """Words of `run` for a container at an address, which keeps its hardware address when it is started again."""
        return ["--ip", address, "--mac-address", card(address)]

    @property
    @abstractmethod
    def says(self) -> str:
        """What a person is told of it."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the service answers."""

    @abstractmethod
    def _prepare(self) -> None:
        """Write its settings."""

    @abstractmethod
    def _service(self) -> tuple[list[str], dict[str, str]]:
        """The command of the service, and its environment."""

    @abstractmethod
    def _client(self) -> tuple[list[str], dict[str, str]]:
        """How a command for it begins, and its environment."""

    @abstractmethod
    def _login(self) -> Path:
        """The file of registries that it is logged in to."""

    @abstractmethod
    def _make_network(self, name: str, subnet: str) -> None: ...

    @abstractmethod
    def _remove_network(self, name: str) -> None: ...

    @abstractmethod
    def _remove_containers(self) -> None: ...

    def _forget_network(self, name: str) -> None:
        self._clear()
        self._remove_network(name)

    def _clear(self) -> None:
        # A container whose network others share goes only after them, so what is left goes with the next try.
        insist(self._remove_containers)


def insist(act: Callable[[], object]) -> None:
    """Do something that may need several tries; raises what the last one raises."""
    for _ in range(_TRIES - 1):
        with suppress(RehearsalError):
            act()
            return
    act()


def subnets() -> Iterator[str]:
    """Subnets of 10.91.0.0/16 in which this machine has no address; raises `LookupError` where all are taken."""
    shown = subprocess.run([where("ip"), "-4", "addr"], capture_output=True, text=True, check=True)  # noqa: S603
    for number in range(16, 240):
        subnet = _SUBNET.format(number)
        if subnet.rpartition(".")[0] + "." not in shown.stdout:
            yield subnet
    raise LookupError("every network of 10.91.0.0/16 is taken")
