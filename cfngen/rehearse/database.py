"""The database: a MariaDB that takes no connection without TLS, at the address and port that are deployed.

It lives in the tasks' network, in the place of a container that does nothing else, so nobody but a task can reach it.
Its master has a managed instance's rights: no SUPER, but it may make users and give them rights.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from cfngen.rehearse.account import Account
from cfngen.rehearse.deployed import Database
from cfngen.rehearse.engine import Engine
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room, environment

_PLAYED = ("mysql", "mariadb", "aurora-mysql")
_MASTER_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, CREATE "
    "TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)


class Server:
    """A MariaDB; `address` is where the tasks find it."""

    def __init__(self, room: Room, engine: Engine, address: str) -> None:
        self.room, self.engine, self.address = room, engine, address
        self.folder = room.path("database")
        self.socket = self.folder / "server.sock"

    def open(
        self, account: Account, database: Database, image: str, network: str, certificate: tuple[Path, Path]
    ) -> None:
        """Start it; `image` is any that has a shell, for the container whose place in the network it takes.

        Raises `RehearsalError` for an engine that MariaDB cannot play.
        """
        if database.engine not in _PLAYED:
            raise RehearsalError(
                f"the database's engine {database.engine} is not played; MariaDB plays {', '.join(_PLAYED)}"
            )
        holder = self._hold(network, image)
        user = "mysql" if os.geteuid() == 0 else ""
        for each in certificate:
            shutil.copy2(each, self.folder)
            if user:
                shutil.chown(self.folder / each.name, user, user)
        if user:
            shutil.chown(self.folder, user, user)
        own = [f"--user={user}"] if user else []
        (self.folder / "tmp").mkdir()
        if user:
            shutil.chown(self.folder / "tmp", user, user)
        data = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder / 'tmp'}"]
        install = [where("mariadb-install-db"), "--no-defaults", *own, *data, "--skip-test-db"]
        self.room.run("database", [*install, "--auth-root-authentication-method=normal"])
        file, key = (self.folder / each.name for each in certificate)
        server = [
            where("nsenter"), "--target", holder, "--net", where("mariadbd"), "--no-defaults", *own, *data,
            f"--socket={self.socket}", f"--bind-address={self.address}", f"--port={database.port}",
            f"--pid-file={self.folder / 'server.pid'}", "--skip-name-resolve", "--require-secure-transport=ON",
            "--tls-version=TLSv1.2,TLSv1.3", f"--ssl-cert={file}", f"--ssl-key={key}",
            "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2",
        ]  # fmt: skip
        self.room.start("database", server, self.socket.exists)
        master = json.loads(account.secret("secrets-manager", database.master))
        name = master["username"]
        lines = [f"CREATE USER '{name}'@'%' IDENTIFIED BY '{_quoted(master['password'])}' REQUIRE SSL;"]
        lines.append(f"GRANT {_MASTER_RIGHTS} ON *.* TO '{name}'@'%' WITH GRANT OPTION;")
        if database.name:
            lines.append(f"CREATE DATABASE IF NOT EXISTS `{database.name}`;")
        self.ask("\n".join(lines))

    def ask(self, sql: str) -> str:
        """What the database's own client prints, as root over its socket."""
        words = [where("mariadb"), "--no-defaults", "--socket", str(self.socket), "--user", "root", "--batch"]
        return self.room.run("database-client", [*words, "--skip-column-names"], environment(), given=sql)

    def _hold(self, network: str, image: str) -> str:
        self.engine.call(
            "run", "--detach", "--name", "database-place", "--network", network, "--ip", self.address, "--entrypoint",
            "/bin/sh", image, "-c", "sleep 86400",
        )  # fmt: skip
        return str(self.engine.inspect("database-place")["State"]["Pid"])


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "''")
