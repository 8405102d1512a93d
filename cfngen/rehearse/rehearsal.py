"""The rehearsal from its beginning to its end: build, deploy, run, route, release, and back."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse import base, deployed, parameters, rules
from cfngen.rehearse.account import Account
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.database import Server
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.pipeline import Runner
from cfngen.rehearse.proxy import Proxy
from cfngen.rehearse.registry import Registry
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import Room, answers, environment, loopback, stop
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Request, Story
from cfngen.rehearse.tasks import Tasks

NETWORK = "cfngen-rehearsal"
_TESTERS, _TESTER = "127.0.1.0/24", "127.0.1.1"
"""Who may see the test port; the tester's address is one of them, this machine's usual one is not."""


@dataclass(frozen=True)
class Wanted:
    """What to rehearse: a folder that generate wrote, with the file of its root; `project` is the source's folder."""

    folder: Path
    root: str
    stack: str
    project: Path
    region: str
    speed: float = 60.0
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Stage:
    """A stage that runs: its parts, which later acts use."""

    wanted: Wanted
    room: Room
    story: Story
    account: Account
    engine: Engine
    source: Source
    services: list[Service]
    proxy: Proxy
    tasks: Tasks
    deployer: Deployer
    runner: Runner
    listeners: list[deployed.Listener]
    authority: Authority
    paths: dict[str, list[str]] = field(default_factory=dict)
    database: Server | None = None

    @property
    def port(self) -> int:
        """The production port of the first service."""
        return next(each.port for each in self.listeners if each.arn == self.services[0].production)

    def ask(self, path: str, port: int = 0, source: str = "") -> tuple[int, str, str]:
        """Status, group that answered and body of a request; status 0 when nobody takes it."""
        connection = self._connection(port or self.port, (source, 0) if source else None)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
            return answer.status, self.proxy.where(answer.getheader(rules.TARGET_HEADER) or "")[0], body
        except (OSError, http.client.HTTPException):
            return 0, "", ""
        finally:
            connection.close()

    def _connection(self, port: int, source: tuple[str, int] | None) -> http.client.HTTPConnection:
        if not self.is_secure(port):
            return http.client.HTTPConnection(self.proxy.address, port, timeout=10, source_address=source)
        trusting = ssl.create_default_context(cafile=str(self.authority.file))
        return http.client.HTTPSConnection(
            self.proxy.address, port, timeout=10, source_address=source, context=trusting
        )

    def is_secure(self, port: int) -> bool:
        """Whether the listener of a port speaks TLS."""
        return any(each.port == port and each.protocol == "HTTPS" for each in self.listeners)

    @contextmanager
    def load(self, name: str, seconds: float = 300) -> Iterator[list[Request]]:
        """Requests of all paths while the block lasts; the list holds them after it."""
        file = self.room.folder / f"load-{name}.jsonl"
        paths = [path for own in self.paths.values() for path in own]
        trusted = str(self.authority.file) if self.is_secure(self.port) else ""
        words = [
            sys.executable,
            "-m",
            "cfngen.rehearse.load",
            self.proxy.address,
            str(self.port),
            trusted,
            str(seconds),
        ]
        found: list[Request] = []
        process = self.room.start(f"load-{name}", [*words, str(file), *paths], file.exists, environment())
        try:
            yield found
        finally:
            stop(process, 30)
            found += self.story.read(file)

    def named(self, header: str) -> str:
        """The service and colour that answered a request, by the header of its response."""
        backend = header.partition("/")[0]
        arns = [arn for arn, group in self.proxy.groups.items() if rules.name_of(group) == backend]
        return self.group_name(arns[0]) if arns else "nobody"

    def group_name(self, arn: str) -> str:
        """How people call a target group: its service and colour."""
        for service in self.services:
            if arn in service.pair:
                return f"{service.short} {('blue', 'green')[service.pair.index(arn)]}"
        return "nobody"


