"""The rehearsal from its beginning to its end: build, deploy, run, route, release, and back."""

from __future__ import annotations

import http.client
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cfngen.rehearse import background, base, deployed, existing, grpc, places, pushes, rates, roots, rules, unplayed
from cfngen.rehearse.account import Account
from cfngen.rehearse.alarms import Alarms
from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.database import Server
from cfngen.rehearse.deployed import Service
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.engines import ENGINES
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.fleet import Fleet
from cfngen.rehearse.gateway import gateway
from cfngen.rehearse.images import Image, background_bases, bases, foreseen, image_of
from cfngen.rehearse.pipeline import Runner
from cfngen.rehearse.places import Connection, Place
from cfngen.rehearse.player import Player
from cfngen.rehearse.proxy import Proxy
from cfngen.rehearse.registry import Registry
from cfngen.rehearse.release import Deployer
from cfngen.rehearse.room import Room, answers, environment, loopback, stop
from cfngen.rehearse.servers import server_of
from cfngen.rehearse.source import Source
from cfngen.rehearse.story import Request, Story
from cfngen.rehearse.tasks import Tasks
from cfngen.rehearse.ways import at, ways

NETWORK = "cfngen-rehearsal"
_TESTERS = "127.0.1.0/24"
"""Who may see the test port where the root asks; this machine's usual address is none of them."""


