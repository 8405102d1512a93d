"""Tasks: containers started exactly as a task definition says, each with an address of its own, as awsvpc gives it.

Two things differ from Fargate and are told in the report: the processor is this machine's, whatever runtimePlatform says,
and where there is a database, a task that names no DB_CA gets the authority of the rehearsal's, since only AWS can sign for AWS's.
"""

from __future__ import annotations

import ipaddress
import itertools
import json
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cfngen.rehearse.account import Account
from cfngen.rehearse.definition import DEFAULT_STOP_SECONDS, awaited, containers, differs, is_essential, main, said
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.health import Watch
from cfngen.rehearse.parts import where
from cfngen.rehearse.restarts import Restart, policy_of
from cfngen.rehearse.room import Room

_CA = "/run/cfngen-rehearsal.pem"
_TRUSTED = "/run/cfngen-rehearsal-trusted.pem"
_TRUSTING = ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
"""Variables by which programs find the authorities that they trust."""
_KILLED = 128 + 9
"""The exit status of a container that SIGKILL ended."""
_START_SECONDS = 180.0
"""How long a container waits for those that it depends on, where it does not say so itself (startTimeout)."""
_EXEC_SECONDS = 10.0
"""How long the engine itself may take to get into a container of a busy machine."""
_PAUSE_SECONDS = 0.2
_HOLDER = "cfngen-rehearsal-holder:1"


@dataclass(frozen=True)
class Part:
    """A container of a task that was started: `container` is what the engine calls it."""

    container: str
    is_essential: bool
    stop_seconds: int
    told: Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """A task that was started. `image` is that of the container that the balancer reaches, by digest where it is told so.

    `parts` are its containers in the order in which they started; where there are several, one of the task's own name that
    does nothing holds the network that they share.
    """

    name: str
    address: str
    port: int
    definition: str
    image: str
    stop_seconds: int
    volumes: tuple[str, ...] = ()
    parts: list[Part] = field(default_factory=list, compare=False)
    over: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def containers(self) -> list[str]:
        """What the engine calls its containers."""
        return [each.container for each in self.parts] or [self.name]


