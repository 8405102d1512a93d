"""Requests of any service as operations with arguments, and their answers: in the protocol that the client speaks.

moto's own parsers and writers do the work; they follow botocore's shapes in each of its protocols.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

Environ = dict[str, Any]

_SCOPE = re.compile(r"/\d{8}/([^/]+)/([^/]+)/aws4_request")
_SIGNED_AS = {
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "email": "ses",
    "states": "stepfunctions",
    "codestar-connections": "codeconnections",
}
"""Services whose name in a signature is not the one that botocore gives their model."""


@dataclass(frozen=True)
class Request:
    """Which operation of which service is asked for, and where; `operation` is empty where that cannot be told."""

    service: str
    region: str
    operation: str
    body: bytes = b""


def read(environ: Environ, region: str) -> Request:
    """The operation of a request; `region` is for requests that are not signed. The body can be read again."""
    scope = _SCOPE.search(f"{environ.get('HTTP_AUTHORIZATION', '')} {unquote(environ.get('QUERY_STRING', ''))}")
    service, place = ("s3", region) if scope is None else (_SIGNED_AS.get(scope[2], scope[2]), scope[1])
    body = b""
    if service != "s3":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
    return Request(service, place, _operation(environ, service, body), body)


def arguments(environ: Environ, request: Request) -> dict[str, Any]:
    """The arguments of an operation. Raises `ValueError` for a body that cannot be read."""
    from moto.core.parse import PROTOCOL_PARSERS
    from moto.core.request import Request as HttpRequest
    from moto.core.utils import get_service_model

    told = HttpRequest({**environ, "wsgi.input": io.BytesIO(request.body)})
    operation = get_service_model(request.service).operation_model(request.operation)
    parser = PROTOCOL_PARSERS[_protocol(request, environ)](operation)
    found: dict[str, Any] = parser.parse(
        {
            "method": told.method,
            "values": told.values,
            "headers": told.headers,
            "body": request.body,
            "url_path": told.path,
            "url_params": _in_path(request.service, request.operation, environ),
        }
    )
    return found


def answer(environ: Environ, request: Request, result: Any) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers and body that say what an operation gave; `result` is an exception with a code for a refusal."""
    from moto.core.serialize import get_serializer_class
    from moto.core.utils import get_service_model

    operation = get_service_model(request.service).operation_model(request.operation)
    writer = get_serializer_class(request.service, _protocol(request, environ))(operation)
    told = writer.serialize(result)
    body = told["body"]
    return int(told["status_code"]), dict(told["headers"]), body.encode() if isinstance(body, str) else bytes(body)


def _operation(environ: Environ, service: str, body: bytes) -> str:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).rpartition(".")[2]
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    if service == "s3":
        return ""
    path = environ.get("PATH_INFO", "/")
    found = (name for name, method, form in _paths(service) if method == environ["REQUEST_METHOD"])
    return next((name for name in found if _form(service, name).fullmatch(path)), "")


def _protocol(request: Request, environ: Environ) -> str:
    from moto.core.utils import get_service_model

    model = get_service_model(request.service)
    offered = model.metadata.get("protocols", [model.metadata["protocol"]])
    if "query" in offered and environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return next(str(each) for each in ("json", "query", "ec2", "rest-json", "rest-xml") if each in offered)


def _in_path(service: str, operation: str, environ: Environ) -> dict[str, str]:
    if operation not in {name for name, _, __ in _paths(service)}:
        return {}
    match = _form(service, operation).fullmatch(environ.get("PATH_INFO", "/"))
    return match.groupdict() if match else {}


@cache
def _paths(service: str) -> tuple[tuple[str, str, str], ...]:
    """Operations of a service that are told by method and path, the longest first."""
    import botocore.exceptions
    from moto.core.utils import get_service_model

    try:
        model = get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        return ()
    if not str(model.metadata["protocol"]).startswith("rest"):
        return ()
    told = ((name, model.operation_model(name).http) for name in model.operation_names)
    paths = ((name, http["method"], http["requestUri"].partition("?")[0]) for name, http in told)
    return tuple(sorted(paths, key=lambda each: (each[2].count("{"), -len(each[2]))))


@cache
def _form(service: str, operation: str) -> re.Pattern[str]:
    path = next(form for name, _, form in _paths(service) if name == operation)
    parts = re.split(r"\{(\w+)(\+?)\}", path.rstrip("/"))
    told = [re.escape(parts[0])]
    for name, plus, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        told += [f"(?P<{name}>{'.+' if plus else '[^/]+'})", re.escape(rest)]
    return re.compile(f"{''.join(told)}/?")
