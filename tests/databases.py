"""Each server of a database for real: TLS is required, and everybody may do what a managed instance's user may, and no more.

Run by `make test-integration` as root; it needs MariaDB and PostgreSQL, and no container.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cfngen.rehearse.certificates import Authority
from cfngen.rehearse.database import Server
from cfngen.rehearse.deployed import Database
from cfngen.rehearse.errors import RehearsalError
from cfngen.rehearse.parts import where
from cfngen.rehearse.room import environment, loopback, room
from cfngen.rehearse.servers import server_of

USERS = {"owner": "o'w\"n\\er", "reads": "r", "writes": "w"}


class Account:
    def secret(self, _: str, name: str) -> str:
        return json.dumps({"username": name, "password": USERS[name]})


class Engine:
    """Holds no network: the server listens in this process's own."""

    def call(self, *_: str) -> str:
        return ""

    def inspect(self, _: str) -> Any:
        return {"State": {"Pid": os.getpid()}}


def client(server: Server, port: int, user: str, sql: str, authority: Path | None) -> str:
    """What a client says that checks the server's name, or that has no TLS."""
    address, given = server.address, environment(PGPASSWORD=USERS[user], MYSQL_PWD=USERS[user])
    if server.program == "PostgreSQL":
        way = f"sslmode=verify-full sslrootcert={authority}" if authority else "sslmode=disable"
        words = [where("psql"), "--no-psqlrc", "-qtA", f"host={address} port={port} user={user} dbname=ledger {way}"]
        return server.room.run("client", [*words, "-v", "ON_ERROR_STOP=1"], given, given=sql)
    way = f"--ssl-ca={authority} --ssl-verify-server-cert" if authority else "--skip-ssl"
    words = [where("mariadb"), "--no-defaults", "-BN", f"-h{address}", f"-P{port}", f"-u{user}", *way.split(), "ledger"]
    return server.room.run("client", words, given, given=sql)


@pytest.fixture(params=["mysql", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, int, Path]]:
    with room(tmp_path / "logs", print) as here:
        authority = Authority(here.path("certificates"))
        address, port = loopback([5999]), 5999
        server: Any = server_of(request.param)(here, Engine(), address)  # type: ignore[arg-type]
        database = Database(address, port, "ledger", "owner", request.param, reader="reads", writer="writes")
        server.open(Account(), database, "image", "network", authority.certificate("database", [address]))
        yield server, port, authority.file


def test_everybody_may_do_their_own_and_nothing_without_tls(opened: tuple[Server, int, Path]) -> None:
    server, port, authority = opened

    def ask(user: str, sql: str) -> str:
        return client(server, port, user, sql, authority).strip()

    ask("owner", "CREATE TABLE books (title VARCHAR(20)); INSERT INTO books VALUES ('one');")
    ask("owner", "CREATE USER later;")
    ask("writes", "INSERT INTO books VALUES ('two');")
    assert ask("reads", "SELECT count(*) FROM books;") == "2"
    for user, sql in (
        ("reads", "DELETE FROM books;"),
        ("writes", "DROP TABLE books;"),
        ("writes", "CREATE USER intruder;"),
    ):
        with pytest.raises(RehearsalError, match=r"denied|must be owner"):
            ask(user, sql)
    for user in USERS:
        with pytest.raises(RehearsalError, match=r"no encryption|pg_hba|denied|insecure|SSL"):
            client(server, port, user, "SELECT 1;", None)
