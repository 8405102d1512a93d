"""A registry in ECR's place: the real docker-registry, and before it a front with TLS that does what ECR does at a push.

The front asks the local AWS: its authorization token logs in, its repositories are those that there are, and an image
is in it before the push is answered, so that the next call of a buildspec finds the digest.
"""

from __future__ import annotations

import base64
import http.client
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol

from cfngen.rehearse.parts import where
from cfngen.rehearse.room import Room
from cfngen.rehearse.sockets import Connection

_SETTINGS = """\
version: 0.1
log: {{level: warn, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {store}}}}}
http: {{net: unix, addr: {socket}, relativeurls: true}}
"""
_PIECE = 1 << 16
_SECONDS = 120


class RefusedError(Exception):
    """ECR does not take an image; the message is in its words."""


class Images(Protocol):
    """What the front asks the local AWS."""

    def may_log_in(self, user: str, password: str) -> bool:
        """Whether this is the authorization token."""

    def put(self, repository: str, tag: str, manifest: bytes, media_type: str) -> None:
        """Take an image; raises `RefusedError`."""


class Registry:
    """The registry of an account at `host`, and other registries of which it has copies, which anybody may read."""

    def __init__(self, room: Room, host: str, images: Images) -> None:
        self.room = room
        self.host = host
        self.images = images
        self.socket = room.path("registry") / "registry.sock"

    def open(self, address: str, certificate: Path, port: int = 443) -> None:
        """Listen at an address."""
        folder = self.room.path("registry")
        settings = folder / "registry.yml"
        settings.write_text(_SETTINGS.format(store=folder / "store", socket=self.socket), encoding="utf-8")
        self.room.start("registry", [where("docker-registry"), "serve", str(settings)], self.socket.exists)
        server = ThreadingHTTPServer((address, port), _Front, bind_and_activate=False)
        server.daemon_threads = True
        server.registry = self  # type: ignore[attr-defined]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        server.server_bind()
        server.server_activate()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.room.end.callback(_end, server, thread)

    def ask(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> http.client.HTTPResponse:
        """Ask the registry behind the front."""
        behind = Connection(self.socket, _SECONDS)
        behind.request(method, path, body, headers)
        return behind.getresponse()


def _end(server: ThreadingHTTPServer, thread: threading.Thread) -> None:
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _SECONDS

    def setup(self) -> None:
        # In the thread of the request, so that a client that says nothing holds up nobody else.
        self.request.settimeout(_SECONDS)
        self.request.do_handshake()
        super().setup()

    def _serve(self) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        host = self.headers.get("Host", "").partition(":")[0]
        if host == registry.host and not self._is_logged_in(registry):
            self._refuse(401, "UNAUTHORIZED", "not logged in: use the token of GetAuthorizationToken")
        elif host != registry.host and self.command not in ("GET", "HEAD"):
            self._refuse(403, "DENIED", f"{host} is not ours to write to")
        elif self.command == "PUT" and "/manifests/" in self.path:
            self._put_manifest(registry)
        else:
            self._pass_on(registry, self._body())

    # The names are those of http.server.
    do_GET = do_HEAD = do_POST = _serve  # noqa: N815
    do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815

    def _is_logged_in(self, registry: Registry) -> bool:
        kind, _, secret = self.headers.get("Authorization", "").partition(" ")
        user, _, password = base64.b64decode(secret).decode().partition(":") if kind == "Basic" else ("", "", "")
        return registry.images.may_log_in(user, password)

    def _put_manifest(self, registry: Registry) -> None:
        manifest = b"".join(self._body() or ())
        repository, _, tag = self.path.removeprefix("/v2/").partition("/manifests/")
        try:
            registry.images.put(repository, tag, manifest, self.headers.get("Content-Type", ""))
        except RefusedError as refused:
            self._refuse(400, "DENIED", str(refused))
        else:
            self._pass_on(registry, iter([manifest]), len(manifest))

    def _body(self) -> Iterator[bytes] | None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        length = int(self.headers.get("Content-Length") or 0)
        return self._pieces(length) if length else None

    def _pieces(self, left: int) -> Iterator[bytes]:
        while left and (piece := self.rfile.read(min(left, _PIECE))):
            left -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield from self._pieces(size)
            self.rfile.readline()
        self.rfile.readline()

    def _pass_on(self, registry: Registry, body: Iterator[bytes] | None, length: int = -1) -> None:
        own = ("authorization", "connection", "transfer-encoding", "content-length")
        headers: dict[str, str] = {}
        for key, value in self.headers.items():
            if key.lower() not in own:
                # A client accepts a kind of manifest by a line each.
                headers[key] = f"{headers[key]}, {value}" if key in headers else value
        given = length if length >= 0 else int(self.headers.get("Content-Length") or -1)
        if body is None:
            headers["Content-Length"] = "0"
        elif given >= 0:
            headers["Content-Length"] = str(given)
        answer = registry.ask(self.command, self.path, headers, body)
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(key, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", "0")
        self.end_headers()
        while self.command != "HEAD" and (piece := answer.read(_PIECE)):
            self.wfile.write(piece)
        answer.close()

    def _refuse(self, status: int, code: str, message: str) -> None:
        for _ in self._body() or ():
            pass
        text = f'{{"errors": [{{"code": "{code}", "message": "{message}"}}]}}'.encode()
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="ecr"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def log_message(self, form: str, *arguments: Any) -> None:
        registry: Registry = self.server.registry  # type: ignore[attr-defined]
        with registry.room.log("registry-front").open("a", encoding="utf-8") as log:
            log.write(f"{self.log_date_time_string()} {form % arguments}\n")
