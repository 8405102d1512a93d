"""The containers of a task beside the service's own, and what every container may have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Literal

from cfngen import arns
from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding, is_folder
from cfngen.errors import did_you_mean
from cfngen.values import KeyArn, SecretArn, Text

Condition = Literal["START", "COMPLETE", "SUCCESS", "HEALTHY"]
EXIT_CODES = 50
"""The most that a policy may ignore (ECS API, ContainerRestartPolicy)."""
OPEN_FILES = 1_048_576
"""The most that Fargate gives a process (G2.3)."""


@dataclass(frozen=True, kw_only=True)
class Secret(Description):
    """A secret of Secrets Manager that a container gets as an environment variable when it starts.

    `key` picks one value of a JSON secret. `encrypted_with` is needed where the secret has a key of yours.
    """

    arn: SecretArn
    key: str = ""
    encrypted_with: KeyArn | None = None

    def checks(self) -> Iterator[Finding]:
        if ":" in self.key:
            yield "key", "the name of one JSON key, without colons"
        if fits := arns.wrong_arn(self.arn, arns.SECRET):
            yield "arn", fits
        if fits := arns.wrong_arn(self.encrypted_with, arns.KEY):
            yield "encrypted_with", fits


@dataclass(frozen=True, kw_only=True)
class SsmParameter(Description):
    """A parameter of Systems Manager's Parameter Store that a container gets as an environment variable when it starts.

    `name` is that of one in the stage's account and region, as in ``/shop/prod/mail-password``, a SecureString or not.
    `encrypted_with` is needed where a SecureString has a key of yours.
    """

    name: str
    encrypted_with: KeyArn | None = None

    def checks(self) -> Iterator[Finding]:
        if not re.fullmatch(r"/?[\w.-]+(/[\w.-]+){0,14}", self.name, re.ASCII) or len(self.name) > 900:
            yield "name", "a parameter's name, as in '/shop/prod/mail-password'"
        elif re.match(r"/?(aws|ssm)", self.name, re.IGNORECASE):
            yield "name", "another name; AWS keeps those that begin with aws or ssm"
        if fits := arns.wrong_arn(self.encrypted_with, arns.KEY):
            yield "encrypted_with", fits


Sourced = Secret | SsmParameter
"""Where the value of a variable may come from when a task starts (G4.2)."""


@dataclass(frozen=True, kw_only=True)
class HealthCheck(Description):
    """How ECS asks a container whether it is well, from inside it (G2.15).

    `command` runs in the container, so its image must hold the program; ``("CMD-SHELL", "...")`` runs a shell.
    An essential container that stays unhealthy ends its task. `start_period_seconds` is a time in which failures do not count.
    """

    command: tuple[str, ...]
    interval_seconds: int = 30
    timeout_seconds: int = 5
    retries: int = 3
    start_period_seconds: int = 0

    def checks(self) -> Iterator[Finding]:
        if not self.command or "" in self.command:
            yield (
                "command",
                "a command and its arguments, as in ('wget', '-q', '-O', '-', 'http://localhost:8080/health')",
            )
        elif self.command[0] in {"CMD", "CMD-SHELL"} and len(self.command) == 1:
            yield "command", f"something to run after {self.command[0]!r}"
        for option, least, most in (
            ("interval_seconds", 5, 300),
            ("timeout_seconds", 2, 120),
            ("retries", 1, 10),
            ("start_period_seconds", 0, 300),
        ):
            if not least <= getattr(self, option) <= most:
                yield option, f"{least} to {most}"


@dataclass(frozen=True, kw_only=True)
class RestartPolicy(Description):
    """A container that ends is started again in its task, instead of the task ending with it (G2.19).

    It is not after one of the `ignored_exit_codes`, nor where it ran for less than `restart_attempt_period_seconds`: it then
    ends as without a policy. `cfngen rehearse` plays no such policy and refuses tasks that have one.
    """

    ignored_exit_codes: tuple[int, ...] = ()
    restart_attempt_period_seconds: int = 300

    def checks(self) -> Iterator[Finding]:
        if len(self.ignored_exit_codes) > EXIT_CODES:
            yield "ignored_exit_codes", f"{len(self.ignored_exit_codes)} of them; at most {EXIT_CODES}"
        for index, code in enumerate(self.ignored_exit_codes):
            if not 0 <= code <= 255:
                yield f"ignored_exit_codes[{index}]", "0 to 255"
            elif code in self.ignored_exit_codes[:index]:
                yield f"ignored_exit_codes[{index}]", f"another code; {code} stands there already"
        if not 60 <= self.restart_attempt_period_seconds <= 1800:
            yield "restart_attempt_period_seconds", "60 to 1800"


@dataclass(frozen=True, kw_only=True)
class Container(Description):
    """A further container in a service's tasks: a sidecar, or an init container that ends before others start.

    `image` is one of a public registry, pinned by its digest. `source` is a folder with a Dockerfile instead: the
    service's pipeline builds and scans it with each release, into the service's own repository. Without either it
    runs the service's image with another command, and has the service's variables and secrets too.
    `depends_on` names other containers of the task, each with what is waited for: START, COMPLETE (it ended),
    SUCCESS (it ended with 0) or HEALTHY. A task ends with any of its containers that is `essential`; an init
    container is not. With `database` it is told how to reach the database and whom to log in as, by the variables that the
    task's own container has for that; the task is then one of the database's readers or writers. With a `restart_policy` it is started again where it ends. `memory_mib` is a limit of its own within the task's memory. All containers of a task share
    ``localhost`` and the ephemeral storage; the same folder in `writable_paths` of two is one folder.
    """

    name: str
    image: str = ""
    source: str = ""
    command: tuple[str, ...] = ()
    environment: Mapping[str, str | Text] = field(default_factory=dict)
    secrets: Mapping[str, Secret | SsmParameter] = field(default_factory=dict)
    depends_on: Mapping[str, Condition] = field(default_factory=dict)
    essential: bool = True
    health_check: HealthCheck | None = None
    restart_policy: RestartPolicy | None = None
    database: bool = False
    memory_mib: int | None = None
    user: str = "1000:1000"
    writable_paths: tuple[str, ...] = ()
    stop_timeout_seconds: int = 30

    @property
    def runs_the_services_image(self) -> bool:
        """Whether it is the service's own image with another command."""
        return not self.image and not self.source

    def checks(self) -> Iterator[Finding]:
        if not is_name(self.name):
            yield "name", NAME
        if self.image and self.source:
            yield "source", "image or source, not both"
        elif self.image and (fits := wrong_image(self.image)):
            yield "image", fits
        elif self.source and not is_folder(self.source):
            yield "source", "a folder relative to the source's root, as in 'services/proxy'"
        if self.runs_the_services_image and not self.command:
            yield "command", "a command, since without image and source it runs the service's image beside the service"
        if self.database and self.runs_the_services_image:
            yield "database", "False, since with the service's image it has all of the service's variables and secrets"
        if any("<IMAGE" in word for word in self.command):
            yield "command", "a command without <IMAGE, which CodePipeline's deploy action would replace"
        if self.memory_mib is not None and self.memory_mib < 6:
            yield "memory_mib", "6 or more, within the task's memory, or None"
        yield from process(self.user, self.writable_paths, self.stop_timeout_seconds)
        yield from variables(self.environment, self.secrets)


