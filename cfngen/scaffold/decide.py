"""What can be decided from Dockerfiles and a compose file, and what only people know."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from cfngen.describe import is_folder
from cfngen.errors import DescriptionError, Problem
from cfngen.manifest.shapes import Choice, Nullable, options
from cfngen.scaffold.background import Part, part, rank
from cfngen.scaffold.compose import NAMES, Declared, read_compose
from cfngen.scaffold.dockerfile import Image, health_path, read_dockerfile
from cfngen.scaffold.variables import Variables, sorted_out
from cfngen.spec import Database

_NOT_OURS = {"node_modules", "vendor", "dist", "build", "target", "venv", "__pycache__", "templates", "tmp", "testdata"}
_MOST_LEVELS = 5
_FRONT = ("web", "frontend", "front", "www", "app", "site", "nginx", "proxy")
_DATABASES = {"mysql": "mysql", "percona": "mysql", "mariadb": "mariadb", "postgres": "postgres", "postgis": "postgres", "pgvector": "postgres", "timescaledb": "postgres"}  # fmt: skip
_SCHEMAS = ("POSTGRES_DB", "MYSQL_DATABASE", "MARIADB_DATABASE")
_SHARED = ("packages", "libs", "lib", "shared", "common", "pkg", "internal")


TMP = "/tmp"  # noqa: S108 - a folder of containers, not of this machine
"""The folder that every task may write to."""


@dataclass(frozen=True)
class Found:
    """A service or worker as far as it is known. `variables` are its own, sorted into what can be written and what not.

    One that `is_front` gets what is no other's. A worker has no port, health path and paths; `command` is what it runs in place of its image's own.
    `declares_tmp`: its Dockerfile has /tmp as a VOLUME, without which only root may write there on Fargate.
    """

    name: str
    source: str
    build_context: str = ""
    shared: tuple[str, ...] = ()
    port: int = 8080
    health_path: str = "/health"
    paths: tuple[str, ...] = ("/*",)
    user: str = ""
    variables: Variables = field(default_factory=Variables)
    command: tuple[str, ...] = ()
    is_front: bool = False
    declares_tmp: bool = False


@dataclass(frozen=True)
class Draft:
    """A description to be written; `undecided` says what it leaves to people, a sentence each.

    `schema` is the database's name, where one is told. `timed` are those that run at times which only people know, each with the service whose image it runs.
    """

    name: str
    services: tuple[Found, ...]
    workers: tuple[Found, ...] = ()
    timed: tuple[tuple[str, str], ...] = ()
    engine: str = ""
    schema: str = ""
    repository: str = ""
    undecided: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()


def draft(folder: Path) -> Draft:
    """What the project in a folder is; raises `DescriptionError` when it has nothing that builds an image."""
    compose = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    declared = read_compose(compose) if compose else {}
    dockerfiles = list(_dockerfiles(folder))
    seen = [*([compose.name] if compose else []), *dockerfiles]
    parts = _parts(folder, declared, dockerfiles)
    undecided = parts.undecided
    if not parts.services and parts.workers:
        fits = "a container with a port: cfngen has no application without a service behind its balancer; nothing but workers is here"
        raise DescriptionError([Problem("init", str(folder), fits)])
    if not parts.services:
        fits = (
            "a folder with a Dockerfile in it or below; write one that listens on the port in PORT, then run this again"
        )
        raise DescriptionError([Problem("init", str(folder), fits)])
    engine, schema, said = _databases(declared)
    name = slug(folder.resolve().name, 24) or "app"
    reserved = {"foundation", "network", "ide", "database", "cluster", "redirect", "web-acl", "pipeline", "watch"}
    name = name if name not in reserved and not name.startswith(("service-", "pipeline-")) else f"app-{name}"[:24]
    services = tuple(_routed(parts.services, undecided))
    repository = _repository(folder)
    unknown = [] if repository else [f"pipeline: where the source is; owner/{name} stands in for it"]
    return Draft(
        name,
        services,
        tuple(_renamed(parts.workers, [each.name for each in services])),
        tuple(parts.timed),
        engine,
        schema,
        repository or f"owner/{name}",
        (*undecided, *said, *unknown),
        tuple(seen),
    )


def slug(text: str, longest: int) -> str:
    """A name as AWS and cfngen take it, made of any text."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return re.sub(r"^[^a-z]+", "", words)[:longest].strip("-")


def _dockerfiles(folder: Path) -> Iterator[str]:
    """Dockerfiles below a folder, by their paths in it; what tools fetched and tests hold is left out."""
    for here, folders, files in os.walk(folder):
        depth = len(Path(here).relative_to(folder).parts)
        kept = sorted(each for each in folders if not each.startswith(".") and each not in _NOT_OURS)
        folders[:] = kept if depth < _MOST_LEVELS else []
        if "Dockerfile" in files:
            yield (Path(here).relative_to(folder) / "Dockerfile").as_posix()


