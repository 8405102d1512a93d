"""Redirects that never end: each is followed as a client follows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from cfngen.describe import problem
from cfngen.errors import Problem
from cfngen.request import Request
from cfngen.routing import Rule, answering, listeners
from cfngen.spec import App, Redirect

_HOPS = 10
"""After so many a client has long given up: browsers follow twenty, curl fifty, and a chain that is meant has two or three."""


def loops(app: App, rules: Sequence[Rule]) -> Iterator[Problem]:
    """Redirects by which a client comes to no end. `rules` are all that stand on the balancer."""
    for index, redirect in enumerate(app.balancer.redirects):
        for host, path in product(redirect.hosts or ("any.host",), redirect.paths):
            way = list(_way(app, rules, _plain(host), _plain(path)))
            if len(way) > _HOPS and redirect in way:
                fits = "a place from which nobody is sent on for ever; a client would go in circles between this redirect and itself or others. Name fewer paths or hosts, or lead elsewhere"
                yield problem(app, f"balancer.redirects[{index}]", fits, f"{path!r} to {redirect.target!r}")
                break


def _way(app: App, rules: Sequence[Rule], host: str, path: str) -> Iterator[Redirect]:
    """The redirects that answer a client one after the other."""
    for _ in range(_HOPS + 1):
        rule = answering(rules, listeners(app)[0], Request(path, host))
        if rule is None or rule.sends is None:
            return
        yield rule.sends
        host, path = rule.sends.leads(host, path)


def _plain(pattern: str) -> str:
    return pattern.replace("*", "x").replace("?", "x")