@dataclass(frozen=True)
class Wanted:
    """What to rehearse: a folder that generate wrote, with the file of its root; `project` is the source's folder.

    `look` is a file of the user's own looks at the pages; `connections` are kept for each path while there is load; `engine` is
    one of `ENGINES`.
    """

    folder: Path
    root: str
    stack: str
    project: Path
    region: str
    speed: float = 60.0
    parameters: Mapping[str, str] = field(default_factory=dict)
    look: Path | None = None
    connections: int = 4
    engine: str = "podman"


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
    player: Player
    fleet: Fleet
    paths: dict[str, list[str]] = field(default_factory=dict)
    database: Server | None = None
    changed: dict[str, str] = field(default_factory=dict)
    """Files of the source that are not as the project has them, with the service to which they belong."""
    pushed: str = ""
    """The commit that was pushed last."""
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The security groups of the tasks of each service and worker."""

    @property
    def port(self) -> int:
        """The production port of the first service that has no internal balancer, else of the first one."""
        return self.listener_of("/").port

    def listener_of(self, place: str, port: int = 0) -> deployed.Listener:
        """Which listener a place is asked at: of production, or of that port, by its host."""
        ports = {each.production for each in self.services}
        found = (each for each in self.listeners if (each.port == port if port else each.arn in ports))
        return at(found, Place.of(place).host)

    def ask(self, place: str, port: int = 0) -> tuple[int, str, str]:
        """Status, group that answered and body of a request; status 0 when nobody takes it."""
        asked, listener = Place.of(place), self.listener_of(place, port)
        is_secure = listener.protocol == "HTTPS"
        context = ssl.create_default_context(cafile=str(self.authority.file)) if is_secure else None
        connection = Connection(listener.address, listener.port, asked, context)
        try:
            if asked.well:
                connection.connect()
                said = grpc.answered(connection.sock, asked.path, asked.host or listener.address)
                target = grpc.told_by(said, rules.TARGET_HEADER)
                return grpc.status_of(said, asked.well), self.proxy.where(target)[0], ""
            connection.request("GET", asked.path, headers={"Host": asked.host} if asked.host else {})
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
            return answer.status, self.proxy.where(answer.getheader(rules.TARGET_HEADER) or "")[0], body
        except (OSError, http.client.HTTPException):
            return 0, "", ""
        finally:
            connection.close()

    def image_of(self, service: Service) -> Image:
        """What the image of a service is built from."""
        return image_of(self.account, service, self.source.folder)

    @contextmanager
    def load(
        self, name: str, paths: Sequence[str] = (), kept: int = 0, every: str = "", seconds: float = 600
    ) -> Iterator[list[Request]]:
        """Requests of all paths while the block lasts; the list holds them after it.

        `paths` are others than those of all services, `kept` another number of connections for each; with `every` each of them
        asks once in so many seconds.
        """
        asked: dict[str, list[str]] = {}
        listeners = {each.arn: each for each in self.listeners}
        for path in paths or [path for own in self.paths.values() for path in own]:
            asked.setdefault(self.listener_of(path).arn, []).append(path)
        kept = kept or self._connections()
        found: list[Request] = []
        with ExitStack() as running:
            for number, (arn, mine) in enumerate(asked.items()):
                label = f"load-{name}{f'-{number}' if number else ''}"
                words = self._load(listeners[arn], str(seconds), str(kept), every)
                running.enter_context(self._loading(label, words, mine, found))
            yield found

    def _connections(self) -> int:
        """As many as are wanted, or more, which is told once."""
        wanted, alarms = self.wanted, self.account.all("cloudwatch", "describe_alarms", "MetricAlarms")
        kept = rates.connections(wanted.connections, wanted.speed, self.services, self.paths, alarms, self.story)
        told = f"{kept} connections are kept for each path, {wanted.connections} would be too few for the alarms that count requests"
        if kept > wanted.connections and all(each.text != told for each in self.story.events):
            self.story.tell("load", told)
        return kept

    def _load(self, listener: deployed.Listener, *more: str) -> list[str]:
        trusted = str(self.authority.file) if listener.protocol == "HTTPS" else ""
        words = [sys.executable, "-m", "cfngen.rehearse.load", listener.address, str(listener.port), trusted]
        return [*words, *more]

    @contextmanager
    def _loading(self, name: str, words: list[str], paths: list[str], found: list[Request]) -> Iterator[None]:
        file = self.room.folder / f"{name}.jsonl"
        self.story.loads.append(file)
        process = self.room.start(name, [*words, str(file), *paths], file.exists, environment())
        try:
            yield
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


@dataclass(frozen=True)
class Deployment:
    """A tree of stacks in an account of its own, and what was read back of it."""

    account: Account
    authority: Authority
    services: list[Service]
    database: deployed.Database | None
    roots: Sequence[roots.Root]


@dataclass(frozen=True)
class Workshop:
    """What pipelines need: an engine with its registry and a base image, a place for tasks, the source."""

    engine: Engine
    image: str
    subnet: str
    tasks: Tasks
    source: Source
    runner: Runner


def deploy(wanted: Wanted, room: Room, story: Story) -> Deployment:
    """Put the stacks into a local AWS, and read back what is there."""
    with story.timed("deploy"):
        account = Account(room, wanted.region)
        authority = Authority(room.path("certificates"))
        deployed_are = roots.deploy(
            account, wanted.folder, wanted.root, wanted.stack, wanted.parameters, authority, testers=_TESTERS
        )
        given = deployed_are[0].parameters
        pushes.check_sources(account)
        services = deployed.services(account)
        database = deployed.database(account) or existing.database(wanted.folder, wanted.root, given)
        told = " ".join(f"{key}={value}" for key, value in account.environment.items())
        story.tell("deploy", f"ask it by AWS's own commands with: {told}")
        names = " and ".join(
            f"{wanted.stack}{f'-{each.name}' if each else ''}" for each in (None, *roots.further(wanted.folder))
        )
        story.tell("deploy", f"{names}: {', '.join(each.short for each in services)}, read back from the account")
    return Deployment(account, authority, services, database, deployed_are)


def workshop(wanted: Wanted, room: Room, story: Story, there: Deployment) -> Workshop:
    """Start the engine and its registry."""
    with story.timed("engine"):
        engine, image = _engine(wanted, room, story, there.account, there.services, there.authority)
        subnet = engine.network(NETWORK)
        tasks = Tasks(room, engine, there.account, NETWORK, subnet, there.authority.file, wanted.speed)
        first = f"{subnet.rpartition('.')[0]}.1"
        tasks.endpoint = room.end.enter_context(gateway(there.account.url, first))
        source = Source(room, wanted.project)
        runner = Runner(room, there.account, engine, tasks, source, story)
    return Workshop(engine, image, subnet, tasks, source, runner)


@contextmanager
def stage(wanted: Wanted, room: Room, story: Story) -> Iterator[Stage]:
    """Deploy and start everything; each service answers with the revision that the stack brings."""
    base.begin(room, foreseen(wanted.folder, wanted.project))
    there = deploy(wanted, room, story)
    shop = workshop(wanted, room, story, there)
    account, authority, services, database = there.account, there.authority, there.services, there.database
    engine, tasks = shop.engine, shop.tasks
    with story.timed("run"):
        server = None
        if database:
            address = f"{shop.subnet.rpartition('.')[0]}.254"
            server = server_of(database.engine)(room, engine, address)
            certificate = authority.certificate("database", database.hosts)
            server.open(account, database, shop.image, NETWORK, certificate)
            tasks.hosts |= dict.fromkeys(database.hosts, address)
            alone = (
                ", one server for writer and readers, which neither scales nor pauses" if database.reader_host else ""
            )
            story.tell(
                "run",
                f"{database.engine} played by {server.program} with TLS required at {database.host}:{database.port}{alone}",
            )
        there_are = ways(account, shop.subnet, room.path("ways"))
        listeners, named_so = list(there_are.listeners), [*deployed.names(account), *there_are.names]
        addresses = sorted({each.address for each in listeners})
        file, _ = authority.certificate("balancer", [*addresses, *named_so])
        proxy = Proxy(room, account, there_are.address, file, wanted.speed)
        proxy.open(there_are)
        tasks.names |= there_are.names
        if any(each.inside and each.protocol == "HTTPS" for each in listeners):
            tasks.trusts = engine.folder / "trusted.pem"
        tasks.let_in = lambda label, address: there_are.let_in(label, address, proxy.tell)
        for service in services:
            named = dict(zip(service.pair, ("blue", "green"), strict=True))
            story.called |= {rules.name_of(proxy.groups[arn]): f"{service.short} {named[arn]}" for arn in named}
        for seat in there_are.seats:
            ports = ", ".join(str(each.port) for each in listeners if each.address == seat.address)
            more = f", for tasks at {', '.join(sorted(there_are.names))}" if seat.caller else ""
            story.tell("run", f"haproxy at {seat.address}, ports {ports}{more}")
        twin = roots.Twins(account, there.roots, wanted.root)
        deployer = Deployer(account, proxy, tasks, story, wanted.speed, twin)
        for service in services:
            deployer.birth(service)
        background.hasten(account, wanted.speed)
        fleet = Fleet(account, tasks, story)
        for worker in background.workers(account):
            fleet.birth(worker)
            story.tell("run", f"worker {worker.short}: {worker.desired} task of its first revision, which only waits")
    for line in unplayed.told(account):
        story.not_played(line)
    player = Player(account, shop.runner, deployer, fleet)
    made = Stage(
        wanted,
        room,
        story,
        account,
        engine,
        shop.source,
        services,
        proxy,
        tasks,
        deployer,
        shop.runner,
        listeners,
        authority,
        player,
        fleet,
        database=server,
        groups=there_are.groups,
    )
    alarms = Alarms(account, proxy, story, wanted.speed)
    deployer.minutes = alarms.passed
    with alarms.watching(), player.playing():
        yield made


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
    every = [each.task_definition for each in services]
    every += [each.task_definition for each in background.workers(account)]
    every += [each.family for each in background.scheduled(account)]
    definitions = [deployed.task_definition(account, each) for each in every]
    born = {str(container["image"]) for each in definitions for container in each["containerDefinitions"]}
    needed = set(born)
    needed |= bases(account, services, wanted.project) | background_bases(account, wanted.project)
    silent = {place for place in {image.partition("/")[0] for image in needed} if not answers(place, 443)}
    away = {image for image in needed if image.partition("/")[0] in silent}
    registry = Registry(room, host, account)
    named = {host: address} | {image.partition("/")[0]: address for image in away}
    registry.open(address, authority.certificate("registry", list(named))[0])
    engine = ENGINES[wanted.engine](room, named, authority.file)
    engine.open()
    token = account.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    engine.log_in(host, token)
    base.put(registry, room, away)
    story.tell("engine", f"{engine.says}; registry {host} with TLS and login at {address}:443")
    image = min(born)
    engine.call("pull", "--quiet", image)
    return engine, image


def own_paths(stage: Stage) -> dict[str, list[str]]:
    """For each service places of its own, by the rules of its production listener; one of gRPC is known by its health check alone."""
    return {
        each.short: [health_path(stage, each)]
        if calls_of(stage, each)
        else [str(place) for place in places.own(stage.listeners, each.production, each.pair)]
        for each in stage.services
    }


def calls_of(stage: Stage, service: Service) -> str:
    """The statuses with which a call of a service's health check ends well; empty where its target groups are not of gRPC."""
    told = stage.proxy.groups[service.pair[0]].told
    is_called = told.get("ProtocolVersion") == grpc.VERSION
    return str(told.get("Matcher", {}).get("GrpcCode", "12")) if is_called else ""