@dataclass(frozen=True)
class _Parts:
    """What is found, in order."""

    services: list[Found] = field(default_factory=list)
    workers: list[Found] = field(default_factory=list)
    timed: list[tuple[str, str]] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def _parts(folder: Path, declared: dict[str, Declared], dockerfiles: list[str]) -> _Parts:
    parts = _Parts()
    built: dict[tuple[str, str], str] = {}
    order = sorted((each for each in declared.values() if each.context), key=rank)
    awaited = {name for each in declared.values() for name in each.awaited}
    used = {_file_of(each) for each in order}
    for each in order:
        file = _file_of(each)
        image = _image(folder, file, each.target)
        if each.profiles:
            parts.undecided.append(f"{each.name}: only in the profiles {', '.join(each.profiles)} of compose; left out")
            continue
        first = built.setdefault((file, each.target), each.name)
        kind = part(
            each,
            has_port=bool(image.ports),
            shares_image=first != each.name,
            runs_once=each.name in awaited,
            is_alone=len(order) == 1,
        )
        if kind == "service":
            parts.services.extend(_service(folder, each, file, image, declared, parts.undecided))
        elif kind == "worker":
            parts.workers.extend(_worker(folder, each, file, image, declared, parts.undecided))
        else:
            if kind == "timed" and first != each.name:
                parts.timed.append((slug(each.name, 32), slug(first, 32)))
            parts.undecided.append(_left_out(each, kind, first))
    for file in dockerfiles:
        if file not in used:
            context = PurePosixPath(file).parent.as_posix()
            name = folder.resolve().name if context == "." else PurePosixPath(context).name
            image = _image(folder, file, "")
            made = _service(folder, Declared(name, context=context), file, image, declared, parts.undecided)
            parts.services.extend(made)
    return parts


def _left_out(each: Declared, kind: Part, first: str) -> str:
    command = " ".join(each.command) or "its image's own command"
    whose = "" if first == each.name else f" with the image of {first}"
    told = {
        "timed": f"starts others at given times ({command}){whose}; left out: say each of them under scheduled_tasks, with its schedule and command",
        "once": f"runs once ({command}){whose}; left out: what changes the database before a release is migrate of a service",
        "developing": f"is for developers ({command}); left out: an image has its files built in",
    }
    return f"{each.name}: {told[kind]}"


def _file_of(each: Declared) -> str:
    return os.path.normpath(PurePosixPath(each.context) / (each.dockerfile or "Dockerfile")).replace(os.sep, "/")


def _image(folder: Path, file: str, target: str) -> Image:
    path = folder / file
    return read_dockerfile(path.read_text(encoding="utf-8", errors="replace"), target) if path.is_file() else Image()


def _service(
    folder: Path, each: Declared, file: str, image: Image, declared: dict[str, Declared], undecided: list[str]
) -> list[Found]:
    def unsure(sentence: str) -> None:
        undecided.append(f"{slug(each.name, 32) or 'web'}: {sentence}")

    made = _task(folder, each, file, image, declared, undecided)
    path = health_path(each.health) or health_path(image.health)
    if made and not path:
        unsure("which path answers 200 while it can serve, without asking the database; /health stands in for it")
    if made and (each.command or each.has_entrypoint):
        given = f"a command ({' '.join(each.command)})" if each.command else "an entrypoint"
        unsure(
            f"compose gives {given}; a service runs what its image runs, so the last CMD of the Dockerfile has to be it"
        )
    port = _port(each, image, unsure) if made else 0
    return [replace(one, port=port, health_path=path or "/health", is_front=each.is_front) for one in made]


def _worker(
    folder: Path, each: Declared, file: str, image: Image, declared: dict[str, Declared], undecided: list[str]
) -> list[Found]:
    made = _task(folder, each, file, image, declared, undecided)
    if made and each.has_entrypoint:
        undecided.append(f"{made[0].name}: compose gives an entrypoint; a task keeps the image's and gets the command")
    return [replace(one, command=each.command, port=0, health_path="", paths=()) for one in made]


def _task(
    folder: Path, each: Declared, file: str, image: Image, declared: dict[str, Declared], undecided: list[str]
) -> list[Found]:
    """What services and workers have in common; nothing for one that cannot be built."""
    name = slug(each.name, 32) or "web"
    source, context = PurePosixPath(file).parent.as_posix(), os.path.normpath(each.context).replace(os.sep, "/")
    if not (folder / file).is_file() or not all(place == "." or is_folder(place) for place in (source, context)):
        undecided.append(f"{name}: its Dockerfile {file} is not there, or in a folder that cannot be named; left out")
        return []

    def unsure(sentence: str) -> None:
        undecided.append(f"{name}: {sentence}")

    if PurePosixPath(file).name != "Dockerfile":
        unsure(f"is built from {file}; cfngen builds the file named Dockerfile in {source}")
    if each.target:
        unsure(f"compose builds the stage {each.target}; the pipeline builds the last one of the Dockerfile")
    if each.has_arguments:
        unsure("compose gives build arguments; the pipeline gives none, so the Dockerfile's defaults hold")
    shared = tuple(each for each in _SHARED if context == "." != source and (folder / each).is_dir())
    for path in dict.fromkeys((*each.volumes, *image.volumes)):
        if path != TMP:
            unsure(
                f"keeps files in {path}; tasks keep nothing and share nothing, so they belong in S3 or the database, and what may go with its task in writable_paths"
            )
    variables = sorted_out({**each.variables}, set(declared) - {each.name}, unsure)
    return [
        Found(
            name,
            source,
            "" if context == source else context,
            shared,
            user=_user(each.user or image.user, unsure),
            variables=variables,
            declares_tmp=TMP in image.volumes,
        )
    ]