class Tasks:
    """Starts and stops tasks in a network; `hosts` are names that lead to addresses of it.

    `speed` is by how much the intervals of health checks are shorter than on AWS.
    """

    def __init__(
        self,
        room: Room,
        engine: Engine,
        account: Account,
        network: str,
        subnet: str,
        authority: Path,
        speed: float = 60,
    ) -> None:
        self.room, self.engine, self.account, self.network = room, engine, account, network
        self.authority, self.speed = authority, speed
        self.hosts: dict[str, str] = {}
        self.names: dict[str, str] = {}
        """Names of internal services, with the address at which tasks find their balancer."""
        self.trusts: Path | None = None
        """The authorities that tasks trust where internal services have HTTPS."""
        self.let_in: Callable[[str, str], None] = lambda _, __: None
        """Told of each task's label and address before it starts."""
        self.endpoint = ""
        """Where tasks reach the local AWS; empty where they do not."""
        # The first address is the machine's, the last are kept for the database and for who asks internal services.
        self._free = itertools.cycle([str(each) for each in ipaddress.ip_network(subnet).hosts()][1:-2])
        self._count = itertools.count(1)
        self._lock = threading.Lock()
        self._used: set[str] = set()
        self._has_holder = False
        self._watches: dict[str, Watch] = {}
        self._restarts: dict[str, Restart] = {}
        self.stopped: dict[str, bool] = {}
        """Containers that were told to stop, and whether they did so by themselves within their stop timeout."""
        room.end.callback(self._watch_no_more)

    def start(self, label: str, definition: Mapping[str, Any]) -> Task:
        """Start the containers of a task definition in the background, each when those that it waits for are so far.

        Returns when what has a health check is healthy. A task that could not start whole is over: it does not run.
        """
        listed = containers(definition)
        for container in listed:
            said(definition, container)  # refuses before anything runs
        task = self._made(label, definition)
        if len(listed) > 1:
            self._hold(task)
        for container in listed:
            if not self._wait_for(task, container):
                self._end(task)
                break
            self._start(task, definition, container, alone=len(listed) == 1)
        for part in task.parts:
            if (watch := self._watches.get(part.container)) and watch.wait() == "UNHEALTHY" and part.is_essential:
                self._end(task)
        return task

    def run(self, label: str, definition: Mapping[str, Any], seconds: float = 120) -> tuple[int, str]:
        """Run a task until its first essential container ends; returns that one's exit status and what the task logged."""
        task = self.start(label, definition)
        first = next((each for each in task.parts if each.is_essential), None)
        code = int(self.engine.call("wait", first.container, seconds=seconds)) if first else 1
        while first and self._runs(first.container):
            code = int(self.engine.call("wait", first.container, seconds=seconds))
        self._end(task)
        log = self.log(task)
        self._forget(task)
        return code, log

    def stop(self, task: Task) -> None:
        """SIGTERM, and SIGKILL after each container's stopTimeout; those that others wait for go after them."""
        self._give_up(task)
        for part in reversed(task.parts or [Part(task.name, True, task.stop_seconds, {})]):
            if not self._state(part.container)["Running"]:
                continue
            seconds = part.stop_seconds
            self.engine.call("stop", "-t", str(seconds), part.container, seconds=seconds + 30)
            self.stopped[part.container] = int(self._state(part.container)["ExitCode"]) != _KILLED
        self.log(task)
        self._forget(task)

    def kill(self, task: Task) -> None:
        """SIGKILL at once, as when a machine goes."""
        self._end(task)
        self._forget(task)

    def runs(self, task: Task) -> bool:
        """Whether every essential container runs, and none of them is unhealthy."""
        watched = ((each, self._watches.get(each.container)) for each in task.parts if each.is_essential)
        return not task.over.is_set() and all(
            self._runs(part.container) and not (watch and watch.status == "UNHEALTHY") for part, watch in watched
        )

    def log(self, task: Task) -> str:
        """What a task said so far; kept in the room's logs."""
        texts = {each: self.engine.call("logs", each) for each in task.containers}
        text = "".join(f"== {name}\n{text}" if len(texts) > 1 else text for name, text in texts.items())
        self.room.log(f"task-{task.name}").write_text(text, encoding="utf-8")
        return text

    def check(self, task: Task, definition: Mapping[str, Any]) -> str:
        """The first thing in which a container is not what its definition says; empty when there is none."""
        for part in task.parts:
            if other := differs(self.engine.inspect(part.container), definition, part.told):
                return f"{part.told['name']}: {other}"
        return ""

    def _state(self, container: str) -> Mapping[str, Any]:
        return self.engine.state(container)

    def _runs(self, container: str) -> bool:
        """Whether a container runs; one that ended and has a policy for it is started again first."""
        restart = self._restarts.get(container)
        return restart.runs() if restart else bool(self._state(container)["Running"])

    def restarts(self, container: str) -> Restart | None:
        """What starts a container again where it ends; `None` for one without a policy."""
        return self._restarts.get(container)

    def _give_up(self, task: Task) -> None:
        """The task is over: what ends now stays so."""
        task.over.set()
        for each in task.containers:
            if restart := self._restarts.get(each):
                restart.end()

    def _end(self, task: Task) -> None:
        """Nothing of it runs any more; what it said can still be read."""
        self._give_up(task)
        for container in reversed(task.containers):
            if self._state(container)["Running"]:
                self.engine.call("kill", container)

    def _watch_no_more(self) -> None:
        for watch in list(self._watches.values()):
            watch.over.set()

    def _forget(self, task: Task) -> None:
        for container in dict.fromkeys((*reversed(task.containers), task.name)):  # who holds the network goes last
            self.engine.call("rm", "--force", container)
        for volume in task.volumes:
            self.engine.call("volume", "rm", "--force", volume)
        with self._lock:
            self._used.discard(task.address)

    def _made(self, label: str, definition: Mapping[str, Any]) -> Task:
        with self._lock:
            address = next(each for each in self._free if each not in self._used)
            self._used.add(address)
            self.let_in(label, address)
        container = main(definition)
        ports = container.get("portMappings") or [{}]
        name = f"{label}-{next(self._count)}"
        return Task(
            name, address, int(ports[0].get("containerPort", 0)), str(definition["taskDefinitionArn"]),
            str(container["image"]), int(container.get("stopTimeout", DEFAULT_STOP_SECONDS)),
            tuple(f"{name}-{each['name']}" for each in definition.get("volumes") or ()),
        )  # fmt: skip

    def _hold(self, task: Task) -> None:
        """A container that does nothing and holds the task's address, which its containers share."""
        with self._lock:
            if not self._has_holder:
                self._import_holder()
                self._has_holder = True
        words = ["--name", task.name, *self._network(task), "--read-only", "--entrypoint", "/catatonit", _HOLDER, "-P"]
        self.engine.call("run", "--detach", "--no-healthcheck", *words)

    def _import_holder(self) -> None:
        file = self.room.folder / "holder.tar"
        with tarfile.open(file, "w") as packed:
            packed.add(Path(where("catatonit")).resolve(), "catatonit")
        self.engine.call("import", str(file), _HOLDER)

    def _network(self, task: Task) -> list[str]:
        named = [f"--add-host={host}:{address}" for host, address in (self.names | self.hosts).items()]
        return ["--network", self.network, *self.engine.at(task.address), *named]

    def _wait_for(self, task: Task, container: Mapping[str, Any]) -> bool:
        """Wait until those that a container depends on are so far; whether they are."""
        until = time.monotonic() + float(container.get("startTimeout") or _START_SECONDS)
        for name, condition in awaited(container):
            part = next(each for each in task.parts if each.told["name"] == name)
            if condition == "HEALTHY":
                if self._watches[part.container].wait() != "HEALTHY":
                    return False
                continue
            while condition in ("COMPLETE", "SUCCESS") and self._runs(part.container):
                if time.monotonic() > until:
                    return False
                time.sleep(_PAUSE_SECONDS)
            if condition == "SUCCESS" and int(self._state(part.container)["ExitCode"]):
                return False
        return True

    def _start(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any], *, alone: bool) -> None:
        name = task.name if alone else f"{task.name}-{container['name']}"
        network = self._network(task) if alone else [f"--network=container:{task.name}"]
        words = ["--name", name, *network, "--no-healthcheck", *self._words(task, definition, container, name)]
        self.engine.call("run", "--detach", *words, seconds=180)
        seconds = int(container.get("stopTimeout", DEFAULT_STOP_SECONDS))
        task.parts.append(Part(name, is_essential(container), seconds, container))
        if policy := policy_of(container):
            self._restart(task, name, policy)
        if told := container.get("healthCheck"):
            self._watches[name] = Watch(
                told, lambda command, limit: self._asks(name, command, limit), self.speed, task.over
            )

    def _restart(self, task: Task, name: str, policy: Mapping[str, Any]) -> None:
        def start() -> None:
            self.room.say(f"{name} ended and is started again, as its restart policy says")
            self.engine.call("start", name)

        made = Restart(policy, lambda: self._state(name), start, self.speed, task.over)
        self._restarts[name] = made
        made.watch()

    def _asks(self, name: str, command: list[str], limit: float) -> bool:
        try:
            self.engine.call("exec", name, *command, seconds=limit + _EXEC_SECONDS)
        except RehearsalError:
            return False
        return True

    def _words(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any], name: str) -> list[str]:
        given = {each["name"]: each["value"] for each in container.get("environment") or ()}
        given |= {each["name"]: self.account.secret("", each["valueFrom"]) for each in container.get("secrets") or ()}
        given = self._reaching(given) if self.endpoint else given
        with_authority = bool(self.hosts) and "DB_CA" not in given
        given |= {"DB_CA": _CA} if with_authority else {}
        given = dict.fromkeys(_TRUSTING if self.trusts else (), _TRUSTED) | given
        file = self.room.path("environment") / name
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={value}\n" for key, value in given.items()), encoding="utf-8")
        words = self._mounts(task, definition, container)
        words += ["--env-file", str(file)]
        words += ["--volume", f"{self.authority}:{_CA}:ro"] if with_authority else []
        words += ["--volume", f"{self.trusts}:{_TRUSTED}:ro"] if self.trusts else []
        return words + said(definition, container)

    def _reaching(self, given: Mapping[str, str]) -> dict[str, str]:
        """What Fargate gives to every task for AWS's SDKs, beside the task's own; addresses of the local AWS lead to its gateway."""
        usual = {**self.account.environment, "AWS_REGION": self.account.region, **given}
        return {key: value.replace(self.account.url, self.endpoint) for key, value in usual.items()}

    def _mounts(self, task: Task, definition: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
        """Empty volumes of the task: root's with 0755, but where an image declares a VOLUME, as the image has the folder.

        So it is on Fargate (ECS developer guide, bind mounts); a task that is not root writes only to the second kind.
        """
        words = []
        for each in container.get("mountPoints") or ():
            name = f"{task.name}-{each['sourceVolume']}"
            users = [
                (str(other["image"]), point["containerPath"].rstrip("/"))
                for other in definition["containerDefinitions"]
                for point in other.get("mountPoints") or ()
                if point["sourceVolume"] == each["sourceVolume"]
            ]
            is_declared = any(path in self._declared(image) for image, path in users)
            place = name if is_declared else str(self.room.path(f"volumes/{name}"))
            words.append(f"--volume={place}:{each['containerPath']}:{'ro' if each.get('readOnly') else 'rw'}")
        return words

    def _declared(self, image: str) -> set[str]:
        """The folders that an image declares as VOLUME."""
        self.engine.call("pull", "--quiet", image, seconds=180)
        config = json.loads(self.engine.call("image", "inspect", image))[0]["Config"]
        return {path.rstrip("/") for path in config.get("Volumes") or {}}
