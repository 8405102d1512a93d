"""A request as a client sends it to a balancer: what descriptions, rules and templates are asked about."""

from __future__ import annotations

from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]
"""Headers, or a query, as they are sent: names and values."""


@dataclass(frozen=True)
class Request:
    """What a client asks: a path, of a host, from an address, by a method, with headers and a query."""

    path: str
    host: str = "shop.example.com"
    address: str = "203.0.113.7"
    method: str = "GET"
    headers: Pairs = ()
    query: Pairs = ()

    def __str__(self) -> str:
        method = "" if self.method == Request.method else f"{self.method} "
        host = "" if self.host == Request.host else self.host
        query = f"?{'&'.join(f'{key}={value}' for key, value in self.query)}" if self.query else ""
        headers = "".join(f" with {name}: {value}" for name, value in self.headers)
        address = "" if self.address == Request.address else f" from {self.address}"
        return f"{method}{host}{self.path}{query}{headers}{address}"
