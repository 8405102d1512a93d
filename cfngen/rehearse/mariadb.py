"""MariaDB in the place of MySQL, of MariaDB, and of Aurora for MySQL."""

from __future__ import annotations

import os
from pathlib import Path

from cfngen.rehearse.database import Server, User
from cfngen.rehearse.deployed import Database
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import environment

_MASTER_RIGHTS = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, CREATE "
    "TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"
)


class MariaDB(Server):
    """A MariaDB."""

    program = "MariaDB"
    owner = "mysql"
    plays = ("mysql", "mariadb", "aurora-mysql")

    def ask(self, sql: str) -> str:
        words = [where("mariadb"), "--no-defaults", "--socket", str(self._socket), "--user", "root", "--batch"]
        return self.room.run("database-client", [*words, "--skip-column-names"], environment(), given=sql)

    @property
    def _socket(self) -> Path:
        return self.folder / "server.sock"

    def _start(self, holder: str, database: Database, file: Path, key: Path) -> None:
        own = [f"--user={self.owner}"] if os.geteuid() == 0 else []
        (self.folder / "tmp").mkdir()
        self._own(self.folder / "tmp")
        data = [f"--datadir={self.folder / 'data'}", f"--tmpdir={self.folder / 'tmp'}"]
        install = [where("mariadb-install-db"), "--no-defaults", *own, *data, "--skip-test-db"]
        self.room.run("database", [*install, "--auth-root-authentication-method=normal"])
        server = [
            where("nsenter"), "--target", holder, "--net", where("mariadbd"), "--no-defaults", *own, *data,
            f"--socket={self._socket}", f"--bind-address={self.address}", f"--port={database.port}",
            f"--pid-file={self.folder / 'server.pid'}", "--skip-name-resolve", "--require-secure-transport=ON",
            "--tls-version=TLSv1.2,TLSv1.3", f"--ssl-cert={file}", f"--ssl-key={key}",
            "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=2",
        ]  # fmt: skip
        self.room.start("database", server, self._socket.exists)

    def _fill(self, name: str, master: User | None) -> None:
        lines = [f"CREATE DATABASE IF NOT EXISTS `{name}`;"] if name else []
        if master:
            lines += [_user(master), f"GRANT {_MASTER_RIGHTS} ON *.* TO '{master.name}'@'%' WITH GRANT OPTION;"]
        self.ask("\n".join(lines))

    def _let_in(self, user: User, name: str, master: User | None, *, may_write: bool) -> None:  # noqa: ARG002  (a right on a schema is one on all that comes into it)
        rights = "SELECT, INSERT, UPDATE, DELETE" if may_write else "SELECT"
        self.ask(f"{_user(user)}\nGRANT {rights} ON `{name}`.* TO '{user.name}'@'%';")


def _user(user: User) -> str:
    password = user.password.replace("\\", "\\\\").replace("'", "''")
    return f"CREATE USER '{user.name}'@'%' IDENTIFIED BY '{password}' REQUIRE SSL;"
