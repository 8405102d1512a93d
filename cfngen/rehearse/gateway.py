"""The way from the tasks' network to the local AWS, which listens on loopback: its port, at the network's first address."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from cfngen.rehearse.relay import both_ways

_FREEBIND = 15
"""IP_FREEBIND of Linux: the address is there only with the first container."""


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    target = ("", 0)

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IP, _FREEBIND, 1)
        super().server_bind()


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with suppress(OSError), socket.create_connection(self.server.target, 10) as there:
            both_ways(self.request, there)


@contextmanager
def gateway(url: str, address: str) -> Iterator[str]:
    """While the block lasts, the server at a URL of loopback answers at the same port of that address, too; gives that URL."""
    told = urlsplit(url)
    assert told.hostname is not None
    assert told.port is not None
    with _Server((address, told.port), _Handler) as server:
        server.target = (told.hostname, told.port)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"{told.scheme}://{address}:{told.port}"
        finally:
            server.shutdown()
