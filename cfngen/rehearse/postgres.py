"""PostgreSQL in the place of RDS for PostgreSQL, and of Aurora for PostgreSQL."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from cfngen.rehearse.database import Server, User
from cfngen.rehearse.deployed import Database
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import environment

_WHO_MAY_COME = """\
local     all postgres           trust
hostssl   all all      0.0.0.0/0 scram-sha-256
hostnossl all all      0.0.0.0/0 reject
"""
"""The socket lies in a folder of the server's own, which only root enters besides."""
_PRIVATE = 0o700


class PostgreSQL(Server):
    """A PostgreSQL, of the version that the machine has."""

    program = "PostgreSQL"
    owner = "postgres"
    plays = ("postgres", "aurora-postgresql")
    _port = 0

    def ask(self, sql: str) -> str:
        return self._ask(sql, "postgres")

    def _ask(self, sql: str, database: str) -> str:
        words = [where("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"]
        words += [f"--host={self.folder}", f"--port={self._port}", "--username=postgres", f"--dbname={database}"]
        return self.room.run("database-client", words, environment(), given=sql)

    def _start(self, holder: str, database: Database, file: Path, key: Path) -> None:
        self.folder.chmod(_PRIVATE)
        self._port, data = database.port, self.folder / "data"
        install = [where("initdb"), f"--pgdata={data}", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        self.room.run("database", [*self._as_owner(), *install, "--no-sync"], environment(), folder=self.folder)
        rules = self.folder / "pg_hba.conf"
        rules.write_text(_WHO_MAY_COME, encoding="utf-8")
        self._own(rules)
        settings = {
            "listen_addresses": self.address,
            "port": database.port,
            "unix_socket_directories": self.folder,
            "hba_file": rules,
            "ssl": "on",
            "ssl_cert_file": file,
            "ssl_key_file": key,
            "ssl_min_protocol_version": "TLSv1.2",
            "password_encryption": "scram-sha-256",
            "shared_buffers": "32MB",
            "synchronous_commit": "off",
        }
        told = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        words = [where("nsenter"), "--target", holder, "--net", *self._as_owner(), where("postgres"), "-D", str(data)]
        state = data / "postmaster.pid"

        def is_ready() -> bool:
            return state.exists() and state.read_text(encoding="utf-8").rstrip().endswith("ready")

        process = self.room.start("database", [*words, *told], is_ready, environment())
        # By SIGTERM alone it would wait for whoever is connected.
        self.room.end.callback(process.send_signal, signal.SIGINT)

    def _as_owner(self) -> list[str]:
        user = f"--reuid={self.owner}", f"--regid={self.owner}", "--clear-groups"
        return [where("setpriv"), *user] if os.geteuid() == 0 else []

    def _fill(self, name: str, master: User | None) -> None:
        lines = []
        if master:
            lines.append(
                f"CREATE ROLE {_name(master.name)} LOGIN CREATEDB CREATEROLE PASSWORD {_text(master.password)};"
            )
        if name:
            owner = f" OWNER {_name(master.name)}" if master else ""
            lines.append(f"CREATE DATABASE {_name(name)}{owner};")
        self.ask("\n".join(lines))

    def _let_in(self, user: User, name: str, master: User | None, *, may_write: bool) -> None:
        rights = "SELECT, INSERT, UPDATE, DELETE" if may_write else "SELECT"
        lines = [f"CREATE ROLE {_name(user.name)} LOGIN PASSWORD {_text(user.password)};"]
        if master:
            by = f"ALTER DEFAULT PRIVILEGES FOR ROLE {_name(master.name)} GRANT"
            lines.append(f"{by} {rights} ON TABLES TO {_name(user.name)};")
            lines += [f"{by} USAGE ON SEQUENCES TO {_name(user.name)};"] if may_write else []
        self._ask("\n".join(lines), name)


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