NAME = "lower-case letters, digits and single hyphens, beginning with a letter, at most 32"


def is_name(text: str) -> bool:
    """Whether a text may be the name of a service or a container."""
    return bool(re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", text, re.ASCII)) and len(text) <= 32


def wrong_image(image: str) -> str:
    """What would fit instead of an image that is not pinned, or that a task could not pull; else empty."""
    if re.search(r"\.dkr\.ecr\.", image):
        return "an image of a public registry; what is private is built by source, since a task may pull from its service's repository alone"
    if not re.fullmatch(r"[a-z0-9][\w.-]*(:\d+)?(/[\w.-]+)*(:[\w.-]+)?@sha256:[0-9a-f]{64}", image, re.ASCII):
        return "an image with its digest, as in 'public.ecr.aws/nginx/nginx@sha256:...' with 64 hexadecimal digits"
    return ""


def process(user: str, writable_paths: tuple[str, ...], stop_timeout_seconds: int) -> Iterator[Finding]:
    """Checks of who a container runs as, where it writes and how it ends."""
    if not 2 <= stop_timeout_seconds <= 120:
        yield "stop_timeout_seconds", "2 to 120"  # G2.16
    if not re.fullmatch(r"[1-9]\d{0,9}(:[1-9]\d{0,9})?", user, re.ASCII):
        yield "user", "a numeric user that is not root, as in '1000' or '1000:1000'"
    for index, path in enumerate(writable_paths):
        if not re.fullmatch(r"/[\w.-]+(/[\w.-]+)*", path, re.ASCII) or ".." in path:
            yield f"writable_paths[{index}]", f"{path!r}: an absolute folder, as in '/tmp'"
        elif not 1 <= len(volume(path)) <= 255:
            yield (
                f"writable_paths[{index}]",
                f"{path!r:.60}: a folder whose path has a letter or digit, and 255 characters at most",
            )
        elif volume(path) in map(volume, writable_paths[:index]):
            fits = f"another folder; it and one before it would be the same volume, {volume(path)!r}"
            yield f"writable_paths[{index}]", f"{path!r}: {fits}"


def restarts(policy: RestartPolicy | None) -> bool:
    """Whether a container that has done its work is started again."""
    return policy is not None and 0 not in policy.ignored_exit_codes


def variables(environment: Mapping[str, str | Text], secrets: Mapping[str, Sourced]) -> Iterator[Finding]:
    """Checks of a container's environment."""
    for option, given in (("environment", environment), ("secrets", secrets)):
        for name in given:
            if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
                yield f"{option}[{name!r}]", "a variable's name: letters, digits and underscores"
    for name, value in environment.items():
        text = value if isinstance(value, str) else value.data if value.is_literal else ""
        if found := re.search(r"<IMAGE\w*_NAME>", text):
            fits = f"another value; CodePipeline's deploy action replaces {found[0]} wherever it stands in a task definition"
            yield f"environment[{name!r}]", fits
    for name in sorted(set(environment) & set(secrets)):
        yield f"secrets[{name!r}]", "stands in environment too; give it once"


def volume(path: str) -> str:
    """The name of the volume that a writable folder is."""
    return "".join(c if c.isalnum() else "-" for c in path).strip("-")


def order(name: str, own: Mapping[str, Condition], containers: tuple[Container, ...]) -> Iterator[Finding]:
    """Checks of who waits for whom in the tasks of the service `name`, whose container waits for `own`."""
    known = {each.name: each for each in containers}
    waits = {"": own, **{f"containers[{index}].": each.depends_on for index, each in enumerate(containers)}}
    names = dict(zip(waits, (name, *(each.name for each in containers)), strict=True))
    for place, wanted in waits.items():
        for other, condition in wanted.items():
            option = f"{place}depends_on[{other!r}]"
            others = sorted({name, *known} - {names[place]})
            if other not in others:
                yield option, f"no other container of the task; {did_you_mean(other, others)}"
            elif condition in ("COMPLETE", "SUCCESS") and (other == name or known[other].essential):
                yield (
                    option,
                    f"START or HEALTHY; {condition} is for containers with essential=False, and {other!r} is essential",
                )
            elif condition in ("COMPLETE", "SUCCESS") and restarts(known[other].restart_policy):
                yield (
                    option,
                    f"START or HEALTHY, or 0 among the ignored_exit_codes of {other!r}, whose restart_policy starts it again where it ends",
                )
            elif condition == "HEALTHY" and other in known and known[other].health_check is None:
                yield option, f"another condition, or a health_check for {other!r}"
    others_of = {
        names[place]: tuple(each for each in wanted if each != names[place]) for place, wanted in waits.items()
    }
    if circle := _circle(others_of):
        yield "containers", f"an order in which none waits for itself; here {' waits for '.join(circle)}"


def _circle(waits: Mapping[str, tuple[str, ...]]) -> list[str]:
    """Names that wait for each other in a circle, the first of them again at the end; none without one."""

    def follow(path: list[str]) -> list[str]:
        if path[-1] in path[:-1]:
            return path[path.index(path[-1]) :]
        return next(filter(None, (follow([*path, other]) for other in waits.get(path[-1], ()))), [])

    return next(filter(None, (follow([name]) for name in waits)), [])