def linked(stage: Stage, service: Service, most: int = 3) -> list[str]:
    """Pages of a service: its own first ones and those that they link to, as far as it answers them itself with 200.

    A service without such a page is asked for its health path.
    """
    live = stage.deployer.live[service.group["deploymentGroupName"]].group
    found: list[str] = []

    def keep(text: str) -> str:
        status, group, body = stage.ask(text)
        is_page = status == 200 and group == live and text not in found
        found.extend([text] if is_page else [])
        return body if is_page else ""

    for start in own_paths(stage)[service.short]:
        if len(found) < most and (body := keep(start)):
            for path in re.findall(r'<a[^>]*\shref="(/[^"#?]*)"', body):
                keep(str(Place.of(start).at(path)))
    return found[:most] or [health_path(stage, service)]


def health_path(stage: Stage, service: Service) -> str:
    """The place at which a service's health path is reached through the rules."""
    path = str(stage.proxy.groups[service.pair[0]].told["HealthCheckPath"])
    listener = next(each for each in stage.listeners if each.arn == service.production)
    mine = [place.at(path) for place in places.own([listener], listener.arn, service.pair)]
    routed = (
        each for each in mine if {arn for arn, _ in rules.targets_of(places.reaches(listener, each))} & {*service.pair}
    )
    return str(replace(next(routed, Place(path)), well=calls_of(stage, service)))


Act = Callable[[Stage], Any]


def pause(seconds: float) -> None:
    """Let the load go on for a while."""
    time.sleep(seconds)


def tester_sees(stage: Stage, service: Service, path: str) -> tuple[int, int]:
    """The status that the test port gives to whom it lets in, and to another address; 0 is a refused connection."""
    listener = next((each for each in stage.listeners if each.arn == service.test), None)
    if listener is None:
        return 0, 0
    place, stranger = Place.of(path), places.outsider(listener.sources)
    other = 0 if stranger is None else stage.ask(str(place.by(stranger)), listener.port)[0]
    return stage.ask(str(places.as_tester(listener, place)), listener.port)[0], other
