"""One port on loopback: CloudFormation is ours, every other service is moto's."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlparse

from cfngen.local.api import Api
from cfngen.local.background import LocalError
from cfngen.local.protocol import QueryError, read_request, write_answer, write_error
from cfngen.semantics.template import TemplateError
from cfngen.semantics.update import Provider

HOST = "127.0.0.1"
ACCOUNT = "123456789012"
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


_READS = ("Describe", "Estimate", "Get", "List", "Validate")
_LONG = ("ContinueUpdateRollback", "CreateStack", "DeleteStack", "ExecuteChangeSet", "UpdateStack")
_PATIENCE_SECONDS = 40.0
"""Clients give up after sixty seconds, and ask again."""


class Front:
    """A WSGI application. What CloudFormation is asked to do is done one at a time, what it is asked is answered
    meanwhile; requests of other services go to `others`.

    An operation on a stack is over when it is answered, so that clients that look every thirty seconds find it done at
    once; only one that takes longer than a client waits is answered before its end, as on AWS.
    """

    def __init__(
        self,
        api: Api,
        others: Wsgi,
        log: Callable[[str], None] = lambda _: None,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        self.api = api
        self.others = others
        self.log = log
        self.patience = patience
        self._one_at_a_time = ThreadPoolExecutor(1, "cloudformation")

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if "/cloudformation/aws4_request" not in environ.get("HTTP_AUTHORIZATION", ""):
            return self.others(environ, start)
        length = int(environ.get("CONTENT_LENGTH") or 0)
        status, text = self._answer(environ["wsgi.input"].read(length).decode())
        body = text.encode()
        start(status, [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, body: str) -> tuple[str, str]:
        operation = "?"
        try:
            operation, given = read_request(body)
            does = self.api.call if operation.startswith(_READS) else self._do
            answer = write_answer(operation, does(operation, given))
        except QueryError as error:
            self.log(f"cloudformation {operation}: {error.code}: {error}")
            return f"{error.status} Error", write_error(error)
        except Exception as error:  # noqa: BLE001  (a defect of ours is told as such, and the target goes on)
            self.log(traceback.format_exc())
            told = QueryError(f"{operation} met an internal error: {error}", "InternalFailure", 500)
            return "500 Error", write_error(told)
        self.log(f"cloudformation {operation}")
        return "200 OK", answer

    def _do(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        self.api.check_idle(given)
        future = self._one_at_a_time.submit(self.api.call, operation, given)
        try:
            return future.result(self.patience)
        except TimeoutError:
            if operation not in _LONG or future.cancel():
                raise QueryError("Rate exceeded", "Throttling") from None
            return self.api.begun(operation, given)


def pseudo_parameters(region: str) -> dict[str, Any]:
    """What AWS::… references say here."""
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::NotificationARNs": [],
        "AWS::Partition": "aws",
        "AWS::Region": region,
        "AWS::URLSuffix": "amazonaws.com",
    }


@contextmanager
def serving(app: Wsgi, port: int = 0) -> Iterator[str]:
    """Serve an application on loopback, on a free port unless one is named; gives its URL and ends with the block."""
    with listening(port) as (url, serve):
        serve(app)
        yield url


@contextmanager
def listening(port: int = 0) -> Iterator[tuple[str, Callable[[Wsgi], None]]]:
    """Take a port on loopback; gives its URL and what serves an application there, which ends with the block.

    Raises `LocalError` for a port that somebody else has.
    """
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class Handler(MotoRequestHandler):
        def log(self, *_: Any) -> None:
            """Nothing: applications have a log of their own."""

    try:
        taken = socket.create_server((HOST, port))
    except OSError as error:
        raise LocalError(
            f"port {port} of {HOST} cannot be had ({error.strerror}); without --port, a free one is"
        ) from None
    servers = []

    def serve(app: Wsgi) -> None:
        server = make_server(HOST, port, app, threaded=True, request_handler=Handler, fd=taken.fileno())
        # It looks that often whether it is to end.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        servers.append((server, thread))

    try:
        # moto tells a bucket in the path from one in the host by the word localhost.
        yield f"http://localhost:{taken.getsockname()[1]}", serve
    finally:
        for server, thread in servers:
            server.shutdown()
            thread.join(timeout=10)
            server.server_close()
        taken.close()


def template_reader(read_object: Callable[[str, str], str]) -> Callable[[str], str]:
    """Reads templates by URL; `read_object` gives the text of an object of a bucket."""

    def fetch(url: str) -> str:
        parts = urlparse(url)
        if parts.scheme not in ("http", "https"):
            raise TemplateError(f"S3 error: Domain name specified in {url} is not a valid S3 domain")
        path = unquote(parts.path.lstrip("/"))
        bucket, _, rest = parts.netloc.partition(".s3")
        if not rest or parts.netloc.startswith("s3"):
            bucket, _, path = path.partition("/")
        try:
            return read_object(bucket, path)
        except LookupError:
            raise TemplateError(f"S3 error: The specified key does not exist: {url}") from None

    return fetch


def now() -> dt.datetime:
    """The time that stacks and events carry."""
    return dt.datetime.now(dt.UTC)


def api(provider: Provider, fetch: Callable[[str], str], region: str) -> Api:
    """CloudFormation over a provider."""
    return Api(provider, fetch, pseudo_parameters(region), now)


def answers(status: int, text: str, headers: Mapping[str, str] | None = None) -> Wsgi:
    """An application that always says the same, for when there is nobody else."""

    def app(_: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start(f"{status} Answer", list((headers or {}).items()))
        return [text.encode()]

    return app
