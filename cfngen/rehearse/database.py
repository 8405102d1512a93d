"""The database: a real server that takes no connection without TLS, at the address and port that are deployed.

It lives in the tasks' network, in the place of a container that does nothing else, so nobody but a task can reach it.
Its master has a managed instance's rights: it may make users and give them rights, and is no superuser.
"""

from __future__ import annotations

import json
import os
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Database
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.room import Room


@dataclass(frozen=True)
class User:
    """Somebody who may log in."""

    name: str
    password: str

    @classmethod
    def of(cls, account: Account, secret: str) -> User:
        """The user that a secret in JSON names."""
        told = json.loads(account.secret("secrets-manager", secret))
        return cls(told["username"], told["password"])


class Server(ABC):
    """A server; `address` is where the tasks find it, `plays` are RDS's engines that it stands for."""

    program: ClassVar[str]
    """What people call it."""
    owner: ClassVar[str]
    """As whom it runs, where root starts it."""
    plays: ClassVar[tuple[str, ...]]

    def __init__(self, room: Room, engine: Engine, address: str) -> None:
        self.room, self.engine, self.address = room, engine, address
        self.folder = room.path("database")

    def open(
        self, account: Account, database: Database, image: str, network: str, certificate: tuple[Path, Path]
    ) -> None:
        """Start it; `image` is any that has a shell, for the container whose place in the network it takes."""
        holder = self._hold(network, image)
        for each in certificate:
            self._own(Path(shutil.copy2(each, self.folder)))
        self._own(self.folder)
        self._start(holder, database, *(self.folder / each.name for each in certificate))
        master = User.of(account, database.master) if database.master else None
        self._fill(database.name, master)
        for secret, may_write in ((database.reader, False), (database.writer, True)):
            if secret:
                self._let_in(User.of(account, secret), database.name, master, may_write=may_write)

    @abstractmethod
    def ask(self, sql: str) -> str:
        """What the database's own client prints, as who may do everything."""

    @abstractmethod
    def _start(self, holder: str, database: Database, file: Path, key: Path) -> None:
        """Make its files and start it in the network of the process `holder`, with that certificate and its key."""

    @abstractmethod
    def _fill(self, name: str, master: User | None) -> None:
        """Make the database of that name and its master; neither where it is not told."""

    @abstractmethod
    def _let_in(self, user: User, name: str, master: User | None, *, may_write: bool) -> None:
        """Make a user who reads what is in the database, and what the master will make in it, or changes its rows, too."""

    def _own(self, place: Path) -> Path:
        if os.geteuid() == 0:
            shutil.chown(place, self.owner, self.owner)
        return place

    def _hold(self, network: str, image: str) -> str:
        self.engine.call(
            "run", "--detach", "--name", "database-place", "--network", network, "--ip", self.address, "--entrypoint",
            "/bin/sh", image, "-c", "sleep 86400",
        )  # fmt: skip
        return str(self.engine.inspect("database-place")["State"]["Pid"])
