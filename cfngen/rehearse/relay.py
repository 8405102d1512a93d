"""A way to the balancer for programs that cannot say whose connection theirs is, such as a browser.

It listens at an address of loopback, and begins each connection to the balancer with the line of the PROXY protocol that
names the client, as a place does it.
"""

from __future__ import annotations

import selectors
import socket
import socketserver
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from cfngen.rehearse.places import Place
from cfngen.rehearse.room import loopback
from cfngen.rehearse.rules import TELLER

_PIECE = 1 << 16
_IDLE_SECONDS = 60


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    balancer = ""
    client = Place("/")


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        here: socket.socket = self.request
        port = here.getsockname()[1]
        with socket.create_connection((self.server.balancer, port), 10, source_address=(TELLER, 0)) as there:
            there.sendall(self.server.client.told(port))
            with suppress(OSError):
                both_ways(here, there)


def both_ways(one: socket.socket, other: socket.socket) -> None:
    """Pass on what each says until one of them has said everything."""
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while found := ready.select(_IDLE_SECONDS):
            for key, _ in found:
                source, target = key.fileobj, key.data
                assert isinstance(source, socket.socket)
                piece = source.recv(_PIECE)
                if not piece:
                    return
                target.sendall(piece)


@contextmanager
def relay(balancer: str, ports: Sequence[int], client: str) -> Iterator[str]:
    """Listen at these ports of a free address, and give the address."""
    address = loopback(ports)
    with ExitStack() as opened:
        for port in ports:
            server = opened.enter_context(_Server((address, port), _Handler))
            server.balancer, server.client = balancer, Place("/", address=client)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            opened.callback(server.shutdown)
        yield address