@contextmanager
def stage(wanted: Wanted, room: Room, story: Story) -> Iterator[Stage]:
    """Deploy and start everything; each service answers with the revision that the stack brings."""
    with story.timed("deploy"):
        account = Account(room, wanted.region)
        authority = Authority(room.path("certificates"))
        given = parameters.made(
            wanted.folder, wanted.root, wanted.parameters, account, authority, testers=_TESTERS
        )
        account.deploy(wanted.folder, wanted.root, wanted.stack, given)
        services = deployed.services(account)
        database = deployed.database(account)
        story.tell(
            "deploy", f"{wanted.stack}: {', '.join(each.short for each in services)}, read back from the account"
        )
    with story.timed("engine"):
        engine, images = _engine(wanted, room, story, account, services, authority)
    with story.timed("run"):
        subnet = engine.network(NETWORK)
        tasks = Tasks(room, engine, account, NETWORK, subnet, authority.file)
        server = None
        if database:
            address = f"{subnet.rpartition('.')[0]}.254"
            server = Server(room, engine, address)
            certificate = authority.certificate("database", [database.host])
            server.open(account, database, images, NETWORK, certificate)
            tasks.hosts[database.host] = address
            story.tell(
                "run", f"{database.engine} played by MariaDB with TLS required at {database.host}:{database.port}"
            )
        listeners = deployed.listeners(account)
        balancer = loopback([each.port for each in listeners])
        file, _ = authority.certificate("balancer", [balancer])
        proxy = Proxy(room, account, balancer, file, wanted.speed)
        proxy.open()
        story.tell("run", f"haproxy at {balancer}, ports {', '.join(str(each.port) for each in listeners)}")
        deployer = Deployer(account, proxy, tasks, story, wanted.speed)
        for service in services:
            deployer.birth(service)
    source = Source(room, wanted.project)
    runner = Runner(room, account, engine, tasks, source, story)
    yield Stage(
        wanted,
        room,
        story,
        account,
        engine,
        source,
        services,
        proxy,
        tasks,
        deployer,
        runner,
        listeners,
        authority,
        database=server,
    )


def _engine(
    wanted: Wanted, room: Room, story: Story, account: Account, services: Sequence[Service], authority: Authority
) -> tuple[Engine, str]:
    """The engine with its registry; and a base image that is there."""
    hosts = [
        each["repositoryUri"].partition("/")[0] for each in account.all("ecr", "describe_repositories", "repositories")
    ]
    if not hosts:
        raise RehearsalError("nothing that is deployed is a repository for images")
    host, address = hosts[0], loopback([443])
    definitions = [deployed.task_definition(account, each.task_definition) for each in services]
    born = {str(container["image"]) for each in definitions for container in each["containerDefinitions"]}
    needed = set(born)
    for file in sorted(wanted.project.glob("services/*/Dockerfile")):
        needed |= base.images_of(file.read_text(encoding="utf-8"))
    away = {image for image in needed if not answers(image.partition("/")[0], 443)}
    registry = Registry(room, host, account)
    named = {host: address} | {image.partition("/")[0]: address for image in away}
    registry.open(address, authority.certificate("registry", list(named))[0])
    engine = Engine(room, named, authority.file)
    engine.open()
    token = account.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    login = {"auths": {host: {"auth": token}}}
    assert base64.b64decode(token)
    (engine.folder / "auth.json").write_text(json.dumps(login), encoding="utf-8")
    base.put(registry, room, away)
    story.tell("engine", f"podman behind Docker's API; registry {host} with TLS and login at {address}:443")
    image = min(born)
    engine.podman("pull", "--quiet", image)
    return engine, image


def own_paths(stage: Stage) -> dict[str, list[str]]:
    """For each service a path of its own, by the rules of the production listener."""
    found: dict[str, list[str]] = {}
    for listener in stage.listeners:
        for rule in listener.rules:
            for service in stage.services:
                if listener.arn == service.production and {arn for arn, _ in rules.targets_of(rule)} & set(
                    service.pair
                ):
                    patterns = [
                        value
                        for condition in rule["Conditions"]
                        for value in condition.get("PathPatternConfig", {}).get("Values", ())
                    ]
                    found.setdefault(service.short, []).extend(pattern.replace("*", "") for pattern in patterns[:1])
    return {key: sorted(set(paths)) for key, paths in found.items()}


def linked(stage: Stage, service: Service, most: int = 3) -> list[str]:
    """Paths of a service's own first page and of those that it links to and that the service itself answers."""
    start = own_paths(stage)[service.short][0]
    live = stage.deployer.live[service.group["deploymentGroupName"]].group
    paths = [start]
    for path in re.findall(r'<a[^>]*\shref="(/[^"#?]*)"', stage.ask(start)[2]):
        status, group, _ = stage.ask(path)
        if path not in paths and status == 200 and group == live:
            paths.append(path)
    return paths[:most]


def health_path(stage: Stage, service: Service) -> str:
    return str(stage.proxy.groups[service.pair[0]].told["HealthCheckPath"])


Act = Callable[[Stage], Any]


def pause(seconds: float) -> None:
    """Let the load go on for a while."""
    time.sleep(seconds)


def tester_sees(stage: Stage, service: Service, path: str) -> tuple[int, int]:
    """The status that the test port gives to whom it lets in, and to another address; 0 is a refused connection."""
    port = next((each.port for each in stage.listeners if each.arn == service.test), 0)
    if not port:
        return 0, 0
    return stage.ask(path, port, _TESTER)[0], stage.ask(path, port, socket.gethostbyname("127.0.0.1"))[0]
