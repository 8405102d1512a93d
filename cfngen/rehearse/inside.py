"""Asks a balancer from within a task's network, by the name that the task's own hosts file gives it. Run as a program of its own.

``python -m cfngen.rehearse.inside PID AUTHORITY PORT HOST PATH WELL`` prints the status; 0 where nobody answers, and -1 where the task does not
know the name. `PID` is a process of the task; with the file of an authority it speaks TLS. `WELL` are the
statuses with which a call of gRPC ends well; empty, a page is asked for.
"""

from __future__ import annotations

import ctypes
import http.client
import os
import ssl
import sys
from pathlib import Path

from cfngen.rehearse import grpc

_NETWORK = 0x40000000
"""CLONE_NEWNET of Linux."""
_SECONDS = 3.0


def address_of(hosts: str, name: str) -> str:
    """The address of a name in a hosts file; empty where it is not there."""
    lines = (line.partition("#")[0].split() for line in hosts.splitlines())
    return next((address for address, *names in filter(None, lines) if name in names), "")


class _Connection(http.client.HTTPConnection):
    """A connection to an address for a name, by TLS where there is an authority."""

    def __init__(self, address: str, port: int, name: str, authority: str) -> None:
        super().__init__(address, port, timeout=_SECONDS)
        self.name, self.authority = name, authority

    def connect(self) -> None:
        super().connect()
        if not self.authority:
            return
        context = ssl.create_default_context(cafile=self.authority)
        self.sock = context.wrap_socket(self.sock, server_hostname=self.name)


def ask(address: str, port: int, host: str, path: str, authority: str, well: str) -> int:
    """The status of a request; 0 where nobody answers."""
    connection = _Connection(address, port, host, authority)
    try:
        if well:
            connection.connect()
            return grpc.status_of(grpc.answered(connection.sock, path, host), well)
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def enter(process: int) -> None:
    """Be in the network of a process; raises `OSError` where that may not be."""
    with Path(f"/proc/{process}/ns/net").open("rb") as network:
        library = ctypes.CDLL(None, use_errno=True)
        if library.setns(network.fileno(), _NETWORK):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _main(process: str, authority: str, port: str, host: str, path: str, well: str) -> None:
    address = address_of(Path(f"/proc/{process}/root/etc/hosts").read_text(encoding="utf-8"), host)
    enter(int(process))
    print(ask(address, int(port), host, path, authority, well) if address else -1)  # noqa: T201  (to who started it)


if __name__ == "__main__":
    _main(*sys.argv[1:])
