"""Requests of boto3 to an application in this process: the same bytes, without a connection."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote, urlsplit

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def sending_to(app: Wsgi) -> Callable[..., Any]:
    """What botocore's event ``before-send`` calls: an answer of the application instead of one from the network."""
    from botocore.awsrequest import AWSResponse

    def send(request: Any, **_: Any) -> Any:
        told: dict[str, Any] = {}

        def start(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            told.update(status=int(status.split(" ", 1)[0]), headers=dict(headers))

        body = b"".join(app(environ(request), start))
        return AWSResponse(request.url, told["status"], told["headers"], _Raw(body))

    return send


def environ(request: Any) -> dict[str, Any]:
    """A prepared request of botocore as a WSGI server would tell it."""
    parts = urlsplit(request.url)
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    data = body.encode() if isinstance(body, str) else bytes(body or b"")
    made: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path or "/", "latin-1"),
        "QUERY_STRING": parts.query,
        "RAW_URI": f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}",
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(parts.port or 80),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": parts.netloc,
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(data),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "CONTENT_LENGTH": str(len(data)),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_LENGTH", "TRANSFER_ENCODING"):
            told = value.decode() if isinstance(value, bytes) else str(value)
            made[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = told
    return made


class _Raw(io.BytesIO):
    """A body as botocore reads it from urllib3."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        while part := self.read():
            yield part
