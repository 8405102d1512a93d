"""Requests that the balancer answers with another address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from cfngen._frozen import dataclass
from cfngen.describe import Description, Finding
from cfngen.spec.requests import Requests, wrong_requests

_KEPT = r"#\{(host|path)\}"


@dataclass(frozen=True, kw_only=True)
class Redirect(Description):
    """Requests that the balancer itself answers with another address, on the production and the test listener.

    `hosts` and `paths` are patterns as those of a service; the more exact claim wins, as among services.
    `to_host` and `to_path` are where clients are sent, as in ``example.com`` and ``/new``. What is not said stays as it was asked,
    and scheme, port and query always do. In both ``#{host}`` is the host that was asked for, and in `to_path` ``#{path}`` is the
    whole path without its first slash, as in ``/archive/#{path}``; what a wildcard stood for cannot be taken alone.
    `status` is 301, which browsers remember for good, or 302, for now.
    """

    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ("/*",)
    to_host: str = ""
    to_path: str = ""
    status: Literal[301, 302] = 301

    @property
    def requests(self) -> Requests:
        """The requests that are sent elsewhere."""
        return Requests(paths=self.paths, hosts=self.hosts)

    @property
    def target(self) -> str:
        """Where it leads, as in ``example.com/#{path}``."""
        return f"{self.to_host or '#{host}'}{self.to_path or '/#{path}'}"

    def leads(self, host: str, path: str) -> tuple[str, str]:
        """The host and path that a client asks for next."""
        told = {"host": host, "path": path[1:]}
        there, where = (
            re.sub(_KEPT, lambda kept: told[kept[1]], text)
            for text in (self.to_host or "#{host}", self.to_path or "/#{path}")
        )
        return there, where

    def checks(self) -> Iterator[Finding]:
        yield from wrong_requests(self.requests)
        if self.target == "#{host}/#{path}":
            yield "to_host", "another place; give to_host or to_path"
        host = self.to_host.replace("#{host}", "example.com")
        if host and not re.fullmatch(r"(?=.{1,128}$)([a-z0-9-]+\.)+[a-z]+", host, re.ASCII):
            yield "to_host", "a host name in lower case, without port, scheme or path, as in 'example.com'"
        path = re.sub(_KEPT, "x", self.to_path)
        if "?" in path:
            yield "to_path", "a path without a query; that of the request is kept"
        elif "*" in path:
            yield (
                "to_path",
                "a path without wildcards; '#{path}' is the whole path that was asked for, without its first slash",
            )
        elif path and (not re.fullmatch(r"/[\w\-.$/~\"'@:+&%]*", path, re.ASCII) or len(self.to_path) > 128):
            yield (
                "to_path",
                "a path that begins with a slash, at most 128 characters, as in '/new' or '/archive/#{path}'",
            )