def _port(each: Declared, image: Image, unsure: Callable[[str], None]) -> int:
    given = each.variables.get("PORT") or image.variables.get("PORT") or ""
    stated = [*each.ports, *image.ports, *([int(given)] if given.isdecimal() else [])]
    stated.sort(key=lambda port: port not in image.ports)
    if not stated:
        unsure("where it listens; it gets PORT=8080")
        return 8080
    if not 1024 <= stated[0] <= 65535:
        unsure(
            f"listens on {stated[0]}, which a user that is not root cannot open; make it listen on PORT, which is 8080"
        )
        return 8080
    if len(set(stated)) > 1:
        unsure(f"names the ports {', '.join(map(str, dict.fromkeys(stated)))}; the first is taken")
    return stated[0]


def _user(user: str, unsure: Callable[[str], None]) -> str:
    if re.fullmatch(r"[1-9]\d{0,9}(:[1-9]\d{0,9})?", user, re.ASCII):
        return user
    if user and user not in ("root", "0", "0:0"):
        unsure(f"runs as {user}, and a task needs the number; 1000:1000 stands in for it")
    else:
        unsure("runs as root in its image; it will run as 1000:1000, on a root that cannot be written to")
    return ""


def _routed(found: list[Found], undecided: list[str]) -> Iterator[Found]:
    """One service gets all paths, the others those that begin with their name."""
    taken: dict[str, int] = {}
    front = min(
        found,
        key=lambda each: (
            not each.is_front,
            _FRONT.index(each.name) if each.name in _FRONT else len(_FRONT),
            found.index(each),
        ),
    )
    for each in found:
        taken[each.name] = taken.get(each.name, 0) + 1
        name = each.name if taken[each.name] == 1 else f"{each.name[:29]}-{taken[each.name]}"
        if each is front:
            yield replace(each, name=name)
            continue
        path = each.health_path if each.health_path.startswith(f"/{name}/") else f"/{name}{each.health_path}"
        undecided.append(
            f"{name}: which requests are its own; /{name} and what is below stands in, its health path with it"
        )
        yield replace(each, name=name, paths=(f"/{name}", f"/{name}/*"), health_path=path)


def _renamed(workers: list[Found], taken: list[str]) -> Iterator[Found]:
    """Workers by names that no service and no other worker has."""
    for each in workers:
        names = (each.name, f"{each.name[:25]}-worker", *(f"{each.name[:29]}-{number}" for number in range(2, 100)))
        name = next(name for name in names if name not in taken)
        taken.append(name)
        yield replace(each, name=name)


def _databases(declared: dict[str, Declared]) -> tuple[str, str, list[str]]:
    """The engine and name of the database that is made, and what is said of every image that is not built here."""
    said, engine, schema = [], "", ""
    for each in declared.values():
        if each.context or not each.image:
            continue
        kind = re.sub(r"[:@].*", "", each.image).rpartition("/")[2]
        wanted = next((engine for word, engine in _DATABASES.items() if word in kind), "")
        known = next((name for name in engines() if wanted and name.startswith(wanted)), "")
        if wanted and known and not engine:
            engine = known
            told = next((each.variables[name] or "" for name in _SCHEMAS if name in each.variables), "")
            schema = told if re.fullmatch(r"[a-z][a-z0-9_]{0,31}", told, re.ASCII) else ""
            if told and not schema:
                said.append(
                    f"{each.name}: its name is {told}; one of lower-case letters, digits and underscores is wanted, and 'app' stands in"
                )
            said.append(
                f"{each.name}: becomes an RDS database ({known}); its users are made by a service with migrate, and until one is named nobody can log in"
            )
        elif wanted:
            said.append(
                f"{each.name}: {each.image}; cfngen makes {' or '.join(engines())}, one of them, so it is left out"
            )
        else:
            said.append(
                f"{each.name}: {each.image}; cfngen makes none, so give its address to the services that call it"
            )
    return engine, schema, said


def engines() -> tuple[str, ...]:
    """The engines that a `Database` may have."""
    shape = options(Database)["engine"]
    shape = shape.inner if isinstance(shape, Nullable) else shape
    return tuple(map(str, shape.values)) if isinstance(shape, Choice) else ()


def _repository(folder: Path) -> str:
    """``owner/name`` of the clone's origin at a Git provider."""
    config = folder / ".git" / "config"
    text = config.read_text(encoding="utf-8", errors="replace") if config.is_file() else ""
    found = re.search(
        r"url\s*=\s*\S*(?:github\.com|gitlab\.com|bitbucket\.org)[:/]([\w.-]+(?:/[\w.-]+)+)\s*$",
        text,
        re.MULTILINE,
    )
    return found[1].removesuffix(".git") if found else ""
