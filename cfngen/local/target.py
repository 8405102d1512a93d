"""All of AWS that is here, at one port: CloudFormation of ours, what stands in for moto, and moto.

Each region has stacks and stand-ins of its own; resources of stacks are made by calls inside this process.
"""

from __future__ import annotations

import json
import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from cfngen.local import wire
from cfngen.local.protocol import QueryError, write_error
from cfngen.local.provider import ACCOUNT, LocalProvider, Services
from cfngen.local.regions import regions
from cfngen.local.server import Front, api, template_reader
from cfngen.local.transport import Wsgi
from cfngen.local.types.standins import ApiError

STATUS_PATH = "/_cfngen/status"
"""Where a running target says what it holds; no bucket can have such a name."""
PLAY_PATH = "/_cfngen/play"
"""Where whoever plays AWS's own machinery reports what it did: see `Standins.play`."""


@dataclass(frozen=True)
class Region:
    """What one region has: its services, and CloudFormation over them."""

    services: Services
    front: Front


class Target:
    """A WSGI application that answers as AWS does, for every service.

    `url` is where it is served: addresses in answers begin so. `seed` makes other names and ids of what is created,
    the same ones for the same seed and calls. `log` is told a line for each call. A process that is there for targets
    calls `take_process` before it makes one.
    """

    def __init__(self, url: str, region: str, seed: str = "", log: Callable[[str], None] = lambda _: None) -> None:
        self.url = url
        self.home = region
        self.seed = seed
        self.log = log
        self.others = _dispatcher()
        if seed:
            _seed(seed)
        self._regions: dict[str, Region] = {}
        self._making = threading.RLock()

    def region(self, name: str) -> Region:
        """A region, which is there from its first request on."""
        with self._making:
            if name not in self._regions:
                self._regions[name] = self._made(name)
            return self._regions[name]

    def forget(self) -> None:
        """Forget every region, with its stacks and its stand-ins; what moto has stays."""
        with self._making:
            self._regions.clear()

    def stacks(self) -> list[dict[str, str]]:
        """The stacks that there are, each with region, name, status and the name of its parent."""
        found = []
        for region, each in self._regions.items():
            records = each.front.api.register.records
            for record in list(records.values()):
                if record.is_there:
                    parent = records[record.parent].name if record.parent else ""
                    found.append({"region": region, "name": record.name, "status": record.status, "parent": parent})
        return found

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == STATUS_PATH:
            body = json.dumps({"pid": os.getpid(), "stacks": self.stacks()}).encode()
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
            return [body]
        if environ.get("PATH_INFO") == PLAY_PATH:
            return self._played(environ, start)
        began = time.monotonic()
        asked = wire.read(environ, self.home)
        told: list[str] = []

        def noted(status: str, *rest: Any) -> Any:
            told.append(status.partition(" ")[0])
            return start(status, *rest)

        answer = self._answer(asked, environ, noted)
        called = asked.operation or f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO', '/')}"
        took = (time.monotonic() - began) * 1000
        self.log(f"{asked.service} {called} {told[0] if told else '?'} {took:.0f} ms")
        return answer

    def _played(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        told = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        services = self.region(told["region"]).services
        status, answer = "200 OK", {}
        try:
            answer = services.standins.play(told["service"], told["operation"], told["arguments"], services.through)
        except ApiError as error:
            status, answer = "400 Bad Request", {"code": error.code, "message": error.message}
        body = json.dumps(answer, default=str).encode()
        start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _answer(self, asked: wire.Request, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if asked.service == "cloudformation" and asked.region not in regions():
            told = f"{asked.region!r} is no region that CloudFormation has, such as {self.home}"
            body = write_error(QueryError(told, "UnrecognizedClientException")).encode()
            start("400 Error", [("Content-Type", "text/xml"), ("Content-Length", str(len(body)))])
            return [body]
        if asked.service == "cloudformation":
            return self.region(asked.region).front(environ, start)
        services = self.region(asked.region).services
        if not services.standins.handles(asked.service, asked.operation):
            return self.others(environ, start)
        result: Any
        try:
            arguments = wire.arguments(environ, asked)
            result = services.standins.call(asked.service, asked.operation, arguments, services.through)
        except ApiError as error:
            result = error
        except ClientError as error:
            result = ApiError(error.response["Error"]["Code"], error.response["Error"].get("Message", ""))
        except Exception as error:  # noqa: BLE001  (a defect of ours or of moto's is told as such, and the target goes on)
            self.log(traceback.format_exc())
            result = ApiError("InternalFailure", f"{asked.operation} met an internal error: {error}")
        status, headers, body = wire.answer(environ, asked, result)
        start(f"{status} Answer", [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _made(self, name: str) -> Region:
        services = Services(self.url, name, self.others)

        def read(bucket: str, key: str) -> str:
            try:
                answer = services.through("s3", "GetObject", {"Bucket": bucket, "Key": key})
            except ClientError as error:
                raise LookupError(str(error)) from None
            return answer["Body"].read().decode()  # type: ignore[no-any-return]

        provider = LocalProvider(services, self.seed)
        return Region(services, Front(api(provider, template_reader(read), name), self.others))


def take_process() -> None:
    """Set up moto and botocore for targets, in a process in which nobody else uses them: it stays so to its end."""
    # Without them, managed policies attach to nothing.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    # Moto would look for the account of each caller's key in every partition, each with managed policies of its own.
    os.environ["MOTO_ACCOUNT_ID"] = ACCOUNT
    _look_once()


@cache
def _look_once() -> None:
    """Moto and boto3 have sessions for much, and each would read the models of services, megabytes, for itself; and moto
    looks through all that a service's class has, for the names of its methods, at every call.
    """
    from botocore.loaders import JSONFileLoader, Loader
    from moto.core import loaders, responses

    class Once(JSONFileLoader):  # type: ignore[misc]
        load_file = staticmethod(cache(JSONFileLoader().load_file))

    loaders.Loader.FILE_LOADER_CLASS = JSONFileLoader  # moto writes into what it reads
    Loader.FILE_LOADER_CLASS = Once
    of_responses, name = vars(responses), "method_names_from_class"
    if name in of_responses:
        of_responses[name] = cache(of_responses[name])


def _seed(seed: str) -> None:
    from moto.moto_api._internal import mock_random

    mock_random.seed(seed)


@cache
def _dispatcher() -> Wsgi:
    """Moto's applications, which like its records are of the process."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    class Dispatcher(DomainDispatcherApplication):
        """Moto looks through its folders at every call, for the same few hosts."""

        def __init__(self) -> None:
            super().__init__(create_backend_app)
            self.get_backend_for_host = cache(super().get_backend_for_host)  # type: ignore[method-assign]

    return Dispatcher()
